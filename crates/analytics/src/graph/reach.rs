//! What reaches what: closures, shortest and most probable paths.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Csr;
use crate::{Error, Result};

/// A set of vertices, one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BitSet {
    words: Vec<u64>,
}

impl BitSet {
    /// An empty set for ids below `n`.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { words: vec![0; n.div_ceil(64)] }
    }

    /// Whether `id` is inside; false beyond the size.
    #[must_use]
    pub fn contains(&self, id: u32) -> bool {
        self.words.get(id as usize / 64).is_some_and(|w| w >> (id % 64) & 1 == 1)
    }

    /// Adds `id`; true where it is new and within the size.
    pub fn insert(&mut self, id: u32) -> bool {
        let Some(word) = self.words.get_mut(id as usize / 64) else { return false };
        let bit = 1 << (id % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Count of ids inside.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Ids inside, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| (i * 64) as u32 + bit)
        })
    }
}

/// All vertices that `sources` reach, themselves first, in breadth-first order; `visited` holds them as a set.
///
/// `max_hops` ends the walk early. O(vertices and edges reached). Sources that are no vertex or named twice are passed over.
#[must_use]
pub fn closure(graph: &Csr, sources: &[u32], max_hops: Option<usize>) -> (Vec<u32>, BitSet) {
    let mut visited = BitSet::new(graph.len());
    let mut order: Vec<u32> = Vec::new();
    for &source in sources {
        if (source as usize) < graph.len() && visited.insert(source) {
            order.push(source);
        }
    }
    let (mut next, mut level_end, mut hops) = (0, order.len(), 0);
    while next < order.len() && max_hops.is_none_or(|most| hops < most) {
        for &v in graph.targets(order[next]) {
            if visited.insert(v) {
                order.push(v);
            }
        }
        next += 1;
        if next == level_end {
            level_end = order.len();
            hops += 1;
        }
    }
    (order, visited)
}

/// Best paths from one vertex to all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Length (or probability) of the best path to each vertex; infinity (or 0) where there is none.
    pub cost: Vec<f64>,
    previous: Vec<u32>,
    source: u32,
}

impl Paths {
    /// Vertices of the best path to `target`, source first; `None` where there is none.
    #[must_use]
    pub fn to(&self, target: u32) -> Option<Vec<u32>> {
        let mut at = target;
        let mut path = vec![at];
        while at != self.source {
            at = *self.previous.get(at as usize)?;
            if at == u32::MAX {
                return None;
            }
            path.push(at);
        }
        path.reverse();
        Some(path)
    }
}

/// Dijkstra's shortest paths by summed weight; ties go to fewer hops, then to the lower predecessor.
///
/// O((n + edges) log n). Errors: `source` is no vertex, a negative weight.
pub fn shortest_paths(graph: &Csr, source: u32) -> Result<Paths> {
    graph.no_negative_weight()?;
    best_paths(graph, source, &Rule { start: 0.0, worst: f64::INFINITY, sign: 1.0, extend: |cost, w| cost + w })
}

/// Paths of the largest product of weights, which are probabilities; ties as [`shortest_paths`].
///
/// A product below the smallest number (5e-324) counts as no path. O((n + edges) log n). Errors: `source` is no vertex, a
/// weight outside [0, 1].
pub fn most_probable_paths(graph: &Csr, source: u32) -> Result<Paths> {
    graph.no_negative_weight()?;
    let largest = graph.all_weights().iter().copied().fold(0.0, f64::max);
    Error::parameter(largest <= 1.0, "edge probability", largest, "at most 1")?;
    best_paths(graph, source, &Rule { start: 1.0, worst: 0.0, sign: -1.0, extend: |cost, w| cost * w })
}

/// How path costs grow; `sign * cost` is minimised.
struct Rule {
    start: f64,
    worst: f64,
    sign: f64,
    extend: fn(f64, f64) -> f64,
}

/// Ordered so that the heap's greatest is the best: least key, then fewest hops, then the lowest id.
#[derive(PartialEq)]
struct Candidate {
    key: f64,
    hops: u32,
    vertex: u32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = other.key.total_cmp(&self.key);
        key.then(other.hops.cmp(&self.hops)).then(other.vertex.cmp(&self.vertex))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn best_paths(graph: &Csr, source: u32, rule: &Rule) -> Result<Paths> {
    graph.vertex("source", source)?;
    let n = graph.len();
    let mut cost = vec![rule.worst; n];
    let mut hops = vec![u32::MAX; n];
    let mut previous = vec![u32::MAX; n];
    let mut done = BitSet::new(n);
    cost[source as usize] = rule.start;
    hops[source as usize] = 0;
    let mut heap = BinaryHeap::from([Candidate { key: rule.sign * rule.start, hops: 0, vertex: source }]);
    while let Some(Candidate { vertex: u, .. }) = heap.pop() {
        if !done.insert(u) {
            continue;
        }
        let (so_far, steps) = (cost[u as usize], hops[u as usize] + 1);
        for (v, w) in graph.edges_of(u) {
            let reached = (rule.extend)(so_far, w);
            if done.contains(v) || reached == rule.worst {
                continue;
            }
            let i = v as usize;
            let better = (rule.sign * reached).total_cmp(&(rule.sign * cost[i])).then(steps.cmp(&hops[i]));
            if better.then(u.cmp(&previous[i])) == Ordering::Less {
                if better == Ordering::Less {
                    heap.push(Candidate { key: rule.sign * reached, hops: steps, vertex: v });
                }
                cost[i] = reached;
                hops[i] = steps;
                previous[i] = u;
            }
        }
    }
    Ok(Paths { cost, previous, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diamond() -> Csr {
        let edges = [(0, 1, 0.9), (1, 3, 0.5), (0, 2, 0.7), (2, 3, 0.7), (3, 4, 0.1), (5, 0, 1.0)];
        Csr::from_edges(6, &edges).unwrap()
    }

    #[test]
    fn closures_follow_directions_and_hops() {
        let g = diamond();
        assert_eq!(closure(&g, &[0], None).0, [0, 1, 2, 3, 4]);
        assert_eq!(closure(&g, &[0], Some(1)).0, [0, 1, 2]);
        assert_eq!(closure(&g, &[0], Some(0)).0, [0]);
        let (order, set) = closure(&g.transpose(), &[4, 4, 99], None);
        assert_eq!((order.len(), set.count()), (6, 6));
        assert_eq!(closure(&g, &[3, 5], Some(1)).1.iter().collect::<Vec<_>>(), [0, 3, 4, 5]);
        assert!(closure(&Csr::default(), &[0], None).0.is_empty());
    }

    #[test]
    fn best_paths() {
        let g = diamond();
        let probable = most_probable_paths(&g, 0).unwrap();
        assert_eq!(probable.to(4).unwrap(), [0, 2, 3, 4]);
        assert!((probable.cost[4] - 0.049).abs() < 1e-15);
        let short = shortest_paths(&g, 0).unwrap();
        // 0.9 + 0.5 and 0.7 + 0.7 are equal as numbers: the lower predecessor
        assert_eq!(short.to(3).unwrap(), [0, 1, 3]);
        assert_eq!((short.to(5), short.to(0), short.to(77)), (None, Some(vec![0]), None));
        assert!(short.cost[5].is_infinite() && probable.cost[5] == 0.0);
        assert!(shortest_paths(&g, 6).is_err());
        assert!(shortest_paths(&Csr::from_edges(2, &[(0, 1, -1.0)]).unwrap(), 0).is_err());
        assert!(most_probable_paths(&Csr::from_edges(2, &[(0, 1, 1.5)]).unwrap(), 0).is_err());
        let zeros = Csr::from_edges(3, &[(0, 1, 0.0), (1, 2, 0.0), (2, 0, 0.0), (0, 0, 0.0)]).unwrap();
        assert_eq!(shortest_paths(&zeros, 0).unwrap().to(2).unwrap(), [0, 1, 2]);
        assert_eq!(most_probable_paths(&zeros, 0).unwrap().to(2), None);
    }
}
