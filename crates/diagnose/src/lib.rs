//! Findings + world → ranked root causes.
//!
//! Rules (`rules/*.yaml`, users' files through the same loader) turn findings into candidate causes; candidates explain
//! findings and each other away along cause edges; what nothing explains is a root.
//!
//! **Invariant:** deterministic; every number in the answer is the sum of named contributions.

mod candidate;
mod explain;
mod glob;
mod group;
mod load;
mod rank;
mod related;
mod rule;
mod texts;
mod tree;

pub use load::{RuleError, RuleFile, RuleSet};
pub use rank::{Ranked, RankedIncident, rank};
pub use rule::{Place, Reach, Rule, Trigger};
pub use texts::knowledge;
