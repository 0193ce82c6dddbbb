//! Bounds and settings of a bank.

use crate::catalog::{SLOS, Series, Slo, Step};
use crate::detectors;

/// Settings of a [`crate::Bank`]. Every bound says what happens beyond it.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Baselines at most (512 bytes each with all that belongs to them). Beyond: new ones are refused and counted until
    /// old ones are forgotten.
    pub series_max: usize,
    /// Baselines with windows for charts and for the detectors that need them (6 KB each). Beyond: tier 0 alone.
    pub details_max: usize,
    /// Pods and instances with a short window (about 300 bytes each). Beyond: they count for their baseline alone.
    pub members_max: usize,
    /// Raw series from remote write that something is computed from (about 250 bytes each). Beyond: refused and counted.
    pub raw_max: usize,
    /// Seconds between two values of the catalogue's core series.
    pub core_s: i64,
    /// Seconds between two values of all others; windows are minutes, so at most 60.
    pub rest_s: i64,
    /// Seconds after which a value is old: PromQL's lookback.
    pub lookback_s: i64,
    /// Seconds after which a baseline that was not seen is forgotten: a job of every week must survive.
    pub forget_s: i64,
    /// Findings of one tick at most. Beyond: the weakest are left out and counted.
    pub findings_max: usize,
    /// Thresholds set by the user: they take the place of those in the catalogue for the same series and code; of code
    /// [`crate::catalog::OWN_LIMIT`] they stand beside them.
    pub limits: Vec<LimitSetting>,
    /// Catalogue entries not to watch.
    pub disabled: Vec<String>,
    pub slos: Vec<Slo>,
    pub detectors: detectors::Settings,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            series_max: 1_100_000,
            details_max: 20_000,
            members_max: 100_000,
            raw_max: 300_000,
            core_s: Step::Core.seconds(),
            rest_s: Step::Minute.seconds(),
            lookback_s: 300,
            forget_s: 9 * 86_400,
            findings_max: 2000,
            limits: Vec::new(),
            disabled: Vec::new(),
            slos: SLOS.to_vec(),
            detectors: detectors::Settings::default(),
        }
    }
}

impl Options {
    /// Seconds between two values of a series.
    pub fn step_s(&self, series: &Series) -> i64 {
        match series.step {
            Step::Core => self.core_s.max(1),
            Step::Minute => self.rest_s.max(1),
        }
    }
}

/// A threshold by the user.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitSetting {
    /// Catalogue id: `container_memory_share`.
    pub series: String,
    /// Code of the catalogue's threshold: `series.memory_near_limit`.
    pub code: String,
    /// Namespace it holds for; empty: all.
    pub namespace: String,
    pub at: f64,
    pub clear: f64,
    pub hold_s: u32,
    pub enabled: bool,
}
