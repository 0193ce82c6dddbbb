//! VARLiNGAM: effects among series at once and after lags.
//!
//! A. Hyvärinen et al., Estimation of a structural vector autoregression model using non-Gaussianity, JMLR 11 (2010);
//! semantics of lingam 1.13.0 over statsmodels (least-squares VAR without intercept, lag of least BIC).

use super::lasso::Moments;
use super::lingam::{LingamOptions, direct_lingam};
use crate::gram::Columns;
use crate::linalg::{cholesky, cholesky_solve, dot};
use crate::{Error, Matrix, Result};

/// How the model is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct VarLingamOptions {
    /// The largest lag.
    pub lags: usize,
    /// The lag of least BIC up to that, instead of that.
    pub choose_lag: bool,
    /// Effects that the adaptive lasso does not need become 0.
    pub prune: bool,
    /// How the order at once is searched.
    pub instant: LingamOptions,
}

impl Default for VarLingamOptions {
    fn default() -> Self {
        Self { lags: 1, choose_lag: true, prune: true, instant: LingamOptions::default() }
    }
}

/// What VARLiNGAM found.
#[derive(Debug, Clone, PartialEq)]
pub struct VarLingam {
    /// Variables from first cause to last effect at one moment.
    pub order: Vec<usize>,
    /// `effects[l]` holds the effects after l steps, row is effect; the first those at once.
    pub effects: Vec<Matrix>,
    /// What the autoregression leaves, one row a time from the chosen lag on.
    pub residuals: Matrix,
}

impl VarLingam {
    /// The lag that was used.
    #[must_use]
    pub fn lags(&self) -> usize {
        self.effects.len() - 1
    }
}

/// VARLiNGAM over the columns of `data`, rows in order of time and evenly spaced. O(lags · rows · (cols · lags)²) and the
/// cost of DirectLiNGAM.
///
/// Series should have mean 0: as in the reference the autoregression has no intercept. Errors: [`Error::TooFew`] unless
/// rows exceed cols · (lags + 1) + lags by 2; [`Error::NotFinite`]; [`Error::Parameter`] for 0 lags; [`Error::Singular`]
/// for constant-zero or collinear columns.
pub fn var_lingam(data: &Matrix, options: &VarLingamOptions) -> Result<VarLingam> {
    Error::parameter(options.lags > 0, "lags", options.lags as f64, "at least 1")?;
    let needed = data.cols().saturating_mul(options.lags.saturating_add(1)).saturating_add(options.lags);
    Error::at_least("rows of VARLiNGAM", needed.saturating_add(2), data.rows())?;
    Error::all_finite("data of VARLiNGAM", data.data())?;
    let first = if options.choose_lag { 1 } else { options.lags };
    let mut best: Option<(f64, Autoregression)> = None;
    for lag in first..=options.lags {
        let fit = Autoregression::fit(data, lag)?;
        let bic = fit.bic()?;
        if best.as_ref().is_none_or(|(b, _)| bic < *b) {
            best = Some((bic, fit));
        }
    }
    let Some((_, fit)) = best else { return Err(Error::Singular { what: "autoregression" }) };
    let instant = direct_lingam(&fit.residuals, &options.instant)?;
    let p = data.cols();
    let mut shrink = Matrix::identity(p);
    shrink.data_mut().iter_mut().zip(instant.effects.data()).for_each(|(s, b)| *s -= b);
    let mut effects = vec![instant.effects];
    for coefficients in &fit.coefficients {
        effects.push(shrink.multiply(coefficients)?);
    }
    if options.prune {
        prune(data, &instant.order, &mut effects)?;
    }
    Ok(VarLingam { order: instant.order, effects, residuals: fit.residuals })
}

/// xₜ = Σ Mₗ xₜ₋ₗ + residual.
struct Autoregression {
    coefficients: Vec<Matrix>,
    residuals: Matrix,
}

impl Autoregression {
    fn fit(data: &Matrix, lag: usize) -> Result<Self> {
        let (n, p) = (data.rows() - lag, data.cols());
        // regressors: all series at lag 1, then all at lag 2, ...
        let columns = Columns::of(data);
        let shifted: Vec<&[f64]> = (1..=lag)
            .flat_map(|l| (0..p).map(move |j| (l, j)))
            .map(|(l, j)| &columns.column(j)[lag - l..lag - l + n])
            .collect();
        let d = shifted.len();
        let mut gram = Matrix::zeros(d, d);
        for i in 0..d {
            for j in 0..=i {
                let value = dot(shifted[i], shifted[j]);
                gram[(i, j)] = value;
                gram[(j, i)] = value;
            }
        }
        let factor = cholesky(&gram)?;
        let mut coefficients = vec![Matrix::zeros(p, p); lag];
        let mut residuals = Matrix::zeros(n, p);
        for i in 0..p {
            let target = &columns.column(i)[lag..];
            let mut b: Vec<f64> = shifted.iter().map(|s| dot(s, target)).collect();
            cholesky_solve(&factor, &mut b);
            let mut left = target.to_vec();
            for (s, b) in shifted.iter().zip(&b) {
                left.iter_mut().zip(*s).for_each(|(l, x)| *l -= b * x);
            }
            for (k, b) in b.iter().enumerate() {
                coefficients[k / p][(i, k % p)] = *b;
            }
            left.iter().enumerate().for_each(|(t, l)| residuals[(t, i)] = *l);
        }
        Ok(Self { coefficients, residuals })
    }

    /// ln det of the residuals' covariance + ln(n)/n · parameters.
    fn bic(&self) -> Result<f64> {
        let (n, p) = (self.residuals.rows() as f64, self.residuals.cols());
        let mut covariance = self.residuals.transpose().multiply(&self.residuals)?;
        covariance.data_mut().iter_mut().for_each(|v| *v /= n);
        let factor = cholesky(&covariance)?;
        let log_determinant: f64 = (0..p).map(|i| 2.0 * factor[(i, i)].ln()).sum();
        Ok(log_determinant + n.ln() / n * (self.coefficients.len() * p * p) as f64)
    }
}

/// Each series by the adaptive lasso on those before it at once and on all at lags.
fn prune(data: &Matrix, order: &[usize], effects: &mut [Matrix]) -> Result<()> {
    let (p, lags) = (data.cols(), effects.len() - 1);
    let rows: Vec<Vec<f64>> =
        (lags..data.rows()).map(|t| (0..=lags).flat_map(|l| data.row(t - l).iter().copied()).collect()).collect();
    let moments = Moments::new(&Matrix::from_rows(&rows)?)?;
    for (place, target) in order.iter().enumerate() {
        let before = &order[..place];
        let predictors: Vec<usize> = before.iter().copied().chain(p..p * (lags + 1)).collect();
        let b = moments.adaptive_lasso(&predictors, *target, 1.0)?;
        for (j, b) in before.iter().zip(&b) {
            effects[0][(*target, *j)] = *b;
        }
        for (k, b) in b[place..].iter().enumerate() {
            effects[1 + k / p][(*target, k % p)] = *b;
        }
    }
    Ok(())
}
