//! Pods that could not even be created.
//!
//! **What it finds** why a controller's create calls are refused: quota, limit range, pod security, webhook, missing
//! service account or priority class.
//! **Why it matters** there is no pod to look at; the reason stands on the replica set, job or stateful set.
//! **Evidence used** FailedCreate events, the `ReplicaFailure` condition, how many pods the owner wants and has.
//! **How to confirm by hand** `kubectl describe replicaset`, `kubectl get events --field-selector reason=FailedCreate`.
//! **What can fool it** events of the first seconds of a deployment, when its service account came a moment later: an
//! owner that has its pods now has no problem.
//! **Source** failure-modes rows 18–23.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_world::{EventView, World};

use crate::Detector;
use crate::admission_message::{QuotaRefusal, Refusal, WebhookTrouble, read};
use crate::create_state::{clip, event_evidence, wants_and_has};

/// How long a refusal counts where nothing tells whether its owner has pods by now. Starting value.
const RECENT_S: i64 = 600;

pub(crate) struct Admission;

impl Detector for Admission {
    fn name(&self) -> &'static str {
        "pod creation"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut by_workload: BTreeMap<EntityRef, Vec<Word>> = BTreeMap::new();
        for word in words(world) {
            let list = by_workload.entry(world.top_of(&word.owner)).or_default();
            // the newest word of a kind is enough; older ones may be of a cause that has been mended
            if !list.iter().any(|w| w.owner == word.owner) {
                list.push(word);
            }
        }
        for (workload, words) in by_workload {
            for word in words {
                out.push(finding(world, &workload, word));
            }
        }
        static_accounts(world, out);
        world.replica_sets.len() + world.stateful_sets.len() + world.daemon_sets.len() + world.jobs.len()
    }
}

/// One standing refusal.
struct Word {
    owner: EntityRef,
    message: String,
    since: Option<rootline_model::Timestamp>,
    evidence: Evidence,
}

/// Refusals that still hold, newest first.
fn words(world: &World) -> Vec<Word> {
    let events = world.events().iter().rev().filter(|e| e.reason == "FailedCreate" && is_owner(e.entity.kind));
    let mut words: Vec<Word> = events
        .filter(|e| still_short(world, e))
        .map(|e| Word {
            owner: e.entity.clone(),
            message: e.message.clone(),
            since: e.first,
            evidence: event_evidence(e),
        })
        .collect();
    let sets = world
        .replica_sets
        .iter()
        .map(|r| (EntityRef::new(Kind::ReplicaSet, r.namespace(), r.name()), r.status.conditions.as_slice()));
    let deployments = world
        .deployments
        .iter()
        .map(|d| (EntityRef::new(Kind::Deployment, d.namespace(), d.name()), d.status.conditions.as_slice()));
    for (owner, conditions) in sets.chain(deployments) {
        let standing = conditions.iter().find(|c| c.is("ReplicaFailure", "True") && c.reason == "FailedCreate");
        let told = words.iter().any(|w| w.owner == owner || world.top_of(&w.owner) == owner);
        let short = wants_and_has(world, &owner).is_none_or(|(wants, has)| has < wants);
        if let Some(c) = standing.filter(|c| !told && short && !c.message.is_empty()) {
            words.push(Word {
                message: c.message.clone(),
                since: c.last_transition_time.0,
                evidence: Evidence::Condition {
                    object: owner.clone(),
                    condition: c.kind.clone(),
                    status: c.status.clone(),
                    reason: c.reason.clone(),
                    message: clip(&c.message, 1000),
                    since: c.last_transition_time.0,
                },
                owner,
            });
        }
    }
    words
}

fn is_owner(kind: Kind) -> bool {
    kind.is_workload()
}

/// The owner still lacks pods. An owner that was not read counts as short while its event is young.
fn still_short(world: &World, event: &EventView) -> bool {
    if let Some((wants, has)) = wants_and_has(world, &event.entity) {
        return has < wants;
    }
    if world.is_absent(&event.entity) {
        return false;
    }
    // a replica set is named after its deployment
    let parent = event
        .entity
        .name
        .rsplit_once('-')
        .map(|(stem, _)| EntityRef::new(Kind::Deployment, &event.entity.namespace, stem));
    if let Some((wants, has)) =
        parent.filter(|_| event.entity.kind == Kind::ReplicaSet).and_then(|p| wants_and_has(world, &p))
    {
        return has < wants;
    }
    event.last.is_none_or(|t| world.now.as_second() - t.as_second() <= RECENT_S)
}

fn finding(world: &World, workload: &EntityRef, word: Word) -> Finding {
    let ns = workload.namespace.clone();
    let object = |kind, name: &str| EntityRef::new(kind, &ns, name);
    let on = |code| Finding::new(code, workload.clone()).nats(4.0);
    let finding = match read(&word.message) {
        Refusal::Quota(q) => named_if_read(world, quota_args(on("quota.exceeded"), &q), object(Kind::Quota, &q.quota)),
        Refusal::MustSpecify { quota, missing } => {
            let finding = on("quota.must_specify").arg("quota", &quota).arg("missing", missing);
            named_if_read(world, finding, object(Kind::Quota, &quota))
        }
        Refusal::LimitRange { rule } => {
            let mut finding = on("limitrange.violated").arg("rule", rule);
            for range in world.limit_ranges.iter().filter(|r| r.namespace() == &*ns) {
                finding = finding.about(object(Kind::LimitRange, range.name()));
            }
            finding
        }
        Refusal::PodSecurity { level, violations } => on("pod_security.violated")
            .arg("level", level)
            .arg("violations", clip(&violations, 400))
            .about(EntityRef::wide(Kind::Namespace, &ns)),
        Refusal::WebhookFailed { webhook, why, service } => {
            let code = match why {
                WebhookTrouble::NoEndpoints | WebhookTrouble::ServiceMissing | WebhookTrouble::Refused => {
                    "webhook.no_backend"
                }
                // without kube-proxy rules for it, a call to a service that has no pod is dropped and times out
                _ if service.as_ref().is_some_and(|(ns, name)| has_no_pod(world, ns, name)) => "webhook.no_backend",
                _ => "webhook.call_failed",
            };
            let mut finding = on(code).arg("webhook", &webhook).arg("why", why.word());
            finding = named_if_read(world, finding, config_of(world, &webhook));
            if let Some((ns, name)) = service {
                finding =
                    finding.arg("service", format!("{ns}/{name}")).about(EntityRef::new(Kind::Service, &ns, &name));
            }
            finding
        }
        Refusal::WebhookDenied { webhook, reason } => {
            on("webhook.denied").arg("webhook", &webhook).arg("reason", clip(&reason, 400))
        }
        Refusal::ServiceAccount { name } => account(world, on("serviceaccount.missing"), &ns, &name),
        Refusal::PriorityClass { name } => {
            on("priorityclass.missing").arg("priority_class", &name).about(EntityRef::wide(Kind::PriorityClass, &name))
        }
        Refusal::Other => on("pod.create_refused").nats(3.0),
    };
    finding
        .arg("owner", word.owner.to_string())
        .arg("message", clip(&word.message, 600))
        .since(word.since)
        .evidence(word.evidence)
}

/// Names an object as what the finding is about, if it was read: a cause that is in no table explains nothing, and the
/// workload itself is then the better name.
fn named_if_read(world: &World, finding: Finding, object: EntityRef) -> Finding {
    if world.exists(&object) { finding.about(object) } else { finding }
}

fn quota_args(finding: Finding, q: &QuotaRefusal) -> Finding {
    finding
        .arg("quota", &q.quota)
        .arg("resource", &q.resource)
        .arg("requested", &q.requested)
        .arg("used", &q.used)
        .arg("limited", &q.limited)
}

fn account(world: &World, finding: Finding, ns: &str, name: &str) -> Finding {
    let finding = finding.arg("service_account", name).about(EntityRef::new(Kind::ServiceAccount, ns, name));
    match nearest(name, world.service_accounts.names_in(ns)) {
        Some(near) => finding.evidence(Evidence::Field {
            object: EntityRef::new(Kind::ServiceAccount, ns, near),
            path: "metadata.name".into(),
            value: near.to_owned(),
        }),
        None => finding,
    }
}

/// The configuration object that holds a webhook.
fn config_of(world: &World, webhook: &str) -> EntityRef {
    let config = world.webhooks.iter().find(|c| c.webhooks.iter().any(|w| w.name == webhook));
    EntityRef::wide(Kind::Webhook, config.map_or(webhook, |c| c.name()))
}

/// Workloads whose template names a service account that is not there, and that lack pods, where nobody wrote an event
/// (events live one hour).
fn static_accounts(world: &World, out: &mut Vec<Finding>) {
    for workload in world.workloads() {
        let name = &workload.template.spec.service_account_name;
        let ns = &*workload.entity.namespace;
        let missing = EntityRef::new(Kind::ServiceAccount, ns, name);
        let told = out.iter().any(|f| f.code.as_str() == "serviceaccount.missing" && f.entity == workload.entity);
        if name.is_empty() || told || !world.is_absent(&missing) {
            continue;
        }
        let short = wants_and_has(world, &workload.entity).is_some_and(|(wants, has)| has < wants);
        let code = if short { "serviceaccount.missing" } else { "serviceaccount.gone" };
        let finding = Finding::new(code, workload.entity.clone()).nats(if short { 3.5 } else { 1.0 });
        let finding = account(world, finding, ns, name)
            .arg("owner", workload.entity.to_string())
            .arg("message", "")
            .evidence(Evidence::Absent { object: missing, referred_by: workload.entity.clone() });
        out.push(finding);
    }
}

/// The most similar existing name, if it is similar at all: at most two edits.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names.map(|n| (edits(name, n), n)).filter(|(d, n)| *d > 0 && *d <= 2 && n.len() > 3).min().map(|(_, n)| n)
}

/// Levenshtein distance; long names are not compared.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len() > 80 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let here = row[j + 1];
            row[j + 1] = (before + usize::from(x != y)).min(here + 1).min(row[j] + 1);
            before = here;
        }
    }
    row[b.len()]
}

/// True if the service is there, selects by labels, and no ready pod carries them.
fn has_no_pod(world: &World, ns: &str, name: &str) -> bool {
    world
        .services
        .get(ns, name)
        .is_some_and(|s| !s.spec.selector.is_empty() && !world.selected_by(s).any(rootline_objects::Pod::is_ready))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{arg, codes, find, world};

    fn set(wants: i64, has: i64) -> String {
        format!(
            r#"{{"kind":"ReplicaSet","metadata":{{"name":"cart-1","namespace":"shop"}},"spec":{{"replicas":{wants}}},
            "status":{{"replicas":{has}}}}}"#
        )
    }

    fn event(message: &str) -> String {
        format!(
            r#"{{"kind":"Event","metadata":{{"name":"e","namespace":"shop"}},"type":"Warning","reason":"FailedCreate",
            "message":"Error creating: {message}","lastTimestamp":"2026-06-01T11:59:00Z",
            "involvedObject":{{"kind":"ReplicaSet","name":"cart-1","namespace":"shop"}}}}"#
        )
    }

    #[test]
    fn a_refusal_counts_while_pods_are_missing() {
        for (message, code) in [
            ("exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3", "quota.exceeded"),
            ("serviceaccount \\\"cart\\\" not found", "serviceaccount.missing"),
            ("no PriorityClass with name gold was found", "priorityclass.missing"),
            ("violates PodSecurity \\\"baseline:latest\\\": host namespaces", "pod_security.violated"),
            ("maximum cpu usage per Pod is 2, but limit is 4", "limitrange.violated"),
            ("the server is currently unable to handle the request", "pod.create_refused"),
        ] {
            let want = vec![format!("{code}@replicaset/shop/cart-1")];
            assert_eq!(codes(&Admission, &world(&[&set(3, 0), &event(message)])), want, "{message}");
            // the pods came a moment later: history
            assert!(codes(&Admission, &world(&[&set(3, 3), &event(message)])).is_empty(), "{message}");
            // an old revision that wants none
            assert!(codes(&Admission, &world(&[&set(0, 0), &event(message)])).is_empty(), "{message}");
        }
    }

    #[test]
    fn the_sums_of_a_quota_are_told() {
        let event = event("exceeded quota: team, requested: cpu=2,pods=1, used: cpu=9,pods=3, limited: cpu=10,pods=3");
        let found = find(&Admission, &world(&[&set(1, 0), &event]));
        let args = ["quota", "resource", "requested", "used", "limited"].map(|k| arg(&found, k));
        assert_eq!(args, ["team", "cpu", "2", "9", "10"]);
    }

    #[test]
    fn a_similar_name_is_found() {
        for (name, names, want) in [
            ("carts", &["cart", "orders"][..], Some("cart")),
            ("cart-service", &["cart-servcie"], Some("cart-servcie")),
            ("db", &["do"], None),
            ("cart", &["cart"], None),
        ] {
            assert_eq!(nearest(name, names.iter().copied()), want, "{name}");
        }
    }
}
