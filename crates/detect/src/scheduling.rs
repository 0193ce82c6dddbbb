//! Pods that no node takes: which of all obstacles is the cause.
//!
//! **What it finds** for every waiting pod the constraint whose removal would let some node take it.
//! **Why it matters** the scheduler's message counts first refusals; the largest count is often background.
//! **Evidence used** `PodScheduled` and FailedScheduling, pod spec, node labels, taints, cordon, allocatable, pods on nodes.
//! **How to confirm by hand** `kubectl describe pod`, `kubectl get nodes --show-labels`, `kubectl describe nodes`.
//! **What can fool it** control plane nodes are closed to everybody and prove nothing; an event may be older than the state.
//! **Source** failure-modes rows 1–14; the scheduler's filter plugins.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::create_state::{event_evidence, is_unscheduled, pod_ref};
use crate::fit::{NodeFit, Placement};
use crate::scheduling_args;
use crate::scheduling_decide::{Blame, decide, merge};
use crate::scheduling_message::{ClaimTrouble, Family, SchedulerWord, read};

/// A daemon set's pods each wait for a node of their own; more than these tell nothing new.
const MAX_GROUPS_PER_WORKLOAD: usize = 20;

pub(crate) struct Scheduling;

impl Detector for Scheduling {
    fn name(&self) -> &'static str {
        "pod scheduling"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let waiting: Vec<&o::Pod> = world.pods.iter().filter(|p| is_unscheduled(p)).collect();
        if waiting.is_empty() {
            return world.pods.len();
        }
        let placement = Placement::new(world);
        for pods in groups(world, &waiting) {
            if let Some(&pod) = pods.first()
                && let Some(verdict) = Verdict::of(world, pod)
                && pod.spec.scheduling_gates.is_empty()
            {
                explain(world, &placement, &Group { pod, count: pods.len() }, &verdict, out);
            }
        }
        world.pods.len()
    }
}

/// Pods of one template wait for one reason.
pub(crate) struct Group<'w> {
    pub pod: &'w o::Pod,
    pub count: usize,
}

fn groups<'w>(world: &World, waiting: &[&'w o::Pod]) -> Vec<Vec<&'w o::Pod>> {
    let mut by_template: BTreeMap<(EntityRef, String, String), Vec<&o::Pod>> = BTreeMap::new();
    for &pod in waiting {
        let owner = pod.metadata.controller().map(|c| c.name.clone()).unwrap_or_default();
        let own_node = crate::fit::required_affinity(&pod.spec)
            .filter(|r| r.node_selector_terms.iter().any(|t| !t.match_fields.is_empty()))
            .map(crate::fit::affinity_line)
            .unwrap_or_default();
        let claims: Vec<&str> = pod
            .spec
            .volumes
            .iter()
            .filter_map(|v| v.persistent_volume_claim.as_ref())
            .map(|c| &*c.claim_name)
            .collect();
        let own = format!("{own_node} {}", claims.join(","));
        by_template.entry((world.workload_of(pod), owner, own)).or_default().push(pod);
    }
    let mut seen: BTreeMap<EntityRef, usize> = BTreeMap::new();
    by_template
        .into_iter()
        .filter(|((workload, ..), _)| {
            let n = seen.entry(workload.clone()).or_default();
            *n += 1;
            *n <= MAX_GROUPS_PER_WORKLOAD
        })
        .map(|(_, pods)| pods)
        .collect()
}

/// The scheduler's last word on a pod.
pub(crate) struct Verdict<'w> {
    pub message: &'w str,
    pub word: SchedulerWord,
    event: Option<&'w EventView>,
    condition: Option<&'w o::Condition>,
}

impl<'w> Verdict<'w> {
    pub(crate) fn of(world: &'w World, pod: &'w o::Pod) -> Option<Verdict<'w>> {
        let condition = pod.condition("PodScheduled").filter(|c| c.status == "False" && !c.message.is_empty());
        let events = || world.events_of(&pod_ref(pod)).filter(|e| e.reason == "FailedScheduling");
        // the condition is rewritten at every try; of events the newest one that counts nodes
        let event = events().rev().find(|e| e.message.contains("nodes are available")).or_else(|| events().next_back());
        let message = condition.map(|c| c.message.as_str()).or(event.map(|e| e.message.as_str()))?;
        Some(Verdict { message, word: read(message), event, condition })
    }

    fn evidence(&self, pod: &o::Pod, finding: Finding) -> Finding {
        let since = self.event.and_then(|e| e.first).or(self.condition.and_then(|c| c.last_transition_time.0));
        let finding = finding.since(since.or(pod.metadata.creation_timestamp.0));
        match (self.event, self.condition) {
            (Some(event), _) => finding.evidence(event_evidence(event)),
            (None, Some(c)) => finding.evidence(Evidence::Condition {
                object: pod_ref(pod),
                condition: c.kind.clone(),
                status: c.status.clone(),
                reason: c.reason.clone(),
                message: c.message.clone(),
                since: c.last_transition_time.0,
            }),
            (None, None) => finding,
        }
    }
}

fn explain(world: &World, placement: &Placement<'_>, group: &Group<'_>, verdict: &Verdict<'_>, out: &mut Vec<Finding>) {
    let pod = group.pod;
    if let Some(trouble) = &verdict.word.claim {
        out.push(verdict.evidence(pod, claim_finding(world, pod, trouble)).arg("pods", group.count.to_string()));
        return;
    }
    let mut nodes = placement.fit(pod);
    merge(&verdict.word, &mut nodes);
    name_pins(world, pod, &mut nodes);
    let blames = decide(&nodes);
    if blames.is_empty() {
        let finding = Finding::new("pod.unschedulable.other", pod_ref(pod))
            .nats(1.5)
            .arg("message", verdict.message)
            .arg("pods", group.count.to_string());
        out.push(verdict.evidence(pod, finding));
        return;
    }
    let mut blames = blames;
    keep_worst_resource(&nodes, &mut blames);
    for blame in &blames {
        let finding = Finding::new(code_of(blame.family), pod_ref(pod))
            .nats(blame.nats)
            .arg("pods", group.count.to_string())
            .arg("nodes", nodes.len().to_string())
            .arg("refused", blame.nodes.len().to_string())
            .arg("message", verdict.message);
        let finding = scheduling_args::fill(world, placement, group, (&nodes, blame), finding);
        out.push(verdict.evidence(pod, finding));
    }
}

/// Where several resources are short on the same nodes, the one that overshoots most is named.
fn keep_worst_resource(nodes: &[NodeFit], blames: &mut Vec<Blame>) {
    let excess = |b: &Blame| {
        let of = |i: &usize| nodes[*i].obstacles.iter().filter(|x| x.family == b.family).filter_map(|x| x.amounts);
        let ratios = b.nodes.iter().flat_map(of).map(|a| a.requested / a.whole.max(f64::MIN_POSITIVE));
        ratios.fold(0.0, f64::max)
    };
    let shared: BTreeSet<usize> =
        blames.iter().filter(|b| b.family.is_resource()).flat_map(|b| b.nodes.clone()).collect();
    let worst = blames
        .iter()
        .filter(|b| b.family.is_resource() && b.nodes.len() == shared.len())
        .max_by(|a, b| excess(a).total_cmp(&excess(b)).then(b.family.cmp(&a.family)))
        .map(|b| b.family);
    if let Some(worst) = worst {
        blames.retain(|b| !b.family.is_resource() || b.family == worst);
    }
}

/// A refusal by "node affinity/selector" that the labels do not explain is one by the affinity: pasted text shows the
/// selector and hides the affinity.
fn name_pins(world: &World, pod: &o::Pod, nodes: &mut [NodeFit]) {
    let selector = pod.spec.node_selector.to_line();
    for node in nodes {
        let labels_known = world.nodes.get("", &node.name).is_some_and(|n| !n.metadata.labels.is_empty());
        for obstacle in node.obstacles.iter_mut().filter(|x| x.detail.starts_with("didn't match")) {
            if obstacle.family == Family::Selector && (selector.is_empty() || labels_known) {
                obstacle.family = Family::Affinity;
            }
            match obstacle.family {
                Family::Selector => obstacle.detail.clone_from(&selector),
                Family::Affinity => {
                    let required = crate::fit::required_affinity(&pod.spec);
                    obstacle.detail = required.map(crate::fit::affinity_line).unwrap_or_default();
                }
                _ => {}
            }
        }
    }
}

fn claim_finding(world: &World, pod: &o::Pod, trouble: &ClaimTrouble) -> Finding {
    let names =
        pod.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref()).map(|c| c.claim_name.as_str());
    match trouble {
        ClaimTrouble::Missing(name) => Finding::new("volume.claim_missing", pod_ref(pod))
            .nats(4.0)
            .arg("claim", name)
            .about(EntityRef::new(Kind::Pvc, pod.namespace(), name)),
        ClaimTrouble::Unbound => {
            let unbound: Vec<&str> = names
                .filter(|n| world.claims.get(pod.namespace(), n).is_none_or(|c| c.status.phase != "Bound"))
                .collect();
            let mut finding = Finding::new("pod.unschedulable.volume_unbound", pod_ref(pod))
                .nats(4.0)
                .arg("claim", unbound.join(", "));
            for name in unbound {
                finding = finding.about(EntityRef::new(Kind::Pvc, pod.namespace(), name));
            }
            finding
        }
    }
}

const fn code_of(family: Family) -> &'static str {
    match family {
        Family::Cordon => "pod.unschedulable.cordon",
        Family::NodeDown => "pod.unschedulable.node_down",
        Family::Taint => "pod.unschedulable.taint",
        Family::Selector => "pod.unschedulable.node_selector",
        Family::Affinity => "pod.unschedulable.node_affinity",
        Family::HostPort => "pod.unschedulable.host_port",
        Family::Cpu => "pod.unschedulable.cpu",
        Family::Memory => "pod.unschedulable.memory",
        Family::Ephemeral => "pod.unschedulable.ephemeral_storage",
        Family::Extended => "pod.unschedulable.extended_resource",
        Family::Slots => "pod.unschedulable.too_many_pods",
        Family::VolumeLimit => "pod.unschedulable.volume_limit",
        Family::VolumeZone => "pod.unschedulable.volume_zone",
        Family::Spread => "pod.unschedulable.topology_spread",
        Family::AntiAffinity => "pod.unschedulable.pod_anti_affinity",
        Family::PodAffinity => "pod.unschedulable.pod_affinity",
        Family::Other => "pod.unschedulable.other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::{arg, codes, find, world};

    const BIG: &str = r#"{"kind":"Node","metadata":{"name":"w1","labels":{"disk":"hdd"}},
        "status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"10"}}}"#;
    const MASTER: &str = r#"{"kind":"Node","metadata":{"name":"m","labels":{"kubernetes.io/role":"master"}},
        "spec":{"unschedulable":true},"status":{"allocatable":{"cpu":"64","memory":"99Gi","pods":"10"}}}"#;

    fn pod(spec: &str, message: &str) -> String {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"a","namespace":"shop"}},"spec":{spec},"status":{{"phase":"Pending",
            "conditions":[{{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"{message}"}}]}}}}"#
        )
    }

    #[test]
    fn a_request_larger_than_every_open_node_is_told_with_its_sums() {
        let spec = r#"{"containers":[{"name":"c","resources":{"requests":{"cpu":"12"}}}]}"#;
        let pod = pod(spec, "0/2 nodes are available: 1 node(s) were unschedulable, 1 Insufficient cpu.");
        let found = find(&Scheduling, &world(&[BIG, MASTER, &pod]));
        assert_eq!(found.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["pod.unschedulable.cpu"]);
        let args = ["requested", "free", "largest", "fit"].map(|k| arg(&found, k));
        assert_eq!(args, ["12", "4", "4", "too_big"]);
    }

    #[test]
    fn full_nodes_name_who_took_the_room() {
        let hog = r#"{"kind":"Pod","metadata":{"name":"hog","namespace":"shop"},"spec":{"nodeName":"w1",
            "containers":[{"name":"c","resources":{"requests":{"memory":"7Gi"}}}]},"status":{"phase":"Running"}}"#;
        let spec = r#"{"containers":[{"name":"c","resources":{"requests":{"memory":"2Gi"}}}]}"#;
        let pod = pod(spec, "0/1 nodes are available: 1 Insufficient memory.");
        let found = find(&Scheduling, &world(&[BIG, hog, &pod]));
        assert_eq!(
            [arg(&found, "fit"), arg(&found, "free"), arg(&found, "takers")],
            ["full", "1Gi", "pod/shop/hog 7Gi"]
        );
    }

    #[test]
    fn a_selector_is_told_with_what_nodes_have() {
        let pod = pod(
            r#"{"nodeSelector":{"disk":"ssd"}}"#,
            "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.",
        );
        let found = find(&Scheduling, &world(&[BIG, MASTER, &pod]));
        assert_eq!(found[0].code.as_str(), "pod.unschedulable.node_selector");
        assert_eq!([arg(&found, "selector"), arg(&found, "have")], ["disk=ssd", "disk=hdd"]);
    }

    #[test]
    fn pods_of_one_template_are_told_once() {
        let pod = |name: &str| {
            format!(
                r#"{{"kind":"Pod","metadata":{{"name":"{name}","namespace":"shop","ownerReferences":[{{"kind":"ReplicaSet",
                "name":"cart-1","controller":true}}]}},"spec":{{"containers":[{{"name":"c","resources":{{"requests":{{"cpu":
                "9"}}}}}}]}},"status":{{"phase":"Pending","conditions":[{{"type":"PodScheduled","status":"False","message":
                "0/1 nodes are available: 1 Insufficient cpu."}}]}}}}"#
            )
        };
        let found = find(&Scheduling, &world(&[BIG, &pod("a"), &pod("b"), &pod("c")]));
        assert_eq!((found.len(), arg(&found, "pods")), (1, "3".to_owned()));
    }

    #[test]
    fn claims_and_silence() {
        let missing = pod("{}", "0/1 nodes are available: persistentvolumeclaim \\\"data\\\" not found.");
        assert_eq!(codes(&Scheduling, &world(&[BIG, &missing])), ["volume.claim_missing@pod/shop/a"]);
        let unbound = pod("{}", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
        assert_eq!(codes(&Scheduling, &world(&[BIG, &unbound])), ["pod.unschedulable.volume_unbound@pod/shop/a"]);
        let running = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"shop"},"spec":{"nodeName":"w1"},
            "status":{"phase":"Running"}}"#;
        assert!(codes(&Scheduling, &world(&[BIG, running])).is_empty());
        // somebody made room since: nothing is left to blame
        let now_fits = pod("{}", "0/1 nodes are available: ");
        assert_eq!(codes(&Scheduling, &world(&[BIG, &now_fits])), ["pod.unschedulable.other@pod/shop/a"]);
    }
}
