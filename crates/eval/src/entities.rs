//! Suites `smd` and `asd`: servers with many metrics, a training and a test part.

use std::fmt::Write;
use std::path::Path;

use rootline_analytics::Matrix;
use rootline_analytics::outlier::{WindowConfig, Windows};

use crate::output::{EvalError, files};
use crate::table;

/// An alert needs this many times the largest score of the training part.
const ALERT: f64 = 1.0;

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let mut count = 0;
    for path in files(data, &["_test.csv.gz"])? {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().trim_end_matches("_test.csv.gz");
        let wrong = |detail: String| EvalError::Line { path: path.clone(), line: 0, detail };
        let matrix = |part: &str| -> Result<Matrix, EvalError> {
            let rows = table::numbers(&data.join(format!("{name}_{part}.csv.gz")))?;
            Matrix::from_rows(&rows).map_err(|e| wrong(e.to_string()))
        };
        let model = Windows::fit(&matrix("train")?, &WindowConfig::default()).map_err(|e| wrong(e.to_string()))?;
        let scores = model.score(&matrix("test")?).map_err(|e| wrong(e.to_string()))?;
        let mut out = String::from("score,alert\n");
        for score in scores {
            let _ = writeln!(out, "{score},{}", u8::from(score > ALERT * model.usual_most()));
        }
        table::write(&predictions.join(format!("{name}.csv")), &out)?;
        count += 1;
    }
    Ok(count)
}
