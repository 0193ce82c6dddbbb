//! forecast against reference values.
