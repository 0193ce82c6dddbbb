//! Pods that do not go away.
//!
//! *What it finds*: pods whose deletion is overdue: held by a finalizer, by a node that does not answer, by a kubelet that
//! cannot kill or unmount. *Why it matters*: a stateful set waits for the name, a claim stays in use, a namespace cannot
//! be deleted. *Evidence used*: deletionTimestamp (it includes the grace period), finalizers, events, the node. *How to
//! confirm by hand*: `kubectl get pod -o jsonpath={.metadata.finalizers}`. *What can fool it*: long grace periods.
//! *Source*: failure-modes row 83.

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::containers_state::event_evidence;

pub(crate) struct Termination;

/// Deletion this long after the grace period is stuck. Starting value, see ADR-0003.
const OVERDUE_S: i64 = 60;

impl Detector for Termination {
    fn name(&self) -> &'static str {
        "pod termination"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for pod in &world.pods {
            out.extend(stuck(world, pod));
        }
        world.pods.len()
    }
}

fn stuck(world: &World, pod: &o::Pod) -> Option<Finding> {
    let overdue = world.age_s(pod.metadata.deletion_timestamp).filter(|s| *s >= OVERDUE_S)?;
    let me = EntityRef::pod(pod.namespace(), pod.name());
    let node_name = pod.spec.node_name.as_str();
    let node = EntityRef::node(node_name);
    let lost = world.nodes.get("", node_name).is_some_and(|n| !n.is_ready())
        || (!node_name.is_empty() && world.is_absent(&node));
    let event = world.events_of(&me).rfind(|e| {
        matches!(e.reason.as_str(), "FailedKillPod" | "ExceededGracePeriod" | "FailedUnMount" | "FailedUnmount")
    });
    let alive = pod.status.container_statuses.iter().any(|s| s.state.running.is_some());
    let finalizers = pod.metadata.finalizers.join(", ");
    let (code, nats) = match (lost, event.is_some(), finalizers.is_empty()) {
        (true, _, _) => ("pod.stuck_terminating.node", 2.0),
        // once the containers are gone only the finalizer holds the object
        (_, _, false) if !alive => ("pod.stuck_terminating.finalizer", 2.5),
        (_, true, _) => ("pod.stuck_terminating.kubelet", 2.5),
        (_, _, false) => ("pod.stuck_terminating.finalizer", 1.0),
        _ => ("pod.stuck_terminating.kubelet", 1.2),
    };
    let mut finding = Finding::new(code, me.clone())
        .nats(nats)
        .since(pod.metadata.deletion_timestamp.0)
        .arg("pod", pod.name())
        .arg("node", node_name)
        .arg("finalizers", if finalizers.is_empty() { "none" } else { &finalizers })
        .arg("overdue", format!("{} min", overdue / 60))
        .arg("message", event.map(|e| crate::logs_text::clip(&e.message)).unwrap_or_default())
        .evidence(Evidence::Field {
            object: me.clone(),
            path: "metadata.deletionTimestamp".to_owned(),
            value: pod.metadata.deletion_timestamp.0.map(|t| t.to_string()).unwrap_or_default(),
        });
    if !pod.metadata.finalizers.is_empty() {
        finding =
            finding.evidence(Evidence::Field { object: me, path: "metadata.finalizers".to_owned(), value: finalizers });
    }
    if !node_name.is_empty() {
        finding = finding.about(node);
    }
    Some(event.map(event_evidence).into_iter().fold(finding, Finding::evidence))
}
