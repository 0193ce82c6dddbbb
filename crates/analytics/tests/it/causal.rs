//! causal against reference values.
