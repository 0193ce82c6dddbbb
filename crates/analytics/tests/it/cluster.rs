//! cluster against reference values.
