//! What the engine knows and detectors must: owners of pods, changes, maintenance.

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

/// A time in which nobody wants to hear of something.
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

/// One tick's surroundings. `changes` should reach back an hour; older ones do no harm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    pub changes: &'a [Change],
    pub maintenance: &'a [Maintenance],
}

impl Context<'_> {
    /// True while any window covers one of the entities.
    pub(crate) fn is_maintained(&self, now_s: i64, entities: &[&EntityRef]) -> bool {
        self.maintenance.iter().any(|m| {
            let open = m.from.as_second() <= now_s && now_s < m.until.as_second();
            open && match &m.what {
                Covers::Everything => true,
                Covers::Namespace(name) => entities.iter().any(|e| *e.namespace == **name),
                Covers::Entity(entity) => entities.iter().any(|e| *e == entity || e.whole() == *entity),
            }
        })
    }
}
