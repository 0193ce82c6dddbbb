//! Service ports against what the pods listen on.
//!
//! *What it finds*: a `targetPort` that no container serves, a port name that no container defines, a protocol that
//! differs. *Why it matters*: the endpoints look healthy and every connection is refused. *Evidence used*: service and
//! container ports, endpoint slices, probes, logs, connection tests. *How to confirm by hand*: `kubectl port-forward` to
//! the pod works, to the service not. *What can fool it*: `containerPort` is only a declaration; a process may listen on
//! ports that nobody declared.

use rootline_model::{EntityRef, Finding};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::complaints::{self, Complaint, Trouble};
use crate::listeners::{Listeners, protocol};
use crate::services::with_complaints;
use crate::traffic::{Callers, field, hurt_callers, live_pods, selects, service_ref, templates};

pub(crate) struct ServicePorts;

impl Detector for ServicePorts {
    fn name(&self) -> &'static str {
        "service ports"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let callers = Callers::new(world);
        let mut looked_at = 0;
        for service in world.services.iter().filter(|s| !s.spec.selector.is_empty() && !s.is_external_name()) {
            let pods = live_pods(world, service);
            let listeners = if pods.is_empty() {
                // pods that could not be created still have a template
                match templates(world, service).first() {
                    Some(workload) => Listeners::of_spec(&workload.template.spec),
                    None => continue,
                }
            } else {
                Listeners::of_pods(world, pods.iter().copied())
            };
            let view = View { world, service, me: service_ref(service), pods: &pods, listeners, callers: &callers };
            for port in &service.spec.ports {
                looked_at += 1;
                out.extend(view.check(port));
            }
        }
        looked_at
    }
}

struct View<'w, 'p> {
    world: &'w World,
    service: &'w o::Service,
    me: EntityRef,
    pods: &'p [&'w o::Pod],
    listeners: Listeners,
    callers: &'p Callers<'w>,
}

impl View<'_, '_> {
    fn check(&self, port: &o::ServicePort) -> Option<Finding> {
        match port.target() {
            o::PortRef::Name(name) => self.named(port, &name),
            o::PortRef::Number(number) => self.numbered(port, number),
        }
    }

    fn named(&self, port: &o::ServicePort, name: &str) -> Option<Finding> {
        let of_name: Vec<_> = self.listeners.declared.iter().filter(|d| d.name == name).collect();
        if of_name.iter().any(|d| d.protocol == protocol(&port.protocol)) {
            return None;
        }
        if let Some(other) = of_name.first() {
            return Some(self.wrong_protocol(port, other.port, &other.protocol));
        }
        let names_known = self.listeners.declared.iter().any(|d| !d.name.is_empty());
        // text of `describe` shows ports without their names: then only the endpoints tell
        if !names_known && !self.endpoints_lack_port(port) {
            return None;
        }
        let complaints = complaints::about_service(self.world, self.service, Some(port.port));
        let finding = self.mismatch(port, name).nats(if complaints.is_empty() { 3.0 } else { 4.0 }).arg("how", "name");
        Some(with_complaints(finding, &complaints, &[], &[]))
    }

    /// The endpoint slices of the service hold ready pods without a usable port, or hold nothing though pods are ready.
    fn endpoints_lack_port(&self, port: &o::ServicePort) -> bool {
        if !self.pods.iter().any(|p| p.is_ready()) {
            return false;
        }
        let mut slices = self.world.slices_of(self.service.namespace(), self.service.name()).peekable();
        slices.peek().is_some()
            && !slices.any(|s| {
                !s.endpoints.is_empty()
                    && s.ports
                        .iter()
                        .any(|p| p.port.is_some_and(|n| n > 0) && (p.name == port.name || s.ports.len() == 1))
            })
    }

    fn numbered(&self, port: &o::ServicePort, number: i64) -> Option<Finding> {
        if self.listeners.declared.iter().any(|d| d.port == number) {
            let protocols: Vec<&str> =
                self.listeners.declared.iter().filter(|d| d.port == number).map(|d| d.protocol.as_str()).collect();
            if protocols.contains(&protocol(&port.protocol)) || self.other_door(port, number) {
                return None;
            }
            return Some(self.wrong_protocol(port, number, protocols.first().copied().unwrap_or("TCP")));
        }
        if self.listeners.serves(number) || self.service.is_headless() {
            return None;
        }
        let complaints = complaints::about_service(self.world, self.service, Some(port.port));
        let calling = self.callers.of(&self.me, None);
        let hurt = if complaints.is_empty() { hurt_callers(self.world, &calling) } else { Vec::new() };
        if self.listeners.is_unknown() {
            // nothing is declared: a refusal by pods that are ready is the only sign
            let ready = self.pods.iter().any(|p| p.is_ready());
            let plain = complaints.iter().any(|c| c.trouble == Trouble::Refused);
            return (plain && ready).then(|| {
                let finding = self.mismatch(port, &number.to_string()).nats(0.5).arg("how", "undeclared");
                with_complaints(finding, &complaints, &[], &[])
            });
        }
        Some(self.judged(port, number, &complaints, &hurt))
    }

    fn judged(&self, port: &o::ServicePort, number: i64, complaints: &[Complaint], hurt: &[&EntityRef]) -> Finding {
        let refused = complaints.iter().any(|c| c.trouble != Trouble::NoSuchHost);
        let declares_front = self.listeners.declared.iter().any(|d| d.port == port.port);
        let only_door = self.service.spec.ports.len() == 1 && !self.declared_are_served();
        let logged = if self.listeners.logged.is_empty() { 0.0 } else { 0.5 };
        let nats = match (refused || !hurt.is_empty(), only_door || declares_front) {
            (true, true) => 3.5 + logged,
            (true, false) => 2.5 + logged,
            (false, true) => 2.0 + logged,
            (false, false) => return self.undeclared(port, number),
        };
        let finding = self.mismatch(port, &number.to_string()).nats(nats).arg("how", "number");
        with_complaints(finding, complaints, hurt, &[])
    }

    /// Some service sends to a declared port of these pods: they are reachable, this port is an extra.
    fn declared_are_served(&self) -> bool {
        let Some(pod) = self.pods.first() else { return false };
        let labels = &pod.metadata.labels;
        self.world
            .services
            .iter()
            .filter(|s| s.namespace() == self.service.namespace() && selects(&s.spec.selector, labels))
            .flat_map(|s| &s.spec.ports)
            .any(|p| match p.target() {
                o::PortRef::Number(n) => self.listeners.declared.iter().any(|d| d.port == n),
                o::PortRef::Name(name) => self.listeners.declared.iter().any(|d| d.name == name),
            })
    }

    /// Another port of the service has the same number and the right protocol.
    fn other_door(&self, port: &o::ServicePort, number: i64) -> bool {
        self.service.spec.ports.iter().any(|other| {
            protocol(&other.protocol) != protocol(&port.protocol) && other.target() == o::PortRef::Number(number)
        })
    }

    fn mismatch(&self, port: &o::ServicePort, target: &str) -> Finding {
        let meant = self.listeners.meant(port);
        let mut finding = self
            .about("service.target_port_mismatch", port)
            .arg("target_port", target)
            .arg("declared", self.listeners.line())
            .arg("expected", meant.map_or_else(|| self.listeners.line(), |p| p.to_string()))
            .evidence(field(&self.me, format!("spec.ports[{}].targetPort", port.port), target));
        if let Some(workload) = self.behind() {
            finding = finding.evidence(field(&workload, "containers[].ports", self.listeners.line())).about(workload);
        }
        finding
    }

    fn undeclared(&self, port: &o::ServicePort, number: i64) -> Finding {
        self.about("service.target_port_undeclared", port)
            .arg("target_port", number.to_string())
            .arg("declared", self.listeners.line())
    }

    fn wrong_protocol(&self, port: &o::ServicePort, number: i64, right: &str) -> Finding {
        let complaints = complaints::about_service(self.world, self.service, Some(port.port));
        let mut finding = self
            .about("service.protocol_mismatch", port)
            .nats(if complaints.is_empty() { 3.0 } else { 4.0 })
            .arg("target_port", number.to_string())
            .arg("protocol", protocol(&port.protocol))
            .arg("expected", right)
            .evidence(field(&self.me, format!("spec.ports[{}].protocol", port.port), protocol(&port.protocol)));
        if let Some(workload) = self.behind() {
            finding = finding.evidence(field(&workload, "containers[].ports", self.listeners.line())).about(workload);
        }
        with_complaints(finding, &complaints, &[], &[])
    }

    fn about(&self, code: &'static str, port: &o::ServicePort) -> Finding {
        Finding::new(code, self.me.clone())
            .since(self.service.metadata.creation_timestamp.0)
            .arg("service", self.service.name())
            .arg("port", port.port.to_string())
    }

    fn behind(&self) -> Option<EntityRef> {
        self.pods.first().map(|p| self.world.workload_of(p))
    }
}
