//! Suite `oom`: does the series reach the threshold within the horizon.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use rootline_analytics::forecast::{Crossing, CrossingParameters};
use serde::Deserialize;

use crate::output::EvalError;
use crate::table::{lines, write};

#[derive(Deserialize)]
struct Asked {
    horizon: usize,
    threshold: f64,
}

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let path = data.join("parameters.json");
    let asked: Asked = serde_json::from_str(&lines(&path)?.join("\n")).map_err(|e| EvalError::Line {
        path: path.clone(),
        line: e.line(),
        detail: e.to_string(),
    })?;
    // the horizon of the suite is four hours, whatever the step
    let day = 6 * asked.horizon;
    let parameters =
        CrossingParameters { threshold: asked.threshold, horizon: asked.horizon, day, ..CrossingParameters::default() };
    let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in lines(&data.join("series.csv.gz"))?.iter().skip(1) {
        if let Some((name, value)) = line.rsplit_once(',') {
            let value = value.parse().unwrap_or(f64::NAN);
            match series.get_mut(name) {
                Some(values) => values.push(value),
                None => _ = series.insert(name.to_owned(), vec![value]),
            }
        }
    }
    let mut prepared = BTreeMap::new();
    for (name, values) in &series {
        let c = Crossing::new(values, parameters).map_err(|e| EvalError::Empty(format!("{name}: {e}")))?;
        prepared.insert(name.as_str(), c);
    }
    let mut text = String::from("series,at,score,alarm\n");
    let mut count = 0;
    for line in lines(&data.join("questions.csv.gz"))?.iter().skip(1) {
        let Some((name, at)) = line.rsplit_once(',') else { continue };
        let Some((c, seen)) = prepared.get(name).zip(at.parse().ok()) else { continue };
        let a = c.at(seen);
        let _ = writeln!(text, "{name},{at},{},{}", a.probability, u8::from(a.alarm));
        count += 1;
    }
    write(predictions, &text)?;
    Ok(count)
}
