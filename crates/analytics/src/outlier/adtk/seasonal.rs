//! What a season does not explain: SeasonalAD, on classical decomposition.

use super::{Detection, Mode, Side, decide, limit};
use crate::linalg::dot;
use crate::outlier::order::median_of;
use crate::{Error, Result};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seasonal {
    /// Samples of a season; `None`: the highest peak of the autocorrelation above 0.3, as in ADTK.
    pub period: Option<usize>,
    /// Whether a moving average over one season is taken out first; half a season at each end is then undecided.
    pub trend: bool,
    /// Inter-quartile ranges allowed; 3 in ADTK.
    pub c: f64,
    /// Direction that counts.
    pub side: Side,
    /// Whether to answer as ADTK, which refuses NaN inside the series. Guarded: NaN is left out, the season is the mean of
    /// values pulled in to the reach of the residuals from its medians, the band has a floor, alarms pause.
    pub mode: Mode,
}

impl Default for Seasonal {
    fn default() -> Self {
        Self { period: None, trend: false, c: 3.0, side: Side::Both, mode: Mode::default() }
    }
}

/// A season and its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSeasonal {
    settings: Seasonal,
    period: usize,
    profile: Vec<f64>,
    /// Position in the training series where the profile starts.
    anchor: usize,
    limit: f64,
}

impl Seasonal {
    /// Learns season and limit. O(n), with a trend O(n · period), without a given period O(n²). Errors on no number, an
    /// infinity, NaN between numbers (compat), a period of 0, fewer than two seasons with a trend, or no season found.
    pub fn fit(&self, train: &[f64]) -> Result<FittedSeasonal> {
        self.mode.check(self.c)?;
        let first = train.iter().position(|v| !v.is_nan());
        let last = train.iter().rposition(|v| !v.is_nan());
        let (Some(anchor), Some(last)) = (first, last) else {
            return Err(Error::TooFew { what: "numbers for a season", needed: 1, found: 0 });
        };
        let inner = &train[anchor..=last];
        match self.mode {
            Mode::Compat => Error::all_finite("training series", inner)?,
            Mode::Guarded(_) => Error::all_finite("training series", &numbers(inner))?,
        }
        let period = match self.period {
            Some(period) => period,
            None => find_period(inner)?,
        };
        Error::parameter(period > 0, "period", 0.0, "1 or more")?;
        if self.trend {
            Error::at_least("samples for a trend: two periods", period.saturating_mul(2), inner.len())?;
        }
        let detrended = self.detrended(inner, period);
        let mut profile = self.profile(&detrended, period, self.mode != Mode::Compat);
        let residuals: Vec<f64> = detrended.iter().enumerate().map(|(i, v)| v - profile[i % period]).collect();
        if let Some(reach) = self.mode.reach(&residuals) {
            let pulled: Vec<f64> =
                detrended.iter().zip(&residuals).map(|(v, r)| v - r + r.clamp(-reach, reach)).collect();
            profile = self.profile(&pulled, period, false);
        }
        let mut fitted = FittedSeasonal { settings: *self, period, profile, anchor, limit: f64::INFINITY };
        let distance: Vec<f64> = fitted.residuals(train, 0).iter().map(|r| r.abs()).collect();
        fitted.limit = limit(&distance, self.c, self.mode.floor(train))?;
        Ok(fitted)
    }

    /// Fits and tests the same series.
    pub fn fit_detect(&self, series: &[f64]) -> Result<Detection> {
        Ok(self.fit(series)?.detect(series, 0))
    }

    fn detrended(&self, series: &[f64], period: usize) -> Vec<f64> {
        if !self.trend {
            return series.to_vec();
        }
        series.iter().zip(moving_average(series, period)).map(|(v, t)| v - t).collect()
    }

    /// Mean or median of each phase over what is a number; centred where a trend was taken out. Not longer than the series.
    fn profile(&self, series: &[f64], period: usize, robust: bool) -> Vec<f64> {
        let phases = period.min(series.len());
        let mut values = Vec::with_capacity(series.len() / phases.max(1) + 1);
        let mut profile: Vec<f64> = (0..phases)
            .map(|phase| {
                values.clear();
                values.extend(series.iter().skip(phase).step_by(period).filter(|v| !v.is_nan()));
                if robust { median_of(&mut values) } else { values.iter().sum::<f64>() / values.len() as f64 }
            })
            .collect();
        if self.trend {
            let mean = profile.iter().sum::<f64>() / phases as f64;
            profile.iter_mut().for_each(|v| *v -= mean);
        }
        profile
    }
}

impl FittedSeasonal {
    /// Samples of a season.
    #[must_use]
    pub fn period(&self) -> usize {
        self.period
    }

    /// The season, from the first number of the training series on.
    #[must_use]
    pub fn profile(&self) -> &[f64] {
        &self.profile
    }

    /// Tests a series whose first sample is `start` samples after the first one of the training series.
    #[must_use]
    pub fn detect(&self, series: &[f64], start: usize) -> Detection {
        let signed = self.residuals(series, start);
        let distance = signed.iter().map(|r| r.abs()).collect();
        decide(signed, distance, self.limit, (self.settings.side, self.settings.mode))
    }

    fn residuals(&self, series: &[f64], start: usize) -> Vec<f64> {
        let period = self.period as u128;
        let shift = period - self.anchor as u128 % period + start as u128;
        let phase = |i: usize| ((i as u128 + shift) % period) as usize;
        let season = |i: usize| self.profile.get(phase(i)).copied().unwrap_or(f64::NAN);
        let rest = self.settings.detrended(series, self.period);
        rest.iter().enumerate().map(|(i, v)| v - season(i)).collect()
    }
}

fn numbers(series: &[f64]) -> Vec<f64> {
    series.iter().copied().filter(|v| !v.is_nan()).collect()
}

/// Centred moving average over one period (an even one with half weights at its ends), NaN at the ends.
fn moving_average(series: &[f64], period: usize) -> Vec<f64> {
    let (n, half) = (series.len(), period / 2);
    let mut trend = vec![f64::NAN; n];
    for (i, t) in trend.iter_mut().enumerate().take(n.saturating_sub(half)).skip(half) {
        let window = &series[i - half..=i + half];
        let ends = if period.is_multiple_of(2) { 0.5 * (window[0] + window[2 * half]) } else { 0.0 };
        *t = (window.iter().sum::<f64>() - ends) / period as f64;
    }
    trend
}

/// The lag of the highest local maximum above 0.3 of the autocorrelation; NaN counts as the mean.
fn find_period(series: &[f64]) -> Result<usize> {
    let present = numbers(series);
    let n = present.len() as f64;
    let scale = present.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let mean = present.iter().map(|v| v / scale).sum::<f64>() / n;
    let centred: Vec<f64> = series.iter().map(|v| if v.is_nan() { 0.0 } else { v / scale - mean }).collect();
    let length = centred.len();
    let variance = dot(&centred, &centred);
    let correlation: Vec<f64> =
        (0..length).map(|lag| dot(&centred[..length - lag], &centred[lag..]) / variance).collect();
    let mut best = (0.3, None);
    for lag in 1..length.saturating_sub(1) {
        let peak = correlation[lag] > correlation[lag - 1] && correlation[lag] > correlation[lag + 1];
        if peak && correlation[lag] > best.0 {
            best = (correlation[lag], Some(lag));
        }
    }
    best.1.ok_or(Error::Parameter { name: "period", value: f64::NAN, expected: "given: the series shows no season" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_in_training_is_not_taught() {
        let mut y: Vec<f64> = (0..240).map(|i| f64::from(i % 24) + 0.1 * f64::from(i * 7 % 5)).collect();
        y[100..106].iter_mut().for_each(|v| *v += 40.0);
        let settings = Seasonal { period: Some(24), ..Seasonal::default() };
        let fitted = settings.fit(&y).unwrap();
        assert!((fitted.profile()[4] - 4.2).abs() < 0.5, "{:?}", fitted.profile());
        let clean: Vec<f64> = (240..288).map(|i| f64::from(i % 24)).collect();
        assert!(fitted.detect(&clean, 240).labels.iter().all(|l| *l == Some(false)));
        let first = fitted.detect(&y, 0).labels.iter().position(|l| *l == Some(true));
        assert_eq!(first, Some(100));
        // a gap is not a reason to refuse
        y[50] = f64::NAN;
        assert_eq!(settings.fit_detect(&y).unwrap().labels[50], None);
        assert_eq!(Seasonal::default().fit(&y).unwrap().period(), 24);
    }

    #[test]
    fn degenerate_series_are_errors_or_quiet() {
        let settings = Seasonal { period: Some(3), ..Seasonal::default() };
        assert!(settings.fit(&[]).is_err() && settings.fit(&[f64::NAN; 4]).is_err());
        assert!(settings.fit(&[1.0, f64::INFINITY]).is_err() && Seasonal::default().fit(&[1.0; 30]).is_err());
        assert!(Seasonal { period: Some(0), ..settings }.fit(&[1.0; 9]).is_err());
        assert!(Seasonal { period: Some(usize::MAX), trend: true, ..settings }.fit(&[1.0; 9]).is_err());
        assert!(settings.fit_detect(&[2.0; 9]).unwrap().labels.iter().all(|l| *l == Some(false)));
        assert!(Seasonal { period: Some(usize::MAX), ..settings }.fit(&[f64::NAN, 1.0, 2.0]).is_ok());
    }
}
