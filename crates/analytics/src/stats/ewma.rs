//! Exponentially weighted mean and variance as pandas' `ewm`.

use crate::{Error, Result};

/// Exponentially weighted mean and variance of a stream: pandas 2.3 `ewm(alpha, adjust, ignore_na=False)`, `mean()` and
/// `var(bias=True)`.
///
/// With `adjust` the weights of all samples are (1 − α)^age, so that the start is not overweighted; without, the first
/// sample keeps the weight (1 − α)^age and later ones α (1 − α)^age. A NaN or infinity is a gap: it ages what was seen and
/// leaves the mean. O(1) a sample. For a baseline that outliers must not teach see [`crate::stream::Ewma`].
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialMoments {
    alpha: f64,
    adjust: bool,
    weight: f64,
    mean: f64,
    variance: f64,
}

impl ExponentialMoments {
    /// `alpha` in (0, 1]: the weight of the newest; a half-life of h samples is 1 − 2^(−1/h).
    pub fn new(alpha: f64, adjust: bool) -> Result<Self> {
        Error::parameter(alpha > 0.0 && alpha <= 1.0, "alpha", alpha, "above 0, at most 1")?;
        Ok(Self { alpha, adjust, weight: 0.0, mean: f64::NAN, variance: f64::NAN })
    }

    /// Takes a sample; returns mean and biased variance with it. NaN before the first number.
    pub fn observe(&mut self, x: f64) -> (f64, f64) {
        let old = self.weight * (1.0 - self.alpha);
        if !x.is_finite() {
            self.weight = old;
        } else if self.mean.is_nan() {
            (self.weight, self.mean, self.variance) = (1.0, x, 0.0);
        } else {
            let new = if self.adjust { 1.0 } else { self.alpha };
            let total = old + new;
            let before = self.mean;
            // equal values must give exactly that value
            if x != before {
                self.mean = (old * before + new * x) / total;
            }
            let (shift, distance) = (before - self.mean, x - self.mean);
            self.variance = (old * (self.variance + shift * shift) + new * distance * distance) / total;
            self.weight = if self.adjust { total } else { 1.0 };
        }
        (self.mean, self.variance)
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The biased variance.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_degenerate_gains() {
        let mut e = ExponentialMoments::new(0.5, true).unwrap();
        assert!(e.observe(f64::NAN).0.is_nan() && e.observe(f64::INFINITY).1.is_nan());
        assert_eq!(e.observe(3.0), (3.0, 0.0));
        assert_eq!(e.observe(3.0), (3.0, 0.0));
        assert!(ExponentialMoments::new(0.0, true).is_err() && ExponentialMoments::new(f64::NAN, false).is_err());
        let mut last = ExponentialMoments::new(1.0, false).unwrap();
        last.observe(1.0);
        assert_eq!(last.observe(9.0), (9.0, 0.0));
    }
}
