//! Adaptive lasso: which predictors a target needs, and how much of each.
//!
//! H. Zou, The adaptive lasso and its oracle properties, JASA 101 (2006), as in lingam 1.13.0
//! (`predict_adaptive_lasso`) over scikit-learn 1.9.1 (`LassoLarsIC` with BIC): standardise, weigh columns by their
//! least-squares coefficients, walk the LARS path, take its point of least BIC, refit by least squares. All from the
//! correlation matrix, O(d³) to O(d⁴) for d predictors whatever the number of rows.

use super::independence::DETERMINED;
use crate::gram::{Columns, gram};
use crate::linalg::{cholesky, cholesky_solve};
use crate::{Error, Matrix, Result};

/// Products of centred columns, ready for any number of regressions among them.
#[derive(Debug, Clone)]
pub struct Moments {
    rows: usize,
    gram: Matrix,
}

impl Moments {
    /// Of the columns of `data`. [`Error::NotFinite`] for NaN and infinities. O(rows · cols²/2).
    pub fn new(data: &Matrix) -> Result<Self> {
        Error::all_finite("data of the regression", data.data())?;
        Ok(Self { rows: data.rows(), gram: gram(&Columns::centred(data)) })
    }

    fn correlation(&self, i: usize, j: usize) -> f64 {
        self.gram[(i, j)] / (self.gram[(i, i)] * self.gram[(j, j)]).sqrt()
    }

    /// Predictors that vary and are no linear function of those before them.
    fn independent(&self, predictors: &[usize]) -> Vec<usize> {
        let mut kept: Vec<usize> = Vec::with_capacity(predictors.len());
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(predictors.len());
        for (place, j) in predictors.iter().enumerate() {
            if self.gram[(*j, *j)].is_nan() || self.gram[(*j, *j)] <= 0.0 {
                continue;
            }
            let mut row = Vec::with_capacity(kept.len() + 1);
            for (i, above) in kept.iter().zip(&factor) {
                let known: f64 = above.iter().zip(&row).map(|(a, b): (&f64, &f64)| a * b).sum();
                row.push((self.correlation(predictors[*i], *j) - known) / above[row.len()]);
            }
            let left = 1.0 - row.iter().map(|v| v * v).sum::<f64>();
            if left > DETERMINED {
                row.push(left.sqrt());
                factor.push(row);
                kept.push(place);
            }
        }
        kept
    }

    /// Coefficients of the target on predictors, in the units of the data.
    fn least_squares(&self, predictors: &[usize], target: usize) -> Result<Vec<f64>> {
        let d = predictors.len();
        let rows: Vec<Vec<f64>> =
            predictors.iter().map(|i| predictors.iter().map(|j| self.correlation(*i, *j)).collect()).collect();
        let scale = |j: &usize| self.gram[(*j, *j)].sqrt();
        let mut b: Vec<f64> = predictors.iter().map(|j| self.gram[(*j, target)] / scale(j)).collect();
        let factor = cholesky(&Matrix::new(d, d, rows.concat())?)?;
        cholesky_solve(&factor, &mut b);
        b.iter_mut().zip(predictors).for_each(|(b, j)| *b /= scale(j));
        Ok(b)
    }

    /// Adaptive lasso of column `target` on columns `predictors`; one coefficient for each, 0 where it is not needed.
    /// `gamma` is the power of the weights (1 as usual).
    ///
    /// A constant target or predictor, and a predictor that is a linear function of those before it, gets 0.
    /// [`Error::TooFew`] unless rows exceed predictors by 2: the noise cannot be told.
    pub fn adaptive_lasso(&self, predictors: &[usize], target: usize, gamma: f64) -> Result<Vec<f64>> {
        let mut result = vec![0.0; predictors.len()];
        let kept = self.independent(predictors);
        let yy = self.gram[(target, target)];
        if kept.is_empty() || yy.is_nan() || yy <= 0.0 {
            return Ok(result);
        }
        Error::at_least("rows of the adaptive lasso", kept.len() + 2, self.rows)?;
        let used: Vec<usize> = kept.iter().map(|k| predictors[*k]).collect();
        let d = used.len();
        let full = self.least_squares(&used, target)?;
        // in standardised units
        let weights: Vec<f64> =
            full.iter().zip(&used).map(|(b, j)| (b * (self.gram[(*j, *j)] / yy).sqrt()).abs().powf(gamma)).collect();
        let mut weighted = Matrix::zeros(d, d);
        let n = self.rows as f64;
        for i in 0..d {
            for j in 0..d {
                weighted[(i, j)] = n * weights[i] * weights[j] * self.correlation(used[i], used[j]);
            }
        }
        let with_target: Vec<f64> = (0..d).map(|i| n * weights[i] * self.correlation(used[i], target)).collect();
        let path = lars_path(&weighted, &with_target, n);
        let explained: f64 = full.iter().zip(&used).map(|(b, j)| b * self.gram[(*j, target)]).sum();
        let noise = n * (1.0 - explained / yy).max(f64::EPSILON) / (n - d as f64 - 1.0);
        let best = least_bic(&path, &weighted, &with_target, (n, noise));
        let support: Vec<usize> = (0..d).filter(|i| best[*i] * weights[*i] != 0.0).collect();
        if !support.is_empty() {
            let columns: Vec<usize> = support.iter().map(|i| used[*i]).collect();
            for (i, b) in support.iter().zip(self.least_squares(&columns, target)?) {
                result[kept[*i]] = b;
            }
        }
        Ok(result)
    }
}

/// The point of the path with the least n ln(2πσ²) + RSS/σ² + ln(n) · df.
fn least_bic<'a>(path: &'a [Vec<f64>], gram: &Matrix, with_target: &[f64], (n, noise): (f64, f64)) -> &'a [f64] {
    let bic = |b: &Vec<f64>| {
        let product: f64 = (0..b.len())
            .map(|i| b[i] * (gram.row(i).iter().zip(b).map(|(g, x)| g * x).sum::<f64>() - 2.0 * with_target[i]))
            .sum();
        let freedom = b.iter().filter(|b| b.abs() > f64::EPSILON).count() as f64;
        (n + product) / noise + n.ln() * freedom
    };
    let mut best = (f64::INFINITY, &path[0]);
    for point in path {
        let value = bic(point);
        if value < best.0 {
            best = (value, point);
        }
    }
    best.1
}

/// Below this correlation per row the path has ended: the float32 epsilon that scikit-learn uses.
const PATH_END: f64 = 1.192_092_895_507_812_5e-7;
/// Added to denominators, as scikit-learn does: the smallest normal float32.
const TINY: f64 = 1.175_494_350_822_287_5e-38;

/// Coefficients at the kinks of the lasso path, from all zero to least squares (Efron et al., Least angle regression,
/// 2004; scikit-learn's `lars_path` with method lasso).
fn lars_path(gram: &Matrix, with_target: &[f64], n: f64) -> Vec<Vec<f64>> {
    let d = with_target.len();
    let mut state = Lars {
        gram,
        left: with_target.to_vec(),
        active: Vec::new(),
        signs: Vec::new(),
        refused: vec![false; d],
        coefficients: vec![0.0; d],
    };
    let mut path: Vec<Vec<f64>> = vec![vec![0.0; d]];
    let mut last_alpha = f64::INFINITY;
    let mut dropped = false;
    // each step adds or drops one; far more than paths have
    for _ in 0..8 * d + 8 {
        let next = state.largest_inactive();
        let largest = next.map_or(0.0, |j| state.left[j].abs());
        let alpha = largest / n;
        if alpha <= PATH_END {
            break;
        }
        if let (false, Some(j)) = (dropped, next)
            && !state.add(j)
        {
            continue;
        }
        if alpha > last_alpha {
            break;
        }
        last_alpha = alpha;
        let Some(step) = state.step(largest) else { break };
        dropped = step;
        path.push(state.coefficients.clone());
    }
    path
}

struct Lars<'a> {
    gram: &'a Matrix,
    /// Products of columns with what is left of the target.
    left: Vec<f64>,
    active: Vec<usize>,
    signs: Vec<f64>,
    refused: Vec<bool>,
    coefficients: Vec<f64>,
}

impl Lars<'_> {
    fn is_inactive(&self, j: usize) -> bool {
        !self.refused[j] && !self.active.contains(&j)
    }

    fn largest_inactive(&self) -> Option<usize> {
        let mut best: Option<usize> = None;
        for j in (0..self.left.len()).filter(|j| self.is_inactive(*j)) {
            if best.is_none_or(|b| self.left[j].abs() > self.left[b].abs()) {
                best = Some(j);
            }
        }
        best
    }

    fn factor(&self) -> Option<Matrix> {
        let rows: Vec<f64> = self.active.iter().flat_map(|i| self.active.iter().map(|j| self.gram[(*i, *j)])).collect();
        cholesky(&Matrix::new(self.active.len(), self.active.len(), rows).ok()?).ok()
    }

    /// False where the column is a linear function of the active ones; it is left out for good.
    fn add(&mut self, j: usize) -> bool {
        self.active.push(j);
        self.signs.push(self.left[j].signum());
        let last = self.active.len() - 1;
        // scikit-learn's bound on the new pivot
        let good = self.factor().is_some_and(|l| l[(last, last)] >= 1e-7);
        if !good {
            self.active.pop();
            self.signs.pop();
            self.refused[j] = true;
        }
        good
    }

    /// Along the equiangular direction to the next kink. Whether a coefficient reached zero and left; `None` where there
    /// is no direction.
    fn step(&mut self, largest: f64) -> Option<bool> {
        let mut direction = self.signs.clone();
        cholesky_solve(&self.factor()?, &mut direction);
        let total: f64 = direction.iter().zip(&self.signs).map(|(d, s)| d * s).sum();
        let scale = 1.0 / total.sqrt();
        if !scale.is_finite() {
            return None;
        }
        direction.iter_mut().for_each(|d| *d *= scale);
        let slope = |j: usize| self.active.iter().zip(&direction).map(|(i, d)| self.gram[(*i, j)] * d).sum::<f64>();
        let slopes: Vec<f64> = (0..self.left.len()).map(slope).collect();
        let mut length = largest / scale;
        for j in (0..self.left.len()).filter(|j| self.is_inactive(*j)) {
            for sign in [1.0, -1.0] {
                let at = (largest - sign * self.left[j]) / (scale - sign * slopes[j] + TINY);
                if at > 0.0 && at < length {
                    length = at;
                }
            }
        }
        let mut leaving = None;
        for (k, (j, d)) in self.active.iter().zip(&direction).enumerate() {
            let at = -self.coefficients[*j] / (d + TINY);
            if at > 0.0 && at < length {
                (length, leaving) = (at, Some(k));
            }
        }
        for (j, d) in self.active.iter().zip(&direction) {
            self.coefficients[*j] += length * d;
        }
        self.left.iter_mut().zip(&slopes).for_each(|(l, s)| *l -= length * s);
        if let Some(k) = leaving {
            let j = self.active.remove(k);
            self.signs.remove(k);
            self.coefficients[j] = 0.0;
        }
        Some(leaving.is_some())
    }
}
