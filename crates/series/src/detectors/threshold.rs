//! Static thresholds with hysteresis and a hold time.
//!
//! **What it finds** a value beyond a limit that people agreed on: memory above 90 % of its limit, a disk busy 95 % of the
//! time, an API server that answers in more than 500 ms.
//! **Why it matters** limits of capacity do not depend on what is usual: a full disk is full.
//! **Evidence used** the newest value of each pod, instance or file system, each on its own.
//! **How to confirm by hand** the finding's query in Prometheus.
//! **What can fool it** a value that lives near its limit by design (a heap sized to its limit): hence 90 % of memory is
//! evidence and no fact; one bad scrape: hence the hold time; values that hover: hence the lower clearing value; a series
//! that ends while it is bad (a pod replaced): it is let go after the lookback.
//! **Source** the product's shipped defaults; kubernetes-mixin and node-mixin for the rest.

use rootline_model::{Finding, Timestamp};

use crate::catalog::{Limit, Series};
use crate::holds::{Hold, Holds, Key};
use crate::options::LimitSetting;

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    pub enabled: bool,
    /// Seconds without a value after which a condition is let go.
    pub lookback_s: i64,
}

impl Default for Threshold {
    fn default() -> Self {
        Threshold { enabled: true, lookback_s: 300 }
    }
}

/// The threshold that counts for a namespace: the user's, the more special first, else the catalogue's.
pub(crate) fn effective(series: &Series, limit: &Limit, namespace: &str, settings: &[LimitSetting]) -> Option<Limit> {
    let mine = settings.iter().filter(|s| s.series == series.id && s.code == limit.code);
    let best = mine.filter(|s| s.namespace.is_empty() || s.namespace == namespace).max_by_key(|s| s.namespace.len());
    match best {
        Some(s) if !s.enabled => None,
        Some(s) => Some(Limit { at: s.at, clear: s.clear, hold_s: s.hold_s, ..*limit }),
        None => Some(*limit),
    }
}

impl Threshold {
    /// Takes one value of one thing: pending, firing, hovering or over.
    pub(crate) fn take(
        &self,
        (holds, key): (&mut Holds, Key),
        (at_s, value, sign): (i64, f64, f64),
        limit: &Limit,
        finding: impl FnOnce() -> Finding,
    ) {
        let is_bad = sign * value >= sign * limit.at;
        let is_clear = sign * value < sign * limit.clear;
        match holds.get_mut(key) {
            None if is_bad => {
                let finding = finding().since(Timestamp::from_second(at_s).ok());
                let is_firing = limit.hold_s == 0;
                holds.insert(key, Hold { since_s: at_s, seen_s: at_s, is_firing, finding, linger_s: self.lookback_s });
            }
            None => {}
            Some(hold) if is_clear || (!is_bad && !hold.is_firing) => holds.remove(key),
            Some(hold) => {
                hold.seen_s = at_s;
                hold.is_firing |= at_s - hold.since_s >= i64::from(limit.hold_s);
                let onset = hold.finding.onset;
                hold.finding = finding().since(onset);
            }
        }
    }
}
