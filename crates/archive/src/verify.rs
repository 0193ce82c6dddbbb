//! Holds a whole recording against its manifest.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::check::{Checker, Fault};
use crate::manifest::{ArchiveError, MANIFEST, Manifest};

/// More than any recording of a real cluster.
const MOST_BYTES: u64 = 8 << 30;

/// A recording and everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Verified {
    pub manifest: Manifest,
    pub faults: Vec<Fault>,
    /// The archive ends or breaks before its end, and how.
    pub cut: Option<String>,
}

impl Verified {
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.cut.is_none()
    }
}

/// Verifies `NAME.rootline` or a directory of the same files.
#[allow(clippy::disallowed_methods, reason = "files are this crate's business")]
pub fn verify_path(path: &Path) -> Result<Verified, ArchiveError> {
    let failed = |source| ArchiveError::Io { doing: format!("read {}", path.display()), source };
    if !path.is_dir() {
        return verify(File::open(path).map_err(failed)?);
    }
    let manifest = match fs::read(path.join(MANIFEST)) {
        Ok(bytes) => Manifest::parse(&bytes)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ArchiveError::NoManifest),
        Err(e) => return Err(failed(e)),
    };
    let mut state = State::new(manifest);
    // only what the manifest names is opened, and only below the directory
    let names: Vec<String> = state.manifest.files.iter().map(|f| f.path.clone()).collect();
    for name in names.iter().filter(|n| n.split('/').all(|part| !matches!(part, "" | "." | ".."))) {
        if let Ok(bytes) = fs::read(path.join(name)) {
            state.file(name, &bytes);
        }
    }
    Ok(state.finish(None))
}

/// Verifies the bytes of a `.rootline` file.
pub fn verify_bytes(bytes: &[u8]) -> Result<Verified, ArchiveError> {
    verify(bytes)
}

fn verify(input: impl Read) -> Result<Verified, ArchiveError> {
    let decoder = zstd::Decoder::new(input)
        .map_err(|source| ArchiveError::Io { doing: "unpack the recording".into(), source })?;
    let mut archive = tar::Archive::new(decoder.take(MOST_BYTES));
    let mut state: Option<State> = None;
    let outcome = read_entries(&mut archive, &mut state);
    let cut = match outcome {
        Ok(()) => None,
        Err(Trouble::Manifest(e)) => return Err(e),
        Err(Trouble::Cut(e)) => Some(e.to_string()),
    };
    Ok(state.ok_or(ArchiveError::NoManifest)?.finish(cut))
}

enum Trouble {
    Manifest(ArchiveError),
    Cut(io::Error),
}

fn read_entries(archive: &mut tar::Archive<impl Read>, state: &mut Option<State>) -> Result<(), Trouble> {
    for entry in archive.entries().map_err(Trouble::Cut)? {
        let mut entry = entry.map_err(Trouble::Cut)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(Trouble::Cut)?;
        match state {
            Some(state) => state.file(&path, &bytes),
            None if path == MANIFEST => *state = Some(State::new(Manifest::parse(&bytes).map_err(Trouble::Manifest)?)),
            // the manifest is always first
            None => return Err(Trouble::Manifest(ArchiveError::NoManifest)),
        }
    }
    Ok(())
}

struct State {
    manifest: Manifest,
    checker: Checker,
    faults: Vec<Fault>,
}

impl State {
    fn new(manifest: Manifest) -> State {
        State { checker: Checker::new(&manifest), manifest, faults: Vec::new() }
    }

    fn file(&mut self, path: &str, bytes: &[u8]) {
        self.faults.extend(self.checker.file(path, bytes).err());
    }

    fn finish(mut self, cut: Option<String>) -> Verified {
        self.faults.extend(self.checker.finish());
        Verified { manifest: self.manifest, faults: self.faults, cut }
    }
}
