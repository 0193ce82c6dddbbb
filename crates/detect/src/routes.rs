//! Ingresses, Gateway routes and load balancers against what they send to.
//!
//! *What it finds*: backends and ports that do not exist, unknown classes, missing TLS secrets, routes that no gateway
//! accepts, load balancers that cannot be made. *Why it matters*: users see 404 and 503 while every pod is well.
//! *Evidence used*: specs, listed services and secrets, conditions, events. *What can fool it*: load balancers in
//! clusters that have nobody to make them.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::clip;
use crate::resemblance::nearest;
use crate::starting::settled;
use crate::traffic::field;

pub(crate) struct Routes;

impl Detector for Routes {
    fn name(&self) -> &'static str {
        "ingresses, routes and load balancers"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for ingress in &world.ingresses {
            backends(world, ingress, out);
            class(world, ingress, out);
            tls(world, ingress, out);
        }
        for route in &world.routes {
            route_backends(world, route, out);
            route_status(route, out);
        }
        for gateway in &world.gateways {
            gateway_status(gateway, out);
        }
        let balanced = world.services.iter().filter(|s| s.spec.kind == "LoadBalancer");
        let balanced = balanced.inspect(|s| out.extend(load_balancer(world, s))).count();
        world.ingresses.len() + world.routes.len() + world.gateways.len() + balanced
    }
}

/// Every backend of an ingress with its path.
pub(crate) fn ingress_backends(ingress: &o::Ingress) -> Vec<(String, &o::IngressServiceBackend)> {
    let paths = ingress
        .spec
        .rules
        .iter()
        .flat_map(|r| r.http.iter().flat_map(|h| &h.paths).map(|p| (format!("{}{}", r.host, p.path), &p.backend)));
    paths
        .chain(ingress.spec.default_backend.iter().map(|b| ("default".to_owned(), b)))
        .filter_map(|(path, backend)| Some((path, backend.service.as_ref()?)))
        .collect()
}

fn backends(world: &World, ingress: &o::Ingress, out: &mut Vec<Finding>) {
    let ns = ingress.namespace();
    let me = EntityRef::new(Kind::Ingress, ns, ingress.name());
    let mut seen = std::collections::BTreeSet::new();
    for (path, backend) in ingress_backends(ingress) {
        let port =
            if backend.port.name.is_empty() { backend.port.number.to_string() } else { backend.port.name.clone() };
        if !seen.insert((backend.name.clone(), port.clone())) {
            continue;
        }
        let service = EntityRef::new(Kind::Service, ns, &backend.name);
        let about = |code: &'static str| {
            Finding::new(code, me.clone())
                .nats(4.0)
                .since(ingress.metadata.creation_timestamp.0)
                .arg("path", path.clone())
                .arg("service", backend.name.clone())
                .arg("port", port.clone())
                .about(service.clone())
        };
        if world.is_absent(&service) {
            let near = nearest(&backend.name, world.services.names_in(ns)).unwrap_or_default();
            out.push(
                about("ingress.backend_missing")
                    .arg("expected", near)
                    .evidence(Evidence::Absent { object: service.clone(), referred_by: me.clone() }),
            );
            continue;
        }
        let Some(found) = world.services.get(ns, &backend.name) else { continue };
        let unset = backend.port.name.is_empty() && backend.port.number == 0;
        let fits = |p: &o::ServicePort| {
            if backend.port.name.is_empty() { p.port == backend.port.number } else { p.name == backend.port.name }
        };
        // text forms of a service may leave port names out
        let names_known = backend.port.name.is_empty() || found.spec.ports.iter().any(|p| !p.name.is_empty());
        if !unset && names_known && !found.spec.ports.is_empty() && !found.spec.ports.iter().any(fits) {
            let have = found.spec.ports.iter().map(|p| p.port.to_string()).collect::<Vec<_>>().join(", ");
            out.push(
                about("ingress.backend_port_missing")
                    .arg("expected", have.clone())
                    .evidence(field(&me, format!("backend of {path}"), format!("{}:{port}", backend.name)))
                    .evidence(field(&service, "spec.ports[].port", have)),
            );
        }
    }
}

fn class(world: &World, ingress: &o::Ingress, out: &mut Vec<Finding>) {
    let me = EntityRef::new(Kind::Ingress, ingress.namespace(), ingress.name());
    let name = ingress.spec.ingress_class_name.as_str();
    if name.is_empty() {
        let by_annotation = ingress.metadata.annotations.get("kubernetes.io/ingress.class").is_some();
        let admitted = !ingress.status.load_balancer.ingress.is_empty();
        let listed = world.is_listed(Kind::IngressClass, "");
        if listed && !by_annotation && !admitted && settled(world, &ingress.metadata) {
            out.push(Finding::new("ingress.no_class", me));
        }
        return;
    }
    let class = EntityRef::wide(Kind::IngressClass, name);
    if world.is_absent(&class) {
        let near = nearest(name, world.ingress_classes.iter().map(o::IngressClass::name)).unwrap_or_default();
        out.push(
            Finding::new("ingress.class_unknown", me.clone())
                .nats(if ingress.status.load_balancer.ingress.is_empty() { 3.5 } else { 1.0 })
                .since(ingress.metadata.creation_timestamp.0)
                .arg("class", name)
                .arg("expected", near)
                .about(class.clone())
                .evidence(Evidence::Absent { object: class, referred_by: me }),
        );
    }
}

fn tls(world: &World, ingress: &o::Ingress, out: &mut Vec<Finding>) {
    let me = EntityRef::new(Kind::Ingress, ingress.namespace(), ingress.name());
    for tls in ingress.spec.tls.iter().filter(|t| !t.secret_name.is_empty()) {
        let secret = EntityRef::new(Kind::Secret, ingress.namespace(), &tls.secret_name);
        // a certificate manager needs its time to fill the secret
        if world.is_absent(&secret) && settled(world, &ingress.metadata) {
            out.push(
                Finding::new("ingress.tls_secret_missing", me.clone())
                    .nats(3.5)
                    .since(ingress.metadata.creation_timestamp.0)
                    .arg("secret", tls.secret_name.clone())
                    .arg("hosts", tls.hosts.join(", "))
                    .about(secret.clone())
                    .evidence(Evidence::Absent { object: secret, referred_by: me.clone() }),
            );
        }
    }
}

fn route_backends(world: &World, route: &o::Route, out: &mut Vec<Finding>) {
    let me = EntityRef::new(Kind::Route, route.namespace(), route.name());
    for backend in route.spec.rules.iter().flat_map(|r| &r.backend_refs) {
        if !backend.kind.is_empty() && backend.kind != "Service" {
            continue;
        }
        let ns = if backend.namespace.is_empty() { route.namespace() } else { &backend.namespace };
        let service = EntityRef::new(Kind::Service, ns, &backend.name);
        let about = |code: &'static str| {
            Finding::new(code, me.clone())
                .nats(4.0)
                .since(route.metadata.creation_timestamp.0)
                .arg("service", backend.name.clone())
                .arg("port", backend.port.map(|p| p.to_string()).unwrap_or_default())
                .about(service.clone())
        };
        if world.is_absent(&service) {
            let near = nearest(&backend.name, world.services.names_in(ns)).unwrap_or_default();
            out.push(
                about("route.backend_missing")
                    .arg("expected", near)
                    .evidence(Evidence::Absent { object: service.clone(), referred_by: me.clone() }),
            );
        } else if let (Some(found), Some(port)) = (world.services.get(ns, &backend.name), backend.port)
            && !found.spec.ports.is_empty()
            && !found.spec.ports.iter().any(|p| p.port == port)
        {
            let have = found.spec.ports.iter().map(|p| p.port.to_string()).collect::<Vec<_>>().join(", ");
            out.push(about("route.backend_port_missing").arg("expected", have.clone()).evidence(field(
                &service,
                "spec.ports[].port",
                have,
            )));
        }
    }
}

fn condition_finding(code: &'static str, me: &EntityRef, c: &o::Condition) -> Finding {
    Finding::new(code, me.clone())
        .nats(4.0)
        .since(c.last_transition_time.0)
        .arg("condition", c.kind.clone())
        .arg("reason", c.reason.clone())
        .arg("message", c.message.clone())
        .evidence(Evidence::Condition {
            object: me.clone(),
            condition: c.kind.clone(),
            status: c.status.clone(),
            reason: c.reason.clone(),
            message: c.message.clone(),
            since: c.last_transition_time.0,
        })
}

fn route_status(route: &o::Route, out: &mut Vec<Finding>) {
    let me = EntityRef::new(Kind::Route, route.namespace(), route.name());
    for parent in &route.status.parents {
        for c in parent.conditions.iter().filter(|c| c.status == "False") {
            let code = match c.kind.as_str() {
                "Accepted" => "route.not_accepted",
                "ResolvedRefs" => "route.refs_unresolved",
                _ => continue,
            };
            out.push(condition_finding(code, &me, c).arg("gateway", parent.parent_ref.name.clone()).about(
                EntityRef::new(
                    Kind::Gateway,
                    if parent.parent_ref.namespace.is_empty() {
                        route.namespace()
                    } else {
                        &parent.parent_ref.namespace
                    },
                    &parent.parent_ref.name,
                ),
            ));
        }
    }
}

fn gateway_status(gateway: &o::Gateway, out: &mut Vec<Finding>) {
    let me = EntityRef::new(Kind::Gateway, gateway.namespace(), gateway.name());
    let bad = |c: &&o::Condition| c.status == "False" && matches!(c.kind.as_str(), "Accepted" | "Programmed");
    // `Pending` is a gateway that is being made
    if let Some(c) = gateway.status.conditions.iter().filter(bad).find(|c| c.reason != "Pending") {
        out.push(
            condition_finding("gateway.not_programmed", &me, c).arg("class", gateway.spec.gateway_class_name.clone()),
        );
    }
}

fn load_balancer(world: &World, service: &o::Service) -> Option<Finding> {
    let me = EntityRef::new(Kind::Service, service.namespace(), service.name());
    if !service.status.load_balancer.ingress.is_empty() || !service.spec.external_ips.is_empty() {
        return None;
    }
    let failed = world.events_of(&me).rev().find(|e| {
        matches!(e.reason.as_str(), "SyncLoadBalancerFailed" | "CreatingLoadBalancerFailed" | "AllocationFailed")
    });
    let about = |code: &'static str| Finding::new(code, me.clone()).arg("service", service.name());
    if let Some(e) = failed {
        return Some(
            about("service.load_balancer_failed")
                .nats(4.0)
                .since(e.first)
                .arg("message", clip(&e.message))
                .arg("reason", e.reason.clone())
                .evidence(Evidence::Event {
                    object: me.clone(),
                    reason: e.reason.clone(),
                    message: clip(&e.message),
                    count: e.count,
                    last: e.last,
                }),
        );
    }
    // nobody to make load balancers is how many clusters are: a risk
    world
        .age_s(service.metadata.creation_timestamp)
        .is_some_and(|age| age > 300)
        .then(|| about("service.load_balancer_pending").since(service.metadata.creation_timestamp.0))
}
