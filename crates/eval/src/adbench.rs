//! Suite `adbench`: tabular outliers, by isolation forest.

use std::fmt::Write;
use std::path::Path;

use rootline_analytics::Matrix;
use rootline_analytics::outlier::{IsolationForest, IsolationForestConfig};

use crate::output::{EvalError, files};
use crate::table;

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let mut count = 0;
    for path in files(data, &[".csv.gz"])? {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().trim_end_matches(".gz");
        let wrong = |detail: String| EvalError::Line { path: path.clone(), line: 0, detail };
        let rows = Matrix::from_rows(&table::numbers(&path)?).map_err(|e| wrong(e.to_string()))?;
        let scores = IsolationForest::fit(&rows, &IsolationForestConfig { trees: 300, ..Default::default() })
            .and_then(|forest| forest.score(&rows))
            .map_err(|e| wrong(e.to_string()))?;
        let mut out = String::from("score\n");
        for score in scores {
            let _ = writeln!(out, "{score}");
        }
        table::write(&predictions.join(name), &out)?;
        count += 1;
    }
    Ok(count)
}
