//! Matrix profile: for each stretch of a series, how far is the most similar other stretch.
//!
//! Yeh et al. 2016; the recurrence of centred products along diagonals is that of SCAMP (Zimmerman et al. 2019). Reference:
//! stumpy 1.14.1: z-normalised Euclidean distance, exclusion zone ⌈m/4⌉, constant windows, gaps. A stretch without a twin
//! is a discord, the anomaly; one that recurs is a motif. It compares shapes: a level or a scale that is unusual, in the
//! usual shape, it does not see. Evidence for the window of one incident, not for every series: O(n²).

use crate::{Error, Result};

/// Rows of one tile; products are summed afresh at its start, so that rounding does not run along a diagonal.
const TILE: usize = 1024;
/// Diagonals side by side, so that their updates are vector operations.
const LANES: usize = 64;

/// Distances of each window to its nearest other window. All vectors have length n − m + 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Length of a window.
    pub m: usize,
    /// Distance to the nearest window outside the exclusion zone, 0 to 2√m; infinite for a window with a gap, or where
    /// there is none.
    pub distance: Vec<f64>,
    /// Where that window starts; of equally near ones the closest in time, first the earlier one.
    pub index: Vec<Option<usize>>,
    /// The same among earlier windows only: what was known when the window ended.
    pub left_distance: Vec<f64>,
    /// Where that earlier window starts.
    pub left_index: Vec<Option<usize>>,
}

/// The matrix profile for windows of length `m`. O(n²) time (some 3 ns a pair of windows), O(n) memory. NaN and infinities are gaps.
/// Two constant windows have distance 0, a constant and another one √m, as in stumpy; a window is constant where its
/// values are equal. Windows whose spread is below 1e-7 of the series' are noise of rounding: clip spikes first. Errors
/// where `m` is below 3 or above n.
pub fn matrix_profile(series: &[f64], m: usize) -> Result<Profile> {
    let windows = Windows::new(series, m)?;
    let count = windows.count();
    let zone = m.div_ceil(4);
    let mut left = Best::new(count);
    let mut right = Best::new(count);
    // earlier windows in order of time and later ones in reverse, so that "as near" is always nearer in time
    for start in (0..count).step_by(TILE) {
        let rows = TILE.min(count - start);
        let diagonals = (count - start).saturating_sub(zone + 1);
        for block in (0..diagonals.div_ceil(LANES)).rev() {
            windows.tile(start, rows, zone + 1 + block * LANES, (&mut left, &mut right));
        }
    }
    let distance = |correlation: f64| {
        let squared = 2.0 * m as f64 * (1.0 - correlation);
        // stumpy's threshold: below it is rounding
        if squared < 1e-14 { 0.0 } else { squared.sqrt() }
    };
    let mut profile = Profile { m, distance: vec![], index: vec![], left_distance: vec![], left_index: vec![] };
    for i in 0..count {
        let (l, r) = (left.get(i), right.get(i));
        let (correlation, index) = match (l.1, r.1) {
            (Some(a), Some(b)) if l.0 == r.0 && i - a > b - i => r,
            _ if r.0 > l.0 => r,
            _ => l,
        };
        profile.distance.push(index.map_or(f64::INFINITY, |_| distance(correlation)));
        profile.index.push(index);
        profile.left_distance.push(l.1.map_or(f64::INFINITY, |_| distance(l.0)));
        profile.left_index.push(l.1);
    }
    Ok(profile)
}

impl Profile {
    /// The window of largest finite distance and that distance; `None` where no window has a neighbour.
    #[must_use]
    pub fn discord(&self) -> Option<(usize, f64)> {
        self.discords(1).into_iter().next()
    }

    /// Up to `k` windows of largest finite distance that do not overlap, the most unusual first. O(k · n).
    #[must_use]
    pub fn discords(&self, k: usize) -> Vec<(usize, f64)> {
        let mut found: Vec<(usize, f64)> = Vec::new();
        for _ in 0..k.min(self.distance.len()) {
            let mut best: Option<(usize, f64)> = None;
            for (i, d) in self.distance.iter().enumerate() {
                let free = found.iter().all(|(at, _)| at.abs_diff(i) >= self.m);
                if d.is_finite() && free && best.is_none_or(|(_, most)| *d > most) {
                    best = Some((i, *d));
                }
            }
            let Some(best) = best else { break };
            found.push(best);
        }
        found
    }
}

/// The series scaled to mean 0 and spread 1 with gaps filled, and what each window needs.
struct Windows {
    x: Vec<f64>,
    m: usize,
    mean: Vec<f64>,
    /// 1 / √(sum of squared deviations); 0 for constant windows and gaps.
    inverse: Vec<f64>,
    /// Added for both windows to the correlation: ½ for a constant window (two give 1, one gives ½), −∞ for a gap.
    extra: Vec<f64>,
    /// Half the difference of the value that enters and the one that leaves.
    drift: Vec<f64>,
    /// The sum of both, centred by the window they belong to.
    swing: Vec<f64>,
}

impl Windows {
    fn new(series: &[f64], m: usize) -> Result<Self> {
        Error::parameter(m >= 3, "m", m as f64, "3 or more")?;
        Error::at_least("samples for one window", m, series.len())?;
        let x = filled(series);
        let count = x.len() - m + 1;
        let mut w = Self { x, m, mean: vec![], inverse: vec![], extra: vec![], drift: vec![], swing: vec![] };
        // length of the run of finite, and of equal, values that ends at the window's end
        let (mut whole, mut equal) = (0, 0);
        for (i, v) in series.iter().enumerate() {
            whole = if v.is_finite() { whole + 1 } else { 0 };
            equal = if i > 0 && series[i - 1] == *v { equal + 1 } else { 1 };
            let Some(start) = (i + 1).checked_sub(m) else { continue };
            let window = &w.x[start..=i];
            let mean = window.iter().sum::<f64>() / m as f64;
            let squares: f64 = window.iter().map(|v| (v - mean) * (v - mean)).sum();
            let constant = equal >= m || squares == 0.0;
            w.mean.push(mean);
            w.inverse.push(if whole < m || constant { 0.0 } else { 1.0 / squares.sqrt() });
            w.extra.push(match constant {
                _ if whole < m => f64::NEG_INFINITY,
                true => 0.5,
                false => 0.0,
            });
        }
        for i in 0..count {
            let (enters, leaves) = if i > 0 { (w.x[i + m - 1], w.x[i - 1]) } else { (0.0, 0.0) };
            let before = if i > 0 { w.mean[i - 1] } else { 0.0 };
            w.drift.push(0.5 * (enters - leaves));
            w.swing.push((enters - w.mean[i]) + (leaves - before));
        }
        Ok(w)
    }

    fn count(&self) -> usize {
        self.mean.len()
    }

    /// Sum of products of two windows, both centred.
    fn product(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (&self.x[i..i + self.m], &self.x[j..j + self.m]);
        let (p, q) = (self.mean[i], self.mean[j]);
        a.iter().zip(b).map(|(x, y)| (x - p) * (y - q)).sum()
    }

    /// Rows `start..start + rows` against the windows that start `gap..gap + LANES` later.
    fn tile(&self, start: usize, rows: usize, gap: usize, (left, right): (&mut Best, &mut Best)) {
        let mut products = [0.0; LANES];
        let mut correlations = [0.0; LANES];
        for i in start..start + rows {
            let from = i + gap;
            if from >= self.count() {
                break;
            }
            let lanes = LANES.min(self.count() - from);
            let to = from + lanes;
            if i == start {
                products[..lanes].iter_mut().enumerate().for_each(|(k, c)| *c = self.product(i, from + k));
            } else {
                let (drift, swing) = (self.drift[i], self.swing[i]);
                let pairs = self.drift[from..to].iter().zip(&self.swing[from..to]);
                products.iter_mut().zip(pairs).for_each(|(c, (d, s))| *c += drift * s + d * swing);
            }
            let (inverse, extra) = (self.inverse[i], self.extra[i]);
            let others = self.inverse[from..to].iter().zip(&self.extra[from..to]);
            for ((r, c), (v, e)) in correlations.iter_mut().zip(&products).zip(others) {
                let sum = *c * (inverse * v) + (extra + e);
                *r = if sum > 1.0 { 1.0 } else { sum };
            }
            // whole blocks have a length the compiler knows
            if lanes == LANES {
                left.offer_each(from, &correlations, i);
                right.offer_most(i, from, &correlations);
            } else {
                left.offer_each(from, &correlations[..lanes], i);
                right.offer_most(i, from, &correlations[..lanes]);
            }
        }
    }
}

/// The best correlation of each window so far, and with which.
struct Best {
    correlation: Vec<f64>,
    /// A number, so that both are chosen by the same vector mask; exact below 2⁵³.
    index: Vec<f64>,
}

impl Best {
    fn new(count: usize) -> Self {
        // a gap's −∞ does not pass
        Self { correlation: vec![f64::MIN; count], index: vec![-1.0; count] }
    }

    fn get(&self, i: usize) -> (f64, Option<usize>) {
        (self.correlation[i], (self.index[i] >= 0.0).then_some(self.index[i] as usize))
    }

    /// Row `i` for the windows from `from` on.
    #[inline(always)]
    fn offer_each(&mut self, from: usize, correlations: &[f64], i: usize) {
        let at = i as f64;
        let to = from + correlations.len();
        let best = self.correlation[from..to].iter_mut().zip(&mut self.index[from..to]);
        for ((b, index), r) in best.zip(correlations) {
            let better = *r >= *b;
            *index = if better { at } else { *index };
            *b = if better { *r } else { *b };
        }
    }

    /// The windows from `from` on for row `i`.
    #[inline(always)]
    fn offer_most(&mut self, i: usize, from: usize, correlations: &[f64]) {
        let mut most = [f64::MIN; 8];
        for eight in correlations.chunks_exact(8) {
            for (m, r) in most.iter_mut().zip(eight) {
                *m = if *r > *m { *r } else { *m };
            }
        }
        let rest = correlations.chunks_exact(8).remainder().iter().chain(&most);
        let most = rest.fold(f64::MIN, |m, r| if *r > m { *r } else { m });
        if most >= self.correlation[i] {
            let at = correlations.iter().position(|r| *r == most).unwrap_or(0);
            self.correlation[i] = most;
            self.index[i] = (from + at) as f64;
        }
    }
}

/// Mean 0 and spread 1 whatever the unit; a gap takes the value before it (0 at the start): its windows do not count, but
/// sums run through it.
fn filled(series: &[f64]) -> Vec<f64> {
    let finite: Vec<f64> = series.iter().copied().filter(|v| v.is_finite()).collect();
    let scale = finite.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let n = (finite.len() as f64).max(1.0);
    let mean = finite.iter().map(|v| v / scale).sum::<f64>() / n;
    let spread = (finite.iter().map(|v| (v / scale - mean).powi(2)).sum::<f64>() / n).sqrt();
    let spread = if spread > 0.0 { spread } else { 1.0 };
    let mut last = 0.0;
    series
        .iter()
        .map(|v| {
            if v.is_finite() {
                last = (v / scale - mean) / spread;
            }
            last
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn brute(y: &[f64], m: usize, i: usize, j: usize) -> f64 {
        let unit = |w: &[f64]| {
            let mean = w.iter().sum::<f64>() / m as f64;
            let deviation = (w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / m as f64).sqrt();
            w.iter().map(|v| (v - mean) / deviation).collect::<Vec<_>>()
        };
        unit(&y[i..i + m]).iter().zip(unit(&y[j..j + m])).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn distances_over_several_tiles_are_those_of_the_definition() {
        let mut r = Rng::new(2);
        let y: Vec<f64> = (0..2300).map(|i| 1e6 + (f64::from(i) * 0.2).sin() + r.normal()).collect();
        let m = 20;
        let profile = matrix_profile(&y, m).unwrap();
        for i in [0usize, 5, 700, 1500, 2280] {
            let others = (0..2281usize).filter(|j| j.abs_diff(i) > 5).map(|j| brute(&y, m, i, j));
            assert!((profile.distance[i] - others.fold(f64::INFINITY, f64::min)).abs() < 1e-6);
            let left = (0..i.saturating_sub(5)).map(|j| brute(&y, m, i, j)).fold(f64::INFINITY, f64::min);
            assert!(profile.left_distance[i] == left || (profile.left_distance[i] - left).abs() < 1e-6);
        }
    }

    #[test]
    fn the_discord_is_the_broken_beat() {
        let mut y: Vec<f64> = (0..600).map(|i| f64::from(i % 25)).collect();
        y[310..322].fill(3.0);
        let profile = matrix_profile(&y, 25).unwrap();
        let (at, distance) = profile.discord().unwrap();
        assert!((286..322).contains(&at) && distance > 1.0, "{at} {distance}");
        let several = profile.discords(3);
        assert!(several.len() == 3 && several[0].0.abs_diff(several[1].0) >= 25);
    }

    #[test]
    fn degenerate_series_are_errors_or_finite() {
        assert!(matrix_profile(&[], 4).is_err() && matrix_profile(&[1.0; 9], 2).is_err());
        assert!(matrix_profile(&[1.0; 9], usize::MAX).is_err());
        let gaps = matrix_profile(&[f64::NAN; 30], 4).unwrap();
        assert!(gaps.discord().is_none() && gaps.index.iter().all(Option::is_none));
        let huge: Vec<f64> = (0..40).map(|i| f64::from(i % 7) * 1e307).collect();
        assert!(matrix_profile(&huge, 5).unwrap().distance.iter().all(|d| d.is_finite()));
    }
}
