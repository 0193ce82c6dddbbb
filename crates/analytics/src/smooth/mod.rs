//! Smoothing: averages, exponential smoothing, Holt–Winters, differencing, updates that outliers cannot carry away.
//!
//! | method | removes | use it for |
//! |---|---|---|
//! | [`moving_average`], [`centred_average`] | noise of one window | pictures, comparison of windows |
//! | [`exponential`] | noise, newest counts most | a level without memory of the window |
//! | [`double_exponential`] | noise, follows a slope | a level that grows |
//! | [`holt_winters`] | noise, follows slope and season | short forecasts of daily patterns |
//! | [`difference`] | levels and seasons | making a series stationary |
//! | [`crate::stream::Ewma`] | outliers from the estimate | baselines that incidents must not move |

mod difference;
mod exponential;
mod holt_winters;
mod moving;

pub use difference::{difference, undifference};
pub use exponential::{DoubleExponential, double_exponential, exponential};
pub(crate) use holt_winters::guard;
pub use holt_winters::{HoltWinters, HoltWintersFit, SeasonKind, holt_winters, holt_winters_optimised};
pub use moving::{centred_average, moving_average};
