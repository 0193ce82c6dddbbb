//! score against reference values.
