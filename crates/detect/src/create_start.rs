//! Containers that cannot be started, and init containers that fail.
//!
//! **What it finds** commands that do not exist or may not be executed, mounts that fail, runtimes that do not answer, hooks
//! that fail, images for another processor, the init container that holds a pod up.
//! **Why it matters** the container never runs: its log is empty and CrashLoopBackOff hides the reason.
//! **Evidence used** waiting and terminated states, Failed and hook events, last log lines.
//! **How to confirm by hand** `kubectl describe pod`, `kubectl logs -c NAME --previous`.
//! **What can fool it** a program may itself return 126 or 127; a hook may fail once and succeed at the next start.
//! **Source** failure-modes rows 33, 35, 40, 41, 43, 46, 49.

use rootline_model::{EntityRef, Evidence, Finding, Timestamp};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::create_message::{StartFault, config_faults, program, start_fault};
use crate::create_state::{clip, event_evidence, pod_ref, statuses, suffers, waiting_evidence};

pub(crate) struct Start;

impl Detector for Start {
    fn name(&self) -> &'static str {
        "container start"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for pod in world.pods.iter().filter(|p| suffers(p) || p.status.phase == "Failed") {
            let over = pod.is_finished();
            if over && !unfinished_business(world, pod) {
                continue;
            }
            for (status, spec, init) in statuses(pod) {
                let place = Place { world, pod, status, spec };
                let before = out.len();
                start_error(&place, out);
                if out.len() == before {
                    exit_code(&place, out);
                }
                if init && out.len() == before {
                    init_failed(&place, out);
                }
            }
            if !over {
                hooks(world, pod, out);
            }
        }
        world.pods.len()
    }
}

/// A failed pod matters while its workload has not got what it wants from another one.
fn unfinished_business(world: &World, pod: &o::Pod) -> bool {
    let workload = world.workload_of(pod);
    let ready_sibling = world.pods_of(&workload).any(|p| p.is_ready() || p.status.phase == "Succeeded");
    !ready_sibling
}

struct Place<'w> {
    world: &'w World,
    pod: &'w o::Pod,
    status: &'w o::ContainerStatus,
    spec: Option<&'w o::Container>,
}

impl Place<'_> {
    fn entity(&self) -> EntityRef {
        EntityRef::container(self.pod.namespace(), self.pod.name(), &self.status.name)
    }

    /// How the last run ended, or the only one.
    fn ended(&self) -> Option<&o::Terminated> {
        self.status.state.terminated.as_ref().or(self.status.last_state.terminated.as_ref())
    }

    fn command(&self) -> String {
        let words = self.spec.map(|s| if s.command.is_empty() { &s.args } else { &s.command });
        clip(&words.map(|w| w.join(" ")).unwrap_or_default(), 120)
    }

    fn log_lines(&self) -> impl Iterator<Item = &str> {
        let name = self.status.name.as_str();
        let tails = self.world.logs_of(self.pod.namespace(), self.pod.name());
        tails
            .iter()
            .filter(move |t| t.container == name || t.container.is_empty())
            .flat_map(|t| t.lines.iter().rev().take(50))
            .map(String::as_str)
    }
}

fn terminated_evidence(container: EntityRef, ended: &o::Terminated) -> Evidence {
    Evidence::State {
        container,
        state: "terminated".to_owned(),
        reason: ended.reason.clone(),
        exit_code: ended.known_exit_code(),
        message: clip(&ended.message, 1000),
        at: ended.finished_at.0,
    }
}

/// The runtime or the kubelet says that the process could not be started.
fn start_error(place: &Place<'_>, out: &mut Vec<Finding>) {
    const WAITING: [&str; 4] = ["CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"];
    let waiting = place.status.state.waiting.as_ref().filter(|w| WAITING.contains(&w.reason.as_str()));
    let ended = place.ended().filter(|t| matches!(t.reason.as_str(), "StartError" | "ContainerCannotRun"));
    if waiting.is_none() && ended.is_none() {
        return;
    }
    let event = place
        .world
        .events_of(&pod_ref(place.pod))
        .rev()
        .find(|e| e.warning && e.reason == "Failed" && e.message.starts_with("Error: ") && e.message.len() > 40);
    let texts =
        [waiting.map(|w| w.message.as_str()), ended.map(|t| t.message.as_str()), event.map(|e| e.message.as_str())];
    let message = texts.into_iter().flatten().find(|m| !m.is_empty()).unwrap_or_default();
    if !config_faults(message).is_empty() {
        return;
    }
    let code = match start_fault(message) {
        StartFault::CommandNotFound => "container.command_not_found",
        StartFault::NotExecutable => "container.command_not_executable",
        StartFault::WrongPlatform => "image.wrong_platform",
        StartFault::Mount => "container.mount_failed",
        StartFault::LimitTooLow => "container.limit_too_low",
        StartFault::RuntimeTimeout | StartFault::NameReserved => "container.runtime_timeout",
        StartFault::Other => "container.start_failed",
    };
    let nats = if code == "container.start_failed" { 2.5 } else { 4.0 };
    let mut finding = on(place, code, nats, event.and_then(|e| e.first)).arg("message", clip(message, 600));
    finding = finding.arg("program", program(message).map_or_else(|| place.command(), str::to_owned));
    if let Some(w) = waiting {
        finding = finding.evidence(waiting_evidence(place.entity(), w));
    }
    if let Some(t) = ended {
        finding = finding.evidence(terminated_evidence(place.entity(), t));
    }
    if let Some(e) = event {
        finding = finding.evidence(event_evidence(e));
    }
    out.push(finding);
}

fn on(place: &Place<'_>, code: &'static str, nats: f64, since: Option<Timestamp>) -> Finding {
    let arch = place.world.nodes.get("", &place.pod.spec.node_name).map_or("?", |n| &n.status.node_info.architecture);
    Finding::new(code, place.entity())
        .nats(nats)
        .since(since.or(place.pod.status.start_time.0))
        .arg("image", place.spec.map_or(place.status.image.as_str(), |s| s.image.as_str()))
        .arg("node", &place.pod.spec.node_name)
        .arg("architecture", arch)
}

/// A shell reports 127 for a command that it does not find and 126 for one that it may not run; the log usually says which.
fn exit_code(place: &Place<'_>, out: &mut Vec<Finding>) {
    let Some(ended) = place.ended() else { return };
    let wrong_platform = place.log_lines().find(|l| l.contains("exec format error")).map(str::to_owned);
    let line_with = |words: &[&str]| {
        place.log_lines().find(|l| words.iter().any(|w| l.to_ascii_lowercase().contains(w))).map(str::to_owned)
    };
    let (code, line) = match ended.exit_code {
        0 => return,
        _ if wrong_platform.is_some() => ("image.wrong_platform", wrong_platform),
        127 => {
            let line = line_with(&["not found", "no such file", "cannot open shared object"]);
            ("container.command_not_found", line)
        }
        126 => {
            ("container.command_not_executable", line_with(&["permission denied", "cannot execute", "not executable"]))
        }
        _ => return,
    };
    let nats = if line.is_some() { 4.0 } else { 3.0 };
    let program = line.as_deref().and_then(missing_program).unwrap_or_else(|| place.command());
    let mut finding = on(place, code, nats, ended.started_at.0)
        .arg("program", program)
        .arg("exit_code", ended.exit_word())
        .arg("message", line.clone().unwrap_or_default())
        .evidence(terminated_evidence(place.entity(), ended));
    if let Some(line) = line {
        finding = finding.evidence(Evidence::Log {
            container: place.entity(),
            line: clip(&line, 300),
            previous: place.status.state.terminated.is_none(),
            count: 1,
        });
    }
    out.push(finding);
}

/// `sh: line 3: ffmpeg: not found` → `ffmpeg`
fn missing_program(line: &str) -> Option<String> {
    let parts: Vec<&str> = line.split(": ").collect();
    let end = parts.iter().rposition(|p| {
        let p = p.to_ascii_lowercase();
        p.starts_with("not found")
            || p.starts_with("command not found")
            || p.starts_with("permission denied")
            || p.starts_with("no such file")
    })?;
    let name = parts.get(end.checked_sub(1)?)?.trim();
    (!name.is_empty() && !name.contains(' ') && name.len() <= 120).then(|| name.to_owned())
}

/// An init container that fails holds back everything after it.
fn init_failed(place: &Place<'_>, out: &mut Vec<Finding>) {
    let sidecar = place.spec.is_some_and(|s| s.restart_policy == "Always");
    let crashing = place.status.state.waiting.as_ref().is_some_and(|w| w.reason == "CrashLoopBackOff");
    let failed_now = place.status.state.terminated.as_ref().is_some_and(|t| t.exit_code != 0);
    let Some(ended) = place.ended().filter(|t| t.exit_code != 0) else { return };
    if sidecar || !(crashing || failed_now) {
        return;
    }
    let last_line = place.log_lines().find(|l| !l.trim().is_empty()).map(str::to_owned);
    let mut finding = on(place, "container.init_failed", 4.0, ended.started_at.0)
        .arg("reason", &ended.reason)
        .arg("exit_code", ended.exit_word())
        .arg("restarts", place.status.restart_count.to_string())
        .arg("message", clip(last_line.as_deref().unwrap_or_default(), 300))
        .evidence(terminated_evidence(place.entity(), ended));
    if let Some(line) = last_line {
        finding = finding.evidence(Evidence::Log {
            container: place.entity(),
            line: clip(&line, 300),
            previous: crashing,
            count: 1,
        });
    }
    out.push(finding);
}

fn hooks(world: &World, pod: &o::Pod, out: &mut Vec<Finding>) {
    let newest = |reason: &str| -> Option<&EventView> {
        world.events_of(&pod_ref(pod)).rev().find(|e| e.reason == reason || (e.warning && e.message.contains(reason)))
    };
    for (reason, code, nats) in
        [("FailedPostStartHook", "hook.post_start_failed", 4.0), ("FailedPreStopHook", "hook.pre_stop_failed", 1.5)]
    {
        let Some(event) = newest(reason) else { continue };
        let finding = Finding::new(code, event.entity.clone())
            .nats(nats)
            .since(event.first)
            .arg("message", clip(&event.message, 600))
            .evidence(event_evidence(event));
        out.push(finding);
    }
    for (status, _, _) in statuses(pod) {
        let waiting = status.state.waiting.as_ref().filter(|w| w.reason == "PostStartHookError");
        let entity = EntityRef::container(pod.namespace(), pod.name(), &status.name);
        let told = out.iter().any(|f| f.code.as_str() == "hook.post_start_failed" && f.entity.whole() == pod_ref(pod));
        if let Some(waiting) = waiting.filter(|_| !told) {
            out.push(
                Finding::new("hook.post_start_failed", entity.clone())
                    .nats(4.0)
                    .since(pod.status.start_time.0)
                    .arg("message", clip(&waiting.message, 600))
                    .evidence(waiting_evidence(entity, waiting)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{arg, codes, find, world, world_with_log};

    fn pod(place: &str, state: &str) -> String {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"a","namespace":"shop"}},"spec":{{"nodeName":"w1","containers":[{{"name":
            "c","command":["serve","--all"]}}],"initContainers":[{{"name":"c"}}]}},"status":{{"phase":"Running","{place}":[
            {{"name":"c","restartCount":3,{state}}}]}}}}"#
        )
    }

    fn main(state: &str) -> String {
        pod("containerStatuses", state)
    }

    fn died(code: i32) -> String {
        format!(
            r#""state":{{"waiting":{{"reason":"CrashLoopBackOff"}}}},"lastState":{{"terminated":{{"reason":"Error",
            "exitCode":{code}}}}}"#
        )
    }

    #[test]
    fn start_errors_are_named() {
        let refused =
            |m: &str| main(&format!(r#""state":{{"waiting":{{"reason":"RunContainerError","message":"{m}"}}}}"#));
        for (document, code) in [
            (refused("exec: \\\"serve\\\": executable file not found in $PATH"), "container.command_not_found"),
            (refused("error mounting x to rootfs"), "container.mount_failed"),
            (refused("container init was OOM-killed (memory limit too low?)"), "container.limit_too_low"),
            (refused("name x is reserved for y"), "container.runtime_timeout"),
            (refused("odd"), "container.start_failed"),
            (main(&died(126)), "container.command_not_executable"),
        ] {
            assert_eq!(codes(&Start, &world(&[&document])), [format!("{code}@container/shop/a/c")], "{document}");
        }
        assert!(codes(&Start, &world(&[&main(&died(1))])).is_empty());
    }

    #[test]
    fn the_missing_program_is_read_from_the_log() {
        let found = find(&Start, &world_with_log(&[&main(&died(127))], "a", &["/start.sh: line 4: ffmpeg: not found"]));
        assert_eq!(arg(&found, "program"), "ffmpeg");
        let found = find(&Start, &world(&[&main(&died(127))]));
        assert_eq!(arg(&found, "program"), "serve --all");
    }

    #[test]
    fn a_failing_init_container_is_named_and_a_done_one_is_not() {
        let init = |state: &str| pod("initContainerStatuses", state);
        assert_eq!(codes(&Start, &world(&[&init(&died(7))])), ["container.init_failed@container/shop/a/c"]);
        let done = r#""state":{"terminated":{"exitCode":0}},"lastState":{"terminated":{"exitCode":7}}"#;
        assert!(codes(&Start, &world(&[&init(done)])).is_empty());
    }
}
