//! Jobs that failed and cron jobs that do not run.
//!
//! *What it finds*: back-off limit, deadline, failure policy; suspended, unparsable, missed and overlapping schedules.
//! *Evidence used*: conditions (never `status.failed` alone: a job may fail twice and complete), pods, events. *How to
//! confirm by hand*: `kubectl describe job`. *What can fool it*: retries that ended well.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::clip;
use crate::schedule::Schedule;
use crate::starting::GRACE_S;
use crate::traffic::field;

pub(crate) struct Jobs;

impl Detector for Jobs {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for job in &world.jobs {
            out.extend(failed(world, job));
        }
        for cron in &world.cron_jobs {
            out.extend(cron_job(world, cron));
        }
        world.jobs.len() + world.cron_jobs.len()
    }
}

fn failed(world: &World, job: &o::Job) -> Option<Finding> {
    let me = EntityRef::new(Kind::Job, job.namespace(), job.name());
    let condition = job.status.conditions.iter().find(|c| c.is("Failed", "True") || c.is("FailureTarget", "True"))?;
    if job.status.conditions.iter().any(|c| c.is("Complete", "True")) || superseded(world, job) {
        return None;
    }
    let code = match condition.reason.as_str() {
        "DeadlineExceeded" => "job.deadline_exceeded",
        "PodFailurePolicy" => "job.failed_by_policy",
        _ => "job.backoff_limit",
    };
    let mut finding = Finding::new(code, me.clone())
        .since(condition.last_transition_time.0)
        .arg("reason", condition.reason.clone())
        .arg("message", condition.message.clone())
        .arg("limit", job.spec.backoff_limit.unwrap_or(6).to_string())
        .arg("deadline", job.spec.active_deadline_seconds.map(|s| s.to_string()).unwrap_or_default())
        .evidence(Evidence::Condition {
            object: me.clone(),
            condition: condition.kind.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.0,
        });
    if let Some((evidence, exit)) = last_words(world, &me) {
        finding = finding.arg("exit_code", exit);
        for piece in evidence {
            finding = finding.evidence(piece);
        }
    }
    Some(finding)
}

/// A later job of the same cron job succeeded: the failure is history.
fn superseded(world: &World, job: &o::Job) -> bool {
    let Some(owner) = job.metadata.controller().filter(|o| o.kind == "CronJob") else { return false };
    let sibling =
        |j: &&o::Job| j.namespace() == job.namespace() && j.metadata.controller().is_some_and(|o| o.name == owner.name);
    world
        .jobs
        .iter()
        .filter(sibling)
        .filter(|j| j.metadata.creation_timestamp > job.metadata.creation_timestamp)
        .any(|j| j.status.conditions.iter().any(|c| c.is("Complete", "True")))
}

/// How the job's last pod ended: state and last log line.
fn last_words(world: &World, job: &EntityRef) -> Option<(Vec<Evidence>, String)> {
    let pod = world
        .pods_of(job)
        .filter(|p| p.status.phase == "Failed" || !p.is_ready())
        .max_by_key(|p| p.metadata.creation_timestamp)?;
    let (container, ended) = pod.containers().find_map(|(c, s, _)| {
        let status = s?;
        let ended = status.state.terminated.as_ref().or(status.last_state.terminated.as_ref())?;
        (ended.exit_code != 0).then_some((c, ended))
    })?;
    let me = EntityRef::container(pod.namespace(), pod.name(), &container.name);
    let mut evidence = vec![Evidence::State {
        container: me.clone(),
        state: "terminated".to_owned(),
        reason: ended.reason.clone(),
        exit_code: ended.known_exit_code(),
        message: clip(&ended.message),
        at: ended.finished_at.0,
    }];
    let tails = world.logs_of(pod.namespace(), pod.name());
    if let Some(line) = tails.iter().flat_map(|t| t.lines.last()).next() {
        evidence.push(Evidence::Log { container: me, line: clip(line), previous: false, count: 1 });
    }
    Some((evidence, ended.exit_word()))
}

fn cron_job(world: &World, cron: &o::CronJob) -> Option<Finding> {
    let me = EntityRef::new(Kind::CronJob, cron.namespace(), cron.name());
    let schedule = cron.spec.schedule.as_str();
    let with = |code: &'static str| {
        Finding::new(code, me.clone()).arg("schedule", schedule).evidence(field(&me, "spec.schedule", schedule))
    };
    if cron.spec.suspend == Some(true) {
        return Some(with("cronjob.suspended").evidence(field(&me, "spec.suspend", "true")));
    }
    let event = |reasons: &[&str]| world.events_of(&me).rev().find(|e| reasons.contains(&e.reason.as_str())).cloned();
    let parsed = if schedule.is_empty() { None } else { Some(Schedule::parse(schedule)) };
    let unparsable = event(&["UnparseableSchedule", "UnparsableSchedule", "UnknownTimeZone", "InvalidSchedule"]);
    if unparsable.is_some() || matches!(parsed, Some(None)) {
        let mut finding = with("cronjob.bad_schedule").nats(if unparsable.is_some() { 4.0 } else { 3.0 });
        if let Some(e) = unparsable {
            finding = finding.arg("message", e.message.clone()).evidence(event_evidence(&me, &e));
        }
        return Some(finding);
    }
    let active = cron.status.active.len();
    if active > 1 && matches!(cron.spec.concurrency_policy.as_str(), "" | "Allow") {
        return Some(with("cronjob.overlap").arg("active", active.to_string()).evidence(field(
            &me,
            "status.active",
            active.to_string(),
        )));
    }
    missed(world, cron, parsed.flatten().as_ref(), &with)
}

/// Several runs are due since the last one.
fn missed(
    world: &World,
    cron: &o::CronJob,
    schedule: Option<&Schedule>,
    with: &dyn Fn(&'static str) -> Finding,
) -> Option<Finding> {
    let me = EntityRef::new(Kind::CronJob, cron.namespace(), cron.name());
    if let Some(e) =
        world.events_of(&me).rev().find(|e| matches!(e.reason.as_str(), "TooManyMissedTimes" | "MissSchedule"))
    {
        let after = cron.status.last_schedule_time.0.is_none_or(|run| e.last.is_none_or(|seen| seen > run));
        if after {
            return Some(
                with("cronjob.missed")
                    .nats(3.5)
                    .since(e.last)
                    .arg("message", e.message.clone())
                    .arg("missed", e.count.to_string())
                    .evidence(event_evidence(&me, e)),
            );
        }
    }
    // a zone of its own shifts the hours; whether a run is due is then not for us to say
    if !cron.spec.time_zone.is_empty() && cron.spec.time_zone != "Etc/UTC" && cron.spec.time_zone != "UTC" {
        return None;
    }
    // a run that still works may hold the next one back
    if !cron.status.active.is_empty() {
        return None;
    }
    let from = cron.status.last_schedule_time.0.or(cron.metadata.creation_timestamp.0)?;
    let due = schedule?.runs_between(from.as_second(), world.now.as_second() - 2 * GRACE_S);
    // the first run after a change of the schedule may be skipped; two are not
    (due >= 2).then(|| {
        with("cronjob.missed")
            .nats(1.5)
            .since(Some(from))
            .arg("missed", due.to_string())
            .arg("message", String::new())
            .about(EntityRef::component("", "kube-controller-manager"))
            .evidence(field(&me, "status.lastScheduleTime", from.to_string()))
    })
}

fn event_evidence(object: &EntityRef, event: &rootline_world::EventView) -> Evidence {
    Evidence::Event {
        object: object.clone(),
        reason: event.reason.clone(),
        message: clip(&event.message),
        count: event.count,
        last: event.last,
    }
}
