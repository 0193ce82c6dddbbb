//! Any bytes as a JSON file: never a panic, and every gap has a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_objects::Signal;
use rootline_sources::{ReadOptions, read_bytes};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = rootline_objects::read_list(text, Some("Pod"), |_| {}, |_| {});
    }
    if let Ok(input) = read_bytes("get-pods.json", data.to_vec(), &ReadOptions::default()) {
        for signal in &input.signals {
            if let Signal::Gap(gap) = signal {
                assert!(gap.detail.args.get("text").is_some_and(|t| !t.is_empty()));
            }
        }
    }
});
