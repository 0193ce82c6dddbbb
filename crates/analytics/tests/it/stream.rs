//! stream against reference values.
