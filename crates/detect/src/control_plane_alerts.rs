//! What other systems' alerts say about nodes, volumes and the control plane.
//!
//! **What it finds** firing alerts of the kubernetes-mixin, etcd, node exporter and Prometheus rule sets, by their names.
//! **Why it matters** they know what the API does not show: disks of etcd, clocks, saturation, error budgets.
//! **Evidence used** alert names and labels. **How to confirm by hand** the alert's own expression.
//! **What can fool it** KubeSchedulerDown and KubeControllerManagerDown always fire on managed clusters, whose control
//! plane cannot be scraped; a target that is down says that nobody looks, not that something is wrong.
//! **Source** failure-modes rows 132, 133, 135, 145–150, 154, 155, 158–166, 183–187.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::control_plane::is_control_plane_node;
use crate::create_state::clip;

/// Alert name (`*` at the end: any that begins so) → finding, strength.
const ALERTS: &[(&str, &str, f64)] = &[
    ("KubeAPIDown", "control_plane.api_server_down", 3.0),
    ("KubeAPIErrorBudgetBurn", "control_plane.api_errors", 2.5),
    ("KubeAPITerminatedRequests", "control_plane.requests_rejected", 2.5),
    ("KubernetesApiServerErrors", "control_plane.api_errors", 2.5),
    ("KubernetesApiServerLatency", "control_plane.api_errors", 2.0),
    ("KubeSchedulerDown", "control_plane.scheduler_down", 2.0),
    ("KubeControllerManagerDown", "control_plane.controller_manager_down", 2.0),
    ("KubeAggregatedAPIDown", "api_service.unavailable", 2.5),
    ("etcdNoLeader", "etcd.no_leader", 4.0),
    ("EtcdNoLeader", "etcd.no_leader", 4.0),
    ("etcdInsufficientMembers", "etcd.no_leader", 4.0),
    ("EtcdInsufficientMembers", "etcd.no_leader", 4.0),
    ("etcdMembersDown", "etcd.member_down", 3.0),
    ("etcdHighFsyncDurations", "etcd.slow_disk", 3.0),
    ("EtcdHighFsyncDurations", "etcd.slow_disk", 3.0),
    ("etcdHighCommitDurations", "etcd.slow_disk", 3.0),
    ("EtcdHighCommitDurations", "etcd.slow_disk", 3.0),
    ("etcdDatabaseQuotaLowSpace", "etcd.space", 3.0),
    ("etcdExcessiveDatabaseGrowth", "etcd.space", 2.0),
    ("etcdDatabaseHighFragmentationRatio", "etcd.space", 1.5),
    ("KubeletDown", "monitoring.target_down", 1.0),
    ("KubeletPlegDurationHigh", "node.saturated", 1.5),
    ("KubeletTooManyPods", "node.limits_near", 1.0),
    ("KubeNodeReadinessFlapping", "node.readiness_flapping", 1.5),
    ("NodeClockSkewDetected", "node.clock_skew", 1.5),
    ("NodeClockNotSynchronising", "node.clock_skew", 1.5),
    ("HostClockSkew", "node.clock_skew", 1.5),
    ("HostClockNotSynchronising", "node.clock_skew", 1.5),
    ("NodeRAIDDegraded", "node.hardware_fault", 2.5),
    ("NodeRAIDDiskFailure", "node.hardware_fault", 2.5),
    ("HostRaidDiskFailure", "node.hardware_fault", 2.5),
    ("NodeSystemdServiceFailed", "node.unit_failed", 1.0),
    ("HostSystemdServiceCrashed", "node.unit_failed", 1.0),
    ("NodeFileDescriptorLimit", "node.limits_near", 1.0),
    ("NodeHighNumberConntrackEntriesUsed", "node.limits_near", 1.0),
    ("NodeFilesystem*", "node.disk_filling", 1.0),
    ("HostOutOfDiskSpace", "node.disk_filling", 1.0),
    ("HostOutOfInodes", "node.disk_filling", 1.0),
    ("NodeDiskIOSaturation", "node.saturated", 1.5),
    ("NodeSystemSaturation", "node.saturated", 1.5),
    ("NodeCPUHighUsage", "node.saturated", 1.0),
    ("NodeMemoryHighUtilization", "node.saturated", 1.0),
    ("NodeMemoryMajorPagesFaults", "node.saturated", 1.0),
    ("HostHighCpuLoad", "node.saturated", 1.0),
    ("HostCpuStealNoisyNeighbor", "node.saturated", 1.5),
    ("HostOutOfMemory", "node.saturated", 1.0),
    ("KubeCPUOvercommit", "node.overcommitted", 1.0),
    ("KubeMemoryOvercommit", "node.overcommitted", 1.0),
    ("KubeVersionMismatch", "node.version_skew", 1.0),
    ("KubePersistentVolumeFillingUp", "volume.filling", 1.5),
    ("KubePersistentVolumeInodesFillingUp", "volume.filling", 1.5),
    ("KubernetesVolumeOutOfDiskSpace", "volume.filling", 1.5),
    ("KubeletClientCertificate*", "certificate.expiring", 1.5),
    ("KubeletServerCertificate*", "certificate.expiring", 1.5),
    ("KubeClientCertificateExpiration", "certificate.expiring", 1.5),
    ("TargetDown", "monitoring.target_down", 1.0),
    ("KubeStateMetrics*", "monitoring.degraded", 1.0),
    ("Prometheus*", "monitoring.degraded", 1.0),
    ("Alertmanager*", "monitoring.degraded", 1.0),
];

pub(crate) struct PlatformAlerts;

impl Detector for PlatformAlerts {
    fn name(&self) -> &'static str {
        "alerts about the platform"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for alert in &world.alerts {
            let known = ALERTS.iter().find(|(name, ..)| match name.strip_suffix('*') {
                Some(start) => alert.name.starts_with(start),
                None => alert.name == *name,
            });
            if let Some((_, code, nats)) = known {
                out.extend(finding(world, alert, code, *nats));
            }
        }
        world.alerts.len()
    }
}

fn finding(world: &World, alert: &o::Alert, code: &'static str, nats: f64) -> Option<Finding> {
    // a control plane that shows no node of its own is not scraped rather than down
    let hidden = !world.nodes.iter().any(is_control_plane_node);
    let code = match code {
        "control_plane.scheduler_down" | "control_plane.controller_manager_down" if hidden => "monitoring.target_down",
        other => other,
    };
    let label = |key: &str| alert.labels.get(key).unwrap_or_default();
    let entity = entity(world, alert, code);
    Some(
        Finding::new(code, entity.clone())
            .nats(nats)
            .since(alert.since)
            .arg("alert", alert.name.as_str())
            .arg("node", if entity.kind == Kind::Node { &*entity.name } else { label("node") })
            .arg("component", entity.part.as_deref().unwrap_or_default())
            .arg("claim", label("persistentvolumeclaim"))
            .arg("job", label("job"))
            .arg("api", label("name"))
            .arg("resource", "")
            .arg("message", clip(&alert.text, 400))
            .evidence(Evidence::Alert { name: alert.name.clone(), object: entity, since: alert.since }),
    )
}

fn entity(world: &World, alert: &o::Alert, code: &str) -> EntityRef {
    let label = |key: &str| alert.labels.get(key).filter(|v| !v.is_empty());
    let node = ["node", "instance", "nodename", "entity"]
        .into_iter()
        .filter_map(label)
        .find_map(|v| node_by_address(world, v));
    match code {
        "control_plane.scheduler_down" => EntityRef::component("", "kube-scheduler"),
        "control_plane.controller_manager_down" => EntityRef::component("", "kube-controller-manager"),
        c if c.starts_with("control_plane.") => EntityRef::component("", "kube-apiserver"),
        c if c.starts_with("etcd.") => EntityRef::component("", "etcd"),
        c if c.starts_with("api_service.") => match label("name") {
            Some(name) => EntityRef::wide(Kind::ApiService, name),
            None => EntityRef::cluster(),
        },
        c if c.starts_with("volume.") => match (label("namespace"), label("persistentvolumeclaim")) {
            (Some(ns), Some(claim)) => EntityRef::new(Kind::Pvc, ns, claim),
            _ => EntityRef::cluster(),
        },
        "monitoring.target_down" | "monitoring.degraded" => match (label("namespace"), label("pod")) {
            (Some(ns), Some(pod)) if world.pods.get(ns, pod).is_some() => EntityRef::pod(ns, pod),
            _ => EntityRef::cluster(),
        },
        _ => node.map_or_else(EntityRef::cluster, EntityRef::node),
    }
}

/// A node by its name, or by an address such as `worker-1:9100`.
pub(crate) fn node_by_address<'v>(world: &World, value: &'v str) -> Option<&'v str> {
    let host = value.rsplit_once(':').map_or(value, |(host, _)| host);
    [value, host].into_iter().find(|name| world.nodes.get("", name).is_some())
}
