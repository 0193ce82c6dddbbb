//! Unshielded colliders of PC: which triples x → y ← z the tests speak for, and who wins where two disagree.
//!
//! causal-learn 0.1.4.8 `UCSepset.py` (sepset, maxP and definite maxP).

use super::independence::IndependenceTest;
use super::knowledge::Knowledge;
use super::meek::{Triple, unshielded_triples};
use super::mixed::MixedGraph;
use super::pc::ColliderPriority;
use super::skeleton::{Separators, each_subset};

/// The largest p-values of x ⫫ z given subsets of the neighbours of x or of z.
struct Extremes {
    with_middle: f64,
    without_middle: f64,
}

fn extremes(graph: &MixedGraph, test: &mut dyn IndependenceTest, (x, y, z): Triple) -> Extremes {
    let mut found = Extremes { with_middle: f64::NEG_INFINITY, without_middle: f64::NEG_INFINITY };
    for side in [x, z] {
        let around = graph.neighbours(side);
        for size in 0..=around.len() {
            each_subset(&around, size, &mut |given| {
                let p = test.p_value(x.min(z), x.max(z), given);
                let best = if given.contains(&y) { &mut found.with_middle } else { &mut found.without_middle };
                *best = best.max(p);
                true
            });
        }
    }
    found
}

fn is_known(knowledge: &Knowledge, (x, y, z): Triple) -> bool {
    !(knowledge.allows(x, y) && knowledge.allows(z, y))
}

/// Triples each once, i < k.
fn candidates(graph: &MixedGraph) -> Vec<Triple> {
    unshielded_triples(graph).into_iter().filter(|(i, _, k)| i < k).collect()
}

/// Directs x → y ← z as the priority says.
fn collide(graph: &mut MixedGraph, (x, y, z): Triple, priority: ColliderPriority) {
    match priority {
        ColliderPriority::Overwrite => {
            graph.direct(x, y);
            graph.direct(z, y);
        }
        ColliderPriority::Bidirected => {
            for side in [x, z] {
                if graph.is_undirected(side, y) || !graph.adjacent(side, y) {
                    graph.direct(side, y);
                } else if graph.is_directed(y, side) {
                    graph.set_bidirected(side, y);
                }
            }
        }
        _ => {
            if !graph.is_directed(y, x) && !graph.is_directed(y, z) {
                graph.direct(x, y);
                graph.direct(z, y);
            }
        }
    }
}

/// Colliders in the order of their strength: ascending p given the middle, or descending p without it.
fn sort(triples: &mut [(Triple, f64)], priority: ColliderPriority) {
    match priority {
        ColliderPriority::Stronger => triples.sort_by(|a, b| a.1.total_cmp(&b.1)),
        ColliderPriority::StrongerStar => triples.sort_by(|a, b| b.1.total_cmp(&a.1)),
        _ => {}
    }
}

/// Rule 0: y is a collider where no set that separated x and z holds it.
pub(super) fn by_separators(
    graph: &mut MixedGraph,
    test: &mut dyn IndependenceTest,
    separators: &Separators,
    knowledge: &Knowledge,
    priority: ColliderPriority,
) {
    let is_collider = |t: &Triple| !is_known(knowledge, *t) && !separators.contains(t.0, t.2, t.1);
    let found: Vec<Triple> = candidates(graph).into_iter().filter(is_collider).collect();
    let mut ranked: Vec<(Triple, f64)> = Vec::with_capacity(found.len());
    for triple in found {
        let strength = match priority {
            ColliderPriority::Stronger => extremes(graph, test, triple).with_middle,
            ColliderPriority::StrongerStar => extremes(graph, test, triple).without_middle,
            _ => 0.0,
        };
        ranked.push((triple, strength));
    }
    sort(&mut ranked, priority);
    ranked.iter().for_each(|(t, _)| collide(graph, *t, priority));
}

/// Rule 1: y is a collider where the likeliest separator leaves it out.
pub(super) fn by_largest_p(
    graph: &mut MixedGraph,
    test: &mut dyn IndependenceTest,
    knowledge: &Knowledge,
    priority: ColliderPriority,
) {
    let mut ranked = Vec::new();
    for triple in candidates(graph) {
        if is_known(knowledge, triple) {
            continue;
        }
        let p = extremes(graph, test, triple);
        if p.without_middle > p.with_middle {
            let star = priority == ColliderPriority::StrongerStar;
            ranked.push((triple, if star { p.without_middle } else { p.with_middle }));
        }
    }
    sort(&mut ranked, priority);
    ranked.iter().for_each(|(t, _)| collide(graph, *t, priority));
}

/// Rule 2: as rule 1, but a triple with separators of both kinds stays open. Colliders and non-colliders that are sure.
pub(super) fn by_definite_largest_p(
    graph: &mut MixedGraph,
    test: &mut dyn IndependenceTest,
    alpha: f64,
    knowledge: &Knowledge,
    priority: ColliderPriority,
) -> (Vec<Triple>, Vec<Triple>) {
    let mut ranked = Vec::new();
    let mut chains = Vec::new();
    for triple in candidates(graph) {
        let p = extremes(graph, test, triple);
        let (may_collide, may_chain) = (p.with_middle <= alpha, p.without_middle <= alpha);
        let star = priority == ColliderPriority::StrongerStar;
        let strength = if star { p.without_middle } else { p.with_middle }.max(0.0);
        match (may_collide, may_chain) {
            (true, true) if p.without_middle.max(0.0) > p.with_middle.max(0.0) => ranked.push((triple, strength)),
            (true, false) => ranked.push((triple, strength)),
            (_, true) => chains.push(triple),
            (false, false) => {}
        }
    }
    sort(&mut ranked, priority);
    let mut colliders = Vec::new();
    for (triple, _) in ranked {
        let (x, y, z) = triple;
        if !is_known(knowledge, triple) && !graph.is_directed(y, x) && !graph.is_directed(y, z) {
            collide(graph, triple, ColliderPriority::Existing);
            colliders.push(triple);
        }
    }
    (colliders, chains)
}
