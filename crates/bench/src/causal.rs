//! Causal discovery.
