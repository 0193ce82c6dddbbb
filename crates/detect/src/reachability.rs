//! Connection tests run from several nodes: which node cannot reach services that others can.
//!
//! **What it finds** a node from which several services fail although every other node reaches them.
//! **Why it matters** the address of a service exists only in the rules that kube-proxy writes on each node.
//! **Evidence used** texts of connection tests that name the node they ran on, endpoints.
//! **How to confirm by hand** a test pod per node: `kubectl run … --overrides`, then `nc -zv SERVICE PORT`.
//! **What can fool it** services that fail from everywhere; a node that is down altogether; tests that did not finish.
//! **Source** failure-modes rows 44, 137; how kube-proxy works.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::clip;

/// Fewer services could fail by their own fault. Starting value, see ADR-0003.
const SERVICES_MIN: usize = 3;

pub(crate) struct Reachability;

/// Services by what a test from one node said.
#[derive(Default)]
struct Tests<'w> {
    failed: BTreeSet<(&'w str, i64)>,
    reached: BTreeSet<(&'w str, i64)>,
    sample: Option<&'w o::Reach>,
}

impl Detector for Reachability {
    fn name(&self) -> &'static str {
        "connection tests"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut by_node: BTreeMap<&str, Tests<'_>> = BTreeMap::new();
        for reach in &world.reaches {
            let Some(node) = node_of(world, &reach.text) else { continue };
            let tests = by_node.entry(node).or_default();
            match reach.reached {
                Some(true) => {
                    tests.reached.insert((&reach.host, reach.port));
                }
                Some(false) => {
                    tests.failed.insert((&reach.host, reach.port));
                    tests.sample = tests.sample.or(Some(reach));
                }
                None => {}
            }
        }
        for (node, tests) in &by_node {
            let others = by_node.iter().filter(|(n, _)| *n != node);
            let elsewhere: BTreeSet<_> = others.flat_map(|(_, t)| &t.reached).collect();
            let only_here = tests.failed.iter().filter(|s| elsewhere.contains(s)).count();
            let ready = world.nodes.get("", node).is_none_or(o::Node::is_ready);
            // nothing at all is reached from here: it is the node's way to services, not a service
            if only_here >= SERVICES_MIN && tests.reached.is_empty() && ready {
                out.push(finding(node, tests, only_here));
            }
        }
        world.reaches.len()
    }
}

fn finding(node: &str, tests: &Tests<'_>, only_here: usize) -> Finding {
    let me = EntityRef::component(node, "kube-proxy");
    let mut finding = Finding::new("component.kube_proxy_down", me.clone())
        .nats(3.5)
        .arg("node", node)
        .arg("component", "kube-proxy")
        .arg("services", only_here.to_string())
        .evidence(Evidence::Arithmetic {
            object: me.clone(),
            what: "services".into(),
            left: format!("0 of {} reached from {node}", tests.failed.len()),
            relation: "but".into(),
            right: format!("{only_here} of them reached from other nodes"),
        });
    if let Some(sample) = tests.sample {
        let text = clip(sample.text.trim(), 300);
        finding = finding.evidence(Evidence::Quote { object: me, source: "connection test".into(), text });
    }
    finding
}

/// The node whose name stands in the first line of a test's text.
fn node_of<'w>(world: &'w World, text: &str) -> Option<&'w str> {
    let first = text.lines().find(|l| !l.trim().is_empty())?;
    let word = |w: &str, name: &str| w.trim_matches(|c: char| !c.is_ascii_alphanumeric()) == name;
    world.nodes.iter().map(o::Node::name).find(|n| first.split_whitespace().any(|w| word(w, n)))
}
