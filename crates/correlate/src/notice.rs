//! When a group is worth a message: quiet by default.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use rootline_model::{Fingerprint, Severity, Stage, Timestamp};

use crate::{Group, GroupId, Membership};

/// When people are told.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticePolicy {
    /// From the first firing to the first message, so that the first one already tells of several.
    pub first_after_s: u32,
    /// Least time between two messages about one group.
    pub update_after_s: u32,
    /// A new core is told only when the group has settled for so long.
    pub settle_s: u32,
    /// Tell of another core by itself, where nothing but the first message was told; else the next message tells of it.
    pub tell_core: bool,
    /// Tell when the last member is over.
    pub tell_resolved: bool,
    /// How far from everything told, in seconds, something must have begun to be told by itself.
    pub spread_s: u32,
    /// Messages about one group, the one about its end not counted; a raise to critical is always told.
    pub updates_max: u32,
}

impl Default for NoticePolicy {
    fn default() -> Self {
        NoticePolicy {
            first_after_s: 15,
            update_after_s: 300,
            settle_s: 300,
            tell_core: true,
            tell_resolved: true,
            spread_s: 240,
            updates_max: 8,
        }
    }
}

/// Why a message is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    First,
    /// Worse than what was told.
    Raised,
    /// Another core than what was told.
    Core,
    /// Something joined that began at another time than all that was told: the trouble grows, or a second one hides in it.
    Spread,
    Resolved,
    Reopened,
}

/// A message that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub group: GroupId,
    pub kind: NoticeKind,
    pub severity: Option<Severity>,
    pub core: Fingerprint,
}

/// Group, when it was told last, severity and core told, messages so far, whether the end was told.
pub type ToldRow = (u64, Timestamp, Option<Severity>, Fingerprint, u32, bool);

#[derive(Clone, Debug)]
struct Told {
    at: Timestamp,
    severity: Option<Severity>,
    core: Fingerprint,
    count: u32,
    resolved: bool,
}

/// What was told of each group. One value beside one correlator.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    policy: NoticePolicy,
    told: BTreeMap<GroupId, Told>,
}

impl Notices {
    pub fn new(policy: NoticePolicy) -> Notices {
        Notices { policy, told: BTreeMap::new() }
    }

    /// Another policy from now on; what was told stays told.
    pub fn set_policy(&mut self, policy: NoticePolicy) {
        self.policy = policy;
    }

    /// Messages due at `now` among these groups, by group. To be called without those that nobody is to be told of for now:
    /// what is due about them stays due.
    pub fn due<'a>(&mut self, now: Timestamp, groups: impl Iterator<Item = &'a Group>) -> Vec<Notice> {
        groups.filter_map(|group| self.judge(now, group)).collect()
    }

    /// What was told, to be kept with the messages themselves: who comes back tells nothing twice and forgets nothing.
    pub fn remember(&self) -> Vec<ToldRow> {
        let row = |(id, t): (&GroupId, &Told)| (id.0, t.at, t.severity, t.core, t.count, t.resolved);
        self.told.iter().map(row).collect()
    }

    /// Takes back what `remember` gave.
    pub fn restore(&mut self, rows: Vec<ToldRow>) {
        for (id, at, severity, core, count, resolved) in rows {
            self.told.insert(GroupId(id), Told { at, severity, core, count, resolved });
        }
    }

    /// A group is gone.
    pub fn forget(&mut self, group: GroupId) {
        self.told.remove(&group);
    }

    fn judge(&mut self, now: Timestamp, group: &Group) -> Option<Notice> {
        let since = |at: Timestamp, s: u32| now.duration_since(at) >= SignedDuration::from_secs(i64::from(s));
        let kind = match self.told.get(&group.id) {
            None => {
                let fired = group.members.iter().map(|m| m.item.fired).min()?;
                let first = group.stage == Stage::Open && group.stands() && since(fired, self.policy.first_after_s);
                first.then_some(NoticeKind::First)
            }
            Some(told) if group.stage == Stage::Resolved => {
                (self.policy.tell_resolved && !told.resolved).then_some(NoticeKind::Resolved)
            }
            Some(told) if told.resolved => Some(NoticeKind::Reopened),
            Some(told) if group.severity > told.severity && group.severity == Some(Severity::Critical) => {
                Some(NoticeKind::Raised)
            }
            Some(told) if told.count <= self.policy.updates_max && self.has_spread(group, told) => {
                Some(NoticeKind::Spread)
            }
            Some(told) if told.count > self.policy.updates_max || !since(told.at, self.policy.update_after_s) => None,
            Some(told) if group.severity > told.severity => Some(NoticeKind::Raised),
            Some(told) => {
                let tell = self.policy.tell_core
                    && told.count < 2
                    && group.core != told.core
                    && since(group.updated, self.policy.settle_s);
                tell.then_some(NoticeKind::Core)
            }
        }?;
        let count = self.told.get(&group.id).map_or(0, |t| t.count) + u32::from(kind != NoticeKind::Resolved);
        let resolved = kind == NoticeKind::Resolved;
        let told = Told { at: now, severity: group.severity, core: group.core, count, resolved };
        self.told.insert(group.id, told);
        Some(Notice { group: group.id, kind, severity: group.severity, core: group.core })
    }

    /// True if a member that somebody should know of joined since, and nothing that was told began near it.
    fn has_spread(&self, group: &Group, told: &Told) -> bool {
        if group.updated <= told.at {
            return false;
        }
        let near_ms = i64::from(self.policy.spread_s) * 1000;
        let onset = |m: &Membership| m.item.onset.as_millisecond();
        let (old, new): (Vec<_>, Vec<_>) = group.members.iter().partition(|m| m.joined <= told.at);
        let mut known: Vec<i64> = old.into_iter().map(onset).collect();
        known.sort_unstable();
        new.into_iter().filter(|m| m.firing && m.item.severity.is_some()).map(onset).any(|at| {
            let next = known.partition_point(|k| *k < at - near_ms);
            known.get(next).is_none_or(|k| *k > at + near_ms)
        })
    }
}
