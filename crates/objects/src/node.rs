//! Nodes and what their drivers report.

use std::collections::BTreeMap;

use crate::meta::{Condition, Meta};
use crate::quantity::Quantity;
use crate::unit::Time;

lite! {
    Node { metadata: Meta, spec: NodeSpec, status: NodeStatus }
    NodeSpec {
        unschedulable: Option<bool>,
        taints: Vec<Taint>,
        #[serde(rename = "podCIDR")]
        pod_cidr: String,
        #[serde(rename = "providerID")]
        provider_id: String,
    }
    Taint { key: String, value: String, effect: String, time_added: Time }
    NodeStatus {
        conditions: Vec<Condition>,
        capacity: BTreeMap<String, Quantity>,
        allocatable: BTreeMap<String, Quantity>,
        node_info: NodeInfo,
        addresses: Vec<NodeAddress>,
    }
    /// By which alerts and scrape targets call a node.
    NodeAddress {
        #[serde(rename = "type")]
        kind: String,
        address: String,
    }
    NodeInfo {
        kubelet_version: String,
        container_runtime_version: String,
        architecture: String,
        kernel_version: String,
        os_image: String,
    }
    CsiNode { metadata: Meta, spec: CsiNodeSpec }
    CsiNodeSpec { drivers: Vec<CsiNodeDriver> }
    CsiNodeDriver { name: String }
}

named!(Node, CsiNode);

impl Node {
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|c| c.kind == kind)
    }

    /// Ready is True, or the Ready condition was not recorded.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_none_or(|c| c.status == "True")
    }

    pub fn is_cordoned(&self) -> bool {
        self.spec.unschedulable == Some(true)
            || self.spec.taints.iter().any(|t| t.key == "node.kubernetes.io/unschedulable")
    }

    pub fn allocatable(&self, resource: &str) -> Option<f64> {
        self.status.allocatable.get(resource).map(Quantity::value)
    }
}
