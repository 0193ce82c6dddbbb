//! Any text as output of kubectl: pasted, and as the output of a command that the first line names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_sources::text::TextReader;
use rootline_sources::{ReadOptions, read_bytes};

fuzz_target!(|data: &[u8]| {
    let _ = read_bytes("-", data.to_vec(), &ReadOptions::default());
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (command, output) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(now) = "2026-01-02T03:04:05Z".parse() else { return };
    let mut reader = TextReader::new(now);
    reader.command(command, output);
    reader.paste(text, Some("logs-cart-1.txt"));
    let _ = reader.finish();
});
