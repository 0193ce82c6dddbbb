//! Pods that a node took and cannot set up.
//!
//! **What it finds** sandboxes without network or address, refusals of the kubelet, devices that are gone, pods stuck in
//! ContainerCreating for no stated reason.
//! **Why it matters** these are faults of the node: every new pod there waits.
//! **Evidence used** FailedCreatePodSandBox, NetworkNotReady, FailedPrepareDynamicResources events, pod reason and age.
//! **How to confirm by hand** `kubectl describe pod`, `kubectl -n kube-system get pods -o wide`.
//! **What can fool it** one failed sandbox before a good one; refused pods that have long been replaced.
//! **Source** failure-modes rows 44, 45, 47, 48, 50.

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::create_message::{SandboxFault, sandbox_fault};
use crate::create_state::{clip, event_evidence, is_short, pod_ref, statuses, suffers};

/// Longer than any ordinary pull or attach. Row 50 of the catalogue of failure modes.
const STUCK_S: i64 = 300;
/// Reasons that a kubelet gives when it refuses a pod that was scheduled to it (`pkg/kubelet/lifecycle/predicate.go`).
const REFUSALS: [&str; 14] = [
    "OutOfcpu",
    "OutOfmemory",
    "OutOfpods",
    "OutOfephemeral-storage",
    "NodeAffinity",
    "NodePorts",
    "HostPortConflict",
    "UnexpectedAdmissionError",
    "NodeUnsupported",
    "TopologyAffinityError",
    "SysctlForbidden",
    "AppArmor",
    "PodOSSelectorNodeLabelDoesNotMatch",
    "InvalidNodeInfo",
];

const SANDBOX_EVENTS: [&str; 3] = ["FailedCreatePodSandBox", "NetworkNotReady", "FailedPodSandBoxStatus"];

pub(crate) struct Sandbox;

impl Detector for Sandbox {
    fn name(&self) -> &'static str {
        "pod set-up on nodes"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for pod in &world.pods {
            refused(world, pod, out);
            // only a kubelet writes such events: then a node has the pod, even if the source does not tell which
            let taken = !pod.spec.node_name.is_empty() || newest(world, pod, &SANDBOX_EVENTS).is_some();
            if suffers(pod) && taken && !has_started(pod) {
                let before = out.len();
                sandbox(world, pod, out);
                devices(world, pod, out);
                if out.len() == before {
                    stuck(world, pod, out);
                }
            }
        }
        world.pods.len()
    }
}

/// Some container has run: the sandbox is there.
fn has_started(pod: &o::Pod) -> bool {
    statuses(pod).any(|(s, ..)| s.state.running.is_some() || s.state.terminated.is_some() || s.restart_count > 0)
}

fn newest<'w>(world: &'w World, pod: &o::Pod, reasons: &[&str]) -> Option<&'w EventView> {
    world.events_of(&pod_ref(pod)).rev().find(|e| reasons.contains(&e.reason.as_str()))
}

fn on_node(pod: &o::Pod, code: &'static str, nats: f64) -> Finding {
    let finding = Finding::new(code, pod_ref(pod)).nats(nats).arg("node", &pod.spec.node_name);
    if pod.spec.node_name.is_empty() { finding } else { finding.about(EntityRef::node(&pod.spec.node_name)) }
}

/// The smallest memory limit of the pod cannot hold even the runtime's init process.
fn limit_too_low(pod: &o::Pod, event: &EventView) -> Finding {
    let limit = |c: &o::Container| c.resources.limits.get("memory").cloned();
    let smallest = pod
        .spec
        .containers
        .iter()
        .filter_map(|c| limit(c).map(|l| (c, l)))
        .min_by(|a, b| a.1.value().total_cmp(&b.1.value()));
    let (container, amount) = smallest.map_or(("", String::new()), |(c, l)| (c.name.as_str(), l.to_string()));
    Finding::new("container.limit_too_low", pod_ref(pod))
        .nats(4.0)
        .since(event.first)
        .arg("container", container)
        .arg("limit", amount)
        .arg("message", clip(&event.message, 400))
        .evidence(event_evidence(event))
}

fn sandbox(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    let event = newest(world, pod, &SANDBOX_EVENTS);
    let Some(event) = event else { return };
    // a sandbox that came later shows in the events that follow: images are pulled after it
    let later = world
        .events_of(&pod_ref(pod))
        .any(|e| matches!(e.reason.as_str(), "Pulling" | "Pulled" | "Created") && e.last > event.last);
    if later {
        return;
    }
    let code = match (sandbox_fault(&event.message), event.reason.as_str()) {
        (SandboxFault::LimitTooLow, _) => {
            out.push(limit_too_low(pod, event));
            return;
        }
        (SandboxFault::NoAddress, _) => "pod.sandbox_no_address",
        (SandboxFault::Network, _) | (_, "NetworkNotReady") => "pod.sandbox_network",
        (SandboxFault::Runtime, _) => "pod.sandbox_failed",
    };
    let nats = if code == "pod.sandbox_failed" { 2.5 } else { 3.5 };
    out.push(
        on_node(pod, code, nats)
            .since(event.first)
            .arg("message", clip(&event.message, 600))
            .evidence(event_evidence(event)),
    );
}

fn devices(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    if let Some(event) = newest(world, pod, &["FailedPrepareDynamicResources"]) {
        out.push(
            on_node(pod, "pod.device_failed", 3.5)
                .since(event.first)
                .arg("message", clip(&event.message, 600))
                .evidence(event_evidence(event)),
        );
    }
}

/// The kubelet refused the pod. Its corpse stays after a replacement has come: then it is history.
fn refused(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    let reason = pod.status.reason.as_str();
    if pod.status.phase != "Failed" || !REFUSALS.contains(&reason) || pod.metadata.deletion_timestamp.0.is_some() {
        return;
    }
    let workload = world.workload_of(pod);
    let standing = workload == pod_ref(pod) || is_short(world, &workload);
    let code = match (standing, reason) {
        (false, _) => "pod.refused_before",
        (true, "UnexpectedAdmissionError") => "pod.device_failed",
        (true, _) => "pod.refused_by_kubelet",
    };
    out.push(
        on_node(pod, code, if standing { 3.5 } else { 1.0 })
            .since(pod.status.start_time.0)
            .arg("reason", reason)
            .arg("message", clip(&pod.status.message, 600))
            .evidence(Evidence::Field { object: pod_ref(pod), path: "status.reason".into(), value: reason.to_owned() }),
    );
}

fn stuck(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    let creating = statuses(pod).any(|(s, ..)| {
        s.state.waiting.as_ref().is_some_and(|w| matches!(w.reason.as_str(), "ContainerCreating" | "PodInitializing"))
    });
    let explained = world.events_of(&pod_ref(pod)).any(|e| e.warning && e.reason.starts_with("Failed"));
    let named = statuses(pod).any(|(s, ..)| {
        s.state
            .waiting
            .as_ref()
            .is_some_and(|w| !matches!(w.reason.as_str(), "" | "ContainerCreating" | "PodInitializing"))
    });
    let since = [pod.status.start_time, pod.metadata.creation_timestamp].into_iter().find(|t| t.0.is_some());
    let age = since.and_then(|t| world.age_s(t)).unwrap_or(0);
    if !creating || explained || named || age < STUCK_S {
        return;
    }
    let last = world.events_of(&pod_ref(pod)).next_back();
    let mut finding = on_node(pod, "pod.stuck_creating", 1.5)
        .since(since.and_then(|t| t.0))
        .arg("minutes", (age / 60).to_string())
        .arg("last_step", last.map_or("–", |e| e.reason.as_str()));
    if let Some(event) = last {
        finding = finding.evidence(event_evidence(event));
    }
    out.push(finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{codes, world};

    const WAITS: &str = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"shop"},"spec":{"nodeName":"w1"},"status":{"phase":
        "Pending","startTime":"2026-06-01T11:50:00Z","containerStatuses":[{"name":"c","state":{"waiting":{"reason":
        "ContainerCreating"}}}]}}"#;

    fn event(reason: &str, message: &str, at: &str) -> String {
        format!(
            r#"{{"kind":"Event","metadata":{{"name":"{reason}","namespace":"shop"}},"type":"Warning","reason":"{reason}",
            "message":"{message}","lastTimestamp":"2026-06-01T{at}Z","involvedObject":{{"kind":"Pod","name":"a","namespace":
            "shop"}}}}"#
        )
    }

    #[test]
    fn set_up_faults_of_the_node_are_told_apart() {
        for (documents, want) in [
            (
                vec![event("FailedCreatePodSandBox", "no IP addresses available in range set", "11:58:00")],
                "pod.sandbox_no_address",
            ),
            (vec![event("FailedCreatePodSandBox", "plugin type=x failed (add)", "11:58:00")], "pod.sandbox_network"),
            (vec![event("NetworkNotReady", "network is not ready", "11:58:00")], "pod.sandbox_network"),
            (vec![event("FailedCreatePodSandBox", "deadline", "11:58:00")], "pod.sandbox_failed"),
            (vec![event("FailedPrepareDynamicResources", "no driver", "11:58:00")], "pod.device_failed"),
            (vec![], "pod.stuck_creating"),
        ] {
            let mut all: Vec<&str> = documents.iter().map(String::as_str).collect();
            all.push(WAITS);
            assert_eq!(codes(&Sandbox, &world(&all)), [format!("{want}@pod/shop/a")], "{documents:?}");
        }
    }

    #[test]
    fn a_sandbox_that_came_later_is_no_fault() {
        let first = event("FailedCreatePodSandBox", "plugin type=x failed (add)", "11:51:00");
        let then = event("Pulling", "Pulling image", "11:52:00");
        let found = codes(&Sandbox, &world(&[WAITS, &first, &then]));
        assert!(!found.iter().any(|f| f.starts_with("pod.sandbox")), "{found:?}");
    }

    #[test]
    fn a_refused_pod_matters_until_it_is_replaced() {
        let refused = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"shop"},"spec":{"nodeName":"w1"},"status":{"phase":
            "Failed","reason":"OutOfcpu"}}"#;
        assert_eq!(codes(&Sandbox, &world(&[refused])), ["pod.refused_by_kubelet@pod/shop/a"]);
        let owned = refused.replace(
            r#""namespace":"shop"}"#,
            r#""namespace":"shop","ownerReferences":[{"kind":"DaemonSet","name":"agent","controller":true}]}"#,
        );
        let whole = r#"{"kind":"DaemonSet","metadata":{"name":"agent","namespace":"shop"},"status":{"desiredNumberScheduled":1,
            "numberReady":1}}"#;
        assert_eq!(codes(&Sandbox, &world(&[&owned, whole])), ["pod.refused_before@pod/shop/a"]);
    }
}
