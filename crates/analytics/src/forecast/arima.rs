//! Seasonal ARIMA by exact likelihood, with automatic order.

use super::arma_filter::{Arma, conditional_squares};
use super::nelder_mead::{Search, nelder_mead};
use crate::decompose::{Stl, stl};
use crate::smooth::{difference, undifference};
use crate::special::normal_quantile;
use crate::{Error, Result};

/// Orders of a model; `period` below 2 means no season.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArimaOrder {
    /// Autoregressive terms.
    pub p: usize,
    /// Differences.
    pub d: usize,
    /// Moving average terms.
    pub q: usize,
    /// Seasonal autoregressive terms.
    pub seasonal_p: usize,
    /// Seasonal differences.
    pub seasonal_d: usize,
    /// Seasonal moving average terms.
    pub seasonal_q: usize,
    /// Steps in a season.
    pub period: usize,
    /// Whether the differenced series has a mean.
    pub constant: bool,
}

impl ArimaOrder {
    fn coefficients(&self) -> usize {
        self.p + self.q + self.seasonal_p + self.seasonal_q
    }

    fn check(&self) -> Result<()> {
        Error::parameter(self.p <= 10 && self.q <= 10, "p, q", self.p.max(self.q) as f64, "at most 10")?;
        let seasonal = self.seasonal_p.max(self.seasonal_q);
        Error::parameter(seasonal <= 3, "seasonal p, q", seasonal as f64, "at most 3")?;
        Error::parameter(
            self.d <= 3 && self.seasonal_d <= 2,
            "d",
            self.d.max(self.seasonal_d) as f64,
            "at most 3, seasonal 2",
        )?;
        let lag = self.period.saturating_mul(seasonal.max(1));
        Error::parameter(
            lag <= 400 || seasonal == 0,
            "period",
            self.period as f64,
            "at most 400 steps of seasonal lag",
        )?;
        let wants = seasonal + self.seasonal_d > 0;
        Error::parameter(!wants || self.period >= 2, "period", self.period as f64, "at least 2 for a seasonal model")
    }
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Arima {
    /// The orders.
    pub order: ArimaOrder,
    /// AR, MA, seasonal AR, seasonal MA coefficients in this order (statsmodels' signs).
    pub coefficients: Vec<f64>,
    /// Variance of the errors.
    pub sigma2: f64,
    /// Exact log-likelihood of the differenced series.
    pub log_likelihood: f64,
    /// Akaike's criterion with the correction for small samples.
    pub aicc: f64,
    mean: f64,
    history: Vec<f64>,
}

/// The exact Gaussian log-likelihood of a model with given coefficients (AR, MA, seasonal AR, seasonal MA) and error variance: Kalman filter
/// on the differenced series from its stationary distribution, equal to statsmodels 0.15.0 `SARIMAX(simple_differencing=True)`. O(n r²) with
/// r = the longest lag, O(n r) once the filter is steady. Errors where the model is not stationary.
pub fn arima_log_likelihood(x: &[f64], order: ArimaOrder, coefficients: &[f64], sigma2: f64) -> Result<f64> {
    order.check()?;
    Error::same_length("ARIMA coefficients", coefficients.len(), order.coefficients())?;
    Error::parameter(sigma2 > 0.0, "variance", sigma2, "positive")?;
    let (w, _) = differenced(x, order)?;
    Arma::new(order, coefficients).filter(&w)?.log_likelihood_at(sigma2, w.len())
}

/// Fits a model of given order: conditional sum of squares first, then the exact likelihood, both by Nelder–Mead over partial
/// autocorrelations (Jones 1980; Monahan 1984), so that the result is always stationary and invertible.
pub fn arima(x: &[f64], order: ArimaOrder) -> Result<Arima> {
    order.check()?;
    let (w, mean) = differenced(x, order)?;
    let unit = scale(&w);
    let z: Vec<f64> = w.iter().map(|v| v / unit).collect();
    let start = conditional(&z, order).0;
    let cost = |v: &[f64]| {
        Arma::new(order, &unconstrained(order, v)).filter(&z).map_or(f64::INFINITY, |f| f.concentrated(z.len()))
    };
    let best = if start.is_empty() { start } else { nelder_mead(&search(start, 60), cost).0 };
    let coefficients = unconstrained(order, &best);
    let run = Arma::new(order, &coefficients).filter(&z)?;
    let n = z.len() as f64;
    let sigma2 = (run.squares / n).max(1e-28);
    let log_likelihood = run.log_likelihood_at(sigma2, z.len())? - n * unit.ln();
    let k = (order.coefficients() + 1 + usize::from(order.constant)) as f64;
    let spare = n - k - 1.0;
    let aicc = if spare > 0.0 { -2.0 * log_likelihood + 2.0 * k + 2.0 * k * (k + 1.0) / spare } else { f64::INFINITY };
    Ok(Arima { order, coefficients, sigma2: sigma2 * unit * unit, log_likelihood, aicc, mean, history: x.to_vec() })
}

/// Fits the order found by Hyndman and Khandakar's stepwise search (2008): seasonal difference where STL's seasonal strength is above .64,
/// differences by repeated KPSS tests at 5 %, then from four start models to better neighbours in p, q, P, Q and the mean by AICc. Models
/// are compared by their conditional sum of squares, the winner is fitted by exact likelihood (R's `approximation = TRUE`).
pub fn arima_auto(x: &[f64], period: usize) -> Result<Arima> {
    Error::at_least("values for ARIMA", 10, x.len())?;
    Error::all_finite("values", x)?;
    let seasonal = (2..=200).contains(&period) && x.len() >= 3 * period;
    let mut base = ArimaOrder { period: if seasonal { period } else { 0 }, ..ArimaOrder::default() };
    let mut w = x.to_vec();
    if seasonal && seasonal_strength(x, period)? > 0.64 {
        base.seasonal_d = 1;
        w = difference(&w, period, 1)?;
    }
    while base.d < 2 && w.len() > 10 && kpss(&w) > 0.463 {
        base.d += 1;
        w = difference(&w, 1, 1)?;
    }
    base.constant = base.d + base.seasonal_d <= 1;
    let s = usize::from(seasonal);
    let of = |p, q, sp, sq| ArimaOrder { p, q, seasonal_p: sp * s, seasonal_q: sq * s, ..base };
    let mut tried: Vec<(ArimaOrder, f64)> = Vec::new();
    for order in [of(2, 2, 1, 1), of(0, 0, 0, 0), of(1, 0, 1, 0), of(0, 1, 0, 1)] {
        price(x, order, &mut tried)?;
    }
    let least = |tried: &[(ArimaOrder, f64)]| tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(base, |t| t.0);
    // auto.arima's limit of models is 94
    while tried.len() < 94 {
        let best = least(&tried);
        for order in neighbours(best, seasonal) {
            price(x, order, &mut tried)?;
        }
        if least(&tried) == best {
            break;
        }
    }
    arima(x, least(&tried))
}

impl Arima {
    /// The next `horizon` values with a band that holds the share `coverage` (in (0, 1)) if errors are normal.
    pub fn forecast(&self, horizon: usize, coverage: f64) -> Result<super::Forecast> {
        Error::parameter(coverage > 0.0 && coverage < 1.0, "coverage", coverage, "in (0, 1)")?;
        let o = self.order;
        let (w, _) = differenced(&self.history, o)?;
        let model = Arma::new(o, &self.coefficients);
        let future: Vec<f64> = model.filter(&w)?.forecast(&model, horizon).iter().map(|v| v + self.mean).collect();
        let plain =
            if o.seasonal_d > 0 { difference(&self.history, o.period, o.seasonal_d)? } else { self.history.clone() };
        let mut point = undifference(&future, &plain, 1, o.d)?;
        if o.seasonal_d > 0 {
            point = undifference(&point, &self.history, o.period, o.seasonal_d)?;
        }
        let wide = normal_quantile(0.5 + coverage / 2.0) * self.sigma2.sqrt();
        let mut variance = 0.0;
        let spread: Vec<f64> = model
            .weights(o, horizon)
            .iter()
            .map(|psi| {
                variance += psi * psi;
                wide * variance.sqrt()
            })
            .collect();
        let lower = point.iter().zip(&spread).map(|(v, s)| v - s).collect();
        let upper = point.iter().zip(&spread).map(|(v, s)| v + s).collect();
        Ok(super::Forecast { point, lower, upper })
    }
}

/// The differenced series without its mean, and that mean.
fn differenced(x: &[f64], o: ArimaOrder) -> Result<(Vec<f64>, f64)> {
    Error::all_finite("values", x)?;
    let lost = o.d + o.seasonal_d * o.period;
    Error::at_least("values for ARIMA", lost + o.coefficients() + 3, x.len())?;
    let mut w = if o.seasonal_d > 0 { difference(x, o.period, o.seasonal_d)? } else { x.to_vec() };
    w = difference(&w, 1, o.d)?;
    let mean = if o.constant { w.iter().sum::<f64>() / w.len() as f64 } else { 0.0 };
    // what is below the rounding of the values is nothing, not a pattern
    let nothing = 1e-13 * scale(x);
    w.iter_mut().for_each(|v| *v = if (*v - mean).abs() <= nothing { 0.0 } else { *v - mean });
    Ok((w, mean))
}

fn scale(w: &[f64]) -> f64 {
    let largest = w.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    if largest > 0.0 { largest } else { 1.0 }
}

fn search(start: Vec<f64>, evaluations_each: usize) -> Search {
    let n = start.len();
    // |partial autocorrelation| at most tanh(3) = .995
    Search { start, lower: vec![-3.0; n], upper: vec![3.0; n], evaluations: evaluations_each * n, tolerance: 1e-9 }
}

/// Free parameters of least conditional squares, and those squares.
fn conditional(z: &[f64], order: ArimaOrder) -> (Vec<f64>, f64) {
    let cost = |v: &[f64]| conditional_squares(z, order, &unconstrained(order, v));
    let k = order.coefficients();
    if k == 0 {
        return (Vec::new(), cost(&[]));
    }
    let (v, squares) = nelder_mead(&search(vec![0.1; k], 40), |v| (cost(v) + 1e-300).ln());
    (v, squares.exp())
}

/// Coefficients from free parameters: each block by partial autocorrelations.
fn unconstrained(o: ArimaOrder, v: &[f64]) -> Vec<f64> {
    let mut out = Vec::with_capacity(v.len());
    let mut rest = v;
    for (count, sign) in [(o.p, 1.0), (o.q, -1.0), (o.seasonal_p, 1.0), (o.seasonal_q, -1.0)] {
        let (block, later) = rest.split_at(count.min(rest.len()));
        rest = later;
        let mut a: Vec<f64> = Vec::with_capacity(count);
        for r in block.iter().map(|b| b.tanh()) {
            let before = a.clone();
            a.iter_mut().zip(before.iter().rev()).for_each(|(x, y)| *x -= r * y);
            a.push(r);
        }
        out.extend(a.iter().map(|a| sign * a));
    }
    out
}

/// Adds the order with its approximate AICc, once.
fn price(x: &[f64], order: ArimaOrder, tried: &mut Vec<(ArimaOrder, f64)>) -> Result<()> {
    if tried.iter().any(|t| t.0 == order) {
        return Ok(());
    }
    let Ok((w, _)) = differenced(x, order) else { return Ok(()) };
    let unit = scale(&w);
    let z: Vec<f64> = w.iter().map(|v| v / unit).collect();
    let n = z.len() as f64;
    let squares = conditional(&z, order).1;
    let k = (order.coefficients() + 1 + usize::from(order.constant)) as f64;
    let spare = n - k - 1.0;
    let aicc = if spare > 0.0 {
        n * (squares / n).max(1e-28).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / spare
    } else {
        f64::INFINITY
    };
    tried.push((order, aicc));
    Ok(())
}

fn neighbours(o: ArimaOrder, seasonal: bool) -> Vec<ArimaOrder> {
    let mut all = Vec::new();
    let (most, most_seasonal) = (5, if seasonal { 2 } else { 0 });
    let shift = |v: usize, by: isize, most: usize| v.checked_add_signed(by).filter(|v| *v <= most);
    for (a, b) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1)] {
        if let (Some(p), Some(q)) = (shift(o.p, a, most), shift(o.q, b, most)) {
            all.push(ArimaOrder { p, q, ..o });
        }
        if let (Some(sp), Some(sq)) = (shift(o.seasonal_p, a, most_seasonal), shift(o.seasonal_q, b, most_seasonal)) {
            all.push(ArimaOrder { seasonal_p: sp, seasonal_q: sq, ..o });
        }
    }
    if o.d + o.seasonal_d <= 1 {
        all.push(ArimaOrder { constant: !o.constant, ..o });
    }
    all
}

/// 1 - var(rest) / var(season + rest), at least 0.
fn seasonal_strength(x: &[f64], period: usize) -> Result<f64> {
    let unit = scale(x);
    let z: Vec<f64> = x.iter().map(|v| v / unit).collect();
    let parts = stl(&z, &Stl { period, ..Stl::default() })?;
    let variance = |v: &mut dyn Iterator<Item = f64>| {
        let v: Vec<f64> = v.collect();
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>()
    };
    let whole = variance(&mut parts.season.iter().zip(&parts.rest).map(|(s, r)| s + r));
    let rest = variance(&mut parts.rest.iter().copied());
    Ok(if whole > 1e-20 { 1.0 - rest / whole } else { 0.0 })
}

/// KPSS statistic about a level, Bartlett weights over `3 sqrt(n) / 13` lags; 5 % point .463 (Kwiatkowski et al. 1992).
fn kpss(w: &[f64]) -> f64 {
    let n = w.len() as f64;
    let mean = w.iter().sum::<f64>() / n;
    let unit = scale(w);
    let e: Vec<f64> = w.iter().map(|v| (v - mean) / unit).collect();
    if e.iter().all(|v| v.abs() <= 1e-12) {
        return 0.0;
    }
    let mut sum = 0.0;
    let partial: f64 = e
        .iter()
        .map(|v| {
            sum += v;
            sum * sum
        })
        .sum();
    let lags = (3.0 * n.sqrt() / 13.0) as usize;
    let covariance = |k: usize| crate::linalg::dot(&e[k..], &e[..e.len() - k]) / n;
    let long: f64 =
        covariance(0) + 2.0 * (1..=lags).map(|k| (1.0 - k as f64 / (lags as f64 + 1.0)) * covariance(k)).sum::<f64>();
    if long > 1e-20 { partial / (n * n) / long } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoregression_is_found() {
        let mut r = crate::Rng::new(6);
        let mut v = 0.0;
        let x: Vec<f64> = (0..400)
            .map(|_| {
                v = 0.8 * v + r.normal();
                50.0 + v
            })
            .collect();
        let fit = arima(&x, ArimaOrder { p: 1, constant: true, ..ArimaOrder::default() }).unwrap();
        assert!((fit.coefficients[0] - 0.8).abs() < 0.07 && (fit.sigma2 - 1.0).abs() < 0.2, "{:?}", fit.coefficients);
        let f = fit.forecast(60, 0.9).unwrap();
        assert!((f.point[59] - 50.0).abs() < 1.5 && f.upper[59] - f.lower[59] > f.upper[0] - f.lower[0]);
        assert_eq!(arima_auto(&x, 1).unwrap().order.d, 0);
    }

    #[test]
    fn degenerate_input() {
        for v in [0.0, 4.0, 1e250] {
            let f = arima_auto(&[v; 60], 12).unwrap().forecast(4, 0.9).unwrap();
            assert!(f.point.iter().all(|p| (p - v).abs() <= 1e-6 * v), "{v} {:?}", f.point);
        }
        assert!(arima_auto(&[1.0; 5], 12).is_err() && arima_auto(&[f64::NAN; 50], 12).is_err());
        assert!(arima(&[1.0; 50], ArimaOrder { seasonal_p: 1, ..ArimaOrder::default() }).is_err());
        assert!(arima(&[1.0; 50], ArimaOrder { p: 99, ..ArimaOrder::default() }).is_err());
        let one = ArimaOrder { p: 1, ..ArimaOrder::default() };
        assert!(arima_log_likelihood(&[1.0, 2.0, 0.0, 1.0, 3.0], one, &[1.5], 1.0).is_err());
    }
}
