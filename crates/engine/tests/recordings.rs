//! Recordings of a real cluster with one real fault each (made by `testbed/e2e.sh`): the fault is the one incident, and
//! healthy recordings stay silent.
#![allow(clippy::disallowed_methods, reason = "tests read their files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rootline_engine::{Engine, Options, Target};
use rootline_model::{Diagnosis, Verdict};
use rootline_sources::{ReadOptions, read_path};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expect {
    entity: String,
    code: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/recordings")
}

fn expectations(folder: &Path) -> BTreeMap<String, Option<Expect>> {
    let text =
        std::fs::read_to_string(folder.join("expect.json")).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("expect.json: {e}"))
}

fn causes(diagnosis: &Diagnosis) -> Vec<String> {
    diagnosis
        .incidents
        .iter()
        .map(|i| match i.causes.first().filter(|_| i.verdict != Verdict::NoConfidentCause) {
            Some(c) => format!("{} @ {}", c.code, c.entity),
            None => format!("none ({:?})", i.affected.first().map(ToString::to_string)),
        })
        .collect()
}

fn check(folder: &Path) {
    let engine = Engine::new(Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut failed = Vec::new();
    for (name, expect) in expectations(folder) {
        let path = folder.join(format!("{name}.tar.zst"));
        let input = read_path(&path, &ReadOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let got = causes(&engine.diagnose(input.signals, &Target::default()));
        let right = match &expect {
            None => got.is_empty(),
            // one fault is one incident, whatever follows from it
            Some(e) => got == [format!("{} @ {}", e.code, e.entity)],
        };
        if !right {
            let want = expect.map_or("nothing".to_owned(), |e| format!("{} @ {}", e.code, e.entity));
            failed.push(format!("  {name}: expected {want}, got {got:?}"));
        }
    }
    assert!(failed.is_empty(), "{} recordings:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn faults_of_a_real_cluster_are_named() {
    check(&folder());
}

#[test]
fn dumps_and_pasted_texts_say_the_same() {
    check(&folder().join("variants"));
}
