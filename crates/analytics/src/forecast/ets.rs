//! ETS: exponential smoothing as state space models, chosen by AICc; and MSTL with ETS.

use super::nelder_mead::{Search, nelder_mead};
use super::theta::seasonal_indices;
use crate::decompose::{Stl, mstl};
use crate::smooth::{SeasonKind, guard};
use crate::{Error, Result};

/// The trend of an [`EtsModel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtsTrend {
    /// None.
    None,
    /// A slope.
    Additive,
    /// A slope that fades.
    Damped,
}

/// A model of Hyndman, Koehler, Ord and Snyder (2008).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EtsModel {
    /// Whether errors are relative (M) or absolute (A).
    pub relative_error: bool,
    /// The trend.
    pub trend: EtsTrend,
    /// The season.
    pub season: Option<SeasonKind>,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ets {
    /// The model.
    pub model: EtsModel,
    /// `alpha`, `beta`, `gamma`, `phi`; 0 (phi 1) where the model has none.
    pub weights: [f64; 4],
    /// Log-likelihood as in R's `forecast::ets`, constants left out.
    pub log_likelihood: f64,
    /// Akaike's criterion with the correction for small samples; initial states count as parameters.
    pub aicc: f64,
    level: f64,
    slope: f64,
    season: Vec<f64>,
    unit: f64,
}

impl Ets {
    /// The next `horizon` values.
    #[must_use]
    pub fn forecast(&self, horizon: usize) -> Vec<f64> {
        let phi = self.weights[3];
        let (mut reach, mut power) = (0.0, 1.0);
        (0..horizon)
            .map(|h| {
                power *= phi;
                reach += power;
                let base = self.level + reach * self.slope;
                let f = match self.model.season {
                    None => base,
                    Some(SeasonKind::Additive) => base + self.season[h % self.season.len()],
                    Some(SeasonKind::Multiplicative) => base * self.season[h % self.season.len()],
                };
                f * self.unit
            })
            .collect()
    }
}

/// Fits one model: weights, first level and slope by likelihood (Nelder–Mead), first seasons by classical decomposition.
///
/// statsforecast 2.1.1 also searches the first seasons: its likelihood is a little higher with a season, its AICc comparable. Needs 4
/// values more than the model has weights, and two periods with a season; finite, and positive for relative errors or seasons.
/// A constant series gives that constant. O(n · 400).
pub fn ets(x: &[f64], period: usize, model: EtsModel) -> Result<Ets> {
    Error::at_least("values for ETS", 8, x.len())?;
    Error::all_finite("values", x)?;
    let positive = model.relative_error || model.season == Some(SeasonKind::Multiplicative);
    let least = x.iter().copied().fold(f64::INFINITY, f64::min);
    Error::parameter(!positive || least > 0.0, "smallest value", least, "positive for relative errors or seasons")?;
    let unit = x.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let unit = if unit > 0.0 { unit } else { 1.0 };
    let z: Vec<f64> = x.iter().map(|v| v / unit).collect();
    let season = match model.season {
        None => Vec::new(),
        Some(kind) => first_season(&z, period, kind)?,
    };
    let run = Run { z: &z, model, season };
    let (level, slope) = run.first_line();
    let trend = model.trend != EtsTrend::None;
    // weights, then states; what the model lacks is pinned
    let pin = |has: bool, low: f64, high: f64, none: f64| if has { (low, high) } else { (none, none) };
    let spread = z.iter().fold(0.0f64, |a, v| a.max((v - level).abs())).max(1e-9);
    let bounds = [
        (1e-4, 0.9999),
        pin(trend, 1e-4, 0.9999, 0.0),
        pin(model.season.is_some(), 1e-4, 0.9999, 0.0),
        pin(model.trend == EtsTrend::Damped, 0.8, 0.98, 1.0),
        (level - spread, level + spread),
        pin(trend, slope - 0.1 * spread, slope + 0.1 * spread, 0.0),
    ];
    let free: Vec<usize> = (0..6).filter(|k| bounds[*k].0 < bounds[*k].1).collect();
    let start = [0.2, 0.1, 0.1, 0.97, level, slope];
    let fill = |v: &[f64]| {
        let mut all: [f64; 6] = std::array::from_fn(|k| if free.contains(&k) { start[k] } else { bounds[k].0 });
        free.iter().zip(v).for_each(|(k, v)| all[*k] = *v);
        // usual region: beta < alpha, gamma < 1 - alpha
        all[1] *= all[0];
        all[2] *= 1.0 - all[0];
        all
    };
    let search = Search {
        start: free.iter().map(|k| start[*k]).collect(),
        lower: free.iter().map(|k| bounds[*k].0).collect(),
        upper: free.iter().map(|k| bounds[*k].1).collect(),
        evaluations: 120 * free.len(),
        tolerance: 1e-8,
    };
    let (best, _) = nelder_mead(&search, |v| run.filter(&fill(v)).0);
    let all = fill(&best);
    let (cost, level, slope, season) = run.filter(&all);
    // R's count: weights, states, the variance; a season has one state less than phases
    let k = (free.len() + season.len().saturating_sub(1) + 1) as f64;
    let n = x.len() as f64;
    let spare = n - k - 1.0;
    let scale = n * unit.ln() * 2.0;
    let aicc = if spare > 0.0 { cost + scale + 2.0 * k + 2.0 * k * (k + 1.0) / spare } else { f64::INFINITY };
    let weights = [all[0], all[1], all[2], all[3]];
    Ok(Ets { model, weights, log_likelihood: -0.5 * (cost + scale), aicc, level, slope, season, unit })
}

/// The model with the least AICc among those that fit the data: relative errors only for positive values, no season where there are not
/// three periods or `period` is below 2, no multiplicative season with absolute errors (as R's `ets` restricts).
pub fn ets_auto(x: &[f64], period: usize) -> Result<Ets> {
    Error::at_least("values for ETS", 8, x.len())?;
    Error::all_finite("values", x)?;
    let positive = x.iter().all(|v| *v > 0.0);
    let mut seasons = vec![None];
    if period >= 2 && x.len() / 3 >= period {
        seasons.push(Some(SeasonKind::Additive));
        if positive {
            seasons.push(Some(SeasonKind::Multiplicative));
        }
    }
    let mut best: Option<Ets> = None;
    for season in seasons {
        for trend in [EtsTrend::None, EtsTrend::Additive, EtsTrend::Damped] {
            for relative_error in [false, true] {
                if relative_error && !positive || !relative_error && season == Some(SeasonKind::Multiplicative) {
                    continue;
                }
                let fit = ets(x, period, EtsModel { relative_error, trend, season })?;
                if best.as_ref().is_none_or(|b| fit.aicc < b.aicc) {
                    best = Some(fit);
                }
            }
        }
    }
    best.ok_or(Error::TooFew { what: "values for ETS", needed: 8, found: x.len() })
}

/// MSTL for the seasons, ETS without a season for the rest, the last period of each season repeated. Needs more than two of the
/// shortest period.
pub fn mstl_ets(x: &[f64], periods: &[usize], horizon: usize) -> Result<Vec<f64>> {
    let parts = mstl(x, periods, &Stl::default())?;
    let clean: Vec<f64> = parts.trend.iter().zip(&parts.rest).map(|(t, r)| t + r).collect();
    let mut f = ets_auto(&clean, 1)?.forecast(horizon);
    for (period, season) in &parts.seasons {
        let last = &season[season.len() - period..];
        f.iter_mut().zip(last.iter().cycle()).for_each(|(f, s)| *f += s);
    }
    Ok(f)
}

fn first_season(z: &[f64], period: usize, kind: SeasonKind) -> Result<Vec<f64>> {
    let (found, s) = seasonal_indices(z, period)?;
    let mean = z.iter().sum::<f64>() / z.len() as f64;
    Ok(match (found, kind) {
        (SeasonKind::Multiplicative, SeasonKind::Additive) => s.iter().map(|s| (s - 1.0) * mean).collect(),
        // only where an index is near 0
        (SeasonKind::Additive, SeasonKind::Multiplicative) => s.iter().map(|s| (1.0 + s / mean).max(1e-3)).collect(),
        _ => s,
    })
}

struct Run<'a> {
    z: &'a [f64],
    model: EtsModel,
    season: Vec<f64>,
}

impl Run<'_> {
    /// Level and slope before the first value: the line through the first values without season.
    fn first_line(&self) -> (f64, f64) {
        let m = self.season.len();
        let n = self.z.len().min(10.max(2 * m));
        let clean: Vec<f64> = (0..n)
            .map(|i| match self.model.season {
                None => self.z[i],
                Some(SeasonKind::Additive) => self.z[i] - self.season[i % m],
                Some(SeasonKind::Multiplicative) => self.z[i] / self.season[i % m],
            })
            .collect();
        if self.model.trend == EtsTrend::None {
            return (clean.iter().sum::<f64>() / n as f64, 0.0);
        }
        let centre = (n as f64 - 1.0) / 2.0;
        let mean = clean.iter().sum::<f64>() / n as f64;
        let xy: f64 = clean.iter().enumerate().map(|(i, v)| (i as f64 - centre) * (v - mean)).sum();
        let xx: f64 = (0..n).map(|i| (i as f64 - centre).powi(2)).sum();
        (mean - xy / xx * (centre + 1.0), xy / xx)
    }

    /// Minus twice the log-likelihood without constants, and the last states with the next phase first.
    fn filter(&self, p: &[f64; 6]) -> (f64, f64, f64, Vec<f64>) {
        let [alpha, beta, gamma, phi, mut level, mut slope] = *p;
        let mut season = self.season.clone();
        let m = season.len();
        let (mut phase, mut squares, mut logs) = (0, 0.0, 0.0);
        for v in self.z {
            let ahead = level + phi * slope;
            let s = if m > 0 { season[phase] } else { 0.0 };
            let times = self.model.season == Some(SeasonKind::Multiplicative);
            let f = if times { ahead * s } else { ahead + s };
            let error = v - f;
            let shown = if self.model.relative_error { error / f } else { error };
            squares += shown * shown;
            if self.model.relative_error {
                logs += f.abs().ln();
            }
            let (by_season, by_level) = if times { (error / guard(s), error / guard(ahead)) } else { (error, error) };
            level = ahead + alpha * by_season;
            slope = phi * slope + beta * by_season;
            if m > 0 {
                season[phase] = s + gamma * by_level;
                phase = if phase + 1 == m { 0 } else { phase + 1 };
            }
        }
        if m > 0 {
            season.rotate_left(phase);
        }
        let n = self.z.len() as f64;
        (n * squares.max(1e-28 * n).ln() + 2.0 * logs, level, slope, season)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        for v in [0.0, 5.0, -1e300, 1e-300] {
            let f = ets_auto(&[v; 60], 12).unwrap().forecast(3);
            assert!(f.iter().all(|f| (f - v).abs() <= 1e-6 * v.abs()), "{v} {f:?}");
            assert!(mstl_ets(&[v; 60], &[12], 3).unwrap().iter().all(|f| (f - v).abs() <= 1e-6 * v.abs()));
        }
        assert!(ets_auto(&[1.0; 7], 2).is_err() && ets_auto(&[f64::NAN; 20], 2).is_err());
        let model = EtsModel { relative_error: true, trend: EtsTrend::None, season: None };
        assert!(ets(&[0.0; 20], 2, model).is_err());
    }
}
