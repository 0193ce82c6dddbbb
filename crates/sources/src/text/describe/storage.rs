//! `kubectl describe` of claims, volumes, storage classes.

use jiff::Timestamp;
use rootline_objects::{
    CsiNode, CsiNodeDriver, NodeSelector, NodeSelectorTerm, ObjectRef, Pod, Pv, Pvc, Quantity, Requirement,
    StorageClass, Time, TypedRef, Volume, VolumeClaimSource, VolumeNodeAffinity,
};

use super::super::time::ago;
use super::super::tree::{Entry, Line, entries, given};
use super::{common_meta, node};

pub(super) fn claim(lines: &[Line<'_>], now: Timestamp) -> Pvc {
    let mut out = Pvc::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            // an empty class and no class look the same here
            "StorageClass" => out.spec.storage_class_name = Some(e.text()).filter(|c| !c.is_empty()),
            "Status" => phase(e.value, &mut out.status.phase, &mut out.metadata.deletion_timestamp, now),
            "Volume" => out.spec.volume_name = e.text(),
            "Capacity" => {
                out.status.capacity.extend(Quantity::parse(given(e.value)).map(|q| ("storage".to_owned(), q)));
            }
            "Access Modes" => {
                out.status.access_modes = access_modes(e.value);
                out.spec.access_modes.clone_from(&out.status.access_modes);
            }
            "VolumeMode" => out.spec.volume_mode = e.text(),
            "DataSource" => {
                let text = |key: &str| e.children().find(|c| c.key == key).map(|c| c.text()).unwrap_or_default();
                out.spec.data_source = Some(TypedRef { kind: text("Kind"), name: text("Name") });
            }
            "Conditions" => out.status.conditions = node::conditions(e.body),
            _ => {}
        }
    }
    out
}

/// Pods that mount a claim: `Used By:  cart-0`, one per line.
pub(super) fn users(lines: &[Line<'_>], claim: &Pvc) -> Vec<Pod> {
    let claim = &claim.metadata;
    let mounted = VolumeClaimSource { claim_name: claim.name.clone(), ..VolumeClaimSource::default() };
    let volume = Volume { name: claim.name.clone(), persistent_volume_claim: Some(mounted), ..Volume::default() };
    let pod = |name: &str| {
        let mut pod = Pod::default();
        name.clone_into(&mut pod.metadata.name);
        pod.metadata.namespace.clone_from(&claim.namespace);
        pod.spec.volumes.push(volume.clone());
        pod
    };
    // up to 1.19 it was `Mounted By`
    entries(lines).filter(|e| matches!(e.key, "Used By" | "Mounted By")).flat_map(|e| e.values().map(pod)).collect()
}

/// `Bound`, `Terminating (lasts 3m)`.
fn phase(value: &str, phase: &mut String, deleted: &mut Time, now: Timestamp) {
    let Some(rest) = value.strip_prefix("Terminating") else {
        given(value).clone_into(phase);
        return;
    };
    let age = rest.trim().trim_matches(['(', ')']).trim_start_matches("lasts ");
    *deleted = Some(ago(now, age)).filter(|t| t.0.is_some()).unwrap_or(now.into());
}

/// `RWO,ROX` as the API spells it.
pub(in crate::text) fn access_modes(text: &str) -> Vec<String> {
    let long = |short: &str| match short {
        "RWO" => "ReadWriteOnce".to_owned(),
        "ROX" => "ReadOnlyMany".to_owned(),
        "RWX" => "ReadWriteMany".to_owned(),
        "RWOP" => "ReadWriteOncePod".to_owned(),
        other => other.to_owned(),
    };
    given(text).split(',').map(str::trim).filter(|m| !m.is_empty()).map(long).collect()
}

/// `shop/cart-data`.
pub(in crate::text) fn claim_ref(text: &str) -> Option<ObjectRef> {
    let (namespace, name) = given(text).split_once('/')?;
    Some(ObjectRef {
        kind: "PersistentVolumeClaim".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..ObjectRef::default()
    })
}

pub(super) fn volume(lines: &[Line<'_>], now: Timestamp) -> Pv {
    let mut out = Pv::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "StorageClass" => out.spec.storage_class_name = e.text(),
            "Status" => phase(e.value, &mut out.status.phase, &mut out.metadata.deletion_timestamp, now),
            "Claim" => out.spec.claim_ref = claim_ref(e.value),
            "Reclaim Policy" => out.spec.persistent_volume_reclaim_policy = e.text(),
            "Access Modes" => out.spec.access_modes = access_modes(e.value),
            "VolumeMode" => out.spec.volume_mode = e.text(),
            "Capacity" => {
                out.spec.capacity.extend(Quantity::parse(given(e.value)).map(|q| ("storage".to_owned(), q)));
            }
            "Node Affinity" => out.spec.node_affinity = node_affinity(&e),
            "Message" => out.status.message = e.text(),
            "Reason" => out.status.reason = e.text(),
            _ => {}
        }
    }
    out
}

/// `Required Terms:` with `Term 0:  zone in [a, b]` and more lines of the same term under it.
fn node_affinity(entry: &Entry<'_, '_>) -> Option<VolumeNodeAffinity> {
    let required = entry.children().find(|e| e.key == "Required Terms")?;
    let mut terms: Vec<NodeSelectorTerm> = Vec::new();
    for e in required.children() {
        if e.key.starts_with("Term ") {
            terms.push(NodeSelectorTerm::default());
        }
        if let Some(term) = terms.last_mut() {
            let own = if e.key.starts_with("Term ") { given(e.value) } else { e.line.text };
            let deeper = e.body.iter().map(|l| l.text);
            term.match_expressions.extend(std::iter::once(own).chain(deeper).filter_map(requirement));
        }
    }
    let required = NodeSelector { node_selector_terms: terms };
    Some(VolumeNodeAffinity { required: Some(required) })
}

/// `topology.kubernetes.io/zone in [a, b]`, `gpu exists`.
fn requirement(text: &str) -> Option<Requirement> {
    let mut words = text.splitn(3, ' ');
    let key = words.next().filter(|k| !k.is_empty())?;
    let operator = match words.next()? {
        "in" => "In",
        "notin" => "NotIn",
        "exists" => "Exists",
        "doesnotexist" => "DoesNotExist",
        "gt" => "Gt",
        "lt" => "Lt",
        _ => return None,
    };
    let values = words.next().unwrap_or_default().trim_matches(['[', ']']);
    let values = values.split(", ").filter(|v| !v.is_empty()).map(str::to_owned).collect();
    Some(Requirement { key: key.to_owned(), operator: operator.to_owned(), values })
}

pub(super) fn class(lines: &[Line<'_>]) -> StorageClass {
    let mut out = StorageClass::default();
    for e in entries(lines) {
        match e.key {
            "Name" => out.metadata.name = e.text(),
            "IsDefaultClass" if e.value == "Yes" => super::super::mark_default(&mut out.metadata),
            "Provisioner" => out.provisioner = e.text(),
            "ReclaimPolicy" => out.reclaim_policy = e.text(),
            "VolumeBindingMode" => out.volume_binding_mode = e.text(),
            "AllowVolumeExpansion" => {
                out.allow_volume_expansion = Some(given(e.value)).filter(|v| !v.is_empty()).map(|v| v == "True");
            }
            _ => {}
        }
    }
    out
}

pub(super) fn csi_node(lines: &[Line<'_>]) -> CsiNode {
    let mut out = CsiNode::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || e.key != "Spec" {
            continue;
        }
        let drivers = e.children().filter(|c| c.key == "Drivers").flat_map(|d| d.children().collect::<Vec<_>>());
        let named = drivers.filter(|d| d.value.is_empty() && !d.key.is_empty());
        out.spec.drivers = named.map(|d| CsiNodeDriver { name: d.key.to_owned() }).collect();
    }
    out
}
