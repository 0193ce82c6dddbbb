//! What is kept of series: points in the store, baselines in one file beside it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rootline_config::Retention;
use rootline_engine::{Bank, SeriesOptions};
use rootline_model::SeriesBatch;
use rootline_store::Keep;

/// Beside the store's own files.
const BASELINES: &str = "series.bank";

/// Names of the catalogue's own series begin so; raw families that were pushed are not kept, Prometheus has them.
const OWN: &str = "rootline:";

/// Baselines of an earlier run; none or damaged ones are learnt anew.
pub fn baselines(folder: &Path, options: SeriesOptions) -> Option<Bank> {
    let bytes = std::fs::read(folder.join(BASELINES)).ok()?;
    match Bank::restore(options, &bytes) {
        Ok(bank) => Some(bank),
        Err(error) => {
            tracing::warn!(%error, "baselines cannot be read, they are learnt anew");
            None
        }
    }
}

/// Writes them whole or not at all: a new file takes the place of the old one.
///
/// # Errors
/// The folder cannot be written.
pub fn keep_baselines(folder: &Path, bank: &Bank) -> std::io::Result<()> {
    let new = folder.join(format!("{BASELINES}.new"));
    let mut file = BufWriter::new(File::create(&new)?);
    let mut failed = None;
    bank.snapshot(&mut |bytes| {
        if failed.is_none() {
            failed = file.write_all(bytes).err();
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(new, folder.join(BASELINES))
}

/// Those that are worth keeping.
pub fn own(batches: Vec<SeriesBatch>) -> Vec<SeriesBatch> {
    batches.into_iter().filter(is_own).collect()
}

pub fn is_own(batch: &SeriesBatch) -> bool {
    batch.labels.value("__name__").starts_with(OWN)
}

/// The configuration's retention in the store's words.
pub fn retention(config: &Retention) -> Keep {
    let days = |n: u32| jiff::SignedDuration::from_hours(i64::from(n) * 24);
    let usual = Keep::default();
    Keep {
        incidents: days(config.incidents_days),
        events: days(config.events_days),
        raw: usual.raw.min(days(config.series_days)),
        minutes: days(config.series_days),
        ..usual
    }
}
