//! Our codes in the words of a benchmark, and our entities in its object syntax.

use rootline_model::{Diagnosis, EntityRef, Kind, Relation};
use rootline_world::World;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub taxonomy: String,
    pub object: String,
    pub root_cause: String,
}

/// What the object of an answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object_ {
    App,
    Node,
    Namespace,
}

const ADMISSION: &str = "Admission_Fault";
const SCHEDULING: &str = "Scheduling_Fault";
const INFRASTRUCTURE: &str = "Infrastructure_Fault";
const STARTUP: &str = "Startup_Fault";
const RUNTIME: &str = "Runtime_Fault";
const ROUTING: &str = "Service_Routing_Fault";
const PERFORMANCE: &str = "Performance_Fault";

/// Cause code (a prefix ending in `*` too) → taxonomy, root cause, object.
const TABLE: &[(&str, &str, &str, Object_)] = &[
    ("quota.exceeded resource=*cpu", ADMISSION, "namespace_cpu_quota_exceeded", Object_::Namespace),
    ("quota.exceeded resource=*memory", ADMISSION, "namespace_memory_quota_exceeded", Object_::Namespace),
    ("quota.exceeded resource=*pods", ADMISSION, "namespace_pod_quota_exceeded", Object_::Namespace),
    ("quota.exceeded resource=*services", ADMISSION, "namespace_service_quota_exceeded", Object_::Namespace),
    ("quota.exceeded resource=*storage", ADMISSION, "namespace_storage_quota_exceeded", Object_::Namespace),
    (
        "quota.exceeded resource=*persistentvolumeclaims",
        ADMISSION,
        "namespace_storage_quota_exceeded",
        Object_::Namespace,
    ),
    ("quota.blocks_service", ADMISSION, "namespace_service_quota_exceeded", Object_::Namespace),
    ("quota.blocks_claim", ADMISSION, "namespace_storage_quota_exceeded", Object_::Namespace),
    ("quota.may_block_claim", ADMISSION, "namespace_storage_quota_exceeded", Object_::Namespace),
    ("serviceaccount.missing", ADMISSION, "missing_service_account", Object_::App),
    ("pod.unschedulable.cordon", SCHEDULING, "node_cordon_mismatch", Object_::App),
    ("pod.unschedulable.node_affinity", SCHEDULING, "node_affinity_mismatch", Object_::App),
    ("pod.unschedulable.node_selector", SCHEDULING, "node_selector_mismatch", Object_::App),
    ("pod.unschedulable.pod_anti_affinity", SCHEDULING, "pod_anti_affinity_conflict", Object_::App),
    ("pod.unschedulable.taint", SCHEDULING, "taint_toleration_mismatch", Object_::App),
    ("pod.unschedulable.cpu", SCHEDULING, "cpu_capacity_mismatch", Object_::App),
    ("pod.unschedulable.memory", SCHEDULING, "memory_capacity_mismatch", Object_::App),
    ("volume.selector_mismatch", SCHEDULING, "pvc_selector_mismatch", Object_::App),
    ("volume.storage_class*", SCHEDULING, "pvc_storage_class_mismatch", Object_::App),
    ("volume.access_mode_mismatch", SCHEDULING, "pvc_access_mode_mismatch", Object_::App),
    ("volume.capacity_mismatch", SCHEDULING, "pvc_capacity_mismatch", Object_::App),
    ("volume.pv_occupied", SCHEDULING, "pv_binding_occupied", Object_::App),
    ("component.runtime_down", INFRASTRUCTURE, "containerd_unavailable", Object_::Node),
    ("component.kubelet_down", INFRASTRUCTURE, "kubelet_unavailable", Object_::Node),
    ("component.kube_proxy_down", INFRASTRUCTURE, "kube_proxy_unavailable", Object_::Node),
    ("node.runtime_down", INFRASTRUCTURE, "containerd_unavailable", Object_::Node),
    ("node.kubelet_down", INFRASTRUCTURE, "kubelet_unavailable", Object_::Node),
    ("node.kube_proxy_down", INFRASTRUCTURE, "kube_proxy_unavailable", Object_::Node),
    ("control_plane.scheduler_down", INFRASTRUCTURE, "kube_scheduler_unavailable", Object_::Node),
    ("node.network_delay", INFRASTRUCTURE, "node_network_delay", Object_::Node),
    ("node.packet_loss", INFRASTRUCTURE, "node_network_packet_loss", Object_::Node),
    ("image.registry_dns*", STARTUP, "image_registry_dns_failure", Object_::App),
    ("image.not_found", STARTUP, "incorrect_image_reference", Object_::App),
    ("image.invalid_name", STARTUP, "incorrect_image_reference", Object_::App),
    ("image.pull_denied", STARTUP, "missing_image_pull_secret", Object_::App),
    ("image.auth*", STARTUP, "missing_image_pull_secret", Object_::App),
    ("image.pull_secret*", STARTUP, "missing_image_pull_secret", Object_::App),
    ("volume.permission_denied", STARTUP, "volume_mount_permission_denied", Object_::App),
    ("log.volume_permission*", STARTUP, "volume_mount_permission_denied", Object_::App),
    ("config.secret_missing", STARTUP, "missing_secret_binding", Object_::App),
    ("container.limit_too_low", RUNTIME, "oom_killed", Object_::App),
    ("container.oom_killed", RUNTIME, "oom_killed", Object_::App),
    ("probe.liveness_wrong_protocol", RUNTIME, "liveness_probe_incorrect_protocol", Object_::App),
    ("probe.liveness_wrong_port", RUNTIME, "liveness_probe_incorrect_port", Object_::App),
    ("probe.liveness_wrong_timing", RUNTIME, "liveness_probe_incorrect_timing", Object_::App),
    ("probe.readiness_wrong_protocol", RUNTIME, "readiness_probe_incorrect_protocol", Object_::App),
    ("probe.readiness_wrong_port", RUNTIME, "readiness_probe_incorrect_port", Object_::App),
    ("pod.port_clash", RUNTIME, "service_sidecar_port_conflict", Object_::App),
    ("log.port_in_use", RUNTIME, "service_sidecar_port_conflict", Object_::App),
    ("database.credentials*", RUNTIME, "mysql_invalid_credentials", Object_::App),
    ("database.wrong_port database=*mysql", RUNTIME, "mysql_invalid_port", Object_::App),
    ("database.wrong_port", ROUTING, "service_env_var_address_mismatch", Object_::App),
    ("database.connections*", RUNTIME, "db_connection_exhaustion", Object_::App),
    ("database.read_only", RUNTIME, "db_read_only", Object_::App),
    ("deployment.zero_replicas", RUNTIME, "deployment_zero_replicas", Object_::App),
    ("service.selects_nothing", ROUTING, "service_selector_mismatch", Object_::App),
    ("service.target_port_mismatch", ROUTING, "service_port_mapping_mismatch", Object_::App),
    ("service.port_changed", ROUTING, "service_port_mapping_mismatch", Object_::App),
    ("service.protocol_mismatch", ROUTING, "service_protocol_mismatch", Object_::App),
    ("config.address*", ROUTING, "service_env_var_address_mismatch", Object_::App),
    ("config.unknown_host", ROUTING, "service_env_var_address_mismatch", Object_::App),
    ("dns.*", ROUTING, "service_dns_resolution_failure", Object_::App),
    ("log.dns_failure", ROUTING, "service_dns_resolution_failure", Object_::App),
    ("route.misrouted", ROUTING, "gateway_misroute", Object_::App),
    ("performance.cpu_overload", PERFORMANCE, "pod_cpu_overload", Object_::App),
    ("performance.network_delay", PERFORMANCE, "pod_network_delay", Object_::App),
];

/// Up to three answers: the first cause of each incident, then the runners-up.
pub fn answers(diagnosis: &Diagnosis, world: &World, namespace: &str) -> Vec<Answer> {
    let firsts = diagnosis.incidents.iter().filter_map(|i| i.causes.first());
    let others = diagnosis.incidents.iter().flat_map(|i| i.causes.iter().skip(1));
    let mut all: Vec<Answer> = Vec::new();
    for cause in firsts.chain(others) {
        let code = &cause.code;
        let fits = |pattern: &str| match pattern.split_once(' ') {
            // `code argument=*end`
            Some((pattern, filter)) => {
                let (name, end) = filter.split_once("=*").unwrap_or((filter, ""));
                code.matches(pattern) && cause.args.get(name).is_some_and(|v| v.to_lowercase().ends_with(end))
            }
            None => code.matches(pattern),
        };
        let Some((_, taxonomy, root_cause, kind)) = TABLE.iter().find(|(pattern, ..)| fits(pattern)) else {
            continue;
        };
        let object = match kind {
            Object_::Namespace => format!(
                "namespace/{}",
                if cause.entity.namespace.is_empty() { namespace } else { &cause.entity.namespace }
            ),
            Object_::Node => format!("node/{}", cause.entity.name),
            Object_::App => format!("app/{}", app(world, &cause.entity)),
        };
        let answer = Answer { taxonomy: (*taxonomy).to_owned(), object, root_cause: (*root_cause).to_owned() };
        if !all.contains(&answer) {
            all.push(answer);
        }
    }
    all.truncate(3);
    all
}

/// The app an entity belongs to: its workload; for a service the workload of the same name, else the one it selects.
fn app(world: &World, entity: &EntityRef) -> String {
    let ns = &*entity.namespace;
    if entity.kind == Kind::Service {
        let same = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet].map(|k| EntityRef::new(k, ns, &entity.name));
        if let Some(w) = same.into_iter().find(|w| world.exists(w)) {
            return w.name.to_string();
        }
        if let Some(pod) = world.graph.targets(entity, Relation::Selects).first() {
            return world.top_of(pod).name.to_string();
        }
    }
    world.top_of(entity).name.to_string()
}
