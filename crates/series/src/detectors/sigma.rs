//! Outside its own band: three deviations and three interquartile ranges of the last hours, for minutes on end.
//!
//! **What it finds** a value that leaves what the same series did in the last four hours, and stays out.
//! **Why it matters** the plainest sign that something is not as it was; needs no limit set by anybody.
//! **Evidence used** four hours of minutes; the same time of day on the days before.
//! **How to confirm by hand** the finding's query over four hours and over two days.
//! **What can fool it** constant stretches have no spread: the band has a floor by unit and level. Jobs at fixed hours:
//! what other days had around this time is usual. One wild scrape: five minutes in a row must agree. A rollout: it is mute
//! for usage and load until the new level has its own window. New series: a day of history first.
//! **Source** Shewhart's three sigma; Tukey's far-out fence; both, since each alone gives 12 to 36 events a series-month.

use rootline_analytics::stats::order::quantiles;

use super::view::{Sighting, View, numbers};

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Sigma {
    pub enabled: bool,
    /// Deviations of the mean.
    pub deviations: f64,
    /// Interquartile ranges beyond the quartile.
    pub ranges: f64,
    /// Minutes in a row that must be outside.
    pub minutes: usize,
    /// Least difference as a share of the level.
    pub share: f64,
}

impl Default for Sigma {
    fn default() -> Self {
        Sigma { enabled: true, deviations: 3.0, ranges: 3.0, minutes: 5, share: 0.1 }
    }
}

/// Minutes a band needs.
const BAND_MIN: usize = 120;

impl Sigma {
    pub(crate) fn look(&self, view: &View<'_>) -> Option<Sighting> {
        if !self.enabled || view.is_settling(3600, 300) {
            return None;
        }
        let all = view.minutes(crate::window::MINUTES);
        let (past, recent) = all.split_at(all.len() - self.minutes);
        let lowest = recent.iter().copied().fold(f64::INFINITY, f64::min);
        let past = numbers(&past[..past.len() - self.minutes]);
        if past.len() < BAND_MIN || recent.iter().any(|v| v.is_nan()) {
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "at most 240")]
        let n = past.len() as f64;
        let mean = past.iter().sum::<f64>() / n;
        let deviation = (past.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let [q1, q2, q3] = quantiles(&past, &[0.25, 0.5, 0.75])[..] else { return None };
        let floor = view.floor(q2, self.share);
        let high = (mean + self.deviations * deviation).max(q3 + self.ranges * (q3 - q1)) + floor;
        let usual = view.usual(3)?;
        if lowest <= high || lowest <= usual.high + floor {
            return None;
        }
        let outside = all.iter().rev().take_while(|v| **v > high).count();
        let low = (mean - self.deviations * deviation).min(q1);
        let (first, second) = if view.sign() > 0.0 { (low, high - floor) } else { (high - floor, low) };
        Some(Sighting {
            code: "series.outside_band",
            onset_s: (view.minute() - i64::try_from(outside).unwrap_or(5) + 1) * 60,
            nats: 1.0,
            args: vec![
                ("value", view.show(recent[recent.len() - 1])),
                ("low", view.show(first)),
                ("high", view.show(second)),
            ],
            linger_s: 600,
        })
    }
}
