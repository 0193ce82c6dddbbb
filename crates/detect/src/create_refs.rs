//! Static cross-check: what a template refers to and what is known not to exist.
//!
//! **What it finds** config maps, secrets, keys and claims that a template needs, are not optional and do not exist.
//! **Why it matters** the pod may not have been tried yet, or its events are gone after an hour.
//! **Evidence used** the templates of workloads and bare pods, complete listings.
//! **How to confirm by hand** `kubectl get configmap,secret`.
//! **What can fool it** listings that are not complete; pods that run on since before the object was deleted (a risk, not a
//! fault); objects made by a sidecar or an operator.
//! **Source** failure-modes rows 13, 36–39.

use std::collections::BTreeSet;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_state::{is_short, pod_ref, suffers};

pub(crate) struct References;

impl Detector for References {
    fn name(&self) -> &'static str {
        "references to configuration"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for workload in world.workloads() {
            looked_at += 1;
            let short = is_short(world, &workload.entity) && workload.desired > 0;
            check(world, &workload.entity, &workload.template.spec, short, out);
        }
        for pod in world.pods.iter().filter(|p| p.metadata.controller().is_none() && !p.is_finished()) {
            looked_at += 1;
            check(world, &pod_ref(pod), &pod.spec, suffers(pod), out);
        }
        looked_at
    }
}

fn check(world: &World, owner: &EntityRef, spec: &o::PodSpec, short: bool, out: &mut Vec<Finding>) {
    let ns = &*owner.namespace;
    let mut told = BTreeSet::new();
    for reference in references(spec) {
        let object = EntityRef::new(reference.kind, ns, reference.name);
        let absent = world.is_absent(&object);
        let key_gone = !absent && reference.key.is_some_and(|k| !k.is_empty() && key_is_gone(world, &object, k));
        if !(absent || key_gone) || !told.insert((object.clone(), reference.key.filter(|_| key_gone))) {
            continue;
        }
        let code = match (short, key_gone, reference.kind) {
            (false, ..) => "config.reference_gone",
            (true, true, _) => "config.key_missing",
            (true, false, Kind::Secret) => "config.secret_missing",
            (true, false, Kind::Pvc) => "volume.claim_missing",
            (true, false, _) => "config.configmap_missing",
        };
        // the API's own word (a waiting state) is stronger; this one speaks where that is missing
        let mut finding = Finding::new(code, owner.clone())
            .nats(if short { 3.5 } else { 1.0 })
            .arg(word(reference.kind), reference.name)
            .arg("object", object.to_string())
            .arg("key", reference.key.unwrap_or_default())
            .arg("message", "")
            .about(object.clone());
        finding = if key_gone {
            let keys = keys(world, &object).unwrap_or_default().join(", ");
            finding.evidence(Evidence::Field { object, path: "data".into(), value: keys })
        } else {
            finding.evidence(Evidence::Absent { object, referred_by: owner.clone() })
        };
        out.push(finding);
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "secret",
        Kind::Pvc => "claim",
        _ => "configmap",
    }
}

struct Reference<'s> {
    kind: Kind,
    name: &'s str,
    key: Option<&'s str>,
}

/// Everything in a pod spec that must exist before a container can start.
fn references(spec: &o::PodSpec) -> Vec<Reference<'_>> {
    let mut list: Vec<Reference<'_>> = Vec::new();
    let mut add = |kind, name, key, optional: Option<bool>| {
        if optional != Some(true) {
            list.push(Reference { kind, name, key });
        }
    };
    for container in spec.init_containers.iter().chain(&spec.containers) {
        for from in container.env.iter().filter_map(|e| e.value_from.as_ref()) {
            if let Some(k) = &from.config_map_key_ref {
                add(Kind::ConfigMap, k.name.as_str(), Some(k.key.as_str()), k.optional);
            }
            if let Some(k) = &from.secret_key_ref {
                add(Kind::Secret, k.name.as_str(), Some(k.key.as_str()), k.optional);
            }
        }
        for from in &container.env_from {
            if let Some(k) = &from.config_map_ref {
                add(Kind::ConfigMap, k.name.as_str(), None, k.optional);
            }
            if let Some(k) = &from.secret_ref {
                add(Kind::Secret, k.name.as_str(), None, k.optional);
            }
        }
    }
    for volume in &spec.volumes {
        if let Some(claim) = &volume.persistent_volume_claim {
            add(Kind::Pvc, claim.claim_name.as_str(), None, None);
        }
        if let Some(map) = &volume.config_map {
            add(Kind::ConfigMap, map.name.as_str(), None, map.optional);
        }
        if let Some(secret) = &volume.secret {
            add(Kind::Secret, secret.secret_name.as_str(), None, secret.optional);
        }
        for source in volume.projected.iter().flat_map(|p| &p.sources) {
            if let Some(map) = &source.config_map {
                add(Kind::ConfigMap, map.name.as_str(), None, map.optional);
            }
            if let Some(secret) = &source.secret {
                add(Kind::Secret, secret.name.as_str(), None, secret.optional);
            }
        }
    }
    // the root CA map is made by a controller for every namespace, a little later than the namespace
    list.retain(|r| !r.name.is_empty() && r.name != "kube-root-ca.crt");
    list
}

fn keys(world: &World, object: &EntityRef) -> Option<Vec<String>> {
    match object.kind {
        Kind::Secret => world.secrets.get(&object.namespace, &object.name)?.keys.as_ref().map(|k| k.0.clone()),
        _ => {
            let data = world.config_maps.get(&object.namespace, &object.name)?.data.as_ref()?;
            Some(data.keys().cloned().collect())
        }
    }
}

/// Only where the source told the keys.
fn key_is_gone(world: &World, object: &EntityRef, key: &str) -> bool {
    keys(world, object).is_some_and(|k| !k.is_empty() && !k.iter().any(|x| x == key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{codes, world};

    fn deployment(ready: i64, optional: bool) -> String {
        format!(
            r#"{{"kind":"Deployment","metadata":{{"name":"cart","namespace":"shop"}},"spec":{{"replicas":1,"template":
            {{"spec":{{"containers":[{{"name":"c","envFrom":[{{"configMapRef":{{"name":"x","optional":{optional}}}}}],"env":[
            {{"name":"P","valueFrom":{{"secretKeyRef":{{"name":"db","key":"pw"}}}}}}]}}]}}}}}},"status":{{"readyReplicas":
            {ready}}}}}"#
        )
    }

    const MAP: &str = r#"{"kind":"ConfigMap","metadata":{"name":"other","namespace":"shop"}}"#;

    fn secret(key: &str) -> String {
        format!(r#"{{"kind":"Secret","metadata":{{"name":"db","namespace":"shop"}},"data":{{"{key}":""}}}}"#)
    }

    #[test]
    fn only_what_is_known_to_be_absent_and_is_needed_counts() {
        for (documents, want) in [
            (
                vec![deployment(0, false), MAP.into(), secret("pw")],
                &["config.configmap_missing@deployment/shop/cart"][..],
            ),
            (vec![deployment(0, true), MAP.into(), secret("pw")], &[]),
            // config maps were not listed: nothing can be said
            (vec![deployment(0, false), secret("pw")], &[]),
            (vec![deployment(0, true), MAP.into(), secret("pass")], &["config.key_missing@deployment/shop/cart"]),
            // it runs: a risk
            (vec![deployment(1, false), MAP.into(), secret("pw")], &["config.reference_gone@deployment/shop/cart"]),
        ] {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            assert_eq!(codes(&References, &world(&documents)), want, "{documents:?}");
        }
    }
}
