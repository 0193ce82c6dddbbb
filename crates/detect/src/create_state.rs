//! What the detectors of pods that do not come up share: is the trouble still there, and who says so.

use rootline_model::{EntityRef, Evidence, Kind};
use rootline_objects as o;
use rootline_world::{EventView, World};

/// True while the pod is wanted and not serving: what its events and states say is then about now.
pub(crate) fn suffers(pod: &o::Pod) -> bool {
    pod.metadata.deletion_timestamp.0.is_none() && !pod.is_finished() && !pod.is_ready()
}

/// True for a pod that no node has taken yet.
pub(crate) fn is_unscheduled(pod: &o::Pod) -> bool {
    let scheduled = pod.condition("PodScheduled").is_some_and(|c| c.status == "True");
    pod.spec.node_name.is_empty()
        && matches!(pod.status.phase.as_str(), "" | "Pending")
        && pod.metadata.deletion_timestamp.0.is_none()
        && pod.status.container_statuses.is_empty()
        && pod.status.init_container_statuses.is_empty()
        && !scheduled
}

pub(crate) fn pod_ref(pod: &o::Pod) -> EntityRef {
    EntityRef::pod(pod.namespace(), pod.name())
}

/// Status of every container with its spec where the source has it, init containers first.
pub(crate) fn statuses(pod: &o::Pod) -> impl Iterator<Item = (&o::ContainerStatus, Option<&o::Container>, bool)> {
    let init = pod
        .status
        .init_container_statuses
        .iter()
        .map(|s| (s, pod.spec.init_containers.iter().find(|c| c.name == s.name), true));
    let main =
        pod.status.container_statuses.iter().map(|s| (s, pod.spec.containers.iter().find(|c| c.name == s.name), false));
    init.chain(main)
}

pub(crate) fn event_evidence(event: &EventView) -> Evidence {
    Evidence::Event {
        object: event.entity.clone(),
        reason: event.reason.clone(),
        message: clip(&event.message, 1000),
        count: event.count,
        last: event.last,
    }
}

pub(crate) fn waiting_evidence(container: EntityRef, waiting: &o::Waiting) -> Evidence {
    Evidence::State {
        container,
        state: "waiting".to_owned(),
        reason: waiting.reason.clone(),
        exit_code: None,
        message: clip(&waiting.message, 1000),
        at: None,
    }
}

/// At most `max` bytes, cut at a character.
pub(crate) fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Text between two marks.
pub(crate) fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    text.split_once(open)?.1.split_once(close).map(|(inner, _)| inner)
}

/// How many pods an owner wants and has; `None` where the owner was not read.
pub(crate) fn wants_and_has(world: &World, owner: &EntityRef) -> Option<(i64, i64)> {
    let (ns, name) = (&*owner.namespace, &*owner.name);
    let live = || {
        let living = world.pods_of(owner).filter(|p| p.metadata.deletion_timestamp.0.is_none() && !p.is_finished());
        i64::try_from(living.count()).unwrap_or(i64::MAX)
    };
    Some(match owner.kind {
        Kind::ReplicaSet => {
            let rs = world.replica_sets.get(ns, name)?;
            (rs.spec.replicas.unwrap_or(1), rs.status.replicas.max(live()))
        }
        Kind::Deployment => {
            let d = world.deployments.get(ns, name)?;
            // during a rolling update all replicas may be old ones: then the new ones are missing
            let has = d.status.replicas.max(live());
            let updated = d.status.updated_replicas;
            let wants = d.spec.replicas.unwrap_or(1);
            (wants, if has >= wants && updated < wants && updated > 0 { updated } else { has })
        }
        Kind::StatefulSet => {
            let s = world.stateful_sets.get(ns, name)?;
            (s.spec.replicas.unwrap_or(1), s.status.replicas.max(live()))
        }
        Kind::DaemonSet => {
            let d = world.daemon_sets.get(ns, name)?;
            (d.status.desired_number_scheduled, d.status.current_number_scheduled.max(live()))
        }
        Kind::Job => {
            let j = world.jobs.get(ns, name)?;
            let over = j
                .status
                .conditions
                .iter()
                .any(|c| c.status == "True" && matches!(c.kind.as_str(), "Complete" | "Failed"));
            let wants = if over || j.spec.suspend == Some(true) { 0 } else { j.spec.parallelism.unwrap_or(1) };
            (wants, (j.status.active + j.status.succeeded + j.status.failed).max(live()))
        }
        _ => return None,
    })
}

/// Whether a workload has fewer ready pods than it wants; unknown workloads count as short.
pub(crate) fn is_short(world: &World, workload: &EntityRef) -> bool {
    world.workload(workload).is_none_or(|w| w.ready < w.desired)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Small worlds from JSON for the detectors' own tests. The moment is `NOW`.

    use rootline_model::{Finding, Kind};
    use rootline_objects::{LogTail, Signal, read_list};
    use rootline_world::World;

    use crate::Detector;

    pub(crate) const NOW: &str = "2026-06-01T12:00:00Z";

    /// A world of JSON documents; every kind in it counts as completely listed.
    pub(crate) fn world(documents: &[&str]) -> World {
        World::from_signals(signals(documents))
    }

    pub(crate) fn world_with_log(documents: &[&str], pod: &str, lines: &[&str]) -> World {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        let tail = LogTail { namespace: "shop".into(), pod: pod.into(), lines, ..LogTail::default() };
        World::from_signals(signals(documents).into_iter().chain([Signal::Log(tail)]))
    }

    fn signals(documents: &[&str]) -> Vec<Signal> {
        let mut signals: Vec<Signal> = NOW.parse().ok().map(Signal::Clock).into_iter().collect();
        let mut kinds = Vec::new();
        for document in documents {
            let read = read_list(
                document,
                None,
                |object| {
                    kinds.extend(Kind::parse(object.kind()));
                    signals.push(Signal::Object(object));
                },
                |e| panic!("{e}"),
            );
            read.unwrap_or_else(|e| panic!("{e}: {document}"));
        }
        signals.extend(kinds.into_iter().map(|kind| Signal::Listed { kind, namespace: None }));
        signals
    }

    pub(crate) fn find(detector: &dyn Detector, world: &World) -> Vec<Finding> {
        let mut out = Vec::new();
        detector.detect(world, &mut out);
        for finding in &out {
            assert!(crate::doc_of(finding.code.as_str()).is_some(), "{} is not in the catalogue", finding.code);
        }
        out
    }

    /// `code@entity`, sorted.
    pub(crate) fn codes(detector: &dyn Detector, world: &World) -> Vec<String> {
        let mut all: Vec<String> = find(detector, world).iter().map(|f| format!("{}@{}", f.code, f.entity)).collect();
        all.sort();
        all
    }

    pub(crate) fn arg(findings: &[Finding], key: &str) -> String {
        findings.first().and_then(|f| f.args.get(key)).unwrap_or("(none)").to_owned()
    }
}
