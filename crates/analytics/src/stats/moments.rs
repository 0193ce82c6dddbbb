//! Mean, variance, skewness, kurtosis and the Jarque–Bera test, at once or sample by sample.
//!
//! Definitions as scipy 1.13 (`np.mean`, `np.var`, `stats.skew`, `stats.kurtosis`, `stats.jarque_bera`; biased, excess
//! kurtosis). NaN or an infinity anywhere gives NaN. All O(n), two passes over the data.

use crate::special::chi2_sf;

/// Sum in eight lanes: the compiler makes vector additions of it, and the error grows slower than that of one long sum.
#[must_use]
pub fn sum(x: &[f64]) -> f64 {
    sum_of(x, |v| v)
}

/// Sum of `f` over the values, in eight lanes as [`sum`].
pub(crate) fn sum_of(x: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = x.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += f(*v);
        }
    }
    let tail: f64 = rest.iter().map(|v| f(*v)).sum();
    let [a, b, c, d, e, g, h, i] = lanes;
    ((a + e) + (b + g)) + ((c + h) + (d + i)) + tail
}

/// Arithmetic mean; NaN of nothing. A sum beyond the largest `f64` is infinite.
#[must_use]
pub fn mean(x: &[f64]) -> f64 {
    sum(x) / x.len() as f64
}

/// Variance with divisor n − `ddof`: 0 for the population's, 1 for the unbiased estimate. NaN where n ≤ `ddof`.
/// Exactly 0 for equal values, whatever the rounding of their mean.
#[must_use]
pub fn variance(x: &[f64], ddof: usize) -> f64 {
    if x.len() <= ddof {
        return f64::NAN;
    }
    if constant(x) {
        return 0.0;
    }
    let m = mean(x);
    sum_of(x, |v| (v - m) * (v - m)) / (x.len() - ddof) as f64
}

/// Square root of [`variance`].
#[must_use]
pub fn deviation(x: &[f64], ddof: usize) -> f64 {
    variance(x, ddof).sqrt()
}

/// Biased skewness m₃ / m₂^1.5. NaN of nothing and of equal values (spread below the rounding of the mean).
///
/// Works in units of the largest distance from the mean, so that unlike the reference neither 1e±150 nor 1e±300
/// overflows.
#[must_use]
pub fn skewness(x: &[f64]) -> f64 {
    Shape::of(x).map_or(f64::NAN, |s| s.m3 / s.m2.powf(1.5))
}

/// Biased excess kurtosis m₄ / m₂² − 3: 0 for a normal distribution. NaN as [`skewness`].
#[must_use]
pub fn kurtosis(x: &[f64]) -> f64 {
    Shape::of(x).map_or(f64::NAN, |s| s.m4 / (s.m2 * s.m2) - 3.0)
}

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// The test's statistic.
    pub statistic: f64,
    /// Probability of a statistic at least as extreme where the null hypothesis holds.
    pub p: f64,
}

/// Jarque and Bera 1980: n/6 (skewness² + kurtosis²/4) against χ² with two degrees of freedom. Small p: not normal.
/// The p value is good from about 2,000 points on; NaN as [`skewness`].
#[must_use]
pub fn jarque_bera(x: &[f64]) -> TestResult {
    let (s, k) = (skewness(x), kurtosis(x));
    let statistic = x.len() as f64 / 6.0 * (s * s + k * k / 4.0);
    TestResult { statistic, p: if statistic.is_nan() { f64::NAN } else { chi2_sf(statistic, 2.0) } }
}

fn constant(x: &[f64]) -> bool {
    x.first().is_some_and(|first| x.iter().all(|v| v == first))
}

/// Central moments in units of the largest distance from the mean.
struct Shape {
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Shape {
    fn of(x: &[f64]) -> Option<Self> {
        let m = mean(x);
        let largest = x.iter().map(|v| (v - m).abs()).fold(0.0, f64::max);
        if !m.is_finite() || !largest.is_finite() || constant(x) || largest == 0.0 {
            return None;
        }
        // division, not a reciprocal: 1 / 1e-310 is infinite
        let scaled = |power: i32| sum_of(x, |v| ((v - m) / largest).powi(power)) / x.len() as f64;
        let m2 = scaled(2);
        // scipy's rule: a spread below the rounding of the mean is none
        if m2.sqrt() * largest <= f64::EPSILON * m.abs() {
            return None;
        }
        Some(Self { m2, m3: scaled(3), m4: scaled(4) })
    }
}

/// Count, mean and central moments of a stream; parts that were counted apart can be merged.
///
/// Pébay 2008 (Sandia report 2008-6212), the pairwise update of Chan et al. O(1) a sample, 40 bytes. NaN and infinities
/// are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    /// Takes a sample in.
    pub fn observe(&mut self, x: f64) {
        if x.is_finite() {
            self.merge(&Self { n: 1.0, mean: x, ..Self::default() });
        }
    }

    /// Takes in what another one has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0.0 {
            return;
        }
        let (na, nb) = (self.n, other.n);
        let n = na + nb;
        let d = other.mean - self.mean;
        let d_n = d / n;
        let (a2, b2, a3, b3) = (self.m2, other.m2, self.m3, other.m3);
        self.m4 += other.m4
            + d * d_n * d_n * d_n * na * nb * (na * na - na * nb + nb * nb)
            + 6.0 * d_n * d_n * (na * na * b2 + nb * nb * a2)
            + 4.0 * d_n * (na * b3 - nb * a3);
        self.m3 += b3 + d * d_n * d_n * na * nb * (na - nb) + 3.0 * d_n * (na * b2 - nb * a2);
        self.m2 += b2 + d * d_n * na * nb;
        self.mean += d_n * nb;
        self.n = n;
    }

    /// Samples taken in.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.n as u64
    }

    /// The mean; NaN before the first sample.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.n == 0.0 { f64::NAN } else { self.mean }
    }

    /// Variance with divisor n − `ddof`; NaN where n ≤ `ddof`.
    #[must_use]
    pub fn variance(&self, ddof: usize) -> f64 {
        let divisor = self.n - ddof as f64;
        if divisor > 0.0 { self.m2 / divisor } else { f64::NAN }
    }

    /// As [`skewness`].
    #[must_use]
    pub fn skewness(&self) -> f64 {
        if self.m2 > 0.0 { self.n.sqrt() * self.m3 / self.m2.powf(1.5) } else { f64::NAN }
    }

    /// As [`kurtosis`].
    #[must_use]
    pub fn kurtosis(&self) -> f64 {
        if self.m2 > 0.0 { self.n * self.m4 / (self.m2 * self.m2) - 3.0 } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn parts_merged_are_the_whole() {
        let mut r = Rng::new(5);
        let x: Vec<f64> = (0..1000).map(|_| r.normal().exp() + 1e6).collect();
        let (mut left, mut right, mut whole) = (Moments::default(), Moments::default(), Moments::default());
        x[..333].iter().for_each(|v| left.observe(*v));
        x[333..].iter().for_each(|v| right.observe(*v));
        x.iter().for_each(|v| whole.observe(*v));
        left.merge(&right);
        left.merge(&Moments::default());
        for m in [&left, &whole] {
            assert_eq!(m.count(), 1000);
            assert!((m.mean() / mean(&x) - 1.0).abs() < 1e-14);
            assert!((m.variance(1) / variance(&x, 1) - 1.0).abs() < 1e-8);
            assert!((m.skewness() / skewness(&x) - 1.0).abs() < 1e-6);
            assert!((m.kurtosis() / kurtosis(&x) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn degenerate_input_gives_nan_or_zero() {
        assert!(mean(&[]).is_nan() && variance(&[], 0).is_nan() && variance(&[1.0], 1).is_nan());
        assert_eq!(variance(&[0.1; 7], 1), 0.0);
        assert!(skewness(&[0.1; 7]).is_nan() && kurtosis(&[]).is_nan() && jarque_bera(&[2.0]).p.is_nan());
        assert!(skewness(&[1.0, f64::NAN]).is_nan() && skewness(&[1.0, f64::INFINITY]).is_nan());
        let tiny = [1e-310, 2e-310, 4e-310];
        assert!((skewness(&tiny) - skewness(&[1.0, 2.0, 4.0])).abs() < 1e-9);
        let mut m = Moments::default();
        m.observe(f64::NAN);
        assert!(m.mean().is_nan() && m.variance(0).is_nan() && m.skewness().is_nan());
    }
}
