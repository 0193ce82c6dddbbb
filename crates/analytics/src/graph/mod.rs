//! Index graphs: reachability, ranking, inference.
//!
//! Vertices are `u32` ids in `0..n`; [`Csr`] holds the edges. All methods are deterministic: ties go to the lower id.

pub mod articulation;
pub mod belief;
pub mod community;
pub mod csr;
pub mod cut;
pub mod pagerank;
pub mod reach;
pub mod scc;

mod messages;

pub use belief::{Beliefs, FactorGraph, LoopyParams};
pub use csr::Csr;
pub use pagerank::{PageRankParams, RandomWalk, Ranking, pagerank, random_walk_with_restart};
