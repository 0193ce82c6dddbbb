//! Lite Kubernetes objects: the fields that rules need, and no other.
//!
//! A pod of 9 kB of JSON becomes well under 2 kB here: unknown fields are skipped while parsing and never allocated.
//!
//! **Invariant:** pure data and its reading from JSON; a missing, null or unknown field is never an error; no client,
//! no I/O, no knowledge of what is abnormal.

#[macro_use]
mod lite;
mod batch;
mod config;
mod event;
mod list;
mod log;
mod meta;
mod network;
mod node;
mod object;
mod pod;
mod policy;
mod quantity;
mod signal;
mod storage;
mod unit;
mod workload;

pub use batch::*;
pub use config::*;
pub use event::*;
pub use list::{ListError, read_list};
pub use log::{LogTail, LogWanted};
pub use meta::*;
pub use network::*;
pub use node::*;
pub use object::{Object, TypeMeta};
pub use pod::*;
pub use policy::*;
pub use quantity::Quantity;
pub use signal::{Alert, CallHint, ComponentStatus, Reach, Series, Signal};
pub use storage::*;
pub use unit::{PortRef, Time};
pub use workload::*;
