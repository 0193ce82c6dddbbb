//! Suite `logs-templates`: templates of log lines, one configuration for all systems.

use std::fmt::Write as _;
use std::path::Path;

use rootline_analytics::text::{Miner, MinerConfig};

use crate::output::{EvalError, files};
use crate::table;

/// One miner a system, as there would be one a container image; ids are resolved when the whole file was read.
pub fn run(data: &Path, predictions: &Path, config: &MinerConfig) -> Result<usize, EvalError> {
    let systems = files(data, &[".csv"])?;
    for path in &systems {
        let rows = table::records(path)?;
        let mut miner = Miner::new(config.clone());
        let ids: Vec<_> =
            rows.iter().skip(1).map(|r| (&r[0], miner.observe(r.get(1).map_or("", String::as_str)))).collect();
        let templates = miner.templates();
        let mut out = String::from("LineId,EventTemplate\n");
        for (line, id) in ids {
            let text = templates.resolve(id).map_or("", |t| t.text.as_str());
            let _ = writeln!(out, "{line},\"{}\"", text.replace('"', "\"\""));
        }
        table::write(&predictions.join(path.file_name().unwrap_or_default()), &out)?;
    }
    Ok(systems.len())
}
