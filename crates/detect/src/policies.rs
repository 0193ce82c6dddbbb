//! Network policies against the calls that the configuration shows.
//!
//! *What it finds*: a call that no ingress rule admits or no egress rule lets out, pods that may not ask the DNS. *Why it
//! matters*: packets vanish; the caller sees time-outs, not refusals. *Evidence used*: policies, labels of both sides,
//! call sites, logs. *How to confirm by hand*: `kubectl get networkpolicy`, then a connection test from the caller. *What
//! can fool it*: network plugins that do not enforce policies; addresses that are never dialled.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::{self, Trouble, is_unwell};
use crate::listeners::protocol;
use crate::services::with_complaints;
use crate::traffic::{field, live_pods};

pub(crate) struct Policies;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Detector for Policies {
    fn name(&self) -> &'static str {
        "network policies"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        if world.network_policies.is_empty() {
            return 0;
        }
        let mut by_namespace: BTreeMap<&str, Vec<&o::NetworkPolicy>> = BTreeMap::new();
        for policy in &world.network_policies {
            by_namespace.entry(policy.namespace()).or_default().push(policy);
        }
        let simulation = Simulation { world, by_namespace };
        simulation.calls(out);
        simulation.dns(out);
        world.network_policies.len()
    }
}

struct Simulation<'w> {
    world: &'w World,
    by_namespace: BTreeMap<&'w str, Vec<&'w o::NetworkPolicy>>,
}

/// One side of a connection: a pod's namespace, labels and named ports.
struct Side<'w> {
    namespace: &'w str,
    pod: &'w o::Pod,
}

impl<'w> Simulation<'w> {
    fn calls(&self, out: &mut Vec<Finding>) {
        let mut seen = BTreeSet::new();
        for site in &self.world.calls {
            let Some(service) = &site.service else { continue };
            if !seen.insert((site.caller.clone(), service.clone(), site.address.port)) {
                continue;
            }
            let Some(target) = self.world.services.get(&service.namespace, &service.name) else { continue };
            let from = self.world.pods_of(&site.caller).find(|p| !p.is_finished());
            let to = live_pods(self.world, target).first().copied();
            let (Some(from), Some(to)) = (from, to) else { continue };
            let port = target.spec.ports.iter().find(|p| site.address.port.is_none_or(|n| p.port == i64::from(n)));
            let Some(port) = port else { continue };
            let source = Side { namespace: &site.caller.namespace, pod: from };
            let goal = Side { namespace: &service.namespace, pod: to };
            let wire = (port.target(), protocol(&port.protocol));
            let denied = self.denied(&goal, &source, Way::In, &wire).map(|p| (p, Way::In));
            let denied = denied.or_else(|| self.denied(&source, &goal, Way::Out, &wire).map(|p| (p, Way::Out)));
            if let Some((policy, way)) = denied {
                out.push(self.report(policy, way, &site.caller, (target, port)));
            }
        }
    }

    /// The policy that isolates `me` in a direction while no rule of any admits the other side.
    fn denied(
        &self,
        me: &Side<'_>,
        other: &Side<'_>,
        way: Way,
        wire: &(o::PortRef, &str),
    ) -> Option<&'w o::NetworkPolicy> {
        let isolating = self.isolating(me, way);
        let receiver = if way == Way::In { me } else { other };
        let admits = |p: &&&o::NetworkPolicy| {
            let rules = if way == Way::In { &p.spec.ingress } else { &p.spec.egress };
            rules.iter().any(|r| {
                let peers = if way == Way::In { &r.from } else { &r.to };
                self.peers_hold(peers, p.namespace(), other) && ports_hold(&r.ports, wire, receiver.pod)
            })
        };
        if isolating.iter().any(|p| admits(&p)) {
            return None;
        }
        isolating.first().copied()
    }

    fn isolating(&self, side: &Side<'_>, way: Way) -> Vec<&'w o::NetworkPolicy> {
        self.by_namespace
            .get(side.namespace)
            .into_iter()
            .flatten()
            .copied()
            .filter(|p| isolates(p, way) && p.spec.pod_selector.matches(&side.pod.metadata.labels))
            .collect()
    }

    /// No peers means anybody.
    fn peers_hold(&self, peers: &[o::PolicyPeer], home: &str, other: &Side<'_>) -> bool {
        peers.is_empty()
            || peers.iter().any(|peer| {
                if peer.ip_block.is_some() {
                    // addresses behind blocks are not for us to judge: taken as admitting
                    return true;
                }
                let namespace_holds = match &peer.namespace_selector {
                    None => other.namespace == home,
                    Some(selector) if selector.is_empty() => true,
                    Some(selector) => match self.world.namespaces.get("", other.namespace) {
                        Some(ns) => {
                            let mut labels = ns.metadata.labels.clone();
                            labels.set("kubernetes.io/metadata.name", other.namespace);
                            selector.matches(&labels)
                        }
                        // a namespace whose labels were not read may fit
                        None => true,
                    },
                };
                let pod_holds = peer.pod_selector.as_ref().is_none_or(|s| s.matches(&other.pod.metadata.labels));
                namespace_holds && pod_holds
            })
    }

    fn report(
        &self,
        policy: &o::NetworkPolicy,
        way: Way,
        caller: &EntityRef,
        (target, port): (&o::Service, &o::ServicePort),
    ) -> Finding {
        let me = EntityRef::new(Kind::NetworkPolicy, policy.namespace(), policy.name());
        let service = EntityRef::new(Kind::Service, target.namespace(), target.name());
        let complaints: Vec<_> = complaints::about_service(self.world, target, Some(port.port))
            .into_iter()
            // a policy drops: a refusal comes from the other side
            .filter(|c| matches!(c.trouble, Trouble::TimedOut | Trouble::Other))
            .filter(|c| c.by.as_ref().is_none_or(|by| by == caller))
            .collect();
        let hurt = is_unwell(self.world, caller);
        let timed = complaints.iter().any(|c| c.trouble == Trouble::TimedOut);
        let (code, nats) = match (timed, !complaints.is_empty() || hurt) {
            (true, _) => ("policy.denies_call", 4.0),
            (false, true) => ("policy.denies_call", 2.5),
            (false, false) => ("policy.may_deny_call", 1.0),
        };
        let direction = if way == Way::In { "ingress" } else { "egress" };
        let finding = Finding::new(code, me.clone())
            .nats(nats)
            .since(policy.metadata.creation_timestamp.0)
            .arg("policy", policy.name())
            .arg("direction", direction)
            .arg("caller", caller.to_string())
            .arg("service", target.name())
            .arg("port", port.port.to_string())
            .about(caller.clone())
            .about(service)
            .evidence(field(
                &me,
                format!("spec.{direction}"),
                format!("no rule admits {caller} → {}:{}", target.name(), port.target()),
            ));
        with_complaints(finding, &complaints, &[], &[])
    }

    /// Workloads that an egress policy keeps from the cluster's DNS.
    fn dns(&self, out: &mut Vec<Finding>) {
        let server = self.world.pods.iter().find(|p| {
            p.namespace() == "kube-system"
                && matches!(p.metadata.labels.get("k8s-app"), Some("kube-dns" | "coredns" | "node-local-dns"))
        });
        let Some(server) = server else { return };
        let goal = Side { namespace: "kube-system", pod: server };
        let mut seen = BTreeSet::new();
        for pod in self.world.pods.iter().filter(|p| !p.is_finished()) {
            let me = Side { namespace: pod.namespace(), pod };
            let workload = self.world.workload_of(pod);
            if !self.by_namespace.contains_key(pod.namespace()) || !seen.insert(workload.clone()) {
                continue;
            }
            let wires = [(o::PortRef::Number(53), "UDP"), (o::PortRef::Number(53), "TCP")];
            let denied: Vec<_> = wires.iter().filter_map(|w| self.denied(&me, &goal, Way::Out, w)).collect();
            let [policy, _] = denied.as_slice() else { continue };
            out.push(self.report_dns(policy, &workload));
        }
    }

    fn report_dns(&self, policy: &o::NetworkPolicy, workload: &EntityRef) -> Finding {
        let me = EntityRef::new(Kind::NetworkPolicy, policy.namespace(), policy.name());
        let line = self.world.pods_of(workload).find_map(|p| {
            self.world.logs_of(p.namespace(), p.name()).iter().find_map(|t| {
                let line = t.lines.iter().rev().find(|l| complaints::trouble_of(l) == Some(Trouble::NoSuchHost))?;
                Some((EntityRef::container(&t.namespace, &t.pod, &t.container), line.clone()))
            })
        });
        let mut finding =
            Finding::new(if line.is_some() { "policy.denies_dns" } else { "policy.may_deny_dns" }, me.clone())
                .nats(3.5)
                .since(policy.metadata.creation_timestamp.0)
                .arg("policy", policy.name())
                .arg("caller", workload.to_string())
                .about(workload.clone())
                .evidence(field(&me, "spec.egress", "no rule admits port 53 of the cluster's DNS"));
        if let Some((container, line)) = line {
            finding = finding.evidence(rootline_model::Evidence::Log {
                container,
                line: complaints::clip(&line),
                previous: false,
                count: 1,
            });
        }
        finding
    }
}

fn isolates(policy: &o::NetworkPolicy, way: Way) -> bool {
    let types = &policy.spec.policy_types;
    match way {
        Way::In => types.is_empty() || types.iter().any(|t| t == "Ingress"),
        Way::Out => types.iter().any(|t| t == "Egress") || (types.is_empty() && !policy.spec.egress.is_empty()),
    }
}

/// No ports means all; the port is that of the pod which receives.
fn ports_hold(ports: &[o::PolicyPort], wire: &(o::PortRef, &str), receiver: &o::Pod) -> bool {
    let number = |port: &o::PortRef| match port {
        o::PortRef::Number(n) => Some(*n),
        o::PortRef::Name(name) => {
            receiver.spec.containers.iter().flat_map(|c| &c.ports).find(|p| p.name == *name).map(|p| p.container_port)
        }
    };
    ports.is_empty()
        || ports.iter().any(|p| {
            if protocol(&p.protocol) != wire.1 {
                return false;
            }
            if p.port.is_unset() {
                return true;
            }
            match (number(&p.port), number(&wire.0), p.end_port) {
                (Some(low), Some(have), Some(high)) => (low..=high).contains(&have),
                (Some(want), Some(have), None) => want == have,
                // a name that cannot be resolved on either side is compared as it stands
                _ => p.port == wire.0,
            }
        })
}
