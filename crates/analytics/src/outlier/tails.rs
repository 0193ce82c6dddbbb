//! Empirical tail probabilities of a table's columns, which ECOD and COPOD share.

use crate::{Error, Matrix, Result};

/// Sorted columns of the fitted rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    sorted: Vec<Vec<f64>>,
    skews: Vec<f64>,
    rows: usize,
}

/// Tails of one value: −ln P(X ≤ x) and −ln P(X ≥ x), and the sign of the column's skewness.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tails {
    pub(super) left: f64,
    pub(super) right: f64,
    skew: f64,
}

impl Tails {
    /// The tail on the side to which the column leans; both together where it is symmetric, as PyOD has it.
    pub(super) fn leaning(&self) -> f64 {
        if self.skew < 0.0 {
            self.left
        } else if self.skew > 0.0 {
            self.right
        } else {
            self.left + self.right
        }
    }
}

impl Columns {
    pub(super) fn fit(x: &Matrix) -> Result<Self> {
        Error::at_least("rows of a table", 1, x.rows())?;
        Error::at_least("columns of a table", 1, x.cols())?;
        Error::all_finite("table", x.data())?;
        let columns: Vec<Vec<f64>> = (0..x.cols()).map(|j| x.column(j)).collect();
        let skews = columns.iter().map(|c| skew_sign(c)).collect();
        let sorted = columns
            .into_iter()
            .map(|mut c| {
                c.sort_unstable_by(f64::total_cmp);
                c
            })
            .collect();
        Ok(Self { sorted, skews, rows: x.rows() })
    }

    fn check(&self, x: &Matrix) -> Result<()> {
        Error::same_length("columns of rows to score and of fitted rows", x.cols(), self.sorted.len())?;
        Error::all_finite("table", x.data())
    }

    /// Sum over columns of `part` for each of the fitted rows.
    pub(super) fn fitted(&self, x: &Matrix, part: fn(Tails) -> f64) -> Vec<f64> {
        self.sums(x, part, |j, column| (column.to_vec(), self.skews[j]))
    }

    /// The same for new rows, with fitted and new rows together as the sample.
    pub(super) fn joined(&self, x: &Matrix, part: fn(Tails) -> f64) -> Result<Vec<f64>> {
        self.check(x)?;
        Ok(self.sums(x, part, |j, column| {
            let mut all = column.to_vec();
            all.extend(x.column(j));
            let skew = skew_sign(&all);
            // two ascending runs and a few strangers: the stable sort finds the long run
            all.sort_by(f64::total_cmp);
            (all, skew)
        }))
    }

    /// The same with each new row alone added to the fitted ones, so that rows do not depend on each other.
    pub(super) fn each(&self, x: &Matrix, part: fn(Tails) -> f64) -> Result<Vec<f64>> {
        self.check(x)?;
        let mut sums = vec![0.0; x.rows()];
        let n = self.rows + 1;
        for (j, column) in self.sorted.iter().enumerate() {
            for (i, sum) in sums.iter_mut().enumerate() {
                let v = x[(i, j)];
                let below = column.partition_point(|c| *c <= v) + 1;
                let above = n - column.partition_point(|c| *c < v);
                *sum += part(tails(below, above, n, self.skews[j]));
            }
        }
        Ok(sums)
    }

    fn sums<F>(&self, x: &Matrix, part: fn(Tails) -> f64, sample: F) -> Vec<f64>
    where
        F: Fn(usize, &[f64]) -> (Vec<f64>, f64),
    {
        let mut sums = vec![0.0; x.rows()];
        for (j, column) in self.sorted.iter().enumerate() {
            let (all, skew) = sample(j, column);
            let parts = run_parts(&all, |below, above| part(tails(below, above, all.len(), skew)));
            for (i, sum) in sums.iter_mut().enumerate() {
                let v = x[(i, j)];
                *sum += parts[all.partition_point(|c| *c < v).min(all.len() - 1)];
            }
        }
        sums
    }
}

/// For each first position of a run of equal values: `part` of how many are at most and at least that value. One pair of
/// logarithms for each distinct value rather than each row.
fn run_parts(sorted: &[f64], part: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let n = sorted.len();
    let mut parts = vec![0.0; n];
    let mut start = 0;
    while start < n {
        let end = start + sorted[start..].iter().take_while(|v| **v == sorted[start]).count().max(1);
        parts[start] = part(end, n - start);
        start = end;
    }
    parts
}

fn tails(below: usize, above: usize, n: usize, skew: f64) -> Tails {
    let log = |count: usize| -(count as f64 / n as f64).ln();
    Tails { left: log(below), right: log(above), skew }
}

/// Sign of the third central moment; 0 where the spread is below rounding, as scipy's `skew` has it (NaN, read as 0).
fn skew_sign(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    // a power of two: a column that is symmetric stays so to the last bit
    let scale = libm::exp2(f64::from(libm::ilogb(largest).clamp(-1000, 1000)));
    let mean = values.iter().map(|v| v / scale).sum::<f64>() / n;
    let (mut second, mut third) = (0.0, 0.0);
    for v in values {
        let d = v / scale - mean;
        second += d * d;
        third += d * d * d;
    }
    if second / n <= (f64::EPSILON * mean).powi(2) || third == 0.0 { 0.0 } else { third.signum() }
}
