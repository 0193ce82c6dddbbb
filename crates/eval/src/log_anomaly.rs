//! Suite `log-anomaly`: sessions of event ids, normal or not.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use rootline_analytics::text::sessions::{SessionConfig, SessionModel};

use crate::output::EvalError;
use crate::table;

/// A session's name and its events.
type Session = (String, Vec<u32>);

/// One setting for all sets; each learns from its own training part.
pub fn run(data: &Path, predictions: &Path) -> Result<usize, EvalError> {
    let wrong = |source| EvalError::File { path: data.to_owned(), source };
    let mut sets: Vec<_> = std::fs::read_dir(data).map_err(wrong)?.flatten().map(|e| e.path()).collect();
    sets.sort();
    let (mut out, mut count) = (String::from("set,session,anomaly\n"), 0);
    for set in sets.iter().filter(|s| s.join("train.csv").exists()) {
        let mut events = HashMap::new();
        let train = sessions(&set.join("train.csv"), &mut events)?;
        let test = sessions(&set.join("test.csv"), &mut events)?;
        let train: Vec<Vec<u32>> = train.into_iter().map(|(_, events)| events).collect();
        let model = SessionModel::fit(&train, SessionConfig::default())
            .map_err(|e| EvalError::Engine(format!("{}: {e}", set.display())))?;
        let name = set.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        for (session, events) in test {
            let _ = writeln!(
                out,
                "{name},\"{}\",{}",
                session.replace('"', "\"\""),
                u8::from(model.judge(&events).anomalous())
            );
            count += 1;
        }
    }
    if count == 0 {
        return Err(EvalError::Empty(data.display().to_string()));
    }
    table::write(predictions, &out)?;
    Ok(count)
}

/// Sessions of a file; events are numbered as they come.
fn sessions(path: &Path, events: &mut HashMap<String, u32>) -> Result<Vec<Session>, EvalError> {
    let rows = table::records(path)?;
    let mut number = |event: &str| {
        let next = events.len() as u32;
        *events.entry(event.to_owned()).or_insert(next)
    };
    Ok(rows
        .into_iter()
        .skip(1)
        .map(|mut row| {
            let list = row.get(1).map_or_else(Vec::new, |e| e.split_whitespace().map(&mut number).collect());
            (std::mem::take(&mut row[0]), list)
        })
        .collect())
}
