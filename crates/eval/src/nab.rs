//! Suite `nab`: univariate series, one score and one alert bit a row, causal.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::DateTime;
use rootline_analytics::stream::Tier0;

use crate::output::{EvalError, files};
use crate::table;

/// A score worth a look (the best threshold on the labelled streams at hand, see docs/internals/accuracy.md).
const ALERT: f32 = 4.5;

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let mut count = 0;
    let folder = data.join("data");
    let wrong = |source| EvalError::File { path: folder.clone(), source };
    let mut categories: Vec<_> = std::fs::read_dir(&folder).map_err(wrong)?.flatten().map(|e| e.path()).collect();
    categories.retain(|p| p.is_dir());
    categories.sort();
    for category in categories {
        for path in files(&category, &[".csv.gz", ".csv"])? {
            let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().trim_end_matches(".gz").to_owned();
            table::write(&predictions.join(name), &series(&path)?)?;
            count += 1;
        }
    }
    Ok(count)
}

fn series(path: &Path) -> Result<String, EvalError> {
    let mut out = String::from("timestamp,anomaly_score,alert\n");
    let mut operator = Tier0::default();
    for (number, line) in (2..).zip(table::lines(path)?.iter().skip(1).filter(|l| !l.is_empty())) {
        let wrong = |detail: String| EvalError::Line { path: path.to_owned(), line: number, detail };
        let (stamp, value) = line.split_once(',').ok_or_else(|| wrong("no comma".into()))?;
        let time: DateTime = stamp.replace(' ', "T").parse().map_err(|e| wrong(format!("{stamp}: {e}")))?;
        let seconds = time.to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| wrong(e.to_string()))?.timestamp().as_second();
        let value: f64 = value.trim().parse().map_err(|e| wrong(format!("{value}: {e}")))?;
        let score = operator.observe(seconds, value).score;
        let _ = writeln!(out, "{stamp},{:.6},{}", score / (10.0 + score), u8::from(score >= ALERT));
    }
    Ok(out)
}
