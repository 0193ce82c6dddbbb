//! The closed-form forecasters of the pool. Each is O(history) at most; all write into given room.

use crate::Matrix;
use crate::linalg::{cholesky, cholesky_solve, dot};
use crate::stats::order::median_in_place;

/// How many members there are.
pub(super) const MEMBERS: usize = 16;
/// Members that need a single pass over the history, which all origins share.
const SMOOTHED: usize = 13;
const DAILY: usize = 14;
const WEEKLY: usize = 15;

/// Forecasts of all members from several origins.
pub(super) struct Members {
    /// origin × member × step
    values: Vec<f64>,
    /// origin × member: whether the member could answer.
    known: Vec<bool>,
    horizon: usize,
}

impl Members {
    /// `origins` are counts of known values, ascending, each at least `7 * m` (or all there are).
    pub fn compute(x: &[f64], m: usize, horizon: usize, origins: &[usize]) -> Self {
        let mut all = Self {
            values: vec![0.0; origins.len() * MEMBERS * horizon],
            known: vec![false; origins.len() * MEMBERS],
            horizon,
        };
        for (o, end) in origins.iter().enumerate() {
            all.simple(&x[..*end], m, o);
        }
        all.smoothed(x, m, origins);
        all.regression(x, origins, DAILY, &[1, 2, 3, m - 1, m, m + 1, 2 * m]);
        all.regression(x, origins, WEEKLY, &[1, 2, m - 1, m, m + 1, 7 * m - 1, 7 * m, 7 * m + 1]);
        all
    }

    pub fn get(&self, origin: usize, member: usize) -> Option<&[f64]> {
        let at = origin * MEMBERS + member;
        self.known[at].then(|| &self.values[at * self.horizon..(at + 1) * self.horizon])
    }

    fn room(&mut self, origin: usize, member: usize) -> &mut [f64] {
        let at = origin * MEMBERS + member;
        self.known[at] = true;
        &mut self.values[at * self.horizon..(at + 1) * self.horizon]
    }

    /// Members that look at the last days and weeks only.
    fn simple(&mut self, x: &[f64], m: usize, o: usize) {
        let n = x.len();
        let last = x[n - 1];
        self.room(o, 0).fill(last);
        if n < m {
            return;
        }
        let day_median = median_in_place(&mut x[n - m..].to_vec());
        self.room(o, 1).fill(day_median);
        let pull = (-1.0f64 / (m as f64 / 4.0)).exp();
        let mut gap = last - day_median;
        for f in self.room(o, 2) {
            *f = day_median + gap;
            gap *= pull;
        }
        repeat(&x[n - m..], self.room(o, 3));
        if n >= 2 * m {
            let (short, half) = (m as f64 / 8.0, m as f64 / 2.0);
            let level = Level::measure(x, m, short, |i| x[i - m]);
            let base = &x[n - m..];
            level.add(base, half, self.room(o, 4));
            for (member, days) in [(5, 3), (6, 7)] {
                let usual = phase_medians(x, m, days);
                let level = Level::measure(x, m, short, |i| usual[(i + m - (n - m)) % m]);
                level.add(&usual, half, self.room(o, member));
            }
        }
        if n >= 3 * m {
            let middle = median_in_place(&mut x[n - 3 * m..].to_vec());
            self.room(o, 7).fill(middle);
        }
        self.weekly(x, m, o);
    }

    /// Members that repeat weeks.
    fn weekly(&mut self, x: &[f64], m: usize, o: usize) {
        let (n, w) = (x.len(), 7 * m);
        if n < w {
            return;
        }
        repeat(&x[n - w..], self.room(o, 8));
        if n < w + m {
            return;
        }
        let day = Level::measure(x, m, m as f64, |i| x[i - w]);
        day.add(&x[n - w..], 4.0 * m as f64, self.room(o, 9));
        let near = Level::measure(x, m, m as f64 / 8.0, |i| x[i - w]);
        near.add(&x[n - w..], m as f64 / 2.0, self.room(o, 10));
        if n >= 2 * w {
            let two: Vec<f64> = (0..w).map(|t| 0.5 * (x[n - w + t] + x[n - 2 * w + t])).collect();
            repeat(&two, self.room(o, 11));
            if n >= 2 * w + m {
                let level = Level::measure(x, m, m as f64, |i| 0.5 * (x[i - w] + x[i - 2 * w]));
                level.add(&two, 4.0 * m as f64, self.room(o, 12));
            }
        }
    }

    /// Additive level and day season with an autocorrelated error, constants fixed: Taylor's form of exponential smoothing
    /// (J. Oper. Res. Soc. 54, 2003) with a slow level. One pass, a forecast at each origin on the way.
    fn smoothed(&mut self, x: &[f64], m: usize, origins: &[usize]) {
        // starting values, judged by backtests only: the level moves over a day, the season over ten, errors halve in a step
        const LEVEL: f64 = 0.05;
        const SEASON: f64 = 0.1;
        const CARRY: f64 = 0.5;
        if x.len() < m {
            return;
        }
        let mut level = x[..m].iter().sum::<f64>() / m as f64;
        let mut season: Vec<f64> = x[..m].iter().map(|v| v - level).collect();
        let mut before = 0.0;
        let mut phase = 0;
        let mut at = 0;
        for (o, end) in origins.iter().enumerate() {
            for v in &x[at..*end] {
                let raw = v - level - season[phase];
                let error = raw - CARRY * before;
                level += LEVEL * error;
                season[phase] += SEASON * error;
                before = raw;
                phase = if phase + 1 == m { 0 } else { phase + 1 };
            }
            at = *end;
            if at < 2 * m {
                continue;
            }
            let (mut p, mut carry) = (phase, CARRY * before);
            for f in self.room(o, SMOOTHED) {
                *f = level + season[p] + carry;
                carry *= CARRY;
                p = if p + 1 == m { 0 } else { p + 1 };
            }
        }
    }

    /// Linear regression on own lags, iterated over the horizon. Normal equations are carried on from origin to origin.
    fn regression(&mut self, x: &[f64], origins: &[usize], member: usize, lags: &[usize]) {
        let d = lags.len();
        let longest = lags[d - 1].max(lags[d - 2]);
        let Some(first) = origins.first().copied().filter(|f| *f > longest + 3 * d) else { return };
        let centre = x[..first].iter().sum::<f64>() / first as f64;
        let spread = (x[..first].iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / first as f64).sqrt();
        if spread <= 0.0 || !spread.is_finite() {
            return;
        }
        let z: Vec<f64> = x.iter().map(|v| (v - centre) / spread).collect();
        let mut gram = Matrix::zeros(d + 1, d + 1);
        let mut right = vec![0.0; d + 1];
        let mut at = longest;
        let mut path = Vec::with_capacity(longest + self.horizon);
        for (o, end) in origins.iter().enumerate() {
            accumulate(&z, lags, (at, *end), &mut gram, &mut right);
            at = *end;
            let Some(weights) = ridge(&gram, &right) else { continue };
            let known = &z[..*end];
            let (low, high) = known.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            // an unstable recursion must not run away
            let room = 0.3 * (high - low);
            path.clear();
            path.extend_from_slice(&known[end - longest..]);
            for f in self.room(o, member) {
                let n = path.len();
                let v = lags.iter().zip(&weights).map(|(l, w)| w * path[n - l]).sum::<f64>() + weights[d];
                path.push(v);
                *f = centre + spread * v.clamp(low - room, high + room);
            }
        }
    }
}

/// The latest error of a seasonal base, weighted towards the end.
struct Level(f64);

impl Level {
    /// Weighted mean over the last `m` values of value minus `base(index)`, weights `exp(-age / reach)`.
    fn measure(x: &[f64], m: usize, reach: f64, base: impl Fn(usize) -> f64) -> Self {
        let n = x.len();
        let keep = (-1.0 / reach).exp();
        let (mut weight, mut total, mut sum) = (1.0, 0.0, 0.0);
        for i in (n - m..n).rev() {
            total += weight;
            sum += weight * (x[i] - base(i));
            weight *= keep;
        }
        Self(sum / total)
    }

    /// `base` repeated, plus the error decaying over the horizon.
    fn add(&self, base: &[f64], decay: f64, out: &mut [f64]) {
        let keep = (-1.0 / decay).exp();
        let mut error = self.0;
        repeat(base, out);
        for f in out {
            *f += error;
            error *= keep;
        }
    }
}

fn repeat(cycle: &[f64], out: &mut [f64]) {
    for part in out.chunks_mut(cycle.len()) {
        part.copy_from_slice(&cycle[..part.len()]);
    }
}

/// Median of each phase over the last `days` periods, the next step's phase first.
fn phase_medians(x: &[f64], m: usize, days: usize) -> Vec<f64> {
    let n = x.len();
    let days = days.min(n / m);
    let mut room = [0.0; 7];
    (0..m)
        .map(|p| {
            for j in 0..days {
                // insertion: at most seven values
                let v = x[n - (j + 1) * m + p];
                let mut k = j;
                while k > 0 && room[k - 1] > v {
                    room[k] = room[k - 1];
                    k -= 1;
                }
                room[k] = v;
            }
            0.5 * (room[days / 2] + room[(days - 1) / 2])
        })
        .collect()
}

/// Adds the rows `range` of the lag regression to its normal equations.
fn accumulate(z: &[f64], lags: &[usize], range: (usize, usize), gram: &mut Matrix, right: &mut [f64]) {
    let (from, to) = range;
    let d = lags.len();
    let y = &z[from..to];
    for p in 0..d {
        let a = &z[from - lags[p]..to - lags[p]];
        for (q, lag) in lags.iter().enumerate().take(p + 1) {
            gram[(p, q)] += dot(a, &z[from - lag..to - lag]);
        }
        gram[(d, p)] += a.iter().sum::<f64>();
        right[p] += dot(a, y);
    }
    gram[(d, d)] += y.len() as f64;
    right[d] += y.iter().sum::<f64>();
}

/// Least squares with a little ridge on all but the constant, against collinear lags.
fn ridge(gram: &Matrix, right: &[f64]) -> Option<Vec<f64>> {
    let d = right.len() - 1;
    let mut g = gram.clone();
    let mean = (0..d).map(|i| g[(i, i)]).sum::<f64>() / d as f64;
    for i in 0..d {
        g[(i, i)] += 1e-4 * mean + 1e-9;
    }
    let l = cholesky(&g).ok()?;
    let mut b = right.to_vec();
    cholesky_solve(&l, &mut b);
    Some(b)
}
