//! World → findings: what is abnormal, with evidence. One file per subject.
//!
//! **Invariant:** a detector sees only the world; the same world gives the same findings in the same order.

mod addresses;
mod addresses_swapped;
mod admission;
mod admission_message;
mod admission_quota;
mod autoscale;
mod budgets;
mod catalog;
mod certificates;
mod claims;
mod claims_match;
pub mod codes;
mod complaints;
mod components;
mod containers;
mod containers_exit;
mod containers_memory;
mod containers_state;
#[cfg(test)]
mod containers_tests;
mod control_plane;
mod control_plane_alerts;
mod control_plane_objects;
mod create;
mod create_message;
mod create_refs;
mod create_sandbox;
mod create_start;
mod create_state;
mod dns;
mod endpoints;
mod evictions;
mod fit;
mod fit_around;
mod images;
mod images_message;
mod jobs;
mod listeners;
mod logs;
mod logs_database;
mod logs_database_port;
mod logs_facts;
mod logs_hosts;
mod logs_patterns;
mod logs_text;
mod network_agents;
mod nodes;
mod nodes_capacity;
mod nodes_events;
mod performance;
mod performance_series;
mod performance_view;
mod policies;
mod port_clash;
mod probes;
mod probes_judge;
mod probes_view;
mod probes_words;
mod reachability;
mod resemblance;
mod risks;
mod rollouts;
mod route_table;
mod routes;
mod routes_config;
mod schedule;
mod scheduling;
mod scheduling_args;
mod scheduling_decide;
mod scheduling_message;
mod scheduling_wait;
mod service_ports;
mod services;
mod starting;
mod termination;
mod traffic;
mod volumes;
mod volumes_attach;
mod webhooks;
mod workloads;
mod workloads_zero;

use rootline_model::{Check, Finding, Kind};
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
    detected.findings.retain(|f| !on_superseded_pod(world, f));
    for finding in &detected.findings {
        debug_assert!(doc_of(finding.code.as_str()).is_some(), "{} is not in the catalogue of findings", finding.code);
    }
    detected.findings.sort_by(|a, b| (&a.entity, &a.code).cmp(&(&b.entity, &b.code)));
    detected.findings.dedup();
    detected
}

/// What a finished rollout leaves behind is on its way out; only that it does not go is worth a word.
fn on_superseded_pod(world: &World, finding: &Finding) -> bool {
    let entity = &finding.entity;
    matches!(entity.kind, Kind::Pod | Kind::Container)
        && !finding.code.as_str().contains("terminating")
        && world.pods.get(&entity.namespace, &entity.name).is_some_and(|p| world.is_superseded(p))
}
