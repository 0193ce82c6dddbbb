//! Alertmanager's API version 2. Arrays are always there, never null.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rootline_model::LabelSet;
use serde::{Deserialize, Serialize};

use crate::matcher::{Compare, Matcher as Condition};
use crate::telemetry::ALERTMANAGER;
use crate::words;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    cluster: Cluster,
    version_info: Version,
    config: Config,
    uptime: Timestamp,
}

#[derive(Debug, Serialize)]
struct Cluster {
    name: String,
    status: &'static str,
    peers: [(); 0],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: String,
    revision: String,
    branch: String,
    build_user: String,
    build_date: String,
    go_version: String,
}

#[derive(Debug, Serialize)]
struct Config {
    original: String,
}

impl Status {
    pub fn of(status: words::Status, config: &str) -> Status {
        Status {
            cluster: Cluster { name: status.cluster, status: "disabled", peers: [] },
            version_info: Version {
                version: ALERTMANAGER.to_owned(),
                revision: format!("rootline-{}", status.version),
                branch: String::new(),
                build_user: String::new(),
                build_date: String::new(),
                go_version: String::new(),
            },
            config: Config { original: config.to_owned() },
            uptime: status.started,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Receiver {
    pub name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    annotations: LabelSet,
    ends_at: Timestamp,
    fingerprint: String,
    receivers: Vec<Receiver>,
    starts_at: Timestamp,
    status: AlertStatus,
    updated_at: Timestamp,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    labels: LabelSet,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    inhibited_by: Vec<String>,
    muted_by: [String; 0],
    silenced_by: Vec<String>,
    state: &'static str,
}

impl Alert {
    /// An alert without an end gets one that is not over, as Alertmanager's `resolve_timeout` gives it.
    pub fn of(state: words::AlertState, now: Timestamp) -> Alert {
        let muted = !state.silenced_by.is_empty() || !state.inhibited_by.is_empty();
        let open_end = now.checked_add(jiff::SignedDuration::from_mins(5)).unwrap_or(now);
        Alert {
            fingerprint: state.alert.fingerprint().to_string(),
            ends_at: state.alert.ends_at.unwrap_or(open_end),
            annotations: state.alert.annotations,
            receivers: state.receivers.into_iter().map(|name| Receiver { name }).collect(),
            starts_at: state.alert.starts_at,
            status: AlertStatus {
                inhibited_by: state.inhibited_by,
                muted_by: [],
                silenced_by: state.silenced_by,
                state: if muted { "suppressed" } else { "active" },
            },
            updated_at: state.updated,
            generator_url: state.alert.generator_url,
            labels: state.alert.labels,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub labels: LabelSet,
    pub route_labels: LabelSet,
    pub receiver: Receiver,
    pub alerts: Vec<Alert>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Matcher {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

const fn yes() -> bool {
    true
}

impl Matcher {
    fn of(matcher: &Condition) -> Matcher {
        let (is_regex, is_equal) = match matcher.compare() {
            Compare::Equal => (false, true),
            Compare::NotEqual => (false, false),
            Compare::Matches => (true, true),
            Compare::NotMatches => (true, false),
        };
        Matcher { name: matcher.name().to_owned(), value: matcher.value().to_owned(), is_regex, is_equal }
    }

    fn condition(&self) -> Result<Condition, String> {
        let compare = match (self.is_regex, self.is_equal) {
            (false, true) => Compare::Equal,
            (false, false) => Compare::NotEqual,
            (true, true) => Compare::Matches,
            (true, false) => Compare::NotMatches,
        };
        Condition::new(&self.name, compare, &self.value)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    id: String,
    status: SilenceStatus,
    updated_at: Timestamp,
    annotations: BTreeMap<String, String>,
    matchers: Vec<Matcher>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    created_by: String,
    comment: String,
}

#[derive(Debug, Serialize)]
struct SilenceStatus {
    state: &'static str,
}

impl Silence {
    pub fn of(silence: words::Silence, now: Timestamp) -> Silence {
        Silence {
            status: SilenceStatus { state: silence.state(now) },
            id: silence.id,
            updated_at: silence.updated_at,
            annotations: BTreeMap::new(),
            matchers: silence.matchers.iter().map(Matcher::of).collect(),
            starts_at: silence.starts_at,
            ends_at: silence.ends_at,
            created_by: silence.created_by,
            comment: silence.comment,
        }
    }
}

/// Body of `POST /silences`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    #[serde(default)]
    id: String,
    matchers: Vec<Matcher>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    created_by: String,
    comment: String,
}

impl Posted {
    pub fn silence(self, now: Timestamp) -> Result<words::Silence, String> {
        Ok(words::Silence {
            id: self.id,
            matchers: self.matchers.iter().map(Matcher::condition).collect::<Result<_, _>>()?,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            updated_at: now,
            created_by: self.created_by,
            comment: self.comment,
        })
    }
}

/// Answer of `POST /silences`.
#[derive(Debug, Serialize)]
pub struct Posed {
    #[serde(rename = "silenceID")]
    pub silence_id: String,
}
