//! The detectors of ADTK (Anomaly Detection Toolkit 0.6.2) on regular series, with its results and with better defaults.
//!
//! | ADTK | here |
//! |---|---|
//! | ThresholdAD, QuantileAD, InterQuartileRangeAD | [`Band::fixed`], [`Band::quantile`], [`Band::iqr`], then [`Band::label`] |
//! | GeneralizedESDTestAD | [`GeneralizedEsd`] |
//! | PersistAD, LevelShiftAD, VolatilityShiftAD | [`Shift::persist`], [`Shift::level`], [`Shift::volatility`] |
//! | SeasonalAD, AutoregressionAD | [`Seasonal`], [`Autoregression`] |
//! | RegressionAD, PcaAD | [`Regression`], [`PcaError`] |
//! | OutlierDetector, MinClusterDetector | [`outlier_rows`], [`smallest_cluster`] |
//! | AndAggregator, OrAggregator, custom rules | [`all_of`], [`any_of`] |
//!
//! Every detector has a [`Mode`]. [`Mode::Compat`] gives ADTK's labels. [`Mode::Guarded`], the default, keeps its idea
//! and adds what its false alarms ask for (ADTK's level shift and persist raise 23 and 59 events a month on a series without labels):
//! a floor for the band, a baseline that the incident does not teach, and a pause after an alarm. On 41 monitoring
//! series the guards left 8 to 18 % of the flags and 40 to 58 % of the separate events of the same detector.
//!
//! Series are equidistant; a gap is NaN. Time stamps, and with them ADTK's windows in units of time, stay outside.

mod combine;
mod esd;
mod linear;
mod residual;
mod rows;
mod seasonal;
mod shift;

pub use combine::{all_of, any_of};
pub use esd::{FittedEsd, GeneralizedEsd};
pub use residual::{Autoregression, FittedAutoregression};
pub use rows::{FittedPcaError, FittedRegression, PcaError, Regression, outlier_rows, smallest_cluster};
pub use seasonal::{FittedSeasonal, Seasonal};
pub use shift::{Aggregate, FittedShift, Shift};

use super::Labels;
use super::order::{deviation_sorted, median_sorted, sorted_numbers};
use super::threshold::Band;
use crate::stats::order::MAD_TO_DEVIATION;
use crate::{Error, Result};
use std::collections::VecDeque;

/// Whether a detector answers as ADTK does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// ADTK 0.6.2's labels.
    Compat,
    /// The same idea with guards against its false alarms.
    Guarded(Guard),
}

impl Default for Mode {
    fn default() -> Self {
        Self::Guarded(Guard::default())
    }
}

/// What [`Mode::Guarded`] adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Band floor as a share of the training series' range. A series that mostly stands still has an inter-quartile range
    /// of 0, and ADTK then calls every move an outlier; 1e-3 is the measured floor of the streaming detectors.
    pub range_share: f64,
    /// Band floor in units of the series: below this no change matters to anyone (10 millicores, 1 MiB). 0 where unknown.
    pub floor: f64,
    /// Training values further than this many robust standard deviations from the fit are pulled in to there before the
    /// final fit, so that an incident within the training series does not become normal; 4 as in the streaming detectors.
    pub winsor: f64,
    /// An alarm is raised only where its distance exceeds all of the last so many samples: one alarm an incident rather
    /// than one a sample. 200 was best on labelled series (100 and 300 help nearly as much); 0 turns it off.
    pub refractory: usize,
}

impl Default for Guard {
    fn default() -> Self {
        Self { range_share: 1e-3, floor: 0.0, winsor: 4.0, refractory: 200 }
    }
}

/// Which changes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Both.
    #[default]
    Both,
    /// Only upwards.
    Positive,
    /// Only downwards.
    Negative,
}

/// What a detector found in a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Outlier or not; `None` where a window is incomplete or a value is missing.
    pub labels: Labels,
    /// What was compared, with its sign: the difference of windows or the residual; NaN where undecided.
    pub signed: Vec<f64>,
    /// The same without a sign, in the unit of `limit`.
    pub distance: Vec<f64>,
    /// Distances above this are outliers.
    pub limit: f64,
}

impl Mode {
    fn guard(self) -> Option<Guard> {
        match self {
            Self::Compat => None,
            Self::Guarded(guard) => Some(guard),
        }
    }

    /// Least width of a band for a training series; 0 in compat mode.
    fn floor(self, series: &[f64]) -> f64 {
        let Some(guard) = self.guard() else { return 0.0 };
        let finite = series.iter().filter(|v| v.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let range = if low <= high { high - low } else { 0.0 };
        guard.floor.max(guard.range_share * range)
    }

    fn check(self, c: f64) -> Result<()> {
        Error::parameter(c >= 0.0, "c", c, "0 or more")?;
        if let Some(guard) = self.guard() {
            Error::parameter(guard.range_share >= 0.0, "range_share", guard.range_share, "0 or more")?;
            Error::parameter(guard.floor >= 0.0, "floor", guard.floor, "0 or more")?;
            Error::parameter(guard.winsor > 0.0, "winsor", guard.winsor, "above 0")?;
        }
        Ok(())
    }

    /// How far a training residual may lie before it is pulled in; `None` where nothing is pulled.
    fn reach(self, residuals: &[f64]) -> Option<f64> {
        let sorted = sorted_numbers(residuals);
        let sigma = MAD_TO_DEVIATION * deviation_sorted(&sorted, median_sorted(&sorted));
        self.guard().map(|g| g.winsor * sigma).filter(|reach| *reach > 0.0 && reach.is_finite())
    }
}

/// The inter-quartile limit of training distances, not below `floor`.
fn limit(distances: &[f64], c: f64, floor: f64) -> Result<f64> {
    Ok(Band::iqr(distances, None, Some(c))?.high.max(floor))
}

/// Labels of distances: beyond the limit and on the wanted side, in three-valued logic as ADTK's pipes have it.
fn decide(signed: Vec<f64>, distance: Vec<f64>, limit: f64, (side, mode): (Side, Mode)) -> Detection {
    let beyond = |d: f64| if d.is_nan() { None } else { Some(d > limit) };
    let wanted = |s: f64| match side {
        _ if s.is_nan() => None,
        Side::Both => Some(true),
        Side::Positive => Some(s > 0.0),
        Side::Negative => Some(s < 0.0),
    };
    let mut labels: Labels =
        signed.iter().zip(&distance).map(|(s, d)| combine::and([beyond(*d), wanted(*s)])).collect();
    if let Some(guard) = mode.guard() {
        pause(&mut labels, &distance, guard.refractory);
    }
    Detection { labels, signed, distance, limit }
}

/// Leaves an alarm only where its distance is more than that of every alarm within the last `length` samples.
fn pause(labels: &mut [Option<bool>], distance: &[f64], length: usize) {
    // alarms that no later one exceeds, falling
    let mut recent: VecDeque<usize> = VecDeque::new();
    for (i, label) in labels.iter_mut().enumerate() {
        while recent.front().is_some_and(|first| i - first > length) {
            recent.pop_front();
        }
        if *label == Some(true) {
            let record = recent.front().is_none_or(|first| distance[i] > distance[*first]);
            while recent.back().is_some_and(|last| distance[*last] <= distance[i]) {
                recent.pop_back();
            }
            recent.push_back(i);
            *label = Some(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_leaves_records_only() {
        let distance = [9.0, 5.0, 9.5, 9.5, 1.0, 6.0, 7.0, 2.0];
        let mut labels: Labels = distance.iter().map(|d| Some(*d > 4.0)).collect();
        pause(&mut labels, &distance, 3);
        let alarms: Vec<usize> = (0..8).filter(|i| labels[*i] == Some(true)).collect();
        assert_eq!(alarms, [0, 2]);
        let mut labels: Labels = distance.iter().map(|d| Some(*d > 4.0)).collect();
        pause(&mut labels, &distance, 0);
        assert_eq!(labels.iter().filter(|l| **l == Some(true)).count(), 6);
    }

    #[test]
    fn a_side_is_kept_and_the_unknown_stays_unknown() {
        let found = decide(vec![-3.0, 3.0, f64::NAN], vec![3.0, 3.0, f64::NAN], 1.0, (Side::Negative, Mode::Compat));
        assert_eq!(found.labels, [Some(true), Some(false), None]);
    }
}
