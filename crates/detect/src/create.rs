//! Containers whose configuration is not there.
//!
//! **What it finds** config maps, secrets and keys that a container or volume needs and that do not exist; images that
//! would run as root where the pod forbids it.
//! **Why it matters** the pod waits for ever in CreateContainerConfigError or ContainerCreating.
//! **Evidence used** waiting states, Failed and FailedMount events, references of the template, complete listings.
//! **How to confirm by hand** `kubectl describe pod`, `kubectl get configmap,secret`.
//! **What can fool it** an object created a moment after the pod; optional references; objects of another namespace.
//! **Source** failure-modes rows 36–39, 42.

use std::collections::BTreeSet;

use rootline_model::{EntityRef, Evidence, Finding, Kind, Timestamp};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::create_message::{ConfigFault, config_faults};
use crate::create_state::{between, clip, event_evidence, pod_ref, statuses, suffers, waiting_evidence};

pub(crate) struct Create;

impl Detector for Create {
    fn name(&self) -> &'static str {
        "container configuration"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for pod in world.pods.iter().filter(|p| suffers(p)) {
            let mut teller = Teller { world, pod, told: BTreeSet::new(), out: &mut *out };
            states(&mut teller);
            mounts(&mut teller);
        }
        world.pods.len()
    }
}

/// Tells the faults of a pod, each once, whoever says it.
struct Teller<'a> {
    world: &'a World,
    pod: &'a o::Pod,
    told: BTreeSet<String>,
    out: &'a mut Vec<Finding>,
}

struct Saying {
    entity: EntityRef,
    message: String,
    since: Option<Timestamp>,
    evidence: Vec<Evidence>,
}

fn states(teller: &mut Teller<'_>) {
    let (world, pod) = (teller.world, teller.pod);
    for (status, _, _) in statuses(pod) {
        let waiting = status.state.waiting.as_ref().filter(|w| w.reason == "CreateContainerConfigError");
        let Some(waiting) = waiting else { continue };
        let entity = EntityRef::container(pod.namespace(), pod.name(), &status.name);
        // pasted text has the reason and leaves the message to the events
        let event = world
            .events_of(&pod_ref(pod))
            .rev()
            .find(|e| e.warning && e.reason == "Failed" && !config_faults(&e.message).is_empty());
        let message = match (waiting.message.is_empty(), event) {
            (true, Some(event)) => event.message.clone(),
            _ => waiting.message.clone(),
        };
        let mut evidence = vec![waiting_evidence(entity.clone(), waiting)];
        evidence.extend(event.map(event_evidence));
        let since = event.and_then(|e| e.first).or(pod.status.start_time.0);
        let faults = config_faults(&message);
        let saying = Saying { entity, message, since, evidence };
        if faults.is_empty() && teller.told.insert(format!("config error {}", status.name)) {
            teller.out.push(dress(Finding::new("container.config_error", saying.entity.clone()).nats(2.5), &saying));
        }
        for fault in faults {
            teller.tell(&fault, &saying);
        }
    }
}

fn mounts(teller: &mut Teller<'_>) {
    let (world, pod) = (teller.world, teller.pod);
    for event in world.events_of(&pod_ref(pod)).rev().filter(|e| e.reason == "FailedMount") {
        let saying = Saying {
            entity: pod_ref(pod),
            message: event.message.clone(),
            since: event.first,
            evidence: vec![event_evidence(event)],
        };
        for fault in config_faults(&event.message) {
            let fault = with_name(pod, &event.message, fault);
            if still_so(world, pod.namespace(), &fault) {
                teller.tell(&fault, &saying);
            }
        }
    }
}

/// The kubelet names the volume and the key, not the object: the volume's source is it.
fn with_name(pod: &o::Pod, message: &str, fault: ConfigFault) -> ConfigFault {
    match fault {
        ConfigFault::Key { secret, name, key } if name.is_empty() => {
            let volume =
                between(message, "for volume \"", "\"").and_then(|v| pod.spec.volumes.iter().find(|x| x.name == v));
            let name = volume.map_or(String::new(), |v| match (&v.config_map, &v.secret) {
                (Some(map), _) if !secret => map.name.clone(),
                (_, Some(s)) if secret => s.secret_name.clone(),
                _ => String::new(),
            });
            ConfigFault::Key { secret, name, key }
        }
        other => other,
    }
}

/// False if the object that an event missed has come since.
fn still_so(world: &World, ns: &str, fault: &ConfigFault) -> bool {
    match fault {
        ConfigFault::ConfigMap(name) => world.config_maps.get(ns, name).is_none(),
        ConfigFault::Secret(name) => world.secrets.get(ns, name).is_none(),
        _ => true,
    }
}

fn dress(finding: Finding, saying: &Saying) -> Finding {
    let finding = finding.arg("message", clip(&saying.message, 600)).since(saying.since);
    saying.evidence.iter().fold(finding, |f, e| f.evidence(e.clone()))
}

impl Teller<'_> {
    fn tell(&mut self, fault: &ConfigFault, saying: &Saying) {
        let (world, pod) = (self.world, self.pod);
        if !self.told.insert(format!("{fault:?}")) {
            return;
        }
        let ns = pod.namespace();
        let on = |code| Finding::new(code, saying.entity.clone()).nats(4.0);
        let finding = match fault {
            ConfigFault::ConfigMap(name) => missing(world, pod, on("config.configmap_missing"), Kind::ConfigMap, name),
            ConfigFault::Secret(name) => missing(world, pod, on("config.secret_missing"), Kind::Secret, name),
            ConfigFault::Key { secret, name, key } => {
                let kind = if *secret { Kind::Secret } else { Kind::ConfigMap };
                let object = EntityRef::new(kind, ns, name);
                let keys = keys_of(world, &object);
                let finding =
                    on("config.key_missing").arg("key", key).arg("object", object.to_string()).about(object.clone());
                match keys.filter(|k| !k.is_empty()) {
                    Some(keys) => {
                        finding.evidence(Evidence::Field { object, path: "data".into(), value: keys.join(", ") })
                    }
                    None => finding,
                }
            }
            ConfigFault::RunsAsRoot => on("container.run_as_root").arg("user", "root"),
            ConfigFault::NamedUser(user) => on("container.run_as_root").arg("user", user),
        };
        self.out.push(dress(finding, saying));
    }
}

/// A missing object, with its likeness: the same name in another namespace, or nearly the same name in this one.
pub(crate) fn missing(world: &World, pod: &o::Pod, finding: Finding, kind: Kind, name: &str) -> Finding {
    let ns = pod.namespace();
    let object = EntityRef::new(kind, ns, name);
    let arg = if kind == Kind::Secret { "secret" } else { "configmap" };
    let mut finding =
        finding.arg(arg, name).about(object.clone()).evidence(Evidence::Absent { object, referred_by: pod_ref(pod) });
    for like in likeness(world, kind, ns, name) {
        finding = finding.evidence(Evidence::Field {
            path: "metadata.name".into(),
            value: like.name.to_string(),
            object: like,
        });
    }
    finding
}

fn likeness(world: &World, kind: Kind, ns: &str, name: &str) -> Vec<EntityRef> {
    let (here, elsewhere) = match kind {
        Kind::Secret => (
            crate::admission::nearest(name, world.secrets.names_in(ns)),
            world.secrets.iter().find(|s| s.name() == name).map(o::Secret::namespace),
        ),
        _ => (
            crate::admission::nearest(name, world.config_maps.names_in(ns)),
            world.config_maps.iter().find(|s| s.name() == name).map(o::ConfigMap::namespace),
        ),
    };
    let near = here.map(|n| EntityRef::new(kind, ns, n));
    let other = elsewhere.filter(|other| *other != ns).map(|other| EntityRef::new(kind, other, name));
    near.into_iter().chain(other).collect()
}

fn keys_of(world: &World, object: &EntityRef) -> Option<Vec<String>> {
    match object.kind {
        Kind::Secret => world.secrets.get(&object.namespace, &object.name)?.keys.as_ref().map(|k| k.0.clone()),
        _ => {
            let data = world.config_maps.get(&object.namespace, &object.name)?.data.as_ref()?;
            Some(data.keys().cloned().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{arg, codes, find, world};

    fn pod(waiting: &str) -> String {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"a","namespace":"shop"}},"spec":{{"nodeName":"w1","containers":[{{"name":
            "c"}}],"volumes":[{{"name":"conf","configMap":{{"name":"files"}}}}]}},"status":{{"phase":"Pending",
            "containerStatuses":[{{"name":"c","state":{{"waiting":{waiting}}}}}]}}}}"#
        )
    }

    fn mount(message: &str) -> String {
        format!(
            r#"{{"kind":"Event","metadata":{{"name":"e","namespace":"shop"}},"type":"Warning","reason":"FailedMount",
            "message":"MountVolume.SetUp failed for volume \"conf\" : {message}","involvedObject":{{"kind":"Pod","name":
            "a","namespace":"shop"}}}}"#
        )
    }

    #[test]
    fn what_is_missing_is_told_once() {
        let error = |m: &str| pod(&format!(r#"{{"reason":"CreateContainerConfigError","message":"{m}"}}"#));
        for (document, want) in [
            (error("configmap \\\"x\\\" not found"), "config.configmap_missing@container/shop/a/c"),
            (error("couldn't find key k in Secret shop/db"), "config.key_missing@container/shop/a/c"),
            (
                error("container has runAsNonRoot and image will run as root"),
                "container.run_as_root@container/shop/a/c",
            ),
            (error("strange"), "container.config_error@container/shop/a/c"),
        ] {
            assert_eq!(codes(&Create, &world(&[&document])), [want], "{document}");
        }
    }

    #[test]
    fn mounts_count_while_the_object_is_missing() {
        let waits = pod(r#"{"reason":"ContainerCreating"}"#);
        let lost = mount("configmap \\\"files\\\" not found");
        assert_eq!(codes(&Create, &world(&[&waits, &lost])), ["config.configmap_missing@pod/shop/a"]);
        let there = r#"{"kind":"ConfigMap","metadata":{"name":"files","namespace":"shop"},"data":{"a.yaml":""}}"#;
        assert!(codes(&Create, &world(&[&waits, &lost, there])).is_empty());
        let key = mount("configmap references non-existent config key: b.yaml");
        let found = find(&Create, &world(&[&waits, &key, there]));
        assert_eq!([arg(&found, "key"), arg(&found, "object")], ["b.yaml", "configmap/shop/files"]);
    }
}
