//! Zipkin v2 spans as JSON, `POST /api/v2/spans`.
//!
//! Source: Zipkin API 2.x (`zipkin2-api.yaml`).

use serde::Deserialize;
use serde_json::Value;

use super::spans::{Side, Span};
use super::{Limits, Refused, Reply, Request, Taken, json_body};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    trace_id: String,
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    /// Microseconds.
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    duration: u64,
    #[serde(default)]
    local_endpoint: Option<Endpoint>,
    #[serde(default)]
    remote_endpoint: Option<Endpoint>,
    #[serde(default)]
    tags: Option<serde_json::Map<String, Value>>,
    /// The server's span has the id of the client's.
    #[serde(default)]
    shared: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    service_name: Option<String>,
}

/// Spans of a request, for [`super::SpanFold`]; answered with 202.
///
/// # Errors
/// 400 for what is no array of spans, 413, 415.
pub fn spans(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<Span>>, Refused> {
    let body = json_body(request, limits)?;
    let all: Vec<Wire> =
        serde_json::from_slice(&body).map_err(|e| Refused::malformed(format!("not an array of spans: {e}")))?;
    if all.len() > limits.spans {
        return Err(Refused::too_large(format!("{} spans in one request, at most {}", all.len(), limits.spans)));
    }
    let mut taken = Taken { reply: Reply::empty(202), ..Taken::<Vec<Span>>::default() };
    for wire in all {
        match span(wire) {
            Some(span) => taken.data.push(span),
            None => taken.note("bad_span", 1),
        }
    }
    Ok(taken)
}

fn span(wire: Wire) -> Option<Span> {
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let id = hex(&wire.id)?;
    let side = match wire.kind.as_deref() {
        Some("CLIENT" | "PRODUCER") => Side::Client,
        Some("SERVER" | "CONSUMER") => Side::Server,
        _ => Side::Inside,
    };
    let name = |e: Option<Endpoint>| e.and_then(|e| e.service_name).unwrap_or_default();
    let parent = match wire.parent_id.as_deref() {
        _ if wire.shared && side == Side::Server => id,
        Some(parent) => hex(parent)?,
        None => 0,
    };
    #[allow(clippy::cast_precision_loss, reason = "a duration")]
    Some(Span {
        trace: u128::from_str_radix(&wire.trace_id, 16).ok()?,
        id,
        parent,
        side,
        service: (String::new(), name(wire.local_endpoint)),
        peer: name(wire.remote_endpoint),
        start_ms: (wire.timestamp > 0).then_some(wire.timestamp / 1000)?,
        duration_ms: wire.duration as f64 / 1e3,
        failed: wire.tags.is_some_and(|tags| tags.contains_key("error")),
    })
}
