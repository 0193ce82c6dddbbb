//! Statistics of slices.
