//! What comes to the core.

use std::sync::Arc;

use rootline_engine::Live;
use rootline_model::{Alert, CallStats, EventRecord, LiveIncident, LogRecord, SeriesBatch};
use rootline_objects::Signal;
use rootline_sources::pull::prometheus::RuleBook;
use rootline_sources::watch::Delta;
use tokio::sync::oneshot;

use crate::reload::Settings;

/// What comes to the core.
pub enum Input {
    /// Answered once they are on disk.
    Alerts {
        alerts: Vec<Alert>,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    Delta(Delta),
    /// Logs of suspicious containers, as last read.
    Logs(Vec<Signal>),
    /// Alerting rules, for the `for:` of alerts.
    Rules(Arc<RuleBook>),
    Samples {
        batches: Vec<SeriesBatch>,
        is_history: bool,
    },
    /// Log lines that were pushed.
    Lines(Vec<LogRecord>),
    Calls(Vec<CallStats>),
    /// Another configuration; answered when it counts.
    Settings {
        settings: Box<Settings>,
        done: oneshot::Sender<()>,
    },
    Events(Vec<EventRecord>),
    /// A question to the core itself; it must be quick.
    Read(Box<dyn FnOnce(&Live) + Send>),
    Act {
        id: u64,
        act: Act,
        by: String,
        done: oneshot::Sender<Option<LiveIncident>>,
    },
    Stop,
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Ack,
    Unack,
    Note(String),
    Resolve,
}

/// Why alerts were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the store cannot write: {0}")]
    Store(String),
    #[error("{0} alerts are beyond what is kept in memory")]
    Full(usize),
}
