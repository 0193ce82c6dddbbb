//! Namespaces, quotas, autoscalers, budgets, admission, API registration, leases.

use std::collections::BTreeMap;

use crate::meta::{Condition, LabelSelector, Meta};
use crate::quantity::Quantity;
use crate::unit::{PortRef, Time};

lite! {
    Namespace { metadata: Meta, status: Statused }
    /// A status of which only phase and conditions count.
    Statused { phase: String, conditions: Vec<Condition> }
    Quota { metadata: Meta, spec: QuotaSpec, status: QuotaStatus }
    QuotaSpec { hard: BTreeMap<String, Quantity>, scopes: Vec<String> }
    QuotaStatus { hard: BTreeMap<String, Quantity>, used: BTreeMap<String, Quantity> }
    LimitRange { metadata: Meta, spec: LimitSpec }
    LimitSpec { limits: Vec<LimitItem> }
    LimitItem {
        #[serde(rename = "type")]
        kind: String,
        max: BTreeMap<String, Quantity>,
        min: BTreeMap<String, Quantity>,
        default: BTreeMap<String, Quantity>,
        default_request: BTreeMap<String, Quantity>,
    }
    Hpa { metadata: Meta, spec: HpaSpec, status: HpaStatus }
    HpaSpec { scale_target_ref: ScaleTarget, min_replicas: Option<i64>, max_replicas: i64 }
    ScaleTarget { kind: String, name: String, api_version: String }
    HpaStatus { current_replicas: i64, desired_replicas: i64, last_scale_time: Time, conditions: Vec<Condition> }
    Pdb { metadata: Meta, spec: PdbSpec, status: PdbStatus }
    PdbSpec { selector: Option<LabelSelector>, min_available: PortRef, max_unavailable: PortRef }
    PdbStatus {
        current_healthy: i64,
        desired_healthy: i64,
        disruptions_allowed: i64,
        expected_pods: i64,
        conditions: Vec<Condition>,
    }
    PriorityClass { metadata: Meta, value: i64, global_default: Option<bool> }
    WebhookConfig { metadata: Meta, webhooks: Vec<Webhook> }
    Webhook {
        name: String,
        client_config: WebhookClient,
        failure_policy: String,
        timeout_seconds: Option<i64>,
        namespace_selector: Option<LabelSelector>,
        object_selector: Option<LabelSelector>,
    }
    WebhookClient { service: Option<ServiceRef>, url: String }
    ServiceRef { name: String, namespace: String, port: Option<i64> }
    ApiService { metadata: Meta, spec: ApiServiceSpec, status: Statused }
    ApiServiceSpec { service: Option<ServiceRef>, group: String, version: String }
    Crd { metadata: Meta, status: Statused }
    Lease { metadata: Meta, spec: LeaseSpec }
    LeaseSpec { holder_identity: String, renew_time: Time, lease_duration_seconds: Option<i64> }
    Csr { metadata: Meta, spec: CsrSpec, status: Statused }
    CsrSpec { signer_name: String, username: String }
}

named!(Namespace, Quota, LimitRange, Hpa, Pdb, PriorityClass, WebhookConfig, ApiService, Crd, Lease, Csr);
