//! What hangs together with what: a small graph with interned entities.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use rootline_model::{EntityRef, LabelSet, Relation};

/// Entities that are gone and kept all the same, so that the numbers stay for a while.
const GONE_MAX: usize = 20_000;

/// Number of an entity in one `Topology`, until it is compacted.
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

/// Entities and typed relations, as `model::Relation` reads them. Ids stay valid until `compact`.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The name of the cluster that this is; empty if it is not known.
    cluster: Arc<str>,
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

    /// Names the cluster that this is, as the label `cluster` has it.
    pub fn set_cluster(&mut self, name: &str) {
        self.cluster = name.into();
    }

    pub fn cluster(&self) -> &Arc<str> {
        &self.cluster
    }

    /// The other cluster that labels name: nothing here says anything about it.
    pub fn other_cluster<'a>(&self, labels: &'a LabelSet) -> Option<&'a str> {
        let named = labels.get("cluster")?;
        (!self.cluster.is_empty() && *self.cluster != *named).then_some(named)
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

    /// Lets go of entities that were taken away, once there are many: pods of jobs come and go all day. Ids change then.
    pub fn compact(&mut self) {
        if self.refs.len() <= self.present.len() + GONE_MAX {
            return;
        }
        let mut present: Vec<EntityId> = self.present.iter().copied().collect();
        present.sort_unstable();
        let mut kept = Topology { revision: self.revision, cluster: self.cluster.clone(), ..Topology::default() };
        for id in &present {
            kept.add(self.entity(*id));
        }
        for id in &present {
            for link in self.links(*id).iter().filter(|l| l.outward) {
                kept.relate(self.entity(*id), link.relation, self.entity(link.to));
            }
            if let Some(zone) = self.zone(*id) {
                kept.set_zone(self.entity(*id), zone);
            }
        }
        let mut aliases: Vec<(&Box<str>, &EntityId)> = self.aliases.iter().collect();
        aliases.retain(|(_, id)| self.present.contains(*id));
        aliases.sort_unstable();
        for (name, id) in aliases {
            kept.alias(name, self.entity(*id));
        }
        *self = kept;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_came_and_went_leave_nothing_behind() {
        let mut topology = Topology::new();
        let node = EntityRef::node("w1");
        topology.alias("10.0.0.7", &node);
        topology.set_zone(&node, "a");
        let stays = EntityRef::pod("shop", "cart-0");
        topology.relate(&stays, Relation::RunsOn, &node);
        for n in 0..2 * GONE_MAX {
            let pod = EntityRef::pod("shop", &format!("job-{n}"));
            topology.relate(&pod, Relation::RunsOn, &node);
            topology.remove(&pod);
            topology.compact();
        }
        assert!(topology.refs.len() <= GONE_MAX + 2, "{} kept", topology.refs.len());
        let on_node = topology.resolve("10.0.0.7:9100").and_then(|n| topology.id(n)).expect("the address is known");
        assert_eq!(topology.zone(on_node), Some("a"));
        let there: Vec<&EntityRef> = topology.links(on_node).iter().map(|l| topology.entity(l.to)).collect();
        assert_eq!(there, [&stays]);
    }
}
