//! stats against reference values.
