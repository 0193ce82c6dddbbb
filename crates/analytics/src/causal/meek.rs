//! Meek's orientation rules, in causal-learn's order and with its check against cycles.
//!
//! C. Meek, Causal inference and causal explanation with background knowledge, UAI 1995; causal-learn 0.1.4.8 `Meek.py`.

use super::knowledge::Knowledge;
use super::mixed::{MixedGraph, TAIL};

/// (i, j, k): i and k are neighbours of j.
pub(super) type Triple = (usize, usize, usize);

/// Ordered adjacent pairs as causal-learn lists them: pairs with a tail mark first, then those with an arrowhead.
fn adjacency(graph: &MixedGraph) -> Vec<(usize, usize)> {
    let (mut tails, mut arrows) = (Vec::new(), Vec::new());
    for row in 0..graph.nodes() {
        for (col, mark) in graph.ends_at(row).iter().enumerate().filter(|(_, mark)| **mark != 0) {
            if *mark == TAIL { tails.push((col, row)) } else { arrows.push((col, row)) }
        }
    }
    tails.append(&mut arrows);
    tails
}

fn triples(graph: &MixedGraph, shielded: bool) -> Vec<Triple> {
    let pairs = adjacency(graph);
    let mut from: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes()];
    for (a, b) in &pairs {
        from[*a].push(*b);
    }
    let mut found = Vec::new();
    for (i, j) in &pairs {
        let ends = from[*j].iter().filter(|k| *k != i && graph.adjacent(*i, **k) == shielded);
        found.extend(ends.map(|k| (*i, *j, *k)));
    }
    found
}

/// i and k adjacent to j but not to each other; each triple both ways round.
pub(super) fn unshielded_triples(graph: &MixedGraph) -> Vec<Triple> {
    triples(graph, false)
}

/// (i, j, k, l): i and l adjacent, j < k neighbours of both that are not adjacent to each other.
type Kite = (usize, usize, usize, usize);

fn kites(graph: &MixedGraph, triangles: &[Triple]) -> Vec<Kite> {
    // by their ends; those of equal ends stay in their order
    let mut by_ends: Vec<((usize, usize), usize)> = triangles.iter().map(|(i, j, l)| ((*i, *l), *j)).collect();
    by_ends.sort_by_key(|(ends, _)| *ends);
    let mut found = Vec::new();
    for (i, j, l) in triangles {
        let first = by_ends.partition_point(|(ends, _)| *ends < (*i, *l));
        let middles = by_ends[first..].iter().take_while(|(ends, _)| *ends == (*i, *l));
        let others = middles.filter(|(_, k)| j < k && !graph.adjacent(*j, *k));
        found.extend(others.map(|(_, k)| (*i, *j, *k, *l)));
    }
    found
}

/// Directs `from` → `to` unless knowledge or a cycle forbids it.
fn apply(graph: &mut MixedGraph, knowledge: &Knowledge, from: usize, to: usize) -> bool {
    let can = knowledge.allows(from, to) && !graph.is_above(to, from);
    if can {
        graph.direct(from, to);
    }
    can
}

/// Rules 1 to 3 until nothing changes.
pub(super) fn meek(graph: &mut MixedGraph, knowledge: &Knowledge) {
    let unshielded = unshielded_triples(graph);
    let triangles = triples(graph, true);
    let kites = kites(graph, &triangles);
    loop {
        let mut changed = false;
        for (i, j, k) in &unshielded {
            if graph.is_undirected(*j, *k) && graph.is_directed(*i, *j) {
                changed |= apply(graph, knowledge, *j, *k);
            }
        }
        changed |= second_rule(graph, knowledge, &triangles);
        for (i, j, k, l) in &kites {
            if graph.is_undirected(*i, *l)
                && graph.is_undirected(*i, *j)
                && graph.is_undirected(*i, *k)
                && graph.is_directed(*j, *l)
                && graph.is_directed(*k, *l)
            {
                changed |= apply(graph, knowledge, *i, *l);
            }
        }
        if !changed {
            return;
        }
    }
}

fn second_rule(graph: &mut MixedGraph, knowledge: &Knowledge, triangles: &[Triple]) -> bool {
    let mut changed = false;
    for (i, j, k) in triangles {
        if graph.is_undirected(*i, *k) && graph.is_directed(*i, *j) && graph.is_directed(*j, *k) {
            changed |= apply(graph, knowledge, *i, *k);
        }
    }
    changed
}

/// The rules over triples that are known to be colliders or known not to be.
pub(super) fn definite_meek(graph: &mut MixedGraph, knowledge: &Knowledge, colliders: &[Triple], chains: &[Triple]) {
    let triangles = triples(graph, true);
    let kites = kites(graph, &triangles);
    let is_in = |list: &[Triple], i: usize, j: usize, k: usize| list.contains(&(i, j, k)) || list.contains(&(k, j, i));
    loop {
        let mut changed = false;
        for (i, j, k) in chains {
            let forward = graph.is_directed(*i, *j) && graph.is_undirected(*j, *k) && knowledge.allows(*j, *k);
            let backward = graph.is_directed(*k, *j) && graph.is_undirected(*j, *i) && knowledge.allows(*j, *i);
            if forward {
                changed |= apply(graph, knowledge, *j, *k);
            } else if backward {
                changed |= apply(graph, knowledge, *j, *i);
            }
        }
        changed |= second_rule(graph, knowledge, &triangles);
        for (i, j, k, l) in &kites {
            if graph.is_undirected(*i, *l) && is_in(colliders, *j, *l, *k) && is_in(chains, *j, *i, *k) {
                changed |= apply(graph, knowledge, *i, *l);
            }
        }
        if !changed {
            return;
        }
    }
}
