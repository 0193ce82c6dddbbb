//! Mode `time-gap`: arrivals without a gap of more than a minute are one group.

use std::sync::Arc;

use hashbrown::HashMap;
use rootline_model::Timestamp;

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

/// Clusters known; all are dropped above it.
const CLUSTERS_MAX: usize = 1_000;

#[derive(Debug)]
pub(crate) struct TimeGap {
    gap_ms: i64,
    /// The latest of each cluster.
    last: HashMap<Arc<str>, (Timestamp, GroupId)>,
}

impl TimeGap {
    pub fn new(options: &Options) -> TimeGap {
        TimeGap { gap_ms: i64::from(options.gap_s) * 1000, last: HashMap::default() }
    }
}

impl Placement for TimeGap {
    fn place(&mut self, item: &Item, book: &Book, _topology: &Topology) -> Place {
        let Some((at, group)) = self.last.get(&item.cluster).copied() else { return Place::Open };
        let apart = item.fired.as_millisecond().saturating_sub(at.as_millisecond());
        match book.live(group) {
            Some(group) if apart <= self.gap_ms => Place::Join(group, Reason::SameTime, Tie::Close),
            _ => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, _topology: &Topology) {
        if self.last.get(&item.cluster).is_none_or(|(at, _)| item.fired >= *at) {
            if self.last.len() >= CLUSTERS_MAX {
                self.last.clear();
            }
            self.last.insert(item.cluster.clone(), (item.fired, group));
        }
    }
}
