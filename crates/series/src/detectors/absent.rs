//! Series that ended, and sources that fell silent.
//!
//! **What it finds** a node, disk or control-plane part that reported steadily for a day and no longer does while its like
//! still do; and the silence of everything.
//! **Why it matters** what is not measured raises no threshold: a dead exporter looks like a calm node.
//! **Evidence used** presence over a day; the newest value of all others of the same kind.
//! **How to confirm by hand** the finding's query; `up` of its target.
//! **What can fool it** scaled down or deleted things: workloads are left out, and what the engine says is gone is; a gap of
//! one scrape: ten minutes; a gap of everything: one finding about the source, not a thousand.
//! **Source** the dead man's switch (`Watchdog`, `absent()`), per thing.

use crate::catalog::{Recipe, Scope, Series};

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Absent {
    pub enabled: bool,
    /// Seconds of silence of one series.
    pub silent_s: i64,
    /// Seconds of silence of everything.
    pub source_s: i64,
    /// Share of a day's slots that must have had a value.
    pub presence: f64,
    /// Series that must have come before their common silence is one.
    pub source_min: usize,
}

impl Default for Absent {
    fn default() -> Self {
        Absent { enabled: true, silent_s: 600, source_s: 240, presence: 0.9, source_min: 20 }
    }
}

impl Absent {
    /// Things that are there as long as the machine is; rates and quantiles end when nobody asks.
    pub(crate) fn watches(series: &Series) -> bool {
        let stays = matches!(series.scope, Scope::Node | Scope::Mount | Scope::OnNode(_) | Scope::Component(_));
        stays && matches!(series.recipe, Recipe::Rest(_) | Recipe::RestOfShare(..))
    }
}
