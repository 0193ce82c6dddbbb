//! Does a pod fit a node? The scheduler's filters, computed again from the objects.
//!
//! The scheduler names only the first filter that refuses a node; here every obstacle of every node is found, because the
//! cause is the obstacle without which some node would take the pod.

use std::collections::{BTreeMap, BTreeSet};

use rootline_objects as o;
use rootline_world::World;

use crate::fit_around::{Around, anti_terms, namespaces};
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
    /// The pod asks for no labels, or the node's are not known: that its own wishes do not exclude the node says nothing.
    pub by_default: bool,
    /// A control plane node by its role.
    pub control_plane: bool,
}

impl NodeFit {
    pub(crate) fn has(&self, family: Family) -> bool {
        self.obstacles.iter().any(|x| x.family == family)
    }
}

/// What a pod asks of a node, read once for all nodes.
struct Wants<'p> {
    pod: &'p o::Pod,
    /// Amount and name.
    resources: Vec<(f64, String)>,
    ports: Vec<(i64, &'p str)>,
    by_default: bool,
    around: Around,
}

/// What runs where; computed once for all pending pods.
pub(crate) struct Placement<'w> {
    world: &'w World,
    on_node: BTreeMap<&'w str, Vec<&'w o::Pod>>,
    /// Node → resource → sum of requests.
    taken: BTreeMap<&'w str, BTreeMap<String, f64>>,
    /// Namespace → running pods there, with their nodes.
    placed: BTreeMap<&'w str, Vec<(&'w o::Node, &'w o::Pod)>>,
    /// Namespace → running pods, of any namespace, whose own rules keep pods of this one away.
    repelling: BTreeMap<&'w str, Vec<(&'w o::Node, &'w o::Pod)>>,
    control_plane: Vec<&'w str>,
}

impl<'w> Placement<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let mut on_node: BTreeMap<&str, Vec<&o::Pod>> = BTreeMap::new();
        let mut taken: BTreeMap<&str, BTreeMap<String, f64>> = BTreeMap::new();
        let mut placed: BTreeMap<&str, Vec<(&o::Node, &o::Pod)>> = BTreeMap::new();
        let mut repelling: BTreeMap<&str, Vec<(&o::Node, &o::Pod)>> = BTreeMap::new();
        for pod in world.pods.iter().filter(|p| !p.spec.node_name.is_empty() && !p.is_finished()) {
            on_node.entry(pod.spec.node_name.as_str()).or_default().push(pod);
            let sums = taken.entry(pod.spec.node_name.as_str()).or_default();
            for resource in requested(pod) {
                let amount = pod.request(&resource);
                *sums.entry(resource).or_default() += amount;
            }
            let Some(node) = world.nodes.get("", &pod.spec.node_name) else { continue };
            placed.entry(pod.namespace()).or_default().push((node, pod));
            let spoken_of: BTreeSet<&str> = anti_terms(pod).iter().flat_map(|t| namespaces(t, pod)).collect();
            for namespace in spoken_of {
                repelling.entry(namespace).or_default().push((node, pod));
            }
        }
        let control_plane =
            world.nodes.iter().filter(|n| is_control_plane(world, n)).map(o::Node::name).collect::<Vec<_>>();
        Placement { world, on_node, taken, placed, repelling, control_plane }
    }

    /// The topmost owner of a pod.
    pub(crate) fn owner(&self, pod: &o::Pod) -> rootline_model::EntityRef {
        self.world.workload_of(pod)
    }

    pub(crate) fn pods_on(&self, node: &str) -> &[&'w o::Pod] {
        self.on_node.get(node).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn world(&self) -> &'w World {
        self.world
    }

    /// Pods of a namespace that run on a node that was read.
    pub(crate) fn placed(&self, namespace: &str) -> &[(&'w o::Node, &'w o::Pod)] {
        self.placed.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Pods that may keep pods of a namespace away.
    pub(crate) fn repelling(&self, namespace: &str) -> &[(&'w o::Node, &'w o::Pod)] {
        self.repelling.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Every obstacle of every node, nodes in order of name.
    pub(crate) fn fit(&self, pod: &o::Pod) -> Vec<NodeFit> {
        let wants = Wants {
            pod,
            resources: requested(pod).into_iter().map(|r| (pod.request(&r), r)).collect(),
            ports: host_ports(pod),
            by_default: !asks_for_nodes(&pod.spec),
            around: Around::of(self, pod),
        };
        self.world.nodes.iter().map(|node| self.fit_node(&wants, node)).collect()
    }

    fn fit_node(&self, wants: &Wants<'_>, node: &o::Node) -> NodeFit {
        let pod = wants.pod;
        let mut obstacles = closed(pod, node);
        let closed_by_hand = obstacles.iter().any(|x| matches!(x.family, Family::Cordon | Family::Taint));
        pins(pod, node, &mut obstacles);
        self.ports(&wants.ports, node, &mut obstacles);
        self.resources(&wants.resources, node, &mut obstacles);
        self.volumes(pod, node, &mut obstacles);
        wants.around.judge(node, &mut obstacles);
        let control_plane = self.control_plane.contains(&node.name());
        NodeFit {
            name: node.name().to_owned(),
            obstacles,
            background: closed_by_hand && control_plane,
            by_default: wants.by_default || !labels_known(node),
            control_plane,
        }
    }

    fn ports(&self, wanted: &[(i64, &str)], node: &o::Node, out: &mut Vec<Obstacle>) {
        for other in self.pods_on(node.name()).iter().filter(|_| !wanted.is_empty()) {
            for port in host_ports(other) {
                if wanted.contains(&port) {
                    let detail = format!("{}/{} ({}/{})", port.0, port.1, other.namespace(), other.name());
                    out.push(Obstacle::new(Family::HostPort, detail));
                }
            }
        }
    }

    fn resources(&self, wanted: &[(f64, String)], node: &o::Node, out: &mut Vec<Obstacle>) {
        for (requested, resource) in wanted {
            let requested = *requested;
            let Some(whole) = node.allocatable(resource) else {
                // a node that lists what it has, and not this, has none of it
                if node.status.allocatable.contains_key("cpu") {
                    let amounts = Amounts { requested, free: 0.0, whole: 0.0 };
                    out.push(Obstacle {
                        amounts: Some(amounts),
                        ..Obstacle::new(Family::of_resource(resource), resource.as_str())
                    });
                }
                continue;
            };
            let taken = self.taken.get(node.name()).and_then(|t| t.get(resource)).copied().unwrap_or(0.0);
            let amounts = Amounts { requested, free: (whole - taken).max(0.0), whole };
            // the scheduler counts in milli-units and bytes; a rounding error is no obstacle
            if amounts.requested > amounts.free * (1.0 + 1e-9) {
                out.push(Obstacle {
                    amounts: Some(amounts),
                    ..Obstacle::new(Family::of_resource(resource), resource.as_str())
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

/// A table of nodes tells their roles and no other label; a list of all labels has more than those.
fn labels_known(node: &o::Node) -> bool {
    node.metadata.labels.iter().any(|(key, _)| !key.starts_with("node-role.kubernetes.io/"))
}

/// Node selector and required node affinity.
fn pins(pod: &o::Pod, node: &o::Node, out: &mut Vec<Obstacle>) {
    let labels = &node.metadata.labels;
    let known = labels_known(node);
    if known {
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
        && known
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_state::testing::world;

    /// Families that keep a pod of this spec from node `w`, which runs one pod with host port 80 and 3 of 4 CPUs.
    fn obstacles(node: &str, spec: &str) -> (Vec<Family>, bool) {
        let node = format!(
            r#"{{"kind":"Node","metadata":{{"name":"w","labels":{{"disk":"ssd"{node}}}}},"spec":{{"taints":[{{"key":"pool",
            "value":"gpu","effect":"NoSchedule"}}]}},"status":{{"allocatable":{{"cpu":"4","pods":"2"}}}}}}"#
        );
        let other = r#"{"kind":"Pod","metadata":{"name":"b","namespace":"shop","labels":{"app":"b"}},"spec":{"nodeName":"w",
            "containers":[{"name":"c","ports":[{"containerPort":80,"hostPort":80}],"resources":{"requests":{"cpu":"3"}}}]},
            "status":{"phase":"Running"}}"#;
        let pod = format!(
            r#"{{"kind":"Pod","metadata":{{"name":"a","namespace":"shop"}},"spec":{spec},"status":{{"phase":"Pending"}}}}"#
        );
        let world = world(&[&node, other, &pod]);
        let fits = world.pods.get("shop", "a").map(|p| Placement::new(&world).fit(p)).unwrap_or_default();
        let families = fits.iter().flat_map(|f| &f.obstacles).map(|x| x.family).collect();
        (families, fits.iter().all(|f| f.background))
    }

    #[test]
    fn each_filter_is_computed_again() {
        const OK: &str = r#""tolerations":[{"key":"pool","operator":"Exists"}]"#;
        for (rest, want) in [
            ("", &[][..]),
            (r#","nodeSelector":{"disk":"ssd"}"#, &[]),
            (r#","nodeSelector":{"disk":"hdd"}"#, &[Family::Selector]),
            (r#","containers":[{"name":"c","resources":{"requests":{"cpu":"1"}}}]"#, &[]),
            (r#","containers":[{"name":"c","resources":{"requests":{"cpu":"1001m"}}}]"#, &[Family::Cpu]),
            (r#","containers":[{"name":"c","resources":{"limits":{"example.com/gpu":"1"}}}]"#, &[Family::Extended]),
            (r#","containers":[{"name":"c","ports":[{"containerPort":1,"hostPort":80}]}]"#, &[Family::HostPort]),
            (r#","containers":[{"name":"c","ports":[{"containerPort":80,"hostPort":80,"protocol":"UDP"}]}]"#, &[]),
            (
                r#","affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":
                "kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"b"}}}]}}"#,
                &[Family::AntiAffinity],
            ),
            (
                r#","affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":
                "kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"z"}}}]}}"#,
                &[Family::PodAffinity],
            ),
        ] {
            assert_eq!(obstacles("", &format!("{{{OK}{rest}}}")).0, want, "{rest}");
        }
        assert_eq!(obstacles("", "{}"), (vec![Family::Taint], false));
        // the same closed node is background where it belongs to the control plane
        let role = r#","node-role.kubernetes.io/control-plane":"""#;
        assert_eq!(obstacles(role, "{}"), (vec![Family::Taint], true));
    }
}
