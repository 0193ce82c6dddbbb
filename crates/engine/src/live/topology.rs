//! The world's graph as the correlator's topology, kept up to date by differences so that its numbers stay valid.

use hashbrown::HashSet;
use rootline_correlate::Topology;
use rootline_model::{EntityRef, Relation};
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

type Edge = (EntityRef, Relation, EntityRef);

#[derive(Debug, Default)]
pub struct Map {
    pub topology: Topology,
    entities: HashSet<EntityRef>,
    edges: HashSet<Edge>,
}

impl Map {
    pub fn update(&mut self, world: &World) {
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
        self.entities = entities;
        self.edges = edges;
    }
}

fn sorted<'a, T: Ord + 'a>(items: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut all: Vec<&T> = items.collect();
    all.sort();
    all
}
