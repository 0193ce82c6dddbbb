//! Elasticsearch's `_bulk`, as Fluent Bit's `es` output, Logstash and Filebeat write to it.
//!
//! Source: Elasticsearch 8, "Bulk API"; Fluent Bit `out_es` (needs `errors` and `items`), Logstash and the official clients
//! (need the version probe and `X-Elastic-Product`).

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lines::{Lines, fitting};
use super::{Limits, Refused, Reply, Request, Taken, body};
use crate::intake::{Line, StreamLabels};

/// The version told to clients: the last of the line whose clients accept an answer without a licence.
pub const VERSION: &str = "8.17.0";

/// The answer to `GET /` (and, without its body, to `HEAD /`).
pub fn probe() -> Reply {
    let version = json!({
        "number": VERSION, "build_flavor": "default", "build_type": "docker", "build_snapshot": false,
        "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
    });
    with_product(Reply::json(
        200,
        &json!({ "name": "rootline", "cluster_name": "rootline", "version": version, "tagline": "You Know, for Search" }),
    ))
}

/// A request that is refused, in Elasticsearch's words.
pub fn error(status: u16, reason: &str) -> Reply {
    let kind = match status {
        401 | 403 => "security_exception",
        413 => "content_too_long_exception",
        415 => "media_type_header_exception",
        429 | 503 => "es_rejected_execution_exception",
        500.. => "exception",
        _ => "illegal_argument_exception",
    };
    let cause = json!({ "type": kind, "reason": reason });
    let error = json!({ "root_cause": [cause], "type": kind, "reason": reason });
    with_product(Reply::json(status, &json!({ "error": error, "status": status })))
}

/// Clients refuse a server that does not say what it is.
fn with_product(mut reply: Reply) -> Reply {
    reply.headers.push(("X-Elastic-Product", "Elasticsearch".to_owned()));
    reply
}

/// Lines of `POST /_bulk` or `POST /{index}/_bulk`: actions `index` and `create`, each with its document behind it.
/// `update` and `delete` are answered as errors of their items. The text is `log`, `message` or `msg`, else the document.
///
/// # Errors
/// 400 for a body that is not lines of actions and documents; 413; 415.
pub fn bulk(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<Line>>, Refused> {
    let essence = request.essence();
    let is_json = matches!(essence.as_str(), "" | "application/json" | "application/x-ndjson")
        || essence.starts_with("application/vnd.elasticsearch+");
    if !is_json {
        return Err(Refused::unsupported(format!("content type {essence:?}, want application/x-ndjson")));
    }
    let body = body::decoded(request, limits)?;
    let text = std::str::from_utf8(&body).map_err(|e| Refused::malformed(format!("a body that is not UTF-8: {e}")))?;
    let mut lines = Lines::new(limits, Reply::default());
    let (mut items, mut errors) = (Vec::new(), 0);
    let mut rows = text.lines().filter(|l| !l.trim().is_empty());
    while let Some(row) = rows.next() {
        let (action, index) = action(row)?;
        if items.len() >= limits.lines {
            return Err(Refused::too_large(format!("more than {} actions in one request", limits.lines)));
        }
        let document = if action == "delete" { None } else { rows.next() };
        let outcome = match (action, document) {
            ("index" | "create", Some(document)) => take(document, &mut lines)?,
            ("index" | "create" | "update", None) => return Err(Refused::malformed("an action without its document")),
            _ => Err(format!("action {action} is not supported")),
        };
        errors += u64::from(outcome.is_err());
        items.push(item(action, &index, items.len(), outcome));
    }
    if items.is_empty() {
        return Err(Refused::malformed("request body is required"));
    }
    let mut taken = lines.taken;
    taken.note("bad_document", errors);
    taken.reply = with_product(Reply::json(200, &json!({ "took": 0, "errors": errors > 0, "items": items })));
    Ok(taken)
}

/// `{"create":{"_index":"logs"}}`
fn action(row: &str) -> Result<(&'static str, String), Refused> {
    let value: Value = serde_json::from_str(row).map_err(|e| Refused::malformed(format!("not an action: {e}")))?;
    let found = ["index", "create", "update", "delete"].into_iter().find_map(|name| Some((name, value.get(name)?)));
    let (name, about) =
        found.ok_or_else(|| Refused::malformed("an action that is none of index, create, update, delete"))?;
    Ok((name, about.get("_index").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

fn item(action: &str, index: &str, number: usize, outcome: Result<(), String>) -> Value {
    match outcome {
        Ok(()) => json!({ action: {
            "_index": index, "_id": format!("{number:016x}"), "_version": 1, "result": "created", "status": 201,
            "_shards": { "total": 1, "successful": 1, "failed": 0 }, "_seq_no": 0, "_primary_term": 1,
        }}),
        Err(reason) => {
            let error = json!({ "type": "document_parsing_exception", "reason": reason });
            json!({ action: { "_index": index, "_id": null, "status": 400, "error": error } })
        }
    }
}

/// Takes a document; the inner error is the item's, the outer one the request's.
fn take(row: &str, lines: &mut Lines<'_>) -> Result<Result<(), String>, Refused> {
    let document: serde_json::Map<String, Value> = match serde_json::from_str(row) {
        Ok(document) => document,
        Err(e) => return Ok(Err(format!("failed to parse: {e}"))),
    };
    let (of, at, text) = line_of(&document, lines.limits);
    lines.push(of, at, text.unwrap_or(row))?;
    Ok(Ok(()))
}

/// Labels, time and text of a document as log shippers write them.
pub(crate) fn line_of<'a>(
    document: &'a serde_json::Map<String, Value>,
    limits: &Limits,
) -> (StreamLabels, Option<Timestamp>, Option<&'a str>) {
    let mut labels = Vec::new();
    flatten("", document, 0, &mut labels);
    let of = StreamLabels::of(fitting(labels.iter().map(|(n, v)| (n.as_str(), &**v)), limits));
    let text = ["log", "message", "msg", "MESSAGE"].iter().find_map(|n| document.get(*n)?.as_str());
    let at = ["@timestamp", "timestamp", "time", "ts"].iter().find_map(|n| moment(document.get(*n)?));
    (of, at, text)
}

/// Objects inside objects that are still labels.
const DEPTH: usize = 4;

/// Labels of a document: `kubernetes: {pod_name: …}` is `kubernetes_pod_name`.
fn flatten<'a>(
    prefix: &str,
    from: &'a serde_json::Map<String, Value>,
    depth: usize,
    into: &mut Vec<(String, Cow<'a, str>)>,
) {
    for (name, value) in from {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}_{name}") };
        match value {
            Value::String(text) => into.push((name, Cow::Borrowed(text))),
            Value::Number(number) => into.push((name, Cow::Owned(number.to_string()))),
            Value::Object(inner) if depth < DEPTH => flatten(&name, inner, depth + 1, into),
            _ => {}
        }
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let number = number.as_f64()?;
            // milliseconds are what Elasticsearch takes numbers for; Fluent Bit may send seconds
            let ms = if number < 1e11 { number * 1e3 } else { number };
            #[allow(clippy::cast_possible_truncation, reason = "Timestamp refuses what is out of range")]
            Timestamp::from_millisecond(ms as i64).ok()
        }
        _ => None,
    }
}
