//! Outliers in rows, windows and series.

mod extended_forest;
mod isolation_forest;
mod windows;

pub use extended_forest::{ExtendedForest, ExtendedForestConfig};
pub use isolation_forest::{IsolationForest, IsolationForestConfig};
pub use windows::{WindowConfig, Windows};
