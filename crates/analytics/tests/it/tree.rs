//! tree against reference values: scikit-learn 1.9.1, XGBoost 3.2.0, LightGBM 4.7.0.
#![allow(clippy::disallowed_methods, reason = "tests read fixture files")]

use super::fixtures::{csv, json, number, shared};
use rootline_analytics::Matrix;
use rootline_analytics::tree::{
    CartParams, Criterion, DecisionTree, Ensemble, Importance, Method, Objective, TrainParams,
};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map(|a| a.iter().map(number).collect()).unwrap_or_default()
}

/// The columns before `y`, and `y`.
fn table(path: &std::path::Path, targets: usize) -> (Matrix, Vec<f64>) {
    let (_, rows) = csv(path);
    let features: Vec<Vec<f64>> = rows.iter().map(|r| r[..r.len() - targets].to_vec()).collect();
    let y = rows.iter().map(|r| r[r.len() - targets]).collect();
    (Matrix::from_rows(&features).unwrap(), y)
}

/// Compares with scikit-learn's arrays from the root down. It shuffles features: where another feature splits as well as
/// ours the rows may part differently, so there the gain is compared and nothing below. Returns which of our nodes split
/// elsewhere.
fn compare_with_scikit_learn(tree: &DecisionTree, want: &Value, name: &str) -> Vec<usize> {
    let column = |key: &str| numbers(&want[key]);
    let (feature, threshold, left, right) = (column("feature"), column("threshold"), column("left"), column("right"));
    let (impurity, samples) = (column("impurity"), column("n_node_samples"));
    let mut elsewhere = Vec::new();
    let mut pending = vec![(0usize, 0usize)];
    while let Some((ours, theirs)) = pending.pop() {
        let node = &tree.nodes()[ours];
        assert!((node.impurity - impurity[theirs]).abs() < 1e-12, "{name}: node {theirs}");
        assert_eq!(node.samples as f64, samples[theirs], "{name}: node {theirs}");
        let Some(split) = node.split else {
            assert!(feature[theirs] < 0.0, "{name}: node {theirs} is split there");
            continue;
        };
        let (l, r) = (left[theirs] as usize, right[theirs] as usize);
        let below = |i: usize| tree.nodes()[i].impurity * tree.nodes()[i].samples as f64;
        let gap = below(split.left) + below(split.right) - impurity[l] * samples[l] - impurity[r] * samples[r];
        assert!(gap.abs() < 1e-9, "{name}: node {theirs} splits {gap} worse");
        if split.feature as f64 == feature[theirs] {
            // their columns are single precision
            assert!((split.threshold - threshold[theirs]).abs() < 1e-6, "{name}: node {theirs}");
            pending.extend([(split.left, l), (split.right, r)]);
        } else {
            assert!((split.feature as f64) < feature[theirs], "{name}: not the lowest of equal features");
            elsewhere.push(ours);
        }
    }
    elsewhere
}

#[test]
fn decision_trees_are_scikit_learns() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    for data in ["clean", "imbalanced", "tiny12"] {
        let (x, y) = table(&folder.join(format!("{data}.csv")), 1);
        let labels: Vec<usize> = y.iter().map(|y| *y as usize).collect();
        for (criterion, name) in [(Criterion::Gini, "gini"), (Criterion::Entropy, "entropy")] {
            let want = json(&folder.join(format!("sk_dt_{data}_{name}.json")));
            let name = format!("{data} {name}");
            let params = CartParams { criterion, max_depth: 4, min_samples_leaf: 3, ..Default::default() };
            let tree = DecisionTree::classify(&x, &labels, None, &params).unwrap();
            let elsewhere = compare_with_scikit_learn(&tree, &want, &name);
            let mut compared = 0;
            for (row, want) in x.iter_rows().zip(numbers(&want["proba"])) {
                let (mut at, mut same) = (0, true);
                while let Some(split) = tree.nodes()[at].split {
                    same &= !elsewhere.contains(&at);
                    at = if row[split.feature] <= split.threshold { split.left } else { split.right };
                }
                if same {
                    assert!((tree.predict(row)[1] - want).abs() < 1e-12, "{name}: {row:?}");
                    compared += 1;
                }
            }
            assert!(compared as f64 > 0.7 * y.len() as f64, "{name}: {compared}");
            if elsewhere.is_empty() {
                let close = |ours: Vec<f64>, want: &Value| {
                    let want = numbers(want);
                    assert_eq!(ours.len(), want.len(), "{name}");
                    assert!(ours.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12), "{name}: {ours:?} {want:?}");
                };
                close(tree.pruning_path().iter().map(|p| p.0).collect(), &want["ccp_alphas"]);
                close(tree.importance(), &want["importances"]);
            }
        }
    }
}

#[test]
fn pruning_follows_its_path() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let (x, y) = table(&folder.join("reg.csv"), 1);
    let tree = DecisionTree::regress(&x, &y, None, &CartParams { max_depth: 5, ..Default::default() }).unwrap();
    let path = tree.pruning_path();
    assert_eq!(tree.prune(-1.0), tree);
    for pair in path.windows(2) {
        assert!(pair[1].0 >= pair[0].0 - 1e-12 && pair[1].1 >= pair[0].1 - 1e-12);
        let pruned = tree.prune(pair[1].0 + 1e-12);
        let leaves = pruned.nodes().iter().filter(|n| n.split.is_none());
        let left: f64 = leaves.map(|n| n.impurity * n.weight / 300.0).sum();
        assert!(left >= pair[1].1 - 1e-9, "{left} {pair:?}");
    }
    assert_eq!(tree.prune(f64::INFINITY).nodes().len(), 1);
    let errors = |t: &DecisionTree| -> f64 {
        x.iter_rows().zip(&y).map(|(r, y)| (t.predict(r)[0] - y).powi(2)).sum::<f64>() / 300.0
    };
    assert!((errors(&tree) - path[0].1).abs() < 1e-9);
    assert!(errors(&tree) < 0.3 * tree.nodes()[0].impurity);
}

/// A fixture's model, rows and values.
fn boosted(folder: &std::path::Path, name: &str, data: &str, targets: usize) -> (Ensemble, Matrix, Value) {
    let file = |suffix: &str| std::fs::read(folder.join(format!("{name}{suffix}"))).ok();
    let model = match file(".model.json") {
        Some(bytes) => Ensemble::from_xgboost(&bytes).unwrap(),
        None => Ensemble::from_lightgbm(&file(".model.txt").unwrap()).unwrap(),
    };
    let (x, _) = table(&folder.join(format!("{data}.csv")), targets);
    (model, x, json(&folder.join(format!("{name}.json"))))
}

fn assert_rows(ours: &Matrix, want: &Value, tolerance: f64, name: &str) {
    let want = want.as_array().unwrap();
    assert!(!want.is_empty() && want.len() <= ours.rows(), "{name}");
    for (i, want) in want.iter().enumerate() {
        for (j, (a, b)) in ours.row(i).iter().zip(numbers(want)).enumerate() {
            assert!((a - b).abs() < tolerance, "{name}: row {i} column {j}: {a} {b}");
        }
    }
}

const DATA: [&str; 4] = ["clean", "imbalanced", "nan_ties_const", "tiny12"];

#[test]
fn margins_of_foreign_models_are_exact() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let mut cases = Vec::new();
    for data in DATA {
        cases.push((format!("xgb_{data}_exact"), data, 1, "margin"));
        cases.push((format!("xgb_{data}_hist"), data, 1, "margin"));
        if data != "tiny12" {
            cases.push((format!("lgb_{data}"), data, 1, "raw"));
        }
    }
    cases.push(("xgb_reg".to_owned(), "reg", 1, "pred"));
    cases.push(("xgb_rank".to_owned(), "rank", 2, "score"));
    for (name, data, targets, key) in cases {
        let (model, x, want) = boosted(&folder, &name, data, targets);
        let margins = model.margins(&x).unwrap();
        // the fixture's text reads to the last bit but one
        let differs = |a: f64, b: f64| {
            if name.starts_with("xgb") { a as f32 != b as f32 } else { (a - b).abs() > 3e-16 * b.abs() }
        };
        let wrong = margins.data().iter().zip(numbers(&want[key])).filter(|(a, b)| differs(**a, *b)).count();
        assert_eq!(wrong, 0, "{name}: {wrong} margins differ in some bit");
        assert_eq!(margins.rows(), numbers(&want[key]).len());
        if want["prob"].is_array() {
            let prob = model.predict(&x).unwrap();
            assert!(prob.data().iter().zip(numbers(&want["prob"])).all(|(a, b)| (a - b).abs() < 1e-6), "{name}");
        }
        assert_eq!(model.margin(x.row(1)).unwrap(), [margins[(1, 0)]]);
    }
}

#[test]
fn explanations_are_those_of_the_libraries() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let xgboost = DATA.iter().flat_map(|d| [(format!("xgb_{d}_exact"), *d, 1), (format!("xgb_{d}_hist"), *d, 1)]);
    let lightgbm = DATA[..3].iter().map(|d| (format!("lgb_{d}"), *d, 1));
    let others = [("xgb_reg".to_owned(), "reg", 1), ("xgb_rank".to_owned(), "rank", 2)];
    for (name, data, targets) in xgboost.chain(lightgbm).chain(others) {
        let (model, x, want) = boosted(&folder, &name, data, targets);
        let contributions = model.contributions(&x, 0).unwrap();
        assert_rows(&contributions, &want["shap_contribs_last_col_bias"], 2e-6, &name);
        // few rows take the way without tables
        let one = Matrix::new(1, x.cols(), x.row(0).to_vec()).unwrap();
        assert_eq!(model.contributions(&one, 0).unwrap().row(0), contributions.row(0));
        if want["shap_approx_first20"].is_array() {
            let approximate = model.approximate_contributions(&x, 0).unwrap();
            assert_rows(&approximate, &want["shap_approx_first20"], 2e-6, &name);
        }
        for (i, want) in want["shap_interactions_first3"].as_array().into_iter().flatten().enumerate() {
            assert_rows(&model.interactions(x.row(i), 0).unwrap(), want, 4e-6, &name);
        }
        let margins = model.margins(&x).unwrap();
        for i in 0..x.rows() {
            let sum: f64 = contributions.row(i).iter().sum();
            assert!((sum - margins[(i, 0)]).abs() < 1e-5, "{name} {i}");
            if i < 3 {
                let pairs = model.interactions(x.row(i), 0).unwrap();
                assert!((pairs.data().iter().sum::<f64>() - sum).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn importances_are_those_of_the_libraries() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let kinds = [
        ("gain", Importance::Gain),
        ("total_gain", Importance::TotalGain),
        ("weight", Importance::Weight),
        ("cover", Importance::Cover),
        ("total_cover", Importance::TotalCover),
    ];
    for data in DATA {
        for method in ["exact", "hist"] {
            let (model, _, want) = boosted(&folder, &format!("xgb_{data}_{method}"), data, 1);
            for (key, kind) in kinds {
                for (f, ours) in model.importance(kind).iter().enumerate() {
                    let want = want[key].get(format!("f{f}")).map_or(0.0, number);
                    assert!((ours - want).abs() <= 1e-6 * want.abs(), "{data} {key} f{f}: {ours} {want}");
                }
            }
        }
    }
    let (model, _, want) = boosted(&folder, "lgb_clean", "clean", 1);
    assert_eq!(model.importance(Importance::Weight), numbers(&want["split"]));
    let gains = model.importance(Importance::TotalGain);
    assert!(gains.iter().zip(numbers(&want["gain"])).all(|(a, b)| (a - b).abs() <= 1e-5 * b));
}

/// Truncated and mutated model files are refused or read, never a panic.
#[test]
fn broken_models_are_refused() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let xgboost = std::fs::read(folder.join("xgb_tiny12_exact.model.json")).unwrap();
    let lightgbm = std::fs::read(folder.join("lgb_imbalanced.model.txt")).unwrap();
    let mut rng = rootline_analytics::Rng::new(11);
    for round in 0..4000 {
        let source = if round % 2 == 0 { &xgboost } else { &lightgbm };
        let mut bytes = source.clone();
        if rng.below(4) == 0 {
            bytes.truncate(rng.below(bytes.len()));
        }
        for _ in 0..1 + rng.below(4) {
            if bytes.is_empty() {
                break;
            }
            let at = rng.below(bytes.len());
            match rng.below(3) {
                0 => bytes[at] = b"0123456789-.,[]{}\"e \n=AZ!"[rng.below(25)],
                1 => drop(bytes.remove(at)),
                _ => bytes[at] = rng.below(256) as u8,
            }
        }
        let model = if round % 2 == 0 { Ensemble::from_xgboost(&bytes) } else { Ensemble::from_lightgbm(&bytes) };
        if let Ok(model) = model {
            let x = Matrix::zeros(1, model.features().min(1000));
            let _ = (model.margins(&x), model.contributions(&x, 0), model.importance(Importance::Gain));
        }
    }
    for name in ["xgb_categories.ubj", "xgb_dart.ubj", "xgb_classes.ubj", "lgb_categories.txt", "lgb_zero_missing.txt"]
    {
        let source = own(name);
        for _ in 0..1000 {
            let mut bytes = source.clone();
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(bytes.len());
                bytes[at] = if rng.below(2) == 0 { rng.below(256) as u8 } else { bytes[rng.below(source.len())] };
            }
            if let Ok(model) = Ensemble::from_xgboost(&bytes).or_else(|_| Ensemble::from_lightgbm(&bytes)) {
                let rows = Matrix::new(2, 4, vec![0.5, f64::NAN, -1e300, 3.0, 0.0, 1e300, 0.1, f64::NAN]).unwrap();
                let _ = (model.predict(&rows), model.contributions(&rows, 0), model.interactions(rows.row(0), 0));
            }
        }
    }
    for cut in (0..xgboost.len() - 1).step_by(97) {
        assert!(Ensemble::from_xgboost(&xgboost[..cut]).is_err(), "{cut}");
    }
    for (text, word) in [(&b""[..], "line 1"), (b"tree\nversion=v4\n", "max_feature_idx"), (b"tre\n", "line 1")] {
        assert!(Ensemble::from_lightgbm(text).unwrap_err().to_string().contains(word));
    }
    assert!(Ensemble::from_xgboost(b"{\"learner\":{}}").unwrap_err().to_string().contains("gradient_booster"));
}

/// What we write, we read back with the same margins.
#[test]
fn written_models_are_read_back() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let cases = [("xgb_nan_ties_const_exact", "nan_ties_const", 1), ("xgb_reg", "reg", 1), ("xgb_rank", "rank", 2)];
    for (name, data, targets) in cases {
        let (model, x, _) = boosted(&folder, name, data, targets);
        let again = Ensemble::from_xgboost(model.to_xgboost_json().unwrap().as_bytes()).unwrap();
        assert_eq!(again.margins(&x).unwrap(), model.margins(&x).unwrap());
        assert_eq!(again.contributions(&x, 0).unwrap(), model.contributions(&x, 0).unwrap());
    }
    let (model, ..) = boosted(&folder, "lgb_clean", "clean", 1);
    assert!(model.to_xgboost_json().is_err());
}

fn own(name: &str) -> Vec<u8> {
    std::fs::read(std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics/tree").join(name))
        .unwrap()
}

fn matrix(value: &Value) -> Matrix {
    Matrix::from_rows(&value.as_array().unwrap().iter().map(numbers).collect::<Vec<_>>()).unwrap()
}

/// UBJSON, categories, several classes, dart, Poisson, zero as missing, random forests.
#[test]
fn rarer_models_say_what_their_libraries_say() {
    let want: Value = serde_json::from_slice(&own("expected.json")).unwrap();
    let single = ["xgb_categories", "xgb_classes", "xgb_dart", "xgb_poisson"];
    for name in single.into_iter().chain(["lgb_categories", "lgb_classes", "lgb_zero_missing", "lgb_forest"]) {
        let model = match own_model(name) {
            Ok(model) => model,
            Err(e) => panic!("{name}: {e}"),
        };
        let x = matrix(&want[if name == "lgb_zero_missing" { "x_zero" } else { "x" }]);
        let want = &want[name];
        // XGBoost's logarithm of the base score and the library's may differ in a bit
        assert_rows(&model.margins(&x).unwrap(), &want["margin"], 1e-6, name);
        assert_rows(&model.predict(&x).unwrap(), &want["predict"], 2e-6, name);
        let contributions = matrix(&want["contributions"]);
        for g in 0..model.groups() {
            let ours = model.contributions(&x, g).unwrap();
            for i in 0..contributions.rows() {
                let want = &contributions.row(i)[g * ours.cols()..(g + 1) * ours.cols()];
                assert!(
                    ours.row(i).iter().zip(want).all(|(a, b)| (a - b).abs() < 2e-6),
                    "{name} {g} {i}: {want:?} {:?}",
                    ours.row(i)
                );
            }
        }
    }
}

fn own_model(name: &str) -> rootline_analytics::Result<Ensemble> {
    if name.starts_with("xgb") {
        Ensemble::from_xgboost(&own(&format!("{name}.ubj")))
    } else {
        Ensemble::from_lightgbm(&own(&format!("{name}.txt")))
    }
}

/// The exact method is XGBoost's: same trees, so same margins.
#[test]
fn exact_training_is_xgboosts() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    for (data, name) in DATA.iter().map(|d| (*d, format!("xgb_{d}_exact"))).chain([("reg", "xgb_reg".to_owned())]) {
        let (x, y) = table(&folder.join(format!("{data}.csv")), 1);
        let want = json(&folder.join(format!("{name}.json")));
        let regression = data == "reg";
        let params = TrainParams {
            objective: if regression { Objective::SquaredError } else { Objective::Logistic },
            method: Method::Exact,
            rounds: if regression { 30 } else { 20 },
            eta: if regression { 0.2 } else { 0.3 },
            max_depth: if regression { 3 } else { 4 },
            base_score: Some(if regression { 0.0 } else { 0.5 }),
            ..Default::default()
        };
        let model = Ensemble::train(&x, &y, None, &params).unwrap();
        let margins = model.margins(&x).unwrap();
        let wanted = numbers(&want[if regression { "pred" } else { "margin" }]);
        let worst = margins.data().iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-6, "{name}: {worst}");
        // explanations of our own model are those of the library's
        let explained = model.contributions(&x, 0).unwrap();
        assert_rows(&explained, &want["shap_contribs_last_col_bias"], 4e-6, &name);
        let again = Ensemble::from_xgboost(model.to_xgboost_json().unwrap().as_bytes()).unwrap();
        assert_eq!(again.margins(&x).unwrap(), margins);
    }
}

fn logloss(margins: &[f64], y: &[f64]) -> f64 {
    let loss = |(m, y): (&f64, &f64)| (1.0 + (-m.abs()).exp()).ln() + m.max(0.0) - m * y;
    margins.iter().zip(y).map(loss).sum::<f64>() / y.len() as f64
}

/// Histograms choose other borders, but fit as well.
#[test]
fn histogram_training_fits_as_well_as_xgboosts() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    for data in ["clean", "imbalanced", "nan_ties_const"] {
        let (x, y) = table(&folder.join(format!("{data}.csv")), 1);
        let want = json(&folder.join(format!("xgb_{data}_hist.json")));
        let params = TrainParams {
            objective: Objective::Logistic,
            rounds: 20,
            max_depth: 4,
            base_score: Some(0.5),
            ..Default::default()
        };
        let margins = Ensemble::train(&x, &y, None, &params).unwrap().margins(&x).unwrap();
        let (ours, theirs) = (logloss(margins.data(), &y), logloss(&numbers(&want["margin"]), &y));
        assert!(ours < theirs * 1.03, "{data}: {ours} {theirs}");
    }
}

fn mean_ndcg(scores: &[f64], relevance: &[f64], group: usize) -> f64 {
    let dcg = |order: &[usize], relevance: &[f64]| -> f64 {
        order.iter().enumerate().map(|(r, i)| (relevance[*i].exp2() - 1.0) / (r as f64 + 2.0).log2()).sum()
    };
    let groups = scores.chunks(group).zip(relevance.chunks(group));
    let each: Vec<f64> = groups
        .map(|(s, y)| {
            let sorted = |by: &[f64]| {
                let mut order: Vec<usize> = (0..by.len()).collect();
                order.sort_by(|a, b| by[*b].total_cmp(&by[*a]));
                order
            };
            dcg(&sorted(s), y) / dcg(&sorted(y), y)
        })
        .collect();
    each.iter().sum::<f64>() / each.len() as f64
}

#[test]
fn ranking_learns_the_order_of_groups() {
    let Some(folder) = shared("golden/causal-rank/trees") else { return };
    let (x, relevance) = table(&folder.join("rank.csv"), 2);
    let want = json(&folder.join("xgb_rank.json"));
    let params = TrainParams {
        objective: Objective::RankNdcg { group_sizes: vec![10; 40], pairs: 8 },
        rounds: 30,
        eta: 0.1,
        max_depth: 3,
        ..Default::default()
    };
    let margins = Ensemble::train(&x, &relevance, None, &params).unwrap().margins(&x).unwrap();
    let (ours, theirs) =
        (mean_ndcg(margins.data(), &relevance, 10), mean_ndcg(&numbers(&want["score"]), &relevance, 10));
    assert!(ours > theirs - 0.005 && ours > 0.95, "{ours} {theirs}");
    let first = margins.data().chunks(10).zip(relevance.chunks(10)).filter(|(m, y)| {
        let top = (0..10).max_by(|a, b| m[*a].total_cmp(&m[*b])).unwrap();
        y[top] == y.iter().copied().fold(0.0, f64::max)
    });
    assert_eq!(first.count(), 40);
}

#[test]
fn training_keeps_its_promises() {
    let mut rng = rootline_analytics::Rng::new(2);
    let rows: Vec<Vec<f64>> =
        (0..500).map(|i| (0..10).map(|j| if (i + j) % 11 == 0 { f64::NAN } else { rng.normal() }).collect()).collect();
    let y: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r[0] + r[9].max(0.0) > 0.2))).collect();
    let x = Matrix::from_rows(&rows).unwrap();
    for method in [Method::Exact, Method::Histogram { max_bin: 255 }, Method::Histogram { max_bin: 2 }] {
        let params = TrainParams { objective: Objective::Logistic, method, rounds: 10, ..Default::default() };
        let train = |p: &TrainParams| Ensemble::train(&x, &y, None, p).unwrap();
        let model = train(&params);
        assert_eq!(model, train(&params));
        let fit = |m: &Ensemble| logloss(m.margins(&x).unwrap().data(), &y);
        assert!(fit(&model) < 0.45, "{method:?}: {}", fit(&model));
        // stronger penalties fit less and grow smaller
        let plain = model.importance(Importance::Weight).iter().sum::<f64>();
        for (p, what) in [
            (TrainParams { gamma: 5.0, ..params.clone() }, "gamma"),
            (TrainParams { alpha: 5.0, ..params.clone() }, "alpha"),
            (TrainParams { min_child_weight: 20.0, ..params.clone() }, "min_child_weight"),
            (TrainParams { max_depth: 2, ..params.clone() }, "max_depth"),
        ] {
            let less = train(&p);
            assert!(fit(&less) >= fit(&model) - 1e-9, "{method:?} {what}");
            assert!(less.importance(Importance::Weight).iter().sum::<f64>() <= plain, "{method:?} {what}");
        }
        let sampled = TrainParams { subsample: 0.5, colsample: 0.3, seed: 4, ..params.clone() };
        assert_eq!(train(&sampled), train(&sampled));
        assert_ne!(train(&sampled), train(&TrainParams { seed: 5, ..sampled.clone() }));
        // margins kept while training are those of the finished model: one more round continues from them
        let longer = train(&TrainParams { rounds: 11, gamma: 3.0, ..params.clone() });
        let shorter = train(&TrainParams { rounds: 10, gamma: 3.0, ..params.clone() });
        assert!(fit(&longer) <= fit(&shorter) + 1e-9);
        // a weight of two is a row twice
        let twice = Matrix::from_rows(&rows.iter().chain(&rows[..250]).collect::<Vec<_>>()).unwrap();
        let labels: Vec<f64> = y.iter().chain(&y[..250]).copied().collect();
        let weights: Vec<f64> = (0..500).map(|i| if i < 250 { 2.0 } else { 1.0 }).collect();
        if method == Method::Exact {
            let a = Ensemble::train(&twice, &labels, None, &params).unwrap().margins(&x).unwrap();
            let b = Ensemble::train(&x, &y, Some(&weights), &params).unwrap().margins(&x).unwrap();
            assert!(a.data().iter().zip(b.data()).all(|(a, b)| (a - b).abs() < 1e-3));
        }
    }
}

#[test]
fn degenerate_training_data() {
    let base = TrainParams { rounds: 3, ..Default::default() };
    for method in [Method::Exact, Method::Histogram { max_bin: 0 }] {
        let params = TrainParams { method, ..base.clone() };
        let train = |x: &Matrix, y: &[f64]| Ensemble::train(x, y, None, &params);
        assert!(train(&Matrix::zeros(0, 2), &[]).is_err());
        assert!(train(&Matrix::zeros(2, 2), &[1.0]).is_err());
        assert!(train(&Matrix::zeros(2, 2), &[1.0, f64::NAN]).is_err());
        assert!(train(&Matrix::new(1, 1, vec![1e300]).unwrap(), &[1.0]).is_err());
        for x in [Matrix::zeros(5, 3), Matrix::zeros(5, 0), Matrix::new(5, 2, vec![f64::NAN; 10]).unwrap()] {
            let model = train(&x, &[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
            let margins = model.margins(&x).unwrap();
            assert!(margins.data().iter().all(|m| (m - 3.0).abs() < 1e-6), "{margins:?}");
            assert!(model.contributions(&x, 0).unwrap().data().iter().all(|c| c.is_finite()));
        }
        // only missing or present tells
        let x = Matrix::new(6, 1, vec![f64::NAN, 1.0, f64::NAN, 1.0, f64::NAN, 1.0]).unwrap();
        let model = train(&x, &[0.0, 9.0, 0.0, 9.0, 0.0, 9.0]).unwrap();
        let margins = model.margins(&x).unwrap();
        assert!(margins[(1, 0)] > margins[(0, 0)] + 3.0, "{margins:?}");
        let one = Ensemble::train(
            &Matrix::zeros(1, 1),
            &[1.0],
            None,
            &TrainParams { objective: Objective::Logistic, ..params.clone() },
        );
        assert!(one.unwrap().margins(&Matrix::zeros(1, 1)).unwrap()[(0, 0)].is_finite());
        let rank = Objective::RankNdcg { group_sizes: vec![0, 3, 1], pairs: 0 };
        let ranked =
            Ensemble::train(&Matrix::zeros(4, 1), &[0.0; 4], None, &TrainParams { objective: rank, ..params.clone() });
        assert!(ranked.unwrap().margins(&Matrix::zeros(1, 1)).unwrap()[(0, 0)] == 0.0);
    }
    for wrong in [
        TrainParams { eta: f64::NAN, ..base.clone() },
        TrainParams { subsample: 0.0, ..base.clone() },
        TrainParams { colsample: 1.5, ..base.clone() },
        TrainParams { lambda: -1.0, ..base.clone() },
        TrainParams { objective: Objective::Logistic, base_score: Some(1.0), ..base.clone() },
        TrainParams { objective: Objective::RankNdcg { group_sizes: vec![usize::MAX, 9], pairs: 1 }, ..base.clone() },
    ] {
        assert!(Ensemble::train(&Matrix::zeros(2, 1), &[0.0, 1.0], None, &wrong).is_err(), "{wrong:?}");
    }
    assert!(Ensemble::train(&Matrix::zeros(2, 1), &[0.0, 1.0], Some(&[0.0, 0.0]), &base).is_err());
}
