//! A Kubernetes event as it is kept after the API server has forgotten it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::EntityRef;

/// One event, with its repetitions. The API server keeps it for an hour, the store for days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Identity of the event, by which a repetition replaces what was kept.
    pub uid: String,
    pub namespace: String,
    /// Name of the event object: `cart-7f9.17a2b`.
    pub name: String,
    /// What it is about; `None` for kinds that are not ours (`Certificate`), whose words are in `about`.
    pub entity: Option<EntityRef>,
    /// `Pod shop/cart-7f9`, as Kubernetes names it.
    pub about: String,
    /// Uid of the thing, which a namesake does not share.
    pub about_uid: String,
    pub warning: bool,
    /// `BackOff`, `FailedScheduling`.
    pub reason: String,
    pub message: String,
    /// Who says so: `kubelet`, `default-scheduler`.
    pub component: String,
    /// On which node.
    pub host: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// How often it happened between the two.
    pub count: u32,
    /// How many of these are new since the record was handed on the last time.
    pub fresh: u32,
}
