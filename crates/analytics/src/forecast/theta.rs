//! The Theta method.

use crate::smooth::SeasonKind;
use crate::{Error, Result};

/// The standard Theta method (Assimakopoulos and Nikolopoulos 2000) as the M4 benchmark runs it: where the lag-`period` autocorrelation
/// is significant at 90 %, the series is divided by multiplicative seasonal indices (additive ones where a value or an index is
/// near 0); the forecast is the mean of the least-squares line and of simple exponential smoothing of the Theta-2 line.
///
/// Needs 3 finite values. Constant gives that constant. M4 hourly: MASE 2.455 (no competitor there: the season is fixed). O(n · 60).
pub fn theta(x: &[f64], period: usize, horizon: usize) -> Result<Vec<f64>> {
    Error::at_least("values for Theta", 3, x.len())?;
    Error::all_finite("values", x)?;
    let season = if is_seasonal(x, period) { Some(seasonal_indices(x, period)?) } else { None };
    let n = x.len();
    let plain: Vec<f64> = match &season {
        Some((SeasonKind::Multiplicative, s)) => x.iter().enumerate().map(|(i, v)| v / s[i % period]).collect(),
        Some((SeasonKind::Additive, s)) => x.iter().enumerate().map(|(i, v)| v - s[i % period]).collect(),
        None => x.to_vec(),
    };
    let (slope, mean) = line(&plain);
    let at = |i: usize| mean + slope * (i as f64 - (n as f64 - 1.0) / 2.0);
    let bent: Vec<f64> = plain.iter().enumerate().map(|(i, v)| 2.0 * v - at(i)).collect();
    let level = best_level(&bent);
    Ok((n..n + horizon)
        .map(|i| {
            let f = 0.5 * at(i) + 0.5 * level;
            match &season {
                Some((SeasonKind::Multiplicative, s)) => f * s[i % period],
                Some((SeasonKind::Additive, s)) => f + s[i % period],
                None => f,
            }
        })
        .collect())
}

/// The M4 benchmark's test: |autocorrelation at `period`| above 1.645 Bartlett standard errors, at least three periods of data.
/// Constant series are not seasonal. Values must be finite.
#[must_use]
pub fn is_seasonal(x: &[f64], period: usize) -> bool {
    let n = x.len();
    if period < 2 || n / 3 < period {
        return false;
    }
    let mean = x.iter().sum::<f64>() / n as f64;
    let scale = x.iter().fold(0.0f64, |a, v| a.max((v - mean).abs()));
    if scale.is_nan() || scale <= 1e-12 * mean.abs() {
        return false;
    }
    let z: Vec<f64> = x.iter().map(|v| (v - mean) / scale).collect();
    let total = crate::linalg::dot(&z, &z);
    let acf = |lag: usize| crate::linalg::dot(&z[lag..], &z[..n - lag]) / total;
    let squares: f64 = (1..period).map(|k| acf(k) * acf(k)).sum();
    acf(period).abs() > 1.645 * ((1.0 + 2.0 * squares) / n as f64).sqrt()
}

/// Classical decomposition's seasonal indices, first value's phase first: multiplicative with mean 1 where all values are positive and
/// no index falls below .01, else additive with mean 0. Needs two periods of finite values.
pub fn seasonal_indices(x: &[f64], period: usize) -> Result<(SeasonKind, Vec<f64>)> {
    Error::parameter(period >= 2, "period", period as f64, "at least 2")?;
    Error::at_least("values for seasonal indices", period.saturating_mul(2), x.len())?;
    Error::all_finite("values", x)?;
    let (n, m) = (x.len(), period);
    let half = m / 2;
    let mut sums = vec![[0.0; 3]; m];
    for i in half..n - half {
        let inner: f64 = x[i + 1 - m.div_ceil(2)..=i + m.div_ceil(2) - 1].iter().sum();
        let trend = if m % 2 == 1 { inner } else { inner + 0.5 * (x[i - half] + x[i + half]) } / m as f64;
        let s = &mut sums[i % m];
        s[0] += x[i] / trend;
        s[1] += x[i] - trend;
        s[2] += 1.0;
    }
    let of = |k: usize| -> Vec<f64> { sums.iter().map(|s| if s[2] > 0.0 { s[k] / s[2] } else { 0.0 }).collect() };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / m as f64;
    if x.iter().all(|v| *v > 0.0) {
        let ratios = of(0);
        let centre = mean(&ratios);
        let ratios: Vec<f64> = ratios.iter().map(|r| r / centre).collect();
        if ratios.iter().all(|r| *r >= 0.01) {
            return Ok((SeasonKind::Multiplicative, ratios));
        }
    }
    let offsets = of(1);
    let centre = mean(&offsets);
    Ok((SeasonKind::Additive, offsets.iter().map(|o| o - centre).collect()))
}

/// Slope and mean of the least-squares line.
fn line(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let centre = (n - 1.0) / 2.0;
    let mean = x.iter().sum::<f64>() / n;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (i, v) in x.iter().enumerate() {
        let d = i as f64 - centre;
        xy += d * (v - mean);
        xx += d * d;
    }
    (xy / xx, mean)
}

/// Last level of the simple exponential smoothing with the least squared error; the start level is optimal for each weight, in closed
/// form, since errors are linear in it.
fn best_level(x: &[f64]) -> f64 {
    let scale = x.iter().fold(0.0f64, |a, v| a.max(v.abs())).max(f64::MIN_POSITIVE);
    let run = |alpha: f64| {
        let keep = 1.0 - alpha;
        // level = s + l0 · g, so the error is (v - s) - l0 · g
        let (mut s, mut g) = (0.0, 1.0);
        let (mut ee, mut eg, mut gg) = (0.0, 0.0, 0.0);
        for v in x {
            let e = v / scale - s;
            ee += e * e;
            eg += e * g;
            gg += g * g;
            s += alpha * e;
            g *= keep;
        }
        let l0 = eg / gg;
        (ee - l0 * eg, (s + l0 * g) * scale)
    };
    let grid: Vec<f64> = (0..20).map(|i| 0.0001 + 0.9998 * f64::from(i) / 19.0).collect();
    let best = (0..20).min_by(|a, b| run(grid[*a]).0.total_cmp(&run(grid[*b]).0)).unwrap_or(0);
    let (mut low, mut high) = (grid[best.saturating_sub(1)], grid[(best + 1).min(19)]);
    let golden = (5.0f64.sqrt() - 1.0) / 2.0;
    for _ in 0..25 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if run(a).0 < run(b).0 { high = b } else { low = a }
    }
    run(0.5 * (low + high)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_continues_and_a_constant_stays() {
        let x: Vec<f64> = (0..50).map(|i| 5.0 + 2.0 * f64::from(i)).collect();
        let f = theta(&x, 12, 3).unwrap();
        assert!(f.iter().zip([104.0, 105.0, 106.0]).all(|(a, b)| (a - b).abs() < 1.1), "{f:?}");
        for v in [0.0, 1e300, -1e-300] {
            assert!(theta(&[v; 40], 12, 2).unwrap().iter().all(|f| (f - v).abs() <= 1e-9 * v.abs()));
        }
        assert!(theta(&[1.0, 2.0], 12, 1).is_err() && theta(&[f64::NAN; 9], 2, 1).is_err());
        assert!(!is_seasonal(&[1.0; 50], 12) && seasonal_indices(&[1.0; 9], 5).is_err());
    }
}
