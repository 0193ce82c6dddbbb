//! The book over a restart, a clock that was set back, and a cluster that is known better.

use std::cmp::Reverse;

use rootline_model::{Stage, Timestamp};

use super::{Book, later};
use crate::{Group, Membership, Remembered, SetBack, Tie, Topology};

impl Book {
    /// All groups, their moments as a clock that was set back has them.
    pub fn remembered(&self, clock: SetBack) -> Vec<Remembered> {
        let member = |m: &Membership| {
            let mut item = m.item.clone();
            (item.onset, item.fired) = (clock.put(item.onset), clock.put(item.fired));
            (item, clock.put(m.joined), m.reason.clone())
        };
        let group = |g: &Group| Remembered {
            id: g.id,
            stage: g.stage,
            opened: clock.put(g.opened),
            updated: clock.put(g.updated),
            resolved: g.resolved.map(|at| clock.put(at)),
            members: g.members.iter().map(member).collect(),
            core: Some(g.core),
        };
        self.groups().map(group).collect()
    }

    /// Looks anew what the alerts are about: a name may have meant nothing before.
    pub fn relocate(&mut self, topology: &Topology) {
        for member in self.groups.values_mut().flat_map(|g| &mut g.members) {
            member.item.relocate(topology);
        }
    }

    pub fn restore(&mut self, now: Timestamp, groups: Vec<Remembered>, next: u64) {
        self.begin(now);
        self.next = self.next.max(next);
        for old in groups {
            self.next = self.next.max(old.id.0.saturating_add(1));
            self.restore_one(old);
        }
    }

    fn restore_one(&mut self, old: Remembered) {
        let Some(core) = old.core.or_else(|| old.members.first().map(|(item, ..)| item.id)) else { return };
        let mut group = Group {
            id: old.id,
            stage: old.stage,
            cluster: old
                .members
                .iter()
                .map(|(item, ..)| &item.cluster)
                .find(|c| !c.is_empty())
                .cloned()
                .unwrap_or_default(),
            severity: old.members.iter().filter_map(|(item, ..)| item.severity).max(),
            onset: old.members.iter().map(|(item, ..)| item.onset).min().unwrap_or(old.opened),
            opened: old.opened,
            updated: old.updated,
            resolved: old.resolved,
            core,
            core_at: old.members.iter().position(|(item, ..)| item.id == core).unwrap_or(0),
            members: Vec::with_capacity(old.members.len()),
            firing: 0,
            quiet_since: None,
            overflow: 0,
        };
        for (item, joined, reason) in old.members {
            let firing = item.is_firing(self.now);
            if let Some(end) = item.ends.filter(|_| firing) {
                self.ends.push(Reverse((end, item.id)));
            }
            self.places.insert(item.id, (old.id, group.members.len()));
            group.firing += u32::from(firing);
            let (tie, returned) = (Tie::Close, None);
            group.members.push(Membership { item, joined, reason, tie, returned, flaps: 0, firing });
        }
        if group.firing == 0 {
            let quiet = group.members.iter().filter_map(|m| m.item.ends).max().unwrap_or(self.now);
            group.quiet_since = Some(quiet);
            let wait = if group.stage == Stage::Resolved {
                later(group.resolved.unwrap_or(quiet), self.options.keep_resolved_s)
            } else {
                later(quiet, self.options.resolve_after_s)
            };
            self.due.push(Reverse((wait, old.id)));
        }
        self.insert(group);
    }
}
