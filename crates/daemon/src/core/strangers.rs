//! What is of another cluster than the one this daemon is for.

use rootline_model::LabelSet;

use super::Core;

/// Other clusters that are told of.
const STRANGERS_MAX: usize = 16;

impl Core {
    /// False for what names another cluster. That is said once of each: the name of this one may be meant.
    pub(super) fn is_ours(&mut self, labels: &LabelSet) -> bool {
        let Some(other) = self.live.other_cluster(labels) else { return true };
        if self.strangers.len() < STRANGERS_MAX && !self.strangers.contains(other) {
            tracing::warn!(
                cluster = other,
                "what comes in names another cluster than daemon.cluster: it is kept apart"
            );
            self.strangers.insert(other.to_owned());
        }
        false
    }
}
