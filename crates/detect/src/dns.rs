//! Names that do not resolve although the services are there.
//!
//! *What it finds*: the cluster's DNS without ready pods, pods whose DNS policy leads past it, external names that lead in
//! a circle or to nothing. *Why it matters*: "no such host" for a name that exists. *Evidence used*: pods of the DNS
//! service, `dnsPolicy`, `hostNetwork`, `externalName`, logs. *What can fool it*: a name that failed only while things were
//! starting; pods that need no cluster names.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::{self, Trouble, clip};
use crate::starting::{is_active, settled};
use crate::traffic::{field, live_pods, names, service_ref, site_evidence};

pub(crate) struct Dns;

impl Detector for Dns {
    fn name(&self) -> &'static str {
        "name resolution"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        out.extend(server(world));
        for workload in world.workloads() {
            looked_at += 1;
            let spec = &workload.template.spec;
            out.extend(past_the_cluster(world, &workload.entity, spec));
        }
        for service in world.services.iter().filter(|s| s.is_external_name()) {
            looked_at += 1;
            out.extend(external(world, service));
        }
        looked_at
    }
}

/// The DNS service of the cluster, by the name that kubelets are told.
fn server(world: &World) -> Option<Finding> {
    let service =
        world.services.get("kube-system", "kube-dns").or_else(|| world.services.get("kube-system", "coredns"))?;
    if service.spec.selector.is_empty() || !world.is_listed(Kind::Pod, "kube-system") {
        return None;
    }
    let pods = live_pods(world, service);
    let down = |p: &&o::Pod| !p.is_ready() && settled(world, &p.metadata);
    if !pods.iter().all(down) {
        return None;
    }
    let behind = crate::traffic::templates(world, service);
    let workload = pods.first().map(|p| world.workload_of(p)).or_else(|| behind.first().map(|w| w.entity.clone()))?;
    let replicas = world.workload(&workload).map_or(0, |w| w.desired);
    let mut finding = Finding::new("dns.server_down", workload.clone())
        .nats(4.0)
        .since(pods.iter().filter_map(|p| p.condition("Ready")?.last_transition_time.0).max())
        .arg("pods", pods.len().to_string())
        .arg("replicas", replicas.to_string())
        .about(service_ref(service))
        .evidence(field(&service_ref(service), "endpoints", format!("0 of {} pods ready", pods.len())));
    for pod in pods.iter().take(2) {
        for (container, status, _) in pod.containers() {
            let Some(waiting) = status.and_then(|s| s.state.waiting.as_ref()) else { continue };
            finding = finding.arg("reason", waiting.reason.clone()).evidence(Evidence::State {
                container: EntityRef::container(pod.namespace(), pod.name(), &container.name),
                state: "waiting".to_owned(),
                reason: waiting.reason.clone(),
                exit_code: None,
                message: clip(&waiting.message),
                at: None,
            });
        }
    }
    Some(finding)
}

/// A pod that names cluster services but does not ask the cluster's DNS.
fn past_the_cluster(world: &World, workload: &EntityRef, spec: &o::PodSpec) -> Option<Finding> {
    let host_network = spec.host_network == Some(true);
    let why = match spec.dns_policy.as_str() {
        "Default" => "dnsPolicy: Default",
        "None" if !asks_cluster(world, spec) => "dnsPolicy: None",
        // "ClusterFirst" on the host's network falls back to "Default"
        "ClusterFirst" if host_network => "hostNetwork with dnsPolicy: ClusterFirst",
        _ => return None,
    };
    let site = world.calls.iter().find(|s| s.caller == *workload && s.service.is_some())?;
    let unresolved = world.pods_of(workload).filter(|p| is_active(p)).find_map(|p| {
        let host = site.address.host.as_str();
        world.logs_of(p.namespace(), p.name()).iter().find_map(|t| {
            let line = t
                .lines
                .iter()
                .rev()
                .find(|l| complaints::trouble_of(l) == Some(Trouble::NoSuchHost) && l.contains(host))?;
            Some(Evidence::Log {
                container: EntityRef::container(&t.namespace, &t.pod, &t.container),
                line: clip(line),
                previous: t.previous,
                count: 1,
            })
        })
    });
    let unwell = complaints::is_unwell(world, workload);
    let (code, nats) = match (&unresolved, unwell) {
        (Some(_), _) => ("dns.wrong_policy", 4.0),
        (None, true) => ("dns.wrong_policy", 1.0),
        (None, false) => ("dns.policy_past_cluster", 1.0),
    };
    let mut finding = Finding::new(code, workload.clone())
        .nats(nats)
        .arg("policy", why)
        .arg("host", site.address.host.clone())
        .evidence(field(workload, "spec.template.spec.dnsPolicy", why))
        .evidence(site_evidence(site));
    if let Some(line) = unresolved {
        finding = finding.evidence(line);
    }
    if let Some(service) = &site.service {
        finding = finding.about(service.clone());
    }
    Some(finding)
}

/// Whether the name servers of `dnsConfig` are the cluster's.
fn asks_cluster(world: &World, spec: &o::PodSpec) -> bool {
    let servers = spec.dns_config.as_ref().map(|d| d.nameservers.as_slice()).unwrap_or_default();
    let cluster: Vec<&str> = ["kube-dns", "coredns", "node-local-dns", "kube-dns-upstream"]
        .iter()
        .filter_map(|n| world.services.get("kube-system", n))
        .map(|s| s.spec.cluster_ip.as_str())
        .collect();
    // where the cluster's address is unknown nothing is said; node-local caches listen on link-local addresses
    cluster.is_empty() || servers.iter().any(|s| cluster.contains(&s.as_str()) || s.starts_with("169.254."))
}

/// An external name that leads back to itself, or to a service that is not there.
fn external(world: &World, service: &o::Service) -> Option<Finding> {
    let me = service_ref(service);
    let mut chain = vec![me.clone()];
    let mut at = service;
    loop {
        let next = inner(&at.spec.external_name)?;
        let entity = EntityRef::new(Kind::Service, &next.0, &next.1);
        let about = |code: &'static str| {
            Finding::new(code, me.clone())
                .nats(4.0)
                .since(service.metadata.creation_timestamp.0)
                .arg("service", service.name())
                .arg("external_name", service.spec.external_name.clone())
                .evidence(field(&me, "spec.externalName", service.spec.external_name.clone()))
        };
        if chain.contains(&entity) {
            return Some(about("dns.external_name_loop").arg("chain", names(&chain)));
        }
        if world.is_absent(&entity) {
            return Some(
                about("dns.external_name_missing")
                    .nats(3.0)
                    .arg("target", entity.to_string())
                    .evidence(Evidence::Absent { object: entity, referred_by: me.clone() }),
            );
        }
        at = world.services.get(&next.0, &next.1)?;
        chain.push(entity);
        if !at.is_external_name() {
            return None;
        }
    }
}

/// Namespace and name of a service inside the cluster; `None` for names outside.
fn inner(external_name: &str) -> Option<(String, String)> {
    let mut parts = external_name.trim_end_matches('.').split('.');
    let (name, ns, svc) = (parts.next()?, parts.next()?, parts.next()?);
    (svc == "svc" && !name.is_empty() && !ns.is_empty()).then(|| (ns.to_owned(), name.to_owned()))
}
