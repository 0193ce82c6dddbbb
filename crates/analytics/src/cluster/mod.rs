//! Clustering: which rows, sets or texts belong together.
//!
//! Labels are `i32`: 0, 1, … in order of the first member that founds a cluster, −1 ([`NOISE`]) for rows in none.

pub mod components;
pub mod dbscan;
pub mod hdbscan;
pub mod kmeans;
pub mod lda;
pub mod minhash;
pub mod set_join;
pub mod sparse_dbscan;

/// The label of rows in no cluster.
pub const NOISE: i32 = -1;
