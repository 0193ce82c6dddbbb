//! Claims, volumes, classes, attachments.

use std::collections::BTreeMap;

use crate::meta::{Condition, LabelSelector, Meta, ObjectRef};
use crate::pod::{NodeSelector, ResourceRequirements};
use crate::quantity::Quantity;

lite! {
    Pvc { metadata: Meta, spec: PvcSpec, status: PvcStatus }
    PvcSpec {
        access_modes: Vec<String>,
        /// `None`: not given, the default class applies. Empty text: no class, static binding only.
        storage_class_name: Option<String>,
        volume_name: String,
        volume_mode: String,
        selector: Option<LabelSelector>,
        resources: ResourceRequirements,
        data_source: Option<TypedRef>,
    }
    TypedRef { kind: String, name: String }
    PvcStatus { phase: String, access_modes: Vec<String>, capacity: BTreeMap<String, Quantity>, conditions: Vec<Condition> }
    Pv { metadata: Meta, spec: PvSpec, status: PvStatus }
    PvSpec {
        access_modes: Vec<String>,
        capacity: BTreeMap<String, Quantity>,
        storage_class_name: String,
        claim_ref: Option<ObjectRef>,
        persistent_volume_reclaim_policy: String,
        volume_mode: String,
        #[serde(rename = "nodeAffinity")]
        node_affinity: Option<VolumeNodeAffinity>,
    }
    VolumeNodeAffinity { required: Option<NodeSelector> }
    PvStatus { phase: String, reason: String, message: String }
    StorageClass {
        metadata: Meta,
        provisioner: String,
        volume_binding_mode: String,
        reclaim_policy: String,
        allow_volume_expansion: Option<bool>,
    }
    VolumeAttachment { metadata: Meta, spec: VolumeAttachmentSpec, status: AttachmentStatus }
    VolumeAttachmentSpec { attacher: String, node_name: String, source: AttachSource }
    AttachSource { persistent_volume_name: String }
    AttachmentStatus { attached: bool }
}

named!(Pvc, Pv, StorageClass, VolumeAttachment);

impl StorageClass {
    pub fn is_default(&self) -> bool {
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
            .iter()
            .any(|k| self.metadata.annotations.get(k) == Some("true"))
    }
}
