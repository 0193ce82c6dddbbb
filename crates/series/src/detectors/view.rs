//! What a window detector sees of one baseline, and what it says.

use rootline_analytics::stats::order::{mad, median};
use rootline_model::{Evidence, Finding, Timestamp};

use crate::catalog::{Nature, Scope, Series, Subject};
use crate::codes::{Strength, doc_of};
use crate::context::ChangeKind;
use crate::store::{Detail, Member};
use crate::window::Usual;

/// One baseline at one moment. Values come signed: up is always bad here.
pub(crate) struct View<'a> {
    pub series: &'a Series,
    pub subject: &'a Subject,
    pub detail: &'a Detail,
    /// Its pods or instances.
    pub members: Vec<(u32, &'a Member)>,
    /// Minutes of maintenance, from the first to the one behind the last: no measure for other minutes.
    pub spoilt: Vec<(i64, i64)>,
    pub now_s: i64,
    /// Seconds since its first value.
    pub age_s: i64,
    /// Seconds since the newest change of it, with the kind.
    pub change: Option<(i64, ChangeKind)>,
}

/// A detector's word. Numbers are in the series' own direction again.
pub(crate) struct Sighting {
    pub code: &'static str,
    pub onset_s: i64,
    pub nats: f64,
    pub args: Vec<(&'static str, String)>,
    /// Seconds it stays after it was last seen.
    pub linger_s: i64,
}

impl View<'_> {
    pub fn sign(&self) -> f64 {
        self.series.bad.sign()
    }

    /// Number of the last whole minute.
    pub fn minute(&self) -> i64 {
        self.now_s.div_euclid(60) - 1
    }

    /// The last whole minutes, oldest first, signed; gaps and times of maintenance as NaN.
    pub fn minutes(&self, count: usize) -> Vec<f64> {
        let mut values = self.detail.window.minutes.last(self.minute(), count);
        let first = self.minute() + 1 - i64::try_from(count).unwrap_or(0);
        for (value, minute) in values.iter_mut().zip(first..) {
            let is_spoilt = self.spoilt.iter().any(|(from, to)| (*from..*to).contains(&minute));
            *value = if is_spoilt { f64::NAN } else { *value * self.sign() };
        }
        values
    }

    /// What other days had around this time.
    pub fn usual(&self, reach: i64) -> Option<Usual> {
        self.detail.window.usual(self.now_s, reach, self.sign())
    }

    /// True while a recent change explains that this series is not as it was.
    pub fn is_settling(&self, usage_s: i64, outcome_s: i64) -> bool {
        let Some((age, kind)) = self.change else { return false };
        match self.series.nature {
            _ if kind == ChangeKind::Gone => true,
            Nature::Usage | Nature::Load => age < usage_s,
            Nature::Outcome => age < outcome_s,
        }
    }

    /// The smallest difference from `level` that is worth a word: the unit's floor, a thousandth of what was seen, and a
    /// share of the level.
    pub fn floor(&self, level: f64, share: f64) -> f64 {
        self.series.unit.floor().max(share * level.abs())
    }

    /// A signed value for people.
    pub fn show(&self, signed: f64) -> String {
        self.series.unit.show(signed * self.sign())
    }

    /// The finding about the baseline, or about one member.
    pub fn finding(&self, sighting: &Sighting, member: Option<&Member>) -> Finding {
        let subject = member.map_or(self.subject, |m| &m.subject);
        let mut finding = describe(sighting.code, self.series, subject)
            .nats(sighting.nats)
            .since(Timestamp::from_second(sighting.onset_s).ok());
        for (key, value) in &sighting.args {
            finding = finding.arg(key, value.clone());
        }
        let now = member.map_or_else(|| self.detail.window.minutes.get(self.minute()), |m| m.value);
        let query = match member {
            Some(m) => self.series.promql_of(&matchers(self.series, m)),
            None => self.query(),
        };
        finding.evidence(Evidence::Sample { query, value: self.series.unit.show(now) })
    }

    /// The expression that shows the baseline's members.
    pub fn query(&self) -> String {
        group_query(self.series, self.subject, self.members.first().map(|m| m.1))
    }
}

/// The expression for a baseline: its members by their common labels.
pub(crate) fn group_query(series: &Series, subject: &Subject, member: Option<&Member>) -> String {
    let Some(member) = member else { return series.promql() };
    let mut all = matchers(series, member);
    if matches!(series.scope, Scope::Container | Scope::Pod) {
        all.retain(|m| !m.starts_with("pod="));
        all.push(format!("pod=~\"{}-.*\"", subject.entity.name));
    } else if series.scope.is_shared() {
        all.clear();
    }
    series.promql_of(&all)
}

/// Label matchers that select one member.
pub(crate) fn matchers(series: &Series, member: &Member) -> Vec<String> {
    let labels = series.scope.labels();
    member.labels.iter().filter(|(n, _)| labels.contains(n)).map(|(n, v)| format!("{n}={v:?}")).collect()
}

/// A finding of a code with the words every title needs.
pub(crate) fn describe(code: &'static str, series: &Series, subject: &Subject) -> Finding {
    let strength = doc_of(code).map_or(Strength::Evidence, |d| d.strength);
    Finding::new(code, subject.entity.clone())
        .nats(if strength == Strength::Fact { 3.0 } else { 1.0 })
        .arg("subject", subject.to_string())
        .arg("series", series.id)
        .arg("what", series.en)
        .arg("what_zh", series.zh)
}

/// Values that are numbers.
pub(crate) fn numbers(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|v| v.is_finite()).collect()
}

/// Median and robust deviation.
pub(crate) fn centre(values: &[f64]) -> (f64, f64) {
    (median(values), 1.4826 * mad(values))
}
