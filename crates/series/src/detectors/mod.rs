//! Detectors: one file each.

pub(crate) mod threshold;

/// Settings of all detectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub threshold: threshold::Threshold,
}
