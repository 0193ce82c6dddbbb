//! What a series' own past does not explain: AutoregressionAD.

use super::linear::Linear;
use super::{Detection, Mode, Side, decide, limit};
use crate::{Error, Matrix, Result};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Autoregression {
    /// Count of past values; 1 in ADTK.
    pub steps: usize,
    /// Samples between them; 1 in ADTK.
    pub step: usize,
    /// Inter-quartile ranges allowed; 3 in ADTK.
    pub c: f64,
    /// Direction that counts.
    pub side: Side,
    /// Whether to answer as ADTK. Guarded: fitted again with targets pulled in, band floor, pause.
    pub mode: Mode,
}

impl Default for Autoregression {
    fn default() -> Self {
        Self { steps: 1, step: 1, c: 3.0, side: Side::Both, mode: Mode::default() }
    }
}

/// A regression on the own past and its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedAutoregression {
    settings: Autoregression,
    model: Linear,
    limit: f64,
}

impl Autoregression {
    /// Least squares with an intercept on the lags, over samples whose lags are all finite, then the inter-quartile limit of
    /// the residuals. O(n · steps²). Errors where no sample has all its lags, on 0 steps or a step of 0.
    pub fn fit(&self, train: &[f64]) -> Result<FittedAutoregression> {
        self.mode.check(self.c)?;
        Error::parameter(self.steps > 0, "steps", 0.0, "1 or more")?;
        Error::parameter(self.step > 0, "step", 0.0, "1 or more")?;
        let reach = self.steps.saturating_mul(self.step);
        Error::at_least("samples for the lags", reach.saturating_add(1), train.len())?;
        let mut rows = Vec::new();
        let mut targets = Vec::new();
        let mut lags = vec![0.0; self.steps];
        for (i, v) in train.iter().enumerate() {
            if v.is_finite() && self.lags(train, i, &mut lags) {
                rows.extend_from_slice(&lags);
                targets.push(*v);
            }
        }
        let model = Linear::fit_guarded(&Matrix::new(targets.len(), self.steps, rows)?, &targets, self.mode)?;
        let mut fitted = FittedAutoregression { settings: *self, model, limit: f64::INFINITY };
        let distance: Vec<f64> = fitted.residuals(train).iter().map(|r| r.abs()).collect();
        fitted.limit = limit(&distance, self.c, self.mode.floor(train))?;
        Ok(fitted)
    }

    /// Fits and tests the same series.
    pub fn fit_detect(&self, series: &[f64]) -> Result<Detection> {
        Ok(self.fit(series)?.detect(series))
    }

    /// The lags of sample `i`; false where one is missing.
    fn lags(&self, series: &[f64], i: usize, lags: &mut [f64]) -> bool {
        lags.iter_mut().zip(1..).all(|(lag, k)| {
            *lag = i.checked_sub(k * self.step).map_or(f64::NAN, |at| series[at]);
            lag.is_finite()
        })
    }
}

impl FittedAutoregression {
    /// Tests a series of the same step; samples without all their lags are undecided.
    #[must_use]
    pub fn detect(&self, series: &[f64]) -> Detection {
        let signed = self.residuals(series);
        let distance = signed.iter().map(|r| r.abs()).collect();
        decide(signed, distance, self.limit, (self.settings.side, self.settings.mode))
    }

    fn residuals(&self, series: &[f64]) -> Vec<f64> {
        let mut lags = vec![0.0; self.settings.steps];
        let known = |(i, v): (usize, &f64)| {
            if self.settings.lags(series, i, &mut lags) { v - self.model.predict(&lags) } else { f64::NAN }
        };
        series.iter().enumerate().map(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_one_alarm_and_degenerate_series_are_errors() {
        let mut r = crate::Rng::new(4);
        let mut y = vec![0.0; 300];
        for i in 1..300 {
            y[i] = 0.8 * y[i - 1] + r.normal() + if i == 200 { 30.0 } else { 0.0 };
        }
        let found = Autoregression { c: 6.0, ..Autoregression::default() }.fit_detect(&y).unwrap();
        assert_eq!((0..300).filter(|i| found.labels[*i] == Some(true)).collect::<Vec<_>>(), [200]);
        let settings = Autoregression::default();
        assert!(settings.fit(&[]).is_err() && settings.fit(&[1.0, f64::NAN, 2.0]).is_err());
        assert!(Autoregression { steps: usize::MAX, step: 2, ..settings }.fit(&y).is_err());
        assert!(Autoregression { step: 0, ..settings }.fit(&y).is_err());
        assert_eq!(settings.fit_detect(&[5.0; 20]).unwrap().labels[10], Some(false));
    }
}
