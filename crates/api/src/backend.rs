//! What the API asks of the daemon's core.

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::Timestamp;
use rootline_model::LiveIncident;
use tokio::sync::broadcast;

use crate::words::{
    Action, AlertPair, AlertState, ChangeQuery, ChangeRow, Chart, DeadLetter, EventQuery, EventRow, Gauges,
    IncidentQuery, News, Page, Paging, Reloaded, Silence, Status,
};

/// An answer that takes a while. Whoever works synchronously wraps `spawn_blocking`.
pub type Answered<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// Bytes of an archive as they are made, and the name under which a browser should keep them.
pub struct Recording {
    pub name: String,
    pub bytes: BoxStream<'static, Result<Vec<u8>, Fault>>,
}

/// Why there is no answer. Texts are shown to the caller: lower case, no full stop, nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// 404
    #[error("{0}")]
    NotFound(String),
    /// 400: the caller's mistake, with what would be right.
    #[error("{0}")]
    Invalid(String),
    /// 409: not in this state.
    #[error("{0}")]
    Conflict(String),
    /// 503: later, or at the other replica.
    #[error("{reason}")]
    Unavailable { reason: String, retry_after_s: u32 },
    /// 500: ours.
    #[error("{0}")]
    Internal(String),
}

/// The daemon as the API sees it. All methods may be called at once from many tasks.
pub trait Backend: Send + Sync + 'static {
    /// The daemon's clock; a replay has its own.
    fn now(&self) -> Timestamp;

    /// Newest first, by id.
    fn incidents(&self, query: IncidentQuery) -> Answered<'_, Page<LiveIncident>>;

    fn incident(&self, id: u64) -> Answered<'_, LiveIncident>;

    /// Does it and gives the incident as it is afterwards. `by` is the caller's name.
    fn act(&self, id: u64, action: Action, by: String) -> Answered<'_, LiveIncident>;

    /// Series behind the evidence of an incident, most telling first; none is no error.
    fn charts(&self, id: u64) -> Answered<'_, Vec<Chart>>;

    /// An archive of what is known about an incident.
    fn record(&self, id: u64) -> Answered<'_, Recording>;

    /// Alerts that fire, and those resolved not long ago.
    fn alerts(&self) -> Answered<'_, Vec<AlertState>>;

    /// Which names of alerts go together, the most frequent first.
    fn pairs(&self) -> Answered<'_, Vec<AlertPair>>;

    /// All that are kept, expired ones too.
    fn silences(&self) -> Answered<'_, Vec<Silence>>;

    /// Adds (empty id) or replaces. The times are checked already. Gives the id: replacing an expired silence, or
    /// changing the matchers of one, makes a new one as Alertmanager does.
    fn silence_set(&self, silence: Silence) -> Answered<'_, String>;

    /// Ends it now.
    fn silence_expire(&self, id: String) -> Answered<'_, ()>;

    /// Newest first.
    fn events(&self, query: EventQuery) -> Answered<'_, Page<EventRow>>;

    /// Rollouts, images, configuration, scale: newest first.
    fn changes(&self, query: ChangeQuery) -> Answered<'_, Page<ChangeRow>>;

    fn status(&self) -> Answered<'_, Status>;

    /// Messages that were given up, newest first.
    fn dead_letters(&self, paging: Paging) -> Answered<'_, Page<DeadLetter>>;

    /// Puts it back into the outbox.
    fn dead_letter_retry(&self, id: u64) -> Answered<'_, ()>;

    /// Name of the maintenance window that keeps an incident quiet now.
    fn maintenance(&self, _incident: &LiveIncident) -> Option<String> {
        None
    }

    /// Reads the configuration again; with an error the old one stays.
    fn reload(&self) -> Answered<'_, Reloaded> {
        let detail = "this daemon reads its configuration at the start only".to_owned();
        Box::pin(std::future::ready(Err(Fault::Conflict(detail))))
    }

    /// Numbers for `/metrics`; asked at each scrape, so it must be cheap.
    fn gauges(&self) -> Gauges;

    /// What changes from now on. A receiver that lags is told so by `broadcast` and starts over.
    fn subscribe(&self) -> broadcast::Receiver<News>;
}
