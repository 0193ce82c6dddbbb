//! Pods that a newer revision has replaced.

use rootline_model::{EntityRef, Kind};
use rootline_objects::Pod;

use crate::World;

impl World {
    /// True if the pod's deployment has all the ready pods it wants from a newer template: the pod is a leftover of a
    /// finished rollout and on its way out, whatever state it is in.
    pub fn is_superseded(&self, pod: &Pod) -> bool {
        let Some(hash) = pod.metadata.labels.get("pod-template-hash") else { return false };
        let workload = self.workload_of(pod);
        if workload.kind != Kind::Deployment {
            return false;
        }
        let Some(view) = self.workload(&workload) else { return false };
        if view.desired <= 0 {
            return false;
        }
        let newer_ready = self
            .pods_of(&EntityRef::clone(&workload))
            .filter(|p| p.metadata.labels.get("pod-template-hash").is_some_and(|h| h != hash))
            .filter(|p| p.is_ready() && p.metadata.creation_timestamp >= pod.metadata.creation_timestamp)
            .count();
        i64::try_from(newer_ready).is_ok_and(|n| n >= view.desired)
    }
}
