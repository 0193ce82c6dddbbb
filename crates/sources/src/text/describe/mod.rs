//! `kubectl describe`: one reader per kind over the same indented text.
//!
//! Reference: `pkg/describe/describe.go` of kubectl; older versions differ in a few titles, which are read too.

mod config;
mod network;
mod node;
mod pod;
mod policy;
mod probe;
mod storage;
mod template;
#[cfg(test)]
mod tests;
mod volume;
mod workload;

use rootline_model::{GapKind, Kind};
use rootline_objects::{Annotations, Condition, Meta, Object, OwnerRef};

pub(super) use network::{SERVICE_NAME, add_addresses};
pub(super) use policy::scale_target;
pub(super) use storage::{access_modes, claim_ref};

use super::events;
use super::found::{Detail, Found, What};
use super::time::moment;
use super::tree::{Entry, Line, lines};

/// Reads one describe block. The kind comes from the command, or from the entries themselves.
pub(super) fn read(text: &str, what: Option<What>, found: &mut Found) {
    let lines = lines(text);
    let Some(what) = recognise(&lines).or(what) else {
        let name = lines.first().map(|l| l.text).unwrap_or_default();
        found.gap(GapKind::Unreadable, "describe", format!("no known kind has the entries of: {name}"));
        return;
    };
    let before = found.said.len();
    let object = object(what, text, &lines, found);
    let Some(mut object) = object else { return };
    if object.metadata().name.is_empty() {
        found.said.truncate(before);
        found.gap(GapKind::Unreadable, format!("describe {what}"), "it has no name");
        return;
    }
    let meta = object.metadata_mut();
    if meta.namespace.is_empty() && what.is_namespaced() {
        found.command_namespace().clone_into(&mut meta.namespace);
    }
    let (name, namespace) = (meta.name.clone(), meta.namespace.clone());
    // events stand last, and what their messages break into new lines begins at the left edge
    let top = lines.first().map_or(0, |l| l.indent);
    if let Some(at) = lines.iter().rposition(|l| l.indent == top && l.text == "Events:") {
        events::of_describe(&lines[at + 1..], what, (&namespace, &name), found);
    }
    found.add(Detail::Describe, object);
}

fn object(what: What, text: &str, lines: &[Line<'_>], found: &mut Found) -> Option<Object> {
    let now = found.now;
    let kind = match what {
        What::Endpoints => return Some(Object::EndpointSlice(Box::new(network::endpoints(lines)))),
        What::Events => return None,
        What::Of(kind) => kind,
    };
    Some(match kind {
        Kind::Pod => Object::Pod(Box::new(pod::read(lines, now))),
        Kind::Node => {
            let read = node::read(lines, now);
            found.said.extend(read.pods.into_iter().map(|p| (Detail::Hint, Object::Pod(Box::new(p)))));
            if let Some(lease) = read.lease {
                found.said.push((Detail::Describe, Object::Lease(Box::new(lease))));
            }
            Object::Node(Box::new(read.node))
        }
        Kind::Deployment => workload::deployment(lines, found),
        Kind::ReplicaSet => Object::ReplicaSet(Box::new(workload::replica_set(lines))),
        Kind::StatefulSet => Object::StatefulSet(Box::new(workload::stateful_set(lines))),
        Kind::DaemonSet => Object::DaemonSet(Box::new(workload::daemon_set(lines))),
        Kind::Job => Object::Job(Box::new(workload::job(lines))),
        Kind::CronJob => Object::CronJob(Box::new(workload::cron_job(lines))),
        Kind::Service => network::service(lines, found),
        Kind::EndpointSlice => Object::EndpointSlice(Box::new(network::slice(lines))),
        Kind::Ingress => Object::Ingress(Box::new(network::ingress(lines))),
        Kind::IngressClass => Object::IngressClass(Box::new(network::ingress_class(lines))),
        Kind::NetworkPolicy => Object::NetworkPolicy(Box::new(policy::network_policy(lines))),
        Kind::ConfigMap => Object::ConfigMap(Box::new(config::config_map(text, lines))),
        Kind::Secret => Object::Secret(Box::new(config::secret(lines))),
        Kind::ServiceAccount => Object::ServiceAccount(Box::new(config::service_account(lines))),
        Kind::Pvc => {
            let claim = storage::claim(lines, now);
            let users = storage::users(lines, &claim).into_iter().map(|p| (Detail::Hint, Object::Pod(Box::new(p))));
            found.said.extend(users);
            Object::Pvc(Box::new(claim))
        }
        Kind::Pv => Object::Pv(Box::new(storage::volume(lines, now))),
        Kind::StorageClass => Object::StorageClass(Box::new(storage::class(lines))),
        Kind::CsiNode => Object::CsiNode(Box::new(storage::csi_node(lines))),
        Kind::Quota => Object::Quota(Box::new(policy::quota(lines))),
        Kind::LimitRange => Object::LimitRange(Box::new(policy::limit_range(lines))),
        Kind::Hpa => Object::Hpa(Box::new(policy::hpa(lines))),
        Kind::Pdb => Object::Pdb(Box::new(policy::pdb(lines))),
        Kind::PriorityClass => Object::PriorityClass(Box::new(policy::priority_class(lines))),
        Kind::Namespace => policy::namespace(lines, found),
        other => {
            found.gap(GapKind::Unreadable, format!("describe {other}"), "describe text of this kind is not read");
            return None;
        }
    })
}

/// Metadata that every describe text has. False for any other entry.
fn common_meta(meta: &mut Meta, entry: &Entry<'_, '_>) -> bool {
    if entry.line.indent > 0 && entry.key == "Name" && !meta.name.is_empty() {
        return false;
    }
    match entry.key {
        "Name" => meta.name = entry.text(),
        "Namespace" => meta.namespace = entry.text(),
        "Labels" => meta.labels = entry.labels(),
        "Annotations" => annotations(meta, entry),
        "CreationTimestamp" | "Created on" => meta.creation_timestamp = moment(entry.value),
        "Finalizers" => meta.finalizers = bracketed(entry.value),
        _ => return false,
    }
    true
}

/// `key: value` per line; only those that are kept anywhere.
fn annotations(meta: &mut Meta, entry: &Entry<'_, '_>) {
    let kept = entry.values().filter_map(|v| v.split_once(": ").or_else(|| v.split_once('=')));
    let kept = kept.map(|(k, v)| (k.trim(), v.trim())).filter(|(k, _)| Annotations::keeps(k));
    meta.annotations = Annotations(kept.collect());
}

/// `ReplicaSet/cart-7f9`.
fn owner(value: &str) -> Vec<OwnerRef> {
    let owner = value.split_once('/').map(|(kind, name)| OwnerRef {
        kind: kind.to_owned(),
        name: name.to_owned(),
        controller: Some(true),
        ..OwnerRef::default()
    });
    owner.into_iter().collect()
}

/// `[a b]` as Go prints a list.
fn bracketed(value: &str) -> Vec<String> {
    value.trim_matches(['[', ']']).split_ascii_whitespace().map(str::to_owned).collect()
}

/// Conditions without times: `Available   True   MinimumReplicasAvailable`.
fn short_conditions(entry: &Entry<'_, '_>) -> Vec<Condition> {
    let rows = entry.body.iter().filter_map(|line| {
        let mut words = line.text.splitn(3, "  ").map(str::trim);
        let kind = words.next()?;
        let mut rest = line.text.get(kind.len()..)?.split_ascii_whitespace();
        let status = rest.next()?;
        matches!(status, "True" | "False" | "Unknown").then(|| Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: rest.next().unwrap_or_default().to_owned(),
            ..Condition::default()
        })
    });
    rows.collect()
}

/// The first number of each `n word` piece: `1 desired | 0 updated | …`, `2 Running / 0 Waiting / …`.
fn counted(text: &str, word: &str) -> Option<i64> {
    text.split(['|', '/']).find_map(|piece| {
        let mut words = piece.split_ascii_whitespace();
        let number = words.next()?.parse().ok()?;
        (words.next()? == word).then_some(number)
    })
}

/// Which kind has these entries. Titles that only one kind has come first.
fn recognise(lines: &[Line<'_>]) -> Option<What> {
    let mut seen: Vec<&str> = Vec::with_capacity(32);
    let top = lines.first()?.indent;
    for line in lines.iter().filter(|l| l.indent <= top) {
        seen.push(super::tree::key_value(line.text).0);
        if seen.len() > 400 {
            break;
        }
    }
    let has = |key: &str| seen.contains(&key);
    let starts = |start: &str| seen.iter().any(|k| k.starts_with(start));
    let kind = if has("System Info") || (has("Roles") && has("Taints")) {
        Kind::Node
    } else if has("Containers") || (has("Node") && has("Status") && has("IP")) {
        Kind::Pod
    } else if has("StrategyType") {
        Kind::Deployment
    } else if has("Schedule") {
        Kind::CronJob
    } else if has("Pods Statuses") {
        Kind::Job
    } else if starts("Desired Number of Nodes") {
        Kind::DaemonSet
    } else if has("Update Strategy") || has("Volume Claims") {
        Kind::StatefulSet
    } else if has("Pod Template") {
        Kind::ReplicaSet
    } else if has("Subsets") {
        return Some(What::Endpoints);
    } else if has("AddressType") {
        Kind::EndpointSlice
    } else if has("Session Affinity") || has("TargetPort") || has("IP Families") {
        Kind::Service
    } else if has("====") {
        if has("Type") { Kind::Secret } else { Kind::ConfigMap }
    } else if has("Image pull secrets") || has("Mountable secrets") {
        Kind::ServiceAccount
    } else {
        return recognise_rarer(&has, &starts).map(What::Of);
    };
    Some(What::Of(kind))
}

fn recognise_rarer(has: &dyn Fn(&str) -> bool, starts: &dyn Fn(&str) -> bool) -> Option<Kind> {
    Some(if has("Claim") && has("Reclaim Policy") {
        Kind::Pv
    } else if has("Provisioner") {
        Kind::StorageClass
    } else if has("StorageClass") && has("Volume") {
        Kind::Pvc
    } else if has("Reference") && has("Max replicas") {
        Kind::Hpa
    } else if has("Rules") && (has("Default backend") || has("Ingress Class") || has("Address")) {
        Kind::Ingress
    } else if has("Min available") || has("Max unavailable") {
        Kind::Pdb
    } else if has("Spec") && has("Created on") {
        Kind::NetworkPolicy
    } else if starts("No resource quota") || has("Resource Quotas") || starts("No LimitRange") || has("Resource Limits")
    {
        Kind::Namespace
    } else if starts("Resource  ") || starts("Resource\t") {
        Kind::Quota
    } else if starts("Type  ") {
        Kind::LimitRange
    } else if has("Value") && has("GlobalDefault") {
        Kind::PriorityClass
    } else if has("Controller") {
        Kind::IngressClass
    } else {
        return None;
    })
}
