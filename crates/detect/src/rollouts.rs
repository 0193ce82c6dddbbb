//! Rollouts that do not come to an end.
//!
//! *What it finds*: a passed progress deadline, a new revision whose pods fail beside good old ones, a rollout that stands
//! on one node, a paused one, a controller manager that does not follow. *Why it matters*: the change is the cause, and
//! undoing it is the quickest repair. *Evidence used*: conditions, replica sets and their revisions, pods. *What can fool
//! it*: rollouts still within their time.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::starting::{is_active, is_overdue, settled};
use crate::traffic::field;

pub(crate) struct Rollouts;

impl Detector for Rollouts {
    fn name(&self) -> &'static str {
        "rollouts"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for deployment in &world.deployments {
            out.extend(deadline(deployment));
            out.extend(new_revision(world, deployment));
            out.extend(paused(deployment));
        }
        for set in &world.daemon_sets {
            out.extend(daemon_stuck(world, set));
        }
        lagging(world, out);
        world.deployments.len() + world.stateful_sets.len() + world.daemon_sets.len()
    }
}

fn me(deployment: &o::Deployment) -> EntityRef {
    EntityRef::new(Kind::Deployment, deployment.namespace(), deployment.name())
}

fn deadline(deployment: &o::Deployment) -> Option<Finding> {
    let condition = deployment.status.conditions.iter().find(|c| c.is("Progressing", "False"))?;
    if condition.reason != "ProgressDeadlineExceeded" {
        return None;
    }
    let me = me(deployment);
    Some(
        Finding::new("rollout.deadline_exceeded", me.clone())
            .since(condition.last_transition_time.0)
            .arg("deadline", deployment.spec.progress_deadline_seconds.unwrap_or(600).to_string())
            .arg("message", condition.message.clone())
            .evidence(Evidence::Condition {
                object: me,
                condition: condition.kind.clone(),
                status: condition.status.clone(),
                reason: condition.reason.clone(),
                message: condition.message.clone(),
                since: condition.last_transition_time.0,
            }),
    )
}

fn revision(set: &o::ReplicaSet) -> i64 {
    set.metadata.annotations.get("deployment.kubernetes.io/revision").and_then(|r| r.parse().ok()).unwrap_or(0)
}

/// All pods of the newest revision fail while pods of an older one are ready.
fn new_revision(world: &World, deployment: &o::Deployment) -> Option<Finding> {
    let me = me(deployment);
    let mut sets: Vec<&o::ReplicaSet> = world
        .replica_sets
        .iter()
        .filter(|r| r.namespace() == deployment.namespace())
        .filter(|r| r.metadata.controller().is_some_and(|c| c.kind == "Deployment" && c.name == deployment.name()))
        .collect();
    sets.sort_by_key(|r| (revision(r), r.metadata.creation_timestamp));
    let (newest, older) = sets.split_last()?;
    let pods = |set: &o::ReplicaSet| {
        let set = EntityRef::new(Kind::ReplicaSet, set.namespace(), set.name());
        world.pods_of(&set).filter(|p| is_active(p)).collect::<Vec<_>>()
    };
    let fresh = pods(newest);
    let failing = !fresh.is_empty() && fresh.iter().all(|p| is_overdue(world, p));
    let good = older.iter().rev().find(|r| pods(r).iter().any(|p| p.is_ready()))?;
    failing.then(|| {
        Finding::new("rollout.new_revision_fails", me.clone())
            .since(newest.metadata.creation_timestamp.0)
            .arg("revision", revision(newest).to_string())
            .arg("good_revision", revision(good).to_string())
            .arg("replicaset", newest.name())
            .evidence(field(
                &EntityRef::new(Kind::ReplicaSet, newest.namespace(), newest.name()),
                "status.readyReplicas",
                newest.status.ready_replicas.to_string(),
            ))
            .evidence(field(
                &EntityRef::new(Kind::ReplicaSet, good.namespace(), good.name()),
                "status.readyReplicas",
                good.status.ready_replicas.to_string(),
            ))
    })
}

fn paused(deployment: &o::Deployment) -> Option<Finding> {
    let unfinished = deployment.status.updated_replicas < deployment.spec.replicas.unwrap_or(1);
    (deployment.spec.paused == Some(true) && unfinished).then(|| {
        Finding::new("rollout.paused", me(deployment))
            .arg("updated", deployment.status.updated_replicas.to_string())
            .evidence(field(&me(deployment), "spec.paused", "true"))
    })
}

/// A daemon set's update stands because pods on some nodes are not ready.
fn daemon_stuck(world: &World, set: &o::DaemonSet) -> Option<Finding> {
    let status = &set.status;
    let wanted = status.desired_number_scheduled;
    if status.updated_number_scheduled == 0
        || status.updated_number_scheduled >= wanted
        || status.number_unavailable == 0
    {
        return None;
    }
    let me = EntityRef::new(Kind::DaemonSet, set.namespace(), set.name());
    let stuck: Vec<&o::Pod> = world.pods_of(&me).filter(|p| is_overdue(world, p)).collect();
    let first = stuck.first()?;
    let mut finding = Finding::new("daemonset.rollout_stuck", me.clone())
        .arg("updated", status.updated_number_scheduled.to_string())
        .arg("desired", wanted.to_string())
        .arg("node", first.spec.node_name.clone())
        .about(EntityRef::pod(first.namespace(), first.name()))
        .evidence(field(&me, "status.updatedNumberScheduled", status.updated_number_scheduled.to_string()));
    if !first.spec.node_name.is_empty() {
        finding = finding.about(EntityRef::node(&first.spec.node_name));
    }
    Some(finding)
}

/// `observedGeneration` behind `generation`: the controller manager does not see changes. One workload may have been
/// changed in the very moment of reading; several have not.
fn lagging(world: &World, out: &mut Vec<Finding>) {
    let parts = |m: &o::Meta, observed: Option<i64>, kind: Kind| {
        let generation = m.generation?;
        let behind = settled(world, m) && observed.unwrap_or(0) < generation && observed.is_some();
        behind.then(|| (EntityRef::new(kind, &m.namespace, &m.name), generation, observed.unwrap_or(0)))
    };
    let mut behind: Vec<(EntityRef, i64, i64)> = Vec::new();
    behind.extend(
        world.deployments.iter().filter_map(|d| parts(&d.metadata, d.status.observed_generation, Kind::Deployment)),
    );
    behind.extend(
        world.stateful_sets.iter().filter_map(|d| parts(&d.metadata, d.status.observed_generation, Kind::StatefulSet)),
    );
    behind.extend(
        world.daemon_sets.iter().filter_map(|d| parts(&d.metadata, d.status.observed_generation, Kind::DaemonSet)),
    );
    let silent_s = world
        .leases
        .get("kube-system", "kube-controller-manager")
        .and_then(|l| world.age_s(l.spec.renew_time))
        .filter(|age| *age > 60);
    if behind.len() < 2 && (silent_s.is_none() || behind.is_empty()) {
        return;
    }
    let nats = if silent_s.is_some() { 4.0 } else { 2.0 };
    for (entity, generation, observed) in behind {
        let lag = format!("{observed} < {generation}");
        let mut finding = Finding::new("workload.generation_lag", entity.clone())
            .nats(nats)
            .arg("generation", generation.to_string())
            .arg("observed", observed.to_string())
            .about(EntityRef::component("", "kube-controller-manager"))
            .evidence(field(&entity, "status.observedGeneration", lag));
        if let Some(age) = silent_s {
            let lease = EntityRef::new(Kind::Lease, "kube-system", "kube-controller-manager");
            finding = finding.evidence(field(&lease, "spec.renewTime", format!("{age} s ago")));
        }
        out.push(finding);
    }
}
