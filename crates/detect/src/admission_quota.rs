//! Quotas that stand in the way without an event: of services, of claims, of pods by arithmetic.
//!
//! **What it finds** a quota on services that is used up while a Service that others call is missing; a quota on storage
//! that leaves less than a missing claim needs; a workload short of pods whose next pod would not fit the quota.
//! **Why it matters** a refused `kubectl apply` leaves no trace in the cluster but the absence of the object.
//! **Evidence used** quota status, missing objects, the templates' requests.
//! **How to confirm by hand** `kubectl describe quota`.
//! **What can fool it** a quota may be used up and nobody wants more.
//! **Source** failure-modes row 18.

use std::collections::BTreeSet;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::{pod_ref, suffers, wants_and_has};
use crate::scheduling_args::amount;

pub(crate) struct QuotaArithmetic;

impl Detector for QuotaArithmetic {
    fn name(&self) -> &'static str {
        "quotas"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for quota in &world.quotas {
            let before = out.len();
            services(world, quota, out);
            claims(world, quota, out);
            pods(world, quota, out);
            if out.len() == before {
                full(quota, out);
            }
        }
        world.quotas.len()
    }
}

fn entity(quota: &o::Quota) -> EntityRef {
    EntityRef::new(Kind::Quota, quota.namespace(), quota.name())
}

/// Hard limit and use of a resource.
fn state<'q>(quota: &'q o::Quota, resource: &str) -> Option<(&'q o::Quantity, f64)> {
    let hard = quota.status.hard.get(resource).or_else(|| quota.spec.hard.get(resource))?;
    Some((hard, quota.status.used.get(resource).map_or(0.0, o::Quantity::value)))
}

fn on_quota(code: &'static str, quota: &o::Quota, resource: &str) -> Finding {
    let used = quota.status.used.get(resource).map_or_else(|| "0".to_owned(), ToString::to_string);
    let limited = state(quota, resource).map(|(h, _)| h.to_string()).unwrap_or_default();
    Finding::new(code, entity(quota))
        .arg("quota", quota.name())
        .arg("resource", resource)
        .arg("used", used.clone())
        .arg("limited", limited.clone())
        .evidence(Evidence::Arithmetic {
            object: entity(quota),
            what: resource.to_owned(),
            left: format!("used {used}"),
            relation: "of".to_owned(),
            right: format!("hard {limited}"),
        })
}

/// A service that others call is not there, and the quota on services is used up.
fn services(world: &World, quota: &o::Quota, out: &mut Vec<Finding>) {
    let ns = quota.namespace();
    let full = ["services", "count/services"]
        .into_iter()
        .find(|r| state(quota, r).is_some_and(|(hard, used)| used >= hard.value()));
    let Some(resource) = full else { return };
    let missing = called_and_missing(world, ns);
    if missing.is_empty() {
        return;
    }
    let names = missing.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>();
    let list = names.iter().copied().collect::<Vec<_>>().join(", ");
    let mut finding = on_quota("quota.blocks_service", quota, resource).nats(4.0).arg("missing", list);
    for (name, caller) in &missing {
        let service = EntityRef::new(Kind::Service, ns, name);
        finding = finding
            .about(service.clone())
            .about(caller.clone())
            .evidence(Evidence::Absent { object: service, referred_by: caller.clone() });
    }
    out.push(finding);
}

/// Names that workloads of a namespace call and that are workloads there, but no services.
fn called_and_missing(world: &World, ns: &str) -> BTreeSet<(String, EntityRef)> {
    let mut missing = BTreeSet::new();
    if !world.is_listed(Kind::Service, ns) {
        return missing;
    }
    for site in world.calls.iter().filter(|s| &*s.caller.namespace == ns) {
        let Some((target_ns, name)) = site.address.service_names(ns) else { continue };
        let is_workload = || {
            [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]
                .into_iter()
                .any(|k| world.exists(&EntityRef::new(k, ns, &name)))
        };
        if target_ns == ns && world.services.get(ns, &name).is_none() && is_workload() {
            missing.insert((name, site.caller.clone()));
        }
    }
    missing
}

/// A claim that a pod needs is not there, and the quota leaves no room (or may not have left room) for it.
fn claims(world: &World, quota: &o::Quota, out: &mut Vec<Finding>) {
    let ns = quota.namespace();
    let mut missing: BTreeSet<(EntityRef, EntityRef)> = BTreeSet::new();
    for pod in world.pods.iter().filter(|p| p.namespace() == ns && suffers(p)) {
        for claim in pod.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref()) {
            let claim = EntityRef::new(Kind::Pvc, ns, &claim.claim_name);
            let said = world
                .events_of(&pod_ref(pod))
                .any(|e| e.message.contains(&format!("persistentvolumeclaim \"{}\" not found", claim.name)));
            if world.is_absent(&claim) || (said && !world.exists(&claim)) {
                missing.insert((claim, world.workload_of(pod)));
            }
        }
    }
    if missing.is_empty() {
        return;
    }
    let count = ["persistentvolumeclaims", "count/persistentvolumeclaims"]
        .into_iter()
        .find(|r| state(quota, r).is_some_and(|(hard, used)| used >= hard.value()));
    let (resource, nats, needs) = match count {
        Some(resource) => (resource, 4.0, "1".to_owned()),
        None => match storage(world, quota) {
            Some((resource, nats, needs)) => (resource, nats, needs),
            None => return,
        },
    };
    let list = missing.iter().map(|(c, _)| c.name.to_string()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let code = if nats >= 2.0 { "quota.blocks_claim" } else { "quota.may_block_claim" };
    let mut finding =
        on_quota(code, quota, resource).nats(nats).arg("missing", list.join(", ")).arg("requested", needs);
    for (claim, workload) in missing {
        finding = finding
            .about(claim.clone())
            .about(workload.clone())
            .evidence(Evidence::Absent { object: claim, referred_by: workload });
    }
    out.push(finding);
}

/// How sure it is that storage quota refused a claim whose size is not known: a free static volume of the cluster that is
/// larger than what the quota leaves was very likely made for it.
fn storage(world: &World, quota: &o::Quota) -> Option<(&'static str, f64, String)> {
    let (hard, used) = state(quota, "requests.storage")?;
    let left = (hard.value() - used).max(0.0);
    let waiting = world
        .volumes
        .iter()
        .filter(|v| v.status.phase == "Available" && v.spec.claim_ref.is_none())
        .filter_map(|v| v.spec.capacity.get("storage"))
        .find(|size| size.value() > left);
    Some(match waiting {
        _ if left <= 0.0 => ("requests.storage", 3.8, "?".to_owned()),
        Some(size) => ("requests.storage", 3.6, size.to_string()),
        // one tenth of the budget left, or a budget that nothing has ever been drawn from
        None if left <= hard.value() * 0.1 + 1.0 => ("requests.storage", 1.8, "?".to_owned()),
        None => ("requests.storage", 0.8, "?".to_owned()),
    })
}

/// A workload that lacks pods and whose next pod the quota would refuse.
fn pods(world: &World, quota: &o::Quota, out: &mut Vec<Finding>) {
    let ns = quota.namespace();
    if !quota.spec.scopes.is_empty() {
        return;
    }
    for workload in world.workloads().filter(|w| &*w.entity.namespace == ns) {
        // in a rolling update the old pods count: the quota refuses the next pod only if pods are really missing
        let living = world.pods_of(&workload.entity).filter(|p| !p.is_finished()).count();
        let short = wants_and_has(world, &workload.entity).is_some_and(|(wants, has)| has < wants)
            && i64::try_from(living).is_ok_and(|n| n < workload.desired);
        let told = out.iter().any(|f| f.entity == workload.entity && f.code.as_str().starts_with("quota."));
        if !short || told || workload.template.spec.containers.is_empty() {
            continue;
        }
        let next = o::Pod { spec: workload.template.spec.clone(), ..o::Pod::default() };
        for (resource, hard) in &quota.status.hard {
            let of = match resource.as_str() {
                "pods" | "count/pods" => "pods",
                "cpu" | "requests.cpu" => "cpu",
                "memory" | "requests.memory" => "memory",
                _ => continue,
            };
            let asks = if of == "pods" { 1.0 } else { next.request(of) };
            let used = quota.status.used.get(resource).map_or(0.0, o::Quantity::value);
            if asks > 0.0 && used + asks > hard.value() * (1.0 + 1e-9) {
                out.push(
                    on_quota("quota.exceeded", quota, resource)
                        .nats(3.0)
                        .arg("requested", amount(of, asks))
                        .arg("owner", workload.entity.to_string())
                        .arg("message", "")
                        .about(entity(quota))
                        .on(workload.entity.clone()),
                );
                break;
            }
        }
    }
}

/// A used-up quota that nobody runs into now.
fn full(quota: &o::Quota, out: &mut Vec<Finding>) {
    for (resource, hard) in &quota.status.hard {
        let used = quota.status.used.get(resource).map_or(0.0, o::Quantity::value);
        if hard.value() > 0.0 && used >= hard.value() {
            out.push(on_quota("quota.full", quota, resource).nats(1.0));
        }
    }
}

/// Moves a finding to another entity.
trait On {
    fn on(self, entity: EntityRef) -> Self;
}

impl On for Finding {
    fn on(mut self, entity: EntityRef) -> Self {
        self.entity = entity;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{codes, world};

    fn quota(resource: &str, hard: &str, used: &str) -> String {
        format!(
            r#"{{"kind":"ResourceQuota","metadata":{{"name":"q","namespace":"shop"}},"status":{{"hard":{{"{resource}":
            "{hard}"}},"used":{{"{resource}":"{used}"}}}}}}"#
        )
    }

    const CALLER: &str = r#"{"kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":0,"template":
        {"spec":{"containers":[{"name":"c","env":[{"name":"A","value":"pay:80"}]}]}}}}"#;
    const CALLED: &str = r#"{"kind":"Deployment","metadata":{"name":"pay","namespace":"shop"},"spec":{"replicas":0}}"#;

    fn service(name: &str) -> String {
        format!(r#"{{"kind":"Service","metadata":{{"name":"{name}","namespace":"shop"}}}}"#)
    }

    #[test]
    fn a_quota_on_services_matters_when_a_called_one_is_missing() {
        let full = quota("services", "1", "1");
        for (services, want) in [("web", "quota.blocks_service@quota/shop/q"), ("pay", "quota.full@quota/shop/q")] {
            assert_eq!(codes(&QuotaArithmetic, &world(&[&full, CALLER, CALLED, &service(services)])), [want]);
        }
        let roomy = quota("services", "9", "1");
        assert!(codes(&QuotaArithmetic, &world(&[&roomy, CALLER, CALLED, &service("web")])).is_empty());
    }

    #[test]
    fn a_missing_claim_is_the_quotas_doing_only_with_proof() {
        let pod = r#"{"kind":"Pod","metadata":{"name":"db","namespace":"shop"},"spec":{"volumes":[{"name":"d",
            "persistentVolumeClaim":{"claimName":"data"}}]},"status":{"phase":"Pending"}}"#;
        let claim = r#"{"kind":"PersistentVolumeClaim","metadata":{"name":"other","namespace":"shop"}}"#;
        let volume = r#"{"kind":"PersistentVolume","metadata":{"name":"v"},"spec":{"capacity":{"storage":"5Gi"}},
            "status":{"phase":"Available"}}"#;
        for (hard, used, want) in [
            ("10Gi", "9Gi", "quota.blocks_claim@quota/shop/q"),
            ("10Gi", "10Gi", "quota.blocks_claim@quota/shop/q"),
            ("90Gi", "9Gi", "quota.may_block_claim@quota/shop/q"),
        ] {
            let quota = quota("requests.storage", hard, used);
            assert_eq!(codes(&QuotaArithmetic, &world(&[&quota, pod, claim, volume])), [want], "{hard} {used}");
        }
    }
}
