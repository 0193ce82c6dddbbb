//! Who ran out of memory: the container at its limit, a process inside it, or the node.

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::containers::death_log;
use crate::containers_state::{Seen, event_evidence};
use crate::logs_patterns::code_of;
use crate::logs_text::{lines, quote, tails};

/// A kill and the node's own complaint this far apart belong together. Starting value, see ADR-0003.
const TOGETHER_S: i64 = 300;

/// Whether the node, not the container's limit, was out of memory: its own events say so at that time, or the container has
/// no limit that it could have met.
pub(crate) fn node_ran_out(world: &World, c: &Seen<'_>, t: &o::Terminated) -> bool {
    let unlimited = t.reason == "OOMKilled" && c.spec.is_some_and(|s| !s.resources.limits.contains_key("memory"));
    let limited = c.spec.is_some_and(|s| s.resources.limits.contains_key("memory"));
    match node_event(world, c, t) {
        // with a limit and OOMKilled, both may be: the kubelet's word about the container counts more
        Some(_) => !(limited && t.reason == "OOMKilled"),
        None => unlimited && node_has_pressure(world, c),
    }
}

fn node_event<'w>(world: &'w World, c: &Seen<'_>, t: &o::Terminated) -> Option<&'w EventView> {
    let node = EntityRef::node(&c.pod.spec.node_name);
    world.events_of(&node).rfind(|e| {
        let apart = e.last.zip(t.finished_at.0).map(|(a, b)| (a.as_second() - b.as_second()).abs());
        matches!(e.reason.as_str(), "SystemOOM" | "OOMKilling") && apart.is_none_or(|s| s <= TOGETHER_S)
    })
}

fn node_has_pressure(world: &World, c: &Seen<'_>) -> bool {
    let node = world.nodes.get("", &c.pod.spec.node_name);
    node.and_then(|n| n.condition("MemoryPressure")).is_some_and(|cond| cond.status == "True")
}

/// The kernel's words, or the runtime's, in the container's own log.
pub(crate) fn log_tells(world: &World, c: &Seen<'_>) -> bool {
    c.limit("memory").is_some()
        && death_log(world, c).is_some_and(|t| {
            lines(t).rev().take(40).any(|l| matches!(code_of(l), Some("log.heap_exhausted" | "log.child_killed")))
        })
}

/// A limit so low that not even the sandbox or the container's first process can start: the runtime says so in an event,
/// and no container has a state to show. The smallest limit is the one that was met.
pub(crate) fn at_start(world: &World, pod: &o::Pod) -> Option<Finding> {
    let me = EntityRef::pod(pod.namespace(), pod.name());
    let event = world.events_of(&me).rfind(|e| {
        e.message.contains("OOM-killed") && matches!(e.reason.as_str(), "FailedCreatePodSandBox" | "Failed")
    })?;
    let limited = pod.spec.init_containers.iter().chain(&pod.spec.containers);
    let (container, limit) = limited
        .filter_map(|c| Some((c, c.resources.limits.get("memory")?)))
        .min_by(|a, b| a.1.value().total_cmp(&b.1.value()))?;
    let entity = EntityRef::container(pod.namespace(), pod.name(), &container.name);
    let finding = Finding::new("container.oom_killed", entity.clone())
        .nats(3.0)
        .since(event.first)
        .arg("container", container.name.clone())
        .arg("limit", limit.to_string())
        .arg("restarts", "0")
        .arg("exit_code", "-")
        .arg("reason", event.reason.clone())
        .evidence(event_evidence(event));
    Some(finding.evidence(Evidence::Field {
        object: entity,
        path: "resources.limits.memory".to_owned(),
        value: limit.to_string(),
    }))
}

fn base(c: &Seen<'_>, code: &'static str, t: &o::Terminated) -> Finding {
    let finding = Finding::new(code, c.entity())
        .since(t.started_at.0.or(t.finished_at.0))
        .arg("container", c.status.name.clone())
        .arg("limit", c.limit("memory").unwrap_or_else(|| "-".to_owned()))
        .arg("restarts", c.status.restart_count.to_string())
        .arg("exit_code", t.exit_word())
        .arg("reason", t.reason.clone());
    let finding = c.evidence().into_iter().fold(finding, Finding::evidence);
    match c.limit("memory") {
        Some(limit) => finding.evidence(Evidence::Field {
            object: c.entity(),
            path: "resources.limits.memory".to_owned(),
            value: limit,
        }),
        None => finding,
    }
}

pub(crate) fn own_limit(world: &World, c: &Seen<'_>, t: &o::Terminated) -> Finding {
    // a table's STATUS says OOMKilled and shows no limit
    let sure = t.reason == "OOMKilled";
    with_log(world, c, base(c, "container.oom_killed", t).nats(if sure { 3.0 } else { 1.0 }))
}

pub(crate) fn child(world: &World, c: &Seen<'_>, t: &o::Terminated) -> Finding {
    with_log(world, c, base(c, "container.oom_child", t).nats(2.5))
}

pub(crate) fn node(world: &World, c: &Seen<'_>, t: &o::Terminated) -> Finding {
    let node = c.pod.spec.node_name.as_str();
    let finding = base(c, "container.oom_node", t).nats(2.5).arg("node", node).about(EntityRef::node(node));
    match node_event(world, c, t) {
        Some(event) => finding.evidence(event_evidence(event)),
        None => finding,
    }
}

fn with_log(world: &World, c: &Seen<'_>, finding: Finding) -> Finding {
    let line = tails(world, c.pod, &c.status.name).find_map(|tail| {
        let line = lines(tail)
            .rev()
            .take(80)
            .find(|l| matches!(code_of(l), Some("log.heap_exhausted" | "log.child_killed")))?;
        Some(quote(world, tail, line, 1))
    });
    line.into_iter().fold(finding, Finding::evidence)
}
