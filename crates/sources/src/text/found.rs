//! What the texts have said so far, before it is joined.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use rootline_model::{Gap, GapKind, Kind};
use rootline_objects::{ComponentStatus, Event, LogTail, Object};

/// How much a text tells about an object; of two texts the higher one wins field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Named in passing: by the node that runs it, by the deployment that made it.
    Hint,
    /// A line of a table.
    Row,
    Describe,
    /// YAML or JSON: what is not there does not exist.
    Full,
}

/// What a command lists. Endpoints and events are no kinds of their own in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Of(Kind),
    Endpoints,
    Events,
}

/// Where a list was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Everywhere,
    In(String),
    /// In the namespace of a command that names none.
    Unnamed,
}

/// More than anybody reads; a text that is one long error must not cost more than its length.
const KEPT_GAPS: usize = 100;

pub(super) struct Found {
    pub now: Timestamp,
    /// Namespaced objects whose namespace no text has told yet have an empty one.
    pub said: Vec<(Detail, Object)>,
    pub events: Vec<Event>,
    pub listed: Vec<(Kind, Scope)>,
    pub logs: Vec<LogTail>,
    pub components: Vec<ComponentStatus>,
    pub gaps: Vec<Gap>,
    pub version: Option<String>,
    /// Namespaces that texts have named.
    pub told: BTreeSet<String>,
    /// Of the command whose output is being read; empty where it names none.
    namespace: String,
}

impl What {
    pub fn parse(word: &str) -> Option<What> {
        match word.split('.').next().unwrap_or(word).to_ascii_lowercase().as_str() {
            "events" | "event" | "ev" => Some(What::Events),
            "endpoints" | "endpoint" | "ep" => Some(What::Endpoints),
            // names of Kind that are no resources
            "cluster" | "component" | "container" | "external" => None,
            _ => Kind::parse(word).map(What::Of),
        }
    }

    /// The kind that a complete list of this is a list of.
    pub fn listed_kind(self) -> Option<Kind> {
        match self {
            What::Of(kind) => Some(kind),
            What::Endpoints => Some(Kind::EndpointSlice),
            What::Events => None,
        }
    }

    pub fn is_namespaced(self) -> bool {
        match self {
            What::Of(kind) => is_namespaced(kind),
            What::Endpoints | What::Events => true,
        }
    }

    /// The kind as the API writes it.
    pub fn api_kind(self) -> &'static str {
        match self {
            What::Events => "Event",
            What::Endpoints => "Endpoints",
            What::Of(kind) => api_kind(kind),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Of(kind) => kind.fmt(f),
            What::Endpoints => f.write_str("endpoints"),
            What::Events => f.write_str("events"),
        }
    }
}

pub(super) fn is_namespaced(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Cluster
            | Kind::Component
            | Kind::Node
            | Kind::Namespace
            | Kind::Webhook
            | Kind::ApiService
            | Kind::Crd
            | Kind::PriorityClass
            | Kind::StorageClass
            | Kind::CsiNode
            | Kind::VolumeAttachment
            | Kind::Pv
            | Kind::IngressClass
            | Kind::Csr
            | Kind::External
    )
}

fn api_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Node => "Node",
        Kind::Namespace => "Namespace",
        Kind::Quota => "ResourceQuota",
        Kind::LimitRange => "LimitRange",
        Kind::Webhook => "ValidatingWebhookConfiguration",
        Kind::ApiService => "APIService",
        Kind::Crd => "CustomResourceDefinition",
        Kind::PriorityClass => "PriorityClass",
        Kind::StorageClass => "StorageClass",
        Kind::CsiNode => "CSINode",
        Kind::VolumeAttachment => "VolumeAttachment",
        Kind::Pv => "PersistentVolume",
        Kind::Pvc => "PersistentVolumeClaim",
        Kind::ConfigMap => "ConfigMap",
        Kind::Secret => "Secret",
        Kind::ServiceAccount => "ServiceAccount",
        Kind::NetworkPolicy => "NetworkPolicy",
        Kind::Deployment => "Deployment",
        Kind::StatefulSet => "StatefulSet",
        Kind::DaemonSet => "DaemonSet",
        Kind::CronJob => "CronJob",
        Kind::Job => "Job",
        Kind::ReplicaSet => "ReplicaSet",
        Kind::Hpa => "HorizontalPodAutoscaler",
        Kind::Pdb => "PodDisruptionBudget",
        Kind::Ingress => "Ingress",
        Kind::IngressClass => "IngressClass",
        Kind::Gateway => "Gateway",
        Kind::Route => "HTTPRoute",
        Kind::Service => "Service",
        Kind::EndpointSlice => "EndpointSlice",
        Kind::Pod => "Pod",
        Kind::Lease => "Lease",
        Kind::Csr => "CertificateSigningRequest",
        Kind::Cluster | Kind::Component | Kind::Container | Kind::External => "",
    }
}

impl Found {
    pub fn new(now: Timestamp) -> Self {
        Found {
            now,
            said: Vec::new(),
            events: Vec::new(),
            listed: Vec::new(),
            logs: Vec::new(),
            components: Vec::new(),
            gaps: Vec::new(),
            version: None,
            told: BTreeSet::new(),
            namespace: String::new(),
        }
    }

    /// The namespace of the command whose output comes next; `""` for a command without one.
    pub fn begin(&mut self, namespace: &str) {
        namespace.clone_into(&mut self.namespace);
    }

    pub fn command_namespace(&self) -> &str {
        &self.namespace
    }

    pub fn add(&mut self, detail: Detail, object: Object) {
        let namespace = object.metadata().namespace.as_str();
        if !namespace.is_empty() && !self.told.contains(namespace) {
            self.told.insert(namespace.to_owned());
        }
        self.said.push((detail, object));
    }

    pub fn list(&mut self, kind: Kind, scope: Scope) {
        let scope = if is_namespaced(kind) { scope } else { Scope::Everywhere };
        if !self.listed.iter().any(|(k, s)| *k == kind && *s == scope) {
            self.listed.push((kind, scope));
        }
    }

    pub fn gap(&mut self, kind: GapKind, subject: impl Into<String>, detail: impl Into<String>) {
        let gap = Gap::new(kind, subject, detail);
        if self.gaps.len() < KEPT_GAPS && !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}
