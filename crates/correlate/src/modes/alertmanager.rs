//! Mode `alertmanager`: equal values of the grouping labels, as `route.group_by` of Alertmanager; a missing label is
//! empty. A group lasts as long as it is not resolved.

use hashbrown::HashMap;

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

/// Label values known; above it those of gone groups are dropped.
const KEYS_MAX: usize = 100_000;

#[derive(Debug)]
pub(crate) struct Alertmanager {
    group_by: Vec<String>,
    /// One of each cluster.
    groups: HashMap<Vec<Box<str>>, Vec<GroupId>>,
}

impl Alertmanager {
    pub fn new(options: &Options) -> Alertmanager {
        Alertmanager { group_by: options.group_by.clone(), groups: HashMap::default() }
    }

    /// `...` means all labels.
    fn key(&self, item: &Item) -> Vec<Box<str>> {
        if self.group_by.iter().any(|l| l == "...") {
            return item.labels.iter().flat_map(|(n, v)| [n.into(), v.into()]).collect();
        }
        self.group_by.iter().map(|l| item.labels.value(l).into()).collect()
    }
}

impl Placement for Alertmanager {
    fn place(&mut self, item: &Item, book: &Book, _topology: &Topology) -> Place {
        let alike = self.groups.get(&self.key(item)).map_or(&[][..], Vec::as_slice);
        match alike.iter().filter_map(|g| book.open(*g)).find(|g| book.is_of_one_cluster(*g, item)) {
            Some(group) => Place::Join(group, Reason::SameLabels, Tie::Close),
            None => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, book: &Book, _topology: &Topology) {
        if self.groups.len() >= KEYS_MAX {
            self.groups.retain(|_, alike| alike.iter().any(|g| book.open(*g).is_some()));
        }
        let alike = self.groups.entry(self.key(item)).or_default();
        alike.retain(|g| *g != group && book.open(*g).is_some());
        alike.push(group);
    }
}
