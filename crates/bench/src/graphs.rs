//! PageRank, belief propagation.

use rootline_analytics::graph::{FactorGraph, LoopyParams, PageRankParams, RandomWalk};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

/// From an edge list in memory, graph included.
pub fn pagerank(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let n = input.number("n")? as usize;
    let params = PageRankParams {
        damping: input.number("damping")?,
        tolerance: input.number("tolerance")?,
        ..PageRankParams::default()
    };
    // the rivals too are given their own kind of edge list
    let edges: Vec<(u32, u32, f64)> = x.iter_rows().map(|r| (r[0] as u32, r[1] as u32, r[2])).collect();
    let (cpu_s, runs, ranking) = measure(|| Ok(RandomWalk::from_edges(n, &edges)?.rank(None, &params)?))?;
    let top: Vec<u32> = ranking.order().into_iter().take(50).collect();
    let sum_sq: f64 = ranking.scores.iter().map(|s| s * s).sum();
    Ok(answer((cpu_s, runs, json!({ "top": top, "sum_sq": sum_sq }))))
}

/// Exactly so many rounds from the factor tables.
pub fn loopy_bp(input: &Input) -> Result<Value, BenchError> {
    let list = |value: &Value| -> Vec<Value> { value.as_array().cloned().unwrap_or_default() };
    let cards: Vec<usize> = list(&input.meta["card"]).iter().filter_map(|c| Some(c.as_u64()? as usize)).collect();
    let factors: Vec<(Vec<u32>, Vec<f64>)> = list(&input.meta["factors"])
        .iter()
        .map(|f| {
            let variables = list(&f["vars"]).iter().filter_map(|v| Some(v.as_u64()? as u32)).collect();
            (variables, list(&f["table"]).iter().filter_map(Value::as_f64).collect())
        })
        .collect();
    // a tolerance below any change: no early stop
    let params = LoopyParams {
        damping: input.number("damping")?,
        max_iterations: input.number("iterations")? as usize,
        tolerance: -1.0,
    };
    let (cpu_s, runs, beliefs) = measure(|| {
        let mut graph = FactorGraph::new(&cards)?;
        for (variables, table) in &factors {
            graph.add_table(variables, table)?;
        }
        Ok(graph.loopy(&params)?)
    })?;
    let marginals: Vec<&[f64]> = (0..beliefs.len()).map(|v| beliefs.of(v)).collect();
    Ok(answer((cpu_s, runs, json!({ "marginals": marginals }))))
}
