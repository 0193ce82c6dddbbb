//! What the engine knows and detectors must: owners of pods, changes, maintenance.

use hashbrown::HashSet;
use rootline_model::{EntityRef, Timestamp};

/// Who owns a pod at the top: the Deployment, not its ReplicaSet.
pub trait Owners {
    /// `None`: not known; then the pod's name tells (see [`crate::catalog::workload_by_name`]).
    fn workload(&self, namespace: &str, pod: &str) -> Option<EntityRef>;
}

impl<F: Fn(&str, &str) -> Option<EntityRef>> Owners for F {
    fn workload(&self, namespace: &str, pod: &str) -> Option<EntityRef> {
        self(namespace, pod)
    }
}

/// Nobody is known; names tell.
pub struct ByName;

impl Owners for ByName {
    fn workload(&self, _: &str, _: &str) -> Option<EntityRef> {
        None
    }
}

/// What somebody did to a workload, a pod or a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub at: Timestamp,
    /// A pod's restart names the pod; the rest the workload. A node's reboot names the node.
    pub entity: EntityRef,
    pub kind: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new template: image, environment, resources. What is usual may differ from now on.
    Rollout,
    /// The same again: a pod's restart or move, a node's reboot. Caches are cold for a while.
    Restart,
    /// More or fewer replicas: what each takes changes with its share.
    Scale,
    /// Deleted or scaled to nothing: its series end rightly.
    Gone,
}

/// A time in which something is worked on: nobody wants to hear of it, and what it does then is no pattern for later.
#[derive(Clone, Debug, PartialEq)]
pub struct Maintenance {
    pub from: Timestamp,
    pub until: Timestamp,
    pub what: Covers,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Covers {
    Everything,
    Namespace(String),
    /// And what runs in it: a workload's pods.
    Entity(EntityRef),
}

/// One tick's surroundings. `changes` should reach back an hour, `maintenance` as far as windows and history do
/// ([`crate::MEMORY_S`]); older ones do no harm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    pub changes: &'a [Change],
    pub maintenance: &'a [Maintenance],
}

impl Covers {
    fn is_about(&self, entity: &EntityRef) -> bool {
        match self {
            Covers::Everything => true,
            Covers::Namespace(name) => *entity.namespace == **name,
            Covers::Entity(one) => entity == one || entity.whole() == *one,
        }
    }
}

impl<'a> Context<'a> {
    /// True while any window covers one of the entities.
    pub(crate) fn is_maintained(&self, now_s: i64, entities: &[&EntityRef]) -> bool {
        let open = |m: &&Maintenance| m.from.as_second() <= now_s && now_s < m.until.as_second();
        self.maintenance.iter().filter(open).any(|m| entities.iter().any(|e| m.what.is_about(e)))
    }

    /// Windows that share a moment with the minutes `from ..= to`.
    pub(crate) fn windows_in(&self, from: i64, to: i64) -> Vec<&'a Maintenance> {
        self.maintenance.iter().filter(|m| m.touches(from, to)).collect()
    }

    /// Everything that is under maintenance at a moment, for many questions.
    pub(crate) fn covered(&self, now_s: i64) -> Covered<'a> {
        let mut covered = Covered::default();
        let open = |m: &&Maintenance| m.from.as_second() <= now_s && now_s < m.until.as_second();
        for window in self.maintenance.iter().filter(open) {
            match &window.what {
                Covers::Everything => covered.everything = true,
                Covers::Namespace(name) => {
                    covered.namespaces.insert(name);
                }
                Covers::Entity(entity) => {
                    covered.entities.insert(entity);
                }
            }
        }
        covered
    }
}

impl Maintenance {
    fn touches(&self, from: i64, to: i64) -> bool {
        self.from.as_second() < (to + 1) * 60 && from * 60 < self.until.as_second()
    }

    /// True if a part of the minute lies in the window and the window is about the entity.
    pub(crate) fn spoils(&self, minute: i64, entity: &EntityRef) -> bool {
        self.touches(minute, minute) && self.what.is_about(entity)
    }

    /// Its minutes, from the first to the one behind the last, where it is about the entity.
    pub(crate) fn minutes(&self, entity: &EntityRef) -> Option<(i64, i64)> {
        let last = (self.until.as_second() - 1).div_euclid(60);
        self.what.is_about(entity).then(|| (self.from.as_second().div_euclid(60), last + 1))
    }
}

/// See [`Context::covered`].
#[derive(Debug, Default)]
pub(crate) struct Covered<'a> {
    everything: bool,
    namespaces: HashSet<&'a str>,
    entities: HashSet<&'a EntityRef>,
}

impl Covered<'_> {
    pub fn is_empty(&self) -> bool {
        !self.everything && self.namespaces.is_empty() && self.entities.is_empty()
    }

    pub fn has(&self, entity: &EntityRef) -> bool {
        self.everything
            || self.namespaces.contains(&*entity.namespace)
            || self.entities.contains(entity)
            || (entity.part.is_some() && self.entities.contains(&entity.whole()))
    }
}
