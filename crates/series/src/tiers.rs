//! The tier-0 operators of all baselines.

use rootline_analytics::stream::{Sight, Tier0};

/// One operator a baseline, by its number.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    operators: Vec<Tier0>,
}

impl Tiers {
    pub fn push(&mut self) {
        self.operators.push(Tier0::default());
    }

    pub fn set(&mut self, index: usize, operator: Tier0) {
        if let Some(slot) = self.operators.get_mut(index) {
            *slot = operator;
        }
    }

    /// Adds the bytes of one operator.
    pub fn snapshot(&self, index: usize, out: &mut Vec<u8>) {
        if let Some(operator) = self.operators.get(index) {
            operator.snapshot(out);
        }
    }

    /// One sample for each; NaN where none came. `each` is told of scores above 0.
    pub fn sweep(&mut self, time_s: i64, value: impl Fn(usize) -> f64, mut each: impl FnMut(usize, Sight)) {
        let values: Vec<f64> = (0..self.operators.len()).map(value).collect();
        Tier0::sweep(&mut self.operators, time_s, &values, |index, sight| {
            if sight.score > 0.0 {
                each(index, sight);
            }
        });
    }
}
