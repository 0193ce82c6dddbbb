//! Forecasts with intervals, and when a limit is reached.
//!
//! | method | for |
//! |---|---|
//! | [`pool`] | every workload, every hour: best on server series, a tenth of a millisecond, with bands |
//! | [`ProphetGrid`] | trend with bends, several seasons, holidays; explainable parts |
//! | [`Crossing`] | the probability of reaching a limit within a horizon, and when |
//! | [`arima`], [`arima_auto`] | short series with memory; bands from the model |
//! | [`ets`], [`ets_auto`], [`mstl_ets`] | a level, a slope and seasons that move |
//! | [`Lstm`] | comparison; long nonlinear memory |
//! | [`theta`], [`seasonal_naive`], [`last_value`], [`drift`], [`mean_value`] | what any other must beat |

mod arima;
mod arma_filter;
mod crossing;
mod design;
mod ets;
mod lasso;
mod lstm;
mod members;
mod naive;
pub(crate) mod nelder_mead;
mod pool;
mod prophet;
mod theta;

pub use arima::{Arima, ArimaOrder, arima, arima_auto, arima_log_likelihood};
pub use crossing::{Crossing, CrossingAnswer, CrossingParameters, crossing};
pub use ets::{Ets, EtsModel, EtsTrend, ets, ets_auto, mstl_ets};
pub use lstm::{Lstm, LstmParameters};
pub use naive::{drift, last_value, mean_value, seasonal_naive};
pub use pool::{Pool, pool};
pub use prophet::{Prophet, ProphetFit, ProphetGrid, Seasonality};
pub use theta::{is_seasonal, seasonal_indices, theta};

/// Forecast values of the next steps with a band around them.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The middle of what is expected, per step.
    pub point: Vec<f64>,
    /// Lower end of the band.
    pub lower: Vec<f64>,
    /// Upper end of the band.
    pub upper: Vec<f64>,
}
