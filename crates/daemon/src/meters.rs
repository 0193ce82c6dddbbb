//! Counters of what the daemon pulls and writes back, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rootline_api::Counted;

pub const SCRAPES: &str = "rootline_scrapes";
pub const SCRAPE_SAMPLES: &str = "rootline_scrape_samples";
pub const SCRAPE_BYTES: &str = "rootline_scrape_bytes";
pub const LINES_READ: &str = "rootline_log_lines_read";
pub const LINES_SKIPPED: &str = "rootline_log_seconds_skipped";
pub const WRITTEN: &str = "rootline_remote_write_samples";

/// Names without `_total`, as they are registered, and what they count.
const HELP: &[(&str, &str)] = &[
    (SCRAPES, "Pages scraped, by job and result"),
    (SCRAPE_SAMPLES, "Samples that were wanted of scraped pages"),
    (SCRAPE_BYTES, "Bytes of scraped pages, unpacked"),
    (LINES_READ, "Log lines read by query, by result: taken, below the level wanted, read before"),
    (LINES_SKIPPED, "Seconds of logs passed over because reading was too far behind"),
    (WRITTEN, "Samples of derived series, by result: sent, refused by the receiver, dropped by a full queue"),
];

type Labels = Vec<(&'static str, String)>;

/// All counters.
#[derive(Debug, Default)]
pub struct Meters(Mutex<BTreeMap<(&'static str, Labels), u64>>);

impl Meters {
    pub fn add(&self, name: &'static str, labels: &[(&'static str, &str)], count: usize) {
        let labels = labels.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = all.entry((name, labels)).or_default();
        *value = value.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// By name.
    pub fn rows(&self) -> Vec<Counted> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let help = |name: &str| HELP.iter().find(|(n, _)| *n == name).map_or("", |(_, help)| help);
        let row = |((name, labels), value): (&(&'static str, Labels), &u64)| Counted {
            name,
            help: help(name),
            labels: labels.clone(),
            value: *value,
        };
        all.iter().map(row).collect()
    }
}
