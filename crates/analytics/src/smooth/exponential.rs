//! Simple and double exponential smoothing.

use crate::{Error, Result};

/// Simple exponential smoothing: `s = alpha x + (1 - alpha) s`, started with the first finite value.
///
/// A value that is not finite leaves the level as it is; before the first finite one the result is NaN. `alpha` in (0, 1].
/// As pandas' `ewm(alpha, adjust=False).mean()` on finite input. O(n).
pub fn exponential(x: &[f64], alpha: f64) -> Result<Vec<f64>> {
    Error::parameter(alpha > 0.0 && alpha <= 1.0, "alpha", alpha, "in (0, 1]")?;
    let mut level = f64::NAN;
    Ok(x.iter()
        .map(|v| {
            if v.is_finite() {
                level = if level.is_nan() { *v } else { level + alpha * (v - level) };
            }
            level
        })
        .collect())
}

/// What [`double_exponential`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct DoubleExponential {
    /// The one-step forecast made for each place before its value was seen.
    pub fitted: Vec<f64>,
    /// Level after the last value.
    pub level: f64,
    /// Slope per step after the last value.
    pub slope: f64,
}

impl DoubleExponential {
    /// The next `horizon` values: a straight line.
    #[must_use]
    pub fn forecast(&self, horizon: usize) -> Vec<f64> {
        (1..=horizon).map(|h| self.level + h as f64 * self.slope).collect()
    }
}

/// Holt's linear method: level and slope, both smoothed (`alpha`, `beta` in \[0, 1\]).
///
/// Starts with level `x[0]` and slope `x[1] - x[0]`, as seen before the first value. Equal to statsmodels 0.15.0 `Holt`
/// with those known initial values. Refuses non-finite values and fewer than two. O(n).
pub fn double_exponential(x: &[f64], alpha: f64, beta: f64) -> Result<DoubleExponential> {
    Error::at_least("values for double smoothing", 2, x.len())?;
    Error::all_finite("values", x)?;
    Error::parameter((0.0..=1.0).contains(&alpha), "alpha", alpha, "in [0, 1]")?;
    Error::parameter((0.0..=1.0).contains(&beta), "beta", beta, "in [0, 1]")?;
    let (mut level, mut slope) = (x[0], x[1] - x[0]);
    let fitted = x
        .iter()
        .map(|v| {
            let ahead = level + slope;
            let now = alpha * v + (1.0 - alpha) * ahead;
            slope = beta * (now - level) + (1.0 - beta) * slope;
            level = now;
            ahead
        })
        .collect();
    Ok(DoubleExponential { fitted, level, slope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_keeps_the_level() {
        let y = exponential(&[f64::NAN, 4.0, f64::NAN, 8.0], 0.5).unwrap();
        assert!(y[0].is_nan() && y[1..] == [4.0, 4.0, 6.0]);
        assert!(exponential(&[1.0], 0.0).is_err() && exponential(&[1.0], f64::NAN).is_err());
    }

    #[test]
    fn a_line_is_followed_exactly() {
        let x: Vec<f64> = (0..20).map(|i| 3.0 + 2.0 * f64::from(i)).collect();
        let f = double_exponential(&x, 0.5, 0.5).unwrap();
        // the start rule looks one step ahead, so the slope is right from the first step on
        assert!((f.slope - 2.0).abs() < 0.1 && (f.forecast(1)[0] - 43.0).abs() < 0.1, "{f:?}");
        assert!(
            double_exponential(&[1.0], 0.5, 0.5).is_err() && double_exponential(&[1.0, f64::NAN], 0.5, 0.5).is_err()
        );
    }
}
