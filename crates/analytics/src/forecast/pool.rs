//! A pool of closed-form forecasters, weighted by their own backtests, with conformal bands.

use super::Forecast;
use super::members::{MEMBERS, Members};
use crate::stats::order::quantile_sorted;
use crate::{Error, Result};

/// Parameters of [`pool`].
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Steps in a day, at least 2; a week is seven of them.
    pub period: usize,
    /// Steps ahead, at least 1.
    pub horizon: usize,
    /// Backtest origins, stepped by half a day back from the end; fewer where the history is short.
    pub origins: usize,
    /// Weight of an origin against the next younger one.
    pub discount: f64,
    /// A member's weight is its mean error to minus this power.
    pub power: f64,
    /// Share of future values the band shall hold, in (0, 1).
    pub coverage: f64,
    /// No forecast or band goes below 0 where the history does not.
    pub keep_sign: bool,
}

impl Default for Pool {
    /// A day of hours. Origins, discount and power from backtests on two public sets (docs/internals/accuracy.md):
    /// powers of 2 to 5 and 4 to 8 origins differ by 1 to 2.5 %.
    fn default() -> Self {
        Self { period: 24, horizon: 24, origins: 6, discount: 0.9, power: 3.0, coverage: 0.9, keep_sign: true }
    }
}

/// Forecasts a series with a daily (and perhaps weekly) pattern, in about a tenth of a millisecond for two weeks of hours.
///
/// **Members** (16): last value, last value decaying to the day's median, medians of one and three days, the last day, the last day and
/// profiles of three and seven days with level correction, the last week with and without two kinds of level correction, mean of two
/// weeks with and without, exponential smoothing with day season and autocorrelated error, and two linear regressions on own lags
/// (around one day; around one day and one week). Every member forecasts from `origins` past moments; weight = (mean absolute error,
/// younger origins count more)^-power; the forecast is the **weighted median** per step, so one mad member moves nothing.
///
/// **Bands**: split conformal: residuals of the pool at those origins, each judged with weights that have not seen it, divided by a
/// smoothed profile of their size over the horizon; their quantiles, widened for the few origins there are.
///
/// Short history: members that lack data stay out; below two days plus the horizon no backtest is possible, weights are equal and
/// the bands come from the seasonal (else first) differences. Needs one finite value. Refuses NaN and infinities: fill gaps first.
/// Constant history: that constant, a band of width 0. O(members · origins · horizon + history · 80).
pub fn pool(x: &[f64], parameters: &Pool) -> Result<Forecast> {
    let p = parameters;
    Error::parameter(p.period >= 2, "period", p.period as f64, "at least 2")?;
    Error::parameter(p.period <= 1 << 20, "period", p.period as f64, "at most 2^20")?;
    Error::parameter(p.horizon >= 1 && p.horizon <= 1 << 20, "horizon", p.horizon as f64, "1 to 2^20")?;
    Error::parameter(p.coverage > 0.0 && p.coverage < 1.0, "coverage", p.coverage, "in (0, 1)")?;
    Error::parameter(p.discount > 0.0 && p.discount <= 1.0, "discount", p.discount, "in (0, 1]")?;
    Error::parameter(p.power >= 0.0 && p.power <= 16.0, "power", p.power, "0 to 16")?;
    Error::parameter(p.origins <= 64, "origins", p.origins as f64, "at most 64")?;
    Error::at_least("values to forecast from", 1, x.len())?;
    Error::all_finite("values", x)?;
    let largest = x.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    // sums of squares of values near the end of the range would overflow
    let unit = if largest > 1e100 || (largest > 0.0 && largest < 1e-100) { largest } else { 1.0 };
    if unit == 1.0 {
        return Ok(answer(x, p));
    }
    let scaled: Vec<f64> = x.iter().map(|v| v / unit).collect();
    let mut f = answer(&scaled, p);
    for v in f.point.iter_mut().chain(&mut f.lower).chain(&mut f.upper) {
        *v *= unit;
    }
    Ok(f)
}

fn answer(x: &[f64], p: &Pool) -> Forecast {
    let (n, m, h) = (x.len(), p.period, p.horizon);
    // oldest first; the last "origin" is now
    let least = if n >= 7 * m + h { 7 * m } else { 2 * m };
    let mut origins: Vec<usize> =
        (0..p.origins).rev().filter_map(|b| n.checked_sub(h + b * (m / 2).max(1))).filter(|o| *o >= least).collect();
    let tests = origins.len();
    origins.push(n);
    let members = Members::compute(x, m, h, &origins);
    let errors = Errors::measure(x, &members, &origins, p);
    let mut point = vec![0.0; h];
    errors.combine(&members, tests, None, &mut point);
    let mut residuals = vec![0.0; tests * h];
    for (b, r) in residuals.chunks_exact_mut(h).enumerate() {
        errors.combine(&members, b, Some(b), r);
        for (r, v) in r.iter_mut().zip(&x[origins[b]..]) {
            *r = v - *r;
        }
    }
    let (below, above) = if tests > 0 { conformal(&residuals, h, p) } else { naive_band(x, m, h, p) };
    let floor = if p.keep_sign && x.iter().all(|v| *v >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    point.iter_mut().for_each(|v| *v = v.max(floor));
    let lower = point.iter().zip(&below).map(|(v, d)| (v + d).max(floor)).collect();
    let upper = point.iter().zip(&above).map(|(v, d)| (v + d).max(floor)).collect();
    Forecast { point, lower, upper }
}

/// Mean absolute error of each member at each origin.
struct Errors {
    /// origin × member; infinite where the member could not answer
    table: Vec<f64>,
    floor: f64,
    discount: f64,
    power: f64,
}

impl Errors {
    fn measure(x: &[f64], members: &Members, origins: &[usize], p: &Pool) -> Self {
        let tests = origins.len() - 1;
        let mut table = vec![f64::INFINITY; tests * MEMBERS];
        for b in 0..tests {
            let truth = &x[origins[b]..origins[b] + p.horizon];
            for k in 0..MEMBERS {
                if let Some(f) = members.get(b, k) {
                    table[b * MEMBERS + k] =
                        f.iter().zip(truth).map(|(f, v)| (f - v).abs()).sum::<f64>() / p.horizon as f64;
                }
            }
        }
        let size = x.iter().map(|v| v.abs()).sum::<f64>() / x.len() as f64;
        // exact members share the weight instead of dividing by zero
        Self { table, floor: (1e-9 * size).max(f64::MIN_POSITIVE * 1e20), discount: p.discount, power: p.power }
    }

    /// The pool's forecast at origin `o` into `out`, with weights from all tests but `without`.
    fn combine(&self, members: &Members, o: usize, without: Option<usize>, out: &mut [f64]) {
        let tests = self.table.len() / MEMBERS;
        let alone = without.is_some() && tests == 1;
        let mut used: [(&[f64], f64); MEMBERS] = [(&[], 0.0); MEMBERS];
        let mut count = 0;
        let mut mean = [0.0; MEMBERS];
        for (k, mean) in mean.iter_mut().enumerate() {
            let (mut sum, mut total, mut weight) = (0.0, 0.0, 1.0);
            for b in (0..tests).rev() {
                if without != Some(b) || alone {
                    sum += weight * self.table[b * MEMBERS + k];
                    total += weight;
                }
                weight *= self.discount;
            }
            *mean = if total > 0.0 { sum / total + self.floor } else { 1.0 };
        }
        let best = mean.iter().copied().fold(f64::INFINITY, f64::min);
        for (k, mean) in mean.iter().enumerate() {
            if let Some(f) = members.get(o, k)
                && (mean.is_finite() || !best.is_finite())
            {
                let ratio = if best.is_finite() { best / mean } else { 1.0 };
                used[count] = (f, ratio.powf(self.power));
                count += 1;
            }
        }
        let used = &used[..count];
        let half = used.iter().map(|u| u.1).sum::<f64>() / 2.0;
        for (t, out) in out.iter_mut().enumerate() {
            *out = weighted_median(used, t, half);
        }
    }
}

/// The smallest value at which the weights from below reach `half`.
fn weighted_median(used: &[(&[f64], f64)], step: usize, half: f64) -> f64 {
    let mut sorted = [(0.0, 0.0); MEMBERS];
    for (i, (f, w)) in used.iter().enumerate() {
        let v = f[step];
        let mut k = i;
        while k > 0 && sorted[k - 1].0 > v {
            sorted[k] = sorted[k - 1];
            k -= 1;
        }
        sorted[k] = (v, *w);
    }
    let mut sum = 0.0;
    for (v, w) in &sorted[..used.len()] {
        sum += w;
        if sum >= half {
            return *v;
        }
    }
    sorted[used.len().saturating_sub(1)].0
}

/// Distances of the band from the forecast per step, from backtest residuals (origin × step).
fn conformal(residuals: &[f64], h: usize, p: &Pool) -> (Vec<f64>, Vec<f64>) {
    let size = step_sizes(residuals, h, p.period);
    let mut scaled: Vec<f64> =
        residuals.iter().enumerate().map(|(i, r)| if size[i % h] > 0.0 { r / size[i % h] } else { 0.0 }).collect();
    scaled.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - p.coverage) / 2.0;
    let (low, high) = (quantile_sorted(&scaled, tail).min(0.0), quantile_sorted(&scaled, 1.0 - tail).max(0.0));
    (size.iter().map(|s| low * s * WIDEN).collect(), size.iter().map(|s| high * s * WIDEN).collect())
}

/// Residuals of overlapping backtests are fewer than they look: a series' own quantiles come out too narrow. 1.6 gave 89 % for 90 on
/// server CPU (24 steps) and on the M4 hourly series (48 steps) alike.
const WIDEN: f64 = 1.6;
/// Growth of the band over a day ahead, where few origins cannot show it.
const GROWTH: f64 = 0.15;

/// Typical size of the residuals at each step: mean over origins and neighbouring steps, a fifth shrunk to the mean of all.
fn step_sizes(residuals: &[f64], h: usize, m: usize) -> Vec<f64> {
    let tests = (residuals.len() / h) as f64;
    let mut by_step = vec![0.0; h];
    for r in residuals.chunks_exact(h) {
        by_step.iter_mut().zip(r).for_each(|(s, r)| *s += r.abs() / tests);
    }
    let overall = by_step.iter().sum::<f64>() / h as f64;
    let reach = m / 8;
    (0..h)
        .map(|t| {
            let near = &by_step[t.saturating_sub(reach)..(t + reach + 1).min(h)];
            let own = near.iter().sum::<f64>() / near.len() as f64;
            (0.2 * overall + 0.8 * own) * (1.0 + GROWTH * t as f64 / m as f64)
        })
        .collect()
}

/// Where nothing could be tested: the spread of seasonal differences, growing for steps if there is not even a day.
fn naive_band(x: &[f64], m: usize, h: usize, p: &Pool) -> (Vec<f64>, Vec<f64>) {
    let n = x.len();
    let lag = if n > m { m } else { 1 };
    let mut differences: Vec<f64> = x.iter().skip(lag).zip(x).map(|(a, b)| (a - b).abs()).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let wide = if differences.is_empty() { 0.0 } else { quantile_sorted(&differences, p.coverage) };
    let above: Vec<f64> = (0..h)
        .map(|t| if lag == 1 { wide * ((t + 1) as f64).sqrt() } else { wide * ((t / m + 1) as f64).sqrt() })
        .collect();
    (above.iter().map(|w| -w).collect(), above)
}
