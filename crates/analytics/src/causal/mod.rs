//! Causal discovery: which series drives which, from data alone.
