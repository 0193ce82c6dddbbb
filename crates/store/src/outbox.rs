//! Messages on their way to people: queued with what they are about, claimed by senders, marked.
//!
//! At least once: a sender that dies between sending and marking sends again after the restart, with the same key.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::Value;

use crate::error::{Fault, Result};
use crate::record::{from_json, milliseconds, moment, to_json};
use crate::store::Store;

/// A message to be queued by a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Of all messages ever: `17.3/dingtalk`. One whose key is known is not queued again.
    pub key: String,
    /// Name of the channel as configured.
    pub channel: String,
    /// What it is about. Of one incident and channel only the newest version that is not sent yet waits in the queue:
    /// it takes the place of the older one.
    pub incident: Option<u64>,
    pub version: u32,
    pub body: Value,
    /// Not before.
    pub due: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Waits for its time, or is in a sender's hand.
    Pending,
    Sent,
    /// Given up; waits for a person.
    Dead,
    /// A newer version took its place before it was sent.
    Superseded,
}

/// A message that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub key: String,
    pub channel: String,
    pub incident: Option<u64>,
    pub version: u32,
    pub state: MessageState,
    pub created: Timestamp,
    pub due: Timestamp,
    /// That failed.
    pub attempts: u32,
    pub error: Option<String>,
    /// `null` for a superseded one.
    pub body: Value,
}

/// Messages of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    pub channel: String,
    pub pending: u64,
    pub sent: u64,
    pub dead: u64,
    pub superseded: u64,
    /// When the oldest that waits was queued.
    pub oldest: Option<Timestamp>,
}

impl Store {
    /// Takes up to `limit` messages that are due, the earliest due first. They are the sender's until `lease` is over or
    /// the store is opened again; then others may take them.
    pub fn claim(&self, channel: &str, now: Timestamp, lease: SignedDuration, limit: usize) -> Result<Vec<Message>> {
        let (at, until) = (milliseconds(now), milliseconds(now.checked_add(lease).unwrap_or(Timestamp::MAX)));
        // most of the time nothing is due, and looking costs no write
        let due = self.state.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT 1 FROM outbox WHERE channel = ?1 AND state = 0 AND due <= ?2 AND ifnull(lease, 0) <= ?2 LIMIT 1",
            )?;
            Ok(query.exists(params![channel, at])?)
        })?;
        if !due {
            return Ok(Vec::new());
        }
        self.state.write(|t| {
            let mut query = t.prepare_cached(&format!(
                "{SELECT} WHERE channel = ?1 AND state = 0 AND due <= ?2 AND ifnull(lease, 0) <= ?2
                 ORDER BY due, created, key LIMIT ?3"
            ))?;
            let rows = query.query_map(params![channel, at, limit], row)?;
            let messages: Vec<Message> = rows.map(|r| read(r?)).collect::<std::result::Result<_, Fault>>()?;
            let mut take = t.prepare_cached("UPDATE outbox SET lease = ?2 WHERE key = ?1")?;
            for message in &messages {
                take.execute(params![message.key, until])?;
            }
            Ok(messages)
        })
    }

    /// The receiver has it. False if no such message is kept.
    pub fn mark_sent(&self, key: &str, now: Timestamp) -> Result<bool> {
        self.state.write(|t| {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET state = 1, lease = NULL, ended = ?2, error = NULL WHERE key = ?1 AND state <> 1",
            )?;
            let marked = mark.execute(params![key, milliseconds(now)])?;
            Ok(marked > 0 || t.prepare_cached("SELECT 1 FROM outbox WHERE key = ?1")?.exists([key])?)
        })
    }

    /// It could not be sent: again at `next`, or never (`None`: a dead letter). False if it is not waiting any more.
    pub fn mark_failed(&self, key: &str, error: &str, next: Option<Timestamp>, now: Timestamp) -> Result<bool> {
        self.state.write(|t| {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, lease = NULL, error = ?2, due = ifnull(?3, due),
                   state = CASE WHEN ?3 IS NULL THEN 2 ELSE 0 END, ended = CASE WHEN ?3 IS NULL THEN ?4 END
                 WHERE key = ?1 AND state = 0",
            )?;
            let marked = mark.execute(params![key, clipped(error), next.map(milliseconds), milliseconds(now)])?;
            settle(t, key)?;
            Ok(marked > 0)
        })
    }

    /// A claimed message goes back unsent, without counting as an attempt: rate limits, coalescing.
    pub fn postpone(&self, key: &str, due: Timestamp) -> Result<bool> {
        self.state.write(|t| {
            let mut mark = t.prepare_cached("UPDATE outbox SET lease = NULL, due = ?2 WHERE key = ?1 AND state = 0")?;
            let marked = mark.execute(params![key, milliseconds(due)])?;
            settle(t, key)?;
            Ok(marked > 0)
        })
    }

    /// Dead letters, latest first.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<Message>> {
        self.state.read(|db| {
            let mut query =
                db.prepare_cached(&format!("{SELECT} WHERE state = 2 ORDER BY ended DESC, key LIMIT ?1"))?;
            let rows = query.query_map([limit], row)?;
            rows.map(|r| read(r?)).collect()
        })
    }

    /// Puts a dead letter back into the queue, due at once, with its attempts forgotten. False if it is none.
    pub fn retry(&self, key: &str, now: Timestamp) -> Result<bool> {
        self.state.write(|t| {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET state = 0, attempts = 0, lease = NULL, ended = NULL, due = ?2
                 WHERE key = ?1 AND state = 2",
            )?;
            Ok(mark.execute(params![key, milliseconds(now)])? > 0)
        })
    }

    pub fn message(&self, key: &str) -> Result<Option<Message>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached(&format!("{SELECT} WHERE key = ?1"))?;
            query.query_row([key], row).optional()?.map(read).transpose()
        })
    }

    /// The newest version that this channel has received about an incident.
    pub fn last_sent(&self, channel: &str, incident: u64) -> Result<Option<Message>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached(&format!(
                "{SELECT} WHERE incident = ?1 AND channel = ?2 AND state = 1 ORDER BY version DESC LIMIT 1"
            ))?;
            query.query_row(params![incident, channel], row).optional()?.map(read).transpose()
        })
    }

    /// By channel, in the order of names.
    pub fn outbox_counts(&self) -> Result<Vec<ChannelCounts>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT channel, sum(state = 0), sum(state = 1), sum(state = 2), sum(state = 3),
                   min(CASE WHEN state = 0 THEN created END) FROM outbox GROUP BY channel ORDER BY channel",
            )?;
            let rows = query.query_map([], |r| {
                Ok(ChannelCounts {
                    channel: r.get(0)?,
                    pending: r.get(1)?,
                    sent: r.get(2)?,
                    dead: r.get(3)?,
                    superseded: r.get(4)?,
                    oldest: r.get::<_, Option<i64>>(5)?.map(moment),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// What foreign servers answer can be long.
const ERROR_BYTES_MAX: usize = 1000;

fn clipped(error: &str) -> &str {
    &error[..error.floor_char_boundary(ERROR_BYTES_MAX)]
}

const SELECT: &str = "SELECT key, channel, incident, version, state, created, due, attempts, error, body FROM outbox";

fn row(r: &Row) -> rusqlite::Result<(Message, String)> {
    let message = Message {
        key: r.get(0)?,
        channel: r.get(1)?,
        incident: r.get(2)?,
        version: r.get(3)?,
        state: match r.get::<_, i64>(4)? {
            0 => MessageState::Pending,
            1 => MessageState::Sent,
            2 => MessageState::Dead,
            _ => MessageState::Superseded,
        },
        created: moment(r.get(5)?),
        due: moment(r.get(6)?),
        attempts: r.get(7)?,
        error: r.get(8)?,
        body: Value::Null,
    };
    Ok((message, r.get(9)?))
}

fn read((message, body): (Message, String)) -> std::result::Result<Message, Fault> {
    let body = from_json("message", &body)?;
    Ok(Message { body, ..message })
}

/// Queues a message unless its key is known or a newer version about the same is.
///
/// A waiting older version leaves the queue, and its place goes over: its due time where that is earlier (or people would
/// hear nothing of an incident that changes with every tick), and with failed attempts behind it also their number and the
/// time of the next one (or a dead channel would be tried at every change).
pub(crate) fn put(t: &Transaction, new: &NewMessage, now: Timestamp) -> std::result::Result<(), Fault> {
    let (at, mut due, mut attempts) = (milliseconds(now), milliseconds(new.due), 0);
    if let Some(incident) = new.incident {
        let mut newer = t.prepare_cached(
            "SELECT 1 FROM outbox WHERE incident = ?1 AND channel = ?2 AND (version > ?3 OR key = ?4)",
        )?;
        if newer.exists(params![incident, new.channel, new.version, new.key])? {
            return Ok(());
        }
        if let Some((old_due, old_attempts)) = supersede(t, incident, new, at)? {
            due = if old_attempts > 0 { old_due } else { due.min(old_due) };
            attempts = old_attempts;
        }
    }
    let mut put = t.prepare_cached(
        "INSERT INTO outbox (key, channel, incident, version, state, created, due, attempts, body)
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    let body = to_json("message", &new.body)?;
    put.execute(params![new.key, new.channel, new.incident, new.version, at, due, attempts, body])?;
    Ok(())
}

/// Takes older versions that no sender holds out of the queue. Earliest due and most attempts of them.
fn supersede(
    t: &Transaction,
    incident: u64,
    new: &NewMessage,
    at: i64,
) -> std::result::Result<Option<(i64, u32)>, Fault> {
    let mut old = t.prepare_cached(
        "UPDATE outbox SET state = 3, lease = NULL, ended = ?4, body = 'null'
         WHERE incident = ?1 AND channel = ?2 AND version < ?3 AND state = 0 AND ifnull(lease, 0) <= ?4
         RETURNING due, attempts",
    )?;
    let rows = old.query_map(params![incident, new.channel, new.version, at], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let mut place: Option<(i64, u32)> = None;
    for row in rows {
        let (due, attempts) = row?;
        place = Some(place.map_or((due, attempts), |(d, a)| (d.min(due), a.max(attempts))));
    }
    Ok(place)
}

/// A waiting message is superseded while a newer version about the same is kept.
const SETTLE: &str = "UPDATE outbox SET state = 3, lease = NULL, ended = due, body = 'null'
   WHERE state = 0 AND incident IS NOT NULL AND EXISTS (SELECT 1 FROM outbox n WHERE n.incident = outbox.incident
     AND n.channel = outbox.channel AND n.version > outbox.version)";

/// A message that comes back from its sender.
fn settle(t: &Transaction, key: &str) -> std::result::Result<(), Fault> {
    t.prepare_cached(&format!("{SETTLE} AND key = ?1"))?.execute([key])?;
    Ok(())
}

/// On opening: whoever had claimed a message is gone.
pub(crate) fn give_back(t: &Transaction) -> std::result::Result<(), Fault> {
    t.execute("UPDATE outbox SET lease = NULL WHERE lease IS NOT NULL", [])?;
    t.execute(SETTLE, [])?;
    Ok(())
}
