//! Users' rule files and the scenarios beside them.

use std::path::{Path, PathBuf};

use rootline_engine::RuleFile;

use crate::failure::Failure;

/// Folders inside folders that are followed.
const DEPTH: usize = 8;
/// A rule file is text that a person wrote.
const FILE_BYTES: u64 = 16 << 20;

/// All rule files of a folder in the order of their names, or the one file.
pub fn collect(place: &Path) -> Result<Vec<RuleFile>, Failure> {
    let mut files = Vec::new();
    for path in found(place, &["yaml", "yml"])? {
        files.push(RuleFile { name: path.display().to_string(), text: text(&path)? });
    }
    if files.is_empty() {
        return Err(failed(place, "it holds no .yaml or .yml file"));
    }
    Ok(files)
}

/// Scenarios of a folder: Markdown files with an `expect` block.
pub fn scenarios(place: &Path) -> Result<Vec<(PathBuf, String)>, Failure> {
    let mut all = Vec::new();
    for path in found(place, &["md"])? {
        let text = text(&path)?;
        if text.lines().any(|l| l.starts_with("```") && l.trim_end().ends_with(" expect")) {
            all.push((path, text));
        }
    }
    Ok(all)
}

fn text(path: &Path) -> Result<String, Failure> {
    let size = std::fs::metadata(path).map_err(|e| failed(path, &e.to_string()))?.len();
    if size > FILE_BYTES {
        return Err(failed(path, &format!("{size} bytes are more than a rule file may have ({FILE_BYTES})")));
    }
    std::fs::read_to_string(path).map_err(|e| failed(path, &e.to_string()))
}

fn found(place: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    if place.is_file() {
        if has(place, endings) {
            files.push(place.to_path_buf());
        }
        return Ok(files);
    }
    walk(place, endings, DEPTH, &mut files)?;
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, endings: &[&str], depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| failed(folder, &e.to_string()))?;
    for entry in entries {
        let path = entry.map_err(|e| failed(folder, &e.to_string()))?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                walk(&path, endings, depth - 1, files)?;
            }
        } else if has(&path, endings) {
            files.push(path);
        }
    }
    Ok(())
}

fn has(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|e| endings.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

fn failed(place: &Path, why: &str) -> Failure {
    Failure::new("could not read the rules").detail(format!("{}: {why}", place.display()))
}
