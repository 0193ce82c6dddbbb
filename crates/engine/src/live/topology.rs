//! The world's graph as the correlator's topology, kept up to date by differences so that its numbers stay valid.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};
use jiff::SignedDuration;
use rootline_correlate::{SetBack, Topology};
use rootline_model::{EntityRef, Kind, Relation, Timestamp};
use rootline_world::{EntityId, World};

/// Relations along which trouble is told apart; being in one namespace or using one ServiceAccount says nothing.
const TELLING: [Relation; 7] = [
    Relation::RunsOn,
    Relation::OwnedBy,
    Relation::Selects,
    Relation::RoutesTo,
    Relation::Mounts,
    Relation::Calls,
    Relation::Scales,
];

/// How long a pod that went is remembered: rules look back up to ten minutes (`changes(…[10m])`, `max_over_time(…[5m])`), and
/// the next scrape and evaluation come on top.
const GONE_FOR: SignedDuration = SignedDuration::from_mins(15);
/// Pods that went, at most; the oldest go first.
const GONE_MAX: usize = 20_000;

type Edge = (EntityRef, Relation, EntityRef);
/// When, the pod, its owner.
pub type GoneRow = (i64, String, String);

#[derive(Debug, Default)]
pub struct Map {
    pub topology: Topology,
    entities: HashSet<EntityRef>,
    edges: HashSet<Edge>,
    /// Pods that went not long ago, with when, and who owned them.
    gone: HashMap<EntityRef, (Timestamp, EntityRef)>,
    gone_order: VecDeque<(Timestamp, EntityRef)>,
}

impl Map {
    /// Who owned a pod that is no longer there. `None`: it is there, or nothing is known of it.
    pub fn owner_of_gone(&self, pod: &EntityRef) -> Option<&EntityRef> {
        self.gone.get(&pod.whole()).map(|(_, owner)| owner)
    }

    /// Pods that went, when and who owned them, the oldest first: milliseconds and entities in words.
    pub fn gone(&self) -> Vec<GoneRow> {
        let rows = self.gone_order.iter().filter_map(|(at, pod)| {
            let (since, owner) = self.gone.get(pod)?;
            (since == at).then(|| (at.as_millisecond(), pod.to_string(), owner.to_string()))
        });
        rows.collect()
    }

    /// Takes back what `gone` gave, before the first `update`; what cannot be read is left out.
    pub fn restore_gone(&mut self, rows: Vec<GoneRow>) {
        let read = |(at, pod, owner): GoneRow| {
            Some((Timestamp::from_millisecond(at).ok()?, pod.parse().ok()?, owner.parse().ok()?))
        };
        let mut rows: Vec<(Timestamp, EntityRef, EntityRef)> = rows.into_iter().filter_map(read).collect();
        rows.sort();
        for (at, pod, owner) in rows.into_iter().rev().take(GONE_MAX).rev() {
            self.gone_order.push_back((at, pod.clone()));
            self.gone.insert(pod, (at, owner));
        }
    }

    /// The clock was set back.
    pub fn set_back(&mut self, clock: SetBack) {
        for (at, _) in &mut self.gone_order {
            *at = clock.put(*at);
        }
        for (at, _) in self.gone.values_mut() {
            *at = clock.put(*at);
        }
    }

    fn note_gone(&mut self, now: Timestamp, entities: &HashSet<EntityRef>) {
        let pods = |set: &HashSet<EntityRef>, other: &HashSet<EntityRef>| -> Vec<EntityRef> {
            set.iter().filter(|e| e.kind == Kind::Pod && !other.contains(*e)).cloned().collect()
        };
        for pod in pods(&self.entities, entities) {
            let owner = owner(&self.topology, &pod);
            self.gone_order.push_back((now, pod.clone()));
            self.gone.insert(pod, (now, owner));
        }
        // a stateful set's pod comes back under its name
        for pod in pods(entities, &self.entities) {
            self.gone.remove(&pod);
        }
        while let Some((at, _)) = self.gone_order.front()
            && (self.gone_order.len() > GONE_MAX || now.duration_since(*at) > GONE_FOR)
        {
            let Some((at, pod)) = self.gone_order.pop_front() else { break };
            if self.gone.get(&pod).is_some_and(|(since, _)| *since == at) {
                self.gone.remove(&pod);
            }
        }
    }

    pub fn update(&mut self, now: Timestamp, world: &World) {
        let graph = &world.graph;
        let ids = 0..u32::try_from(graph.len()).unwrap_or(u32::MAX);
        let mut entities = HashSet::with_capacity(graph.len());
        let mut edges: HashSet<Edge> = HashSet::with_capacity(self.edges.len());
        for id in ids.map(EntityId) {
            let from = graph.entity(id);
            entities.insert(from.clone());
            let told = graph.out(id).iter().filter(|e| TELLING.contains(&e.relation));
            edges.extend(told.map(|e| (from.clone(), e.relation, graph.entity(e.to).clone())));
        }
        self.note_gone(now, &entities);
        for (from, relation, to) in self.edges.difference(&edges) {
            self.topology.unrelate(from, *relation, to);
        }
        for gone in sorted(self.entities.difference(&entities)) {
            self.topology.remove(gone);
        }
        for entity in sorted(entities.difference(&self.entities)) {
            self.topology.add(entity);
        }
        // an order of its own: a hash set has none, and ids should not differ between two replays
        for (from, relation, to) in sorted(edges.difference(&self.edges)) {
            self.topology.relate(from, *relation, to);
        }
        for node in world.nodes.iter() {
            let entity = EntityRef::node(node.name());
            for address in &node.status.addresses {
                self.topology.alias(&address.address, &entity);
            }
            if let Some(zone) = node.metadata.labels.get("topology.kubernetes.io/zone") {
                self.topology.set_zone(&entity, zone);
            }
        }
        self.topology.compact();
        self.entities = entities;
        self.edges = edges;
    }
}

/// The topmost owner as it was known; who has none owns itself.
fn owner(topology: &Topology, entity: &EntityRef) -> EntityRef {
    let mut top = entity.clone();
    // pod → replica set → deployment, pod → job → cron job
    for _ in 0..4 {
        let links = topology.id(&top).map_or(&[][..], |id| topology.links(id));
        match links.iter().find(|l| l.outward && l.relation == Relation::OwnedBy) {
            Some(link) => top = topology.entity(link.to).clone(),
            None => break,
        }
    }
    top
}

fn sorted<'a, T: Ord + 'a>(items: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut all: Vec<&T> = items.collect();
    all.sort();
    all
}
