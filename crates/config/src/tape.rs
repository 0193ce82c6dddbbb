//! Tapes: what came in, kept to be played again.

use schemars::JsonSchema;
use serde::Deserialize;

/// Off while `folder` is empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tape {
    pub folder: String,
    /// Of everything in the folder; the oldest goes.
    pub mib: u32,
    /// Seconds between two recordings of the whole state, while it changes.
    pub state_every_s: u32,
}

impl Default for Tape {
    fn default() -> Self {
        Tape { folder: String::new(), mib: 256, state_every_s: 300 }
    }
}
