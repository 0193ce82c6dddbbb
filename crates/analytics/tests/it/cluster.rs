//! cluster against reference values.

use std::collections::HashMap;

use rootline_analytics::Matrix;
use rootline_analytics::cluster::dbscan::{DbscanConfig, dbscan};
use rootline_analytics::cluster::hdbscan::{HdbscanConfig, hdbscan};
use rootline_analytics::cluster::kmeans::{KmeansConfig, kmeans};
use rootline_analytics::cluster::lda::{Lda, LdaConfig};
use rootline_analytics::cluster::sparse_dbscan::sparse_cosine_dbscan;
use rootline_analytics::text::sparse::SparseRows;
use serde_json::Value;

use crate::fixtures;

fn cases(name: &str) -> Vec<Value> {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics/cluster").join(name);
    fixtures::json(&path)["cases"].as_array().unwrap().clone()
}

fn rows(case: &Value) -> Matrix {
    let rows: Vec<Vec<f64>> = case["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r.as_array().unwrap().iter().map(fixtures::number).collect())
        .collect();
    Matrix::from_rows(&rows).unwrap()
}

fn sparse(case: &Value) -> SparseRows {
    let mut rows = SparseRows::new(case["width"].as_u64().unwrap() as usize);
    for row in case["rows"].as_array().unwrap() {
        let row: Vec<(u32, f64)> =
            row.as_array().unwrap().iter().map(|e| (e[0].as_u64().unwrap() as u32, e[1].as_f64().unwrap())).collect();
        rows.push(&row).unwrap();
    }
    rows
}

fn labels(case: &Value, key: &str) -> Vec<i32> {
    case[key].as_array().unwrap().iter().map(|l| l.as_i64().unwrap() as i32).collect()
}

/// Clusters by first appearance, noise as it is.
fn renumbered(labels: &[i32]) -> Vec<i32> {
    let mut names = HashMap::new();
    labels
        .iter()
        .map(|l| {
            let next = names.len() as i32;
            if *l < 0 { -1 } else { *names.entry(*l).or_insert(next) }
        })
        .collect()
}

#[test]
fn dense_dbscan_labels_equal_scikit_learn() {
    for case in cases("dbscan.json") {
        let config = DbscanConfig {
            eps: case["eps"].as_f64().unwrap(),
            min_samples: case["min_samples"].as_u64().unwrap() as usize,
        };
        assert_eq!(dbscan(&rows(&case), config).unwrap(), labels(&case, "expected"), "{}", case["name"]);
    }
}

#[test]
fn sparse_dbscan_labels_equal_scikit_learn() {
    for case in cases("sparse_dbscan.json") {
        let config = DbscanConfig {
            eps: case["eps"].as_f64().unwrap(),
            min_samples: case["min_samples"].as_u64().unwrap() as usize,
        };
        assert_eq!(
            sparse_cosine_dbscan(&sparse(&case), config).unwrap(),
            labels(&case, "expected"),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn hdbscan_labels_equal_scikit_learn_up_to_numbering() {
    for case in cases("hdbscan.json") {
        let config = HdbscanConfig {
            min_cluster_size: case["min_cluster_size"].as_u64().unwrap() as usize,
            min_samples: case["min_samples"].as_u64().map(|n| n as usize),
        };
        let found = hdbscan(&rows(&case), config).unwrap();
        assert_eq!(found, renumbered(&labels(&case, "expected")), "{}", case["name"]);
        assert_eq!(found, renumbered(&labels(&case, "package")), "{} of the package", case["name"]);
    }
}

#[test]
fn kmeans_finds_the_same_cells() {
    for case in cases("kmeans.json") {
        let config = KmeansConfig { k: case["k"].as_u64().unwrap() as usize, starts: 10, ..KmeansConfig::default() };
        let found = kmeans(&rows(&case), config).unwrap();
        assert_eq!(found.labels, renumbered(&labels(&case, "expected")), "{}", case["name"]);
        let inertia = case["inertia"].as_f64().unwrap();
        assert!(
            (found.inertia - inertia).abs() <= 1e-9 * inertia.max(1e-9),
            "{} {} {inertia}",
            case["name"],
            found.inertia
        );
    }
}

#[test]
fn lda_is_as_good_as_scikit_learn_and_names_the_topics() {
    for case in cases("lda.json") {
        let counts = sparse(&case);
        let model = Lda::fit(&counts, LdaConfig { topics: 3, ..LdaConfig::default() }).unwrap();
        let (ours, theirs) = (model.perplexity(&counts).unwrap(), case["perplexity"].as_f64().unwrap());
        assert!((ours / theirs - 1.0).abs() < 0.03, "{} {ours} {theirs}", case["name"]);
        // eight words belong to each topic
        let mut tops: Vec<usize> = Vec::new();
        for mut words in model.top_words(8) {
            words.sort_unstable();
            assert!(words.iter().all(|w| w / 8 == words[0] / 8), "{words:?}");
            tops.push(words[0] / 8);
        }
        tops.sort_unstable();
        assert_eq!(tops, [0, 1, 2]);
    }
}

/// Other random numbers, so other optima: ours must not be worse than a twentieth.
#[test]
fn lda_is_as_good_as_gensim() {
    for case in cases("lda_gensim.json") {
        let counts = sparse(&case);
        let model = Lda::fit(&counts, LdaConfig { topics: 3, ..LdaConfig::default() }).unwrap();
        let (ours, theirs) = (model.perplexity(&counts).unwrap(), case["perplexity"].as_f64().unwrap());
        assert!(ours <= 1.05 * theirs && ours > 1.0, "{} {ours} {theirs}", case["name"]);
    }
}
