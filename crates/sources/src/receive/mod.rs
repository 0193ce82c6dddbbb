//! What others push to us, decoded: pure functions over the bytes of a request. Routes, sockets, tokens belong to the server.
//!
//! Every decoder takes a [`Request`] and [`Limits`] and gives [`Taken`] (what was read, what to answer *after* it is stored,
//! what was left out and why) or [`Refused`] (nothing was read; the status to answer).
//!
//! | what | decoder | answer |
//! |---|---|---|
//! | `POST /api/v2/alerts` (Alertmanager) | [`alerts::posted`] | 200, 400 |
//! | webhook, version 4 | [`alerts::webhook`] | 200 |
//! | Prometheus remote write 1.0, 2.0 | [`RemoteWrite::decode`] | 204, 400 |
//! | a scraped page of metrics | [`exposition::parse`] | |
//! | Loki push | [`loki::push`] | 204, 400 |
//! | OTLP logs, metrics, traces | [`otlp::logs`], [`otlp::metrics`], [`otlp::traces`] | 200 |
//! | Zipkin v2 spans | [`zipkin::spans`] | 202 |
//! | Elasticsearch `_bulk`, `/` | [`elasticsearch::bulk`], [`elasticsearch::probe`] | 200 |
//! | Kubernetes events | [`events::events`] | 204 |
//!
//! [`topics`] reads messages of a bus the same way.
//!
//! Lines go on to [`crate::intake::Intake`], spans to [`SpanFold`].

pub mod alerts;
mod body;
pub mod elasticsearch;
pub mod events;
pub mod exposition;
mod gathered;
mod lines;
pub mod loki;
pub mod otlp;
mod proto;
mod remote_write;
mod spans;
pub mod topics;
pub mod zipkin;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use remote_write::{RemoteWrite, SeriesCache};
pub use spans::{Side, Span, SpanFold, SpanOptions};

/// One HTTP request as far as decoders need it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Header `Content-Type`; empty if there is none.
    pub content_type: &'a str,
    /// Header `Content-Encoding`; empty if there is none.
    pub content_encoding: &'a str,
    /// As it came, still compressed.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// An uncompressed request.
    pub fn new(content_type: &'a str, body: &'a [u8]) -> Self {
        Request { content_type, content_encoding: "", body }
    }

    #[must_use]
    pub fn encoded(self, content_encoding: &'a str) -> Self {
        Request { content_encoding, ..self }
    }

    /// `application/json; charset=utf-8` is `application/json`.
    fn essence(&self) -> String {
        self.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// A parameter of the content type, as `proto` in `application/x-protobuf;proto=io.prometheus.write.v2.Request`.
    fn parameter(&self, name: &str) -> Option<&'a str> {
        let (_, all) = self.content_type.split_once(';')?;
        let found =
            all.split(';').filter_map(|p| p.split_once('=')).find(|(n, _)| n.trim().eq_ignore_ascii_case(name))?;
        Some(found.1.trim().trim_matches('"'))
    }
}

/// What a request may hold. Numbers are per request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the body as it comes, in bytes. Prometheus refuses the same. Over it: 413.
    pub body_bytes: usize,
    /// Of the decompressed body, in bytes. Declared or found sizes over it: 413, before the memory is taken.
    pub decoded_bytes: usize,
    /// Labels of one series, alert or stream. More: that item is left out, 400.
    pub labels: usize,
    /// Bytes of a label's name. Longer: that item is left out, 400.
    pub label_name_bytes: usize,
    /// Bytes of a label's value. Longer: that item is left out, 400. Annotations may have 16 times as much and are cut.
    pub label_value_bytes: usize,
    /// Series. More: 413.
    pub series: usize,
    /// Samples of all series. More: 413.
    pub samples: usize,
    /// Alerts. More: 413.
    pub alerts: usize,
    /// Log lines. More: 413.
    pub lines: usize,
    /// Bytes of a log line. Longer lines are cut.
    pub line_bytes: usize,
    /// Spans. More: 413.
    pub spans: usize,
}

impl Default for Limits {
    /// Starting values: Prometheus sends 2,000 samples or 256 alerts a request, Promtail 1 MiB, Fluent Bit 2 MiB chunks;
    /// names and values as in Mimir (1,024 and 2,048) with room for annotations in labels.
    fn default() -> Self {
        Limits {
            body_bytes: 32 << 20,
            decoded_bytes: 64 << 20,
            labels: 64,
            label_name_bytes: 1024,
            label_value_bytes: 4096,
            series: 100_000,
            samples: 1_000_000,
            alerts: 100_000,
            lines: 200_000,
            line_bytes: 256 << 10,
            spans: 100_000,
        }
    }
}

/// What was read of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken<T> {
    pub data: T,
    /// To be sent once `data` is safe.
    pub reply: Reply,
    /// What was left out or changed: reason (a word for a metric's label) → how many.
    pub dropped: BTreeMap<&'static str, u64>,
}

impl<T> Taken<T> {
    fn note(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            *self.dropped.entry(reason).or_default() += count;
        }
    }
}

/// An answer to a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Empty for an answer without a body.
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Default for Reply {
    fn default() -> Self {
        Reply::empty(204)
    }
}

impl Reply {
    pub fn empty(status: u16) -> Self {
        Reply { status, content_type: "", headers: Vec::new(), body: Vec::new() }
    }

    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Reply { status, content_type: "text/plain; charset=utf-8", headers: Vec::new(), body: text.into().into_bytes() }
    }

    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Reply { status, content_type: "application/json", headers: Vec::new(), body: value.to_string().into_bytes() }
    }
}

/// A request of which nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// 400 what is not as the format says, 413 too much, 415 unknown type or encoding, 429 too busy.
    pub status: u16,
    pub reason: String,
    /// Seconds until a retry can help; only with 429 and 503.
    pub retry_after_s: Option<u32>,
}

impl Refused {
    /// 400: sending it again will not help.
    pub fn malformed(reason: impl Into<String>) -> Self {
        Refused { status: 400, reason: reason.into(), retry_after_s: None }
    }

    /// 413.
    pub fn too_large(reason: impl Into<String>) -> Self {
        Refused { status: 413, reason: reason.into(), retry_after_s: None }
    }

    /// 415.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Refused { status: 415, reason: reason.into(), retry_after_s: None }
    }

    /// 429: back-pressure; every sender we know keeps the data and tries again.
    pub fn busy(reason: impl Into<String>, retry_after_s: u32) -> Self {
        Refused { status: 429, reason: reason.into(), retry_after_s: Some(retry_after_s) }
    }

    pub fn reply(&self) -> Reply {
        let mut reply = Reply::text(self.status, format!("{}\n", self.reason));
        reply.headers.extend(self.retry_after_s.map(|s| ("Retry-After", s.to_string())));
        reply
    }
}

/// The decompressed body of a request that must be JSON.
fn json_body<'a>(request: &Request<'a>, limits: &Limits) -> Result<Cow<'a, [u8]>, Refused> {
    match request.essence().as_str() {
        "application/json" | "" => body::decoded(request, limits),
        other => Err(Refused::unsupported(format!("content type {other:?}, want application/json"))),
    }
}

#[cfg(test)]
mod sender_tests;
#[cfg(test)]
mod stress_tests;
#[cfg(test)]
mod tests;
