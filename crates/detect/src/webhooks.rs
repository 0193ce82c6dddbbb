//! Admission webhooks whose backend cannot answer.
//!
//! **What it finds** webhooks with failure policy Fail whose service is missing or has no ready pod.
//! **Why it matters** from that moment every matching create or update is refused, and nothing shows until somebody tries.
//! **Evidence used** webhook configurations, services, pods. **How to confirm by hand** `kubectl get
//! validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml`.
//! **What can fool it** policy Ignore, selectors that exclude what is created, backends outside the cluster. Creations that
//! were refused already are another detector's matter (admission).
//! **Source** failure-modes rows 21, 171.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::control_plane_objects::{Backend, backend};

pub(crate) struct Webhooks;

impl Detector for Webhooks {
    fn name(&self) -> &'static str {
        "admission webhooks"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for config in &world.webhooks {
            let worst = config.webhooks.iter().find_map(|w| Some((w, broken(world, w)?)));
            if let Some((hook, backend)) = worst {
                out.push(finding(config, hook, backend));
            }
        }
        world.webhooks.len()
    }
}

fn broken(world: &World, hook: &o::Webhook) -> Option<Backend> {
    let service = hook.client_config.service.as_ref()?;
    let state = backend(world, service);
    // an empty policy is the default of v1: Fail
    let fails = hook.failure_policy != "Ignore";
    (fails && matches!(state, Backend::Down | Backend::Empty | Backend::Missing)).then_some(state)
}

fn finding(config: &o::WebhookConfig, hook: &o::Webhook, state: Backend) -> Finding {
    let me = EntityRef::wide(Kind::Webhook, config.name());
    let (ns, name) = hook.client_config.service.as_ref().map_or(("", ""), |s| (&*s.namespace, &*s.name));
    let service = EntityRef::new(Kind::Service, ns, name);
    let what = match state {
        Backend::Missing => "does not exist",
        Backend::Empty => "selects no pod",
        _ => "has no ready pod",
    };
    let evidence = if state == Backend::Missing {
        Evidence::Absent { object: service.clone(), referred_by: me.clone() }
    } else {
        Evidence::Field { object: service.clone(), path: "endpoints".into(), value: what.to_owned() }
    };
    Finding::new("webhook.backend_unready", me)
        .nats(2.0)
        .arg("webhook", hook.name.as_str())
        .arg("service", format!("{ns}/{name}"))
        .arg("what", what)
        .about(service)
        .evidence(evidence)
}
