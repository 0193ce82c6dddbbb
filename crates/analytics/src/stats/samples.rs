//! Do two samples differ: Kolmogorov–Smirnov, Welch's t, Mann–Whitney.

use super::moments::{TestResult, mean, variance};
use crate::special::{normal_sf, student_t_sf};
use crate::{Error, Result};

/// Above this many lattice cells the exact distribution costs more than it tells.
const EXACT_CELLS: usize = 10_000_000;

/// Two-sided two-sample Kolmogorov–Smirnov: the largest distance between the empirical distributions, with its exact p value
/// (lattice paths, O(n m)) up to 10⁷ cells, else Kolmogorov's limit with Stephens' correction. As scipy 1.13
/// `ks_2samp(method="exact")`. Ties make the p value conservative. [`Error::TooFew`] for an empty sample,
/// [`Error::NotFinite`] for NaN or an infinity.
pub fn kolmogorov_smirnov(x: &[f64], y: &[f64]) -> Result<TestResult> {
    check(x, y)?;
    let (mut a, mut b) = (x.to_vec(), y.to_vec());
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (n, m) = (a.len(), b.len());
    // distances as whole multiples of 1 / (n m), so that equal ones are equal
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < n && j < m {
        let value = if a[i] <= b[j] { a[i] } else { b[j] };
        i += a[i..].iter().take_while(|v| **v == value).count();
        j += b[j..].iter().take_while(|v| **v == value).count();
        largest = largest.max((i * m).abs_diff(j * n));
    }
    let statistic = largest as f64 / (n as f64 * m as f64);
    let p = if largest == 0 {
        1.0
    } else if n.saturating_mul(m) <= EXACT_CELLS {
        outside(n, m, largest)
    } else {
        let root = (n as f64 / (n + m) as f64 * m as f64).sqrt();
        kolmogorov_sf((root + 0.12 + 0.11 / root) * statistic)
    };
    Ok(TestResult { statistic, p })
}

/// Upper tail of Kolmogorov's distribution: 2 Σ (−1)^(k−1) exp(−2 k² x²).
#[must_use]
pub fn kolmogorov_sf(x: f64) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        // the other side of Jacobi's identity, which converges here
        let step = std::f64::consts::PI * std::f64::consts::PI / (8.0 * x * x);
        let cdf: f64 = (0..20).map(|k| (-f64::from((2 * k + 1) * (2 * k + 1)) * step).exp()).sum();
        return 1.0 - (2.0 * std::f64::consts::PI).sqrt() / x * cdf;
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp();
    2.0 * (1..20).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum::<f64>()
}

/// Welch's t test of equal means, two-sided, for unequal variances. NaN where neither sample varies and the means are equal;
/// t infinite and p 0 where they are not. Errors as [`kolmogorov_smirnov`]; one point in either sample gives NaN.
pub fn welch(x: &[f64], y: &[f64]) -> Result<TestResult> {
    check(x, y)?;
    let (n, m) = (x.len() as f64, y.len() as f64);
    let (a, b) = (variance(x, 1) / n, variance(y, 1) / m);
    let statistic = (mean(x) - mean(y)) / (a + b).sqrt();
    // shares: squares of variances would overflow
    let (share_a, share_b) = (a / (a + b), b / (a + b));
    let df = 1.0 / (share_a * share_a / (n - 1.0) + share_b * share_b / (m - 1.0));
    let p = if statistic.is_infinite() { 0.0 } else { 2.0 * student_t_sf(statistic.abs(), df) };
    Ok(TestResult { statistic, p })
}

/// Mann–Whitney's U of the first sample, two-sided, normal approximation with continuity and tie correction (scipy 1.13
/// `mannwhitneyu(method="asymptotic")`). p is 1 where all values are equal. Errors as [`kolmogorov_smirnov`].
pub fn mann_whitney(x: &[f64], y: &[f64]) -> Result<TestResult> {
    check(x, y)?;
    let mut all: Vec<(f64, bool)> = x.iter().map(|v| (*v, true)).chain(y.iter().map(|v| (*v, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for run in all.chunk_by(|a, b| a.0 == b.0) {
        let t = run.len() as f64;
        rank_sum += run.iter().filter(|e| e.1).count() as f64 * (before + (t + 1.0) / 2.0);
        ties += t * t * t - t;
        before += t;
    }
    let (n, m, total) = (x.len() as f64, y.len() as f64, before);
    let statistic = rank_sum - n * (n + 1.0) / 2.0;
    let middle = n * m / 2.0;
    let spread = (n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)))).sqrt();
    let z = ((statistic - middle).abs() - 0.5) / spread;
    Ok(TestResult { statistic, p: if spread > 0.0 { (2.0 * normal_sf(z)).min(1.0) } else { 1.0 } })
}

fn check(x: &[f64], y: &[f64]) -> Result<()> {
    Error::at_least("points of the first sample", 1, x.len())?;
    Error::at_least("points of the second sample", 1, y.len())?;
    Error::all_finite("first sample", x)?;
    Error::all_finite("second sample", y)
}

/// Probability that a random order of n and m items somewhere reaches |i m − j n| ≥ limit.
///
/// v(i, j) is that probability on the way to (i, j), all orders alike; the last step came from the left with i / (i + j).
fn outside(n: usize, m: usize, limit: usize) -> f64 {
    let mut v = vec![0.0; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            v[j] = if (i * m).abs_diff(j * n) >= limit {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                let left = if j == 0 { 0.0 } else { v[j - 1] * j as f64 };
                (v[j] * i as f64 + left) / (i + j) as f64
            };
        }
    }
    v[m]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_samples() {
        assert!(kolmogorov_smirnov(&[], &[1.0]).is_err() && welch(&[1.0], &[]).is_err());
        assert!(mann_whitney(&[f64::NAN], &[1.0]).is_err());
        assert!(welch(&[1.0, 1.0], &[1.0, 1.0]).unwrap().p.is_nan());
        assert_eq!(kolmogorov_sf(0.0), 1.0);
        assert!(kolmogorov_sf(f64::NAN).is_nan() && kolmogorov_sf(40.0) == 0.0);
        assert!((kolmogorov_sf(1.0 - 1e-12) - kolmogorov_sf(1.0)).abs() < 1e-11);
    }

    #[test]
    fn large_samples_use_the_limit_and_agree_with_the_exact_value() {
        let x: Vec<f64> = (0..4000).map(|i| f64::from(i) / 4000.0).collect();
        let y: Vec<f64> = (0..4000).map(|i| (f64::from(i) / 4000.0).powf(1.06)).collect();
        let large = kolmogorov_smirnov(&x, &y).unwrap();
        let exact = outside(4000, 4000, (large.statistic * 16e6).round() as usize);
        assert!((large.p / exact - 1.0).abs() < 0.05, "{} {exact}", large.p);
    }
}
