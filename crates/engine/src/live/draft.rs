//! A group of the correlator in words.

use std::collections::BTreeMap;

use rootline_correlate::{Group, Membership};
use rootline_model::{Alert, Answer, Both, Fingerprint, LiveIncident, Member, Origin, Role, Severity};
use rootline_report::Told;

use super::facts::{Fact, Facts};
use super::table::{Draft, order};

/// Causes shown at most.
const CAUSES_MAX: usize = 5;
/// Things named as concerned at most.
const AFFECTED_MAX: usize = 50;

pub fn draft(group: &Group, alerts: &BTreeMap<Fingerprint, Alert>, facts: &Facts) -> Draft {
    let mut members: Vec<Member> = group.members.iter().map(|m| member(group, m, alerts, facts)).collect();
    order(&mut members);
    let known: Vec<&Fact> = group.members.iter().filter_map(|m| facts.get(m.item.id)).collect();
    let causes = causes(group, &known);
    let title = match causes.first() {
        Some(cause) => cause.title.clone(),
        None => members.first().map(member_title).unwrap_or_default(),
    };
    let mut affected: Vec<String> = Vec::new();
    for entity in group.members.iter().flat_map(|m| m.item.entities.iter()).map(ToString::to_string) {
        if affected.len() < AFFECTED_MAX && !affected.contains(&entity) {
            affected.push(entity);
        }
    }
    Draft {
        title,
        severity: group.severity.unwrap_or(Severity::Warning),
        onset: group.onset,
        stage: group.stage,
        members,
        causes,
        affected,
        edges: known.iter().flat_map(|f| f.told.edges.iter().cloned()).collect(),
        gaps: known.first().map(|f| f.told.gaps.clone()).unwrap_or_default(),
    }
}

/// What a stored incident said, for its facts to go on with.
pub fn told_of(incident: &LiveIncident) -> Told {
    Told {
        title: incident.title.clone(),
        causes: incident.causes.clone(),
        gaps: incident.gaps.clone(),
        edges: incident.edges.clone(),
    }
}

fn member(group: &Group, membership: &Membership, alerts: &BTreeMap<Fingerprint, Alert>, facts: &Facts) -> Member {
    let item = &membership.item;
    let alert = match item.origin {
        Origin::Alert => alerts.get(&item.id).cloned(),
        _ => facts.get(item.id).map(|f| f.alert.clone()),
    };
    let alert = alert.unwrap_or_else(|| Alert {
        labels: item.labels.clone(),
        annotations: [("summary", &*item.text)].into_iter().collect(),
        starts_at: item.fired,
        ends_at: item.ends,
        ..Alert::default()
    });
    Member {
        origin: item.origin,
        alert,
        entity: item.entities.first().map(ToString::to_string).unwrap_or_default(),
        role: if item.id == group.core { Role::Core } else { Role::Folded },
        reason: membership.reason.words(),
    }
}

/// The core's answer first, then by confidence; an answer that stands twice once.
fn causes(group: &Group, facts: &[&Fact]) -> Vec<Answer> {
    let is_core = |f: &Fact| f.alert.fingerprint() == group.core;
    let mut order: Vec<&&Fact> = facts.iter().collect();
    order.sort_by(|a, b| {
        let sure = |f: &Fact| f.answer().map_or(0.0, |c| c.confidence);
        is_core(b).cmp(&is_core(a)).then(sure(b).total_cmp(&sure(a))).then(a.alert.starts_at.cmp(&b.alert.starts_at))
    });
    let firsts = order.iter().filter_map(|f| f.told.causes.first());
    let others = order.iter().flat_map(|f| f.told.causes.iter().skip(1));
    let mut out: Vec<Answer> = Vec::new();
    for answer in firsts.chain(others) {
        if out.len() < CAUSES_MAX && !out.iter().any(|a| a.code == answer.code && a.entity == answer.entity) {
            out.push(answer.clone());
        }
    }
    out
}

/// An alert's own words, else its name and thing.
fn member_title(member: &Member) -> Both {
    let annotations = &member.alert.annotations;
    let own = ["summary", "description", "message"].into_iter().find_map(|k| annotations.get(k));
    match (own, member.entity.is_empty()) {
        (Some(text), _) => Both { en: text.to_owned(), zh: annotations.get("summary_zh").unwrap_or(text).to_owned() },
        (None, false) => Both::same(format!("{} · {}", member.alert.name(), member.entity)),
        (None, true) => Both::same(member.alert.name()),
    }
}
