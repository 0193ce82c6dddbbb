//! Does a volume fit a claim? The volume controller's questions, asked one by one.
//!
//! Kubernetes only says "no persistent volumes available for this claim"; which of five conditions failed for which
//! volume has to be computed again. Source: `FindMatchingVolume` in `k8s.io/component-helpers/storage/volume`.

use rootline_model::Kind;
use rootline_objects::{self as o, Object, Quantity};
use rootline_world::World;

/// What a claim asks for, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub name: String,
    pub namespace: String,
    /// Empty: no class, static binding only.
    pub class: String,
    /// The claim itself names a class (the empty one included).
    pub names_class: bool,
    pub modes: Vec<String>,
    pub size: Option<Quantity>,
    pub selector: Option<o::LabelSelector>,
    pub block: bool,
    /// A volume that the claim demands by name.
    pub volume: String,
    /// Modes or size are known: pasted text of a waiting claim shows neither.
    pub known: bool,
}

/// Why a volume does not fit, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misfit {
    Class,
    AccessModes,
    Capacity,
    Selector,
    Mode,
    Zone,
}

impl Misfit {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Misfit::Class => "volume.storage_class_mismatch",
            Misfit::AccessModes => "volume.access_mode_mismatch",
            Misfit::Capacity => "volume.capacity_mismatch",
            Misfit::Selector => "volume.selector_mismatch",
            Misfit::Mode => "volume.mode_mismatch",
            Misfit::Zone => "volume.zone_mismatch",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Misfit::Class => "storage class",
            Misfit::AccessModes => "access modes",
            Misfit::Capacity => "capacity",
            Misfit::Selector => "labels",
            Misfit::Mode => "volume mode",
            Misfit::Zone => "node affinity",
        }
    }

    pub(crate) fn words(all: &[Misfit]) -> String {
        all.iter().map(|m| m.word()).collect::<Vec<_>>().join(", ")
    }
}

/// Who may take a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Free, or kept for this very claim.
    Free,
    /// Bound to another claim, or reserved for one.
    Other,
    /// Its claim is gone, its data is kept: nobody gets it until an administrator clears the reference.
    Released,
    Failed,
}

impl Ask {
    pub(crate) fn of(world: &World, claim: &o::Pvc) -> Ask {
        let written = declared(world, claim);
        let spec = &claim.spec;
        let size = |s: &o::PvcSpec| s.resources.requests.get("storage").cloned();
        let other = written.as_ref();
        let class = spec.storage_class_name.clone().filter(|c| !c.is_empty());
        let said = class.or_else(|| other.and_then(|s| s.storage_class_name.clone()));
        let names_class = said.is_some() || spec.storage_class_name.is_some();
        let default = || world.storage_classes.iter().find(|c| c.is_default()).map(|c| c.name().to_owned());
        let class = match (said, names_class) {
            (Some(class), _) => class,
            (None, true) => String::new(),
            (None, false) => default().unwrap_or_default(),
        };
        let modes = if spec.access_modes.is_empty() { other.map(|s| s.access_modes.clone()) } else { None };
        let modes = modes.unwrap_or_else(|| spec.access_modes.clone());
        let size = size(spec).or_else(|| other.and_then(size));
        let mode = if spec.volume_mode.is_empty() { other.map_or("", |s| &s.volume_mode) } else { &spec.volume_mode };
        Ask {
            name: claim.name().to_owned(),
            namespace: claim.namespace().to_owned(),
            known: !modes.is_empty() || size.is_some(),
            selector: spec.selector.clone().or_else(|| other.and_then(|s| s.selector.clone())),
            block: mode == "Block",
            volume: spec.volume_name.clone(),
            modes: modes.iter().map(|m| long_mode(m).to_owned()).collect(),
            class,
            names_class,
            size,
        }
    }

    /// What keeps the volume from the claim, besides who holds it.
    pub(crate) fn misfits(&self, world: &World, pod: Option<&o::Pod>, pv: &o::Pv) -> Vec<Misfit> {
        let mut all = Vec::new();
        let capacity = pv.spec.capacity.get("storage");
        if pv.spec.storage_class_name != self.class {
            all.push(Misfit::Class);
        }
        let offered: Vec<&str> = pv.spec.access_modes.iter().map(|m| long_mode(m)).collect();
        if !offered.is_empty() && !self.modes.iter().all(|m| offered.contains(&m.as_str())) {
            all.push(Misfit::AccessModes);
        }
        if let (Some(has), Some(wants)) = (capacity, &self.size)
            && has.value() < wants.value()
        {
            all.push(Misfit::Capacity);
        }
        if self.selector.as_ref().is_some_and(|s| !s.matches(&pv.metadata.labels)) {
            all.push(Misfit::Selector);
        }
        if self.known && self.block != (pv.spec.volume_mode == "Block") {
            all.push(Misfit::Mode);
        }
        if self.waits_for_pod(world) && !reachable(world, pod, pv) {
            all.push(Misfit::Zone);
        }
        all
    }

    /// The class binds only once a pod has been given a node; the volume's node affinity counts then.
    pub(crate) fn waits_for_pod(&self, world: &World) -> bool {
        world.storage_classes.get("", &self.class).is_some_and(|c| c.volume_binding_mode == "WaitForFirstConsumer")
    }

    pub(crate) fn held(&self, pv: &o::Pv) -> Held {
        let mine = pv.spec.claim_ref.as_ref().is_none_or(|r| {
            r.name.is_empty() || (r.name == self.name && (r.namespace.is_empty() || r.namespace == self.namespace))
        });
        match pv.status.phase.as_str() {
            "Failed" => Held::Failed,
            "Released" => Held::Released,
            _ if !mine => Held::Other,
            "Bound" if pv.spec.claim_ref.is_none() => Held::Other,
            _ => Held::Free,
        }
    }
}

/// `kubectl` abbreviates access modes in tables.
fn long_mode(mode: &str) -> &str {
    match mode {
        "RWO" => "ReadWriteOnce",
        "ROX" => "ReadOnlyMany",
        "RWX" => "ReadWriteMany",
        "RWOP" => "ReadWriteOncePod",
        other => other,
    }
}

/// Some node satisfies the volume's node affinity and the pod's own wishes.
fn reachable(world: &World, pod: Option<&o::Pod>, pv: &o::Pv) -> bool {
    let Some(required) = pv.spec.node_affinity.as_ref().and_then(|a| a.required.as_ref()) else { return true };
    if world.nodes.is_empty() || !world.is_listed(Kind::Node, "") {
        return true;
    }
    world.nodes.iter().any(|node| {
        let labels = &node.metadata.labels;
        required.node_selector_terms.iter().any(|t| t.matches(labels, node.name()))
            && pod.is_none_or(|p| p.spec.accepts_node(labels, node.name()))
    })
}

/// The claim as a manifest, or the template of its stateful set, declares it. Read only where the live text leaves it out.
fn declared(world: &World, claim: &o::Pvc) -> Option<o::PvcSpec> {
    let (ns, name) = (claim.namespace(), claim.name());
    let by_template = |set: &o::StatefulSet| {
        set.spec.volume_claim_templates.iter().find(|t| belongs(name, t.name(), set.name())).map(|t| t.spec.clone())
    };
    let manifest = world.declared.iter().find_map(|object| match object {
        Object::Pvc(pvc) if pvc.name() == name && same_namespace(pvc.namespace(), ns) => Some(pvc.spec.clone()),
        Object::StatefulSet(set) if same_namespace(set.namespace(), ns) => by_template(set),
        _ => None,
    });
    manifest.or_else(|| world.stateful_sets.iter().filter(|s| s.namespace() == ns).find_map(by_template))
}

fn same_namespace(written: &str, live: &str) -> bool {
    written.is_empty() || written == live
}

/// `data-db-0` is the claim of template `data` for pod 0 of set `db`.
fn belongs(claim: &str, template: &str, set: &str) -> bool {
    claim
        .strip_prefix(template)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_prefix(set))
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_stateful_sets_are_known_by_their_names() {
        assert!(belongs("data-db-0", "data", "db"));
        assert!(!belongs("data-db-x", "data", "db"));
        assert!(!belongs("data-db2-0", "data", "db"));
        assert!(!belongs("data-db-", "data", "db"));
    }
}
