//! score against scikit-learn, the formulas and the public scorers of the benchmarks.
#![allow(clippy::disallowed_methods, reason = "tests read fixture files")]

use std::collections::BTreeMap;
use std::io::Read;

use rootline_analytics::score::nab::{Costs, NabFile, corpus};
use rootline_analytics::score::vus::{VusParams, vus_pr};
use rootline_analytics::score::{calibration, curves, forecast, partition::PairCounts};
use serde_json::Value;

use crate::fixtures::{json, number, shared};

fn cases(file: &str) -> Vec<Value> {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics/score").join(file);
    json(&path)["cases"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    value.as_array().unwrap().iter().map(|v| number(v) != 0.0).collect()
}

fn near(found: f64, expected: f64, what: &str) {
    let same = found == expected || found.is_nan() && expected.is_nan();
    assert!(same || (found - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{what}: {found} {expected}");
}

#[test]
fn curves_are_those_of_scikit_learn() {
    for case in cases("ranking.json") {
        let (labels, scores) = (flags(&case["input"]["labels"]), numbers(&case["input"]["scores"]));
        let (auc, ap) = (curves::auc_roc(&labels, &scores), curves::average_precision(&labels, &scores));
        if case["output"].is_null() {
            assert!(auc.is_err() && ap.is_err(), "{}", case["name"]);
            continue;
        }
        near(auc.unwrap(), number(&case["output"]["roc_auc"]), &format!("{} auc", case["name"]));
        near(ap.unwrap(), number(&case["output"]["average_precision"]), &format!("{} ap", case["name"]));
    }
}

#[test]
fn partitions_are_those_of_scikit_learn() {
    for case in cases("partitions.json") {
        let labels = |key: &str| -> Vec<i64> {
            case["input"][key].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
        };
        let found = PairCounts::new(&labels("true"), &labels("predicted")).unwrap();
        near(found.adjusted_rand(), number(&case["output"]["adjusted_rand"]), &format!("{}", case["name"]));
        // the fixture counts ordered pairs
        let at = |i: usize, j: usize| case["output"]["pairs"][i][j].as_u64().unwrap();
        assert_eq!(2 * found.both, at(1, 1), "{}", case["name"]);
        assert_eq!(2 * (found.predicted - found.both), at(0, 1), "{}", case["name"]);
        assert_eq!(2 * (found.truth - found.both), at(1, 0), "{}", case["name"]);
        assert_eq!(2 * (found.all + found.both - found.predicted - found.truth), at(0, 0), "{}", case["name"]);
    }
}

#[test]
fn forecast_errors_are_those_of_the_formulas() {
    for case in cases("forecast.json") {
        let name = case["name"].as_str().unwrap();
        let get = |key: &str| numbers(&case["input"][key]);
        let (history, y, f) = (get("history"), get("actual"), get("forecast"));
        let season = case["params"]["season"].as_u64().unwrap() as usize;
        let out = &case["output"];
        near(forecast::mase(&history, &y, &f, season).unwrap(), number(&out["mase"]), &format!("{name} mase"));
        near(forecast::smape(&y, &f).unwrap(), number(&out["smape"]), &format!("{name} smape"));
        near(forecast::coverage(&y, &get("low"), &get("high")).unwrap(), number(&out["coverage"]), name);
        for (q, expected) in numbers(&case["params"]["pinball"]).into_iter().zip(numbers(&out["pinball"])) {
            near(forecast::pinball(&y, &f, q).unwrap(), expected, &format!("{name} pinball {q}"));
        }
    }
}

#[test]
fn calibration_is_that_of_the_formulas() {
    for case in cases("calibration.json") {
        let (p, y) = (numbers(&case["input"]["probability"]), flags(&case["input"]["label"]));
        let ece = calibration::expected_calibration_error(&p, &y, 10).unwrap();
        near(ece, number(&case["output"]["ece"]), &format!("{} ece", case["name"]));
        near(calibration::brier(&p, &y).unwrap(), number(&case["output"]["brier"]), &format!("{} brier", case["name"]));
    }
}

#[test]
fn vus_pr_is_that_of_the_public_scorer() {
    for case in cases("vus.json") {
        let params = VusParams {
            max_window: case["params"]["max_window"].as_u64().unwrap() as usize,
            thresholds: case["params"]["thresholds"].as_u64().unwrap() as usize,
        };
        let found = vus_pr(&flags(&case["input"]["labels"]), &numbers(&case["input"]["scores"]), &params).unwrap();
        near(found, number(&case["output"]["vus_pr"]), &format!("{}", case["name"]));
    }
}

/// Lines "# file", then a score a row.
fn detector(folder: &std::path::Path, name: &str) -> BTreeMap<String, Vec<f64>> {
    let packed = std::fs::File::open(folder.join(format!("{name}.txt.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let mut scores: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut file = String::new();
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(name) => name.trim().clone_into(&mut file),
            None => scores.entry(file.clone()).or_default().push(line.trim().parse().unwrap()),
        }
    }
    scores
}

const PROFILES: [(&str, Costs); 3] = [
    ("standard", Costs::STANDARD),
    ("reward_low_FP_rate", Costs::LOW_FALSE_POSITIVES),
    ("reward_low_FN_rate", Costs::LOW_FALSE_NEGATIVES),
];

/// Normalised score and threshold per profile, by the public scorer on the golden files.
const CORPUS: [(&str, [(f64, f64); 3]); 8] = [
    ("null", [(0.0, 1.1), (0.0, 1.1), (0.0, 1.1)]),
    ("relativeEntropy", [(53.40251738334907, 1.0), (46.24097947900474, 1.0), (57.47667825556606, 1.0)]),
    (
        "skyline",
        [(46.51510367130248, 0.857142857143), (37.347301539419206, 0.857142857143), (50.8017357808683, 0.857142857143)],
    ),
    ("twitterADVec", [(46.634731650137425, 1.0), (36.07490927401017, 1.0), (52.44398776675828, 1.0)]),
    ("earthgeckoSkyline", [(60.171003164922155, 1.0), (52.138319385544385, 1.0), (64.59316877661475, 1.0)]),
    ("ARTime", [(74.6013650306278, 0.290523), (66.49442183107469, 0.290523), (79.42174335375168, 0.290523)]),
    (
        "contextOSE",
        [(75.89231607573316, 0.766433566434), (72.40945723928871, 0.766433566434), (79.24071071715545, 0.766433566434)],
    ),
    (
        "numenta",
        [(75.51872445355858, 0.543099145074), (70.68195929914556, 0.543099145074), (78.9916496357055, 0.543099145074)],
    ),
];

#[test]
fn nab_scores_are_the_published_ones() {
    let Some(folder) = shared("../eval/golden/nab") else { return };
    let windows = json(&folder.join("windows.json"));
    let files: BTreeMap<String, NabFile> = windows
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, w)| {
            let pair = |v: &Value| (v[0].as_u64().unwrap() as usize, v[1].as_u64().unwrap() as usize);
            let windows: Vec<(usize, usize)> = w["windows"].as_array().unwrap().iter().map(pair).collect();
            (name.clone(), NabFile::new(w["rows"].as_u64().unwrap() as usize, &windows).unwrap())
        })
        .collect();
    let published = std::fs::read_to_string(folder.join("published.csv")).unwrap();
    let mut checked = 0;
    for (name, expected) in CORPUS {
        let scores = detector(&folder, name);
        for line in published.lines().filter(|l| l.starts_with(&format!("{name},"))) {
            let cell: Vec<&str> = line.split(',').collect();
            let costs = &PROFILES.iter().find(|p| p.0 == cell[1]).unwrap().1;
            let value = |k: usize| cell[k].parse::<f64>().unwrap();
            let found = files[cell[2]].at_threshold(&scores[cell[2]], value(3), costs).unwrap();
            assert!((found.raw - value(4)).abs() < 1e-6, "{line}: {found:?}");
            let counts = [found.true_positives, found.true_negatives, found.false_positives, found.false_negatives];
            assert_eq!(counts.map(|c| c as f64), [value(5), value(6), value(7), value(8)], "{line}");
            checked += 1;
        }
        let (all, series): (Vec<NabFile>, Vec<&[f64]>) =
            files.iter().map(|(file, f)| (f.clone(), scores[file].as_slice())).unzip();
        for ((profile, costs), (normalised, threshold)) in PROFILES.iter().zip(expected) {
            let found = corpus(&all, &series, costs).unwrap();
            near(found.normalised, normalised, &format!("{name} {profile}"));
            near(found.threshold, threshold, &format!("{name} {profile} threshold"));
        }
    }
    assert_eq!(checked, 3 * files.len() * CORPUS.len());
}
