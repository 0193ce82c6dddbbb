//! What a well-known alert is about, and whether it names a cause or an effect.
//!
//! Unknown names are judged by the entity alone; nothing depends on a name being here.

use rootline_model::{EntityRef, Kind};

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// Requests to a service fail or are slow.
    Request,
    /// Pods of a workload are too few, a rollout does not end.
    Workload,
    Pod,
    Volume,
    Node,
    /// DNS of the cluster.
    Dns,
    /// etcd, API server, controllers.
    ControlPlane,
    /// A namespace, a quota, the monitoring itself, or nothing that can be told.
    Other,
}

/// Topic and rank of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub topic: Topic,
    rank: u8,
    acts: bool,
}

/// Name of the rule (kube-prometheus, CoreDNS and etcd mixins), rank of causality, whether it tells of harm although its
/// rule calls it information.
const KNOWN: &[(&str, u8, bool)] = &[
    // pods are being killed or refused: harm, whatever the rule's severity
    ("KubeNodeEviction", 55, true),
    ("KubeNodePressure", 58, true),
];

impl Subject {
    pub fn of(name: &str, entity: Option<&EntityRef>) -> Subject {
        let topic = match entity.map(|e| e.kind) {
            Some(Kind::Pvc | Kind::Pv) => Topic::Volume,
            Some(Kind::Pod | Kind::Container) => Topic::Pod,
            Some(Kind::Node) => Topic::Node,
            Some(Kind::Service | Kind::Ingress | Kind::Route | Kind::Gateway) => Topic::Request,
            Some(Kind::Component) => match entity.and_then(|e| e.part.as_deref()) {
                Some("dns") => Topic::Dns,
                _ => Topic::ControlPlane,
            },
            Some(kind) if kind.is_workload() || matches!(kind, Kind::Hpa | Kind::Pdb) => Topic::Workload,
            _ => Topic::Other,
        };
        let known = KNOWN.iter().find(|(n, ..)| *n == name);
        let rank = known.map_or(Self::plain_rank(topic), |(_, rank, _)| *rank);
        Subject { topic, rank, acts: known.is_some_and(|(_, _, acts)| *acts) }
    }

    /// What lies deeper is more often the cause.
    const fn plain_rank(topic: Topic) -> u8 {
        match topic {
            Topic::Dns | Topic::ControlPlane => 70,
            Topic::Volume => 65,
            Topic::Node => 60,
            Topic::Pod => 50,
            Topic::Workload => 35,
            Topic::Request => 30,
            Topic::Other => 20,
        }
    }

    pub fn rank(self) -> u8 {
        self.rank
    }

    pub fn acts(self) -> bool {
        self.acts
    }
}
