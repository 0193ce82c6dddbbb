//! Services of nodes by the word of their service manager.
//!
//! **What it finds** a stopped kubelet, container runtime, kube-proxy or other service of a node.
//! **Why it matters** a stopped kube-proxy leaves the node Ready: nothing in the API shows it.
//! **Evidence used** `systemctl status` texts.
//! **How to confirm by hand** on the node `systemctl status kubelet containerd kube-proxy`.
//! **What can fool it** a unit that is installed but not used, because the same thing runs as a pod or another runtime
//! serves the node.
//! **Source** failure-modes rows 137, 138.

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::clip;

pub(crate) struct Components;

impl Detector for Components {
    fn name(&self) -> &'static str {
        "node services"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for status in &world.components {
            if status.running == Some(false) && !status.node.is_empty() && !is_superseded(world, status) {
                out.extend(stopped(status));
            }
        }
        world.components.len()
    }
}

/// Parts of the control plane belong to another detector.
pub(crate) fn is_control_plane(component: &str) -> bool {
    let name = component.trim_start_matches("kube-");
    matches!(name, "scheduler" | "controller-manager" | "apiserver" | "etcd" | "cloud-controller-manager")
}

fn is_runtime(component: &str) -> bool {
    matches!(component, "containerd" | "docker" | "crio" | "cri-o" | "cri-dockerd" | "dockerd")
}

/// The same part works on the node in another form.
pub(crate) fn is_superseded(world: &World, status: &o::ComponentStatus) -> bool {
    let on_node = world.pods.iter().filter(|p| p.spec.node_name == status.node && p.namespace() == "kube-system");
    let as_pod = on_node.filter(|p| p.name().starts_with(&status.component)).any(o::Pod::is_ready);
    let runtime = world.nodes.get("", &status.node).map_or("", |n| &n.status.node_info.container_runtime_version);
    let other_runtime = is_runtime(&status.component)
        && !runtime.is_empty()
        && !runtime.replace('-', "").starts_with(&status.component.replace('-', ""));
    as_pod || other_runtime
}

pub(crate) fn quote(status: &o::ComponentStatus) -> Evidence {
    let active = status.text.lines().find(|l| l.trim_start().starts_with("Active:")).unwrap_or(&status.text);
    Evidence::Quote {
        object: EntityRef::component(&status.node, &status.component),
        source: "systemctl status".into(),
        text: clip(active.trim(), 300),
    }
}

fn stopped(status: &o::ComponentStatus) -> Option<Finding> {
    let name = status.component.as_str();
    let (code, nats) = match name {
        _ if is_control_plane(name) => return None,
        "kubelet" => ("component.kubelet_down", 4.0),
        "kube-proxy" => ("component.kube_proxy_down", 4.0),
        _ if is_runtime(name) => ("component.runtime_down", 4.0),
        _ => ("component.down", 2.0),
    };
    let finding = Finding::new(code, EntityRef::component(&status.node, name)).nats(nats);
    Some(finding.arg("node", status.node.as_str()).arg("component", name).evidence(quote(status)))
}
