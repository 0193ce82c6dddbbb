//! Linear regression with an intercept on rows that may be few or collinear.

use crate::linalg::{dot, least_squares, norm, symmetric_eigen};
use crate::outlier::adtk::Mode;
use crate::{Error, Matrix, Result};

/// Coefficients and intercept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl Linear {
    /// Least squares; of several solutions the one of least norm in columns of unit length. Constant columns get 0.
    fn fit(x: &Matrix, y: &[f64]) -> Result<Self> {
        Error::at_least("complete rows for a regression", 1, x.rows())?;
        let (n, p) = (x.rows() as f64, x.cols());
        let centre = |v: &mut [f64]| {
            let mean = if v.iter().all(|a| *a == v[0]) { v[0] } else { v.iter().map(|a| a / n).sum::<f64>() };
            v.iter_mut().for_each(|a| *a -= mean);
            mean
        };
        let mut target = y.to_vec();
        let mut columns: Vec<Vec<f64>> = (0..p).map(|j| x.column(j)).collect();
        let means: Vec<f64> = columns.iter_mut().map(|c| centre(c)).collect();
        let mean = centre(&mut target);
        let lengths: Vec<f64> = columns.iter_mut().map(|c| unit(c)).collect();
        let length = unit(&mut target);
        let used: Vec<usize> = (0..p).filter(|j| lengths[*j] > 0.0).collect();
        let mut coefficients = vec![0.0; p];
        if !used.is_empty() && length > 0.0 {
            let design = Matrix::from_columns(&used.iter().map(|j| &columns[*j]).collect::<Vec<_>>())?;
            let solved = match least_squares(&design, &target) {
                Err(Error::Singular { .. } | Error::TooFew { .. }) => least_norm(&design, &target)?,
                other => other?,
            };
            used.iter().zip(solved).for_each(|(j, b)| coefficients[*j] = b * (length / lengths[*j]));
        }
        let intercept = mean - dot(&coefficients, &means);
        Ok(Self { coefficients, intercept })
    }

    /// Fit and, in guarded mode, two more with targets pulled in to the reach of the residuals.
    pub(super) fn fit_guarded(x: &Matrix, y: &[f64], mode: Mode) -> Result<Self> {
        let mut fitted = Self::fit(x, y)?;
        for _ in 0..2 {
            let residuals: Vec<f64> = x.iter_rows().zip(y).map(|(row, v)| v - fitted.predict(row)).collect();
            let Some(reach) = mode.reach(&residuals) else { break };
            let pulled: Vec<f64> = y.iter().zip(&residuals).map(|(v, r)| v - r + r.clamp(-reach, reach)).collect();
            fitted = Self::fit(x, &pulled)?;
        }
        Ok(fitted)
    }

    /// Count of columns.
    pub(super) fn width(&self) -> usize {
        self.coefficients.len()
    }

    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        self.intercept + dot(&self.coefficients, row)
    }
}

/// Makes a vector one of unit length and gives its length; 0 leaves it alone. Safe for squares that overflow.
fn unit(v: &mut [f64]) -> f64 {
    let largest = v.iter().fold(0.0, |m: f64, a| m.max(a.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return 0.0;
    }
    v.iter_mut().for_each(|a| *a /= largest);
    let length = norm(v);
    v.iter_mut().for_each(|a| *a /= length);
    length * largest
}

/// Pseudo-inverse by the eigenvectors of the Gram matrix; directions below 1e-12 of the largest are rounding.
fn least_norm(design: &Matrix, target: &[f64]) -> Result<Vec<f64>> {
    let columns = design.transpose();
    let (values, vectors) = symmetric_eigen(&columns.multiply(design)?)?;
    let along: Vec<f64> = columns.iter_rows().map(|c| dot(c, target)).collect();
    let mut solved = vec![0.0; design.cols()];
    for (value, vector) in values.iter().zip(vectors.iter_rows()) {
        if *value > 1e-12 * values[0] {
            let share = dot(vector, &along) / value;
            solved.iter_mut().zip(vector).for_each(|(s, v)| *s += share * v);
        }
    }
    Ok(solved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collinear_and_few_rows_are_fitted() {
        let x = Matrix::from_rows(&[[1.0, 2.0, 5.0], [2.0, 4.0, 5.0], [4.0, 8.0, 5.0]]).unwrap();
        let fitted = Linear::fit(&x, &[3.0, 5.0, 9.0]).unwrap();
        assert!(x.iter_rows().zip([3.0, 5.0, 9.0]).all(|(r, y)| (fitted.predict(r) - y).abs() < 1e-12));
        let one = Linear::fit(&Matrix::zeros(1, 2), &[4.0]).unwrap();
        assert_eq!(one.predict(&[1.0, 1.0]), 4.0);
        assert!(Linear::fit(&Matrix::zeros(0, 2), &[]).is_err());
    }
}
