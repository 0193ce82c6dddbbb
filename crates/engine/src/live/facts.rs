//! Incidents of a diagnosis as facts that the correlator can fold like alerts.
//!
//! A fact is known by the code of its cause and the thing it is about, a pod's topmost owner rather than the pod: a
//! replacement pod with the same trouble is the same fact. A fact must hold for a while before it counts (a rollout
//! passes through states that look bad), and must be gone for a while before it has ended (a crash loop is "running"
//! between two crashes).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use rootline_correlate::SetBack;
use rootline_model::{
    Alert, Answer, Both, Class, Diagnosis, EntityRef, Finding, Fingerprint, Incident, Kind, Knowledge, LabelSet,
    Member, Origin, Severity, Timestamp,
};
use rootline_report::{Told, told};
use rootline_world::World;

/// A fact that stays away this long has ended.
const GONE_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// How long an ended fact is still told, so that nobody misses its end.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_secs(180);
/// Facts kept at most; a cluster with more broken things than this is described well enough by these.
const FACTS_MAX: usize = 5_000;
/// Name of the pseudo alert of an incident without a named cause.
const UNEXPLAINED: &str = "incident.unexplained";

/// Something that the state of the cluster shows.
#[derive(Clone, Debug)]
pub struct Fact {
    pub alert: Alert,
    pub severity: Severity,
    /// What it is about, then what it hurts.
    pub entities: Vec<EntityRef>,
    pub told: Told,
    pub origin: Origin,
    first_seen: Timestamp,
    last_seen: Timestamp,
}

impl Fact {
    /// The answer, where one is sure enough.
    pub fn answer(&self) -> Option<&Answer> {
        self.told.causes.first()
    }
}

/// All facts that hold or held a moment ago.
#[derive(Debug, Default)]
pub struct Facts {
    known: BTreeMap<Fingerprint, Fact>,
}

impl Facts {
    /// Takes in what is seen now; facts that are gone for long end.
    pub fn update(&mut self, now: Timestamp, seen: Vec<Fact>) {
        for fact in seen {
            let key = fact.alert.fingerprint();
            let full = self.known.len() >= FACTS_MAX;
            match self.known.get_mut(&key) {
                Some(old) => {
                    // the onset of the first look stays: later looks see later restarts
                    let starts_at = old.alert.starts_at.min(fact.alert.starts_at);
                    let first_seen = old.first_seen;
                    // what was a fact once stays one for this episode
                    let origin = old.origin.min(fact.origin);
                    *old = Fact { first_seen, origin, ..fact };
                    old.alert.starts_at = starts_at;
                }
                None if full => {}
                None => {
                    self.known.insert(key, fact);
                }
            }
        }
        for fact in self.known.values_mut() {
            let gone_for = now.duration_since(fact.last_seen);
            fact.alert.ends_at = (gone_for >= GONE_AFTER).then_some(fact.last_seen);
        }
        self.known.retain(|_, f| now.duration_since(f.last_seen) <= FORGOTTEN_AFTER);
    }

    /// The clock was set back.
    pub fn set_back(&mut self, clock: SetBack) {
        for fact in self.known.values_mut() {
            (fact.first_seen, fact.last_seen) = (clock.put(fact.first_seen), clock.put(fact.last_seen));
        }
    }

    /// Facts that have held for `settle`, in a fixed order; ended ones with their end.
    pub fn settled(&self, settle: SignedDuration) -> impl Iterator<Item = &Fact> {
        self.known.values().filter(move |f| f.last_seen.duration_since(f.first_seen) >= settle)
    }

    pub fn get(&self, fingerprint: Fingerprint) -> Option<&Fact> {
        self.known.get(&fingerprint)
    }

    /// Puts facts back that a stored incident holds, so that they end properly after a restart.
    pub fn restore(&mut self, now: Timestamp, member: &Member, told: Told) {
        let alert = &member.alert;
        let severity = alert.severity().unwrap_or(Severity::Warning);
        let entities = member.entity.parse().into_iter().collect();
        let fact = Fact {
            alert: alert.clone(),
            severity,
            entities,
            told,
            origin: member.origin,
            first_seen: alert.starts_at,
            last_seen: now,
        };
        self.known.entry(alert.fingerprint()).or_insert(fact);
    }
}

/// What a tick sees.
pub struct Seen<'a> {
    pub world: &'a World,
    pub diagnosis: &'a Diagnosis,
    pub knowledge: &'a Knowledge,
}

/// Facts of a diagnosis: its incidents that are worse than a risk.
pub fn of_diagnosis(now: Timestamp, seen: &Seen<'_>) -> Vec<Fact> {
    let bad = seen.diagnosis.incidents.iter().filter(|i| i.severity >= Severity::Error);
    bad.map(|i| fact(now, seen, i)).collect()
}

/// Findings of series and logs. Those about one thing that together may open an incident are facts, the others anomalies.
pub fn of_findings(now: Timestamp, world: &World, findings: &[Finding]) -> Vec<Fact> {
    let mut by_thing: BTreeMap<EntityRef, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_thing.entry(world.top_of(&finding.entity)).or_default().push(finding);
    }
    let mut out = Vec::with_capacity(findings.len());
    for (thing, about) in by_thing {
        let together: Vec<Finding> = about.iter().map(|f| (*f).clone()).collect();
        let origin = if rootline_series::corroborated(&together) { Origin::Fact } else { Origin::Anomaly };
        out.extend(together.iter().map(|f| of_finding(now, &thing, f, origin)));
    }
    out
}

fn of_finding(now: Timestamp, thing: &EntityRef, finding: &Finding, origin: Origin) -> Fact {
    let code = finding.code.as_str();
    let doc = rootline_series::doc_of(code);
    let severity = match doc.map(|d| d.class) {
        Some(Class::Risk) | None => Severity::Warning,
        Some(_) => Severity::Error,
    };
    let (title, why) = rootline_series::words(finding).unwrap_or_else(|| (Both::same(code), Both::default()));
    let mut labels = labels(code, thing, severity).with("rootline_origin", origin_word(Origin::Anomaly));
    if let Some(series) = finding.args.get("series") {
        labels = labels.with("series", series);
    }
    let named = doc.is_some_and(|d| d.strength == rootline_series::Strength::Fact);
    let answer = Answer {
        code: code.to_owned(),
        entity: finding.entity.to_string(),
        confidence: 1.0 - (-finding.strength.get()).exp(),
        title: title.clone(),
        why,
        evidence: finding.evidence.iter().map(|e| rootline_report::evidence(now, e)).collect(),
        next: Vec::new(),
    };
    let annotations = [("summary", title.en.as_str()), ("summary_zh", title.zh.as_str())];
    Fact {
        alert: Alert {
            labels,
            annotations: annotations.into_iter().collect(),
            starts_at: finding.onset.unwrap_or(now).min(now),
            ..Alert::default()
        },
        severity,
        entities: vec![thing.clone()],
        told: Told {
            title,
            causes: if named { vec![answer] } else { Vec::new() },
            gaps: Vec::new(),
            edges: Vec::new(),
        },
        origin,
        first_seen: now,
        last_seen: now,
    }
}

fn fact(now: Timestamp, seen: &Seen<'_>, incident: &Incident) -> Fact {
    let told = told(seen.diagnosis, incident, seen.knowledge);
    let cause = incident.causes.first().filter(|_| !told.causes.is_empty());
    let about = cause.map(|c| &c.entity).or_else(|| incident.affected.first());
    let about = about.or_else(|| incident.folded.first().map(|f| &f.finding.entity));
    let about = about.map_or_else(EntityRef::cluster, |e| seen.world.top_of(e));
    let code = cause.map_or(UNEXPLAINED, |c| c.code.as_str());
    let labels = labels(code, &about, incident.severity);
    let annotations = [("summary", told.title.en.as_str()), ("summary_zh", told.title.zh.as_str())];
    let onset = incident.onset.or(cause.and_then(|c| c.onset)).unwrap_or(now).min(now);
    let mut entities = vec![about];
    for more in incident.affected.iter().map(|e| seen.world.top_of(e)) {
        if !entities.contains(&more) {
            entities.push(more);
        }
    }
    Fact {
        alert: Alert {
            labels,
            annotations: annotations.into_iter().collect(),
            starts_at: onset,
            ends_at: None,
            hold_s: None,
            generator_url: String::new(),
        },
        severity: incident.severity,
        entities,
        told,
        origin: Origin::Fact,
        first_seen: now,
        last_seen: now,
    }
}

/// Labels as an alert rule would give them, so that Alertmanager routes and people read them the same way.
pub fn labels(code: &str, about: &EntityRef, severity: Severity) -> LabelSet {
    let severity = match severity {
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let part = about.part.as_deref().unwrap_or_default();
    let (name, part_name) = match about.kind {
        Kind::Container => ("pod", "container"),
        Kind::Component => ("node", "component"),
        Kind::Pvc => ("persistentvolumeclaim", "part"),
        Kind::Pv => ("persistentvolume", "part"),
        kind => (kind.word(), "part"),
    };
    [
        ("alertname", code),
        ("severity", severity),
        ("namespace", &*about.namespace),
        (name, &*about.name),
        (part_name, part),
        ("rootline_origin", origin_word(Origin::Fact)),
    ]
    .into_iter()
    .collect()
}

/// The value of the label that tells where a pseudo alert came from.
pub fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Alert => "",
        Origin::Fact => "fact",
        Origin::Anomaly => "anomaly",
    }
}
