//! decompose against reference values.
