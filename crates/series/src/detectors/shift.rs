//! A level that changed and stays changed.
//!
//! **What it finds** a quarter of an hour whose values all lie beyond those of the hour before.
//! **Why it matters** faults that neither grow nor end: a slower disk, a lost cache, a client gone wild.
//! **Evidence used** the last 75 minutes; the same time on the days before; the onset is estimated from the shape, not
//! taken from the time of detection.
//! **How to confirm by hand** the finding's query over two hours; what changed at the onset.
//! **What can fool it** a spike: nine tenths of the window must have shifted. Daily rhythms and cron jobs: other days at
//! this time count as usual. Rollouts and scaling: usage and load are mute for an hour; errors and latency are not, since
//! no rollout is meant to raise them. Constant series: the step must pass the unit's floor and a quarter of the level.
//! **Source** confirmed shift of medians; ADTK's LevelShiftAD alone gives 23 events a series-month.

use rootline_analytics::change::onset::{OnsetParams, onset};
use rootline_analytics::stats::order::quantile;

use super::view::{Sighting, View, centre, numbers};

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    pub enabled: bool,
    /// Minutes that must have shifted.
    pub window: usize,
    /// Minutes before them that are compared with.
    pub before: usize,
    /// Robust deviations that the step must have.
    pub deviations: f64,
    /// Least step as a share of the level.
    pub share: f64,
}

impl Default for Shift {
    fn default() -> Self {
        Shift { enabled: true, window: 15, before: 60, deviations: 5.0, share: 0.25 }
    }
}

impl Shift {
    pub(crate) fn look(&self, view: &View<'_>) -> Option<Sighting> {
        if !self.enabled || view.is_settling(4500, 300) {
            return None;
        }
        let all = view.minutes(self.window + self.before);
        let (before, after) = all.split_at(self.before);
        let (old, new) = (numbers(before), numbers(after));
        if old.len() * 3 < before.len() * 2 || new.len() * 5 < after.len() * 4 {
            return None;
        }
        let ((from, spread), (to, _)) = (centre(&old), centre(&new));
        let floor = view.floor(from, self.share);
        let is_step = to - from > (self.deviations * spread).max(floor);
        let is_whole = quantile(&new, 0.1) > quantile(&old, 0.95);
        let usual = view.usual(3)?;
        if !is_step || !is_whole || to <= usual.high + view.floor(usual.high, 0.1) {
            return None;
        }
        Some(Sighting {
            code: "series.level_shift",
            onset_s: (view.minute() - i64::try_from(self.window).unwrap_or(15) + 1) * 60 + 60 * self.first_row(&all),
            nats: 1.5,
            args: vec![("from", view.show(from)), ("value", view.show(to))],
            linger_s: 1800,
        })
    }

    /// Where it began, in minutes from the start of the window (below 0: before it).
    fn first_row(&self, all: &[f64]) -> i64 {
        let split = self.before / 2;
        let row = onset(&all[..split], &all[split..], &OnsetParams::default()).map_or(self.before - split, |o| o.row);
        i64::try_from(row).unwrap_or(0) - i64::try_from(self.before - split).unwrap_or(0)
    }
}
