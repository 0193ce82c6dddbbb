//! Does a pod fit a node? The scheduler's filters, computed again from the objects.
//!
//! The scheduler names only the first filter that refuses a node; here every obstacle of every node is found, because the
//! cause is the obstacle without which some node would take the pod.

use std::collections::BTreeMap;

use rootline_objects as o;
use rootline_world::World;

use crate::scheduling_message::Family;

/// One reason why a node does not take the pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Obstacle {
    pub family: Family,
    /// The taint, the label, the port, the volume.
    pub detail: String,
    /// For resources: what is asked for, what is free, what the node has in all.
    pub amounts: Option<Amounts>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Amounts {
    pub requested: f64,
    pub free: f64,
    pub whole: f64,
}

impl Obstacle {
    pub(crate) fn new(family: Family, detail: impl Into<String>) -> Self {
        Obstacle { family, detail: detail.into(), amounts: None }
    }
}

/// A node as a pod sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeFit {
    /// Empty for a node that only the scheduler's message tells of.
    pub name: String,
    pub obstacles: Vec<Obstacle>,
    /// Closed to ordinary pods on purpose: a control plane node that is tainted or cordoned.
    pub background: bool,
    /// The pod asks for no labels: that its own wishes do not exclude the node says nothing.
    pub by_default: bool,
}

impl NodeFit {
    pub(crate) fn has(&self, family: Family) -> bool {
        self.obstacles.iter().any(|x| x.family == family)
    }
}

/// What runs where; computed once for all pending pods.
pub(crate) struct Placement<'w> {
    world: &'w World,
    on_node: BTreeMap<&'w str, Vec<&'w o::Pod>>,
    /// Running pods whose own rules keep others away.
    repelling: Vec<&'w o::Pod>,
    control_plane: Vec<&'w str>,
}

impl<'w> Placement<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let mut on_node: BTreeMap<&str, Vec<&o::Pod>> = BTreeMap::new();
        let mut repelling = Vec::new();
        for pod in world.pods.iter().filter(|p| !p.spec.node_name.is_empty() && !p.is_finished()) {
            on_node.entry(pod.spec.node_name.as_str()).or_default().push(pod);
            if !anti_terms(pod).is_empty() {
                repelling.push(pod);
            }
        }
        let control_plane =
            world.nodes.iter().filter(|n| is_control_plane(world, n)).map(o::Node::name).collect::<Vec<_>>();
        Placement { world, on_node, repelling, control_plane }
    }

    /// The topmost owner of a pod.
    pub(crate) fn owner(&self, pod: &o::Pod) -> rootline_model::EntityRef {
        self.world.workload_of(pod)
    }

    pub(crate) fn pods_on(&self, node: &str) -> &[&'w o::Pod] {
        self.on_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// Every obstacle of every node, nodes in order of name.
    pub(crate) fn fit(&self, pod: &o::Pod) -> Vec<NodeFit> {
        self.world.nodes.iter().map(|node| self.fit_node(pod, node)).collect()
    }

    fn fit_node(&self, pod: &o::Pod, node: &o::Node) -> NodeFit {
        let mut obstacles = closed(pod, node);
        let closed_by_hand = obstacles.iter().any(|x| matches!(x.family, Family::Cordon | Family::Taint));
        pins(pod, node, &mut obstacles);
        self.ports(pod, node, &mut obstacles);
        self.resources(pod, node, &mut obstacles);
        self.volumes(pod, node, &mut obstacles);
        self.spread(pod, node, &mut obstacles);
        self.neighbours(pod, node, &mut obstacles);
        let background = closed_by_hand && self.control_plane.contains(&node.name());
        let by_default = !asks_for_nodes(&pod.spec);
        NodeFit { name: node.name().to_owned(), obstacles, background, by_default }
    }

    fn ports(&self, pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
        let wanted = host_ports(pod);
        for other in self.pods_on(node.name()).iter().filter(|_| !wanted.is_empty()) {
            for port in host_ports(other) {
                if wanted.contains(&port) {
                    let detail = format!("{}/{} ({}/{})", port.0, port.1, other.namespace(), other.name());
                    out.push(Obstacle::new(Family::HostPort, detail));
                }
            }
        }
    }

    fn resources(&self, pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
        for resource in requested(pod) {
            let Some(whole) = node.allocatable(&resource) else {
                // a node that lists what it has, and not this, has none of it
                if node.status.allocatable.contains_key("cpu") {
                    let amounts = Amounts { requested: pod.request(&resource), free: 0.0, whole: 0.0 };
                    out.push(Obstacle {
                        amounts: Some(amounts),
                        ..Obstacle::new(Family::of_resource(&resource), resource)
                    });
                }
                continue;
            };
            let taken: f64 = self.pods_on(node.name()).iter().map(|p| p.request(&resource)).sum();
            let amounts = Amounts { requested: pod.request(&resource), free: (whole - taken).max(0.0), whole };
            // the scheduler counts in milli-units and bytes; a rounding error is no obstacle
            if amounts.requested > amounts.free * (1.0 + 1e-9) {
                out.push(Obstacle {
                    amounts: Some(amounts),
                    ..Obstacle::new(Family::of_resource(&resource), resource)
                });
            }
        }
        if let Some(slots) = node.allocatable("pods") {
            let used = self.pods_on(node.name()).len() as f64;
            if used + 1.0 > slots {
                let amounts = Amounts { requested: 1.0, free: (slots - used).max(0.0), whole: slots };
                out.push(Obstacle { amounts: Some(amounts), ..Obstacle::new(Family::Slots, "pods") });
            }
        }
    }

    fn volumes(&self, pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
        for claim in pod.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref()) {
            let volume = self
                .world
                .claims
                .get(pod.namespace(), &claim.claim_name)
                .and_then(|c| self.world.volumes.get("", &c.spec.volume_name));
            let Some(volume) = volume else { continue };
            let required = volume.spec.node_affinity.as_ref().and_then(|a| a.required.as_ref());
            let lives_here = required
                .is_none_or(|r| r.node_selector_terms.iter().any(|t| t.matches(&node.metadata.labels, node.name())));
            if !lives_here {
                out.push(Obstacle::new(Family::VolumeZone, format!("{} ({})", volume.name(), claim.claim_name)));
            }
        }
    }

    fn spread(&self, pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
        for rule in pod.spec.topology_spread_constraints.iter().filter(|t| t.when_unsatisfiable != "ScheduleAnyway") {
            let Some(selector) = &rule.label_selector else { continue };
            let detail = format!("{} maxSkew {}", rule.topology_key, rule.max_skew);
            let Some(here) = node.metadata.labels.get(&rule.topology_key) else {
                if !node.metadata.labels.is_empty() {
                    out.push(Obstacle::new(Family::Spread, detail));
                }
                continue;
            };
            let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
            for other in &self.world.nodes {
                // nodes that the pod cannot go to by its own selector do not count as domains
                if let Some(domain) = other.metadata.labels.get(&rule.topology_key)
                    && pod.spec.accepts_node(&other.metadata.labels, other.name())
                {
                    let matching = self
                        .pods_on(other.name())
                        .iter()
                        .filter(|p| p.namespace() == pod.namespace() && selector.matches(&p.metadata.labels));
                    *counts.entry(domain).or_default() += i64::try_from(matching.count()).unwrap_or(i64::MAX);
                }
            }
            let least = counts.values().min().copied().unwrap_or(0);
            let me = i64::from(selector.matches(&pod.metadata.labels));
            let skew = counts.get(here).copied().unwrap_or(0).saturating_add(me) - least;
            if skew > rule.max_skew.max(1) {
                out.push(Obstacle::new(Family::Spread, detail));
            }
        }
    }

    fn neighbours(&self, pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
        for term in anti_terms(pod) {
            if let Some(other) = self.in_domain(pod, term, node).next() {
                out.push(Obstacle::new(Family::AntiAffinity, format!("{}/{}", other.namespace(), other.name())));
            }
        }
        for other in &self.repelling {
            let repels = anti_terms(other).iter().any(|t| speaks_of(t, other, pod) && self.same_domain(t, node, other));
            if repels {
                out.push(Obstacle::new(Family::AntiAffinity, format!("{}/{}", other.namespace(), other.name())));
                break;
            }
        }
        let wanted = pod.spec.affinity.as_ref().and_then(|a| a.pod_affinity.as_ref());
        for term in wanted.into_iter().flat_map(|a| &a.required) {
            // the first pod of a group that wants to be together may go anywhere that has the topology
            let first = speaks_of(term, pod, pod) && !self.anywhere(pod, term);
            if self.in_domain(pod, term, node).next().is_none() && !first {
                let selector = term.label_selector.as_ref().map(selector_line).unwrap_or_default();
                out.push(Obstacle::new(Family::PodAffinity, selector));
            }
        }
    }

    fn anywhere(&self, pod: &o::Pod, term: &o::PodAffinityTerm) -> bool {
        self.on_node.values().flatten().any(|other| speaks_of(term, pod, other))
    }

    /// Pods that a term of `pod` speaks of, in the topology domain of a node.
    fn in_domain<'a>(
        &'a self,
        pod: &'a o::Pod,
        term: &'a o::PodAffinityTerm,
        node: &'a o::Node,
    ) -> impl Iterator<Item = &'a o::Pod> {
        let domain = node.metadata.labels.get(&term.topology_key);
        let by_host = term.topology_key == "kubernetes.io/hostname";
        let nodes = self.world.nodes.iter().filter(move |n| {
            n.name() == node.name()
                || (!by_host && domain.is_some() && n.metadata.labels.get(&term.topology_key) == domain)
        });
        nodes
            .flat_map(|n| self.pods_on(n.name()).iter().copied())
            .filter(move |other| other.name() != pod.name() && speaks_of(term, pod, other))
    }

    fn same_domain(&self, term: &o::PodAffinityTerm, node: &o::Node, other: &o::Pod) -> bool {
        let there = self.world.nodes.get("", &other.spec.node_name);
        other.spec.node_name == node.name()
            || there
                .and_then(|n| n.metadata.labels.get(&term.topology_key))
                .is_some_and(|domain| node.metadata.labels.get(&term.topology_key) == Some(domain))
    }
}

/// Cordon and taints.
fn closed(pod: &o::Pod, node: &o::Node) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let cordon_taint =
        o::Taint { key: "node.kubernetes.io/unschedulable".into(), effect: "NoSchedule".into(), ..o::Taint::default() };
    let tolerates = |t: &o::Taint| pod.spec.tolerations.iter().any(|x| x.tolerates(t));
    if node.is_cordoned() && !tolerates(&cordon_taint) {
        obstacles.push(Obstacle::new(Family::Cordon, node.name()));
    }
    for taint in node.spec.taints.iter().filter(|t| t.effect != "PreferNoSchedule" && !tolerates(t)) {
        let family = Family::of_taint(&taint.key);
        if family != Family::Cordon {
            obstacles.push(Obstacle::new(family, taint_line(taint)));
        }
    }
    // a node that is not ready and whose taint was not recorded
    if !node.is_ready() && !obstacles.iter().any(|x| x.family == Family::NodeDown) && node.spec.taints.is_empty() {
        obstacles.push(Obstacle::new(Family::NodeDown, node.name()));
    }
    obstacles
}

/// Node selector and required node affinity.
fn pins(pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
    let labels = &node.metadata.labels;
    if !labels.is_empty() {
        let missing: Vec<String> = pod
            .spec
            .node_selector
            .iter()
            .filter(|&(k, v)| labels.get(k) != Some(v))
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        if !missing.is_empty() {
            out.push(Obstacle::new(Family::Selector, missing.join(",")));
        }
    }
    if let Some(required) = required_affinity(&pod.spec)
        && !required.node_selector_terms.iter().any(|t| t.matches(labels, node.name()))
        && !labels.is_empty()
    {
        out.push(Obstacle::new(Family::Affinity, affinity_line(required)));
    }
}

/// True if the pod names labels that its node must have.
fn asks_for_nodes(spec: &o::PodSpec) -> bool {
    let positive = |r: &o::Requirement| matches!(r.operator.as_str(), "In" | "Exists" | "Gt" | "Lt");
    !spec.node_selector.is_empty()
        || required_affinity(spec).is_some_and(|a| {
            a.node_selector_terms.iter().flat_map(|t| t.match_expressions.iter().chain(&t.match_fields)).any(positive)
        })
}

pub(crate) fn required_affinity(spec: &o::PodSpec) -> Option<&o::NodeSelector> {
    spec.affinity.as_ref()?.node_affinity.as_ref()?.required.as_ref()
}

fn anti_terms(pod: &o::Pod) -> &[o::PodAffinityTerm] {
    pod.spec.affinity.as_ref().and_then(|a| a.pod_anti_affinity.as_ref()).map_or(&[], |a| a.required.as_slice())
}

/// Whether a term of `owner` speaks of `other`.
fn speaks_of(term: &o::PodAffinityTerm, owner: &o::Pod, other: &o::Pod) -> bool {
    let namespace_matches = if term.namespaces.is_empty() {
        other.namespace() == owner.namespace()
    } else {
        term.namespaces.iter().any(|n| n == other.namespace())
    };
    namespace_matches && term.label_selector.as_ref().is_some_and(|s| s.matches(&other.metadata.labels))
}

fn host_ports(pod: &o::Pod) -> Vec<(i64, &str)> {
    let mut ports = Vec::new();
    for port in pod.spec.containers.iter().flat_map(|c| &c.ports) {
        let number = match (port.host_port, pod.spec.host_network) {
            (0, Some(true)) => port.container_port,
            (n, _) => n,
        };
        if number != 0 {
            ports.push((number, if port.protocol.is_empty() { "TCP" } else { port.protocol.as_str() }));
        }
    }
    ports
}

/// Resources that a pod asks for, sorted.
fn requested(pod: &o::Pod) -> Vec<String> {
    let mut names: Vec<String> = pod
        .containers()
        .flat_map(|(c, ..)| c.resources.requests.keys().chain(c.resources.limits.keys()))
        .filter(|r| pod.request(r) > 0.0)
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A node of the control plane: by its role label, by a role taint, or because a control plane component runs there.
fn is_control_plane(world: &World, node: &o::Node) -> bool {
    const ROLES: [&str; 2] = ["control-plane", "master"];
    const PARTS: [&str; 4] = ["kube-apiserver", "kube-scheduler", "kube-controller-manager", "etcd"];
    let labels = &node.metadata.labels;
    ROLES.iter().any(|r| labels.contains(&format!("node-role.kubernetes.io/{r}")))
        || labels.get("kubernetes.io/role").is_some_and(|r| ROLES.contains(&r))
        || node.spec.taints.iter().any(|t| ROLES.iter().any(|r| t.key == format!("node-role.kubernetes.io/{r}")))
        || world.components.iter().any(|c| c.node == node.name() && PARTS.iter().any(|p| c.component.starts_with(p)))
}

/// `pool=gpu:NoSchedule`, as kubectl writes it.
fn taint_line(taint: &o::Taint) -> String {
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{}", taint.key, taint.effect)
}

/// `zone in (a,b), disk exists or tier in (gold)`
pub(crate) fn affinity_line(required: &o::NodeSelector) -> String {
    let terms: Vec<String> = required
        .node_selector_terms
        .iter()
        .map(|t| t.match_expressions.iter().chain(&t.match_fields).map(requirement_line).collect::<Vec<_>>().join(", "))
        .collect();
    terms.join(" or ")
}

pub(crate) fn selector_line(selector: &o::LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}"));
    labels.chain(selector.match_expressions.iter().map(requirement_line)).collect::<Vec<_>>().join(", ")
}

fn requirement_line(requirement: &o::Requirement) -> String {
    let values = requirement.values.join(",");
    match requirement.operator.as_str() {
        "In" => format!("{} in ({values})", requirement.key),
        "NotIn" => format!("{} not in ({values})", requirement.key),
        "Exists" => requirement.key.clone(),
        "DoesNotExist" => format!("!{}", requirement.key),
        other => format!("{} {other} {values}", requirement.key),
    }
}
