//! Components: strongly connected ones, and connected ones without directions.

use super::Csr;

/// Strongly connected component of each vertex, numbered in topological order: edges between components lead from lower to
/// higher numbers. Tarjan 1972 without recursion; O(n + edges).
#[must_use]
pub fn strong_components(graph: &Csr) -> Vec<u32> {
    let n = graph.len();
    let unseen = u32::MAX;
    let mut index = vec![unseen; n];
    let mut low = vec![0u32; n];
    let mut component = vec![unseen; n];
    let mut at = vec![0usize; n];
    let (mut stack, mut calls) = (Vec::new(), Vec::new());
    let (mut counter, mut found) = (0u32, 0u32);
    for root in 0..n as u32 {
        if index[root as usize] != unseen {
            continue;
        }
        calls.push(root);
        while let Some(&v) = calls.last() {
            let i = v as usize;
            if index[i] == unseen {
                index[i] = counter;
                low[i] = counter;
                counter += 1;
                stack.push(v);
            }
            if let Some(&w) = graph.targets(v).get(at[i]) {
                at[i] += 1;
                if index[w as usize] == unseen {
                    calls.push(w);
                } else if component[w as usize] == unseen {
                    low[i] = low[i].min(index[w as usize]);
                }
                continue;
            }
            calls.pop();
            if let Some(&parent) = calls.last() {
                low[parent as usize] = low[parent as usize].min(low[i]);
            }
            if low[i] == index[i] {
                while let Some(w) = stack.pop() {
                    component[w as usize] = found;
                    if w == v {
                        break;
                    }
                }
                found += 1;
            }
        }
    }
    // Tarjan finds sinks first
    component.iter().map(|c| found - 1 - c).collect()
}

/// Component of each vertex when directions are ignored, numbered by lowest vertex. O(n + edges α(n)).
#[must_use]
pub fn components(graph: &Csr) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..graph.len() as u32).collect();
    for (u, v, _) in graph.edges() {
        let (a, b) = (root(&mut parent, u), root(&mut parent, v));
        // the lower root stays, so that numbering by lowest vertex is the order of roots
        parent[a.max(b) as usize] = a.min(b);
    }
    let mut number = vec![0u32; graph.len()];
    let mut found = 0;
    for v in 0..graph.len() as u32 {
        let r = root(&mut parent, v);
        if r == v {
            number[v as usize] = found;
            found += 1;
        } else {
            number[v as usize] = number[r as usize];
        }
    }
    number
}

fn root(parent: &mut [u32], mut v: u32) -> u32 {
    while parent[v as usize] != v {
        parent[v as usize] = parent[parent[v as usize] as usize];
        v = parent[v as usize];
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_one_component_in_topological_order() {
        let edges = [(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0), (2, 3, 1.0), (3, 4, 1.0), (4, 3, 1.0), (5, 5, 1.0)];
        let g = Csr::from_edges(7, &edges).unwrap();
        let c = strong_components(&g);
        assert!(c[0] == c[1] && c[1] == c[2] && c[3] == c[4] && c[0] < c[3], "{c:?}");
        assert_eq!(c.iter().max(), Some(&3));
        assert!(g.edges().all(|(u, v, _)| c[u as usize] <= c[v as usize]));
        assert_eq!(components(&g), [0, 0, 0, 0, 0, 1, 2]);
        assert!(strong_components(&Csr::default()).is_empty() && components(&Csr::default()).is_empty());
    }

    #[test]
    fn a_chain_of_a_million_does_not_overflow_the_stack() {
        let n = 1_000_000u32;
        let edges: Vec<_> = (1..n).map(|i| (i - 1, i, 1.0)).collect();
        let g = Csr::from_edges(n as usize, &edges).unwrap();
        let c = strong_components(&g);
        assert!((0..n).all(|i| c[i as usize] == i));
        assert_eq!(components(&g)[n as usize - 1], 0);
    }
}
