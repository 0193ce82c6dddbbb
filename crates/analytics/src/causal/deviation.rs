//! BARO and N-sigma: how far each series of an incident is from what it was before.
//!
//! L. Pham et al., BARO (FSE 2024), `robust_scorer` and `nsigma` of fse-baro 0.2.2.

use crate::{Error, Matrix, Result};

/// What a value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviationCentre {
    /// BARO: the median and the interquartile range (linear percentiles).
    Robust,
    /// N-sigma: the mean and the standard deviation (of the population).
    Moments,
}

/// How deviations are scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeviationOptions {
    /// What a value is compared with.
    pub centre: DeviationCentre,
    /// Falls count as rises do. The reference counts rises only.
    pub two_sided: bool,
    /// As the reference: a column that is constant before or during the incident has no score, and a spread of 0 counts as
    /// 1, so that raw units decide. Else such a column is scored against 0.5 % of its level (1 where that is 0 too), so
    /// that a counter that goes from 0 to 1 is seen.
    pub compat: bool,
}

impl Default for DeviationOptions {
    fn default() -> Self {
        Self { centre: DeviationCentre::Robust, two_sided: false, compat: false }
    }
}

/// The largest deviation of each column during the incident from before it, in units of its spread before; `None` where
/// a column has no score: no finite value on one side, or (compat) constant. NaN and infinities are missing values.
/// O(rows · log rows) a column. [`Error::Lengths`] where the two have different columns.
pub fn deviation_scores(before: &Matrix, during: &Matrix, options: &DeviationOptions) -> Result<Vec<Option<f64>>> {
    Error::same_length("columns before and during", before.cols(), during.cols())?;
    let finite = |m: &Matrix, j: usize| m.column(j).into_iter().filter(|v| v.is_finite()).collect::<Vec<f64>>();
    Ok((0..before.cols()).map(|j| score(finite(before, j), &finite(during, j), options)).collect())
}

/// Columns with a score, highest score first; equal scores keep the order of columns.
#[must_use]
pub fn rank_scores(scores: &[Option<f64>]) -> Vec<usize> {
    let mut ranked: Vec<(usize, f64)> = scores.iter().enumerate().filter_map(|(i, s)| Some((i, (*s)?))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().map(|r| r.0).collect()
}

fn score(mut before: Vec<f64>, during: &[f64], options: &DeviationOptions) -> Option<f64> {
    let is_constant = |values: &[f64]| values.iter().all(|v| *v == values[0]);
    if before.is_empty() || during.is_empty() || options.compat && (is_constant(&before) || is_constant(during)) {
        return None;
    }
    let (centre, spread, negligible) = match options.centre {
        DeviationCentre::Robust => {
            before.sort_by(f64::total_cmp);
            let spread = percentile(&before, 0.75) - percentile(&before, 0.25);
            // as scikit-learn's RobustScaler
            (percentile(&before, 0.5), spread, 10.0 * f64::EPSILON)
        }
        DeviationCentre::Moments => {
            let n = before.len() as f64;
            let mean = before.iter().sum::<f64>() / n;
            let spread = (before.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
            (mean, spread, 10.0 * f64::EPSILON * mean.abs().max(1.0))
        }
    };
    let scale = if options.compat {
        if spread < negligible { 1.0 } else { spread }
    } else {
        let level = before.iter().fold(centre.abs(), |m, v| m.max(v.abs()));
        let floor = spread.max(0.005 * level);
        if floor > 0.0 { floor } else { 1.0 }
    };
    let deviation = |v: &f64| {
        let z = (v - centre) / scale;
        if options.two_sided { z.abs() } else { z }
    };
    Some(during.iter().map(deviation).fold(f64::NEG_INFINITY, f64::max))
}

/// Linear percentile of sorted values, as numpy's default.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let high = sorted[(low + 1).min(sorted.len() - 1)];
    sorted[low] + part * (high - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_counter_is_seen() {
        let before =
            Matrix::from_rows(&[[0.0, 5.0, 1.0], [0.0, 6.0, 1.0], [0.0, 7.0, f64::NAN], [0.0, 6.0, 1.0]]).unwrap();
        let during = Matrix::from_rows(&[[0.0, 6.0, 1.0], [1.0, 6.5, 1.0]]).unwrap();
        let product = DeviationOptions::default();
        let scores = deviation_scores(&before, &during, &product).unwrap();
        assert_eq!((scores[0], scores[2]), (Some(1.0), Some(0.0)));
        assert_eq!(rank_scores(&scores)[..2], [0, 1]);
        let compat = DeviationOptions { compat: true, ..product };
        assert_eq!(rank_scores(&deviation_scores(&before, &during, &compat).unwrap()), [1]);
        let empty = deviation_scores(&Matrix::zeros(0, 1), &Matrix::zeros(0, 1), &product).unwrap();
        assert_eq!(empty, [None]);
        assert!(deviation_scores(&Matrix::zeros(0, 1), &Matrix::zeros(0, 2), &product).is_err());
        let fall = deviation_scores(&before, &Matrix::from_rows(&[[-4.0, 0.0, 0.0]]).unwrap(), &product).unwrap();
        assert!(fall.iter().all(|s| s.unwrap() < 0.0));
    }
}
