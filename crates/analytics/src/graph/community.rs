//! Communities: groups of vertices that hold together more than chance would have it.

use super::{Csr, scc};
use crate::{Error, Result};

/// How [`louvain`] groups.
#[derive(Debug, Clone, PartialEq)]
pub struct LouvainParams {
    /// Above 1 finds smaller communities, below 1 larger ones (Reichardt and Bornholdt 2006).
    pub resolution: f64,
    /// Rounds of moving and merging at most; real graphs need fewer than ten.
    pub max_levels: usize,
}

impl Default for LouvainParams {
    fn default() -> Self {
        Self { resolution: 1.0, max_levels: 50 }
    }
}

/// Community of each vertex by greedy modularity: Blondel et al. 2008, with every community split into its connected parts
/// before it is merged, so that none is in pieces (the flaw of Louvain that Traag et al. 2019 name).
///
/// Directions are ignored ([`Csr::symmetric`]). Numbered by lowest vertex. Vertices are visited by id and ties keep the
/// present community, so there is no seed. Near O(edges) a level. Vertices without edges are their own community. Finds a
/// local optimum: no proof that no better grouping exists. Errors: a negative weight, a resolution that is not positive.
pub fn louvain(graph: &Csr, params: &LouvainParams) -> Result<Vec<u32>> {
    let positive = params.resolution > 0.0 && params.resolution.is_finite();
    Error::parameter(positive, "resolution", params.resolution, "above 0")?;
    graph.no_negative_weight()?;
    let mut level = scaled(&graph.symmetric());
    let mut community: Vec<u32> = (0..graph.len() as u32).collect();
    for _ in 0..params.max_levels {
        let moved = connected_parts(&level, &move_vertices(&level, params.resolution));
        community.iter_mut().for_each(|c| *c = moved[*c as usize]);
        let merged = merge(&level, &moved);
        if merged.len() == level.len() {
            break;
        }
        level = merged;
    }
    Ok(renumber(&community))
}

/// Community of each vertex by label propagation (Raghavan, Albert and Kumara 2007) made deterministic: vertices in order
/// of id take the label with the largest summed strength around them, keep theirs among equals, else the lowest. The strength
/// of an edge is its weight times one plus the count of common neighbours (Xie and Szymanski 2011): with plain weights the
/// first labels would be ties, and the lowest label would flood the graph.
///
/// Directions are ignored. Numbered by lowest vertex. O(edges · degree) once, O(edges) a round; ends when no label changes
/// or after `max_rounds`.
/// Coarser and less stable than [`louvain`], but has no resolution limit. Errors: a negative weight.
pub fn label_propagation(graph: &Csr, max_rounds: usize) -> Result<Vec<u32>> {
    graph.no_negative_weight()?;
    let both = strengths(&scaled(&graph.symmetric()));
    let mut labels: Vec<u32> = (0..both.len() as u32).collect();
    let mut around = Around::new(both.len());
    for _ in 0..max_rounds {
        let mut changed = false;
        for v in 0..both.len() as u32 {
            let own = labels[v as usize];
            around.gather(&both, v, &labels);
            let mut best = (own, around.weight[own as usize]);
            for &label in &around.seen {
                let weight = around.weight[label as usize];
                if weight > best.1 || (weight == best.1 && best.0 != own && label < best.0) {
                    best = (label, weight);
                }
            }
            changed |= best.0 != own;
            labels[v as usize] = best.0;
        }
        if !changed {
            break;
        }
    }
    Ok(renumber(&labels))
}

/// Newman's modularity of a grouping, directions ignored; 0 without edges. `Σ (inside/2m - resolution (degree/2m)²)`.
///
/// The arithmetic of networkx 3.6 `modularity` for undirected graphs. Errors: as many labels as vertices are needed; a
/// negative weight.
pub fn modularity(graph: &Csr, community: &[u32], resolution: f64) -> Result<f64> {
    Error::same_length("communities", community.len(), graph.len())?;
    graph.no_negative_weight()?;
    let both = scaled(&graph.symmetric());
    let dense = renumber(community);
    let groups = dense.iter().max().map_or(0, |m| *m as usize + 1);
    let (mut inside, mut degree) = (vec![0.0; groups], vec![0.0; groups]);
    let mut total = 0.0;
    for (u, v, w) in both.edges() {
        let counted = if u == v { 2.0 * w } else { w };
        total += counted;
        degree[dense[u as usize] as usize] += counted;
        if dense[u as usize] == dense[v as usize] {
            inside[dense[u as usize] as usize] += counted;
        }
    }
    if total <= 0.0 {
        return Ok(0.0);
    }
    let parts = inside.iter().zip(&degree);
    Ok(parts.map(|(i, d)| i / total - resolution * (d / total) * (d / total)).sum())
}

/// Summed weights to the communities around a vertex.
struct Around {
    weight: Vec<f64>,
    seen: Vec<u32>,
}

impl Around {
    fn new(n: usize) -> Self {
        Self { weight: vec![0.0; n], seen: Vec::new() }
    }

    fn gather(&mut self, graph: &Csr, v: u32, community: &[u32]) {
        for c in self.seen.drain(..) {
            self.weight[c as usize] = 0.0;
        }
        for (u, w) in graph.edges_of(v) {
            if u != v && w > 0.0 {
                let c = community[u as usize];
                if self.weight[c as usize] == 0.0 {
                    self.seen.push(c);
                }
                self.weight[c as usize] += w;
            }
        }
    }
}

/// Weights divided by the largest, so that sums stay finite; groupings do not depend on the scale.
fn scaled(graph: &Csr) -> Csr {
    let largest = graph.all_weights().iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return graph.clone();
    }
    let edges: Vec<_> = graph.edges().map(|(u, v, w)| (u, v, (w.min(f64::MAX)) / largest.min(f64::MAX))).collect();
    Csr::from_edges(graph.len(), &edges).unwrap_or_default()
}

/// Weights times one plus the count of common neighbours.
fn strengths(graph: &Csr) -> Csr {
    let common = |u: u32, v: u32| {
        let (a, b) = (graph.targets(u), graph.targets(v));
        let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
        short.iter().filter(|&&w| w != u && w != v && long.binary_search(&w).is_ok()).count()
    };
    let edges: Vec<_> = graph.edges().map(|(u, v, w)| (u, v, w * (1 + common(u, v)) as f64)).collect();
    Csr::from_edges(graph.len(), &edges).unwrap_or_default()
}

/// Moves vertices between communities while that raises modularity.
fn move_vertices(graph: &Csr, resolution: f64) -> Vec<u32> {
    let n = graph.len();
    let mut community: Vec<u32> = (0..n as u32).collect();
    let weight = |v: u32| graph.edges_of(v).map(|(u, w)| if u == v { 2.0 * w } else { w }).sum::<f64>();
    let degree: Vec<f64> = (0..n as u32).map(weight).collect();
    let total: f64 = degree.iter().sum();
    if total <= 0.0 {
        return community;
    }
    let mut held = degree.clone();
    let mut around = Around::new(n);
    let mut moved = true;
    // every move raises modularity by more than rounding, so this ends; the bound is for graphs made to be slow
    let mut passes = 0;
    while moved && passes < 1000 {
        moved = false;
        passes += 1;
        for v in 0..n as u32 {
            let own = community[v as usize];
            let k = degree[v as usize];
            around.gather(graph, v, &community);
            held[own as usize] -= k;
            let gain = |c: u32| around.weight[c as usize] - resolution * k * held[c as usize] / total;
            let mut best = (own, gain(own) + 1e-12 * k);
            for &c in &around.seen {
                let g = gain(c);
                if g > best.1 || (g == best.1 && c < best.0 && best.0 != own) {
                    best = (c, g);
                }
            }
            held[best.0 as usize] += k;
            moved |= best.0 != own;
            community[v as usize] = best.0;
        }
    }
    community
}

/// Connected parts of communities, numbered by lowest vertex.
fn connected_parts(graph: &Csr, community: &[u32]) -> Vec<u32> {
    let inner: Vec<_> =
        graph.edges().filter(|&(u, v, w)| w > 0.0 && community[u as usize] == community[v as usize]).collect();
    scc::components(&Csr::from_edges(graph.len(), &inner).unwrap_or_default())
}

/// One vertex a community; edges inside become a self-loop, each counted once.
fn merge(graph: &Csr, community: &[u32]) -> Csr {
    let groups = community.iter().max().map_or(0, |m| *m as usize + 1);
    let edges: Vec<_> = graph
        .edges()
        .map(|(u, v, w)| {
            let (a, b) = (community[u as usize], community[v as usize]);
            (a, b, if a == b && u != v { w / 2.0 } else { w })
        })
        .collect();
    Csr::from_edges(groups, &edges).unwrap_or_default()
}

fn renumber(labels: &[u32]) -> Vec<u32> {
    let mut numbers = std::collections::BTreeMap::new();
    let number = |label: &u32| {
        let next = numbers.len() as u32;
        *numbers.entry(*label).or_insert(next)
    };
    labels.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cliques of four and one of five, joined by single edges.
    fn cliques() -> Csr {
        let mut edges = Vec::new();
        for (from, to) in [(0, 4), (4, 8), (8, 13)] {
            for a in from..to {
                for b in a + 1..to {
                    edges.push((a, b, 1.0));
                }
            }
        }
        edges.extend([(0, 4, 1.0), (7, 8, 1.0), (12, 1, 1.0)]);
        Csr::undirected(13, &edges).unwrap()
    }

    #[test]
    fn cliques_are_communities() {
        let g = cliques();
        let want = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2];
        assert_eq!(louvain(&g, &LouvainParams::default()).unwrap(), want);
        assert_eq!(label_propagation(&g, 100).unwrap(), want);
        // 2m = 50; inside 12, 12, 20; degrees 14, 14, 22
        let q = modularity(&g, &want, 1.0).unwrap();
        assert!((q - (44.0 / 50.0 - (14.0f64.powi(2) * 2.0 + 22.0f64.powi(2)) / 2500.0)).abs() < 1e-14);
        let one = louvain(&g, &LouvainParams { resolution: 1e-6, ..Default::default() }).unwrap();
        assert!(one.iter().all(|c| *c == 0));
        let many = louvain(&g, &LouvainParams { resolution: 100.0, ..Default::default() }).unwrap();
        assert_eq!(many, (0..13).collect::<Vec<u32>>());
    }

    #[test]
    fn degenerate_input() {
        let params = LouvainParams::default();
        assert!(louvain(&Csr::default(), &params).unwrap().is_empty());
        assert!(label_propagation(&Csr::default(), 5).unwrap().is_empty());
        let lonely = Csr::from_edges(3, &[(1, 1, 2.0)]).unwrap();
        assert_eq!(louvain(&lonely, &params).unwrap(), [0, 1, 2]);
        assert_eq!(label_propagation(&lonely, 5).unwrap(), [0, 1, 2]);
        assert_eq!(modularity(&Csr::from_edges(2, &[]).unwrap(), &[0, 0], 1.0).unwrap(), 0.0);
        assert!(modularity(&lonely, &[0], 1.0).is_err());
        let negative = Csr::from_edges(2, &[(0, 1, -1.0)]).unwrap();
        assert!(louvain(&negative, &params).is_err() && label_propagation(&negative, 1).is_err());
        assert!(louvain(&lonely, &LouvainParams { resolution: f64::NAN, ..params.clone() }).is_err());
        let huge = Csr::from_edges(4, &[(0, 1, f64::MAX), (1, 0, f64::MAX), (2, 3, 1.0)]).unwrap();
        assert_eq!(louvain(&huge, &params).unwrap()[..2], [0, 0]);
        assert!(modularity(&huge, &[0, 0, 1, 1], 1.0).unwrap().is_finite());
    }
}
