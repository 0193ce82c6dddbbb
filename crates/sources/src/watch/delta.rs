//! What a watch hands on: one small step at a time, in the order of the API server.

use rootline_model::Timestamp;
use rootline_objects::Object;

use crate::live::kinds::{RESOURCES, Resource};

/// One resource of the API that is watched: `pods`, `deployments.apps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(u8);

impl ResourceId {
    /// Every resource that rules need, in the order in which a one-shot reading gives them.
    pub fn all() -> impl Iterator<Item = ResourceId> {
        (0..).zip(RESOURCES).map(|(i, _)| ResourceId(i))
    }

    /// By its name as kubectl gives it: `pods`, `deployments.apps`.
    pub fn of(name: &str) -> Option<ResourceId> {
        ResourceId::all().find(|r| r.name() == name)
    }

    pub fn name(self) -> String {
        self.resource().full_name()
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn resource(self) -> &'static Resource {
        &RESOURCES[self.index()]
    }
}

/// One step of the state of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Version of the API server.
    Version(String),
    /// A reading of everything begins, of one namespace or of all; what was known stays until `Listed`.
    Began { resource: ResourceId, namespace: Option<String> },
    /// An object as it is now.
    Put { resource: ResourceId, item: Box<Item> },
    /// An object is gone.
    Gone { resource: ResourceId, key: Box<str>, version: Box<str> },
    /// An object is there and could not be read.
    Bad { resource: ResourceId, key: Box<str>, detail: String },
    /// Everything was named since `Began`; what was not is gone.
    Listed { resource: ResourceId },
    /// The server answers again after `Trouble`.
    Following { resource: ResourceId },
    /// The resource cannot be read now.
    Trouble { resource: ResourceId, trouble: Trouble },
}

/// An object with what its life is followed by.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `namespace/name`, or the name alone.
    pub key: Box<str>,
    /// `resourceVersion`.
    pub version: Box<str>,
    /// When `data` was last written, as managed fields tell; of config maps and secrets only.
    pub written: Option<Timestamp>,
    pub object: Object,
}

/// Why a resource cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The account may not. Tried again slowly.
    Forbidden { detail: String, namespace: Option<String> },
    /// The server does not know the resource. Tried again slowly.
    Absent,
    /// Anything that may pass. Tried again with growing pauses.
    Failing { detail: String },
}

impl Delta {
    pub fn resource(&self) -> Option<ResourceId> {
        match self {
            Delta::Version(_) => None,
            Delta::Began { resource, .. }
            | Delta::Put { resource, .. }
            | Delta::Gone { resource, .. }
            | Delta::Bad { resource, .. }
            | Delta::Listed { resource }
            | Delta::Following { resource }
            | Delta::Trouble { resource, .. } => Some(*resource),
        }
    }
}
