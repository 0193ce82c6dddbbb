//! A running mean and spread that single outliers cannot carry away.

use crate::{Error, Result};

/// Exponentially weighted mean and variance whose update is cut at `limit` standard deviations.
///
/// An incident so moves the baseline by at most `gain * limit * sd` a step, and is not learnt as the new usual at once. The gain is
/// 1/n until that falls to `gain`. Values that are not finite are skipped. 40 bytes, O(1) an update, no allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct WinsorisedEwma {
    gain: f64,
    limit: f64,
    warm: u64,
    count: u64,
    mean: f64,
    variance: f64,
}

impl WinsorisedEwma {
    /// `gain` in (0, 1\]: weight of a new value once warm; `limit` > 0 in standard deviations; `warm`: values taken uncut first.
    /// Usual: .001, 4, 50 (detection-and-forecasting §2 of the project's reference).
    pub fn new(gain: f64, limit: f64, warm: u64) -> Result<Self> {
        Error::parameter(gain > 0.0 && gain <= 1.0, "gain", gain, "in (0, 1]")?;
        Error::parameter(limit > 0.0, "limit", limit, "positive")?;
        Ok(Self { gain, limit, warm, count: 0, mean: 0.0, variance: 0.0 })
    }

    /// Takes one value; gives its deviation in standard deviations **before** it was learnt (0 while there is no spread yet).
    pub fn update(&mut self, x: f64) -> f64 {
        if !x.is_finite() {
            return 0.0;
        }
        let sd = self.variance.sqrt();
        let error = if self.count == 0 { 0.0 } else { x - self.mean };
        let z = if sd > 0.0 { error / sd } else { 0.0 };
        if self.count == 0 {
            self.mean = x;
        }
        // no spread yet: nothing to cut at, else a series that starts constant would never learn
        let cut =
            if self.count >= self.warm && sd > 0.0 { error.clamp(-self.limit * sd, self.limit * sd) } else { error };
        self.count += 1;
        let g = self.gain.max(1.0 / (self.count as f64 + 1.0));
        self.mean += g * cut;
        self.variance = ((1.0 - g) * (self.variance + g * cut * cut)).min(f64::MAX);
        z
    }

    /// The mean so far; 0 before the first value.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation so far.
    #[must_use]
    pub fn sd(&self) -> f64 {
        self.variance.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_moves_the_baseline_little() {
        let mut r = crate::Rng::new(1);
        let mut cut = WinsorisedEwma::new(0.01, 4.0, 50).unwrap();
        let mut open = WinsorisedEwma::new(0.01, f64::INFINITY, 50).unwrap();
        for _ in 0..2000 {
            let v = 10.0 + r.normal();
            cut.update(v);
            open.update(v);
        }
        assert!((cut.mean() - 10.0).abs() < 0.3 && (cut.sd() - 1.0).abs() < 0.2);
        assert!(cut.update(1000.0) > 500.0);
        open.update(1000.0);
        assert!(cut.mean() < 10.4 && open.mean() > 15.0);
    }

    #[test]
    fn degenerate_input() {
        let mut w = WinsorisedEwma::new(0.1, 4.0, 0).unwrap();
        for v in [f64::NAN, 5.0, 5.0, f64::INFINITY, 5.0, 6.0, 1e300, -1e300] {
            assert!(!w.update(v).is_nan());
        }
        assert!(w.mean().is_finite() && w.sd().is_finite());
        assert!(WinsorisedEwma::new(0.0, 4.0, 1).is_err() && WinsorisedEwma::new(0.1, f64::NAN, 1).is_err());
    }
}
