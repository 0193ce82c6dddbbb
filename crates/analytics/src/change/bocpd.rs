//! Bayesian online change point detection with a multivariate Student-t predictive.

use crate::special::ln_gamma;
use crate::{Error, Matrix, Result};

/// The prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BocpdParams {
    /// Probability of a change at any sample, in (0, 1); 1/50 as the reference.
    pub hazard: f64,
    /// Samples the prior mean 0 is worth.
    pub kappa: f64,
    /// Degrees of freedom of the prior beyond the columns; 1 as the reference.
    pub extra_freedom: f64,
    /// The prior scale matrix is this times the unit matrix. Standardise the series, or scale them to 0..1 as the reference.
    pub scale: f64,
    /// Run lengths kept; the least likely are dropped. `usize::MAX` keeps all: exact, O(n²).
    pub max_runs: usize,
}

impl Default for BocpdParams {
    fn default() -> Self {
        Self { hazard: 0.02, kappa: 1.0, extra_freedom: 1.0, scale: 1.0, max_runs: 100 }
    }
}

/// What is believed after a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunLength {
    /// The most likely number of samples since the last change; 0: the next sample begins a new segment.
    pub most_likely: usize,
    /// Its probability.
    pub probability: f64,
}

/// Adams and MacKay 2007, with the normal-inverse-Wishart predictive of Murphy 2007, as `bayesian_changepoint_detection`
/// (and BARO 0.2.2 with it) but with Cholesky factors that are updated instead of matrices that are inverted, and in
/// logarithms: no run length vanishes.
///
/// A sample costs O(runs · columns²); memory the same. NaN and infinities are refused.
#[derive(Debug, Clone)]
pub struct Bocpd {
    dims: usize,
    params: BocpdParams,
    runs: Vec<Run>,
}

#[derive(Debug, Clone)]
struct Run {
    length: usize,
    log_weight: f64,
    mean: Vec<f64>,
    /// Lower Cholesky factor of the scale matrix, row by row without the upper half.
    factor: Vec<f64>,
}

impl Bocpd {
    /// For samples of `dims` columns. [`Error::Parameter`] for values outside the ranges named at the parameters.
    pub fn new(dims: usize, params: BocpdParams) -> Result<Self> {
        Error::parameter(dims > 0, "dims", dims as f64, "at least 1")?;
        Error::parameter(params.hazard > 0.0 && params.hazard < 1.0, "hazard", params.hazard, "between 0 and 1")?;
        for (name, value) in [("kappa", params.kappa), ("extra_freedom", params.extra_freedom), ("scale", params.scale)]
        {
            Error::parameter(value > 0.0 && value.is_finite(), name, value, "above 0")?;
        }
        Error::parameter(params.max_runs > 1, "max_runs", params.max_runs as f64, "at least 2")?;
        let mut bocpd = Self { dims, params, runs: Vec::new() };
        bocpd.runs.push(bocpd.fresh(0.0));
        Ok(bocpd)
    }

    /// Takes a sample in. [`Error::Lengths`] or [`Error::NotFinite`] leave all as it was.
    pub fn observe(&mut self, x: &[f64]) -> Result<RunLength> {
        Error::same_length("columns of a sample", x.len(), self.dims)?;
        Error::all_finite("sample", x)?;
        let mut work = vec![0.0; self.dims];
        let (grow, restart) = ((-self.params.hazard).ln_1p(), self.params.hazard.ln());
        for run in &mut self.runs {
            run.log_weight += run.take(x, &mut work, &self.params);
        }
        let top = self.runs.iter().map(|r| r.log_weight).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.runs.iter().map(|r| (r.log_weight - top).exp()).sum();
        let total = top + sum.ln();
        self.runs.iter_mut().for_each(|r| r.log_weight += grow - total);
        self.runs.push(self.fresh(restart));
        self.prune();
        let likely = self.runs.iter().rev().fold(None, |best: Option<&Run>, r| match best {
            Some(b) if b.log_weight >= r.log_weight => Some(b),
            _ => Some(r),
        });
        let (length, weight) = likely.map_or((0, 0.0), |r| (r.length, r.log_weight));
        Ok(RunLength { most_likely: length, probability: weight.exp() })
    }

    /// Probability that the last change lies at most `samples` back.
    #[must_use]
    pub fn changed_within(&self, samples: usize) -> f64 {
        self.runs.iter().filter(|r| r.length <= samples).map(|r| r.log_weight.exp()).sum::<f64>().min(1.0)
    }

    fn fresh(&self, log_weight: f64) -> Run {
        let d = self.dims;
        let mut factor = vec![0.0; d * (d + 1) / 2];
        for i in 0..d {
            factor[i * (i + 1) / 2 + i] = self.params.scale.sqrt();
        }
        Run { length: 0, log_weight, mean: vec![0.0; d], factor }
    }

    /// Drops the least likely run once there are too many; the newest stays.
    fn prune(&mut self) {
        while self.runs.len() > self.params.max_runs {
            let old = &self.runs[..self.runs.len() - 1];
            let weak = (0..old.len()).min_by(|a, b| old[*a].log_weight.total_cmp(&old[*b].log_weight)).unwrap_or(0);
            self.runs.remove(weak);
        }
    }
}

impl Run {
    /// Logarithm of the predictive density of x; then x is taken in.
    fn take(&mut self, x: &[f64], c: &mut [f64], params: &BocpdParams) -> f64 {
        let d = x.len();
        let dims = d as f64;
        let kappa = params.kappa + self.length as f64;
        // ν = d + extra + length, of the predictive ν - d + 1
        let freedom = params.extra_freedom + self.length as f64 + 1.0;
        let (mut square, mut log_det) = (0.0, 0.0);
        // L y = x - mean, y in place
        for i in 0..d {
            let row = &self.factor[i * (i + 1) / 2..=i * (i + 1) / 2 + i];
            let known: f64 = row[..i].iter().zip(&c[..i]).map(|(l, y)| l * y).sum();
            c[i] = (x[i] - self.mean[i] - known) / row[i];
            square += c[i] * c[i];
            log_det += row[i].ln();
        }
        let ratio = (kappa + 1.0) / (kappa * freedom);
        let density = ln_gamma(0.5 * (freedom + dims))
            - ln_gamma(0.5 * freedom)
            - 0.5 * dims * (freedom * std::f64::consts::PI).ln()
            - log_det
            - 0.5 * dims * ratio.ln()
            - 0.5 * (freedom + dims) * (square / ratio / freedom).ln_1p();
        let weight = (kappa / (kappa + 1.0)).sqrt();
        for (i, v) in c.iter_mut().enumerate() {
            let distance = x[i] - self.mean[i];
            *v = weight * distance;
            self.mean[i] += distance / (kappa + 1.0);
        }
        rank_one(&mut self.factor, c);
        self.length += 1;
        density
    }
}

/// L Lᵀ + v vᵀ as a new factor in place (Golub and Van Loan, §6.5.4); v is used up.
fn rank_one(factor: &mut [f64], v: &mut [f64]) {
    for k in 0..v.len() {
        let at = k * (k + 1) / 2 + k;
        let old = factor[at];
        let new = old.hypot(v[k]);
        let (c, s) = (new / old, v[k] / old);
        factor[at] = new;
        for i in k + 1..v.len() {
            let l = &mut factor[i * (i + 1) / 2 + k];
            *l = (*l + s * v[i]) / c;
            v[i] = c * v[i] - s * *l;
        }
    }
}

/// The belief after each row of a matrix.
pub fn run_lengths(data: &Matrix, params: &BocpdParams) -> Result<Vec<RunLength>> {
    let mut bocpd = Bocpd::new(data.cols(), *params)?;
    data.iter_rows().map(|row| bocpd.observe(row)).collect()
}

/// First rows of new segments: where the most likely run length falls, the row at which the new run began. Rising, without
/// repeats; a run that turns out to be older than thought takes its doubtful start back.
#[must_use]
pub fn segment_starts(runs: &[RunLength]) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::new();
    for (row, run) in runs.iter().enumerate() {
        let start = row + 1 - run.most_likely.min(row + 1);
        while starts.last().is_some_and(|last| *last > start) {
            starts.pop();
        }
        if start > 0 && start < runs.len() && starts.last() != Some(&start) {
            starts.push(start);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn steps(n: usize) -> Matrix {
        let mut r = Rng::new(5);
        let data = (0..2 * n).map(|i| 0.3 * r.normal() + if i / 2 < n / 2 { 0.0 } else { 3.0 }).collect();
        Matrix::new(n, 2, data).unwrap()
    }

    #[test]
    fn a_step_is_found_exact_and_pruned() {
        for max_runs in [usize::MAX, 10] {
            let runs = run_lengths(&steps(120), &BocpdParams { max_runs, ..Default::default() }).unwrap();
            assert_eq!(segment_starts(&runs), [60], "{max_runs}");
            assert_eq!(runs[119].most_likely, 60);
        }
    }

    #[test]
    fn degenerate_input() {
        let p = BocpdParams::default();
        assert!(Bocpd::new(0, p).is_err() && Bocpd::new(1, BocpdParams { hazard: 1.0, ..p }).is_err());
        let mut b = Bocpd::new(1, p).unwrap();
        assert!(b.observe(&[f64::NAN]).is_err() && b.observe(&[1.0, 2.0]).is_err());
        assert_eq!(b.changed_within(0), 1.0);
        for v in [0.0, 1e150, -1e150, 1e-300, 0.0] {
            assert!(b.observe(&[v]).unwrap().probability.is_finite());
        }
        (0..300).for_each(|_| assert!(b.observe(&[7.0]).unwrap().probability.is_finite()));
        assert!(segment_starts(&[]).is_empty());
    }
}
