//! Things a cluster is made of, and how to point at one.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Kind of an entity. The order is the order in which equal candidates are shown: broad before narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Cluster,
    /// A part of the control plane or of a node: scheduler, kubelet, container runtime, kube-proxy, DNS.
    Component,
    Node,
    Namespace,
    Quota,
    LimitRange,
    Webhook,
    ApiService,
    Crd,
    PriorityClass,
    StorageClass,
    CsiNode,
    VolumeAttachment,
    Pv,
    Pvc,
    ConfigMap,
    Secret,
    ServiceAccount,
    NetworkPolicy,
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    Job,
    ReplicaSet,
    Hpa,
    Pdb,
    Ingress,
    IngressClass,
    Gateway,
    Route,
    Service,
    EndpointSlice,
    Pod,
    Container,
    Lease,
    Csr,
    /// Something outside the cluster: a registry, a database, a host name.
    External,
}

impl Kind {
    pub const ALL: [Kind; 38] = [
        Kind::Cluster,
        Kind::Component,
        Kind::Node,
        Kind::Namespace,
        Kind::Quota,
        Kind::LimitRange,
        Kind::Webhook,
        Kind::ApiService,
        Kind::Crd,
        Kind::PriorityClass,
        Kind::StorageClass,
        Kind::CsiNode,
        Kind::VolumeAttachment,
        Kind::Pv,
        Kind::Pvc,
        Kind::ConfigMap,
        Kind::Secret,
        Kind::ServiceAccount,
        Kind::NetworkPolicy,
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::DaemonSet,
        Kind::CronJob,
        Kind::Job,
        Kind::ReplicaSet,
        Kind::Hpa,
        Kind::Pdb,
        Kind::Ingress,
        Kind::IngressClass,
        Kind::Gateway,
        Kind::Route,
        Kind::Service,
        Kind::EndpointSlice,
        Kind::Pod,
        Kind::Container,
        Kind::Lease,
        Kind::Csr,
        Kind::External,
    ];

    /// The word used in refs, reports and rule files: `deployment`, `pvc`, `service`.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Cluster => "cluster",
            Kind::Component => "component",
            Kind::Node => "node",
            Kind::Namespace => "namespace",
            Kind::Quota => "quota",
            Kind::LimitRange => "limitrange",
            Kind::Webhook => "webhook",
            Kind::ApiService => "apiservice",
            Kind::Crd => "crd",
            Kind::PriorityClass => "priorityclass",
            Kind::StorageClass => "storageclass",
            Kind::CsiNode => "csinode",
            Kind::VolumeAttachment => "volumeattachment",
            Kind::Pv => "pv",
            Kind::Pvc => "pvc",
            Kind::ConfigMap => "configmap",
            Kind::Secret => "secret",
            Kind::ServiceAccount => "serviceaccount",
            Kind::NetworkPolicy => "networkpolicy",
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::DaemonSet => "daemonset",
            Kind::CronJob => "cronjob",
            Kind::Job => "job",
            Kind::ReplicaSet => "replicaset",
            Kind::Hpa => "hpa",
            Kind::Pdb => "pdb",
            Kind::Ingress => "ingress",
            Kind::IngressClass => "ingressclass",
            Kind::Gateway => "gateway",
            Kind::Route => "route",
            Kind::Service => "service",
            Kind::EndpointSlice => "endpointslice",
            Kind::Pod => "pod",
            Kind::Container => "container",
            Kind::Lease => "lease",
            Kind::Csr => "csr",
            Kind::External => "external",
        }
    }

    /// Reads a kind as people and Kubernetes write it: `Deployment`, `deploy`, `deployments.apps`, `PersistentVolumeClaim`.
    pub fn parse(word: &str) -> Option<Kind> {
        let w = word.split('.').next().unwrap_or(word).to_ascii_lowercase();
        let long = match w.as_str() {
            "po" => "pod",
            "no" => "node",
            "ns" => "namespace",
            "deploy" => "deployment",
            "rs" => "replicaset",
            "sts" => "statefulset",
            "ds" => "daemonset",
            "cj" => "cronjob",
            "svc" => "service",
            "ing" | "ingresses" => "ingress",
            "ingressclasses" => "ingressclass",
            "persistentvolumeclaim" | "persistentvolumeclaims" | "pvcs" => "pvc",
            "persistentvolume" | "persistentvolumes" | "pvs" => "pv",
            "sc" | "storageclasses" => "storageclass",
            "cm" => "configmap",
            "sa" => "serviceaccount",
            "resourcequota" | "resourcequotas" => "quota",
            "limits" => "limitrange",
            "horizontalpodautoscaler" | "horizontalpodautoscalers" => "hpa",
            "poddisruptionbudget" | "poddisruptionbudgets" => "pdb",
            "networkpolicies" | "netpol" => "networkpolicy",
            "pc" | "priorityclasses" => "priorityclass",
            "validatingwebhookconfiguration"
            | "validatingwebhookconfigurations"
            | "mutatingwebhookconfiguration"
            | "mutatingwebhookconfigurations" => "webhook",
            "customresourcedefinition" | "customresourcedefinitions" => "crd",
            "httproute" | "httproutes" | "grpcroute" | "grpcroutes" | "tlsroute" | "tcproute" => "route",
            "certificatesigningrequest" | "certificatesigningrequests" => "csr",
            other => other,
        };
        Kind::ALL.into_iter().find(|k| k.word() == long || long.strip_suffix('s') == Some(k.word()))
    }

    /// True for kinds that own pods by a template.
    pub const fn is_workload(self) -> bool {
        matches!(
            self,
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::Job | Kind::CronJob | Kind::ReplicaSet
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A typed pointer to one thing. `namespace` is empty for cluster-wide things; `part` names a container of a pod or a
/// component of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntityRef {
    pub kind: Kind,
    #[serde(default)]
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Arc<str>>,
}

impl EntityRef {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        EntityRef { kind, namespace: namespace.into(), name: name.into(), part: None }
    }

    /// A cluster-wide thing: node, PV, storage class, webhook.
    pub fn wide(kind: Kind, name: &str) -> Self {
        Self::new(kind, "", name)
    }

    pub fn pod(namespace: &str, name: &str) -> Self {
        Self::new(Kind::Pod, namespace, name)
    }

    pub fn container(namespace: &str, pod: &str, container: &str) -> Self {
        EntityRef { part: Some(container.into()), ..Self::new(Kind::Container, namespace, pod) }
    }

    pub fn node(name: &str) -> Self {
        Self::wide(Kind::Node, name)
    }

    /// A component; on a node (`kubelet` of `worker-1`) or of the cluster (`kube-scheduler`, node empty).
    pub fn component(node: &str, component: &str) -> Self {
        EntityRef { part: Some(component.into()), ..Self::wide(Kind::Component, node) }
    }

    pub fn cluster() -> Self {
        Self::wide(Kind::Cluster, "cluster")
    }

    /// The pod of a container; anything else is itself.
    pub fn whole(&self) -> EntityRef {
        match self.kind {
            Kind::Container => EntityRef { kind: Kind::Pod, part: None, ..self.clone() },
            Kind::Component if !self.name.is_empty() => EntityRef::node(&self.name),
            _ => self.clone(),
        }
    }
}

/// `deployment/shop/cart`, `node/worker-1`, `container/shop/cart-7f9/app`, `component/worker-1/kubelet`.
impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        for piece in [Some(&self.namespace), Some(&self.name), self.part.as_ref()].into_iter().flatten() {
            if !piece.is_empty() {
                write!(f, "/{piece}")?;
            }
        }
        Ok(())
    }
}

/// Reads what `Display` writes. Names of Kubernetes hold no slash.
impl std::str::FromStr for EntityRef {
    type Err = String;

    fn from_str(text: &str) -> Result<EntityRef, String> {
        let pieces: Vec<&str> = text.split('/').collect();
        let wrong = || format!("`{text}` is no thing, expected KIND/NAME or KIND/NAMESPACE/NAME");
        let kind = Kind::ALL.into_iter().find(|k| pieces.first() == Some(&k.word())).ok_or_else(wrong)?;
        match (kind, pieces.get(1..).unwrap_or_default()) {
            (Kind::Component, [part]) => Ok(EntityRef::component("", part)),
            (Kind::Component, [node, part]) => Ok(EntityRef::component(node, part)),
            (Kind::Container, [namespace, pod, part]) => Ok(EntityRef::container(namespace, pod, part)),
            (Kind::Component | Kind::Container, _) => Err(wrong()),
            (_, [name]) => Ok(EntityRef::wide(kind, name)),
            (_, [namespace, name]) => Ok(EntityRef::new(kind, namespace, name)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_people_write_them() {
        for (word, kind) in [
            ("Deployment", Kind::Deployment),
            ("deploy", Kind::Deployment),
            ("deployments.apps", Kind::Deployment),
            ("PersistentVolumeClaim", Kind::Pvc),
            ("ingresses", Kind::Ingress),
            ("resourcequotas", Kind::Quota),
            ("HTTPRoute", Kind::Route),
            ("nodes", Kind::Node),
        ] {
            assert_eq!(Kind::parse(word), Some(kind), "{word}");
        }
        assert_eq!(Kind::parse("banana"), None);
    }

    #[test]
    fn kinds_are_kept_under_their_word() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_string(&kind).ok(), Some(format!("\"{}\"", kind.word())));
        }
    }

    #[test]
    fn refs_are_read_back_as_they_were_written() {
        for entity in [
            EntityRef::container("shop", "cart-1", "app"),
            EntityRef::node("w1"),
            EntityRef::component("w1", "kubelet"),
            EntityRef::component("", "kube-scheduler"),
            EntityRef::new(Kind::Deployment, "shop", "cart"),
            EntityRef::cluster(),
        ] {
            assert_eq!(entity.to_string().parse(), Ok(entity));
        }
        for text in ["", "banana/x", "pod", "pod/a/b/c", "container/a/b"] {
            assert!(text.parse::<EntityRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn refs_read_like_paths() {
        assert_eq!(EntityRef::container("shop", "cart-1", "app").to_string(), "container/shop/cart-1/app");
        assert_eq!(EntityRef::node("w1").to_string(), "node/w1");
        assert_eq!(EntityRef::component("w1", "kubelet").to_string(), "component/w1/kubelet");
        assert_eq!(EntityRef::component("", "kube-scheduler").to_string(), "component/kube-scheduler");
    }
}
