//! Autocorrelation, partial autocorrelation and the Ljung–Box test, as statsmodels 0.15.

use super::moments::{TestResult, mean};
use crate::special::chi2_sf;

/// Autocorrelations at lags 0 ..= `lags`, biased (divisor n at every lag): statsmodels' `acf(adjusted=False)`.
/// Lags beyond n − 1 are left out. All NaN where a value is not finite or all are equal. O(n · lags).
#[must_use]
pub fn autocorrelation(x: &[f64], lags: usize) -> Vec<f64> {
    let n = x.len();
    if n == 0 {
        return Vec::new();
    }
    let m = mean(x);
    let mut d: Vec<f64> = x.iter().map(|v| v - m).collect();
    let largest = d.iter().map(|v| v.abs()).fold(0.0, f64::max);
    // in units of the largest: squares neither overflow nor vanish
    d.iter_mut().for_each(|v| *v /= largest);
    let flat = x.iter().all(|v| *v == x[0]);
    let zero = if flat { f64::NAN } else { product(&d, &d) };
    (0..=lags.min(n - 1)).map(|k| product(&d[..n - k], &d[k..]) / zero).collect()
}

/// Partial autocorrelations at lags 0 ..= `lags` by the Yule–Walker equations with biased autocorrelations (statsmodels'
/// `pacf(method="ywm")`), solved by Levinson and Durbin's recursion. NaN as [`autocorrelation`]; an exactly predictable
/// series gives NaN from the lag on that predicts it. O(n · lags + lags²).
#[must_use]
pub fn partial_autocorrelation(x: &[f64], lags: usize) -> Vec<f64> {
    let r = autocorrelation(x, lags);
    let mut found: Vec<f64> = r.first().copied().into_iter().collect();
    let mut phi: Vec<f64> = Vec::new();
    let mut error = 1.0;
    for k in 1..r.len() {
        let explained: f64 = phi.iter().zip(r[1..k].iter().rev()).map(|(p, r)| p * r).sum();
        let a = (r[k] - explained) / error;
        let before = phi.clone();
        phi.iter_mut().zip(before.iter().rev()).for_each(|(p, mirror)| *p -= a * mirror);
        phi.push(a);
        error *= 1.0 - a * a;
        found.push(if error > 0.0 || a.abs() <= 1.0 { a } else { f64::NAN });
    }
    found
}

/// Ljung and Box 1978: n (n + 2) Σ ρ_k² / (n − k) up to each lag 1 ..= `lags`, against χ² with as many degrees of freedom.
/// Small p: the series remembers. NaN as [`autocorrelation`].
#[must_use]
pub fn ljung_box(x: &[f64], lags: usize) -> Vec<TestResult> {
    let n = x.len() as f64;
    let mut sum = 0.0;
    let terms = autocorrelation(x, lags);
    terms
        .iter()
        .enumerate()
        .skip(1)
        .map(|(k, r)| {
            sum += r * r / (n - k as f64);
            let statistic = n * (n + 2.0) * sum;
            TestResult { statistic, p: if statistic.is_nan() { f64::NAN } else { chi2_sf(statistic, k as f64) } }
        })
        .collect()
}

/// Σ x y in four lanes.
fn product(x: &[f64], y: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a, b) = (x.chunks_exact(4), y.chunks_exact(4));
    let tail: f64 = a.remainder().iter().zip(b.remainder()).map(|(p, q)| p * q).sum();
    for (p, q) in a.zip(b) {
        for i in 0..4 {
            lanes[i] += p[i] * q[i];
        }
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternating_series_is_told_by_its_first_lag() {
        let x: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let r = autocorrelation(&x, 2);
        assert!((r[1] + 0.99).abs() < 1e-12 && (r[2] - 0.98).abs() < 1e-12, "{r:?}");
        assert!(ljung_box(&x, 1)[0].p < 1e-10);
    }

    #[test]
    fn degenerate_input() {
        assert!(autocorrelation(&[], 3).is_empty() && partial_autocorrelation(&[], 3).is_empty());
        assert!(ljung_box(&[], 3).is_empty() && ljung_box(&[1.0], 3).is_empty());
        assert!(autocorrelation(&[0.1; 9], 3).iter().all(|v| v.is_nan()));
        assert!(partial_autocorrelation(&[1.0, f64::NAN, 2.0], 1).iter().all(|v| v.is_nan()));
        assert!(ljung_box(&[0.1; 9], 2).iter().all(|t| t.p.is_nan()));
    }
}
