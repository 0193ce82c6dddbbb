//! Silences: from the API's words to the store's and back, and what they mute.

use jiff::Timestamp;
use rootline_api::{Compare, Matcher, Silence};
use rootline_model::{LabelSet, LiveIncident};
use rootline_store::{Silence as Kept, SilenceMatcher};

/// A silence that is in force.
pub struct Active {
    pub id: String,
    matchers: Vec<Matcher>,
}

impl Active {
    pub fn mutes(&self, labels: &LabelSet) -> bool {
        !self.matchers.is_empty() && self.matchers.iter().all(|m| m.is_match(labels))
    }
}

/// Those in force at `now`. One whose matchers cannot be read mutes nothing.
pub fn active(silences: &[Kept], now: Timestamp) -> Vec<Active> {
    let in_force = silences.iter().filter(|s| s.starts_at <= now && now < s.ends_at);
    in_force
        .filter_map(|s| {
            let matchers = s.matchers.iter().map(matcher).collect::<Option<Vec<_>>>()?;
            Some(Active { id: s.id.clone(), matchers })
        })
        .collect()
}

/// True if everything that still fires in the incident is silenced: one loud member keeps it loud.
pub fn is_silenced(silences: &[Active], incident: &LiveIncident, now: Timestamp) -> bool {
    let mut firing = incident.members.iter().filter(|m| m.alert.is_firing(now)).peekable();
    firing.peek().is_some() && firing.all(|m| silences.iter().any(|s| s.mutes(&m.alert.labels)))
}

fn matcher(kept: &SilenceMatcher) -> Option<Matcher> {
    let compare = match (kept.is_equal, kept.is_regex) {
        (true, false) => Compare::Equal,
        (false, false) => Compare::NotEqual,
        (true, true) => Compare::Matches,
        (false, true) => Compare::NotMatches,
    };
    Matcher::new(&kept.name, compare, &kept.value).ok()
}

pub fn from_store(kept: Kept) -> Silence {
    Silence {
        matchers: kept.matchers.iter().filter_map(matcher).collect(),
        id: kept.id,
        starts_at: kept.starts_at,
        ends_at: kept.ends_at,
        updated_at: kept.updated_at,
        created_by: kept.created_by,
        comment: kept.comment,
    }
}

pub fn to_store(silence: Silence, now: Timestamp) -> Kept {
    let matchers = silence.matchers.iter().map(|m| SilenceMatcher {
        name: m.name().to_owned(),
        value: m.value().to_owned(),
        is_regex: matches!(m.compare(), Compare::Matches | Compare::NotMatches),
        is_equal: matches!(m.compare(), Compare::Equal | Compare::Matches),
    });
    Kept {
        matchers: matchers.collect(),
        id: silence.id,
        starts_at: silence.starts_at,
        ends_at: silence.ends_at,
        updated_at: now,
        created_by: silence.created_by,
        comment: silence.comment,
        annotations: LabelSet::default(),
    }
}
