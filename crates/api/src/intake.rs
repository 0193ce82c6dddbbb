//! What is pushed to the daemon.

use futures::future::BoxFuture;
use jiff::Timestamp;
use rootline_model::{Alert, CallStats, LogRecord, SeriesBatch};
use rootline_objects::Object;

/// Done when what was given is kept as safely as its kind is: alerts and events durably, the rest in the pipeline's queue.
pub type Accepted<'a> = BoxFuture<'a, Result<(), Refusal>>;

/// Kind of a refusal, as the metric `rootline_receiver_refused_items` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The queue is full.
    Full,
    /// A rate or cardinality limit.
    Limit,
    /// The store cannot write.
    Store,
    /// Not ready yet, not the leader, or about to stop.
    NotReady,
    /// Cannot be understood or has forbidden values.
    Malformed,
    /// More bytes than allowed, packed or unpacked.
    TooLarge,
    /// Content type or encoding that nobody speaks here.
    Unsupported,
    /// Older than what is kept.
    TooOld,
}

/// Not accepted, and what the sender should do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 413, 415, 429 or 503: the last two only where sending again can help.
    pub status: u16,
    pub why: Why,
    /// Shown to the sender.
    pub reason: String,
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// 503 with `Retry-After`: Prometheus, Loki's senders and OTLP exporters all send again.
    pub fn later(why: Why, reason: impl Into<String>) -> Refusal {
        Refusal { status: 503, why, reason: reason.into(), retry_after_s: Some(1) }
    }

    /// 400: sending the same again is useless.
    pub fn malformed(reason: impl Into<String>) -> Refusal {
        Refusal { status: 400, why: Why::Malformed, reason: reason.into(), retry_after_s: None }
    }
}

/// A Kubernetes event that another program saw.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedEvent {
    /// Cluster or tenant, as the sender says; empty if it does not.
    pub cluster: String,
    /// Of kind `Event`.
    pub object: Object,
}

/// Where pushed data goes.
pub trait Intake: Send + Sync + 'static {
    /// The daemon's clock: for alerts without a start.
    fn now(&self) -> Timestamp;

    /// Ok only when they are durable.
    fn alerts(&self, alerts: Vec<Alert>) -> Accepted<'_>;

    fn samples(&self, batches: Vec<SeriesBatch>) -> Accepted<'_>;

    /// Whole records: pieces and stack traces are joined.
    fn logs(&self, records: Vec<LogRecord>) -> Accepted<'_>;

    /// Of minutes that are over.
    fn calls(&self, calls: Vec<CallStats>) -> Accepted<'_>;

    fn events(&self, events: Vec<PushedEvent>) -> Accepted<'_>;
}
