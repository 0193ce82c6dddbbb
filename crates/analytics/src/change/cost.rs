//! What a segment of a series costs: how badly one simple model describes it.
//!
//! Costs as ruptures 1.1.10 (`CostL2`, `CostL1`, `CostRbf`, `CostNormal`), computed from running sums instead of anew.

use crate::{Error, Matrix, Result, linalg, stats::order};

/// ruptures' addition to the diagonal of covariances, so that constant segments have a logarithm.
const SMALL_DIAGONAL: f64 = 1e-6;
/// Rows from which the median distance of the rbf kernel is taken at most; more are thinned evenly.
const MEDIAN_ROWS: usize = 1000;

/// The model of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Cost {
    /// Squared distances to the mean: shifts of the mean. O(columns) a segment.
    #[default]
    L2,
    /// Absolute distances to the median: the same, unmoved by outliers. O(columns · log n) a segment by a wavelet matrix.
    L1,
    /// Logarithm of the determinant of the covariance: shifts of mean and variance. O(columns³) a segment.
    Normal,
    /// Gaussian kernel: any change of distribution. Distances are clipped to .01..100 after `gamma`; without one it is 1 over
    /// the median squared distance. O(1) a segment after O(segment) kernel evaluations a row; O(n) memory.
    Rbf {
        /// Factor of the squared distance.
        gamma: Option<f64>,
    },
}

impl Cost {
    /// Rows below which the model says nothing.
    #[must_use]
    pub fn min_size(self) -> usize {
        match self {
            Self::L2 | Self::Rbf { .. } => 1,
            Self::L1 | Self::Normal => 2,
        }
    }
}

/// Costs of segments that end at a growing row.
pub(crate) enum Evaluator {
    Sums { sums: Matrix, squares: Matrix },
    Wavelets(Vec<Wavelet>),
    Covariance { sums: Matrix, products: Matrix },
    Kernel { rows: Matrix, gamma: f64, within: Vec<f64>, done: usize },
}

impl Evaluator {
    /// Columns are centred first: running sums of large numbers would lose the small differences.
    pub(crate) fn new(signal: &Matrix, cost: Cost) -> Result<Self> {
        Error::all_finite("signal", signal.data())?;
        let mut rows = signal.clone();
        for j in 0..rows.cols() {
            let column = rows.column(j);
            let centre = order::median(&column);
            for i in 0..rows.rows() {
                rows[(i, j)] -= centre;
            }
        }
        Ok(match cost {
            Cost::L2 => Self::Sums { sums: running(&rows, |r, j| r[j]), squares: running(&rows, |r, j| r[j] * r[j]) },
            Cost::L1 => Self::Wavelets((0..rows.cols()).map(|j| Wavelet::new(&rows.column(j))).collect()),
            Cost::Normal => {
                let d = rows.cols();
                let mut wide = Matrix::zeros(rows.rows(), d * d);
                for i in 0..rows.rows() {
                    for k in 0..d * d {
                        wide[(i, k)] = rows[(i, k / d)] * rows[(i, k % d)];
                    }
                }
                Self::Covariance { sums: running(&rows, |r, j| r[j]), products: running(&wide, |r, j| r[j]) }
            }
            Cost::Rbf { gamma } => {
                let gamma = gamma.unwrap_or_else(|| 1.0 / median_distance(&rows));
                Self::Kernel { within: vec![0.0; rows.rows()], rows, gamma, done: 0 }
            }
        })
    }

    /// Costs of the segments from each of `starts` (rising) to `end`, exclusive. Ends must not fall, the first start too.
    pub(crate) fn costs(&mut self, end: usize, starts: &[usize], out: &mut Vec<f64>) {
        out.clear();
        match self {
            Self::Sums { sums, squares } if sums.cols() == 1 => {
                let (sums, squares) = (sums.data(), squares.data());
                let (s_end, q_end) = (sums[end], squares[end]);
                out.extend(starts.iter().map(|t| {
                    let s = s_end - sums[*t];
                    (q_end - squares[*t] - s * s / (end - t) as f64).max(0.0)
                }));
            }
            Self::Sums { sums, squares } => {
                let (s_end, q_end) = (sums.row(end), squares.row(end));
                out.extend(starts.iter().map(|t| {
                    let n = (end - t) as f64;
                    let columns = s_end.iter().zip(sums.row(*t)).zip(q_end.iter().zip(squares.row(*t)));
                    columns.map(|((s1, s0), (q1, q0))| (q1 - q0 - (s1 - s0) * (s1 - s0) / n).max(0.0)).sum::<f64>()
                }));
            }
            Self::Wavelets(columns) => {
                out.extend(starts.iter().map(|t| columns.iter().map(|c| c.spread(*t, end)).sum::<f64>()));
            }
            Self::Covariance { sums, products } => {
                out.extend(starts.iter().map(|t| log_determinant(sums, products, *t, end)));
            }
            Self::Kernel { rows, gamma, within, done } => {
                let first = starts.first().copied().unwrap_or(end);
                for row in *done..end {
                    extend_kernel(rows, *gamma, within, (first, row));
                }
                *done = end;
                out.extend(starts.iter().map(|t| {
                    let n = (end - t) as f64;
                    n - within[*t] / n
                }));
            }
        }
    }
}

/// Row i of the result: sums over the rows before i.
fn running(rows: &Matrix, f: impl Fn(&[f64], usize) -> f64) -> Matrix {
    let mut sums = Matrix::zeros(rows.rows() + 1, rows.cols());
    for i in 0..rows.rows() {
        for j in 0..rows.cols() {
            sums[(i + 1, j)] = sums[(i, j)] + f(rows.row(i), j);
        }
    }
    sums
}

/// ruptures: divisor n for one column, n - 1 for several.
fn log_determinant(sums: &Matrix, products: &Matrix, start: usize, end: usize) -> f64 {
    let (d, n) = (sums.cols(), (end - start) as f64);
    let divisor = if d == 1 { n } else { n - 1.0 };
    let sum = |j: usize| sums[(end, j)] - sums[(start, j)];
    let mut cov = Matrix::zeros(d, d);
    for i in 0..d {
        for j in 0..=i {
            let k = i * d + j;
            let product = products[(end, k)] - products[(start, k)];
            cov[(i, j)] = (product - sum(i) * sum(j) / n) / divisor;
        }
        cov[(i, i)] = cov[(i, i)].max(0.0) + SMALL_DIAGONAL;
    }
    match linalg::cholesky(&cov) {
        Ok(l) => n * (0..d).map(|i| 2.0 * l[(i, i)].ln()).sum::<f64>(),
        // collinear beyond rounding: as flat as the diagonal allows
        Err(_) => n * d as f64 * SMALL_DIAGONAL.ln(),
    }
}

/// Adds a row to the kernel sums of all segments that start at `first` or later.
fn extend_kernel(rows: &Matrix, gamma: f64, within: &mut [f64], (first, row): (usize, usize)) {
    let new = rows.row(row);
    within[row] = 1.0;
    let mut sum = 0.0;
    for i in (first.min(row)..row).rev() {
        let distance: f64 = rows.row(i).iter().zip(new).map(|(a, b)| (a - b) * (a - b)).sum();
        sum += libm::exp(-(gamma * distance).clamp(1e-2, 1e2));
        within[i] += 2.0 * sum + 1.0;
    }
}

fn median_distance(rows: &Matrix) -> f64 {
    let step = rows.rows().div_ceil(MEDIAN_ROWS).max(1);
    let thin: Vec<&[f64]> = rows.iter_rows().step_by(step).collect();
    let mut distances = Vec::new();
    for (i, a) in thin.iter().enumerate() {
        distances.extend(thin[i + 1..].iter().map(|b| a.iter().zip(*b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>()));
    }
    let m = order::median_in_place(&mut distances);
    if m > 0.0 { m } else { 1.0 }
}

/// Sums of the smallest k of any stretch in O(log n): a wavelet matrix (Claude, Navarro and Ordóñez 2015) over ranks.
pub(crate) struct Wavelet {
    /// Per bit from the highest: zeros before each place; then the values' running sums in the order after the bit's partition.
    levels: Vec<(Vec<u32>, Vec<f64>)>,
    running: Vec<f64>,
}

impl Wavelet {
    fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.dedup();
        let rank = |v: f64| sorted.partition_point(|s| s.total_cmp(&v).is_lt());
        let mut current: Vec<(usize, f64)> = values.iter().map(|v| (rank(*v), *v)).collect();
        let bits = usize::BITS - sorted.len().saturating_sub(1).leading_zeros();
        let original = sums(&current);
        let mut levels = Vec::new();
        for bit in (0..bits).rev() {
            let is_zero = |item: &(usize, f64)| item.0 >> bit & 1 == 0;
            let mut zeros = vec![0];
            for item in &current {
                zeros.push(zeros[zeros.len() - 1] + u32::from(is_zero(item)));
            }
            let (mut next, ones): (Vec<_>, Vec<_>) = current.iter().copied().partition(is_zero);
            next.extend(ones);
            current = next;
            levels.push((zeros, sums(&current)));
        }
        Self { levels, running: original }
    }

    /// Σ |x − median| over start..end.
    fn spread(&self, start: usize, end: usize) -> f64 {
        let n = end - start;
        let low = self.smallest(start, end, n / 2);
        let below_middle = if n.is_multiple_of(2) { low } else { self.smallest(start, end, n / 2 + 1) };
        let total = self.running[end] - self.running[start];
        (total - below_middle - low).max(0.0)
    }

    /// Sum of the `k` smallest of start..end.
    fn smallest(&self, mut start: usize, mut end: usize, mut k: usize) -> f64 {
        let mut sum = 0.0;
        for (zeros, after) in &self.levels {
            let all = zeros[zeros.len() - 1] as usize;
            let (from, to) = (zeros[start] as usize, zeros[end] as usize);
            if k <= to - from {
                (start, end) = (from, to);
            } else {
                sum += after[to] - after[from];
                k -= to - from;
                (start, end) = (all + start - from, all + end - to);
            }
        }
        let last = self.levels.last().map_or(&self.running, |level| &level.1);
        sum + last[start + k] - last[start]
    }
}

fn sums(items: &[(usize, f64)]) -> Vec<f64> {
    let mut running = vec![0.0];
    for (_, value) in items {
        running.push(running[running.len() - 1] + value);
    }
    running
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn cost_of(signal: &Matrix, cost: Cost, start: usize, end: usize) -> f64 {
        let mut out = Vec::new();
        Evaluator::new(signal, cost).unwrap().costs(end, &[start], &mut out);
        out[0]
    }

    #[test]
    fn costs_are_their_definitions() {
        let mut r = Rng::new(1);
        let values: Vec<f64> = (0..40).map(|_| (3.0 * r.normal()).round()).collect();
        let m = Matrix::new(40, 1, values.clone()).unwrap();
        for (s, e) in [(0, 40), (3, 4), (5, 12), (11, 24), (39, 40)] {
            let part = &values[s..e];
            let n = part.len() as f64;
            let mean = part.iter().sum::<f64>() / n;
            let l2: f64 = part.iter().map(|v| (v - mean).powi(2)).sum();
            let median = order::median(part);
            let l1: f64 = part.iter().map(|v| (v - median).abs()).sum();
            let kernel: f64 = part
                .iter()
                .flat_map(|a| part.iter().map(move |b| (a - b).powi(2)))
                .enumerate()
                .map(|(k, d)| if k % (part.len() + 1) == 0 { 1.0 } else { (-(0.1 * d).clamp(1e-2, 1e2)).exp() })
                .sum();
            assert!((cost_of(&m, Cost::L2, s, e) - l2).abs() < 1e-10);
            assert!((cost_of(&m, Cost::L1, s, e) - l1).abs() < 1e-10, "{s} {e}");
            assert!((cost_of(&m, Cost::Rbf { gamma: Some(0.1) }, s, e) - (n - kernel / n)).abs() < 1e-10);
            let normal = n * (l2 / n + 1e-6).ln();
            assert!((cost_of(&m, Cost::Normal, s, e) - normal).abs() < 1e-8);
        }
    }
}
