//! Disruption budgets that hold up a drain.
//!
//! *What it finds*: a budget that allows no disruption while a node is being drained. *Why it matters*: the drain waits
//! for ever. *Evidence used*: budget status, cordoned nodes with its pods, eviction errors in events. *What can fool it*: a
//! budget that merely allows none now: a risk.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::starting::is_active;
use crate::traffic::field;

pub(crate) struct Budgets;

impl Detector for Budgets {
    fn name(&self) -> &'static str {
        "disruption budgets"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for budget in &world.budgets {
            out.extend(judge(world, budget));
        }
        world.budgets.len()
    }
}

fn judge(world: &World, budget: &o::Pdb) -> Option<Finding> {
    let me = EntityRef::new(Kind::Pdb, budget.namespace(), budget.name());
    let status = &budget.status;
    if status.disruptions_allowed > 0 || status.expected_pods == 0 {
        return None;
    }
    let selector = budget.spec.selector.as_ref()?;
    let pods: Vec<&o::Pod> = world
        .pods
        .iter()
        .filter(|p| p.namespace() == budget.namespace() && is_active(p) && selector.matches(&p.metadata.labels))
        .collect();
    // a budget counts as blocking by itself only if all its pods are well: else the unready pod is the matter
    let well = status.current_healthy >= status.expected_pods;
    let drained = pods
        .iter()
        .filter_map(|p| world.nodes.get("", &p.spec.node_name))
        .find(|n| n.is_cordoned() && !is_control_plane(n));
    let refused = pods.iter().find_map(|p| {
        let pod = EntityRef::pod(p.namespace(), p.name());
        world.events_of(&pod).rev().find(|e| e.message.contains("disruption budget")).cloned()
    });
    let want = |p: &o::PortRef| p.to_string();
    let rule = if budget.spec.min_available.is_unset() {
        format!("maxUnavailable {}", want(&budget.spec.max_unavailable))
    } else {
        format!("minAvailable {}", want(&budget.spec.min_available))
    };
    let blocks = (drained.is_some() && well) || refused.is_some();
    let mut finding = Finding::new(if blocks { "pdb.blocks_drain" } else { "pdb.no_disruption_allowed" }, me.clone())
        .nats(match (well, refused.is_some()) {
            (true, true) => 4.0,
            (true, false) => 3.0,
            (false, _) => 1.0,
        })
        .arg("rule", rule.clone())
        .arg("pods", status.expected_pods.to_string())
        .arg("healthy", status.current_healthy.to_string())
        .evidence(field(&me, "spec", rule))
        .evidence(Evidence::Arithmetic {
            object: me.clone(),
            what: "healthy pods that may go".to_owned(),
            left: format!("healthy {} − wanted {}", status.current_healthy, status.desired_healthy),
            relation: "=".to_owned(),
            right: status.disruptions_allowed.to_string(),
        });
    if let Some(node) = drained {
        let node = EntityRef::node(node.name());
        finding = finding.arg("node", &*node.name).evidence(field(&node, "spec.unschedulable", "true")).about(node);
    }
    if let Some(e) = refused {
        finding = finding.since(e.first).evidence(Evidence::Event {
            object: e.entity.clone(),
            reason: e.reason.clone(),
            message: e.message.clone(),
            count: e.count,
            last: e.last,
        });
    }
    if let Some(pod) = pods.first() {
        finding = finding.about(world.workload_of(pod));
    }
    Some(finding)
}

fn is_control_plane(node: &o::Node) -> bool {
    node.metadata
        .labels
        .iter()
        .any(|(k, _)| matches!(k, "node-role.kubernetes.io/control-plane" | "node-role.kubernetes.io/master"))
}
