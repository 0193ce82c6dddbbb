//! change against reference values.
