//! The chain of stages in one place: signals → world → findings → incidents.
//!
//! **Invariant:** the only place that knows the order of stages; the same signals give the same answer.

mod engine;
mod live;
mod narrow;
mod pipeline;
mod suspicious;

pub use engine::{Engine, EngineError, Options, Target};
pub use live::{
    Bank, CorrelationMode, Covers, Ingested, LearntPair, LimitSetting, Live, LiveOptions, NoticeKind, NoticePolicy,
    Notification, Outcome, Outlook, Query, SERIES_MEMORY_S, SeriesChange, SeriesChangeKind, SeriesChart, SeriesLevel,
    SeriesMaintenance, SeriesOptions, SeriesStats, SetBack, ToldRow, series_catalog, series_title,
};
pub use rootline_diagnose::{RuleError, RuleFile, RuleSet};
