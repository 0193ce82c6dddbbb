//! SHAP values of boosted trees.

use rootline_analytics::tree::Ensemble;
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

pub fn tree_shap(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let model = Ensemble::from_xgboost(input.text("model.json")?.as_bytes())?;
    let (cpu_s, runs, values) = measure(|| Ok(model.contributions(&x, 0)?))?;
    let first: Vec<&[f64]> = values.iter_rows().take(100).collect();
    Ok(answer((cpu_s, runs, json!({ "contribs": first }))))
}
