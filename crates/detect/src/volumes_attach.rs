//! Volumes that exist and do not reach the pod: attaching and mounting.
//!
//! **What it finds** pods that wait for a volume: held by another node, refused, damaged, its server or driver gone.
//! **Why it matters** the pod stays in ContainerCreating for good, and the last event is a timeout that names nothing.
//! **Evidence used** events FailedAttachVolume, FailedMount, FailedMapVolume; pods with the same claim; CSI nodes.
//! **How to confirm by hand** `kubectl describe pod`, `kubectl get volumeattachment`.
//! **What can fool it** a mount that failed once and succeeded later; missing Secrets and ConfigMaps, which are mounted
//! too and belong to the rules about configuration.
//! **Source** failure-modes rows 130, 131.

use rootline_model::{EntityRef, Finding, Kind};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::claims::users;
use crate::create_state::{between, clip, event_evidence, pod_ref, suffers};

pub(crate) struct Mounts;

impl Detector for Mounts {
    fn name(&self) -> &'static str {
        "volume mounts"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for pod in world.pods.iter().filter(|p| !p.spec.volumes.is_empty()) {
            looked_at += 1;
            if suffers(pod) && !pod.spec.node_name.is_empty() && waits_for_volumes(pod) {
                out.extend(stuck(world, pod));
            }
        }
        looked_at
    }
}

/// No container has run since the pod was placed: mounts come before everything else.
fn waits_for_volumes(pod: &o::Pod) -> bool {
    let all = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    all.into_iter().all(|c| c.state.running.is_none() && c.state.terminated.is_none() && c.restart_count == 0)
}

/// What a failed mount means, the telling ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    MultiAttach,
    Driver,
    HostPath,
    Denied,
    Damaged,
    Server,
    Attach,
    Mount,
    Timeout,
}

impl Why {
    const fn code(self) -> &'static str {
        match self {
            Why::MultiAttach => "volume.multi_attach",
            Why::Driver => "volume.driver_missing",
            Why::HostPath => "volume.host_path_missing",
            Why::Denied => "volume.mount_denied",
            Why::Damaged => "volume.filesystem_damaged",
            Why::Server => "volume.server_unreachable",
            Why::Attach => "volume.attach_failed",
            Why::Mount => "volume.mount_failed",
            Why::Timeout => "volume.mount_timeout",
        }
    }

    const fn nats(self) -> f64 {
        match self {
            Why::MultiAttach | Why::Driver | Why::HostPath => 4.0,
            Why::Denied | Why::Damaged | Why::Server => 3.5,
            Why::Attach | Why::Mount => 3.0,
            Why::Timeout => 2.0,
        }
    }
}

/// `None`: not a matter of volumes.
fn read(event: &EventView) -> Option<Why> {
    let text = event.message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let config = has(&["configmap \"", "secret \"", "references non-existent", "not registered", "serviceaccount"]);
    if config || !matches!(event.reason.as_str(), "FailedAttachVolume" | "FailedMount" | "FailedMapVolume") {
        return None;
    }
    Some(match () {
        () if has(&["multi-attach error", "already exclusively attached", "volumeinuse", "already used by pod"]) => {
            Why::MultiAttach
        }
        () if has(&[
            "not found in the list of registered csi drivers",
            "no volume plugin matched",
            "driver not found",
        ]) =>
        {
            Why::Driver
        }
        () if has(&["hostpath type check failed"]) => Why::HostPath,
        () if has(&["wrong fs type", "bad superblock", "fsck", "structure needs cleaning", "input/output error"]) => {
            Why::Damaged
        }
        () if has(&[
            "permission denied",
            "access denied",
            "operation not permitted",
            "not authorized",
            "forbidden",
        ]) =>
        {
            Why::Denied
        }
        () if has(&["stale", "no route to host", "host is down", "connection refused", "connection timed out"])
            || has(&["name or service not known", "failed to resolve server"]) =>
        {
            Why::Server
        }
        () if has(&["timed out waiting", "context deadline exceeded", "deadlineexceeded", "unmounted volumes="]) => {
            Why::Timeout
        }
        () if event.reason == "FailedAttachVolume" => Why::Attach,
        () => Why::Mount,
    })
}

fn stuck(world: &World, pod: &o::Pod) -> Option<Finding> {
    let (why, event) = world
        .events_of(&pod_ref(pod))
        .filter_map(|e| Some((read(e)?, e)))
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.last.cmp(&a.1.last)))?;
    let node = pod.spec.node_name.as_str();
    let mut finding = Finding::new(why.code(), pod_ref(pod))
        .nats(why.nats())
        .since(event.first)
        .arg("volume", volume_of(&event.message).unwrap_or_default())
        .arg("node", node)
        .arg("message", clip(&event.message, 400))
        .evidence(event_evidence(event));
    for claim in pod.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref()) {
        finding = finding.arg("claim", claim.claim_name.as_str());
        finding = finding.about(EntityRef::new(Kind::Pvc, pod.namespace(), &claim.claim_name));
    }
    if why == Why::MultiAttach {
        return Some(held(world, pod, finding));
    }
    if why == Why::Driver {
        let driver = between(&event.message, "driver name ", " not found").unwrap_or_default();
        finding = finding.arg("driver", driver).about(EntityRef::node(node));
    }
    Some(finding)
}

/// Who holds the volume: a pod with the same claim on another node. If that node is lost, its loss is the cause.
fn held(world: &World, pod: &o::Pod, finding: Finding) -> Finding {
    let users = users(world);
    let claims = pod.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref());
    let others = claims.filter_map(|c| users.get(&(pod.namespace(), c.claim_name.as_str()))).flatten();
    let leaving = world.pods.iter().filter(|p| {
        let mine = |v: &o::Volume| v.persistent_volume_claim.as_ref().map(|c| c.claim_name.clone());
        p.namespace() == pod.namespace()
            && p.spec.volumes.iter().filter_map(mine).any(|c| pod.spec.volumes.iter().filter_map(mine).any(|d| c == d))
    });
    let elsewhere = |p: &&o::Pod| !p.spec.node_name.is_empty() && p.spec.node_name != pod.spec.node_name;
    let Some(holder) = others.copied().chain(leaving).find(elsewhere) else { return finding };
    let node = EntityRef::node(&holder.spec.node_name);
    let lost = world.nodes.get("", &holder.spec.node_name).is_some_and(|n| !n.is_ready());
    let mut finding = finding
        .arg("holder", holder.name())
        .arg("holder_node", holder.spec.node_name.as_str())
        .about(pod_ref(holder))
        .about(node);
    if lost {
        finding.code = rootline_model::Code::known("volume.held_by_lost_node");
    }
    finding
}

/// `for volume "pvc-1"`, `unmounted volumes=[data]`.
fn volume_of(message: &str) -> Option<&str> {
    between(message, "for volume \"", "\"").or_else(|| between(message, "unmounted volumes=[", "]"))
}
