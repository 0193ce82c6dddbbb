//! Where reference values lie: own fixtures in `testdata/`, others in the folder `shared` beside the checkout.
#![allow(clippy::disallowed_methods, reason = "tests read fixture files")]

use std::path::PathBuf;

/// A folder of `../shared/data`, or `None` with a loud word where it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("skipped: {} is absent, its reference values are not checked", folder.display());
    None
}

/// A JSON file; panics where it does not read.
pub fn json(path: &std::path::Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A number as the fixtures write it: non-finite ones are strings.
pub fn number(value: &serde_json::Value) -> f64 {
    match value {
        serde_json::Value::String(s) if s == "Infinity" => f64::INFINITY,
        serde_json::Value::String(s) if s == "-Infinity" => f64::NEG_INFINITY,
        other => other.as_f64().unwrap_or(f64::NAN),
    }
}

/// A CSV file with a header: names and rows; an empty cell is NaN.
pub fn csv(path: &std::path::Path) -> (Vec<String>, Vec<Vec<f64>>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines();
    let names = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    let rows = lines.map(|l| l.split(',').map(|c| c.parse().unwrap_or(f64::NAN)).collect()).collect();
    (names, rows)
}
