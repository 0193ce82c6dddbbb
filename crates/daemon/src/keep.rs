//! What is kept of series and logs: points in the store, what was learnt in files beside it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rootline_config::Retention;
use rootline_engine::{Bank, Live, SeriesOptions};
use rootline_model::SeriesBatch;
use rootline_store::Keep;

/// Beside the store's own files: baselines with budgets and known log lines, conditions that hold, templates of log lines,
/// which alerts go together, pods that went.
const BASELINES: &str = "series.bank";
const HOLDS: &str = "series.holds";
const TEMPLATES: &str = "logs.templates";
const PAIRS: &str = "alerts.pairs";
const GONE: &str = "pods.gone";

/// Names of the catalogue's own series begin so; raw families that were pushed are not kept, Prometheus has them.
const OWN: &str = "rootline:";

/// Puts back what an earlier run learnt; what is missing, damaged or of another version is learnt anew, with a line that
/// says so.
pub fn restore(live: &mut Live, folder: &Path, options: &SeriesOptions) {
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let baselines = read(BASELINES).and_then(|bytes| {
        let bank = Bank::restore(options.clone(), &bytes);
        bank.map_err(|error| tracing::warn!(%error, "baselines cannot be read, they are learnt anew")).ok()
    });
    let mut bank = baselines.unwrap_or_else(|| Bank::new(options.clone()));
    if let Some(bytes) = read(HOLDS)
        && let Err(error) = bank.restore_holds(&bytes)
    {
        tracing::warn!(%error, "what held cannot be read, so it is found anew");
    }
    live.restore_bank(bank);
    if let Some(bytes) = read(TEMPLATES)
        && let Err(error) = live.restore_templates(&bytes)
    {
        tracing::warn!(error, "templates of log lines cannot be read, they are learnt anew");
    }
    if let Some(bytes) = read(PAIRS).filter(|bytes| !bytes.is_empty())
        && let Err(error) = live.restore_pairs(&bytes)
    {
        tracing::warn!(error, "which alerts go together cannot be read, it is learnt anew");
    }
    if let Some(bytes) = read(GONE)
        && let Err(error) = live.restore_gone(&bytes)
    {
        tracing::warn!(error, "pods that went cannot be read: what rules still tell of them comes as new");
    }
}

/// Writes everything that was learnt.
///
/// # Errors
/// The folder cannot be written.
pub fn keep(folder: &Path, live: &Live) -> std::io::Result<()> {
    write(folder, BASELINES, |sink| live.bank().snapshot(sink))?;
    write(folder, TEMPLATES, |sink| sink(&live.templates_snapshot()))?;
    write(folder, PAIRS, |sink| sink(&live.pairs_snapshot()))?;
    keep_holds(folder, live)
}

/// Writes what holds now and which pods went: it is little and changes all the time.
///
/// # Errors
/// The folder cannot be written.
pub fn keep_holds(folder: &Path, live: &Live) -> std::io::Result<()> {
    write(folder, GONE, |sink| sink(&live.gone_snapshot()))?;
    write(folder, HOLDS, |sink| sink(&live.bank().snapshot_holds()))
}

/// Whole or not at all: a new file takes the place of the old one.
fn write(folder: &Path, name: &str, fill: impl FnOnce(&mut dyn FnMut(&[u8]))) -> std::io::Result<()> {
    let new = folder.join(format!("{name}.new"));
    let mut file = BufWriter::new(File::create(&new)?);
    let mut failed = None;
    fill(&mut |bytes| {
        if failed.is_none() {
            failed = file.write_all(bytes).err();
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(new, folder.join(name))
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

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_engine::{Engine, LiveOptions, Options};
    use rootline_model::{LogLevel, LogRecord, Timestamp};

    fn live() -> Live {
        Live::new(Engine::new(Options::default()).expect("built-in rules load"), LiveOptions::default())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).expect("a moment of this century")
    }

    fn memory(live: &mut Live, second: i64, value: f64) {
        let labels = [
            ("__name__", "rootline:container_memory_share"),
            ("namespace", "shop"),
            ("pod", "cart-5c689d88bb-x7f2k"),
            ("container", "app"),
        ];
        let points = vec![(at(second).as_millisecond(), value)];
        live.take_samples(&[SeriesBatch { labels: labels.into_iter().collect(), points }], false);
    }

    /// When each abnormal series began to be so, as charts have it.
    fn levels(live: &Live) -> Vec<(String, &'static str)> {
        live.bank().levels().into_iter().map(|l| (l.subject.to_string(), l.detector)).collect()
    }

    #[test]
    fn a_kill_leaves_what_held_a_minute_ago_and_a_stop_leaves_templates_too() {
        let folder = std::env::temp_dir().join(format!("rootline-keep-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut first = live();
        for second in (0..180).step_by(15) {
            memory(&mut first, second, 0.95);
            first.tick(at(second));
        }
        let held = levels(&first);
        assert_eq!(held.len(), 1, "{held:?}");
        keep_holds(&folder, &first).expect("written");
        let mut killed = live();
        restore(&mut killed, &folder, &SeriesOptions::default());
        killed.tick(at(600));
        assert_eq!(levels(&killed), held, "ten minutes later, before any value came");

        let line = |text: &str| LogRecord { text: text.to_owned(), level: LogLevel::Error, ..LogRecord::default() };
        first.take_logs(&[line("cannot connect to db-1"), line("no space left on device")]);
        keep(&folder, &first).expect("written");
        let mut stopped = live();
        restore(&mut stopped, &folder, &SeriesOptions::default());
        assert_eq!((stopped.log_templates(), stopped.bank().stats().baselines), (2, 1));

        for name in [BASELINES, HOLDS, TEMPLATES, PAIRS, GONE] {
            std::fs::write(folder.join(name), b"RL??damaged").expect("written");
        }
        let mut anew = live();
        restore(&mut anew, &folder, &SeriesOptions::default());
        anew.tick(at(600));
        assert_eq!(
            (anew.log_templates(), anew.bank().stats().baselines),
            (0, 0),
            "damaged files are no reason not to start"
        );
        std::fs::remove_dir_all(&folder).expect("ours");
    }
}
