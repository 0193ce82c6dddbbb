//! tree against reference values.
