//! How good an answer is, by the field's own measures: the arithmetic of the public scorers.
//!
//! | file | holds |
//! |---|---|
//! | [`ranking`] | AC@k, Avg@k, MRR, chance |
//! | [`curves`] | AUC-ROC, average precision |
//! | [`nab`] | the Numenta benchmark's score |
//! | [`vus`] | VUS-PR: range-aware precision and recall |
//! | [`partition`] | adjusted Rand index, pair precision and recall, template figures |
//! | [`forecast`] | MASE, sMAPE, pinball, coverage |
//! | [`calibration`] | expected calibration error, Brier score |
//!
//! A figure without a figure of random scores beside it says little: [`vus::random_vus_pr`], [`ranking::chance`].

pub mod calibration;
pub mod curves;
pub mod forecast;
pub mod nab;
pub mod partition;
pub mod ranking;
pub mod vus;

/// 2 p r / (p + r); 0 where both are.
#[must_use]
pub fn f1(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

/// a / b, or 0 where b is 0.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
