//! The input folder: `meta.json`, `NAME.f64`, `lines.txt`.

use std::path::{Path, PathBuf};

use rootline_analytics::Matrix;
use serde_json::Value;

/// What can be wrong around a case.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: {detail}", path = path.display())]
    Format { path: PathBuf, detail: String },
    #[error(transparent)]
    Method(#[from] rootline_analytics::Error),
}

pub struct Input {
    folder: PathBuf,
    pub meta: Value,
}

impl Input {
    pub fn open(folder: &str) -> Result<Self, BenchError> {
        let folder = Path::new(folder).to_owned();
        let path = folder.join("meta.json");
        let text = text(&path)?;
        let meta = serde_json::from_str(&text).map_err(|e| BenchError::Format { path, detail: e.to_string() })?;
        Ok(Self { folder, meta })
    }

    /// A number of `meta.json`.
    pub fn number(&self, name: &str) -> Result<f64, BenchError> {
        self.meta[name].as_f64().ok_or_else(|| self.wrong(format!("{name} is no number")))
    }

    /// The numbers of `NAME.f64` in the shape that `meta.json` names.
    pub fn matrix(&self, name: &str) -> Result<Matrix, BenchError> {
        let shape = &self.meta["shapes"][name];
        let size = |i: usize| shape[i].as_u64().ok_or_else(|| self.wrong(format!("no shape of {name}")));
        let path = self.folder.join(format!("{name}.f64"));
        let bytes = std::fs::read(&path).map_err(|source| BenchError::File { path, source })?;
        let (chunks, _) = bytes.as_chunks::<8>();
        let numbers = chunks.iter().map(|b| f64::from_le_bytes(*b)).collect();
        Ok(Matrix::new(size(0)? as usize, size(1)? as usize, numbers)?)
    }

    /// A text file of the folder.
    pub fn text(&self, name: &str) -> Result<String, BenchError> {
        text(&self.folder.join(name))
    }

    pub fn wrong(&self, detail: String) -> BenchError {
        BenchError::Format { path: self.folder.join("meta.json"), detail }
    }
}

fn text(path: &Path) -> Result<String, BenchError> {
    std::fs::read_to_string(path).map_err(|source| BenchError::File { path: path.to_owned(), source })
}
