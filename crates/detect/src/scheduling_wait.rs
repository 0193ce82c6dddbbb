//! Pods that wait without a verdict: gated, with no scheduler at work, or pushed out by others; and autoscalers that
//! cannot help.
//!
//! **What it finds** scheduling gates, pods no scheduler has looked at for a minute, preempted pods, failed scale-ups.
//! **Why it matters** such pods have no FailedScheduling event: everything looks quiet while nothing starts.
//! **Evidence used** pod spec and conditions, events, the scheduler's lease and component status.
//! **How to confirm by hand** `kubectl get pod -o jsonpath={.spec.schedulingGates}`, `kubectl -n kube-system get lease`.
//! **What can fool it** pasted text without events or conditions: silence is then no evidence.
//! **Source** failure-modes rows 15–17, 24.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::{event_evidence, is_unscheduled, pod_ref};
use crate::scheduling::Verdict;

/// A scheduler answers within seconds; row 16 of the catalogue of failure modes names one minute.
const SILENCE_S: i64 = 60;
/// The scheduler renews its lease every 2 s and loses it after 15 s (client-go defaults); four times that is no hiccup.
const LEASE_STALE_S: i64 = 60;

pub(crate) struct SchedulingWait;

impl Detector for SchedulingWait {
    fn name(&self) -> &'static str {
        "pods without a scheduler's verdict"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut done: BTreeMap<(EntityRef, &'static str), usize> = BTreeMap::new();
        for pod in world.pods.iter().filter(|p| is_unscheduled(p)) {
            let mut found = Vec::new();
            gated(pod, &mut found);
            if found.is_empty() {
                silent(world, pod, &mut found);
            }
            autoscaler(world, pod, &mut found);
            for finding in found {
                let code = crate::doc_of(finding.code.as_str()).map_or("", |d| d.code);
                // one pod speaks for its workload
                let n = done.entry((world.workload_of(pod), code)).or_default();
                *n += 1;
                if *n == 1 {
                    out.push(finding);
                }
            }
        }
        preempted(world, out);
        world.pods.len()
    }
}

fn gated(pod: &o::Pod, out: &mut Vec<Finding>) {
    if pod.spec.scheduling_gates.is_empty() {
        return;
    }
    let gates = pod.spec.scheduling_gates.iter().map(|g| g.name.as_str()).collect::<Vec<_>>().join(", ");
    let field = Evidence::Field { object: pod_ref(pod), path: "spec.schedulingGates".into(), value: gates.clone() };
    out.push(
        Finding::new("pod.unschedulable.gated", pod_ref(pod))
            .nats(4.0)
            .since(pod.metadata.creation_timestamp.0)
            .arg("gates", gates)
            .evidence(field),
    );
}

fn silent(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    let old_enough = world.age_s(pod.metadata.creation_timestamp).is_some_and(|age| age > SILENCE_S);
    let spoke = world.events_of(&pod_ref(pod)).any(|e| e.reason == "FailedScheduling" || e.reason == "Scheduled");
    let judged = pod.condition("PodScheduled").is_some() || Verdict::of(world, pod).is_some();
    let whole_object = !pod.spec.containers.is_empty();
    if !old_enough || spoke || judged || !whole_object {
        return;
    }
    let name = if pod.spec.scheduler_name.is_empty() { "default-scheduler" } else { pod.spec.scheduler_name.as_str() };
    let finding =
        |code| Finding::new(code, pod_ref(pod)).since(pod.metadata.creation_timestamp.0).arg("scheduler", name);
    let field = Evidence::Field { object: pod_ref(pod), path: "spec.schedulerName".into(), value: name.into() };
    if name != "default-scheduler" {
        // a second scheduler that placed other pods is merely down; one that placed none is likely a wrong name
        let serves = world.pods.iter().any(|p| p.spec.scheduler_name == name && !p.spec.node_name.is_empty());
        let nats = if serves { 3.0 } else { 4.0 };
        out.push(finding("pod.unschedulable.scheduler_name").nats(nats).evidence(field));
        return;
    }
    let (component, evidence) = scheduler(world);
    let nats = if evidence.is_some() { 4.0 } else { 3.0 };
    let mut found = finding("pod.unschedulable.no_scheduler").nats(nats).about(component).evidence(field);
    found.evidence.extend(evidence);
    out.push(found);
}

/// The scheduler and, where it can be seen, the proof that it is down.
fn scheduler(world: &World) -> (EntityRef, Option<Evidence>) {
    let stated = world.components.iter().find(|c| c.component == "kube-scheduler" && c.running == Some(false));
    if let Some(status) = stated {
        let object = EntityRef::component(&status.node, "kube-scheduler");
        let text = crate::create_state::clip(&status.text, 300);
        return (object.clone(), Some(Evidence::Quote { object, source: "systemctl status".into(), text }));
    }
    let object = EntityRef::component("", "kube-scheduler");
    let stale = world.leases.get("kube-system", "kube-scheduler").and_then(|lease| {
        let age = world.age_s(lease.spec.renew_time)?;
        (age > LEASE_STALE_S).then(|| Evidence::Field {
            object: EntityRef::new(Kind::Lease, "kube-system", "kube-scheduler"),
            path: "spec.renewTime".into(),
            value: lease.spec.renew_time.0.map(|t| t.to_string()).unwrap_or_default(),
        })
    });
    (object, stale)
}

fn autoscaler(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    for event in world.events_of(&pod_ref(pod)).rev() {
        let code = match event.reason.as_str() {
            "NotTriggerScaleUp" => "autoscaler.no_scale_up",
            "FailedScaleUp" | "ScaleUpFailed" => "autoscaler.scale_up_failed",
            _ => continue,
        };
        let nats = if code == "autoscaler.scale_up_failed" { 3.0 } else { 1.5 };
        let finding =
            Finding::new(code, pod_ref(pod)).nats(nats).since(event.first).arg("message", event.message.as_str());
        out.push(finding.evidence(event_evidence(event)));
        return;
    }
}

/// Pods pushed out by pods of higher priority, while their workload still waits for a place.
fn preempted(world: &World, out: &mut Vec<Finding>) {
    let by_condition = world.pods.iter().filter_map(|p| {
        let c =
            p.condition("DisruptionTarget").filter(|c| c.status == "True" && c.reason == "PreemptionByScheduler")?;
        Some((pod_ref(p), c.message.clone(), c.last_transition_time.0, None))
    });
    let by_event = world.events().iter().filter(|e| e.reason == "Preempted" && e.entity.kind == Kind::Pod);
    let by_event = by_event.map(|e| (e.entity.clone(), e.message.clone(), e.last, Some(e)));
    let mut seen = Vec::new();
    for (victim, message, when, event) in by_condition.chain(by_event) {
        let workload = owner_of(world, &victim);
        let waits = world.pods_of(&workload).any(is_unscheduled);
        if !waits || seen.contains(&workload) {
            continue;
        }
        // the finding stands on a pod that waits: the victim itself may be gone
        let Some(waiting) = world.pods_of(&workload).find(|p| is_unscheduled(p)) else { continue };
        let mut finding = Finding::new("pod.preempted", pod_ref(waiting))
            .nats(3.0)
            .since(when)
            .arg("victim", &*victim.name)
            .arg("message", message);
        if let Some(event) = event {
            finding = finding.evidence(event_evidence(event));
        }
        out.push(finding);
        seen.push(workload);
    }
}

/// The workload of a pod that may be gone: by the name of a sibling, for a deployment's pods differ in their ends only.
fn owner_of(world: &World, pod: &EntityRef) -> EntityRef {
    if world.exists(pod) {
        return world.top_of(pod);
    }
    let stem = pod.name.rsplit_once('-').map_or(&*pod.name, |(stem, _)| stem);
    world
        .pods
        .iter()
        .filter(|p| p.namespace() == &*pod.namespace)
        .find(|p| p.name().rsplit_once('-').is_some_and(|(s, _)| s == stem))
        .map_or_else(|| pod.clone(), |p| world.workload_of(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{codes, world};

    fn pod(born: &str, spec: &str, status: &str) -> String {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"a","namespace":"shop","creationTimestamp":"2026-06-01T{born}Z"}},
            "spec":{{"containers":[{{"name":"c"}}]{spec}}},"status":{{"phase":"Pending"{status}}}}}"#
        )
    }

    #[test]
    fn silence_is_told_only_when_it_is_long_and_real() {
        let judged = r#","conditions":[{"type":"PodScheduled","status":"False","message":"x"}]"#;
        for (document, want) in [
            (pod("11:50:00", "", ""), &["pod.unschedulable.no_scheduler@pod/shop/a"][..]),
            (pod("11:59:40", "", ""), &[]),
            (pod("11:50:00", "", judged), &[]),
            (pod("11:50:00", r#","schedulerName":"other""#, ""), &["pod.unschedulable.scheduler_name@pod/shop/a"]),
            (pod("11:50:00", r#","schedulingGates":[{"name":"g"}]"#, ""), &["pod.unschedulable.gated@pod/shop/a"]),
        ] {
            assert_eq!(codes(&SchedulingWait, &world(&[&document])), want, "{document}");
        }
    }
}
