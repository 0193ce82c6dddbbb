//! Any bytes as a scraped page: never a panic, every series has a name, points in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_model::LabelSet;
use rootline_sources::receive::{Limits, exposition};

fuzz_target!(|data: &[u8]| {
    let extra: LabelSet = [("node", "n1")].into_iter().collect();
    for kind in ["text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"] {
        if let Ok(taken) = exposition::parse(&exposition::Page { text: data, content_type: kind, at_ms: 5 }, &extra, &Limits::default()) {
            for batch in &taken.data {
                assert!(batch.points.windows(2).all(|p| p[0].0 < p[1].0));
                assert!(!batch.labels.value("__name__").is_empty() && batch.labels.value("node") == "n1");
            }
        }
    }
});
