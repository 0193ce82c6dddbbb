//! What a table leaves out of a pod and the template of its owner has: labels, spec, names of containers.

use std::collections::HashMap;

use rootline_objects::{Event, LogTail, Object, OwnerRef, Pod, PodSpec, Template};

use super::derive::is_hash;
use super::found::Detail;
use super::merge;

/// Fills pods of tables, and what `describe pod` does not show (affinity, spread) of those that wait for a node. Where no
/// template is known, an event or a log may still name the container.
pub(super) fn fill(objects: &mut [(Detail, Object)], events: &[Event], logs: &[LogTail]) {
    if !objects.iter().any(|(_, o)| matches!(o, Object::Pod(p) if is_nameless(p) || is_unplaced(p))) {
        return;
    }
    let templates = Templates::of(objects);
    let said = spoken_names(events, logs);
    for (_, o) in objects.iter_mut() {
        let Object::Pod(pod) = o else { continue };
        if is_nameless(pod) {
            let template = templates.owner_of(pod);
            let name = said.get(&(pod.metadata.namespace.as_str(), pod.metadata.name.as_str())).copied();
            complete(pod, template, name);
        } else if is_unplaced(pod)
            && let Some(template) = templates.owner_of(pod)
        {
            pod.spec.affinity.clone_from(&template.spec.affinity);
            pod.spec.topology_spread_constraints.clone_from(&template.spec.topology_spread_constraints);
        }
    }
}

/// A table tells how many containers there are, not what they are called.
fn is_nameless(pod: &Pod) -> bool {
    pod.spec.containers.first().is_some_and(|c| c.name.is_empty() || c.name.starts_with('#'))
}

fn is_unplaced(pod: &Pod) -> bool {
    pod.status.phase == "Pending" && pod.spec.node_name.is_empty() && pod.spec.affinity.is_none()
}

fn complete(pod: &mut Pod, template: Option<&Template>, said: Option<&str>) {
    let count = pod.spec.containers.len();
    if let Some(template) = template {
        merge::labels(&mut pod.metadata.labels, &template.metadata.labels);
    }
    let names = match (template.filter(|t| t.spec.containers.len() == count), said) {
        (Some(template), _) => {
            let PodSpec { node_name, volumes, .. } = std::mem::take(&mut pod.spec);
            pod.spec = PodSpec { node_name, ..template.spec.clone() };
            merge::volumes(&mut pod.spec.volumes, volumes);
            template.spec.containers.iter().map(|c| c.name.clone()).collect()
        }
        (None, Some(name)) if count == 1 => vec![name.to_owned()],
        _ => return,
    };
    for (container, name) in pod.spec.containers.iter_mut().zip(&names) {
        container.name.clone_from(name);
    }
    merge::rename(&mut pod.status.container_statuses, names.iter().map(String::as_str));
}

/// Kinds that own pods.
const OWNERS: [&str; 5] = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"];

/// The templates of all workloads that were read.
struct Templates {
    /// By kind, namespace and name.
    by_workload: HashMap<(&'static str, String, String), Template>,
    /// Controllers of replica sets.
    parents: HashMap<(String, String), OwnerRef>,
}

impl Templates {
    fn of(objects: &[(Detail, Object)]) -> Templates {
        let mut found = Templates { by_workload: HashMap::new(), parents: HashMap::new() };
        for (_, o) in objects {
            let (template, selector) = match o {
                Object::Deployment(w) => (&w.spec.template, &w.spec.selector),
                Object::ReplicaSet(w) => {
                    let at = (w.metadata.namespace.clone(), w.metadata.name.clone());
                    found.parents.extend(w.metadata.controller().map(|owner| (at, owner.clone())));
                    (&w.spec.template, &w.spec.selector)
                }
                Object::StatefulSet(w) => (&w.spec.template, &w.spec.selector),
                Object::DaemonSet(w) => (&w.spec.template, &w.spec.selector),
                Object::Job(w) => (&w.spec.template, &w.spec.selector),
                _ => continue,
            };
            let mut template = template.clone();
            if template.metadata.labels.is_empty() {
                // the selector is a part of the template's labels
                template.metadata.labels = selector.match_labels.clone();
            }
            if !template.spec.containers.is_empty() || !template.metadata.labels.is_empty() {
                let at = (o.kind(), o.metadata().namespace.clone(), o.metadata().name.clone());
                found.by_workload.insert(at, template);
            }
        }
        found
    }

    /// The template that a pod was made from, by its controller, the controller's controller, or the name of a replica
    /// set that was not pasted, which begins with its deployment's.
    fn owner_of(&self, pod: &Pod) -> Option<&Template> {
        let namespace = &pod.metadata.namespace;
        let owner = pod.metadata.controller()?;
        let set = owner.kind == "ReplicaSet";
        let parent = self.parents.get(&(namespace.clone(), owner.name.clone())).filter(|_| set);
        let by_name = || {
            let (stem, hash) = owner.name.rsplit_once('-').filter(|_| set)?;
            self.get("Deployment", namespace, stem).filter(|_| is_hash(hash))
        };
        self.get(&owner.kind, namespace, &owner.name)
            .or_else(|| parent.and_then(|p| self.get(&p.kind, namespace, &p.name)))
            .or_else(by_name)
    }

    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Template> {
        let kind = OWNERS.into_iter().find(|k| *k == kind)?;
        self.by_workload.get(&(kind, namespace.to_owned(), name.to_owned()))
    }
}

/// Container names that events (`spec.containers{app}`, `failed container app in pod`) and logs tell.
fn spoken_names<'a>(events: &'a [Event], logs: &'a [LogTail]) -> HashMap<(&'a str, &'a str), &'a str> {
    let mut out = HashMap::new();
    for event in events.iter().filter(|e| e.involved_object.kind == "Pod") {
        let object = &event.involved_object;
        let by_path = object.field_path.strip_prefix("spec.containers{").and_then(|p| p.strip_suffix('}'));
        let after = |mark: &str| event.message.split_once(mark).and_then(|(_, rest)| rest.split([' ', ',']).next());
        let by_text = || {
            after("failed container ").or_else(|| after("Started container ")).or_else(|| after("Created container: "))
        };
        if let Some(name) = by_path.or_else(by_text).filter(|n| !n.is_empty()) {
            out.entry((object.namespace.as_str(), object.name.as_str())).or_insert(name);
        }
    }
    for log in logs.iter().filter(|l| !l.container.is_empty()) {
        out.entry((log.namespace.as_str(), log.pod.as_str())).or_insert(log.container.as_str());
    }
    out
}
