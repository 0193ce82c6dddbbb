//! Spans, as far as calls between services need them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span as Wire;

use super::super::spans::{Side, Span};
use super::super::{Limits, Refused, Reply, Request, Taken};
use super::{find, message, pairs, reply};

/// Spans of `POST /v1/traces`, for [`super::super::SpanFold`].
///
/// # Errors
/// 400, 413, 415.
pub fn traces(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<Span>>, Refused> {
    let (export, encoding) = message::<ExportTraceServiceRequest>(request, limits, limits.spans)?;
    let mut taken = Taken { reply: Reply::default(), ..Taken::<Vec<Span>>::default() };
    for resource in &export.resource_spans {
        let own = pairs(resource.resource.as_ref().map_or(&[][..], |r| &r.attributes), limits);
        let namespace =
            ["service.namespace", "k8s.namespace.name"].into_iter().map(|n| find(&own, n)).find(|n| !n.is_empty());
        let service = (namespace.unwrap_or_default().to_owned(), find(&own, "service.name").to_owned());
        for wire in resource.scope_spans.iter().flat_map(|s| &s.spans) {
            if taken.data.len() >= limits.spans {
                return Err(Refused::too_large(format!("more than {} spans in one request", limits.spans)));
            }
            match span(wire, &service, limits) {
                Some(span) => taken.data.push(span),
                None => taken.note("bad_span", 1),
            }
        }
    }
    let bad = taken.dropped.get("bad_span").copied().unwrap_or(0);
    taken.reply = reply(encoding, bad, "rejectedSpans", "spans without ids or times");
    Ok(taken)
}

fn span(wire: &Wire, service: &(String, String), limits: &Limits) -> Option<Span> {
    let side = match wire.kind {
        2 | 5 => Side::Server,
        3 | 4 => Side::Client,
        _ => Side::Inside,
    };
    let id: [u8; 8] = wire.span_id.as_slice().try_into().ok()?;
    let start_ms = i64::try_from(wire.start_time_unix_nano / 1_000_000).ok().filter(|ms| *ms > 0)?;
    let peer = if side == Side::Client { peer(&pairs(&wire.attributes, limits)) } else { String::new() };
    #[allow(clippy::cast_precision_loss, reason = "a duration")]
    let duration_ms = wire.end_time_unix_nano.saturating_sub(wire.start_time_unix_nano) as f64 / 1e6;
    Some(Span {
        trace: wire.trace_id.as_slice().try_into().map(u128::from_be_bytes).ok()?,
        id: u64::from_be_bytes(id),
        parent: wire.parent_span_id.as_slice().try_into().map_or(0, u64::from_be_bytes),
        side,
        service: service.clone(),
        peer,
        start_ms,
        duration_ms,
        failed: wire.status.as_ref().is_some_and(|s| s.code == 2),
    })
}

/// Who is called, where the caller's span tells it: a service, a database, a message broker, else a host.
fn peer(attributes: &[(String, String)]) -> String {
    const NAMES: &[&str] = &[
        "peer.service",
        "service.peer.name",
        "db.system.name",
        "db.system",
        "messaging.system",
        "rpc.service",
        "server.address",
        "net.peer.name",
        "net.sock.peer.addr",
    ];
    NAMES.iter().map(|n| find(attributes, n)).find(|v| !v.is_empty()).unwrap_or_default().to_owned()
}
