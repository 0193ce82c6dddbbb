//! What can go wrong with the files, in the words that say what to do.

use std::path::PathBuf;

use rusqlite::ErrorCode;

pub type Result<T> = std::result::Result<T, StoreError>;

/// After any of these the files hold what was acknowledged before: a transaction that failed left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk, or the size limit is reached.
    #[error(
        "{file}: disk full; nothing of this write was kept. Free space or shorten retention, then it goes on by itself"
    )]
    Full { file: String },
    /// Permissions or a read-only mount.
    #[error("{file}: cannot be written (read-only file, folder or mount)")]
    ReadOnly { file: String },
    /// Bytes that SQLite or a checksum does not believe.
    #[error(
        "{file}: damaged ({detail}). Nothing was changed. Stop the daemon, move the file aside, put the last backup in its \
         place (docs/how-to/backup.md); `sqlite3 FILE .recover` may still save rows"
    )]
    Damaged { file: String, detail: String },
    /// Written by a newer version of the program.
    #[error(
        "{file}: schema {found}, this program knows up to {known}. Use the newer program, or the backup made before its upgrade"
    )]
    Newer { file: String, found: i64, known: i64 },
    /// A database of somebody else.
    #[error("{file}: is an SQLite file of another program")]
    Foreign { file: String },
    /// Another process has it open for writing.
    #[error("{folder}: in use by another process")]
    InUse { folder: PathBuf },
    /// Another connection held the lock for longer than we wait.
    #[error("{file}: busy; another program holds a lock on it")]
    Busy { file: String },
    /// The caller gave an older state of an incident than the one kept.
    #[error("incident {id}: version {given} after version {kept}")]
    Regressed { id: u64, kept: u32, given: u32 },
    /// A page token that no list gave out.
    #[error("page token {0:?} is none of ours")]
    Cursor(String),
    /// An answer of more points than anybody can look at.
    #[error("more than {limit} points; ask for fewer series, a shorter time or a coarser resolution")]
    TooMuch { limit: usize },
    #[error("{file}: {source}")]
    Io { file: String, source: std::io::Error },
    /// A record that cannot be read or written as JSON.
    #[error("{what}: {source}")]
    Record { what: String, source: serde_json::Error },
    /// Anything else SQLite says.
    #[error("{file}: {source}")]
    Sql { file: String, source: Box<rusqlite::Error> },
}

impl StoreError {
    /// By SQLite's result code.
    pub(crate) fn sql(file: &str, error: rusqlite::Error) -> StoreError {
        let file = file.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { file },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { file },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { file, detail: error.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { file },
            _ => StoreError::Sql { file, source: Box::new(error) },
        }
    }

    pub(crate) fn io(file: impl Into<String>, source: std::io::Error) -> StoreError {
        let file = file.into();
        match source.kind() {
            std::io::ErrorKind::StorageFull => StoreError::Full { file },
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly { file }
            }
            _ => StoreError::Io { file, source },
        }
    }

    /// True where trying again later can help without anybody's hand.
    pub fn is_passing(&self) -> bool {
        matches!(self, StoreError::Full { .. } | StoreError::Busy { .. })
    }
}

/// Inside a transaction SQLite's errors and ours meet.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Ours(StoreError),
}

impl Fault {
    pub(crate) fn at(self, file: &str) -> StoreError {
        match self {
            Fault::Sql(e) => StoreError::sql(file, e),
            Fault::Ours(e) => e,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(e: rusqlite::Error) -> Self {
        Fault::Sql(e)
    }
}

impl From<StoreError> for Fault {
    fn from(e: StoreError) -> Self {
        Fault::Ours(e)
    }
}
