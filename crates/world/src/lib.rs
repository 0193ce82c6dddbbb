//! One picture of the cluster, joined from everything the sources said.
//!
//! **Invariant:** read-only for all stages after it; the same signals give the same world whatever their order; no clock:
//! the moment comes with the signals.

mod build;
mod calls;
mod declared;
mod edges;
mod events;
mod graph;
mod superseded;
mod table;
mod workload;

use std::collections::BTreeSet;

use hashbrown::HashMap;
use rootline_model::{EntityRef, Gap, Kind, Timestamp};
use rootline_objects as o;

pub use build::WorldBuilder;
pub use calls::{Address, CallSite, addresses_in};
pub use events::EventView;
pub use graph::{Edge, EntityId, Graph, Reach, Step};
pub use table::Table;
pub use workload::WorkloadView;

/// Everything known about one moment of one cluster.
#[derive(Debug, Default)]
pub struct World {
    /// The moment the state is of: what the source said, or the latest time seen in it.
    pub now: Timestamp,
    pub version: Option<String>,
    pub pods: Table<o::Pod>,
    pub nodes: Table<o::Node>,
    pub namespaces: Table<o::Namespace>,
    pub deployments: Table<o::Deployment>,
    pub replica_sets: Table<o::ReplicaSet>,
    pub stateful_sets: Table<o::StatefulSet>,
    pub daemon_sets: Table<o::DaemonSet>,
    pub jobs: Table<o::Job>,
    pub cron_jobs: Table<o::CronJob>,
    pub services: Table<o::Service>,
    pub endpoint_slices: Table<o::EndpointSlice>,
    pub ingresses: Table<o::Ingress>,
    pub ingress_classes: Table<o::IngressClass>,
    pub gateways: Table<o::Gateway>,
    pub routes: Table<o::Route>,
    pub network_policies: Table<o::NetworkPolicy>,
    pub claims: Table<o::Pvc>,
    pub volumes: Table<o::Pv>,
    pub storage_classes: Table<o::StorageClass>,
    pub attachments: Table<o::VolumeAttachment>,
    pub csi_nodes: Table<o::CsiNode>,
    pub config_maps: Table<o::ConfigMap>,
    pub secrets: Table<o::Secret>,
    pub service_accounts: Table<o::ServiceAccount>,
    pub quotas: Table<o::Quota>,
    pub limit_ranges: Table<o::LimitRange>,
    pub autoscalers: Table<o::Hpa>,
    pub budgets: Table<o::Pdb>,
    pub priority_classes: Table<o::PriorityClass>,
    pub webhooks: Table<o::WebhookConfig>,
    pub api_services: Table<o::ApiService>,
    pub crds: Table<o::Crd>,
    pub leases: Table<o::Lease>,
    pub csrs: Table<o::Csr>,
    pub components: Vec<o::ComponentStatus>,
    pub alerts: Vec<o::Alert>,
    pub reaches: Vec<o::Reach>,
    pub series: Vec<o::Series>,
    pub gaps: Vec<Gap>,
    /// Objects as manifests declare them; they need not exist.
    pub declared: Vec<o::Object>,
    /// Where one workload names another in its configuration.
    pub calls: Vec<CallSite>,
    pub graph: Graph,
    events: Vec<EventView>,
    events_of: HashMap<EntityRef, Vec<u32>>,
    logs: HashMap<(String, String), Vec<o::LogTail>>,
    listed: BTreeSet<(Kind, Option<String>)>,
    pods_of: HashMap<EntityRef, Vec<u32>>,
    slices_of: HashMap<(String, String), Vec<u32>>,
    owners: HashMap<(String, String), EntityRef>,
    selected: HashMap<(String, String), Vec<u32>>,
    empty: Vec<u32>,
}

impl World {
    /// Joins signals into a world.
    pub fn from_signals(signals: impl IntoIterator<Item = o::Signal>) -> World {
        let mut builder = WorldBuilder::default();
        for signal in signals {
            builder.add(signal);
        }
        builder.build()
    }

    /// True if every object of the kind in the namespace was read, so that what is not there does not exist.
    pub fn is_listed(&self, kind: Kind, namespace: &str) -> bool {
        self.listed.contains(&(kind, None)) || self.listed.contains(&(kind, Some(namespace.to_owned())))
    }

    /// True if the object is known not to exist.
    pub fn is_absent(&self, entity: &EntityRef) -> bool {
        self.is_listed(entity.kind, &entity.namespace) && !self.exists(entity)
    }

    /// True if the object was read.
    pub fn exists(&self, entity: &EntityRef) -> bool {
        let (ns, name) = (&*entity.namespace, &*entity.name);
        match entity.kind {
            Kind::Pod | Kind::Container => self.pods.get(ns, name).is_some(),
            Kind::Node => self.nodes.get("", name).is_some(),
            Kind::Namespace => self.namespaces.get("", name).is_some(),
            Kind::Deployment => self.deployments.get(ns, name).is_some(),
            Kind::ReplicaSet => self.replica_sets.get(ns, name).is_some(),
            Kind::StatefulSet => self.stateful_sets.get(ns, name).is_some(),
            Kind::DaemonSet => self.daemon_sets.get(ns, name).is_some(),
            Kind::Job => self.jobs.get(ns, name).is_some(),
            Kind::CronJob => self.cron_jobs.get(ns, name).is_some(),
            Kind::Service => self.services.get(ns, name).is_some(),
            Kind::Ingress => self.ingresses.get(ns, name).is_some(),
            Kind::IngressClass => self.ingress_classes.get("", name).is_some(),
            Kind::Gateway => self.gateways.get(ns, name).is_some(),
            Kind::Route => self.routes.get(ns, name).is_some(),
            Kind::NetworkPolicy => self.network_policies.get(ns, name).is_some(),
            Kind::Pvc => self.claims.get(ns, name).is_some(),
            Kind::Pv => self.volumes.get("", name).is_some(),
            Kind::StorageClass => self.storage_classes.get("", name).is_some(),
            Kind::ConfigMap => self.config_maps.get(ns, name).is_some(),
            Kind::Secret => self.secrets.get(ns, name).is_some(),
            Kind::ServiceAccount => self.service_accounts.get(ns, name).is_some(),
            Kind::Quota => self.quotas.get(ns, name).is_some(),
            Kind::LimitRange => self.limit_ranges.get(ns, name).is_some(),
            Kind::Hpa => self.autoscalers.get(ns, name).is_some(),
            Kind::Pdb => self.budgets.get(ns, name).is_some(),
            Kind::PriorityClass => self.priority_classes.get("", name).is_some(),
            Kind::Webhook => self.webhooks.get("", name).is_some(),
            Kind::ApiService => self.api_services.get("", name).is_some(),
            Kind::Crd => self.crds.get("", name).is_some(),
            _ => false,
        }
    }

    /// All events, oldest first.
    pub fn events(&self) -> &[EventView] {
        &self.events
    }

    /// Events about an entity, oldest first. Events about a container are also events of its pod.
    pub fn events_of(&self, entity: &EntityRef) -> impl DoubleEndedIterator<Item = &EventView> + use<'_> {
        self.events_of.get(entity).unwrap_or(&self.empty).iter().map(|&i| &self.events[i as usize])
    }

    /// Log tails of a pod: of its containers, current and previous.
    pub fn logs_of(&self, namespace: &str, pod: &str) -> &[o::LogTail] {
        self.logs.get(&(namespace.to_owned(), pod.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// All log tails, in a fixed order.
    pub fn logs(&self) -> impl Iterator<Item = &o::LogTail> {
        let mut keys: Vec<_> = self.logs.keys().collect();
        keys.sort();
        keys.into_iter().flat_map(|k| self.logs[k].iter())
    }

    /// Pods that belong to a workload, directly or through a replica set or job.
    pub fn pods_of(&self, workload: &EntityRef) -> impl Iterator<Item = &o::Pod> + use<'_> {
        self.pods_of.get(workload).unwrap_or(&self.empty).iter().map(|&i| self.pods.at(i as usize))
    }

    /// The topmost controller of a pod: its deployment, stateful set, daemon set, cron job or job; a bare pod is itself.
    pub fn workload_of(&self, pod: &o::Pod) -> EntityRef {
        self.owners
            .get(&(pod.namespace().to_owned(), pod.name().to_owned()))
            .cloned()
            .unwrap_or_else(|| EntityRef::pod(pod.namespace(), pod.name()))
    }

    /// The topmost controller of a pod, container or workload; other entities are themselves.
    pub fn top_of(&self, entity: &EntityRef) -> EntityRef {
        match entity.kind {
            Kind::Pod | Kind::Container => self
                .owners
                .get(&(entity.namespace.to_string(), entity.name.to_string()))
                .cloned()
                .unwrap_or_else(|| entity.whole()),
            Kind::ReplicaSet | Kind::Job => self.parent_of(entity).unwrap_or_else(|| entity.clone()),
            _ => entity.clone(),
        }
    }

    /// Endpoint slices of a service.
    pub fn slices_of(&self, namespace: &str, service: &str) -> impl Iterator<Item = &o::EndpointSlice> + use<'_> {
        self.slices_of
            .get(&(namespace.to_owned(), service.to_owned()))
            .unwrap_or(&self.empty)
            .iter()
            .map(|&i| self.endpoint_slices.at(i as usize))
    }

    /// Pods that a service's selector picks.
    pub fn selected_by(&self, service: &o::Service) -> impl Iterator<Item = &o::Pod> + use<'_> {
        self.selected
            .get(&(service.namespace().to_owned(), service.name().to_owned()))
            .unwrap_or(&self.empty)
            .iter()
            .map(|&i| self.pods.at(i as usize))
    }

    /// Seconds between a moment and now; `None` where the moment is missing.
    pub fn age_s(&self, then: o::Time) -> Option<i64> {
        then.0.map(|t| self.now.as_second() - t.as_second())
    }
}
