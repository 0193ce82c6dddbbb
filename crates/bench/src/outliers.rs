//! Isolation forest; the tier-0 operator over a million series.

use cpu_time::ThreadTime;
use rootline_analytics::Rng;
use rootline_analytics::outlier::{IsolationForest, IsolationForestConfig};
use rootline_analytics::stream::{Tier0, Tier0Bank};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

pub fn isolation_forest(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let config = IsolationForestConfig {
        trees: input.number("trees")? as usize,
        sample: input.number("psi")? as usize,
        seed: input.number("seed")? as u64,
    };
    let (cpu_s, runs, scores) = measure(|| Ok(IsolationForest::fit(&x, &config)?.score(&x)?))?;
    Ok(answer((cpu_s, runs, json!({ "scores": scores }))))
}

/// Two days at 15 s.
const WARM_SAMPLES: i64 = 11_520;

/// One sample for each of N series, then the next: what a daemon does at every scrape.
pub fn tier0_sweep(input: &Input) -> Result<Value, BenchError> {
    let series = input.number("series")? as usize;
    let sweeps = input.number("sweeps")? as i64;
    let mut rng = Rng::new(input.number("seed")? as u64);
    // past its warm-up, as nearly all of a daemon's series are
    let mut warm = Tier0::default();
    (-WARM_SAMPLES..0).for_each(|i| {
        warm.observe(i * 15, 100.0 + rng.uniform());
    });
    let mut operators = Tier0Bank::default();
    (0..series).for_each(|index| {
        operators.push();
        operators.set(index, &warm);
    });
    let mut samples = vec![0.0; series];
    let (mut spent, mut passed) = (0.0, 0_u64);
    for sweep in 0..sweeps {
        samples.iter_mut().for_each(|v| *v = 100.0 + rng.uniform());
        let start = ThreadTime::now();
        operators.sweep(sweep * 15, |index| samples[index], |_, _| passed += 1);
        spent += start.elapsed().as_secs_f64();
    }
    let ns_per_sample = spent * 1e9 / (series as f64 * sweeps as f64);
    let result = json!({ "ns_per_sample": ns_per_sample, "bytes_per_series": Tier0Bank::BYTES, "passed": passed });
    Ok(answer((spent / sweeps as f64, sweeps as u32, result)))
}
