//! What changed between two states of one object, in words that an incident needs. Pure.
//!
//! Only what somebody or some controller decided is a change: specs, cordons, taints, conditions of nodes, targets. The
//! daily life of pods is not. Values of environment variables are never kept, they may be secrets.

mod network;
mod template;

use rootline_model::{Change, ChangeKind, EntityRef, Kind, Timestamp};
use rootline_objects::{CronJob, Hpa, Meta, Node, Object, Quota, Time, WorkloadSpec};

/// Taints that the node lifecycle controller derives from conditions and from `spec.unschedulable`: no second news.
/// Source: k8s.io/api core/v1 `well_known_taints.go`.
const DERIVED_TAINTS: [&str; 7] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/network-unavailable",
];

/// The changes from one state of an object to the next; `None` before it was there or after it is gone. `at` is when the
/// new state was seen.
pub fn changes(old: Option<&Object>, new: Option<&Object>, at: Timestamp) -> Vec<Change> {
    let Some(some) = new.or(old) else { return Vec::new() };
    let Some(kind) = Kind::parse(some.kind()) else { return Vec::new() };
    let meta = some.metadata();
    let mut found = Found { entity: EntityRef::new(kind, &meta.namespace, &meta.name), at, changes: Vec::new() };
    match (old, new) {
        (Some(old), Some(new)) if old.metadata().uid != new.metadata().uid => {
            // deleted and made again under the same name between two looks
            found.gone(old);
            found.came(new);
        }
        (Some(old), Some(new)) => found.between(old, new),
        (None, Some(new)) => found.came(new),
        (Some(old), None) => found.gone(old),
        (None, None) => {}
    }
    found.changes
}

/// That the content of a config map or secret is another one.
pub(super) fn content(object: &Object, at: Timestamp) -> Option<Change> {
    let kind = Kind::parse(object.kind())?;
    let entity = EntityRef::new(kind, &object.metadata().namespace, &object.metadata().name);
    let (part, from, to) = Default::default();
    Some(Change { at, entity, what: ChangeKind::Content, part, from, to })
}

pub(super) struct Found {
    entity: EntityRef,
    at: Timestamp,
    changes: Vec<Change>,
}

impl Found {
    pub fn add(&mut self, what: ChangeKind, part: impl Into<String>, from: impl Into<String>, to: impl Into<String>) {
        let at = self.at;
        self.add_at(at, what, part.into(), (from.into(), to.into()));
    }

    fn add_at(&mut self, at: Timestamp, what: ChangeKind, part: String, (from, to): (String, String)) {
        self.changes.push(Change { at, entity: self.entity.clone(), what, part, from, to });
    }

    /// A change of a plain value, if it is one.
    pub fn value<T: PartialEq + ToString>(&mut self, what: ChangeKind, part: &str, old: &T, new: &T) {
        if old != new {
            self.add(what, part, old.to_string(), new.to_string());
        }
    }

    /// That something with too many parts to tell is another one.
    fn policy<T: PartialEq>(&mut self, old: &T, new: &T) {
        if old != new {
            self.add(ChangeKind::Policy, "", "", "");
        }
    }

    fn came(&mut self, new: &Object) {
        if is_told(new) {
            let at = new.metadata().creation_timestamp.0.unwrap_or(self.at);
            self.add_at(at, ChangeKind::Created, String::new(), (String::new(), template::images(new)));
        }
    }

    fn gone(&mut self, old: &Object) {
        if is_told(old) {
            self.add(ChangeKind::Deleted, "", "", "");
        }
    }

    fn between(&mut self, old: &Object, new: &Object) {
        let generations = (old.metadata(), new.metadata());
        match (old, new) {
            (Object::Deployment(a), Object::Deployment(b)) => self.workload(generations, &a.spec, &b.spec),
            (Object::StatefulSet(a), Object::StatefulSet(b)) => self.workload(generations, &a.spec, &b.spec),
            (Object::DaemonSet(a), Object::DaemonSet(b)) => self.workload(generations, &a.spec, &b.spec),
            (Object::CronJob(a), Object::CronJob(b)) => self.cron_job(a, b),
            (Object::Job(a), Object::Job(b)) => self.suspension(a.spec.suspend, b.spec.suspend),
            (Object::Node(a), Object::Node(b)) => self.node(a, b),
            (Object::Hpa(a), Object::Hpa(b)) => self.autoscaler(a, b),
            (Object::Quota(a), Object::Quota(b)) => self.quota(a, b),
            (Object::Service(a), Object::Service(b)) => network::service(self, a, b),
            (Object::Ingress(a), Object::Ingress(b)) => network::ingress(self, a, b),
            (Object::Route(a), Object::Route(b)) => network::route(self, a, b),
            (Object::Gateway(a), Object::Gateway(b)) => self.policy(&a.spec, &b.spec),
            (Object::NetworkPolicy(a), Object::NetworkPolicy(b)) => self.policy(&a.spec, &b.spec),
            (Object::LimitRange(a), Object::LimitRange(b)) => self.policy(&a.spec, &b.spec),
            (Object::Pdb(a), Object::Pdb(b)) => self.policy(&a.spec, &b.spec),
            (Object::ApiService(a), Object::ApiService(b)) => self.policy(&a.spec, &b.spec),
            (Object::ValidatingWebhook(a), Object::ValidatingWebhook(b))
            | (Object::MutatingWebhook(a), Object::MutatingWebhook(b)) => self.policy(&a.webhooks, &b.webhooks),
            (Object::ConfigMap(a), Object::ConfigMap(b)) if a.data.is_some() && a.data != b.data => {
                self.add(ChangeKind::Content, "", "", "");
            }
            _ => {}
        }
    }

    fn workload(&mut self, (old_meta, new_meta): (&Meta, &Meta), old: &WorkloadSpec, new: &WorkloadSpec) {
        if let (Some(from), Some(to)) = (old.replicas, new.replicas) {
            self.value(ChangeKind::Scale, "", &from, &to);
        }
        match (old.paused.unwrap_or(false), new.paused.unwrap_or(false)) {
            (false, true) => self.add(ChangeKind::Paused, "", "", ""),
            (true, false) => self.add(ChangeKind::Resumed, "", "", ""),
            _ => {}
        }
        let generation = |meta: &Meta| meta.generation.map(|g| g.to_string()).unwrap_or_default();
        template::diff(self, (generation(old_meta), generation(new_meta)), &old.template, &new.template);
    }

    fn cron_job(&mut self, old: &CronJob, new: &CronJob) {
        self.value(ChangeKind::Schedule, "", &old.spec.schedule, &new.spec.schedule);
        self.suspension(old.spec.suspend, new.spec.suspend);
        let none = || (String::new(), String::new());
        template::diff(self, none(), &old.spec.job_template.spec.template, &new.spec.job_template.spec.template);
    }

    fn suspension(&mut self, old: Option<bool>, new: Option<bool>) {
        match (old.unwrap_or(false), new.unwrap_or(false)) {
            (false, true) => self.add(ChangeKind::Suspended, "", "", ""),
            (true, false) => self.add(ChangeKind::Unsuspended, "", "", ""),
            _ => {}
        }
    }

    fn node(&mut self, old: &Node, new: &Node) {
        match (old.spec.unschedulable.unwrap_or(false), new.spec.unschedulable.unwrap_or(false)) {
            (false, true) => self.add(ChangeKind::Cordoned, "", "", ""),
            (true, false) => self.add(ChangeKind::Uncordoned, "", "", ""),
            _ => {}
        }
        let taints = |node: &Node| -> Vec<String> {
            let own = node.spec.taints.iter().filter(|t| !DERIVED_TAINTS.contains(&t.key.as_str()));
            own.map(|t| {
                if t.value.is_empty() {
                    format!("{}:{}", t.key, t.effect)
                } else {
                    format!("{}={}:{}", t.key, t.value, t.effect)
                }
            })
            .collect()
        };
        let (had, has) = (taints(old), taints(new));
        for taint in has.iter().filter(|t| !had.contains(t)) {
            self.add(ChangeKind::TaintAdded, taint, "", "");
        }
        for taint in had.iter().filter(|t| !has.contains(t)) {
            self.add(ChangeKind::TaintRemoved, taint, "", "");
        }
        for condition in &new.status.conditions {
            let before = old.condition(&condition.kind).map(|c| c.status.clone());
            if let Some(before) = before.filter(|b| *b != condition.status) {
                let at = condition.last_transition_time.0.unwrap_or(self.at);
                let to = condition.status.clone();
                self.add_at(at, ChangeKind::NodeCondition, condition.kind.clone(), (before, to));
            }
        }
        let (a, b) = (&old.status.node_info, &new.status.node_info);
        for (part, from, to) in [
            ("kubelet", &a.kubelet_version, &b.kubelet_version),
            ("container runtime", &a.container_runtime_version, &b.container_runtime_version),
            ("kernel", &a.kernel_version, &b.kernel_version),
            ("operating system", &a.os_image, &b.os_image),
        ] {
            // a node that registers anew reports nothing for a moment
            if !from.is_empty() && !to.is_empty() {
                self.value(ChangeKind::NodeVersion, part, from, to);
            }
        }
    }

    fn autoscaler(&mut self, old: &Hpa, new: &Hpa) {
        let target = |h: &Hpa| format!("{}/{}", h.spec.scale_target_ref.kind, h.spec.scale_target_ref.name);
        self.value(ChangeKind::AutoscalerTarget, "", &target(old), &target(new));
        let lowest = |h: &Hpa| h.spec.min_replicas.unwrap_or(1);
        self.value(ChangeKind::AutoscalerBounds, "minReplicas", &lowest(old), &lowest(new));
        self.value(ChangeKind::AutoscalerBounds, "maxReplicas", &old.spec.max_replicas, &new.spec.max_replicas);
        let (from, to) = (old.status.desired_replicas, new.status.desired_replicas);
        // zero: it could not compute, or has not yet
        if from != to && from > 0 && to > 0 {
            let Time(scaled) = new.status.last_scale_time;
            let at = scaled.unwrap_or(self.at);
            self.add_at(at, ChangeKind::AutoscalerScaled, String::new(), (from.to_string(), to.to_string()));
        }
    }

    fn quota(&mut self, old: &Quota, new: &Quota) {
        let keys: std::collections::BTreeSet<&String> = old.spec.hard.keys().chain(new.spec.hard.keys()).collect();
        let text = |quota: &Quota, key: &str| quota.spec.hard.get(key).map(ToString::to_string).unwrap_or_default();
        for key in keys {
            self.value(ChangeKind::Quota, key, &text(old, key), &text(new, key));
        }
    }
}

/// Whose coming and going is news: what people and deployment tools make, not what controllers make of it.
fn is_told(object: &Object) -> bool {
    if object.metadata().controller().is_some() {
        return false;
    }
    match object {
        Object::Pod(_)
        | Object::ReplicaSet(_)
        | Object::EndpointSlice(_)
        | Object::Event(_)
        | Object::Lease(_)
        | Object::Csr(_)
        | Object::VolumeAttachment(_)
        | Object::CsiNode(_)
        | Object::Pv(_) => false,
        // made in every namespace by controllers of Kubernetes itself
        Object::ConfigMap(c) => c.name() != "kube-root-ca.crt",
        Object::ServiceAccount(s) => s.name() != "default",
        _ => true,
    }
}

#[cfg(test)]
mod tests;
