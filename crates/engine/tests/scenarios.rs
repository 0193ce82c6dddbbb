//! Every Markdown file below `scenarios/` is a test: a world, and what must come out of it.
#![allow(clippy::disallowed_methods, reason = "tests read their files")]

use std::path::{Path, PathBuf};

use rootline_engine::{Engine, Options};
use rootline_testkit::{Outcome, check_file};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") && path.file_name().is_some_and(|n| n != "README.md") {
            found.push(path);
        }
    }
}

#[test]
fn scenarios_come_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut all = Vec::new();
    files(&folder, &mut all);
    all.sort();
    assert!(!all.is_empty(), "no scenario below {}", folder.display());
    let engine = Engine::new(Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut failed = Vec::new();
    for path in &all {
        if let Outcome::Failed(why) = check_file(&engine, path) {
            let name = path.strip_prefix(&folder).unwrap_or(path);
            failed.push(format!("  {}: {why}", name.display()));
        }
    }
    println!("{} scenarios, {} failed", all.len(), failed.len());
    assert!(failed.is_empty(), "{} of {} scenarios failed:\n{}", failed.len(), all.len(), failed.join("\n"));
}
