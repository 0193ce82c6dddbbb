//! What must survive: alerts, incidents, outbox, events, series.
//!
//! One folder, two SQLite files. `state.db` holds what people were told and what is still to be sent; it is on disk
//! before a call returns. `history.db` holds what is there to look back on. All calls are synchronous and may come from
//! any thread.
//!
//! **Invariant:** no clock: the moment is an argument. An error leaves the files as they were before the call.

mod alerts;
mod audit;
mod database;
mod error;
mod events;
mod incidents;
mod outbox;
mod record;
mod retention;
mod series;
mod silences;
mod store;
#[cfg(test)]
mod tests;
mod tick;
mod verify;

pub use alerts::KeptAlert;
pub use audit::Deed;
pub use error::{Result, StoreError};
pub use events::{Change, EventQuery, EventStore, Growth, KeptEvent};
pub use incidents::{IncidentFilter, PAGE_MAX, Page};
pub use outbox::{ChannelCounts, Message, MessageState, NewMessage, Outcome};
pub use retention::{Keep, Removed, Size};
pub use series::{ANSWER_POINTS_MAX, Appended, Bucket, Matcher, Resolution, SeriesBuckets, SeriesQuery, SeriesStore};
pub use silences::{Silence, SilenceMatcher};
pub use store::{Counters, Options, Store};
pub use tick::{KeptFinding, Tick};
pub use verify::{Report, set_history_aside};
