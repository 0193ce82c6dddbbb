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

/// A random UUID (RFC 9562, version 4). Chance comes from the keys of the standard library's hash maps.
fn new_id() -> String {
    use std::hash::{BuildHasher, Hasher};
    let chance = || std::hash::RandomState::new().build_hasher().finish();
    let bits = (u128::from(chance()) << 64) | u128::from(chance());
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A new one gets an id.
pub fn to_store(silence: Silence, now: Timestamp) -> Kept {
    let matchers = silence.matchers.iter().map(|m| SilenceMatcher {
        name: m.name().to_owned(),
        value: m.value().to_owned(),
        is_regex: matches!(m.compare(), Compare::Matches | Compare::NotMatches),
        is_equal: matches!(m.compare(), Compare::Equal | Compare::Matches),
    });
    Kept {
        matchers: matchers.collect(),
        id: if silence.id.is_empty() { new_id() } else { silence.id },
        starts_at: silence.starts_at,
        ends_at: silence.ends_at,
        updated_at: now,
        created_by: silence.created_by,
        comment: silence.comment,
        annotations: LabelSet::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_silences_have_ids_that_alertmanagers_tools_accept() {
        let id = new_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!((&id[14..15], "89ab".contains(&id[19..20])), ("4", true), "{id}");
        assert_ne!(id, new_id());
    }

    #[test]
    fn one_loud_member_keeps_an_incident_loud() {
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let kept = Kept {
            id: "s".into(),
            matchers: vec![SilenceMatcher {
                name: "alertname".into(),
                value: "A.*".into(),
                is_regex: true,
                is_equal: true,
            }],
            starts_at: now,
            ends_at: now + jiff::SignedDuration::from_hours(1),
            updated_at: now,
            created_by: String::new(),
            comment: String::new(),
            annotations: LabelSet::default(),
        };
        let silences = active(std::slice::from_ref(&kept), now);
        let incident = |names: &[&str]| -> LiveIncident {
            let members: Vec<_> = names
                .iter()
                .map(|n| {
                    serde_json::json!({"origin": "alert", "role": "core", "entity": "", "reason": {"en": "", "zh": ""},
                        "alert": {"labels": {"alertname": n}, "annotations": {}, "starts_at": now, "ends_at": null,
                            "hold_s": null, "generator_url": ""}})
                })
                .collect();
            serde_json::from_value(serde_json::json!({"id": 1, "version": 1, "stage": "open", "severity": "error",
                "title": {"en": "", "zh": ""}, "onset": now, "opened": now, "updated": now, "resolved": null,
                "acked": null, "members": members, "causes": [], "affected": [], "edges": [], "gaps": [],
                "timeline": []}))
            .expect("an incident")
        };
        assert!(is_silenced(&silences, &incident(&["A1", "A2"]), now));
        assert!(!is_silenced(&silences, &incident(&["A1", "B"]), now));
        assert!(!is_silenced(&silences, &incident(&[]), now));
        assert!(active(&[kept], now + jiff::SignedDuration::from_hours(2)).is_empty());
    }
}
