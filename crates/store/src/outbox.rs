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
    /// The key it was tried with, where that is not its own: joined with others (`bind`).
    pub sent_as: Option<String>,
    /// What the channel gave when it took the message.
    pub receipt: Option<String>,
    /// `null` for a superseded one.
    pub body: Value,
}

/// What became of messages that were claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has them, and gave this for them.
    Sent { receipt: Option<String> },
    /// A newer version goes out instead.
    Superseded,
    /// Due again then. `tried`: counts as an attempt and keeps the error; without it nothing happened (rate limits).
    Later { due: Timestamp, tried: bool, error: String },
    /// Given up; stays among the dead letters.
    Dead { error: String },
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
    /// Takes up to `limit` messages that are due, the earliest due first, and with a bound one all that are bound with it.
    /// They are the sender's until `lease` is over or the store is opened again; then others may take them.
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
            let mut messages: Vec<Message> = rows.map(|r| read(r?)).collect::<std::result::Result<_, Fault>>()?;
            complete(t, &mut messages)?;
            let mut take = t.prepare_cached("UPDATE outbox SET lease = ?2 WHERE key = ?1")?;
            for message in &messages {
                take.execute(params![message.key, until])?;
            }
            Ok(messages)
        })
    }

    /// These are about to be sent as one message with this key; from now on they are claimed together.
    pub fn bind(&self, keys: &[String], sent_as: &str) -> Result<()> {
        self.state.write(|t| {
            let mut bind = t.prepare_cached("UPDATE outbox SET sent_as = ?2 WHERE key = ?1 AND state = 0")?;
            keys.iter().try_for_each(|key| bind.execute(params![key, sent_as]).map(|_| ()).map_err(Fault::from))
        })
    }

    /// All of them in one transaction. How many it was true of: one that was settled before is left as it is, except that
    /// what a receiver has is sent whatever was thought of it.
    pub fn settle(&self, keys: &[String], outcome: &Outcome, now: Timestamp) -> Result<usize> {
        self.state.write(|t| {
            let mut settled = 0;
            for key in keys {
                settled += settle(t, key, outcome, milliseconds(now))?;
            }
            Ok(settled)
        })
    }

    /// Gives up all that waits for a channel: dead letters with this reason. How many they were.
    pub fn abandon(&self, channel: &str, reason: &str, now: Timestamp) -> Result<usize> {
        self.state.write(|t| {
            let mut query = t.prepare_cached("SELECT key FROM outbox WHERE channel = ?1 AND state = 0")?;
            let keys: Vec<String> = query.query_map([channel], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
            let outcome = Outcome::Dead { error: reason.to_owned() };
            keys.iter().try_fold(0, |n, key| Ok(n + settle(t, key, &outcome, milliseconds(now))?))
        })
    }

    /// `settle` of one as `Sent`. False if no such message is kept.
    pub fn mark_sent(&self, key: &str, now: Timestamp) -> Result<bool> {
        Ok(self.settle(&[key.to_owned()], &Outcome::Sent { receipt: None }, now)? > 0)
    }

    /// It could not be sent: again at `next`, or never (`None`: a dead letter). False if it is not waiting any more.
    pub fn mark_failed(&self, key: &str, error: &str, next: Option<Timestamp>, now: Timestamp) -> Result<bool> {
        let error = error.to_owned();
        let outcome = match next {
            Some(due) => Outcome::Later { due, tried: true, error },
            None => Outcome::Dead { error },
        };
        Ok(self.settle(&[key.to_owned()], &outcome, now)? > 0)
    }

    /// A claimed message goes back unsent, without counting as an attempt: rate limits, coalescing.
    pub fn postpone(&self, key: &str, due: Timestamp) -> Result<bool> {
        let outcome = Outcome::Later { due, tried: false, error: String::new() };
        Ok(self.settle(&[key.to_owned()], &outcome, due)? > 0)
    }

    /// The clock was set back to `now`: what waits for a later moment is due, and who had taken it has lost it. Gives how many.
    pub fn set_back(&self, now: Timestamp) -> Result<usize> {
        self.state.write(|t| {
            let mut mark =
                t.prepare_cached("UPDATE outbox SET due = min(due, ?1), lease = NULL WHERE state = 0 AND max(due, ifnull(lease, 0)) > ?1")?;
            Ok(mark.execute([milliseconds(now)])?)
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
                "UPDATE outbox SET state = 0, attempts = 0, lease = NULL, ended = NULL, sent_as = NULL, due = ?2
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

const SELECT: &str =
    "SELECT key, channel, incident, version, state, created, due, attempts, error, sent_as, receipt, body
   FROM outbox";

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
        sent_as: r.get(9)?,
        receipt: r.get(10)?,
        body: Value::Null,
    };
    Ok((message, r.get(11)?))
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

/// Adds what is bound together with those that were chosen.
fn complete(t: &Transaction, messages: &mut Vec<Message>) -> std::result::Result<(), Fault> {
    let mut query =
        t.prepare_cached(&format!("{SELECT} WHERE sent_as = ?1 AND channel = ?2 AND state = 0 ORDER BY due, key"))?;
    let bound: Vec<(String, String)> =
        messages.iter().filter_map(|m| Some((m.sent_as.clone()?, m.channel.clone()))).collect();
    for (sent_as, channel) in bound {
        for message in query.query_map(params![sent_as, channel], row)?.collect::<rusqlite::Result<Vec<_>>>()? {
            let message = read(message)?;
            if messages.iter().all(|m| m.key != message.key) {
                messages.push(message);
            }
        }
    }
    Ok(())
}

fn settle(t: &Transaction, key: &str, outcome: &Outcome, now: i64) -> std::result::Result<usize, Fault> {
    let settled = match outcome {
        Outcome::Sent { receipt } => {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET state = 1, lease = NULL, ended = iif(state = 1, ended, ?2), error = NULL,
                   receipt = ifnull(?3, receipt) WHERE key = ?1",
            )?;
            return Ok(mark.execute(params![key, now, receipt])?);
        }
        Outcome::Superseded => {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET state = 3, lease = NULL, ended = ?2, body = 'null' WHERE key = ?1 AND state = 0",
            )?;
            return Ok(mark.execute(params![key, now])?);
        }
        Outcome::Later { due, tried, error } => {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET lease = NULL, due = ?2, attempts = attempts + ?3, error = iif(?3, ?4, error)
                 WHERE key = ?1 AND state = 0",
            )?;
            mark.execute(params![key, milliseconds(*due), tried, clipped(error)])?
        }
        Outcome::Dead { error } => {
            let mut mark = t.prepare_cached(
                "UPDATE outbox SET state = 2, lease = NULL, ended = ?2, attempts = attempts + 1, error = ?3
                 WHERE key = ?1 AND state = 0",
            )?;
            mark.execute(params![key, now, clipped(error)])?
        }
    };
    // one that comes back while a newer version waits
    t.prepare_cached(&format!("{SETTLE} AND key = ?1"))?.execute([key])?;
    Ok(settled)
}

/// On opening: whoever had claimed a message is gone.
pub(crate) fn give_back(t: &Transaction) -> std::result::Result<(), Fault> {
    t.execute("UPDATE outbox SET lease = NULL WHERE lease IS NOT NULL", [])?;
    t.execute(SETTLE, [])?;
    Ok(())
}
