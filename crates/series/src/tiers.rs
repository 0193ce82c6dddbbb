//! The tier-0 operators of all baselines.

use rootline_analytics::stream::{Sight, Tier0, Tier0Bank};

/// One operator a baseline, by its number.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    operators: Tier0Bank,
}

impl Tiers {
    pub fn push(&mut self) {
        self.operators.push();
    }

    pub fn set(&mut self, index: usize, operator: &Tier0) {
        self.operators.set(index, operator);
    }

    /// Adds the bytes of one operator.
    pub fn snapshot(&self, index: usize, out: &mut Vec<u8>) {
        if let Some(operator) = self.operators.get(index) {
            operator.snapshot(out);
        }
    }

    /// One sample for each; NaN where none came. `each` is told of scores above 0.
    pub fn sweep(&mut self, time_s: i64, value: impl Fn(usize) -> f64, each: impl FnMut(usize, Sight)) {
        self.operators.sweep(time_s, value, each);
    }
}
