//! Suite `cloud-opsbench`: frozen clusters as kubectl text, logs, service manager text, alerts, a metrics table.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use rootline_engine::Target;
use rootline_objects::{Alert, CallHint, LogTail, Reach, Series, Signal};
use rootline_sources::text::{TextReader, component_status};
use rootline_sources::{ReadOptions, read_bytes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::{EvalError, Predictions, each_line, files};
use crate::vocabulary;

#[derive(Deserialize)]
struct Case {
    case: String,
    namespace: String,
    #[serde(default)]
    collected_at: Option<String>,
    k8s: BTreeMap<String, String>,
    #[serde(default)]
    node_services: Option<BTreeMap<String, String>>,
    #[serde(default)]
    app_yaml: Option<BTreeMap<String, String>>,
    #[serde(default)]
    dependencies: Option<BTreeMap<String, String>>,
    #[serde(default)]
    connectivity: Option<BTreeMap<String, String>>,
    #[serde(default)]
    error_logs: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    recent_logs: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    alerts: Option<Value>,
    #[serde(default)]
    metrics_csv: Option<String>,
}

#[derive(Serialize)]
struct Row {
    case: String,
    answers: Vec<vocabulary::Answer>,
    ms: f64,
}

pub fn run(data: &Path, predictions: &Path, only: Option<&str>) -> Result<usize, EvalError> {
    let engine = crate::engine()?;
    let mut out = Predictions::create(predictions)?;
    for path in files(data, &[".jsonl.zst", ".jsonl"])? {
        each_line(&path, |case: Case| {
            if only.is_some_and(|o| o != case.case) {
                return Ok(());
            }
            let start = Instant::now();
            let namespace = case.namespace.clone();
            let name = case.case.clone();
            let signals = signals(case);
            let parsed = start.elapsed();
            let shown = only.map(|_| signals.clone());
            let (diagnosis, world) = engine.diagnose_in_world(signals, &Target::default());
            let answers = vocabulary::answers(&diagnosis, &world, &namespace);
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if let Some(signals) = shown {
                let declared = signals.iter().filter(|s| matches!(s, Signal::Declared(_))).count();
                eprintln!("{declared} declared, {} signals, parsed in {parsed:?}, whole {ms:.1} ms", signals.len());
                show(&diagnosis);
            }
            out.write(&Row { case: name, answers, ms })
        })?;
    }
    out.finish()
}

/// The answer in short, to see why a case goes wrong.
fn show(diagnosis: &rootline_model::Diagnosis) {
    for incident in &diagnosis.incidents {
        eprintln!("incident {} {:?}", incident.number, incident.verdict);
        for cause in &incident.causes {
            eprintln!(
                "  {} @ {} {:.2} nats, p {:.2}",
                cause.code,
                cause.entity,
                cause.nats.get(),
                cause.probability.get()
            );
            for evidence in &cause.evidence {
                eprintln!("      {evidence:?}");
            }
        }
        for folded in &incident.folded {
            eprintln!(
                "    <- {} @ {} {:.1} {:?}",
                folded.finding.code,
                folded.finding.entity,
                folded.finding.strength.get(),
                folded.finding.args
            );
        }
    }
    for note in &diagnosis.notes {
        eprintln!("note {} @ {}", note.code, note.entity);
    }
}

/// Everything a case holds, as signals.
fn signals(case: Case) -> Vec<Signal> {
    let now = case.collected_at.as_deref().and_then(moment).unwrap_or(Timestamp::UNIX_EPOCH);
    let ns = &case.namespace;
    let mut reader = TextReader::new(now);
    for (command, text) in &case.k8s {
        reader.command(command, text);
    }
    let mut signals = reader.finish();
    signals.push(Signal::Clock(now));
    for manifest in case.app_yaml.iter().flatten().map(|(_, text)| text) {
        signals.extend(declared(ns, manifest));
    }
    for (place, text) in case.node_services.iter().flatten() {
        let (node, component) = place.split_once('/').unwrap_or(("", place));
        signals.push(Signal::Component(component_status(node, component, text)));
    }
    for (caller, text) in case.dependencies.iter().flatten() {
        signals.extend(calls(ns, caller, text));
    }
    for (target, text) in case.connectivity.iter().flatten() {
        signals.extend(reaches(ns, target, text));
    }
    for (app, lines) in case.recent_logs.iter().flatten() {
        signals.extend(log(ns, app, lines));
    }
    for (app, summary) in case.error_logs.iter().flatten() {
        signals.extend(error_log(ns, app, summary));
    }
    signals.extend(case.alerts.iter().flat_map(alerts));
    signals.extend(case.metrics_csv.iter().flat_map(|csv| series(csv)));
    signals
}

/// Objects of an applied manifest.
fn declared(ns: &str, manifest: &str) -> Vec<Signal> {
    let read = read_bytes("manifest.yaml", manifest.as_bytes().to_vec(), &ReadOptions::default());
    read.map(|input| input.signals)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|signal| match signal {
            Signal::Object(mut object) => {
                if object.metadata().namespace.is_empty() {
                    ns.clone_into(&mut object.metadata_mut().namespace);
                }
                Some(Signal::Declared(object))
            }
            _ => None,
        })
        .collect()
}

/// The collection's clock carries no zone; the texts carry +08:00. Only differences to the texts' ages count, and those
/// are relative, so the zone is taken from nothing: UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.split('.').next().unwrap_or(text);
    format!("{text}Z").parse().ok()
}

/// `a` → each name one level below it in the drawn tree.
fn calls(ns: &str, caller: &str, text: &str) -> Vec<Signal> {
    let mut found = Vec::new();
    let mut stack: Vec<(usize, String)> = vec![(0, caller.to_owned())];
    let tree = text.split_once("[Downstream (Calls)]:").map_or("", |(_, t)| t);
    for line in tree.lines() {
        let Some(at) = line.find("── ") else { continue };
        let depth = line[..at].chars().count();
        let name = line[at + "── ".len()..].split_whitespace().next().unwrap_or_default().to_owned();
        while stack.last().is_some_and(|(d, _)| *d >= depth) && stack.len() > 1 {
            stack.pop();
        }
        let parent = stack.last().map(|(_, n)| n.clone()).unwrap_or_default();
        found.push(Signal::Call(CallHint { namespace: ns.to_owned(), caller: parent, callee: name.clone() }));
        stack.push((depth, name));
    }
    found
}

/// One connection test, or one per node where the text has a block for each.
fn reaches(ns: &str, target: &str, text: &str) -> Vec<Signal> {
    let (host, port) = target.rsplit_once(':').unwrap_or((target, "0"));
    let blocks: Vec<&str> = text.split("Debug Pod test results").collect();
    let parts: Vec<&str> = if blocks.len() > 1 { blocks[1..].to_vec() } else { blocks };
    parts
        .into_iter()
        .filter(|t| !t.trim().is_empty())
        .map(|t| {
            let reached = match (t.contains("Succeeded"), t.contains("Failed")) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            };
            Signal::Reach(Reach {
                namespace: ns.to_owned(),
                host: host.to_owned(),
                port: port.parse().unwrap_or(0),
                reached,
                text: t.trim().to_owned(),
            })
        })
        .collect()
}

/// Logs are told per app: they go to a pod of that name, which the world resolves by the app's name.
fn log(ns: &str, app: &str, lines: &Value) -> Option<Signal> {
    let lines: Vec<String> = match lines {
        Value::Array(all) => all.iter().filter_map(|l| l.as_str().map(str::to_owned)).collect(),
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        _ => return None,
    };
    (!lines.is_empty()).then(|| {
        Signal::Log(LogTail {
            namespace: ns.to_owned(),
            pod: app.to_owned(),
            container: String::new(),
            previous: false,
            lines,
        })
    })
}

/// A summary of error patterns: each sample line counts as a line of the log.
fn error_log(ns: &str, app: &str, summary: &Value) -> Option<Signal> {
    let parsed;
    let summary = match summary {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).ok()?;
            &parsed
        }
        other => other,
    };
    let samples: Vec<String> = summary
        .get("patterns")?
        .as_array()?
        .iter()
        .filter_map(|p| p.get("sample").or_else(|| p.get("example"))?.as_str().map(str::to_owned))
        .collect();
    log(ns, app, &Value::Array(samples.into_iter().map(Value::String).collect()))
}

fn alerts(all: &Value) -> Vec<Signal> {
    let list = all.get("alerts").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|alert| {
            let text = |key: &str| alert.get(key).and_then(Value::as_str).unwrap_or_default();
            let evidence: Vec<&str> = alert
                .get("evidence")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            Signal::Alert(Alert {
                name: text("type").to_owned(),
                labels: [("entity", text("name"))].into_iter().collect(),
                text: evidence.join("\n"),
                since: None,
            })
        })
        .collect()
}

/// Columns `<entity>-<metric>`; the metric is what stands behind the last dash.
fn series(csv: &str) -> Vec<Signal> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut columns: Vec<Vec<(Timestamp, f64)>> = vec![Vec::new(); header.len()];
    for line in lines {
        let mut cells = line.split(',');
        let Some(time) = cells.next().and_then(|t| moment(&t.trim().replace(' ', "T"))) else { continue };
        for (i, cell) in (1..).zip(cells) {
            if let (Some(column), Ok(value)) = (columns.get_mut(i), cell.trim().parse::<f64>()) {
                column.push((time, value));
            }
        }
    }
    header
        .iter()
        .zip(columns)
        .skip(1)
        .filter_map(|(name, points)| {
            let (entity, metric) = name.rsplit_once('-')?;
            let labels = [("entity", entity), ("metric", metric)].into_iter().collect();
            Some(Signal::Series(Series { name: (*name).to_owned(), labels, points }))
        })
        .collect()
}
