//! Scheduler, controller manager, API server and etcd: do they work?
//!
//! **What it finds** parts of the control plane that are stopped, or whose work visibly does not happen.
//! **Why it matters** the cluster keeps running and stops changing: nothing starts, nothing is replaced.
//! **Evidence used** service manager texts, static pods, leases of leaders, pods nobody looked at, objects nobody observed.
//! **How to confirm by hand** `kubectl -n kube-system get pods,leases`, on the control plane node `crictl ps`.
//! **What can fool it** managed clusters do not show their control plane: what is not seen is not down.
//! **Source** failure-modes rows 16, 158, 161, 164.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::components::{is_control_plane, is_superseded, quote};
use crate::create_state::{is_unscheduled, pod_ref};
use crate::starting::is_overdue;

/// Leaders renew every 2 s and lose the lease after 15 s (client-go); four times that is no hiccup.
const LEASE_STALE_S: i64 = 60;
/// A scheduler answers within a second or two; this leaves room for a busy one.
const SILENCE_S: i64 = 30;
/// A controller observes a change within seconds. Starting value, see ADR-0003.
const LAG_S: i64 = 120;

const PARTS: [(&str, &str); 4] = [
    ("kube-scheduler", "control_plane.scheduler_down"),
    ("kube-controller-manager", "control_plane.controller_manager_down"),
    ("kube-apiserver", "control_plane.api_server_down"),
    ("etcd", "control_plane.etcd_down"),
];

pub(crate) struct ControlPlane;

impl Detector for ControlPlane {
    fn name(&self) -> &'static str {
        "control plane"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for (part, code) in PARTS {
            let found = stopped(world, part, code)
                .or_else(|| pods_down(world, part, code))
                .or_else(|| by_its_work(world, part, code));
            out.extend(found);
        }
        PARTS.len()
    }
}

fn on(code: &'static str, node: &str, part: &str) -> Finding {
    let finding = Finding::new(code, EntityRef::component(node, part)).arg("component", part).arg("node", node);
    if node.is_empty() { finding } else { finding.about(EntityRef::node(node)) }
}

/// The service manager of a control plane node says so, and no other control plane node runs one.
fn stopped(world: &World, part: &str, code: &'static str) -> Option<Finding> {
    let said: Vec<&o::ComponentStatus> = world
        .components
        .iter()
        .filter(|c| {
            is_control_plane(&c.component)
                && c.component.trim_start_matches("kube-") == part.trim_start_matches("kube-")
        })
        .collect();
    let down: Vec<&&o::ComponentStatus> =
        said.iter().filter(|c| c.running == Some(false) && !is_superseded(world, c)).collect();
    let first = down.first()?;
    let another_works = said.iter().any(|c| c.running == Some(true));
    let code = if another_works { "control_plane.replica_down" } else { code };
    let mut finding = on(code, &first.node, part).nats(if another_works { 1.5 } else { 4.0 });
    for status in down {
        finding = finding.evidence(quote(status));
    }
    // what it left undone is evidence too
    if part == "kube-scheduler" && !another_works {
        finding.evidence.extend(unlooked(world).iter().take(2).map(|p| no_verdict(p)));
    }
    Some(finding)
}

/// Static pods of the part: none of them is ready.
fn pods_down(world: &World, part: &str, code: &'static str) -> Option<Finding> {
    let of_part = |p: &&o::Pod| {
        p.namespace() == "kube-system"
            && !p.is_finished()
            && (p.metadata.labels.get("component") == Some(part)
                || p.name().strip_prefix(part).and_then(|r| r.strip_prefix('-')).is_some_and(|r| {
                    // the kubelet names a mirror pod after its node; a table shows neither owner nor labels
                    p.is_mirror()
                        || (p.metadata.owner_references.is_empty() && world.nodes.iter().any(|n| n.name() == r))
                }))
    };
    let pods: Vec<&o::Pod> = world.pods.iter().filter(of_part).collect();
    let down: Vec<&&o::Pod> = pods.iter().filter(|p| is_overdue(world, p)).collect();
    let first = down.first()?;
    let all = down.len() == pods.len();
    // a quorum keeps etcd alive, a single survivor keeps the others' work going
    let lost = if part == "etcd" { down.len() * 2 > pods.len() } else { all };
    let code = if lost { code } else { "control_plane.replica_down" };
    let since = first.condition("Ready").and_then(|c| c.last_transition_time.0);
    let mut finding = on(code, &first.spec.node_name, part).nats(if lost { 3.0 } else { 1.5 }).since(since);
    for pod in down.iter().take(3) {
        finding = finding.about(pod_ref(pod)).evidence(Evidence::Field {
            object: pod_ref(pod),
            path: "status.conditions.Ready".into(),
            value: "False".into(),
        });
    }
    Some(finding)
}

/// Where the part itself is not seen, its work is.
fn by_its_work(world: &World, part: &str, code: &'static str) -> Option<Finding> {
    let (lease, node) = stale_lease(world, part).map_or((None, None), |(e, n)| (Some(e), Some(n)));
    let undone: Vec<Evidence> = match part {
        "kube-scheduler" => unlooked(world).iter().map(|p| no_verdict(p)).collect(),
        "kube-controller-manager" => unobserved(world),
        _ => return None,
    };
    let nats = match (&lease, undone.len()) {
        (Some(_), 0) => 2.0,
        (Some(_), _) => 4.0,
        (None, 0) => return None,
        (None, 1) => 3.0,
        (None, _) => 3.5,
    };
    // a stale lease whose work nobody misses may be left over from an older name of the lease
    if undone.is_empty() && world.pods.is_empty() {
        return None;
    }
    let alone = (part == "kube-controller-manager" && lease.is_none()).then_some(2.5);
    let node = node.or_else(|| home(world)).unwrap_or_default();
    let mut finding = on(code, &node, part).nats(alone.unwrap_or(nats)).arg("waiting", undone.len().to_string());
    finding.evidence.extend(lease);
    finding.evidence.extend(undone.into_iter().take(3));
    Some(finding)
}

/// The only control plane node that is seen; of several none can be blamed without more.
fn home(world: &World) -> Option<String> {
    let mut all = world.nodes.iter().filter(|n| is_control_plane_node(n));
    let first = all.next()?;
    // of several the leader is unknown: the first by name stands for them
    Some(first.name().to_owned())
}

pub(crate) fn is_control_plane_node(node: &o::Node) -> bool {
    let labels = &node.metadata.labels;
    labels.contains("node-role.kubernetes.io/control-plane")
        || labels.contains("node-role.kubernetes.io/master")
        || labels.get("kubernetes.io/role").is_some_and(|r| r == "master" || r == "control-plane")
}

/// A lease that nobody renews while other leases are fresh: the moment of reading alone proves nothing.
fn stale_lease(world: &World, part: &str) -> Option<(Evidence, String)> {
    let lease = world.leases.get("kube-system", part)?;
    let age = world.age_s(lease.spec.renew_time)?;
    let others_fresh = world
        .leases
        .iter()
        .filter(|l| l.name() != part)
        .filter_map(|l| world.age_s(l.spec.renew_time))
        .any(|a| a <= LEASE_STALE_S / 2);
    if age <= LEASE_STALE_S || !others_fresh {
        return None;
    }
    let object = EntityRef::new(Kind::Lease, "kube-system", part);
    let value = lease.spec.renew_time.0.map(|t| t.to_string()).unwrap_or_default();
    // the identity is the host's name with a random end: `cp-1_3f0c…`
    let holder = lease.spec.holder_identity.split('_').next().unwrap_or_default();
    let node = if world.nodes.get("", holder).is_some() { holder.to_owned() } else { home(world).unwrap_or_default() };
    Some((Evidence::Field { object, path: "spec.renewTime".into(), value }, node))
}

/// Pods on which a scheduler left no trace: it always writes either a node or the condition PodScheduled.
fn unlooked(world: &World) -> Vec<&o::Pod> {
    let default = |p: &&o::Pod| matches!(p.spec.scheduler_name.as_str(), "" | "default-scheduler");
    world
        .pods
        .iter()
        .filter(|p| is_unscheduled(p) && p.spec.scheduling_gates.is_empty())
        .filter(default)
        // a row of a table shows neither conditions nor containers, and proves nothing
        .filter(|p| !p.spec.containers.is_empty() && p.condition("PodScheduled").is_none())
        .filter(|p| world.age_s(p.metadata.creation_timestamp).is_some_and(|a| a >= SILENCE_S))
        .filter(|p| world.events_of(&pod_ref(p)).all(|e| e.reason != "FailedScheduling" && e.reason != "Scheduled"))
        .collect()
}

fn no_verdict(pod: &o::Pod) -> Evidence {
    Evidence::Field { object: pod_ref(pod), path: "status.conditions.PodScheduled".into(), value: "absent".into() }
}

/// Workloads whose last change no controller has looked at, and deployments without a single replica set.
fn unobserved(world: &World) -> Vec<Evidence> {
    let lag = |entity: EntityRef, meta: &o::Meta, seen: Option<i64>| {
        let (generation, seen) = (meta.generation?, seen.unwrap_or(0));
        let old = world.age_s(meta.creation_timestamp).is_some_and(|a| a >= LAG_S);
        (generation > seen && old && meta.deletion_timestamp.0.is_none()).then(|| Evidence::Arithmetic {
            object: entity,
            what: "generation".into(),
            left: generation.to_string(),
            relation: ">".into(),
            right: format!("observed {seen}"),
        })
    };
    let of = |kind, meta: &o::Meta| EntityRef::new(kind, &meta.namespace, &meta.name);
    let deployments = world
        .deployments
        .iter()
        .filter_map(|d| lag(of(Kind::Deployment, &d.metadata), &d.metadata, d.status.observed_generation));
    let sets = world
        .stateful_sets
        .iter()
        .filter_map(|s| lag(of(Kind::StatefulSet, &s.metadata), &s.metadata, s.status.observed_generation));
    let daemons = world
        .daemon_sets
        .iter()
        .filter_map(|d| lag(of(Kind::DaemonSet, &d.metadata), &d.metadata, d.status.observed_generation));
    let all: Vec<Evidence> = deployments.chain(sets).chain(daemons).collect();
    // one workload may have changed a moment ago; of a controller that stands still all changes wait
    if all.len() >= 2 { all } else { Vec::new() }
}
