//! The folder with its two files, opened once per process.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::database::{Database, Kind};
use crate::error::{Result, StoreError};
use crate::outbox;
use crate::series::{self, Head};

/// Incidents, alerts, outbox, silences, audit: on disk before a commit returns.
const STATE: Kind = Kind {
    file: "state.db",
    migrations: &[include_str!("../schema/state_001.sql")],
    synchronous: "FULL",
    page: 4096,
    check: true,
};
/// Events, changes, series: a power cut may take the last moments, a kill of the process takes nothing written.
const HISTORY: Kind = Kind {
    file: "history.db",
    migrations: &[include_str!("../schema/history_001.sql"), include_str!("../schema/history_002.sql")],
    synchronous: "NORMAL",
    page: 8192,
    check: false,
};

/// How a store is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes that each of the two files may have; more is the error `Full`.
    pub file_bytes_max: Option<u64>,
    /// Series known at one time; points of further ones are refused and counted.
    pub series_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { file_bytes_max: None, series_max: 100_000 }
    }
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Transactions committed.
    pub writes: u64,
    /// Transactions that failed.
    pub errors: u64,
}

/// All of it. Share it by reference or `Arc`: every method takes `&self`, writers wait for each other, readers for nobody.
pub struct Store {
    pub(crate) folder: PathBuf,
    pub(crate) state: Database,
    pub(crate) history: Database,
    pub(crate) options: Options,
    pub(crate) head: Mutex<Head>,
    /// One flush at a time.
    pub(crate) flushing: Mutex<()>,
    /// Held as long as the store is open; the system gives it back when the process dies.
    _lock: File,
}

impl Store {
    /// Opens or makes the folder and its files, migrates them to this program's schema, and gives claimed messages back
    /// to the queue.
    pub fn open(folder: &Path, options: &Options) -> Result<Store> {
        std::fs::create_dir_all(folder).map_err(|e| StoreError::io(folder.display().to_string(), e))?;
        let lock = lock(folder)?;
        let state = Database::open(folder, STATE, options.file_bytes_max)?;
        let history = Database::open(folder, HISTORY, options.file_bytes_max)?;
        state.write(outbox::give_back)?;
        let head = history.read(|db| series::load(db, HISTORY.file))?;
        Ok(Store {
            folder: folder.to_owned(),
            state,
            history,
            options: options.clone(),
            head: Mutex::new(head),
            flushing: Mutex::default(),
            _lock: lock,
        })
    }

    /// Of both files since it was opened.
    pub fn counters(&self) -> Counters {
        let (state, history) = (self.state.counters(), self.history.counters());
        Counters { writes: state.writes + history.writes, errors: state.errors + history.errors }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(|e| StoreError::io("lock", e))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", e)),
    }
}
