//! Maximal information: how strongly two series hang together in any functional form.
//!
//! D. Reshef et al., Detecting novel associations in large data sets, Science 334 (2011) with its supplement, and Measuring
//! dependence powerfully and equitably, JMLR 17 (2016); GMIC: A. Luedtke and L. Tran (2013). Written from the papers;
//! numbers agree with minepy 1.2.6: information is taken relative to the parts that hold points, which matters where equal
//! values leave parts empty.

use super::mic_grid::{Axis, Board, Grids};
use crate::{Error, Matrix, Result};

/// Which cells of the characteristic matrix are searched, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MicEstimator {
    /// The ApproxMaxMI heuristic of 2011: the better of both ways to lay the grid.
    #[default]
    Approx,
    /// MICe of 2016: the axis with more parts is divided equally. Cheaper, consistent.
    Equitable,
}

/// Size and fineness of the grids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MicOptions {
    /// Grids have at most B cells: below 4, B = max(n^alpha, 4); from 4 on, B = min(alpha, n). 0.6 as in the paper.
    pub alpha: f64,
    /// Candidates for borders per column; 15 as in the paper, 5 is a good prefilter at a twentieth of the cost.
    pub c: f64,
    /// The estimator.
    pub estimator: MicEstimator,
}

impl Default for MicOptions {
    fn default() -> Self {
        Self { alpha: 0.6, c: 15.0, estimator: MicEstimator::Approx }
    }
}

impl MicOptions {
    fn check(&self) -> Result<()> {
        Error::parameter(
            self.alpha > 0.0 && (self.alpha <= 1.0 || self.alpha >= 4.0),
            "alpha",
            self.alpha,
            "(0, 1] or ≥ 4",
        )?;
        Error::parameter(self.c > 0.0 && self.c.is_finite(), "c", self.c, "above 0")
    }

    /// The largest count of cells.
    fn cells(&self, n: usize) -> f64 {
        if self.alpha < 4.0 { (n as f64).powf(self.alpha).max(4.0) } else { self.alpha.min(n as f64) }
    }
}

/// The characteristic matrix of two series: the best normalised information for each shape of grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Characteristic {
    /// `rows[y - 2][x - 2]` for x columns and y rows.
    rows: Vec<Vec<f64>>,
}

impl Characteristic {
    /// The value for grids of `columns` × `rows`, from 2 × 2 on; `None` outside.
    #[must_use]
    pub fn value(&self, columns: usize, rows: usize) -> Option<f64> {
        self.rows.get(rows.checked_sub(2)?)?.get(columns.checked_sub(2)?).copied()
    }

    /// All (columns, rows, value).
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        self.rows.iter().enumerate().flat_map(|(y, row)| row.iter().enumerate().map(move |(x, v)| (x + 2, y + 2, *v)))
    }

    /// MIC: the largest value, 0 for no dependence to 1 for a noiseless function. 0 without cells.
    #[must_use]
    pub fn mic(&self) -> f64 {
        self.iter().map(|c| c.2).fold(0.0, f64::max)
    }

    /// TIC: the sum of all values; a powerful test of independence.
    #[must_use]
    pub fn tic(&self) -> f64 {
        self.iter().map(|c| c.2).sum()
    }

    /// TIC per cell, NaN without cells.
    #[must_use]
    pub fn tic_normalised(&self) -> f64 {
        self.tic() / self.iter().count() as f64
    }

    /// MAS, the maximum asymmetry: above 0 for relations that are not monotone.
    #[must_use]
    pub fn mas(&self) -> f64 {
        let gap = |(x, y, v): (usize, usize, f64)| self.value(y, x).map_or(0.0, |w| (v - w).abs());
        self.iter().map(gap).fold(0.0, f64::max)
    }

    /// MEV, the maximum edge value: near MIC where a vertical or horizontal line would cut the relation at most once.
    #[must_use]
    pub fn mev(&self) -> f64 {
        self.iter().filter(|(x, y, _)| *x == 2 || *y == 2).map(|c| c.2).fold(0.0, f64::max)
    }

    /// MCN, the minimum cell number: log₂ of the cells of the smallest grid that reaches (1 − eps) · MIC. ∞ without cells.
    #[must_use]
    pub fn mcn(&self, eps: f64) -> f64 {
        // equal information by different sums may differ in its last bits
        let enough = (1.0 - eps) * self.mic() - 1e-14;
        let cells = self.iter().filter(|c| c.2 >= enough).map(|(x, y, _)| ((x * y) as f64).log2());
        cells.fold(f64::INFINITY, f64::min)
    }

    /// MCN with eps = 1 − MIC, for relations of unknown noise.
    #[must_use]
    pub fn mcn_general(&self) -> f64 {
        self.mcn(1.0 - self.mic())
    }

    /// GMIC: the generalised mean of power `p` (−1 as usual; 0 is the geometric mean) over the largest values up to each
    /// count of cells. 0 where a value is 0 and p ≤ 0. NaN without cells.
    #[must_use]
    pub fn gmic(&self, p: f64) -> f64 {
        let mut cells: Vec<(usize, f64)> = self.iter().map(|(x, y, v)| (x * y, v)).collect();
        cells.sort_by_key(|c| c.0);
        let n = cells.len() as f64;
        let (mut sum, mut largest) = (0.0, 0.0_f64);
        for same in cells.chunk_by(|a, b| a.0 == b.0) {
            largest = same.iter().map(|c| c.1).fold(largest, f64::max);
            sum += same.len() as f64 * if p == 0.0 { largest.ln() } else { largest.powf(p) };
        }
        if p == 0.0 { (sum / n).exp() } else { (sum / n).powf(1.0 / p) }
    }
}

/// MIC and TIC of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MicPair {
    /// The maximal information coefficient.
    pub mic: f64,
    /// The total per cell.
    pub tic: f64,
}

/// The characteristic matrix of `x` and `y`. About O(c² B³) with B = n^alpha cells.
///
/// Errors: [`Error::Lengths`], [`Error::NotFinite`], [`Error::Parameter`]; [`Error::TooFew`] without points. A constant
/// gives 0 everywhere. Equal values stay together, so that series of few values have few grids. Scale does not matter,
/// nor any monotone map.
pub fn characteristic(x: &[f64], y: &[f64], options: &MicOptions) -> Result<Characteristic> {
    options.check()?;
    Error::same_length("series of MIC", x.len(), y.len())?;
    Error::at_least("points of MIC", 1, x.len())?;
    Error::all_finite("first series of MIC", x)?;
    Error::all_finite("second series of MIC", y)?;
    let grids = Grids::new(x.len(), options.cells(x.len()), options.c);
    let mut board = Board::new(&grids);
    let rows = board.characteristic(&Axis::new(x, &grids), &Axis::new(y, &grids), options.estimator);
    Ok(Characteristic { rows })
}

/// MIC and TIC of all pairs of columns i < j, in the order (0,1), (0,2), …, (1,2), …: sorting and equal parts are made
/// once for each column. Errors as [`characteristic`].
pub fn mic_all_pairs(data: &Matrix, options: &MicOptions) -> Result<Vec<MicPair>> {
    options.check()?;
    Error::at_least("points of MIC", 1, data.rows())?;
    Error::all_finite("data of MIC", data.data())?;
    let grids = Grids::new(data.rows(), options.cells(data.rows()), options.c);
    let axes: Vec<Axis> = (0..data.cols()).map(|j| Axis::new(&data.column(j), &grids)).collect();
    let mut board = Board::new(&grids);
    let mut pairs = Vec::with_capacity(axes.len() * axes.len().saturating_sub(1) / 2);
    for (i, x) in axes.iter().enumerate() {
        for y in &axes[i + 1..] {
            let matrix = Characteristic { rows: board.characteristic(x, y, options.estimator) };
            pairs.push(MicPair { mic: matrix.mic(), tic: matrix.tic_normalised() });
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn functions_score_one_and_noise_little() {
        let mut rng = Rng::new(1);
        let x: Vec<f64> = (0..400).map(|_| rng.uniform()).collect();
        let noise: Vec<f64> = (0..400).map(|_| rng.uniform()).collect();
        let parabola: Vec<f64> = x.iter().map(|v| (v - 0.5) * (v - 0.5)).collect();
        for estimator in [MicEstimator::Approx, MicEstimator::Equitable] {
            let options = MicOptions { estimator, ..MicOptions::default() };
            let of = |y: &[f64]| characteristic(&x, y, &options).unwrap();
            assert!(of(&parabola).mic() > 0.9 && of(&noise).mic() < 0.3 && of(&noise).tic() < of(&parabola).tic());
            assert!((of(&x).mic() - 1.0).abs() < 1e-12 && of(&parabola).mas() > 0.3);
        }
    }

    #[test]
    fn all_pairs_are_the_single_ones() {
        let mut rng = Rng::new(2);
        let data = Matrix::new(90, 4, (0..360).map(|_| (rng.normal() * 4.0).round()).collect()).unwrap();
        let options = MicOptions::default();
        let pairs = mic_all_pairs(&data, &options).unwrap();
        let single = characteristic(&data.column(1), &data.column(3), &options).unwrap();
        assert_eq!(pairs.len(), 6);
        assert_eq!((pairs[4].mic, pairs[4].tic), (single.mic(), single.tic_normalised()));
    }

    #[test]
    fn degenerate_series_are_zero_or_errors() {
        let options = MicOptions::default();
        let zero = characteristic(&[1.0; 30], &[2.0; 30], &options).unwrap();
        assert_eq!((zero.mic(), zero.tic(), zero.mas(), zero.gmic(-1.0)), (0.0, 0.0, 0.0, 0.0));
        assert_eq!(characteristic(&[1.0], &[2.0], &options).unwrap().mic(), 0.0);
        let extreme =
            characteristic(&[1e308, -1e308, 0.0, -0.0, 1e-308], &[1.0, 2.0, 3.0, 3.0, 4.0], &options).unwrap();
        assert!((0.0..=1.0 + 1e-12).contains(&extreme.mic()));
        assert!(matches!(characteristic(&[], &[], &options), Err(Error::TooFew { .. })));
        assert!(matches!(characteristic(&[1.0], &[f64::NAN], &options), Err(Error::NotFinite { .. })));
        assert!(matches!(characteristic(&[1.0], &[], &options), Err(Error::Lengths { .. })));
        for alpha in [0.0, 2.0, f64::NAN] {
            let options = MicOptions { alpha, ..options };
            assert!(matches!(characteristic(&[1.0], &[1.0], &options), Err(Error::Parameter { .. })));
        }
        let whole = MicOptions { alpha: f64::INFINITY, ..options };
        assert!(characteristic(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], &whole).is_ok());
    }
}
