//! What hangs together with what: a small graph with interned entities.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::{HashMap, HashSet};
use rootline_model::{EntityRef, Relation};

/// Number of an entity in one `Topology`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u32);

/// One end of a relation as seen from the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub relation: Relation,
    /// True where this end is the relation's source: the pod of `pod runs_on node`.
    pub outward: bool,
    pub to: EntityId,
}

/// Entities and typed relations, as `model::Relation` reads them. Ids stay valid as long as the value lives.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    ids: HashMap<EntityRef, EntityId>,
    refs: Vec<EntityRef>,
    links: Vec<Vec<Link>>,
    /// Addresses and host names of things: `10.0.0.7` of a node.
    aliases: HashMap<Box<str>, EntityId>,
    zones: HashMap<EntityId, Box<str>>,
    present: HashSet<EntityId>,
    revision: u64,
}

impl Topology {
    pub fn new() -> Topology {
        Topology::default()
    }

    /// Differs after each change, and is equal for values that were made by the same changes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Makes an entity known; twice is once.
    pub fn add(&mut self, entity: &EntityRef) -> EntityId {
        let id = self.intern(entity);
        if self.present.insert(id) {
            self.changed((0, entity));
        }
        id
    }

    fn changed(&mut self, what: impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.revision, what).hash(&mut hasher);
        self.revision = hasher.finish();
    }

    fn intern(&mut self, entity: &EntityRef) -> EntityId {
        if let Some(id) = self.ids.get(entity) {
            return *id;
        }
        let id = EntityId(u32::try_from(self.refs.len()).unwrap_or(u32::MAX));
        self.ids.insert(entity.clone(), id);
        self.refs.push(entity.clone());
        self.links.push(Vec::new());
        id
    }

    /// `from --relation--> to`; both become known.
    pub fn relate(&mut self, from: &EntityRef, relation: Relation, to: &EntityRef) {
        let (from, to) = (self.add(from), self.add(to));
        let (there, back) = (Link { relation, outward: true, to }, Link { relation, outward: false, to: from });
        if let Err(place) = self.links[from.0 as usize].binary_search(&there) {
            self.links[from.0 as usize].insert(place, there);
            self.changed((1, from, relation, to));
        }
        if let Err(place) = self.links[to.0 as usize].binary_search(&back) {
            self.links[to.0 as usize].insert(place, back);
        }
    }

    /// Takes a relation away.
    pub fn unrelate(&mut self, from: &EntityRef, relation: Relation, to: &EntityRef) {
        let (Some(from), Some(to)) = (self.id(from), self.id(to)) else { return };
        self.changed((2, from, relation, to));
        self.links[from.0 as usize].retain(|l| *l != Link { relation, outward: true, to });
        self.links[to.0 as usize].retain(|l| *l != Link { relation, outward: false, to: from });
    }

    /// Takes an entity and its relations away. Its id stays its own, should it come back.
    pub fn remove(&mut self, entity: &EntityRef) {
        let Some(id) = self.id(entity) else { return };
        for link in std::mem::take(&mut self.links[id.0 as usize]) {
            self.links[link.to.0 as usize].retain(|l| l.to != id);
        }
        self.changed((3, id));
        self.present.remove(&id);
        self.zones.remove(&id);
    }

    /// Another name by which alerts call an entity: a node's address in `instance`.
    pub fn alias(&mut self, name: &str, entity: &EntityRef) {
        let id = self.add(entity);
        if self.aliases.insert(name.into(), id) != Some(id) {
            self.changed((4, name, id));
        }
    }

    /// The zone of a node (label `topology.kubernetes.io/zone`).
    pub fn set_zone(&mut self, node: &EntityRef, zone: &str) {
        let id = self.add(node);
        if self.zones.get(&id).is_none_or(|z| **z != *zone) {
            self.zones.insert(id, zone.into());
            self.changed((5, id, zone));
        }
    }

    pub fn zone(&self, node: EntityId) -> Option<&str> {
        self.zones.get(&node).map(|z| &**z)
    }

    pub fn id(&self, entity: &EntityRef) -> Option<EntityId> {
        self.ids.get(entity).copied()
    }

    pub fn is_present(&self, entity: &EntityRef) -> bool {
        self.id(entity).is_some_and(|id| self.present.contains(&id))
    }

    /// The entity that a host name or address, with or without port, stands for.
    pub fn resolve(&self, name: &str) -> Option<&EntityRef> {
        let host = name
            .rsplit_once(':')
            .map_or(name, |(host, port)| if port.bytes().all(|b| b.is_ascii_digit()) { host } else { name });
        let known = |name: &str| self.aliases.get(name).copied().or_else(|| self.node(name));
        known(host).or_else(|| known(name)).map(|id| self.entity(id))
    }

    fn node(&self, name: &str) -> Option<EntityId> {
        self.id(&EntityRef::node(name)).filter(|id| self.present.contains(id))
    }

    pub fn entity(&self, id: EntityId) -> &EntityRef {
        &self.refs[id.0 as usize]
    }

    /// Sorted.
    pub fn links(&self, id: EntityId) -> &[Link] {
        self.links.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    pub fn len(&self) -> usize {
        self.present.len()
    }

    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }
}
