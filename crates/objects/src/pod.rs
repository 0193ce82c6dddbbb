//! Pods and everything inside them.

use std::collections::BTreeMap;

use crate::meta::{Condition, LabelSelector, Labels, Meta, Requirement};
use crate::quantity::Quantity;
use crate::unit::{PortRef, Time};

lite! {
    Pod { metadata: Meta, spec: PodSpec, status: PodStatus }
    PodSpec {
        node_name: String,
        containers: Vec<Container>,
        init_containers: Vec<Container>,
        volumes: Vec<Volume>,
        node_selector: Labels,
        affinity: Option<Box<Affinity>>,
        tolerations: Vec<Toleration>,
        topology_spread_constraints: Vec<TopologySpread>,
        service_account_name: String,
        restart_policy: String,
        host_network: Option<bool>,
        dns_policy: String,
        dns_config: Option<Box<DnsConfig>>,
        priority_class_name: String,
        scheduler_name: String,
        scheduling_gates: Vec<SchedulingGate>,
        image_pull_secrets: Vec<crate::config::LocalRef>,
        termination_grace_period_seconds: Option<i64>,
        security_context: Option<Box<SecurityContext>>,
        host_aliases: Vec<HostAlias>,
        subdomain: String,
        hostname: String,
    }
    DnsConfig { nameservers: Vec<String>, searches: Vec<String> }
    SchedulingGate { name: String }
    HostAlias { ip: String, hostnames: Vec<String> }
    SecurityContext {
        run_as_non_root: Option<bool>,
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        fs_group: Option<i64>,
        read_only_root_filesystem: Option<bool>,
        privileged: Option<bool>,
    }
    Container {
        name: String,
        image: String,
        image_pull_policy: String,
        command: Vec<String>,
        args: Vec<String>,
        ports: Vec<ContainerPort>,
        env: Vec<EnvVar>,
        env_from: Vec<EnvFrom>,
        resources: ResourceRequirements,
        volume_mounts: Vec<VolumeMount>,
        liveness_probe: Option<Box<Probe>>,
        readiness_probe: Option<Box<Probe>>,
        startup_probe: Option<Box<Probe>>,
        lifecycle: Option<Box<Lifecycle>>,
        security_context: Option<Box<SecurityContext>>,
        /// `Always` on an init container makes it a sidecar.
        restart_policy: String,
    }
    Lifecycle { post_start: Option<Handler>, pre_stop: Option<Handler> }
    ContainerPort { name: String, container_port: i64, host_port: i64, protocol: String }
    EnvVar { name: String, value: String, value_from: Option<Box<ValueFrom>> }
    ValueFrom { config_map_key_ref: Option<KeyRef>, secret_key_ref: Option<KeyRef> }
    KeyRef { name: String, key: String, optional: Option<bool> }
    EnvFrom { prefix: String, config_map_ref: Option<KeyRef>, secret_ref: Option<KeyRef> }
    ResourceRequirements { requests: BTreeMap<String, Quantity>, limits: BTreeMap<String, Quantity> }
    VolumeMount { name: String, mount_path: String, sub_path: String, read_only: Option<bool> }
    /// One of the four actions is set.
    Handler {
        http_get: Option<HttpGet>,
        tcp_socket: Option<TcpSocket>,
        grpc: Option<GrpcAction>,
        exec: Option<ExecAction>,
    }
    HttpGet { path: String, port: PortRef, scheme: String, host: String }
    TcpSocket { port: PortRef }
    GrpcAction { port: PortRef, service: String }
    ExecAction { command: Vec<String> }
    Probe {
        http_get: Option<HttpGet>,
        tcp_socket: Option<TcpSocket>,
        grpc: Option<GrpcAction>,
        exec: Option<ExecAction>,
        initial_delay_seconds: Option<i64>,
        period_seconds: Option<i64>,
        timeout_seconds: Option<i64>,
        failure_threshold: Option<i64>,
        success_threshold: Option<i64>,
    }
    Volume {
        name: String,
        persistent_volume_claim: Option<VolumeClaimSource>,
        config_map: Option<VolumeConfigMap>,
        secret: Option<VolumeSecret>,
        projected: Option<Box<ProjectedVolume>>,
        empty_dir: Option<EmptyDir>,
        host_path: Option<HostPath>,
        ephemeral: Option<PersistentClaim>,
    }
    VolumeClaimSource { claim_name: String, read_only: Option<bool> }
    VolumeConfigMap { name: String, optional: Option<bool> }
    VolumeSecret { secret_name: String, optional: Option<bool> }
    ProjectedVolume { sources: Vec<ProjectedSource> }
    ProjectedSource { config_map: Option<VolumeConfigMap>, secret: Option<VolumeConfigMap> }
    EmptyDir { medium: String, size_limit: Option<Quantity> }
    HostPath { path: String }
    PersistentClaim { }
    Toleration { key: String, operator: String, value: String, effect: String, toleration_seconds: Option<i64> }
    TopologySpread {
        max_skew: i64,
        topology_key: String,
        when_unsatisfiable: String,
        label_selector: Option<LabelSelector>,
    }
    Affinity {
        node_affinity: Option<NodeAffinity>,
        pod_affinity: Option<PodAffinity>,
        pod_anti_affinity: Option<PodAffinity>,
    }
    NodeAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: Option<NodeSelector>,
    }
    NodeSelector { node_selector_terms: Vec<NodeSelectorTerm> }
    NodeSelectorTerm { match_expressions: Vec<Requirement>, match_fields: Vec<Requirement> }
    PodAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: Vec<PodAffinityTerm>,
    }
    PodAffinityTerm { topology_key: String, label_selector: Option<LabelSelector>, namespaces: Vec<String> }
    PreferredTerm { weight: i64 }
    PodStatus {
        phase: String,
        reason: String,
        message: String,
        #[serde(rename = "podIP")]
        pod_ip: String,
        #[serde(rename = "hostIP")]
        host_ip: String,
        conditions: Vec<Condition>,
        container_statuses: Vec<ContainerStatus>,
        init_container_statuses: Vec<ContainerStatus>,
        start_time: Time,
        qos_class: String,
        nominated_node_name: String,
    }
    ContainerStatus {
        name: String,
        image: String,
        ready: bool,
        started: Option<bool>,
        restart_count: i64,
        state: ContainerState,
        last_state: ContainerState,
    }
    ContainerState { waiting: Option<Waiting>, running: Option<Running>, terminated: Option<Terminated> }
    Waiting { reason: String, message: String }
    Running { started_at: Time }
    Terminated {
        reason: String,
        message: String,
        exit_code: i32,
        signal: Option<i32>,
        started_at: Time,
        finished_at: Time,
    }
}

named!(Pod);

/// The container failed, and the source (a row of `kubectl get pods`: `Error`) does not tell with which code.
pub const UNKNOWN_EXIT_CODE: i32 = -1;

impl Terminated {
    pub fn known_exit_code(&self) -> Option<i32> {
        Some(self.exit_code).filter(|c| *c != UNKNOWN_EXIT_CODE)
    }

    /// For sentences: `?` where it is not known.
    pub fn exit_word(&self) -> String {
        self.known_exit_code().map_or_else(|| "?".to_owned(), |c| c.to_string())
    }
}

impl Pod {
    /// Gives back what lists were grown for and do not use: a list that is read one by one has room for four, and most
    /// pods have one container. Of 20,000 pods that is half the memory.
    pub fn shrink(&mut self) {
        for containers in [&mut self.spec.containers, &mut self.spec.init_containers] {
            for container in containers.iter_mut() {
                container.env.shrink_to_fit();
                container.ports.shrink_to_fit();
                container.volume_mounts.shrink_to_fit();
            }
            containers.shrink_to_fit();
        }
        self.spec.volumes.shrink_to_fit();
        self.spec.tolerations.shrink_to_fit();
        self.status.conditions.shrink_to_fit();
        self.status.container_statuses.shrink_to_fit();
        self.status.init_container_statuses.shrink_to_fit();
        self.metadata.owner_references.shrink_to_fit();
    }

    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|c| c.kind == kind)
    }

    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|c| c.status == "True")
    }

    /// Phase Succeeded or Failed: it will never run again.
    pub fn is_finished(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Managed by a kubelet from a file, not by the API server.
    pub fn is_mirror(&self) -> bool {
        self.metadata.annotations.get("kubernetes.io/config.mirror").is_some()
            || self.metadata.controller().is_some_and(|o| o.kind == "Node")
    }

    /// Spec and status of every container, init containers first; `true` marks an init container.
    pub fn containers(&self) -> impl Iterator<Item = (&Container, Option<&ContainerStatus>, bool)> {
        let init = self
            .spec
            .init_containers
            .iter()
            .map(|c| (c, self.status.init_container_statuses.iter().find(|s| s.name == c.name), true));
        let main = self
            .spec
            .containers
            .iter()
            .map(|c| (c, self.status.container_statuses.iter().find(|s| s.name == c.name), false));
        init.chain(main)
    }

    /// Effective request of the pod for a resource: the larger of the sum of containers (with sidecars) and the
    /// largest init container. Source: the scheduler's `PodRequests`; pod overhead is left out.
    pub fn request(&self, resource: &str) -> f64 {
        let of = |c: &Container| {
            c.resources.requests.get(resource).or_else(|| c.resources.limits.get(resource)).map_or(0.0, Quantity::value)
        };
        let sidecars: f64 = self.spec.init_containers.iter().filter(|c| c.restart_policy == "Always").map(of).sum();
        let main: f64 = self.spec.containers.iter().map(of).sum::<f64>() + sidecars;
        let init =
            self.spec.init_containers.iter().filter(|c| c.restart_policy != "Always").map(of).fold(0.0, f64::max);
        main.max(init)
    }
}

impl Probe {
    /// `http`, `tcp`, `grpc` or `exec`.
    pub fn protocol(&self) -> &'static str {
        match self {
            Probe { http_get: Some(_), .. } => "http",
            Probe { tcp_socket: Some(_), .. } => "tcp",
            Probe { grpc: Some(_), .. } => "grpc",
            _ => "exec",
        }
    }

    pub fn port(&self) -> Option<&PortRef> {
        self.http_get
            .as_ref()
            .map(|h| &h.port)
            .or(self.tcp_socket.as_ref().map(|t| &t.port))
            .or(self.grpc.as_ref().map(|g| &g.port))
    }
}

impl Toleration {
    /// Whether it tolerates the taint. Source: `Toleration.ToleratesTaint` in k8s.io/api.
    pub fn tolerates(&self, taint: &crate::node::Taint) -> bool {
        if !self.effect.is_empty() && self.effect != taint.effect {
            return false;
        }
        if !self.key.is_empty() && self.key != taint.key {
            return false;
        }
        match self.operator.as_str() {
            "Exists" => true,
            "" | "Equal" => !self.key.is_empty() && self.value == taint.value,
            _ => false,
        }
    }
}

impl NodeSelectorTerm {
    /// All parts hold; an empty term matches no node.
    pub fn matches(&self, labels: &Labels, node_name: &str) -> bool {
        if self.match_expressions.is_empty() && self.match_fields.is_empty() {
            return false;
        }
        let fields: Labels = [("metadata.name", node_name)].into_iter().collect();
        self.match_expressions.iter().all(|r| r.holds(labels)) && self.match_fields.iter().all(|r| r.holds(&fields))
    }
}

impl PodSpec {
    /// Whether the node selector and the required node affinity accept the node.
    pub fn accepts_node(&self, labels: &Labels, node_name: &str) -> bool {
        self.node_selector.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self
                .affinity
                .as_ref()
                .and_then(|a| a.node_affinity.as_ref())
                .and_then(|n| n.required.as_ref())
                .is_none_or(|r| r.node_selector_terms.iter().any(|t| t.matches(labels, node_name)))
    }

    /// The first taint that keeps the pod off the node, if any.
    pub fn untolerated<'t>(&self, taints: &'t [crate::node::Taint]) -> Option<&'t crate::node::Taint> {
        taints
            .iter()
            .filter(|t| t.effect == "NoSchedule" || t.effect == "NoExecute")
            .find(|t| !self.tolerations.iter().any(|x| x.tolerates(t)))
    }
}

impl ContainerState {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_none() && self.running.is_none() && self.terminated.is_none()
    }
}
