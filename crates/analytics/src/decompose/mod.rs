//! Decomposition: trend, seasons, rest.
