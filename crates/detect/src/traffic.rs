//! Services seen from both ends: who names them, and which workloads are meant to stand behind them.

use std::collections::{BTreeSet, HashMap};

use rootline_model::{EntityRef, Evidence, Kind};
use rootline_objects as o;
use rootline_world::{CallSite, WorkloadView, World};

use crate::complaints::is_unwell;
use crate::starting::is_active;

/// Call sites by the service they name.
pub(crate) struct Callers<'w> {
    by_service: HashMap<&'w EntityRef, Vec<&'w CallSite>>,
}

impl<'w> Callers<'w> {
    pub fn new(world: &'w World) -> Self {
        let mut by_service: HashMap<&EntityRef, Vec<&CallSite>> = HashMap::new();
        for site in &world.calls {
            if let Some(service) = &site.service {
                by_service.entry(service).or_default().push(site);
            }
        }
        Callers { by_service }
    }

    pub fn sites(&self, service: &EntityRef) -> &[&'w CallSite] {
        self.by_service.get(service).map_or(&[], Vec::as_slice)
    }

    /// Workloads that name a service, without the workload that stands behind it.
    pub fn of(&self, service: &EntityRef, own: Option<&EntityRef>) -> BTreeSet<&'w EntityRef> {
        self.sites(service).iter().map(|s| &s.caller).filter(|c| Some(*c) != own).collect()
    }
}

pub(crate) fn service_ref(service: &o::Service) -> EntityRef {
    EntityRef::new(Kind::Service, service.namespace(), service.name())
}

/// Workloads whose pod template a service's selector picks.
pub(crate) fn templates<'w>(world: &'w World, service: &o::Service) -> Vec<WorkloadView<'w>> {
    if service.spec.selector.is_empty() {
        return Vec::new();
    }
    world
        .workloads()
        .filter(|w| w.metadata.namespace == service.namespace())
        .filter(|w| selects(&service.spec.selector, labels_of(w)))
        .collect()
}

/// The labels of a workload's pods; where the template was not read, those that its own selector asks for.
pub(crate) fn labels_of<'w>(workload: &WorkloadView<'w>) -> &'w o::Labels {
    if workload.template.metadata.labels.is_empty() {
        &workload.selector.match_labels
    } else {
        &workload.template.metadata.labels
    }
}

pub(crate) fn selects(selector: &o::Labels, labels: &o::Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
}

/// Pods of a service that count.
pub(crate) fn live_pods<'w>(world: &'w World, service: &o::Service) -> Vec<&'w o::Pod> {
    world.selected_by(service).filter(|p| is_active(p)).collect()
}

/// Callers that are themselves not well.
pub(crate) fn hurt_callers<'w>(world: &World, callers: &BTreeSet<&'w EntityRef>) -> Vec<&'w EntityRef> {
    callers.iter().copied().filter(|c| is_unwell(world, c)).collect()
}

/// Ingresses and routes that send traffic to a service.
pub(crate) fn routed_from(world: &World, service: &EntityRef) -> Vec<EntityRef> {
    world.graph.sources(service, rootline_model::Relation::RoutesTo)
}

/// Whether a service serves the API server itself: webhooks, aggregated APIs.
pub(crate) fn serves_api(world: &World, service: &EntityRef) -> bool {
    !world.graph.sources(service, rootline_model::Relation::ServedBy).is_empty()
}

pub(crate) fn field(object: &EntityRef, path: impl Into<String>, value: impl Into<String>) -> Evidence {
    Evidence::Field { object: object.clone(), path: path.into(), value: value.into() }
}

/// Evidence of a call site: where the address stands and what it says.
pub(crate) fn site_evidence(site: &CallSite) -> Evidence {
    field(&site.object, site.place.clone(), written(site))
}

/// The address as it was written.
pub(crate) fn written(site: &CallSite) -> String {
    match site.address.port {
        Some(port) => format!("{}:{port}", site.address.host),
        None => site.address.host.clone(),
    }
}

/// Names for people: `deployment/shop/cart, deployment/shop/web`, at most four.
pub(crate) fn names<'a>(entities: impl IntoIterator<Item = &'a EntityRef>) -> String {
    let all: Vec<String> = entities.into_iter().map(ToString::to_string).collect();
    let mut line = all.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > 4 {
        line.push_str(&format!(" +{}", all.len() - 4));
    }
    line
}
