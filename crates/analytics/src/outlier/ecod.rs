//! ECOD: outliers by the tails of each column's own empirical distribution.
//!
//! Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD, IEEE TKDE 2022. Reference: PyOD 3.6.7, whose scores are met to 1e-9.
//! No parameters and no distances: good for tables of tens of columns with different units. It cannot see a row that is
//! usual in each column and unusual only in their combination.

use super::tails::{Columns, Tails};
use crate::{Matrix, Result};

/// A fitted table. Memory: a sorted copy of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ecod {
    columns: Columns,
    scores: Vec<f64>,
}

impl Ecod {
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

    /// Scores of new rows with fitted and new rows together as the sample: PyOD's `decision_function`. A row's score then
    /// depends on the rows scored with it; see [`Self::score_each`]. Errors on other column counts, NaN or infinity.
    pub fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.columns.joined(x, part)
    }

    /// Scores of new rows, each joined alone to the fitted ones (the lean of a column stays that of the fitted rows).
    /// O(cols · log rows) a row: the one for streams.
    pub fn score_each(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.columns.each(x, part)
    }
}

fn part(t: Tails) -> f64 {
    t.left.max(t.right).max(t.leaning())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_scored_alone_is_a_batch_of_one() {
        let mut r = crate::Rng::new(5);
        let x = Matrix::new(60, 3, (0..180).map(|_| r.uniform().powi(2)).collect()).unwrap();
        let fitted = Ecod::fit(&x).unwrap();
        for row in [[0.1, 0.5, 0.9], [3.0, -1.0, 0.2]] {
            let one = Matrix::from_rows(&[row]).unwrap();
            let (batch, each) = (fitted.score(&one).unwrap(), fitted.score_each(&one).unwrap());
            assert!((batch[0] - each[0]).abs() < 1e-12);
        }
        assert!(Ecod::fit(&Matrix::zeros(0, 3)).is_err() && fitted.score(&Matrix::zeros(2, 2)).is_err());
        assert!(Ecod::fit(&Matrix::new(1, 1, vec![f64::NAN]).unwrap()).is_err());
        assert_eq!(fitted.score(&Matrix::zeros(0, 3)).unwrap(), Vec::<f64>::new());
    }
}
