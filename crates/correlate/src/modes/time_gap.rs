//! Mode `time-gap`: arrivals without a gap of more than a minute are one group.

use rootline_model::Timestamp;

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

#[derive(Debug)]
pub(crate) struct TimeGap {
    gap_ms: i64,
    last: Option<(Timestamp, GroupId)>,
}

impl TimeGap {
    pub fn new(options: &Options) -> TimeGap {
        TimeGap { gap_ms: i64::from(options.gap_s) * 1000, last: None }
    }
}

impl Placement for TimeGap {
    fn place(&mut self, item: &Item, book: &Book, _topology: &Topology) -> Place {
        let Some((at, group)) = self.last else { return Place::Open };
        let apart = item.fired.as_millisecond().saturating_sub(at.as_millisecond());
        match book.live(group) {
            Some(group) if apart <= self.gap_ms => Place::Join(group, Reason::SameTime, Tie::Close),
            _ => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, _topology: &Topology) {
        if self.last.is_none_or(|(at, _)| item.fired >= at) {
            self.last = Some((item.fired, group));
        }
    }
}
