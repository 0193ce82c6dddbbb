//! Endpoint slices against the pods they should hold, and connection tests.
//!
//! *What it finds*: ready pods that no slice holds, slices that hold pods which are gone, services that a connection test
//! could not reach. *Why it matters*: the list of addresses is what kube-proxy uses. *Evidence used*: slices, pods, tests.
//! *What can fool it*: lists read a moment apart; so only what has stood for a minute counts.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::{Trouble, clip, trouble_of};
use crate::starting::{GRACE_S, is_active, settled};
use crate::traffic::{field, service_ref};

pub(crate) struct Endpoints;

impl Detector for Endpoints {
    fn name(&self) -> &'static str {
        "endpoints"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for service in &world.services {
            if world.is_listed(Kind::EndpointSlice, service.namespace()) && !service.spec.selector.is_empty() {
                out.extend(left_out(world, service));
            }
            out.extend(gone(world, service));
        }
        world.endpoint_slices.len()
    }
}

pub(crate) struct Reachability;

impl Detector for Reachability {
    fn name(&self) -> &'static str {
        "connection tests"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for reach in world.reaches.iter().filter(|r| r.reached == Some(false)) {
            let name = reach.host.split('.').next().unwrap_or(&reach.host);
            let me = EntityRef::new(Kind::Service, &reach.namespace, name);
            let how = match trouble_of(&reach.text) {
                Some(Trouble::Refused) => "refused",
                Some(Trouble::NoSuchHost) => "no such host",
                Some(Trouble::TimedOut) => "timed out",
                _ => "failed",
            };
            let finding = Finding::new("service.unreachable", me.clone())
                .arg("host", reach.host.clone())
                .arg("port", reach.port.to_string())
                .arg("how", how)
                .evidence(Evidence::Quote {
                    object: me,
                    source: format!("connection test {}:{}", reach.host, reach.port),
                    text: clip(reach.text.trim()),
                });
            if !out.contains(&finding) {
                out.push(finding);
            }
        }
        world.reaches.len()
    }
}

/// Pods that have been ready for a while and that no slice holds.
fn left_out(world: &World, service: &o::Service) -> Option<Finding> {
    let long_ready = |p: &&o::Pod| {
        let since =
            p.condition("Ready").filter(|c| c.status == "True").and_then(|c| world.age_s(c.last_transition_time));
        is_active(p) && p.is_ready() && since.is_some_and(|s| s > GRACE_S) && settled(world, &p.metadata)
    };
    let ready: Vec<&o::Pod> = world.selected_by(service).filter(long_ready).collect();
    if ready.is_empty() || !settled(world, &service.metadata) {
        return None;
    }
    let slices: Vec<&o::EndpointSlice> = world.slices_of(service.namespace(), service.name()).collect();
    let held = slices.iter().flat_map(|s| &s.endpoints).count();
    // slices that hold anything are the controller's work; a pod or two missing may be a matter of moments
    if held > 0 || ports_unresolved(service, &ready) {
        return None;
    }
    let me = service_ref(service);
    Some(
        Finding::new("endpoints.not_updated", me.clone())
            .nats(2.0)
            .arg("service", service.name())
            .arg("ready", ready.len().to_string())
            .arg("held", "0")
            .about(EntityRef::component("", "kube-controller-manager"))
            .evidence(Evidence::Arithmetic {
                object: me,
                what: "endpoints".to_owned(),
                left: "in slices 0".to_owned(),
                relation: "<".to_owned(),
                right: format!("ready pods {}", ready.len()),
            }),
    )
}

/// A port name that the pods do not define leaves the slices without ports, in text forms without endpoints.
fn ports_unresolved(service: &o::Service, pods: &[&o::Pod]) -> bool {
    service.spec.ports.iter().any(|p| match p.target() {
        o::PortRef::Name(name) => {
            !pods.iter().any(|pod| pod.spec.containers.iter().flat_map(|c| &c.ports).any(|cp| cp.name == name))
        }
        o::PortRef::Number(_) => false,
    })
}

/// Slices that still offer pods which are gone.
fn gone(world: &World, service: &o::Service) -> Option<Finding> {
    if !world.is_listed(Kind::Pod, service.namespace()) || service.spec.selector.is_empty() {
        return None;
    }
    let offered = world.slices_of(service.namespace(), service.name()).flat_map(|s| &s.endpoints);
    let pods: Vec<(&str, bool)> = offered
        .filter(|e| e.conditions.ready != Some(false))
        .filter_map(|e| e.target_ref.as_ref())
        .filter(|t| t.kind == "Pod")
        .map(|t| (t.name.as_str(), world.pods.get(service.namespace(), &t.name).is_some()))
        .collect();
    let stale: Vec<&str> = pods.iter().filter(|(_, here)| !here).map(|(name, _)| *name).collect();
    // one pod replaced between two lists is no fault; all of them gone is
    if stale.len() < 2 || stale.len() < pods.len() {
        return None;
    }
    let me = service_ref(service);
    Some(
        Finding::new("endpoints.stale", me.clone())
            .nats(1.5)
            .arg("service", service.name())
            .arg("pods", stale.iter().take(3).copied().collect::<Vec<_>>().join(", "))
            .about(EntityRef::component("", "kube-controller-manager"))
            .evidence(field(
                &me,
                "endpoints[].targetRef",
                stale.iter().take(3).copied().collect::<Vec<_>>().join(", "),
            )),
    )
}
