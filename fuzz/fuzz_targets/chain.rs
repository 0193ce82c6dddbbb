//! Any text through the whole chain: read, joined, judged, put into words. Nothing of it may panic.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use rootline_engine::{Engine, Options, Target};
use rootline_report::{Format, render};
use rootline_sources::{ReadOptions, read_bytes};

static ENGINE: OnceLock<Engine> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let engine = ENGINE.get_or_init(|| Engine::new(Options::default()).expect("the built-in rules load, a test holds it"));
    let Ok(input) = read_bytes("-", data.to_vec(), &ReadOptions::default()) else { return };
    let _ = engine.suspicious(&input.signals);
    let diagnosis = engine.diagnose(input.signals, &Target::default());
    for format in [Format::Text, Format::Html, Format::Json] {
        let _ = render(&diagnosis, engine.knowledge(), &rootline_report::Options::default(), format);
    }
});
