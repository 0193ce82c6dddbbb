//! When did it change.
//!
//! | file | holds |
//! |---|---|
//! | [`cusum`] | CUSUM and Page–Hinkley over a series, with restarts |
//! | [`cost`] | what a segment costs: l2, l1, normal, rbf |
//! | [`pelt`] | the best segmentation for a penalty |
//! | [`optimal`] | the best segmentation with a given number of changes |
//! | [`bocpd`] | Bayesian online change points |
//! | [`edivisive`] | E-divisive means: changes of distribution with a permutation test |
//! | [`onset`] | the first abnormal row of a fault window, with an interval |

pub mod bocpd;
pub mod cost;
pub mod cusum;
pub mod edivisive;
pub mod onset;
pub mod optimal;
pub mod pelt;
