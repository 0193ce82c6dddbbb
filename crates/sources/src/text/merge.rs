//! Two texts about one object: the more detailed one wins, the other fills what it leaves open.

use std::collections::BTreeMap;

use rootline_objects::{
    ContainerStatus, Labels, Meta, Node, Object, Pod, PodSpec, Service, Template, Time, Volume, WorkloadSpec,
    WorkloadStatus,
};

use super::found::Detail;

/// Takes the other value where its own is empty.
trait Fill {
    fn fill(&mut self, lesser: Self);
}

impl Fill for String {
    fn fill(&mut self, lesser: Self) {
        if self.is_empty() {
            *self = lesser;
        }
    }
}

impl<T> Fill for Option<T> {
    fn fill(&mut self, lesser: Self) {
        if self.is_none() {
            *self = lesser;
        }
    }
}

impl<T> Fill for Vec<T> {
    fn fill(&mut self, lesser: Self) {
        if self.is_empty() {
            *self = lesser;
        }
    }
}

impl<K: Ord, V> Fill for BTreeMap<K, V> {
    fn fill(&mut self, lesser: Self) {
        if self.is_empty() {
            *self = lesser;
        }
    }
}

impl Fill for Time {
    fn fill(&mut self, lesser: Self) {
        self.0.fill(lesser.0);
    }
}

/// Labels come in pieces: roles from one table, the rest from another.
impl Fill for Labels {
    fn fill(&mut self, lesser: Self) {
        if self.is_empty() {
            *self = lesser;
            return;
        }
        for (key, value) in lesser.iter() {
            if !self.contains(key) {
                self.set(key, value);
            }
        }
    }
}

/// Adds labels that are not there yet.
pub(super) fn labels(of: &mut Labels, more: &Labels) {
    of.fill(more.clone());
}

impl Fill for Meta {
    fn fill(&mut self, lesser: Self) {
        self.labels.fill(lesser.labels);
        self.annotations.0.fill(lesser.annotations.0);
        self.owner_references.fill(lesser.owner_references);
        self.creation_timestamp.fill(lesser.creation_timestamp);
        self.deletion_timestamp.fill(lesser.deletion_timestamp);
        self.deletion_grace_period_seconds.fill(lesser.deletion_grace_period_seconds);
        self.finalizers.fill(lesser.finalizers);
        self.uid.fill(lesser.uid);
    }
}

/// Joins two descriptions of one object.
pub(super) fn join(a: (Detail, Object), b: (Detail, Object)) -> (Detail, Object) {
    // of two equals the later one is the newer one
    let (base, lesser) = if a.0 > b.0 { (a, b) } else { (b, a) };
    let (detail, mut object) = base;
    fill(&mut object, lesser.1, (detail, lesser.0));
    (detail, object)
}

/// Whole values: where the status of one is empty it takes that of the other.
macro_rules! fill_whole {
    ($base:expr, $lesser:expr, $($field:ident),+) => { {
        let (base, mut lesser) = ($base, *$lesser);
        base.metadata.fill(std::mem::take(&mut lesser.metadata));
        $( if base.$field == Default::default() { base.$field = lesser.$field; } )+
    } };
}

fn fill(base: &mut Object, lesser: Object, details: (Detail, Detail)) {
    match (base, lesser) {
        (Object::Pod(b), Object::Pod(l)) => pod(b, *l),
        (Object::Node(b), Object::Node(l)) => node(b, *l),
        (Object::Deployment(b), Object::Deployment(l)) => {
            b.metadata.fill(l.metadata);
            workload(&mut b.spec, l.spec);
            counts(&mut b.status, l.status, details);
        }
        (Object::ReplicaSet(b), Object::ReplicaSet(l)) => {
            b.metadata.fill(l.metadata);
            workload(&mut b.spec, l.spec);
            counts(&mut b.status, l.status, details);
        }
        (Object::StatefulSet(b), Object::StatefulSet(l)) => {
            b.metadata.fill(l.metadata);
            workload(&mut b.spec, l.spec);
            counts(&mut b.status, l.status, details);
        }
        (Object::DaemonSet(b), Object::DaemonSet(l)) => {
            b.metadata.fill(l.metadata);
            workload(&mut b.spec, l.spec);
            if b.status == rootline_objects::DaemonSetStatus::default() {
                b.status = l.status;
            } else if details == (Detail::Describe, Detail::Row) {
                b.status.number_ready = l.status.number_ready;
            }
        }
        (Object::Job(b), Object::Job(l)) => {
            b.metadata.fill(l.metadata);
            template(&mut b.spec.template, l.spec.template);
            b.spec.completions.fill(l.spec.completions);
            b.status.conditions.fill(l.status.conditions);
            b.status.start_time.fill(l.status.start_time);
            b.status.completion_time.fill(l.status.completion_time);
        }
        (Object::Service(b), Object::Service(l)) => service(b, *l),
        (Object::EndpointSlice(b), Object::EndpointSlice(l)) => {
            b.metadata.fill(l.metadata);
            b.address_type.fill(l.address_type);
        }
        (Object::ConfigMap(b), Object::ConfigMap(l)) => fill_whole!(b, l, data),
        (Object::Secret(b), Object::Secret(l)) => {
            b.metadata.fill(l.metadata);
            b.kind.fill(l.kind);
            b.keys.fill(l.keys);
        }
        (Object::Pvc(b), Object::Pvc(l)) => fill_whole!(b, l, spec, status),
        (Object::Pv(b), Object::Pv(l)) => fill_whole!(b, l, spec, status),
        (Object::StorageClass(b), Object::StorageClass(l)) => {
            b.allow_volume_expansion.fill(l.allow_volume_expansion);
            b.metadata.fill(l.metadata);
        }
        (Object::Ingress(b), Object::Ingress(l)) => fill_whole!(b, l, spec, status),
        (Object::Quota(b), Object::Quota(l)) => fill_whole!(b, l, spec, status),
        (Object::LimitRange(b), Object::LimitRange(l)) => fill_whole!(b, l, spec),
        (Object::Hpa(b), Object::Hpa(l)) => fill_whole!(b, l, spec, status),
        (Object::Pdb(b), Object::Pdb(l)) => fill_whole!(b, l, spec, status),
        (Object::CronJob(b), Object::CronJob(l)) => fill_whole!(b, l, spec, status),
        (Object::Namespace(b), Object::Namespace(l)) => fill_whole!(b, l, status),
        (Object::NetworkPolicy(b), Object::NetworkPolicy(l)) => fill_whole!(b, l, spec),
        (base, mut lesser) => base.metadata_mut().fill(std::mem::take(lesser.metadata_mut())),
    }
}

fn pod(base: &mut Pod, lesser: Pod) {
    base.metadata.fill(lesser.metadata);
    let named = !base.spec.containers.is_empty();
    pod_spec(&mut base.spec, lesser.spec);
    if base.status.phase.is_empty() {
        // a manifest, or a pod that only its node named: names of containers are those of the specification
        let mut status = lesser.status;
        if named {
            rename(&mut status.container_statuses, base.spec.containers.iter().map(|c| c.name.as_str()));
            rename(&mut status.init_container_statuses, base.spec.init_containers.iter().map(|c| c.name.as_str()));
        }
        base.status = status;
        return;
    }
    base.status.pod_ip.fill(lesser.status.pod_ip);
    base.status.start_time.fill(lesser.status.start_time);
    base.status.reason.fill(lesser.status.reason);
    base.status.nominated_node_name.fill(lesser.status.nominated_node_name);
}

/// Rows of tables do not name their containers.
pub(super) fn rename<'a>(statuses: &mut [ContainerStatus], names: impl Iterator<Item = &'a str>) {
    for (status, name) in statuses.iter_mut().zip(names) {
        name.clone_into(&mut status.name);
    }
}

/// Claims tell of their pods one by one, without the names of the volumes.
pub(super) fn volumes(base: &mut Vec<Volume>, lesser: Vec<Volume>) {
    for volume in lesser {
        let claim = volume.persistent_volume_claim.as_ref().map(|c| &c.claim_name);
        let known = base.iter().any(|b| {
            b.name == volume.name
                || (claim.is_some() && b.persistent_volume_claim.as_ref().map(|c| &c.claim_name) == claim)
        });
        if !known {
            base.push(volume);
        }
    }
}

fn pod_spec(base: &mut PodSpec, lesser: PodSpec) {
    base.node_name.fill(lesser.node_name);
    base.service_account_name.fill(lesser.service_account_name);
    base.priority_class_name.fill(lesser.priority_class_name);
    if base.containers.is_empty() {
        base.containers = lesser.containers;
    } else if let ([all], true) =
        (&lesser.containers[..], base.containers.iter().all(|c| c.resources.requests.is_empty()))
        && all.name.is_empty()
        && let Some(first) = base.containers.first_mut()
    {
        // what the node says the pod asks for is the sum over its containers
        first.resources.requests.fill(all.resources.requests.clone());
        first.resources.limits.fill(all.resources.limits.clone());
    }
    base.init_containers.fill(lesser.init_containers);
    volumes(&mut base.volumes, lesser.volumes);
    base.tolerations.fill(lesser.tolerations);
}

fn template(base: &mut Template, lesser: Template) {
    base.metadata.labels.fill(lesser.metadata.labels);
    pod_spec(&mut base.spec, lesser.spec);
}

fn workload(base: &mut WorkloadSpec, lesser: WorkloadSpec) {
    base.replicas.fill(lesser.replicas);
    if base.selector.is_empty() {
        base.selector = lesser.selector;
    }
    template(&mut base.template, lesser.template);
    base.volume_claim_templates.fill(lesser.volume_claim_templates);
}

/// Describe texts do not count ready pods; tables do.
fn counts(base: &mut WorkloadStatus, lesser: WorkloadStatus, details: (Detail, Detail)) {
    if *base == WorkloadStatus::default() {
        *base = lesser;
        return;
    }
    if details == (Detail::Describe, Detail::Row) {
        // only deployments tell what is available, together with what is not
        if base.available_replicas == base.ready_replicas && base.unavailable_replicas == 0 {
            base.available_replicas = lesser.available_replicas;
        }
        base.ready_replicas = lesser.ready_replicas;
        if base.updated_replicas == 0 {
            base.updated_replicas = lesser.updated_replicas;
        }
    }
    base.conditions.fill(lesser.conditions);
}

fn node(base: &mut Node, lesser: Node) {
    base.metadata.fill(lesser.metadata);
    base.spec.unschedulable.fill(lesser.spec.unschedulable);
    base.spec.taints.fill(lesser.spec.taints);
    base.status.conditions.fill(lesser.status.conditions);
    base.status.capacity.fill(lesser.status.capacity);
    base.status.allocatable.fill(lesser.status.allocatable);
    let (info, other) = (&mut base.status.node_info, lesser.status.node_info);
    info.kubelet_version.fill(other.kubelet_version);
    info.container_runtime_version.fill(other.container_runtime_version);
    info.kernel_version.fill(other.kernel_version);
    info.os_image.fill(other.os_image);
}

fn service(base: &mut Service, lesser: Service) {
    base.metadata.fill(lesser.metadata);
    base.spec.selector.fill(lesser.spec.selector);
    base.spec.kind.fill(lesser.spec.kind);
    base.spec.cluster_ip.fill(lesser.spec.cluster_ip);
    base.spec.external_name.fill(lesser.spec.external_name);
    base.spec.ports.fill(lesser.spec.ports);
    base.status.load_balancer.ingress.fill(lesser.status.load_balancer.ingress);
}
