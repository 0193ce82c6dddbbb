//! Suite `negatives`: healthy clusters; every root cause named is a false one.

use std::path::Path;
use std::time::Instant;

use rootline_engine::Target;
use rootline_model::Verdict;
use rootline_sources::{ReadOptions, read_path};
use serde::Serialize;

use crate::output::{EvalError, Predictions, files};

#[derive(Serialize)]
struct Row {
    case: String,
    root_causes: Vec<Named>,
    ms: f64,
}

#[derive(Serialize)]
struct Named {
    object: String,
    root_cause: String,
}

const ENDINGS: [&str; 4] = [".tar.zst", ".tar.gz", ".tgz", ".rootline"];

pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let engine = crate::engine()?;
    let mut out = Predictions::create(predictions)?;
    for path in files(data, &ENDINGS)? {
        let start = Instant::now();
        let input = read_path(&path, &ReadOptions::default()).map_err(|e| EvalError::Line {
            path: path.clone(),
            line: 0,
            detail: e.to_string(),
        })?;
        let diagnosis = engine.diagnose(input.signals, &Target::default());
        let root_causes = diagnosis
            .incidents
            .iter()
            .filter(|i| i.verdict != Verdict::NoConfidentCause)
            .filter_map(|i| i.causes.first())
            .map(|c| Named { object: c.entity.to_string(), root_cause: c.code.to_string() })
            .collect();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let case = ENDINGS.iter().find_map(|e| name.strip_suffix(e)).unwrap_or(name).to_owned();
        out.write(&Row { case, root_causes, ms: start.elapsed().as_secs_f64() * 1e3 })?;
    }
    out.finish()
}
