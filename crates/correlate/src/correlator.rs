//! The trait of all modes, and what they share: order, lifecycle, restoring.

use std::cmp::Reverse;
use std::fmt;

use hashbrown::HashSet;
use jiff::SignedDuration;
use rootline_model::{Stage, Timestamp};

use crate::book::Book;
use crate::modes::{self, Placement};
use crate::{Change, Group, GroupId, Item, Mode, Options, Pairs, Reason, Topology};

/// Groups items as they arrive.
pub trait Correlator: fmt::Debug + Send {
    /// Takes what arrived since the last call, in any order; an item whose id is known is the same item sent again.
    /// An item that has ended is sent once more with its end, or its `ends` passes by itself. `now` never goes back: an
    /// earlier one counts as the latest seen. Call it with nothing, too: ends and resolutions are found here.
    fn observe(&mut self, now: Timestamp, arrivals: &[Item], topology: &Topology) -> Vec<Change>;

    /// Open groups and those resolved of late, by id.
    fn groups(&self) -> Box<dyn Iterator<Item = &Group> + '_>;

    fn group(&self, id: GroupId) -> Option<&Group>;

    /// Group of an item.
    fn group_of(&self, item: rootline_model::Fingerprint) -> Option<GroupId>;

    /// Takes back what a store remembers, before the first `observe`. Ids of new groups count up from `next` or from the
    /// largest id given, whatever is larger.
    fn restore(&mut self, now: Timestamp, groups: Vec<Remembered>, next: u64, topology: &Topology);

    /// Much more is known of the cluster now than when the members came, as after a start: looks anew where they are. Who is
    /// a member of what stays.
    fn relocate(&mut self, topology: &Topology);

    /// Groups that are wider than their members tell: all of a zone, what everybody uses, many things at once.
    fn wide(&self) -> Vec<WideRow>;

    /// Takes back what `wide` gave, before `restore`.
    fn restore_wide(&mut self, rows: Vec<WideRow>);

    /// The clock was set back: what is known goes on from there, as after a restart. Without this a moment before the
    /// latest seen would count as that one, and alerts of the true present as ended.
    fn set_back(&mut self, clock: SetBack, topology: &Topology);

    /// Which names of alerts go together, if the mode learns that.
    fn pairs(&self) -> Option<&Pairs>;

    /// Takes back what was learnt, before `restore`.
    fn restore_pairs(&mut self, pairs: Pairs);
}

/// A group that is wider than its members tell, for a store.
#[derive(Clone, Debug, PartialEq)]
pub struct WideRow {
    pub group: GroupId,
    /// In a word: `zone:eu-1a`.
    pub kind: String,
    /// Seconds.
    pub onset: f64,
}

/// A clock that was set back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetBack {
    /// What it shows now.
    pub now: Timestamp,
    /// By how much; not negative.
    pub by: SignedDuration,
}

impl SetBack {
    /// A moment as the clock has it now: what lies ahead was told by the old one.
    pub fn put(self, at: Timestamp) -> Timestamp {
        if at > self.now { at.checked_sub(self.by).unwrap_or(self.now).min(self.now) } else { at }
    }

    /// The same of seconds.
    pub(crate) fn put_s(self, at: f64) -> f64 {
        let now = self.now.as_millisecond() as f64 / 1000.0;
        if at > now { (at - self.by.as_secs_f64()).min(now) } else { at }
    }
}

/// A group as a store remembers it.
#[derive(Clone, Debug)]
pub struct Remembered {
    pub id: GroupId,
    pub stage: Stage,
    pub opened: Timestamp,
    pub updated: Timestamp,
    pub resolved: Option<Timestamp>,
    /// Member, when it joined, why. In the order of joining.
    pub members: Vec<(Item, Timestamp, Reason)>,
    pub core: Option<rootline_model::Fingerprint>,
}

/// The correlator of a mode.
pub fn correlator(options: Options) -> Box<dyn Correlator> {
    Box::new(Streaming::new(options))
}

#[derive(Debug)]
struct Streaming {
    book: Book,
    placement: Box<dyn Placement>,
    /// Until `restore`.
    was_wide: Vec<WideRow>,
}

impl Streaming {
    fn new(options: Options) -> Streaming {
        Streaming { placement: modes::placement(&options), book: Book::new(options), was_wide: Vec::new() }
    }

    /// Tells the mode of all members, in the order in which they fired.
    fn place_again(&mut self, wide: &[WideRow], topology: &Topology) {
        let mut members: Vec<(Item, GroupId)> = self.book.all_members();
        members.sort_by_key(|(item, group)| (item.fired, item.onset, *group, item.id));
        self.placement.restoring(true);
        self.placement.restore_wide(wide);
        for (item, group) in &members {
            self.placement.placed(item, *group, &self.book, topology);
        }
        self.placement.restoring(false);
    }

    /// The mode as if it had seen nothing but what it learnt.
    fn forget_places(&mut self) {
        let pairs = self.placement.pairs().cloned();
        self.placement = modes::placement(self.book.options());
        if let Some(pairs) = pairs {
            self.placement.restore_pairs(pairs);
        }
    }
}

impl Correlator for Streaming {
    fn observe(&mut self, now: Timestamp, arrivals: &[Item], topology: &Topology) -> Vec<Change> {
        let now = self.book.begin(now);
        self.book.expire();
        let mut fresh: Vec<&Item> = Vec::new();
        for item in versions(arrivals) {
            if !self.book.refresh(item) && item.is_firing(now) {
                fresh.push(item);
            }
        }
        self.placement.begin(now, &mut fresh, &self.book, topology);
        for item in fresh {
            let place = self.placement.place(item, &self.book, topology);
            let group = self.book.put(item, place);
            self.placement.placed(item, group, &self.book, topology);
        }
        let changes = self.book.finish();
        for change in &changes {
            if let Change::Forgotten { group } = change {
                self.placement.forgotten(*group);
            }
        }
        changes
    }

    fn groups(&self) -> Box<dyn Iterator<Item = &Group> + '_> {
        Box::new(self.book.groups())
    }

    fn group(&self, id: GroupId) -> Option<&Group> {
        self.book.group(id)
    }

    fn group_of(&self, item: rootline_model::Fingerprint) -> Option<GroupId> {
        self.book.group_of(item)
    }

    fn restore(&mut self, now: Timestamp, groups: Vec<Remembered>, next: u64, topology: &Topology) {
        self.book.restore(now, groups, next);
        let wide = std::mem::take(&mut self.was_wide);
        self.place_again(&wide, topology);
    }

    fn relocate(&mut self, topology: &Topology) {
        self.book.relocate(topology);
        let wide = self.placement.wide();
        self.forget_places();
        self.place_again(&wide, topology);
    }

    fn wide(&self) -> Vec<WideRow> {
        self.placement.wide()
    }

    fn restore_wide(&mut self, rows: Vec<WideRow>) {
        self.was_wide = rows;
    }

    fn set_back(&mut self, clock: SetBack, topology: &Topology) {
        let (groups, next) = (self.book.remembered(clock), self.book.next());
        let mut wide = self.placement.wide();
        for row in &mut wide {
            row.onset = clock.put_s(row.onset);
        }
        self.book = Book::new(self.book.options().clone());
        self.forget_places();
        self.was_wide = wide;
        self.restore(clock.now, groups, next, topology);
    }

    fn pairs(&self) -> Option<&Pairs> {
        self.placement.pairs()
    }

    fn restore_pairs(&mut self, pairs: Pairs) {
        self.placement.restore_pairs(pairs);
    }
}

/// Of each item the version that started last, of those the one that ends first; by firing time.
fn versions(arrivals: &[Item]) -> Vec<&Item> {
    let mut seen = HashSet::with_capacity(arrivals.len());
    let mut order: Vec<&Item> = arrivals.iter().collect();
    if !arrivals.iter().all(|i| seen.insert(i.id)) {
        order.sort_by_key(|i| (i.id, Reverse(i.fired), i.ends.is_none(), i.ends, i.onset));
        order.dedup_by_key(|i| i.id);
    }
    order.sort_by_cached_key(|i| (i.fired, i.onset, i.id));
    order
}

impl Options {
    /// The default settings with another mode.
    pub fn of(mode: Mode) -> Options {
        Options { mode, ..Options::default() }
    }
}
