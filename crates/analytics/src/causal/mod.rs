//! Causal discovery: which series drives which, from data alone.
//!
//! | file | method |
//! |---|---|
//! | [`pc`] | the PC algorithm: skeleton by independence tests, colliders, Meek's rules |
//! | [`fci`], [`pag`] | the same where causes may be hidden: marks that say what is known and what is not |
//! | [`independence`] | the tests: Fisher-z, with missing values too, χ² and G² |
//! | [`knowledge`] | edges that are known to be there or not |
//! | [`mixed`] | the graph that PC makes: directed, undirected and bidirected edges |
//! | [`lingam`] | DirectLiNGAM: causal order and effects where noise is not normal |
//! | [`ica`], [`var_lingam`] | the same by independent components, and for series with lags |
//! | [`granger`], [`pcmci`] | which past values of others help to predict a series |
//! | [`bootstrap`] | how often an edge is found again |
//! | [`deviation`], [`circa`] | root causes of an incident: far from before, far from what causes explain |
//! | [`alarm_pairs`] | which kind of alarm brings which |
//! | [`mic`] | maximal information: dependence of any form |
//! | [`prior`], [`entropy`], [`lasso`] | known paths, the measure, and the regression of LiNGAM |

pub mod alarm_pairs;
pub mod bootstrap;
pub mod circa;
pub mod deviation;
pub mod entropy;
mod fastexp;
pub mod fci;
pub mod granger;
pub mod ica;
pub mod independence;
mod kernel;
pub mod knowledge;
pub mod lasso;
pub mod lingam;
mod meek;
pub mod mic;
mod mic_grid;
pub mod mixed;
mod orient;
pub mod pag;
pub mod pc;
pub mod pcmci;
pub mod prior;
mod skeleton;
pub mod var_lingam;
mod walk;

#[cfg(test)]
mod fci_tests;
#[cfg(test)]
mod lingam_tests;
#[cfg(test)]
mod pc_tests;
