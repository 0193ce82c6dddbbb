//! Addresses in the configuration of workloads against the services that exist.
//!
//! *What it finds*: a host that no service carries, a service of another namespace, a port that the service does not
//! have, a service whose port left all its callers behind, a workload that is called and has no service. *Why it matters*:
//! the caller fails while everything it calls is healthy. *Evidence used*: env values, arguments, config maps, services,
//! logs, connection tests. *How to confirm by hand*: `kubectl get service`. *What can fool it*: addresses of optional
//! parts that are never dialled; hosts that are no Kubernetes names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{CallSite, World};

use crate::Detector;
use crate::complaints::{self, Complaint, Trouble, is_unwell};
use crate::listeners::Listeners;
use crate::resemblance::nearest;
use crate::services::with_complaints;
use crate::traffic::{Callers, field, labels_of, live_pods, names, selects, service_ref, site_evidence, written};

pub(crate) struct Addresses;

impl Detector for Addresses {
    fn name(&self) -> &'static str {
        "addresses in configuration"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        hosts(world, out);
        ports(world, out);
        world.calls.len()
    }
}

/// Ports up to here behind a bare word are versions (`redis:7`) rather than addresses.
const VERSION_MAX: u16 = 24;

/// What a call site means, if it plainly means a name inside the cluster: namespace and service name.
fn cluster_name(world: &World, site: &CallSite) -> Option<(String, String)> {
    let (ns, name) = site.address.service_names(&site.caller.namespace)?;
    let bare = !site.address.host.contains('.');
    let marked = site.address.host.contains(".svc");
    if !bare && !marked && world.namespaces.get("", &ns).is_none() {
        return None;
    }
    let versionlike = site.address.scheme.is_none() && site.address.port.is_none_or(|p| p <= VERSION_MAX);
    (!versionlike || marked).then_some((ns, name))
}

/// Names that resolve by other means than a service.
fn resolves_otherwise(world: &World, site: &CallSite, ns: &str, name: &str) -> bool {
    if world.pods.get(ns, name).is_some() {
        return true;
    }
    // host names inside the pod: aliases, containers' names in compose-like settings
    let spec_has = |spec: &o::PodSpec| {
        spec.host_aliases.iter().any(|a| a.hostnames.contains(&site.address.host))
            || spec.hostname == name
            || spec.containers.iter().any(|c| c.name == name)
    };
    if world.workload(&site.caller).is_some_and(|w| spec_has(&w.template.spec)) {
        return true;
    }
    // `db-0` of a stateful set `db`
    let set = name.rsplit_once('-').filter(|(_, n)| n.parse::<u32>().is_ok()).map(|(set, _)| set);
    set.is_some_and(|set| world.stateful_sets.get(ns, set).is_some())
}

/// Whether the text at the site is an address and nothing but one, so that a host in it is meant as a host.
fn is_plain_address(world: &World, site: &CallSite) -> bool {
    let Some(name) = site.place.strip_prefix("env ") else { return false };
    let Some(workload) = world.workload(&site.caller) else { return true };
    let spec = &workload.template.spec;
    let value = spec
        .init_containers
        .iter()
        .chain(&spec.containers)
        .flat_map(|c| &c.env)
        .find(|e| e.name == name && e.value.to_ascii_lowercase().contains(&site.address.host));
    value.is_none_or(|e| {
        let value = e.value.trim();
        !value.contains(char::is_whitespace)
            && (value.contains("://") || value.to_ascii_lowercase().starts_with(&site.address.host))
    })
}

fn hosts(world: &World, out: &mut Vec<Finding>) {
    let mut missing: BTreeMap<(String, String), Vec<&CallSite>> = BTreeMap::new();
    for site in world.calls.iter().filter(|s| s.place != "call map") {
        let Some((ns, name)) = cluster_name(world, site) else { continue };
        let known = world.services.get(&ns, &name).is_some();
        if known || !world.is_listed(Kind::Service, &ns) || resolves_otherwise(world, site, &ns, &name) {
            continue;
        }
        missing.entry((ns, name)).or_default().push(site);
    }
    for ((ns, name), sites) in missing {
        if let Some(finding) = without_service(world, &ns, &name, &sites) {
            out.push(finding);
            continue;
        }
        let mut seen = BTreeSet::new();
        for site in sites {
            if seen.insert((&site.caller, &site.place)) {
                out.extend(unknown_host(world, &ns, &name, site));
            }
        }
    }
}

/// The name is that of a workload which no service picks: its service is missing.
fn without_service(world: &World, ns: &str, name: &str, sites: &[&CallSite]) -> Option<Finding> {
    let own = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]
        .into_iter()
        .map(|k| EntityRef::new(k, ns, name))
        .find(|e| world.exists(e))?;
    let view = world.workload(&own)?;
    let labels = labels_of(&view);
    if world.services.iter().any(|s| s.namespace() == ns && selects(&s.spec.selector, labels)) {
        return None;
    }
    let callers: BTreeSet<&EntityRef> = sites.iter().map(|s| &s.caller).filter(|c| **c != own).collect();
    if callers.is_empty() {
        return None;
    }
    let complaints = complaints::about_host(world, ns, name, None);
    let hurt: Vec<&EntityRef> = callers.iter().copied().filter(|c| is_unwell(world, c)).collect();
    let service = EntityRef::new(Kind::Service, ns, name);
    let mut finding = Finding::new("service.missing", service.clone())
        .nats(if complaints.is_empty() && hurt.is_empty() { 2.0 } else { 4.0 })
        .arg("service", name)
        .arg("workload", own.to_string())
        .arg("callers", names(callers.iter().copied()))
        .about(own);
    for site in sites.iter().take(2) {
        finding = finding.evidence(Evidence::Absent { object: service.clone(), referred_by: site.caller.clone() });
        finding = finding.evidence(site_evidence(site));
    }
    for caller in callers {
        finding = finding.about(caller.clone());
    }
    Some(with_complaints(finding, &complaints, &hurt, &[]))
}

fn unknown_host(world: &World, ns: &str, name: &str, site: &CallSite) -> Option<Finding> {
    let complaints: Vec<Complaint> = complaints::about_host(world, &site.caller.namespace, &site.address.host, None)
        .into_iter()
        .filter(|c| c.by.as_ref().is_none_or(|by| *by == site.caller))
        .collect();
    let unresolved = complaints.iter().any(|c| matches!(c.trouble, Trouble::NoSuchHost));
    // a slip is told only from names that the caller does not use beside it
    let used: BTreeSet<&str> = world
        .calls
        .iter()
        .filter(|s| s.caller == site.caller && s.place != site.place)
        .filter_map(|s| s.service.as_ref().map(|e| &*e.name))
        .collect();
    let near = nearest(name, world.services.names_in(ns).filter(|n| !used.contains(n)));
    let plain = is_plain_address(world, site);
    let elsewhere = elsewhere(world, ns, name, site);
    let (code, nats) = match (unresolved || !complaints.is_empty(), near.is_some() || elsewhere.is_some()) {
        (true, true) => ("config.unknown_host", 4.0),
        (true, false) if unresolved => ("config.unknown_host", if is_unwell(world, &site.caller) { 4.0 } else { 3.0 }),
        (true, false) => ("config.unknown_host", 1.5),
        (false, true) if plain => ("config.unknown_host", if is_unwell(world, &site.caller) { 2.5 } else { 2.0 }),
        (false, false) if plain => ("config.address_unanswered", 1.0),
        _ => return None,
    };
    let code =
        if elsewhere.is_some() && code == "config.unknown_host" { "config.address_wrong_namespace" } else { code };
    let mut finding = at_site(code, site)
        .nats(nats)
        .arg(
            "expected",
            elsewhere
                .as_ref()
                .map_or_else(|| near.unwrap_or_default().to_owned(), |e| format!("{}.{}", e.name, e.namespace)),
        )
        .evidence(Evidence::Absent {
            object: EntityRef::new(Kind::Service, ns, name),
            referred_by: site.caller.clone(),
        });
    let right = elsewhere.or_else(|| near.map(|n| EntityRef::new(Kind::Service, ns, n)));
    if let Some(right) = right {
        finding = finding.about(right);
    }
    Some(with_complaints(finding, &complaints, &[], &[]))
}

/// The service of that name in another namespace, if there is exactly one and it has the port.
fn elsewhere(world: &World, ns: &str, name: &str, site: &CallSite) -> Option<EntityRef> {
    let mut found = world
        .services
        .iter()
        .filter(|s| s.name() == name && s.namespace() != ns)
        .filter(|s| site.address.port.is_none_or(|p| s.spec.ports.iter().any(|sp| sp.port == i64::from(p))));
    match (found.next(), found.next()) {
        (Some(one), None) => Some(service_ref(one)),
        _ => None,
    }
}

fn at_site(code: &'static str, site: &CallSite) -> Finding {
    let mut finding = Finding::new(code, site.caller.clone())
        .arg("place", site.place.clone())
        .arg("address", written(site))
        .arg("host", site.address.host.clone())
        .arg("object", site.object.to_string())
        .evidence(site_evidence(site));
    if let Some(port) = site.address.port {
        finding = finding.arg("port", port.to_string());
    }
    if site.object != site.caller {
        finding = finding.about(site.object.clone());
    }
    finding
}

/// Callers that name a port which the service does not have: who is the odd one out?
fn ports(world: &World, out: &mut Vec<Finding>) {
    let callers = Callers::new(world);
    for service in &world.services {
        let me = service_ref(service);
        let sites = callers.sites(&me);
        let plain = !service.is_external_name() && !service.spec.ports.is_empty();
        if sites.is_empty() || !plain {
            continue;
        }
        // behind a headless service callers reach the pods themselves, whatever ports the service names
        let pods = live_pods(world, service);
        let listeners = service.is_headless().then(|| Listeners::of_pods(world, pods.iter().copied()));
        if listeners.as_ref().is_some_and(|l| l.declared.is_empty()) {
            continue;
        }
        let behind = |p: u16| listeners.as_ref().is_some_and(|l| l.serves(i64::from(p)));
        let has = |p: u16| service.spec.ports.iter().any(|sp| sp.port == i64::from(p)) || behind(p);
        let mut wrong: BTreeMap<u16, BTreeMap<&EntityRef, &CallSite>> = BTreeMap::new();
        let mut right: BTreeSet<&EntityRef> = BTreeSet::new();
        for site in sites {
            match site.address.port {
                Some(port) if has(port) => {
                    right.insert(&site.caller);
                }
                Some(port) => {
                    wrong.entry(port).or_default().insert(&site.caller, site);
                }
                None => {}
            }
        }
        for (port, by) in wrong {
            out.extend(odd_port(world, service, port, &by, &right));
        }
    }
}

fn odd_port(
    world: &World,
    service: &o::Service,
    port: u16,
    by: &BTreeMap<&EntityRef, &CallSite>,
    right: &BTreeSet<&EntityRef>,
) -> Vec<Finding> {
    let me = service_ref(service);
    let number = i64::from(port);
    let complaints = complaints::about_service(world, service, Some(number));
    let pods = live_pods(world, service);
    let served = Listeners::of_pods(world, pods.iter().copied()).serves(number);
    // 80 and 443 in front of another port is the usual way to name a service; a caller that says 8080 is then the slip
    let front = service.spec.ports.iter().all(|p| matches!(p.port, 80 | 443));
    let moved = right.is_empty() && (by.len() >= 2 || (served && !front));
    let have = service.spec.ports.iter().map(|p| p.port.to_string()).collect::<Vec<_>>().join(", ");
    let line = if served { 0.5 } else { 0.0 };
    if moved {
        let mut finding = Finding::new("service.port_changed", me.clone())
            .nats(if complaints.is_empty() { 2.0 + line } else { 3.5 + line })
            .arg("service", service.name())
            .arg("port", have.clone())
            .arg("expected", port.to_string())
            .arg("callers", names(by.keys().copied()))
            .evidence(field(&me, "spec.ports[].port", have));
        for (caller, site) in by.iter().take(4) {
            finding = finding.about((*caller).clone()).evidence(site_evidence(site));
        }
        return vec![with_complaints(finding, &complaints, &[], &[])];
    }
    by.iter()
        .map(|(caller, site)| {
            let own: Vec<Complaint> =
                complaints.iter().filter(|c| c.by.as_ref().is_none_or(|b| b == *caller)).cloned().collect();
            let hurt = !own.is_empty() || is_unwell(world, caller);
            let finding = at_site("config.address_wrong_port", site)
                .nats(if hurt { 4.0 } else { 2.5 })
                .arg("service", service.name())
                .arg("expected", have.clone())
                .about(me.clone())
                .evidence(field(&me, "spec.ports[].port", have.clone()));
            with_complaints(finding, &own, &[], &[])
        })
        .collect()
}

/// Number of addresses per object and place, for readers that want single-address values only.
pub(crate) fn sites_per_place(world: &World) -> HashMap<(&EntityRef, &EntityRef, &str), usize> {
    let mut count = HashMap::new();
    for site in &world.calls {
        *count.entry((&site.caller, &site.object, site.place.as_str())).or_insert(0) += 1;
    }
    count
}
