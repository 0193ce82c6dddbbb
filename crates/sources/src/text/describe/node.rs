//! `kubectl describe node`.

use jiff::Timestamp;
use rootline_objects::{Condition, Container, Lease, Node, Pod, Quantity, Taint};

use super::super::table::Table;
use super::super::time::{ago, moment};
use super::super::tree::{Entry, Line, entries};
use super::common_meta;
use super::template::quantities;

/// The node, its lease, and the pods it says it runs.
pub(super) struct NodeText {
    pub node: Node,
    pub lease: Option<Lease>,
    pub pods: Vec<Pod>,
}

pub(super) fn read(lines: &[Line<'_>], now: Timestamp) -> NodeText {
    let mut out = NodeText { node: Node::default(), lease: None, pods: Vec::new() };
    for e in entries(lines) {
        let node = &mut out.node;
        if common_meta(&mut node.metadata, &e) {
            continue;
        }
        match e.key {
            "Taints" => node.spec.taints = e.values().filter_map(taint).collect(),
            "Unschedulable" => node.spec.unschedulable = (e.value == "true").then_some(true),
            "Lease" => out.lease = lease(&e),
            "Conditions" => node.status.conditions = conditions(e.body),
            "Capacity" => node.status.capacity = quantities(&e),
            "Allocatable" => node.status.allocatable = quantities(&e),
            "System Info" => {
                for info in e.children() {
                    let to = &mut node.status.node_info;
                    match info.key {
                        "Kernel Version" => to.kernel_version = info.text(),
                        "OS Image" => to.os_image = info.text(),
                        "Architecture" => to.architecture = info.text(),
                        "Container Runtime Version" => to.container_runtime_version = info.text(),
                        "Kubelet Version" => to.kubelet_version = info.text(),
                        _ => {}
                    }
                }
            }
            "PodCIDR" => node.spec.pod_cidr = e.text(),
            "ProviderID" => node.spec.provider_id = e.text(),
            "Non-terminated Pods" => out.pods = pods(e.body, &node.metadata.name, now),
            _ => {}
        }
    }
    out
}

/// `key=value:NoSchedule`, `key:NoExecute`.
pub(super) fn taint(text: &str) -> Option<Taint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    Some(Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned(), ..Taint::default() })
}

fn lease(entry: &Entry<'_, '_>) -> Option<Lease> {
    let mut out = Lease::default();
    for e in entry.children() {
        match e.key {
            "HolderIdentity" => out.spec.holder_identity = e.text(),
            "RenewTime" => out.spec.renew_time = moment(e.value),
            _ => {}
        }
    }
    out.metadata.name.clone_from(&out.spec.holder_identity);
    "kube-node-lease".clone_into(&mut out.metadata.namespace);
    // `Failed to get lease` leaves nothing to tell
    (!out.metadata.name.is_empty() && out.spec.renew_time.0.is_some()).then_some(out)
}

/// Conditions with times and messages; also those of claims, which name the first time otherwise.
pub(super) fn conditions(body: &[Line<'_>]) -> Vec<Condition> {
    let Some((header, rows)) = body.split_first() else { return Vec::new() };
    let table = Table::header(header.raw);
    let mut cells = Vec::new();
    let mut out = Vec::with_capacity(rows.len());
    for line in rows {
        if line.text.starts_with("--") || !table.cells(line.raw, &mut cells) {
            continue;
        }
        let row = table.row(&cells);
        out.push(Condition {
            kind: row.get("Type").to_owned(),
            status: row.get("Status").to_owned(),
            reason: row.get("Reason").to_owned(),
            message: row.get("Message").to_owned(),
            last_transition_time: moment(row.get("LastTransitionTime")),
            last_heartbeat_time: moment(row.get("LastHeartbeatTime")),
        });
    }
    out
}

/// What each pod asks of the node. Nothing else about them is told here.
fn pods(body: &[Line<'_>], node: &str, now: Timestamp) -> Vec<Pod> {
    let Some((header, rows)) = body.split_first() else { return Vec::new() };
    let table = Table::header(header.raw);
    let mut cells = Vec::new();
    let mut out = Vec::with_capacity(rows.len());
    for line in rows {
        if line.text.starts_with("--") || !table.cells(line.raw, &mut cells) {
            continue;
        }
        let row = table.row(&cells);
        let mut pod = Pod::default();
        row.get("Name").clone_into(&mut pod.metadata.name);
        row.get("Namespace").clone_into(&mut pod.metadata.namespace);
        pod.metadata.creation_timestamp = ago(now, row.get("Age").trim_end_matches([' ', ')']));
        node.clone_into(&mut pod.spec.node_name);
        let mut container = Container::default();
        let amount = |name: &str| {
            let text = row.get(name).split_ascii_whitespace().next()?;
            Quantity::parse(text).filter(|q| q.value() != 0.0)
        };
        for (resource, request, limit) in
            [("cpu", "CPU Requests", "CPU Limits"), ("memory", "Memory Requests", "Memory Limits")]
        {
            container.resources.requests.extend(amount(request).map(|q| (resource.to_owned(), q)));
            container.resources.limits.extend(amount(limit).map(|q| (resource.to_owned(), q)));
        }
        pod.spec.containers.push(container);
        out.push(pod);
    }
    out
}
