//! Incidents with ranked causes: what the product answers.

use jiff::Timestamp;

use crate::{Args, Code, EntityRef, Evidence, Finding, Gap, Message, Nats, Probability};

/// 2026-01-01T00:00:00Z: a source that tells no date is read as of this moment, so that its relative ages have a start.
/// Whoever shows times leaves dates out then.
pub const SOME_MOMENT: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// How sure the answer is, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    NoConfidentCause,
    Possible,
    Likely,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A risk: nothing is broken yet.
    Warning,
    /// Something does not work as declared.
    Error,
    /// Many things do not work, or a node or the control plane is down.
    Critical,
}

/// One piece of a cause's score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    pub nats: Nats,
    pub note: Message,
}

/// A candidate root cause with the sum that ranks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The id of the rule that named it.
    pub code: Code,
    pub entity: EntityRef,
    pub nats: Nats,
    pub probability: Probability,
    /// Values for the rule's title, explanation and commands.
    pub args: Args,
    pub about: Vec<EntityRef>,
    pub evidence: Vec<Evidence>,
    pub contributions: Vec<Contribution>,
    /// Onset of the earliest finding behind it.
    pub onset: Option<Timestamp>,
    /// Why it stands behind the first one; `None` for the first.
    pub lost: Option<Message>,
}

/// A finding that belongs to an incident, and why it was folded into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    pub finding: Finding,
    pub reason: Message,
}

/// One problem as a person would count it.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Position in the answer, from 1.
    pub number: usize,
    pub severity: Severity,
    pub verdict: Verdict,
    pub onset: Option<Timestamp>,
    /// What a user would name as hurt: the workloads and services concerned.
    pub affected: Vec<EntityRef>,
    /// Up to five, best first; the first is the answer unless the verdict is `NoConfidentCause`.
    pub causes: Vec<Cause>,
    pub folded: Vec<Folded>,
    /// Relations between the entities of the incident, for the small picture: from, word, to.
    pub edges: Vec<(EntityRef, &'static str, EntityRef)>,
    /// What would have made us surer.
    pub gaps: Vec<Gap>,
}

/// A check that ran over `looked_at` things and found `problems` of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub looked_at: usize,
    pub problems: usize,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub source: String,
    pub cluster_version: Option<String>,
    /// Objects per kind, in the order of kinds.
    pub objects: Vec<(&'static str, usize)>,
    pub namespaces: Vec<String>,
    pub events: usize,
    pub log_lines: usize,
    /// Incidents left out of a narrowed answer.
    pub elsewhere: usize,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The moment the state is of.
    pub at: Timestamp,
    pub scope: Scope,
    pub incidents: Vec<Incident>,
    /// Notable things that are no incident: risks and recovered faults, shown on request.
    pub notes: Vec<Finding>,
    pub checks: Vec<Check>,
    pub gaps: Vec<Gap>,
}
