//! Typed relations between entities.

/// `from --relation--> to`. Read: "pod RunsOn node".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// pod → node
    RunsOn,
    /// pod → replicaset → deployment, job → cronjob
    OwnedBy,
    /// container → pod, component → node
    PartOf,
    /// service → pod, network policy → pod, PDB → pod
    Selects,
    /// ingress, route → service; gateway ← route
    RoutesTo,
    /// pod → PVC → PV → storage class
    Mounts,
    /// pod → config map, secret, service account, priority class
    UsesConfig,
    /// workload → service (env value, config, log)
    Calls,
    /// HPA → workload
    Scales,
    /// namespace → quota, limit range; workload → namespace
    LimitedBy,
    /// anything namespaced → namespace
    InNamespace,
    /// webhook, API service → service
    ServedBy,
}

impl Relation {
    pub const ALL: [Relation; 12] = [
        Relation::RunsOn,
        Relation::OwnedBy,
        Relation::PartOf,
        Relation::Selects,
        Relation::RoutesTo,
        Relation::Mounts,
        Relation::UsesConfig,
        Relation::Calls,
        Relation::Scales,
        Relation::LimitedBy,
        Relation::InNamespace,
        Relation::ServedBy,
    ];

    /// The relation read from its target.
    pub const fn inverse_word(self) -> &'static str {
        match self {
            Relation::RunsOn => "runs",
            Relation::OwnedBy => "owns",
            Relation::PartOf => "has_part",
            Relation::Selects => "selected_by",
            Relation::RoutesTo => "routed_to_by",
            Relation::Mounts => "mounted_by",
            Relation::UsesConfig => "used_by",
            Relation::Calls => "called_by",
            Relation::Scales => "scaled_by",
            Relation::LimitedBy => "limits",
            Relation::InNamespace => "holds",
            Relation::ServedBy => "serves",
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Relation::RunsOn => "runs_on",
            Relation::OwnedBy => "owned_by",
            Relation::PartOf => "part_of",
            Relation::Selects => "selects",
            Relation::RoutesTo => "routes_to",
            Relation::Mounts => "mounts",
            Relation::UsesConfig => "uses_config",
            Relation::Calls => "calls",
            Relation::Scales => "scales",
            Relation::LimitedBy => "limited_by",
            Relation::InNamespace => "in_namespace",
            Relation::ServedBy => "served_by",
        }
    }

    pub fn parse(word: &str) -> Option<Relation> {
        Relation::ALL.into_iter().find(|r| r.word() == word)
    }

    /// Which way abnormality travels along the relation: `true` if the target can make the source abnormal (node → pod),
    /// `false` if the source makes the target abnormal (pod → deployment).
    pub const fn target_is_cause(self) -> bool {
        match self {
            Relation::RunsOn
            | Relation::Mounts
            | Relation::UsesConfig
            | Relation::Calls
            | Relation::LimitedBy
            | Relation::RoutesTo
            | Relation::Selects
            | Relation::ServedBy => true,
            Relation::OwnedBy | Relation::PartOf | Relation::Scales | Relation::InNamespace => false,
        }
    }
}
