//! Exact nearest neighbours by Euclidean distance, and the distance to them as an outlier score.
//!
//! Ramaswamy, Rastogi, Shim 2000. Reference: PyOD 3.6.7 `KNN` and scikit-learn 1.9.1 `NearestNeighbors`. Scale columns
//! first: the widest one decides otherwise. A local outlier beside a loose group is seen better by [`super::lof`].

use super::kd_tree::KdTree;
use super::order::median_of;
use crate::{Error, Matrix, Result};

/// Above this many columns nearly every cell of a k-d tree is near enough to be visited, and a scan is faster.
const TREE_COLUMNS: usize = 8;
/// Below this many rows a scan is faster.
const TREE_ROWS: usize = 128;
/// Rows scanned at once, so that their distances stay in the first cache.
const BLOCK: usize = 512;

/// The k nearest rows found so far: a binary heap, farthest on top, of which a candidate must be strictly nearer. Which of
/// several equally far rows stay then follows from the order of the search, as in scikit-learn, whose heap this is.
#[derive(Debug, Clone)]
pub(super) struct Nearest {
    found: Vec<(f64, usize)>,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { found: vec![(f64::INFINITY, 0); k] }
    }

    /// The squared distance below which a candidate must be.
    pub(super) fn worst(&self) -> f64 {
        self.found[0].0
    }

    pub(super) fn offer(&mut self, squared: f64, row: usize) {
        if squared >= self.worst() {
            return;
        }
        let heap = &mut self.found;
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            let right = left + 1;
            let child = match heap.get(right) {
                Some(r) if heap[left].0 < r.0 => right,
                _ => left,
            };
            match heap.get(child) {
                Some(c) if squared < c.0 => heap[at] = *c,
                _ => break,
            }
            at = child;
        }
        heap[at] = (squared, row);
    }

    /// Nearest first, without `own` (where more duplicates than places kept it out: without the nearest), and emptied.
    fn take(&mut self, own: Option<usize>, scale: f64, into: &mut Neighbourhoods) {
        self.found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let skip = own.map(|own| self.found.iter().position(|f| f.1 == own).unwrap_or(0));
        for (i, (squared, row)) in self.found.iter().enumerate() {
            if Some(i) != skip {
                into.distances.push(squared.sqrt() * scale);
                into.rows.push(*row);
            }
        }
        self.found.fill((f64::INFINITY, 0));
    }
}

/// Neighbours of several rows, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbourhoods {
    k: usize,
    distances: Vec<f64>,
    rows: Vec<usize>,
}

impl Neighbourhoods {
    /// Neighbours of each row.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// Count of rows whose neighbours these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.distances.len() / self.k
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.distances.is_empty()
    }

    /// Distances of row `i` to its neighbours, ascending.
    #[must_use]
    pub fn distances(&self, i: usize) -> &[f64] {
        &self.distances[i * self.k..(i + 1) * self.k]
    }

    /// The fitted rows that are the neighbours of row `i`, in the same order.
    #[must_use]
    pub fn rows(&self, i: usize) -> &[usize] {
        &self.rows[i * self.k..(i + 1) * self.k]
    }

    /// One score a row.
    #[must_use]
    pub fn scores(&self, by: Distance) -> Vec<f64> {
        let mut buffer = Vec::with_capacity(self.k);
        self.distances
            .chunks_exact(self.k)
            .map(|d| match by {
                Distance::Largest => d[self.k - 1],
                Distance::Mean => d.iter().sum::<f64>() / self.k as f64,
                Distance::Median => {
                    buffer.clear();
                    buffer.extend_from_slice(d);
                    median_of(&mut buffer)
                }
            })
            .collect()
    }
}

/// Which distance is the score of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distance {
    /// To the k-th neighbour; PyOD's default.
    #[default]
    Largest,
    /// Mean over the k neighbours.
    Mean,
    /// Median over the k neighbours.
    Median,
}

/// Fitted rows that can be searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    rows: Matrix,
    /// Columns of `rows` one after the other, for scans; empty where there is a tree.
    columns: Vec<f64>,
    tree: Option<KdTree>,
    scale: f64,
}

impl Neighbours {
    /// Takes a copy of the rows; builds a k-d tree (O(rows · log² rows)) where there are at least 128 rows of at most 8
    /// columns. Errors on an empty table, NaN, infinity or 2³² rows.
    pub fn fit(x: &Matrix) -> Result<Self> {
        Error::at_least("rows of a table", 1, x.rows())?;
        Error::at_least("columns of a table", 1, x.cols())?;
        Error::all_finite("table", x.data())?;
        let scale = square_scale(x.data());
        let mut rows = x.clone();
        rows.data_mut().iter_mut().for_each(|v| *v /= scale);
        let small = x.rows() < TREE_ROWS || x.cols() > TREE_COLUMNS || u32::try_from(x.rows()).is_err();
        let tree = if small { None } else { Some(KdTree::new(&rows)) };
        let columns = if small { rows.transpose().data().to_vec() } else { Vec::new() };
        Ok(Self { rows, columns, tree, scale })
    }

    /// Count of fitted rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// The `k` neighbours of each fitted row; a row is not its own neighbour, its duplicates are. Errors where there are
    /// not more than `k` rows or `k` is 0. O(rows · log rows) with a tree and clustered data, else O(rows² · cols).
    pub fn of_fitted(&self, k: usize) -> Result<Neighbourhoods> {
        Error::parameter(k > 0, "k", 0.0, "1 or more")?;
        Error::at_least("rows for this many neighbours", k.saturating_add(1), self.rows())?;
        Ok(self.search(&self.rows, k, true))
    }

    /// The `k` neighbours of other rows among the fitted ones. Errors on fewer than `k` fitted rows, other column counts,
    /// NaN or infinity.
    pub fn of(&self, x: &Matrix, k: usize) -> Result<Neighbourhoods> {
        Error::parameter(k > 0, "k", 0.0, "1 or more")?;
        Error::at_least("rows for this many neighbours", k, self.rows())?;
        Error::same_length("columns of rows to score and of fitted rows", x.cols(), self.rows.cols())?;
        Error::all_finite("table", x.data())?;
        let mut scaled = x.clone();
        scaled.data_mut().iter_mut().for_each(|v| *v /= self.scale);
        Ok(self.search(&scaled, k, false))
    }

    fn search(&self, queries: &Matrix, k: usize, fitted: bool) -> Neighbourhoods {
        let total = queries.rows() * k;
        let mut all = Neighbourhoods { k, distances: Vec::with_capacity(total), rows: Vec::with_capacity(total) };
        let mut nearest = Nearest::new(k + usize::from(fitted));
        for (i, point) in queries.iter_rows().enumerate() {
            match &self.tree {
                Some(tree) => tree.search(point, &mut nearest),
                None => self.scan(point, &mut nearest),
            }
            nearest.take(fitted.then_some(i), self.scale, &mut all);
        }
        all
    }

    fn scan(&self, point: &[f64], nearest: &mut Nearest) {
        let n = self.rows();
        let mut squared = [0.0; BLOCK];
        for start in (0..n).step_by(BLOCK) {
            let length = BLOCK.min(n - start);
            let block = &mut squared[..length];
            block.fill(0.0);
            for (j, q) in point.iter().enumerate() {
                let column = &self.columns[j * n + start..j * n + start + length];
                block.iter_mut().zip(column).for_each(|(d, x)| *d += (x - q) * (x - q));
            }
            for (i, d) in block.iter().enumerate() {
                nearest.offer(*d, start + i);
            }
        }
    }
}

/// A power of two that brings numbers whose squares would overflow or vanish near 1; 1 for all others.
fn square_scale(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest == 0.0 || (1e-140..1e140).contains(&largest) {
        return 1.0;
    }
    // half the exponent range on each side stays representable
    libm::exp2(f64::from(libm::ilogb(largest)).clamp(-1000.0, 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn random(rows: usize, cols: usize, seed: u64, grain: f64) -> Matrix {
        let mut r = Rng::new(seed);
        let data = (0..rows * cols).map(|_| (r.normal() * grain).round() / grain).collect();
        Matrix::new(rows, cols, data).unwrap()
    }

    #[test]
    fn the_tree_finds_what_a_scan_finds() {
        for (cols, grain) in [(1, 1e9), (3, 1e9), (3, 2.0), (2, 0.1), (8, 4.0)] {
            let x = random(700, cols, 9, grain);
            let with = Neighbours::fit(&x).unwrap();
            let without = Neighbours { tree: None, columns: x.transpose().data().to_vec(), ..with.clone() };
            assert!(with.tree.is_some());
            // which of equally far rows are kept depends on the search, the distances do not
            assert_eq!(with.of_fitted(7).unwrap().distances, without.of_fitted(7).unwrap().distances);
            let new = random(40, cols, 10, 1e9);
            let (found, scanned) = (with.of(&new, 5).unwrap(), without.of(&new, 5).unwrap());
            assert_eq!(found.distances, scanned.distances);
            assert!(grain < 1e9 || found.rows == scanned.rows);
        }
    }

    #[test]
    fn scores_are_distances_in_any_unit() {
        for scale in [1.0, 1e200, 1e-200, 1e300] {
            let x = Matrix::new(4, 1, [0.0, 1.0, 3.0, 7.0].iter().map(|v| v * scale).collect()).unwrap();
            let near = Neighbours::fit(&x).unwrap().of_fitted(2).unwrap();
            for (by, expected) in [
                (Distance::Largest, [3.0, 2.0, 3.0, 6.0]),
                (Distance::Mean, [2.0, 1.5, 2.5, 5.0]),
                (Distance::Median, [2.0, 1.5, 2.5, 5.0]),
            ] {
                let found = near.scores(by);
                assert!(found.iter().zip(expected).all(|(f, e)| (f / scale - e).abs() < 1e-12), "{found:?}");
            }
            assert_eq!(near.rows(0), [1, 2]);
        }
    }

    #[test]
    fn degenerate_tables_are_errors() {
        assert!(Neighbours::fit(&Matrix::zeros(0, 2)).is_err() && Neighbours::fit(&Matrix::zeros(2, 0)).is_err());
        let one = Neighbours::fit(&Matrix::zeros(1, 2)).unwrap();
        assert!(one.of_fitted(1).is_err() && one.of_fitted(0).is_err() && one.of(&Matrix::zeros(1, 2), 2).is_err());
        assert!(one.of(&Matrix::zeros(1, 3), 1).is_err());
        assert!(one.of(&Matrix::zeros(0, 2), 1).unwrap().is_empty());
        assert_eq!(one.of(&Matrix::zeros(1, 2), 1).unwrap().distances(0), [0.0]);
        let same = Neighbours::fit(&Matrix::zeros(300, 2)).unwrap();
        assert_eq!(same.of_fitted(3).unwrap().distances(299), [0.0; 3]);
    }
}
