//! What other programs push: the body is read within limits, decoded, given to the intake, and only then answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use rootline_model::SeriesBatch;
use rootline_sources::intake::Intake as Joined;
use rootline_sources::receive::{self, RemoteWrite, Reply, SeriesCache, SpanFold, Taken};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::intake::{Accepted, Refusal, Why};
use crate::problem::unreadable;
use crate::server::{Options, Shared};

mod lanes;

pub use lanes::{
    alerts, bulk, events, flush, loki, otlp_logs, otlp_metrics, otlp_traces, remote_write, webhook, zipkin,
};

/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(1);
/// Room is counted in these bytes.
const UNIT: usize = 1024;
/// Larger bodies are decoded beside the tasks that serve others.
const LARGE: usize = 256 << 10;
/// Bytes of a tenant's name.
const TENANT_MAX: usize = 128;
/// Decoders of remote write that are kept, each with its cache of label sets.
const WRITERS: usize = 4;

/// What all receivers share: room for bodies, and decoders that remember.
pub struct Receivers {
    room: Arc<Semaphore>,
    room_units: u32,
    limits: receive::Limits,
    writers: Mutex<Vec<RemoteWrite>>,
    /// Joins lines to records.
    lines: Mutex<Joined>,
    /// Folds spans to calls.
    spans: Mutex<SpanFold>,
}

impl Receivers {
    pub fn new(options: &Options) -> Receivers {
        let units = u32::try_from(options.pushed_bytes_max / UNIT).unwrap_or(u32::MAX).max(1);
        Receivers {
            room: Arc::new(Semaphore::new(units as usize)),
            room_units: units,
            limits: options.limits.clone(),
            writers: Mutex::default(),
            lines: Mutex::default(),
            spans: Mutex::default(),
        }
    }

    /// Room for a body of so many bytes.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.room_units);
        match tokio::time::timeout(PATIENCE, self.room.clone().acquire_many_owned(units)).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(Refusal::later(Why::Full, "too much is being pushed at once")),
        }
    }

    fn remote_write(&self, request: &receive::Request<'_>) -> Result<Taken<Vec<SeriesBatch>>, receive::Refused> {
        let kept = self.writers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut writer = kept.unwrap_or_else(|| RemoteWrite::new(self.limits.clone(), SeriesCache::default()));
        let taken = writer.decode(request);
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if writers.len() < WRITERS {
            writers.push(writer);
        }
        taken
    }
}

/// One kind of pushed data.
struct Lane<T> {
    /// Label of metrics.
    name: &'static str,
    decode: fn(&Shared, &receive::Request<'_>) -> Result<Taken<T>, receive::Refused>,
    count: fn(&T) -> usize,
    /// Gives it on. The text is the cluster that the sender names, or empty.
    give: for<'a> fn(&'a Shared, T, &str) -> Accepted<'a>,
}

async fn take<T: Send + 'static>(shared: Arc<Shared>, request: Request, lane: Lane<T>) -> Response {
    let name = lane.name;
    match taken(&shared, request, lane).await {
        Ok(reply) => answer(reply),
        Err(refusal) => {
            shared.telemetry.refused(name, refusal.why);
            // Senders log the text as it comes.
            let mut reply = Reply::text(refusal.status, format!("{}\n", refusal.reason));
            reply.headers.extend(refusal.retry_after_s.map(|s| ("Retry-After", s.to_string())));
            answer(reply)
        }
    }
}

async fn taken<T: Send + 'static>(shared: &Arc<Shared>, request: Request, lane: Lane<T>) -> Result<Reply, Refusal> {
    let (parts, body) = request.into_parts();
    let text = |name: HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let cluster = cluster(&parts)?;
    let limit = shared.receivers.limits.body_bytes;
    let declared: Option<usize> = text(header::CONTENT_LENGTH).parse().ok();
    let _room = shared.receivers.room(declared.unwrap_or(limit).min(limit)).await?;
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|e| unreadable(&e, limit))?;
    let size = bytes.len();
    let (kind, encoding) = (text(header::CONTENT_TYPE), text(header::CONTENT_ENCODING));
    let decode = lane.decode;
    let decoded = if size > LARGE {
        let (shared, bytes): (Arc<Shared>, Bytes) = (shared.clone(), bytes);
        let work = move || decode(&shared, &receive::Request::new(&kind, &bytes).encoded(&encoding));
        tokio::task::spawn_blocking(work).await.map_err(|e| Refusal::later(Why::NotReady, format!("decoding: {e}")))?
    } else {
        decode(shared, &receive::Request::new(&kind, &bytes).encoded(&encoding))
    };
    let Taken { data, reply, dropped } = decoded.map_err(refusal)?;
    let count = (lane.count)(&data);
    if count > 0 {
        (lane.give)(shared, data, &cluster).await?;
    }
    shared.telemetry.accepted(lane.name, count, size);
    for (reason, items) in dropped {
        shared.telemetry.dropped(lane.name, reason, items);
    }
    Ok(reply)
}

#[derive(Deserialize)]
struct Tenant {
    #[serde(default)]
    cluster: String,
}

/// Whose data it is: `?cluster=` or the header `X-Scope-OrgID`, as Loki's and Mimir's senders set it.
fn cluster(parts: &http::request::Parts) -> Result<String, Refusal> {
    let asked = Query::<Tenant>::try_from_uri(&parts.uri).map(|q| q.0.cluster).unwrap_or_default();
    let header = parts.headers.get("x-scope-orgid").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let name = if asked.is_empty() { header.to_owned() } else { asked };
    if name.len() > TENANT_MAX {
        return Err(Refusal::malformed(format!("the name of a cluster or tenant has at most {TENANT_MAX} bytes")));
    }
    Ok(name)
}

fn refusal(refused: receive::Refused) -> Refusal {
    let why = match refused.status {
        413 => Why::TooLarge,
        415 => Why::Unsupported,
        429 | 503 => Why::Limit,
        _ => Why::Malformed,
    };
    Refusal { status: refused.status, why, reason: refused.reason, retry_after_s: refused.retry_after_s }
}

/// A reply of a decoder as it goes out.
pub fn answer(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Body::from(reply.body)).into_response();
    let headers = response.headers_mut();
    if !reply.content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    }
    for (name, value) in reply.headers {
        // A word that is no header is ours to fix; the data is safe already, so the answer goes without it.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}
