//! Holt–Winters: level, damped slope and season.

use crate::forecast::nelder_mead::{Search, nelder_mead};
use crate::{Error, Result};

/// How the season joins the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonKind {
    /// `level + season`.
    Additive,
    /// `level * season`; values must be positive.
    Multiplicative,
}

/// Parameters of [`holt_winters`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoltWinters {
    /// Steps in a season, at least 2.
    pub period: usize,
    /// How the season joins.
    pub season: SeasonKind,
    /// Weight of the newest value in the level, \[0, 1\].
    pub alpha: f64,
    /// Weight of the newest change in the slope, \[0, 1\].
    pub beta: f64,
    /// Weight of the newest value in the season, \[0, 1\].
    pub gamma: f64,
    /// Damping of the slope per step, (0, 1\]; 1 is none.
    pub damping: f64,
}

impl Default for HoltWinters {
    /// A day of hours; the weights are common middle values for hourly load (Hyndman and Athanasopoulos, *Forecasting*, ch. 8).
    fn default() -> Self {
        Self { period: 24, season: SeasonKind::Additive, alpha: 0.3, beta: 0.05, gamma: 0.1, damping: 0.98 }
    }
}

/// States after the last value, and the one-step forecasts on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct HoltWintersFit {
    /// The parameters used.
    pub parameters: HoltWinters,
    /// The one-step forecast for each place, made before its value was seen.
    pub fitted: Vec<f64>,
    /// Level after the last value.
    pub level: f64,
    /// Slope per step after the last value.
    pub slope: f64,
    /// Season of the next `period` steps.
    pub season: Vec<f64>,
}

impl HoltWintersFit {
    /// The next `horizon` values.
    #[must_use]
    pub fn forecast(&self, horizon: usize) -> Vec<f64> {
        let phi = self.parameters.damping;
        let (mut reach, mut power) = (0.0, 1.0);
        (0..horizon)
            .map(|h| {
                power *= phi;
                reach += power;
                let base = self.level + reach * self.slope;
                let s = self.season[h % self.season.len()];
                if self.parameters.season == SeasonKind::Additive { base + s } else { base * s }
            })
            .collect()
    }

    /// Sum of squared one-step errors.
    #[must_use]
    pub fn squared_error(&self, x: &[f64]) -> f64 {
        self.fitted.iter().zip(x).map(|(f, v)| (f - v) * (f - v)).sum()
    }
}

/// Runs Holt–Winters over `x` (at least two seasons, finite; positive if multiplicative).
///
/// Start: level = mean of the first season, slope = difference of the means of the first two seasons / period, season = first
/// season against its mean. Equal to statsmodels 0.15.0 `ExponentialSmoothing` with those known initial values. O(n).
/// A constant series gives that constant.
pub fn holt_winters(x: &[f64], parameters: &HoltWinters) -> Result<HoltWintersFit> {
    check(x, parameters)?;
    let p = *parameters;
    let m = p.period;
    let first = x[..m].iter().sum::<f64>() / m as f64;
    let second = x[m..2 * m].iter().sum::<f64>() / m as f64;
    let additive = p.season == SeasonKind::Additive;
    let (mut level, mut slope) = (first, (second - first) / m as f64);
    let mut season: Vec<f64> = x[..m].iter().map(|v| if additive { v - first } else { v / first }).collect();
    let mut fitted = Vec::with_capacity(x.len());
    for (i, v) in x.iter().enumerate() {
        let s = season[i % m];
        let ahead = level + p.damping * slope;
        fitted.push(if additive { ahead + s } else { ahead * s });
        let clean = if additive { v - s } else { v / guard(s) };
        let now = p.alpha * clean + (1.0 - p.alpha) * ahead;
        slope = p.beta * (now - level) + (1.0 - p.beta) * p.damping * slope;
        let fresh = if additive { v - ahead } else { v / guard(ahead) };
        season[i % m] = p.gamma * fresh + (1.0 - p.gamma) * s;
        level = now;
    }
    season.rotate_left(x.len() % m);
    Ok(HoltWintersFit { parameters: p, fitted, level, slope, season })
}

/// [`holt_winters`] with `alpha`, `beta`, `gamma` and `damping` (in \[.8, .98\]) that minimise the squared one-step error, found by
/// Nelder–Mead from the default weights; at most 300 runs over the series.
pub fn holt_winters_optimised(x: &[f64], period: usize, season: SeasonKind) -> Result<HoltWintersFit> {
    let start = HoltWinters { period, season, ..HoltWinters::default() };
    let base = holt_winters(x, &start)?;
    let unit = base.squared_error(x).max(f64::MIN_POSITIVE);
    let at = |v: &[f64]| HoltWinters { alpha: v[0], beta: v[1], gamma: v[2], damping: v[3], ..start };
    let cost = |v: &[f64]| holt_winters(x, &at(v)).map_or(f64::INFINITY, |f| f.squared_error(x) / unit);
    let search = Search {
        start: vec![start.alpha, start.beta, start.gamma, start.damping],
        lower: vec![1e-4, 1e-4, 1e-4, 0.8],
        upper: vec![0.9999, 0.9999, 0.9999, 0.98],
        evaluations: 300,
        tolerance: 1e-6,
    };
    holt_winters(x, &at(&nelder_mead(&search, cost).0))
}

fn check(x: &[f64], p: &HoltWinters) -> Result<()> {
    Error::parameter(p.period >= 2, "period", p.period as f64, "at least 2")?;
    Error::at_least("values for Holt-Winters", p.period.saturating_mul(2), x.len())?;
    Error::all_finite("values", x)?;
    for (name, value) in [("alpha", p.alpha), ("beta", p.beta), ("gamma", p.gamma)] {
        Error::parameter((0.0..=1.0).contains(&value), name, value, "in [0, 1]")?;
    }
    Error::parameter(p.damping > 0.0 && p.damping <= 1.0, "damping", p.damping, "in (0, 1]")?;
    if p.season == SeasonKind::Multiplicative {
        let least = x.iter().copied().fold(f64::INFINITY, f64::min);
        Error::parameter(least > 0.0, "smallest value", least, "positive for a multiplicative season")?;
    }
    Ok(())
}

/// Never a division by zero.
pub(crate) fn guard(v: f64) -> f64 {
    if v.abs() < 1e-300 { 1e-300 } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_season_is_forecast_exactly_and_optimising_never_hurts() {
        let x: Vec<f64> = (0..96).map(|i| [10.0, 20.0, 15.0, 5.0][i % 4]).collect();
        for season in [SeasonKind::Additive, SeasonKind::Multiplicative] {
            let f = holt_winters(&x, &HoltWinters { period: 4, season, ..HoltWinters::default() }).unwrap();
            let y = f.forecast(6);
            assert!(y.iter().zip([10.0, 20.0, 15.0, 5.0, 10.0, 20.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{y:?}");
        }
        let mut r = crate::Rng::new(2);
        let noisy: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + 0.3 * i as f64 + r.normal()).collect();
        let plain = holt_winters(&noisy, &HoltWinters { period: 4, ..HoltWinters::default() }).unwrap();
        let best = holt_winters_optimised(&noisy, 4, SeasonKind::Additive).unwrap();
        assert!(best.squared_error(&noisy) < plain.squared_error(&noisy));
    }

    #[test]
    fn wrong_input_is_told() {
        let p = HoltWinters { period: 4, ..HoltWinters::default() };
        assert!(holt_winters(&[1.0; 7], &p).is_err());
        assert!(holt_winters(&[f64::NAN; 20], &p).is_err());
        assert!(holt_winters(&[0.0; 20], &HoltWinters { season: SeasonKind::Multiplicative, ..p }).is_err());
        assert!(holt_winters(&[1.0; 20], &HoltWinters { alpha: 1.5, ..p }).is_err());
        assert!(
            holt_winters_optimised(&[7.0; 20], 4, SeasonKind::Additive)
                .unwrap()
                .forecast(3)
                .iter()
                .all(|v| (v - 7.0).abs() < 1e-9)
        );
        assert!(holt_winters(&[1.0; 7], &HoltWinters { period: usize::MAX, ..p }).is_err());
    }
}
