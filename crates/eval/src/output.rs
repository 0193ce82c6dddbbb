//! Reading case files and writing prediction files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can go wrong around a suite.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: {detail}", path = path.display())]
    Line { path: PathBuf, line: usize, detail: String },
    #[error("{0}: no data of this suite")]
    Empty(String),
    #[error("making the engine: {0}")]
    Engine(String),
}

/// Files of a folder with one of these endings, sorted.
pub fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, EvalError> {
    let wrong = |source| EvalError::File { path: folder.to_owned(), source };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(wrong)?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| endings.iter().any(|e| n.ends_with(e))))
        .collect();
    found.sort();
    if found.is_empty() { Err(EvalError::Empty(folder.display().to_string())) } else { Ok(found) }
}

/// Hands over each line of a `.jsonl` or `.jsonl.zst` file.
pub fn each_line<T: DeserializeOwned>(
    path: &Path,
    mut each: impl FnMut(T) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let wrong = |source| EvalError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(wrong)?;
    let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "zst") {
        let mut decoder = zstd::Decoder::new(file).map_err(wrong)?;
        // the benchmark's files are packed with a window of 128 MiB
        decoder.window_log_max(27).map_err(wrong)?;
        Box::new(decoder)
    } else {
        Box::new(file)
    };
    for (number, line) in (1..).zip(BufReader::new(reader).lines()) {
        let line = line.map_err(wrong)?;
        if line.trim().is_empty() {
            continue;
        }
        let value = serde_json::from_str(&line).map_err(|e| EvalError::Line {
            path: path.to_owned(),
            line: number,
            detail: e.to_string(),
        })?;
        each(value)?;
    }
    Ok(())
}

/// Writes JSON Lines.
pub struct Predictions {
    path: PathBuf,
    out: std::io::BufWriter<File>,
    pub count: usize,
}

impl Predictions {
    pub fn create(path: &Path) -> Result<Predictions, EvalError> {
        let wrong = |source| EvalError::File { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(wrong)?;
        }
        let out = std::io::BufWriter::new(File::create(path).map_err(wrong)?);
        Ok(Predictions { path: path.to_owned(), out, count: 0 })
    }

    pub fn write(&mut self, row: &impl Serialize) -> Result<(), EvalError> {
        let wrong = |source| EvalError::File { path: self.path.clone(), source };
        let text = serde_json::to_string(row).map_err(|e| wrong(e.into()))?;
        self.count += 1;
        writeln!(self.out, "{text}").map_err(wrong)
    }

    pub fn finish(mut self) -> Result<usize, EvalError> {
        self.out.flush().map_err(|source| EvalError::File { path: self.path.clone(), source })?;
        Ok(self.count)
    }
}
