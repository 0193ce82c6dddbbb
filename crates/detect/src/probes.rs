//! Probes that fail, and whether the probe or the program is wrong.
//!
//! *What it finds*: probes that ask the wrong port, protocol or path, or too soon and too strictly; programs that are not
//! well; probes that only show a dependency's failure. *Why it matters*: a wrong liveness probe kills a healthy program
//! for ever, a wrong readiness probe hides behind `Running 0/1` and a service without endpoints. *Evidence used*: Unhealthy
//! and Killing events, the probe beside its sibling probes, container ports, services, arguments, log lines about
//! listening; where the events are gone, the definition alone. *How to confirm by hand*: `kubectl describe pod`. *What can
//! fool it*: failures while a program starts; probes that a mesh rewrote; a container that crashes by itself.
//! *Source*: failure-modes rows 61–64.

use std::collections::BTreeSet;

use rootline_model::{Evidence, Finding};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::containers_state::{Seen, Standing, event_evidence, probe_kill, seen};
use crate::listeners::Listeners;
use crate::probes_judge::{Aspect, Fault, judge};
use crate::probes_view::{View, probe_of};
use crate::probes_words::{Said, Which, meaning, split};
use crate::traffic::field;

pub(crate) struct Probes;

/// A kill longer ago than this is over. Starting value, see ADR-0003.
const RECENT_S: i64 = 600;
/// Messages this far before the latest one are still about the same trouble. Starting value, see ADR-0003.
const SAME_S: i64 = 180;

/// A probe that fails, with all that helps to judge it.
pub(crate) struct Case<'w> {
    pub world: &'w World,
    pub seen: Seen<'w>,
    pub view: View,
    /// The other probes of the container.
    pub siblings: Vec<View>,
    pub listeners: Listeners,
    /// Ports that arguments and environment speak of.
    pub hints: BTreeSet<i64>,
    /// What the kubelet says most; `None` where its events are gone.
    pub said: Option<Said>,
    pub event: Option<&'w EventView>,
    pub kill: Option<&'w EventView>,
    /// A restart after this probe's failures.
    pub kills: bool,
}

impl Detector for Probes {
    fn name(&self) -> &'static str {
        "probes"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for pod in world.pods.iter().filter(|p| crate::starting::is_active(p)) {
            for seen in seen(world, pod) {
                let Some(spec) = seen.spec else { continue };
                let mut proven = false;
                for which in Which::ALL {
                    let Some(view) = View::of(pod, spec, which) else { continue };
                    looked_at += 1;
                    let Some(case) = case(world, seen, spec, view) else { continue };
                    let Some(fault) = judge(&case) else { continue };
                    // what a killed container's readiness says is the kill's echo
                    if proven && !fault.aspect.is_proof() {
                        continue;
                    }
                    proven |= fault.aspect.is_proof() || case.kills;
                    out.push(finding(&case, fault));
                }
            }
        }
        looked_at
    }
}

/// The case of one probe, if it matters now.
fn case<'w>(world: &'w World, seen: Seen<'w>, spec: &'w o::Container, view: View) -> Option<Case<'w>> {
    let pod_ref = seen.entity().whole();
    let kill = match view.which {
        Which::Readiness => None,
        which => probe_kill(world, &pod_ref, &seen.status.name, which.word()),
    };
    let (event, said) = dominant(world, &seen, spec, &view);
    let recent =
        |t: Option<rootline_model::Timestamp>| t.is_none_or(|t| world.now.as_second() - t.as_second() <= RECENT_S);
    let restarted = seen.status.restart_count > 0;
    let kills = match view.which {
        Which::Readiness => false,
        _ => {
            let inferred = || event.is_some() && seen.last.is_some_and(|t| matches!(t.exit_code, 137 | 143));
            restarted && (kill.is_some() || inferred())
        }
    };
    let matters = match view.which {
        Which::Readiness => seen.standing == Standing::Unready || killed_by_sibling(world, &seen, &pod_ref),
        Which::Liveness => {
            let lately = kill.map_or_else(|| recent(seen.last.and_then(|t| t.finished_at.0)), |k| recent(k.last));
            let not_yet = !restarted && event.is_some() && !seen.status.ready && seen.standing == Standing::Unready;
            (kills && (lately || seen.standing >= Standing::Unready)) || not_yet
        }
        Which::Startup => {
            let waits = seen.status.started == Some(false) && seen.standing == Standing::Unready;
            (kills && (kill.is_none_or(|k| recent(k.last)) || seen.standing >= Standing::Unready)) || waits
        }
    };
    if !matters {
        return None;
    }
    let siblings =
        Which::ALL.into_iter().filter(|w| *w != view.which).filter_map(|w| View::of(seen.pod, spec, w)).collect();
    let listeners = Listeners::of_pods(world, std::iter::once(seen.pod));
    let hints = Listeners::of_spec(&seen.pod.spec).hinted;
    Some(Case { world, seen, view, siblings, listeners, hints, said, event, kill, kills })
}

/// A readiness probe of a container that another probe kills may be wrong in the same way.
fn killed_by_sibling(world: &World, seen: &Seen<'_>, pod: &rootline_model::EntityRef) -> bool {
    seen.standing == Standing::Crashing
        && !seen.status.ready
        && ["liveness", "startup"].iter().any(|p| probe_kill(world, pod, &seen.status.name, p).is_some())
}

/// The failure that the kubelet reports most often of late.
fn dominant<'w>(
    world: &'w World,
    seen: &Seen<'_>,
    spec: &o::Container,
    view: &View,
) -> (Option<&'w EventView>, Option<Said>) {
    let all: Vec<(&EventView, &str)> = world
        .events_of(&seen.entity().whole())
        .filter(|e| e.reason == "Unhealthy" || e.reason == "ProbeWarning")
        .filter_map(|e| Some((e, split(&e.message)?)))
        .filter(|(_, (which, _))| *which == view.which)
        .map(|(e, (_, rest))| (e, rest))
        .filter(|(e, rest)| is_of(seen, spec, view, e, rest))
        .collect();
    let latest = all.iter().filter_map(|(e, _)| e.last).max();
    let near = |e: &EventView| e.last.zip(latest).is_none_or(|(a, b)| b.as_second() - a.as_second() <= SAME_S);
    match all.into_iter().filter(|(e, _)| near(e)).max_by_key(|(e, _)| (e.count, e.last)) {
        Some((event, rest)) => (Some(event), Some(meaning(rest))),
        None => (None, None),
    }
}

/// Whether an event is about this container: by its field path, or where that is missing by the port it names.
fn is_of(seen: &Seen<'_>, spec: &o::Container, view: &View, event: &EventView, rest: &str) -> bool {
    if let Some(part) = &event.entity.part {
        return **part == seen.status.name;
    }
    let having = seen.pod.containers().filter(|(c, _, _)| probe_of(c, view.which).is_some()).count();
    if having <= 1 {
        return true;
    }
    match view.asked_port.filter(|_| rest.contains("://") || rest.contains("dial tcp") || rest.contains("service \"")) {
        Some(port) => {
            rest.contains(&format!(":{port}"))
                && (view.path.is_empty()
                    || !rest.contains("/app-health/")
                    || rest.contains(&format!("/app-health/{}/", spec.name)))
        }
        None => seen.pod.spec.containers.first().is_some_and(|c| c.name == spec.name),
    }
}

fn finding(case: &Case<'_>, fault: Fault) -> Finding {
    let view = &case.view;
    let me = case.seen.entity();
    let code = fault.aspect.code(view.which);
    let mut finding = Finding::new(code, me.clone())
        .nats(fault.nats)
        .since(case.event.and_then(|e| e.first).or(case.kill.and_then(|k| k.first)))
        .arg("container", case.seen.status.name.clone())
        .arg("probe", view.which.word())
        .arg("protocol", view.speech())
        .arg("port", view.port.map(|p| p.to_string()).or(view.unknown_name.clone()).unwrap_or_else(|| "-".to_owned()))
        .arg("path", view.path.clone())
        .arg("expected", fault.expected)
        .arg("actual", fault.actual)
        .arg("restarts", case.seen.status.restart_count.to_string())
        .arg("delay", view.delay.to_string())
        .arg("period", view.period.to_string())
        .arg("timeout", view.timeout.to_string())
        .arg("failures", view.failures.to_string())
        .arg("window", view.window().to_string())
        .arg("message", case.event.map(|e| words(&e.message)).unwrap_or_else(|| "no event".to_owned()))
        .evidence(field(&me, format!("{}Probe", view.which.word()), view.line()));
    for event in [case.event, case.kill].into_iter().flatten() {
        finding = finding.evidence(event_evidence(event));
    }
    if !case.listeners.declared.is_empty() {
        finding = finding.evidence(field(&me, "ports", case.listeners.line()));
    }
    if fault.aspect == Aspect::Waits {
        let tails = crate::logs_text::tails(case.world, case.seen.pod, &case.seen.status.name);
        let whom = tails.filter_map(|t| crate::containers::blamed(case.world, t)).flatten();
        finding = whom.fold(finding, Finding::about);
    }
    if let Some(evidence) = fault.evidence {
        finding = finding.evidence(evidence);
    }
    finding
}

/// What the probe met, without the kubelet's own opening words.
pub(crate) fn words(message: &str) -> String {
    crate::logs_text::clip(split(message).map_or(message, |(_, rest)| rest))
}

/// The log line in which a process of the pod says where it listens.
pub(crate) fn listening_line(case: &Case<'_>) -> Option<Evidence> {
    let pod = case.seen.pod;
    case.world.logs_of(pod.namespace(), pod.name()).iter().find_map(|tail| {
        let line = crate::logs_text::lines(tail).find(|l| {
            let lower = l.to_ascii_lowercase();
            ["listen", "serving", "started on", "starting on", "running on"].iter().any(|w| lower.contains(w))
                && case.listeners.logged.iter().any(|p| l.contains(&p.to_string()))
        })?;
        Some(crate::logs_text::quote(case.world, tail, line, 1))
    })
}
