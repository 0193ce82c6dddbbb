//! What other programs push: the body is read within limits, decoded, given to the intake, and only then answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::{HeaderName, HeaderValue, StatusCode, header};
use rootline_model::SeriesBatch;
use rootline_sources::intake::Intake as Joined;
use rootline_sources::receive::{self, RemoteWrite, Reply, SeriesCache, SpanFold, Taken};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::intake::{Accepted, Refusal, Why};
use crate::problem::too_large;
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
    limits: receive::Limits,
    writers: Mutex<Vec<RemoteWrite>>,
    /// Joins lines to records.
    lines: Mutex<Joined>,
    /// Folds spans to calls.
    spans: Mutex<SpanFold>,
}

impl Receivers {
    pub fn new(options: &Options) -> Receivers {
        let most = options.pushed_bytes_max.max(options.limits.body_bytes);
        let units = u32::try_from(most.div_ceil(UNIT)).unwrap_or(u32::MAX);
        Receivers {
            room: Arc::new(Semaphore::new(units as usize)),
            limits: options.limits.clone(),
            writers: Mutex::default(),
            lines: Mutex::default(),
            spans: Mutex::default(),
        }
    }

    /// Reads a body and holds room for what has come of it, so that slow senders hold little.
    async fn read(&self, body: Body) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refusal> {
        let limit = self.limits.body_bytes;
        let mut parts = body.into_data_stream();
        let (mut bytes, mut room): (Vec<u8>, Option<OwnedSemaphorePermit>) = (Vec::new(), None);
        while let Some(part) = parts.next().await {
            let part = part.map_err(|e| Refusal::malformed(format!("the body could not be read: {e}")))?;
            if bytes.len() + part.len() > limit {
                return Err(too_large(limit));
            }
            let before = bytes.len().div_ceil(UNIT);
            bytes.extend_from_slice(&part);
            let more = u32::try_from(bytes.len().div_ceil(UNIT) - before).unwrap_or(u32::MAX);
            let held = tokio::time::timeout(PATIENCE, self.room.clone().acquire_many_owned(more)).await;
            match (held, &mut room) {
                (Ok(Ok(more)), Some(room)) => room.merge(more),
                (Ok(Ok(more)), None) => room = Some(more),
                _ => return Err(Refusal::later(Why::Full, "too much is being pushed at once")),
            }
        }
        Ok((bytes.into(), room))
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
    let declared: Option<usize> = text(header::CONTENT_LENGTH).parse().ok();
    let limit = shared.receivers.limits.body_bytes;
    if declared.is_some_and(|d| d > limit) {
        return Err(too_large(limit));
    }
    let (bytes, _room) = shared.receivers.read(body).await?;
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

/// Bytes of an error's text.
const ERROR_MAX: usize = 64 << 10;

/// Refusals of `_bulk` as Elasticsearch says them: its clients read no other kind of error.
pub async fn as_elasticsearch(response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, ERROR_MAX).await.unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
    let detail = problem.as_ref().and_then(|p| p.get("detail")?.as_str());
    let reason = detail.map_or_else(|| String::from_utf8_lossy(&text).trim().to_owned(), str::to_owned);
    let reply = receive::elasticsearch::error(status.as_u16(), &reason);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    let mut answer = answer(reply);
    for (name, value) in &parts.headers {
        answer.headers_mut().insert(name, value.clone());
    }
    answer
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
