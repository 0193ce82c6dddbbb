//! Forecasts with intervals, and when a limit is reached.
