//! Applied manifests as the specification of objects that the source shows only in part: `kubectl describe` shows neither
//! the spec of a pending claim, nor affinity, nor the names of container ports.
//!
//! What exists is never overwritten, and a manifest alone makes nothing exist.

use rootline_objects::{self as o, Object};

use crate::World;

/// Fills what live objects leave open.
pub(crate) fn fill(world: &mut World) {
    let declared = std::mem::take(&mut world.declared);
    for object in &declared {
        match object {
            Object::Pvc(wanted) => claim(world, wanted),
            Object::Pod(wanted) => {
                if let Some(live) = world.pods.get_mut(wanted.namespace(), wanted.name()) {
                    spec(&mut live.spec, &wanted.spec);
                }
            }
            Object::Deployment(w) => {
                if let Some(live) = world.deployments.get_mut(w.namespace(), w.name()) {
                    workload(&mut live.spec, &w.spec);
                }
                pods(world, w.namespace(), w.name(), &w.spec.template.spec);
            }
            Object::StatefulSet(w) => {
                if let Some(live) = world.stateful_sets.get_mut(w.namespace(), w.name()) {
                    workload(&mut live.spec, &w.spec);
                }
                pods(world, w.namespace(), w.name(), &w.spec.template.spec);
            }
            Object::DaemonSet(w) => {
                if let Some(live) = world.daemon_sets.get_mut(w.namespace(), w.name()) {
                    workload(&mut live.spec, &w.spec);
                }
            }
            _ => {}
        }
    }
    world.declared = declared;
}

fn claim(world: &mut World, wanted: &o::Pvc) {
    let Some(live) = world.claims.get_mut(wanted.namespace(), wanted.name()) else { return };
    if live.spec.access_modes.is_empty() {
        live.spec.access_modes.clone_from(&wanted.spec.access_modes);
    }
    if live.spec.resources.requests.is_empty() {
        live.spec.resources.requests.clone_from(&wanted.spec.resources.requests);
    }
    if live.spec.selector.is_none() {
        live.spec.selector.clone_from(&wanted.spec.selector);
    }
    if live.spec.storage_class_name.is_none() {
        live.spec.storage_class_name.clone_from(&wanted.spec.storage_class_name);
    }
}

fn workload(live: &mut o::WorkloadSpec, wanted: &o::WorkloadSpec) {
    spec(&mut live.template.spec, &wanted.template.spec);
    if live.volume_claim_templates.is_empty() {
        live.volume_claim_templates.clone_from(&wanted.volume_claim_templates);
    }
    if live.service_name.is_empty() {
        live.service_name.clone_from(&wanted.service_name);
    }
}

/// The pods of a workload, where their own spec was not shown whole.
fn pods(world: &mut World, ns: &str, name: &str, wanted: &o::PodSpec) {
    let owned: Vec<String> = world
        .pods
        .iter()
        .filter(|p| p.namespace() == ns && &*world.top_controller(p).name == name)
        .map(|p| p.name().to_owned())
        .collect();
    for pod in owned {
        if let Some(live) = world.pods.get_mut(ns, &pod) {
            spec(&mut live.spec, wanted);
        }
    }
}

fn spec(live: &mut o::PodSpec, wanted: &o::PodSpec) {
    if live.affinity.is_none() {
        live.affinity.clone_from(&wanted.affinity);
    }
    if live.topology_spread_constraints.is_empty() {
        live.topology_spread_constraints.clone_from(&wanted.topology_spread_constraints);
    }
    for container in &mut live.containers {
        let Some(same) = wanted.containers.iter().find(|c| c.name == container.name) else { continue };
        for port in container.ports.iter_mut().filter(|p| p.name.is_empty()) {
            let number = port.container_port;
            if let Some(named) = same.ports.iter().find(|p| p.container_port == number) {
                port.name.clone_from(&named.name);
            }
        }
    }
}
