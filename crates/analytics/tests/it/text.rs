//! text against reference values.
