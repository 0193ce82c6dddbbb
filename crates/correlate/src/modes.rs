//! One file per mode. A mode says where an item belongs; the book keeps the groups.

mod alertmanager;
mod full;
mod jaccard;
mod node_window;
mod onset_topology;
mod text;
mod time_gap;

use std::fmt;

use rootline_model::Timestamp;

use crate::book::Book;
use crate::{GroupId, Item, Mode, Options, Pairs, Reason, Tie, Topology, WideRow};

/// Where an item belongs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    Open,
    Join(GroupId, Reason, Tie),
    /// It shows that these groups are one; the first one stays.
    Bridge(Vec<GroupId>, Reason),
}

/// The deciding half of a correlator.
pub(crate) trait Placement: fmt::Debug + Send {
    /// What is about to be placed, by firing time; may be put into another order that does not depend on arrival.
    fn begin(&mut self, _now: Timestamp, _fresh: &mut [&Item], _book: &Book, _topology: &Topology) {}

    fn place(&mut self, item: &Item, book: &Book, topology: &Topology) -> Place;

    /// It was put there. Also called for each member that was restored.
    fn placed(&mut self, _item: &Item, _group: GroupId, _book: &Book, _topology: &Topology) {}

    /// The group left memory.
    fn forgotten(&mut self, _group: GroupId) {}

    /// Whether `placed` tells of members that a store remembers.
    fn restoring(&mut self, _on: bool) {}

    /// Groups that are wider than their members tell.
    fn wide(&self) -> Vec<WideRow> {
        Vec::new()
    }

    /// Takes back what `wide` gave; to be called between `restoring` and the members.
    fn restore_wide(&mut self, _rows: &[WideRow]) {}

    /// What it learnt about names of alerts.
    fn pairs(&self) -> Option<&Pairs> {
        None
    }

    fn restore_pairs(&mut self, _pairs: Pairs) {}
}

pub(crate) fn placement(options: &Options) -> Box<dyn Placement> {
    match options.mode {
        Mode::Alertmanager => Box::new(alertmanager::Alertmanager::new(options)),
        Mode::NodeWindow => Box::new(node_window::NodeWindow::new(options)),
        Mode::TimeGap => Box::new(time_gap::TimeGap::new(options)),
        Mode::Jaccard => Box::new(jaccard::Jaccard::new(options)),
        Mode::Text => Box::new(text::Text::new(options)),
        Mode::OnsetTopology => Box::new(onset_topology::OnsetTopology::new(options)),
        Mode::Full => Box::new(full::Full::new(options)),
    }
}
