//! What happened on nodes lately, and whether it still hurts.
//!
//! **What it finds** reboots, kernel and disk messages, out-of-memory of the system, failing clean-up of images, waves of
//! evictions, readiness that comes and goes.
//! **Why it matters** these explain exits without a reason: code 255, "Unknown", killed without a limit.
//! **Evidence used** events of nodes, evicted pods, states of containers that ran there.
//! **How to confirm by hand** `kubectl get events --field-selector involvedObject.kind=Node -A`, on the node `dmesg -T`.
//! **What can fool it** events outlive their trouble: a node that is ready and whose pods are well is past it.
//! **Source** failure-modes rows 142, 145, 151–154, 156, 157.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Kind, Timestamp};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::create_state::{clip, event_evidence, pod_ref, statuses, suffers};
use crate::nodes::node_ref;

/// Events older than this tell of the past. Starting value, see ADR-0003.
const RECENT_S: i64 = 900;
/// Evictions of one cause come in a wave. Starting values, see ADR-0003.
const WAVE_PODS: usize = 3;
const WAVE_S: i64 = 3600;
/// kubernetes-mixin calls more than two changes in 15 minutes flapping.
const FLAPS: u32 = 3;

/// Reasons of node-problem-detector's shipped monitors, of the kubelet and of clouds.
const REASONS: &[(&str, &str)] = &[
    ("TaskHung", "node.kernel_trouble"),
    ("DockerHung", "node.kernel_trouble"),
    ("KernelOops", "node.kernel_trouble"),
    ("KernelDeadlock", "node.kernel_trouble"),
    ("UnregisterNetDevice", "node.kernel_trouble"),
    ("Ext4Error", "node.filesystem_damaged"),
    ("Ext4Warning", "node.filesystem_damaged"),
    ("XfsHasShutdown", "node.filesystem_damaged"),
    ("FilesystemIsReadOnly", "node.filesystem_damaged"),
    ("IOError", "node.filesystem_damaged"),
    ("MemoryReadError", "node.hardware_fault"),
    ("CperHardwareErrorCorrected", "node.hardware_fault"),
    ("CperHardwareErrorRecoverable", "node.hardware_fault"),
    ("CperHardwareErrorFatal", "node.hardware_fault"),
    ("SystemOOM", "node.system_oom"),
    ("OOMKilling", "node.system_oom"),
    ("ImageGCFailed", "node.image_gc_failing"),
    ("FreeDiskSpaceFailed", "node.image_gc_failing"),
    ("Rebooted", "node.rebooted"),
    ("NodeShutdown", "node.shut_down"),
    ("Shutdown", "node.shut_down"),
    ("PreemptScheduled", "node.shut_down"),
    ("SpotInterruption", "node.shut_down"),
    ("TerminateScheduled", "node.shut_down"),
];

pub(crate) struct NodeEvents;

impl Detector for NodeEvents {
    fn name(&self) -> &'static str {
        "node events"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        let mut suffering: BTreeMap<&str, Vec<&o::Pod>> = BTreeMap::new();
        for pod in world.pods.iter().filter(|p| !p.spec.node_name.is_empty() && suffers(p)) {
            suffering.entry(&pod.spec.node_name).or_default().push(pod);
        }
        for node in &world.nodes {
            let me = node_ref(node);
            let hurt = suffering.get(node.name()).map_or(&[][..], Vec::as_slice);
            for event in newest(world, &me) {
                looked_at += 1;
                out.extend(told(world, node, hurt, event));
            }
            out.extend(flapping(world, node));
        }
        evictions(world, out);
        looked_at
    }
}

/// The newest event of each reason.
fn newest<'w>(world: &'w World, node: &EntityRef) -> Vec<&'w EventView> {
    let mut by_reason: BTreeMap<&str, &EventView> = BTreeMap::new();
    for event in world.events_of(node) {
        by_reason.insert(&event.reason, event);
    }
    by_reason.into_values().collect()
}

fn age(world: &World, at: Option<Timestamp>) -> i64 {
    world.age_s(o::Time(at)).unwrap_or(i64::MAX)
}

fn told(world: &World, node: &o::Node, hurt: &[&o::Pod], event: &EventView) -> Option<Finding> {
    let (_, code) = REASONS.iter().find(|(reason, _)| *reason == event.reason)?;
    if age(world, event.last) > RECENT_S {
        return None;
    }
    let finding = |code: &'static str, nats: f64| {
        Finding::new(code, node_ref(node))
            .nats(nats)
            .since(event.first)
            .arg("node", node.name())
            .arg("reason", event.reason.as_str())
            .arg("message", clip(&event.message, 400))
            .evidence(event_evidence(event))
    };
    let harmed = match *code {
        // these two explain how a container ended, and only around the moment
        "node.rebooted" | "node.shut_down" => hurt.iter().filter(|p| ended_without_reason(p)).count(),
        "node.system_oom" => hurt.iter().filter(|p| was_killed(p)).count(),
        "node.image_gc_failing" => usize::from(node.condition("DiskPressure").is_some_and(|c| c.status == "True")),
        _ => hurt.len() + usize::from(!node.is_ready()),
    };
    if harmed == 0 {
        return Some(finding("node.past_trouble", 0.5));
    }
    let nats = if matches!(*code, "node.rebooted" | "node.shut_down" | "node.system_oom") { 3.0 } else { 2.5 };
    Some(finding(code, nats).arg("pods", harmed.to_string()))
}

/// Exit 255, 137 without OOM, or "Unknown": the runtime was gone when the container ended.
fn ended_without_reason(pod: &o::Pod) -> bool {
    statuses(pod).any(|(s, ..)| {
        let ended = [&s.state, &s.last_state].into_iter().filter_map(|x| x.terminated.as_ref());
        ended.into_iter().any(|t| t.exit_code == 255 || t.reason == "Unknown" || t.reason == "ContainerStatusUnknown")
    }) || matches!(pod.status.reason.as_str(), "Terminated" | "NodeShutdown" | "NodeLost")
}

fn was_killed(pod: &o::Pod) -> bool {
    statuses(pod).any(|(s, ..)| {
        let mut ended = [&s.state, &s.last_state].into_iter().filter_map(|x| x.terminated.as_ref());
        ended.any(|t| t.exit_code == 137)
    })
}

fn flapping(world: &World, node: &o::Node) -> Option<Finding> {
    let event = world.events_of(&node_ref(node)).rev().find(|e| e.reason == "NodeNotReady")?;
    let span = event.last?.as_second() - event.first?.as_second();
    if event.count < FLAPS || age(world, event.last) > RECENT_S || span > RECENT_S {
        return None;
    }
    let finding = Finding::new("node.readiness_flapping", node_ref(node)).nats(1.5).since(event.first);
    Some(finding.arg("node", node.name()).arg("times", event.count.to_string()).evidence(event_evidence(event)))
}

/// Evicted pods, one finding for the wave of a node.
fn evictions(world: &World, out: &mut Vec<Finding>) {
    let mut waves: BTreeMap<&str, Vec<&o::Pod>> = BTreeMap::new();
    for pod in world.pods.iter().filter(|p| p.status.reason == "Evicted" && !p.spec.node_name.is_empty()) {
        let ended = pod.condition("DisruptionTarget").map(|c| c.last_transition_time).unwrap_or(pod.status.start_time);
        if world.age_s(ended).is_none_or(|a| a <= WAVE_S) {
            waves.entry(&pod.spec.node_name).or_default().push(pod);
        }
    }
    for (node, pods) in waves.into_iter().filter(|(_, pods)| pods.len() >= WAVE_PODS) {
        let Some(first) = pods.first() else { continue };
        let resource = first.status.message.split("low on resource: ").nth(1).and_then(|r| r.split(['.', ' ']).next());
        let mut finding = Finding::new("node.eviction_wave", EntityRef::node(node))
            .nats(1.5)
            .arg("node", node)
            .arg("pods", pods.len().to_string())
            .arg("resource", resource.unwrap_or_default())
            .arg("message", clip(&first.status.message, 300))
            .evidence(Evidence::Field {
                object: pod_ref(first),
                path: "status.message".into(),
                value: clip(&first.status.message, 300),
            });
        for pod in pods.iter().take(3) {
            finding = finding.about(world.workload_of(pod));
        }
        finding.about.retain(|e| e.kind != Kind::Node);
        out.push(finding);
    }
}
