//! What is known of edges before any data is seen: forbidden and required directions.

use std::collections::BTreeSet;

/// Directed edges between variables that cannot be, or must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Knowledge {
    forbidden: BTreeSet<(usize, usize)>,
    required: BTreeSet<(usize, usize)>,
}

impl Knowledge {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `from` never drives `to`. Forbidden both ways, the pair is never adjacent.
    pub fn forbid(&mut self, from: usize, to: usize) -> &mut Self {
        self.forbidden.insert((from, to));
        self
    }

    /// If the two are adjacent, `from` drives `to`. Adds no edge where the data shows independence.
    pub fn require(&mut self, from: usize, to: usize) -> &mut Self {
        self.required.insert((from, to));
        self
    }

    /// Edges from a later tier to an earlier one are forbidden; `tiers[i]` is the tier of variable i.
    #[must_use]
    pub fn from_tiers(tiers: &[usize]) -> Self {
        let mut knowledge = Self::new();
        for (i, a) in tiers.iter().enumerate() {
            for (j, b) in tiers.iter().enumerate() {
                if a > b {
                    knowledge.forbid(i, j);
                }
            }
        }
        knowledge
    }

    /// Whether `from` → `to` is forbidden.
    #[must_use]
    pub fn is_forbidden(&self, from: usize, to: usize) -> bool {
        self.forbidden.contains(&(from, to))
    }

    /// Whether `from` → `to` is required.
    #[must_use]
    pub fn is_required(&self, from: usize, to: usize) -> bool {
        self.required.contains(&(from, to))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forbidden.is_empty() && self.required.is_empty()
    }

    /// Whether a rule may direct `from` → `to`.
    pub(crate) fn allows(&self, from: usize, to: usize) -> bool {
        self.is_empty() || !(self.is_forbidden(from, to) || self.is_required(to, from))
    }
}
