//! STL: one season and a trend by local regression.

use super::loess::Loess;
use crate::{Error, Result};

/// Parameters of [`stl`]; windows are odd counts of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Stl {
    /// Steps in a season, at least 2.
    pub period: usize,
    /// Window of the season's smoothing over years, in seasons; at least 3. 7 lets the season drift.
    pub seasonal: usize,
    /// Window of the trend; 0 chooses the next odd number above `1.5 period / (1 - 1.5 / seasonal)` (Cleveland et al., eq. 3).
    pub trend: usize,
    /// Degree of the season's, the trend's and the low-pass fits: 0 or 1.
    pub degrees: [usize; 3],
    /// Fits are made at every so-manyth place of season, trend and low-pass, lines between. 1 is exact; a tenth of the window is
    /// hardly visible and many times faster.
    pub jumps: [usize; 3],
    /// Whether outliers are kept out of season and trend (15 reweightings).
    pub robust: bool,
    /// Inner rounds; 0 chooses 2 if robust, else 5, as statsmodels does.
    pub inner: usize,
}

impl Default for Stl {
    /// statsmodels' defaults, for a day of hours.
    fn default() -> Self {
        Self { period: 24, seasonal: 7, trend: 0, degrees: [1; 3], jumps: [1; 3], robust: false, inner: 0 }
    }
}

/// `trend + season + rest` is the series.
#[derive(Debug, Clone, PartialEq)]
pub struct StlResult {
    /// The slow part.
    pub trend: Vec<f64>,
    /// The repeating part.
    pub season: Vec<f64>,
    /// What is left.
    pub rest: Vec<f64>,
    /// Robustness weights in \[0, 1\]; all 1 if not robust. Near 0 marks an outlier.
    pub weights: Vec<f64>,
}

/// Seasonal-trend decomposition by LOESS (Cleveland, Cleveland, McRae, Terpenning 1990), equal to statsmodels 0.15.0 `STL`.
///
/// Needs two whole seasons of finite values. Constant series give season 0. O(n · (trend + seasonal windows)) a round; without
/// robustness weights the inside of each window is a plain convolution.
pub fn stl(x: &[f64], parameters: &Stl) -> Result<StlResult> {
    let p = parameters;
    let (n, m) = (x.len(), p.period);
    Error::parameter(m >= 2, "period", m as f64, "at least 2")?;
    Error::parameter(p.seasonal >= 3 && p.seasonal % 2 == 1, "seasonal", p.seasonal as f64, "odd and at least 3")?;
    Error::parameter(
        p.trend == 0 || (p.trend >= 3 && p.trend % 2 == 1),
        "trend",
        p.trend as f64,
        "0, or odd and at least 3",
    )?;
    Error::parameter(p.degrees.iter().all(|d| *d <= 1), "degree", p.degrees[0] as f64, "0 or 1")?;
    Error::at_least("values for STL", m.saturating_mul(2), n)?;
    Error::all_finite("values", x)?;
    let mut rounds = Rounds::new(n, p);
    let inner = if p.inner > 0 {
        p.inner
    } else if p.robust {
        2
    } else {
        5
    };
    let outer = if p.robust { 15 } else { 0 };
    for _ in 0..inner {
        rounds.inner(x, &[]);
    }
    let mut weights = vec![1.0; n];
    for _ in 0..outer {
        robustness(x, &rounds, &mut weights);
        for _ in 0..inner {
            rounds.inner(x, &weights);
        }
    }
    let Rounds { trend, season, .. } = rounds;
    let rest = x.iter().zip(trend.iter().zip(&season)).map(|(v, (t, s))| v - t - s).collect();
    Ok(StlResult { trend, season, rest, weights })
}

/// Bisquare weights from the residuals; 6 medians (Cleveland §2.4).
fn robustness(x: &[f64], rounds: &Rounds, weights: &mut [f64]) {
    for (w, (v, (t, s))) in weights.iter_mut().zip(x.iter().zip(rounds.trend.iter().zip(&rounds.season))) {
        *w = (v - t - s).abs();
    }
    let mut sorted = weights.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let limit = 3.0 * (sorted[n / 2] + sorted[(n - 1) / 2]);
    for w in weights.iter_mut() {
        *w = if *w <= 0.001 * limit {
            1.0
        } else if *w <= 0.999 * limit {
            let q = *w / limit;
            (1.0 - q * q) * (1.0 - q * q)
        } else {
            0.0
        };
    }
}

/// The state between rounds, and room to work in.
struct Rounds {
    period: usize,
    seasonal: Loess,
    trending: Loess,
    low: Loess,
    trend: Vec<f64>,
    season: Vec<f64>,
    /// the smoothed cycle, one season longer at each end
    cycle: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    column: Vec<f64>,
    column_weights: Vec<f64>,
    column_smooth: Vec<f64>,
}

impl Rounds {
    fn new(n: usize, p: &Stl) -> Self {
        let odd = |v: usize| if v.is_multiple_of(2) { v + 1 } else { v };
        let wide = (1.5 * p.period as f64 / (1.0 - 1.5 / p.seasonal as f64)).ceil() as usize;
        let trend = if p.trend > 0 { p.trend } else { odd(wide).max(3) };
        let low = odd(p.period + 1);
        let loess = |width, k: usize| Loess { width, degree: p.degrees[k], jump: p.jumps[k] };
        Self {
            period: p.period,
            seasonal: loess(p.seasonal, 0),
            trending: loess(trend, 1),
            low: loess(low, 2),
            trend: vec![0.0; n],
            season: vec![0.0; n],
            cycle: vec![0.0; n + 2 * p.period],
            first: vec![0.0; n + 2 * p.period],
            second: vec![0.0; n + 2 * p.period],
            column: Vec::new(),
            column_weights: Vec::new(),
            column_smooth: Vec::new(),
        }
    }

    /// One pass of the inner loop (Cleveland §2.3, steps 1 to 6).
    fn inner(&mut self, x: &[f64], weights: &[f64]) {
        let (n, m) = (x.len(), self.period);
        for ((d, v), t) in self.second.iter_mut().zip(x).zip(&self.trend) {
            *d = v - t;
        }
        self.smooth_cycles(n, weights);
        average(&self.cycle, m, &mut self.first);
        average(&self.first[..n + m + 1], m, &mut self.second);
        average(&self.second[..n + 2], 3, &mut self.first);
        self.low.smooth(&self.first[..n], &[], &mut self.second[..n]);
        for (i, s) in self.season.iter_mut().enumerate() {
            *s = self.cycle[m + i] - self.second[i];
        }
        for ((d, v), s) in self.first.iter_mut().zip(x).zip(&self.season) {
            *d = v - s;
        }
        self.trending.smooth(&self.first[..n], weights, &mut self.trend);
    }

    /// Smooths each phase over the seasons, one season further at both ends.
    fn smooth_cycles(&mut self, n: usize, weights: &[f64]) {
        let m = self.period;
        for phase in 0..m {
            self.column.clear();
            self.column.extend(self.second[phase..n].iter().step_by(m));
            self.column_weights.clear();
            if !weights.is_empty() {
                self.column_weights.extend(weights[phase..].iter().step_by(m));
            }
            let k = self.column.len();
            self.column_smooth.resize(k, 0.0);
            self.seasonal.smooth(&self.column, &self.column_weights, &mut self.column_smooth);
            let before = self.seasonal.at(&self.column, &self.column_weights, 0.0);
            let after = self.seasonal.at(&self.column, &self.column_weights, (k + 1) as f64);
            self.cycle[phase] = before.unwrap_or(self.column_smooth[0]);
            for (i, v) in self.column_smooth.iter().enumerate() {
                self.cycle[phase + (i + 1) * m] = *v;
            }
            self.cycle[phase + (k + 1) * m] = after.unwrap_or(self.column_smooth[k - 1]);
        }
    }
}

/// Plain moving averages of `width` values, `x.len() - width + 1` of them.
fn average(x: &[f64], width: usize, out: &mut [f64]) {
    let mut sum: f64 = x[..width].iter().sum();
    out[0] = sum / width as f64;
    for i in width..x.len() {
        sum += x[i] - x[i - width];
        out[i - width + 1] = sum / width as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_jumps_change_little() {
        let mut r = crate::Rng::new(4);
        let x: Vec<f64> = (0..400)
            .map(|i| 10.0 + 0.01 * f64::from(i) + 3.0 * (f64::from(i) * 0.2618).sin() + 0.3 * r.normal())
            .collect();
        let exact = stl(&x, &Stl::default()).unwrap();
        let fast = stl(&x, &Stl { jumps: [1, 4, 3], ..Stl::default() }).unwrap();
        for (i, v) in x.iter().enumerate() {
            assert!((exact.trend[i] + exact.season[i] + exact.rest[i] - v).abs() < 1e-9);
            assert!((exact.trend[i] - fast.trend[i]).abs() < 0.1);
        }
    }

    #[test]
    fn wrong_input_is_told() {
        assert!(stl(&[1.0; 47], &Stl::default()).is_err());
        assert!(stl(&[f64::NAN; 60], &Stl::default()).is_err());
        assert!(stl(&[1.0; 60], &Stl { seasonal: 4, ..Stl::default() }).is_err());
        assert!(stl(&[1.0; 60], &Stl { period: 1, ..Stl::default() }).is_err());
        let jumps = Stl { jumps: [0, usize::MAX, 1], ..Stl::default() };
        assert!(stl(&[1.0; 60], &jumps).unwrap().season.iter().all(|s| s.abs() < 1e-9));
        assert!(
            stl(&[1.0; 60], &Stl { robust: true, ..Stl::default() })
                .unwrap()
                .trend
                .iter()
                .all(|t| (t - 1.0).abs() < 1e-9)
        );
    }
}
