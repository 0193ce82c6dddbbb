//! Holds the files of a recording against its manifest.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::manifest::{FileEntry, MANIFEST, Manifest};

/// A file that is not as the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Named by the manifest, not in the recording.
    Missing { path: String },
    /// In the recording, not named by the manifest.
    Unlisted { path: String },
    /// Shorter or longer than it was.
    Size { path: String, expected: u64, found: u64 },
    /// As long as it was, and other bytes.
    Checksum { path: String },
}

impl Fault {
    pub fn path(&self) -> &str {
        match self {
            Fault::Missing { path }
            | Fault::Unlisted { path }
            | Fault::Size { path, .. }
            | Fault::Checksum { path } => path,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Missing { path } => write!(f, "{path}: named by the manifest but missing"),
            Fault::Unlisted { path } => write!(f, "{path}: has no checksum in the manifest"),
            Fault::Size { path, expected, found } => write!(f, "{path}: {found} bytes instead of {expected}"),
            Fault::Checksum { path } => write!(f, "{path}: wrong checksum, the file was changed or damaged"),
        }
    }
}

/// Checks files one by one as they are read, in any order.
pub struct Checker {
    open: BTreeMap<String, FileEntry>,
    known: std::collections::BTreeSet<String>,
}

impl Checker {
    pub fn new(manifest: &Manifest) -> Self {
        let open: BTreeMap<_, _> = manifest.files.iter().map(|f| (f.path.clone(), f.clone())).collect();
        let known = open.keys().cloned().collect();
        Checker { open, known }
    }

    /// Checks one file; the path is relative to the folder that holds the manifest.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        if path == MANIFEST {
            return Ok(());
        }
        let Some(entry) = self.open.remove(path) else {
            // the same path twice: the second one is as foreign as a file that was never named
            return Err(Fault::Unlisted { path: path.into() });
        };
        let found = bytes.len() as u64;
        if entry.size != found {
            return Err(Fault::Size { path: path.into(), expected: entry.size, found });
        }
        match entry.sha256 == sha256_hex(bytes) {
            true => Ok(()),
            false => Err(Fault::Checksum { path: path.into() }),
        }
    }

    /// True for a path the manifest names, whether seen already or not.
    pub fn names(&self, path: &str) -> bool {
        self.known.contains(path)
    }

    /// What never came.
    pub fn finish(self) -> Vec<Fault> {
        self.open.into_keys().map(|path| Fault::Missing { path }).collect()
    }
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}
