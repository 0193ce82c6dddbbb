//! Single points of failure of a graph: articulation points, bridges, biconnected components.

use super::Csr;

/// What [`articulation`] finds. Directions are ignored; parallel edges are one connection, self-loops none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Articulation {
    /// Vertices whose loss disconnects what was connected, ascending.
    pub points: Vec<u32>,
    /// Edges `(lower, higher)` whose loss does, ascending.
    pub bridges: Vec<(u32, u32)>,
    /// Vertices of each biconnected component (ascending), in order of their lowest vertices; articulation points are in
    /// several, vertices without edges in none.
    pub components: Vec<Vec<u32>>,
}

/// Articulation points, bridges and biconnected components. Hopcroft and Tarjan 1973 without recursion; O(n + edges log n).
#[must_use]
pub fn articulation(graph: &Csr) -> Articulation {
    let both = graph.symmetric();
    let mut search = Search::new(&both);
    for root in 0..both.len() as u32 {
        if search.depth[root as usize] == UNSEEN {
            search.from(root);
        }
    }
    let mut found = search.found;
    found.points = (0..both.len() as u32).filter(|v| search.is_point[*v as usize]).collect();
    found.bridges.sort_unstable();
    found.components.sort_unstable();
    found
}

const UNSEEN: u32 = u32::MAX;

struct Search<'a> {
    graph: &'a Csr,
    /// Order of discovery.
    depth: Vec<u32>,
    /// Earliest vertex that the subtree reaches by one edge back.
    low: Vec<u32>,
    next: Vec<usize>,
    counter: u32,
    is_point: Vec<bool>,
    /// Vertices seen and not yet in a component, beside the articulation point above them.
    open: Vec<u32>,
    found: Articulation,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Csr) -> Self {
        let n = graph.len();
        Self {
            graph,
            depth: vec![UNSEEN; n],
            low: vec![UNSEEN; n],
            next: vec![0; n],
            counter: 0,
            is_point: vec![false; n],
            open: Vec::new(),
            found: Articulation::default(),
        }
    }

    fn enter(&mut self, v: u32) {
        self.depth[v as usize] = self.counter;
        self.low[v as usize] = self.counter;
        self.counter += 1;
        self.open.push(v);
    }

    fn from(&mut self, root: u32) {
        let mut path = vec![root];
        let mut children_of_root = 0;
        self.enter(root);
        while let Some(&v) = path.last() {
            let i = v as usize;
            let parent = path.len().checked_sub(2).map(|p| path[p]);
            if let Some(&w) = self.graph.targets(v).get(self.next[i]) {
                self.next[i] += 1;
                if w == v || Some(w) == parent {
                    continue;
                }
                if self.depth[w as usize] == UNSEEN {
                    self.enter(w);
                    path.push(w);
                } else {
                    self.low[i] = self.low[i].min(self.depth[w as usize]);
                }
                continue;
            }
            path.pop();
            let Some(parent) = parent else { break };
            children_of_root += usize::from(parent == root);
            self.leave(v, parent);
            if parent != root && self.low[i] >= self.depth[parent as usize] {
                self.is_point[parent as usize] = true;
            }
        }
        self.is_point[root as usize] = children_of_root > 1;
        self.open.clear();
    }

    /// Closes the component below `parent` where the subtree of `v` reaches no higher.
    fn leave(&mut self, v: u32, parent: u32) {
        let (low, above) = (self.low[v as usize], self.depth[parent as usize]);
        self.low[parent as usize] = self.low[parent as usize].min(low);
        if low > above {
            self.found.bridges.push((v.min(parent), v.max(parent)));
        }
        if low >= above {
            let mut members = vec![parent];
            while let Some(w) = self.open.pop() {
                members.push(w);
                if w == v {
                    break;
                }
            }
            members.sort_unstable();
            self.found.components.push(members);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn pieces(graph: &Csr, without: Option<u32>, cut: Option<(u32, u32)>) -> usize {
        let kept: Vec<_> = graph
            .edges()
            .filter(|&(u, v, _)| Some(u) != without && Some(v) != without)
            .filter(|&(u, v, _)| cut != Some((u.min(v), u.max(v))))
            .collect();
        let g = Csr::from_edges(graph.len(), &kept).unwrap();
        let components = super::super::scc::components(&g);
        components.iter().max().map_or(0, |m| *m as usize + 1) - usize::from(without.is_some())
    }

    #[test]
    fn points_and_bridges_are_what_disconnects() {
        let mut rng = Rng::new(4);
        for case in 0..200 {
            let n = 1 + rng.below(12);
            let edges: Vec<_> = (0..rng.below(16)).map(|_| (rng.below(n) as u32, rng.below(n) as u32, 1.0)).collect();
            let g = Csr::from_edges(n, &edges).unwrap();
            let found = articulation(&g);
            let whole = pieces(&g, None, None);
            for v in 0..n as u32 {
                assert_eq!(found.points.contains(&v), pieces(&g, Some(v), None) > whole, "case {case} vertex {v}");
            }
            for (u, v, _) in g.edges().filter(|(u, v, _)| u != v) {
                let pair = (u.min(v), u.max(v));
                assert_eq!(found.bridges.contains(&pair), pieces(&g, None, Some(pair)) > whole, "case {case} {pair:?}");
                assert_eq!(found.components.iter().filter(|c| c.contains(&u) && c.contains(&v)).count(), 1);
            }
            for v in 0..n as u32 {
                let inside = found.components.iter().filter(|c| c.contains(&v)).count();
                assert_eq!(inside > 1, found.points.contains(&v));
            }
        }
    }

    #[test]
    fn long_chains_and_nothing() {
        assert_eq!(articulation(&Csr::default()), Articulation::default());
        let edges: Vec<_> = (1..200_000u32).map(|i| (i - 1, i, 1.0)).collect();
        let found = articulation(&Csr::from_edges(200_000, &edges).unwrap());
        assert_eq!((found.points.len(), found.bridges.len(), found.components.len()), (199_998, 199_999, 199_999));
        let star = Csr::from_edges(4, &[(1, 0, 1.0), (2, 0, 1.0), (3, 0, 1.0), (0, 1, 2.0)]).unwrap();
        let found = articulation(&star);
        assert_eq!(found.points, [0]);
        assert_eq!(found.components, [[0, 1], [0, 2], [0, 3]]);
    }
}
