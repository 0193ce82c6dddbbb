//! Joins what all texts say: namespaces that a text left open, objects that several texts describe, owners and reasons
//! that follow from other texts.

use std::collections::{BTreeMap, HashMap, HashSet};

use rootline_model::Kind;
use rootline_objects::{Event, Object, Pod, Signal};

use super::describe::SERVICE_NAME;
use super::found::{Detail, Found, Scope, What};
use super::{derive, merge};

/// What an object is called: kind, namespace, name.
type Key<'a> = (&'a str, &'a str, &'a str);

pub(super) fn finish(mut found: Found) -> Vec<Signal> {
    name_namespaces(&mut found);
    let mut objects = merged(std::mem::take(&mut found.said));
    drop_stale_hints(&mut objects, &found.listed);
    let mut events = distinct(std::mem::take(&mut found.events));
    derive::all(&mut objects, &mut events, &found.logs);
    unseen_pods(&mut objects, &events, &found.listed);

    let mut out = Vec::with_capacity(objects.len() + events.len() + found.listed.len() + found.logs.len() + 8);
    out.extend(found.version.map(Signal::Version));
    out.extend(objects.into_iter().map(|(_, o)| Signal::Object(o)));
    out.extend(events.into_iter().map(|e| Signal::Object(Object::Event(Box::new(e)))));
    let mut listed: Vec<(Kind, Option<String>)> = Vec::new();
    for (kind, scope) in found.listed {
        let namespace = match scope {
            Scope::Everywhere => None,
            Scope::In(namespace) => Some(namespace),
            // named by now
            Scope::Unnamed => continue,
        };
        if !listed.contains(&(kind, namespace.clone())) {
            listed.push((kind, namespace));
        }
    }
    out.extend(listed.into_iter().map(|(kind, namespace)| Signal::Listed { kind, namespace }));
    out.extend(found.logs.into_iter().map(Signal::Log));
    out.extend(found.components.into_iter().map(Signal::Component));
    out.extend(found.gaps.into_iter().map(Signal::Gap));
    out
}

/// Reasons after which a pod has not begun to run.
const NOT_STARTED: [&str; 8] = [
    "FailedScheduling",
    "FailedMount",
    "FailedAttachVolume",
    "FailedCreatePodSandBox",
    "Failed",
    "InspectFailed",
    "ErrImageNeverPull",
    "NetworkNotReady",
];

/// Pods that only events tell of, the newest of which is a complaint: somebody pasted `kubectl get events` alone. Where the
/// pods of the namespace were listed, such a pod is gone.
fn unseen_pods(objects: &mut Vec<(Detail, Object)>, events: &[Event], listed: &[(Kind, Scope)]) {
    let seen: HashSet<(String, String)> = objects
        .iter()
        .filter(|(_, o)| o.kind() == "Pod")
        .map(|(_, o)| (o.metadata().namespace.clone(), o.metadata().name.clone()))
        .collect();
    let mut newest: BTreeMap<(&str, &str), &Event> = BTreeMap::new();
    for event in events.iter().filter(|e| e.involved_object.kind == "Pod") {
        let slot = newest.entry((&event.involved_object.namespace, &event.involved_object.name)).or_insert(event);
        // events of one second: a complaint stands last
        if (event.last_seen(), event.kind == "Warning") >= (slot.last_seen(), slot.kind == "Warning") {
            *slot = event;
        }
    }
    let all_listed = |ns: &str| {
        listed.iter().any(|(kind, scope)| {
            *kind == Kind::Pod && (*scope == Scope::Everywhere || *scope == Scope::In(ns.to_owned()))
        })
    };
    for ((ns, name), event) in newest {
        let complains = event.kind == "Warning" && NOT_STARTED.contains(&event.reason.as_str());
        if !complains || all_listed(ns) || seen.contains(&(ns.to_owned(), name.to_owned())) {
            continue;
        }
        let mut pod = Pod::default();
        ns.clone_into(&mut pod.metadata.namespace);
        name.clone_into(&mut pod.metadata.name);
        "Pending".clone_into(&mut pod.status.phase);
        objects.push((Detail::Row, Object::Pod(Box::new(pod))));
    }
}

/// A command without a namespace printed that of its context, which the text does not tell: the namespace in which
/// another text has an object of that kind and name, else the only namespace that was told, else `default`.
fn name_namespaces(found: &mut Found) {
    let mut only = found.told.iter();
    let fallback = match (only.next(), only.next()) {
        (Some(one), None) => one.clone(),
        _ => "default".to_owned(),
    };
    let mut known: HashMap<(&str, &str), Option<&str>> = HashMap::with_capacity(found.said.len());
    for (_, object) in &found.said {
        let meta = object.metadata();
        if !meta.namespace.is_empty() {
            let slot = known.entry((object.kind(), &meta.name)).or_insert(Some(&meta.namespace));
            // two namespaces have one: neither can be told
            if *slot != Some(meta.namespace.as_str()) {
                *slot = None;
            }
        }
    }
    let home = |kind: &str, name: &str| match known.get(&(kind, name)) {
        Some(Some(namespace)) => (*namespace).to_owned(),
        _ => fallback.clone(),
    };
    for event in &mut found.events {
        let object = &mut event.involved_object;
        if event.metadata.namespace.is_empty() {
            let namespaced = What::parse(&object.kind).is_none_or(What::is_namespaced);
            event.metadata.namespace = if namespaced { home(&object.kind, &object.name) } else { "default".to_owned() };
            if namespaced && object.namespace.is_empty() {
                object.namespace.clone_from(&event.metadata.namespace);
            }
        }
    }
    for log in found.logs.iter_mut().filter(|l| l.namespace.is_empty()) {
        log.namespace = home("Pod", &log.pod);
    }
    let open: Vec<(usize, String)> = found
        .said
        .iter()
        .enumerate()
        .filter(|(_, (_, o))| o.metadata().namespace.is_empty())
        .filter(|(_, (_, o))| What::parse(o.kind()).is_some_and(What::is_namespaced))
        .map(|(i, (_, o))| (i, home(o.kind(), &o.metadata().name)))
        .collect();
    for (i, namespace) in open {
        found.said[i].1.metadata_mut().namespace = namespace;
    }
    for (_, scope) in &mut found.listed {
        if *scope == Scope::Unnamed {
            *scope = Scope::In(fallback.clone());
        }
    }
}

/// One object for all that was said about it, in the order of first mention.
fn merged(said: Vec<(Detail, Object)>) -> Vec<(Detail, Object)> {
    let mut slots: HashMap<Key<'_>, usize> = HashMap::with_capacity(said.len());
    let mut to = Vec::with_capacity(said.len());
    for (_, object) in &said {
        let meta = object.metadata();
        let next = slots.len();
        to.push(*slots.entry((object.kind(), &meta.namespace, &meta.name)).or_insert(next));
    }
    let count = slots.len();
    drop(slots);
    let mut out: Vec<Option<(Detail, Object)>> = Vec::new();
    out.resize_with(count, || None);
    for (slot, one) in to.into_iter().zip(said) {
        let place = &mut out[slot];
        *place = Some(match place.take() {
            Some(have) => merge::join(have, one),
            None => one,
        });
    }
    out.into_iter().flatten().collect()
}

/// What a text only mentions does not stand against a list that does not have it; nor does a slice that was made up from
/// a service's text stand beside the real ones.
fn drop_stale_hints(objects: &mut Vec<(Detail, Object)>, listed: &[(Kind, Scope)]) {
    let is_listed = |kind: &str, namespace: &str| {
        let Some(What::Of(kind)) = What::parse(kind) else { return false };
        listed.iter().any(|(k, scope)| {
            *k == kind
                && match scope {
                    Scope::Everywhere => true,
                    Scope::In(n) => n == namespace,
                    Scope::Unnamed => false,
                }
        })
    };
    let real: HashSet<(String, String)> = objects
        .iter()
        .filter_map(|(_, o)| match o {
            Object::EndpointSlice(s) => {
                let service = s.service()?;
                (service != s.metadata.name).then(|| (s.metadata.namespace.clone(), service.to_owned()))
            }
            _ => None,
        })
        .collect();
    objects.retain(|(detail, object)| {
        let meta = object.metadata();
        if let Object::EndpointSlice(slice) = object {
            let made_up = slice.metadata.labels.get(SERVICE_NAME) == Some(meta.name.as_str());
            return !(made_up && real.contains(&(meta.namespace.clone(), meta.name.clone())));
        }
        *detail != Detail::Hint || !is_listed(object.kind(), &meta.namespace)
    });
}

/// The same event stands in the list of events and under the object it is about.
fn distinct(events: Vec<Event>) -> Vec<Event> {
    let mut slots: HashMap<(String, String, String, String, String), usize> = HashMap::with_capacity(events.len());
    let mut out: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        let about = &event.involved_object;
        let key = (
            event.metadata.namespace.clone(),
            format!("{}/{}", about.kind, about.name),
            event.reason.clone(),
            // tables cut a message at its first line end
            event.message.split('\n').next().unwrap_or_default().trim_end_matches("...").to_owned(),
            event.kind.clone(),
        );
        match slots.get(&key).and_then(|&i| out.get_mut(i)) {
            Some(have) => join_events(have, event),
            None => {
                slots.insert(key, out.len());
                out.push(event);
            }
        }
    }
    for (i, event) in out.iter_mut().enumerate() {
        if event.metadata.name.is_empty() {
            event.metadata.name = format!("{}.{i}", event.involved_object.name);
        }
    }
    out
}

fn join_events(have: &mut Event, other: Event) {
    if other.message.len() > have.message.len() {
        have.message = other.message;
    }
    have.count = have.count.max(other.count);
    let earlier = [have.first_timestamp.0, other.first_timestamp.0].into_iter().flatten().min();
    let later = [have.last_timestamp.0, other.last_timestamp.0].into_iter().flatten().max();
    have.first_timestamp.0 = earlier;
    have.last_timestamp.0 = later;
    if have.source.component.is_empty() {
        have.source = other.source;
    }
    if have.involved_object.field_path.is_empty() {
        have.involved_object.field_path = other.involved_object.field_path;
    }
    if have.metadata.name.is_empty() {
        have.metadata.name = other.metadata.name;
    }
}
