//! Suite `rootcausebench`: which commit broke production. Changes are not a part of the engine yet, so what answers here
//! is this file alone: deployed diffs are compared with the words of what newly fails. It is a measure of how far that
//! goes, not of Rootline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::{EvalError, Predictions, each_line, files};

#[derive(Deserialize)]
struct Case {
    case: String,
    #[serde(flatten)]
    parts: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Alert {
    service: String,
    metric: String,
    monitor: String,
    summary: String,
    fired_at: String,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    message: String,
    #[serde(default)]
    files_changed: Vec<String>,
    #[serde(default)]
    diff: Option<String>,
}

#[derive(Deserialize)]
struct Deploy {
    timestamp: String,
    service: String,
    commit_sha: String,
}

#[derive(Deserialize)]
struct Pattern {
    signature: String,
    service: String,
    #[serde(default)]
    delta_vs_baseline: String,
    #[serde(default)]
    sentiment: String,
}

#[derive(Deserialize)]
struct Span {
    service: String,
    #[serde(default)]
    status: String,
}

#[derive(Serialize)]
struct Row {
    case: String,
    root_cause_commit: String,
    first_failing_service: String,
    blast_radius: Vec<String>,
    remediation: &'static str,
    ms: f64,
}

/// A commit below this says too little about what fails: then no code is blamed. Starting value.
const LEAST: f64 = 3.0;
/// The best must stand out from the next by this factor, or nobody is blamed. Starting value.
const AHEAD: f64 = 1.15;

/// Words of failures that need no change of code, and what helps against them: too much load, a node, somebody else's
/// service or name. Code is then blamed only where it says very much.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("scale", &["saturated", "overloaded", "shedding", "volume", "backlog"]),
    ("reschedule", &["node", "evicted", "eviction", "preempted", "notready"]),
    ("escalate-upstream", &["resolve", "resolution", "provider", "lookup", "nxdomain"]),
];
const OUTSIDE_FACTOR: f64 = 3.0;

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let mut out = Predictions::create(predictions)?;
    for path in files(data, &[".jsonl", ".jsonl.zst"])? {
        each_line(&path, |case: Case| {
            let start = Instant::now();
            let mut row = answer(&case);
            row.ms = start.elapsed().as_secs_f64() * 1e3;
            out.write(&row)
        })?;
    }
    out.finish()
}

fn answer(case: &Case) -> Row {
    let alert: Alert = part(case, "alert.json").unwrap_or_default();
    let commits: Vec<Commit> = part(case, "context/commits.json").unwrap_or_default();
    let deploys: Vec<Deploy> = part(case, "context/deploys.json").unwrap_or_default();
    let patterns: Vec<Pattern> = part(case, "patterns.json").unwrap_or_default();
    let spans: Vec<Span> = part(case, "traces.json").unwrap_or_default();
    let failing: Vec<&Pattern> =
        patterns.iter().filter(|p| p.sentiment == "negative" && p.delta_vs_baseline.starts_with('+')).collect();
    let mut hurt: BTreeSet<String> = failing.iter().map(|p| p.service.clone()).collect();
    hurt.extend(spans.iter().filter(|s| s.status == "ERROR").map(|s| s.service.clone()));
    hurt.remove(&alert.service);

    let mut words: Vec<&str> = vec![&alert.metric, &alert.monitor, &alert.summary];
    words.extend(failing.iter().map(|p| p.signature.as_str()));
    let evidence: BTreeSet<String> = words.into_iter().flat_map(tokens).collect();
    let ranked = ranked(&alert, &commits, &deploys, &evidence);
    let outside = OUTSIDE.iter().find(|(_, words)| words.iter().any(|w| evidence.contains(*w))).map(|(help, _)| *help);
    let least = if outside.is_some() { LEAST * OUTSIDE_FACTOR } else { LEAST };
    let best = match ranked.as_slice() {
        [(score, commit), rest @ ..]
            if *score >= least && rest.first().is_none_or(|(second, _)| score / second.max(0.1) >= AHEAD) =>
        {
            Some(*commit)
        }
        _ => None,
    };
    Row {
        case: case.case.clone(),
        root_cause_commit: best.map_or_else(|| "none".to_owned(), |c| c.sha.clone()),
        first_failing_service: alert.service,
        blast_radius: hurt.into_iter().collect(),
        remediation: if best.is_some() { "rollback" } else { outside.unwrap_or("scale") },
        ms: 0.0,
    }
}

/// Commits that were deployed before the alert, best first.
fn ranked<'c>(
    alert: &Alert,
    commits: &'c [Commit],
    deploys: &[Deploy],
    evidence: &BTreeSet<String>,
) -> Vec<(f64, &'c Commit)> {
    let bags: Vec<BTreeSet<String>> = commits.iter().map(bag).collect();
    #[allow(clippy::cast_precision_loss, reason = "counts")]
    let rarity = |word: &String| {
        let with = bags.iter().filter(|b| b.contains(word)).count();
        ((commits.len() as f64 + 1.0) / (with as f64 + 1.0)).ln()
    };
    let mut ranked: Vec<(f64, &Commit)> = commits
        .iter()
        .zip(&bags)
        .filter_map(|(commit, bag)| {
            let deploy = deploys.iter().find(|d| d.commit_sha == commit.sha && d.timestamp <= alert.fired_at)?;
            let shared: f64 = bag.intersection(evidence).map(rarity).sum();
            let home = if deploy.service == alert.service { 1.3 } else { 1.0 };
            Some((shared * behaviour(commit) * home, commit))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.sha.cmp(&b.1.sha)));
    ranked
}

fn bag(commit: &Commit) -> BTreeSet<String> {
    let changed = commit.diff.iter().flat_map(|d| d.lines()).filter(|l| l.starts_with(['+', '-']));
    let texts = commit.files_changed.iter().map(String::as_str).chain(changed).chain([commit.message.as_str()]);
    texts.flat_map(tokens).collect()
}

/// How much of a commit can change what the program does: lines taken away or replaced count, words for people, tests,
/// styles, versions of libraries and added telemetry do not.
fn behaviour(commit: &Commit) -> f64 {
    let inert = |file: &String| {
        let end = file.rsplit(['/', '.']).next().unwrap_or_default();
        file.contains("_test.") || file.contains("testdata") || matches!(end, "md" | "css" | "html" | "mod" | "sum")
    };
    if !commit.files_changed.is_empty() && commit.files_changed.iter().all(inert) {
        return 0.2;
    }
    let Some(diff) = &commit.diff else { return 0.3 };
    let telemetry = |line: &str| {
        let line = line.to_lowercase();
        ["log.", "logger", "counter", "histogram", "gauge", "span", "attribute", "//", "#"]
            .iter()
            .any(|w| line.contains(w))
    };
    let lines = |sign: char| {
        diff.lines()
            .filter(move |l| l.starts_with(sign) && l.len() > 1 && !l.starts_with("+++") && !l.starts_with("---"))
    };
    let real = |sign| lines(sign).filter(|l| !telemetry(l)).count();
    match (real('-'), real('+')) {
        (0, 0) => 0.2,
        (0, _) => 0.7,
        // the same words in another order
        _ if lines('-').flat_map(tokens).collect::<BTreeSet<_>>() == lines('+').flat_map(tokens).collect() => 0.4,
        _ => 1.0,
    }
}

/// Lower-case words of three letters or more, `camelCase` and `snake_case` taken apart.
fn tokens(text: &str) -> Vec<String> {
    const COMMON: [&str; 24] = [
        "the", "and", "for", "with", "from", "above", "below", "after", "service", "error", "err", "nil", "return",
        "func", "string", "func", "feat", "fix", "chore", "refactor", "services", "request", "failed", "status",
    ];
    let mut words = Vec::new();
    let mut word = String::new();
    let mut last_lower = false;
    for c in text.chars().chain([' ']) {
        if !c.is_alphanumeric() || (c.is_uppercase() && last_lower) {
            if word.len() >= 3 && !COMMON.contains(&word.as_str()) {
                words.push(word.trim_end_matches("service").to_owned());
            }
            word.clear();
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        last_lower = c.is_lowercase();
    }
    words.retain(|w| w.len() >= 3);
    words
}

/// A file of the case: JSON, or a text that holds JSON.
fn part<T: DeserializeOwned>(case: &Case, name: &str) -> Option<T> {
    match case.parts.get(name)? {
        Value::String(text) => serde_json::from_str(text).ok(),
        value => serde_json::from_value(value.clone()).ok(),
    }
}
