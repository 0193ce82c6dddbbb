//! The words of the domain as plain data: entities, relations, signals, findings, incidents, diagnoses.
//!
//! **Invariant:** depends on nothing of ours; no I/O, no clock, no serde of anybody's wire format; the daemon's own
//! records (alerts, live incidents) derive serde, because store and API keep them as they are (ADR-0008).

mod alert;
mod change;
mod diagnosis;
mod entity;
mod event;
mod evidence;
mod finding;
mod gap;
mod knowledge;
mod label;
mod live;
mod message;
mod relation;
mod sample;

pub use alert::Alert;
pub use change::{Change, ChangeKind};
pub use diagnosis::{Cause, Check, Contribution, Diagnosis, Folded, Incident, SOME_MOMENT, Scope, Severity, Verdict};
pub use entity::{EntityRef, Kind};
pub use event::EventRecord;
pub use evidence::Evidence;
pub use finding::{Class, Code, Finding, Nats, Probability};
pub use gap::{Gap, GapKind};
pub use jiff::Timestamp;
pub use knowledge::{Bilingual, Knowledge, Lang, Texts};
pub use label::{Fingerprint, LabelSet};
pub use live::{Ack, Answer, Both, LiveIncident, Member, Moment, Origin, Role, Stage};
pub use message::{Args, Message};
pub use relation::Relation;
pub use sample::{CallStats, LogLevel, LogRecord, STALE, SeriesBatch, is_stale};
