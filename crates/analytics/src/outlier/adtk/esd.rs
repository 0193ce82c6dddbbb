//! The generalised extreme Studentised deviate test.
//!
//! Rosner 1983; ADTK's GeneralizedESDTestAD: outliers of the training series are found by the test, then each new value is
//! tested alone against those that were left. Assumes that values are normal: seasons, trends and long tails break it.

use super::{Detection, Mode, Side, decide};
use crate::special::student_t_sf;
use crate::{Error, Result};

/// Settings of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneralizedEsd {
    /// Level of significance; 0.05 in ADTK.
    pub alpha: f64,
    /// Whether to answer as ADTK. Guarded: the deviation has the band floor, alarms pause; the test is its own winsoriser.
    pub mode: Mode,
}

impl Default for GeneralizedEsd {
    fn default() -> Self {
        Self { alpha: 0.05, mode: Mode::default() }
    }
}

/// The normal values of a training series: count, mean, sum of squared deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedEsd {
    count: f64,
    mean: f64,
    squares: f64,
    lambda: f64,
    floor: f64,
    mode: Mode,
}

impl GeneralizedEsd {
    /// Finds the normal values. O(n · outliers). NaN is left out. Errors on no number, an infinity or alpha outside (0, 1).
    pub fn fit(&self, train: &[f64]) -> Result<FittedEsd> {
        Error::parameter(self.alpha > 0.0 && self.alpha < 1.0, "alpha", self.alpha, "between 0 and 1")?;
        self.mode.check(0.0)?;
        let mut values: Vec<f64> = train.iter().copied().filter(|v| !v.is_nan()).collect();
        Error::at_least("numbers for the ESD test", 1, values.len())?;
        Error::all_finite("training series", &values)?;
        let n = values.len() as f64;
        let mut removed = 0.0;
        // strictly more than the critical value is an outlier; where that is undefined (two left) the value goes as well
        while !values.is_empty() {
            let (mean, squares) = moments(&values);
            let farthest = |a: &usize, b: &usize| (values[*a] - mean).abs().total_cmp(&(values[*b] - mean).abs());
            // of equally far values the first: `max_by` gives the last of a reversed range
            let Some(at) = (0..values.len()).rev().max_by(farthest) else { break };
            let deviation = (squares / (values.len() as f64 - 1.0)).sqrt();
            let r = if deviation > 0.0 { (values[at] - mean).abs() / deviation } else { 0.0 };
            removed += 1.0;
            if r <= critical(n, removed, self.alpha) {
                break;
            }
            values.remove(at);
        }
        let count = values.len() as f64;
        let (mean, squares) = moments(&values);
        let lambda = critical(count + 1.0, 1.0, self.alpha);
        Ok(FittedEsd { count, mean, squares, lambda, floor: self.mode.floor(train), mode: self.mode })
    }

    /// Fits and tests the same series.
    pub fn fit_detect(&self, series: &[f64]) -> Result<Detection> {
        Ok(self.fit(series)?.detect(series))
    }
}

impl FittedEsd {
    /// Tests each value alone against the normal ones; the distance is in standard deviations.
    #[must_use]
    pub fn detect(&self, series: &[f64]) -> Detection {
        let n = self.count;
        let studentised = |v: &f64| {
            let apart = v - self.mean;
            // mean and deviation with the value itself added
            let squares = self.squares + apart * apart * n / (n + 1.0);
            let deviation = (squares / n).sqrt();
            let floored = if self.floor > 0.0 { deviation.max(self.floor) } else { deviation };
            // nothing was normal, or all is equal: no test, and no outlier
            if floored > 0.0 { apart * n / (n + 1.0) / floored } else { v * 0.0 }
        };
        let signed: Vec<f64> = series.iter().map(studentised).collect();
        let distance = signed.iter().map(|s| s.abs()).collect();
        decide(signed, distance, self.lambda, (Side::Both, self.mode))
    }
}

/// Mean and sum of squared deviations; zeros for none.
fn moments(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum())
}

/// Critical value of the i-th of n removals; NaN without degrees of freedom.
fn critical(n: f64, i: f64, alpha: f64) -> f64 {
    let df = n - i - 1.0;
    if df <= 0.0 {
        return f64::NAN;
    }
    let t = student_t_upper(alpha / (2.0 * (n - i + 1.0)), df);
    (n - i) * t / ((df + t * t) * (n - i + 1.0)).sqrt()
}

/// The t that is exceeded with probability `q` < 1/2, by bisection.
fn student_t_upper(q: f64, df: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_t_sf(high, df) > q && high < 1e300 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if student_t_sf(middle, df) > q { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The critical values of Rosner's example, NIST handbook §1.3.5.17.3 (n = 54).
    #[test]
    fn critical_values_are_those_of_the_handbook() {
        for (i, expected) in [(1.0, 3.158), (2.0, 3.151), (5.0, 3.128), (10.0, 3.085)] {
            assert!((critical(54.0, i, 0.05) - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn an_outlier_is_not_taught() {
        let y: Vec<f64> = (0..60).map(|i| if i == 30 { 50.0 } else { f64::from(i * 7 % 11) }).collect();
        let found = GeneralizedEsd::default().fit_detect(&y).unwrap();
        assert_eq!((0..60).filter(|i| found.labels[*i] == Some(true)).collect::<Vec<_>>(), [30]);
        assert!(
            GeneralizedEsd::default().fit(&[]).is_err() && GeneralizedEsd::default().fit(&[f64::INFINITY]).is_err()
        );
        assert!(GeneralizedEsd { alpha: 0.0, mode: Mode::Compat }.fit(&y).is_err());
        assert_eq!(GeneralizedEsd::default().fit_detect(&[f64::NAN, 2.0]).unwrap().labels[0], None);
    }
}
