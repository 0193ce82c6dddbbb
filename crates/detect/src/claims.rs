//! Claims that wait: why no volume comes.
//!
//! **What it finds** for a claim that a waiting pod needs: the missing class, the volume property that does not fit, the
//! volume somebody else holds, the provisioner's error; and claims whose volume is lost.
//! **Why it matters** the scheduler says only "unbound immediate PersistentVolumeClaims".
//! **Evidence used** claim (live, else as declared), volumes, classes, events of the claim, provisioner pods.
//! **How to confirm by hand** `kubectl describe pvc`, `kubectl get pv,sc`.
//! **What can fool it** a claim of a WaitForFirstConsumer class waits for its pod, not the other way round; a class name
//! without a StorageClass is legal for static volumes; events of a claim that is bound by now.
//! **Source** failure-modes rows 126–129.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::Detector;
use crate::claims_match::{Ask, Held, Misfit};
use crate::create_state::{between, clip, event_evidence, pod_ref, suffers};

/// A provisioner that works answers within this. Starting value, see ADR-0003.
const PROVISION_S: i64 = 120;

pub(crate) struct Claims;

impl Detector for Claims {
    fn name(&self) -> &'static str {
        "volume claims"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let users = users(world);
        for claim in &world.claims {
            let using = users.get(&(claim.namespace(), claim.name())).map_or(&[][..], Vec::as_slice);
            match claim.status.phase.as_str() {
                "Lost" => lost(claim, using, out),
                "Pending" | "" if claim.metadata.deletion_timestamp.0.is_none() => pending(world, claim, using, out),
                _ => {}
            }
        }
        for (&(namespace, name), using) in &users {
            if world.claims.get(namespace, name).is_none() && !world.is_listed(Kind::Pvc, namespace) {
                unread(world, (namespace, name), using, out);
            }
        }
        world.claims.len()
    }
}

/// A claim that was not read (`cluster-info dump` has none): what its events say while a pod waits for it.
fn unread(world: &World, (namespace, name): (&str, &str), using: &[&o::Pod], out: &mut Vec<Finding>) {
    let mut claim = o::Pvc::default();
    namespace.clone_into(&mut claim.metadata.namespace);
    name.clone_into(&mut claim.metadata.name);
    let Some(pod) = using.iter().find(|p| suffers(p) && !has_started(p)) else { return };
    let telling = |e: &&EventView| matches!(e.reason.as_str(), "ProvisioningFailed" | "FailedBinding");
    let Some(event) = world.events_of(&claim_ref(&claim)).rev().find(telling) else { return };
    let class = between(&event.message, "storageclass.storage.k8s.io \"", "\"");
    let verdict = match class.filter(|_| event.message.contains("not found")) {
        Some(class) => class_missing(&claim, class),
        None if event.reason == "ProvisioningFailed" => provisioning_failed("", event),
        None => Verdict::new("volume.no_volume", 2.0).arg("class", "none"),
    };
    let finding = Finding::new(verdict.code, pod_ref(pod)).nats(verdict.nats);
    out.push(dress(world, &claim, verdict, finding));
}

/// Living pods by the claims they mount.
pub(crate) fn users(world: &World) -> BTreeMap<(&str, &str), Vec<&o::Pod>> {
    let mut users: BTreeMap<(&str, &str), Vec<&o::Pod>> = BTreeMap::new();
    for pod in world.pods.iter().filter(|p| !p.is_finished() && p.metadata.deletion_timestamp.0.is_none()) {
        for claim in pod.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref()) {
            users.entry((pod.namespace(), claim.claim_name.as_str())).or_default().push(pod);
        }
    }
    users
}

pub(crate) fn claim_ref(claim: &o::Pvc) -> EntityRef {
    EntityRef::new(Kind::Pvc, claim.namespace(), claim.name())
}

/// What is wrong with a claim, not yet tied to a pod.
struct Verdict {
    code: &'static str,
    nats: f64,
    args: Vec<(&'static str, String)>,
    about: Vec<EntityRef>,
    evidence: Vec<Evidence>,
}

impl Verdict {
    fn new(code: &'static str, nats: f64) -> Verdict {
        Verdict { code, nats, args: Vec::new(), about: Vec::new(), evidence: Vec::new() }
    }

    fn arg(mut self, key: &'static str, value: impl Into<String>) -> Verdict {
        self.args.push((key, value.into()));
        self
    }

    fn about(mut self, entity: EntityRef) -> Verdict {
        self.about.push(entity);
        self
    }

    fn evidence(mut self, evidence: Evidence) -> Verdict {
        self.evidence.push(evidence);
        self
    }
}

fn lost(claim: &o::Pvc, using: &[&o::Pod], out: &mut Vec<Finding>) {
    let me = claim_ref(claim);
    let field = Evidence::Field { object: me.clone(), path: "status.phase".into(), value: "Lost".into() };
    let finding = Finding::new("volume.claim_lost", me.clone())
        .nats(if using.iter().any(|p| suffers(p)) { 4.0 } else { 2.5 })
        .arg("claim", claim.name())
        .arg("volume", claim.spec.volume_name.as_str())
        .about(EntityRef::wide(Kind::Pv, &claim.spec.volume_name))
        .evidence(field);
    out.push(finding);
}

fn pending(world: &World, claim: &o::Pvc, using: &[&o::Pod], out: &mut Vec<Finding>) {
    let waiting: Vec<&o::Pod> = using.iter().copied().filter(|p| suffers(p) && !has_started(p)).collect();
    let ask = Ask::of(world, claim);
    let verdicts = explain(world, claim, &ask, waiting.first().copied());
    if waiting.is_empty() {
        // nobody waits for it: a note, and only where something will go wrong once somebody does
        if let Some(verdict) = verdicts.into_iter().next() {
            let finding = Finding::new("volume.claim_idle", claim_ref(claim)).nats(0.5).arg("why", verdict.code);
            out.push(dress(world, claim, verdict, finding));
        }
        return;
    }
    let mut told: Vec<EntityRef> = Vec::new();
    for pod in waiting {
        let workload = world.workload_of(pod);
        if told.contains(&workload) {
            continue;
        }
        told.push(workload);
        for verdict in explain(world, claim, &ask, Some(pod)) {
            let finding = Finding::new(verdict.code, pod_ref(pod)).nats(verdict.nats);
            out.push(dress(world, claim, verdict, finding));
        }
    }
}

/// A container of it has run: it was given its volumes.
fn has_started(pod: &o::Pod) -> bool {
    let all = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    all.into_iter().any(|c| c.state.running.is_some() || c.state.terminated.is_some() || c.restart_count > 0)
}

fn dress(world: &World, claim: &o::Pvc, verdict: Verdict, finding: Finding) -> Finding {
    let events: Vec<&EventView> = world.events_of(&claim_ref(claim)).collect();
    let since = claim.metadata.creation_timestamp.0.or_else(|| events.iter().filter_map(|e| e.first).min());
    let mut finding = finding.since(since).arg("claim", claim.name()).about(claim_ref(claim));
    for (key, value) in verdict.args {
        finding = finding.arg(key, value);
    }
    for entity in verdict.about {
        finding = finding.about(entity);
    }
    finding.evidence.extend(verdict.evidence);
    let telling = ["ProvisioningFailed", "FailedBinding", "ExternalProvisioning"];
    if let Some(event) = events.iter().rev().find(|e| telling.contains(&e.reason.as_str())) {
        finding = finding.evidence(event_evidence(event));
    }
    finding
}

/// Which way of getting a volume is taken, and why it does not succeed.
fn explain(world: &World, claim: &o::Pvc, ask: &Ask, pod: Option<&o::Pod>) -> Vec<Verdict> {
    let class = world.storage_classes.get("", &ask.class).filter(|_| !ask.class.is_empty());
    let provisioned = class.is_some_and(|c| c.provisioner != "kubernetes.io/no-provisioner");
    let failed = last(world, claim, "ProvisioningFailed");
    if !ask.volume.is_empty() {
        return demanded(world, ask, pod);
    }
    if class.is_none() && !ask.class.is_empty() {
        let of_class = world.volumes.iter().any(|v| v.spec.storage_class_name == ask.class);
        let said = failed.is_some_and(|e| e.message.contains("storageclass") && e.message.contains("not found"));
        let absent = world.is_absent(&EntityRef::wide(Kind::StorageClass, &ask.class));
        if !of_class && (said || absent) {
            return vec![class_missing(claim, &ask.class)];
        }
        if !of_class && failed.is_none() {
            return Vec::new();
        }
    }
    match (failed, provisioned) {
        // a class for volumes made by hand has no plugin to make them, and says so again and again
        (Some(event), _) if !event.message.contains("storageclass") && !event.message.contains("no volume plugin") => {
            vec![provisioning_failed(&ask.class, event)]
        }
        (_, true) => provisioner(world, claim, ask),
        (_, false) => by_hand(world, ask, pod),
    }
}

fn last<'w>(world: &'w World, claim: &o::Pvc, reason: &str) -> Option<&'w EventView> {
    world.events_of(&claim_ref(claim)).rev().find(|e| e.reason == reason)
}

fn class_missing(claim: &o::Pvc, name: &str) -> Verdict {
    let class = EntityRef::wide(Kind::StorageClass, name);
    Verdict::new("volume.storage_class_missing", 4.0)
        .arg("class", name)
        .about(class.clone())
        .evidence(Evidence::Absent { object: class, referred_by: claim_ref(claim) })
}

/// The class is empty where the claim was not read.
fn provisioning_failed(class: &str, event: &EventView) -> Verdict {
    let verdict =
        Verdict::new("volume.provisioning_failed", 3.5).arg("class", class).arg("message", clip(&event.message, 400));
    if class.is_empty() { verdict } else { verdict.about(EntityRef::wide(Kind::StorageClass, class)) }
}

/// A class with a provisioner, and no word of failure: is the provisioner there at all?
fn provisioner(world: &World, claim: &o::Pvc, ask: &Ask) -> Vec<Verdict> {
    let waits = last(world, claim, "WaitForFirstConsumer");
    let asked = last(world, claim, "ExternalProvisioning");
    if asked.is_none() && (waits.is_some() || ask.waits_for_pod(world)) {
        return Vec::new();
    }
    let old = world.age_s(claim.metadata.creation_timestamp).is_none_or(|age| age >= PROVISION_S);
    let Some(class) = world.storage_classes.get("", &ask.class).filter(|_| old) else { return Vec::new() };
    let verdict = |code, nats| {
        Verdict::new(code, nats)
            .arg("class", ask.class.clone())
            .arg("provisioner", class.provisioner.clone())
            .about(EntityRef::wide(Kind::StorageClass, &ask.class))
    };
    let pods: Vec<&o::Pod> = world.pods.iter().filter(|p| serves(p, &class.provisioner)).collect();
    match pods.first() {
        Some(first) if pods.iter().all(|p| !p.is_ready()) => {
            let workload = world.workload_of(first);
            let ready = format!("0 of {} pods ready", pods.len());
            let field = Evidence::Field { object: workload.clone(), path: "status".into(), value: ready };
            let mut verdict =
                verdict("volume.provisioner_down", 3.5).arg("provider", workload.to_string()).evidence(field);
            verdict.about.insert(0, workload);
            vec![verdict]
        }
        Some(_) => vec![verdict("volume.provisioning_stuck", 2.0)],
        // a provisioner inside the control plane of a provider is not seen, so absence is only likely
        None if asked.is_some() && world.is_listed(Kind::Pod, "kube-system") => {
            vec![verdict("volume.provisioner_missing", 2.5)]
        }
        None => vec![verdict("volume.provisioning_stuck", 1.5)],
    }
}

/// A pod that works for a provisioner names it in its arguments or environment.
fn serves(pod: &o::Pod, provisioner: &str) -> bool {
    let names = |text: &str| text == provisioner || text.contains(&format!("={provisioner}"));
    let last = provisioner.rsplit(['/', '.']).next().unwrap_or(provisioner);
    let by_name = last.len() >= 5 && pod.name().contains(last) && pod.name().contains("provision");
    !pod.is_finished()
        && (by_name
            || pod.spec.containers.iter().any(|c| {
                c.args.iter().chain(&c.command).any(|a| names(a)) || c.env.iter().any(|e| e.value == provisioner)
            }))
}

/// A claim that demands one volume by name.
fn demanded(world: &World, ask: &Ask, pod: Option<&o::Pod>) -> Vec<Verdict> {
    let volume = EntityRef::wide(Kind::Pv, &ask.volume);
    let Some(pv) = world.volumes.get("", &ask.volume) else {
        let absent = world.is_absent(&volume);
        let verdict = Verdict::new("volume.missing", 4.0).arg("volume", ask.volume.clone()).about(volume.clone());
        let referred_by = EntityRef::new(Kind::Pvc, &ask.namespace, &ask.name);
        let verdict = verdict.evidence(Evidence::Absent { object: volume, referred_by });
        return if absent { vec![verdict] } else { Vec::new() };
    };
    match ask.held(pv) {
        Held::Free => misfit(world, ask, pod, pv).into_iter().collect(),
        Held::Other => vec![occupied(world, ask, pv, 4.0)],
        Held::Released | Held::Failed => vec![spent(pv)],
    }
}

/// Static binding: every volume is compared with the claim.
fn by_hand(world: &World, ask: &Ask, pod: Option<&o::Pod>) -> Vec<Verdict> {
    if !world.is_listed(Kind::Pv, "") && world.volumes.is_empty() {
        return Vec::new();
    }
    let judged = |held: Held| {
        let mut all: Vec<(Vec<Misfit>, &o::Pv)> = world
            .volumes
            .iter()
            .filter(|v| v.metadata.deletion_timestamp.0.is_none() && ask.held(v) == held)
            .map(|v| (ask.misfits(world, pod, v), v))
            .collect();
        // fewest obstacles first; a volume of another class was not made for this claim
        all.sort_by_key(|(m, v)| (m.contains(&Misfit::Class), m.len(), v.name().to_owned()));
        all
    };
    let free = judged(Held::Free);
    let fitting = |held: Held| judged(held).into_iter().find(|(m, _)| m.is_empty()).map(|(_, v)| v);
    if free.first().is_some_and(|(m, _)| m.is_empty() && ask.known) {
        return Vec::new();
    }
    let taken = fitting(Held::Other);
    let near = free.iter().find(|(m, _)| !m.contains(&Misfit::Class) || m.len() == 1);
    let mut verdicts = Vec::new();
    if let Some(pv) = taken {
        let nats = if near.is_some() || !ask.known { 3.0 } else { 4.0 };
        verdicts.push(occupied(world, ask, pv, nats));
    } else if let Some(pv) = fitting(Held::Released).or_else(|| fitting(Held::Failed)) {
        verdicts.push(spent(pv));
    }
    if let Some((_, pv)) = near {
        let found = misfit(world, ask, pod, pv);
        verdicts.extend(found.map(|v| if taken.is_some() { Verdict { nats: v.nats - 1.5, ..v } } else { v }));
    }
    if verdicts.is_empty() {
        verdicts.push(nothing(world, ask));
    }
    verdicts.sort_by(|a, b| b.nats.total_cmp(&a.nats));
    verdicts
}

/// What is wrong with the nearest free volume.
fn misfit(world: &World, ask: &Ask, pod: Option<&o::Pod>, pv: &o::Pv) -> Option<Verdict> {
    let misfits = ask.misfits(world, pod, pv);
    let named = |code, nats| Verdict::new(code, nats).arg("volume", pv.name()).about(volume_ref(pv));
    let Some(&first) = misfits.first() else {
        // the claim's wishes are not known: labels are put on volumes to be selected by them
        let unknown =
            || named(if pv.metadata.labels.is_empty() { "volume.no_fit" } else { "volume.selector_mismatch" }, 1.5);
        return (!ask.known).then(|| {
            compare(ask, pv, if pv.metadata.labels.is_empty() { Misfit::Capacity } else { Misfit::Selector }, unknown())
        });
    };
    let nats = match (misfits.len(), first) {
        (1, Misfit::Class) => 3.0,
        (1, _) => 4.0,
        _ => 3.0,
    };
    Some(compare(ask, pv, first, named(first.code(), nats)).arg("misfits", Misfit::words(&misfits)))
}

/// Both sides of the comparison that failed.
fn compare(ask: &Ask, pv: &o::Pv, misfit: Misfit, verdict: Verdict) -> Verdict {
    let size = ask.size.as_ref().map(ToString::to_string).unwrap_or_default();
    let has_size = pv.spec.capacity.get("storage").map(ToString::to_string).unwrap_or_default();
    let selector = ask.selector.as_ref().map(|s| s.match_labels.to_line()).unwrap_or_default();
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let (what, wants, has, relation) = match misfit {
        Misfit::Class => ("storageClassName", ask.class.clone(), pv.spec.storage_class_name.clone(), "≠"),
        Misfit::AccessModes => ("accessModes", ask.modes.join(","), pv.spec.access_modes.join(","), "not in"),
        Misfit::Capacity => ("storage", size, has_size, ">"),
        Misfit::Selector => ("labels", selector, pv.metadata.labels.to_line(), "not in"),
        Misfit::Mode => {
            let word = |block: bool| if block { "Block" } else { "Filesystem" }.to_owned();
            ("volumeMode", word(ask.block), word(!ask.block), "≠")
        }
        Misfit::Zone => ("nodeAffinity", "a node that the pod accepts".to_owned(), affinity_of(pv), "not in"),
    };
    let (wants, has) = (or_none(wants), or_none(has));
    verdict.arg("wants", wants.clone()).arg("has", has.clone()).evidence(Evidence::Arithmetic {
        object: volume_ref(pv),
        what: what.to_owned(),
        left: wants,
        relation: relation.to_owned(),
        right: has,
    })
}

fn affinity_of(pv: &o::Pv) -> String {
    let terms = pv.spec.node_affinity.iter().filter_map(|a| a.required.as_ref()).flat_map(|r| &r.node_selector_terms);
    let pairs =
        terms.flat_map(|t| &t.match_expressions).map(|r| format!("{} {} {}", r.key, r.operator, r.values.join(",")));
    pairs.collect::<Vec<_>>().join("; ")
}

fn volume_ref(pv: &o::Pv) -> EntityRef {
    EntityRef::wide(Kind::Pv, pv.name())
}

fn occupied(world: &World, ask: &Ask, pv: &o::Pv, nats: f64) -> Verdict {
    let holder = pv.spec.claim_ref.as_ref().map(|r| (r.namespace.as_str(), r.name.as_str())).unwrap_or_default();
    let used = users(world).contains_key(&holder);
    let name = if holder.0.is_empty() { holder.1.to_owned() } else { format!("{}/{}", holder.0, holder.1) };
    Verdict::new("volume.pv_occupied", nats)
        .arg("volume", pv.name())
        .arg("holder", name.clone())
        .arg("holder_used", if used { "yes" } else { "no" })
        .arg("class", ask.class.clone())
        .about(volume_ref(pv))
        .about(EntityRef::new(Kind::Pvc, holder.0, holder.1))
        .evidence(Evidence::Field { object: volume_ref(pv), path: "spec.claimRef".into(), value: name })
}

fn spent(pv: &o::Pv) -> Verdict {
    let code = if pv.status.phase == "Failed" { "volume.pv_failed" } else { "volume.pv_released" };
    let holder = pv.spec.claim_ref.as_ref().map(|r| format!("{}/{}", r.namespace, r.name)).unwrap_or_default();
    Verdict::new(code, 3.5)
        .arg("volume", pv.name())
        .arg("holder", holder)
        .arg("message", pv.status.message.as_str())
        .about(volume_ref(pv))
        .evidence(Evidence::Field {
            object: volume_ref(pv),
            path: "status.phase".into(),
            value: pv.status.phase.clone(),
        })
}

/// No volume comes near.
fn nothing(world: &World, ask: &Ask) -> Verdict {
    let no_default = !ask.names_class
        && ask.class.is_empty()
        && world.is_listed(Kind::StorageClass, "")
        && !world.storage_classes.iter().any(o::StorageClass::is_default);
    if no_default && !world.storage_classes.is_empty() {
        let classes: Vec<&str> = world.storage_classes.iter().map(o::StorageClass::name).collect();
        return Verdict::new("volume.no_default_class", 3.5).arg("classes", classes.join(", "));
    }
    let nats = if ask.known { 3.0 } else { 2.0 };
    Verdict::new("volume.no_volume", nats).arg("class", if ask.class.is_empty() { "none" } else { &ask.class })
}
