//! Suite `opensre`: evidence of hosted clusters in a reduced JSON form, and of managed databases.
//!
//! Kubernetes scenarios are turned back into API objects and go through the engine. Database scenarios hold metrics and
//! advisor tables of a hosted database, which the engine does not read: see `hosted_database`.

use std::path::Path;
use std::time::Instant;

use rootline_engine::{Engine, Target};
use rootline_model::{Diagnosis, Evidence, Kind, Lang, Verdict};
use rootline_objects::{LogTail, Signal, read_list};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::hosted_database;
use crate::output::{EvalError, Predictions, each_line, files};

#[derive(Deserialize)]
struct Case {
    case: String,
    #[serde(flatten)]
    evidence: serde_json::Map<String, Value>,
}

#[derive(Serialize)]
struct Row {
    case: String,
    category: &'static str,
    text: String,
    evidence: Vec<String>,
    ms: f64,
}

/// Cause code → the benchmark's category. The first that fits; other causes are configuration errors.
const CATEGORIES: &[(&str, &str)] = &[
    ("container.oom*", "resource_exhaustion"),
    ("quota.*", "resource_exhaustion"),
    ("pod.unschedulable.cpu", "resource_exhaustion"),
    ("pod.unschedulable.memory", "resource_exhaustion"),
    ("pod.unschedulable.ephemeral_storage", "resource_exhaustion"),
    ("pod.unschedulable.extended_resource", "resource_exhaustion"),
    ("pod.unschedulable.too_many_pods", "resource_exhaustion"),
    ("eviction.*", "resource_exhaustion"),
    ("database.connections*", "resource_exhaustion"),
    ("performance.cpu*", "resource_exhaustion"),
    ("node.*", "infrastructure"),
    ("component.*", "infrastructure"),
    ("control_plane.*", "infrastructure"),
    ("dns.*", "infrastructure"),
    ("log.connection*", "dependency_failure"),
    ("log.dns*", "dependency_failure"),
    ("container.crash*", "code_defect"),
    ("container.exception*", "code_defect"),
    ("log.exception*", "code_defect"),
    ("image.*", "configuration_error"),
    ("*", "configuration_error"),
];

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let engine = crate::engine()?;
    let mut out = Predictions::create(predictions)?;
    for path in files(data, &[".jsonl", ".jsonl.zst"])? {
        each_line(&path, |case: Case| {
            let start = Instant::now();
            let keys: Vec<String> = case.evidence.keys().cloned().collect();
            let kubernetes = case.evidence.contains_key("eks_pods");
            let (category, text) = if kubernetes {
                let diagnosis = engine.diagnose(signals(&case.evidence), &Target::default());
                (category(&diagnosis), text(&engine, &diagnosis))
            } else {
                hosted_database::answer(&case.evidence)
            };
            let ms = start.elapsed().as_secs_f64() * 1e3;
            out.write(&Row { case: case.case, category, text, evidence: keys, ms })
        })?;
    }
    out.finish()
}

fn category(diagnosis: &Diagnosis) -> &'static str {
    let confident = diagnosis.incidents.iter().find(|i| i.verdict != Verdict::NoConfidentCause);
    match confident.and_then(|i| i.causes.first()) {
        Some(cause) => CATEGORIES.iter().find(|(p, _)| cause.code.matches(p)).map_or("unknown", |(_, c)| c),
        None if diagnosis.incidents.is_empty() => "healthy",
        None => "unknown",
    }
}

/// The answer in a few plain sentences with what was looked at.
fn text(engine: &Engine, diagnosis: &Diagnosis) -> String {
    let mut lines = Vec::new();
    for incident in &diagnosis.incidents {
        for cause in incident.causes.iter().take(1) {
            if let Some(texts) = engine.knowledge().cause(cause.code.as_str()) {
                lines.push(cause.args.fill(texts.title.get(Lang::En)));
                lines.push(cause.args.fill(texts.means.get(Lang::En)));
            }
            lines.extend(cause.evidence.iter().map(quote));
        }
        lines.extend(incident.folded.iter().flat_map(|f| f.finding.evidence.iter().map(quote)));
    }
    if diagnosis.incidents.is_empty() {
        lines.push("All workloads run within normal parameters: no failure is going on.".to_owned());
        for note in &diagnosis.notes {
            if let Some(texts) = engine.knowledge().finding(note.code.as_str()) {
                lines.push(format!("Noted: {}", note.args.fill(texts.title.get(Lang::En))));
            }
            lines.extend(note.evidence.iter().map(quote));
        }
    }
    lines.join("\n")
}

fn quote(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Field { object, path, value } => format!("{object} {path} = {value}"),
        Evidence::Condition { object, condition, status, reason, message, .. } => {
            format!("{object} condition {condition}={status} {reason} {message}")
        }
        Evidence::State { container, state, reason, exit_code, message, .. } => {
            let code = exit_code.map_or(String::new(), |c| format!("exit code {c}"));
            format!("{container} {state} {reason} {code} {message}")
        }
        Evidence::Event { object, reason, message, count, .. } => {
            format!("event {reason} on {object} x{count}: {message}")
        }
        Evidence::Log { container, line, .. } => format!("log of {container}: {line}"),
        Evidence::Absent { object, referred_by } => format!("{object} does not exist, named by {referred_by}"),
        Evidence::Arithmetic { object, what, left, relation, right } => {
            format!("{object} {what}: {left} {relation} {right}")
        }
        Evidence::Sample { query, value } => format!("{query} = {value}"),
        Evidence::Quote { source, text, .. } => format!("{source}: {text}"),
        Evidence::Alert { name, object, .. } => format!("alert {name} on {object}"),
    }
}

/// The reduced forms back into API objects.
fn signals(evidence: &serde_json::Map<String, Value>) -> Vec<Signal> {
    let list = |key: &str, inner: &str| {
        evidence.get(key).and_then(|v| v.get(inner)).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let mut objects = Vec::new();
    objects.extend(list("eks_pods", "pods").iter().map(pod));
    objects.extend(list("eks_events", "warning_events").iter().map(event));
    objects.extend(list("eks_deployments", "deployments").iter().map(|d| deployment(d, &list("eks_pods", "pods"))));
    objects.extend(list("eks_node_health", "nodes").iter().map(node));
    let mut signals = Vec::new();
    for object in objects {
        let read = read_list(&object.to_string(), None, |o| signals.push(Signal::Object(o)), |_| {});
        debug_assert!(read.is_ok(), "made by ourselves");
    }
    if let Some(log) = evidence.get("eks_pod_logs") {
        let text = |key: &str| log.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        signals.push(Signal::Log(LogTail {
            namespace: text("namespace"),
            pod: text("pod_name"),
            container: String::new(),
            previous: false,
            lines: text("logs").lines().map(str::to_owned).collect(),
        }));
    }
    signals.extend([Kind::Pod, Kind::Node, Kind::Deployment].map(|kind| Signal::Listed { kind, namespace: None }));
    signals
}

fn text_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn pod(p: &Value) -> Value {
    let name = text_of(p, "name");
    let (deployment, hash) = deployment_of(&name);
    let node = Some(text_of(p, "node_name")).filter(|n| n != "unscheduled");
    // the kubelet reports containers; before a node has the pod there are none
    let statuses: Vec<Value> = p
        .get("containers")
        .and_then(Value::as_array)
        .filter(|_| node.is_some())
        .into_iter()
        .flatten()
        .map(|c| {
            let state = c.get("state").cloned().unwrap_or_default();
            let exit = state.get("exit_code").and_then(Value::as_i64);
            let message = text_of(&state, "message");
            let now = if state.get("waiting").and_then(Value::as_bool) == Some(true) {
                json!({"waiting": {"reason": text_of(&state, "reason"), "message": message}})
            } else if state.get("terminated").and_then(Value::as_bool) == Some(true) {
                json!({"terminated": {"reason": text_of(&state, "reason"), "exitCode": exit.unwrap_or(0), "message": message}})
            } else {
                json!({"running": {"startedAt": state.get("started_at")}})
            };
            // the last run is told in the message: `last terminated: reason=X, exit_code=N`
            let told = message.split_once("reason=").map(|(_, r)| r.split([',', ' ', ')']).next().unwrap_or_default());
            let last = exit.map(|code| json!({"terminated": {"exitCode": code, "reason": told.unwrap_or("Error")}}));
            json!({"name": c.get("name"), "ready": c.get("ready"), "restartCount": c.get("restart_count"), "state": now, "lastState": last})
        })
        .collect();
    let conditions: Vec<Value> = p
        .get("conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|c| json!({"type": c.get("type"), "status": c.get("status"), "reason": c.get("reason"), "message": c.get("message")}))
        .collect();
    let listed = p.get("containers").and_then(Value::as_array).into_iter().flatten();
    let containers: Vec<Value> = listed.map(|c| json!({"name": c.get("name")})).collect();
    json!({
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": text_of(p, "namespace"), "labels": {"pod-template-hash": hash},
            "creationTimestamp": p.get("start_time"), "deletionTimestamp": p.get("deletion_timestamp"),
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("{deployment}-{hash}"), "controller": true}],
        },
        "spec": {"nodeName": node, "containers": containers},
        "status": {"phase": p.get("phase"), "startTime": p.get("start_time"), "containerStatuses": statuses, "conditions": conditions},
    })
}

fn event(e: &Value) -> Value {
    let involved = text_of(e, "involved_object");
    let (kind, name) = involved.split_once('/').unwrap_or(("", &involved));
    json!({
        "kind": "Event",
        "metadata": {"name": format!("{name}.{}", text_of(e, "reason")), "namespace": text_of(e, "namespace")},
        "type": text_of(e, "type"), "reason": text_of(e, "reason"), "message": text_of(e, "message"), "count": e.get("count"),
        "firstTimestamp": e.get("first_time"), "lastTimestamp": e.get("last_time"),
        "involvedObject": {"kind": kind, "name": name, "namespace": text_of(e, "namespace")},
    })
}

/// The reduced form leaves out how many pods exist; they are listed.
fn deployment(d: &Value, pods: &[Value]) -> Value {
    let (name, namespace) = (text_of(d, "name"), text_of(d, "namespace"));
    let mine = |p: &&Value| text_of(p, "namespace") == namespace && deployment_of(&text_of(p, "name")).0 == name;
    json!({
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": d.get("desired")},
        "status": {"replicas": pods.iter().filter(mine).count(), "readyReplicas": d.get("ready"), "availableReplicas": d.get("available"), "unavailableReplicas": d.get("unavailable")},
    })
}

/// `name-hash-suffix`: Kubernetes builds the names of a deployment's pods so. Deployment and hash.
fn deployment_of(pod: &str) -> (String, String) {
    let mut parts = pod.rsplitn(3, '-').skip(1);
    let hash = parts.next().unwrap_or_default().to_owned();
    (parts.next().unwrap_or_default().to_owned(), hash)
}

fn node(n: &Value) -> Value {
    let condition = |kind: &str, key: &str| json!({"type": kind, "status": text_of(n, key)});
    let reason = match text_of(n, "ready").as_str() {
        "Unknown" => {
            json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."})
        }
        status => json!({"type": "Ready", "status": status}),
    };
    json!({
        "kind": "Node",
        "metadata": {"name": text_of(n, "name")},
        "status": {
            "conditions": [reason, condition("MemoryPressure", "memory_pressure"), condition("DiskPressure", "disk_pressure"), condition("PIDPressure", "pid_pressure")],
            "capacity": {"cpu": text_of(n, "capacity_cpu"), "memory": text_of(n, "capacity_memory")},
            "allocatable": {"cpu": text_of(n, "allocatable_cpu"), "memory": text_of(n, "allocatable_memory")},
        },
    })
}
