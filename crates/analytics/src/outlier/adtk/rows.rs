//! Detectors of rows, one row a moment: RegressionAD, PcaAD, OutlierDetector, MinClusterDetector. A row with NaN or an
//! infinity is left out of fits and undecided.

use super::linear::Linear;
use super::{Detection, Mode, Side, decide, limit};
use crate::outlier::Labels;
use crate::outlier::order::{deviation_sorted, median_sorted, sorted_numbers};
use crate::outlier::pca::{Components, Pca, Settings};
use crate::outlier::threshold::Band;
use crate::stats::order::{MAD_TO_DEVIATION, quantile_sorted};
use crate::{Error, Matrix, Result};
use std::collections::HashMap;

/// RegressionAD: one column from the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression {
    /// The column that is explained.
    pub target: usize,
    /// Inter-quartile ranges allowed; 3 in ADTK.
    pub c: f64,
    /// Direction that counts.
    pub side: Side,
    /// Whether to answer as ADTK. Guarded: fitted again with targets pulled in, band floor, pause.
    pub mode: Mode,
}

impl Default for Regression {
    fn default() -> Self {
        Self { target: 0, c: 3.0, side: Side::Both, mode: Mode::default() }
    }
}

/// A regression and its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedRegression {
    settings: Regression,
    model: Linear,
    limit: f64,
}

impl Regression {
    /// Least squares with an intercept. O(rows · cols²). Errors where no row is complete or there is no such column.
    pub fn fit(&self, x: &Matrix) -> Result<FittedRegression> {
        self.mode.check(self.c)?;
        Error::parameter(self.target < x.cols(), "target", self.target as f64, "a column of the table")?;
        let whole = complete(x)?;
        let rows: Vec<Vec<f64>> = whole.iter_rows().map(|row| others(row, self.target)).collect();
        let y = whole.column(self.target);
        let model = Linear::fit_guarded(&Matrix::from_rows(&rows)?, &y, self.mode)?;
        let mut fitted = FittedRegression { settings: *self, model, limit: f64::INFINITY };
        let distance: Vec<f64> = fitted.residuals(&whole).iter().map(|r| r.abs()).collect();
        fitted.limit = limit(&distance, self.c, self.mode.floor(&y))?;
        Ok(fitted)
    }

    /// Fits and tests the same rows.
    pub fn fit_detect(&self, x: &Matrix) -> Result<Detection> {
        self.fit(x)?.detect(x)
    }
}

impl FittedRegression {
    /// Tests rows; the signed value is the residual. Errors on other column counts.
    pub fn detect(&self, x: &Matrix) -> Result<Detection> {
        Error::same_length("columns of rows to score and of fitted rows", x.cols(), self.model.width() + 1)?;
        let signed = self.residuals(x);
        let distance = signed.iter().map(|r| r.abs()).collect();
        Ok(decide(signed, distance, self.limit, (self.settings.side, self.settings.mode)))
    }

    fn residuals(&self, x: &Matrix) -> Vec<f64> {
        let target = self.settings.target;
        let residual = |row: &[f64]| {
            if is_complete(row) { row[target] - self.model.predict(&others(row, target)) } else { f64::NAN }
        };
        x.iter_rows().map(residual).collect()
    }
}

/// PcaAD: the squared distance of a row to its reconstruction from `k` components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PcaError {
    /// Components; 1 in ADTK.
    pub k: usize,
    /// Inter-quartile ranges allowed; 5 in ADTK.
    pub c: f64,
    /// Whether to answer as ADTK, which neither scales columns (the widest decides) and also calls rows outliers that are
    /// reconstructed too well. Guarded: columns are scaled and pulled in for the fit, only large errors count, the band
    /// has a floor (share of the scaled ranges; the absolute floor, having a unit, is not used), alarms pause.
    pub mode: Mode,
}

impl Default for PcaError {
    fn default() -> Self {
        Self { k: 1, c: 5.0, mode: Mode::default() }
    }
}

/// Components and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPcaError {
    model: Pca,
    band: Band,
    mode: Mode,
}

impl PcaError {
    /// Fits on complete rows. Errors where there are none, or `k` is not in 1 to min(rows, columns).
    pub fn fit(&self, x: &Matrix) -> Result<FittedPcaError> {
        self.mode.check(self.c)?;
        let whole = complete(x)?;
        let guard = self.mode.guard();
        let settings = Settings { components: Components::Count(self.k), standardise: guard.is_some() };
        let model = match guard {
            Some(guard) => Pca::fit(&pulled(&whole, guard.winsor), &settings)?,
            None => Pca::fit(&whole, &settings)?,
        };
        let error = model.reconstruction_error(&whole)?;
        let band = match guard {
            None => Band::iqr(&error, Some(self.c), Some(self.c))?,
            // about six standard deviations of a scaled column are its range
            Some(guard) => {
                let floor = (6.0 * guard.range_share).powi(2) * x.cols() as f64;
                Band { low: f64::NEG_INFINITY, high: limit(&error, self.c, floor)? }
            }
        };
        Ok(FittedPcaError { model, band, mode: self.mode })
    }

    /// Fits and tests the same rows.
    pub fn fit_detect(&self, x: &Matrix) -> Result<Detection> {
        self.fit(x)?.detect(x)
    }
}

impl FittedPcaError {
    /// Tests rows; distance and signed value are the squared error. Errors on other column counts.
    pub fn detect(&self, x: &Matrix) -> Result<Detection> {
        let known: Vec<bool> = x.iter_rows().map(is_complete).collect();
        let mut filled = x.clone();
        filled.data_mut().iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
        let error: Vec<f64> = self.model.reconstruction_error(&filled)?;
        let error: Vec<f64> = error.iter().zip(&known).map(|(e, k)| if *k { *e } else { f64::NAN }).collect();
        let mut found = decide(error.clone(), error, self.band.high, (Side::Both, self.mode));
        for (label, e) in found.labels.iter_mut().zip(&found.distance) {
            if *e < self.band.low {
                *label = Some(true);
            }
        }
        Ok(found)
    }
}

/// OutlierDetector: the share `contamination` of complete rows that `scores` finds most unusual (more is more unusual);
/// strictly beyond the quantile, so that ties with it are not outliers. `scores` is any model of this family, e.g.
/// `|x| Ok(Lof::fit(x, &settings)?.factors().to_vec())`. Errors where no row is complete or contamination is outside (0, 1).
pub fn outlier_rows<F>(x: &Matrix, contamination: f64, scores: F) -> Result<Labels>
where
    F: FnOnce(&Matrix) -> Result<Vec<f64>>,
{
    let allowed = contamination > 0.0 && contamination < 1.0;
    Error::parameter(allowed, "contamination", contamination, "between 0 and 1")?;
    let whole = complete(x)?;
    // negated, as scikit-learn's scores are: the same quantile to the last bit
    let found: Vec<f64> = scores(&whole)?.iter().map(|s| -s).collect();
    Error::same_length("scores of rows", found.len(), whole.rows())?;
    let offset = quantile_sorted(&sorted_numbers(&found), contamination);
    Ok(spread_over(x, found.iter().map(|s| *s < offset)))
}

/// MinClusterDetector: rows of the smallest cluster that `labels` finds among complete rows (of equally small ones the one
/// that appears last). Errors where no row is complete.
pub fn smallest_cluster<F>(x: &Matrix, labels: F) -> Result<Labels>
where
    F: FnOnce(&Matrix) -> Result<Vec<usize>>,
{
    let whole = complete(x)?;
    let found = labels(&whole)?;
    Error::same_length("clusters of rows", found.len(), whole.rows())?;
    let mut sizes: HashMap<usize, (usize, usize)> = HashMap::new();
    for (i, label) in found.iter().enumerate() {
        sizes.entry(*label).or_insert((0, i)).0 += 1;
    }
    // each cluster appears first at another row, so the least is unique
    let smallest = sizes.iter().min_by_key(|(_, (size, first))| (*size, std::cmp::Reverse(*first))).map(|(l, _)| *l);
    Ok(spread_over(x, found.iter().map(|l| Some(*l) == smallest)))
}

fn is_complete(row: &[f64]) -> bool {
    row.iter().all(|v| v.is_finite())
}

fn complete(x: &Matrix) -> Result<Matrix> {
    let rows: Vec<&[f64]> = x.iter_rows().filter(|row| is_complete(row)).collect();
    Error::at_least("complete rows", 1, rows.len())?;
    Matrix::from_rows(&rows)
}

/// Labels of complete rows put where those rows are.
fn spread_over(x: &Matrix, mut labels: impl Iterator<Item = bool>) -> Labels {
    x.iter_rows().map(|row| if is_complete(row) { labels.next() } else { None }).collect()
}

fn others(row: &[f64], target: usize) -> Vec<f64> {
    row.iter().enumerate().filter(|(j, _)| *j != target).map(|(_, v)| *v).collect()
}

/// Each column pulled in to its median ± `k` robust standard deviations; columns without a spread are left.
fn pulled(x: &Matrix, k: f64) -> Matrix {
    let mut y = x.clone();
    for j in 0..x.cols() {
        let sorted = sorted_numbers(&x.column(j));
        let centre = median_sorted(&sorted);
        let reach = k * MAD_TO_DEVIATION * deviation_sorted(&sorted, centre);
        if reach > 0.0 && reach.is_finite() {
            for i in 0..x.rows() {
                y[(i, j)] = y[(i, j)].clamp(centre - reach, centre + reach);
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    fn related() -> Matrix {
        let mut rows: Vec<[f64; 2]> =
            (0..60).map(|i| [f64::from(i), 1e3 * (2.0 * f64::from(i) + f64::from(i * 5 % 3))]).collect();
        rows[40][0] = 90.0;
        rows[10][1] = f64::NAN;
        Matrix::from_rows(&rows).unwrap()
    }

    #[test]
    fn a_broken_relation_is_found_and_a_gap_is_undecided() {
        let x = related();
        for found in [Regression::default().fit_detect(&x).unwrap(), PcaError::default().fit_detect(&x).unwrap()] {
            assert_eq!((0..60).filter(|i| found.labels[*i] == Some(true)).collect::<Vec<_>>(), [40]);
            assert_eq!(found.labels[10], None);
        }
    }

    #[test]
    fn any_model_can_be_a_detector() {
        let x = related();
        let marked = outlier_rows(&x, 0.02, |rows| Ok(rows.column(0))).unwrap();
        assert_eq!((marked[40], marked[10], marked[0]), (Some(true), None, Some(false)));
        let marked = smallest_cluster(&x, |rows| Ok(rows.column(0).iter().map(|v| usize::from(*v > 80.0)).collect()));
        assert_eq!(marked.unwrap().iter().filter(|l| **l == Some(true)).count(), 1);
        assert!(outlier_rows(&x, 0.0, |rows| Ok(rows.column(0))).is_err());
        assert!(outlier_rows(&x, 0.1, |_| Ok(vec![])).is_err());
        let none = Matrix::new(1, 2, vec![f64::NAN, 1.0]).unwrap();
        assert!(smallest_cluster(&none, |_| Ok(vec![])).is_err() && Regression::default().fit(&none).is_err());
        assert!(Regression { target: 7, ..Regression::default() }.fit(&x).is_err());
        assert!(Regression::default().fit(&x).unwrap().detect(&Matrix::zeros(1, 5)).is_err());
    }
}
