//! The story in one screen: what happens between signals and the answer.

use rootline_detect::{detect, doc_of};
use rootline_diagnose::{RuleSet, rank};
use rootline_model::{Class, Diagnosis, Scope};
use rootline_objects::Signal;
use rootline_world::World;

/// Runs every stage once.
pub(crate) fn run(signals: Vec<Signal>, rules: &RuleSet) -> (World, Diagnosis) {
    // sources ─► world: one picture of everything that was said
    let world = World::from_signals(signals);
    // world ─► findings: what is abnormal, with evidence
    let detected = detect(&world);
    // findings ─► incidents: candidates by rules, explained away along cause edges, grouped, ranked
    let ranked = rank(&world, &detected.findings, rules, &class_of);
    let diagnosis = Diagnosis {
        at: world.now,
        scope: scope(&world),
        incidents: ranked.incidents.into_iter().map(|r| r.incident).collect(),
        notes: ranked.notes,
        checks: detected.checks,
        gaps: world.gaps.clone(),
    };
    (world, diagnosis)
}

/// Codes that are in no catalogue (there are none, a test holds it) stand for facts.
fn class_of(code: &str) -> Class {
    doc_of(code).map_or(Class::Fact, |d| d.class)
}

fn scope(world: &World) -> Scope {
    let counts = [
        ("pods", world.pods.len()),
        ("nodes", world.nodes.len()),
        ("namespaces", world.namespaces.len()),
        ("deployments", world.deployments.len()),
        ("replicasets", world.replica_sets.len()),
        ("statefulsets", world.stateful_sets.len()),
        ("daemonsets", world.daemon_sets.len()),
        ("jobs", world.jobs.len()),
        ("cronjobs", world.cron_jobs.len()),
        ("services", world.services.len()),
        ("endpointslices", world.endpoint_slices.len()),
        ("ingresses", world.ingresses.len()),
        ("routes", world.routes.len()),
        ("networkpolicies", world.network_policies.len()),
        ("persistentvolumeclaims", world.claims.len()),
        ("persistentvolumes", world.volumes.len()),
        ("storageclasses", world.storage_classes.len()),
        ("configmaps", world.config_maps.len()),
        ("secrets", world.secrets.len()),
        ("serviceaccounts", world.service_accounts.len()),
        ("resourcequotas", world.quotas.len()),
        ("horizontalpodautoscalers", world.autoscalers.len()),
        ("poddisruptionbudgets", world.budgets.len()),
        ("webhooks", world.webhooks.len()),
        ("apiservices", world.api_services.len()),
    ];
    let mut namespaces: Vec<String> = world.pods.iter().map(|p| p.namespace().to_owned()).collect();
    namespaces.sort();
    namespaces.dedup();
    Scope {
        source: String::new(),
        cluster_version: world.version.clone(),
        objects: counts.into_iter().filter(|(_, n)| *n > 0).collect(),
        namespaces,
        events: world.events().len(),
        log_lines: world.logs().map(|t| t.lines.len()).sum(),
        elsewhere: 0,
    }
}
