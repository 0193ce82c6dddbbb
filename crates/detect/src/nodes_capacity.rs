//! What will hurt once a node is lost or the cluster is upgraded: overcommitted requests, versions too far apart.
//!
//! **What it finds** requests that no longer fit if the largest node goes; kubelets outside the supported distance from the
//! API server. **Why it matters** nothing is broken now. **Evidence used** requests, allocatable, versions.
//! **How to confirm by hand** `kubectl describe nodes`, `kubectl get nodes`. **What can fool it** an autoscaler adds nodes.
//! **Source** failure-modes rows 148, 167; the version skew policy of Kubernetes.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::nodes::node_ref;

/// Minor versions a kubelet may be behind its API server, since Kubernetes 1.28.
const SKEW: i64 = 3;

pub(crate) struct NodeCapacity;

impl Detector for NodeCapacity {
    fn name(&self) -> &'static str {
        "node capacity and versions"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for resource in ["cpu", "memory"] {
            out.extend(overcommitted(world, resource));
        }
        let server = world.version.as_deref().and_then(minor);
        for node in &world.nodes {
            out.extend(skewed(server, node));
        }
        world.nodes.len()
    }
}

fn overcommitted(world: &World, resource: &'static str) -> Option<Finding> {
    let workers: Vec<&o::Node> = world.nodes.iter().filter(|n| n.is_ready() && !n.is_cordoned()).collect();
    if workers.len() < 2 || !world.is_listed(Kind::Pod, "") {
        return None;
    }
    let room: Vec<f64> = workers.iter().filter_map(|n| n.allocatable(resource)).collect();
    let asked: f64 = world
        .pods
        .iter()
        .filter(|p| !p.is_finished() && !p.spec.node_name.is_empty())
        .map(|p| p.request(resource))
        .sum();
    let left = room.iter().sum::<f64>() - room.iter().copied().fold(0.0, f64::max);
    if room.len() < workers.len() || asked <= left {
        return None;
    }
    let show = |v: f64| if resource == "cpu" { format!("{v:.1}") } else { format!("{:.1}Gi", v / 1024f64.powi(3)) };
    let arithmetic = Evidence::Arithmetic {
        object: EntityRef::cluster(),
        what: format!("requests.{resource}"),
        left: show(asked),
        relation: ">".into(),
        right: show(left),
    };
    let finding = Finding::new("node.overcommitted", EntityRef::cluster()).nats(1.0).arg("resource", resource);
    Some(finding.arg("requested", show(asked)).arg("left", show(left)).evidence(arithmetic))
}

/// `v1.33.2-eks-1` → 33
fn minor(version: &str) -> Option<i64> {
    let rest = version.trim_start_matches('v').strip_prefix("1.")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

fn skewed(server: Option<i64>, node: &o::Node) -> Option<Finding> {
    let (server, kubelet) = (server?, minor(&node.status.node_info.kubelet_version)?);
    if (0..=SKEW).contains(&(server - kubelet)) {
        return None;
    }
    let version = node.status.node_info.kubelet_version.clone();
    let field = Evidence::Field {
        object: node_ref(node),
        path: "status.nodeInfo.kubeletVersion".into(),
        value: version.clone(),
    };
    let finding = Finding::new("node.version_skew", node_ref(node)).nats(1.0).arg("node", node.name());
    Some(finding.arg("kubelet", version).arg("server", format!("1.{server}")).evidence(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_are_read_as_vendors_write_them() {
        for (text, want) in
            [("v1.33.2", Some(33)), ("1.28+", Some(28)), ("v1.30.1-eks-99", Some(30)), ("2.1", None), ("", None)]
        {
            assert_eq!(minor(text), want, "{text}");
        }
    }
}
