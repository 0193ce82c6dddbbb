//! Causal discovery: which series drives which, from data alone.
//!
//! | file | method |
//! |---|---|
//! | [`pc`] | the PC algorithm: skeleton by independence tests, colliders, Meek's rules |
//! | [`independence`] | the tests: Fisher-z, with missing values too, χ² and G² |
//! | [`knowledge`] | edges that are known to be there or not |
//! | [`mixed`] | the graph that PC makes: directed, undirected and bidirected edges |

mod gram;
pub mod independence;
pub mod knowledge;
mod meek;
pub mod mixed;
mod orient;
pub mod pc;
mod skeleton;
mod walk;

#[cfg(test)]
mod pc_tests;
