//! k-means: Lloyd's iterations from seeded k-means++ centres.

use crate::{Error, Matrix, Result, Rng};

/// Parameters of k-means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KmeansConfig {
    /// Clusters wanted.
    pub k: usize,
    /// Most iterations a start; scikit-learn's default.
    pub iterations: usize,
    /// Starts, of which the one with least inertia is kept.
    pub starts: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for KmeansConfig {
    fn default() -> Self {
        Self { k: 8, iterations: 300, starts: 4, seed: 1 }
    }
}

/// A clustering into k cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Kmeans {
    /// Cell of each row, numbered by first appearance.
    pub labels: Vec<i32>,
    /// One centre a row.
    pub centres: Matrix,
    /// Sum of squared distances to the own centre.
    pub inertia: f64,
    /// Iterations of the start that was kept.
    pub iterations: usize,
}

/// k-means (Lloyd 1982) from k-means++ centres (Arthur and Vassilvitskii 2007), until no label changes. O(starts · iterations · n · k · columns).
///
/// A centre that loses all rows moves to the row farthest from its centre. Fewer than k distinct rows leave some centres equal. Errors for
/// k = 0, fewer rows than k, NaN and infinities. Local optimum only: another seed may find a better one.
pub fn kmeans(rows: &Matrix, config: KmeansConfig) -> Result<Kmeans> {
    Error::parameter(config.k >= 1, "k", config.k as f64, "at least 1")?;
    Error::at_least("rows", config.k, rows.rows())?;
    Error::all_finite("rows", rows.data())?;
    let mut rng = Rng::new(config.seed);
    let mut best = lloyd(rows, seed_centres(rows, config.k, &mut rng), config.iterations);
    for _ in 1..config.starts.max(1) {
        let other = lloyd(rows, seed_centres(rows, config.k, &mut rng), config.iterations);
        if other.inertia < best.inertia {
            best = other;
        }
    }
    Ok(renumber(best))
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn seed_centres(rows: &Matrix, k: usize, rng: &mut Rng) -> Matrix {
    let mut centres = Matrix::zeros(k, rows.cols());
    centres.row_mut(0).copy_from_slice(rows.row(rng.below(rows.rows())));
    let mut nearest: Vec<f64> = rows.iter_rows().map(|r| square(r, centres.row(0))).collect();
    for c in 1..k {
        let total: f64 = nearest.iter().sum();
        let mut left = rng.uniform() * total;
        // equal rows, or squares beyond the numbers: any row will do
        let chosen = if total > 0.0 && total.is_finite() {
            nearest
                .iter()
                .position(|d| {
                    left -= d;
                    left < 0.0
                })
                .unwrap_or(rows.rows() - 1)
        } else {
            rng.below(rows.rows())
        };
        centres.row_mut(c).copy_from_slice(rows.row(chosen));
        for (near, row) in nearest.iter_mut().zip(rows.iter_rows()) {
            *near = near.min(square(row, centres.row(c)));
        }
    }
    centres
}

fn lloyd(rows: &Matrix, mut centres: Matrix, most: usize) -> Kmeans {
    let (n, k) = (rows.rows(), centres.rows());
    let mut labels = vec![-1; n];
    let mut distances = vec![0.0; n];
    let mut iterations = 0;
    loop {
        let mut changed = false;
        for (i, row) in rows.iter_rows().enumerate() {
            let (mut best, mut at) = (f64::INFINITY, 0);
            for (c, centre) in centres.iter_rows().enumerate() {
                let d = square(row, centre);
                if d < best {
                    (best, at) = (d, c);
                }
            }
            distances[i] = best;
            changed |= labels[i] != at as i32;
            labels[i] = at as i32;
        }
        if !changed || iterations >= most {
            return Kmeans { labels, inertia: distances.iter().sum(), centres, iterations };
        }
        iterations += 1;
        let mut counts = vec![0usize; k];
        centres.data_mut().fill(0.0);
        for (row, label) in rows.iter_rows().zip(&labels) {
            counts[*label as usize] += 1;
            for (sum, v) in centres.row_mut(*label as usize).iter_mut().zip(row) {
                *sum += v;
            }
        }
        for (c, count) in counts.iter().enumerate() {
            if *count > 0 {
                centres.row_mut(c).iter_mut().for_each(|v| *v /= *count as f64);
            } else if let Some(far) = (0..n).max_by(|a, b| distances[*a].total_cmp(&distances[*b])) {
                centres.row_mut(c).copy_from_slice(rows.row(far));
                distances[far] = 0.0;
            }
        }
    }
}

fn renumber(found: Kmeans) -> Kmeans {
    let k = found.centres.rows();
    let mut order: Vec<usize> = Vec::with_capacity(k);
    for label in &found.labels {
        if !order.contains(&(*label as usize)) {
            order.push(*label as usize);
        }
    }
    for c in 0..k {
        if !order.contains(&c) {
            order.push(c);
        }
    }
    let mut centres = Matrix::zeros(k, found.centres.cols());
    let mut name = vec![0; k];
    for (new, old) in order.iter().enumerate() {
        centres.row_mut(new).copy_from_slice(found.centres.row(*old));
        name[*old] = new as i32;
    }
    let labels = found.labels.iter().map(|l| name[*l as usize]).collect();
    Kmeans { labels, centres, ..found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        let config = KmeansConfig { k: 2, ..KmeansConfig::default() };
        let equal = kmeans(&Matrix::zeros(5, 3), config).unwrap();
        assert_eq!((equal.inertia, equal.labels), (0.0, vec![0; 5]));
        assert!(matches!(kmeans(&Matrix::zeros(1, 3), config), Err(Error::TooFew { .. })));
        assert!(kmeans(&Matrix::zeros(1, 3), KmeansConfig { k: 0, ..config }).is_err());
        assert!(kmeans(&Matrix::new(2, 1, vec![f64::INFINITY, 0.0]).unwrap(), config).is_err());
        let huge = Matrix::new(3, 1, vec![1e300, -1e300, 1e300]).unwrap();
        assert_eq!(kmeans(&huge, config).unwrap().labels.len(), 3);
        let tiny = Matrix::new(3, 1, vec![1e-200, 0.0, 1e-200]).unwrap();
        assert!(kmeans(&tiny, config).unwrap().inertia >= 0.0);
    }
}
