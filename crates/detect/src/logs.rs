//! What the logs of containers tell.
//!
//! *What it finds*: refused and timed out connections, names that do not resolve, full disks, ports in use, exhausted
//! heaps, bad certificates, missing settings, tables and permissions. *Why it matters*: a log line often names the cause that
//! the container's state only hints at. *Evidence used*: log tails, the standing of the container, mounts, services.
//! *How to confirm by hand*: `kubectl logs`, `kubectl logs --previous`. *What can fool it*: refused connections while
//! everything starts; errors that a program survives (in a healthy container they are notes); platform probes of cloud SDKs.
//! *Source*: failure-modes rows 52, 55, 66–74.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::containers::{death_log, error_lines};
use crate::containers_state::{Seen, Standing, seen};
use crate::logs_database as database;
use crate::logs_facts as facts;
use crate::logs_hosts::{Target, Targets, Who, workload_behind};
use crate::logs_patterns::code_of;
use crate::logs_text::{container_of, is_recent, lines, quote, said, written_at};

pub(crate) struct Logs;

/// Lines this far from the end belong to the program's last moments. Starting value, see ADR-0003.
const LAST_LINES: usize = 40;
/// Troubles of one container that are told apart.
const TROUBLES_MAX: usize = 24;

/// One trouble that one container speaks of, with how often and how lately.
pub(crate) struct Trouble<'w> {
    pub code: &'static str,
    pub tail: &'w o::LogTail,
    pub container: EntityRef,
    pub workload: EntityRef,
    pub standing: Standing,
    pub seen: Option<Seen<'w>>,
    pub target: Option<Target>,
    /// The latest line of its kind.
    pub line: &'w str,
    pub first: Option<rootline_model::Timestamp>,
    pub count: u32,
    /// Among the last words before an end, or in the log of what runs.
    pub telling: bool,
}

impl Trouble<'_> {
    pub fn finding(&self, world: &World, code: &'static str, nats: f64) -> Finding {
        Finding::new(code, self.container.clone())
            .nats(nats)
            .since(self.first)
            .arg("pod", self.tail.pod.clone())
            .arg("container", self.container.part.as_deref().unwrap_or_default())
            .arg("line", said(self.line))
            .arg("count", self.count.to_string())
            .evidence(quote(world, self.tail, self.line, self.count))
    }
}

impl Detector for Logs {
    fn name(&self) -> &'static str {
        "container logs"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        let mut of_databases = Vec::new();
        for pod in &world.pods {
            if !world.logs_of(pod.namespace(), pod.name()).is_empty() {
                let unwell = |c: &&Seen<'_>| matches!(c.standing, Standing::Crashing | Standing::Unready);
                out.extend(seen(world, pod).iter().filter(unwell).flat_map(|c| error_lines(world, c)));
            }
        }
        for tail in world.logs() {
            looked_at += lines(tail).count();
            for trouble in troubles(world, tail) {
                match trouble.code {
                    code if code.starts_with("database.") => of_databases.push(trouble),
                    "log.connection_refused" | "log.connection_timeout" | "log.dns_failure" => {
                        unreachable(world, &trouble, out)
                    }
                    _ => out.extend(facts::fact(world, &trouble)),
                }
            }
        }
        database::judge(world, &of_databases, out);
        looked_at
    }
}

fn troubles<'w>(world: &'w World, tail: &'w o::LogTail) -> Vec<Trouble<'w>> {
    let container = container_of(world, tail);
    let part = container.part.as_deref().unwrap_or_default();
    let pod = world.pods.get(&tail.namespace, &tail.pod);
    if pod.is_some_and(|p| p.metadata.deletion_timestamp.0.is_some() || p.status.phase == "Succeeded") {
        return Vec::new();
    }
    let state = pod.and_then(|p| seen(world, p).into_iter().find(|s| s.status.name == part));
    let standing = state.map_or(Standing::Fine, |s| s.standing);
    // the previous run of a container that is well again is history
    if tail.previous && !matches!(standing, Standing::Crashing | Standing::Unready) {
        return Vec::new();
    }
    let death = state.as_ref().filter(|s| s.standing == Standing::Crashing).and_then(|s| death_log(world, s));
    let is_death = death.is_some_and(|d| std::ptr::eq(d, tail));
    let total = lines(tail).count();
    let mut targets = Targets::default();
    let mut found: BTreeMap<(&'static str, String), Trouble<'w>> = BTreeMap::new();
    for (at, line) in lines(tail).enumerate() {
        let Some(code) = code_of(line) else { continue };
        if !is_death && !is_recent(world, line) {
            continue;
        }
        let target = targets.of(world, &tail.namespace, line);
        let key = (code, target.as_ref().map(Target::written).unwrap_or_default());
        if found.len() >= TROUBLES_MAX && !found.contains_key(&key) {
            continue;
        }
        let late = total - at <= LAST_LINES;
        let trouble = found.entry(key).or_insert_with(|| Trouble {
            code,
            tail,
            container: container.clone(),
            workload: world.top_of(&container),
            standing,
            seen: state,
            target,
            line,
            first: written_at(line),
            count: 0,
            telling: false,
        });
        trouble.count = trouble.count.saturating_add(1);
        trouble.line = line;
        trouble.telling |= late && (is_death || (!tail.previous && death.is_none()));
    }
    found.into_values().collect()
}

/// All pods behind a service, or the pod, are ready.
fn calls_itself_well(world: &World, entity: &EntityRef) -> bool {
    let Some(workload) = workload_behind(world, entity) else { return false };
    let pods: Vec<&o::Pod> = world.pods_of(&workload).filter(|p| !p.is_finished()).collect();
    !pods.is_empty() && pods.iter().all(|p| p.is_ready())
}

/// A name that the log cannot resolve, that no service carries, and that the configuration holds word for word.
fn configured_name(world: &World, t: &Trouble<'_>, target: &Target) -> Option<Finding> {
    let inside = matches!(target.who, Who::Unknown) && world.is_listed(Kind::Service, &t.tail.namespace);
    if t.code != "log.dns_failure" || !t.telling || !inside {
        return None;
    }
    let pod = world.pods.get(&t.tail.namespace, &t.tail.pod)?;
    let template = world.workload(&t.workload).map(|w| &w.template.spec).filter(|s| !s.containers.is_empty());
    let holds = |value: &str| {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        value.to_ascii_lowercase().split(|c| !part(c)).any(|word| word == target.host.to_ascii_lowercase())
    };
    let env = template.unwrap_or(&pod.spec).containers.iter().flat_map(|c| &c.env).find(|e| holds(&e.value))?;
    let place = format!("env {}", env.name);
    // the right name with a namespace too much
    let ns = &t.tail.namespace;
    let here = target.host.split_once('.').and_then(|(name, _)| world.services.get(ns, name));
    let (code, expected) = match here {
        Some(service) => ("config.address_wrong_namespace", format!("{}.{ns}", service.name())),
        None => ("config.unknown_host", String::new()),
    };
    let finding = Finding::new(code, t.workload.clone())
        .nats(4.0)
        .since(t.first)
        .evidence(quote(world, t.tail, t.line, t.count))
        .arg("place", place.clone())
        .arg("address", env.value.clone())
        .arg("host", target.host.clone())
        .arg("object", t.workload.to_string())
        .arg("expected", expected)
        .evidence(Evidence::Field { object: t.workload.clone(), path: place, value: env.value.clone() });
    Some(match here {
        Some(service) => finding.about(EntityRef::new(Kind::Service, ns, service.name())),
        None => finding,
    })
}

/// A connection that failed: a symptom of whatever is at the other end, and a fact only about what is outside the cluster.
fn unreachable(world: &World, t: &Trouble<'_>, out: &mut Vec<Finding>) {
    // a log that was pasted without its pod was pasted because it hurts
    let alone = world.pods.get(&t.tail.namespace, &t.tail.pod).is_none();
    let nats = match (t.standing, t.telling) {
        (_, true) if alone => 2.0,
        (Standing::Crashing | Standing::Unready, true) => 2.0,
        (_, true) => 1.0,
        _ => 0.5,
    };
    let mut finding = t.finding(world, t.code, nats);
    let Some(target) = &t.target else {
        out.push(finding.arg("host", "?"));
        return;
    };
    finding = finding
        .arg("host", target.host.clone())
        .arg("port", target.port.map(|p| p.to_string()).unwrap_or_default())
        .arg("target", target.written());
    finding = target.entity().into_iter().fold(finding, |f, e| f.about(e.clone()));
    out.push(finding);
    out.extend(configured_name(world, t, target));
    let unwell = matches!(t.standing, Standing::Crashing | Standing::Unready) && t.telling;
    let Some(entity) = target.entity().filter(|_| unwell) else { return };
    let code = match (&target.who, t.code) {
        (Who::Outside(_), _) => "dependency.outside_unreachable",
        // what is not ready has a trouble of its own, and that is the cause then
        (Who::Service(_) | Who::Pod(_), "log.connection_refused") if calls_itself_well(world, entity) => {
            "dependency.refuses"
        }
        _ => return,
    };
    let about = match entity.kind {
        Kind::Pod => world.top_of(entity),
        _ => entity.clone(),
    };
    out.push(
        t.finding(world, code, 2.0)
            .arg("host", target.host.clone())
            .arg("target", target.written())
            .arg("workload", t.workload.to_string())
            .about(about),
    );
}
