//! `kubectl describe` of quotas, limits, autoscalers, budgets, network policies, priority classes, namespaces.

use rootline_objects::{
    Hpa, IpBlock, LabelSelector, LimitItem, LimitRange, Namespace, NetworkPolicy, Object, Pdb, PolicyPeer, PolicyPort,
    PolicyRule, PortRef, PriorityClass, Quantity, Quota, ScaleTarget,
};

use super::super::found::{Detail, Found};
use super::super::table::Table;
use super::super::tree::{Entry, Line, entries, given, key_value, selector};
use super::{common_meta, counted, node};

pub(super) fn quota(lines: &[Line<'_>]) -> Quota {
    let mut out = Quota::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "Scopes" => out.spec.scopes = e.value.split(", ").map(str::to_owned).collect(),
            _ => used_and_hard(&mut out, e.line.text),
        }
    }
    out
}

/// `requests.cpu  750m  1`.
fn used_and_hard(quota: &mut Quota, text: &str) {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [resource, used, hard] = words[..] else { return };
    if let (Some(used), Some(hard)) = (Quantity::parse(used), Quantity::parse(hard)) {
        quota.status.used.insert(resource.to_owned(), used);
        quota.spec.hard.insert(resource.to_owned(), hard.clone());
        quota.status.hard.insert(resource.to_owned(), hard);
    }
}

pub(super) fn limit_range(lines: &[Line<'_>]) -> LimitRange {
    let mut out = LimitRange::default();
    let mut at = 0;
    for e in entries(lines) {
        if e.line.text.starts_with("Type ") {
            break;
        }
        common_meta(&mut out.metadata, &e);
        at += 1 + e.body.len();
    }
    out.spec.limits = limits(lines.get(at..).unwrap_or_default());
    out
}

/// One row per type and resource; rows of one type make one item.
fn limits(lines: &[Line<'_>]) -> Vec<LimitItem> {
    let mut out: Vec<LimitItem> = Vec::new();
    let Some((header, rows)) = lines.split_first() else { return out };
    let table = Table::header(header.raw);
    let mut cells = Vec::new();
    for line in rows {
        if line.text.starts_with("--") || !table.cells(line.raw, &mut cells) {
            continue;
        }
        let row = table.row(&cells);
        let (kind, resource) = (row.get("Type"), row.get("Resource"));
        if !out.iter().any(|i| i.kind == kind) {
            out.push(LimitItem { kind: kind.to_owned(), ..LimitItem::default() });
        }
        let Some(item) = out.iter_mut().find(|i| i.kind == kind) else { continue };
        let columns = [
            ("Min", &mut item.min),
            ("Max", &mut item.max),
            ("Default Request", &mut item.default_request),
            ("Default Limit", &mut item.default),
        ];
        for (name, map) in columns {
            map.extend(Quantity::parse(row.get(name)).map(|q| (resource.to_owned(), q)));
        }
    }
    out
}

pub(super) fn hpa(lines: &[Line<'_>]) -> Hpa {
    let mut out = Hpa::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "Reference" => out.spec.scale_target_ref = scale_target(e.value),
            "Min replicas" => out.spec.min_replicas = e.number(),
            "Max replicas" => out.spec.max_replicas = e.number().unwrap_or_default(),
            "Conditions" => out.status.conditions = node::conditions(e.body),
            key if key.ends_with(" pods") => {
                out.status.current_replicas = counted(e.value, "current").unwrap_or_default();
                out.status.desired_replicas = counted(e.value, "desired").unwrap_or_default();
            }
            _ => {}
        }
    }
    out
}

/// `Deployment/cart`.
pub(in crate::text) fn scale_target(text: &str) -> ScaleTarget {
    let (kind, name) = given(text).split_once('/').unwrap_or_default();
    ScaleTarget { kind: kind.to_owned(), name: name.to_owned(), ..ScaleTarget::default() }
}

pub(super) fn pdb(lines: &[Line<'_>]) -> Pdb {
    let mut out = Pdb::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "Min available" => out.spec.min_available = PortRef::parse(e.value),
            "Max unavailable" => out.spec.max_unavailable = PortRef::parse(e.value),
            "Selector" => out.spec.selector = (e.value != "<unset>").then(|| selector(e.value)),
            "Status" => {
                for s in e.children() {
                    let number = s.number().unwrap_or_default();
                    match s.key {
                        "Allowed disruptions" => out.status.disruptions_allowed = number,
                        "Current" => out.status.current_healthy = number,
                        "Desired" => out.status.desired_healthy = number,
                        "Total" => out.status.expected_pods = number,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    out
}

pub(super) fn priority_class(lines: &[Line<'_>]) -> PriorityClass {
    let mut out = PriorityClass::default();
    for e in entries(lines) {
        match e.key {
            "Name" => out.metadata.name = e.text(),
            "Value" => out.value = e.number().unwrap_or_default(),
            "GlobalDefault" => out.global_default = (e.value == "true").then_some(true),
            _ => {}
        }
    }
    out
}

/// The namespace; its quotas are objects of their own. Limits stand there without the name of their range.
pub(super) fn namespace(lines: &[Line<'_>], found: &mut Found) -> Object {
    let mut out = Namespace::default();
    let mut quotas: Vec<Quota> = Vec::new();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "Status" => out.status.phase = e.text(),
            "Conditions" => out.status.conditions = node::conditions(e.body),
            "Resource Quotas" | "Resource Quota" => {
                for q in entries(e.body) {
                    if q.key == "Name" {
                        quotas.push(Quota::default());
                    }
                    let Some(quota) = quotas.last_mut() else { continue };
                    match q.key {
                        "Name" => quota.metadata.name = q.text(),
                        "Scopes" => quota.spec.scopes = q.value.split(", ").map(str::to_owned).collect(),
                        _ => used_and_hard(quota, q.line.text),
                    }
                }
            }
            _ => {}
        }
    }
    for mut quota in quotas {
        quota.metadata.namespace.clone_from(&out.metadata.name);
        found.said.push((Detail::Row, Object::Quota(Box::new(quota))));
    }
    Object::Namespace(Box::new(out))
}

pub(super) fn network_policy(lines: &[Line<'_>]) -> NetworkPolicy {
    let mut out = NetworkPolicy::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || e.key != "Spec" {
            continue;
        }
        for s in e.children() {
            match s.key {
                "PodSelector" => out.spec.pod_selector = open_selector(s.value),
                "Allowing ingress traffic" => out.spec.ingress = rules(&s),
                "Allowing egress traffic" => out.spec.egress = rules(&s),
                "Policy Types" => out.spec.policy_types = s.value.split(", ").map(str::to_owned).collect(),
                _ => {}
            }
        }
    }
    out
}

/// `<none> (Allowing the specific traffic to all pods in this namespace)` selects every pod.
fn open_selector(text: &str) -> LabelSelector {
    if text.starts_with("<none>") { LabelSelector::default() } else { selector(text) }
}

/// Rules are parted by a line of dashes; `<none> (Selected pods are isolated …)` is no rule at all.
fn rules(section: &Entry<'_, '_>) -> Vec<PolicyRule> {
    let mut out = vec![PolicyRule::default()];
    for e in section.children() {
        if e.line.text.starts_with("<none>") {
            return Vec::new();
        }
        if e.line.text.starts_with("----") {
            out.push(PolicyRule::default());
        }
        let Some(rule) = out.last_mut() else { continue };
        match e.key {
            "To Port" | "To Port Range" => rule.ports.extend(policy_port(e.value)),
            "From" if e.value.is_empty() => rule.from.push(peer(e.body)),
            "To" if e.value.is_empty() => rule.to.push(peer(e.body)),
            _ => {}
        }
    }
    out
}

/// `8080/TCP`, `8000-8100/TCP`, `<any> (traffic allowed to all ports)`.
fn policy_port(text: &str) -> Option<PolicyPort> {
    if text.starts_with("<any>") {
        return None;
    }
    let (port, protocol) = text.rsplit_once('/')?;
    let range = port.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let (port, end_port) = match range {
        Some((from, to)) => (PortRef::Number(from), Some(to)),
        None => (PortRef::parse(port), None),
    };
    Some(PolicyPort { port, protocol: protocol.to_owned(), end_port })
}

fn peer(body: &[Line<'_>]) -> PolicyPeer {
    let mut out = PolicyPeer::default();
    for line in body {
        let (key, value) = key_value(line.text);
        match key {
            "PodSelector" => out.pod_selector = Some(open_selector(value)),
            "NamespaceSelector" => out.namespace_selector = Some(open_selector(value)),
            "CIDR" => out.ip_block = Some(IpBlock { cidr: value.to_owned(), except: Vec::new() }),
            "Except" => {
                if let Some(block) = out.ip_block.as_mut() {
                    block.except = value.split(", ").filter(|v| !v.is_empty()).map(str::to_owned).collect();
                }
            }
            _ => {}
        }
    }
    out
}
