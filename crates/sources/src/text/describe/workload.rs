//! `kubectl describe` of deployments, replica sets, stateful sets, daemon sets, jobs and cron jobs.

use rootline_objects::{
    Condition, CronJob, DaemonSet, Deployment, Job, JobSpec, Object, ObjectRef, Pvc, Quantity, ReplicaSet, StatefulSet,
    WorkloadSpec, WorkloadStatus,
};

use super::super::found::{Detail, Found};
use super::super::time::moment;
use super::super::tree::{Entry, Line, entries, given, selector};
use super::{bracketed, common_meta, counted, owner, short_conditions, template};

/// Entries that all workloads share. False for any other.
fn shared(spec: &mut WorkloadSpec, entry: &Entry<'_, '_>) -> bool {
    match entry.key {
        "Selector" => spec.selector = selector(entry.value),
        "Pod Template" => spec.template = template::template(entry.body),
        _ => return false,
    }
    true
}

pub(super) fn deployment(lines: &[Line<'_>], found: &mut Found) -> Object {
    let mut out = Deployment::default();
    let mut replica_sets: Vec<(&str, &str)> = Vec::new();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || shared(&mut out.spec, &e) {
            continue;
        }
        match e.key {
            "Replicas" => {
                out.spec.replicas = counted(e.value, "desired");
                out.status.updated_replicas = counted(e.value, "updated").unwrap_or_default();
                out.status.replicas = counted(e.value, "total").unwrap_or_default();
                out.status.available_replicas = counted(e.value, "available").unwrap_or_default();
                out.status.unavailable_replicas = counted(e.value, "unavailable").unwrap_or_default();
            }
            "Conditions" => out.status.conditions = short_conditions(&e),
            "Progress Deadline Seconds" | "ProgressDeadlineSeconds" => out.spec.progress_deadline_seconds = e.number(),
            "OldReplicaSets" | "NewReplicaSet" => {
                replica_sets.extend(given(e.value).split("), ").filter_map(|r| r.split_once(" (")));
            }
            _ => {}
        }
    }
    // ready pods are not told; those that are available are ready
    out.status.ready_replicas = out.status.available_replicas;
    for (name, created) in replica_sets {
        let mut hint = ReplicaSet::default();
        name.clone_into(&mut hint.metadata.name);
        hint.metadata.namespace.clone_from(&out.metadata.namespace);
        hint.metadata.owner_references = owner(&format!("Deployment/{}", out.metadata.name));
        let (have, want) = created.split(' ').next().and_then(|c| c.split_once('/')).unwrap_or_default();
        hint.status.replicas = have.parse().unwrap_or_default();
        hint.spec.replicas = want.parse().ok();
        found.said.push((Detail::Hint, Object::ReplicaSet(Box::new(hint))));
    }
    Object::Deployment(Box::new(out))
}

pub(super) fn replica_set(lines: &[Line<'_>]) -> ReplicaSet {
    let mut out = ReplicaSet::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || shared(&mut out.spec, &e) {
            continue;
        }
        match e.key {
            "Controlled By" => out.metadata.owner_references = owner(e.value),
            "Replicas" => {
                out.status.replicas = counted(e.value, "current").unwrap_or_default();
                out.spec.replicas = counted(e.value, "desired");
            }
            "Pods Status" => running(&mut out.status, e.value),
            "Conditions" => out.status.conditions = short_conditions(&e),
            _ => {}
        }
    }
    out
}

/// Ready pods are not told, only running ones; a table beside this text corrects it.
fn running(status: &mut WorkloadStatus, value: &str) {
    status.ready_replicas = counted(value, "Running").unwrap_or_default();
    status.available_replicas = status.ready_replicas;
}

pub(super) fn stateful_set(lines: &[Line<'_>]) -> StatefulSet {
    let mut out = StatefulSet::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || shared(&mut out.spec, &e) {
            continue;
        }
        match e.key {
            "Replicas" => {
                out.spec.replicas = counted(e.value, "desired");
                out.status.replicas = counted(e.value, "total").unwrap_or_default();
            }
            "Pods Status" => running(&mut out.status, e.value),
            "Volume Claims" => out.spec.volume_claim_templates = claim_templates(&e),
            _ => {}
        }
    }
    out
}

/// Each template begins with its `Name:`; they stand one after another on one level.
fn claim_templates(entry: &Entry<'_, '_>) -> Vec<Pvc> {
    let mut out: Vec<Pvc> = Vec::new();
    for e in entry.children() {
        if e.key == "Name" {
            out.push(Pvc::default());
        }
        let Some(claim) = out.last_mut() else { continue };
        match e.key {
            "Name" => claim.metadata.name = e.text(),
            "StorageClass" => claim.spec.storage_class_name = Some(e.text()).filter(|c| !c.is_empty()),
            "Capacity" => {
                let storage = Quantity::parse(given(e.value)).map(|q| ("storage".to_owned(), q));
                claim.spec.resources.requests.extend(storage);
            }
            "Access Modes" => claim.spec.access_modes = bracketed(e.value),
            _ => {}
        }
    }
    out
}

pub(super) fn daemon_set(lines: &[Line<'_>]) -> DaemonSet {
    let mut out = DaemonSet::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || shared(&mut out.spec, &e) {
            continue;
        }
        let number = e.number().unwrap_or_default();
        let status = &mut out.status;
        match e.key {
            "Desired Number of Nodes Scheduled" => status.desired_number_scheduled = number,
            "Current Number of Nodes Scheduled" => status.current_number_scheduled = number,
            "Number of Nodes Scheduled with Up-to-date Pods" => status.updated_number_scheduled = number,
            "Number of Nodes Scheduled with Available Pods" => status.number_available = number,
            "Number of Nodes Misscheduled" => status.number_misscheduled = number,
            _ => {}
        }
    }
    out.status.number_ready = out.status.number_available;
    out.status.number_unavailable = (out.status.desired_number_scheduled - out.status.number_available).max(0);
    out
}

/// Entries that a job and the template of a cron job share. False for any other.
fn job_spec(spec: &mut JobSpec, e: &Entry<'_, '_>) -> bool {
    match e.key {
        "Selector" => spec.selector = selector(e.value),
        "Pod Template" => spec.template = template::template(e.body),
        "Parallelism" => spec.parallelism = e.number(),
        "Completions" => spec.completions = e.number(),
        "Backoff Limit" => spec.backoff_limit = e.number(),
        "Active Deadline Seconds" => spec.active_deadline_seconds = e.number(),
        _ => return false,
    }
    true
}

pub(super) fn job(lines: &[Line<'_>]) -> Job {
    let mut out = Job::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || job_spec(&mut out.spec, &e) {
            continue;
        }
        match e.key {
            "Controlled By" => out.metadata.owner_references = owner(e.value),
            "Suspend" => out.spec.suspend = Some(e.value.eq_ignore_ascii_case("true")),
            "Start Time" => out.status.start_time = moment(e.value),
            "Completed At" => out.status.completion_time = moment(e.value),
            "Pods Statuses" => {
                out.status.active = counted(e.value, "Active").unwrap_or_default();
                out.status.succeeded = counted(e.value, "Succeeded").unwrap_or_default();
                out.status.failed = counted(e.value, "Failed").unwrap_or_default();
            }
            _ => {}
        }
    }
    if out.status.completion_time.0.is_some() {
        out.status.conditions.push(Condition {
            kind: "Complete".to_owned(),
            status: "True".to_owned(),
            last_transition_time: out.status.completion_time,
            ..Condition::default()
        });
    }
    out
}

pub(super) fn cron_job(lines: &[Line<'_>]) -> CronJob {
    let mut out = CronJob::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || job_spec(&mut out.spec.job_template.spec, &e) {
            continue;
        }
        match e.key {
            "Schedule" => out.spec.schedule = e.text(),
            "Time Zone" => out.spec.time_zone = e.text(),
            "Concurrency Policy" => out.spec.concurrency_policy = e.text(),
            "Suspend" => out.spec.suspend = Some(e.value.eq_ignore_ascii_case("true")),
            "Starting Deadline Seconds" => out.spec.starting_deadline_seconds = e.number(),
            "Last Schedule Time" => out.status.last_schedule_time = moment(e.value),
            "Active Jobs" => {
                let names = given(e.value).split(", ").filter(|n| !n.is_empty());
                let job = |name: &str| ObjectRef { kind: "Job".into(), name: name.into(), ..ObjectRef::default() };
                out.status.active = names.map(job).collect();
            }
            _ => {}
        }
    }
    out
}
