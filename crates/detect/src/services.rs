//! Services that no pod stands behind.
//!
//! *What it finds*: a selector that matches no pod and no template, a service whose pods are all unready, one whose pods
//! belong to another workload. *Why it matters*: connections are refused although everything runs. *Evidence used*:
//! selector, pod labels, templates, call sites, connection tests, logs. *How to confirm by hand*:
//! `kubectl get endpointslices -l kubernetes.io/service-name=NAME`. *What can fool it*: services kept for later
//! (previews, replicas that do not exist yet), services without selector.

use std::collections::BTreeSet;

use rootline_model::{EntityRef, Finding, Kind};
use rootline_objects as o;
use rootline_world::{WorkloadView, World};

use crate::Detector;
use crate::complaints::{self, Complaint};
use crate::resemblance::is_slip;
use crate::starting::{is_overdue, settled};
use crate::traffic::{
    Callers, field, hurt_callers, labels_of, live_pods, names, routed_from, serves_api, service_ref, templates,
};
use crate::workloads::blamed;

pub(crate) struct Services;

impl Detector for Services {
    fn name(&self) -> &'static str {
        "services and their pods"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let callers = Callers::new(world);
        // a table without labels proves nothing about selectors
        let unlabelled: BTreeSet<&str> = world
            .pods
            .iter()
            .filter(|p| p.metadata.labels.is_empty() && !p.is_finished())
            .map(o::Pod::namespace)
            .collect();
        let mut looked_at = 0;
        for service in world.services.iter().filter(|s| !s.spec.selector.is_empty() && !s.is_external_name()) {
            looked_at += 1;
            let view = View { world, service, me: service_ref(service), callers: &callers };
            let pods = live_pods(world, service);
            if pods.is_empty() {
                if !unlabelled.contains(service.namespace()) {
                    out.extend(view.without_pods());
                }
            } else {
                out.extend(view.all_unready(&pods));
                out.extend(view.others_pods(&pods));
            }
        }
        looked_at
    }
}

struct View<'w, 'c> {
    world: &'w World,
    service: &'w o::Service,
    me: EntityRef,
    callers: &'c Callers<'w>,
}

/// The workload that a selector evidently means, and where it goes wrong.
struct Meant {
    workload: EntityRef,
    /// `app=carts` of the selector against `app=cart` of the pods.
    wrong: String,
    right: String,
    score: f64,
    same_name: bool,
}

impl View<'_, '_> {
    fn without_pods(&self) -> Option<Finding> {
        let behind = templates(self.world, self.service);
        if !behind.is_empty() {
            return self.pods_to_come(&behind);
        }
        if !self.world.is_listed(Kind::Pod, self.service.namespace()) {
            return None;
        }
        let meant = self.meant();
        let complaints = complaints::about_service(self.world, self.service, None);
        // however young: the workload it means is there, and its callers are refused
        let hurts_already = meant.is_some() && !complaints.is_empty();
        if !hurts_already && !settled_or_hurt(self) {
            return None;
        }
        let calling = self.callers.of(&self.me, meant.as_ref().map(|m| &m.workload));
        let hurt = hurt_callers(self.world, &calling);
        let routed = routed_from(self.world, &self.me);
        let evident = meant.as_ref().is_some_and(|m| m.same_name || (m.score >= 3.0 && !self.is_served(&m.workload)));
        let harmed = !complaints.is_empty() || !hurt.is_empty() || serves_api(self.world, &self.me);
        let selector = self.service.spec.selector.to_line();
        let code = if evident || harmed { "service.selects_nothing" } else { "service.no_backend" };
        let nats = match (evident, harmed) {
            (true, true) => 4.0,
            (true, false) if !calling.is_empty() || !routed.is_empty() => 3.0,
            (true, false) => 2.0,
            (false, true) if !complaints.is_empty() => 2.0,
            _ => 1.0,
        };
        let mut finding = Finding::new(code, self.me.clone())
            .nats(nats)
            .since(self.service.metadata.creation_timestamp.0)
            .arg("service", self.service.name())
            .arg("selector", selector.clone())
            .arg("callers", names(calling.iter().copied()))
            .evidence(field(&self.me, "spec.selector", selector));
        if let Some(meant) = &meant {
            finding = finding
                .arg("meant", meant.workload.to_string())
                .arg("wrong", meant.wrong.clone())
                .arg("right", meant.right.clone())
                .about(meant.workload.clone())
                .evidence(field(&meant.workload, "spec.template.metadata.labels", meant.right.clone()));
        }
        Some(with_complaints(finding, &complaints, &hurt, &routed))
    }

    /// Templates match; the pods are missing for a cause of their own.
    fn pods_to_come(&self, behind: &[WorkloadView<'_>]) -> Option<Finding> {
        let wanted = behind.iter().any(|w| w.desired > 0 && w.entity.kind != Kind::Job);
        if !wanted || !settled(self.world, &self.service.metadata) {
            return None;
        }
        // pasted text may hold no pods at all: then nothing can be said
        if !self.world.is_listed(Kind::Pod, self.service.namespace()) {
            return None;
        }
        let workload = names(behind.iter().map(|w| &w.entity));
        let first = behind.first()?;
        (settled(self.world, first.metadata)).then(|| {
            Finding::new("service.no_pods", self.me.clone())
                .arg("service", self.service.name())
                .arg("workload", workload)
                .about(first.entity.clone())
                .evidence(field(&self.me, "spec.selector", self.service.spec.selector.to_line()))
        })
    }

    fn all_unready(&self, pods: &[&o::Pod]) -> Option<Finding> {
        let tolerated = self.service.spec.publish_not_ready_addresses == Some(true);
        if tolerated || !pods.iter().all(|p| is_overdue(self.world, p)) {
            return None;
        }
        let since = pods.iter().filter_map(|p| p.condition("Ready")?.last_transition_time.0).max();
        let about = pods.first().map(|p| self.world.workload_of(p))?;
        let mut finding = Finding::new("service.no_ready_endpoints", self.me.clone())
            .since(since)
            .arg("service", self.service.name())
            .arg("pods", pods.len().to_string())
            .about(about)
            .evidence(field(&self.me, "endpoints", format!("0 of {} pods ready", pods.len())));
        for other in pods.iter().take(2).flat_map(|p| blamed(self.world, p)) {
            finding = finding.about(other);
        }
        Some(finding)
    }

    /// The selector picks pods of another workload while the one of the service's name is picked by nothing.
    fn others_pods(&self, pods: &[&o::Pod]) -> Option<Finding> {
        let ns = self.service.namespace();
        let own = [Kind::Deployment, Kind::StatefulSet]
            .into_iter()
            .map(|k| EntityRef::new(k, ns, self.service.name()))
            .find(|e| self.world.exists(e))?;
        let picked: Vec<EntityRef> = pods.iter().map(|p| self.world.workload_of(p)).collect();
        let kin = |e: &EntityRef| *e == own || e.name.contains(self.service.name()) || own.name.contains(&*e.name);
        if picked.iter().any(kin) || self.is_served(&own) {
            return None;
        }
        let view = self.world.workload(&own).filter(|w| w.desired > 0)?;
        // the other workload has a service of its own, so this one is not its second door
        let other = picked.first()?.clone();
        self.world.services.get(ns, &other.name)?;
        let complaints = complaints::about_service(self.world, self.service, None);
        let selector = self.service.spec.selector.to_line();
        Some(with_complaints(
            Finding::new("service.selects_other", self.me.clone())
                .nats(if complaints.is_empty() { 2.0 } else { 3.5 })
                .arg("service", self.service.name())
                .arg("selector", selector.clone())
                .arg("other", other.to_string())
                .arg("meant", own.to_string())
                .arg("right", labels_of(&view).to_line())
                .about(own.clone())
                .about(other)
                .evidence(field(&self.me, "spec.selector", selector))
                .evidence(field(&own, "spec.template.metadata.labels", labels_of(&view).to_line())),
            &complaints,
            &[],
            &[],
        ))
    }

    /// Whether any service of the namespace picks a workload's pods.
    fn is_served(&self, workload: &EntityRef) -> bool {
        let Some(view) = self.world.workload(workload) else { return false };
        let labels = labels_of(&view);
        self.world
            .services
            .iter()
            .filter(|s| s.namespace() == self.service.namespace())
            .any(|s| crate::traffic::selects(&s.spec.selector, labels))
    }

    fn meant(&self) -> Option<Meant> {
        let mut best: Option<Meant> = None;
        let ns = self.service.namespace();
        for workload in self.world.workloads().filter(|w| w.metadata.namespace == ns && w.entity.kind != Kind::Job) {
            let Some(meant) = self.resembles(&workload) else { continue };
            if best.as_ref().is_none_or(|b| meant.score > b.score) {
                best = Some(meant);
            }
        }
        best.filter(|b| b.score >= 2.0)
    }

    fn resembles(&self, workload: &WorkloadView<'_>) -> Option<Meant> {
        let labels = labels_of(workload);
        let selector = &self.service.spec.selector;
        let (service, name) = (self.service.name(), &*workload.entity.name);
        let same_name = service == name;
        let mut score = match (same_name, name.contains(service) || service.contains(name)) {
            (true, _) => 3.0,
            (false, true) => 1.0,
            _ => 0.0,
        };
        let (mut wrong, mut right) = (Vec::new(), Vec::new());
        for (key, value) in selector.iter() {
            match labels.get(key) {
                Some(have) if have == value => score += 1.0,
                Some(have) => {
                    wrong.push(format!("{key}={value}"));
                    right.push(format!("{key}={have}"));
                    score += if is_slip(value, have) || plain(value) == plain(have) { 2.0 } else { 0.0 };
                }
                None => {
                    wrong.push(format!("{key}={value}"));
                    if let Some((other, have)) = labels.iter().find(|(_, have)| *have == value) {
                        right.push(format!("{other}={have}"));
                        score += 2.0;
                    }
                }
            }
        }
        let declared = workload.template.spec.containers.iter().flat_map(|c| &c.ports).map(|p| p.container_port);
        let targets: Vec<i64> = self
            .service
            .spec
            .ports
            .iter()
            .filter_map(|p| match p.target() {
                o::PortRef::Number(n) => Some(n),
                o::PortRef::Name(_) => None,
            })
            .collect();
        if declared.into_iter().any(|p| targets.contains(&p)) {
            score += 0.5;
        }
        if right.is_empty() {
            right.push(labels.to_line());
        }
        (score > 0.0).then(|| Meant {
            workload: workload.entity.clone(),
            wrong: wrong.join(","),
            right: right.join(","),
            score,
            same_name,
        })
    }
}

/// A fresh service is judged only if somebody already suffers from it.
fn settled_or_hurt(view: &View<'_, '_>) -> bool {
    settled(view.world, &view.service.metadata)
        || view.world.reaches.iter().any(|r| r.host == view.service.name() && r.reached == Some(false))
}

fn plain(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Adds who suffers.
pub(crate) fn with_complaints(
    mut finding: Finding,
    complaints: &[Complaint],
    hurt: &[&EntityRef],
    routed: &[EntityRef],
) -> Finding {
    for complaint in complaints.iter().take(2) {
        if let Some(by) = &complaint.by {
            finding = finding.about(by.clone());
        }
        finding = finding.evidence(complaint.evidence.clone());
    }
    for caller in hurt.iter().take(3) {
        finding = finding.about((*caller).clone());
    }
    for route in routed.iter().take(2) {
        let backend = field(route, "backend", finding.entity.to_string());
        finding = finding.about(route.clone()).evidence(backend);
    }
    finding
}
