//! The learnt pairs of alert names as a file.

use std::sync::Arc;

use rootline_correlate::{PairRows, Pairs};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    names: Vec<(Arc<str>, f64, f64)>,
    pairs: Vec<(u32, u32, Vec<f64>)>,
    /// 0 in files of before it was counted: then no lift is known.
    #[serde(default)]
    groups: f64,
    seen: Option<(f64, f64)>,
}

/// JSON; empty if there is nothing.
pub fn write(pairs: &Pairs) -> Vec<u8> {
    let PairRows { names, pairs, groups, seen } = pairs.rows();
    serde_json::to_vec(&File { version: VERSION, names, pairs, groups, seen }).unwrap_or_default()
}

/// What `write` gave; why the bytes are none.
pub fn read(bytes: &[u8]) -> Result<Pairs, String> {
    let File { version, names, pairs, groups, seen } = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if version != VERSION {
        return Err(format!("version {version}, not {VERSION}"));
    }
    Ok(Pairs::from_rows(PairRows { names, pairs, groups, seen }))
}
