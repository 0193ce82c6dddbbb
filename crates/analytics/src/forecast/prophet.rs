//! Prophet's model by its maximum a posteriori, without Stan.

use std::f64::consts::PI;

use super::lasso::lasso;
use crate::linalg::{cholesky, cholesky_solve, dot};
use crate::special::normal_quantile;
use crate::{Error, Matrix, Result, Rng};

/// A repeating pattern as a Fourier sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seasonality {
    /// Length in seconds.
    pub period_s: f64,
    /// Count of sine and cosine pairs.
    pub order: usize,
    /// Prior standard deviation of the coefficients, in units of the largest |y|; Prophet: 10.
    pub scale: f64,
}

impl Seasonality {
    /// Prophet's daily pattern: order 4.
    pub const DAY: Self = Self { period_s: 86_400.0, order: 4, scale: 10.0 };
    /// Prophet's weekly pattern: order 3.
    pub const WEEK: Self = Self { period_s: 604_800.0, order: 3, scale: 10.0 };
    /// Prophet's yearly pattern: order 10.
    pub const YEAR: Self = Self { period_s: 365.25 * 86_400.0, order: 10, scale: 10.0 };
}

/// Parameters of the model; defaults are Prophet 1.5.0's.
#[derive(Debug, Clone, PartialEq)]
pub struct Prophet {
    /// Most changes of slope.
    pub changepoints: usize,
    /// They lie evenly in this first share of the history.
    pub changepoint_range: f64,
    /// Scale of the Laplace prior of a change of slope; larger bends more.
    pub changepoint_scale: f64,
    /// Additive patterns.
    pub seasonalities: Vec<Seasonality>,
    /// Prior standard deviation of the coefficients of regressors (holidays).
    pub regressor_scale: f64,
    /// Share of future values in the band; Prophet: .8.
    pub interval: f64,
    /// Simulated futures of the trend for the band; 0 for noise alone.
    pub samples: usize,
    /// Seed of the simulation.
    pub seed: u64,
}

impl Default for Prophet {
    fn default() -> Self {
        Self {
            changepoints: 25,
            changepoint_range: 0.8,
            changepoint_scale: 0.05,
            seasonalities: vec![Seasonality::WEEK, Seasonality::DAY],
            regressor_scale: 10.0,
            interval: 0.8,
            samples: 1000,
            seed: 1,
        }
    }
}

/// What depends on times and regressors alone, shared by all series on one time grid: the columns and their Gram matrix.
#[derive(Debug, Clone)]
pub struct ProphetGrid {
    model: Prophet,
    times: Vec<f64>,
    regressors: Vec<Vec<f64>>,
    /// scaled times, seasonal columns and regressors; the constant is not stored
    columns: Vec<Vec<f64>>,
    /// places of the changes on the scaled time axis, and the first row at or after each
    changes: Vec<(f64, usize)>,
    /// `[t, 1, seasonal..., regressors..., hinges...]` against itself
    gram: Matrix,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct ProphetFit {
    model: Prophet,
    start: f64,
    span: f64,
    changes: Vec<f64>,
    /// slope, offset, seasonal and regressor coefficients, all on y / scale
    smooth: Vec<f64>,
    /// changes of slope
    deltas: Vec<f64>,
    scale: f64,
    sigma: f64,
    log_posterior: f64,
}

impl ProphetGrid {
    /// Prepares a grid: `times` in seconds since 1970 (strictly increasing, at least 2), `regressors` one column each (a holiday is
    /// a column of 0 and 1). O(n · columns²/2); then each series is only O(n · columns).
    pub fn new(times: &[f64], regressors: &[Vec<f64>], model: &Prophet) -> Result<Self> {
        let n = times.len();
        Error::at_least("times", 2, n)?;
        Error::all_finite("times", times)?;
        if let Some(i) = times.windows(2).position(|w| w[0] >= w[1]) {
            return Err(Error::Parameter { name: "times", value: times[i + 1], expected: "strictly increasing" });
        }
        Error::parameter(model.changepoint_scale > 0.0, "changepoint scale", model.changepoint_scale, "positive")?;
        Error::parameter(
            (0.0..=1.0).contains(&model.changepoint_range),
            "changepoint range",
            model.changepoint_range,
            "in [0, 1]",
        )?;
        Error::parameter(model.regressor_scale > 0.0, "regressor scale", model.regressor_scale, "positive")?;
        Error::parameter(model.interval > 0.0 && model.interval < 1.0, "interval", model.interval, "in (0, 1)")?;
        Error::parameter(model.changepoints <= 500, "changepoints", model.changepoints as f64, "at most 500")?;
        for s in &model.seasonalities {
            Error::parameter(
                s.period_s > 0.0 && s.scale > 0.0 && s.order <= 100,
                "seasonality",
                s.period_s,
                "positive, order at most 100",
            )?;
        }
        for r in regressors {
            Error::same_length("regressor and times", r.len(), n)?;
            Error::all_finite("regressor", r)?;
        }
        let scaled: Vec<f64> = times.iter().map(|t| (t - times[0]) / (times[n - 1] - times[0])).collect();
        let changes = places(&scaled, model);
        let mut columns = seasonal_columns(times, &model.seasonalities);
        columns.insert(0, scaled);
        columns.extend(regressors.iter().cloned());
        let gram = gram(&columns, &changes);
        Ok(Self {
            model: model.clone(),
            times: times.to_vec(),
            regressors: regressors.to_vec(),
            columns,
            changes,
            gram,
        })
    }

    /// Fits one series on the grid. NaN and infinities count as missing (that series then costs a grid of its own). A constant series
    /// gives that constant. Same maximum as Prophet's `fit` with L-BFGS, found exactly: see [`ProphetFit::log_posterior`].
    pub fn fit(&self, y: &[f64]) -> Result<ProphetFit> {
        Error::same_length("series and times", y.len(), self.times.len())?;
        if y.iter().any(|v| !v.is_finite()) {
            let kept: Vec<usize> = (0..y.len()).filter(|i| y[*i].is_finite()).collect();
            let pick = |v: &[f64]| -> Vec<f64> { kept.iter().map(|i| v[*i]).collect() };
            let regressors: Vec<Vec<f64>> = self.regressors.iter().map(|r| pick(r)).collect();
            return Self::new(&pick(&self.times), &regressors, &self.model)?.fit(&pick(y));
        }
        let scale = y.iter().fold(0.0f64, |a, v| a.max(v.abs()));
        let scale = if scale > 0.0 { scale } else { 1.0 };
        let right = self.right_side(y, scale);
        let squares = dot(y, y) / scale / scale;
        let squares = if squares.is_finite() { squares } else { y.iter().map(|v| (v / scale) * (v / scale)).sum() };
        let (smooth, deltas, sigma2, residual) = self.maximise(&right, squares)?;
        let n = y.len();
        let log_posterior = self.log_posterior((&smooth, &deltas), sigma2, residual);
        Ok(ProphetFit {
            model: self.model.clone(),
            start: self.times[0],
            span: self.times[n - 1] - self.times[0],
            changes: self.changes.iter().map(|c| c.0).collect(),
            smooth,
            deltas,
            scale,
            sigma: sigma2.sqrt(),
            log_posterior,
        })
    }

    /// Columns against y; hinges by sums over the stretches between changes.
    fn right_side(&self, y: &[f64], scale: f64) -> Vec<f64> {
        let p = self.columns.len() + 1;
        let mut right = Vec::with_capacity(p + self.changes.len());
        let t = &self.columns[0];
        right.push(dot(t, y) / scale);
        right.push(y.iter().map(|v| v / scale).sum());
        right.extend(self.columns[1..].iter().map(|c| dot(c, y) / scale));
        let mut hinges = vec![0.0; self.changes.len()];
        let (mut plain, mut timed, mut end) = (0.0, 0.0, y.len());
        for (h, (place, row)) in hinges.iter_mut().zip(&self.changes).rev() {
            plain += y[*row..end].iter().map(|v| v / scale).sum::<f64>();
            timed += dot(&y[*row..end], &t[*row..end]) / scale;
            end = *row;
            *h = timed - place * plain;
        }
        right.extend(hinges);
        right
    }

    /// Alternates between the coefficients for a given noise (exact) and the noise for given coefficients (closed form).
    fn maximise(&self, right: &[f64], squares: f64) -> Result<(Vec<f64>, Vec<f64>, f64, f64)> {
        let p = self.columns.len() + 1;
        let d = self.changes.len();
        let n = self.times.len() as f64;
        let precision = self.precision();
        let mut deltas = vec![0.0; d];
        let mut smooth = vec![0.0; p];
        // y is scaled to at most 1; a start too large only costs a round
        let mut sigma2 = (squares / n).max(TINY);
        let mut residual = squares;
        for _ in 0..100 {
            let mut a = Matrix::zeros(p, p);
            for i in 0..p {
                a.row_mut(i).copy_from_slice(&self.gram.row(i)[..p]);
                a[(i, i)] += sigma2 * precision[i] + 1e-12 * self.gram[(i, i)];
            }
            let factor = cholesky(&a)?;
            // smooth = base - tied · deltas
            let mut base = right[..p].to_vec();
            cholesky_solve(&factor, &mut base);
            let mut tied = Matrix::zeros(d, p);
            let mut s = Matrix::zeros(d, d);
            let mut c = vec![0.0; d];
            for k in 0..d {
                tied.row_mut(k).copy_from_slice(&self.gram.row(p + k)[..p]);
                cholesky_solve(&factor, tied.row_mut(k));
                let cross = &self.gram.row(p + k)[..p];
                c[k] = right[p + k] - dot(cross, &base);
                for j in 0..=k {
                    let v = self.gram[(p + k, p + j)] - dot(cross, tied.row(j));
                    s[(k, j)] = v;
                    s[(j, k)] = v;
                }
            }
            lasso(&s, &c, sigma2 / self.model.changepoint_scale, &mut deltas);
            for i in 0..p {
                smooth[i] = base[i] - (0..d).map(|k| tied[(k, i)] * deltas[k]).sum::<f64>();
            }
            residual = self.residual(right, squares, &smooth, &deltas);
            // of -n ln s - R / 2s² - 2s² (half-normal prior of scale .5)
            let next = (16.0 * residual / ((n * n + 16.0 * residual).sqrt() + n) / 8.0).max(TINY);
            let change = (next / sigma2 - 1.0).abs();
            sigma2 = next;
            if change < 1e-7 {
                break;
            }
        }
        Ok((smooth, deltas, sigma2, residual))
    }

    fn precision(&self) -> Vec<f64> {
        // slope and offset ~ N(0, 5)
        let mut v = vec![1.0 / 25.0; 2];
        for s in &self.model.seasonalities {
            v.extend(std::iter::repeat_n(1.0 / (s.scale * s.scale), 2 * s.order));
        }
        v.extend(std::iter::repeat_n(self.model.regressor_scale.powi(-2), self.regressors.len()));
        v
    }

    /// Sum of squared residuals from the normal equations.
    fn residual(&self, right: &[f64], squares: f64, smooth: &[f64], deltas: &[f64]) -> f64 {
        let all: Vec<f64> = smooth.iter().chain(deltas).copied().collect();
        let fit: f64 = (0..all.len()).map(|i| all[i] * (dot(self.gram.row(i), &all) - 2.0 * right[i])).sum();
        // what cancels below the rounding of the sum of squares is no residual
        (squares + fit).max(1e-15 * squares)
    }

    fn log_posterior(&self, (smooth, deltas): (&[f64], &[f64]), sigma2: f64, residual: f64) -> f64 {
        let n = self.times.len() as f64;
        let normal = |z2: f64, precision: f64| -0.5 * z2 * precision - 0.5 * (2.0 * PI / precision).ln();
        let tau = self.model.changepoint_scale;
        let mut lp = -0.5 * n * (2.0 * PI * sigma2).ln() - 0.5 * residual / sigma2;
        lp += smooth.iter().zip(self.precision()).map(|(v, q)| normal(v * v, q)).sum::<f64>();
        lp += deltas.iter().map(|v| -v.abs() / tau - (2.0 * tau).ln()).sum::<f64>();
        lp + normal(sigma2, 4.0)
    }
}

impl ProphetFit {
    /// Log-posterior at the maximum with the constants of all densities, on y / max |y|.
    #[must_use]
    pub fn log_posterior(&self) -> f64 {
        self.log_posterior
    }

    /// Standard deviation of the noise, in units of y.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.sigma * self.scale
    }

    /// Places (seconds) and sizes (change of slope per second, in units of y) of the changes; most are 0.
    #[must_use]
    pub fn changes(&self) -> Vec<(f64, f64)> {
        self.changes
            .iter()
            .zip(&self.deltas)
            .map(|(c, d)| (self.start + c * self.span, d * self.scale / self.span))
            .collect()
    }

    /// The trend alone at `times` (seconds).
    #[must_use]
    pub fn trend(&self, times: &[f64]) -> Vec<f64> {
        times.iter().map(|t| self.scale * self.trend_at((t - self.start) / self.span)).collect()
    }

    /// Values at `times` (seconds, any), given the regressors there.
    pub fn values(&self, times: &[f64], regressors: &[Vec<f64>]) -> Result<Vec<f64>> {
        Error::all_finite("times", times)?;
        let seasonal: usize = self.model.seasonalities.iter().map(|s| 2 * s.order).sum();
        Error::same_length("regressors", regressors.len(), self.smooth.len() - 2 - seasonal)?;
        let mut y: Vec<f64> = times.iter().map(|t| self.trend_at((t - self.start) / self.span)).collect();
        let columns = seasonal_columns(times, &self.model.seasonalities);
        for (column, weight) in columns.iter().chain(regressors).zip(&self.smooth[2..]) {
            Error::same_length("regressor and times", column.len(), y.len())?;
            y.iter_mut().zip(column).for_each(|(y, c)| *y += weight * c);
        }
        y.iter_mut().for_each(|v| *v *= self.scale);
        Ok(y)
    }

    /// Values with a band: noise, and for times after the history changes of slope as often and as large as those seen (simulated,
    /// seeded). Prophet's own procedure, with changes arriving as a Poisson process.
    pub fn predict(&self, times: &[f64], regressors: &[Vec<f64>]) -> Result<super::Forecast> {
        let point = self.values(times, regressors)?;
        let tail = (1.0 - self.model.interval) / 2.0;
        let wide = normal_quantile(1.0 - tail) * self.sigma();
        let mut lower: Vec<f64> = point.iter().map(|v| v - wide).collect();
        let mut upper: Vec<f64> = point.iter().map(|v| v + wide).collect();
        let ahead: Vec<(usize, f64)> =
            times.iter().map(|t| (t - self.start) / self.span).enumerate().filter(|(_, t)| *t > 1.0).collect();
        if ahead.is_empty() || self.model.samples == 0 {
            return Ok(super::Forecast { point, lower, upper });
        }
        let paths = self.simulate(&ahead);
        let last = self.model.samples - 1;
        for (k, (i, _)) in ahead.iter().enumerate() {
            let mut v: Vec<f64> = paths.iter().skip(k).step_by(ahead.len()).copied().collect();
            v.sort_unstable_by(f64::total_cmp);
            let pick = |q: f64| v[(q * last as f64).round() as usize] * self.scale + point[*i];
            (lower[*i], upper[*i]) = (pick(tail), pick(1.0 - tail));
        }
        Ok(super::Forecast { point, lower, upper })
    }

    /// Deviations (sample × time, on y / scale) of simulated futures from the forecast.
    fn simulate(&self, ahead: &[(usize, f64)]) -> Vec<f64> {
        let mut rng = Rng::new(self.model.seed);
        let rate = self.changes.len() as f64;
        // Prophet: Laplace with the mean absolute change seen
        let size = self.deltas.iter().map(|d| d.abs()).sum::<f64>() / rate.max(1.0) + 1e-8;
        let end = ahead.iter().map(|a| a.1).fold(1.0, f64::max);
        let mut paths = Vec::with_capacity(ahead.len() * self.model.samples);
        let mut changes: Vec<(f64, f64)> = Vec::new();
        for _ in 0..self.model.samples {
            changes.clear();
            let mut t = 1.0;
            // far horizons: no more changes than can matter
            while rate > 0.0 && changes.len() < 1000 {
                t -= (1.0 - rng.uniform()).ln() / rate;
                if t > end {
                    break;
                }
                let u = rng.uniform() - 0.5;
                changes.push((t, -size * u.signum() * (1.0 - 2.0 * u.abs()).max(1e-300).ln()));
            }
            for (_, t) in ahead {
                let bend: f64 = changes.iter().map(|(c, d)| d * (t - c).max(0.0)).sum();
                paths.push(bend + self.sigma * rng.normal());
            }
        }
        paths
    }

    fn trend_at(&self, t: f64) -> f64 {
        let bends: f64 = self.changes.iter().zip(&self.deltas).map(|(c, d)| d * (t - c).max(0.0)).sum();
        self.smooth[0] * t + self.smooth[1] + bends
    }
}

/// Noise never falls below this share of the scale: a series without noise has no maximum.
const TINY: f64 = 1e-18;

/// Evenly spaced rows of the first part, without the very first (Prophet's `set_changepoints`).
fn places(scaled: &[f64], model: &Prophet) -> Vec<(f64, usize)> {
    let history = (scaled.len() as f64 * model.changepoint_range).floor() as usize;
    let count = model.changepoints.min(history.saturating_sub(1));
    (1..=count)
        .map(|i| ((history - 1) as f64 * i as f64 / count as f64).round_ties_even() as usize)
        .map(|row| (scaled[row], row))
        .collect()
}

/// Sine and cosine columns. Higher orders by rotation: one sine and cosine a point and seasonality.
fn seasonal_columns(times: &[f64], seasonalities: &[Seasonality]) -> Vec<Vec<f64>> {
    let mut columns = Vec::new();
    for s in seasonalities {
        let first = columns.len();
        columns.resize(first + 2 * s.order, Vec::with_capacity(times.len()));
        for t in times {
            let turns = t / s.period_s;
            let (sin, cos) = libm::sincos(2.0 * PI * (turns - turns.floor()));
            let (mut a, mut b) = (sin, cos);
            for k in 0..s.order {
                columns[first + 2 * k].push(a);
                columns[first + 2 * k + 1].push(b);
                (a, b) = (a * cos + b * sin, b * cos - a * sin);
            }
        }
    }
    columns
}

/// Gram matrix of `[t, 1, others..., hinges...]`.
fn gram(columns: &[Vec<f64>], changes: &[(f64, usize)]) -> Matrix {
    let n = columns[0].len();
    let ones = vec![1.0; n];
    let mut all: Vec<&[f64]> = vec![&columns[0], &ones];
    all.extend(columns[1..].iter().map(Vec::as_slice));
    let p = all.len();
    let mut g = Matrix::zeros(p + changes.len(), p + changes.len());
    for i in 0..p {
        for j in 0..=i {
            g[(i, j)] = dot(all[i], all[j]);
        }
    }
    // hinges by sums over the stretches between changes: a hinge against a column c is Σ t c - place Σ c from its row on
    let t = all[0];
    for (j, column) in all.iter().enumerate() {
        let (mut plain, mut timed, mut end) = (0.0, 0.0, n);
        for (k, (place, row)) in changes.iter().enumerate().rev() {
            plain += dot(&column[*row..end], &ones[*row..end]);
            timed += dot(&column[*row..end], &t[*row..end]);
            end = *row;
            g[(p + k, j)] = timed - place * plain;
        }
    }
    for (k, (place, row)) in changes.iter().enumerate() {
        // against an earlier hinge: the column (t - other) from this hinge's row on
        for (j, (other, _)) in changes.iter().enumerate().take(k) {
            g[(p + k, p + j)] = g[(p + k, 0)] - other * g[(p + k, 1)];
        }
        g[(p + k, p + k)] = t[*row..].iter().map(|t| (t - place) * (t - place)).sum();
    }
    for i in 0..g.rows() {
        for j in 0..i {
            g[(j, i)] = g[(i, j)];
        }
    }
    g
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(n: usize) -> Vec<f64> {
        (0..n).map(|i| 1_704_067_200.0 + 3600.0 * i as f64).collect()
    }

    #[test]
    fn a_bend_and_a_holiday_are_found_and_gaps_do_not_matter() {
        let times = hours(400);
        let mut holiday = vec![0.0; 400];
        holiday[100..124].fill(1.0);
        let mut r = Rng::new(3);
        let y: Vec<f64> = (0..400)
            .map(|i| {
                100.0
                    + if i > 200 { 0.5 * (i - 200) as f64 } else { 0.0 }
                    + 30.0 * holiday[i]
                    + 5.0 * (i as f64 * PI / 12.0).sin()
                    + r.normal()
            })
            .collect();
        let grid = ProphetGrid::new(&times, std::slice::from_ref(&holiday), &Prophet::default()).unwrap();
        let fit = grid.fit(&y).unwrap();
        assert!((fit.sigma() - 1.0).abs() < 0.2, "{}", fit.sigma());
        let on = fit.values(&times[100..101], &[vec![1.0]]).unwrap()[0];
        let off = fit.values(&times[100..101], &[vec![0.0]]).unwrap()[0];
        assert!((on - off - 30.0).abs() < 2.0);
        let trend = fit.trend(&[times[399], times[250]]);
        assert!(((trend[0] - trend[1]) / 149.0 - 0.5).abs() < 0.05);
        let mut gap = y.clone();
        gap[300..310].fill(f64::NAN);
        assert!((grid.fit(&gap).unwrap().sigma() - fit.sigma()).abs() < 0.1);
    }

    #[test]
    fn degenerate_series() {
        let times = hours(60);
        let grid = ProphetGrid::new(&times, &[], &Prophet::default()).unwrap();
        for v in [0.0, 3.0, -7e250, 1e-250] {
            let f = grid.fit(&[v; 60]).unwrap().predict(&hours(70), &[]).unwrap();
            assert!(f.point.iter().all(|p| (p - v).abs() <= 1e-3 * v.abs()), "{v} {:?}", f.point);
        }
        assert!(grid.fit(&[f64::NAN; 60]).is_err() && grid.fit(&[1.0]).is_err());
        assert!(ProphetGrid::new(&[1.0], &[], &Prophet::default()).is_err());
        assert!(ProphetGrid::new(&[2.0, 1.0], &[], &Prophet::default()).is_err());
        let two = ProphetGrid::new(&[1.0, 2.0], &[], &Prophet::default()).unwrap().fit(&[1.0, 2.0]).unwrap();
        assert!(two.values(&[3.0], &[]).unwrap()[0].is_finite());
    }
}
