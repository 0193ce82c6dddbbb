//! Causal discovery: PC, DirectLiNGAM, MIC.

use rootline_analytics::causal::lingam::{LingamOptions, direct_lingam};
use rootline_analytics::causal::mic::{MicEstimator, MicOptions, mic_all_pairs};
use rootline_analytics::causal::pc::{PcOptions, pc as run_pc};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

pub fn pc(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let options = PcOptions { alpha: input.number("alpha")?, ..PcOptions::default() };
    let (cpu_s, runs, found) = measure(|| Ok(run_pc(&x, &options)?))?;
    let named =
        |edges: Vec<(usize, usize)>, kind: &'static str| edges.into_iter().map(move |(i, j)| json!([i, j, kind]));
    let edges: Vec<Value> = named(found.graph.directed(), "directed")
        .chain(named(found.graph.undirected(), "undirected"))
        .chain(named(found.graph.bidirected(), "bidirected"))
        .collect();
    Ok(answer((cpu_s, runs, json!({ "edges": edges }))))
}

pub fn direct_lingam_fit(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let (cpu_s, runs, model) = measure(|| Ok(direct_lingam(&x, &LingamOptions::default())?))?;
    let b: Vec<&[f64]> = model.effects.iter_rows().collect();
    Ok(answer((cpu_s, runs, json!({ "order": model.order, "b": b }))))
}

pub fn mic(input: &Input) -> Result<Value, BenchError> {
    // a row is a variable there, a column here
    let x = input.matrix("x")?.transpose();
    let options = MicOptions { alpha: input.number("alpha")?, c: input.number("c")?, estimator: MicEstimator::Approx };
    let (cpu_s, runs, pairs) = measure(|| Ok(mic_all_pairs(&x, &options)?))?;
    let mic: Vec<f64> = pairs.iter().map(|p| p.mic).collect();
    Ok(answer((cpu_s, runs, json!({ "mic": mic }))))
}
