//! Suite `holmesgpt`: questions about clusters with the recorded output of the tools that were asked. Kubectl's output is
//! put back into a pasted terminal session and read as such. The expected answers are prose and are never read here; no
//! scorer of them exists, so predictions are for reading.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rootline_engine::Target;
use rootline_model::{Lang, Verdict};
use rootline_sources::{ReadOptions, read_bytes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::{EvalError, Predictions, each_line, files};

#[derive(Deserialize)]
struct Case {
    case: String,
    #[serde(default)]
    recorded: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Row {
    case: String,
    root_causes: Vec<Named>,
    text: String,
    ms: f64,
}

#[derive(Serialize)]
struct Named {
    object: String,
    root_cause: String,
    likely: bool,
}

pub fn run(data: &Path, predictions: &Path, only: Option<&str>) -> Result<usize, EvalError> {
    let engine = crate::engine()?;
    let mut out = Predictions::create(predictions)?;
    for path in files(data, &[".jsonl.zst", ".jsonl"])? {
        each_line(&path, |case: Case| {
            if only.is_some_and(|o| o != case.case) {
                return Ok(());
            }
            let session = session(&case.recorded);
            if only.is_some() {
                eprintln!("{session}");
            }
            let start = Instant::now();
            // a case without kubectl output has nothing to read
            let Ok(input) = read_bytes("session.txt", session.into_bytes(), &ReadOptions::default()) else {
                return out.write(&Row { case: case.case, root_causes: Vec::new(), text: String::new(), ms: 0.0 });
            };
            let diagnosis = engine.diagnose(input.signals, &Target::default());
            let firsts = diagnosis.incidents.iter().filter_map(|i| Some((i, i.causes.first()?)));
            let mut text = String::new();
            let mut root_causes = Vec::new();
            for (incident, cause) in firsts {
                let title =
                    engine.knowledge().cause(cause.code.as_str()).map(|t| cause.args.fill(t.title.get(Lang::En)));
                let _ = writeln!(text, "{}: {}", cause.entity, title.unwrap_or_else(|| cause.code.to_string()));
                root_causes.push(Named {
                    object: cause.entity.to_string(),
                    root_cause: cause.code.to_string(),
                    likely: incident.verdict == Verdict::Likely,
                });
            }
            out.write(&Row { case: case.case, root_causes, text, ms: start.elapsed().as_secs_f64() * 1e3 })
        })?;
    }
    out.finish()
}

/// Recorded tool outputs as somebody would paste them: prompt, command, output.
fn session(recorded: &BTreeMap<String, String>) -> String {
    let mut session = String::new();
    for text in recorded.values() {
        let mut parts = text.splitn(3, '\n');
        let asked: Option<Value> = parts.next().and_then(|line| serde_json::from_str(line).ok());
        let answered: Option<Value> = parts.next().and_then(|line| serde_json::from_str(line).ok());
        let (Some(asked), Some(_), Some(output)) = (asked, answered, parts.next()) else { continue };
        let Some(command) = command(&asked) else { continue };
        let output = output.split("\nstderr:").next().unwrap_or(output);
        let output = output.split_once("stdout:\n").map_or(output, |(_, o)| o);
        // some tools quote what they print
        let output = output.trim().trim_start_matches("\"data\": ").trim_matches('"');
        if !output.is_empty() {
            let _ = writeln!(session, "$ {command}\n{}\n", output);
        }
    }
    session
}

/// The kubectl command behind a tool.
fn command(asked: &Value) -> Option<String> {
    let param = |key: &str| asked.pointer(&format!("/match_params/{key}")).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (param("kind"), param("name"));
    let namespace = match param("namespace") {
        "" => String::new(),
        namespace => format!(" -n {namespace}"),
    };
    let pod = if param("pod_name").is_empty() { name } else { param("pod_name") };
    let tool = asked.get("tool_name").and_then(Value::as_str)?;
    Some(match tool {
        "kubectl_describe" => format!("kubectl describe {kind} {name}{namespace}"),
        "kubectl_find_resource" => format!("kubectl get {kind} -A -o wide --show-labels | grep {}", param("keyword")),
        "kubectl_get_by_kind_in_namespace" | "kubectl_get_by_name" => {
            format!("kubectl get {kind} {name}{namespace} -o wide --show-labels")
        }
        "kubectl_get_by_kind_in_cluster" => format!("kubectl get {kind} -A -o wide --show-labels"),
        "kubectl_get_yaml" => format!("kubectl get {kind} {name}{namespace} -o yaml"),
        "kubectl_events" => format!("kubectl events --for {kind}/{name}{namespace}"),
        t if t.contains("previous_logs") => format!("kubectl logs {pod}{namespace} --previous"),
        t if t.contains("logs") && !pod.is_empty() => format!("kubectl logs {pod}{namespace}"),
        _ => return None,
    })
}
