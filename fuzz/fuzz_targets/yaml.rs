//! Any text as a YAML file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_sources::{ReadOptions, read_bytes};

fuzz_target!(|data: &[u8]| {
    let _ = read_bytes("objects.yaml", data.to_vec(), &ReadOptions::default());
});
