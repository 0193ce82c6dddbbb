//! A million series through the bank of detectors: CPU a sample, memory, snapshot and restore.

use cpu_time::ThreadTime;
use rootline_analytics::Rng;
use rootline_model::{LabelSet, SeriesBatch, Timestamp};
use rootline_series::{Bank, ByName, Context, Options, catalog};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};

/// Series given at once, as one request of remote write brings them.
const REQUEST: usize = 5000;
/// Containers are made in so many namespaces.
const NAMESPACES: usize = 100;

/// The n-th series: each container has every entry of the catalogue that is about containers.
fn labels(number: usize, names: &[String]) -> LabelSet {
    let (thing, entry) = (number / names.len(), number % names.len());
    let namespace = format!("team-{}", thing % NAMESPACES);
    let pod = format!("app-{thing}-0");
    [("__name__", names[entry].as_str()), ("namespace", &namespace), ("pod", &pod), ("container", "main")]
        .into_iter()
        .collect()
}

/// `series` baselines at 15 s, detection only (no windows): `sweeps` scrapes after the first.
pub fn tier_1m(input: &Input) -> Result<Value, BenchError> {
    let series = input.number("series")? as usize;
    let sweeps = input.number("sweeps")? as i64;
    let mut rng = Rng::new(input.number("seed")? as u64);
    let names: Vec<String> =
        catalog::all().filter(|s| s.scope == catalog::Scope::Container).map(|s| s.metric_name()).collect();
    let options = Options { series_max: series, details_max: 0, ..Options::default() };
    let mut bank = Bank::new(options.clone());
    let (mut ingest_s, mut tick_s, mut first_s) = (0.0, 0.0, 0.0);
    for sweep in 0..=sweeps {
        let at = 1_700_000_000 + sweep * 15;
        let mut made = 0;
        while made < series {
            let batches: Vec<SeriesBatch> = (made..(made + REQUEST).min(series))
                .map(|n| SeriesBatch { labels: labels(n, &names), points: vec![(at * 1000, 1.0 + rng.uniform())] })
                .collect();
            made += batches.len();
            let start = ThreadTime::now();
            bank.ingest(&batches, &ByName);
            *(if sweep == 0 { &mut first_s } else { &mut ingest_s }) += start.elapsed().as_secs_f64();
        }
        let start = ThreadTime::now();
        let now = Timestamp::from_second(at).unwrap_or_default();
        bank.tick(now, &Context::default());
        *(if sweep == 0 { &mut first_s } else { &mut tick_s }) += start.elapsed().as_secs_f64();
    }
    let (resident_mb, peak_mb) = (memory_mb(input, "VmRSS:")?, memory_mb(input, "VmHWM:")?);
    let (mut size, mut bytes) = (0_usize, Vec::new());
    let start = ThreadTime::now();
    bank.snapshot(&mut |piece| size += std::hint::black_box(piece).len());
    let snapshot_s = start.elapsed().as_secs_f64();
    bank.snapshot(&mut |piece| bytes.extend_from_slice(piece));
    drop(bank);
    let start = ThreadTime::now();
    let restored = Bank::restore(options, &bytes).map_err(|e| input.wrong(e.to_string()))?;
    let restore_s = start.elapsed().as_secs_f64();
    let samples = series as f64 * sweeps as f64;
    Ok(json!({
        "cpu_s": ingest_s + tick_s,
        "runs": sweeps,
        "result": {
            "series": restored.stats().baselines,
            "first_scrape_s": first_s,
            "ingest_ns_per_sample": ingest_s * 1e9 / samples,
            "tick_ns_per_sample": tick_s * 1e9 / samples,
            "core_share_at_15_s": (ingest_s + tick_s) / sweeps as f64 / 15.0,
            "resident_mb": resident_mb,
            "peak_mb": peak_mb,
            "snapshot_mb": size as f64 / 1e6,
            "snapshot_s": snapshot_s,
            "restore_s": restore_s,
        }
    }))
}

/// A line of this process' memory in 10^6 bytes, as Linux counts it: resident now, or the most that ever was.
fn memory_mb(input: &Input, line: &str) -> Result<f64, BenchError> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(|e| input.wrong(e.to_string()))?;
    let line = text.lines().find_map(|l| l.strip_prefix(line)).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap_or(f64::NAN);
    Ok(kib * 1024.0 / 1e6)
}
