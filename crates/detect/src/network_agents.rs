//! The network's own agents on nodes: pod network (CNI) and kube-proxy.
//!
//! *What it finds*: an agent's pod that is not ready on one node. *Why it matters*: pods there are cut off, or reach pods
//! but no services. *Evidence used*: daemon set pods by the names and labels their projects give them. *What can fool
//! it*: a node that is down anyway takes its agents with it.

use rootline_model::{EntityRef, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::starting::is_overdue;
use crate::traffic::field;

pub(crate) struct NetworkAgents;

/// Daemon sets that connect pods, by the names their projects use.
const POD_NETWORKS: [&str; 16] = [
    "calico-node",
    "canal",
    "cilium",
    "kube-flannel",
    "kube-flannel-ds",
    "weave-net",
    "antrea-agent",
    "aws-node",
    "azure-cni",
    "kube-router",
    "kindnet",
    "ovnkube-node",
    "kube-ovn-cni",
    "terway",
    "multus",
    "kube-multus-ds",
];

impl Detector for NetworkAgents {
    fn name(&self) -> &'static str {
        "network agents on nodes"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for pod in &world.pods {
            let Some(code) = role(pod) else { continue };
            looked_at += 1;
            let node = pod.spec.node_name.as_str();
            // an agent that cannot be scheduled belongs to no node; a dead node's agents are dead with it
            let node_down = world.nodes.get("", node).is_some_and(|n| !n.is_ready());
            if node.is_empty() || node_down || !is_overdue(world, pod) {
                continue;
            }
            let me = EntityRef::pod(pod.namespace(), pod.name());
            out.push(
                Finding::new(code, me.clone())
                    .nats(3.0)
                    .since(pod.condition("Ready").and_then(|c| c.last_transition_time.0))
                    .arg("node", node)
                    .arg("agent", world.workload_of(pod).name.to_string())
                    .about(EntityRef::node(node))
                    .evidence(field(&me, "status.conditions[Ready]", "False"))
                    .evidence(field(&me, "spec.nodeName", node)),
            );
        }
        looked_at
    }
}

fn role(pod: &o::Pod) -> Option<&'static str> {
    let owner = pod.metadata.controller()?;
    let daemon = Kind::parse(&owner.kind) == Some(Kind::DaemonSet);
    if owner.name == "kube-proxy" || pod.metadata.labels.get("k8s-app") == Some("kube-proxy") {
        return Some("network.proxy_down");
    }
    (daemon && POD_NETWORKS.contains(&owner.name.as_str())).then_some("network.cni_agent_down")
}
