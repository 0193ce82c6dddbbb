//! Incidents and all that hangs on them.

use jiff::Timestamp;
use rootline_model as model;
use rootline_model::{LabelSet, Origin, Role, Severity, Stage};
use serde::{Deserialize, Serialize};

use super::{Text, texts};

/// An incident in a list.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub id: u64,
    pub version: u32,
    pub stage: Stage,
    pub severity: Severity,
    pub title: Text,
    pub onset: Timestamp,
    pub opened: Timestamp,
    pub updated: Timestamp,
    pub resolved: Option<Timestamp>,
    pub acked: Option<Ack>,
    /// The maintenance window that keeps it quiet now.
    pub maintenance: Option<String>,
    pub alerts: usize,
    pub folded: usize,
    pub namespaces: Vec<String>,
    /// The best cause.
    pub cause: Option<CauseLine>,
}

#[derive(Debug, Serialize)]
pub struct CauseLine {
    pub code: String,
    pub entity: String,
    pub confidence: f64,
    pub title: Text,
}

/// One incident, whole.
#[derive(Debug, Serialize)]
pub struct Incident {
    pub id: u64,
    pub version: u32,
    pub stage: Stage,
    pub severity: Severity,
    pub title: Text,
    pub onset: Timestamp,
    pub opened: Timestamp,
    pub updated: Timestamp,
    pub resolved: Option<Timestamp>,
    pub acked: Option<Ack>,
    pub maintenance: Option<String>,
    pub members: Vec<Member>,
    pub causes: Vec<Cause>,
    pub affected: Vec<String>,
    pub edges: Vec<Edge>,
    pub gaps: Vec<Text>,
    pub timeline: Vec<Moment>,
}

#[derive(Debug, Serialize)]
pub struct Ack {
    pub by: String,
    pub at: Timestamp,
}

#[derive(Debug, Serialize)]
pub struct Member {
    pub origin: Origin,
    pub fingerprint: String,
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub starts_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub onset: Timestamp,
    pub generator_url: String,
    pub entity: String,
    pub role: Role,
    pub reason: Text,
}

#[derive(Debug, Serialize)]
pub struct Cause {
    pub code: String,
    pub entity: String,
    /// 0 to 1.
    pub confidence: f64,
    pub title: Text,
    pub why: Text,
    pub evidence: Vec<Text>,
    pub next: Vec<Text>,
}

/// `from word to`: `node/n1 runs_on pod/shop/cart-1`.
#[derive(Debug, Serialize)]
pub struct Edge {
    pub from: String,
    pub relation: String,
    pub to: String,
}

#[derive(Debug, Serialize)]
pub struct Moment {
    pub at: Timestamp,
    pub what: Text,
}

/// Body of a note.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub text: String,
}

impl From<&model::LiveIncident> for Summary {
    fn from(i: &model::LiveIncident) -> Summary {
        let mut namespaces: Vec<String> = i.affected.iter().filter_map(|e| namespace(e)).map(str::to_owned).collect();
        namespaces.sort();
        namespaces.dedup();
        Summary {
            id: i.id,
            version: i.version,
            stage: i.stage,
            severity: i.severity,
            title: i.title.clone().into(),
            onset: i.onset,
            opened: i.opened,
            updated: i.updated,
            resolved: i.resolved,
            acked: i.acked.clone().map(Ack::from),
            maintenance: None,
            alerts: i.members.iter().filter(|m| m.origin == Origin::Alert).count(),
            folded: i.members.iter().filter(|m| m.role == Role::Folded).count(),
            namespaces,
            cause: i.causes.first().map(|c| CauseLine {
                code: c.code.clone(),
                entity: c.entity.clone(),
                confidence: c.confidence,
                title: c.title.clone().into(),
            }),
        }
    }
}

impl Summary {
    pub fn of(incident: &model::LiveIncident, maintenance: Option<String>) -> Summary {
        Summary { maintenance, ..Summary::from(incident) }
    }
}

impl Incident {
    pub fn of(incident: model::LiveIncident, maintenance: Option<String>) -> Incident {
        Incident { maintenance, ..Incident::from(incident) }
    }
}

/// `shop` of `pod/shop/cart-1`, as `EntityRef` prints it.
fn namespace(entity: &str) -> Option<&str> {
    let mut parts = entity.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("namespace"), Some(name), None) => Some(name),
        (Some(_), Some(namespace), Some(_)) => Some(namespace),
        _ => None,
    }
}

impl From<model::LiveIncident> for Incident {
    fn from(i: model::LiveIncident) -> Incident {
        Incident {
            id: i.id,
            version: i.version,
            stage: i.stage,
            severity: i.severity,
            title: i.title.into(),
            onset: i.onset,
            opened: i.opened,
            updated: i.updated,
            resolved: i.resolved,
            acked: i.acked.map(Ack::from),
            maintenance: None,
            members: i.members.into_iter().map(Member::from).collect(),
            causes: i.causes.into_iter().map(Cause::from).collect(),
            affected: i.affected,
            edges: i.edges.into_iter().map(|(from, relation, to)| Edge { from, relation, to }).collect(),
            gaps: texts(i.gaps),
            timeline: i.timeline.into_iter().map(|m| Moment { at: m.at, what: m.what.into() }).collect(),
        }
    }
}

impl From<model::Ack> for Ack {
    fn from(ack: model::Ack) -> Ack {
        Ack { by: ack.by, at: ack.at }
    }
}

impl From<model::Member> for Member {
    fn from(m: model::Member) -> Member {
        Member {
            origin: m.origin,
            fingerprint: m.alert.fingerprint().to_string(),
            onset: m.alert.onset(),
            labels: m.alert.labels,
            annotations: m.alert.annotations,
            starts_at: m.alert.starts_at,
            ends_at: m.alert.ends_at,
            generator_url: m.alert.generator_url,
            entity: m.entity,
            role: m.role,
            reason: m.reason.into(),
        }
    }
}

impl From<model::Answer> for Cause {
    fn from(c: model::Answer) -> Cause {
        Cause {
            code: c.code,
            entity: c.entity,
            confidence: c.confidence,
            title: c.title.into(),
            why: c.why.into(),
            evidence: texts(c.evidence),
            next: texts(c.next),
        }
    }
}
