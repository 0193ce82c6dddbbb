//! Rules that hold themselves: sizes, module docs, dependency edges, purity, scenarios, words in both languages.
//!
//! Limits are ratchets: what is over a limit today stands in `EXEMPT` with its present size and may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};
use rootline_engine::{Engine, Options};

/// Production lines of a file.
const FILE_LINES_MAX: usize = 500;

/// Flat tables and what is to be split: file, lines it may have.
const EXEMPT: &[(&str, usize)] = &[];

/// Who may depend on whom: crate → crates of ours in its normal dependencies, as ARCHITECTURE.md draws it.
const EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("analytics", &[]),
    ("objects", &["model"]),
    ("world", &["model", "objects"]),
    ("detect", &["model", "objects", "world"]),
    ("diagnose", &["model", "world"]),
    ("report", &["model"]),
    ("config", &[]),
    ("archive", &["model"]),
    ("sources", &["archive", "model", "objects"]),
    ("correlate", &["analytics", "model"]),
    ("series", &["analytics", "model"]),
    ("store", &["model"]),
    ("sinks", &["model"]),
    ("bus", &[]),
    ("engine", &["analytics", "correlate", "detect", "diagnose", "model", "objects", "report", "series", "world"]),
    ("api", &["model", "objects", "sources"]),
    ("testkit", &["engine", "model", "objects", "sources"]),
    (
        "daemon",
        &["api", "archive", "bus", "config", "engine", "model", "objects", "report", "sinks", "sources", "store"],
    ),
    (
        "app",
        &[
            "archive", "config", "daemon", "detect", "engine", "model", "objects", "report", "sources", "store",
            "testkit",
        ],
    ),
    ("bench", &["analytics", "correlate", "model", "series"]),
    ("eval", &["analytics", "correlate", "engine", "model", "objects", "sources", "world"]),
];

/// Crates that compute and never do I/O.
const PURE: &[&str] =
    &["model", "analytics", "objects", "world", "detect", "diagnose", "report", "correlate", "series"];
const IMPURE_DEPENDENCIES: &[&str] = &["tokio", "reqwest", "kube", "hyper", "rusqlite"];

/// Everything that is wrong with the tree.
pub fn problems(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    sources(root, &mut all);
    edges(root, &mut all);
    knowledge(root, &mut all);
    pages(root, &mut all);
    all
}

/// Generated pages say what the code says.
fn pages(root: &Path, all: &mut Vec<String>) {
    match crate::docs::pages() {
        Ok(pages) => all.extend(
            pages
                .into_iter()
                .filter(|(name, text)| std::fs::read_to_string(root.join(name)).ok().as_ref() != Some(text))
                .map(|(name, _)| format!("{name}: not as the rules and findings are now, run `make docs`")),
        ),
        Err(e) => all.push(e),
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()) {
        if path.is_dir() && path.file_name().is_some_and(|n| n != "target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Lines before the tests of a file.
fn production_lines(text: &str) -> usize {
    text.lines().take_while(|l| !l.starts_with("#[cfg(test)]")).count()
}

fn sources(root: &Path, all: &mut Vec<String>) {
    let mut files = Vec::new();
    rust_files(&root.join("crates"), &mut files);
    rust_files(&root.join("xtask"), &mut files);
    files.sort();
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let first = text.lines().find(|l| !l.starts_with("#!") && !l.is_empty()).unwrap_or_default();
        if !first.starts_with("//!") {
            all.push(format!("{name}: begins without a module doc (`//! …`)"));
        }
        let is_test = name.contains("/tests/") || name.ends_with("tests.rs") || name.contains("/benches/");
        let limit = EXEMPT.iter().find(|(file, _)| *file == name).map_or(FILE_LINES_MAX, |(_, lines)| *lines);
        let lines = production_lines(&text);
        if !is_test && lines > limit {
            all.push(format!("{name}: {lines} production lines, at most {limit}"));
        }
        for word in ["todo!(", "unimplemented!("] {
            // this file names the words
            if text.contains(word) && !name.ends_with("tidy.rs") {
                all.push(format!("{name}: {word}…)"));
            }
        }
    }
}

fn edges(root: &Path, all: &mut Vec<String>) {
    let metadata = match MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec() {
        Ok(metadata) => metadata,
        Err(e) => {
            all.push(format!("cargo metadata: {e}"));
            return;
        }
    };
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    for package in &metadata.packages {
        let Some(short) = package.name.strip_prefix("rootline-") else { continue };
        let Some(allowed) = allowed.get(short) else {
            all.push(format!(
                "crate {short} is not in the drawing of dependency edges (xtask/src/tidy.rs, ARCHITECTURE.md)"
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            if let Some(target) = dependency.name.strip_prefix("rootline-")
                && !allowed.contains(target)
            {
                all.push(format!("crate {short} depends on {target}, which the drawing does not allow"));
            }
            if PURE.contains(&short) && IMPURE_DEPENDENCIES.contains(&dependency.name.as_str()) {
                all.push(format!("pure crate {short} depends on {}", dependency.name));
            }
        }
    }
}

/// Rules and findings: words in both languages, a scenario for each rule, no rule that never can fire.
fn knowledge(root: &Path, all: &mut Vec<String>) {
    let engine = match Engine::new(Options::default()) {
        Ok(engine) => engine,
        Err(e) => {
            all.push(e.to_string());
            return;
        }
    };
    all.extend(engine.warnings().iter().map(ToString::to_string));
    let mut scenarios = String::new();
    let mut folders = vec![root.join("scenarios")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                // only what a scenario expects counts
                for part in text.split("```yaml expect").skip(1) {
                    scenarios.push_str(part.split("```").next().unwrap_or_default());
                }
            }
        }
    }
    for rule in engine.rules().rules() {
        if !scenarios.contains(rule.id.as_str()) {
            all.push(format!("{}:{}: rule {} has no scenario that expects it", rule.file, rule.line, rule.id));
        }
    }
    for doc in rootline_detect::codes::all() {
        if doc.en.is_empty() || doc.zh.is_empty() {
            all.push(format!("finding {} lacks a title in a language", doc.code));
        }
    }
}
