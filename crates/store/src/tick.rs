//! What one step of the core decided, kept whole or not at all.

use jiff::Timestamp;
use rootline_model::{Alert, Fingerprint, LiveIncident};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use crate::audit::{self, Deed};
use crate::error::{Fault, Result, StoreError};
use crate::outbox::{self, NewMessage};
use crate::record::{from_json, milliseconds, moment, to_json};
use crate::store::Store;
use crate::{alerts, incidents};

/// Everything that one step changed. Giving the same step twice changes nothing the second time.
#[derive(Clone, Debug, Default)]
pub struct Tick {
    /// The core's clock.
    pub at: Timestamp,
    /// Alerts that the core itself changed (expired, resolved).
    pub alerts: Vec<Alert>,
    /// Those that are new or changed; the moments of their timelines are kept for good.
    pub incidents: Vec<LiveIncident>,
    /// What moved: into an incident of the store or of this tick, or out of all.
    pub memberships: Vec<(Fingerprint, Option<u64>)>,
    pub findings: Vec<KeptFinding>,
    pub messages: Vec<NewMessage>,
    /// Opaque state by name, to be given back on start.
    pub snapshots: Vec<(String, Vec<u8>)>,
    /// For the audit log.
    pub deeds: Vec<Deed>,
}

/// A finding or an anomaly worth keeping; one per moment, code and entity.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptFinding {
    pub at: Timestamp,
    /// `container.oom_killed`
    pub code: String,
    /// As `EntityRef` prints it.
    pub entity: String,
    /// In the detector's own unit; larger is worse.
    pub score: f64,
    pub incident: Option<u64>,
    pub body: Value,
}

impl Store {
    /// One transaction, on disk when this returns.
    pub fn commit(&self, tick: &Tick) -> Result<()> {
        self.state.write(|t| {
            alerts::put(t, &tick.alerts, tick.at)?;
            for incident in &tick.incidents {
                incidents::put(t, incident)?;
            }
            memberships(t, tick)?;
            findings(t, &tick.findings)?;
            for message in &tick.messages {
                outbox::put(t, message, tick.at)?;
            }
            snapshots(t, tick)?;
            for deed in &tick.deeds {
                audit::put(t, deed)?;
            }
            t.prepare_cached("UPDATE meta SET value = max(value, ?1) WHERE name = 'clock'")?
                .execute([milliseconds(tick.at)])?;
            Ok(())
        })
    }

    /// The latest moment of any tick; `None` in a new store.
    pub fn clock(&self) -> Result<Option<Timestamp>> {
        self.state.read(|db| {
            let at: i64 = db.query_row("SELECT value FROM meta WHERE name = 'clock'", [], |r| r.get(0))?;
            Ok((at != 0).then(|| moment(at)))
        })
    }

    /// What a tick gave under this name, and when. A damaged one is an error: start without it.
    pub fn snapshot(&self, name: &str) -> Result<Option<(Timestamp, Vec<u8>)>> {
        let found = self.state.read(|db| {
            let mut query = db.prepare_cached("SELECT at, crc, bytes FROM snapshot WHERE name = ?1")?;
            Ok(query.query_row([name], |r| Ok((r.get(0)?, r.get::<_, u32>(1)?, r.get::<_, Vec<u8>>(2)?))).optional()?)
        })?;
        let Some((at, crc, bytes)) = found else { return Ok(None) };
        if crc32fast::hash(&bytes) != crc {
            let detail = format!("checksum of snapshot {name}");
            return Err(StoreError::Damaged { file: self.state.kind.file.to_owned(), detail });
        }
        Ok(Some((moment(at), bytes)))
    }

    /// Of one entity, or of all; newest first.
    pub fn findings(&self, entity: Option<&str>, since: Timestamp, limit: usize) -> Result<Vec<KeptFinding>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT at, code, entity, score, incident, body FROM finding
                 WHERE at >= ?1 AND (?2 IS NULL OR entity = ?2) ORDER BY at DESC, id DESC LIMIT ?3",
            )?;
            let limit = limit.min(incidents::PAGE_MAX);
            let rows = query.query_map(params![milliseconds(since), entity, limit], |r| {
                let finding = KeptFinding {
                    at: moment(r.get(0)?),
                    code: r.get(1)?,
                    entity: r.get(2)?,
                    score: r.get(3)?,
                    incident: r.get(4)?,
                    body: Value::Null,
                };
                Ok((finding, r.get::<_, String>(5)?))
            })?;
            rows.map(|row| {
                let (finding, body) = row?;
                Ok(KeptFinding { body: from_json("finding", &body)?, ..finding })
            })
            .collect()
        })
    }
}

fn memberships(t: &Transaction, tick: &Tick) -> std::result::Result<(), Fault> {
    let mut put = t.prepare_cached(
        "INSERT INTO membership (fingerprint, incident) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET incident = ?2",
    )?;
    let mut remove = t.prepare_cached("DELETE FROM membership WHERE fingerprint = ?1")?;
    for (fingerprint, incident) in &tick.memberships {
        let key = crate::record::key_of(*fingerprint);
        match incident {
            Some(id) => put.execute(params![key, id])?,
            None => remove.execute([key])?,
        };
    }
    Ok(())
}

fn findings(t: &Transaction, findings: &[KeptFinding]) -> std::result::Result<(), Fault> {
    let mut put = t.prepare_cached(
        "INSERT INTO finding (at, code, entity, score, incident, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET score = ?4, incident = ?5, body = ?6",
    )?;
    for f in findings {
        // SQLite keeps NaN as NULL, which the column refuses
        let score = if f.score.is_nan() { 0.0 } else { f.score };
        let body = to_json("finding", &f.body)?;
        put.execute(params![milliseconds(f.at), f.code, f.entity, score, f.incident, body])?;
    }
    Ok(())
}

fn snapshots(t: &Transaction, tick: &Tick) -> std::result::Result<(), Fault> {
    let mut put = t.prepare_cached(
        "INSERT INTO snapshot (name, at, crc, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET at = ?2, crc = ?3, bytes = ?4",
    )?;
    for (name, bytes) in &tick.snapshots {
        put.execute(params![name, milliseconds(tick.at), crc32fast::hash(bytes), bytes])?;
    }
    Ok(())
}
