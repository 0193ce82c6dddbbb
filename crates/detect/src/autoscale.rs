//! Autoscalers that cannot scale.
//!
//! *What it finds*: a target that does not exist, metrics that do not come, containers without requests, selectors that
//! clash; at its upper bound; flapping. *Evidence used*: the autoscaler's own conditions and events. *How to confirm by
//! hand*: `kubectl describe hpa`. *What can fool it*: the first minutes of a pod, when there is no metric yet.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::starting::settled;
use crate::traffic::field;

pub(crate) struct Autoscalers;

/// Scale events within ten minutes that count as flapping. Starting value, see ADR-0003.
const FLAPS_MIN: u32 = 6;

impl Detector for Autoscalers {
    fn name(&self) -> &'static str {
        "autoscalers"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for hpa in &world.autoscalers {
            let me = EntityRef::new(Kind::Hpa, hpa.namespace(), hpa.name());
            match target(hpa) {
                Some(target) => out.extend(cannot(world, hpa, &me, &target)),
                None => out.extend(cannot_scale(hpa, &me, None)),
            }
            out.extend(at_bound(hpa, &me));
            out.extend(flapping(world, &me));
        }
        world.autoscalers.len()
    }
}

fn target(hpa: &o::Hpa) -> Option<EntityRef> {
    let reference = &hpa.spec.scale_target_ref;
    Kind::parse(&reference.kind).map(|k| EntityRef::new(k, hpa.namespace(), &reference.name))
}

fn condition<'h>(hpa: &'h o::Hpa, kind: &str) -> Option<&'h o::Condition> {
    hpa.status.conditions.iter().find(|c| c.kind == kind)
}

fn evidence(me: &EntityRef, c: &o::Condition) -> Evidence {
    Evidence::Condition {
        object: me.clone(),
        condition: c.kind.clone(),
        status: c.status.clone(),
        reason: c.reason.clone(),
        message: c.message.clone(),
        since: c.last_transition_time.0,
    }
}

fn cannot(world: &World, hpa: &o::Hpa, me: &EntityRef, target: &EntityRef) -> Option<Finding> {
    if world.is_absent(target) {
        let mut finding = Finding::new("hpa.target_missing", me.clone())
            .nats(4.0)
            .since(hpa.metadata.creation_timestamp.0)
            .arg("target", target.to_string())
            .about(target.clone())
            .evidence(Evidence::Absent { object: target.clone(), referred_by: me.clone() });
        if let Some(c) = condition(hpa, "AbleToScale").filter(|c| c.status == "False") {
            finding = finding.arg("message", c.message.clone()).evidence(evidence(me, c));
        }
        return Some(finding);
    }
    // a workload that was switched off has no metrics and needs none
    if world.workload(target).is_some_and(|w| w.desired == 0) {
        return None;
    }
    cannot_scale(hpa, me, Some(target)).or_else(|| no_metrics(world, hpa, me, target))
}

fn cannot_scale(hpa: &o::Hpa, me: &EntityRef, target: Option<&EntityRef>) -> Option<Finding> {
    let c = condition(hpa, "AbleToScale").filter(|c| c.status == "False")?;
    let code = match c.reason.as_str() {
        "FailedGetScale" if c.message.contains("not found") => "hpa.target_missing",
        "FailedGetScale" | "FailedUpdateScale" => "hpa.cannot_scale",
        _ => return None,
    };
    let reference = &hpa.spec.scale_target_ref;
    let name = target.map_or_else(|| format!("{} {}", reference.kind, reference.name), ToString::to_string);
    let mut finding = Finding::new(code, me.clone())
        .nats(4.0)
        .since(c.last_transition_time.0)
        .arg("target", name)
        .arg("reason", c.reason.clone())
        .arg("message", c.message.clone())
        .evidence(evidence(me, c));
    if let Some(target) = target {
        finding = finding.about(target.clone());
    }
    Some(finding)
}

fn no_metrics(world: &World, hpa: &o::Hpa, me: &EntityRef, target: &EntityRef) -> Option<Finding> {
    let c = condition(hpa, "ScalingActive").filter(|c| c.status == "False")?;
    let young = !settled(world, &hpa.metadata) || world.age_s(c.last_transition_time).is_some_and(|s| s < 120);
    if c.reason == "ScalingDisabled" || young {
        return None;
    }
    let code = match (c.reason.as_str(), c.message.as_str()) {
        (_, m) if m.contains("missing request for") => "hpa.no_requests",
        ("AmbiguousSelector", _) => "hpa.ambiguous_selector",
        ("InvalidSelector" | "InvalidMetricSourceType", _) => "hpa.cannot_scale",
        _ => "hpa.no_metrics",
    };
    // pods that are not up have no metrics: then the pods are the matter, not the metrics
    if code == "hpa.no_metrics"
        && !world.pods_of(target).any(o::Pod::is_ready)
        && world.is_listed(Kind::Pod, hpa.namespace())
    {
        return None;
    }
    let mut finding = Finding::new(code, me.clone())
        .nats(3.0)
        .since(c.last_transition_time.0)
        .arg("target", target.to_string())
        .arg("reason", c.reason.clone())
        .arg("message", c.message.clone())
        .about(target.clone())
        .evidence(evidence(me, c));
    if code == "hpa.no_metrics" {
        let api = EntityRef::wide(Kind::ApiService, metrics_api(c));
        if world
            .api_services
            .get("", &api.name)
            .is_some_and(|a| a.status.conditions.iter().any(|c| c.is("Available", "False")))
            || world.is_absent(&api)
        {
            finding = finding.about(api);
        }
    }
    Some(finding)
}

/// The API that the failing metric comes from.
fn metrics_api(c: &o::Condition) -> &'static str {
    match c.reason.as_str() {
        "FailedGetExternalMetric" => "v1beta1.external.metrics.k8s.io",
        "FailedGetPodsMetric" | "FailedGetObjectMetric" => "v1beta1.custom.metrics.k8s.io",
        _ => "v1beta1.metrics.k8s.io",
    }
}

fn at_bound(hpa: &o::Hpa, me: &EntityRef) -> Option<Finding> {
    let c = condition(hpa, "ScalingLimited").filter(|c| c.status == "True" && c.reason == "TooManyReplicas")?;
    (hpa.status.current_replicas >= hpa.spec.max_replicas && hpa.spec.max_replicas > 0).then(|| {
        Finding::new("hpa.maxed", me.clone())
            .since(c.last_transition_time.0)
            .arg("max", hpa.spec.max_replicas.to_string())
            .evidence(field(me, "status.currentReplicas", hpa.status.current_replicas.to_string()))
            .evidence(evidence(me, c))
    })
}

fn flapping(world: &World, me: &EntityRef) -> Option<Finding> {
    let recent = |t: Option<rootline_model::Timestamp>| t.is_some_and(|t| world.now.as_second() - t.as_second() <= 600);
    let scalings: u32 = world
        .events_of(me)
        .filter(|e| e.reason == "SuccessfulRescale" && recent(e.first).max(e.count == 1 && recent(e.last)))
        .map(|e| e.count)
        .sum();
    (scalings >= FLAPS_MIN).then(|| Finding::new("hpa.flapping", me.clone()).arg("count", scalings.to_string()))
}
