//! An incident as the daemon keeps it over time: opened, told, acknowledged, resolved.
//!
//! Words are kept rendered in both languages: what people were told stays what they were told, whatever later versions
//! of the catalogues say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Alert, Fingerprint, Lang, Severity};

/// Where an incident is in its life. `Open` → `Resolved`; a return of the same trouble soon after opens it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    Open,
    Resolved,
}

/// What a member is to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one to look at first.
    Core,
    /// Explained by the core.
    Folded,
}

/// Where a member came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody's alert rule.
    Alert,
    /// A fact that the state of the cluster shows: `container.oom_killed`.
    Fact,
    /// A detector's word about a series or a log; never an incident alone.
    Anomaly,
}

/// The same text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both {
    pub en: String,
    pub zh: String,
}

impl Both {
    /// Names, numbers and other people's texts.
    pub fn same(text: impl Into<String>) -> Both {
        let en = text.into();
        Both { zh: en.clone(), en }
    }

    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// One alert, fact or anomaly of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub origin: Origin,
    /// Facts and anomalies stand here as alerts too: `alertname` is the finding's code.
    pub alert: Alert,
    /// The thing it is about, as `EntityRef` prints it; empty where the labels do not tell.
    pub entity: String,
    pub role: Role,
    /// Why it is in this incident.
    pub reason: Both,
}

/// One ranked root cause in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The rule that named it: `container.oom_killed`.
    pub code: String,
    pub entity: String,
    /// Calibrated, 0 to 1.
    pub confidence: f64,
    pub title: Both,
    pub why: Both,
    /// What can be looked up: object fields, events, log lines, series with their numbers.
    pub evidence: Vec<Both>,
    /// What to do, most useful first; commands stand alone on their line.
    pub next: Vec<Both>,
}

/// Who took an incident, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    pub by: String,
    pub at: Timestamp,
}

/// One entry of an incident's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub at: Timestamp,
    pub what: Both,
}

/// A problem as a person would count it, over its whole life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveIncident {
    /// What people type: `rootline show 17`. Counts up, never used twice in one store.
    pub id: u64,
    /// Grows by one with each change that people can see; with `id` it is the idempotency key of messages.
    pub version: u32,
    pub stage: Stage,
    /// The worst inside, as long as it lives.
    pub severity: Severity,
    pub title: Both,
    /// When the trouble began, as well as it can be told.
    pub onset: Timestamp,
    pub opened: Timestamp,
    pub updated: Timestamp,
    pub resolved: Option<Timestamp>,
    pub acked: Option<Ack>,
    /// The core first, then by onset.
    pub members: Vec<Member>,
    /// Up to five, best first; empty: no confident cause.
    pub causes: Vec<Answer>,
    /// Things concerned, as `EntityRef` prints them: workloads and services first.
    pub affected: Vec<String>,
    /// Relations between them for the small picture: from, word, to.
    pub edges: Vec<(String, String, String)>,
    /// What would have made us surer.
    pub gaps: Vec<Both>,
    /// Oldest first, bounded.
    pub timeline: Vec<Moment>,
}

impl LiveIncident {
    /// The member that stands for all.
    pub fn core(&self) -> Option<&Member> {
        self.members.iter().find(|m| m.role == Role::Core)
    }

    pub fn member(&self, fingerprint: Fingerprint) -> Option<&Member> {
        self.members.iter().find(|m| m.alert.fingerprint() == fingerprint)
    }

    /// Idempotency key of a message about this state: `17.3`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.id, self.version)
    }
}
