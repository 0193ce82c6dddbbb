//! What is listed of a cluster.

/// One resource of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Empty for core/v1.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    /// As `rootline_objects` names it.
    pub kind: &'static str,
    pub namespaced: bool,
    /// Names, labels and owners are enough; the content is never fetched.
    pub metadata_only: bool,
}

const fn wide(group: &'static str, version: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource { group, version, plural, kind, namespaced: false, metadata_only: false }
}

const fn inside(group: &'static str, version: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource { namespaced: true, ..wide(group, version, plural, kind) }
}

const fn names(plural: &'static str, kind: &'static str) -> Resource {
    Resource { metadata_only: true, ..inside("", "v1", plural, kind) }
}

/// Every resource that rules need, the slow ones first so that they overlap with the rest.
pub(crate) const RESOURCES: &[Resource] = &[
    inside("", "v1", "pods", "Pod"),
    inside("events.k8s.io", "v1", "events", "Event"),
    inside("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    inside("apps", "v1", "replicasets", "ReplicaSet"),
    wide("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition"),
    names("configmaps", "ConfigMap"),
    names("secrets", "Secret"),
    wide("", "v1", "nodes", "Node"),
    wide("", "v1", "namespaces", "Namespace"),
    inside("apps", "v1", "deployments", "Deployment"),
    inside("apps", "v1", "statefulsets", "StatefulSet"),
    inside("apps", "v1", "daemonsets", "DaemonSet"),
    inside("batch", "v1", "jobs", "Job"),
    inside("batch", "v1", "cronjobs", "CronJob"),
    inside("", "v1", "services", "Service"),
    inside("networking.k8s.io", "v1", "ingresses", "Ingress"),
    wide("networking.k8s.io", "v1", "ingressclasses", "IngressClass"),
    inside("gateway.networking.k8s.io", "v1", "gateways", "Gateway"),
    inside("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
    inside("gateway.networking.k8s.io", "v1", "grpcroutes", "HTTPRoute"),
    inside("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    inside("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    wide("", "v1", "persistentvolumes", "PersistentVolume"),
    wide("storage.k8s.io", "v1", "storageclasses", "StorageClass"),
    wide("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment"),
    wide("storage.k8s.io", "v1", "csinodes", "CSINode"),
    inside("", "v1", "serviceaccounts", "ServiceAccount"),
    inside("", "v1", "resourcequotas", "ResourceQuota"),
    inside("", "v1", "limitranges", "LimitRange"),
    inside("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    inside("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    wide("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass"),
    wide("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    wide("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    wide("apiregistration.k8s.io", "v1", "apiservices", "APIService"),
    inside("coordination.k8s.io", "v1", "leases", "Lease"),
    wide("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest"),
];

impl Resource {
    /// Path of the list, in one namespace or in all.
    pub fn path(&self, version: &str, namespace: Option<&str>) -> String {
        let root =
            if self.group.is_empty() { format!("/api/{version}") } else { format!("/apis/{}/{version}", self.group) };
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// `pods`, `deployments.apps`, as kubectl names it.
    pub fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// The kind as the API spells it; the routes of the Gateway API share one of ours.
    pub fn api_kind(&self) -> &'static str {
        if self.plural == "grpcroutes" { "GRPCRoute" } else { self.kind }
    }

    /// Definitions carry whole schemas: a page of 500 would be tens of megabytes.
    pub fn page_size(&self, default: usize) -> usize {
        if self.plural == "customresourcedefinitions" { default.min(50) } else { default }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_is_read_is_listed() {
        for kind in rootline_objects::Object::KINDS {
            assert!(RESOURCES.iter().any(|r| r.kind == *kind), "{kind} is never listed");
        }
        for resource in RESOURCES {
            assert!(rootline_objects::Object::KINDS.contains(&resource.kind), "{} is not read", resource.plural);
        }
    }
}
