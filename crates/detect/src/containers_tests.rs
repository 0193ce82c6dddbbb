//! Worlds by hand: what containers, probes, logs, evictions and terminations give.

use rootline_model::{Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;

const NOW: &str = "2026-06-01T12:00:00Z";

/// A pod `p` of namespace `n` that is not ready, with one container `app`.
struct Told {
    /// JSON of the container's spec, without its name.
    spec: &'static str,
    /// JSON of the container's status, without its name.
    status: &'static str,
    /// JSON of further pod fields below `status`.
    pod: &'static str,
    events: &'static [(&'static str, &'static str)],
    log: &'static str,
    previous: &'static str,
}

const NOTHING: Told = Told { spec: "{}", status: "{}", pod: "{}", events: &[], log: "", previous: "" };

fn inner(json: &str) -> String {
    let text = json.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or_default().trim();
    if text.is_empty() { String::new() } else { format!(",{text}") }
}

fn world(told: &Told) -> World {
    let pod = format!(
        r#"{{"kind":"Pod","metadata":{{"name":"p","namespace":"n","creationTimestamp":"2026-06-01T11:00:00Z"}},
        "spec":{{"nodeName":"w","containers":[{{"name":"app"{}}}]}},
        "status":{{{}"conditions":[{{"type":"Ready","status":"False","lastTransitionTime":"2026-06-01T11:30:00Z"}}],
        "containerStatuses":[{{"name":"app"{}}}]{}}}}}"#,
        inner(told.spec),
        if told.pod.contains("\"phase\"") { "" } else { r#""phase":"Running","# },
        inner(told.status),
        inner(told.pod),
    );
    let mut documents = vec![pod];
    for (i, (reason, message)) in told.events.iter().enumerate() {
        let message = message.replace('"', "\\\"");
        documents.push(format!(
            r#"{{"kind":"Event","metadata":{{"name":"e{i}","namespace":"n"}},"type":"Warning","reason":"{reason}","message":"{message}",
            "involvedObject":{{"kind":"Pod","namespace":"n","name":"p"}},"count":5,
            "firstTimestamp":"2026-06-01T11:50:00Z","lastTimestamp":"2026-06-01T11:59:00Z"}}"#
        ));
    }
    let mut signals = vec![o::Signal::Clock(NOW.parse().unwrap_or_else(|e| panic!("{e}")))];
    for document in &documents {
        o::read_list(document, None, |object| signals.push(o::Signal::Object(object)), |e| panic!("{e}"))
            .unwrap_or_else(|e| panic!("{e}\n{document}"));
    }
    signals.push(o::Signal::Listed { kind: Kind::Pod, namespace: None });
    for (text, previous) in [(told.log, false), (told.previous, true)] {
        if !text.is_empty() {
            signals.push(o::Signal::Log(o::LogTail {
                namespace: "n".into(),
                pod: "p".into(),
                container: "app".into(),
                previous,
                lines: text.lines().map(str::to_owned).collect(),
            }));
        }
    }
    World::from_signals(signals)
}

/// Runs one detector and compares the codes, generic ones left out.
fn check(detector: &dyn Detector, told: Told, want: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    detector.detect(&world(&told), &mut found);
    let codes: Vec<&str> = found
        .iter()
        .map(|f| f.code.as_str())
        .filter(|c| !matches!(*c, "container.terminated" | "container.back_off" | "log.error"))
        .collect();
    assert_eq!(codes, want, "{} on {}", detector.name(), told.status);
    found
}

/// A state between two runs with how the last one ended.
macro_rules! ended {
    ($code:literal, $reason:literal) => {
        concat!(
            r#"{"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":"#,
            $code,
            r#","reason":""#,
            $reason,
            r#"","startedAt":"2026-06-01T11:58:00Z","finishedAt":"2026-06-01T11:58:30Z"}}}"#
        )
    };
}

const LIMITED: &str = r#"{"resources":{"limits":{"memory":"64Mi"}}}"#;

#[test]
fn ends_of_containers_are_told_apart() {
    let by = |status: &'static str, want: &str| {
        check(&crate::containers::Containers, Told { status, spec: LIMITED, ..NOTHING }, &[want]);
    };
    by(ended!(137, "OOMKilled"), "container.oom_killed");
    by(ended!(1, "OOMKilled"), "container.oom_child");
    by(ended!(137, "Error"), "container.killed");
    by(ended!(139, "Error"), "container.native_crash");
    by(ended!(134, "Error"), "container.native_crash");
    by(ended!(143, "Error"), "container.stopped");
    by(ended!(0, "Completed"), "container.exits_clean");
    by(ended!(1, "Error"), "container.crash");
    by(ended!(255, "Error"), "container.crash");
    by(ended!(255, "Unknown"), "container.lost");
    by(ended!(137, "ContainerStatusUnknown"), "container.lost");
}

#[test]
fn starts_that_others_judge_are_left_to_them() {
    for status in [ended!(128, "StartError"), ended!(127, "Error"), ended!(126, "Error")] {
        check(&crate::containers::Containers, Told { status, ..NOTHING }, &[]);
    }
    let status = r#"{"state":{"waiting":{"reason":"ImagePullBackOff"}}}"#;
    check(&crate::containers::Containers, Told { status, ..NOTHING }, &[]);
}

#[test]
fn a_kill_by_a_probe_is_no_memory_kill() {
    let events = &[("Killing", "Container app failed liveness probe, will be restarted")];
    check(&crate::containers::Containers, Told { status: ended!(137, "Error"), spec: LIMITED, events, ..NOTHING }, &[]);
    // the event about the kill is gone, that about the probe is not
    let spec = r#"{"livenessProbe":{"httpGet":{"path":"/","port":8080}}}"#;
    let events = &[("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")];
    check(&crate::containers::Containers, Told { status: ended!(137, "Error"), spec, events, ..NOTHING }, &[]);
}

#[test]
fn a_crash_says_its_last_words() {
    let previous = "INFO up\npanic: no such table\ngoroutine 1";
    let found = check(
        &crate::containers::Containers,
        Told { status: ended!(2, "Error"), previous, ..NOTHING },
        &["container.crash"],
    );
    let crash = found.iter().find(|f| f.code.as_str() == "container.crash");
    assert_eq!(crash.and_then(|f| f.args.get("line")), Some("panic: no such table"));
}

#[test]
fn a_crash_for_a_dependency_is_a_symptom() {
    let previous = "ERROR dial tcp 10.0.0.9:80: connect: connection refused";
    check(
        &crate::containers::Containers,
        Told { status: ended!(1, "Error"), previous, ..NOTHING },
        &["container.crash_on_dependency"],
    );
}

#[test]
fn history_is_a_note() {
    let status = r#"{"ready":true,"restartCount":1,"state":{"running":{"startedAt":"2026-06-01T10:00:00Z"}},
        "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","finishedAt":"2026-06-01T09:59:00Z"}}}"#;
    check(&crate::containers::Containers, Told { status, ..NOTHING }, &["container.restarted"]);
    let finished = r#"{"state":{"terminated":{"exitCode":255,"reason":"Completed"}}}"#;
    let pod = r#"{"phase":"Succeeded"}"#;
    let told = Told { status: finished, pod, ..NOTHING };
    check(&crate::containers::Containers, told, &[]);
}

const RUNS: &str = r#"{"ready":false,"state":{"running":{"startedAt":"2026-06-01T11:01:00Z"}}}"#;

#[test]
fn readiness_probes_are_judged() {
    let by = |spec: &'static str, events: &'static [(&'static str, &'static str)], want: &[&str]| {
        check(&crate::probes::Probes, Told { spec, status: RUNS, events, ..NOTHING }, want);
    };
    let refused = &[("Unhealthy", "Readiness probe failed: dial tcp 10.1.2.3:8081: connect: connection refused")];
    by(
        r#"{"ports":[{"containerPort":8080}],"readinessProbe":{"tcpSocket":{"port":8081}}}"#,
        refused,
        &["probe.readiness_wrong_port"],
    );
    // told to serve that port: then the program is at fault
    by(
        r#"{"args":["--admin=:8081"],"ports":[{"containerPort":8080}],"readinessProbe":{"tcpSocket":{"port":8081}}}"#,
        refused,
        &["probe.readiness_failing"],
    );
    // nothing is declared: nothing is proven
    by(r#"{"readinessProbe":{"tcpSocket":{"port":8081}}}"#, refused, &["probe.readiness_failing"]);
    by(
        r#"{"ports":[{"containerPort":80}],"readinessProbe":{"httpGet":{"path":"/x","port":80}}}"#,
        &[("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")],
        &["probe.readiness_wrong_path"],
    );
    by(
        r#"{"ports":[{"containerPort":53,"protocol":"UDP"}],"readinessProbe":{"tcpSocket":{"port":53}}}"#,
        &[("Unhealthy", "Readiness probe failed: dial tcp 10.1.2.3:53: connect: connection refused")],
        &["probe.readiness_wrong_protocol"],
    );
    // no event and no proof: nothing is said
    by(r#"{"ports":[{"containerPort":80}],"readinessProbe":{"tcpSocket":{"port":80}}}"#, &[], &[]);
}

#[test]
fn liveness_probes_are_judged_by_their_kills() {
    let killed = "Container app failed liveness probe, will be restarted";
    let by = |spec: &'static str, message: &'static str, want: &[&str]| {
        let events: &'static [(&'static str, &'static str)] =
            Box::leak(Box::new([("Killing", killed), ("Unhealthy", message)]));
        check(&crate::probes::Probes, Told { spec, status: ended!(137, "Error"), events, ..NOTHING }, want);
    };
    by(
        r#"{"ports":[{"containerPort":8080}],"livenessProbe":{"grpc":{"port":8080},"initialDelaySeconds":1,"periodSeconds":1,"failureThreshold":1}}"#,
        "Liveness probe failed: timeout: failed to connect service \"10.1.2.3:8080\" within 1s: context deadline exceeded",
        &["probe.liveness_wrong_timing"],
    );
    by(
        r#"{"ports":[{"containerPort":8080}],"livenessProbe":{"grpc":{"port":8081}}}"#,
        "Liveness probe failed: timeout: failed to connect service \"10.1.2.3:8081\" within 1s: context deadline exceeded",
        &["probe.liveness_wrong_port"],
    );
    by(
        r#"{"ports":[{"containerPort":8080}],"livenessProbe":{"httpGet":{"path":"/","port":8080}}}"#,
        "Liveness probe failed: Get \"http://10.1.2.3:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response",
        &["probe.liveness_wrong_protocol"],
    );
    by(
        r#"{"livenessProbe":{"exec":{"command":["cat","/x"]},"periodSeconds":60}}"#,
        "Liveness probe failed: cat: can't open '/x': No such file or directory",
        &["probe.liveness_failing"],
    );
}

#[test]
fn logs_count_by_the_standing_of_their_container() {
    let by = |status: &'static str, log: &'static str, want: &[&str]| {
        check(&crate::logs::Logs, Told { status, log, ..NOTHING }, want);
    };
    let well = r#"{"ready":true,"state":{"running":{"startedAt":"2026-06-01T11:01:00Z"}}}"#;
    by(ended!(1, "Error"), "listen tcp :80: bind: address already in use", &["log.port_in_use"]);
    by(well, "listen tcp :80: bind: address already in use", &[]);
    by(RUNS, "dial tcp 10.0.0.9:80: connect: connection refused", &["log.connection_refused"]);
    by(well, "dial tcp 10.0.0.9:80: connect: connection refused", &["log.connection_refused"]);
    by(well, "2026-06-01T11:02:00Z dial tcp 10.0.0.9:80: connect: connection refused", &[]);
    by(
        ended!(1, "Error"),
        "lookup api.example.com on 10.96.0.10:53: no such host",
        &["log.dns_failure", "dependency.outside_unreachable"],
    );
    by(ended!(1, "Error"), "Error from server (BadRequest): address already in use", &[]);
}

#[test]
fn any_text_is_survived() {
    let long: &'static str = Box::leak("错误 error: дальше 字\u{1F600} \u{0}".repeat(3000).into_boxed_str());
    for detector in crate::catalog() {
        let mut found = Vec::new();
        let told = Told { status: ended!(1, "Error"), log: long, previous: long, ..NOTHING };
        detector.detect(&world(&told), &mut found);
    }
}

#[test]
fn evictions_and_terminations_are_read() {
    let by = |pod: &'static str, want: &[&str]| {
        check(&crate::evictions::Evictions, Told { pod, ..NOTHING }, want);
    };
    by(
        r#"{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory. "}"#,
        &["pod.evicted.memory"],
    );
    by(
        r#"{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: inodes. "}"#,
        &["pod.evicted.disk"],
    );
    by(
        r#"{"phase":"Failed","reason":"Evicted","message":"Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "}"#,
        &["pod.evicted.own_limit"],
    );
    by(
        r#"{"phase":"Failed","reason":"Terminated","message":"Pod was terminated in response to imminent node shutdown."}"#,
        &["pod.evicted.node_shutdown"],
    );
    by(r#"{"phase":"Failed","reason":"OutOfcpu"}"#, &[]);
    by("{}", &[]);
}
