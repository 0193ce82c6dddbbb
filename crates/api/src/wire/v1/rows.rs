//! Alerts, silences, events, changes, charts, status: what is one row of a list.

use jiff::Timestamp;
use rootline_model::{LabelSet, Role};
use serde::{Deserialize, Serialize};

use super::{Text, texts};
use crate::matcher::{Compare, Matcher};
use crate::words;

#[derive(Debug, Serialize)]
pub struct Alert {
    pub fingerprint: String,
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub starts_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub updated: Timestamp,
    pub firing: bool,
    pub generator_url: String,
    pub incident: Option<u64>,
    pub role: Option<Role>,
    pub silenced_by: Vec<String>,
}

impl Alert {
    pub fn of(state: words::AlertState, now: Timestamp) -> Alert {
        Alert {
            fingerprint: state.alert.fingerprint().to_string(),
            firing: state.alert.is_firing(now),
            labels: state.alert.labels,
            annotations: state.alert.annotations,
            starts_at: state.alert.starts_at,
            ends_at: state.alert.ends_at,
            updated: state.updated,
            generator_url: state.alert.generator_url,
            incident: state.incident,
            role: state.role,
            silenced_by: state.silenced_by,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Silence {
    pub id: String,
    pub state: &'static str,
    /// `namespace="shop"`
    pub matchers: Vec<String>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
    pub comment: String,
}

impl Silence {
    pub fn of(silence: words::Silence, now: Timestamp) -> Silence {
        Silence {
            state: silence.state(now),
            id: silence.id,
            matchers: silence.matchers.iter().map(Matcher::to_string).collect(),
            starts_at: silence.starts_at,
            ends_at: silence.ends_at,
            updated_at: silence.updated_at,
            created_by: silence.created_by,
            comment: silence.comment,
        }
    }
}

impl words::Silence {
    /// `pending`, `active` or `expired`, as Alertmanager calls it.
    pub fn state(&self, now: Timestamp) -> &'static str {
        if now >= self.ends_at {
            "expired"
        } else if now < self.starts_at {
            "pending"
        } else {
            "active"
        }
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.compare() {
            Compare::Equal => "=",
            Compare::NotEqual => "!=",
            Compare::Matches => "=~",
            Compare::NotMatches => "!~",
        };
        let plain = self.name().chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if plain {
            f.write_str(self.name())?
        } else {
            quote(f, self.name())?
        }
        f.write_str(sign)?;
        quote(f, self.value())
    }
}

fn quote(f: &mut std::fmt::Formatter<'_>, text: &str) -> std::fmt::Result {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    write!(f, "\"{escaped}\"")
}

/// Body of a new silence; who makes it is the caller.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    pub matchers: Vec<String>,
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    pub ends_at: Timestamp,
    #[serde(default)]
    pub comment: String,
}

#[derive(Debug, Serialize)]
pub struct Id {
    pub id: String,
}

#[derive(Debug, Serialize)]
pub struct Event {
    pub id: u64,
    pub at: Timestamp,
    pub cluster: String,
    pub namespace: String,
    pub entity: String,
    pub kind: String,
    pub reason: String,
    pub message: String,
    pub count: u32,
    pub component: String,
}

impl From<words::EventRow> for Event {
    fn from(e: words::EventRow) -> Event {
        let words::EventRow { id, at, cluster, namespace, entity, kind, reason, message, count, component } = e;
        Event { id, at, cluster, namespace, entity, kind, reason, message, count, component }
    }
}

#[derive(Debug, Serialize)]
pub struct Change {
    pub id: u64,
    pub at: Timestamp,
    pub namespace: String,
    pub entity: String,
    pub kind: String,
    pub what: Text,
    pub before: String,
    pub after: String,
}

impl From<words::ChangeRow> for Change {
    fn from(c: words::ChangeRow) -> Change {
        let words::ChangeRow { id, at, namespace, entity, kind, what, before, after } = c;
        Change { id, at, namespace, entity, kind, what: what.into(), before, after }
    }
}

#[derive(Debug, Serialize)]
pub struct DeadLetter {
    pub id: u64,
    pub channel: String,
    pub key: String,
    pub incident: u64,
    pub created: Timestamp,
    pub attempts: u32,
    pub error: String,
}

impl From<words::DeadLetter> for DeadLetter {
    fn from(d: words::DeadLetter) -> DeadLetter {
        let words::DeadLetter { id, channel, key, incident, created, attempts, error } = d;
        DeadLetter { id, channel, key, incident, created, attempts, error }
    }
}

#[derive(Debug, Serialize)]
pub struct Pair {
    pub name: String,
    pub beside: String,
    pub together: f64,
    pub incidents: f64,
    pub alone: f64,
    pub beside_incidents: f64,
    pub lift: Option<f64>,
    /// From, to.
    pub delay_s: (f64, f64),
}

impl From<words::AlertPair> for Pair {
    fn from(p: words::AlertPair) -> Pair {
        let words::AlertPair { name, beside, together, incidents, alone, beside_incidents, lift, delay_s } = p;
        Pair { name, beside, together, incidents, alone, beside_incidents, lift, delay_s }
    }
}

/// Points are `[milliseconds since 1970, value]`; what is no number is `null`.
#[derive(Debug, Serialize)]
pub struct Chart {
    pub title: Text,
    pub entity: String,
    pub unit: String,
    pub points: Vec<(i64, Option<f64>)>,
    pub band: Vec<(i64, Option<f64>, Option<f64>)>,
    pub limit: Option<f64>,
    pub forecast: Vec<(i64, Option<f64>)>,
    pub onset: Option<Timestamp>,
}

impl From<words::Chart> for Chart {
    fn from(c: words::Chart) -> Chart {
        let real = |v: f64| v.is_finite().then_some(v);
        Chart {
            title: c.title.into(),
            entity: c.entity,
            unit: c.unit,
            points: c.points.into_iter().map(|(t, v)| (t, real(v))).collect(),
            band: c.band.into_iter().map(|(t, low, high)| (t, real(low), real(high))).collect(),
            limit: c.limit.and_then(real),
            forecast: c.forecast.into_iter().map(|(t, v)| (t, real(v))).collect(),
            onset: c.onset,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Status {
    pub version: String,
    pub revision: String,
    pub cluster: String,
    pub now: Timestamp,
    pub started: Timestamp,
    pub uptime_s: i64,
    pub leader: bool,
    pub leader_name: String,
    pub ready: bool,
    /// True: callers need a token.
    pub auth: bool,
    pub sources: Vec<Source>,
    pub gaps: Vec<Text>,
    pub open: Open,
    pub alerts: u32,
    pub series: u64,
    pub dead_letters: u64,
    pub config: Config,
    pub maintenance: Vec<Window>,
}

#[derive(Debug, Serialize)]
pub struct Config {
    pub loaded: Timestamp,
    pub error: String,
    pub needs_restart: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Window {
    pub name: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Debug, Serialize)]
pub struct Reloaded {
    pub changed: Vec<String>,
    pub needs_restart: Vec<String>,
}

impl From<words::Reloaded> for Reloaded {
    fn from(r: words::Reloaded) -> Reloaded {
        let words::Reloaded { changed, needs_restart } = r;
        Reloaded { changed, needs_restart }
    }
}

#[derive(Debug, Serialize)]
pub struct Open {
    pub warning: u32,
    pub error: u32,
    pub critical: u32,
}

#[derive(Debug, Serialize)]
pub struct Source {
    pub name: String,
    pub kind: String,
    pub last_success: Option<Timestamp>,
    pub lag_s: Option<f64>,
    pub error: String,
}

impl Status {
    pub fn of(s: words::Status, now: Timestamp, auth: bool) -> Status {
        let [warning, error, critical] = s.open;
        let source = |s: words::SourceState| Source {
            name: s.name,
            kind: s.kind,
            last_success: s.last_success,
            lag_s: s.lag_s.filter(|l| l.is_finite()),
            error: s.error,
        };
        Status {
            version: s.version,
            revision: s.revision,
            cluster: s.cluster,
            now,
            started: s.started,
            uptime_s: now.duration_since(s.started).as_secs().max(0),
            leader: s.leader,
            leader_name: s.leader_name,
            ready: s.ready,
            auth,
            sources: s.sources.into_iter().map(source).collect(),
            gaps: texts(s.gaps),
            open: Open { warning, error, critical },
            alerts: s.alerts,
            series: s.series,
            dead_letters: s.dead_letters,
            config: Config { loaded: s.config.loaded, error: s.config.error, needs_restart: s.config.needs_restart },
            maintenance: s
                .maintenance
                .into_iter()
                .map(|w| Window { name: w.name, from: w.from, until: w.until })
                .collect(),
        }
    }
}
