//! Rows of `get pods`: the STATUS column back into container states.
//!
//! Source: `printPod` in Kubernetes `pkg/printers/internalversion`, which folds phase, reason and all containers into
//! one word.

use jiff::Timestamp;
use rootline_objects::{
    Condition, Container, ContainerState, ContainerStatus, Pod, Running, Terminated, UNKNOWN_EXIT_CODE, Waiting,
};

use super::super::table::Row;

/// Reasons of `status.reason`: the pod as a whole failed, its containers do not matter.
const FAILED_PODS: [&str; 13] = [
    "Evicted",
    "NodeLost",
    "NodeShutdown",
    "Shutdown",
    "Terminated",
    "DeadlineExceeded",
    "Preempting",
    "NodeAffinity",
    "UnexpectedAdmissionError",
    "TopologyAffinityError",
    "SMTAlignmentError",
    "OutOfcpu",
    "OutOfmemory",
];

/// What the row tells, taken apart.
struct Told<'a> {
    ready: usize,
    total: usize,
    restarts: i64,
    status: &'a str,
}

pub(super) fn read(row: &Row<'_, '_>, now: Timestamp) -> Pod {
    let mut pod = Pod::default();
    let (ready, total) = row.get("READY").split_once('/').unwrap_or_default();
    let told = Told {
        ready: ready.parse().unwrap_or_default(),
        // a sane limit for a count that is about to be allocated
        total: total.parse().unwrap_or(0usize).min(64),
        restarts: row.number("RESTARTS").unwrap_or_default(),
        status: row.raw("STATUS"),
    };
    row.get("NODE").clone_into(&mut pod.spec.node_name);
    row.get("IP").clone_into(&mut pod.status.pod_ip);
    row.get("NOMINATED NODE").clone_into(&mut pod.status.nominated_node_name);
    fill_status(&mut pod, &told, now);
    let ready = told.total > 0 && told.ready == told.total;
    if !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed" | "") {
        pod.status.conditions.push(condition("Ready", ready, ""));
    }
    pod
}

fn condition(kind: &str, status: bool, reason: &str) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status: if status { "True" } else { "False" }.to_owned(),
        reason: reason.to_owned(),
        ..Condition::default()
    }
}

fn fill_status(pod: &mut Pod, told: &Told<'_>, now: Timestamp) {
    let status = told.status;
    if let Some(init) = status.strip_prefix("Init:") {
        "Pending".clone_into(&mut pod.status.phase);
        init_containers(pod, init, told.restarts);
        let waiting = waiting("PodInitializing");
        add_containers(pod, told, &waiting, 0);
        return;
    }
    let running = ContainerState { running: Some(Running::default()), ..ContainerState::default() };
    let (phase, state) = match status {
        "Running" | "NotReady" => ("Running", running),
        "Terminating" => {
            pod.metadata.deletion_timestamp = now.into();
            ("Running", running)
        }
        "Unknown" => {
            pod.metadata.deletion_timestamp = now.into();
            "NodeLost".clone_into(&mut pod.status.reason);
            ("Running", running)
        }
        "Completed" | "Succeeded" => ("Succeeded", terminated("Completed", 0)),
        "Pending" => {
            "Pending".clone_into(&mut pod.status.phase);
            return;
        }
        "SchedulingGated" => {
            "Pending".clone_into(&mut pod.status.phase);
            pod.status.conditions.push(condition("PodScheduled", false, "SchedulingGated"));
            return;
        }
        reason if FAILED_PODS.contains(&reason) || reason.starts_with("OutOf") => {
            "Failed".clone_into(&mut pod.status.phase);
            reason.clone_into(&mut pod.status.reason);
            return;
        }
        "Failed" => ("Failed", ContainerState::default()),
        "" => return,
        // between two runs a container is waiting, so a terminated one without restarts will not run again
        reason => match ended(reason) {
            Some(state) if told.restarts == 0 && told.ready == 0 => ("Failed", state),
            Some(state) => ("Running", state),
            None => (waiting_phase(reason, told), waiting(reason)),
        },
    };
    phase.clone_into(&mut pod.status.phase);
    add_containers(pod, told, &state, told.restarts);
}

/// A pod whose containers have not all started once is pending.
fn waiting_phase(reason: &str, told: &Told<'_>) -> &'static str {
    if reason == "CrashLoopBackOff" || told.ready > 0 || told.restarts > 0 { "Running" } else { "Pending" }
}

fn waiting(reason: &str) -> ContainerState {
    let waiting = Waiting { reason: reason.to_owned(), message: String::new() };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn terminated(reason: &str, exit_code: i32) -> ContainerState {
    let terminated = Terminated { reason: reason.to_owned(), exit_code, ..Terminated::default() };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

/// `Error`, `OOMKilled`, `ExitCode:3`, `Signal:9` and their like; `None` for reasons of waiting.
fn ended(reason: &str) -> Option<ContainerState> {
    if let Some(code) = reason.strip_prefix("ExitCode:") {
        return Some(terminated("", code.parse().unwrap_or(1)));
    }
    if let Some(signal) = reason.strip_prefix("Signal:") {
        let signal: i32 = signal.parse().ok().filter(|s| (1..=64).contains(s)).unwrap_or(9);
        let mut state = terminated("", 128 + signal);
        if let Some(t) = state.terminated.as_mut() {
            t.signal = Some(signal);
        }
        return Some(state);
    }
    match reason {
        // the kernel kills with signal 9, which the runtime reports as 137
        "OOMKilled" => Some(terminated(reason, 137)),
        "Error" => Some(terminated(reason, UNKNOWN_EXIT_CODE)),
        "ContainerCannotRun" | "StartError" => Some(terminated(reason, 128)),
        "ContainerStatusUnknown" => Some(terminated(reason, 137)),
        _ => None,
    }
}

/// `total` containers; the ready ones run, the first of the others is in the state that the row names. Their names
/// are not told: one alone has none (as in logs), more are numbered.
fn add_containers(pod: &mut Pod, told: &Told<'_>, state: &ContainerState, restarts: i64) {
    let running = ContainerState { running: Some(Running::default()), ..ContainerState::default() };
    for i in 0..told.total {
        let name = if told.total == 1 { String::new() } else { format!("#{}", i + 1) };
        let bad = i >= told.ready;
        let first_bad = i == told.ready.min(told.total - 1);
        pod.status.container_statuses.push(ContainerStatus {
            name: name.clone(),
            ready: !bad,
            restart_count: if first_bad { restarts } else { 0 },
            state: if bad { state.clone() } else { running.clone() },
            ..ContainerStatus::default()
        });
        pod.spec.containers.push(Container { name, ..Container::default() });
    }
}

/// `CrashLoopBackOff`, `Error`, `ExitCode:1`, or `0/2`: so many are done.
fn init_containers(pod: &mut Pod, init: &str, restarts: i64) {
    let counts = init.split_once('/').and_then(|(a, b)| Some((a.parse::<usize>().ok()?, b.parse::<usize>().ok()?)));
    let (done, total, state) = match counts {
        Some((done, total)) => (done.min(64), total.min(64), ContainerState::default()),
        None => (0, 1, ended(init).unwrap_or_else(|| waiting(init))),
    };
    for i in 0..total {
        let name = if total == 1 { "init".to_owned() } else { format!("init#{}", i + 1) };
        let state = match i {
            i if i < done => terminated("Completed", 0),
            i if i == done => state.clone(),
            _ => waiting("PodInitializing"),
        };
        pod.status.init_container_statuses.push(ContainerStatus {
            name: name.clone(),
            ready: i < done,
            restart_count: if i == done { restarts } else { 0 },
            state,
            ..ContainerStatus::default()
        });
        pod.spec.init_containers.push(Container { name, ..Container::default() });
    }
}
