//! The Kalman filter of an ARMA process in Harvey's form, and its conditional squares.

use super::arima::ArimaOrder;
use crate::{Error, Matrix, Result};

/// A stationary process: expanded polynomials.
pub(super) struct Arma {
    /// w(t) = sum of `ar[i]` w(t-1-i) + e(t) + sum of `ma[i]` e(t-1-i)
    ar: Vec<f64>,
    ma: Vec<f64>,
}

/// What the filter leaves.
pub(super) struct Filtered {
    /// Σ v² / F and Σ ln F for errors of variance 1
    pub squares: f64,
    logs: f64,
    state: Vec<f64>,
}

impl Filtered {
    pub fn log_likelihood_at(&self, sigma2: f64, n: usize) -> Result<f64> {
        let l = -0.5 * (n as f64 * (2.0 * std::f64::consts::PI * sigma2).ln() + self.logs + self.squares / sigma2);
        if l.is_nan() { Err(Error::Singular { what: "ARIMA likelihood" }) } else { Ok(l) }
    }

    /// -2/n of the likelihood at the best variance, without constants.
    pub fn concentrated(&self, n: usize) -> f64 {
        let n = n as f64;
        (self.squares / n).max(1e-28).ln() + self.logs / n
    }

    pub fn forecast(&self, model: &Arma, horizon: usize) -> Vec<f64> {
        let mut a = self.state.clone();
        (0..horizon)
            .map(|_| {
                let now = a[0];
                model.advance(&mut a);
                now
            })
            .collect()
    }
}

impl Arma {
    /// From AR, MA, seasonal AR, seasonal MA coefficients.
    pub fn new(o: ArimaOrder, c: &[f64]) -> Self {
        let (ar, rest) = c.split_at(o.p.min(c.len()));
        let (ma, rest) = rest.split_at(o.q.min(rest.len()));
        let (sar, sma) = rest.split_at(o.seasonal_p.min(rest.len()));
        let minus: Vec<f64> = product(ar, sar, (o.period, -1.0)).iter().map(|v| -v).collect();
        Self { ar: minus, ma: product(ma, sma, (o.period, 1.0)) }
    }

    fn size(&self) -> usize {
        self.ar.len().max(self.ma.len() + 1)
    }

    /// a := T a
    fn advance(&self, a: &mut [f64]) {
        let first = a[0];
        a.rotate_left(1);
        if let Some(last) = a.last_mut() {
            *last = 0.0;
        }
        a.iter_mut().zip(&self.ar).for_each(|(a, phi)| *a += phi * first);
    }

    /// The noise's way into the state.
    fn entry(&self) -> Vec<f64> {
        let mut r = vec![0.0; self.size()];
        r[0] = 1.0;
        r[1..=self.ma.len()].copy_from_slice(&self.ma);
        r
    }

    /// Filters from the stationary distribution, variance of errors 1.
    pub fn filter(&self, w: &[f64]) -> Result<Filtered> {
        let r = self.size();
        let entry = self.entry();
        let mut p = self.stationary(&entry)?;
        let mut next = Matrix::zeros(r, r);
        let mut gain = vec![0.0; r];
        let mut a = vec![0.0; r];
        let (mut squares, mut logs) = (0.0, 0.0);
        let mut steady = false;
        let mut f = 1.0;
        for v in w {
            if !steady {
                f = p[(0, 0)];
                if f.is_nan() || f <= 0.0 {
                    return Err(Error::Singular { what: "ARIMA likelihood" });
                }
                steady = self.update(&mut p, &mut next, (&entry, &mut gain));
            }
            let error = v - a[0];
            squares += error * error / f;
            logs += f.ln();
            self.advance(&mut a);
            a.iter_mut().zip(&gain).for_each(|(a, k)| *a += k * error);
        }
        Ok(Filtered { squares, logs, state: a })
    }

    /// One step of the covariance and the gain of this step; true where the covariance no longer changes.
    fn update(&self, p: &mut Matrix, next: &mut Matrix, (entry, gain): (&[f64], &mut [f64])) -> bool {
        let r = entry.len();
        let f = p[(0, 0)];
        let phi = |i: usize| self.ar.get(i).copied().unwrap_or(0.0);
        // T P, then (T P) Tᵀ
        let mut change = 0.0f64;
        for i in 0..r {
            gain[i] = (phi(i) * f + if i + 1 < r { p[(i + 1, 0)] } else { 0.0 }) / f;
        }
        for i in 0..r {
            let (fi, below) = (phi(i), i + 1 < r);
            let tp = |j: usize| fi * p[(0, j)] + if below { p[(i + 1, j)] } else { 0.0 };
            let first = tp(0);
            for j in 0..=i {
                let moved = phi(j) * first + if j + 1 < r { tp(j + 1) } else { 0.0 };
                let value = moved + entry[i] * entry[j] - gain[i] * gain[j] * f;
                change = change.max((value - p[(i, j)]).abs());
                next[(i, j)] = value;
                next[(j, i)] = value;
            }
        }
        std::mem::swap(p, next);
        change < 1e-13
    }

    /// P = T P Tᵀ + R Rᵀ by doubling; an error where it does not settle: not stationary.
    fn stationary(&self, entry: &[f64]) -> Result<Matrix> {
        let r = entry.len();
        let mut t = Matrix::zeros(r, r);
        let mut q = Matrix::zeros(r, r);
        for i in 0..r {
            t[(i, 0)] = self.ar.get(i).copied().unwrap_or(0.0);
            if i + 1 < r {
                t[(i, i + 1)] = 1.0;
            }
            for j in 0..r {
                q[(i, j)] = entry[i] * entry[j];
            }
        }
        for _ in 0..40 {
            let more = t.multiply(&q)?.multiply(&t.transpose())?;
            let size = more.data().iter().fold(0.0f64, |a, v| a.max(v.abs()));
            q.data_mut().iter_mut().zip(more.data()).for_each(|(q, m)| *q += m);
            if size.is_nan() || size > 1e14 {
                break;
            }
            if size <= 1e-16 * q[(0, 0)] {
                return Ok(q);
            }
            t = t.multiply(&t)?;
        }
        Err(Error::Singular { what: "ARIMA without a stationary distribution" })
    }

    /// How an error lives on in the integrated series: weights of 0 … horizon - 1 steps.
    pub fn weights(&self, o: ArimaOrder, horizon: usize) -> Vec<f64> {
        let mut psi: Vec<f64> = Vec::with_capacity(horizon);
        for j in 0..horizon {
            let own = if j == 0 { 1.0 } else { self.ma.get(j - 1).copied().unwrap_or(0.0) };
            let carried: f64 = self.ar.iter().zip(psi.iter().rev()).map(|(a, p)| a * p).sum();
            psi.push(own + carried);
        }
        for (lag, times) in [(1, o.d), (o.period, o.seasonal_d)] {
            for _ in 0..times {
                for j in lag..horizon {
                    psi[j] += psi[j - lag];
                }
            }
        }
        psi
    }
}

/// Coefficients after the leading 1 of `(1 + sign Σ a B^i) (1 + sign Σ s B^(m i))`.
fn product(a: &[f64], s: &[f64], (m, sign): (usize, f64)) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + m * s.len() + 1];
    let at = |v: &[f64], i: usize| if i == 0 { 1.0 } else { sign * v[i - 1] };
    for i in 0..=a.len() {
        for j in 0..=s.len() {
            out[i + m * j] += at(a, i) * at(s, j);
        }
    }
    out.split_off(1)
}

/// Sum of squared errors with values and errors before the start taken as 0. O(n · nonzero lags).
pub(super) fn conditional_squares(z: &[f64], o: ArimaOrder, c: &[f64]) -> f64 {
    let model = Arma::new(o, c);
    let sparse = |v: &[f64]| -> Vec<(usize, f64)> {
        v.iter().enumerate().filter(|(_, c)| **c != 0.0).map(|(i, c)| (i + 1, *c)).collect()
    };
    let (ar, ma) = (sparse(&model.ar), sparse(&model.ma));
    let longest = model.size();
    // zeros before the start spare a test per lag
    let mut padded = vec![0.0; longest];
    padded.extend_from_slice(z);
    let mut errors = vec![0.0; padded.len()];
    let mut squares = 0.0;
    for t in longest..padded.len() {
        let mut e = padded[t];
        for (lag, c) in &ar {
            e -= c * padded[t - lag];
        }
        for (lag, c) in &ma {
            e -= c * errors[t - lag];
        }
        errors[t] = e;
        squares += e * e;
    }
    squares
}
