//! Any bytes as a packed file; small limits so that a bomb fails soon.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_sources::{Limits, ReadOptions, read_bytes};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { total_bytes: 8 << 20, file_bytes: 4 << 20, files: 1000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let _ = read_bytes("a.rootline", data.to_vec(), &options);
    let _ = rootline_archive::Manifest::parse(data);
});
