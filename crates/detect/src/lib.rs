//! World → findings: what is abnormal, with evidence. One file per subject.
//!
//! **Invariant:** a detector sees only the world; the same world gives the same findings in the same order.

mod addresses;
mod addresses_swapped;
mod autoscale;
mod budgets;
mod catalog;
pub mod codes;
mod complaints;
mod dns;
mod endpoints;
mod jobs;
mod listeners;
mod network_agents;
mod policies;
mod port_clash;
mod resemblance;
mod risks;
mod rollouts;
mod route_table;
mod routes;
mod routes_config;
mod schedule;
mod service_ports;
mod services;
mod starting;
mod traffic;
mod workloads;
mod workloads_zero;

use rootline_model::{Check, Finding};
use rootline_world::World;

pub use catalog::catalog;
pub use codes::{Class, FindingDoc, doc_of};

/// Looks for one kind of trouble.
pub trait Detector: Sync {
    /// Stable short name, shown under "what was checked": `pod scheduling`.
    fn name(&self) -> &'static str;

    /// Adds findings; returns how many things were looked at.
    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize;
}

/// All findings of a world in a fixed order, and what was checked.
#[derive(Debug, Default)]
pub struct Detected {
    pub findings: Vec<Finding>,
    pub checks: Vec<Check>,
}

/// Runs every detector.
pub fn detect(world: &World) -> Detected {
    let mut detected = Detected::default();
    for detector in catalog() {
        let before = detected.findings.len();
        let looked_at = detector.detect(world, &mut detected.findings);
        let problems = detected.findings.len() - before;
        detected.checks.push(Check { name: detector.name(), looked_at, problems });
    }
    for finding in &detected.findings {
        debug_assert!(doc_of(finding.code.as_str()).is_some(), "{} is not in the catalogue of findings", finding.code);
    }
    detected.findings.sort_by(|a, b| (&a.entity, &a.code).cmp(&(&b.entity, &b.code)));
    detected.findings.dedup();
    detected
}
