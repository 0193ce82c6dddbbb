//! Forecasts with intervals, and when a limit is reached.

pub(crate) mod nelder_mead;
