//! Workloads scaled to nothing while somebody needs them.
//!
//! *What it finds*: `replicas: 0` behind a service that callers name, an ingress routes to, or logs complain of. *Why it
//! matters*: nothing is unhealthy, so nothing is red, and the callers fail. *What can fool it*: parts that are switched
//! off on purpose: they are a risk only.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::{WorkloadView, World};

use crate::Detector;
use crate::complaints;
use crate::services::with_complaints;
use crate::traffic::{Callers, field, hurt_callers, labels_of, names, routed_from, selects, serves_api, service_ref};

pub(crate) struct ScaledToZero;

impl Detector for ScaledToZero {
    fn name(&self) -> &'static str {
        "workloads scaled to zero"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let callers = Callers::new(world);
        let mut looked_at = 0;
        for workload in world.workloads() {
            let scalable = matches!(workload.entity.kind, Kind::Deployment | Kind::StatefulSet);
            looked_at += usize::from(scalable);
            if scalable && workload.desired == 0 {
                out.push(judge(world, &callers, &workload));
            }
        }
        looked_at
    }
}

/// Who needs it, as well as it is known.
fn needed_by(
    calling: &std::collections::BTreeSet<&EntityRef>,
    routed: &[EntityRef],
    complaints: &[complaints::Complaint],
) -> String {
    let by: std::collections::BTreeSet<&EntityRef> = complaints.iter().filter_map(|c| c.by.as_ref()).collect();
    [names(calling.iter().copied()), names(routed), names(by)]
        .into_iter()
        .find(|line| !line.is_empty())
        .unwrap_or_else(|| "–".to_owned())
}

fn judge(world: &World, callers: &Callers<'_>, workload: &WorkloadView<'_>) -> Finding {
    let me = workload.entity.clone();
    let services: Vec<&o::Service> = world
        .services
        .iter()
        .filter(|s| s.namespace() == &*me.namespace)
        .filter(|s| selects(&s.spec.selector, labels_of(workload)))
        // pods of another workload may stand behind the same service: blue and green
        .filter(|s| crate::traffic::live_pods(world, s).is_empty())
        .collect();
    let mut complaints = Vec::new();
    let mut calling = std::collections::BTreeSet::new();
    let mut routed = Vec::new();
    let mut api = false;
    for service in &services {
        let entity = service_ref(service);
        complaints.extend(complaints::about_service(world, service, None));
        calling.extend(callers.of(&entity, Some(&me)));
        routed.extend(routed_from(world, &entity));
        api |= serves_api(world, &entity);
    }
    // a caller that is itself switched off needs nothing
    calling.retain(|c| world.workload(c).is_none_or(|w| w.desired > 0));
    let hurt = hurt_callers(world, &calling);
    let harmed = !complaints.is_empty() || !hurt.is_empty() || api;
    let needed = harmed || !calling.is_empty() || !routed.is_empty();
    let disabled = world.autoscalers.iter().find(|h| {
        h.namespace() == &*me.namespace
            && h.spec.scale_target_ref.name == *me.name
            && h.status.conditions.iter().any(|c| c.kind == "ScalingActive" && c.reason == "ScalingDisabled")
    });
    let code = if needed { "workload.scaled_to_zero" } else { "workload.idle" };
    let mut finding = Finding::new(code, me.clone())
        .nats(if harmed { 4.0 } else { 1.5 })
        .arg("callers", needed_by(&calling, &routed, &complaints))
        .arg("services", names(&services.iter().map(|s| service_ref(s)).collect::<Vec<EntityRef>>()))
        .evidence(field(&me, "spec.replicas", "0"));
    for service in services.iter().take(2) {
        finding = finding.about(service_ref(service));
    }
    if let Some(hpa) = disabled {
        let object = EntityRef::new(Kind::Hpa, hpa.namespace(), hpa.name());
        finding = finding.evidence(Evidence::Condition {
            object,
            condition: "ScalingActive".to_owned(),
            status: "False".to_owned(),
            reason: "ScalingDisabled".to_owned(),
            message: String::new(),
            since: None,
        });
    }
    let since = workload.conditions.iter().filter_map(|c| c.last_transition_time.0).max();
    with_complaints(finding.since(since), &complaints, &hurt, &routed)
}
