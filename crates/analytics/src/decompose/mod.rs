//! Decomposition: trend, seasons, rest.
//!
//! | method | gives | use it for |
//! |---|---|---|
//! | [`stl`] | trend, one season that may drift, rest; outliers kept out of both if robust | an hourly or daily pattern |
//! | [`mstl`] | trend, several seasons, rest | day and week together |
//! | [`PhaseProfile`] | the usual value and spread of each hour of the week | "is this usual for a Tuesday at nine" |

mod loess;
mod mstl;
mod profile;
mod stl;

pub use mstl::{MstlResult, mstl};
pub use profile::PhaseProfile;
pub use stl::{Stl, StlResult, stl};
