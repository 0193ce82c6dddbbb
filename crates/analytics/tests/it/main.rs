//! The methods against reference values: golden fixtures of named libraries and the public scorers.

mod causal;
mod change;
mod cluster;
mod decompose;
mod fixtures;
mod forecast;
mod graph;
mod outlier;
mod score;
mod stats;
mod stream;
mod text;
mod tree;
