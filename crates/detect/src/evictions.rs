//! Pods that were taken off their node.
//!
//! *What it finds*: evictions for memory, disk and process ids, for the pod's own storage limit, by taints, by the eviction
//! API, and pods ended with their node. *Why it matters*: an evicted pod stays as `Failed` and shows no container at all.
//! *Evidence used*: `status.reason` and message, the DisruptionTarget condition, the state of the workload. *How to confirm
//! by hand*: `kubectl describe pod`. *What can fool it*: evicted pods stay listed long after others took their place: then
//! they are history. *Source*: failure-modes rows 76–82.

use std::sync::LazyLock;

use regex::Regex;
use rootline_model::{EntityRef, Evidence, Finding, Kind, Timestamp};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::containers_state::event_evidence;

pub(crate) struct Evictions;

/// So many evictions of one workload in so short a time go on, even if the latest pod is ready. Starting values, see
/// ADR-0003.
const STORM_PODS: usize = 3;
const STORM_S: i64 = 1800;

impl Detector for Evictions {
    fn name(&self) -> &'static str {
        "evictions"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for pod in &world.pods {
            out.extend(evicted(world, pod));
        }
        world.pods.len()
    }
}

/// Why a pod was taken down.
struct Why {
    code: &'static str,
    nats: f64,
    resource: String,
}

fn why(code: &'static str, nats: f64, resource: impl Into<String>) -> Why {
    Why { code, nats, resource: resource.into() }
}

fn evicted(world: &World, pod: &o::Pod) -> Option<Finding> {
    let me = EntityRef::pod(pod.namespace(), pod.name());
    let disruption = pod.condition("DisruptionTarget").filter(|c| c.status == "True");
    let event = world.events_of(&me).rfind(|e| matches!(e.reason.as_str(), "Evicted" | "TaintManagerEviction"));
    let message = match (pod.status.message.as_str(), disruption, event) {
        ("", Some(c), _) => c.message.as_str(),
        ("", None, Some(e)) => e.message.as_str(),
        (text, _, _) => text,
    };
    let ended = pod.status.phase == "Failed" || pod.metadata.deletion_timestamp.0.is_some();
    let why = classify(pod, disruption.map_or("", |c| c.reason.as_str()), message).filter(|_| ended)?;
    let at =
        disruption.and_then(|c| c.last_transition_time.0).or(event.and_then(|e| e.last)).or(pod.status.start_time.0);
    let over = is_replaced(world, pod, at);
    let (using, request) = usage(message);
    let node = pod.spec.node_name.as_str();
    let mut finding = Finding::new(if over { "pod.was_evicted" } else { why.code }, me.clone())
        .nats(if over { 0.5 } else { why.nats })
        .since(at)
        .arg("pod", pod.name())
        .arg("node", node)
        .arg("resource", why.resource)
        .arg("reason", pod.status.reason.clone())
        .arg("message", crate::logs_text::clip(message))
        .arg("using", using)
        .arg("request", request)
        .arg("workload", world.workload_of(pod).to_string());
    if !node.is_empty() {
        finding = finding.about(EntityRef::node(node));
    }
    finding = finding.evidence(match disruption {
        Some(c) => Evidence::Condition {
            object: me,
            condition: c.kind.clone(),
            status: c.status.clone(),
            reason: c.reason.clone(),
            message: c.message.clone(),
            since: c.last_transition_time.0,
        },
        None => Evidence::Field {
            object: me,
            path: "status.reason".to_owned(),
            value: format!("{}: {}", pod.status.reason, crate::logs_text::clip(message)),
        },
    });
    Some(event.map(event_evidence).into_iter().fold(finding, Finding::evidence))
}

/// Texts of the kubelet's eviction manager, the taint manager and the node shutdown manager.
fn classify(pod: &o::Pod, disruption: &str, message: &str) -> Option<Why> {
    let has = |words: &[&str]| words.iter().any(|w| message.contains(w));
    match (pod.status.reason.as_str(), disruption) {
        ("Evicted", _)
            if has(&[
                "ephemeral local storage usage exceeds",
                "exceeded its local ephemeral storage limit",
                "Usage of EmptyDir volume",
            ]) =>
        {
            Some(why("pod.evicted.own_limit", 4.0, "ephemeral-storage"))
        }
        ("Evicted", _) => Some(match low_on(message) {
            "memory" => why("pod.evicted.memory", 3.5, "memory"),
            "pids" => why("pod.evicted.pids", 3.5, "pids"),
            "inodes" => why("pod.evicted.disk", 3.5, "inodes"),
            "ephemeral-storage" => why("pod.evicted.disk", 3.5, "ephemeral-storage"),
            other => why("pod.evicted.other", 2.5, other),
        }),
        ("NodeShutdown" | "Shutdown" | "Terminated", _) => Some(why("pod.evicted.node_shutdown", 3.5, "node")),
        ("NodeLost", _) => Some(why("pod.evicted.taint", 2.5, "node.kubernetes.io/unreachable")),
        (_, "DeletionByTaintManager") => Some(why("pod.evicted.taint", 2.5, taint_in(message))),
        (_, "EvictionByEvictionAPI") => Some(why("pod.evicted.api", 2.5, "eviction API")),
        (_, "TerminationByKubelet") => Some(why("pod.evicted.node_shutdown", 3.0, "kubelet")),
        _ => None,
    }
}

fn taint_in(message: &str) -> String {
    message
        .split_whitespace()
        .find(|w| w.contains("node.kubernetes.io/"))
        .map_or_else(|| "NoExecute".to_owned(), |w| w.trim_end_matches('.').to_owned())
}

fn low_on(message: &str) -> &str {
    let Some((_, rest)) = message.split_once("low on resource: ") else {
        // a pod that the kubelet did not let in
        return [("MemoryPressure", "memory"), ("DiskPressure", "ephemeral-storage"), ("PIDPressure", "pids")]
            .into_iter()
            .find(|(condition, _)| message.contains(condition))
            .map_or("", |(_, resource)| resource);
    };
    rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).next().unwrap_or_default()
}

/// What the container used and asked for, as the kubelet says.
fn usage(message: &str) -> (String, String) {
    static USAGE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"was using ([\w.]+), request is ([\w.]+)").expect("the pattern is fixed and tested")
    });
    match USAGE.captures(message) {
        Some(c) => {
            let text = |i: usize| c.get(i).map_or_else(String::new, |m| m.as_str().trim_end_matches('.').to_owned());
            (text(1), text(2))
        }
        None => ("?".to_owned(), "?".to_owned()),
    }
}

/// True if others took the pod's place and it does not happen again and again.
fn is_replaced(world: &World, pod: &o::Pod, at: Option<Timestamp>) -> bool {
    let workload = world.workload_of(pod);
    if workload.kind == Kind::Pod {
        return false;
    }
    let recent = |t: Option<Timestamp>| t.is_some_and(|t| world.now.as_second() - t.as_second() <= STORM_S);
    let fellow =
        |p: &&o::Pod| p.status.reason == "Evicted" && recent(p.status.start_time.0.or(p.metadata.creation_timestamp.0));
    if recent(at) && world.pods_of(&workload).filter(fellow).count() >= STORM_PODS {
        return false;
    }
    match world.workload(&workload) {
        Some(w) => w.ready >= w.desired,
        // a cron job, or a workload that was not read: its other pods tell
        None => world.pods_of(&workload).any(|p| p.is_ready() || p.status.phase == "Succeeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_eviction_manager_are_read() {
        assert_eq!(
            low_on("The node was low on resource: memory. Threshold quantity: 100Mi, available: 3Mi."),
            "memory"
        );
        assert_eq!(low_on("The node was low on resource: ephemeral-storage."), "ephemeral-storage");
        assert_eq!(low_on("Pod was rejected: The node had condition: [DiskPressure]. "), "ephemeral-storage");
        assert_eq!(low_on("something else"), "");
        assert_eq!(
            usage("Container app was using 912Mi, request is 64Mi, has larger consumption of memory."),
            ("912Mi".to_owned(), "64Mi".to_owned())
        );
    }
}
