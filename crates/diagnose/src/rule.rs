//! What a rule says.

use rootline_model::{Code, Finding, Kind, Severity, Texts};

use crate::glob;

/// Which findings set a rule off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// Code of the finding, `*` at the end allowed.
    pub finding: String,
    /// Argument name → glob.
    pub filters: Vec<(String, String)>,
    /// Word that must stand in an argument or a piece of evidence; the condition of a decision tree.
    pub mentions: Option<String>,
    /// Kinds of the entity; empty: any.
    pub kinds: Vec<Kind>,
}

impl Trigger {
    pub fn matches(&self, finding: &Finding) -> bool {
        finding.code.matches(&self.finding)
            && (self.kinds.is_empty() || self.kinds.contains(&finding.entity.kind))
            && self.filters.iter().all(|(k, p)| finding.args.get(k).is_some_and(|v| glob::matches(p, v)))
            && self.mentions.as_ref().is_none_or(|word| crate::tree::mentions(finding, word))
    }
}

/// A related entity, seen from the one a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Itself,
    Pod,
    Workload,
    Pods,
    Siblings,
    Node,
    Namespace,
    Service,
    Callers,
    Callees,
    Claim,
    Volume,
    StorageClass,
    Config,
    Quota,
    About(Option<Kind>),
    Any,
}

impl Place {
    pub const WORDS: &'static [&'static str] = &[
        "self",
        "pod",
        "workload",
        "pods",
        "siblings",
        "node",
        "namespace",
        "service",
        "callers",
        "callees",
        "claim",
        "volume",
        "storage_class",
        "config",
        "quota",
        "about",
        "about:KIND",
        "any",
    ];

    pub fn parse(word: &str) -> Option<Place> {
        Some(match word {
            "self" => Place::Itself,
            "pod" => Place::Pod,
            "workload" => Place::Workload,
            "pods" => Place::Pods,
            "siblings" => Place::Siblings,
            "node" => Place::Node,
            "namespace" => Place::Namespace,
            "service" => Place::Service,
            "callers" => Place::Callers,
            "callees" => Place::Callees,
            "claim" => Place::Claim,
            "volume" => Place::Volume,
            "storage_class" => Place::StorageClass,
            "config" => Place::Config,
            "quota" => Place::Quota,
            "about" => Place::About(None),
            "any" => Place::Any,
            other => Place::About(Some(Kind::parse(other.strip_prefix("about:")?)?)),
        })
    }
}

/// How far a cause explains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Along cause edges.
    #[default]
    Downstream,
    Namespace,
    Cluster,
}

/// A finding that must, or must not, exist on a related entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub trigger: Trigger,
    pub on: Place,
}

/// Knowledge about one root cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub id: Code,
    /// File it came from, for messages.
    pub file: String,
    pub line: u64,
    /// Any of them.
    pub when: Vec<Trigger>,
    pub and: Vec<Side>,
    pub unless: Vec<Side>,
    pub cause: Place,
    pub nats: f64,
    /// Codes of findings and causes, `*` at the end allowed.
    pub explains: Vec<String>,
    pub reach: Reach,
    pub severity: Severity,
    pub texts: Texts,
}
