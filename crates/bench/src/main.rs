//! `rootline-bench NAME FOLDER`: CPU time of one method of the numeric library on the input in a folder.
//!
//! `bench/analytics.py` makes the folders, says what is in them, and runs the rivals beside it.
#![allow(clippy::disallowed_methods, reason = "reads input files")]

mod causal;
mod correlation;
mod forecasts;
mod graphs;
mod input;
mod outliers;
#[cfg(feature = "logdrain")]
mod rival;
mod series;
mod texts;
mod trees;

use std::process::ExitCode;

use cpu_time::ThreadTime;
use serde_json::{Value, json};

use input::{BenchError, Input};

/// As in the programs that use the library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Case = fn(&Input) -> Result<Value, BenchError>;

const CASES: &[(&str, Case)] = &[
    ("correlate_stream", correlation::stream),
    ("correlate_storm_10k", correlation::storm),
    ("correlate_flood_1m", correlation::flood),
    ("direct_lingam_30x2000", causal::direct_lingam_fit),
    ("forecast_pool_14d_hourly", forecasts::pool),
    ("isolation_forest_100kx8", outliers::isolation_forest),
    ("jaccard_join_10k", texts::jaccard),
    ("logdrain", texts::logdrain),
    ("loopy_bp", graphs::loopy_bp),
    ("mic_50x500", causal::mic),
    ("pagerank_100k_1m", graphs::pagerank),
    ("pc_50x2000", causal::pc),
    ("pc_200x1000", causal::pc),
    ("prophet_20k", forecasts::prophet),
    ("sparse_dbscan_20k", texts::dbscan),
    ("sparse_dbscan_100k", texts::dbscan),
    ("template_miner", texts::miner),
    ("tier-1m", series::tier_1m),
    ("tier0_sweep", outliers::tier0_sweep),
    ("tree_shap_10k", trees::tree_shap),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        eprintln!("usage: rootline-bench NAME FOLDER");
        return ExitCode::from(2);
    };
    let Some((_, case)) = CASES.iter().find(|(known, _)| known == name) else {
        let known: Vec<&str> = CASES.iter().map(|(known, _)| *known).collect();
        eprintln!("rootline-bench: no case {name}; there are {}", known.join(", "));
        return ExitCode::from(2);
    };
    match Input::open(folder).and_then(|input| case(&input)) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("rootline-bench: {e}");
            ExitCode::FAILURE
        }
    }
}

/// CPU seconds of the best of enough runs for a steady figure, and the last run's result.
fn measure<T>(mut run: impl FnMut() -> Result<T, BenchError>) -> Result<(f64, u32, T), BenchError> {
    // as long as `bench/rivals/cases.py` gives the rivals: one run of a second says more of what else the machine does
    const STEADY_S: f64 = 2.0;
    let (mut best, mut spent, mut runs) = (f64::INFINITY, 0.0, 0);
    loop {
        let start = ThreadTime::now();
        let result = run()?;
        let took = start.elapsed().as_secs_f64();
        best = best.min(took);
        spent += took;
        runs += 1;
        if spent >= STEADY_S || runs >= 10_000 {
            return Ok((best, runs, result));
        }
    }
}

/// What the caller reads.
fn answer((cpu_s, runs, result): (f64, u32, Value)) -> Value {
    json!({ "cpu_s": cpu_s, "runs": runs, "result": result })
}
