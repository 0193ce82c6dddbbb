//! Explaining away: which candidate makes another, or a finding, unsurprising.

use hashbrown::HashMap;
use rootline_model::{EntityRef, Finding, Kind};
use rootline_world::{Reach as Walk, World};

use crate::candidate::Candidate;
use crate::rule::{Reach, Rule};

/// Longest way along cause edges. Starting value, see ADR-0004: node → pod → service → caller → its pod → its service …
const STEPS_MAX: u32 = 9;
/// A candidate below this, downstream of a strong one, needs no rule to be explained. Starting values, see ADR-0004.
const WEAK_NATS: f64 = 2.0;
const STRONG_NATS: f64 = 3.0;

/// Cached walks from the entities of candidates.
pub(crate) struct Explainer<'w> {
    world: &'w World,
    rules: &'w [Rule],
    walks: HashMap<EntityRef, Walk>,
}

impl<'w> Explainer<'w> {
    pub fn new(world: &'w World, rules: &'w [Rule], candidates: &[Candidate]) -> Self {
        let mut walks = HashMap::new();
        for candidate in candidates {
            for start in starts(candidate) {
                walks.entry(start.clone()).or_insert_with(|| world.graph.reach(start, STEPS_MAX));
            }
        }
        Explainer { world, rules, walks }
    }

    /// Steps from a candidate to an entity, within the candidate's reach.
    pub fn distance(&self, from: &Candidate, to: &EntityRef) -> Option<u32> {
        let walked =
            self.world.graph.id(to).and_then(|id| starts(from).filter_map(|s| self.walks.get(s)?.distance(id)).min());
        // an entity outside the graph (an event about something that was not read) is reached only by itself
        let same = (from.entity == *to || from.entity == to.whole()).then_some(0);
        let wide = match from.reach {
            Reach::Cluster => Some(STEPS_MAX),
            Reach::Namespace => {
                let ns = if from.entity.kind == Kind::Namespace { &from.entity.name } else { &from.entity.namespace };
                (*ns == to.namespace).then_some(STEPS_MAX)
            }
            Reach::Downstream => None,
        };
        same.or(walked).or(wide)
    }

    /// Whether `a` explains the candidate `b`.
    pub fn explains(&self, a: &Candidate, b: &Candidate, findings: &[Finding]) -> bool {
        if a.id == b.id && a.entity == b.entity {
            return false;
        }
        let named = a.rule.is_some_and(|r| {
            self.rules[r]
                .explains
                .iter()
                .any(|p| b.id.matches(p) || b.findings.iter().any(|&f| findings[f].code.matches(p)))
        });
        let weak = b.score() <= WEAK_NATS && a.score() >= STRONG_NATS && a.score() > b.score() + 1.0;
        let symptoms = a.on_facts && !b.on_facts;
        // what a finding is about counts: a pod that waits for a node does not run on it yet
        let about = |f: &Finding| f.about.contains(&a.entity);
        // a part of the control plane that was found down by its pod is down for what ails the pod
        let own_pod = b.entity.kind == Kind::Component
            && a.entity.kind == Kind::Pod
            && b.findings.iter().all(|&f| about(&findings[f]));
        let named = named || own_pod;
        if !named && !weak && !symptoms {
            return false;
        }
        let reached = self.distance(a, &b.entity).is_some()
            || b.findings.iter().any(|&f| self.distance(a, &findings[f].entity).is_some() || about(&findings[f]));
        if named || symptoms { reached } else { reached && a.entity != b.entity }
    }

    pub fn path(&self, from: &Candidate, to: &EntityRef) -> Vec<(EntityRef, &'static str, EntityRef)> {
        let graph = &self.world.graph;
        let Some(id) = graph.id(to) else { return Vec::new() };
        let best = starts(from)
            .filter_map(|s| self.walks.get(s))
            .filter(|w| w.distance(id).is_some())
            .min_by_key(|w| w.distance(id));
        let Some(walk) = best else { return Vec::new() };
        walk.path(id)
            .into_iter()
            .map(|(a, relation, b)| {
                // effects often run against the relation: a node's trouble reaches the pod that runs on it
                let along = graph.out(a).iter().any(|e| e.relation == relation && e.to == b);
                let word = if along { relation.word() } else { relation.inverse_word() };
                (graph.entity(a).clone(), word, graph.entity(b).clone())
            })
            .collect()
    }
}

/// A cause works from its own entity and from the workloads it was seen on (an unreachable host has no edges of its own).
fn starts(candidate: &Candidate) -> impl Iterator<Item = &EntityRef> {
    std::iter::once(&candidate.entity).chain(&candidate.homes)
}
