//! The form of a scenario file.

use jiff::{SignedDuration, Timestamp};
use rootline_model::Kind;
use rootline_objects::{LogTail, Object, Signal, read_list};
use rootline_sources::text::TextReader;
use serde::Deserialize;

use crate::signals;

/// What must come out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// First cause of each incident, in order. Empty: nothing is wrong.
    pub causes: Vec<ExpectedCause>,
    /// Codes that must be folded into some incident.
    pub folded: Vec<String>,
    /// Codes that must not be any incident's cause.
    pub silent: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCause {
    /// `none`: an incident without a confident cause.
    pub code: String,
    #[serde(default)]
    pub entity: String,
}

/// One scenario, read.
#[derive(Debug, Default)]
pub struct Scenario {
    pub signals: Vec<Signal>,
    pub expect: Expect,
}

/// The moment every scenario plays at, unless it says otherwise.
const NOW: &str = "2026-06-01T12:00:00Z";

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// In words, with the line of the block that is wrong.
    pub fn parse(text: &str) -> Result<Scenario, String> {
        let now: Timestamp = NOW.parse().map_err(|e| format!("{e}"))?;
        let mut scenario = Scenario { signals: vec![Signal::Clock(now)], expect: Expect::default() };
        let mut expects = false;
        let mut reader = TextReader::new(now);
        let mut has_text = false;
        for (line, info, body) in blocks(text) {
            let at = |e: String| format!("line {line}: {e}");
            let words: Vec<&str> = info.split_whitespace().collect();
            match words.as_slice() {
                [_, "world", options @ ..] => {
                    world(&body, now, !options.contains(&"none"), &mut scenario.signals).map_err(at)?;
                }
                [_, "signals"] => scenario.signals.extend(signals::read(&times(&body, now)?, now).map_err(at)?),
                [_, "logs", place, rest @ ..] => {
                    scenario.signals.push(log(place, rest.contains(&"previous"), &body).map_err(at)?);
                }
                [_, "kubectl" | "systemctl", ..] => {
                    let command = info.split_once(' ').map_or("", |(_, c)| c);
                    reader.command(command, &body);
                    has_text = true;
                }
                [_, "paste"] => {
                    reader.paste(&body, None);
                    has_text = true;
                }
                [_, "expect"] => {
                    scenario.expect = serde_saphyr::from_str(&body).map_err(|e| at(e.to_string()))?;
                    expects = true;
                }
                _ => {}
            }
        }
        if has_text {
            scenario.signals.extend(reader.finish());
        }
        if expects { Ok(scenario) } else { Err("no `yaml expect` block".to_owned()) }
    }
}

/// Fenced blocks: line of the fence, info string, body.
fn blocks(text: &str) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((number, info.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, _, body)), None) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    found.extend(open);
    found
}

/// `"@-5m"` → the moment five minutes before now, in RFC 3339.
fn times(text: &str, now: Timestamp) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("@-").or_else(|| rest.find("@+")) {
        let tail = &rest[at + 1..];
        let end = tail.char_indices().skip(1).find(|(_, c)| !c.is_ascii_alphanumeric()).map_or(tail.len(), |(i, _)| i);
        let word = &tail[..end];
        let (sign, span) = word.split_at(1);
        match span.parse::<SignedDuration>() {
            Ok(d) => {
                let t = if sign == "-" { now.checked_sub(d) } else { now.checked_add(d) };
                out.push_str(&rest[..at]);
                out.push_str(&t.map_err(|e| format!("{word}: {e}"))?.to_string());
            }
            Err(_) => out.push_str(&rest[..=at + end]),
        }
        rest = &tail[end..];
    }
    out.push_str(rest);
    Ok(out)
}

fn world(body: &str, now: Timestamp, listed: bool, signals: &mut Vec<Signal>) -> Result<(), String> {
    let body = times(body, now)?;
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&body).map_err(|e| e.to_string())?;
    let mut problem = None;
    let mut kinds = Vec::new();
    for mut document in documents.into_iter().filter(|d| !d.is_null()) {
        default_namespace(&mut document);
        let json = document.to_string();
        read_list(
            &json,
            None,
            |object| {
                kinds.extend(Kind::parse(object.kind()));
                signals.push(Signal::Object(object));
            },
            |e| problem = Some(e.to_string()),
        )
        .map_err(|e| e.to_string())?;
        let kind = document.get("kind").and_then(|k| k.as_str()).unwrap_or_default();
        if !Object::KINDS.contains(&kind) && kind != "List" {
            problem = Some(format!("`kind: {kind}` is none that is read"));
        }
    }
    if let Some(problem) = problem {
        return Err(problem);
    }
    kinds.sort();
    kinds.dedup();
    if listed {
        signals.extend(kinds.into_iter().map(|kind| Signal::Listed { kind, namespace: None }));
    }
    Ok(())
}

/// Namespaced kinds without a namespace stand in `default`, as kubectl would put them.
fn default_namespace(document: &mut serde_json::Value) {
    const WIDE: [&str; 11] = [
        "Node",
        "Namespace",
        "PersistentVolume",
        "StorageClass",
        "PriorityClass",
        "IngressClass",
        "VolumeAttachment",
        "CSINode",
        "APIService",
        "CustomResourceDefinition",
        "CertificateSigningRequest",
    ];
    let kind = document.get("kind").and_then(|k| k.as_str()).unwrap_or_default().to_owned();
    if WIDE.contains(&kind.as_str()) || kind.contains("Webhook") || kind.ends_with("List") {
        return;
    }
    if let Some(metadata) = document.get_mut("metadata").and_then(|m| m.as_object_mut()) {
        metadata.entry("namespace").or_insert_with(|| "default".into());
    }
}

fn log(place: &str, previous: bool, body: &str) -> Result<Signal, String> {
    let mut parts = place.split('/');
    let (Some(namespace), Some(pod)) = (parts.next(), parts.next()) else {
        return Err(format!("`logs {place}`: expected namespace/pod/container"));
    };
    Ok(Signal::Log(LogTail {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: parts.next().unwrap_or_default().to_owned(),
        previous,
        lines: body.lines().map(str::to_owned).collect(),
    }))
}
