//! The words of the domain as plain data: entities, relations, signals, findings, incidents, diagnoses.
//!
//! **Invariant:** depends on nothing of ours; no I/O, no clock, no serde of anybody's wire format.

mod diagnosis;
mod entity;
mod evidence;
mod finding;
mod gap;
mod knowledge;
mod message;
mod relation;

pub use diagnosis::{Cause, Check, Contribution, Diagnosis, Folded, Incident, SOME_MOMENT, Scope, Severity, Verdict};
pub use entity::{EntityRef, Kind};
pub use evidence::Evidence;
pub use finding::{Class, Code, Finding, Nats, Probability};
pub use gap::{Gap, GapKind};
pub use jiff::Timestamp;
pub use knowledge::{Bilingual, Knowledge, Lang, Texts};
pub use message::{Args, Message};
pub use relation::Relation;
