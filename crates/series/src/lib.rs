//! Samples → findings: the catalogue of series, the windows and baselines kept of them, and the detectors on them.
//!
//! **Invariant:** no clock, no I/O; time comes with samples and with `tick`; the same samples in the same ticks give the
//! same findings in the same order. Knows nothing of objects: who owns a pod and what was rolled out comes in by
//! [`Owners`] and [`Context`].
//!
//! The story: [`Bank::wanted_queries`] says what to ask Prometheus (or raw families are pushed); [`Bank::ingest`] finds each
//! series' entry in the [`catalog`] and its workload's baseline; [`Bank::tick`] folds replicas to one value a baseline,
//! lets the tier-0 operator see every baseline and the window [`detectors`] those with windows, and returns what holds now.
//!
//! Findings page nobody by themselves: see [`Strength`] and [`corroborated`].

pub mod catalog;
pub mod codes;
pub mod detectors;

mod bank;
mod bank_ask;
mod bank_levels;
mod bank_limits;
mod bank_snapshot;
mod bank_work;
mod context;
mod holds;
mod holds_snapshot;
mod intake;
mod options;
mod rule;
mod snapshot;
mod store;
mod tiers;
mod window;

pub use bank::{Bank, Ingested, Stats};
pub use bank_ask::{Chart, MEMORY_S, Outlook, Query, SeriesId};
pub use bank_levels::Level;
pub use codes::{CodeDoc, Group, Strength, doc_of};
pub use context::{ByName, Change, ChangeKind, Context, Covers, Maintenance, Owners};
pub use detectors::LogCount;
pub use options::{LimitSetting, Options};
pub use rule::{corroborated, group_of, words};
pub use snapshot::SnapshotError;
