//! One object of any kind that is read.

lite! {
    TypeMeta { api_version: String, kind: String }
}

macro_rules! objects {
    ($( $kind:literal => $variant:ident ($type:ty) ),* $(,)?) => {
        /// An object of one of the kinds that rules need.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $( $variant(Box<$type>), )*
        }

        impl Object {
            /// Kinds that are read, as the API names them.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Reads one object of a kind; `None` if the kind is not one that is read.
            pub fn from_json(kind: &str, json: &str) -> Option<Result<Object, serde_json::Error>> {
                match kind {
                    $( $kind => Some(serde_json::from_str(json).map(|o| Object::$variant(Box::new(o)))), )*
                    _ => None,
                }
            }

            /// The fields that are held, as Kubernetes writes them; without kind and version.
            ///
            /// # Errors
            /// None that the types allow.
            pub fn to_json(&self) -> Result<String, serde_json::Error> {
                match self { $( Object::$variant(o) => serde_json::to_string(o), )* }
            }

            /// Gives back memory that was only needed for reading.
            #[must_use]
            pub fn shrunk(mut self) -> Object {
                if let Object::Pod(pod) = &mut self {
                    pod.shrink();
                }
                self
            }

            pub fn metadata(&self) -> &crate::Meta {
                match self { $( Object::$variant(o) => &o.metadata, )* }
            }

            pub fn metadata_mut(&mut self) -> &mut crate::Meta {
                match self { $( Object::$variant(o) => &mut o.metadata, )* }
            }

            pub fn kind(&self) -> &'static str {
                // two kinds may share a variant (validating and mutating webhooks): the first one stands for both
                match self { $( Object::$variant(_) => $kind, )* }
            }
        }
    };
}

objects! {
    "Pod" => Pod(crate::Pod),
    "Node" => Node(crate::Node),
    "Namespace" => Namespace(crate::Namespace),
    "Deployment" => Deployment(crate::Deployment),
    "ReplicaSet" => ReplicaSet(crate::ReplicaSet),
    "StatefulSet" => StatefulSet(crate::StatefulSet),
    "DaemonSet" => DaemonSet(crate::DaemonSet),
    "Job" => Job(crate::Job),
    "CronJob" => CronJob(crate::CronJob),
    "Service" => Service(crate::Service),
    "EndpointSlice" => EndpointSlice(crate::EndpointSlice),
    "Ingress" => Ingress(crate::Ingress),
    "IngressClass" => IngressClass(crate::IngressClass),
    "Gateway" => Gateway(crate::Gateway),
    "HTTPRoute" => Route(crate::Route),
    "NetworkPolicy" => NetworkPolicy(crate::NetworkPolicy),
    "PersistentVolumeClaim" => Pvc(crate::Pvc),
    "PersistentVolume" => Pv(crate::Pv),
    "StorageClass" => StorageClass(crate::StorageClass),
    "VolumeAttachment" => VolumeAttachment(crate::VolumeAttachment),
    "CSINode" => CsiNode(crate::CsiNode),
    "ConfigMap" => ConfigMap(crate::ConfigMap),
    "Secret" => Secret(crate::Secret),
    "ServiceAccount" => ServiceAccount(crate::ServiceAccount),
    "ResourceQuota" => Quota(crate::Quota),
    "LimitRange" => LimitRange(crate::LimitRange),
    "HorizontalPodAutoscaler" => Hpa(crate::Hpa),
    "PodDisruptionBudget" => Pdb(crate::Pdb),
    "PriorityClass" => PriorityClass(crate::PriorityClass),
    "ValidatingWebhookConfiguration" => ValidatingWebhook(crate::WebhookConfig),
    "MutatingWebhookConfiguration" => MutatingWebhook(crate::WebhookConfig),
    "APIService" => ApiService(crate::ApiService),
    "CustomResourceDefinition" => Crd(crate::Crd),
    "Lease" => Lease(crate::Lease),
    "CertificateSigningRequest" => Csr(crate::Csr),
    "Event" => Event(crate::Event),
}
