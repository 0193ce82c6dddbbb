//! Which enriched copies of alerts Alertmanager is to hold now (no I/O; the moment is an argument).
//!
//! A copy is the alert with all its labels unchanged plus `rootline_role` and `rootline_incident`, so every label that a
//! raw alert has, its copy has with the same value: that is what the shipped inhibition rule compares.
//!
//! Life of a copy, per raw alert (by fingerprint of its own labels):
//! - *held*: the daemon has taken the alert in and is thinking; a lease of two minutes, not repeated. Its raw alert stays
//!   quiet meanwhile. If the daemon dies or drops the alert, the lease ends and the raw alert pages.
//! - *core* or *folded*: repeated every minute with `endsAt` four minutes ahead, as Prometheus does itself. Role or
//!   incident changed: other labels, so another alert for Alertmanager; the old copy is resolved in the same batch.
//! - *leaving*: resolved, repeated for 15 minutes, as Prometheus does, because a receiver may miss one.
//!
//! The core fires as long as its incident is open: it stands for all. A folded copy ends with its own alert.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, Fingerprint, LabelSet, Lang, LiveIncident, Member, Origin, Role, Stage};
use serde::{Serialize, Serializer};

/// The label that tells copies from raw alerts.
pub const ROLE: &str = "rootline_role";
pub const INCIDENT: &str = "rootline_incident";
/// Longest annotation, in bytes; mails and pages show one line.
const ANNOTATION_MAX: usize = 1024;

/// Incidents whose newest version is remembered: messages about older ones come late by minutes, not by thousands.
const VERSIONS: usize = 10_000;
/// How long it is remembered that an alert had its lease.
const LEASES_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Times as Prometheus has them (notifier: resend delay 1 min, four times that ahead, resolved ones for 15 min).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiesOptions {
    pub lang: Lang,
    pub resend: SignedDuration,
    pub ahead: SignedDuration,
    pub resolved_for: SignedDuration,
    /// How long a raw alert stays quiet without a copy with a role.
    pub hold: SignedDuration,
    /// Copies at most. What is above has no copy, so its raw alert pages: loud is the safe side.
    pub most: usize,
}

impl Default for CopiesOptions {
    fn default() -> Self {
        CopiesOptions {
            lang: Lang::En,
            resend: SignedDuration::from_secs(60),
            ahead: SignedDuration::from_secs(240),
            resolved_for: SignedDuration::from_secs(900),
            hold: SignedDuration::from_secs(120),
            most: 50_000,
        }
    }
}

/// An alert as `POST /api/v2/alerts` takes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    pub labels: LabelSet,
    pub annotations: LabelSet,
    #[serde(serialize_with = "rfc3339")]
    pub starts_at: Timestamp,
    #[serde(serialize_with = "rfc3339")]
    pub ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    pub generator_url: String,
}

/// Milliseconds are what the API shows itself.
fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
}

#[derive(Clone, Debug)]
struct Copy {
    /// 0: none yet (held).
    incident: u64,
    posted: Posted,
    /// When it was resolved; it is repeated from then for a while.
    resolved: Option<Timestamp>,
    /// When it is to be sent next; `None`: a lease, sent once.
    due: Option<Timestamp>,
}

/// All copies, by what they copy.
#[derive(Debug, Default)]
pub struct Copies {
    options: CopiesOptions,
    standing: BTreeMap<Fingerprint, Copy>,
    /// By their own labels.
    leaving: BTreeMap<Fingerprint, Copy>,
    /// Newest version seen of each incident: messages may come in any order.
    versions: BTreeMap<u64, u32>,
    /// Alerts that had their lease, with their `startsAt` and when that was: Prometheus repeats them every minute, and a lease that is
    /// renewed would keep an alert quiet that no incident took.
    leased: BTreeMap<Fingerprint, (Timestamp, Timestamp)>,
    refused: u64,
}

impl Copies {
    pub fn new(options: CopiesOptions) -> Copies {
        Copies { options, ..Copies::default() }
    }

    /// Copies that stand or leave.
    pub fn len(&self) -> usize {
        self.standing.len() + self.leaving.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Alerts that got no copy because there were too many.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Keeps raw alerts quiet until they have a place in an incident: two minutes at most, once per firing. Alerts that
    /// open no incident by themselves (`severity: none`, `info`: a dead man's switch) are not held.
    pub fn hold(&mut self, alerts: &[Alert], now: Timestamp) {
        for alert in alerts.iter().filter(|alert| !is_copy(alert)) {
            let raw = alert.fingerprint();
            if !alert.is_firing(now) {
                self.leased.remove(&raw);
                continue;
            }
            let had_lease = self.leased.get(&raw).is_some_and(|(starts_at, _)| *starts_at == alert.starts_at);
            let is_full = self.is_full() || self.leased.len() >= self.options.most;
            if had_lease || is_full || alert.severity().is_none() || self.standing.contains_key(&raw) {
                continue;
            }
            self.leased.insert(raw, (alert.starts_at, now));
            let posted = Posted {
                labels: alert.labels.with(ROLE, "held"),
                annotations: alert.annotations.clone(),
                starts_at: alert.starts_at.min(now),
                ends_at: later(now, self.options.hold),
                generator_url: generator(alert, None),
            };
            self.standing.insert(raw, Copy { incident: 0, posted, resolved: None, due: Some(now) });
        }
    }

    /// Takes an incident as it is now. An older version than one that was taken changes nothing.
    pub fn take(&mut self, incident: &LiveIncident, link: Option<&str>, now: Timestamp) {
        let newest = self.versions.entry(incident.id).or_insert(incident.version);
        if *newest > incident.version {
            return;
        }
        *newest = incident.version;
        let mut seen = Vec::with_capacity(incident.members.len());
        for member in incident.members.iter().filter(|m| has_copy(m)) {
            let raw = member.alert.fingerprint();
            seen.push(raw);
            self.put(raw, self.copy(incident, member, link, now), now);
        }
        seen.sort_unstable();
        let gone: Vec<Fingerprint> = self
            .standing
            .iter()
            .filter(|(raw, copy)| copy.incident == incident.id && seen.binary_search(raw).is_err())
            .map(|(raw, _)| *raw)
            .collect();
        for raw in gone {
            self.leave(raw, now);
        }
        while self.versions.len() > VERSIONS {
            self.versions.pop_first();
        }
    }

    /// What is to be sent now, and what has been repeated long enough forgotten. What was sent well is told by [`Self::sent`].
    pub fn due(&mut self, now: Timestamp) -> Vec<Posted> {
        let long_ago = |copy: &Copy| copy.resolved.is_some_and(|at| later(at, self.options.resolved_for) <= now);
        // an alert whose resolution never came is held again a day later
        self.leased.retain(|_, (_, leased)| later(*leased, LEASES_FOR) > now);
        self.leaving.retain(|_, copy| !long_ago(copy));
        // a lease that ended belongs to nobody
        self.standing.retain(|_, copy| copy.incident != 0 || copy.posted.ends_at > now);
        let mut out = Vec::new();
        // leaving first: of two copies of one alert the old one must be gone when the new one stands
        for copy in self.leaving.values_mut().chain(self.standing.values_mut()) {
            if copy.due.is_some_and(|due| due <= now) {
                if copy.resolved.is_none() && copy.incident != 0 {
                    copy.posted.ends_at = later(now, self.options.ahead);
                }
                out.push(copy.posted.clone());
            }
        }
        out
    }

    /// What [`Self::due`] gave has arrived; the next time is a minute later.
    pub fn sent(&mut self, now: Timestamp) {
        let next = later(now, self.options.resend);
        for copy in self.leaving.values_mut().chain(self.standing.values_mut()) {
            if copy.due.is_some_and(|due| due <= now) {
                copy.due = (copy.incident != 0 || copy.resolved.is_some()).then_some(next);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.standing.len() >= self.options.most
    }

    fn put(&mut self, raw: Fingerprint, new: Copy, now: Timestamp) {
        match self.standing.get(&raw) {
            Some(old) if old.posted.labels == new.posted.labels => {}
            Some(_) => self.leave(raw, now),
            None if new.resolved.is_some() => return,
            None if self.is_full() => {
                self.refused += 1;
                return;
            }
            None => {}
        }
        // one that came back stands again and leaves no more
        self.leaving.remove(&new.posted.labels.fingerprint());
        if new.resolved.is_some() {
            self.standing.remove(&raw);
            self.leaving.insert(new.posted.labels.fingerprint(), new);
        } else {
            self.standing.insert(raw, new);
        }
    }

    fn leave(&mut self, raw: Fingerprint, now: Timestamp) {
        if let Some(mut copy) = self.standing.remove(&raw) {
            copy.posted.ends_at = now.max(copy.posted.starts_at);
            copy.resolved = Some(now);
            copy.due = Some(now);
            if self.leaving.len() < self.options.most {
                self.leaving.insert(copy.posted.labels.fingerprint(), copy);
            }
        }
    }

    fn copy(&self, incident: &LiveIncident, member: &Member, link: Option<&str>, now: Timestamp) -> Copy {
        let alert = &member.alert;
        let role = match member.role {
            Role::Core => "core",
            Role::Folded => "folded",
        };
        let over = match incident.stage {
            Stage::Resolved => incident.resolved.or(Some(incident.updated)),
            Stage::Open if member.role == Role::Core || alert.is_firing(now) => None,
            Stage::Open => alert.ends_at,
        };
        let resolved = over.map(|at| at.min(now));
        let starts_at = alert.starts_at.min(now);
        let posted = Posted {
            labels: alert.labels.with(ROLE, role).with(INCIDENT, &incident.id.to_string()),
            annotations: self.annotations(incident, alert, link),
            starts_at,
            ends_at: resolved.unwrap_or(later(now, self.options.ahead)).max(starts_at),
            generator_url: generator(alert, link),
        };
        Copy { incident: incident.id, posted, resolved, due: Some(now) }
    }

    fn annotations(&self, incident: &LiveIncident, alert: &Alert, link: Option<&str>) -> LabelSet {
        let lang = self.options.lang;
        let mut all = alert.annotations.with("rootline_title", cut(incident.title.get(lang)));
        if let Some(cause) = incident.causes.first() {
            let what = match cause.entity.as_str() {
                "" => cause.title.get(lang).to_owned(),
                entity => format!("{} · {entity}", cause.title.get(lang)),
            };
            all = all
                .with("rootline_cause", cut(&what))
                .with("rootline_confidence", &format!("{:.0}%", cause.confidence.clamp(0.01, 0.99) * 100.0));
            if let Some(next) = cause.next.first() {
                all = all.with("rootline_next", cut(next.get(lang)));
            }
        }
        all.with("rootline_evidence", link.unwrap_or_default())
    }
}

/// Alerts have copies, and what stands for the incident even if it is a fact that no alert rule told.
fn has_copy(member: &Member) -> bool {
    !is_copy(&member.alert) && (member.origin == Origin::Alert || member.role == Role::Core)
}

/// A copy that comes back to us (Alertmanager's webhook points at the daemon) must not be copied again.
fn is_copy(alert: &Alert) -> bool {
    alert.labels.get(ROLE).is_some()
}

/// Alertmanager refuses what is no address.
fn generator(alert: &Alert, link: Option<&str>) -> String {
    let candidates = [Some(alert.generator_url.as_str()), link];
    let good = candidates.into_iter().flatten().find(|url| reqwest::Url::parse(url).is_ok());
    good.unwrap_or_default().to_owned()
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(ANNOTATION_MAX)]
}

#[cfg(test)]
mod tests;
