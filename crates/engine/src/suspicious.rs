//! Which containers' logs are worth reading: those that do not do what they should.

use rootline_objects::{LogWanted, Object, Pod, Signal};

/// Logs of at most this many containers are asked for.
const WANTED_MAX: usize = 200;
/// Of one owner, this many pods tell what all tell.
const PER_OWNER_MAX: usize = 3;

/// In the order of namespaces and names; current and previous runs.
pub(crate) fn logs(signals: &[Signal]) -> Vec<LogWanted> {
    let mut wanted = Vec::new();
    let mut per_owner = std::collections::BTreeMap::new();
    for pod in signals.iter().filter_map(|s| match s {
        Signal::Object(Object::Pod(pod)) => Some(pod),
        _ => None,
    }) {
        let troubled = containers(pod);
        if troubled.is_empty() {
            continue;
        }
        let owner = pod.metadata.controller().map_or(pod.name(), |o| o.name.as_str());
        let count: &mut usize = per_owner.entry((pod.namespace(), owner)).or_default();
        *count += 1;
        if *count <= PER_OWNER_MAX {
            wanted.extend(troubled);
        }
    }
    wanted.sort();
    wanted.truncate(WANTED_MAX);
    wanted
}

fn containers(pod: &Pod) -> Vec<LogWanted> {
    if pod.status.phase == "Succeeded"
        || pod.is_ready() && pod.status.container_statuses.iter().all(|c| c.restart_count == 0)
    {
        return Vec::new();
    }
    let mut wanted = Vec::new();
    for (container, status, init) in pod.containers() {
        let Some(status) = status else { continue };
        let done = init && status.state.terminated.as_ref().is_some_and(|t| t.exit_code == 0);
        let ran = status.state.running.is_some() || status.state.terminated.is_some() || status.restart_count > 0;
        if done || !ran || (status.ready && status.restart_count == 0) {
            continue;
        }
        let log = |previous| LogWanted {
            namespace: pod.namespace().to_owned(),
            pod: pod.name().to_owned(),
            container: container.name.clone(),
            previous,
        };
        wanted.push(log(false));
        if status.restart_count > 0 {
            wanted.push(log(true));
        }
    }
    wanted
}
