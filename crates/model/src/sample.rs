//! Numbers, log lines and spans on their way from a source into the pipeline.

use jiff::Timestamp;

use crate::LabelSet;

/// Points of one series, oldest first. The metric's name is the label `__name__`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesBatch {
    pub labels: LabelSet,
    /// Milliseconds since 1970, value. Prometheus' stale marker stays the NaN it is (`is_stale`).
    pub points: Vec<(i64, f64)>,
}

/// The NaN by which Prometheus says that a series has ended.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// True for Prometheus' stale marker, which is one NaN among many.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE
}

/// One log record with the labels of its stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    /// `namespace`, `pod`, `container`, `node` where they are known, under these names whatever the sender called them.
    pub labels: LabelSet,
    pub at: Timestamp,
    pub level: LogLevel,
    /// Several lines of one stack trace are one text.
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    #[default]
    Unknown,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Spans folded to one caller, callee and minute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallStats {
    /// Start of the minute.
    pub at: Timestamp,
    /// Service names as the tracer gives them, with the namespace where resource attributes tell it.
    pub caller: (String, String),
    pub callee: (String, String),
    pub calls: u64,
    pub errors: u64,
    pub duration_ms_sum: f64,
    pub duration_ms_max: f64,
}
