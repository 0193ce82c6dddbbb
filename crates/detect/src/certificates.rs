//! Certificate requests that nobody approves.
//!
//! **What it finds** requests of kubelets that wait, and nodes that are not ready for want of the certificate.
//! **Why it matters** a kubelet without a certificate cannot join, or cannot serve logs and exec.
//! **Evidence used** CSR conditions, node readiness. **How to confirm by hand** `kubectl get csr`.
//! **What can fool it** requests that an operator leaves for a person to approve.
//! **Source** failure-modes rows 150, 166.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;

/// Approvers act within seconds. Starting value, see ADR-0003.
const WAITING_S: i64 = 300;

pub(crate) struct Certificates;

impl Detector for Certificates {
    fn name(&self) -> &'static str {
        "certificate requests"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut told: Vec<String> = Vec::new();
        for csr in world.csrs.iter().filter(|c| waits(world, c)) {
            let node = csr.spec.username.strip_prefix("system:node:").unwrap_or_default();
            // a kubelet asks again every quarter of an hour: one word per node and signer
            let key = format!("{} {}", csr.spec.signer_name, csr.spec.username);
            if !csr.spec.signer_name.starts_with("kubernetes.io/") || told.contains(&key) {
                continue;
            }
            told.push(key);
            out.push(finding(world, csr, node));
        }
        world.csrs.len()
    }
}

fn waits(world: &World, csr: &o::Csr) -> bool {
    let decided = csr.status.conditions.iter().any(|c| matches!(c.kind.as_str(), "Approved" | "Denied" | "Failed"));
    !decided && world.age_s(csr.metadata.creation_timestamp).is_some_and(|a| a >= WAITING_S)
}

fn finding(world: &World, csr: &o::Csr, node: &str) -> Finding {
    let me = EntityRef::wide(Kind::Csr, csr.name());
    let field =
        Evidence::Field { object: me.clone(), path: "status.conditions".into(), value: "none (Pending)".into() };
    let suffers = world.nodes.get("", node).is_some_and(|n| !n.is_ready());
    let (code, entity) =
        if suffers { ("node.certificate_waiting", EntityRef::node(node)) } else { ("csr.waiting", me.clone()) };
    Finding::new(code, entity)
        .nats(if suffers { 3.0 } else { 1.0 })
        .since(csr.metadata.creation_timestamp.0)
        .arg("csr", csr.name())
        .arg("signer", csr.spec.signer_name.as_str())
        .arg("username", csr.spec.username.as_str())
        .arg("node", node)
        .about(me)
        .evidence(field)
}
