//! The groups and their life: joining, ending, coming back, resolving, merging, forgetting.

mod restore;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use hashbrown::HashMap;
use jiff::SignedDuration;
use rootline_model::{Fingerprint, Stage, Timestamp};

use crate::modes::Place;
use crate::{Change, Group, GroupId, Item, Membership, Options, Reason, Returned, Tie};

/// Replicas of a rule engine start an alert within two intervals of each other: one of the scrape, one of the rule. What
/// starts later than that while it fires was over in between, and nobody told the end.
const REPLICAS_S: i64 = 60;
/// A start later than this is a new episode, placed anew.
const EPISODE_S: i64 = 300;

/// All groups of one correlator.
#[derive(Debug)]
pub(crate) struct Book {
    options: Options,
    now: Timestamp,
    groups: HashMap<GroupId, Group>,
    /// Of all groups, to go through them by id.
    order: BTreeSet<GroupId>,
    /// Group and place in its members.
    places: HashMap<Fingerprint, (GroupId, usize)>,
    /// Groups that were merged away → where they went.
    merged: HashMap<GroupId, GroupId>,
    next: u64,
    ends: BinaryHeap<Reverse<(Timestamp, Fingerprint)>>,
    /// When to look at a quiet group again: to resolve it, to forget it.
    due: BinaryHeap<Reverse<(Timestamp, GroupId)>>,
    changes: Vec<Change>,
}

fn later(at: Timestamp, seconds: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MAX)
}

/// Whether two names of clusters can mean one; nobody knows what an empty one means.
fn is_one(a: &str, b: &str) -> bool {
    a.is_empty() || b.is_empty() || a == b
}

impl Book {
    pub fn new(options: Options) -> Book {
        Book {
            options,
            now: Timestamp::MIN,
            groups: HashMap::default(),
            order: BTreeSet::new(),
            places: HashMap::default(),
            merged: HashMap::default(),
            next: 1,
            ends: BinaryHeap::new(),
            due: BinaryHeap::new(),
            changes: Vec::new(),
        }
    }

    pub fn begin(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// By id.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.order.iter().filter_map(|id| self.groups.get(id))
    }

    fn insert(&mut self, group: Group) {
        self.order.insert(group.id);
        self.groups.insert(group.id, group);
    }

    fn remove(&mut self, id: GroupId) -> Option<Group> {
        self.order.remove(&id);
        self.groups.remove(&id)
    }

    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The group that has the members of `id` now, if it is still known.
    pub fn live(&self, id: GroupId) -> Option<GroupId> {
        let is_known = |id: &GroupId| self.groups.contains_key(id);
        // most were not merged away
        if is_known(&id) { Some(id) } else { self.merged.get(&id).copied().filter(is_known) }
    }

    /// The same, but only while it is not resolved.
    pub fn open(&self, id: GroupId) -> Option<GroupId> {
        self.live(id).filter(|id| self.groups.get(id).is_some_and(|g| g.stage == Stage::Open))
    }

    pub fn group_of(&self, item: Fingerprint) -> Option<GroupId> {
        self.places.get(&item).map(|(group, _)| *group)
    }

    pub fn all_members(&self) -> Vec<(Item, GroupId)> {
        self.groups().flat_map(|g| g.members.iter().map(|m| (m.item.clone(), g.id))).collect()
    }

    /// Finds ends that have passed, resolves and forgets groups.
    pub fn expire(&mut self) {
        while let Some(Reverse((at, id))) = self.ends.peek().copied().filter(|Reverse((at, _))| *at <= self.now) {
            self.ends.pop();
            let Some((group, place)) = self.places.get(&id).copied() else { continue };
            let Some(group) = self.groups.get_mut(&group) else { continue };
            let member = &mut group.members[place];
            if !member.firing || member.item.ends != Some(at) {
                continue;
            }
            member.firing = false;
            group.firing -= 1;
            group.updated = self.now;
            self.changes.push(Change::Ended { group: group.id, item: id });
            if group.firing == 0 {
                group.quiet_since = Some(at);
                self.due.push(Reverse((later(at, self.options.resolve_after_s), group.id)));
            }
        }
        while let Some(Reverse((_, id))) = self.due.peek().copied().filter(|Reverse((at, _))| *at <= self.now) {
            self.due.pop();
            self.settle(id);
        }
    }

    /// Resolves a group that is quiet for long enough, forgets a resolved one.
    fn settle(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(quiet) = group.quiet_since else { return };
        match group.resolved {
            None if later(quiet, self.options.resolve_after_s) <= self.now => {
                group.stage = Stage::Resolved;
                group.resolved = Some(self.now);
                group.updated = self.now;
                self.changes.push(Change::Resolved { group: id });
                self.due.push(Reverse((later(self.now, self.options.keep_resolved_s), id)));
            }
            Some(at) if later(at, self.options.keep_resolved_s) <= self.now => self.forget(id),
            _ => {}
        }
    }

    fn forget(&mut self, id: GroupId) {
        let Some(group) = self.remove(id) else { return };
        for member in &group.members {
            // a later episode may be elsewhere
            if self.places.get(&member.item.id).is_some_and(|(g, _)| *g == id) {
                self.places.remove(&member.item.id);
            }
        }
        self.merged.retain(|_, into| *into != id);
        self.changes.push(Change::Forgotten { group: id });
    }

    /// Brings a known item up to date, as Alertmanager merges alerts of one fingerprint: the earliest start counts, and
    /// the end that was told last. False if the item is not known, or is a new episode of its own.
    pub fn refresh(&mut self, item: &Item) -> bool {
        let Some((id, place)) = self.places.get(&item.id).copied() else { return false };
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let member = &mut group.members[place];
        if member.item.fired.duration_since(item.fired) >= SignedDuration::from_secs(EPISODE_S) {
            // about an episode that is over
            return true;
        }
        let later_start = item.fired.duration_since(member.item.fired);
        if member.firing && later_start >= SignedDuration::from_secs(EPISODE_S) {
            // it was over and fired anew, only the end was never seen
            member.firing = false;
            member.item.ends = Some(item.fired);
            group.firing -= 1;
            if group.firing == 0 {
                group.quiet_since = Some(self.now);
                self.due.push(Reverse((later(self.now, self.options.resolve_after_s), id)));
            }
            self.changes.push(Change::Ended { group: id, item: item.id });
            self.places.remove(&item.id);
            return false;
        }
        if member.firing {
            if item.fired < member.item.fired {
                member.item.fired = item.fired;
                member.item.onset = member.item.onset.min(item.onset);
                group.onset = group.onset.min(item.onset);
            }
            let known_start = member.returned.as_ref().map_or(member.item.fired, |r| r.fired.max(member.item.fired));
            if item.fired.duration_since(known_start) > SignedDuration::from_secs(REPLICAS_S) {
                let returned = Returned { at: self.now, onset: item.onset, fired: item.fired, ended: None };
                member.returned = Some(Box::new(returned));
                group.updated = self.now;
            }
            if item.ends != member.item.ends {
                member.item.ends = item.ends;
                if let Some(end) = item.ends {
                    self.ends.push(Reverse((end, item.id)));
                }
                self.expire();
            }
            return true;
        }
        let ended = member.item.ends.unwrap_or(item.fired);
        // a late repetition of what is over; with a new end it lives on
        let late = item.fired <= member.item.fired && (item.ends.is_none() || item.ends == member.item.ends);
        if late || !item.is_firing(self.now) {
            return true;
        }
        if item.fired > later(ended, self.options.reopen_within_s) {
            // long over: whatever this is, it is new
            self.places.remove(&item.id);
            return false;
        }
        member.item.ends = item.ends;
        member.item.fired = item.fired;
        member.firing = true;
        member.flaps = member.flaps.saturating_add(1);
        let returned = Returned { at: self.now, onset: item.onset, fired: item.fired, ended: Some(ended) };
        member.returned = Some(Box::new(returned));
        group.firing += 1;
        group.quiet_since = None;
        group.updated = self.now;
        if let Some(end) = item.ends {
            self.ends.push(Reverse((end, item.id)));
        }
        self.changes.push(Change::Returned { group: id, item: item.id });
        if group.stage == Stage::Resolved {
            group.stage = Stage::Open;
            group.resolved = None;
            self.changes.push(Change::Reopened { group: id });
        }
        true
    }

    /// Puts a new item where the mode says.
    pub fn put(&mut self, item: &Item, place: Place) -> GroupId {
        self.make_room();
        match place {
            Place::Open => self.found(item),
            Place::Join(group, reason, tie) => match self.live(group).filter(|g| self.is_of_one_cluster(*g, item)) {
                Some(group) => self.join(item, group, (reason, tie)),
                None => self.found(item),
            },
            Place::Bridge(groups, reason) => {
                let mut groups: Vec<GroupId> = groups.into_iter().filter_map(|g| self.live(g)).collect();
                self.keep_one_cluster(&mut groups, item);
                let Some(first) = groups.first().copied() else { return self.found(item) };
                groups.dedup();
                for other in groups.into_iter().skip(1).filter(|g| *g != first) {
                    self.merge(other, first, &reason);
                }
                self.join(item, first, (reason, Tie::Loose))
            }
        }
    }

    /// Things of two clusters have nothing to do with each other, whatever a mode makes of them.
    pub fn is_of_one_cluster(&self, group: GroupId, item: &Item) -> bool {
        self.groups.get(&group).is_none_or(|g| is_one(&g.cluster, &item.cluster))
    }

    /// Of groups that are to become one with an item those of its cluster; if it names none, of that of the first which does.
    fn keep_one_cluster(&self, groups: &mut Vec<GroupId>, item: &Item) {
        let known = |g: &GroupId| self.groups.get(g).map(|g| &g.cluster).filter(|c| !c.is_empty());
        let Some(cluster) = Some(&item.cluster).filter(|c| !c.is_empty()).or_else(|| groups.iter().find_map(known))
        else {
            return;
        };
        groups.retain(|g| known(g).is_none_or(|c| c == cluster));
    }

    /// A new group of one.
    fn found(&mut self, item: &Item) -> GroupId {
        let id = GroupId(self.next);
        self.next += 1;
        self.insert(Group {
            id,
            stage: Stage::Open,
            cluster: item.cluster.clone(),
            severity: item.severity,
            onset: item.onset,
            opened: self.now,
            updated: self.now,
            resolved: None,
            core: item.id,
            core_at: 0,
            members: Vec::new(),
            firing: 0,
            quiet_since: None,
            overflow: 0,
        });
        self.changes.push(Change::Opened { group: id });
        self.join(item, id, (Reason::First, Tie::Close))
    }

    fn join(&mut self, item: &Item, id: GroupId, (reason, tie): (Reason, Tie)) -> GroupId {
        let Some(group) = self.groups.get_mut(&id) else { return id };
        if group.members.len() >= self.options.members_max {
            group.overflow += 1;
            group.severity = group.severity.max(item.severity);
            return id;
        }
        group.members.push(Membership {
            item: item.clone(),
            joined: self.now,
            reason: reason.clone(),
            tie,
            returned: None,
            flaps: 0,
            firing: true,
        });
        self.places.insert(item.id, (id, group.members.len() - 1));
        group.firing += 1;
        group.quiet_since = None;
        group.onset = group.onset.min(item.onset);
        group.updated = self.now;
        if group.cluster.is_empty() {
            group.cluster = item.cluster.clone();
        }
        self.changes.push(Change::Joined { group: id, item: item.id, reason });
        if let Some(end) = item.ends {
            self.ends.push(Reverse((end, item.id)));
        }
        if group.stage == Stage::Resolved {
            group.stage = Stage::Open;
            group.resolved = None;
            self.changes.push(Change::Reopened { group: id });
        }
        if item.severity > group.severity
            && let Some(severity) = item.severity
        {
            group.severity = Some(severity);
            if group.members.len() > 1 {
                self.changes.push(Change::SeverityRaised { group: id, severity });
            }
        }
        let place = group.members.len() - 1;
        self.consider_core(id, place);
        id
    }

    /// Names another core if a newcomer explains more.
    fn consider_core(&mut self, id: GroupId, place: usize) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let key = |m: &Membership| (Reverse(m.item.rank), m.item.onset, m.item.fired, m.item.id);
        if key(&group.members[place]) < key(&group.members[group.core_at]) {
            group.core_at = place;
            group.core = group.members[place].item.id;
            self.changes.push(Change::CoreChanged { group: id, core: group.core });
        }
    }

    fn merge(&mut self, from: GroupId, into: GroupId, reason: &Reason) {
        if !self.groups.contains_key(&into) {
            return;
        }
        let Some(old) = self.remove(from) else { return };
        let Some(group) = self.groups.get_mut(&into) else { return };
        let candidate = group.members.len() + old.core_at;
        for member in old.members {
            let place = group.members.len();
            if let Some(known) = self.places.get_mut(&member.item.id).filter(|(g, _)| *g == from) {
                *known = (into, place);
            }
            group.members.push(member);
        }
        if group.cluster.is_empty() {
            group.cluster = old.cluster;
        }
        group.firing += old.firing;
        group.overflow += old.overflow;
        group.onset = group.onset.min(old.onset);
        group.opened = group.opened.min(old.opened);
        group.updated = self.now;
        if group.firing > 0 {
            group.quiet_since = None;
        }
        let raised = (old.severity > group.severity).then_some(old.severity).flatten();
        if let Some(severity) = raised {
            group.severity = Some(severity);
        }
        for target in self.merged.values_mut().filter(|t| **t == from) {
            *target = into;
        }
        self.merged.insert(from, into);
        self.changes.push(Change::Merged { from, into, reason: reason.clone() });
        if let Some(severity) = raised {
            self.changes.push(Change::SeverityRaised { group: into, severity });
        }
        self.consider_core(into, candidate);
    }

    /// Keeps the bounds: resolved groups go first, then the ones without change for the longest time. A tenth goes at
    /// once, so that a flood does not pay for a search with each item.
    fn make_room(&mut self) {
        let (groups_max, items_max) = (self.options.groups_max, self.options.items_max);
        if self.groups.len() < groups_max && self.places.len() < items_max {
            return;
        }
        let mut order: Vec<(bool, Timestamp, GroupId)> =
            self.groups().map(|g| (g.stage == Stage::Open, g.updated, g.id)).collect();
        order.sort_unstable();
        for (_, _, id) in order {
            if self.groups.len() < groups_max - groups_max / 10 && self.places.len() <= items_max - items_max / 10 {
                break;
            }
            self.forget(id);
        }
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The number of the next group.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn finish(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}
