//! Where an item is in the topology: its unit (what owns its pods), its node, what its unit calls and runs on.

use std::sync::Arc;

use hashbrown::HashMap;
use rootline_model::{EntityRef, Kind, Origin, Relation};

use super::table::Table;
use crate::subject::{Class, Room, Subject, is_agent};
use crate::{EntityId, Item, Topology};

/// Number of an entity in `Places`, which also knows those that the topology does not.
pub(super) type Thing = u32;

/// Number of a zone, the same for as long as `Places` lives.
pub(super) type Zone = u32;

/// Number of a cluster that items name; 0: none.
pub(super) type ClusterNo = u16;

/// Clusters told apart here; the book tells all apart.
const CLUSTERS_MAX: usize = 1_000;

/// An item with what the rules need of it.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub class: Class,
    /// What it is about; `None` if the labels tell nothing.
    pub thing: Option<Thing>,
    /// The pod, also of a volume claim.
    pub pod: Option<Thing>,
    pub node: Option<Thing>,
    /// Workload, or a service without one.
    pub unit: Option<Thing>,
    /// Units that a diagnosed cause is known to hurt.
    pub hurts: Vec<Thing>,
    /// Runs on every node.
    pub daemon_set: bool,
    /// The diagnosis gave it a cause.
    pub named: bool,
    pub room: Option<Room>,
    /// A service that runs out of something of its own.
    pub drained: bool,
    /// Seconds.
    pub onset: f64,
    pub fired: f64,
    pub name: Thing,
    pub cluster: ClusterNo,
}

/// What a unit runs on and calls.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Sorted.
    pub nodes: Vec<Thing>,
    /// Those of the nodes, each once.
    pub zones: Vec<Zone>,
    /// Called units with the number of hops, nearest first, at most `HOPS`.
    pub callees: Vec<(Thing, u8)>,
    /// The other way round.
    pub callers: Vec<(Thing, u8)>,
}

/// Hops along calls: effects seldom travel farther, and each hop widens what could be the cause.
const HOPS: u8 = 3;
/// Bounds of one unit's view.
const NODES_MAX: usize = 64;
const CALLS_MAX: usize = 64;
const PODS_MAX: usize = 256;
/// Units hurt by one cause that are looked at.
const HURTS_MAX: usize = 32;
/// Entities and names known; above it everything is forgotten and learnt anew.
const THINGS_MAX: usize = 1_000_000;

/// Caches over one topology; empty again when it changes.
#[derive(Debug, Default)]
pub(super) struct Places {
    revision: u64,
    ids: HashMap<EntityRef, Thing>,
    refs: Vec<EntityRef>,
    names: HashMap<Arc<str>, Thing>,
    words: Table<Arc<str>>,
    units: Table<Arc<Unit>>,
    unit_of: Table<Option<Thing>>,
    on_node: Table<Arc<[Thing]>>,
    zones: Table<Option<Zone>>,
    /// A cluster has few, and wide groups remember theirs.
    zone_names: Vec<Arc<str>>,
    /// As groups remember theirs.
    clusters: Vec<Arc<str>>,
    spots: Table<Spot>,
    classes: HashMap<Sort, (Class, Option<Room>, bool)>,
}

/// What `Subject` looks at: the name, the kind, whether the entity has a name, which part it is.
type Sort = (Thing, Option<Kind>, bool, u8);

/// Where an entity is.
#[derive(Clone, Copy, Debug)]
struct Spot {
    thing: Thing,
    pod: Option<Thing>,
    node: Option<Thing>,
    unit: Option<Thing>,
}

impl Places {
    /// True if all numbers became void: whoever keeps some must drop them.
    pub fn begin(&mut self, topology: &Topology) -> bool {
        if self.revision != topology.revision() {
            self.revision = topology.revision();
            self.units.clear();
            self.unit_of.clear();
            self.on_node.clear();
            self.zones.clear();
            self.spots.clear();
        }
        let full = self.refs.len() + self.names.len() > THINGS_MAX;
        if full {
            let (zone_names, clusters) = (std::mem::take(&mut self.zone_names), std::mem::take(&mut self.clusters));
            *self = Places { revision: self.revision, zone_names, clusters, ..Places::default() };
        }
        full
    }

    pub fn thing(&mut self, entity: &EntityRef) -> Thing {
        if let Some(id) = self.ids.get(entity) {
            return *id;
        }
        let id = self.refs.len() as Thing;
        self.ids.insert(entity.clone(), id);
        self.refs.push(entity.clone());
        id
    }

    pub fn entity(&self, thing: Thing) -> Option<&EntityRef> {
        self.refs.get(thing as usize)
    }

    /// The entity in words; empty if it is not known.
    pub fn words(&mut self, thing: Thing) -> Arc<str> {
        if let Some(known) = self.words.get(thing) {
            return known.clone();
        }
        let words: Arc<str> = self.entity(thing).map_or_else(|| "".into(), |e| Arc::from(e.to_string()));
        self.words.insert(thing, words.clone());
        words
    }

    fn name(&mut self, name: &Arc<str>) -> Thing {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.names.len() as Thing;
        self.names.insert(name.clone(), id);
        id
    }

    pub fn locate(&mut self, item: &Item, topology: &Topology) -> Located {
        let first = item.entities.first();
        let spot = first.map(|e| self.spot(e, topology));
        let name = self.name(&item.name);
        let named = item.entities.iter().find(|e| e.kind == Kind::Node);
        let node = match spot {
            // a pod that the topology does not know, on a node that the labels tell
            Some(Spot { pod: Some(_), node: None, .. }) => named.map(|n| self.thing(n)),
            Some(spot) => spot.node,
            None => None,
        };
        let unit = spot.and_then(|s| s.unit);
        let hurts = if item.origin == Origin::Fact { self.hurt_by(item, unit, topology) } else { Vec::new() };
        let (class, room, drained) = self.class(item, name);
        Located {
            class,
            hurts,
            room,
            drained,
            named: item.is_named(),
            thing: spot.map(|s| s.thing),
            pod: spot.and_then(|s| s.pod),
            node,
            unit,
            daemon_set: first.is_some_and(|e| e.kind == Kind::DaemonSet || is_agent(e)),
            onset: item.onset.as_millisecond() as f64 / 1000.0,
            fired: item.fired.as_millisecond() as f64 / 1000.0,
            name,
            cluster: self.cluster(&item.cluster),
        }
    }

    fn cluster(&mut self, name: &str) -> ClusterNo {
        if name.is_empty() || self.clusters.len() >= CLUSTERS_MAX && !self.clusters.iter().any(|c| **c == *name) {
            return 0;
        }
        number(&mut self.clusters, name) as ClusterNo + 1
    }

    fn class(&mut self, item: &Item, name: Thing) -> (Class, Option<Room>, bool) {
        let first = item.entities.first();
        let part = first.map_or(0, |e| match e.part.as_deref() {
            Some("dns") => 1,
            _ if is_agent(e) => 2,
            _ => 0,
        });
        let key = (name, first.map(|e| e.kind), first.is_some_and(|e| e.name.is_empty()), part);
        *self.classes.entry(key).or_insert_with(|| {
            let subject = Subject::of(&item.name, first);
            (subject.class, subject.room, subject.is_drained())
        })
    }

    fn spot(&mut self, entity: &EntityRef, topology: &Topology) -> Spot {
        let raw = self.thing(entity);
        if let Some(known) = self.spots.get(raw) {
            return *known;
        }
        let entity = entity.whole();
        let thing = self.thing(&entity);
        let pod = match entity.kind {
            Kind::Pod => Some(entity.clone()),
            Kind::Pvc => pod_of_claim(&entity, topology),
            _ => None,
        };
        let node = match (&pod, entity.kind) {
            (_, Kind::Node) => Some(entity.clone()),
            (Some(pod), _) => one(topology, pod, Relation::RunsOn, true),
            _ => None,
        };
        let owned = (entity.kind != Kind::Node).then_some(pod.as_ref().unwrap_or(&entity));
        let unit = owned.map(|e| self.thing(e)).and_then(|t| self.unit_of(t, topology));
        let spot = Spot { thing, pod: pod.map(|p| self.thing(&p)), node: node.map(|n| self.thing(&n)), unit };
        self.spots.insert(raw, spot);
        spot
    }

    /// A fact names what it is about and then what it hurts: the quota, then the deployment that gets no pods.
    fn hurt_by(&mut self, item: &Item, own: Option<Thing>, topology: &Topology) -> Vec<Thing> {
        let mut units: Vec<Thing> = Vec::new();
        for entity in item.entities.iter().skip(1).take(HURTS_MAX) {
            let thing = self.thing(&entity.whole());
            if let Some(unit) = self.unit_of(thing, topology)
                && Some(unit) != own
                && !units.contains(&unit)
            {
                units.push(unit);
            }
        }
        units
    }

    /// What owns the pods of a pod, service, workload or autoscaler.
    pub fn unit_of(&mut self, thing: Thing, topology: &Topology) -> Option<Thing> {
        if let Some(unit) = self.unit_of.get(thing) {
            return *unit;
        }
        let entity = self.entity(thing)?.clone();
        let owner = match entity.kind {
            Kind::Pod => Some(
                owner(topology, &entity)
                    .or_else(|| one(topology, &entity, Relation::Selects, false))
                    .unwrap_or_else(|| entity.clone()),
            ),
            Kind::Service | Kind::Pdb => Some(
                one(topology, &entity, Relation::Selects, true)
                    .and_then(|pod| owner(topology, &pod))
                    .unwrap_or_else(|| entity.clone()),
            ),
            Kind::Ingress | Kind::Route => one(topology, &entity, Relation::RoutesTo, true)
                .and_then(|service| one(topology, &service, Relation::Selects, true))
                .and_then(|pod| owner(topology, &pod)),
            Kind::Hpa => one(topology, &entity, Relation::Scales, true),
            kind if kind.is_workload() => Some(owner(topology, &entity).unwrap_or_else(|| entity.clone())),
            _ => None,
        };
        let unit = owner.map(|e| self.thing(&e));
        self.unit_of.insert(thing, unit);
        unit
    }

    pub fn unit(&mut self, unit: Thing, topology: &Topology) -> Arc<Unit> {
        if let Some(known) = self.units.get(unit) {
            return known.clone();
        }
        let nodes = self.nodes_of(unit, topology);
        let mut zones: Vec<Zone> = nodes.iter().filter_map(|n| self.zone(*n, topology)).collect();
        zones.sort_unstable();
        zones.dedup();
        let view = Arc::new(Unit {
            nodes,
            zones,
            callees: self.calls(unit, true, topology),
            callers: self.calls(unit, false, topology),
        });
        self.units.insert(unit, view.clone());
        view
    }

    /// The zone of a node.
    pub fn zone(&mut self, node: Thing, topology: &Topology) -> Option<Zone> {
        if let Some(known) = self.zones.get(node) {
            return *known;
        }
        let name = self.entity(node).and_then(|e| topology.id(e)).and_then(|id| topology.zone(id));
        let zone = name.map(|name| number(&mut self.zone_names, name));
        self.zones.insert(node, zone);
        zone
    }

    /// The number of a zone, known yet or not.
    pub fn zone_named(&mut self, name: &str) -> Zone {
        number(&mut self.zone_names, name)
    }

    pub fn zone_name(&self, zone: Zone) -> Arc<str> {
        self.zone_names.get(zone as usize).cloned().unwrap_or_else(|| "".into())
    }

    /// Units with a pod on a node.
    pub fn on_node(&mut self, node: Thing, topology: &Topology) -> Arc<[Thing]> {
        if let Some(known) = self.on_node.get(node) {
            return known.clone();
        }
        let id = self.entity(node).and_then(|e| topology.id(e));
        let pods: Vec<EntityRef> = id
            .map(|id| around(topology, id, Relation::RunsOn, false).take(PODS_MAX).cloned().collect())
            .unwrap_or_default();
        let mut units: Vec<Thing> = Vec::new();
        for pod in &pods {
            let thing = self.thing(pod);
            units.extend(self.unit_of(thing, topology));
        }
        units.sort_unstable();
        units.dedup();
        let units: Arc<[Thing]> = units.into();
        self.on_node.insert(node, units.clone());
        units
    }

    fn pods_of(&self, unit: Thing, topology: &Topology) -> Vec<EntityId> {
        let Some(start) = self.entity(unit).and_then(|e| topology.id(e)) else { return Vec::new() };
        let mut list = vec![start];
        let mut next = 0;
        while next < list.len() && list.len() < PODS_MAX {
            let at = list[next];
            next += 1;
            let kind = topology.entity(at).kind;
            for link in topology.links(at).iter().filter(|l| !l.outward && l.relation == Relation::OwnedBy) {
                list.push(link.to);
            }
            if kind == Kind::Service {
                list.extend(
                    topology.links(at).iter().filter(|l| l.outward && l.relation == Relation::Selects).map(|l| l.to),
                );
            }
        }
        list.retain(|id| topology.entity(*id).kind == Kind::Pod);
        list.sort_unstable();
        list.dedup();
        list
    }

    fn nodes_of(&mut self, unit: Thing, topology: &Topology) -> Vec<Thing> {
        let mut nodes: Vec<EntityRef> = Vec::new();
        for pod in self.pods_of(unit, topology) {
            nodes.extend(around(topology, pod, Relation::RunsOn, true).cloned());
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes.truncate(NODES_MAX);
        let mut nodes: Vec<Thing> = nodes.iter().map(|n| self.thing(n)).collect();
        nodes.sort_unstable();
        nodes
    }

    fn calls(&mut self, unit: Thing, outward: bool, topology: &Topology) -> Vec<(Thing, u8)> {
        let mut list = vec![(unit, 0)];
        let mut next = 0;
        while next < list.len() && list.len() < CALLS_MAX {
            let (at, hops) = list[next];
            next += 1;
            if hops == HOPS {
                break;
            }
            for other in self.called(at, outward, topology) {
                if !list.iter().any(|(t, _)| *t == other) {
                    list.push((other, hops + 1));
                }
            }
        }
        list.truncate(CALLS_MAX);
        list.remove(0);
        list
    }

    /// Units that a unit calls directly, or that call it: calls go from a workload or its services to services.
    fn called(&mut self, unit: Thing, outward: bool, topology: &Topology) -> Vec<Thing> {
        let Some(id) = self.entity(unit).and_then(|e| topology.id(e)) else { return Vec::new() };
        let mut doors = vec![id];
        for pod in self.pods_of(unit, topology).into_iter().take(1) {
            doors.extend(
                topology.links(pod).iter().filter(|l| !l.outward && l.relation == Relation::Selects).map(|l| l.to),
            );
        }
        let mut others: Vec<EntityRef> = Vec::new();
        for door in doors {
            others.extend(around(topology, door, Relation::Calls, outward).cloned());
        }
        others.sort_unstable();
        let mut found: Vec<Thing> = Vec::new();
        for other in others {
            let thing = self.thing(&other);
            if let Some(unit) = self.unit_of(thing, topology)
                && !found.contains(&unit)
            {
                found.push(unit);
            }
        }
        found
    }
}

/// The place of a zone among those known, which it joins if it is new.
fn number(names: &mut Vec<Arc<str>>, name: &str) -> Zone {
    let known = names.iter().position(|z| **z == *name);
    let place = known.unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    });
    place as Zone
}

fn around(topology: &Topology, id: EntityId, relation: Relation, outward: bool) -> impl Iterator<Item = &EntityRef> {
    topology
        .links(id)
        .iter()
        .filter(move |l| l.relation == relation && l.outward == outward)
        .map(|l| topology.entity(l.to))
}

/// The first by name.
fn one(topology: &Topology, entity: &EntityRef, relation: Relation, outward: bool) -> Option<EntityRef> {
    around(topology, topology.id(entity)?, relation, outward).min().cloned()
}

/// The topmost owner: pod → replica set → deployment.
fn owner(topology: &Topology, entity: &EntityRef) -> Option<EntityRef> {
    let mut top = one(topology, entity, Relation::OwnedBy, true)?;
    for _ in 0..4 {
        match one(topology, &top, Relation::OwnedBy, true) {
            Some(next) => top = next,
            None => break,
        }
    }
    Some(top)
}

/// The pod that mounts a claim. Where the topology has no claims: a stateful set names them `<template>-<pod>`.
fn pod_of_claim(claim: &EntityRef, topology: &Topology) -> Option<EntityRef> {
    if let Some(pod) = one(topology, claim, Relation::Mounts, false) {
        return Some(pod);
    }
    claim
        .name
        .match_indices('-')
        .map(|(at, _)| EntityRef::pod(&claim.namespace, &claim.name[at + 1..]))
        .find(|pod| topology.is_present(pod))
}
