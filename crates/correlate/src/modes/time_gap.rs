//! Mode `time-gap`: arrivals without a gap of more than a minute are one group.

use rootline_model::Timestamp;

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

/// Clusters told apart.
const CLUSTERS_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct TimeGap {
    gap_ms: i64,
    /// The latest of each cluster.
    last: Vec<(Timestamp, GroupId)>,
}

impl TimeGap {
    pub fn new(options: &Options) -> TimeGap {
        TimeGap { gap_ms: i64::from(options.gap_s) * 1000, last: Vec::new() }
    }
}

impl Placement for TimeGap {
    fn place(&mut self, item: &Item, book: &Book, _topology: &Topology) -> Place {
        let fits = |g: GroupId| book.live(g).filter(|g| book.is_of_one_cluster(*g, item));
        let last = self.last.iter().filter_map(|(at, group)| Some((*at, fits(*group)?))).max();
        let Some((at, group)) = last else { return Place::Open };
        let apart = item.fired.as_millisecond().saturating_sub(at.as_millisecond());
        if apart <= self.gap_ms { Place::Join(group, Reason::SameTime, Tie::Close) } else { Place::Open }
    }

    fn placed(&mut self, item: &Item, group: GroupId, book: &Book, _topology: &Topology) {
        let is_same = |g: GroupId| book.live(g).is_none_or(|g| g == group || book.is_of_one_cluster(g, item));
        if self.last.iter().any(|(at, g)| is_same(*g) && *at > item.fired) {
            return;
        }
        self.last.retain(|(_, g)| !is_same(*g));
        if self.last.len() >= CLUSTERS_MAX {
            self.last.remove(0);
        }
        self.last.push((item.fired, group));
    }
}
