//! Questions to the daemon and its answers, as plain data.

use jiff::Timestamp;
use rootline_model::{Alert, Both, LabelSet, Role, Severity, Stage};

use crate::matcher::Matcher;

/// A part of a long list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// At most so many, 1 to 500.
    pub limit: usize,
    /// What a page gave as `next`; the daemon's own words, opaque to all others. A wrong one is `Fault::Invalid`.
    pub after: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None`: this was the last one.
    pub next: Option<String>,
}

/// Filters are joined by "and"; what is not set does not filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentQuery {
    pub stage: Option<Stage>,
    /// This severity or worse.
    pub severity: Option<Severity>,
    /// One of `affected` or a member is in it.
    pub namespace: Option<String>,
    /// Somewhere in title, causes or members, whatever the case.
    pub text: Option<String>,
    pub paging: Paging,
}

/// What a person does to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Ack,
    Unack,
    /// By hand; its alerts may go on.
    Resolve,
    Note(String),
}

/// An alert with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertState {
    pub alert: Alert,
    pub updated: Timestamp,
    pub incident: Option<u64>,
    pub role: Option<Role>,
    /// Ids of active silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts that mute it: the core for what is folded.
    pub inhibited_by: Vec<String>,
    /// Channels that it goes to.
    pub receivers: Vec<String>,
}

/// Mutes what matches while it lasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Silence {
    /// A UUID; empty for a new one.
    pub id: String,
    pub matchers: Vec<Matcher>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
    pub comment: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventQuery {
    pub namespace: Option<String>,
    /// As `EntityRef` prints it.
    pub entity: Option<String>,
    pub reason: Option<String>,
    /// Somewhere in the message.
    pub text: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub paging: Paging,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRow {
    pub id: u64,
    pub at: Timestamp,
    pub cluster: String,
    pub namespace: String,
    pub entity: String,
    /// `Warning` or `Normal`.
    pub kind: String,
    pub reason: String,
    pub message: String,
    pub count: u32,
    /// Who says so: `kubelet`.
    pub component: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeQuery {
    pub namespace: Option<String>,
    pub entity: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub paging: Paging,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeRow {
    pub id: u64,
    pub at: Timestamp,
    pub namespace: String,
    pub entity: String,
    /// `rollout`, `image`, `config`, `scale`, `cordon`, `hpa`, …
    pub kind: String,
    pub what: Both,
    /// What it was and what it is, where that is short.
    pub before: String,
    pub after: String,
}

/// One source and how it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceState {
    /// `prometheus`, `kubernetes`, …; unique.
    pub name: String,
    pub kind: String,
    pub last_success: Option<Timestamp>,
    /// How far its data is behind, seconds.
    pub lag_s: Option<f64>,
    /// Of the last attempt; empty: it went well.
    pub error: String,
}

/// The daemon about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    pub version: String,
    pub revision: String,
    pub started: Timestamp,
    pub cluster: String,
    /// False: another replica leads; this one only watches.
    pub leader: bool,
    /// Name of who leads.
    pub leader_name: String,
    /// True once the state is rebuilt and sources were heard.
    pub ready: bool,
    pub sources: Vec<SourceState>,
    /// What is not seen and how that hurts.
    pub gaps: Vec<Both>,
    /// Open incidents by severity: warning, error, critical.
    pub open: [u32; 3],
    pub alerts: u32,
    pub series: u64,
    pub dead_letters: u64,
    pub config: ConfigState,
    /// Maintenance windows in force.
    pub maintenance: Vec<Window>,
}

/// The configuration in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigState {
    /// When it was read.
    pub loaded: Timestamp,
    /// Why the last reading was not taken over; empty: it was.
    pub error: String,
    /// Keys that the file has another value of than counts.
    pub needs_restart: Vec<String>,
}

/// What a reading of the configuration changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Keys that have another value now.
    pub changed: Vec<String>,
    pub needs_restart: Vec<String>,
}

/// A maintenance window in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub name: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// One series behind some evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    pub title: Both,
    pub entity: String,
    /// `bytes`, `seconds`, `ratio`, `1/s`, …; empty for a bare number.
    pub unit: String,
    /// Milliseconds since 1970, value; at most 500 after thinning.
    pub points: Vec<(i64, f64)>,
    /// Expected range at the same moments: low, high.
    pub band: Vec<(i64, f64, f64)>,
    pub limit: Option<f64>,
    /// What the forecast says, after the last point.
    pub forecast: Vec<(i64, f64)>,
    pub onset: Option<Timestamp>,
}

/// A message that was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: u64,
    pub channel: String,
    /// `17.3/oncall`
    pub key: String,
    pub incident: u64,
    pub created: Timestamp,
    pub attempts: u32,
    pub error: String,
}

/// Two names of alerts that go together, as learnt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertPair {
    pub name: String,
    /// Beside alerts of this name it came.
    pub beside: String,
    /// Incidents with both, with `name`, with `name` alone, with `beside`.
    pub together: f64,
    pub incidents: f64,
    pub alone: f64,
    pub beside_incidents: f64,
    /// How many times more often than by chance.
    pub lift: Option<f64>,
    /// Most often it came between these seconds after `beside`.
    pub delay_s: (f64, f64),
}

/// Something that people can see has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub at: Timestamp,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Incident {
        id: u64,
        version: u32,
    },
    Silences,
    /// Sources, gaps, leadership.
    Status,
}

/// Numbers of the daemon for `/metrics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gauges {
    pub version: String,
    pub revision: String,
    pub ready: bool,
    pub leader: bool,
    pub config: ConfigState,
    pub started_s: f64,
    /// Inputs waiting for the core, and how many may.
    pub queue: u64,
    pub queue_capacity: u64,
    /// Ticks so far, what they took together and the slowest of the last minutes, seconds.
    pub ticks: u64,
    pub tick_s_sum: f64,
    pub tick_s_max: f64,
    pub store_bytes: u64,
    pub store_writes: u64,
    pub store_errors: u64,
    /// Times that the system's clock jumped by more than half a minute.
    pub clock_jumps: u64,
    pub series: u64,
    pub series_limit_hits: u64,
    pub log_templates: u64,
    pub entities: u64,
    pub alerts_firing: u64,
    /// By channel.
    pub outbox: Vec<OutboxGauge>,
    pub sources: Vec<SourceState>,
    /// Data forwarded and read besides.
    pub pipes: Vec<PipeGauge>,
    pub incidents: Vec<IncidentGauge>,
    pub anomalies: Vec<Level>,
    pub forecasts: Vec<Forecast>,
    /// Counters of the daemon's own parts; those of one name one after another.
    pub counted: Vec<Counted>,
}

/// One counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Without `_total`: `rootline_scrapes`.
    pub name: &'static str,
    pub help: &'static str,
    pub labels: Vec<(&'static str, String)>,
    pub value: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxGauge {
    pub channel: String,
    pub waiting: u64,
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Given up.
    pub dead: u64,
}

/// One way that data takes into the daemon or out of it, beside receivers and channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipeGauge {
    /// As in `SourceState`: `kafka-in:alerts`.
    pub name: String,
    /// Items that the other side has.
    pub passed: u64,
    /// Items left out: word for the reason, number.
    pub dropped: Vec<(&'static str, u64)>,
    /// Attempts that failed.
    pub failed: u64,
    /// Items that wait on our side.
    pub waiting: u64,
}

/// An open incident as a series: `rootline_incident{id="17",…} 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentGauge {
    pub id: u64,
    pub severity: Severity,
    pub acked: bool,
    pub members: u32,
    /// Of the best cause; empty and 0 where none is confident.
    pub code: String,
    pub entity: String,
    pub confidence: f64,
    /// Relations between the things concerned: from, word, to.
    pub edges: Vec<(String, String, String)>,
}

/// How abnormal a series is, 0 to 1, by detector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Level {
    pub detector: String,
    pub entity: String,
    pub series: String,
    pub level: f64,
}

/// When a series is expected to reach its limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    pub entity: String,
    pub series: String,
    /// Seconds from now, median.
    pub reaches_limit_s: f64,
    /// That it does so within the horizon, 0 to 1.
    pub probability: f64,
}

/// Labels of the alert and where it comes from, for filters.
impl AlertState {
    pub fn labels(&self) -> &LabelSet {
        &self.alert.labels
    }
}
