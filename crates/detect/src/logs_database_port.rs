//! Callers that ask a database for a port it does not have.
//!
//! *What it finds*: host and port of a database in two env values, where its service has no such port (an address in one
//! value is the matter of `addresses`). *Why it matters*: the database is healthy and its caller cannot connect. *Evidence used*: env
//! values, services, the caller's state and log. *How to confirm by hand*: `kubectl get service`. *What can
//! fool it*: settings that nobody dials: without a caller that suffers nothing is said. *Source*: failure-modes rows 66, 178.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{Address, World};

use crate::Detector;
use crate::complaints::{about_service, is_unwell};
use crate::logs_hosts::{is_database, workload_behind};
use crate::traffic::{field, service_ref};

pub(crate) struct DatabasePorts;

/// Endings of names of env values that hold a host, each to be replaced by those of the port.
const HOST_ENDINGS: [&str; 6] = ["HOST", "HOSTNAME", "SERVER", "ADDR", "ADDRESS", "SERVICE"];

impl Detector for DatabasePorts {
    fn name(&self) -> &'static str {
        "ports of databases"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut claims: BTreeMap<(EntityRef, EntityRef), (u16, Evidence)> = BTreeMap::new();
        for workload in world.workloads() {
            let template = &workload.template.spec;
            let spec = if template.containers.is_empty() {
                world.pods_of(&workload.entity).next().map(|p| &p.spec)
            } else {
                Some(template)
            };
            for container in spec.into_iter().flat_map(|s| &s.containers) {
                for (service, port, evidence) in pairs(world, &workload.entity, container) {
                    claims.insert((workload.entity.clone(), service), (port, evidence));
                }
            }
        }
        let looked_at = claims.len();
        for ((caller, service), (port, evidence)) in claims {
            out.extend(wrong(world, &caller, &service, port, evidence));
        }
        looked_at
    }
}

/// `DB_HOST` and `DB_PORT`: host and port of one service in two values.
fn pairs(world: &World, caller: &EntityRef, container: &o::Container) -> Vec<(EntityRef, u16, Evidence)> {
    let mut found = Vec::new();
    for host in &container.env {
        let upper = host.name.to_ascii_uppercase();
        let Some(stem) = HOST_ENDINGS.iter().find_map(|end| upper.strip_suffix(end)) else { continue };
        let address = Address { host: host.value.trim().to_ascii_lowercase(), port: None, scheme: None };
        let Some(service) =
            address.service_names(&caller.namespace).and_then(|(ns, name)| world.services.get(&ns, &name))
        else {
            continue;
        };
        let wanted = format!("{stem}PORT");
        let port = container.env.iter().find(|e| e.name.eq_ignore_ascii_case(&wanted));
        if let Some((env, port)) = port.and_then(|e| Some((e, e.value.trim().parse::<u16>().ok()?))) {
            let evidence = field(caller, format!("env {} / {}", host.name, env.name), format!("{}:{port}", host.value));
            found.push((service_ref(service), port, evidence));
        }
    }
    found
}

fn wrong(world: &World, caller: &EntityRef, service: &EntityRef, port: u16, evidence: Evidence) -> Option<Finding> {
    let object = world.services.get(&service.namespace, &service.name)?;
    let ports = &object.spec.ports;
    let database = workload_behind(world, service).filter(|w| w != caller)?;
    if ports.is_empty() || ports.iter().any(|p| p.port == i64::from(port)) || !is_database(world, &database) {
        return None;
    }
    // a headless service hands out the pods' own addresses, where every port is open that a container serves
    let served = world.pods_of(&database).flat_map(|p| &p.spec.containers).flat_map(|c| &c.ports);
    if object.is_headless() && served.into_iter().any(|p| p.container_port == i64::from(port)) {
        return None;
    }
    let complaints = about_service(world, object, Some(i64::from(port)));
    let unwell = is_unwell(world, caller);
    if complaints.is_empty() && !unwell {
        return None;
    }
    let expected = ports.iter().map(|p| p.port.to_string()).collect::<Vec<_>>().join(", ");
    let finding = Finding::new("database.wrong_port", caller.clone())
        .nats(if complaints.is_empty() { 1.3 } else { 2.5 })
        .arg("service", &*service.name)
        .arg("actual", port.to_string())
        .arg("expected", expected.clone())
        .arg("database", database.to_string())
        .about(EntityRef::new(Kind::Service, &service.namespace, &service.name))
        .evidence(evidence)
        .evidence(field(service, "spec.ports", expected));
    Some(complaints.into_iter().take(2).fold(finding, |f, c| f.evidence(c.evidence)))
}
