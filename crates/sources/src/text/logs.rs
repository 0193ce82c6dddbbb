//! Container logs.

use rootline_model::GapKind;
use rootline_objects::LogTail;

use super::command::Command;
use super::found::Found;

/// Lines kept of one log, the newest. Starting value: rules look at the last words, not at a history.
const KEPT_LINES: usize = 2_000;
/// Longer lines are cut; a stack trace in one JSON line stays well below.
const KEPT_BYTES: usize = 8_192;

/// The output of `kubectl logs`.
pub(super) fn of_command(command: &Command<'_>, text: &str, found: &mut Found) {
    let target = command.words.first().copied().unwrap_or_default();
    let (kind, name) = target.split_once('/').unwrap_or(("pod", target));
    let container = if command.container.is_empty() { command.words.get(1).copied() } else { Some(command.container) };
    let mut log = LogTail {
        namespace: command.namespace.unwrap_or_default().to_owned(),
        pod: if matches!(kind, "pod" | "pods" | "po") { name.to_owned() } else { String::new() },
        container: container.unwrap_or_default().to_owned(),
        previous: command.previous,
        lines: Vec::new(),
    };
    read(&mut log, text, found);
}

/// A file named after the log it holds: `logs-POD.txt`, `logs-POD_CONTAINER.previous.log`, `logs-previous-POD.txt`.
/// False if the name says nothing of the kind.
pub(super) fn of_file(file_name: &str, text: &str, found: &mut Found) -> bool {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = [".txt", ".log", ".out"].iter().find_map(|e| base.strip_suffix(e)).unwrap_or(base);
    let named = ["logs-", "log-", "logs_", "log_"].iter().find_map(|p| stem.strip_prefix(p));
    let Some(mut rest) = named.or_else(|| base.strip_suffix(".log")) else { return false };
    let mut previous = false;
    for mark in ["previous-", "previous_", "prev-"] {
        if let Some(after) = rest.strip_prefix(mark) {
            (rest, previous) = (after, true);
        }
    }
    for mark in [".previous", "-previous", "_previous", ".prev"] {
        if let Some(before) = rest.strip_suffix(mark) {
            (rest, previous) = (before, true);
        }
    }
    let parts: Vec<&str> = rest.split('_').collect();
    let (namespace, pod, container) = match parts[..] {
        [pod] => ("", pod, ""),
        [pod, container] => ("", pod, container),
        [namespace, pod, container] => (namespace, pod, container),
        _ => return false,
    };
    let mut log = LogTail {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous,
        lines: Vec::new(),
    };
    read(&mut log, text, found);
    true
}

fn read(log: &mut LogTail, text: &str, found: &mut Found) {
    let mut prefixed: Vec<LogTail> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        if line.starts_with("Error from server") || line.starts_with("error: ") {
            error(log, line, found);
            continue;
        }
        if let Some((_, pod)) = line.strip_prefix("Found ").and_then(|l| l.split_once(", using pod/")) {
            pod.clone_into(&mut log.pod);
            continue;
        }
        if let Some(container) = defaulted(line) {
            if log.container.is_empty() {
                container.clone_into(&mut log.container);
            }
            continue;
        }
        // `--prefix`: `[pod/cart-1/app] listening`
        if let Some((source, said)) = line.strip_prefix("[pod/").and_then(|l| l.split_once("] "))
            && let Some((pod, container)) = source.split_once('/')
        {
            let at = prefixed.iter().position(|l| l.pod == pod && l.container == container);
            let at = at.unwrap_or_else(|| {
                prefixed.push(LogTail {
                    pod: pod.to_owned(),
                    container: container.to_owned(),
                    lines: Vec::new(),
                    ..log.clone()
                });
                prefixed.len() - 1
            });
            prefixed[at].lines.push(shortened(said));
            continue;
        }
        log.lines.push(shortened(line));
    }
    for mut log in prefixed.into_iter().chain([std::mem::take(log)]) {
        while log.lines.last().is_some_and(String::is_empty) {
            log.lines.pop();
        }
        if log.lines.len() > KEPT_LINES {
            log.lines.drain(..log.lines.len() - KEPT_LINES);
        }
        if !log.lines.is_empty() && !log.pod.is_empty() {
            found.logs.push(log);
        }
    }
}

/// `Defaulted container "app" out of: app, proxy`.
fn defaulted(line: &str) -> Option<&str> {
    line.strip_prefix("Defaulted container \"")?.split('"').next()
}

/// A container that has not run yet has no log, which its state says better; a refusal is worth telling.
fn error(log: &LogTail, line: &str, found: &mut Found) {
    if line.contains("(Forbidden)") {
        found.gap(GapKind::Forbidden, format!("logs of {}", log.pod), line);
    } else if !line.contains("(BadRequest)") {
        found.gap(GapKind::Absent, format!("logs of {}", log.pod), line);
    }
}

fn shortened(line: &str) -> String {
    let mut end = line.len().min(KEPT_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].to_owned()
}
