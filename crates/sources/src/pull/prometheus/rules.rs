//! Alerting rules: what an alert's `for:` is, and so when its condition began.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rootline_model::{Alert, LabelSet};
use serde::Deserialize;

use super::{ActiveAlert, Answer, firing, parse};

/// One alerting rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// `alertname` of its alerts.
    pub name: String,
    /// Labels it adds; values may be templates.
    pub labels: LabelSet,
    pub query: String,
    /// `for:` in seconds.
    pub hold_s: u32,
    /// `keep_firing_for:` in seconds.
    pub keep_firing_s: u32,
    /// What went wrong when it was last evaluated; empty when nothing did.
    pub last_error: String,
}

/// An alert as the rule sees it now.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveSince {
    pub alert: Alert,
    /// False while it waits for its `for:`.
    pub firing: bool,
}

/// The alerting rules of a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleBook {
    rules: BTreeMap<String, Vec<Rule>>,
    active: Vec<ActiveSince>,
}

impl RuleBook {
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values().flatten()
    }

    /// Active alerts, pending ones too: `starts_at` = `activeAt` + `for:`, so that `onset()` is `activeAt`.
    pub fn active(&self) -> &[ActiveSince] {
        &self.active
    }

    /// Active alerts that fire.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.active.iter().filter(|a| a.firing).map(|a| &a.alert)
    }

    /// The rule of an alert: of those with its name the one most of whose labels the alert has. A rule with a label that the
    /// alert has with another value is not its rule; a templated value fits any.
    pub fn rule(&self, labels: &LabelSet) -> Option<&Rule> {
        let named = self.rules.get(labels.value("alertname"))?;
        named
            .iter()
            .filter_map(|rule| fit(rule, labels).map(|n| (n, rule)))
            .max_by_key(|(n, _)| *n)
            .map(|(_, rule)| rule)
    }

    /// Sets `hold_s` of an alert that came without one, where its rule is known.
    pub fn complete(&self, alert: &mut Alert) {
        if alert.hold_s.is_none() {
            alert.hold_s = self.rule(&alert.labels).map(|rule| rule.hold_s);
        }
    }
}

/// How many labels of the rule the alert has.
fn fit(rule: &Rule, labels: &LabelSet) -> Option<usize> {
    let mut equal = 0;
    for (name, value) in rule.labels.iter() {
        match labels.get(name) {
            Some(has) if has == value => equal += 1,
            _ if value.contains("{{") => {}
            _ => return None,
        }
    }
    Some(equal)
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    rules: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    query: String,
    /// Seconds, with a fraction for `for: 500ms`.
    #[serde(default)]
    duration: f64,
    #[serde(default)]
    keep_firing_for: f64,
    #[serde(default)]
    last_error: String,
    #[serde(default)]
    alerts: Vec<ActiveAlert>,
}

pub(super) fn read(answer: &Answer<'_>) -> Result<RuleBook, String> {
    let groups: Groups = parse(answer)?;
    let mut book = RuleBook::default();
    for listed in groups.groups.into_iter().flat_map(|g| g.rules).filter(|r| r.kind == "alerting") {
        let rule = Rule {
            labels: listed.labels.into(),
            query: listed.query,
            hold_s: seconds(listed.duration),
            keep_firing_s: seconds(listed.keep_firing_for),
            last_error: listed.last_error,
            name: listed.name,
        };
        for active in listed.alerts {
            let is_firing = active.state == "firing";
            let found = firing(active, Some(rule.hold_s));
            book.active.extend(found.map(|alert| ActiveSince { alert, firing: is_firing }));
        }
        book.rules.entry(rule.name.clone()).or_default().push(rule);
    }
    book.active.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(book)
}

fn key(active: &ActiveSince) -> (Timestamp, &LabelSet) {
    (active.alert.starts_at, &active.alert.labels)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and NaN is 0")]
fn seconds(seconds: f64) -> u32 {
    seconds.round() as u32
}
