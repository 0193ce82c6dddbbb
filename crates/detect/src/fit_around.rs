//! Where the pods are that a waiting pod must be near, must avoid, or must be spread with: counted once per pod, so that
//! each node is then judged by a look-up. A cluster of 1,000 nodes and 20,000 pods is counted in one pass per rule.

use std::collections::{BTreeMap, BTreeSet};

use rootline_objects as o;
use rootline_world::World;

use crate::fit::{Obstacle, Placement, selector_line};
use crate::scheduling_message::Family;

/// What the rules between pods mean for one waiting pod.
#[derive(Default)]
pub(crate) struct Around {
    /// Topology key → domain → a pod there that this one must avoid, or that must avoid this one.
    avoid: BTreeMap<String, BTreeMap<String, String>>,
    near: Vec<Near>,
    spread: Vec<Spread>,
}

/// Pods that must be in the same domain.
struct Near {
    key: String,
    selector: String,
    domains: BTreeSet<String>,
    /// The first pod of a group that wants to be together may go anywhere.
    is_first: bool,
}

struct Spread {
    key: String,
    max_skew: i64,
    me: i64,
    counts: BTreeMap<String, i64>,
    least: i64,
}

/// A node's domain of a topology; its own name stands for the host name, which every node has.
fn domain<'n>(node: &'n o::Node, key: &str) -> Option<&'n str> {
    node.metadata.labels.get(key).or_else(|| (key == "kubernetes.io/hostname").then(|| node.name()))
}

impl Around {
    pub(crate) fn of(placement: &Placement<'_>, pod: &o::Pod) -> Around {
        let world = placement.world();
        let mut around = Around::default();
        for term in anti_terms(pod) {
            for (node, other) in spoken_of(placement, term, pod).filter(|(_, p)| p.name() != pod.name()) {
                around.avoid(node, &term.topology_key, other);
            }
        }
        for (node, other) in placement.repelling(pod.namespace()) {
            for term in anti_terms(other).iter().filter(|t| speaks_of(t, other, pod)) {
                around.avoid(node, &term.topology_key, other);
            }
        }
        let wanted = pod.spec.affinity.as_ref().and_then(|a| a.pod_affinity.as_ref());
        for term in wanted.into_iter().flat_map(|a| &a.required) {
            let domains: BTreeSet<String> = spoken_of(placement, term, pod)
                .filter_map(|(node, _)| domain(node, &term.topology_key).map(str::to_owned))
                .collect();
            around.near.push(Near {
                key: term.topology_key.clone(),
                selector: term.label_selector.as_ref().map(selector_line).unwrap_or_default(),
                is_first: domains.is_empty() && speaks_of(term, pod, pod),
                domains,
            });
        }
        for rule in pod.spec.topology_spread_constraints.iter().filter(|t| t.when_unsatisfiable != "ScheduleAnyway") {
            around.spread.extend(spread(placement, world, pod, rule));
        }
        around
    }

    fn avoid(&mut self, node: &o::Node, key: &str, other: &o::Pod) {
        if let Some(domain) = domain(node, key) {
            let name = format!("{}/{}", other.namespace(), other.name());
            self.avoid.entry(key.to_owned()).or_default().entry(domain.to_owned()).or_insert(name);
        }
    }

    /// The obstacles of one node.
    pub(crate) fn judge(&self, node: &o::Node, out: &mut Vec<Obstacle>) {
        for rule in &self.spread {
            let detail = format!("{} maxSkew {}", rule.key, rule.max_skew);
            match domain(node, &rule.key) {
                Some(here) => {
                    let skew = rule.counts.get(here).copied().unwrap_or(0).saturating_add(rule.me) - rule.least;
                    if skew > rule.max_skew {
                        out.push(Obstacle::new(Family::Spread, detail));
                    }
                }
                // a node of which no label is known says nothing
                None if node.metadata.labels.is_empty() => {}
                None => out.push(Obstacle::new(Family::Spread, detail)),
            }
        }
        for (key, domains) in &self.avoid {
            if let Some(other) = domain(node, key).and_then(|d| domains.get(d)) {
                out.push(Obstacle::new(Family::AntiAffinity, other.clone()));
            }
        }
        for near in self.near.iter().filter(|n| !n.is_first) {
            if !domain(node, &near.key).is_some_and(|d| near.domains.contains(d)) {
                out.push(Obstacle::new(Family::PodAffinity, near.selector.clone()));
            }
        }
    }
}

fn spread(placement: &Placement<'_>, world: &World, pod: &o::Pod, rule: &o::TopologySpread) -> Option<Spread> {
    let selector = rule.label_selector.as_ref()?;
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    // nodes that the pod cannot go to by its own selector do not count as domains
    let counts_there = |node: &o::Node| pod.spec.accepts_node(&node.metadata.labels, node.name());
    for node in world.nodes.iter().filter(|n| counts_there(n)) {
        if let Some(domain) = domain(node, &rule.topology_key) {
            counts.entry(domain.to_owned()).or_default();
        }
    }
    let same = placement.placed(pod.namespace()).iter().filter(|(_, p)| selector.matches(&p.metadata.labels));
    for (node, _) in same.filter(|(n, _)| counts_there(n)) {
        if let Some(count) = domain(node, &rule.topology_key).and_then(|d| counts.get_mut(d)) {
            *count += 1;
        }
    }
    Some(Spread {
        key: rule.topology_key.clone(),
        max_skew: rule.max_skew.max(1),
        me: i64::from(selector.matches(&pod.metadata.labels)),
        least: counts.values().min().copied().unwrap_or(0),
        counts,
    })
}

pub(crate) fn anti_terms(pod: &o::Pod) -> &[o::PodAffinityTerm] {
    pod.spec.affinity.as_ref().and_then(|a| a.pod_anti_affinity.as_ref()).map_or(&[], |a| a.required.as_slice())
}

/// The namespaces whose pods a term of `owner` speaks of.
pub(crate) fn namespaces<'t>(term: &'t o::PodAffinityTerm, owner: &'t o::Pod) -> Vec<&'t str> {
    match term.namespaces.as_slice() {
        [] => vec![owner.namespace()],
        named => named.iter().map(String::as_str).collect(),
    }
}

/// Running pods that a term of `owner` speaks of.
fn spoken_of<'a>(
    placement: &'a Placement<'_>,
    term: &'a o::PodAffinityTerm,
    owner: &'a o::Pod,
) -> impl Iterator<Item = (&'a o::Node, &'a o::Pod)> {
    let there = namespaces(term, owner).into_iter().flat_map(|ns| placement.placed(ns)).copied();
    there.filter(|(_, p)| term.label_selector.as_ref().is_some_and(|s| s.matches(&p.metadata.labels)))
}

/// Whether a term of `owner` speaks of `other`.
fn speaks_of(term: &o::PodAffinityTerm, owner: &o::Pod, other: &o::Pod) -> bool {
    namespaces(term, owner).contains(&other.namespace())
        && term.label_selector.as_ref().is_some_and(|s| s.matches(&other.metadata.labels))
}
