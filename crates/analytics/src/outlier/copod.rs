//! COPOD: outliers by an empirical copula.
//!
//! Li, Zhao, Botta, Ionescu, Hu: COPOD, ICDM 2020. Reference: PyOD 3.6.7, whose scores are met to 1e-9. The older sibling of
//! [`super::ecod`]: it averages both tails where ECOD takes the larger one.

use super::tails::{Columns, Tails};
use crate::{Matrix, Result};

/// A fitted table. Memory: a sorted copy of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Copod {
    columns: Columns,
    scores: Vec<f64>,
}

impl Copod {
    /// Fits rows × columns in O(cols · rows · log rows). Errors on an empty table, NaN or infinity. A constant column gives
    /// every row 0; equal rows get equal scores.
    pub fn fit(x: &Matrix) -> Result<Self> {
        let columns = Columns::fit(x)?;
        let scores = columns.fitted(x, part);
        Ok(Self { columns, scores })
    }

    /// Scores of the fitted rows; more is more unusual, 0 or more.
    #[must_use]
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Scores of new rows with fitted and new rows together as the sample: PyOD's `decision_function`. Errors on other
    /// column counts, NaN or infinity.
    pub fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.columns.joined(x, part)
    }

    /// Scores of new rows, each joined alone to the fitted ones. O(cols · log rows) a row.
    pub fn score_each(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.columns.each(x, part)
    }
}

fn part(t: Tails) -> f64 {
    t.leaning().max(0.5 * (t.left + t.right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_tables_are_errors_or_finite() {
        assert!(Copod::fit(&Matrix::zeros(0, 0)).is_err());
        let one = Copod::fit(&Matrix::zeros(1, 2)).unwrap();
        assert_eq!(one.scores(), [0.0]);
        let far = Matrix::from_rows(&[[1e300, -1e300]]).unwrap();
        assert!(one.score(&far).unwrap()[0].is_finite() && one.score_each(&far).unwrap()[0].is_finite());
    }
}
