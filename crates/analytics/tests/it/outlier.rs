//! outlier against reference values.
