//! Objects of the API machinery that are stuck: namespaces, API services, resource definitions.
//!
//! **What it finds** aggregated APIs that do not answer, definitions that were refused, namespaces that never go away,
//! controllers that write events in a loop.
//! **Why it matters** a dead API service blocks autoscaling, `kubectl top` and the deletion of every namespace.
//! **Evidence used** conditions, the services and pods behind API services, event counts.
//! **How to confirm by hand** `kubectl get apiservices,crds`, `kubectl get ns NAME -o yaml`.
//! **What can fool it** a namespace that was deleted moments ago.
//! **Source** failure-modes rows 165, 168, 170.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::{clip, event_evidence};

/// Deleting a namespace takes seconds; with many objects minutes. Starting value, see ADR-0003.
const TERMINATING_S: i64 = 300;
/// Events per second of one object that no healthy controller writes. Starting values, see ADR-0003.
const FLOOD_PER_S: f64 = 1.0;
const FLOOD_MIN: u32 = 200;

pub(crate) struct ApiMachinery;

impl Detector for ApiMachinery {
    fn name(&self) -> &'static str {
        "API machinery"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        out.extend(world.api_services.iter().filter_map(|a| api_service(world, a)));
        out.extend(world.crds.iter().filter_map(crd));
        out.extend(world.namespaces.iter().filter_map(|n| terminating(world, n)));
        out.extend(flood(world));
        world.api_services.len() + world.crds.len() + world.namespaces.len()
    }
}

pub(crate) fn condition_of(object: EntityRef, c: &o::Condition) -> Evidence {
    Evidence::Condition {
        object,
        condition: c.kind.clone(),
        status: c.status.clone(),
        reason: c.reason.clone(),
        message: clip(&c.message, 400),
        since: c.last_transition_time.0,
    }
}

/// How a service behind a webhook or an API stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Ready,
    /// It selects pods, none of which is ready.
    Down,
    /// It selects nothing.
    Empty,
    Missing,
    /// Not enough was read.
    Unknown,
}

pub(crate) fn backend(world: &World, reference: &o::ServiceRef) -> Backend {
    let entity = EntityRef::new(Kind::Service, &reference.namespace, &reference.name);
    let Some(service) = world.services.get(&reference.namespace, &reference.name) else {
        return if world.is_absent(&entity) { Backend::Missing } else { Backend::Unknown };
    };
    if service.spec.selector.is_empty() || service.is_external_name() {
        return Backend::Unknown;
    }
    let pods: Vec<&o::Pod> = world.selected_by(service).filter(|p| !p.is_finished()).collect();
    if pods.iter().any(|p| p.is_ready()) {
        return Backend::Ready;
    }
    match (pods.is_empty(), world.is_listed(Kind::Pod, &reference.namespace)) {
        (false, _) => Backend::Down,
        (true, true) => Backend::Empty,
        (true, false) => Backend::Unknown,
    }
}

fn api_service(world: &World, api: &o::ApiService) -> Option<Finding> {
    let bad = api.status.conditions.iter().find(|c| c.is("Available", "False"))?;
    let me = EntityRef::wide(Kind::ApiService, api.name());
    let service = api.spec.service.as_ref();
    // pods that are not ready are the nearer cause, whatever it is they suffer from
    let down = service.is_some_and(|s| backend(world, s) == Backend::Down);
    let code = if down { "api_service.backend_down" } else { "api_service.unavailable" };
    let mut finding = Finding::new(code, me.clone())
        .nats(if down { 2.0 } else { 3.5 })
        .since(bad.last_transition_time.0)
        .arg("api", api.name())
        .arg("reason", bad.reason.as_str())
        .arg("message", clip(&bad.message, 400))
        .evidence(condition_of(me, bad));
    if let Some(s) = service {
        finding = finding.arg("service", format!("{}/{}", s.namespace, s.name));
        finding = finding.about(EntityRef::new(Kind::Service, &s.namespace, &s.name));
    }
    Some(finding)
}

fn crd(crd: &o::Crd) -> Option<Finding> {
    let bad = crd.status.conditions.iter().find(|c| c.is("NamesAccepted", "False") || c.is("Established", "False"))?;
    let me = EntityRef::wide(Kind::Crd, crd.name());
    // both conditions are False for a moment while a definition is being installed
    if bad.reason == "Installing" {
        return None;
    }
    let finding = Finding::new("crd.not_established", me.clone()).nats(3.0).since(bad.last_transition_time.0);
    Some(
        finding
            .arg("crd", crd.name())
            .arg("reason", bad.reason.as_str())
            .arg("message", clip(&bad.message, 400))
            .evidence(condition_of(me, bad)),
    )
}

fn terminating(world: &World, namespace: &o::Namespace) -> Option<Finding> {
    let begun = namespace.metadata.deletion_timestamp;
    let gone_on = world.age_s(begun).is_some_and(|a| a >= TERMINATING_S);
    if namespace.status.phase != "Terminating" || !gone_on {
        return None;
    }
    let order = [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceFinalizersRemaining",
        "NamespaceContentRemaining",
    ];
    let conditions = &namespace.status.conditions;
    let why = order.iter().find_map(|k| conditions.iter().find(|c| c.is(k, "True")));
    let me = EntityRef::wide(Kind::Namespace, namespace.name());
    let mut finding = Finding::new("namespace.stuck_terminating", me.clone())
        .nats(if why.is_some() { 3.0 } else { 2.0 })
        .since(begun.0)
        .arg("reason", why.map(|c| c.kind.clone()).unwrap_or_default())
        .arg("message", clip(why.map_or("", |c| &c.message), 400));
    finding.evidence.extend(why.map(|c| condition_of(me, c)));
    Some(finding)
}

/// The loudest object, if it is far too loud.
fn flood(world: &World) -> Option<Finding> {
    let rate = |e: &rootline_world::EventView| {
        let span = e.last?.as_second() - e.first?.as_second();
        let recent = world.age_s(o::Time(e.last)).is_some_and(|a| a <= TERMINATING_S);
        #[allow(clippy::cast_precision_loss, reason = "seconds of a few days")]
        let per_s = f64::from(e.count) / (span.max(1) as f64);
        (recent && e.count >= FLOOD_MIN && per_s >= FLOOD_PER_S).then_some(per_s)
    };
    let (event, per_s) = world
        .events()
        .iter()
        .filter_map(|e| Some((e, rate(e)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.entity.cmp(&a.0.entity)))?;
    let finding = Finding::new("cluster.event_flood", event.entity.clone()).nats(1.0).since(event.first);
    Some(
        finding
            .arg("count", event.count.to_string())
            .arg("rate", format!("{per_s:.1}"))
            .arg("reason", event.reason.as_str())
            .arg("component", event.component.as_str())
            .evidence(event_evidence(event)),
    )
}
