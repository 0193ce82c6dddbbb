//! Compressed sparse rows: the one graph container of this crate.

use crate::{Error, Result};

/// A directed weighted graph with `u32` vertex ids; rows are sorted by target, no two edges of a row share a target.
///
/// 12 bytes an edge and 8 a vertex. Undirected graphs hold each edge in both directions ([`Csr::undirected`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Csr {
    offsets: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f64>,
}

impl Csr {
    /// From `(source, target, weight)` in any order; the weights of parallel edges add. Self-loops stay.
    ///
    /// O(n + edges), two counting sorts. Errors: an id outside `0..n`, a weight that is not finite, more than `u32::MAX`
    /// vertices. The sign of weights is left to the methods.
    pub fn from_edges(n: usize, edges: &[(u32, u32, f64)]) -> Result<Self> {
        check_edges(n, edges)?;
        let (starts, incoming) = by_target(n, edges);
        let mut offsets = vec![0usize; n + 1];
        for edge in edges {
            offsets[edge.0 as usize + 1] += 1;
        }
        accumulate(&mut offsets);
        let mut at = offsets[..n].to_vec();
        let mut targets = vec![0u32; edges.len()];
        let mut weights = vec![0.0; edges.len()];
        for v in 0..n {
            for &(u, w) in &incoming[starts[v]..starts[v + 1]] {
                let slot = at[u as usize];
                at[u as usize] = slot + 1;
                targets[slot] = v as u32;
                weights[slot] = w;
            }
        }
        let mut graph = Self { offsets, targets, weights };
        graph.merge_parallel();
        Ok(graph)
    }

    /// Each `(a, b, weight)` as an edge in both directions (a self-loop once); parallel edges add. Errors as
    /// [`Csr::from_edges`].
    pub fn undirected(n: usize, edges: &[(u32, u32, f64)]) -> Result<Self> {
        let mut both = Vec::with_capacity(edges.len() * 2);
        for &(a, b, w) in edges {
            both.push((a, b, w));
            if a != b {
                both.push((b, a, w));
            }
        }
        Self::from_edges(n, &both)
    }

    /// Count of vertices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// No vertices.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Count of edges after parallel ones were added up.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.targets.len()
    }

    /// Targets of the edges of `v`, ascending; none where `v` is no vertex.
    #[must_use]
    pub fn targets(&self, v: u32) -> &[u32] {
        &self.targets[self.range(v)]
    }

    /// Weights beside [`Csr::targets`].
    #[must_use]
    pub fn weights(&self, v: u32) -> &[f64] {
        &self.weights[self.range(v)]
    }

    /// `(target, weight)` of the edges of `v`.
    pub fn edges_of(&self, v: u32) -> impl ExactSizeIterator<Item = (u32, f64)> {
        self.targets(v).iter().copied().zip(self.weights(v).iter().copied())
    }

    /// All `(source, target, weight)` in order.
    pub fn edges(&self) -> impl Iterator<Item = (u32, u32, f64)> {
        (0..self.len() as u32).flat_map(move |u| self.edges_of(u).map(move |(v, w)| (u, v, w)))
    }

    /// Weight of the edge `u → v`, if there is one. O(log degree).
    #[must_use]
    pub fn weight(&self, u: u32, v: u32) -> Option<f64> {
        self.targets(u).binary_search(&v).ok().map(|i| self.weights(u)[i])
    }

    /// All edges turned round. O(n + edges).
    #[must_use]
    pub fn transpose(&self) -> Self {
        let n = self.len();
        let mut offsets = vec![0usize; n + 1];
        for &v in &self.targets {
            offsets[v as usize + 1] += 1;
        }
        accumulate(&mut offsets);
        let mut at = offsets[..n].to_vec();
        let mut targets = vec![0u32; self.targets.len()];
        let mut weights = vec![0.0; self.targets.len()];
        for u in 0..n {
            let row = self.offsets[u]..self.offsets[u + 1];
            for (&v, &w) in self.targets[row.clone()].iter().zip(&self.weights[row]) {
                let slot = at[v as usize];
                at[v as usize] = slot + 1;
                targets[slot] = u as u32;
                weights[slot] = w;
            }
        }
        Self { offsets, targets, weights }
    }

    /// The graph without directions: the weight of `a–b` is that of `a → b` plus that of `b → a`; a self-loop keeps its
    /// weight. A graph that is symmetric already comes back as it is.
    #[must_use]
    pub fn symmetric(&self) -> Self {
        if self.transpose() == *self {
            return self.clone();
        }
        let edges: Vec<_> = self.edges().collect();
        // ids and weights were checked when this graph was built; sums that overflow stay infinite
        Self::undirected(self.len(), &edges).unwrap_or_default()
    }

    /// First edge index of each vertex, and the end.
    pub(crate) fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// All weights, row after row.
    pub(crate) fn all_weights(&self) -> &[f64] {
        &self.weights
    }

    /// [`Error::Parameter`] where an edge has a negative weight.
    pub(crate) fn no_negative_weight(&self) -> Result<()> {
        let least = self.weights.iter().copied().fold(0.0, f64::min);
        Error::parameter(least >= 0.0, "edge weight", least, "at least 0")
    }

    /// [`Error::Parameter`] unless `v` is a vertex.
    pub(crate) fn vertex(&self, name: &'static str, v: u32) -> Result<()> {
        Error::parameter((v as usize) < self.len(), name, f64::from(v), "a vertex of the graph")
    }

    fn range(&self, v: u32) -> std::ops::Range<usize> {
        let v = v as usize;
        if v < self.len() { self.offsets[v]..self.offsets[v + 1] } else { 0..0 }
    }

    /// Adds up neighbours with the same target in sorted rows.
    fn merge_parallel(&mut self) {
        let n = self.len();
        let (mut read, mut write) = (0, 0);
        for v in 0..n {
            let end = self.offsets[v + 1];
            let first = write;
            while read < end {
                let (target, weight) = (self.targets[read], self.weights[read]);
                if write > first && self.targets[write - 1] == target {
                    self.weights[write - 1] += weight;
                } else {
                    self.targets[write] = target;
                    self.weights[write] = weight;
                    write += 1;
                }
                read += 1;
            }
            self.offsets[v + 1] = write;
        }
        self.targets.truncate(write);
        self.weights.truncate(write);
    }
}

/// Sources and weights of the incoming edges, vertex after vertex, in the order of `edges`: start of each vertex, entries.
fn by_target(n: usize, edges: &[(u32, u32, f64)]) -> (Vec<usize>, Vec<(u32, f64)>) {
    let mut starts = vec![0usize; n + 1];
    for edge in edges {
        starts[edge.1 as usize + 1] += 1;
    }
    accumulate(&mut starts);
    let mut at = starts[..n].to_vec();
    let mut incoming = vec![(0u32, 0.0f64); edges.len()];
    for &(u, v, w) in edges {
        let slot = at[v as usize];
        at[v as usize] = slot + 1;
        incoming[slot] = (u, w);
    }
    (starts, incoming)
}

fn accumulate(counts: &mut [usize]) {
    let mut sum = 0;
    for c in counts {
        sum += *c;
        *c = sum;
    }
}

/// Ids below `n` and finite weights.
pub(super) fn check_edges(n: usize, edges: &[(u32, u32, f64)]) -> Result<()> {
    check_count(n)?;
    edges.iter().enumerate().try_for_each(|(index, edge)| check_edge(n, index, *edge))
}

pub(super) fn check_count(n: usize) -> Result<()> {
    Error::parameter(u32::try_from(n).is_ok(), "vertices", n as f64, "below 2^32")
}

#[inline]
pub(super) fn check_edge(n: usize, index: usize, (u, v, w): (u32, u32, f64)) -> Result<()> {
    let largest = u.max(v);
    Error::parameter((largest as usize) < n, "vertex id", f64::from(largest), "below the count of vertices")?;
    if w.is_finite() { Ok(()) } else { Err(Error::NotFinite { what: "edge weight", index }) }
}

#[cfg(test)]
mod tests {
    use super::Csr;
    use crate::Error;

    #[test]
    fn parallel_edges_add_and_rows_are_sorted() {
        let g = Csr::from_edges(4, &[(2, 1, 1.0), (0, 3, 2.0), (0, 1, 0.5), (0, 3, 0.25), (3, 3, 1.0)]).unwrap();
        assert_eq!((g.len(), g.edge_count()), (4, 4));
        assert_eq!(g.targets(0), [1, 3]);
        assert_eq!(g.weights(0), [0.5, 2.25]);
        assert_eq!(g.weight(0, 3), Some(2.25));
        assert_eq!(g.weight(1, 0), None);
        assert_eq!(g.targets(9), [0u32; 0]);
        let t = g.transpose();
        assert_eq!(t.targets(3), [0, 3]);
        assert_eq!(t.transpose(), g);
        assert_eq!(g.symmetric().weight(1, 2), Some(1.0));
        assert_eq!(g.symmetric().weight(3, 3), Some(1.0));
    }

    #[test]
    fn wrong_edges_are_told() {
        assert!(matches!(Csr::from_edges(2, &[(0, 2, 1.0)]), Err(Error::Parameter { .. })));
        assert!(matches!(Csr::from_edges(2, &[(0, 1, f64::NAN)]), Err(Error::NotFinite { index: 0, .. })));
        let empty = Csr::from_edges(0, &[]).unwrap();
        assert!(empty.is_empty() && empty.transpose().is_empty() && Csr::default().is_empty());
        assert_eq!(Csr::default().transpose().edge_count(), 0);
    }
}
