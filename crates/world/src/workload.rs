//! One view on everything that owns pods.

use rootline_model::{EntityRef, Kind};
use rootline_objects as o;

use crate::World;

/// What deployments, stateful sets, daemon sets and jobs have in common.
#[derive(Clone, Debug)]
pub struct WorkloadView<'w> {
    pub entity: EntityRef,
    pub metadata: &'w o::Meta,
    pub selector: &'w o::LabelSelector,
    pub template: &'w o::Template,
    /// Pods it wants.
    pub desired: i64,
    pub ready: i64,
    pub conditions: &'w [o::Condition],
}

impl World {
    /// Deployments, stateful sets, daemon sets, and replica sets and jobs that nothing else owns.
    pub fn workloads(&self) -> impl Iterator<Item = WorkloadView<'_>> {
        let long_lived = self.deployments.iter().map(|d| view(Kind::Deployment, &d.metadata, &d.spec, &d.status));
        let stateful = self.stateful_sets.iter().map(|s| view(Kind::StatefulSet, &s.metadata, &s.spec, &s.status));
        let daemons = self.daemon_sets.iter().map(|d| WorkloadView {
            entity: EntityRef::new(Kind::DaemonSet, d.namespace(), d.name()),
            metadata: &d.metadata,
            selector: &d.spec.selector,
            template: &d.spec.template,
            desired: d.status.desired_number_scheduled,
            ready: d.status.number_ready,
            conditions: &d.status.conditions,
        });
        let orphans = self
            .replica_sets
            .iter()
            .filter(|r| r.metadata.controller().is_none())
            .map(|r| view(Kind::ReplicaSet, &r.metadata, &r.spec, &r.status));
        let jobs = self.jobs.iter().filter(|j| j.metadata.controller().is_none()).map(|j| WorkloadView {
            entity: EntityRef::new(Kind::Job, j.namespace(), j.name()),
            metadata: &j.metadata,
            selector: &j.spec.selector,
            template: &j.spec.template,
            desired: j.spec.parallelism.unwrap_or(1),
            ready: j.status.active + j.status.succeeded,
            conditions: &j.status.conditions,
        });
        long_lived.chain(stateful).chain(daemons).chain(orphans).chain(jobs)
    }

    /// The view of one workload.
    pub fn workload(&self, entity: &EntityRef) -> Option<WorkloadView<'_>> {
        let (ns, name) = (&*entity.namespace, &*entity.name);
        match entity.kind {
            Kind::Deployment => {
                self.deployments.get(ns, name).map(|d| view(Kind::Deployment, &d.metadata, &d.spec, &d.status))
            }
            Kind::StatefulSet => {
                self.stateful_sets.get(ns, name).map(|d| view(Kind::StatefulSet, &d.metadata, &d.spec, &d.status))
            }
            _ => self.workloads().find(|w| w.entity == *entity),
        }
    }

    /// The controller of a replica set or job. A replica set that was not read, of which an event tells, has the name of
    /// its deployment with the template hash at the end.
    pub(crate) fn parent_of(&self, entity: &EntityRef) -> Option<EntityRef> {
        let (ns, name) = (&*entity.namespace, &*entity.name);
        let owner = match entity.kind {
            Kind::ReplicaSet => match self.replica_sets.get(ns, name) {
                Some(set) => set.metadata.controller()?,
                None => {
                    let (stem, hash) = name.rsplit_once('-')?;
                    let by_name = is_template_hash(hash) && self.deployments.get(ns, stem).is_some();
                    return by_name.then(|| EntityRef::new(Kind::Deployment, ns, stem));
                }
            },
            Kind::Job => self.jobs.get(ns, name)?.metadata.controller()?,
            _ => return None,
        };
        Some(EntityRef::new(Kind::parse(&owner.kind)?, ns, &owner.name))
    }

    /// The topmost controller of a pod by its owner references; a replica set that was not read gives its deployment by
    /// the template hash, which Kubernetes puts at the end of the replica set's name.
    pub(crate) fn top_controller(&self, pod: &o::Pod) -> EntityRef {
        let ns = pod.namespace();
        let Some(owner) = pod.metadata.controller() else { return EntityRef::pod(ns, pod.name()) };
        let Some(kind) = Kind::parse(&owner.kind) else { return EntityRef::pod(ns, pod.name()) };
        if kind == Kind::Node {
            return EntityRef::pod(ns, pod.name());
        }
        let direct = EntityRef::new(kind, ns, &owner.name);
        if let Some(parent) = self.parent_of(&direct) {
            return parent;
        }
        let hash = pod.metadata.labels.get("pod-template-hash");
        match (kind, hash.and_then(|h| owner.name.strip_suffix(h)).and_then(|n| n.strip_suffix('-'))) {
            (Kind::ReplicaSet, Some(deployment)) if !self.exists(&direct) => {
                EntityRef::new(Kind::Deployment, ns, deployment)
            }
            _ => direct,
        }
    }
}

/// Kubernetes writes hashes without vowels and without digits that look like them (`k8s.io/apimachinery/pkg/util/rand`).
fn is_template_hash(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c))
}

fn view<'w>(
    kind: Kind,
    metadata: &'w o::Meta,
    spec: &'w o::WorkloadSpec,
    status: &'w o::WorkloadStatus,
) -> WorkloadView<'w> {
    WorkloadView {
        entity: EntityRef::new(kind, &metadata.namespace, &metadata.name),
        metadata,
        selector: &spec.selector,
        template: &spec.template,
        desired: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas,
        conditions: &status.conditions,
    }
}
