//! Redaction of any text: no panic, and JSON stays JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_archive::redact::{Style, object, text};

fuzz_target!(|data: &[u8]| {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let is_json = serde_json::from_str::<serde_json::Value>(input);
    for style in [Style::Prose, Style::Config] {
        let clean = text(input, style);
        if is_json.is_ok() {
            assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{clean}");
        }
    }
    if let Ok(mut value) = is_json {
        object(&mut value);
    }
});
