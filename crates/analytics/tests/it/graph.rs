//! graph against reference values.
