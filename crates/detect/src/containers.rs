//! Containers that end.
//!
//! *What it finds*: memory kills (the container's own limit, a child process, the node), crashes, native signals, programs
//! that end well where they should stay, containers lost with their node. *Why it matters*: CrashLoopBackOff says nothing
//! but that something ended. *Evidence used*: state and last state, exit code, events, the previous log, restart policy.
//! *How to confirm by hand*: `kubectl describe pod`, `kubectl logs --previous`. *What can fool it*: exit 137 after a failed
//! liveness probe (no memory trouble), retries of a job that ended well, a restart long ago, a node's reboot (exit 255).
//! *Source*: failure-modes rows 51–53, 56–60, 75.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::containers_exit::{Exit, classify};
use crate::containers_memory as memory;
use crate::containers_state::{Seen, Standing, event_evidence, seen};
use crate::logs_hosts::target_of;
use crate::logs_patterns::code_of;
use crate::logs_text::{container_of, is_recent, last_words, lines, quote, said, tails};

pub(crate) struct Containers;

/// Restarts of pods of one workload within this time are one storm. Starting value, see ADR-0003.
const STORM_S: i64 = 300;
const STORM_PODS: usize = 3;
/// Lines at the end of a log that are the program's last moments.
const LAST_LINES: usize = 40;

impl Detector for Containers {
    fn name(&self) -> &'static str {
        "container ends and restarts"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        let mut ends: BTreeMap<EntityRef, Vec<(i64, EntityRef)>> = BTreeMap::new();
        for pod in &world.pods {
            if crate::starting::is_active(pod) && !pod.is_ready() {
                out.extend(memory::at_start(world, pod));
            }
            for c in seen(world, pod) {
                looked_at += 1;
                match c.standing {
                    Standing::Crashing => {
                        crashing(world, &c, out);
                        if let Some(at) = c.last.and_then(|t| t.finished_at.0).filter(|_| !c.init) {
                            ends.entry(world.workload_of(pod)).or_default().push((at.as_second(), c.entity().whole()));
                        }
                    }
                    Standing::Recovered => out.extend(restarted(&c)),
                    Standing::Unready | Standing::Fine => {}
                }
            }
        }
        storms(ends, out);
        looked_at
    }
}

fn crashing(world: &World, c: &Seen<'_>, out: &mut Vec<Finding>) {
    out.extend(c.status.state.waiting.as_ref().filter(|w| w.reason == "CrashLoopBackOff").map(|w| back_off(c, w)));
    let Some(last) = c.last else {
        // a table row says CrashLoopBackOff and no more: the log may tell the rest
        out.extend(untold_crash(world, c));
        return;
    };
    out.push(generic(c, last));
    let exit = classify(world, c, last);
    let finding = match &exit {
        Exit::Memory => memory::own_limit(world, c, last),
        Exit::Child => memory::child(world, c, last),
        Exit::NodeMemory => memory::node(world, c, last),
        Exit::Probe | Exit::NotStarted => return,
        Exit::Killed => dress(world, c, Finding::new("container.killed", c.entity()).nats(2.0)),
        Exit::Signal(name) => {
            dress(world, c, Finding::new("container.native_crash", c.entity()).nats(3.5)).arg("signal", *name)
        }
        Exit::Stopped => dress(world, c, Finding::new("container.stopped", c.entity()).nats(2.0)),
        Exit::Lost => lost(world, c),
        Exit::Clean => dress(world, c, Finding::new("container.exits_clean", c.entity()).nats(3.5)),
        // the init containers' own detector names them
        Exit::Program if c.init => return,
        Exit::Program => crash(world, c),
    };
    out.push(finding);
}

/// Arguments and evidence that every end of a container has.
fn dress(world: &World, c: &Seen<'_>, finding: Finding) -> Finding {
    let mut finding = finding
        .since(onset(c))
        .arg("container", c.status.name.clone())
        .arg("restarts", c.status.restart_count.to_string())
        .arg("limit", c.limit("memory").unwrap_or_else(|| "-".to_owned()));
    if let Some(t) = c.last {
        finding = finding.arg("exit_code", t.exit_word()).arg("reason", t.reason.clone());
    }
    finding = c.evidence().into_iter().fold(finding, Finding::evidence);
    match death_log(world, c).and_then(|tail| Some((tail, last_words(tail)?))) {
        Some((tail, line)) => finding.arg("line", said(line)).evidence(quote(world, tail, line, 1)),
        None => finding.arg("line", "-"),
    }
}

/// When the trouble began: the first back-off that the events still know, else the last end.
fn onset(c: &Seen<'_>) -> Option<rootline_model::Timestamp> {
    c.last.and_then(|t| t.started_at.0.or(t.finished_at.0))
}

/// The log of the run that ended: the previous one, or the current one of a container that does not run.
pub(crate) fn death_log<'w>(world: &'w World, c: &Seen<'w>) -> Option<&'w o::LogTail> {
    let all: Vec<&o::LogTail> = tails(world, c.pod, &c.status.name).collect();
    let with_text = |previous: bool| all.iter().copied().find(|t| t.previous == previous && lines(t).next().is_some());
    let current = || with_text(false).filter(|_| c.status.state.running.is_none());
    if c.status.state.terminated.is_some() {
        current().or_else(|| with_text(true))
    } else {
        with_text(true).or_else(current)
    }
}

fn generic(c: &Seen<'_>, t: &o::Terminated) -> Finding {
    let finding = Finding::new("container.terminated", c.entity())
        .nats(2.0)
        .since(t.finished_at.0)
        .arg("container", c.status.name.clone())
        .arg("reason", t.reason.clone())
        .arg("message", t.message.clone())
        .arg("exit_code", t.exit_word());
    c.evidence().into_iter().fold(finding, Finding::evidence)
}

fn back_off(c: &Seen<'_>, waiting: &o::Waiting) -> Finding {
    Finding::new("container.back_off", c.entity())
        .nats(2.0)
        .arg("container", c.status.name.clone())
        .arg("restarts", c.status.restart_count.to_string())
        .arg("message", waiting.message.clone())
}

/// Trouble that another program made, as the last lines of a log tell: who it is, if that can be told. The container is
/// then its victim.
pub(crate) fn blamed(world: &World, tail: &o::LogTail) -> Option<Option<EntityRef>> {
    const DEPENDENCY: [&str; 3] = ["log.connection_refused", "log.connection_timeout", "log.dns_failure"];
    let line = lines(tail)
        .rev()
        .take(LAST_LINES)
        .find(|l| is_recent(world, l) && code_of(l).is_some_and(|code| DEPENDENCY.contains(&code)))?;
    Some(target_of(world, &tail.namespace, line).and_then(|t| t.entity().cloned()))
}

fn crash(world: &World, c: &Seen<'_>) -> Finding {
    let tail = death_log(world, c);
    let victim = tail.and_then(|t| blamed(world, t));
    let (code, nats) = match (victim.is_some(), tail) {
        (true, _) => ("container.crash_on_dependency", 3.0),
        (false, Some(_)) => ("container.crash", 2.5),
        (false, None) => ("container.crash", 1.6),
    };
    let finding = dress(world, c, Finding::new(code, c.entity()).nats(nats));
    victim.flatten().into_iter().fold(finding, Finding::about)
}

fn untold_crash(world: &World, c: &Seen<'_>) -> Option<Finding> {
    (!c.init && c.status.state.waiting.as_ref().is_some_and(|w| w.reason == "CrashLoopBackOff")).then(|| {
        let killed = ["liveness", "startup"]
            .iter()
            .any(|p| crate::containers_state::probe_kill(world, &c.entity().whole(), &c.status.name, p).is_some());
        (!killed).then(|| crash(world, c).arg("exit_code", "?").arg("reason", "?"))
    })?
}

/// The container went away with its node, or with the runtime on it.
fn lost(world: &World, c: &Seen<'_>) -> Finding {
    let node = c.pod.spec.node_name.as_str();
    let mut finding = dress(world, c, Finding::new("container.lost", c.entity()).nats(2.5)).arg("node", node);
    if !node.is_empty() {
        finding = finding.about(EntityRef::node(node));
    }
    if let Some(event) = world.events_of(&EntityRef::node(node)).rfind(|e| e.reason == "Rebooted") {
        finding = finding.evidence(event_evidence(event));
    }
    finding
}

/// History: it ended badly and has been ready since.
fn restarted(c: &Seen<'_>) -> Option<Finding> {
    let last = c.last?;
    let finding = Finding::new("container.restarted", c.entity())
        .nats(0.5)
        .since(last.finished_at.0)
        .arg("container", c.status.name.clone())
        .arg("restarts", c.status.restart_count.to_string())
        .arg("reason", last.reason.clone())
        .arg("exit_code", last.exit_word());
    Some(c.evidence().into_iter().fold(finding, Finding::evidence))
}

/// Several pods of a workload that ended together have one reason.
fn storms(ends: BTreeMap<EntityRef, Vec<(i64, EntityRef)>>, out: &mut Vec<Finding>) {
    for (workload, mut times) in ends {
        times.sort();
        times.dedup_by(|a, b| a.1 == b.1);
        let together =
            times.windows(STORM_PODS).any(|w| w.first().zip(w.last()).is_some_and(|(a, b)| b.0 - a.0 <= STORM_S));
        if together {
            let finding =
                Finding::new("workload.restart_storm", workload).nats(2.0).arg("pods", times.len().to_string());
            out.push(times.into_iter().fold(finding, |f, (_, pod)| f.about(pod)));
        }
    }
}

/// Error lines of containers that are not well, for anybody's own rules: a few different ones each.
pub(crate) fn error_lines(world: &World, c: &Seen<'_>) -> Vec<Finding> {
    const LINES_MAX: usize = 3;
    let mut found: Vec<Finding> = Vec::new();
    let mut shapes: Vec<String> = Vec::new();
    for tail in tails(world, c.pod, &c.status.name) {
        for line in lines(tail).rev().filter(|l| crate::logs_text::loudness(l) >= 2 && is_recent(world, l)) {
            let shape: String = line.chars().filter(|ch| ch.is_alphabetic()).take(80).collect();
            if found.len() >= LINES_MAX || shapes.contains(&shape) {
                continue;
            }
            shapes.push(shape);
            found.push(
                Finding::new("log.error", container_of(world, tail))
                    .nats(1.0)
                    .since(crate::logs_text::written_at(line))
                    .arg("container", c.status.name.clone())
                    .arg("line", said(line))
                    .evidence(quote(world, tail, line, 1)),
            );
        }
    }
    found
}
