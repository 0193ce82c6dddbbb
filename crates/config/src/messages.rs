//! When people are told of an incident, and when again.

use schemars::JsonSchema;
use serde::Deserialize;

/// Times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Messages {
    /// From the first firing to the first message, so that the first one already tells of several.
    pub first_after_s: u32,
    /// Least time between two messages about one incident; a raise to critical does not wait.
    pub update_after_s: u32,
    /// Another core alert is told only when the incident has settled for so long.
    pub settle_s: u32,
    /// What a rule held back for longer than this (its `for:`) is no news: quicker rules told of it.
    pub echo_s: u32,
    /// An alert that is back within so long of the incident's beginning is told of once.
    pub young_s: u32,
    /// Messages about one incident, the one about its end not counted.
    pub updates_max: u32,
    /// Tell when it is over.
    pub tell_resolved: bool,
}

impl Default for Messages {
    fn default() -> Self {
        Messages {
            first_after_s: 15,
            update_after_s: 300,
            settle_s: 300,
            echo_s: 750,
            young_s: 300,
            updates_max: 8,
            tell_resolved: true,
        }
    }
}
