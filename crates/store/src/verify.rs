//! Copies and checks of a store that is in use.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rootline_model::{Alert, LiveIncident};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::audit;
use crate::database::Database;
use crate::error::{Fault, Result, StoreError};
use crate::record::from_json;
use crate::series::{RAW, decode, decode_buckets, read_record};
use crate::store::Store;

/// What was looked at and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was checked and how many there were.
    pub checked: Vec<(&'static str, usize)>,
    /// The first `PROBLEMS_MAX`, in words.
    pub problems: Vec<String>,
}

/// More lines help nobody.
const PROBLEMS_MAX: usize = 100;

impl Report {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, text: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        }
    }
}

impl Store {
    /// A consistent copy of each file in a new folder that `Store::open` takes; writers go on meanwhile. Checked and on
    /// disk when this returns.
    pub fn backup(&self, to: &Path) -> Result<()> {
        self.log_head()?;
        std::fs::create_dir_all(to).map_err(|e| StoreError::io(to.display().to_string(), e))?;
        for database in [&self.state, &self.history] {
            copy(database, to)?;
        }
        Ok(())
    }

    /// Reads everything: SQLite's own check, references, records, checksums, the chain of the audit log.
    pub fn verify(&self) -> Result<Report> {
        let mut report = Report::default();
        self.state.read(|db| {
            integrity(db, self.state.kind.file, &mut report)?;
            records(db, &mut report)?;
            references(db, &mut report)?;
            if let Some(seq) = audit::broken_at(db)? {
                report.problem(format!(
                    "audit: row {seq} does not follow from the one before; rows were changed or removed"
                ));
            }
            count(db, "audit", &mut report)
        })?;
        self.history.read(|db| {
            integrity(db, self.history.kind.file, &mut report)?;
            chunks(db, &mut report)?;
            for table in ["event", "change", "series"] {
                count(db, table, &mut report)?;
            }
            Ok(())
        })?;
        Ok(report)
    }
}

/// Moves a damaged `history.db` aside, so that the store opens with a new one: incidents and messages are in the other
/// file. Where it went; the store must not be open.
pub fn set_history_aside(folder: &Path, now: Timestamp) -> Result<PathBuf> {
    let aside = folder.join(format!("history.db.damaged-{}", now.as_millisecond()));
    for tail in ["-wal", "-shm"] {
        let from = folder.join(format!("history.db{tail}"));
        if from.exists() {
            let to = folder.join(format!("history.db.damaged-{}{tail}", now.as_millisecond()));
            std::fs::rename(&from, to).map_err(|e| StoreError::io("history.db", e))?;
        }
    }
    std::fs::rename(folder.join("history.db"), &aside).map_err(|e| StoreError::io("history.db", e))?;
    Ok(aside)
}

fn copy(database: &Database, to: &Path) -> Result<()> {
    let file = database.kind.file;
    let (part, done) = (to.join(format!("{file}.part")), to.join(file));
    for stale in [&part, &done] {
        match std::fs::remove_file(stale) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::io(file, e)),
            _ => {}
        }
    }
    let sql = |e| StoreError::sql(file, e);
    let mut target = Connection::open(&part).map_err(sql)?;
    database.read(|source| {
        // all pages in one step: one snapshot, and a write in between does not start it again
        let backup = Backup::new(source, &mut target)?;
        match backup.step(-1)? {
            StepResult::Done => Ok(()),
            _ => Err(Fault::Ours(StoreError::Busy { file: file.to_owned() })),
        }
    })?;
    let mut report = Report::default();
    integrity(&target, file, &mut report).map_err(|e| e.at(file))?;
    if let Some(problem) = report.problems.pop() {
        return Err(StoreError::Damaged { file: file.to_owned(), detail: problem });
    }
    target.close().map_err(|(_, e)| sql(e))?;
    let io = |e| StoreError::io(file, e);
    File::open(&part).and_then(|f| f.sync_all()).map_err(io)?;
    std::fs::rename(&part, &done).map_err(io)?;
    File::open(to).and_then(|f| f.sync_all()).map_err(io)
}

fn integrity(db: &Connection, file: &'static str, report: &mut Report) -> std::result::Result<(), Fault> {
    let mut query = db.prepare("PRAGMA integrity_check(20)")?;
    for line in query.query_map([], |r| r.get::<_, String>(0))? {
        let line = line?;
        if line != "ok" {
            report.problem(format!("{file}: {line}"));
        }
    }
    let pages = db.pragma_query_value(None, "page_count", |r| r.get(0))?;
    report.checked.push((file, pages));
    Ok(())
}

fn count(db: &Connection, table: &'static str, report: &mut Report) -> std::result::Result<(), Fault> {
    let rows = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
    report.checked.push((table, rows));
    Ok(())
}

fn records(db: &Connection, report: &mut Report) -> std::result::Result<(), Fault> {
    let mut all = |table: &'static str, key: &str, check: fn(&str) -> Result<()>| -> std::result::Result<(), Fault> {
        let mut query = db.prepare(&format!("SELECT CAST({key} AS TEXT), body FROM {table}"))?;
        let mut rows = query.query([])?;
        let mut count = 0;
        while let Some(r) = rows.next()? {
            count += 1;
            if let Err(e) = check(&r.get::<_, String>(1)?) {
                report.problem(format!("{table} {}: {e}", r.get::<_, String>(0)?));
            }
        }
        report.checked.push((table, count));
        Ok(())
    };
    all("incident", "id", |b| from_json::<LiveIncident>("body", b).map(|_| ()))?;
    all("alert", "fingerprint", |b| from_json::<Alert>("body", b).map(|_| ()))?;
    all("silence", "id", |b| from_json::<crate::Silence>("body", b).map(|_| ()))?;
    all("outbox", "key", |b| from_json::<Value>("body", b).map(|_| ()))?;
    all("finding", "id", |b| from_json::<Value>("body", b).map(|_| ()))?;
    let mut query = db.prepare("SELECT name, crc, bytes FROM snapshot")?;
    let mut rows = query.query([])?;
    while let Some(r) = rows.next()? {
        if crc32fast::hash(&r.get::<_, Vec<u8>>(2)?) != r.get::<_, u32>(1)? {
            report.problem(format!("snapshot {}: wrong checksum", r.get::<_, String>(0)?));
        }
    }
    Ok(())
}

/// Each: what a row that it finds means.
const REFERENCES: &[(&str, &str)] = &[
    ("SELECT CAST(fingerprint AS TEXT) FROM membership WHERE incident NOT IN (SELECT id FROM incident)", "member of an unknown incident"),
    ("SELECT CAST(incident AS TEXT) FROM moment WHERE incident NOT IN (SELECT id FROM incident)", "moment of an unknown incident"),
    ("SELECT CAST(id AS TEXT) FROM incident WHERE id >= (SELECT value FROM meta WHERE name = 'next_incident')", "incident above the next id"),
    (
        "SELECT key FROM outbox WHERE state = 0 AND incident NOT IN (SELECT id FROM incident)",
        "waiting message about an unknown incident",
    ),
    (
        "SELECT max(key) FROM outbox WHERE state = 0 AND incident IS NOT NULL AND ifnull(lease, 0) = 0
         GROUP BY incident, channel HAVING count(*) > 1",
        "two waiting messages about one incident on one channel",
    ),
    ("SELECT key FROM outbox WHERE state IN (1, 2, 3) AND ended IS NULL", "ended message without a time"),
    (
        "SELECT CAST(id AS TEXT) FROM incident WHERE version <> json_extract(body, '$.version') OR id <> json_extract(body, '$.id')
           OR stage <> (json_extract(body, '$.stage') = 'resolved')",
        "columns of an incident differ from its body",
    ),
];

fn references(db: &Connection, report: &mut Report) -> std::result::Result<(), Fault> {
    for (sql, meaning) in REFERENCES {
        let mut query = db.prepare(&format!("{sql} LIMIT 5"))?;
        let mut rows = query.query([])?;
        while let Some(r) = rows.next()? {
            report.problem(format!("{meaning}: {}", r.get::<_, String>(0)?));
        }
    }
    report.checked.push(("references", REFERENCES.len()));
    Ok(())
}

fn chunks(db: &Connection, report: &mut Report) -> std::result::Result<(), Fault> {
    let mut query =
        db.prepare("SELECT level, slot, series, points, crc, bytes, series IN (SELECT id FROM series) FROM chunk")?;
    let mut rows = query.query(params![])?;
    let mut count = 0;
    while let Some(r) = rows.next()? {
        count += 1;
        let (level, slot, series): (i64, i64, u32) = (r.get(0)?, r.get(1)?, r.get(2)?);
        let (points, crc, bytes): (usize, u32, Vec<u8>) = (r.get(3)?, r.get(4)?, r.get(5)?);
        let read =
            || if level == RAW { decode(&bytes).map(|p| p.len()) } else { decode_buckets(&bytes).map(|b| b.len()) };
        let wrong = if crc32fast::hash(&bytes) != crc {
            "wrong checksum"
        } else if read() != Some(points) {
            "cannot be read"
        } else if !r.get::<_, bool>(6)? {
            "of an unknown series"
        } else {
            continue;
        };
        report.problem(format!("chunk of level {level}, slot {slot}, series {series}: {wrong}"));
    }
    report.checked.push(("chunk", count));
    let mut query = db.prepare("SELECT seq, crc, bytes FROM head")?;
    let mut rows = query.query([])?;
    while let Some(r) = rows.next()? {
        let bytes: Vec<u8> = r.get(2)?;
        if crc32fast::hash(&bytes) != r.get::<_, u32>(1)? || read_record(&bytes).is_none() {
            report.problem(format!("head record {}: damaged", r.get::<_, i64>(0)?));
        }
    }
    Ok(())
}
