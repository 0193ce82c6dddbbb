//! DBSCAN on dense rows with the Euclidean distance.

use super::NOISE;
use super::components::UnionFind;
use crate::{Error, Matrix, Result};

/// Parameters of DBSCAN, with scikit-learn's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DbscanConfig {
    /// Largest distance of neighbours, inclusive.
    pub eps: f64,
    /// Least neighbours of a core point, itself included.
    pub min_samples: usize,
}

impl Default for DbscanConfig {
    fn default() -> Self {
        Self { eps: 0.5, min_samples: 5 }
    }
}

impl DbscanConfig {
    pub(super) fn check(&self) -> Result<()> {
        Error::parameter(self.eps.is_finite() && self.eps >= 0.0, "eps", self.eps, "a finite number of at least 0")?;
        Error::parameter(self.min_samples >= 1, "min_samples", self.min_samples as f64, "at least 1")
    }
}

/// DBSCAN (Ester et al. 1996), labels equal to scikit-learn 1.9's `DBSCAN(metric="euclidean")`: clusters are numbered by their
/// first core point, a border point belongs to the lowest-numbered cluster that reaches it.
///
/// Rows are sorted along the column of largest spread, so that only rows within `eps` of each other there are compared:
/// O(n log n + pairs within the band · columns), O(n²) at worst; memory O(n) plus fewer than `min_samples` neighbours a row.
/// Errors for NaN or infinities and parameters out of range. Equal rows are neighbours at any eps; no rows give no labels.
pub fn dbscan(rows: &Matrix, config: DbscanConfig) -> Result<Vec<i32>> {
    config.check()?;
    Error::all_finite("rows", rows.data())?;
    let (n, axis) = (rows.rows(), widest(rows));
    if rows.cols() == 0 {
        return Ok(Density::new(&vec![1; n], config.min_samples).labels_of_equal(n));
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| rows[(*a, axis)].total_cmp(&rows[(*b, axis)]));
    let mut density = Density::new(&vec![1; n], config.min_samples);
    for (i, &a) in order.iter().enumerate() {
        let row = rows.row(a);
        for &b in &order[i + 1..] {
            if rows[(b, axis)] - row[axis] > config.eps {
                break;
            }
            if density.settled(a, b) {
                continue;
            }
            let square: f64 = row.iter().zip(rows.row(b)).map(|(x, y)| (x - y) * (x - y)).sum();
            if square.sqrt() <= config.eps {
                density.neighbours(a, b);
            }
        }
    }
    Ok(density.labels())
}

fn widest(rows: &Matrix) -> usize {
    let spread = |j: usize| {
        let column = (0..rows.rows()).map(|i| rows[(i, j)]);
        let (low, high) = column.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        high - low
    };
    (0..rows.cols()).max_by(|a, b| spread(*a).total_cmp(&spread(*b))).unwrap_or(0)
}

/// Neighbour pairs in any order, turned into DBSCAN's labels: counts, and lists of neighbours only while a row is not core.
#[derive(Debug)]
pub(super) struct Density {
    sets: UnionFind,
    /// Weighted neighbours so far, itself included.
    count: Vec<u32>,
    weight: Vec<u32>,
    least: u32,
    waiting: Vec<Vec<u32>>,
}

impl Density {
    /// `weight`: how often each row occurs.
    pub fn new(weight: &[u32], min_samples: usize) -> Self {
        let least = u32::try_from(min_samples).unwrap_or(u32::MAX);
        Self {
            sets: UnionFind::new(weight.len()),
            count: weight.to_vec(),
            weight: weight.to_vec(),
            least,
            waiting: vec![Vec::new(); weight.len()],
        }
    }

    fn core(&self, i: usize) -> bool {
        self.count[i] >= self.least
    }

    /// Whether it no longer matters if these two are neighbours.
    pub fn settled(&mut self, a: usize, b: usize) -> bool {
        self.core(a) && self.core(b) && self.sets.find(a) == self.sets.find(b)
    }

    /// Takes in a pair of neighbours; each pair at most once.
    pub fn neighbours(&mut self, a: usize, b: usize) {
        for (x, y) in [(a, b), (b, a)] {
            if self.core(x) {
                continue;
            }
            self.count[x] = self.count[x].saturating_add(self.weight[y]);
            self.waiting[x].push(y as u32);
            if self.core(x) {
                for y in std::mem::take(&mut self.waiting[x]) {
                    if self.core(y as usize) {
                        self.sets.union(x, y as usize);
                    }
                }
            }
        }
        if self.core(a) && self.core(b) {
            self.sets.union(a, b);
        }
    }

    pub fn labels(mut self) -> Vec<i32> {
        let n = self.count.len();
        let (mut of, mut labels, mut next) = (vec![NOISE; n], vec![NOISE; n], 0);
        for (i, label) in labels.iter_mut().enumerate().filter(|(i, _)| self.count[*i] >= self.least) {
            let root = self.sets.find(i);
            if of[root] == NOISE {
                of[root] = next;
                next += 1;
            }
            *label = of[root];
        }
        for i in 0..n {
            if !self.core(i) {
                let near = self.waiting[i].iter().filter(|y| self.core(**y as usize)).map(|y| labels[*y as usize]);
                labels[i] = near.min().unwrap_or(NOISE);
            }
        }
        labels
    }

    /// Rows without columns are all equal.
    fn labels_of_equal(self, n: usize) -> Vec<i32> {
        vec![if n as u64 >= u64::from(self.least) { 0 } else { NOISE }; n]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_point_goes_to_the_first_cluster() {
        // 2.0 is in reach of the cores of both groups, and core of none
        let x = [0.0, 0.1, 0.2, 2.1, 4.2, 4.1, 4.0, 9.0];
        let rows = Matrix::new(8, 1, x.to_vec()).unwrap();
        let labels = dbscan(&rows, DbscanConfig { eps: 1.95, min_samples: 4 }).unwrap();
        assert_eq!(labels, [0, 0, 0, 0, 1, 1, 1, -1]);
    }

    #[test]
    fn degenerate_input() {
        let config = DbscanConfig::default();
        assert!(dbscan(&Matrix::zeros(0, 3), config).unwrap().is_empty());
        assert_eq!(dbscan(&Matrix::zeros(1, 3), config).unwrap(), [-1]);
        assert_eq!(dbscan(&Matrix::zeros(6, 0), config).unwrap(), [0; 6]);
        assert_eq!(dbscan(&Matrix::zeros(6, 2), DbscanConfig { eps: 0.0, ..config }).unwrap(), [0; 6]);
        let nan = Matrix::new(1, 1, vec![f64::NAN]).unwrap();
        assert!(matches!(dbscan(&nan, config), Err(Error::NotFinite { .. })));
        assert!(dbscan(&nan, DbscanConfig { eps: -1.0, ..config }).is_err());
        assert!(dbscan(&nan, DbscanConfig { min_samples: 0, ..config }).is_err());
        let huge = Matrix::new(2, 1, vec![f64::MAX, f64::MIN]).unwrap();
        assert_eq!(dbscan(&huge, DbscanConfig { min_samples: 1, ..config }).unwrap(), [0, 1]);
    }
}
