//! Deployments, replica sets, stateful sets, daemon sets.

use crate::meta::{Condition, LabelSelector, Meta};
use crate::pod::PodSpec;

lite! {
    Deployment { metadata: Meta, spec: WorkloadSpec, status: WorkloadStatus }
    ReplicaSet { metadata: Meta, spec: WorkloadSpec, status: WorkloadStatus }
    StatefulSet { metadata: Meta, spec: WorkloadSpec, status: WorkloadStatus }
    DaemonSet { metadata: Meta, spec: WorkloadSpec, status: DaemonSetStatus }
    /// Spec of any workload; what a kind does not have stays empty.
    WorkloadSpec {
        replicas: Option<i64>,
        selector: LabelSelector,
        template: Template,
        paused: Option<bool>,
        service_name: String,
        progress_deadline_seconds: Option<i64>,
        pod_management_policy: String,
        volume_claim_templates: Vec<crate::storage::Pvc>,
    }
    Template { metadata: Meta, spec: PodSpec }
    WorkloadStatus {
        replicas: i64,
        ready_replicas: i64,
        available_replicas: i64,
        unavailable_replicas: i64,
        updated_replicas: i64,
        current_replicas: i64,
        observed_generation: Option<i64>,
        current_revision: String,
        update_revision: String,
        conditions: Vec<Condition>,
    }
    DaemonSetStatus {
        desired_number_scheduled: i64,
        current_number_scheduled: i64,
        number_ready: i64,
        number_available: i64,
        number_unavailable: i64,
        number_misscheduled: i64,
        updated_number_scheduled: i64,
        observed_generation: Option<i64>,
        conditions: Vec<Condition>,
    }
}

named!(Deployment, ReplicaSet, StatefulSet, DaemonSet);
