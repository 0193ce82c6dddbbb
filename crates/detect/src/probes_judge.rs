//! The verdict on a failing probe: port before protocol before path before timing, else the program.

use rootline_model::{Evidence, Kind, Relation};
use rootline_objects as o;

use crate::containers::{blamed, death_log};
use crate::logs_text::{lines, loudness, tails};
use crate::probes::{Case, listening_line};
use crate::probes_view::View;
use crate::probes_words::{Said, Which};

/// A kill this soon after the start leaves hardly a program the time to come up. Starting value, see ADR-0003.
const TIGHT_S: i64 = 10;
/// Grace period and back-off that lie between the last failure and the recorded end. Starting value, see ADR-0003.
const SLACK_S: i64 = 45;
/// A readiness probe that begins later than this after the start was hardly meant so. Starting value, see ADR-0003.
const LATE_S: i64 = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    Port,
    Protocol,
    Path,
    Timing,
    /// The program is not well.
    Failing,
    /// The program waits for another one.
    Waits,
}

impl Aspect {
    /// The probe's definition is at fault, provably.
    pub fn is_proof(self) -> bool {
        matches!(self, Aspect::Port | Aspect::Protocol | Aspect::Path)
    }

    pub fn code(self, which: Which) -> &'static str {
        match (which, self) {
            (Which::Liveness, Aspect::Port) => "probe.liveness_wrong_port",
            (Which::Liveness, Aspect::Protocol) => "probe.liveness_wrong_protocol",
            (Which::Liveness, Aspect::Path) => "probe.liveness_wrong_path",
            (Which::Liveness, Aspect::Timing) => "probe.liveness_wrong_timing",
            (Which::Liveness, Aspect::Failing) => "probe.liveness_failing",
            (Which::Readiness, Aspect::Port) => "probe.readiness_wrong_port",
            (Which::Readiness, Aspect::Protocol) => "probe.readiness_wrong_protocol",
            (Which::Readiness, Aspect::Path) => "probe.readiness_wrong_path",
            (Which::Readiness, Aspect::Timing) => "probe.readiness_wrong_timing",
            (Which::Readiness, Aspect::Failing) => "probe.readiness_failing",
            (Which::Startup, Aspect::Port) => "probe.startup_wrong_port",
            (Which::Startup, Aspect::Protocol) => "probe.startup_wrong_protocol",
            (Which::Startup, Aspect::Path) => "probe.startup_wrong_path",
            (Which::Startup, Aspect::Timing) => "probe.startup_wrong_timing",
            (Which::Startup, Aspect::Failing) => "probe.startup_failing",
            (_, Aspect::Waits) => "probe.waits_on_dependency",
        }
    }
}

pub(crate) struct Fault {
    pub aspect: Aspect,
    /// 2 and more: as sure as the rule; less where the evidence is thinner.
    pub nats: f64,
    pub expected: String,
    pub actual: String,
    pub evidence: Option<Evidence>,
}

fn fault(aspect: Aspect, nats: f64, expected: impl Into<String>, actual: impl Into<String>) -> Fault {
    Fault { aspect, nats, expected: expected.into(), actual: actual.into(), evidence: None }
}

pub(crate) fn judge(case: &Case<'_>) -> Option<Fault> {
    port(case).or_else(|| protocol(case)).or_else(|| path(case)).or_else(|| timing(case)).or_else(|| program(case))
}

/// Target ports of the services that pick the pod.
fn service_ports(case: &Case<'_>) -> Vec<i64> {
    let pod = case.seen.entity().whole();
    let services = case.world.graph.sources(&pod, Relation::Selects);
    let services = services.iter().filter(|e| e.kind == Kind::Service);
    services
        .filter_map(|e| case.world.services.get(&e.namespace, &e.name))
        .flat_map(|s| &s.spec.ports)
        .filter_map(|p| match p.target() {
            o::PortRef::Number(n) => Some(n),
            o::PortRef::Name(name) => case.listeners.declared.iter().find(|d| d.name == name).map(|d| d.port),
        })
        .collect()
}

fn port(case: &Case<'_>) -> Option<Fault> {
    let declared = || case.listeners.line();
    if let Some(name) = &case.view.unknown_name {
        return Some(fault(Aspect::Port, 2.5, declared(), name.clone()));
    }
    let asked = case.view.port?;
    if case.said.is_some_and(Said::something_listens) || case.listeners.logged.contains(&asked) {
        return None;
    }
    let tcp: Vec<i64> = case.listeners.declared.iter().filter(|d| d.protocol == "TCP").map(|d| d.port).collect();
    let undeclared = !tcp.is_empty() && !case.listeners.declared.iter().any(|d| d.port == asked);
    let logged_other = !case.listeners.logged.is_empty();
    let sibling = case.siblings.iter().filter_map(|s| s.port).find(|p| *p != asked);
    let known_sibling =
        sibling.filter(|p| tcp.contains(p) || case.listeners.logged.contains(p) || case.seen.status.ready);
    let served = service_ports(case);
    let served_other = !served.is_empty() && !served.contains(&asked);
    // an argument or env value that speaks of the port means that the program was told to serve it
    if case.hints.contains(&asked) && !logged_other {
        return None;
    }
    let refused = matches!(case.said, Some(Said::Refused | Said::NoChannel));
    let witnesses = [undeclared, logged_other, known_sibling.is_some()].into_iter().filter(|w| *w).count();
    let strong = undeclared || logged_other || (known_sibling.is_some() && refused && case.seen.status.ready);
    if witnesses == 0 || !strong || (case.said.is_none() && witnesses + usize::from(served_other) < 2) {
        return None;
    }
    let add = |on: bool, nats: f64| if on { nats } else { 0.0 };
    let nats = 0.0
        + add(undeclared, 1.0)
        + add(logged_other, 1.0)
        + add(known_sibling.is_some(), 0.5)
        + add(served_other, 0.5)
        + add(refused, 0.5);
    let only = |ports: &[i64]| (ports.len() == 1).then(|| ports.first().copied()).flatten();
    let logged: Vec<i64> = case.listeners.logged.iter().copied().collect();
    let best = known_sibling.or(only(&logged)).or(only(&tcp)).or(only(&served));
    let expected = best.map_or_else(declared, |p| p.to_string());
    let mut fault = fault(Aspect::Port, nats, expected, asked.to_string());
    fault.evidence = listening_line(case);
    Some(fault)
}

/// A sibling probe on the same port in another language.
fn sibling_speech<'c>(case: &'c Case<'_>) -> Option<&'c View> {
    let differs = |s: &&View| {
        s.port == case.view.port && s.port.is_some() && s.protocol != case.view.protocol && s.protocol != "exec"
    };
    case.siblings.iter().find(differs)
}

fn port_name<'c>(case: &'c Case<'_>) -> &'c str {
    let port = case.view.port;
    case.listeners.declared.iter().find(|d| Some(d.port) == port).map_or("", |d| d.name.as_str())
}

fn protocol(case: &Case<'_>) -> Option<Fault> {
    let actual = case.view.speech();
    let sibling = sibling_speech(case).map(View::speech);
    let wrong = |nats: f64, expected: &str| Some(fault(Aspect::Protocol, nats, expected, actual));
    let name = port_name(case);
    match (case.said, case.view.protocol) {
        (Some(Said::NotHttp), _) => {
            let http2 = case.event.is_some_and(|e| e.message.contains("\\x00\\x00") || e.message.contains('\u{0}'));
            let guess = if name.contains("grpc") || http2 { "gRPC" } else { "TCP" };
            wrong(2.5, sibling.unwrap_or(guess))
        }
        (Some(Said::NotTls), _) => wrong(2.5, "HTTP"),
        (Some(Said::NotGrpc), _) => wrong(2.2, sibling.unwrap_or("HTTP")),
        (Some(Said::NoHealthService), "grpc") => wrong(1.0, sibling.unwrap_or("TCP")),
        (Some(Said::Status(400)), "http") if !case.view.https => {
            // servers answer plain HTTP on a TLS port with 400
            let spoken = logs_speak(case, "https") || logs_say_https(case);
            let tls = spoken || name.contains("https") || matches!(case.view.port, Some(443 | 8443 | 6443));
            tls.then(|| fault(Aspect::Protocol, if spoken { 2.5 } else { 1.6 }, "HTTPS", actual))
        }
        (Some(Said::NoChannel | Said::Closed), "grpc") => {
            let http = name.contains("http") || logs_speak(case, "http");
            match (sibling, http) {
                (Some(other), _) => wrong(1.2, other),
                (None, true) => wrong(0.7, "HTTP"),
                _ => None,
            }
        }
        (Some(Said::Closed), "http") => {
            let raw = matches!(case.view.port, Some(6379 | 5432 | 3306 | 27017 | 5672 | 9092 | 11211));
            let grpc = name.contains("grpc") || logs_speak(case, "grpc");
            match (sibling, raw, grpc) {
                (Some(other), _, _) => wrong(1.2, other),
                (None, true, _) => wrong(1.2, "TCP"),
                (None, _, true) => wrong(0.7, "gRPC"),
                _ => None,
            }
        }
        (_, "tcp" | "http" | "grpc") if is_udp(case) => wrong(1.6, "UDP"),
        (None, "http" | "grpc") => {
            let grpc_name = name.contains("grpc") && case.view.protocol == "http";
            match sibling {
                Some(other) if other != "TCP" => wrong(0.3, other),
                _ if grpc_name => wrong(0.3, "gRPC"),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_udp(case: &Case<'_>) -> bool {
    let mut same = case.listeners.declared.iter().filter(|d| Some(d.port) == case.view.port).peekable();
    same.peek().is_some() && same.all(|d| d.protocol == "UDP")
}

/// A log line that says which language the program serves.
fn logs_speak(case: &Case<'_>, word: &str) -> bool {
    tails(case.world, case.seen.pod, &case.seen.status.name).flat_map(lines).any(|l| {
        let lower = l.to_ascii_lowercase();
        (lower.contains(&format!("{word} server"))
            || lower.contains(&format!("{word} listen"))
            || lower.contains(&format!("serving {word}")))
            && case.view.port.is_none_or(|p| !lower.contains(':') || lower.contains(&p.to_string()))
    })
}

/// `Tomcat started on port(s): 8443 (https)`, `listening on https://0.0.0.0:8443`.
fn logs_say_https(case: &Case<'_>) -> bool {
    let Some(port) = case.view.port.map(|p| p.to_string()) else { return false };
    tails(case.world, case.seen.pod, &case.seen.status.name).flat_map(lines).any(|l| {
        let lower = l.to_ascii_lowercase();
        (lower.contains("https") || lower.contains("tls") || lower.contains("ssl"))
            && lower.contains(&port)
            && ["start", "listen", "serving", "bound", "initialized"].iter().any(|w| lower.contains(w))
    })
}

fn path(case: &Case<'_>) -> Option<Fault> {
    let status = match case.said {
        Some(Said::Status(s @ (404 | 405 | 410 | 401 | 403 | 400))) => s,
        None => return path_from_log(case),
        _ => return None,
    };
    let other =
        case.siblings.iter().find(|s| s.port == case.view.port && s.protocol == "http" && s.path != case.view.path);
    let nats = match status {
        404 | 410 => 2.5,
        405 => 1.6,
        _ => 1.0,
    };
    Some(fault(
        Aspect::Path,
        nats,
        other.map_or_else(|| "?".to_owned(), |s| s.path.clone()),
        format!("{} → {status}", case.view.path),
    ))
}

/// An access log that shows the kubelet asking in vain.
fn path_from_log(case: &Case<'_>) -> Option<Fault> {
    let path = case.view.path.as_str();
    if path.len() < 2 {
        return None;
    }
    let hit = tails(case.world, case.seen.pod, &case.seen.status.name).find_map(|tail| {
        let line =
            lines(tail).rev().take(400).find(|l| l.contains(path) && l.contains(" 404") && l.contains("kube-probe"))?;
        Some(crate::logs_text::quote(case.world, tail, line, 1))
    })?;
    Some(Fault { evidence: Some(hit), ..fault(Aspect::Path, 1.8, "?", format!("{path} → 404")) })
}

fn timing(case: &Case<'_>) -> Option<Fault> {
    let view = &case.view;
    if view.which == Which::Readiness {
        return late(case);
    }
    let no_answer = matches!(
        case.said,
        None | Some(Said::Refused | Said::NoChannel | Said::Timeout | Said::NotServing | Said::Closed | Said::Command)
    );
    if !case.kills || !no_answer {
        return None;
    }
    let waits = death_log(case.world, &case.seen).is_some_and(|t| blamed(case.world, t).is_some());
    if waits {
        return None;
    }
    let actual = format!("{} s", view.window());
    let guarded = view.which == Which::Liveness && case.siblings.iter().any(|s| s.which == Which::Startup);
    if view.window() <= TIGHT_S && !guarded {
        return Some(fault(Aspect::Timing, 2.0, format!("> {} s", view.window()), actual));
    }
    let ran = case.seen.last.and_then(|t| Some(t.finished_at.0?.as_second() - t.started_at.0?.as_second()));
    let died_young = ran.is_some_and(|s| s <= view.window() + SLACK_S);
    let tail = death_log(case.world, &case.seen);
    let came_up = tail.is_some_and(|_| !case.listeners.logged.is_empty());
    let complained = tail.is_some_and(|t| lines(t).any(|l| loudness(l) >= 2));
    if died_young && !came_up && !complained && !guarded && matches!(case.said, Some(Said::Refused | Said::NoChannel)) {
        return Some(fault(
            Aspect::Timing,
            if tail.is_some() { 1.5 } else { 0.8 },
            format!("> {} s", view.window()),
            actual,
        ));
    }
    if case.said == Some(Said::Timeout) && view.timeout <= 1 && !complained {
        return Some(fault(Aspect::Timing, 0.7, "> 1 s", format!("{} s", view.timeout)));
    }
    None
}

/// A readiness probe that has not begun, must succeed many times over, or gives hardly any time to answer.
fn late(case: &Case<'_>) -> Option<Fault> {
    let view = &case.view;
    let runs = case.seen.status.state.running.as_ref().and_then(|r| case.world.age_s(r.started_at));
    if case.event.is_none() {
        let needs = view.delay.saturating_add(view.period.saturating_mul(view.successes));
        let waiting = runs.is_some_and(|s| s <= needs) && needs > LATE_S;
        return waiting.then(|| fault(Aspect::Timing, 2.0, format!("< {needs} s"), format!("{needs} s")));
    }
    let hasty = case.said == Some(Said::Timeout) && view.timeout <= 1 && !speaks_of_dependency(case);
    hasty.then(|| fault(Aspect::Timing, 0.6, "> 1 s", format!("{} s", view.timeout)))
}

fn speaks_of_dependency(case: &Case<'_>) -> bool {
    tails(case.world, case.seen.pod, &case.seen.status.name)
        .filter(|t| !t.previous)
        .any(|t| blamed(case.world, t).is_some())
}

/// The probe is right as far as can be told, and what it asks is not well.
fn program(case: &Case<'_>) -> Option<Fault> {
    let message = case.event.map(|e| crate::probes::words(&e.message)).unwrap_or_default();
    let waits = match case.kills {
        true => death_log(case.world, &case.seen).is_some_and(|t| blamed(case.world, t).is_some()),
        false => speaks_of_dependency(case),
    };
    if waits {
        return Some(fault(Aspect::Waits, 2.0, "", message));
    }
    let nats = match (case.view.which, case.kills) {
        _ if case.said == Some(Said::CommandMissing) => 2.0,
        (Which::Readiness, _) => {
            case.event?;
            1.3
        }
        (_, true) => 1.8,
        (_, false) => {
            case.event?;
            1.0
        }
    };
    Some(fault(Aspect::Failing, nats, "", message))
}
