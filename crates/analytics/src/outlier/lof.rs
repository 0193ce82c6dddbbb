//! Local outlier factor: how much thinner a row's neighbourhood is than those of its neighbours.
//!
//! Breunig, Kriegel, Ng, Sander: LOF, SIGMOD 2000. Reference: scikit-learn 1.9.1 `LocalOutlierFactor`, exactly k
//! neighbours also where several are equally far (the paper takes all of them). Scale columns first.

use super::neighbours::{Neighbourhoods, Neighbours};
use crate::{Error, Matrix, Result};

/// Settings of [`Lof`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Neighbours, at most rows − 1; 20 in scikit-learn. At least as many as the smallest group that is normal.
    pub neighbours: usize,
    /// Added to the mean reachability distance, so that more than k duplicates do not divide by zero; 1e-10 in
    /// scikit-learn. It is in units of distance: tables of numbers near it need scaling.
    pub floor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { neighbours: 20, floor: 1e-10 }
    }
}

/// A fitted table.
#[derive(Debug, Clone, PartialEq)]
pub struct Lof {
    neighbours: Neighbours,
    k: usize,
    floor: f64,
    /// Distance of each fitted row to its k-th neighbour.
    reach: Vec<f64>,
    density: Vec<f64>,
    factors: Vec<f64>,
}

impl Lof {
    /// Fits rows × columns; as fast as [`Neighbours::of_fitted`]. Errors on fewer than 2 rows, NaN, infinity, no neighbours
    /// or a floor that is not positive.
    pub fn fit(x: &Matrix, settings: &Settings) -> Result<Self> {
        Error::at_least("rows of a table", 2, x.rows())?;
        Error::parameter(settings.floor > 0.0, "floor", settings.floor, "above 0")?;
        let neighbours = Neighbours::fit(x)?;
        let k = settings.neighbours.min(x.rows() - 1);
        let near = neighbours.of_fitted(k)?;
        let reach = (0..near.len()).map(|i| near.distances(i)[k - 1]).collect();
        let mut fitted = Self { neighbours, k, floor: settings.floor, reach, density: vec![], factors: vec![] };
        fitted.density = fitted.densities(&near);
        fitted.factors = fitted.ratios(&near, &fitted.density);
        Ok(fitted)
    }

    /// Factors of the fitted rows: near 1 inside a group, larger outside. scikit-learn's `-negative_outlier_factor_`.
    #[must_use]
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// Factors of new rows against the fitted ones (`novelty=True` in scikit-learn). A fitted row scored here has itself as
    /// a neighbour. Errors on other column counts, NaN or infinity.
    pub fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        let near = self.neighbours.of(x, self.k)?;
        Ok(self.ratios(&near, &self.densities(&near)))
    }

    fn densities(&self, near: &Neighbourhoods) -> Vec<f64> {
        let k = self.k as f64;
        (0..near.len())
            .map(|i| {
                let pairs = near.distances(i).iter().zip(near.rows(i));
                let sum: f64 = pairs.map(|(d, row)| d.max(self.reach[*row])).sum();
                1.0 / (sum / k + self.floor)
            })
            .collect()
    }

    fn ratios(&self, near: &Neighbourhoods, density: &[f64]) -> Vec<f64> {
        let k = self.k as f64;
        let mean = |i: usize| near.rows(i).iter().map(|row| self.density[*row]).sum::<f64>() / k;
        density.iter().enumerate().map(|(i, own)| mean(i) / own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_beside_a_dense_group_is_local_outlier() {
        let mut data: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.01).collect();
        data.extend((0..50).map(|i| 100.0 + f64::from(i) * 10.0));
        data.push(2.0);
        let x = Matrix::new(101, 1, data).unwrap();
        let fitted = Lof::fit(&x, &Settings { neighbours: 5, ..Settings::default() }).unwrap();
        let most = (0..101).max_by(|a, b| fitted.factors()[*a].total_cmp(&fitted.factors()[*b])).unwrap();
        assert_eq!(most, 100);
        assert!(Lof::fit(&Matrix::zeros(1, 1), &Settings::default()).is_err());
        assert!(Lof::fit(&x, &Settings { neighbours: 0, ..Settings::default() }).is_err());
        assert!(Lof::fit(&x, &Settings { floor: 0.0, ..Settings::default() }).is_err());
        let huge = Matrix::new(3, 1, vec![1e300, 2e300, -1e300]).unwrap();
        assert!(Lof::fit(&huge, &Settings::default()).unwrap().factors().iter().all(|f| f.is_finite()));
    }
}
