//! causal against reference values.

use std::path::PathBuf;

use rootline_analytics::causal::circa::{DescendantAdjustment, adjust_by_descendants, regression_scores};
use rootline_analytics::causal::deviation::{DeviationCentre, DeviationOptions, deviation_scores, rank_scores};
use rootline_analytics::causal::entropy::max_entropy;
use rootline_analytics::causal::granger::granger_matrix;
use rootline_analytics::causal::ica::{IcaOptions, ica_lingam};
use rootline_analytics::causal::independence::{FisherZ, IndependenceTest, MissingFisherZ, TableStatistic, TableTest};
use rootline_analytics::causal::knowledge::Knowledge;
use rootline_analytics::causal::lasso::Moments;
use rootline_analytics::causal::lingam::{LingamMeasure, LingamOptions, direct_lingam, first_round_scores};
use rootline_analytics::causal::mic::{MicEstimator, MicOptions, characteristic, mic_all_pairs};
use rootline_analytics::causal::pc::{ColliderPriority, ColliderRule, PcOptions, PcTest, pc};
use rootline_analytics::causal::pcmci::{PcmciOptions, pcmci};
use rootline_analytics::causal::prior::PathKnowledge;
use rootline_analytics::causal::var_lingam::{VarLingamOptions, var_lingam};
use rootline_analytics::{Error, Matrix};

use crate::fixtures::{csv, json, number, shared};

/// The JSON files of a folder of fixtures with their data where they have some.
fn cases(folder: &str) -> Vec<(String, serde_json::Value, Option<Matrix>)> {
    let Some(folder) = shared(&format!("golden/causal-rank/{folder}")) else { return Vec::new() };
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.retain(|p| p.extension().is_some_and(|e| e == "json"));
    names.sort();
    let read = |path: PathBuf| {
        let table = path.with_extension("csv");
        let data = table.exists().then(|| Matrix::from_rows(&csv(&table).1).unwrap());
        (path.file_stem().unwrap().to_string_lossy().into_owned(), json(&path), data)
    };
    assert!(!names.is_empty());
    names.into_iter().map(read).collect()
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn indices(value: &serde_json::Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
}

fn edges(value: &serde_json::Value) -> Vec<(usize, usize)> {
    let mut found: Vec<_> = value.as_array().unwrap().iter().map(|e| (indices(e)[0], indices(e)[1])).collect();
    found.sort_unstable();
    found
}

fn pc_options(name: &str, case: &serde_json::Value) -> PcOptions {
    let kwargs = &case["kwargs"];
    let mut options = PcOptions { alpha: number(&case["alpha"]), compat: true, ..PcOptions::default() };
    options.test = match case["indep_test"].as_str() {
        Some("chisq") => PcTest::ChiSquare,
        Some("gsq") => PcTest::GSquare,
        Some("mv_fisherz") => PcTest::MissingFisherZ,
        _ => PcTest::FisherZ,
    };
    options.stable = kwargs["stable"].as_bool().unwrap_or(true);
    options.max_k = kwargs["max_k"].as_u64().map(|k| k as usize);
    options.rule = match kwargs["uc_rule"].as_u64() {
        Some(1) => ColliderRule::LargestP,
        Some(2) => ColliderRule::DefiniteLargestP,
        _ => ColliderRule::Separators,
    };
    options.priority = match kwargs["uc_priority"].as_i64() {
        Some(0) => ColliderPriority::Overwrite,
        Some(1) => ColliderPriority::Bidirected,
        Some(3) => ColliderPriority::Stronger,
        // the default of rules 1 and 2 differs: maxP 3, definite maxP 4
        Some(-1 | 4) => ColliderPriority::StrongerStar,
        _ => ColliderPriority::Existing,
    };
    if name.contains("background") {
        let mut knowledge = Knowledge::new();
        knowledge.forbid(0, 1).forbid(3, 4).require(5, 6);
        options.knowledge = knowledge;
    }
    options
}

/// causal-learn 0.1.4.8: graphs and unions of separating sets are the same in every case.
#[test]
fn pc_is_that_of_causal_learn() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, case, data) in cases("pc") {
        let found = pc(&data.unwrap(), &pc_options(&name, &case));
        if case["error"].is_string() {
            assert!(matches!(found, Err(Error::Singular { .. })), "{name}");
            continue;
        }
        let found = found.unwrap();
        compared += 1;
        let same = found.graph.directed() == edges(&case["directed"])
            && found.graph.undirected() == edges(&case["undirected"])
            && found.graph.bidirected() == edges(&case["bidirected"]);
        if !same {
            wrong.push(name.clone());
        }
        let mut odd = 0;
        for (pair, sets) in case["sepsets"].as_object().into_iter().flatten() {
            let (x, y) = pair.split_once(',').unwrap();
            let mut union: Vec<usize> = sets.as_array().unwrap().iter().flat_map(indices).collect();
            union.sort_unstable();
            union.dedup();
            odd += usize::from(found.separators.union(x.parse().unwrap(), y.parse().unwrap()) != union);
        }
        if odd > 0 {
            wrong.push(format!("{name}: {odd} separating sets"));
        }
    }
    assert!(wrong.is_empty(), "{compared} compared, wrong: {wrong:#?}");
}

/// The p-values of the tests themselves.
#[test]
fn independence_tests_are_those_of_causal_learn() {
    for (name, case, data) in cases("pc") {
        let Some(tests) = case["ci_tests"].as_array() else { continue };
        let data = data.unwrap();
        let mut test: Box<dyn IndependenceTest> = match case["indep_test"].as_str() {
            Some("chisq") => Box::new(TableTest::new(&data, TableStatistic::ChiSquare).unwrap()),
            Some("gsq") => Box::new(TableTest::new(&data, TableStatistic::GSquare).unwrap()),
            Some("mv_fisherz") => Box::new(MissingFisherZ::new(&data).unwrap()),
            _ => Box::new(FisherZ::new(&data).unwrap()),
        };
        // given a copy of itself nothing is left of a variable but rounding
        let tolerance = if name.contains("collinear") { 1e-5 } else { 1e-9 };
        for t in tests {
            let (x, y, given) = (t[0].as_u64().unwrap() as usize, t[1].as_u64().unwrap() as usize, indices(&t[2]));
            let (p, expected) = (test.p_value(x, y, &given), number(&t[3]));
            let same = (p - expected).abs() < tolerance || p.is_nan() && expected.is_nan();
            assert!(same, "{name} {t}: {p}");
        }
    }
}

fn matrix(value: &serde_json::Value) -> Matrix {
    Matrix::from_rows(&value.as_array().unwrap().iter().map(numbers).collect::<Vec<_>>()).unwrap()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

/// Order after a degenerate column is arbitrary in the reference (0/0).
fn is_degenerate(name: &str) -> bool {
    ["near_collinear", "exact_duplicate", "constant_column"].iter().any(|d| name.ends_with(d))
}

/// lingam 1.13.0: order, effects, scores of the first round.
#[test]
fn direct_lingam_is_that_of_lingam() {
    for (name, case, data) in cases("lingam") {
        if case["call"].as_str() != Some("DirectLiNGAM") {
            continue;
        }
        let data = data.unwrap();
        let mut options = LingamOptions::default();
        if case["prior_knowledge"].is_array() {
            let paths = matrix(&case["prior_knowledge"]);
            options.knowledge = Some(PathKnowledge { paths, soft: name.contains("soft") });
        }
        if name.contains("kernel") {
            options.measure = LingamMeasure::Kernel;
        }
        let found = direct_lingam(&data, &options);
        if case["error"].is_string() {
            assert!(matches!(found, Err(Error::NotFinite { .. })), "{name}");
            continue;
        }
        let found = found.unwrap();
        if is_degenerate(&name) {
            assert!(found.effects.data().iter().all(|b| b.is_finite()), "{name}");
            continue;
        }
        assert_eq!(found.order, indices(&case["causal_order"]), "{name}");
        let off = distance(found.effects.data(), matrix(&case["B"]).data());
        assert!(off < 1e-8, "{name}: effects off by {off}");
        if case["k_first_round"].is_array() {
            let off = distance(&first_round_scores(&data).unwrap(), &numbers(&case["k_first_round"]));
            assert!(off < 1e-12, "{name}: scores off by {off}");
        }
    }
}

#[test]
fn ica_and_var_lingam_are_those_of_lingam() {
    for (name, case, data) in cases("lingam") {
        match case["call"].as_str() {
            Some("ICALiNGAM") => {
                let options = IcaOptions { start: Some(matrix(&case["w_init"])), ..IcaOptions::default() };
                let found = ica_lingam(&data.unwrap(), &options).unwrap();
                assert_eq!(found.order, indices(&case["causal_order"]), "{name}");
                let off = distance(found.effects.data(), matrix(&case["B"]).data());
                assert!(off < 1e-8, "{name}: effects off by {off}");
            }
            Some("VARLiNGAM") => {
                // BIC chooses lag 1 in all of them
                let (lags, prune) = (3, name.contains("pruneTrue"));
                let options = VarLingamOptions { lags, prune, ..VarLingamOptions::default() };
                let found = var_lingam(&data.unwrap(), &options).unwrap();
                assert_eq!(found.order, indices(&case["causal_order"]), "{name}");
                assert_eq!(found.lags(), case["lags"].as_u64().unwrap() as usize, "{name}");
                for (mine, other) in found.effects.iter().zip(case["adjacency_matrices"].as_array().unwrap()) {
                    let off = distance(mine.data(), matrix(other).data());
                    assert!(off < 1e-8, "{name}: effects off by {off}");
                }
                let head = matrix(&case["residuals_head"]);
                let off = distance(&found.residuals.data()[..head.data().len()], head.data());
                assert!(off < 1e-9, "{name}: residuals off by {off}");
            }
            _ => {}
        }
    }
}

#[test]
fn entropy_and_adaptive_lasso_are_those_of_lingam() {
    for (name, case, data) in cases("lingam") {
        if name == "entropy_unit" {
            let h = max_entropy(&numbers(&case["u"]));
            assert!((h - number(&case["H"])).abs() < 1e-13, "{h}");
        }
        if name == "adaptive_lasso12" {
            let moments = Moments::new(&data.unwrap()).unwrap();
            for test in case["tests"].as_array().unwrap() {
                let target = test["target"].as_u64().unwrap() as usize;
                let found = moments.adaptive_lasso(&indices(&test["predictors"]), target, 1.0).unwrap();
                let off = distance(&found, &numbers(&test["coef"]));
                assert!(off < 1e-9, "target {target}: off by {off}");
            }
        }
    }
}

fn mic_options(result: &serde_json::Value) -> MicOptions {
    let equitable = result["est"].as_str() == Some("mic_e");
    let estimator = if equitable { MicEstimator::Equitable } else { MicEstimator::Approx };
    MicOptions { alpha: number(&result["alpha"]), c: number(&result["c"]), estimator }
}

/// minepy 1.2.6 on single pairs: every statistic.
#[test]
fn mic_of_a_pair_is_that_of_minepy() {
    let mut odd = Vec::new();
    for (_, file, _) in cases("mic").into_iter().filter(|c| c.0 == "pairs") {
        for case in file["cases"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
            for result in case["results"].as_array().unwrap() {
                let found = characteristic(&x, &y, &mic_options(result)).unwrap();
                let finite = |v: f64| if v.is_infinite() { f64::MAX } else { v };
                for (what, value) in [
                    ("mic", found.mic()),
                    ("mas", found.mas()),
                    ("mev", found.mev()),
                    ("tic", found.tic()),
                    ("tic_norm", found.tic_normalised()),
                    ("gmic", found.gmic(-1.0)),
                    ("mcn0", finite(found.mcn(0.0))),
                    ("mcn_general", finite(found.mcn_general())),
                ] {
                    let expected = number(&result[what]);
                    if !((value - expected).abs() < 1e-9 || value.is_nan() && expected.is_nan()) {
                        odd.push(format!(
                            "{name} {}/{} {what}: {value} for {expected}",
                            result["alpha"], result["est"]
                        ));
                    }
                }
                let rows = result["characteristic_matrix_rows"].as_array().into_iter().flatten();
                for (k, row) in rows.enumerate() {
                    for (j, v) in numbers(row).iter().enumerate() {
                        let mine = found.value(j + 2, k + 2).unwrap();
                        if (mine - v).abs() >= 1e-9 {
                            odd.push(format!("{name} {} cell {j} {k}: {mine} for {v}", result["est"]));
                        }
                    }
                }
            }
        }
    }
    assert!(odd.is_empty(), "{} {odd:#?}", odd.len());
}

/// minepy 1.2.6 on all pairs, heavy ties (a binary series) and a constant among them.
#[test]
fn mic_of_all_pairs_is_that_of_minepy() {
    let Some(folder) = shared("golden/causal-rank/mic") else { return };
    let data = Matrix::from_rows(&csv(&folder.join("all50x500.csv")).1).unwrap();
    for (name, case, _) in cases("mic").into_iter().filter(|c| c.0.starts_with("all50x500_")) {
        let estimator = if name.contains("mic_e") { MicEstimator::Equitable } else { MicEstimator::Approx };
        let (alpha, c) = if name.contains("a0.55") { (0.55, 5.0) } else { (0.6, 15.0) };
        let found = mic_all_pairs(&data, &MicOptions { alpha, c, estimator }).unwrap();
        let (mic, tic) = (numbers(&case["mic"]), numbers(&case["tic_norm"]));
        let pairs = (0..50).flat_map(|i| (i + 1..50).map(move |j| (i, j)));
        let odd: Vec<_> = pairs
            .zip(found.iter().zip(mic.iter().zip(&tic)))
            .filter(|(_, (f, (m, t)))| (f.mic - **m).abs() > 1e-9 || (f.tic - **t).abs() > 1e-9)
            .map(|(pair, _)| pair)
            .collect();
        assert!(odd.is_empty(), "{name}: {} of {} pairs differ: {odd:?}", odd.len(), found.len());
    }
}

fn incidents() -> Vec<(serde_json::Value, serde_json::Value, Vec<String>, Matrix, Matrix)> {
    let Some(folder) = shared("golden/causal-rank/rca") else { return Vec::new() };
    let read = |(name, case, _): (String, serde_json::Value, Option<Matrix>)| {
        let (names, rows) = csv(&folder.join(format!("{name}.csv")));
        let inject = number(&case["inject_time"]);
        let part = |after: bool| {
            let rows: Vec<&[f64]> = rows.iter().filter(|r| (r[0] >= inject) == after).map(|r| &r[1..]).collect();
            Matrix::from_rows(&rows).unwrap()
        };
        let circa = json(&folder.join(format!("{name}_circa.json")));
        (case, circa, names[1..].to_vec(), part(false), part(true))
    };
    let all = cases("rca").into_iter().filter(|c| c.0.starts_with("incident") && !c.0.ends_with("_circa"));
    let found: Vec<_> = all.map(read).collect();
    assert_eq!(found.len(), 5);
    found
}

/// fse-baro 0.2.2: ranks and scores of BARO and N-sigma.
#[test]
fn deviation_ranks_are_those_of_baro() {
    for (case, _, names, mut before, mut during) in incidents() {
        // the reference reads memory in MB
        for m in [&mut before, &mut during] {
            let width = m.cols();
            for (k, v) in m.data_mut().iter_mut().enumerate() {
                *v /= if names[k % width].ends_with("_mem") { 1e6 } else { 1.0 };
            }
        }
        for (centre, key) in [(DeviationCentre::Robust, "baro"), (DeviationCentre::Moments, "nsigma")] {
            let options = DeviationOptions { centre, compat: true, two_sided: false };
            let scores = deviation_scores(&before, &during, &options).unwrap();
            let ranks: Vec<&str> = rank_scores(&scores).iter().map(|i| names[*i].as_str()).collect();
            let expected = case[format!("{key}_ranks")].as_array().unwrap();
            assert_eq!(ranks, expected.iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>(), "{key}");
            for (name, score) in case[format!("{key}_scores")].as_object().unwrap() {
                let mine = scores[names.iter().position(|n| n == name).unwrap()].unwrap();
                assert!((mine / number(score) - 1.0).abs() < 1e-6, "{key} {name}: {mine} for {score}");
            }
            // the counter that goes from 0 to 1 is dropped there and kept here
            let kept = deviation_scores(&before, &during, &DeviationOptions { compat: false, ..options }).unwrap();
            let restarts = names.iter().position(|n| n.ends_with("_restarts")).unwrap();
            assert!(scores[restarts].is_none() && kept[restarts].is_some());
        }
    }
}

#[test]
fn circa_scores_are_those_of_the_reference() {
    for (_, case, names, before, during) in incidents() {
        let order: Vec<&str> =
            case["adjusted_pyrca_inplace_order"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let column = |s: &&str| names.iter().position(|n| *n == format!("{s}_latency")).unwrap();
        let pick =
            |m: &Matrix| Matrix::from_columns(&order.iter().map(|s| m.column(column(s))).collect::<Vec<_>>()).unwrap();
        let of = |s: &serde_json::Value| order.iter().position(|o| *o == s.as_str().unwrap()).unwrap();
        let parents: Vec<Vec<usize>> =
            order.iter().map(|s| case["parents"][s].as_array().unwrap().iter().map(of).collect()).collect();
        let scores = regression_scores(&pick(&before), &pick(&during), &parents).unwrap();
        for (adjusted, key) in [
            (scores.clone(), "rht_score"),
            (
                adjust_by_descendants(&scores, &parents, DescendantAdjustment::InPlace).unwrap(),
                "adjusted_pyrca_inplace",
            ),
            (
                adjust_by_descendants(&scores, &parents, DescendantAdjustment::Clean).unwrap(),
                "adjusted_circa_topological",
            ),
        ] {
            for (name, score) in order.iter().zip(adjusted) {
                let expected = number(&case[key][name]);
                assert!((score / expected - 1.0).abs() < 1e-8, "{key} {name}: {score} for {expected}");
            }
        }
    }
}

/// statsmodels 0.15.0 and tigramite on the same series.
#[test]
fn granger_and_pcmci_are_those_of_the_references() {
    let Some(folder) = shared("golden/causal-rank/rca") else { return };
    let data = Matrix::from_rows(&csv(&folder.join("pcmci5.csv")).1).unwrap();
    let expected = matrix(&json(&folder.join("granger5_lag3.json"))["P"]);
    let found = granger_matrix(&data, 3).unwrap();
    for (mine, other) in found.data().iter().zip(expected.data()) {
        assert!((mine / other - 1.0).abs() < 1e-6, "{mine} for {other}");
    }
    let case = json(&folder.join("pcmci5.json"));
    let found = pcmci(&data, &PcmciOptions { tau_max: 3, pc_alpha: 0.05 }).unwrap();
    for i in 0..5 {
        for j in 0..5 {
            for tau in 0..=3 {
                let (p, v) = (&case["p_matrix[i][j][tau]"][i][j][tau], &case["val_matrix"][i][j][tau]);
                let (mine_p, mine_v) = (found.p_values[tau][(i, j)], found.values[tau][(i, j)]);
                assert!((mine_v - number(v)).abs() < 1e-9, "{i} {j} {tau}: {mine_v} for {v}");
                assert!((mine_p - number(p)).abs() < 1e-9, "{i} {j} {tau}: p {mine_p} for {p}");
            }
        }
    }
}
