//! Suite `alarm-causality`: which alarm type causes which.

use std::path::Path;

use rootline_analytics::causal::alarm_pairs::{Alarm, AlarmPairOptions, alarm_causality};

use crate::output::EvalError;
use crate::table;

/// One CSV of edges over all sets, each set with the same options.
pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let wrong = |source| EvalError::File { path: data.to_owned(), source };
    let mut sets: Vec<_> = std::fs::read_dir(data)
        .map_err(wrong)?
        .flatten()
        .map(|e| (e.file_name().to_string_lossy().into_owned(), e.path().join("alarm.csv")))
        .filter(|(_, file)| file.exists())
        .collect();
    sets.sort();
    if sets.is_empty() {
        return Err(EvalError::Empty(data.display().to_string()));
    }
    let mut text = String::from("set,from,to\n");
    for (set, file) in &sets {
        let alarms = read(file)?;
        let edges = alarm_causality(&alarms, &AlarmPairOptions::default()).map_err(|e| EvalError::Line {
            path: file.clone(),
            line: 0,
            detail: e.to_string(),
        })?;
        for edge in edges {
            text.push_str(&format!("{set},{},{}\n", edge.from, edge.to));
        }
    }
    table::write(predictions, &text)?;
    Ok(sets.len())
}

/// `alarm_id,device_id,start_timestamp,end_timestamp`; the end is not read.
fn read(file: &Path) -> Result<Vec<Alarm>, EvalError> {
    let mut alarms = Vec::new();
    for (number, line) in (1..).zip(table::lines(file)?).skip(1).filter(|(_, l)| !l.trim().is_empty()) {
        let mut cells = line.split(',').map(str::trim);
        let alarm = (|| {
            let (kind, device) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
            Some(Alarm { device, kind, at: cells.next()?.parse().ok()? })
        })();
        let detail = || "not a number in the first three cells".to_owned();
        alarms.push(alarm.ok_or_else(|| EvalError::Line { path: file.to_owned(), line: number, detail: detail() })?);
    }
    Ok(alarms)
}
