//! Workloads that have fewer pods than they want, and pods that are not ready.
//!
//! *What it finds*: symptoms: replicas short, pods not ready, an ordered stateful set that waits; facts: scaled to zero
//! while somebody needs it, the controller manager does not follow. *Evidence used*: spec and status, pods. *What can
//! fool it*: rollouts under way, young pods, finished jobs.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{WorkloadView, World};

use crate::Detector;
use crate::starting::{GRACE_S, is_active, is_overdue, settled};
use crate::traffic::field;

/// Lines of an unready pod that are searched for what it cannot reach.
const LINES_MAX: usize = 50;

pub(crate) struct Workloads;

impl Detector for Workloads {
    fn name(&self) -> &'static str {
        "replicas of workloads"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for workload in world.workloads().filter(|w| w.entity.kind != Kind::Job) {
            looked_at += 1;
            out.extend(short(world, &workload));
        }
        for set in &world.stateful_sets {
            out.extend(ordered_stall(world, set));
            out.extend(governing_service(world, set));
        }
        for set in &world.daemon_sets {
            out.extend(misscheduled(set));
        }
        looked_at
    }
}

pub(crate) struct PodReadiness;

impl Detector for PodReadiness {
    fn name(&self) -> &'static str {
        "pod readiness"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for pod in world.pods.iter().filter(|p| is_active(p) && has_status(p)) {
            looked_at += 1;
            if !is_overdue(world, pod) {
                continue;
            }
            let me = EntityRef::pod(pod.namespace(), pod.name());
            let ready = pod.condition("Ready");
            let waiting = pod
                .containers()
                .filter_map(|(_, status, _)| status?.state.waiting.as_ref())
                .map(|w| w.reason.as_str())
                .find(|r| !r.is_empty());
            let reason =
                waiting.or(ready.map(|c| c.reason.as_str()).filter(|r| !r.is_empty())).unwrap_or(&pod.status.phase);
            let since = ready.and_then(|c| c.last_transition_time.0).or(pod.metadata.creation_timestamp.0);
            let mut finding = Finding::new("pod.not_ready", me.clone())
                .since(since)
                .arg("phase", pod.status.phase.clone())
                .arg("reason", reason)
                .arg("workload", world.workload_of(pod).to_string());
            finding = finding.evidence(match ready {
                Some(c) => Evidence::Condition {
                    object: me,
                    condition: c.kind.clone(),
                    status: c.status.clone(),
                    reason: c.reason.clone(),
                    message: c.message.clone(),
                    since: c.last_transition_time.0,
                },
                None => field(&me, "status.phase", pod.status.phase.clone()),
            });
            for other in blamed(world, pod) {
                finding = finding.about(other);
            }
            out.push(finding);
        }
        looked_at
    }
}

/// What an unready pod's log says it cannot reach.
pub(crate) fn blamed(world: &World, pod: &o::Pod) -> Vec<EntityRef> {
    let mut found = Vec::new();
    for tail in world.logs_of(pod.namespace(), pod.name()) {
        let told = tail.lines.iter().rev().take(LINES_MAX).filter(|l| crate::complaints::trouble_of(l).is_some());
        for target in told.filter_map(|l| crate::logs_hosts::target_of(world, pod.namespace(), l)) {
            found.extend(target.entity().filter(|e| e.kind != Kind::External && !found.contains(*e)).cloned());
        }
    }
    found.truncate(3);
    found
}

/// A pod that a text only names in passing (the pods of a described node) has no status to judge by.
fn has_status(pod: &o::Pod) -> bool {
    let status = &pod.status;
    !status.phase.is_empty() || !status.conditions.is_empty() || !status.container_statuses.is_empty()
}

/// Fewer ready pods than wanted, for longer than a start takes.
fn short(world: &World, workload: &WorkloadView<'_>) -> Option<Finding> {
    let code = match workload.entity.kind {
        Kind::Deployment => "deployment.replicas_short",
        Kind::StatefulSet => "statefulset.replicas_short",
        Kind::DaemonSet => "daemonset.replicas_short",
        Kind::ReplicaSet => "replicaset.replicas_short",
        _ => return None,
    };
    if workload.ready >= workload.desired || !settled(world, workload.metadata) || is_paused(world, &workload.entity) {
        return None;
    }
    if world.is_listed(Kind::Pod, &workload.entity.namespace) {
        // pods that are on their way are no shortage: a rollout, a rescale
        let mut overdue = 0;
        let mut young = 0;
        for pod in world.pods_of(&workload.entity).filter(|p| is_active(p) && !p.is_ready()) {
            if is_overdue(world, pod) {
                overdue += 1;
            } else {
                young += 1;
            }
        }
        if overdue == 0 && (young > 0 || changed_lately(world, &workload.entity)) {
            return None;
        }
    }
    let available = workload.conditions.iter().find(|c| c.kind == "Available" && c.status == "False");
    let since = available.and_then(|c| c.last_transition_time.0);
    let mut finding = Finding::new(code, workload.entity.clone())
        .since(since)
        .arg("desired", workload.desired.to_string())
        .arg("ready", workload.ready.to_string())
        .evidence(Evidence::Arithmetic {
            object: workload.entity.clone(),
            what: "pods".to_owned(),
            left: format!("ready {}", workload.ready),
            relation: "<".to_owned(),
            right: format!("desired {}", workload.desired),
        });
    for other in world.pods_of(&workload.entity).filter(|p| is_overdue(world, p)).take(2).flat_map(|p| blamed(world, p))
    {
        finding = finding.about(other);
    }
    for condition in workload.conditions.iter().filter(|c| c.kind == "ReplicaFailure" && c.status == "True") {
        finding = finding.evidence(Evidence::Condition {
            object: workload.entity.clone(),
            condition: condition.kind.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.0,
        });
    }
    Some(finding)
}

fn is_paused(world: &World, workload: &EntityRef) -> bool {
    workload.kind == Kind::Deployment
        && world.deployments.get(&workload.namespace, &workload.name).is_some_and(|d| d.spec.paused == Some(true))
        && world.pods_of(workload).filter(|p| is_active(p)).all(o::Pod::is_ready)
}

/// A replica set of the workload, or one of its pods, was made a moment ago.
fn changed_lately(world: &World, workload: &EntityRef) -> bool {
    let lately = |m: &o::Meta| world.age_s(m.creation_timestamp).is_some_and(|s| s < GRACE_S);
    world.pods_of(workload).any(|p| lately(&p.metadata))
        || world
            .replica_sets
            .iter()
            .filter(|r| r.namespace() == &*workload.namespace && lately(&r.metadata))
            .any(|r| r.metadata.controller().is_some_and(|c| c.name == *workload.name))
}

/// Ordinal i is not ready, so i+1 is not even created.
fn ordered_stall(world: &World, set: &o::StatefulSet) -> Option<Finding> {
    let me = EntityRef::new(Kind::StatefulSet, set.namespace(), set.name());
    let desired = set.spec.replicas.unwrap_or(1);
    if set.spec.pod_management_policy == "Parallel" || !world.is_listed(Kind::Pod, set.namespace()) {
        return None;
    }
    let pods: Vec<&o::Pod> = world.pods_of(&me).filter(|p| p.metadata.deletion_timestamp.0.is_none()).collect();
    let ordinal = |p: &o::Pod| p.name().rsplit_once('-').and_then(|(_, n)| n.parse::<i64>().ok());
    let blocking = pods.iter().filter(|p| is_overdue(world, p)).min_by_key(|p| ordinal(p))?;
    let held = desired - i64::try_from(pods.len()).unwrap_or(desired);
    (held > 0).then(|| {
        let pod = EntityRef::pod(blocking.namespace(), blocking.name());
        Finding::new("statefulset.ordered_stall", me.clone())
            .arg("pod", blocking.name())
            .arg("held", held.to_string())
            .arg("desired", desired.to_string())
            .about(pod)
            .evidence(Evidence::Arithmetic {
                object: me,
                what: "pods".to_owned(),
                left: format!("created {}", pods.len()),
                relation: "<".to_owned(),
                right: format!("desired {desired}"),
            })
    })
}

/// The headless service that gives the pods their names is not there.
fn governing_service(world: &World, set: &o::StatefulSet) -> Option<Finding> {
    let name = set.spec.service_name.as_str();
    let service = EntityRef::new(Kind::Service, set.namespace(), name);
    if name.is_empty() || !world.is_absent(&service) {
        return None;
    }
    let me = EntityRef::new(Kind::StatefulSet, set.namespace(), set.name());
    let mid = format!(".{name}");
    // somebody uses the names that only this service would give
    let used = world.calls.iter().find(|c| {
        let host = c.address.host.as_str();
        c.caller.namespace == me.namespace
            && host
                .split_once(&mid)
                .is_some_and(|(pod, rest)| pod.starts_with(set.name()) && (rest.is_empty() || rest.starts_with('.')))
    });
    let unready = world.pods_of(&me).any(|p| is_overdue(world, p));
    let code = if used.is_some() || unready { "statefulset.service_missing" } else { "statefulset.service_absent" };
    let mut finding = Finding::new(code, me.clone())
        .nats(if used.is_some() { 3.0 } else { 1.0 })
        .arg("service", name)
        .about(service.clone())
        .evidence(Evidence::Absent { object: service, referred_by: me });
    if let Some(site) = used {
        finding = finding.about(site.caller.clone()).evidence(crate::traffic::site_evidence(site));
    }
    Some(finding)
}

fn misscheduled(set: &o::DaemonSet) -> Option<Finding> {
    let count = set.status.number_misscheduled;
    (count > 0).then(|| {
        let me = EntityRef::new(Kind::DaemonSet, set.namespace(), set.name());
        Finding::new("daemonset.misscheduled", me.clone()).arg("count", count.to_string()).evidence(field(
            &me,
            "status.numberMisscheduled",
            count.to_string(),
        ))
    })
}
