//! Suite `forecast`: a day ahead with intervals.

use std::fmt::Write;
use std::path::Path;

use rootline_analytics::forecast::{Pool, pool};
use serde::Deserialize;

use crate::output::{EvalError, each_line};
use crate::table::write;

#[derive(Deserialize)]
struct Instance {
    instance: String,
    season: usize,
    horizon: usize,
    train: Vec<f64>,
}

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let mut text = String::from("instance,step,point,q05,q95\n");
    let mut count = 0;
    each_line(&data.join("instances.jsonl"), |i: Instance| {
        let parameters = Pool { period: i.season, horizon: i.horizon, ..Pool::default() };
        let f = pool(&i.train, &parameters).map_err(|e| EvalError::Empty(format!("{}: {e}", i.instance)))?;
        for (step, point) in f.point.iter().enumerate() {
            let _ = writeln!(text, "{},{},{point},{},{}", i.instance, step + 1, f.lower[step], f.upper[step]);
        }
        count += 1;
        Ok(())
    })?;
    write(predictions, &text)?;
    Ok(count)
}
