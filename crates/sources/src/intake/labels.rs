//! Labels of a log stream under our names, whatever the agent called them.
//!
//! Source: defaults of Promtail and Grafana Alloy (`namespace`, `pod`, `container`, `node_name`, `app`, `filename`, `unit`),
//! Fluent Bit's kubernetes filter (`kubernetes.namespace_name` … flattened by `_`), Vector's `kubernetes_logs`
//! (`kubernetes.pod_namespace`), OpenTelemetry's resource conventions (`k8s.pod.name`), journald's fields.

use rootline_model::{LabelSet, LogLevel};

use super::level;
use crate::container_log;

/// A name of ours, and what agents call it, best first. `.` and `_` are the same in them.
const NAMES: &[(&str, &[&str])] = &[
    (
        "namespace",
        &[
            "namespace",
            "kubernetes_namespace_name",
            "k8s_namespace_name",
            "kubernetes_pod_namespace",
            "kubernetes_namespace",
            "namespace_name",
            "pod_namespace",
            "kube_namespace",
            "io_kubernetes_pod_namespace",
        ],
    ),
    (
        "pod",
        &[
            "pod",
            "kubernetes_pod_name",
            "k8s_pod_name",
            "pod_name",
            "kubernetes_pod",
            "kube_pod",
            "io_kubernetes_pod_name",
        ],
    ),
    (
        "container",
        &[
            "container",
            "kubernetes_container_name",
            "k8s_container_name",
            "container_name",
            "kubernetes_container",
            "kube_container_name",
            "io_kubernetes_container_name",
        ],
    ),
    (
        "node",
        &[
            "node",
            "k8s_node_name",
            "kubernetes_pod_node_name",
            "kubernetes_node_name",
            "kubernetes_host",
            "node_name",
            "nodename",
            "__journal__hostname",
            "_hostname",
            "host_name",
            "hostname",
            "host",
        ],
    ),
    (
        "app",
        &[
            "app",
            "app_kubernetes_io_name",
            "kubernetes_labels_app_kubernetes_io_name",
            "kubernetes_labels_app",
            "kubernetes_pod_labels_app",
            "kubernetes_pod_labels_app_kubernetes_io_name",
            "kubernetes_labels_k8s_app",
            "k8s_deployment_name",
            "k8s_statefulset_name",
            "k8s_daemonset_name",
            "service_name",
        ],
    ),
    ("cluster", &["cluster", "k8s_cluster_name", "cluster_name", "kubernetes_cluster_name"]),
];

const UNITS: &[&str] = &[
    "unit",
    "systemd_unit",
    "_systemd_unit",
    "__journal__systemd_unit",
    "journal_unit",
    "syslog_identifier",
    "__journal_syslog_identifier",
    "_comm",
    "transport",
    "_transport",
];
const FILES: &[&str] = &["filename", "log_file_path", "file", "file_path", "path", "_path"];
const LEVELS: &[&str] = &["level", "detected_level", "severity", "severity_text", "priority", "log_level"];
const STREAMS: &[&str] = &["stream", "log_iostream", "iostream"];

/// Which output of a container a line came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    #[default]
    Unknown,
    Out,
    Err,
}

/// What the labels of a stream say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamLabels {
    /// `namespace`, `pod`, `container`, `node`, `app`, `cluster`, and `component` for parts of the node itself.
    pub labels: LabelSet,
    pub level: LogLevel,
    pub stream: Stream,
}

/// Labels under our names. Others are left out: they would make as many streams as there are requests.
pub(crate) fn normal<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> StreamLabels {
    let mut given: Vec<(String, &str)> = labels.into_iter().map(|(name, value)| (plain(name), value)).collect();
    given.retain(|(_, value)| !value.is_empty());
    let find = |names: &[&str]| names.iter().find_map(|n| given.iter().find(|(g, _)| g == n)).map(|(_, v)| *v);

    let mut ours: Vec<(&str, String)> =
        NAMES.iter().filter_map(|(name, theirs)| Some((*name, find(theirs)?.to_owned()))).collect();
    if let Some(file) = find(FILES)
        && let Some((namespace, pod, container)) = from_path(file)
    {
        for (name, value) in [("namespace", namespace), ("pod", pod), ("container", container)] {
            if ours.iter().all(|(n, _)| *n != name) {
                ours.push((name, value));
            }
        }
    }
    let has = |name: &str| ours.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str());
    let unit = UNITS.iter().filter_map(|u| find(&[u])).find_map(component);
    if let Some(component) = unit.or_else(|| network_plugin(has("container"))) {
        ours.push(("component", component.to_owned()));
    }
    let stream = match find(STREAMS) {
        Some("stdout") => Stream::Out,
        Some("stderr") => Stream::Err,
        _ => Stream::Unknown,
    };
    StreamLabels {
        labels: ours.into_iter().collect(),
        level: find(LEVELS).map_or(LogLevel::Unknown, level::of_word),
        stream,
    }
}

/// Lower case; everything that is no letter and no digit is `_`.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// Namespace, pod and container of a log file of a node.
fn from_path(path: &str) -> Option<(String, String, String)> {
    if let Some(whose) = container_log::whose(path) {
        return Some((whose.namespace, whose.pod, whose.container));
    }
    // /var/log/containers/<pod>_<namespace>_<container>-<id>.log
    let file = path.rsplit('/').next()?.strip_suffix(".log")?;
    let mut parts = file.splitn(3, '_');
    let (pod, namespace, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (container, id) = rest.rsplit_once('-')?;
    let is_id = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    (is_id && path.contains("containers")).then(|| (namespace.into(), pod.into(), container.into()))
}

/// The part of a node that a systemd unit, a syslog identifier or a journal transport is.
fn component(unit: &str) -> Option<&'static str> {
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    Some(match name {
        "kubelet" | "k3s" | "k3s-agent" | "rke2-server" | "rke2-agent" | "snap.microk8s.daemon-kubelite" => "kubelet",
        "containerd" => "containerd",
        "crio" | "cri-o" => "cri-o",
        "docker" | "dockerd" | "cri-dockerd" => "docker",
        "kernel" => "kernel",
        "etcd" => "etcd",
        "kube-proxy" => "kube-proxy",
        "systemd" | "systemd-logind" | "systemd-networkd" | "systemd-resolved" | "systemd-oomd" => "systemd",
        "chronyd" | "chrony" | "ntpd" | "systemd-timesyncd" => "time",
        _ => return None,
    })
}

/// Containers of the network plug-ins in use.
fn network_plugin(container: &str) -> Option<&'static str> {
    const PLUGINS: &[&str] = &[
        "calico-node",
        "cilium-agent",
        "kube-flannel",
        "aws-node",
        "weave",
        "kube-router",
        "antrea-agent",
        "kube-multus",
        "ovnkube-controller",
        "azure-cns",
    ];
    PLUGINS.contains(&container).then_some("cni")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agents_spelling_becomes_ours() {
        let want = r#"{container="app", namespace="shop", node="n1", pod="cart-1"}"#;
        for names in [
            ["namespace", "pod", "container", "node_name"],
            ["kubernetes_namespace_name", "kubernetes_pod_name", "kubernetes_container_name", "kubernetes_host"],
            [
                "kubernetes.pod_namespace",
                "kubernetes.pod_name",
                "kubernetes.container_name",
                "kubernetes.pod_node_name",
            ],
            ["k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "k8s.node.name"],
            ["k8s_namespace_name", "k8s_pod_name", "k8s_container_name", "k8s_node_name"],
        ] {
            let labels =
                names.into_iter().zip(["shop", "cart-1", "app", "n1"]).chain([("job", "x"), ("trace_id", "1")]);
            assert_eq!(normal(labels).labels.to_string(), want, "{names:?}");
        }
    }

    #[test]
    fn a_path_tells_whose_log_it_is() {
        let id = "0".repeat(64);
        for path in [
            "/var/log/pods/shop_cart-1_8f2-1/app/0.log".to_owned(),
            format!("/var/log/containers/cart-1_shop_app-{id}.log"),
        ] {
            let labels = normal([("filename", path.as_str())]).labels;
            assert_eq!(labels.to_string(), r#"{container="app", namespace="shop", pod="cart-1"}"#);
        }
    }

    #[test]
    fn parts_of_the_node_are_recognised() {
        for (name, value, want) in [
            ("unit", "kubelet.service", "kubelet"),
            ("_SYSTEMD_UNIT", "containerd.service", "containerd"),
            ("SYSLOG_IDENTIFIER", "kernel", "kernel"),
            ("systemd_unit", "crio.service", "cri-o"),
            ("container", "calico-node", "cni"),
            ("unit", "nginx.service", ""),
        ] {
            assert_eq!(normal([(name, value)]).labels.value("component"), want, "{value}");
        }
    }
}
