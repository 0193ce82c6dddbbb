//! One file per mode. A mode says where an item belongs; the book keeps the groups.

mod onset_topology;

use std::fmt;

use rootline_model::Timestamp;

use crate::book::Book;
use crate::{GroupId, Item, Mode, Options, Reason, Topology};

/// Where an item belongs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    Open,
    Join(GroupId, Reason),
    /// It shows that these groups are one; the first one stays.
    Bridge(Vec<GroupId>, Reason),
}

/// The deciding half of a correlator.
pub(crate) trait Placement: fmt::Debug + Send {
    /// What is about to be placed, in order.
    fn begin(&mut self, _now: Timestamp, _fresh: &[&Item], _book: &Book, _topology: &Topology) {}

    fn place(&mut self, item: &Item, book: &Book, topology: &Topology) -> Place;

    /// It was put there. Also called for each member that was restored.
    fn placed(&mut self, _item: &Item, _group: GroupId, _book: &Book, _topology: &Topology) {}
}

pub(crate) fn placement(options: &Options) -> Box<dyn Placement> {
    match options.mode {
        Mode::Alertmanager
        | Mode::NodeWindow
        | Mode::TimeGap
        | Mode::Jaccard
        | Mode::Text
        | Mode::OnsetTopology
        | Mode::Full => Box::new(onset_topology::OnsetTopology::new(options)),
    }
}
