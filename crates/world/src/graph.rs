//! Entities and typed relations, and the cause edges derived from them.

use std::collections::VecDeque;

use hashbrown::HashMap;
use rootline_model::{EntityRef, Kind, Relation};

/// Position of an entity in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    pub relation: Relation,
    pub to: EntityId,
}

/// One step along a cause edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub relation: Relation,
    pub to: EntityId,
    /// Along the relation (`true`) or against it.
    pub forward: bool,
}

/// Everything that an entity can make abnormal, with the way there.
#[derive(Debug, Default)]
pub struct Reach {
    /// entity → (distance, the entity before it, relation of the last step)
    seen: HashMap<EntityId, (u32, EntityId, Relation)>,
}

#[derive(Debug, Default)]
pub struct Graph {
    entities: Vec<EntityRef>,
    ids: HashMap<EntityRef, EntityId>,
    out: Vec<Vec<Edge>>,
    into: Vec<Vec<Edge>>,
}

impl Graph {
    /// The id of an entity; a container stands for its pod, a component of a node for its node.
    pub fn id(&self, entity: &EntityRef) -> Option<EntityId> {
        self.ids.get(entity).copied().or_else(|| self.ids.get(&entity.whole()).copied())
    }

    pub fn entity(&self, id: EntityId) -> &EntityRef {
        &self.entities[id.0 as usize]
    }

    pub fn len(&self) -> usize {
        self.entities.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    pub fn out(&self, id: EntityId) -> &[Edge] {
        &self.out[id.0 as usize]
    }

    pub fn into(&self, id: EntityId) -> &[Edge] {
        &self.into[id.0 as usize]
    }

    /// Targets of a relation.
    pub fn targets(&self, entity: &EntityRef, relation: Relation) -> Vec<EntityRef> {
        self.neighbours(entity, relation, true)
    }

    /// Sources of a relation.
    pub fn sources(&self, entity: &EntityRef, relation: Relation) -> Vec<EntityRef> {
        self.neighbours(entity, relation, false)
    }

    fn neighbours(&self, entity: &EntityRef, relation: Relation, forward: bool) -> Vec<EntityRef> {
        let Some(id) = self.id(entity) else { return Vec::new() };
        let edges = if forward { self.out(id) } else { self.into(id) };
        edges.iter().filter(|e| e.relation == relation).map(|e| self.entity(e.to).clone()).collect()
    }

    pub(crate) fn intern(&mut self, entity: EntityRef) -> EntityId {
        if let Some(&id) = self.ids.get(&entity) {
            return id;
        }
        let id = EntityId(u32::try_from(self.entities.len()).unwrap_or(u32::MAX));
        self.ids.insert(entity.clone(), id);
        self.entities.push(entity);
        self.out.push(Vec::new());
        self.into.push(Vec::new());
        id
    }

    pub(crate) fn link(&mut self, from: EntityRef, relation: Relation, to: EntityRef) {
        let (from, to) = (self.intern(from), self.intern(to));
        if from == to || self.out[from.0 as usize].iter().any(|e| e.relation == relation && e.to == to) {
            return;
        }
        self.out[from.0 as usize].push(Edge { relation, to });
        self.into[to.0 as usize].push(Edge { relation, to: from });
    }

    /// Direct effects: where abnormality can go from here in one step. Down to the pods of a workload only while
    /// `may_descend`: what comes up from one pod must not go down to its siblings.
    fn effects(&self, id: EntityId, may_descend: bool) -> impl Iterator<Item = Step> {
        let up = self.out(id).iter().filter(|e| !e.relation.target_is_cause()).map(|e| Step {
            relation: e.relation,
            to: e.to,
            forward: true,
        });
        let back = self.into(id).iter().filter(|e| e.relation.target_is_cause()).map(|e| Step {
            relation: e.relation,
            to: e.to,
            forward: false,
        });
        let down = self.into(id).iter().filter(move |e| may_descend && e.relation == Relation::OwnedBy).map(|e| Step {
            relation: e.relation,
            to: e.to,
            forward: false,
        });
        up.chain(back).chain(down)
    }

    /// All that `start` can make abnormal, by breadth-first search, at most `max_steps` away.
    pub fn reach(&self, start: &EntityRef, max_steps: u32) -> Reach {
        let mut reach = Reach::default();
        let Some(id) = self.id(start) else { return reach };
        let mut queue = VecDeque::from([(id, 0, true)]);
        // the state counts too: an entity reached first without leave to descend may be reached again with it
        let mut visited: hashbrown::HashSet<(EntityId, bool)> = [(id, true)].into_iter().collect();
        reach.seen.insert(id, (0, id, Relation::PartOf));
        while let Some((at, distance, may_descend)) = queue.pop_front() {
            if distance == max_steps || self.is_hub(at, distance) {
                continue;
            }
            for step in self.effects(at, may_descend) {
                let descend = match step.relation {
                    Relation::OwnedBy => !step.forward,
                    Relation::Calls => true,
                    _ => may_descend,
                };
                if visited.insert((step.to, descend)) {
                    reach.seen.entry(step.to).or_insert((distance + 1, at, step.relation));
                    queue.push_back((step.to, distance + 1, descend));
                }
            }
        }
        reach
    }

    /// Namespaces and the like join everything and carry nothing, unless one is the start itself.
    fn is_hub(&self, id: EntityId, distance: u32) -> bool {
        distance > 0 && matches!(self.entity(id).kind, Kind::Namespace | Kind::Cluster)
    }
}

impl Reach {
    /// Steps from the start; `None` if it cannot be reached.
    pub fn distance(&self, id: EntityId) -> Option<u32> {
        self.seen.get(&id).map(|s| s.0)
    }

    /// The way from the start to an entity: pairs of entities with the relation between them.
    pub fn path(&self, id: EntityId) -> Vec<(EntityId, Relation, EntityId)> {
        let mut path = Vec::new();
        let mut at = id;
        while let Some(&(distance, before, relation)) = self.seen.get(&at) {
            if distance == 0 {
                break;
            }
            path.push((before, relation, at));
            at = before;
        }
        path.reverse();
        path
    }
}
