//! What follows from several texts together: owners by name, the scheduler's reason from its event, container names.

use std::collections::{HashMap, HashSet};

use rootline_objects::{Condition, Event, Job, LogTail, Object, ObjectRef, OwnerRef, Pod};

use super::found::Detail;
use super::templates;

/// Characters of the suffixes that Kubernetes draws. Source: apimachinery `util/rand`.
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

pub(super) fn all(objects: &mut [(Detail, Object)], events: &mut [Event], logs: &[LogTail]) {
    owners(objects);
    reasons(objects, events);
    endpoint_targets(objects);
    templates::fill(objects, events, logs);
}

/// Tables do not tell owners; names and labels do, where the owner is known or the label leaves no doubt.
fn owners(objects: &mut [(Detail, Object)]) {
    let mut known: HashSet<(&'static str, String, String)> = HashSet::new();
    for (_, o) in objects.iter() {
        if matches!(o.kind(), "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob") {
            known.insert((o.kind(), o.metadata().namespace.clone(), o.metadata().name.clone()));
        }
    }
    for (detail, object) in objects.iter_mut() {
        if *detail > Detail::Row || !object.metadata().owner_references.is_empty() {
            continue;
        }
        let meta = object.metadata();
        let has = |kind: &'static str, name: &str| known.contains(&(kind, meta.namespace.clone(), name.to_owned()));
        let hash = meta.labels.get("pod-template-hash");
        let owner = match object.kind() {
            "Pod" => pod_owner(&meta.name, hash, meta.labels.get("job-name"), &has),
            "ReplicaSet" => {
                let (base, tail) = meta.name.rsplit_once('-').unwrap_or_default();
                (has("Deployment", base) && (hash == Some(tail) || is_hash(tail)))
                    .then(|| ("Deployment", base.to_owned()))
            }
            "Job" => {
                let (base, tail) = meta.name.rsplit_once('-').unwrap_or_default();
                (has("CronJob", base) && tail.bytes().all(|b| b.is_ascii_digit())).then(|| ("CronJob", base.to_owned()))
            }
            _ => None,
        };
        if let Some((kind, name)) = owner {
            object.metadata_mut().owner_references.push(OwnerRef {
                kind: kind.to_owned(),
                name,
                controller: Some(true),
                ..OwnerRef::default()
            });
        }
    }
}

fn pod_owner(
    name: &str,
    hash: Option<&str>,
    job: Option<&str>,
    has: &dyn Fn(&'static str, &str) -> bool,
) -> Option<(&'static str, String)> {
    if let Some(job) = job {
        return Some(("Job", job.to_owned()));
    }
    let (base, tail) = name.rsplit_once('-')?;
    if tail.len() == 5 && drawn(tail) {
        let labelled = hash.is_some_and(|h| base.rsplit_once('-').is_some_and(|(_, t)| t == h));
        if labelled || has("ReplicaSet", base) {
            return Some(("ReplicaSet", base.to_owned()));
        }
        for kind in ["DaemonSet", "Job"] {
            if has(kind, base) {
                return Some((kind, base.to_owned()));
            }
        }
        // the replica set was not pasted; the deployment stands for it
        let (deployment, middle) = base.rsplit_once('-')?;
        return (is_hash(middle) && has("Deployment", deployment)).then(|| ("Deployment", deployment.to_owned()));
    }
    (tail.bytes().all(|b| b.is_ascii_digit()) && has("StatefulSet", base)).then(|| ("StatefulSet", base.to_owned()))
}

fn drawn(text: &str) -> bool {
    text.bytes().all(|b| SUFFIX.contains(&b))
}

/// The hash of a pod template: up to ten drawn characters.
pub(super) fn is_hash(text: &str) -> bool {
    (5..=10).contains(&text.len()) && drawn(text)
}

/// Describe texts show conditions without reasons; scheduler and job controller say the same in their events.
fn reasons(objects: &mut [(Detail, Object)], events: &[Event]) {
    let mut told: HashMap<(&str, &str, &str), &Event> = HashMap::new();
    for event in events {
        if matches!(event.reason.as_str(), "FailedScheduling" | "BackoffLimitExceeded" | "DeadlineExceeded") {
            let about = &event.involved_object;
            let slot = told.entry((&about.kind, &about.namespace, &about.name)).or_insert(event);
            if event.last_seen() >= slot.last_seen() {
                *slot = event;
            }
        }
    }
    if told.is_empty() {
        return;
    }
    for (detail, object) in objects.iter_mut() {
        let meta = object.metadata();
        let event = told.get(&(object.kind(), meta.namespace.as_str(), meta.name.as_str())).copied();
        let Some(event) = event else { continue };
        match object {
            Object::Pod(pod) if *detail < Detail::Full => unschedulable(pod, event),
            Object::Job(job) if event.reason != "FailedScheduling" => failed(job, event),
            _ => {}
        }
    }
}

fn unschedulable(pod: &mut Pod, event: &Event) {
    if pod.status.phase != "Pending" || !pod.spec.node_name.is_empty() || event.reason != "FailedScheduling" {
        return;
    }
    if !pod.status.conditions.iter().any(|c| c.kind == "PodScheduled") {
        pod.status.conditions.push(Condition {
            kind: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            ..Condition::default()
        });
    }
    for condition in pod.status.conditions.iter_mut().filter(|c| c.is("PodScheduled", "False") && c.reason.is_empty()) {
        "Unschedulable".clone_into(&mut condition.reason);
        condition.message.clone_from(&event.message);
        condition.last_transition_time = event.first_seen();
    }
}

fn failed(job: &mut Job, event: &Event) {
    if job.status.conditions.iter().all(|c| c.kind == "Failed" && c.reason.is_empty()) {
        job.status.conditions = vec![Condition {
            kind: "Failed".to_owned(),
            status: "True".to_owned(),
            reason: event.reason.clone(),
            message: event.message.clone(),
            last_transition_time: event.last_seen(),
            ..Condition::default()
        }];
    }
}

/// Addresses of endpoints are addresses of pods, where exactly one pod has them.
fn endpoint_targets(objects: &mut [(Detail, Object)]) {
    let mut by_ip: HashMap<String, Option<(String, String)>> = HashMap::new();
    for (_, o) in objects.iter() {
        if let Object::Pod(pod) = o
            && !pod.status.pod_ip.is_empty()
            && !pod.is_finished()
        {
            let name = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
            let slot = by_ip.entry(pod.status.pod_ip.clone()).or_insert(Some(name.clone()));
            // pods of the host network share the node's address
            if slot.as_ref().is_some_and(|s| *s != name) {
                *slot = None;
            }
        }
    }
    for (_, o) in objects.iter_mut() {
        let Object::EndpointSlice(slice) = o else { continue };
        for endpoint in slice.endpoints.iter_mut().filter(|e| e.target_ref.is_none()) {
            let pod = endpoint.addresses.first().and_then(|a| by_ip.get(a)).and_then(Option::as_ref);
            if let Some((namespace, name)) = pod.filter(|(n, _)| *n == slice.metadata.namespace) {
                endpoint.target_ref = Some(ObjectRef {
                    kind: "Pod".to_owned(),
                    namespace: namespace.clone(),
                    name: name.clone(),
                    ..ObjectRef::default()
                });
            }
        }
    }
}
