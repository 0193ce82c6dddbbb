//! Nodes by what they, and the controllers that watch them, say now.
//!
//! **What it finds** nodes that are not ready and why, pressure, missing network, known trouble of kernel and disks.
//! **Why it matters** one node takes down everything that runs on it, and what runs elsewhere and calls it.
//! **Evidence used** node conditions, taints of the node controller, zones.
//! **How to confirm by hand** `kubectl describe node`; on the node `systemctl status kubelet containerd`.
//! **What can fool it** old events on a node that is ready again; a cordon, which is no fault.
//! **Source** failure-modes rows 137–144, 152–154, 157.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::clip;

pub(crate) struct Nodes;

impl Detector for Nodes {
    fn name(&self) -> &'static str {
        "nodes"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let lost = lost_zones(world);
        for node in &world.nodes {
            out.extend(unready(world, node, &lost));
            conditions(node, out);
            out.extend(leaving(node));
        }
        world.nodes.len()
    }
}

/// The zone of a node.
pub(crate) fn zone(node: &o::Node) -> Option<&str> {
    let labels = &node.metadata.labels;
    labels.get("topology.kubernetes.io/zone").or_else(|| labels.get("failure-domain.beta.kubernetes.io/zone"))
}

pub(crate) fn node_ref(node: &o::Node) -> EntityRef {
    EntityRef::node(node.name())
}

fn is_silent(node: &o::Node) -> bool {
    let unknown = node.condition("Ready").is_some_and(|c| c.status == "Unknown");
    unknown || (!node.is_ready() && node.spec.taints.iter().any(|t| t.key == "node.kubernetes.io/unreachable"))
}

/// Zones of which every node (two at least) fell silent while another zone still answers.
fn lost_zones(world: &World) -> Vec<String> {
    let mut zones: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for node in &world.nodes {
        if let Some(zone) = zone(node) {
            let slot = zones.entry(zone).or_default();
            slot.0 += usize::from(is_silent(node));
            slot.1 += 1;
        }
    }
    let one_answers = zones.values().any(|(silent, _)| *silent == 0);
    let lost = zones.into_iter().filter(|(_, (silent, all))| one_answers && *all >= 2 && silent == all);
    lost.map(|(zone, _)| zone.to_owned()).collect()
}

pub(crate) fn condition_evidence(node: &o::Node, condition: &o::Condition) -> Evidence {
    Evidence::Condition {
        object: node_ref(node),
        condition: condition.kind.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: clip(&condition.message, 500),
        since: condition.last_transition_time.0,
    }
}

fn unready(world: &World, node: &o::Node, lost: &[String]) -> Option<Finding> {
    let ready = node.condition("Ready").filter(|c| c.status != "True")?;
    let text = format!("{} {}", ready.reason, ready.message).to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let in_lost_zone = zone(node).filter(|z| lost.iter().any(|l| l == z));
    let (code, nats) = match () {
        () if is_silent(node) && in_lost_zone.is_some() => ("node.zone_down", 3.5),
        () if is_silent(node) => ("node.kubelet_down", 4.0),
        () if has(&[
            "runtime is down",
            "pleg is not healthy",
            "runtimeready=false",
            "runtime not ready: runtimeready",
        ]) || has(&[
            "cri socket",
            "containerd.sock",
            "crio.sock",
            "docker daemon",
            "rpc error: code = unavailable",
        ]) =>
        {
            ("node.runtime_down", 4.0)
        }
        () if has(&["cni", "networkready=false", "network plugin", "networkpluginnotready"]) => {
            ("node.network_not_ready", 4.0)
        }
        () => ("node.not_ready", 3.0),
    };
    let mut finding = Finding::new(code, node_ref(node))
        .nats(nats)
        .since(ready.last_transition_time.0)
        .arg("node", node.name())
        .arg("reason", ready.reason.as_str())
        .arg("message", clip(&ready.message, 400))
        .arg("pods", pods_on(world, node).to_string())
        .evidence(condition_evidence(node, ready));
    if let Some(zone) = in_lost_zone {
        finding = finding.arg("zone", zone);
        // one zone is one incident: every node of it points to the first
        let first = world.nodes.iter().find(|n| self::zone(n) == Some(zone));
        finding.about.extend(first.map(node_ref));
    }
    let lease = world.leases.get("kube-node-lease", node.name()).filter(|_| code == "node.kubelet_down");
    if let Some(renewed) = lease.and_then(|l| l.spec.renew_time.0) {
        let object = EntityRef::new(rootline_model::Kind::Lease, "kube-node-lease", node.name());
        finding =
            finding.evidence(Evidence::Field { object, path: "spec.renewTime".into(), value: renewed.to_string() });
    }
    Some(finding)
}

fn pods_on(world: &World, node: &o::Node) -> usize {
    world.pods.iter().filter(|p| p.spec.node_name == node.name() && !p.is_finished()).count()
}

/// Conditions whose status True is bad: those of the kubelet and those of node-problem-detector's shipped configuration.
const BAD_CONDITIONS: &[(&str, &str)] = &[
    ("MemoryPressure", "node.memory_pressure"),
    ("DiskPressure", "node.disk_pressure"),
    ("PIDPressure", "node.pid_pressure"),
    ("NetworkUnavailable", "node.network_unavailable"),
    ("KernelDeadlock", "node.kernel_trouble"),
    ("FrequentUnregisterNetDevice", "node.kernel_trouble"),
    ("XfsShutdown", "node.filesystem_damaged"),
    ("ReadonlyFilesystem", "node.filesystem_damaged"),
    ("CorruptDockerOverlay2", "node.filesystem_damaged"),
    ("CperHardwareErrorFatal", "node.hardware_fault"),
    ("KubeletUnhealthy", "node.kubelet_unstable"),
    ("FrequentKubeletRestart", "node.kubelet_unstable"),
    ("ContainerRuntimeUnhealthy", "node.runtime_unstable"),
    ("FrequentDockerRestart", "node.runtime_unstable"),
    ("FrequentContainerdRestart", "node.runtime_unstable"),
];

fn conditions(node: &o::Node, out: &mut Vec<Finding>) {
    for condition in node.status.conditions.iter().filter(|c| c.status == "True") {
        let Some((_, code)) = BAD_CONDITIONS.iter().find(|(kind, _)| *kind == condition.kind) else { continue };
        out.push(
            Finding::new(code, node_ref(node))
                .nats(3.5)
                .since(condition.last_transition_time.0)
                .arg("node", node.name())
                .arg("condition", condition.kind.as_str())
                .arg("reason", condition.reason.as_str())
                .arg("message", clip(&condition.message, 400))
                .evidence(condition_evidence(node, condition)),
        );
    }
}

/// Taints by which clouds and autoscalers announce that a node goes away.
fn leaving(node: &o::Node) -> Option<Finding> {
    let announced = |key: &str| {
        [
            "aws-node-termination-handler/",
            "ToBeDeletedByClusterAutoscaler",
            "cloud.google.com/impending-node-termination",
        ]
        .iter()
        .chain(&[
            "node.cloudprovider.kubernetes.io/shutdown",
            "kubernetes.azure.com/scheduledevent",
            "karpenter.sh/disrupted",
        ])
        .any(|k| key.starts_with(k))
    };
    let taint = node.spec.taints.iter().find(|t| announced(&t.key))?;
    let field = Evidence::Field { object: node_ref(node), path: "spec.taints".into(), value: taint.key.clone() };
    // its pods are moved in good order; only a node that is gone already hurts
    let code = if node.is_ready() { "node.leaving" } else { "node.reclaimed" };
    let finding =
        Finding::new(code, node_ref(node)).nats(3.0).arg("node", node.name()).arg("taint", taint.key.as_str());
    Some(finding.since(taint.time_added.0).evidence(field))
}
