//! change against ruptures, textbook formulas and BARO's BOCPD.

use rootline_analytics::Matrix;
use rootline_analytics::change::bocpd::{BocpdParams, run_lengths};
use rootline_analytics::change::cost::Cost;
use rootline_analytics::change::cusum::{CusumParams, PageHinkley, cusum};
use rootline_analytics::change::optimal::optimal_changes;
use rootline_analytics::change::pelt::{PeltParams, pelt};
use serde_json::Value;

use crate::fixtures::{csv, json, number, shared};

fn cases(file: &str) -> Vec<Value> {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics/change").join(file);
    json(&path)["cases"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn rows(value: &Value) -> Matrix {
    let rows: Vec<Vec<f64>> =
        value.as_array().unwrap().iter().map(|v| if v.is_array() { numbers(v) } else { vec![number(v)] }).collect();
    Matrix::from_rows(&rows).unwrap()
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
}

fn near(found: &[f64], expected: &[f64], what: &str) {
    let scale = expected.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate().take_while(|(_, (_, e))| !e.is_nan()) {
        assert!((f - e).abs() <= 1e-10 * scale, "{what} {i}: {f} {e}");
    }
}

#[test]
fn breakpoints_are_those_of_ruptures() {
    for case in cases("pelt.json") {
        let (p, signal) = (&case["params"], rows(&case["input"]["y"]));
        let cost = match p["model"].as_str().unwrap() {
            "l2" => Cost::L2,
            "l1" => Cost::L1,
            _ => Cost::Rbf { gamma: Some(number(&p["gamma"])) },
        };
        let found = pelt(&signal, &PeltParams { cost, min_size: 2, penalty: number(&p["penalty"]) });
        if case["output"].is_null() || case["name"] == "nan" {
            assert!(found.is_err(), "{} {p}", case["name"]);
        } else {
            assert_eq!(found.unwrap(), indices(&case["output"]["breakpoints"]), "{} {p}", case["name"]);
        }
    }
}

#[test]
fn partitions_with_k_changes_are_those_of_ruptures() {
    for case in cases("optimal_k.json") {
        let changes = case["params"]["changes"].as_u64().unwrap() as usize;
        let found = optimal_changes(&rows(&case["input"]["y"]), changes, Cost::L2, 2);
        if case["output"].is_null() || case["name"] == "nan" {
            assert!(found.is_err(), "{}", case["name"]);
        } else {
            assert_eq!(found.unwrap(), indices(&case["output"]["dynp"]), "{} {changes}", case["name"]);
        }
    }
}

#[test]
fn sums_and_alarms_are_those_of_the_formulas() {
    for case in cases("cusum.json") {
        let (p, out) = (&case["params"], &case["output"]);
        let params = CusumParams {
            mean: number(&out["mean"]),
            deviation: number(&out["sd"]),
            slack: number(&p["k"]),
            threshold: number(&p["h"]),
        };
        let found = cusum(&numbers(&case["input"]["y"]), &params);
        near(&found.up, &numbers(&out["up"]), "up");
        near(&found.down, &numbers(&out["down"]), "down");
        assert_eq!(found.alarms, indices(&out["alarms"]), "{}", case["name"]);
    }
    for case in cases("page_hinkley.json") {
        let (p, out) = (&case["params"], &case["output"]);
        let mut op = PageHinkley::new(number(&p["delta"]), number(&p["lambda"]));
        let found: Vec<(f64, bool)> = numbers(&case["input"]["y"]).iter().map(|x| op.observe(*x)).collect();
        let statistic: Vec<f64> = found.iter().map(|f| f.0).collect();
        near(&statistic, &numbers(&out["statistic"]), "statistic");
        let alarms: Vec<usize> = (0..found.len()).filter(|i| found[*i].1).collect();
        assert_eq!(alarms, indices(&out["alarms"]), "{}", case["name"]);
    }
}

/// The columns that the reference takes: latencies and errors that vary, scaled to 0..1.
#[test]
fn run_lengths_jump_where_those_of_baro_do() {
    let Some(folder) = shared("golden/causal-rank/rca") else { return };
    let (names, data) = csv(&folder.join("bocpd_small.csv"));
    let mut columns = Vec::new();
    for (j, name) in names.iter().enumerate() {
        let column: Vec<f64> = data.iter().map(|row| row[j]).collect();
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if (name.contains("latency") || name.contains("_error")) && high > low {
            columns.push(column.iter().map(|v| (v - low) / (high - low)).collect::<Vec<f64>>());
        }
    }
    let matrix = Matrix::from_columns(&columns).unwrap();
    let runs = run_lengths(&matrix, &BocpdParams { max_runs: usize::MAX, ..Default::default() }).unwrap();
    // the reference writes the belief before row t at t, and a 0 after the last one
    let mut before: Vec<i64> = std::iter::once(0).chain(runs.iter().map(|r| r.most_likely as i64)).collect();
    before[runs.len()] = 0;
    let jumps: Vec<usize> = (1..before.len()).filter(|t| (before[*t] - before[t - 1]).abs() > 1).collect();
    assert_eq!(jumps, indices(&json(&folder.join("bocpd_small.json"))["change_points"]));
}
