//! Images that do not arrive.
//!
//! **What it finds** containers that wait for their image, with the registry's error classified; missing pull secrets.
//! **Why it matters** ImagePullBackOff is one word for ten causes with ten different fixes.
//! **Evidence used** waiting states, Failed and FailedToRetrieveImagePullSecret events, pull secrets, older revisions.
//! **How to confirm by hand** `kubectl describe pod`, `crictl pull` on the node.
//! **What can fool it** a missing pull secret is harmless where the image is public; an old error of a pull that worked later.
//! **Source** failure-modes rows 25–35.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::create_state::{between, clip, event_evidence, pod_ref, statuses, suffers, waiting_evidence};
use crate::images_message::{PullFault, classify, registry, repository, was_anonymous};

pub(crate) struct Images;

impl Detector for Images {
    fn name(&self) -> &'static str {
        "images"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut by_registry: BTreeMap<(String, &'static str), BTreeSet<EntityRef>> = BTreeMap::new();
        for pod in world.pods.iter().filter(|p| suffers(p)) {
            for pull in pulls(world, pod) {
                let fault = pull.fault();
                if matches!(
                    fault,
                    Some(PullFault::RegistryUnreachable | PullFault::RegistryDns | PullFault::RateLimited)
                ) {
                    let code = fault.map_or("", PullFault::code);
                    let host = registry(&pull.image).to_owned();
                    by_registry.entry((host, code)).or_default().insert(world.workload_of(pod));
                }
                out.push(finding(world, pod, &pull));
            }
        }
        for ((host, code), workloads) in by_registry.into_iter().filter(|(_, w)| w.len() >= 2) {
            let external = EntityRef::wide(Kind::External, &host);
            let mut finding = Finding::new("registry.unreachable", external)
                .nats(4.0)
                .arg("registry", &host)
                .arg("why", code)
                .arg("workloads", workloads.len().to_string());
            for workload in workloads {
                finding = finding.about(workload);
            }
            out.push(finding);
        }
        world.pods.len()
    }
}

/// One container that waits for its image.
struct Pull<'w> {
    container: EntityRef,
    image: String,
    reason: &'w str,
    /// The runtime's error, where somebody wrote it down.
    error: Option<&'w str>,
    event: Option<&'w EventView>,
    waiting: Option<&'w o::Waiting>,
}

const REASONS: [&str; 9] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "ErrImagePullUnauthorized",
    "ImageVolumeMountFailed",
];

fn pulls<'w>(world: &'w World, pod: &'w o::Pod) -> Vec<Pull<'w>> {
    let mut found = Vec::new();
    for (status, spec, _) in statuses(pod) {
        let Some(waiting) = &status.state.waiting else { continue };
        if !REASONS.contains(&waiting.reason.as_str()) {
            continue;
        }
        let mut image = spec.map_or(status.image.as_str(), |c| c.image.as_str()).to_owned();
        let event = pull_event(world, pod, &image);
        if image.is_empty() {
            // a row of `kubectl get pods` names no image; the kubelet's words do
            let words = [event.map(|e| e.message.as_str()), Some(waiting.message.as_str())];
            let named = words.into_iter().flatten().find_map(|w| between(w, "image \"", "\""));
            image = named.unwrap_or_default().to_owned();
        }
        found.push(Pull {
            container: EntityRef::container(pod.namespace(), pod.name(), &status.name),
            error: detail_of(&waiting.message).or(event.map(|e| e.message.as_str())),
            image,
            reason: &waiting.reason,
            event,
            waiting: Some(waiting),
        });
    }
    // a pod of which only events tell: its image stands in the kubelet's words
    if found.is_empty()
        && suffers(pod)
        && pod.spec.containers.is_empty()
        && let Some(event) = pull_event(world, pod, "")
    {
        found.push(Pull {
            container: EntityRef::container(pod.namespace(), pod.name(), ""),
            image: between(&event.message, "image \"", "\"").unwrap_or_default().to_owned(),
            reason: "ErrImagePull",
            error: Some(&event.message),
            event: Some(event),
            waiting: None,
        });
    }
    // a source without container states may still hold the events
    if found.is_empty() && statuses(pod).next().is_none() && !pod.spec.node_name.is_empty() {
        for container in &pod.spec.containers {
            let quoted = format!("\"{}\"", container.image);
            let pulled = |e: &EventView| e.reason == "Pulled" && e.message.contains(&quoted);
            if let Some(event) = pull_event(world, pod, &container.image)
                && !world.events_of(&pod_ref(pod)).any(|e| pulled(e) && e.last > event.last)
            {
                found.push(Pull {
                    container: EntityRef::container(pod.namespace(), pod.name(), &container.name),
                    image: container.image.clone(),
                    reason: "ErrImagePull",
                    error: Some(&event.message),
                    event: Some(event),
                    waiting: None,
                });
            }
        }
    }
    found
}

/// The newest event that tells why the image did not come.
fn pull_event<'w>(world: &'w World, pod: &o::Pod, image: &str) -> Option<&'w EventView> {
    let speaks = |e: &&EventView| {
        e.warning
            && (e.message.starts_with("Failed to pull image") || e.message.starts_with("Failed to inspect image"))
            && (image.is_empty() || e.message.contains(&format!("\"{image}\"")))
    };
    world.events_of(&pod_ref(pod)).rev().find(speaks)
}

/// The error inside a waiting message; `Back-off pulling image "x"` alone says nothing. Kubelets from 1.29 on append it.
fn detail_of(message: &str) -> Option<&str> {
    let rest = match message.strip_prefix("Back-off pulling image ") {
        Some(tail) => tail.split_once("\": ").map_or("", |(_, r)| r),
        None => message,
    };
    let rest = rest.trim();
    (rest.len() > 16).then_some(rest)
}

impl Pull<'_> {
    fn fault(&self) -> Option<PullFault> {
        match self.reason {
            "InvalidImageName" => Some(PullFault::InvalidName),
            "SignatureValidationFailed" => Some(PullFault::Signature),
            "ErrImageNeverPull" | "ImageInspectError" | "ImageVolumeMountFailed" => None,
            _ => Some(self.error.map_or(PullFault::Unknown, |e| classify(e, &self.image))),
        }
    }
}

fn finding(world: &World, pod: &o::Pod, pull: &Pull<'_>) -> Finding {
    let fault = pull.fault();
    let secrets = Secrets::of(world, pod);
    let code = match (fault, pull.reason) {
        (Some(PullFault::Denied), _) if !secrets.missing.is_empty() => "image.pull_secret_missing",
        (Some(fault), _) => fault.code(),
        (None, "ErrImageNeverPull") => "image.never_pull",
        (None, "ImageInspectError") => "image.inspect_failed",
        (None, _) => "image.pull_failed",
    };
    let nats = match code {
        "image.pull_failed" => 2.5,
        "image.not_found" if pull.error.is_some_and(|e| e.contains("?ns=")) => 3.5,
        _ => 4.0,
    };
    let mut finding = Finding::new(code, pull.container.clone())
        .nats(nats)
        .since(pull.event.and_then(|e| e.first).or(pod.status.start_time.0).or(pod.metadata.creation_timestamp.0))
        .arg("image", &pull.image)
        .arg("registry", if pull.image.is_empty() { "-" } else { registry(&pull.image) })
        .arg("node", &pod.spec.node_name)
        .arg("reason", pull.reason)
        .arg("message", clip(pull.error.unwrap_or_default(), 600));
    if let Some(waiting) = pull.waiting {
        finding = finding.evidence(waiting_evidence(pull.container.clone(), waiting));
    }
    if let Some(event) = pull.event {
        finding = finding.evidence(event_evidence(event));
    }
    match code {
        "image.pull_denied" | "image.pull_secret_missing" => secrets.tell(pod, pull, finding),
        "image.not_found" => earlier(world, pod, pull, finding),
        "image.wrong_platform" => {
            let node = world.nodes.get("", &pod.spec.node_name);
            finding.arg("architecture", node.map_or("?", |n| n.status.node_info.architecture.as_str()))
        }
        "image.no_space" => finding.about(EntityRef::node(&pod.spec.node_name)),
        _ => finding,
    }
}

/// The pull secrets of a pod: which it names, and which of those are not there.
struct Secrets<'w> {
    named: Vec<String>,
    missing: Vec<String>,
    event: Option<&'w EventView>,
}

impl<'w> Secrets<'w> {
    fn of(world: &'w World, pod: &'w o::Pod) -> Secrets<'w> {
        let ns = pod.namespace();
        let mut named: Vec<String> =
            pod.spec.image_pull_secrets.iter().filter(|s| s.is_set()).map(|s| s.name.clone()).collect();
        let account = world.service_accounts.get(ns, &pod.spec.service_account_name);
        named.extend(account.into_iter().flat_map(|a| &a.image_pull_secrets).map(|s| s.name.clone()));
        let event = world.events_of(&pod_ref(pod)).rev().find(|e| e.reason == "FailedToRetrieveImagePullSecret");
        let mut missing: Vec<String> =
            named.iter().filter(|s| world.is_absent(&EntityRef::new(Kind::Secret, ns, s))).cloned().collect();
        if let Some(list) = event.and_then(|e| between(&e.message, "(", ")")) {
            missing.extend(list.split(", ").map(str::to_owned));
        }
        named.extend(missing.iter().cloned());
        for list in [&mut named, &mut missing] {
            list.sort();
            list.dedup();
        }
        Secrets { named, missing, event }
    }

    fn tell(&self, pod: &o::Pod, pull: &Pull<'_>, mut finding: Finding) -> Finding {
        // where the spec was not read, nobody knows what it names
        let read = pod.spec.containers.iter().any(|c| !c.image.is_empty());
        let anonymous = self.named.is_empty() || pull.error.is_some_and(was_anonymous);
        let credentials = match (anonymous, read) {
            (true, true) => "none".to_owned(),
            (true, false) => "-".to_owned(),
            (false, _) => self.named.join(", "),
        };
        finding = finding.arg("secret", self.missing.join(", ")).arg("credentials", credentials);
        for name in &self.missing {
            let secret = EntityRef::new(Kind::Secret, pod.namespace(), name);
            let absent = Evidence::Absent { object: secret.clone(), referred_by: pod_ref(pod) };
            finding = finding.about(secret).evidence(absent);
        }
        if self.named.is_empty() && read {
            finding = finding.evidence(Evidence::Field {
                object: pod_ref(pod),
                path: "spec.imagePullSecrets".into(),
                value: "none".into(),
            });
        }
        self.event.into_iter().fold(finding, |f, e| f.evidence(event_evidence(e)))
    }
}

/// An image of the same container that works: of an older revision, or of other pods that use the same repository.
fn earlier(world: &World, pod: &o::Pod, pull: &Pull<'_>, finding: Finding) -> Finding {
    let workload = world.workload_of(pod);
    let older = world.replica_sets.iter().filter(|r| {
        let me = EntityRef::new(Kind::ReplicaSet, r.namespace(), r.name());
        r.namespace() == pod.namespace() && world.top_of(&me) == workload
    });
    let mut known = older.filter_map(|r| {
        let part = pull.container.part.as_deref()?;
        let image = &r.spec.template.spec.containers.iter().find(|c| c.name == part)?.image;
        (*image != pull.image).then(|| (EntityRef::new(Kind::ReplicaSet, r.namespace(), r.name()), image.clone()))
    });
    let sibling = || {
        let repo = repository(&pull.image);
        world.pods.iter().filter(|p| p.is_ready()).find_map(|p| {
            let image =
                &p.spec.containers.iter().find(|c| repository(&c.image) == repo && c.image != pull.image)?.image;
            Some((pod_ref(p), image.clone()))
        })
    };
    match known.next().or_else(sibling) {
        Some((object, image)) => {
            finding.evidence(Evidence::Field { object, path: "spec.containers.image".into(), value: image })
        }
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{arg, codes, find, world};

    fn pod(name: &str, waiting: &str, spec: &str) -> String {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"{name}","namespace":"shop"}},"spec":{{"nodeName":"w1","containers":[
            {{"name":"c","image":"reg.example.com/cart:9"}}]{spec}}},"status":{{"phase":"Pending","containerStatuses":[
            {{"name":"c","state":{{"waiting":{waiting}}}}}]}}}}"#
        )
    }

    fn event(reason: &str, message: &str) -> String {
        format!(
            r#"{{"kind":"Event","metadata":{{"name":"e{reason}","namespace":"shop"}},"type":"Warning","reason":"{reason}",
            "message":"{message}","lastTimestamp":"2026-06-01T11:59:00Z","involvedObject":{{"kind":"Pod","name":"a",
            "namespace":"shop"}}}}"#
        )
    }

    const BARE: &str = r#"{"reason":"ImagePullBackOff","message":"Back-off pulling image \"reg.example.com/cart:9\""}"#;
    const SECRET: &str = r#","imagePullSecrets":[{"name":"login"}]"#;

    #[test]
    fn the_reason_is_found_wherever_it_stands() {
        let told = r#"{"reason":"ImagePullBackOff","message":"Back-off pulling image \"reg.example.com/cart:9\": ErrImagePull: reg.example.com/cart:9: not found"}"#;
        let failed = event(
            "Failed",
            "Failed to pull image \\\"reg.example.com/cart:9\\\": dial tcp: lookup reg.example.com: no such host",
        );
        let none = r#"{"reason":"ImagePullBackOff"}"#;
        for (documents, code) in [
            (vec![pod("a", told, "")], "image.not_found"),
            (vec![pod("a", BARE, ""), failed.clone()], "image.registry_dns"),
            (vec![pod("a", none, ""), failed], "image.registry_dns"),
            (vec![pod("a", BARE, "")], "image.pull_failed"),
            (vec![pod("a", r#"{"reason":"InvalidImageName"}"#, "")], "image.invalid_name"),
            (vec![pod("a", r#"{"reason":"ErrImageNeverPull"}"#, "")], "image.never_pull"),
        ] {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            assert_eq!(codes(&Images, &world(&documents)), [format!("{code}@container/shop/a/c")], "{documents:?}");
        }
    }

    #[test]
    fn refusals_are_told_with_the_credentials() {
        let refused = event(
            "Failed",
            "Failed to pull image \\\"reg.example.com/cart:9\\\": unauthorized: authentication required",
        );
        let lost =
            event("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (login); attempting");
        let found = find(&Images, &world(&[&pod("a", BARE, ""), &refused]));
        assert_eq!((found[0].code.as_str(), arg(&found, "credentials")), ("image.pull_denied", "none".to_owned()));
        let found = find(&Images, &world(&[&pod("a", BARE, SECRET), &refused]));
        assert_eq!((found[0].code.as_str(), arg(&found, "credentials")), ("image.pull_denied", "login".to_owned()));
        let found = find(&Images, &world(&[&pod("a", BARE, SECRET), &refused, &lost]));
        assert_eq!((found[0].code.as_str(), arg(&found, "secret")), ("image.pull_secret_missing", "login".to_owned()));
    }

    #[test]
    fn a_registry_that_fails_for_several_is_named_itself() {
        let down = r#"{"reason":"ErrImagePull","message":"failed to do request: dial tcp 10.0.0.9:443: i/o timeout"}"#;
        let found = codes(&Images, &world(&[&pod("a", down, ""), &pod("b", down, "")]));
        assert!(found.contains(&"registry.unreachable@external/reg.example.com".to_owned()), "{found:?}");
        assert_eq!(codes(&Images, &world(&[&pod("a", down, "")])), ["image.registry_unreachable@container/shop/a/c"]);
    }
}
