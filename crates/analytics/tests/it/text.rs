//! text against reference values.
#![allow(clippy::disallowed_methods, reason = "tests read fixture files")]

use std::collections::{HashMap, HashSet};

use rootline_analytics::text::sessions::{SessionConfig, SessionModel};
use rootline_analytics::text::tfidf::TfIdf;
use rootline_analytics::text::{Miner, MinerConfig};

use crate::fixtures;

#[test]
fn tfidf_equals_scikit_learn() {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics/text/tfidf.json");
    let file = fixtures::json(&path);
    for case in file["cases"].as_array().unwrap() {
        let strings = |v: &serde_json::Value| {
            v.as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let texts: Vec<Vec<String>> = case["texts"].as_array().unwrap().iter().map(strings).collect();
        let model = TfIdf::fit(&texts);
        assert_eq!(model.words(), strings(&case["words"]), "{}", case["name"]);
        for (ours, theirs) in model.idf().iter().zip(case["idf"].as_array().unwrap()) {
            assert!((ours - theirs.as_f64().unwrap()).abs() < 1e-12);
        }
        for (row, expected) in model.transform(&texts).iter().zip(case["expected"].as_array().unwrap()) {
            let ours: HashMap<usize, f64> = row.0.iter().map(|c| *c as usize).zip(row.1.iter().copied()).collect();
            for (j, value) in expected.as_array().unwrap().iter().enumerate() {
                assert!(
                    (ours.get(&j).copied().unwrap_or(0.0) - value.as_f64().unwrap()).abs() < 1e-12,
                    "{} {j}",
                    case["name"]
                );
            }
        }
    }
}

/// Records of a CSV file with quoted cells.
fn records(path: &std::path::Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            _ => cell.push(c),
        }
    }
    rows
}

/// Grouping accuracy (share of lines in exactly right groups) and text accuracy of one labelled file.
fn accuracy(path: &std::path::Path, config: &MinerConfig) -> (f64, f64) {
    let rows = records(path);
    let column = |name: &str| rows[0].iter().position(|c| c == name).unwrap();
    let (content, truth) = (column("Content"), column("EventTemplate"));
    let mut miner = Miner::new(config.clone());
    let ids: Vec<_> = rows[1..].iter().map(|r| miner.observe(&r[content])).collect();
    let templates = miner.templates();
    let texts: Vec<&str> = ids.iter().map(|id| templates.resolve(*id).unwrap().text.as_str()).collect();
    let mut groups: HashMap<&str, HashSet<usize>> = HashMap::new();
    let mut truths: HashMap<&str, HashSet<usize>> = HashMap::new();
    for (i, row) in rows[1..].iter().enumerate() {
        groups.entry(texts[i]).or_default().insert(i);
        truths.entry(row[truth].as_str()).or_default().insert(i);
    }
    let n = texts.len() as f64;
    let right = rows[1..].iter().zip(&texts).filter(|(r, t)| groups[*t] == truths[r[truth].as_str()]).count() as f64;
    let same = rows[1..].iter().zip(&texts).filter(|(r, t)| r[truth] == **t).count() as f64;
    (right / n, same / n)
}

#[test]
fn one_configuration_groups_the_lines_of_all_labelled_systems() {
    let Some(folder) = fixtures::shared("loghub2k") else { return };
    // the thresholds hardly matter: what they decide is a small part of the lines
    let other = MinerConfig { free_words: 5, marked_words: 4, ..MinerConfig::default() };
    for (config, least) in [(MinerConfig::default(), 0.96), (other, 0.96)] {
        let (mut sum, mut text, mut n) = (0.0, 0.0, 0.0);
        for entry in std::fs::read_dir(&folder).unwrap().flatten().filter(|e| e.path().is_dir()) {
            let name = entry.file_name().into_string().unwrap();
            let (ga, pa) = accuracy(&entry.path().join(format!("{name}_2k.log_structured_corrected.csv")), &config);
            assert!(ga >= 0.9, "{name} {ga}");
            sum += ga;
            text += pa;
            n += 1.0;
        }
        assert!(sum / n >= least && text / n >= 0.85, "{} {}", sum / n, text / n);
    }
}

#[test]
fn templates_of_unlabelled_logs_are_few() {
    let Some(folder) = fixtures::shared("k8s-logs-loki") else { return };
    for entry in
        std::fs::read_dir(&folder).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|x| x == "txt"))
    {
        let text = std::fs::read(entry.path()).unwrap();
        let mut miner = Miner::default();
        let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| miner.observe(l)).count();
        let templates = miner.templates();
        // an explosion would be a template for every few lines
        assert!(
            templates.list().len() * 10 <= lines.max(1300),
            "{:?} {} of {lines}",
            entry.path(),
            templates.list().len()
        );
    }
}

#[test]
fn sessions_are_judged_without_labels() {
    let Some(folder) = fixtures::shared("log-anomaly/hdfs_xu") else { return };
    let read = |name: &str| -> Vec<Vec<u32>> {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let events =
            |l: &str| l.split_once(',').map_or("", |p| p.1).split_whitespace().map(|e| e.parse().unwrap()).collect();
        text.lines().map(events).collect()
    };
    let normal = read("hdfs_train");
    let (train, quiet): (Vec<_>, Vec<_>) = normal.into_iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let train: Vec<Vec<u32>> = train.into_iter().map(|(_, s)| s).collect();
    let model = SessionModel::fit(&train, SessionConfig::default()).unwrap();
    let bad = read("hdfs_test_abnormal");
    let found = bad.iter().filter(|s| model.judge(s).anomalous()).count() as f64;
    // the real number of normal sessions
    let weight = 552_640.0 / quiet.len() as f64;
    let wrong = quiet.iter().filter(|(_, s)| model.judge(s).anomalous()).count() as f64 * weight;
    let (precision, recall) = (found / (found + wrong), found / bad.len() as f64);
    let f1 = 2.0 * precision * recall / (precision + recall);
    assert!(f1 >= 0.95, "{precision} {recall} {f1}");
}
