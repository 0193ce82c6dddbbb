//! Outliers in rows, windows and series.
//!
//! | question | method |
//! |---|---|
//! | is this number outside what was usual | [`threshold`] |
//! | does this row of a table not belong | [`IsolationForest`], [`ExtendedForest`], [`ecod`], [`copod`], [`hbos`], [`neighbours`], [`lof`], [`pca`] |
//! | does this window of an entity's metrics not belong | [`Windows`] |
//! | does this sample of a series not belong | [`threshold::hampel`], [`adtk`] |
//! | does this replica behave unlike its peers | [`peers`] |
//! | which stretch of a series is unlike every other | [`matrix_profile`], [`left_profile`] on a stream |

pub mod adtk;
pub mod copod;
pub mod ecod;
pub mod hbos;
pub mod left_profile;
pub mod lof;
pub mod matrix_profile;
pub mod neighbours;
pub mod pca;
pub mod peers;
pub mod threshold;

mod extended_forest;
mod isolation_forest;
mod kd_tree;
mod order;
mod tails;
mod windows;

pub use extended_forest::{ExtendedForest, ExtendedForestConfig};
pub use isolation_forest::{IsolationForest, IsolationForestConfig};
pub use windows::{WindowConfig, Windows};

/// What a detector says of each sample: outlier or not, `None` where it cannot say (NaN, or no full window).
pub type Labels = Vec<Option<bool>>;
