//! `kubectl describe pod`.

use jiff::Timestamp;
use rootline_objects::{Condition, Pod};

use super::super::time::{ago, moment};
use super::super::tree::{Line, entries, given};
use super::template::{containers, read_spec};
use super::{common_meta, owner};

pub(super) fn read(lines: &[Line<'_>], now: Timestamp) -> Pod {
    let mut pod = Pod::default();
    for e in entries(lines) {
        if common_meta(&mut pod.metadata, &e) || read_spec(&mut pod.spec, &e) {
            continue;
        }
        match e.key {
            "Node" => {
                let (node, host) = given(e.value).split_once('/').unwrap_or((given(e.value), ""));
                pod.spec.node_name = node.to_owned();
                pod.status.host_ip = host.to_owned();
            }
            "Start Time" => pod.status.start_time = moment(e.value),
            "Status" => status(&mut pod, e.value, now),
            "Termination Grace Period" => pod.metadata.deletion_grace_period_seconds = e.number(),
            "Reason" => pod.status.reason = e.text(),
            "Message" => pod.status.message = e.long_text(),
            "IP" => pod.status.pod_ip = e.text(),
            "Controlled By" => pod.metadata.owner_references = owner(e.value),
            "NominatedNodeName" => pod.status.nominated_node_name = e.text(),
            "Init Containers" => {
                let read = containers(e.body);
                pod.spec.init_containers = read.specs;
                pod.status.init_container_statuses = read.statuses;
            }
            "Containers" => {
                let read = containers(e.body);
                pod.spec.containers = read.specs;
                pod.status.container_statuses = read.statuses;
            }
            "Conditions" => pod.status.conditions = e.body.iter().filter_map(condition).collect(),
            "QoS Class" => pod.status.qos_class = e.text(),
            _ => {}
        }
    }
    // these controllers accept no other policy
    let kept_running =
        |kind: &str| matches!(kind, "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController");
    if pod.metadata.controller().is_some_and(|o| kept_running(&o.kind)) {
        "Always".clone_into(&mut pod.spec.restart_policy);
    }
    if pod.metadata.deletion_timestamp.0.is_some() && pod.status.phase.is_empty() {
        let running = pod.status.container_statuses.iter().any(|c| c.state.running.is_some());
        pod.status.phase = if running { "Running" } else { "Pending" }.to_owned();
    }
    pod
}

/// `Running`, or `Terminating (lasts 5m)`, older `Terminating (expires Mon, …)`.
fn status(pod: &mut Pod, value: &str, now: Timestamp) {
    let Some(rest) = value.strip_prefix("Terminating") else {
        value.clone_into(&mut pod.status.phase);
        return;
    };
    let inner = rest.trim().trim_matches(['(', ')']);
    let lasts = inner.strip_prefix("lasts ").map(|age| ago(now, age));
    let expires = inner.strip_prefix("expires ").map(moment);
    pod.metadata.deletion_timestamp = lasts.or(expires).filter(|t| t.0.is_some()).unwrap_or(now.into());
}

/// `Ready   True`; the title line is none.
fn condition(line: &Line<'_>) -> Option<Condition> {
    let mut words = line.text.split_ascii_whitespace();
    let (kind, status) = (words.next()?, words.next()?);
    matches!(status, "True" | "False" | "Unknown").then(|| Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        ..Condition::default()
    })
}
