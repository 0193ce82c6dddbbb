//! What may be forgotten, and how large the files are.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use crate::error::{Fault, Result, StoreError};
use crate::record::milliseconds;
use crate::series::{HOURS, MINUTES, RAW};
use crate::store::Store;

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Alerts after their end, unless an open incident has them; Alertmanager's garbage collection is 30 min too.
    pub alerts: SignedDuration,
    /// Incidents after they were resolved; open ones stay.
    pub incidents: SignedDuration,
    pub findings: SignedDuration,
    /// Messages that were sent or superseded.
    pub sent: SignedDuration,
    pub dead_letters: SignedDuration,
    /// Silences after their end; Alertmanager's 120 h.
    pub silences: SignedDuration,
    pub audit: SignedDuration,
    pub events: SignedDuration,
    pub changes: SignedDuration,
    pub raw: SignedDuration,
    pub minutes: SignedDuration,
    pub hours: SignedDuration,
    /// Of `history.db`: above it the oldest raw hours go first, then minutes, then the oldest events.
    pub history_bytes: u64,
}

const HOURS_A_DAY: i64 = 24;

const fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n * HOURS_A_DAY)
}

impl Default for Keep {
    fn default() -> Self {
        Keep {
            alerts: SignedDuration::from_mins(30),
            incidents: days(90),
            findings: days(30),
            sent: days(14),
            dead_letters: days(90),
            silences: SignedDuration::from_hours(120),
            audit: days(400),
            events: days(30),
            changes: days(90),
            // seven days to look back on exactly; minutes and hours for trends
            raw: days(7),
            minutes: days(30),
            hours: days(365),
            history_bytes: 8 << 30,
        }
    }
}

/// Rows that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub alerts: usize,
    pub incidents: usize,
    pub messages: usize,
    pub events: usize,
    pub chunks: usize,
    pub series: usize,
    /// Findings, changes, silences, audit rows.
    pub others: usize,
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub state: u64,
    pub history: u64,
    /// Both write-ahead logs.
    pub logs: u64,
    /// Of `history`: what is in use.
    pub history_used: u64,
}

/// Rows of one transaction: other writers get their turn in between.
const BATCH: usize = 5000;
/// Free pages given back to the file system in one go.
const VACUUM_PAGES: i64 = 4096;

impl Store {
    /// Removes what is older than it is kept. Call it some times a day, and after `Full`.
    pub fn retention(&self, keep: &Keep, now: Timestamp) -> Result<Removed> {
        let before = |age: SignedDuration| milliseconds(now.checked_sub(age).unwrap_or(Timestamp::MIN));
        let state = |sql: &str, at: i64| self.state.write(|t| Ok(t.execute(sql, [at])?));
        let incidents = state("DELETE FROM incident WHERE stage = 1 AND resolved < ?1", before(keep.incidents))?;
        let alerts = state(
            "DELETE FROM alert WHERE ends < ?1 AND NOT EXISTS (SELECT 1 FROM membership m JOIN incident i ON i.id = m.incident
               WHERE m.fingerprint = alert.fingerprint AND i.stage = 0)",
            before(keep.alerts),
        )?;
        let sent = state("DELETE FROM outbox WHERE state IN (1, 3) AND ended < ?1", before(keep.sent))?;
        let dead = state("DELETE FROM outbox WHERE state = 2 AND ended < ?1", before(keep.dead_letters))?;
        let silences = state("DELETE FROM silence WHERE ends < ?1", before(keep.silences))?;
        let findings = state("DELETE FROM finding WHERE at < ?1", before(keep.findings))?;
        // the last row stays: the next one's hash follows from it
        let audit = state(
            "DELETE FROM audit WHERE seq < (SELECT min(seq) FROM audit WHERE at >= ?1)
               OR (at < ?1 AND seq < (SELECT max(seq) FROM audit)
                   AND NOT EXISTS (SELECT 1 FROM audit WHERE at >= ?1))",
            before(keep.audit),
        )?;
        let events = self.batched("event", "last < ?1", before(keep.events))?;
        let changes = self.batched("change", "at < ?1", before(keep.changes))?;
        let mut chunks = 0;
        for (level, age, slot_ms) in
            [(RAW, keep.raw, 3_600_000), (MINUTES, keep.minutes, 3_600_000), (HOURS, keep.hours, 86_400_000)]
        {
            chunks += self.drop_slots(level, before(age).div_euclid(slot_ms))?;
        }
        let mut removed = Removed {
            alerts,
            incidents,
            messages: sent + dead,
            events,
            chunks,
            series: 0,
            others: silences + findings + audit + changes,
        };
        self.shrink(keep.history_bytes, &mut removed)?;
        removed.series = self.forget_series()?;
        self.give_back()?;
        Ok(removed)
    }

    pub fn size(&self) -> Result<Size> {
        let length = |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
        let log = |path: &std::path::Path| {
            let mut name = path.as_os_str().to_owned();
            name.push("-wal");
            length(name.into())
        };
        let (state, history) = (&self.state.path, &self.history.path);
        Ok(Size {
            state: length(state.clone()),
            history: length(history.clone()),
            logs: log(state) + log(history),
            history_used: self.history_used()?,
        })
    }

    fn batched(&self, table: &str, condition: &str, at: i64) -> Result<usize> {
        let sql = format!("DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT {BATCH})");
        let mut all = 0;
        loop {
            let some = self.history.write(|t| Ok(t.prepare_cached(&sql)?.execute([at])?))?;
            all += some;
            if some < BATCH {
                return Ok(all);
            }
        }
    }

    /// All slots of a level below this one.
    fn drop_slots(&self, level: i64, below: i64) -> Result<usize> {
        let mut all = 0;
        while let Some(slot) = self.oldest_slot(level)?.filter(|slot| *slot < below) {
            all += self.drop_slot(level, slot)?;
        }
        Ok(all)
    }

    fn oldest_slot(&self, level: i64) -> Result<Option<i64>> {
        self.history.read(|db| {
            Ok(db.prepare_cached("SELECT min(slot) FROM chunk WHERE level = ?1")?.query_row([level], |r| r.get(0))?)
        })
    }

    fn drop_slot(&self, level: i64, slot: i64) -> Result<usize> {
        self.history.write(|t| {
            Ok(t.prepare_cached("DELETE FROM chunk WHERE level = ?1 AND slot = ?2")?.execute(params![level, slot])?)
        })
    }

    fn history_used(&self) -> Result<u64> {
        self.history.read(|db| {
            let get = |name: &str| db.pragma_query_value(None, name, |r| r.get::<_, u64>(0));
            let used = get("page_count")?.saturating_sub(get("freelist_count")?);
            Ok(used * get("page_size")?)
        })
    }

    fn shrink(&self, bytes: u64, removed: &mut Removed) -> Result<()> {
        while self.history_used()? > bytes {
            let chunks = [RAW, MINUTES].into_iter().find_map(|level| match self.oldest_slot(level) {
                Ok(slot) => slot.map(|slot| self.drop_slot(level, slot)),
                Err(e) => Some(Err(e)),
            });
            if let Some(chunks) = chunks {
                removed.chunks += chunks?;
                continue;
            }
            let events = self.history.write(|t| {
                let oldest =
                    format!("DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY last LIMIT {BATCH})");
                Ok(t.prepare_cached(&oldest)?.execute([])?)
            })?;
            removed.events += events;
            if events == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Series without a chunk and without points in the head.
    fn forget_series(&self) -> Result<usize> {
        // no cut moves points from the head into chunks in between
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: BTreeSet<u32> = self.history.read(|db| {
            // every series with chunks has one of hours for as long as any of them lives
            let mut query = db.prepare("SELECT DISTINCT series FROM chunk WHERE level = ?1")?;
            let hours = query.query_map([HOURS], |r| r.get(0))?;
            Ok(hours.collect::<rusqlite::Result<_>>()?)
        })?;
        let gone: BTreeSet<u32> = {
            let mut head = self.head();
            let gone = head.index.ids().filter(|id| !kept.contains(id) && !head.has_points(*id)).collect();
            head.forget(&gone);
            gone
        };
        self.history.write(|t| {
            let mut delete = t.prepare_cached("DELETE FROM series WHERE id = ?1")?;
            gone.iter().try_for_each(|id| delete.execute([id]).map(|_| ()).map_err(Fault::from))
        })?;
        Ok(gone.len())
    }

    /// Free pages at the end of the files go back to the file system.
    fn give_back(&self) -> Result<()> {
        for database in [&self.state, &self.history] {
            let writer = database.writer();
            let vacuum = writer.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"));
            vacuum.map_err(|e| StoreError::sql(database.kind.file, e))?;
        }
        Ok(())
    }
}
