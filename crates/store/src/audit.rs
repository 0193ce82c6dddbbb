//! Who did what: rows that are only added, each with a hash over itself and the hash before it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Fault, Result};
use crate::record::{from_json, milliseconds, moment, to_json};
use crate::store::Store;

/// Something a person or the program did.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    pub at: Timestamp,
    /// A user's name, or `rootline`.
    pub actor: String,
    /// `incident.ack`, `silence.create`, `outbox.retry`
    pub action: String,
    /// `incident/17`
    pub object: String,
    pub detail: Value,
}

impl Store {
    /// On disk when this returns.
    pub fn record(&self, deeds: &[Deed]) -> Result<()> {
        self.state.write(|t| deeds.iter().try_for_each(|deed| put(t, deed)))
    }

    /// Latest first.
    pub fn audit(&self, limit: usize) -> Result<Vec<Deed>> {
        self.state.read(|db| {
            let mut query =
                db.prepare_cached("SELECT at, actor, action, object, detail FROM audit ORDER BY seq DESC LIMIT ?1")?;
            let rows = query
                .query_map([limit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get::<_, String>(4)?)))?;
            rows.map(|row| {
                let (at, actor, action, object, detail) = row?;
                Ok(Deed { at: moment(at), actor, action, object, detail: from_json("audit", &detail)? })
            })
            .collect()
        })
    }
}

pub(crate) fn put(t: &Transaction, deed: &Deed) -> std::result::Result<(), Fault> {
    let mut last = t.prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?;
    let last = last.query_row([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?))).optional()?;
    let (seq, before) = last.map_or((1, Vec::new()), |(seq, hash)| (seq + 1, hash));
    let detail = to_json("audit", &deed.detail)?;
    let at = milliseconds(deed.at);
    let hash = chained(&before, seq, at, [&deed.actor, &deed.action, &deed.object, &detail]);
    let mut put = t.prepare_cached(
        "INSERT INTO audit (seq, at, actor, action, object, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    put.execute(params![seq, at, deed.actor, deed.action, deed.object, detail, hash])?;
    Ok(())
}

/// SHA-256 over the hash before, the number, the time and each text with its length.
fn chained(before: &[u8], seq: i64, at: i64, texts: [&str; 4]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(seq.to_be_bytes());
    hash.update(at.to_be_bytes());
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().to_vec()
}

/// The number of the first row that does not follow from the one before. A chain whose beginning retention took is
/// believed from its first row on.
pub(crate) fn broken_at(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let mut query = db.prepare("SELECT seq, at, actor, action, object, detail, hash FROM audit ORDER BY seq")?;
    let mut rows = query.query([])?;
    let mut before: Option<(i64, Vec<u8>)> = None;
    while let Some(r) = rows.next()? {
        let (seq, at): (i64, i64) = (r.get(0)?, r.get(1)?);
        let texts: [String; 4] = [r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?];
        let hash: Vec<u8> = r.get(6)?;
        let follows = match &before {
            None if seq > 1 => true,
            None => hash == chained(&[], seq, at, texts.each_ref().map(String::as_str)),
            Some((last, kept)) => {
                seq == last + 1 && hash == chained(kept, seq, at, texts.each_ref().map(String::as_str))
            }
        };
        if !follows {
            return Ok(Some(seq));
        }
        before = Some((seq, hash));
    }
    Ok(None)
}
