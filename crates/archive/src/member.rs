//! One file of a recording by its name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::manifest::ArchiveError;

/// The bytes of one file of a recording (`NAME.rootline` or a directory), at most so many; `None`: it has none of that name.
///
/// # Errors
/// The recording cannot be read, or the file is larger.
#[allow(clippy::disallowed_methods, reason = "files are this crate's business")]
pub fn member(recording: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
    let failed = |source| ArchiveError::Io { doing: format!("read {}", recording.display()), source };
    if recording.is_dir() {
        return match fs::read(recording.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(e)),
        };
    }
    let decoder = zstd::Decoder::new(File::open(recording).map_err(failed)?).map_err(failed)?;
    let mut archive = tar::Archive::new(decoder);
    for entry in archive.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path_bytes().as_ref() != name.as_bytes() {
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
            return Err(ArchiveError::TooLarge { subject: name.to_owned(), detail: format!("more than {most} bytes") });
        }
        return Ok(Some(bytes));
    }
    Ok(None)
}
