//! What began within a minute of something, among what was placed of late.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::GroupId;

const TOGETHER_S: f64 = 60.0;
/// Recent ones looked at.
const RECENT_MAX: usize = 1024;

/// By onset in seconds.
pub type Recent<T> = VecDeque<(f64, T)>;

pub fn push<T>(list: &mut Recent<T>, onset: f64, value: T) {
    if list.len() == RECENT_MAX {
        list.pop_front();
    }
    let place = list.partition_point(|(o, _)| *o <= onset);
    list.insert(place, (onset, value));
}

/// Those that began within a minute of `onset`.
pub fn together<T>(list: &Recent<T>, onset: f64) -> impl Iterator<Item = &(f64, T)> {
    let from = list.partition_point(|(o, _)| *o < onset - TOGETHER_S);
    list.range(from..).take_while(move |(o, _)| *o <= onset + TOGETHER_S)
}

/// What began within a minute of an item, of the groups that fit.
#[derive(Debug, Default)]
pub struct Near {
    /// Ascending.
    onsets: Vec<f64>,
    /// Group as it was remembered, which it is now if it fits, how often.
    tally: Vec<(GroupId, Option<GroupId>, usize)>,
}

impl Near {
    /// True if the group fits. Each is asked about once.
    pub fn add(&mut self, onset: f64, group: GroupId, fits: impl FnOnce(GroupId) -> Option<GroupId>) -> bool {
        let place = self.tally.iter().rposition(|(g, ..)| *g == group).unwrap_or_else(|| {
            self.tally.push((group, fits(group), 0));
            self.tally.len() - 1
        });
        let (_, now, count) = &mut self.tally[place];
        if now.is_some() {
            *count += 1;
            self.onsets.push(onset);
        }
        now.is_some()
    }

    /// The median of the onsets with one more.
    pub fn middle(&self, onset: f64) -> f64 {
        let place = self.onsets.partition_point(|o| *o <= onset);
        let middle = self.onsets.len().div_ceil(2);
        match middle.cmp(&place) {
            Ordering::Less => self.onsets[middle],
            Ordering::Equal => onset,
            Ordering::Greater => self.onsets[middle - 1],
        }
    }

    /// Groups and how often, with the one that the item itself would join.
    pub fn groups(&self, chosen: Option<GroupId>) -> Vec<(GroupId, usize)> {
        let mut counts: Vec<(GroupId, usize)> = Vec::new();
        let seen = self.tally.iter().filter_map(|(_, now, n)| now.map(|g| (g, *n)));
        for (group, n) in seen.chain(chosen.map(|g| (g, 1))) {
            match counts.iter_mut().find(|(g, _)| *g == group) {
                Some((_, all)) => *all += n,
                None => counts.push((group, n)),
            }
        }
        counts
    }
}
