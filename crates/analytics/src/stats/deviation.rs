//! The calibrated deviation score: how far a window departs from its baseline, free of units and of the series' own habits.

use super::moments::{deviation, sum_of};
use super::order::{IQR_OF_NORMAL, MAD_TO_DEVIATION, mad_about, quantile_in_place, quantiles};

/// Share of the window's largest values that the statistic averages: a fault need not fill the window.
const TOP_SHARE: f64 = 0.2;
/// Fewest points of a baseline that say anything; the score is 0 with fewer.
const FEWEST: usize = 5;
/// Fewest blocks that calibrate.
const FEWEST_BLOCKS: usize = 5;
/// Stands in for the 95 % quantile of the blocks where there are too few: the usual three sigmas.
const UNCALIBRATED: f64 = 3.0;
/// Half a percent of the level: the least change of a gauge worth a look. Measured on root-cause incidents, as the rest.
const LEVEL_FLOOR: f64 = 0.005;
/// A slice of the standard deviation: quartiles alone call every burst of a bursty series extreme.
const DEVIATION_SHARE: f64 = 0.25;

/// Which departures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Only above the baseline: use, latency, errors, restarts.
    Up,
    /// Only below it: success rate, ready replicas.
    Down,
    /// Both: traffic.
    #[default]
    Both,
}

/// How to score.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeviationParams {
    /// Which departures count.
    pub direction: Direction,
    /// The least change that matters, in the series' own unit. A baseline that is all zero has no scale of its own: without
    /// a floor the first event of a counter scores without bound.
    pub absolute_floor: f64,
}

/// The score of a window, with what it was made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// ln(1 + max(0, T) / max(1, calibration)): 0 for nothing, ln 2 for as much as the worst twentieth of quiet blocks.
    pub score: f64,
    /// T: half the mean of the top fifth of z, half the median of z where positive.
    pub statistic: f64,
    /// 95 % quantile over blocks of the baseline of the mean of the top fifth of |z|; 3 where there are fewer than five.
    pub calibration: f64,
    /// (1 + blocks with at least this T) / (1 + blocks). Never below 1 / (1 + blocks).
    pub p: f64,
    /// The same for a scan statistic: the largest sum of z over any stretch of 1, 2, 4, … rows, divided by the root of its
    /// length. It does not matter where in the window the change begins or how long it lasts.
    pub p_any_onset: f64,
    /// Blocks the baseline was cut into.
    pub blocks: usize,
}

impl Deviation {
    const NONE: Self =
        Self { score: 0.0, statistic: 0.0, calibration: UNCALIBRATED, p: 1.0, p_any_onset: 1.0, blocks: 0 };
}

/// A baseline's centre and scale, to score many windows against.
///
/// Centre is the median, scale the largest of 1.4826 MAD, IQR / 1.349, a quarter of the standard deviation, half a percent
/// of the largest magnitude, and the absolute floor. So a series that never moved still has a scale, and a bursty one a
/// wide one. NaN and infinities are dropped. O(n).
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    values: Vec<f64>,
    centre: f64,
    scale: f64,
    params: DeviationParams,
}

impl Baseline {
    /// Measures a baseline.
    #[must_use]
    pub fn new(values: &[f64], params: DeviationParams) -> Self {
        let values: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let q = quantiles(&values, &[0.25, 0.5, 0.75]);
        let centre = q[1];
        let mad = mad_about(&mut values.clone(), centre);
        let largest = values.iter().fold(centre.abs(), |top, v| top.max(v.abs()));
        let scale = (MAD_TO_DEVIATION * mad)
            .max((q[2] - q[0]) / IQR_OF_NORMAL)
            .max(DEVIATION_SHARE * deviation(&values, 0))
            .max(LEVEL_FLOOR * largest.max(1e-12))
            .max(params.absolute_floor);
        Self { values, centre, scale, params }
    }

    /// The median; NaN of an empty baseline.
    #[must_use]
    pub fn centre(&self) -> f64 {
        self.centre
    }

    /// What one unit of z is, in the series' unit.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Scores a window. Baselines of fewer than 5 and windows of no numbers score 0 with p 1. O(n log w) for a baseline of n
    /// and a window of w.
    #[must_use]
    pub fn score(&self, window: &[f64]) -> Deviation {
        let mut z: Vec<f64> = window.iter().filter(|v| v.is_finite()).map(|v| self.z(*v)).collect();
        if z.is_empty() || self.values.len() < FEWEST {
            return Deviation::NONE;
        }
        let scan = scan(&z);
        let statistic = statistic(&mut z);
        let (mut tops, mut reached, mut scanned) = (Vec::new(), 0, 0);
        let mut block = Vec::with_capacity(z.len());
        let length = z.len();
        for values in blocks(&self.values, length) {
            block.clear();
            block.extend(values.iter().map(|v| ((v - self.centre) / self.scale).abs()));
            tops.push(top_mean(&mut block));
            block.clear();
            block.extend(values.iter().map(|v| self.z(*v)));
            scanned += usize::from(self::scan(&block) >= scan);
            reached += usize::from(self::statistic(&mut block) >= statistic);
        }
        let n = tops.len();
        let calibration = if n >= FEWEST_BLOCKS { quantile_in_place(&mut tops, 0.95) } else { UNCALIBRATED };
        let share = |count: usize| (1 + count) as f64 / (1 + n) as f64;
        Deviation {
            score: (statistic.max(0.0) / calibration.max(1.0)).ln_1p(),
            statistic,
            calibration,
            p: share(reached),
            p_any_onset: share(scanned),
            blocks: n,
        }
    }

    /// Signed so that what counts is positive.
    fn z(&self, value: f64) -> f64 {
        let z = (value - self.centre) / self.scale;
        match self.params.direction {
            Direction::Up => z,
            Direction::Down => -z,
            Direction::Both => z.abs(),
        }
    }
}

/// Scores one window against one baseline: [`Baseline::new`] and [`Baseline::score`].
#[must_use]
pub fn deviation_score(baseline: &[f64], window: &[f64], params: DeviationParams) -> Deviation {
    Baseline::new(baseline, params).score(window)
}

/// Stretches of `length` values, each half a length after the one before.
fn blocks(values: &[f64], length: usize) -> impl Iterator<Item = &[f64]> {
    values.windows(length).step_by((length / 2).max(1))
}

fn statistic(z: &mut [f64]) -> f64 {
    let top = top_mean(z);
    0.5 * top + 0.5 * quantile_in_place(z, 0.5).max(0.0)
}

/// Mean of the largest fifth, at least one. Reorders.
fn top_mean(z: &mut [f64]) -> f64 {
    let count = ((TOP_SHARE * z.len() as f64).ceil() as usize).clamp(1, z.len().max(1));
    let from = z.len() - count;
    let (_, first, rest) = z.select_nth_unstable_by(from, f64::total_cmp);
    (*first + sum_of(rest, |v| v)) / count as f64
}

/// Largest sum over 1, 2, 4, … neighbours, divided by the root of their count.
fn scan(z: &[f64]) -> f64 {
    let mut sums = z.to_vec();
    let mut best = f64::NEG_INFINITY;
    let mut length = 1;
    while length <= z.len() {
        let count = z.len() + 1 - length;
        let largest = sums[..count].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        best = best.max(largest / (length as f64).sqrt());
        // sums of twice the length, in place from the left
        for i in 0..count.saturating_sub(length) {
            sums[i] += sums[i + length];
        }
        length *= 2;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut r = Rng::new(seed);
        (0..n).map(|_| 100.0 + r.normal()).collect()
    }

    fn up() -> DeviationParams {
        DeviationParams { direction: Direction::Up, absolute_floor: 0.0 }
    }

    #[test]
    fn a_shift_scores_high_and_quiet_does_not() {
        let b = noise(240, 1);
        let quiet = deviation_score(&b, &noise(20, 2), up());
        let shifted: Vec<f64> = noise(20, 3).iter().map(|v| v + 10.0).collect();
        let loud = deviation_score(&b, &shifted, up());
        assert!(quiet.score < 0.8 && quiet.p > 0.1, "{quiet:?}");
        assert!(
            loud.score > 1.5 && loud.blocks == 23 && loud.p == 1.0 / 24.0 && loud.p_any_onset == 1.0 / 24.0,
            "{loud:?}"
        );
        let down = deviation_score(&b, &shifted, DeviationParams { direction: Direction::Down, ..up() });
        assert!(down.score == 0.0 && down.statistic < 0.0, "{down:?}");
        assert_eq!(deviation_score(&b, &shifted, DeviationParams::default()).p, 1.0 / 24.0);
    }

    #[test]
    fn units_do_not_matter() {
        let (b, w) = (noise(200, 4), noise(15, 5).iter().map(|v| v + 4.0).collect::<Vec<_>>());
        let scaled = |x: &[f64]| x.iter().map(|v| v * 1024.0).collect::<Vec<_>>();
        assert_eq!(deviation_score(&b, &w, up()), deviation_score(&scaled(&b), &scaled(&w), up()));
    }

    #[test]
    fn the_onset_inside_the_window_does_not_matter_to_the_scan() {
        let b = noise(400, 6);
        for start in [0, 10, 16] {
            let mut w = noise(20, 7);
            w[start..].iter_mut().for_each(|v| *v += 8.0);
            let d = deviation_score(&b, &w, up());
            assert_eq!(d.p_any_onset, 1.0 / (1.0 + d.blocks as f64), "{start}: {d:?}");
        }
    }

    #[test]
    fn constant_and_all_zero_baselines() {
        let one = |floor| DeviationParams { absolute_floor: floor, ..up() };
        let restarts = deviation_score(&[0.0; 60], &[0.0, 1.0, 1.0], one(1.0));
        assert!((restarts.statistic - 1.0).abs() < 1e-12 && (restarts.score - 2f64.ln()).abs() < 1e-12, "{restarts:?}");
        let saturated = deviation_score(&[0.0; 60], &[0.0, 1.0, 1.0], one(0.0));
        assert!(saturated.score > 20.0 && saturated.score.is_finite());
        assert_eq!(deviation_score(&[3.0; 60], &[3.0; 9], up()).score, 0.0);
        let moved = deviation_score(&[200.0; 60], &[202.0; 9], up());
        assert!((moved.statistic - 2.0).abs() < 1e-12, "{moved:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(deviation_score(&[1.0; 4], &[9.0], up()), Deviation::NONE);
        assert_eq!(deviation_score(&[], &[], up()), Deviation::NONE);
        assert_eq!(deviation_score(&[f64::NAN; 50], &[1.0], up()), Deviation::NONE);
        assert_eq!(deviation_score(&[1.0; 50], &[f64::NAN], up()), Deviation::NONE);
        let few = deviation_score(&[1.0, 2.0, 1.0, 2.0, 1.0], &[9.0; 30], up());
        assert_eq!((few.blocks, few.calibration, few.p), (0, 3.0, 1.0));
        let huge = deviation_score(&[1e308, -1e308, 1e308, 0.0, 1.0], &[1e308], DeviationParams::default());
        assert!(!huge.score.is_nan());
    }
}
