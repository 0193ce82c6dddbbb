//! Groups by what their placed members are called: where an alert without a place is expected.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::book::Book;
use crate::pairs::{LONGEST_S, Name, Pairs};
use crate::{GroupId, Item};

/// Groups remembered, groups looked at, names of one group.
const GROUPS_MAX: usize = 1024;
const LOOKS_MAX: usize = 64;
const NAMES_MAX: usize = 12;
/// More probable than everything else together.
const LEAST: f64 = 0.5;

/// Learnt pairs of names and the groups they are used on.
#[derive(Debug, Default)]
pub(super) struct Company {
    pub pairs: Pairs,
    /// Names of the members that tell a place, with the first onset of each.
    names: HashMap<GroupId, Vec<(Name, f64)>>,
    /// By first onset.
    groups: VecDeque<(f64, GroupId)>,
}

/// A group and why an alert is expected in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Best {
    pub group: GroupId,
    pub because: Arc<str>,
    pub share: f64,
}

impl Company {
    pub fn of(pairs: Pairs) -> Company {
        Company { pairs, ..Company::default() }
    }

    /// A member that tells its place came into a group; `is_new`: not one that a store remembers.
    pub fn add(&mut self, name: &Arc<str>, onset: f64, group: GroupId, is_new: bool) {
        let Some(name) = self.pairs.name(name) else { return };
        if !self.names.contains_key(&group) {
            if self.groups.len() == GROUPS_MAX
                && let Some((_, oldest)) = self.groups.pop_front()
            {
                self.names.remove(&oldest);
            }
            let place = self.groups.partition_point(|(o, _)| *o <= onset);
            self.groups.insert(place, (onset, group));
        }
        let names = self.names.entry(group).or_default();
        if is_new {
            self.pairs.learn(name, onset, names);
        }
        if let Some((_, first)) = names.iter_mut().find(|(n, _)| *n == name) {
            *first = first.min(onset);
        } else if names.len() < NAMES_MAX {
            names.push((name, onset));
        }
    }

    /// The group to which an alert of this name belongs more probably than to all others and to none together.
    pub fn best(&self, item: &Item, onset: f64, book: &Book) -> Option<Best> {
        let name = self.pairs.known(&item.name)?;
        // merged groups count once, with what lets expect most
        let mut rates: Vec<(GroupId, f64, Name)> = Vec::new();
        let from = self.groups.partition_point(|(o, _)| *o < onset - LONGEST_S);
        for (_, group) in self.groups.range(from..).rev().take(LOOKS_MAX) {
            let Some(live) = book.live(*group).filter(|g| book.is_of_one_cluster(*g, item)) else { continue };
            let names = self.names.get(group).map_or(&[][..], Vec::as_slice);
            let Some((rate, because)) = self.pairs.expected(name, onset, names) else { continue };
            match rates.iter_mut().find(|(g, ..)| *g == live) {
                Some(old) if old.1 < rate => (old.1, old.2) = (rate, because),
                Some(_) => {}
                None => rates.push((live, rate, because)),
            }
        }
        let all = rates.iter().map(|(_, rate, _)| rate).sum::<f64>() + self.pairs.alone(name);
        let (group, rate, because) = rates.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
        let share = rate / all;
        (share > LEAST).then(|| Best { group, because: self.pairs.word(because), share })
    }
}
