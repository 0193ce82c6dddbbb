//! When a group is worth a message: quiet by default.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use rootline_model::{Fingerprint, Origin, Severity, Stage, Timestamp};

use crate::subject::Subject;
use crate::{Group, GroupId, Membership, Returned, SetBack, Tie};

/// Rules look five minutes back (`rate(…[5m])`): what was away for longer was over, and did not only flap.
const AWAY_S: u32 = 300;

/// When people are told.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticePolicy {
    /// From the first firing to the first message, so that the first one already tells of several.
    pub first_after_s: u32,
    /// Least time between two messages about one group.
    pub update_after_s: u32,
    /// A new core is told only when the group has settled for so long.
    pub settle_s: u32,
    /// Tell when the last member is over.
    pub tell_resolved: bool,
    /// What a rule held back for longer than this is a late echo: quicker rules told of it. Only quicker ones can be news.
    pub echo_s: u32,
    /// An alert that comes back within so many seconds of the beginning is told of once: a second trouble on the
    /// same thing looks like this.
    pub young_s: u32,
    /// Messages about one group, the one about its end not counted; a raise to critical is always told.
    pub updates_max: u32,
}

impl Default for NoticePolicy {
    fn default() -> Self {
        NoticePolicy {
            first_after_s: 15,
            update_after_s: 300,
            settle_s: 300,
            tell_resolved: true,
            echo_s: 750,
            young_s: 300,
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
    /// Something joined that may be a second trouble.
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

    /// The clock was set back.
    pub fn set_back(&mut self, clock: SetBack) {
        for told in self.told.values_mut() {
            told.at = clock.put(told.at);
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
            Some(told) if told.count <= self.policy.updates_max && is_explained(group, told) => Some(NoticeKind::Core),
            Some(told) if told.count > self.policy.updates_max || !since(told.at, self.policy.update_after_s) => None,
            Some(told) if group.severity > told.severity => Some(NoticeKind::Raised),
            Some(told) => {
                let tell = group.core != told.core && since(group.updated, self.policy.settle_s);
                tell.then_some(NoticeKind::Core)
            }
        }?;
        let count = self.told.get(&group.id).map_or(0, |t| t.count) + u32::from(kind != NoticeKind::Resolved);
        let resolved = kind == NoticeKind::Resolved;
        let told = Told { at: now, severity: group.severity, core: group.core, count, resolved };
        self.told.insert(group.id, told);
        Some(Notice { group: group.id, kind, severity: group.severity, core: group.core })
    }

    /// A member that was told of began again: is that more than one trouble that flaps?
    fn is_new_start(&self, group: &Group, m: &Membership, back: Returned) -> bool {
        let longer =
            |from: Timestamp, to: Timestamp, s: u32| to.duration_since(from) > SignedDuration::from_secs(i64::from(s));
        let away = back.ended.is_none_or(|end| longer(end, back.fired, AWAY_S));
        let young = m.flaps == 1 && !longer(group.onset, back.onset, self.policy.young_s);
        let critical = m.item.severity == Some(Severity::Critical);
        if longer(back.onset, back.fired, self.policy.echo_s) || !(away || young || critical) {
            return false;
        }
        let subject = Subject::of(&m.item.name, m.item.entities.first());
        subject.harms() && (away || young || subject.starts())
    }

    /// True if something that was not told may be a trouble of its own: it hangs by little, is of another kind, or is
    /// back after it was over.
    fn has_spread(&self, group: &Group, told: &Told) -> bool {
        if group.updated <= told.at {
            return false;
        }
        let within =
            |from: Timestamp, to: Timestamp, s: u32| to.duration_since(from) <= SignedDuration::from_secs(i64::from(s));
        // of a kind that is there as an effect, more is no news
        let known = |name: &str| {
            group.members.iter().any(|m| (m.joined <= told.at || m.tie == Tie::Close) && *m.item.name == *name)
        };
        let is_news = |m: &Membership| match (m.tie, &m.returned) {
            _ if !m.firing || m.item.severity.is_none() => false,
            (_, Some(back)) if m.joined <= told.at => back.at > told.at && self.is_new_start(group, m, **back),
            _ if m.joined <= told.at || !within(m.item.onset, m.item.fired, self.policy.echo_s) => false,
            (Tie::Loose, _) => true,
            (Tie::Near, _) => !known(&m.item.name),
            (Tie::Close, _) => false,
        };
        group.members.iter().any(is_news)
    }
}

/// An alert was told, and since then a fact has come that explains it: what people wait for.
fn is_explained(group: &Group, told: &Told) -> bool {
    let is_fact = |m: &Membership| m.item.origin == Origin::Fact;
    let before = group.members.iter().find(|m| m.item.id == told.core);
    group.core != told.core && group.core().is_some_and(is_fact) && before.is_some_and(|m| !is_fact(m))
}
