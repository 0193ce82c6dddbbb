//! Minimum cuts: where a graph falls apart most easily.

use super::Csr;
use crate::{Error, Result};

/// Most vertices that [`global_min_cut`] takes: it keeps a dense matrix, 32 MB at this size.
const MOST_DENSE: usize = 2048;

/// A split of the vertices in two.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Summed weight of the edges cut.
    pub weight: f64,
    /// Whether a vertex is on the first side (the source's; of a global cut the side without vertex 0).
    pub side: Vec<bool>,
}

impl Cut {
    /// Edges of `graph` that lead from the first side to the second.
    #[must_use]
    pub fn edges(&self, graph: &Csr) -> Vec<(u32, u32)> {
        let inside = |v: u32| self.side.get(v as usize).copied().unwrap_or(false);
        graph.edges().filter(|&(u, v, _)| inside(u) && !inside(v)).map(|(u, v, _)| (u, v)).collect()
    }
}

/// Smallest set of edges (by weight, along their directions) whose loss parts `sink` from `source`: Dinic's maximum flow.
///
/// The first side is what `source` still reaches, so of several smallest cuts the one nearest to it. O(n² edges) at worst,
/// near linear on service graphs. Errors: terminals that are no vertices or equal, a negative weight.
pub fn min_cut(graph: &Csr, source: u32, sink: u32) -> Result<Cut> {
    graph.vertex("source", source)?;
    graph.vertex("sink", sink)?;
    Error::parameter(source != sink, "sink", f64::from(sink), "another vertex than the source")?;
    graph.no_negative_weight()?;
    let mut flow = Flow::new(graph);
    while flow.level(source, sink) {
        flow.block(source, sink);
    }
    let side: Vec<bool> = flow.levels.iter().map(|l| *l != UNSEEN).collect();
    let crossing = graph.edges().filter(|&(u, v, _)| side[u as usize] && !side[v as usize]);
    let weight = crossing.map(|e| e.2).sum();
    Ok(Cut { weight, side })
}

/// The lightest cut of the whole graph, directions ignored: Stoer and Wagner 1997. O(n³), for at most 2048 vertices.
///
/// A graph that is in pieces already has a cut of weight 0. Errors: fewer than two vertices, more than 2048, a negative
/// weight.
pub fn global_min_cut(graph: &Csr) -> Result<Cut> {
    let n = graph.len();
    Error::at_least("vertices", 2, n)?;
    Error::parameter(n <= MOST_DENSE, "vertices", n as f64, "at most 2048")?;
    graph.no_negative_weight()?;
    let mut weights = vec![0.0; n * n];
    for (u, v, w) in graph.symmetric().edges().filter(|(u, v, _)| u != v) {
        weights[u as usize * n + v as usize] = w;
    }
    let mut members: Vec<Vec<u32>> = (0..n as u32).map(|v| vec![v]).collect();
    let mut alive: Vec<usize> = (0..n).collect();
    let mut best = (f64::INFINITY, Vec::new());
    while alive.len() > 1 {
        let (before, last, weight) = phase(&weights, n, &alive);
        if weight < best.0 || best.1.is_empty() {
            best = (weight, members[last].clone());
        }
        for &v in &alive {
            weights[before * n + v] += weights[last * n + v];
            weights[v * n + before] = weights[before * n + v];
        }
        weights[before * n + before] = 0.0;
        let merged = std::mem::take(&mut members[last]);
        members[before].extend(merged);
        alive.retain(|v| *v != last);
    }
    let mut side = vec![false; n];
    best.1.iter().for_each(|v| side[*v as usize] = true);
    if side[0] {
        side.iter_mut().for_each(|s| *s = !*s);
    }
    Ok(Cut { weight: best.0, side })
}

/// A maximum adjacency order: the last two vertices and the weight that ties the last to all others.
fn phase(weights: &[f64], n: usize, alive: &[usize]) -> (usize, usize, f64) {
    let mut tie: Vec<f64> = vec![0.0; n];
    let mut waiting = alive.to_vec();
    let (mut before, mut last, mut weight) = (alive[0], alive[0], 0.0);
    while !waiting.is_empty() {
        let mut pick = 0;
        for (i, &v) in waiting.iter().enumerate() {
            if tie[v] > tie[waiting[pick]] {
                pick = i;
            }
        }
        let v = waiting.remove(pick);
        (before, last, weight) = (last, v, tie[v]);
        for &w in &waiting {
            tie[w] += weights[v * n + w];
        }
    }
    (before, last, weight)
}

const UNSEEN: u32 = u32::MAX;

/// Residual network; arc `2i` is edge `i`, arc `2i + 1` its way back.
struct Flow {
    heads: Vec<u32>,
    room: Vec<f64>,
    starts: Vec<usize>,
    arcs: Vec<u32>,
    levels: Vec<u32>,
    next: Vec<usize>,
}

impl Flow {
    fn new(graph: &Csr) -> Self {
        let n = graph.len();
        let mut starts = vec![0usize; n + 1];
        let (mut heads, mut room) = (Vec::new(), Vec::new());
        for (u, v, w) in graph.edges() {
            heads.extend([v, u]);
            room.extend([w, 0.0]);
            starts[u as usize + 1] += 1;
            starts[v as usize + 1] += 1;
        }
        for v in 0..n {
            starts[v + 1] += starts[v];
        }
        let mut at = starts[..n].to_vec();
        let mut arcs = vec![0u32; heads.len()];
        for arc in 0..heads.len() {
            let tail = heads[arc ^ 1] as usize;
            arcs[at[tail]] = arc as u32;
            at[tail] += 1;
        }
        Self { heads, room, starts, arcs, levels: vec![UNSEEN; n], next: vec![0; n] }
    }

    /// Breadth-first levels from `source`; whether `sink` is reached.
    fn level(&mut self, source: u32, sink: u32) -> bool {
        self.levels.fill(UNSEEN);
        self.levels[source as usize] = 0;
        let mut queue = vec![source];
        let mut head = 0;
        while let Some(&u) = queue.get(head) {
            head += 1;
            for &arc in &self.arcs[self.starts[u as usize]..self.starts[u as usize + 1]] {
                let v = self.heads[arc as usize];
                if self.room[arc as usize] > 0.0 && self.levels[v as usize] == UNSEEN {
                    self.levels[v as usize] = self.levels[u as usize] + 1;
                    queue.push(v);
                }
            }
        }
        self.levels[sink as usize] != UNSEEN
    }

    /// Blocking flow along the levels. Each push empties an arc exactly, so rounding cannot make it endless.
    fn block(&mut self, source: u32, sink: u32) {
        let n = self.levels.len();
        self.next.copy_from_slice(&self.starts[..n]);
        let mut path: Vec<u32> = Vec::new();
        let mut u = source;
        loop {
            if u == sink {
                let least = path.iter().map(|a| self.room[*a as usize]).fold(f64::INFINITY, f64::min);
                for &arc in &path {
                    self.room[arc as usize] -= least;
                    self.room[arc as usize ^ 1] += least;
                }
                path.clear();
                u = source;
                continue;
            }
            let i = u as usize;
            if self.next[i] < self.starts[i + 1] {
                let arc = self.arcs[self.next[i]] as usize;
                let v = self.heads[arc];
                if self.room[arc] > 0.0 && self.levels[v as usize] == self.levels[i] + 1 {
                    path.push(arc as u32);
                    u = v;
                } else {
                    self.next[i] += 1;
                }
            } else {
                let Some(arc) = path.pop() else { return };
                u = self.heads[arc as usize ^ 1];
                self.next[u as usize] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn by_trying(graph: &Csr, accept: impl Fn(u32) -> bool) -> f64 {
        let n = graph.len();
        let masks = (0..1u32 << n).filter(|m| accept(*m));
        let weights = masks
            .map(|m| graph.edges().filter(|&(u, v, _)| m >> u & 1 == 1 && m >> v & 1 == 0).map(|e| e.2).sum::<f64>());
        weights.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn cuts_are_the_lightest_of_all_splits() {
        let mut rng = Rng::new(8);
        for case in 0..150 {
            let n = 2 + rng.below(6);
            let edges: Vec<_> = (0..rng.below(20))
                .map(|_| (rng.below(n) as u32, rng.below(n) as u32, rng.below(8) as f64 / 4.0))
                .collect();
            let g = Csr::from_edges(n, &edges).unwrap();
            let cut = min_cut(&g, 0, 1).unwrap();
            assert!((cut.weight - by_trying(&g, |m| m & 3 == 1)).abs() < 1e-12, "case {case}");
            assert!(cut.side[0] && !cut.side[1]);
            let both = g.symmetric();
            let global = global_min_cut(&g).unwrap();
            let all = (1u32 << n) - 1;
            assert!((global.weight - by_trying(&both, |m| m != 0 && m != all)).abs() < 1e-12, "case {case}");
            let across = global.edges(&both).iter().map(|&(u, v)| both.weight(u, v).unwrap()).sum::<f64>();
            assert!((across - global.weight).abs() < 1e-12 && !global.side[0] && global.side.contains(&true));
        }
    }

    #[test]
    fn degenerate_input() {
        let g = Csr::from_edges(2, &[(0, 1, 0.1), (0, 0, 5.0)]).unwrap();
        assert!(min_cut(&g, 0, 0).is_err() && min_cut(&g, 0, 2).is_err() && min_cut(&g, 2, 0).is_err());
        assert_eq!(min_cut(&g, 1, 0).unwrap().weight, 0.0);
        assert_eq!(min_cut(&g, 0, 1).unwrap().edges(&g), [(0, 1)]);
        assert!(global_min_cut(&Csr::from_edges(1, &[]).unwrap()).is_err());
        assert_eq!(global_min_cut(&Csr::from_edges(2, &[]).unwrap()).unwrap().weight, 0.0);
        assert!(min_cut(&Csr::from_edges(2, &[(0, 1, -1.0)]).unwrap(), 0, 1).is_err());
        let huge = Csr::from_edges(3, &[(0, 1, f64::MAX), (1, 2, 5e-324), (0, 2, f64::MAX)]).unwrap();
        assert_eq!(min_cut(&huge, 0, 2).unwrap().weight, f64::MAX);
    }
}
