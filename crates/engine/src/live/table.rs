//! The incidents that people see: numbered, worded, with a history; what changed in them since they were last told.

use std::collections::BTreeMap;

use rootline_model::{Ack, Both, LiveIncident, Member, Moment, Role, Severity, Stage, Timestamp};

/// Entries of a timeline kept; the first ones and the last ones tell most, so the middle goes.
const TIMELINE_MAX: usize = 200;
/// Members of one incident kept with all their labels; a larger storm is counted in its timeline.
pub const MEMBERS_MAX: usize = 2_000;
/// Resolved incidents kept in memory for a return of the same trouble and for reading.
const RESOLVED_MAX: usize = 500;

/// What the stages say about an incident at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub title: Both,
    pub severity: Severity,
    pub onset: Timestamp,
    pub stage: Stage,
    pub members: Vec<Member>,
    pub causes: Vec<rootline_model::Answer>,
    pub affected: Vec<String>,
    pub edges: Vec<(String, String, String)>,
    pub gaps: Vec<Both>,
}

#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<u64, LiveIncident>,
    /// Resolved by hand, with how many members then.
    by_hand: BTreeMap<u64, usize>,
}

impl Table {
    pub fn get(&self, id: u64) -> Option<&LiveIncident> {
        self.rows.get(&id)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LiveIncident> {
        self.rows.values()
    }

    /// Those that somebody said are over, with how many members they had then.
    pub fn by_hand(&self) -> Vec<(u64, usize)> {
        self.by_hand.iter().map(|(id, members)| (*id, *members)).collect()
    }

    pub fn is_by_hand(&self, id: u64) -> bool {
        self.by_hand.contains_key(&id)
    }

    /// Takes back what `by_hand` gave.
    pub fn restore_by_hand(&mut self, rows: &[(u64, usize)]) {
        self.by_hand.extend(rows.iter().copied());
    }

    pub fn insert(&mut self, incident: LiveIncident) {
        // opened again since by something new
        if incident.stage == Stage::Open {
            self.by_hand.remove(&incident.id);
        }
        self.rows.insert(incident.id, incident);
    }

    /// Brings an incident to what its draft says. `None`: nothing that people could see has changed.
    pub fn apply(&mut self, now: Timestamp, id: u64, mut draft: Draft) -> Option<&LiveIncident> {
        match self.by_hand.get(&id) {
            Some(members) if draft.members.len() <= *members => draft.stage = Stage::Resolved,
            Some(_) => {
                self.by_hand.remove(&id);
            }
            None => {}
        }
        let Some(row) = self.rows.get_mut(&id) else {
            let row = opened(now, id, draft);
            return Some(self.rows.entry(id).or_insert(row));
        };
        let moments = differences(now, row, &draft);
        if moments.is_empty() && !quietly_different(now, row, &draft) {
            return None;
        }
        row.stage = draft.stage;
        row.resolved = (draft.stage == Stage::Resolved).then(|| row.resolved.unwrap_or(now));
        row.severity = row.severity.max(draft.severity);
        // a cause that was named stays named when the trouble ends and its traces go, and so do its words
        if !draft.causes.is_empty() || row.causes.is_empty() {
            row.title = draft.title;
        }
        row.onset = row.onset.min(draft.onset);
        row.members = draft.members;
        if !draft.causes.is_empty() || draft.stage == Stage::Open && row.causes.is_empty() {
            row.causes = draft.causes;
            row.edges = draft.edges;
            row.gaps = draft.gaps;
        }
        row.affected = draft.affected;
        row.timeline.extend(moments);
        bound(&mut row.timeline);
        row.version += 1;
        row.updated = now;
        self.rows.get(&id)
    }

    /// Marks who took it. `None`: there is no such incident.
    pub fn ack(&mut self, now: Timestamp, id: u64, by: Option<&str>) -> Option<&LiveIncident> {
        let row = self.rows.get_mut(&id)?;
        row.acked = by.map(|by| Ack { by: by.to_owned(), at: now });
        let what = match by {
            Some(by) => Both { en: format!("acknowledged by {by}"), zh: format!("{by} 已认领") },
            None => Both { en: "acknowledgement taken back".to_owned(), zh: "认领已撤回".to_owned() },
        };
        Self::changed(now, row, what)
    }

    /// Over because somebody says so; it opens again only when something new joins.
    pub fn resolve(&mut self, now: Timestamp, id: u64, by: &str) -> Option<&LiveIncident> {
        let row = self.rows.get_mut(&id)?;
        row.stage = Stage::Resolved;
        row.resolved = Some(now);
        self.by_hand.insert(id, row.members.len());
        let what = Both { en: format!("{by} says that it is over"), zh: format!("{by} 标记为已解决") };
        Self::changed(now, row, what)
    }

    /// Somebody's remark.
    pub fn note(&mut self, now: Timestamp, id: u64, by: &str, text: &str) -> Option<&LiveIncident> {
        let row = self.rows.get_mut(&id)?;
        let what = Both { en: format!("{by}: {text}"), zh: format!("{by}：{text}") };
        Self::changed(now, row, what)
    }

    fn changed(now: Timestamp, row: &mut LiveIncident, what: Both) -> Option<&LiveIncident> {
        row.timeline.push(Moment { at: now, what });
        bound(&mut row.timeline);
        row.version += 1;
        row.updated = now;
        Some(row)
    }

    /// The incident went into another one.
    pub fn merged(&mut self, now: Timestamp, from: u64, into: u64) -> Option<&LiveIncident> {
        let row = self.rows.get_mut(&from)?;
        row.stage = Stage::Resolved;
        row.resolved = Some(now);
        // they are the other one's now: nothing may stand in two incidents
        row.members.clear();
        let what = Both { en: format!("is part of incident {into}"), zh: format!("并入事件 {into}") };
        Self::changed(now, row, what)
    }

    /// Lets go of the oldest resolved incidents; the store has them.
    pub fn shrink(&mut self) {
        let resolved: Vec<u64> = self.rows.values().filter(|i| i.stage == Stage::Resolved).map(|i| i.id).collect();
        let surplus = resolved.len().saturating_sub(RESOLVED_MAX);
        for id in resolved.into_iter().take(surplus) {
            self.rows.remove(&id);
            self.by_hand.remove(&id);
        }
    }
}

fn opened(now: Timestamp, id: u64, draft: Draft) -> LiveIncident {
    let mut timeline = vec![Moment {
        at: draft.onset,
        what: Both { en: "the trouble begins".to_owned(), zh: "故障开始".to_owned() },
    }];
    timeline.push(Moment {
        at: now,
        what: Both {
            en: format!("opened with {}", signals_en(draft.members.len())),
            zh: format!("事件建立，含 {} 条信号", draft.members.len()),
        },
    });
    if let Some(cause) = draft.causes.first() {
        timeline.push(named(now, cause));
    }
    LiveIncident {
        id,
        version: 1,
        stage: draft.stage,
        severity: draft.severity,
        title: draft.title,
        onset: draft.onset,
        opened: now,
        updated: now,
        resolved: (draft.stage == Stage::Resolved).then_some(now),
        acked: None,
        members: draft.members,
        causes: draft.causes,
        affected: draft.affected,
        edges: draft.edges,
        gaps: draft.gaps,
        timeline,
    }
}

fn named(now: Timestamp, cause: &rootline_model::Answer) -> Moment {
    let percent = (cause.confidence * 100.0).round();
    Moment {
        at: now,
        what: Both {
            en: format!("root cause: {} ({percent} %)", cause.title.en),
            zh: format!("根因：{}（{percent}%）", cause.title.zh),
        },
    }
}

fn signals_en(n: usize) -> String {
    if n == 1 { "1 signal".to_owned() } else { format!("{n} signals") }
}

/// What people would want to see in the history.
fn differences(now: Timestamp, row: &LiveIncident, draft: &Draft) -> Vec<Moment> {
    let mut out = Vec::new();
    let mut say = |en: String, zh: String| out.push(Moment { at: now, what: Both { en, zh } });
    match (row.stage, draft.stage) {
        (Stage::Open, Stage::Resolved) => say("resolved".to_owned(), "已恢复".to_owned()),
        (Stage::Resolved, Stage::Open) => say("open again".to_owned(), "再次发生".to_owned()),
        _ => {}
    }
    let known: std::collections::BTreeSet<_> = row.members.iter().map(|m| m.alert.fingerprint()).collect();
    let joined = draft.members.iter().filter(|m| !known.contains(&m.alert.fingerprint())).count();
    if joined > 0 {
        say(format!("{} more", signals_en(joined)), format!("新增 {joined} 条信号"));
    }
    if draft.severity > row.severity {
        let word = |s| match s {
            Severity::Critical => ("critical", "严重"),
            Severity::Error => ("error", "错误"),
            Severity::Warning => ("warning", "警告"),
        };
        let (en, zh) = word(draft.severity);
        say(format!("now {en}"), format!("级别升为{zh}"));
    }
    let first = |causes: &[rootline_model::Answer]| causes.first().map(|c| (c.code.clone(), c.entity.clone()));
    if let Some(cause) = draft.causes.first()
        && first(&draft.causes) != first(&row.causes)
    {
        out.push(named(now, cause));
    }
    out
}

/// Changes that are worth keeping but no line of history: another core, an ended member.
fn quietly_different(now: Timestamp, row: &LiveIncident, draft: &Draft) -> bool {
    // an alert that fires has an end too: when it would be over if nobody sent it again
    let ends = |members: &[Member], at: Timestamp| -> Vec<_> {
        members.iter().map(|m| (m.alert.fingerprint(), m.role, !m.alert.is_firing(at))).collect()
    };
    let retitled = row.title != draft.title && (row.causes.is_empty() || !draft.causes.is_empty());
    retitled || ends(&row.members, row.updated) != ends(&draft.members, now)
}

fn bound(timeline: &mut Vec<Moment>) {
    if timeline.len() > TIMELINE_MAX {
        let surplus = timeline.len() - TIMELINE_MAX;
        timeline.drain(TIMELINE_MAX / 2..TIMELINE_MAX / 2 + surplus);
    }
}

/// The core first, then by onset; bounded.
pub fn order(members: &mut Vec<Member>) {
    members.sort_by_cached_key(|m| (m.role != Role::Core, m.alert.onset(), m.alert.fingerprint()));
    members.truncate(MEMBERS_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_model::{Alert, LabelSet, Origin};

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + s).expect("in range")
    }

    fn draft(names: &[&str], stage: Stage) -> Draft {
        let member = |name: &&str| Member {
            origin: Origin::Alert,
            alert: Alert {
                labels: [("alertname", *name)].into_iter().collect::<LabelSet>(),
                starts_at: at(0),
                ..Alert::default()
            },
            entity: String::new(),
            role: Role::Core,
            reason: Both::default(),
        };
        Draft {
            title: Both::same("t"),
            severity: Severity::Error,
            onset: at(0),
            stage,
            members: names.iter().map(member).collect(),
            causes: Vec::new(),
            affected: Vec::new(),
            edges: Vec::new(),
            gaps: Vec::new(),
        }
    }

    #[test]
    fn an_incident_changes_its_version_only_when_people_could_see_it() {
        let mut table = Table::default();
        assert_eq!(table.apply(at(1), 7, draft(&["a"], Stage::Open)).map(|i| i.key()), Some("7.1".to_owned()));
        assert_eq!(table.apply(at(2), 7, draft(&["a"], Stage::Open)), None);
        assert_eq!(table.apply(at(3), 7, draft(&["a", "b"], Stage::Open)).map(|i| i.key()), Some("7.2".to_owned()));
        let resolved = table.apply(at(9), 7, draft(&["a", "b"], Stage::Resolved)).expect("it ended");
        assert_eq!((resolved.resolved, resolved.version), (Some(at(9)), 3));
        let words: Vec<&str> = resolved.timeline.iter().map(|m| m.what.en.as_str()).collect();
        assert_eq!(words, ["the trouble begins", "opened with 1 signal", "1 signal more", "resolved"]);
        let again = table.apply(at(20), 7, draft(&["a", "b"], Stage::Open)).expect("it came back");
        assert_eq!((again.stage, again.resolved), (Stage::Open, None));
    }

    #[test]
    fn an_end_that_came_earlier_than_expected_is_shown_and_a_title_stays_with_its_cause() {
        let mut table = Table::default();
        let mut firing = draft(&["a"], Stage::Open);
        firing.members[0].alert.ends_at = Some(at(240));
        firing.causes = vec![rootline_model::Answer { code: "c".to_owned(), ..rootline_model::Answer::default() }];
        table.apply(at(0), 1, firing.clone());
        let mut over = draft(&["a"], Stage::Open);
        over.members[0].alert.ends_at = Some(at(15));
        over.title = Both::same("what is left");
        let row = table.apply(at(15), 1, over).expect("it ended");
        assert_eq!(row.members[0].alert.ends_at, Some(at(15)));
        assert_eq!(row.title, firing.title);
    }

    #[test]
    fn what_went_into_another_incident_stands_in_that_alone() {
        let mut table = Table::default();
        table.apply(at(0), 1, draft(&["a"], Stage::Open));
        let merged = table.merged(at(5), 1, 2).expect("there");
        assert_eq!((merged.stage, merged.members.len()), (Stage::Resolved, 0));
        assert_eq!(merged.timeline.last().map(|m| m.what.zh.as_str()), Some("并入事件 2"));
    }

    #[test]
    fn a_history_stays_bounded_and_keeps_its_beginning() {
        let mut table = Table::default();
        table.apply(at(0), 1, draft(&["a"], Stage::Open));
        for i in 0..1_000 {
            table.note(at(i), 1, "me", &i.to_string());
        }
        let timeline = &table.get(1).expect("there").timeline;
        assert_eq!(timeline.len(), TIMELINE_MAX);
        assert_eq!(timeline.first().map(|m| m.what.en.as_str()), Some("the trouble begins"));
        assert_eq!(timeline.last().map(|m| m.what.en.as_str()), Some("me: 999"));
    }
}
