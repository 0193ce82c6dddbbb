//! The answer for programs: JSON and YAML, version `rootline.dev/v1`.
//!
//! Field names are camelCase like Kubernetes'. Within a version fields may be added, never renamed or removed. The schema
//! is published as `docs/reference/diagnosis.schema.json`.

use rootline_model::{
    EntityRef, Gap as ModelGap, GapKind, Incident as ModelIncident, Knowledge, Lang, Message, Severity, Verdict,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::names;
use crate::say::{self, message};
use crate::view::Teller;

pub const API_VERSION: &str = "rootline.dev/v1";
pub const KIND: &str = "Diagnosis";

/// The whole answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Always `rootline.dev/v1`.
    pub api_version: String,
    /// Always `Diagnosis`.
    pub kind: String,
    /// Language of all titles and texts: `en` or `zh`.
    pub lang: String,
    /// The moment the state is of (RFC 3339).
    pub at: String,
    /// Where the state was read from.
    pub source: String,
    pub scope: Scope,
    pub summary: Summary,
    pub incidents: Vec<Incident>,
    /// Risks and recovered faults that are no incident.
    pub notes: Vec<Finding>,
    pub checks: Vec<Check>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What was looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    pub cluster_version: Option<String>,
    pub objects: Vec<ObjectCount>,
    pub namespaces: Vec<String>,
    pub events: usize,
    pub log_lines: usize,
    /// Incidents left out because the question was narrowed.
    pub elsewhere: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectCount {
    pub kind: String,
    pub count: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub text: String,
    pub incidents: usize,
    pub likely: usize,
    pub possible: usize,
    pub no_confident_cause: usize,
    pub notes: usize,
}

/// One problem as a person would count it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    pub number: usize,
    pub title: String,
    pub severity: SeverityWord,
    pub verdict: VerdictWord,
    pub onset: Option<String>,
    pub affected: Vec<String>,
    /// Best first; the first is the answer unless the verdict is `no_confident_cause`.
    pub causes: Vec<Cause>,
    pub folded: Vec<Folded>,
    pub edges: Vec<Edge>,
    pub gaps: Vec<Gap>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeverityWord {
    Warning,
    Error,
    Critical,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    NoConfidentCause,
    Possible,
    Likely,
}

/// A candidate root cause.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    pub code: String,
    /// `deployment/shop/cart`, `node/w1`, `container/shop/cart-1/app`
    pub entity: String,
    pub title: String,
    /// From 0 to 1.
    pub probability: f64,
    /// Evidence in natural log units.
    pub nats: f64,
    pub onset: Option<String>,
    pub about: Vec<String>,
    pub evidence: Vec<Evidence>,
    pub contributions: Vec<Contribution>,
    /// Why it stands behind the first one.
    pub lost: Option<String>,
    pub means: Option<String>,
    pub fix: Option<String>,
    /// Commands that show it.
    pub confirm: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contribution {
    pub nats: f64,
    pub key: String,
    pub text: String,
}

/// One thing a person can look up: the sentence and the fact behind it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub text: String,
    pub fact: Fact,
}

/// The fact, as the source holds it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Fact {
    Field {
        object: String,
        path: String,
        value: String,
    },
    Condition {
        object: String,
        condition: String,
        status: String,
        reason: String,
        message: String,
        since: Option<String>,
    },
    State {
        container: String,
        state: String,
        reason: String,
        exit_code: Option<i32>,
        message: String,
        at: Option<String>,
    },
    Event {
        object: String,
        reason: String,
        message: String,
        count: u32,
        last: Option<String>,
    },
    Log {
        container: String,
        line: String,
        previous: bool,
        count: u32,
    },
    Absent {
        object: String,
        referred_by: String,
    },
    Arithmetic {
        object: String,
        what: String,
        left: String,
        relation: String,
        right: String,
    },
    Sample {
        query: String,
        value: String,
    },
    Quote {
        object: String,
        source: String,
        text: String,
    },
    Alert {
        name: String,
        object: String,
        since: Option<String>,
    },
}

/// Something abnormal about one entity.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub code: String,
    pub entity: String,
    pub title: String,
    pub onset: Option<String>,
    pub about: Vec<String>,
    pub evidence: Vec<Evidence>,
}

/// A finding that belongs to an incident, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Folded {
    pub code: String,
    pub entity: String,
    pub title: String,
    pub onset: Option<String>,
    pub reason: String,
}

/// A relation of the incident's small picture.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    pub from: String,
    pub relation: String,
    pub to: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub name: String,
    pub title: String,
    pub looked_at: usize,
    pub problems: usize,
}

/// Something that was not seen.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    pub kind: GapWord,
    pub subject: String,
    pub detail: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapWord {
    Forbidden,
    Absent,
    Unreadable,
    Truncated,
    Stale,
}

pub fn json(diagnosis: &rootline_model::Diagnosis, knowledge: &Knowledge, lang: Lang) -> String {
    let wire = Diagnosis::of(diagnosis, knowledge, lang);
    let mut out = serde_json::to_string_pretty(&wire).expect("strings, numbers and lists always serialise");
    out.push('\n');
    out
}

pub fn yaml(diagnosis: &rootline_model::Diagnosis, knowledge: &Knowledge, lang: Lang) -> String {
    let wire = Diagnosis::of(diagnosis, knowledge, lang);
    serde_saphyr::to_string(&wire).expect("strings, numbers and lists always serialise")
}

/// The JSON schema of the answer.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Diagnosis);
    let mut out = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    out.push('\n');
    out
}

impl Diagnosis {
    pub fn of(diagnosis: &rootline_model::Diagnosis, knowledge: &Knowledge, lang: Lang) -> Self {
        let teller = Teller { at: diagnosis.at, knowledge, lang, verbose: false };
        let with = |verdict| diagnosis.incidents.iter().filter(|i| i.verdict == verdict).count();
        Diagnosis {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            lang: if lang == Lang::En { "en" } else { "zh" }.to_owned(),
            at: diagnosis.at.to_string(),
            source: diagnosis.scope.source.clone(),
            scope: scope(&diagnosis.scope),
            summary: Summary {
                text: teller.headline(diagnosis),
                incidents: diagnosis.incidents.len(),
                likely: with(Verdict::Likely),
                possible: with(Verdict::Possible),
                no_confident_cause: with(Verdict::NoConfidentCause),
                notes: diagnosis.notes.len(),
            },
            incidents: diagnosis.incidents.iter().map(|i| incident(&teller, i)).collect(),
            notes: diagnosis.notes.iter().map(|n| finding(&teller, n)).collect(),
            checks: diagnosis
                .checks
                .iter()
                .map(|c| Check {
                    name: c.name.to_owned(),
                    title: teller.check_name(c.name),
                    looked_at: c.looked_at,
                    problems: c.problems,
                })
                .collect(),
            gaps: gaps(lang, &diagnosis.gaps),
        }
    }
}

fn scope(scope: &rootline_model::Scope) -> Scope {
    Scope {
        cluster_version: scope.cluster_version.clone(),
        objects: scope
            .objects
            .iter()
            .map(|(kind, count)| ObjectCount { kind: (*kind).to_owned(), count: *count })
            .collect(),
        namespaces: scope.namespaces.clone(),
        events: scope.events,
        log_lines: scope.log_lines,
        elsewhere: scope.elsewhere,
    }
}

fn incident(teller: &Teller, incident: &ModelIncident) -> Incident {
    Incident {
        number: incident.number,
        title: teller.incident_title(incident),
        severity: match incident.severity {
            Severity::Warning => SeverityWord::Warning,
            Severity::Error => SeverityWord::Error,
            Severity::Critical => SeverityWord::Critical,
        },
        verdict: match incident.verdict {
            Verdict::NoConfidentCause => VerdictWord::NoConfidentCause,
            Verdict::Possible => VerdictWord::Possible,
            Verdict::Likely => VerdictWord::Likely,
        },
        onset: moment(incident.onset),
        affected: refs(&incident.affected),
        causes: incident.causes.iter().map(|c| cause(teller, incident, c)).collect(),
        folded: incident
            .folded
            .iter()
            .map(|f| Folded {
                code: f.finding.code.to_string(),
                entity: f.finding.entity.to_string(),
                title: teller.finding_title(&f.finding),
                onset: moment(f.finding.onset),
                reason: teller.message(incident, &f.reason),
            })
            .collect(),
        edges: incident
            .edges
            .iter()
            .map(|(from, word, to)| Edge { from: from.to_string(), relation: (*word).to_owned(), to: to.to_string() })
            .collect(),
        gaps: gaps(teller.lang, &incident.gaps),
    }
}

fn cause(teller: &Teller, incident: &ModelIncident, cause: &rootline_model::Cause) -> Cause {
    let say = |m: &Message| teller.message(incident, m);
    Cause {
        code: cause.code.to_string(),
        entity: cause.entity.to_string(),
        title: teller.cause_title(cause),
        probability: rounded(cause.probability.get()),
        nats: rounded(cause.nats.get()),
        onset: moment(cause.onset),
        about: refs(&cause.about),
        evidence: cause.evidence.iter().map(|e| evidence(teller, e)).collect(),
        contributions: cause
            .contributions
            .iter()
            .map(|c| Contribution { nats: rounded(c.nats.get()), key: c.note.key.to_owned(), text: say(&c.note) })
            .collect(),
        lost: cause.lost.as_ref().map(say),
        means: teller.cause_text(cause, |t| &t.means),
        fix: teller.cause_text(cause, |t| &t.fix),
        confirm: teller.commands(cause),
    }
}

fn finding(teller: &Teller, finding: &rootline_model::Finding) -> Finding {
    Finding {
        code: finding.code.to_string(),
        entity: finding.entity.to_string(),
        title: teller.finding_title(finding),
        onset: moment(finding.onset),
        about: refs(&finding.about),
        evidence: finding.evidence.iter().map(|e| evidence(teller, e)).collect(),
    }
}

fn evidence(teller: &Teller, evidence: &rootline_model::Evidence) -> Evidence {
    let seen = say::seen(teller.lang, teller.at, evidence);
    Evidence {
        text: format!("{}{}{}", seen.word, say::word(teller.lang, "list.clause"), seen.sentence(teller.lang)),
        fact: fact(evidence),
    }
}

fn fact(evidence: &rootline_model::Evidence) -> Fact {
    use rootline_model::Evidence as E;
    let name = EntityRef::to_string;
    match evidence.clone() {
        E::Field { object, path, value } => Fact::Field { object: name(&object), path, value },
        E::Condition { object, condition, status, reason, message, since } => {
            Fact::Condition { object: name(&object), condition, status, reason, message, since: moment(since) }
        }
        E::State { container, state, reason, exit_code, message, at } => {
            Fact::State { container: name(&container), state, reason, exit_code, message, at: moment(at) }
        }
        E::Event { object, reason, message, count, last } => {
            Fact::Event { object: name(&object), reason, message, count, last: moment(last) }
        }
        E::Log { container, line, previous, count } => Fact::Log { container: name(&container), line, previous, count },
        E::Absent { object, referred_by } => Fact::Absent { object: name(&object), referred_by: name(&referred_by) },
        E::Arithmetic { object, what, left, relation, right } => {
            Fact::Arithmetic { object: name(&object), what, left, relation, right }
        }
        E::Sample { query, value } => Fact::Sample { query, value },
        E::Quote { object, source, text } => Fact::Quote { object: name(&object), source, text },
        E::Alert { name: alert, object, since } => {
            Fact::Alert { name: alert, object: name(&object), since: moment(since) }
        }
    }
}

fn gaps(lang: Lang, gaps: &[ModelGap]) -> Vec<Gap> {
    let one = |gap: &ModelGap| Gap {
        kind: match gap.kind {
            GapKind::Forbidden => GapWord::Forbidden,
            GapKind::Absent => GapWord::Absent,
            GapKind::Unreadable => GapWord::Unreadable,
            GapKind::Truncated => GapWord::Truncated,
            GapKind::Stale => GapWord::Stale,
        },
        subject: gap.subject.clone(),
        detail: message(lang, &gap.detail),
    };
    gaps.iter().map(one).collect()
}

fn refs(entities: &[EntityRef]) -> Vec<String> {
    entities.iter().map(names::shown).collect()
}

fn moment(at: Option<rootline_model::Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// Three decimals are more than anybody can claim.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
