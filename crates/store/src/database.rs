//! One SQLite file: one writing connection, reading connections beside it, numbered migrations.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Fault, Result, StoreError};
use crate::store::Counters;

/// `PRAGMA application_id`: "RtLn".
const APPLICATION: i64 = 0x5274_4c6e;
/// Idle reading connections kept; more are opened under load and closed after use.
const READERS_MAX: usize = 4;
/// How long to wait for a lock of a program beside us (a backup, `sqlite3`).
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// What a file is and how hard its writes hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub file: &'static str,
    /// Migration n is at n - 1; `user_version` counts those that were run.
    pub migrations: &'static [&'static str],
    /// `FULL`: on disk before a commit returns. `NORMAL`: a power cut may take the last commits, a kill takes none.
    pub synchronous: &'static str,
    /// Bytes.
    pub page: u32,
    /// Whether to read it all on opening and refuse it if it is damaged: for small files.
    pub check: bool,
}

pub(crate) struct Database {
    pub kind: Kind,
    pub path: PathBuf,
    // dropped before the writer: it takes the log into the file when it is the last to close
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Connection>,
    writes: AtomicU64,
    errors: AtomicU64,
}

impl Database {
    /// Opens or makes the file and brings it to the newest schema. Before a migration of existing data a copy is made
    /// beside it: `state.db.v1`.
    pub(crate) fn open(folder: &Path, kind: Kind, size_max: Option<u64>) -> Result<Database> {
        let path = folder.join(kind.file);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags);
        let mut writer = opened.map_err(|e| unopened(kind.file, e))?;
        prepare(&mut writer, &path, kind, size_max).map_err(|e| e.at(kind.file))?;
        Ok(Database {
            kind,
            path,
            readers: Mutex::default(),
            writer: Mutex::new(writer),
            writes: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        })
    }

    /// Runs `work` in one transaction; an error leaves nothing behind.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction) -> std::result::Result<T, Fault>) -> Result<T> {
        let mut writer = self.writer();
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let done = run().map_err(|e: Fault| e.at(self.kind.file));
        let counter = if done.is_ok() { &self.writes } else { &self.errors };
        counter.fetch_add(1, Ordering::Relaxed);
        done
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { writes: self.writes.load(Ordering::Relaxed), errors: self.errors.load(Ordering::Relaxed) }
    }

    /// The writing connection outside of a transaction: checkpoints, vacuum, backup.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        // a panic inside a transaction rolled it back when it was dropped
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on what was committed before, without waiting for a writer.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> std::result::Result<T, Fault>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => reader(&self.path, self.kind.file)?,
        };
        let value = work(&reader).map_err(|e| e.at(self.kind.file));
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_MAX {
            readers.push(reader);
        }
        value
    }
}

/// A connection that can only read.
fn reader(path: &Path, file: &str) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags).map_err(|e| unopened(file, e))?;
    reader.busy_timeout(BUSY_WAIT).map_err(|e| StoreError::sql(file, e))?;
    reader.set_prepared_statement_cache_capacity(32);
    Ok(reader)
}

/// SQLite says "cannot open" of a folder it may not write to.
fn unopened(file: &str, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen) => StoreError::ReadOnly { file: file.to_owned() },
        _ => StoreError::sql(file, error),
    }
}

fn prepare(db: &mut Connection, path: &Path, kind: Kind, size_max: Option<u64>) -> std::result::Result<(), Fault> {
    let file = kind.file.to_owned();
    db.busy_timeout(BUSY_WAIT)?;
    db.set_prepared_statement_cache_capacity(64);
    let version: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let application: i64 = db.pragma_query_value(None, "application_id", |r| r.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
    let known = i64::try_from(kind.migrations.len()).unwrap_or(i64::MAX);
    if tables > 0 && application != APPLICATION {
        return Err(StoreError::Foreign { file }.into());
    }
    if version > known {
        return Err(StoreError::Newer { file, found: version, known }.into());
    }
    if tables == 0 {
        // both only count before the first table
        db.pragma_update(None, "page_size", kind.page)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |r| r.get(0))?;
    if mode != "wal" {
        return Err(StoreError::ReadOnly { file }.into());
    }
    db.pragma_update(None, "synchronous", kind.synchronous)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "journal_size_limit", 64 << 20)?;
    if let Some(bytes) = size_max {
        db.pragma_update_and_check(None, "max_page_count", bytes / u64::from(kind.page), |_| Ok(()))?;
    }
    migrate(db, path, kind, version)?;
    if kind.check {
        let answer: String = db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        if answer != "ok" {
            return Err(StoreError::Damaged { file, detail: answer }.into());
        }
    }
    Ok(())
}

fn migrate(db: &mut Connection, path: &Path, kind: Kind, version: i64) -> std::result::Result<(), Fault> {
    let done = usize::try_from(version).unwrap_or(0);
    if done > 0 && done < kind.migrations.len() {
        let copy = path.with_file_name(format!("{}.v{version}", kind.file));
        db.backup("main", &copy, None::<fn(rusqlite::backup::Progress)>)?;
        tracing::info!(file = kind.file, from = version, copy = %copy.display(), "copied before migration");
    }
    for (number, script) in kind.migrations.iter().enumerate().skip(done) {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", i64::try_from(number + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Folder;

    const V1: Kind =
        Kind { file: "some.db", migrations: &["CREATE TABLE a (x)"], synchronous: "NORMAL", page: 4096, check: true };
    const V2: Kind = Kind { migrations: &["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y DEFAULT 7"], ..V1 };
    const BROKEN: Kind =
        Kind { migrations: &["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y; SELECT nonsense"], ..V1 };

    fn rows(db: &Database, sql: &str) -> Vec<i64> {
        let read = |c: &Connection| -> std::result::Result<Vec<i64>, Fault> {
            Ok(c.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
        };
        db.read(read).unwrap()
    }

    #[test]
    fn a_migration_keeps_the_rows_and_a_copy_from_before() {
        let folder = Folder::new("migrate");
        std::fs::create_dir_all(&folder.0).unwrap();
        let first = Database::open(&folder.0, V1, None).unwrap();
        first.write(|t| Ok(t.execute("INSERT INTO a VALUES (1)", [])?)).unwrap();
        drop(first);
        assert!(Database::open(&folder.0, BROKEN, None).is_err());
        assert_eq!(rows(&Database::open(&folder.0, V1, None).unwrap(), "SELECT x FROM a"), [1], "as if never tried");
        let second = Database::open(&folder.0, V2, None).unwrap();
        assert_eq!(rows(&second, "SELECT y FROM a WHERE x = 1"), [7]);
        drop(second);
        let copy = Database::open(&folder.0, Kind { file: "some.db.v1", ..V1 }, None).unwrap();
        assert_eq!(rows(&copy, "SELECT x FROM a"), [1]);
        let newer = Database::open(&folder.0, V1, None).err().unwrap();
        assert!(matches!(newer, StoreError::Newer { found: 2, known: 1, .. }), "{newer}");
    }
}
