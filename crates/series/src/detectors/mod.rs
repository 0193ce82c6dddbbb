//! Detectors: one file each, with what can fool it. They see one baseline (or one log) at a time and no clock.

pub(crate) mod absent;
pub(crate) mod burn;
pub(crate) mod climb;
pub(crate) mod dynamic;
pub(crate) mod forecast;
pub(crate) mod logs;
pub(crate) mod peers;
pub(crate) mod shift;
pub(crate) mod sigma;
pub(crate) mod threshold;
pub(crate) mod view;

pub use absent::Absent;
pub use burn::Burn;
pub use climb::Climb;
pub use dynamic::Dynamic;
pub use forecast::Outlooks;
pub use logs::{LogCount, Logs};
pub use peers::Peers;
pub use shift::Shift;
pub use sigma::Sigma;
pub use threshold::Threshold;

/// Settings of all detectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Seconds of history before a baseline's detectors speak. Thresholds, peers and error budgets need none.
    pub warm_s: i64,
    pub threshold: Threshold,
    pub dynamic: Dynamic,
    pub sigma: Sigma,
    pub shift: Shift,
    pub climb: Climb,
    pub peers: Peers,
    pub burn: Burn,
    pub forecast: Outlooks,
    pub absent: Absent,
    pub logs: Logs,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            warm_s: 86_400,
            threshold: Threshold::default(),
            dynamic: Dynamic::default(),
            sigma: Sigma::default(),
            shift: Shift::default(),
            climb: Climb::default(),
            peers: Peers::default(),
            burn: Burn::default(),
            forecast: Outlooks::default(),
            absent: Absent::default(),
            logs: Logs::default(),
        }
    }
}
