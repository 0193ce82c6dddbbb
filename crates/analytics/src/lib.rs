//! Statistical, learning, causal, graph and text methods on slices, matrices and index graphs.
//!
//! **Invariant:** knows nothing of Kubernetes or of labels; no I/O, no clock, no threads; the same input and seed give the
//! same bits whatever vector instructions the processor has (between C libraries, the last bit of `ln` and `exp` may differ
//! outside hot loops). `f64` at the surface. Every method names its paper or reference implementation, and is
//! tested against it where one exists.
//!
//! Folder = family, file = method:
//!
//! | family | what it answers |
//! |---|---|
//! | [`stats`] | how large is this, how far from usual, is it chance |
//! | [`smooth`], [`decompose`] | what is left without noise, without the day and the week |
//! | [`forecast`] | what comes next, when is a limit reached |
//! | [`outlier`] | which points, rows or replicas do not belong |
//! | [`change`] | when did it change |
//! | [`stream`] | the same, one sample at a time in fixed memory |
//! | [`cluster`] | which belong together |
//! | [`text`] | words, templates of log lines, likeness of texts |
//! | [`tree`] | decision trees, boosted trees and why they say so |
//! | [`causal`] | which series drives which |
//! | [`graph`] | what reaches what, what matters most, what is most likely true |
//! | [`score`] | how good an answer is, by the field's own measures |
//!
//! What a method does with NaN, constant, duplicate, empty or tiny input is said at the method. No input panics.

pub mod causal;
pub mod change;
pub mod cluster;
pub mod decompose;
pub mod forecast;
pub mod graph;
pub mod linalg;
pub mod outlier;
pub mod score;
pub mod smooth;
pub mod special;
pub mod stats;
pub mod stream;
pub mod text;
pub mod tree;

mod error;
mod gram;
mod matrix;
mod rng;

pub use error::Error;
pub use matrix::Matrix;
pub use rng::Rng;

/// What every fallible method here returns.
pub type Result<T> = std::result::Result<T, Error>;
