//! HDBSCAN on dense rows with the Euclidean distance.

use super::NOISE;
use super::components::UnionFind;
use crate::{Error, Matrix, Result};

/// Parameters of HDBSCAN, with scikit-learn's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HdbscanConfig {
    /// Least members of a cluster.
    pub min_cluster_size: usize,
    /// Neighbours, itself included, that a row's core distance reaches; `None`: as `min_cluster_size`.
    pub min_samples: Option<usize>,
}

impl Default for HdbscanConfig {
    fn default() -> Self {
        Self { min_cluster_size: 5, min_samples: None }
    }
}

/// HDBSCAN* (Campello, Moulavi, Sander 2013) with excess-of-mass selection and no single cluster, as scikit-learn 1.9's
/// `HDBSCAN()`; equal labels up to the numbering of clusters, and up to ties of distances, where the order of merging is
/// arbitrary in both (scikit-learn's own labels of uniform noise change with the order of rows). Clusters are numbered by their first member.
///
/// Minimum spanning tree by Prim on the mutual reachability, computed as needed: O(n² · columns) time, O(n) memory. Errors
/// for NaN and infinities, `min_cluster_size` below 2, fewer rows than `min_samples`.
pub fn hdbscan(rows: &Matrix, config: HdbscanConfig) -> Result<Vec<i32>> {
    Error::parameter(config.min_cluster_size >= 2, "min_cluster_size", config.min_cluster_size as f64, "at least 2")?;
    let samples = config.min_samples.unwrap_or(config.min_cluster_size);
    Error::parameter(samples >= 1, "min_samples", samples as f64, "at least 1")?;
    Error::all_finite("rows", rows.data())?;
    Error::at_least("rows", samples.max(2), rows.rows())?;
    let mut edges = spanning_tree(rows, &core_distances(rows, samples));
    edges.sort_by(|a, b| a.2.total_cmp(&b.2));
    let tree = condense(&single_linkage(rows.rows(), &edges), rows.rows(), config.min_cluster_size);
    Ok(tree.labels(rows.rows()))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

fn core_distances(rows: &Matrix, samples: usize) -> Vec<f64> {
    let mut all = Vec::with_capacity(rows.rows());
    (0..rows.rows())
        .map(|i| {
            all.clear();
            all.extend(rows.iter_rows().map(|r| distance(rows.row(i), r)));
            *all.select_nth_unstable_by(samples - 1, f64::total_cmp).1
        })
        .collect()
}

/// Edges of a minimum spanning tree of the mutual reachability.
fn spanning_tree(rows: &Matrix, core: &[f64]) -> Vec<(usize, usize, f64)> {
    let n = rows.rows();
    let (mut inside, mut best, mut from) = (vec![false; n], vec![f64::INFINITY; n], vec![0; n]);
    let mut edges = Vec::with_capacity(n - 1);
    let mut at = 0;
    for _ in 1..n {
        inside[at] = true;
        let (mut next, mut least) = (usize::MAX, f64::INFINITY);
        for j in 0..n {
            if inside[j] {
                continue;
            }
            let reach = distance(rows.row(at), rows.row(j)).max(core[at]).max(core[j]);
            // the later of equally near sources, as scikit-learn's Prim takes it
            if reach <= best[j] {
                (best[j], from[j]) = (reach, at);
            }
            // the first one even where all are infinitely far
            if best[j] < least || next == usize::MAX {
                (next, least) = (j, best[j]);
            }
        }
        edges.push((from[next], next, least));
        at = next;
    }
    edges
}

/// One merge: left, right, distance, size. Nodes below n are rows, n + i is merge i.
type Merge = (usize, usize, f64, usize);

fn single_linkage(n: usize, edges: &[(usize, usize, f64)]) -> Vec<Merge> {
    let mut sets = UnionFind::new(n);
    let mut node: Vec<usize> = (0..n).collect();
    let mut merges = Vec::with_capacity(edges.len());
    for (i, &(a, b, d)) in edges.iter().enumerate() {
        let (a, b) = (sets.find(a), sets.find(b));
        let pair = (node[a], node[b]);
        sets.union(a, b);
        let root = sets.find(a);
        node[root] = n + i;
        merges.push((pair.0, pair.1, d, sets.size(root)));
    }
    merges
}

/// The tree of clusters of at least the least size.
struct Condensed {
    parent: Vec<usize>,
    birth: Vec<f64>,
    stability: Vec<f64>,
    /// Cluster each row fell out of.
    last: Vec<usize>,
}

fn condense(merges: &[Merge], n: usize, least: usize) -> Condensed {
    let mut tree = Condensed { parent: vec![0], birth: vec![0.0], stability: vec![0.0], last: vec![0; n] };
    let size = |node: usize| if node < n { 1 } else { merges[node - n].3 };
    let mut stack = vec![(n + merges.len() - 1, 0)];
    let mut fallen = Vec::new();
    while let Some((node, cluster)) = stack.pop() {
        let (left, right, d, _) = merges[node - n];
        let lambda = if d > 0.0 { 1.0 / d } else { f64::INFINITY };
        let big = [left, right].map(|c| size(c) >= least);
        for (child, is_big) in [left, right].into_iter().zip(big) {
            if is_big && big[0] && big[1] {
                tree.leave(cluster, size(child), lambda);
                tree.parent.push(cluster);
                tree.birth.push(lambda);
                tree.stability.push(0.0);
                stack.push((child, tree.parent.len() - 1));
            } else if is_big {
                stack.push((child, cluster));
            } else {
                tree.leave(cluster, size(child), lambda);
                fallen.push(child);
                while let Some(node) = fallen.pop() {
                    if node < n {
                        tree.last[node] = cluster;
                    } else {
                        fallen.extend([merges[node - n].0, merges[node - n].1]);
                    }
                }
            }
        }
    }
    tree
}

impl Condensed {
    fn leave(&mut self, cluster: usize, rows: usize, lambda: f64) {
        // equal rows leave at infinity; infinity less infinity would be no number
        if lambda > self.birth[cluster] {
            self.stability[cluster] += (lambda - self.birth[cluster]) * rows as f64;
        }
    }

    fn labels(mut self, n: usize) -> Vec<i32> {
        let count = self.parent.len();
        let mut selected = vec![true; count];
        let mut below = vec![0.0; count];
        // children have higher numbers than parents; the whole is never a cluster
        for c in (1..count).rev() {
            if below[c] > self.stability[c] {
                self.stability[c] = below[c];
                selected[c] = false;
            }
            below[self.parent[c]] += self.stability[c];
        }
        selected[0] = false;
        let mut top: Vec<Option<usize>> = vec![None; count];
        for c in 1..count {
            top[c] = top[self.parent[c]].or(selected[c].then_some(c));
        }
        let (mut names, mut next) = (vec![NOISE; count], 0);
        (0..n)
            .map(|i| {
                let Some(c) = top[self.last[i]] else { return NOISE };
                if names[c] == NOISE {
                    names[c] = next;
                    next += 1;
                }
                names[c]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        let config = HdbscanConfig::default();
        assert!(matches!(hdbscan(&Matrix::zeros(0, 2), config), Err(Error::TooFew { .. })));
        assert!(matches!(hdbscan(&Matrix::zeros(4, 2), config), Err(Error::TooFew { .. })));
        assert_eq!(hdbscan(&Matrix::zeros(9, 2), config).unwrap().len(), 9);
        let huge = Matrix::new(6, 1, vec![1e300, -1e300, 0.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!(hdbscan(&huge, config).unwrap().len(), 6);
        assert!(hdbscan(&huge, HdbscanConfig { min_cluster_size: 1, ..config }).is_err());
        assert!(hdbscan(&huge, HdbscanConfig { min_samples: Some(0), ..config }).is_err());
        let nan = Matrix::new(6, 1, vec![f64::NAN; 6]).unwrap();
        assert!(matches!(hdbscan(&nan, config), Err(Error::NotFinite { .. })));
    }
}
