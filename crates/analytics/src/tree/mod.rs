//! Decision trees, boosted trees and their explanation.

pub mod boosted;
pub mod cart;
pub mod train;

mod exact;
mod grow;
mod hist;
mod lightgbm;
mod objective;
mod prune;
mod shap;
mod ubjson;
mod xgboost;

pub use boosted::{Ensemble, Importance, Link};
pub use cart::{CartParams, Criterion, DecisionTree};
pub use train::{Method, Objective, TrainParams};
