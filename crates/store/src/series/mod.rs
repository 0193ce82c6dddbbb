//! Numbers over time: a head in memory with a log of it, hourly chunks, minutes and hours of what is older.
//!
//! `append` takes points into memory; `flush` writes what is new as one row (call it every few seconds: what was not
//! flushed is lost by a kill, and that is all). After each full hour and `GRACE_MS` the flush cuts: points before the
//! hour become one chunk per series, their minutes and hours beside. Within the current hour points may come in any
//! order; later ones of the same time win. Older points are refused by `append` and merged by `backfill`.

mod bits;
mod chunk;
mod column;
mod disk;
mod head;
mod index;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use rootline_model::{LabelSet, SeriesBatch};

pub use chunk::Bucket;
pub(crate) use chunk::{decode, decode_buckets};
pub(crate) use disk::{HOURS, MINUTES, RAW, load};
pub use head::Appended;
pub(crate) use head::{Head, read_record};
pub use index::Matcher;

use crate::error::Result;

/// How long after the hour late points still find a place in the head.
pub(crate) const GRACE_MS: i64 = 5 * 60_000;
/// Points further ahead of now than that are a wrong clock's and refused.
pub(crate) const FUTURE_MS: i64 = 10 * 60_000;
/// Points of one answer at most; more is the error `TooMuch`.
pub const ANSWER_POINTS_MAX: usize = 5_000_000;

/// How finely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    Minute,
    Hour,
}

impl Resolution {
    pub(crate) fn width_ms(self) -> i64 {
        match self {
            Resolution::Minute => 60_000,
            Resolution::Hour => 3_600_000,
        }
    }
}

/// Series that match all of the matchers, from and to in milliseconds since 1970, both inclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesQuery {
    pub matchers: Vec<Matcher>,
    pub from: i64,
    pub to: i64,
}

/// Minutes or hours of one series, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesBuckets {
    pub labels: LabelSet,
    pub buckets: Vec<Bucket>,
}

/// Where series are kept. SQLite stands behind it; a larger database can.
pub trait SeriesStore: Send + Sync {
    /// Into memory; readable at once, kept by the next `flush`.
    fn append(&self, batches: &[SeriesBatch], now: Timestamp) -> Result<Appended>;

    /// Points of the past, older than what `append` takes: merged into what is there, kept when this returns.
    fn backfill(&self, batches: &[SeriesBatch], now: Timestamp) -> Result<Appended>;

    /// Writes what is new. After an error it stays in memory and the next call tries again.
    fn flush(&self, now: Timestamp) -> Result<()>;

    /// As they came, by series in the order of their first appearance. Where raw points are gone by age there are none.
    fn range(&self, query: &SeriesQuery) -> Result<Vec<SeriesBatch>>;

    /// Minimum, maximum, sum, count and last value of each minute or hour that has values.
    fn buckets(&self, query: &SeriesQuery, resolution: Resolution) -> Result<Vec<SeriesBuckets>>;

    /// Label sets of the series that match.
    fn series(&self, matchers: &[Matcher]) -> Vec<LabelSet>;

    fn label_names(&self) -> Vec<String>;

    fn label_values(&self, name: &str) -> Vec<String>;
}
