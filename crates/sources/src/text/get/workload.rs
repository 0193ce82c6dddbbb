//! Rows of deployments, replica sets, stateful sets, daemon sets, jobs and cron jobs.

use jiff::Timestamp;
use rootline_objects::{
    Condition, Container, CronJob, DaemonSet, Deployment, Job, ReplicaSet, StatefulSet, Template, WorkloadSpec,
};

use super::super::table::Row;
use super::super::time::{ago, seconds};
use super::super::tree::{label_line, selector};

/// CONTAINERS and IMAGES of the wide form, paired.
fn template(row: &Row<'_, '_>) -> Template {
    let mut out = Template::default();
    let names = row.get("CONTAINERS").split(',').filter(|n| !n.is_empty());
    let mut images = row.get("IMAGES").split(',');
    out.spec.containers = names
        .map(|name| Container {
            name: name.to_owned(),
            image: images.next().unwrap_or_default().to_owned(),
            ..Container::default()
        })
        .collect();
    out
}

fn spec(row: &Row<'_, '_>, replicas: Option<i64>) -> WorkloadSpec {
    let mut out = WorkloadSpec { replicas, template: template(row), ..WorkloadSpec::default() };
    if row.has("SELECTOR") {
        out.selector = selector(row.get("SELECTOR"));
    }
    out
}

/// `1/3`.
fn fraction(text: &str) -> (Option<i64>, Option<i64>) {
    let (have, want) = text.split_once('/').unwrap_or_default();
    (have.parse().ok(), want.parse().ok())
}

pub(super) fn deployment(row: &Row<'_, '_>) -> Deployment {
    let (ready, want) = fraction(row.get("READY"));
    let number = |name: &str| row.number(name).unwrap_or_default();
    let mut out = Deployment { spec: spec(row, want.or(row.number("DESIRED"))), ..Deployment::default() };
    out.status.ready_replicas = ready.unwrap_or_else(|| number("AVAILABLE"));
    out.status.updated_replicas = number("UP-TO-DATE");
    out.status.available_replicas = number("AVAILABLE");
    out.status.replicas =
        row.number("CURRENT").unwrap_or_else(|| out.status.updated_replicas.max(out.status.ready_replicas));
    out.status.unavailable_replicas = (out.spec.replicas.unwrap_or_default() - out.status.available_replicas).max(0);
    out
}

pub(super) fn replica_set(row: &Row<'_, '_>) -> ReplicaSet {
    let mut out = ReplicaSet { spec: spec(row, row.number("DESIRED")), ..ReplicaSet::default() };
    out.status.replicas = row.number("CURRENT").unwrap_or_default();
    out.status.ready_replicas = row.number("READY").unwrap_or_default();
    out.status.available_replicas = out.status.ready_replicas;
    out
}

pub(super) fn stateful_set(row: &Row<'_, '_>) -> StatefulSet {
    let (ready, want) = fraction(row.get("READY"));
    let want = want.or(row.number("DESIRED"));
    let mut out = StatefulSet { spec: spec(row, want), ..StatefulSet::default() };
    out.status.ready_replicas = ready.or(row.number("CURRENT")).unwrap_or_default();
    out.status.replicas = out.status.ready_replicas;
    out.status.available_replicas = out.status.ready_replicas;
    out
}

pub(super) fn daemon_set(row: &Row<'_, '_>) -> DaemonSet {
    let number = |name: &str| row.number(name).unwrap_or_default();
    let mut out = DaemonSet { spec: spec(row, None), ..DaemonSet::default() };
    out.spec.template.spec.node_selector = label_line(row.get("NODE SELECTOR"));
    let status = &mut out.status;
    status.desired_number_scheduled = number("DESIRED");
    status.current_number_scheduled = number("CURRENT");
    status.number_ready = number("READY");
    status.updated_number_scheduled = number("UP-TO-DATE");
    status.number_available = number("AVAILABLE");
    status.number_unavailable = (status.desired_number_scheduled - status.number_available).max(0);
    out
}

pub(super) fn job(row: &Row<'_, '_>, now: Timestamp) -> Job {
    let mut out = Job::default();
    let (done, wanted) = row.get("COMPLETIONS").split_once('/').unwrap_or_default();
    out.status.succeeded = done.parse().unwrap_or_default();
    out.spec.completions = wanted.split(' ').next().and_then(|n| n.parse().ok());
    out.spec.template = template(row);
    out.spec.selector = selector(row.get("SELECTOR"));
    out.status.start_time = ago(now, row.get("AGE"));
    let complete = out.spec.completions.is_some_and(|n| out.status.succeeded >= n);
    let condition = match row.get("STATUS") {
        "Complete" => Some("Complete"),
        "Failed" => Some("Failed"),
        "Suspended" => Some("Suspended"),
        // kubectl before 1.31 has no such column
        "" if complete => Some("Complete"),
        _ => None,
    };
    if condition == Some("Complete")
        && let (Some(start), Some(took)) = (out.status.start_time.0, seconds(row.get("DURATION")))
    {
        out.status.completion_time.0 = start.checked_add(jiff::SignedDuration::from_secs(took)).ok();
    }
    out.spec.suspend = (condition == Some("Suspended")).then_some(true);
    out.status.active = i64::from(row.get("STATUS") == "Running");
    let condition =
        condition.map(|kind| Condition { kind: kind.to_owned(), status: "True".to_owned(), ..Condition::default() });
    out.status.conditions = condition.into_iter().collect();
    out
}

pub(super) fn cron_job(row: &Row<'_, '_>, now: Timestamp) -> CronJob {
    let mut out = CronJob::default();
    row.get("SCHEDULE").clone_into(&mut out.spec.schedule);
    row.get("TIMEZONE").clone_into(&mut out.spec.time_zone);
    out.spec.suspend = Some(row.get("SUSPEND").eq_ignore_ascii_case("true"));
    out.spec.job_template.spec.template = template(row);
    out.status.last_schedule_time = ago(now, row.get("LAST SCHEDULE"));
    out
}
