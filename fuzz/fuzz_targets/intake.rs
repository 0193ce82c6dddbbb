//! Any text as the lines of a few streams: never a panic, records within their bounds, the same records for the same lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_model::{LogRecord, Timestamp};
use rootline_sources::intake::{Intake, Line, Options, StreamLabels};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let records = || {
        let mut intake = Intake::new(Options { lines: 5, bytes: 200, age_ms: 1_000, streams: 3 });
        let mut out: Vec<LogRecord> = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let of = StreamLabels::of([("pod", ["a", "b", "c", "d"][i % 4])]);
            intake.take(Line { of, at: None, text: line.to_owned() }, Timestamp::UNIX_EPOCH, &mut out);
            if i % 7 == 0 {
                intake.flush(Timestamp::UNIX_EPOCH, &mut out);
            }
        }
        intake.finish(&mut out);
        out
    };
    let once = records();
    assert_eq!(once, records());
    assert!(once.iter().all(|r| !r.text.trim().is_empty()));
});
