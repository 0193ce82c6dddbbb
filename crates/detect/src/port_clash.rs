//! Two containers of one pod that want the same port.
//!
//! *What it finds*: the same container port declared twice, or "address already in use" beside a container that holds the
//! port. *Why it matters*: containers of a pod share one network; the second one to start dies. *Evidence used*:
//! container ports, restarts, logs. *What can fool it*: a port declared twice for one process, with everything ready.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use rootline_model::{EntityRef, Evidence, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::clip;
use crate::listeners::protocol;
use crate::starting::is_active;
use crate::traffic::field;

pub(crate) struct PortClash;

impl Detector for PortClash {
    fn name(&self) -> &'static str {
        "ports inside pods"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for pod in world.pods.iter().filter(|p| is_active(p) && !p.is_ready()) {
            let together: Vec<_> =
                pod.containers().filter(|(c, _, init)| !init || c.restart_policy == "Always").collect();
            if together.len() < 2 {
                continue;
            }
            looked_at += 1;
            out.extend(clash(world, pod, &together));
        }
        looked_at
    }
}

type Member<'p> = (&'p o::Container, Option<&'p o::ContainerStatus>, bool);

fn clash(world: &World, pod: &o::Pod, together: &[Member<'_>]) -> Option<Finding> {
    let (victim, _, _) = together.iter().find(|(_, s, _)| s.is_some_and(fails))?;
    let line = in_use(world, pod, &victim.name, together.len());
    let claimed = line.as_ref().and_then(|(_, port)| *port);
    let mut by_port: BTreeMap<(i64, &str), Vec<&str>> = BTreeMap::new();
    for (container, _, _) in together {
        for port in &container.ports {
            let holders = by_port.entry((port.container_port, protocol(&port.protocol))).or_default();
            if !holders.contains(&container.name.as_str()) {
                holders.push(&container.name);
            }
        }
    }
    let twice = by_port.iter().find(|(_, holders)| holders.len() > 1 && holders.contains(&victim.name.as_str()));
    let held = claimed.and_then(|port| {
        by_port.iter().find(|((p, _), holders)| *p == port && holders.iter().any(|h| *h != victim.name))
    });
    let ((port, _), holders) = twice.or(held)?;
    let other = holders.iter().find(|h| **h != victim.name)?;
    let me = EntityRef::container(pod.namespace(), pod.name(), &victim.name);
    let mut finding = Finding::new("pod.port_clash", me.clone())
        .nats(if line.is_some() { 4.0 } else { 2.0 })
        .arg("port", port.to_string())
        .arg("container", victim.name.clone())
        .arg("other", *other)
        .arg("workload", world.workload_of(pod).to_string())
        .evidence(field(
            &EntityRef::pod(pod.namespace(), pod.name()),
            "containers[].ports",
            format!("{port}: {}", holders.join(", ")),
        ));
    if let Some((line, _)) = line {
        finding = finding.evidence(Evidence::Log { container: me, line, previous: false, count: 1 });
    }
    Some(finding)
}

fn fails(status: &o::ContainerStatus) -> bool {
    let crashed = |t: &Option<o::Terminated>| t.as_ref().is_some_and(|t| t.exit_code != 0);
    !status.ready
        && (status.restart_count > 0 || crashed(&status.state.terminated) || crashed(&status.last_state.terminated))
}

/// "Address already in use" in the logs of the container, with the port where it says one.
fn in_use(world: &World, pod: &o::Pod, container: &str, together: usize) -> Option<(String, Option<i64>)> {
    static IN_USE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)address already in use|eaddrinuse|only one usage of each socket address|port \d+ (?:is|was) already in use|bind failed")
            .expect("the pattern is fixed and tested")
    });
    static PORT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)(?::|port )(\d{2,5})\b").expect("the pattern is fixed and tested"));
    let line = world
        .logs_of(pod.namespace(), pod.name())
        .iter()
        .filter(|t| t.container == container || (t.container.is_empty() && together == 1))
        .flat_map(|t| t.lines.iter().rev())
        .find(|l| IN_USE.is_match(l))?;
    let port = PORT.captures_iter(line).filter_map(|c| c.get(1)?.as_str().parse().ok()).last();
    Some((clip(line), port))
}
