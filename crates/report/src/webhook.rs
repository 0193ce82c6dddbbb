//! Incidents as Alertmanager's webhook body, version 4, so that what takes Alertmanager's messages takes ours.
//!
//! One group, grouped by `rootline_incident`; the alerts are the members with the labels and annotations that the
//! backfill gives them. Beside Alertmanager's fields stands `rootline`, a list with the incidents in short; receivers
//! ignore fields they do not know (Alertmanager's own rule for them).

use rootline_model::{LabelSet, Lang, LiveIncident, Member, Origin, Role, Stage, Timestamp};
use serde_json::{Value, json};

use crate::plain;

/// Alerts of one message at most; the rest is counted in `truncatedAlerts`.
const ALERTS: usize = 256;
/// How Go writes no time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Body of the message. `incidents`: each with its page. `receiver`: the channel's name.
pub fn webhook(incidents: &[(&LiveIncident, Option<String>)], receiver: &str, lang: Lang) -> Value {
    let members: Vec<(&LiveIncident, Option<&str>, &Member)> = incidents
        .iter()
        .flat_map(|(i, link)| i.members.iter().map(move |m| (*i, link.as_deref(), m)))
        .filter(|(_, _, m)| m.origin == Origin::Alert || m.role == Role::Core)
        .collect();
    let labels: Vec<LabelSet> = members.iter().map(|(i, _, m)| labels(i, m)).collect();
    let annotations: Vec<LabelSet> = members.iter().map(|(i, link, m)| annotations(i, *link, m, lang)).collect();
    let alerts: Vec<Value> = members
        .iter()
        .zip(labels.iter().zip(&annotations))
        .take(ALERTS)
        .map(|((incident, _, member), (labels, annotations))| alert(incident, member, labels, annotations))
        .collect();
    let is_firing = incidents.iter().any(|(i, _)| i.stage == Stage::Open);
    let group = match incidents {
        [(one, _)] => LabelSet::default().with("rootline_incident", &one.id.to_string()),
        _ => LabelSet::default(),
    };
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{group}"),
        "truncatedAlerts": members.len() - alerts.len(),
        "status": if is_firing { "firing" } else { "resolved" },
        "notification_reason": reason(incidents),
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": common(&labels),
        "commonAnnotations": common(&annotations),
        "routeLabels": {},
        "externalURL": incidents.first().and_then(|(_, link)| link.as_deref()).unwrap_or_default(),
        "alerts": alerts,
        "rootline": incidents.iter().map(|(i, link)| short(i, link.as_deref(), lang)).collect::<Vec<_>>(),
    })
}

/// Alertmanager's words (`notify.go`), as far as they fit.
fn reason(incidents: &[(&LiveIncident, Option<String>)]) -> &'static str {
    match incidents {
        [(one, _)] if one.stage == Stage::Resolved => "all alerts resolved",
        [(one, _)] if one.version == 1 => "first notification",
        _ => "new alerts added",
    }
}

fn labels(incident: &LiveIncident, member: &Member) -> LabelSet {
    let role = match member.role {
        Role::Core => "core",
        Role::Folded => "folded",
    };
    member.alert.labels.with("rootline_role", role).with("rootline_incident", &incident.id.to_string())
}

fn annotations(incident: &LiveIncident, link: Option<&str>, member: &Member, lang: Lang) -> LabelSet {
    let mut all = member
        .alert
        .annotations
        .with("rootline_title", incident.title.get(lang))
        .with("rootline_evidence", link.unwrap_or_default());
    if member.role == Role::Folded {
        all = all.with("rootline_reason", member.reason.get(lang));
    }
    if let Some(cause) = incident.causes.first() {
        let what = [cause.title.get(lang), cause.entity.as_str()];
        let what: Vec<&str> = what.into_iter().filter(|t| !t.is_empty()).collect();
        all = all
            .with("rootline_cause", &what.join(" · "))
            .with("rootline_confidence", &plain::percent(cause.confidence))
            .with("rootline_next", cause.next.first().map(|n| n.get(lang)).unwrap_or_default());
    }
    all
}

fn alert(incident: &LiveIncident, member: &Member, labels: &LabelSet, annotations: &LabelSet) -> Value {
    let alert = &member.alert;
    let end = match incident.stage {
        Stage::Resolved => Some(incident.resolved.unwrap_or(incident.updated)),
        // the core stands for all, so it fires as long as the incident is open
        Stage::Open if member.role == Role::Core => None,
        Stage::Open => alert.ends_at.filter(|end| *end <= incident.updated),
    };
    json!({
        "status": if end.is_some() { "resolved" } else { "firing" },
        "labels": labels,
        "annotations": annotations,
        "startsAt": stamp(alert.starts_at),
        "endsAt": end.map_or(NEVER.to_owned(), stamp),
        "generatorURL": alert.generator_url,
        "fingerprint": labels.fingerprint().to_string(),
    })
}

fn short(incident: &LiveIncident, link: Option<&str>, lang: Lang) -> Value {
    json!({
        "id": incident.id,
        "version": incident.version,
        "stage": incident.stage,
        "severity": incident.severity,
        "title": incident.title.get(lang),
        "onset": incident.onset.to_string(),
        "cause": incident.causes.first().map(|cause| json!({
            "code": cause.code,
            "entity": cause.entity,
            "confidence": cause.confidence,
            "title": cause.title.get(lang),
            "why": cause.why.get(lang),
            "next": cause.next.iter().map(|n| n.get(lang)).collect::<Vec<_>>(),
        })),
        "affected": incident.affected,
        "link": link,
    })
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// What all have with the same value.
fn common(sets: &[LabelSet]) -> LabelSet {
    let Some((first, rest)) = sets.split_first() else { return LabelSet::default() };
    first.iter().filter(|(name, value)| rest.iter().all(|set| set.get(name) == Some(*value))).collect()
}
