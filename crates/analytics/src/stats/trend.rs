//! Is there a trend, and how steep: Mann–Kendall and Theil–Sen.

use super::order::{median, median_in_place};
use crate::special::{normal_quantile, normal_sf};
use crate::{Error, Result, Rng};

/// Up to this many pairs their slopes are all kept (8 MiB); beyond, only those near the wanted ranks.
const PAIRS_KEPT: usize = 1 << 20;

/// What [`mann_kendall`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannKendall {
    /// Rising minus falling pairs.
    pub s: f64,
    /// Variance of s without a trend, corrected for ties.
    pub variance: f64,
    /// Standardised s with the continuity correction.
    pub z: f64,
    /// Two-sided p value of the normal approximation; good from about 10 points on.
    pub p: f64,
    /// s over the number of pairs (Kendall's τ_a against time).
    pub tau: f64,
    /// Kendall's τ_b: ties leave the divisor. NaN where all values are equal.
    pub tau_b: f64,
}

/// Mann 1945 and Kendall's test for a monotone trend, as pymannkendall 1.4.3 `original_test`. NaN and infinities are left
/// out. O(n log n): s counts inversions. [`Error::TooFew`] below two numbers. Autocorrelated series give too small p values.
pub fn mann_kendall(x: &[f64]) -> Result<MannKendall> {
    let mut values: Vec<f64> = x.iter().copied().filter(|v| v.is_finite()).collect();
    Error::at_least("points of a trend", 2, values.len())?;
    let n = values.len() as f64;
    let falling = inversions(&mut values) as f64;
    let pairs = n * (n - 1.0) / 2.0;
    // sorted now
    let tied: f64 = runs(&values).map(|t| t * (t - 1.0) / 2.0).sum();
    let s = pairs - tied - 2.0 * falling;
    let weight = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let variance = (weight(n) - runs(&values).map(weight).sum::<f64>()) / 18.0;
    let z = if s == 0.0 { 0.0 } else { (s - s.signum()) / variance.sqrt() };
    let tau_b = s / (pairs * (pairs - tied)).sqrt();
    Ok(MannKendall { s, variance, z, p: 2.0 * normal_sf(z.abs()), tau: s / pairs, tau_b })
}

/// A line through the medians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheilSen {
    /// Median of the slopes of all pairs.
    pub slope: f64,
    /// median y − slope · median t.
    pub intercept: f64,
    /// Lower bound of the slope (Sen 1968); NaN where ties leave the ranks undefined.
    pub low: f64,
    /// Upper bound of the slope.
    pub high: f64,
}

/// Theil 1950 and Sen 1968: the median slope over all pairs with different t, with a confidence interval of the given
/// `level`, as scipy 1.13 `theilslopes(method="separate")`. Stands up to 29 % of outliers. Points with NaN or an infinity are
/// left out (the reference gives NaN). O(n²) time, memory at most some MiB; [`Error::TooFew`] without two different t.
pub fn theil_sen(t: &[f64], y: &[f64], level: f64) -> Result<TheilSen> {
    Error::same_length("points of a line", t.len(), y.len())?;
    Error::parameter(level > 0.0 && level < 1.0, "level", level, "between 0 and 1")?;
    let mut points: Vec<(f64, f64)> =
        t.iter().copied().zip(y.iter().copied()).filter(|(a, b)| a.is_finite() && b.is_finite()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ts, mut ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let slopes = Slopes::new(&points);
    Error::at_least("different times of a line", 2, if slopes.count == 0 { points.len().min(1) } else { 2 })?;
    let slope = slopes.median();
    let intercept = median_in_place(&mut ys) - slope * median(&ts);
    ys.sort_by(f64::total_cmp);
    let n = points.len() as f64;
    let weight = |k: f64| k * (k - 1.0) * (2.0 * k + 5.0);
    let ties: f64 = runs(&ts).map(weight).sum::<f64>() + runs(&ys).map(weight).sum::<f64>();
    let half = -normal_quantile((1.0 - level) / 2.0) * ((weight(n) - ties) / 18.0).sqrt();
    let count = slopes.count as f64;
    let (low, high) = if half.is_nan() {
        (f64::NAN, f64::NAN)
    } else {
        let from = (((count - half) / 2.0).round_ties_even() - 1.0).max(0.0);
        let to = ((count + half) / 2.0).round_ties_even().min(count - 1.0);
        (slopes.ranked(from as usize), slopes.ranked(to as usize))
    };
    Ok(TheilSen { slope, intercept, low, high })
}

/// [`theil_sen`] against the index 0, 1, 2, … at 95 %: Sen's slope. NaN and infinities keep their place in time.
pub fn sen_slope(x: &[f64]) -> Result<TheilSen> {
    let t: Vec<f64> = (0..x.len()).map(|i| i as f64).collect();
    theil_sen(&t, x, 0.95)
}

/// Slopes of all pairs of points sorted by t, by rank.
struct Slopes<'a> {
    points: &'a [(f64, f64)],
    all: Vec<f64>,
    count: usize,
}

impl<'a> Slopes<'a> {
    fn new(points: &'a [(f64, f64)]) -> Self {
        let n = points.len();
        let keep = n * n.saturating_sub(1) / 2 <= PAIRS_KEPT;
        let (mut all, mut count) = (Vec::new(), 0);
        for (i, a) in points.iter().enumerate() {
            for b in &points[i + 1..] {
                if b.0 > a.0 {
                    count += 1;
                    if keep {
                        all.push((b.1 - a.1) / (b.0 - a.0));
                    }
                }
            }
        }
        all.sort_unstable_by(f64::total_cmp);
        Self { points, all, count }
    }

    fn median(&self) -> f64 {
        let upper = self.ranked(self.count / 2);
        if self.count % 2 == 1 { upper } else { 0.5 * (self.ranked(self.count / 2 - 1) + upper) }
    }

    /// The slope of rank `k`: within a bracket that a sample of slopes suggests, widened until it holds the rank.
    fn ranked(&self, k: usize) -> f64 {
        const SAMPLE: usize = 4096;
        if !self.all.is_empty() {
            return self.all[k.min(self.all.len() - 1)];
        }
        let mut random = Rng::new(1);
        let mut sample = Vec::with_capacity(SAMPLE);
        while sample.len() < SAMPLE {
            let (a, b) = (self.points[random.below(self.points.len())], self.points[random.below(self.points.len())]);
            if a.0 != b.0 {
                sample.push((b.1 - a.1) / (b.0 - a.0));
            }
        }
        sample.sort_unstable_by(f64::total_cmp);
        let at = (k as f64 / self.count as f64 * SAMPLE as f64) as usize;
        // four standard errors of a sampled rank
        let mut half = 2 * 64;
        loop {
            let low = if at < half { f64::NEG_INFINITY } else { sample[at - half] };
            let high = sample.get(at + half).copied().unwrap_or(f64::INFINITY);
            if let Some(found) = self.within(k, low, high) {
                return found;
            }
            half *= 2;
        }
    }

    fn within(&self, k: usize, low: f64, high: f64) -> Option<f64> {
        let (mut below, mut at_low, mut between, mut at_high) = (0, 0, Vec::new(), 0);
        for (i, a) in self.points.iter().enumerate() {
            for b in &self.points[i + 1..] {
                if b.0 > a.0 {
                    let slope = (b.1 - a.1) / (b.0 - a.0);
                    if slope < low {
                        below += 1;
                    } else if slope == low {
                        at_low += 1;
                    } else if slope < high {
                        between.push(slope);
                    } else if slope == high {
                        at_high += 1;
                    }
                }
            }
        }
        let rank = k.checked_sub(below)?;
        if rank < at_low {
            return Some(low);
        }
        let rank = rank - at_low;
        if rank < between.len() {
            return Some(*between.select_nth_unstable_by(rank, f64::total_cmp).1);
        }
        (rank < between.len() + at_high).then_some(high)
    }
}

/// Lengths of the runs of equal values.
fn runs(sorted: &[f64]) -> impl Iterator<Item = f64> {
    sorted.chunk_by(|a, b| a == b).map(|run| run.len() as f64)
}

/// Pairs i < j with x_i > x_j; the values are sorted. Merge sort.
fn inversions(x: &mut [f64]) -> u64 {
    let mut other = x.to_vec();
    let (n, mut width, mut count) = (x.len(), 1, 0);
    while width < n {
        for start in (0..n).step_by(2 * width) {
            let (middle, end) = ((start + width).min(n), (start + 2 * width).min(n));
            let (mut i, mut j) = (start, middle);
            for slot in &mut other[start..end] {
                if i < middle && (j >= end || x[i] <= x[j]) {
                    *slot = x[i];
                    i += 1;
                } else {
                    *slot = x[j];
                    j += 1;
                    count += (middle - i) as u64;
                }
            }
        }
        x.copy_from_slice(&other);
        width *= 2;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_series_give_the_slope_of_all_pairs() {
        let mut r = Rng::new(8);
        let n = 1600;
        let t: Vec<f64> = (0..n).map(|i| f64::from(i / 2)).collect();
        let y: Vec<f64> = t.iter().map(|t| 0.3 * t + (20.0 * r.normal()).round()).collect();
        let found = theil_sen(&t, &y, 0.9).unwrap();
        let mut all = Vec::new();
        for i in 0..t.len() {
            for j in i + 1..t.len() {
                if t[j] > t[i] {
                    all.push((y[j] - y[i]) / (t[j] - t[i]));
                }
            }
        }
        assert_eq!(found.slope, median(&all));
        assert!(found.low < found.slope && found.slope < found.high && found.high - found.low < 0.02, "{found:?}");
    }

    #[test]
    fn degenerate_input() {
        assert!(mann_kendall(&[]).is_err() && mann_kendall(&[1.0, f64::NAN]).is_err());
        let flat = mann_kendall(&[2.0; 9]).unwrap();
        assert!(flat.s == 0.0 && flat.p == 1.0 && flat.tau_b.is_nan());
        assert!(theil_sen(&[1.0, 1.0], &[1.0, 2.0], 0.95).is_err());
        assert!(theil_sen(&[1.0], &[1.0, 2.0], 0.95).is_err() && theil_sen(&[1.0, 2.0], &[1.0, 2.0], 1.0).is_err());
        assert_eq!(sen_slope(&[1.0, f64::NAN, 3.0]).unwrap().slope, 1.0);
    }
}
