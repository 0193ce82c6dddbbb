//! graph against reference values: networkx 3.6.1 and dense solves for PageRank, enumeration and a plain flooding program
//! for belief propagation.

use super::fixtures::{json, number, shared};
use rootline_analytics::graph::{self, Csr, FactorGraph, LoopyParams, PageRankParams, community};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map(|a| a.iter().map(number).collect()).unwrap_or_default()
}

fn integers(value: &Value) -> Vec<usize> {
    numbers(value).iter().map(|x| *x as usize).collect()
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn pagerank_is_the_dense_solution() {
    let Some(folder) = shared("golden/causal-rank/pagerank") else { return };
    let mut cases = 0;
    for file in files(&folder).iter().filter(|f| !f.ends_with("big_100k_1M.json")) {
        let case = json(file);
        let edges: Vec<_> = case["edges"].as_array().unwrap().iter().map(numbers).collect();
        let edges: Vec<_> = edges.iter().map(|e| (e[0] as u32, e[1] as u32, e[2])).collect();
        let exact = numbers(&case["exact"]);
        let graph = Csr::from_edges(exact.len(), &edges).unwrap();
        let restart = case["personalization"].as_array().map(|_| numbers(&case["personalization"]));
        let params = PageRankParams { damping: number(&case["damping"]), ..Default::default() };
        let ranking = graph::pagerank(&graph, restart.as_deref(), &params).unwrap();
        let direct = graph::RandomWalk::from_edges(exact.len(), &edges).unwrap();
        let direct = direct.rank(restart.as_deref(), &params).unwrap();
        assert!(direct.scores.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-12), "{}", file.display());
        for (i, (ours, want)) in ranking.scores.iter().zip(&exact).enumerate() {
            assert!((ours - want).abs() < 1e-12, "{}: {i}: {ours} {want}", file.display());
        }
        cases += 1;
    }
    assert_eq!(cases, 14);
}

/// The recipe of the large fixture: a splitmix64 stream, three numbers an edge.
fn large_graph(n: u64, count: usize, seed: u64) -> Vec<(u32, u32, f64)> {
    let mut z = seed;
    let mut next = || {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let mut edge = || (next(), next(), next());
    let edges = (0..count).map(|_| edge());
    edges.map(|(a, b, c)| ((((a % n) * (b % n)) / n) as u32, (c % n) as u32, 1.0)).collect()
}

#[test]
fn pagerank_of_a_million_edges() {
    let Some(folder) = shared("golden/causal-rank/pagerank") else { return };
    let case = json(&folder.join("big_100k_1M.json"));
    let edges = large_graph(100_000, 1_000_000, 12345);
    for (ours, want) in edges.iter().zip(case["first_edges"].as_array().unwrap()) {
        assert_eq!([ours.0 as usize, ours.1 as usize], integers(want)[..]);
    }
    let graph = Csr::from_edges(100_000, &edges).unwrap();
    assert_eq!(graph.edge_count(), 999_913);
    let dangling = (0..100_000u32).filter(|v| graph.targets(*v).is_empty()).count();
    assert_eq!(dangling, 9125);
    let ranking = graph::pagerank(&graph, None, &PageRankParams::default()).unwrap();
    // networkx stopped at a summed change of 1e-10 n
    let top = case["nx_tol1e-10_top50"].as_array().unwrap();
    for (ours, want) in ranking.order().iter().zip(top) {
        assert_eq!(*ours as usize, integers(want)[0]);
    }
    let squares: f64 = ranking.scores.iter().map(|s| s * s).sum();
    assert!((squares / number(&case["sum_sq"]) - 1.0).abs() < 1e-3, "{squares}");
    for (i, want) in numbers(&case["sample_every_997"]).iter().enumerate() {
        assert!((ranking.scores[i * 997] - want).abs() < 5e-9, "{i}");
    }
}

fn factor_graph(case: &Value) -> FactorGraph {
    let mut graph = FactorGraph::new(&integers(&case["card"])).unwrap();
    for factor in case["factors"].as_array().unwrap() {
        let variables: Vec<u32> = integers(&factor["vars"]).iter().map(|v| *v as u32).collect();
        graph.add_table(&variables, &numbers(&factor["table_c_order"])).unwrap();
    }
    graph
}

fn assert_marginals(beliefs: &graph::Beliefs, want: &Value, tolerance: f64, name: &str) {
    for (v, want) in want.as_array().unwrap().iter().enumerate() {
        for (ours, want) in beliefs.of(v).iter().zip(numbers(want)) {
            assert!((ours - want).abs() < tolerance, "{name}: variable {v}: {ours} {want}");
        }
    }
}

#[test]
fn belief_propagation_is_that_of_the_schedule() {
    let Some(folder) = shared("golden/causal-rank/bp") else { return };
    let settings = [("damp0.0_iters1", 0.0, 1), ("damp0.0_iters5", 0.0, 5), ("damp0.0_iters200", 0.0, 200)];
    let settings = settings.into_iter().chain([("damp0.5_iters500", 0.5, 500)]);
    let mut cases = 0;
    for file in files(&folder) {
        let case = json(&file);
        let graph = factor_graph(&case);
        let exact = graph.exact(1 << 20).unwrap();
        assert_marginals(&exact, &case["exact"]["marginals"], 1e-12, "exact");
        assert!((exact.ln_z.unwrap() - number(&case["exact"]["Z"]).ln()).abs() < 1e-12);
        for (key, damping, max_iterations) in settings.clone() {
            let name = format!("{} {key}", file.display());
            let want = &case["loopy"][key];
            let params = LoopyParams { damping, max_iterations, tolerance: 1e-13 };
            let beliefs = graph.loopy(&params).unwrap();
            assert_marginals(&beliefs, &want["marginals"], 1e-12, &name);
            // the last rounds before the tolerance hang on the last bit
            assert!(
                beliefs.iterations.abs_diff(integers(&Value::Array(vec![want["iters_run"].clone()]))[0]) <= 1,
                "{name}"
            );
        }
        cases += 1;
    }
    assert_eq!(cases, 12);
}

/// The noisy-OR fixtures again, with their tables replaced by the closed form.
#[test]
fn closed_form_noisy_or_gives_the_same_answers() {
    let Some(folder) = shared("golden/causal-rank/bp") else { return };
    for name in ["rca_noisy_or9.json", "rca_noisy_or9_deployA.json"] {
        let case = json(&folder.join(name));
        let mut graph = FactorGraph::new(&integers(&case["card"])).unwrap();
        for factor in case["factors"].as_array().unwrap() {
            let variables: Vec<u32> = integers(&factor["vars"]).iter().map(|v| *v as u32).collect();
            let table = numbers(&factor["table_c_order"]);
            let Some((&child, parents)) = variables.split_last().filter(|(_, parents)| !parents.is_empty()) else {
                graph.add_table(&variables, &table).unwrap();
                continue;
            };
            // entry with only parent i on, child off, over the entry with none on
            let strength = |i: usize| 1.0 - table[2 << (parents.len() - 1 - i)] / table[0];
            let parents: Vec<_> = parents.iter().enumerate().map(|(i, v)| (*v, strength(i))).collect();
            graph.add_noisy_or(child, &parents, 1.0 - table[0]).unwrap();
        }
        assert_marginals(&graph.exact(1 << 12).unwrap(), &case["exact"]["marginals"], 1e-12, name);
        let params = LoopyParams { damping: 0.5, max_iterations: 500, tolerance: 1e-13 };
        let beliefs = graph.loopy(&params).unwrap();
        assert_marginals(&beliefs, &case["loopy"]["damp0.5_iters500"]["marginals"], 1e-12, name);
    }
}

/// Zachary's karate club, from its paper (1977), the usual yardstick of community detection: the best known modularity
/// is .4198, networkx 3.6's Louvain gives .4156 to .4198 depending on its seed.
#[test]
fn communities_of_the_karate_club() {
    let lists = [
        "1 2 3 4 5 6 7 8 10 11 12 13 17 19 21 31",
        "2 3 7 13 17 19 21 30",
        "3 7 8 9 13 27 28 32",
        "7 12 13",
        "6 10",
        "6 10 16",
        "16",
        "",
        "30 32 33",
        "33",
        "",
        "",
        "",
        "33",
        "32 33",
        "32 33",
        "",
        "",
        "32 33",
        "33",
        "32 33",
        "",
        "32 33",
        "25 27 29 32 33",
        "25 27 31",
        "31",
        "29 33",
        "33",
        "31 33",
        "32 33",
        "32 33",
        "32 33",
        "33",
    ];
    let mut edges = Vec::new();
    for (a, list) in lists.iter().enumerate() {
        edges.extend(list.split_whitespace().map(|b| (a as u32, b.parse().unwrap(), 1.0)));
    }
    assert_eq!(edges.len(), 78);
    let g = Csr::undirected(34, &edges).unwrap();
    let groups = community::louvain(&g, &community::LouvainParams::default()).unwrap();
    let q = community::modularity(&g, &groups, 1.0).unwrap();
    assert!(q > 0.415, "{q} {groups:?}");
    let spread = community::label_propagation(&g, 100).unwrap();
    assert!(community::modularity(&g, &spread, 1.0).unwrap() > 0.3);
    // directions do not matter
    assert_eq!(community::louvain(&Csr::from_edges(34, &edges).unwrap(), &Default::default()).unwrap(), groups);
}
