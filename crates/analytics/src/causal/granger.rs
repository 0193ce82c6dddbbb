//! Granger causality: do past values of one series help to predict another?
//!
//! C. Granger (1969); the ssr F-test of statsmodels 0.15.0.

use crate::linalg::least_squares;
use crate::special::f_sf;
use crate::{Error, Matrix, Result};

/// What the test of one pair says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Granger {
    /// The F statistic.
    pub f: f64,
    /// Its p-value; small means that `cause` helps.
    pub p: f64,
}

/// F-test of `lags` past values of `cause` beside an intercept and `lags` past values of `effect`. O(rows · lags²).
///
/// Errors: [`Error::Lengths`], [`Error::NotFinite`], [`Error::Parameter`] for 0 lags, [`Error::TooFew`] unless rows exceed
/// 3 · lags + 1, [`Error::Singular`] for constant or collinear series. Both should be stationary; a common cause with
/// different delays looks like causation.
pub fn granger(cause: &[f64], effect: &[f64], lags: usize) -> Result<Granger> {
    Error::same_length("series of the Granger test", cause.len(), effect.len())?;
    Error::parameter(lags > 0, "lags", lags as f64, "at least 1")?;
    Error::at_least("rows of the Granger test", lags.saturating_mul(3).saturating_add(2), cause.len())?;
    Error::all_finite("cause", cause)?;
    Error::all_finite("effect", effect)?;
    let target = &effect[lags..];
    let design = |with_cause: bool| {
        let rows: Vec<Vec<f64>> = (lags..effect.len())
            .map(|t| {
                let own = (1..=lags).map(|l| effect[t - l]);
                let other = (1..=lags).map(|l| cause[t - l]).take(if with_cause { lags } else { 0 });
                std::iter::once(1.0).chain(own).chain(other).collect()
            })
            .collect();
        Matrix::from_rows(&rows)
    };
    let (restricted, full) = (squares_left(&design(false)?, target)?, squares_left(&design(true)?, target)?);
    let freedom = (target.len() - 2 * lags - 1) as f64;
    let f = (restricted - full) / lags as f64 / (full / freedom);
    Ok(Granger { f, p: f_sf(f, lags as f64, freedom) })
}

/// p-values of all ordered pairs of columns, `(i, j)`: i causes j. 1 on the diagonal, NaN where a pair cannot be tested.
pub fn granger_matrix(data: &Matrix, lags: usize) -> Result<Matrix> {
    Error::all_finite("data of the Granger test", data.data())?;
    let columns: Vec<Vec<f64>> = (0..data.cols()).map(|j| data.column(j)).collect();
    let mut p = Matrix::identity(data.cols());
    for (i, cause) in columns.iter().enumerate() {
        for (j, effect) in columns.iter().enumerate().filter(|(j, _)| *j != i) {
            p[(i, j)] = match granger(cause, effect, lags) {
                Ok(found) => found.p,
                Err(Error::Singular { .. }) => f64::NAN,
                Err(other) => return Err(other),
            };
        }
    }
    Ok(p)
}

fn squares_left(design: &Matrix, target: &[f64]) -> Result<f64> {
    let b = least_squares(design, target)?;
    let left = |(row, y): (&[f64], &f64)| {
        let e = y - row.iter().zip(&b).map(|(x, b)| x * b).sum::<f64>();
        e * e
    };
    Ok(design.iter_rows().zip(target).map(left).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_delayed_copy_is_an_effect() {
        let mut rng = Rng::new(9);
        let x: Vec<f64> = (0..300).map(|_| rng.normal()).collect();
        let y: Vec<f64> = (0..300).map(|t| if t < 2 { 0.0 } else { x[t - 2] } + 0.5 * rng.normal()).collect();
        assert!(granger(&x, &y, 3).unwrap().p < 1e-20 && granger(&y, &x, 3).unwrap().p > 0.01);
        assert!(matches!(granger(&x, &y[1..], 3), Err(Error::Lengths { .. })));
        assert!(matches!(granger(&x[..5], &y[..5], 3), Err(Error::TooFew { .. })));
        assert!(matches!(granger(&x, &[2.0; 300], 3), Err(Error::Singular { .. })));
        assert!(matches!(granger(&x, &y, 0), Err(Error::Parameter { .. })));
    }
}
