//! Any text as a user's rule file and as a configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_diagnose::{RuleFile, RuleSet};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(mut rules) = RuleSet::builtin() else { return };
    let _ = rootline_config::parse("rootline.yaml", text);
    let _ = rules.add_user_file(&RuleFile { name: "rules.yaml".into(), text: text.into() });
});
