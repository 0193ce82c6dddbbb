//! Events of Kubernetes, kept long after the API server has forgotten them, and changes people and controllers made.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::error::{Fault, Result, StoreError};
use crate::incidents::{PAGE_MAX, Page};
use crate::record::{milliseconds, moment};
use crate::store::Store;

/// One Event object with all its repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEvent {
    /// Of the Event object: what tells one event from another.
    pub uid: String,
    pub cluster: String,
    /// Of the object it is about, as are kind, name and `object` (its uid).
    pub namespace: String,
    pub kind: String,
    pub name: String,
    pub object: String,
    /// `BackOff`
    pub reason: String,
    /// `Normal` or `Warning`.
    pub r#type: String,
    /// `kubelet`
    pub source: String,
    pub note: String,
    /// `series.count`, or `count` of the older API; at least 1.
    pub count: u32,
    pub first: Timestamp,
    pub last: Timestamp,
    /// Name of the Event object.
    pub event: String,
    /// What it is about in Kubernetes' words: `Pod shop/cart-1`. Empty for events that older versions kept, as are the next two.
    pub about: String,
    /// Of that pod; empty if it is about the whole.
    pub container: String,
    /// Node of `source`.
    pub host: String,
}

/// An event that is new or grew, for readers that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Larger than that of every change before.
    pub seq: u64,
    pub event: KeptEvent,
    /// Its count and `last` before; 0 for a new one.
    pub was: u32,
    pub was_last: Timestamp,
}

/// Which events; empty texts and `None` ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Last seen at or after.
    pub from: Option<Timestamp>,
    /// First seen before.
    pub to: Option<Timestamp>,
    pub cluster: String,
    pub namespace: String,
    pub kind: String,
    pub name: String,
    pub reason: String,
    pub r#type: String,
    /// Part of the note, in any case of ASCII letters.
    pub text: String,
}

/// Where events are kept. SQLite stands behind it; a larger database can.
pub trait EventStore: Send + Sync {
    /// Puts new ones and newer states (a larger count or a later `last`) of known ones. How many were one or the other.
    fn put_events(&self, events: &[KeptEvent]) -> Result<usize>;

    /// Those last seen latest first.
    fn events(&self, query: &EventQuery, page: Option<&str>, limit: usize) -> Result<Page<KeptEvent>>;
}

/// Something that was changed: a rollout, an image, a configuration, a scale, a cordon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    /// As `EntityRef` prints it.
    pub entity: String,
    /// `image`, `rollout`, `config`, `scale`, `cordon`
    pub what: String,
    pub from: String,
    pub to: String,
    /// Field manager or user, where it is known.
    pub actor: String,
}

const SEQ: &str = "SELECT value FROM meta WHERE name = 'event_seq'";

/// As `event` reads them.
const COLUMNS: &str =
    "uid, cluster, namespace, kind, name, object, reason, type, source, note, count, first, last, event, about,
  container, host, id";

impl EventStore for Store {
    fn put_events(&self, events: &[KeptEvent]) -> Result<usize> {
        if events.is_empty() {
            return Ok(0);
        }
        self.history.write(|t| {
            let mut seq: i64 = t.query_row(SEQ, [], |r| r.get(0))?;
            let mut put = t.prepare_cached(
                "INSERT INTO event (uid, cluster, namespace, kind, name, object, reason, type, source, note, count, first, last,
                   event, about, container, host, seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
                 ON CONFLICT (uid) DO UPDATE SET was = count, was_last = last, note = ?10, count = max(count, ?11),
                   first = min(first, ?12), last = max(last, ?13), seq = ?18 WHERE ?11 > count OR ?13 > last",
            )?;
            let mut new = 0;
            for e in events {
                let (count, first, last) = (e.count.max(1), milliseconds(e.first), milliseconds(e.last));
                let next = seq + 1;
                let values: [&dyn ToSql; 18] = [
                    &e.uid,
                    &e.cluster,
                    &e.namespace,
                    &e.kind,
                    &e.name,
                    &e.object,
                    &e.reason,
                    &e.r#type,
                    &e.source,
                    &e.note,
                    &count,
                    &first,
                    &last,
                    &e.event,
                    &e.about,
                    &e.container,
                    &e.host,
                    &next,
                ];
                let changed = put.execute(values)?;
                seq = if changed > 0 { next } else { seq };
                new += changed;
            }
            t.execute("UPDATE meta SET value = ?1 WHERE name = 'event_seq'", [seq])?;
            Ok(new)
        })
    }

    fn events(&self, query: &EventQuery, page: Option<&str>, limit: usize) -> Result<Page<KeptEvent>> {
        let after = page.map(|token| place(token).ok_or_else(|| StoreError::Cursor(token.to_owned()))).transpose()?;
        self.history.read(|db| list(db, query, after, limit.clamp(1, PAGE_MAX)))
    }
}

impl Store {
    /// What is new or grew after that number, in that order. An event that grew several times since is here once.
    pub fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Growth>> {
        self.history.read(|db| {
            let mut query = db.prepare_cached(&format!(
                "SELECT {COLUMNS}, seq, was, was_last FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2"
            ))?;
            let rows = query.query_map(params![seq.cast_signed(), limit.min(PAGE_MAX)], |r| {
                let (event, _) = event(r)?;
                Ok(Growth {
                    seq: r.get::<_, i64>(18)?.cast_unsigned(),
                    event,
                    was: r.get(19)?,
                    was_last: moment(r.get(20)?),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many are after that number, and when the first of them was last seen. Counts no further than 100,000.
    pub fn events_waiting(&self, seq: u64) -> Result<(u64, Option<Timestamp>)> {
        self.history.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT (SELECT count(*) FROM (SELECT 1 FROM event WHERE seq > ?1 LIMIT 100000)),
                   (SELECT last FROM event WHERE seq > ?1 ORDER BY seq LIMIT 1)",
            )?;
            let counted = |r: &Row| Ok((r.get(0)?, r.get::<_, Option<i64>>(1)?.map(moment)));
            Ok(query.query_row([seq.cast_signed()], counted)?)
        })
    }

    /// How far the reader of that name is; 0 for one that never was here.
    pub fn cursor(&self, name: &str) -> Result<u64> {
        self.history.read(|db| {
            let mut query = db.prepare_cached("SELECT value FROM cursor WHERE name = ?1")?;
            Ok(query.query_row([name], |r| r.get::<_, i64>(0)).optional()?.unwrap_or_default().cast_unsigned())
        })
    }

    pub fn put_cursor(&self, name: &str, value: u64) -> Result<()> {
        self.history.write(|t| {
            t.prepare_cached("INSERT INTO cursor VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute(params![name, value.cast_signed()])?;
            Ok(())
        })
    }

    /// The same change twice is one.
    pub fn put_changes(&self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.history.write(|t| {
            let mut put = t.prepare_cached(
                "INSERT OR IGNORE INTO change (at, entity, what, old, new, actor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for c in changes {
                put.execute(params![milliseconds(c.at), c.entity, c.what, c.from, c.to, c.actor])?;
            }
            Ok(())
        })
    }

    /// Of one entity or of all, latest first; `from` inclusive, `to` exclusive.
    pub fn changes(&self, entity: Option<&str>, from: Timestamp, to: Timestamp, limit: usize) -> Result<Vec<Change>> {
        self.history.read(|db| {
            let mut query = db.prepare_cached(match entity {
                Some(_) => {
                    "SELECT at, entity, what, old, new, actor FROM change
                     WHERE entity = ?1 AND at >= ?2 AND at < ?3 ORDER BY at DESC, id DESC LIMIT ?4"
                }
                None => {
                    "SELECT at, entity, what, old, new, actor FROM change
                     WHERE ?1 IS NULL AND at >= ?2 AND at < ?3 ORDER BY at DESC, id DESC LIMIT ?4"
                }
            })?;
            let values = params![entity, milliseconds(from), milliseconds(to), limit.min(PAGE_MAX)];
            let rows = query.query_map(values, |r| {
                Ok(Change {
                    at: moment(r.get(0)?),
                    entity: r.get(1)?,
                    what: r.get(2)?,
                    from: r.get(3)?,
                    to: r.get(4)?,
                    actor: r.get(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// `<last>-<id>` of the last row of a page.
fn place(token: &str) -> Option<(i64, i64)> {
    let (last, id) = token.rsplit_once('-')?;
    Some((last.parse().ok()?, id.parse().ok()?))
}

fn list(
    db: &Connection,
    query: &EventQuery,
    after: Option<(i64, i64)>,
    limit: usize,
) -> std::result::Result<Page<KeptEvent>, Fault> {
    let mut sql = format!("SELECT {COLUMNS} FROM event WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    if let Some((last, id)) = after {
        sql.push_str(" AND (last, id) < (?, ?)");
        values.extend([last.into(), id.into()]);
    }
    for (clause, at) in [(" AND last >= ?", query.from), (" AND first < ?", query.to)] {
        if let Some(at) = at {
            sql.push_str(clause);
            values.push(milliseconds(at).into());
        }
    }
    let texts = [
        (" AND cluster = ?", &query.cluster),
        (" AND namespace = ?", &query.namespace),
        (" AND kind = ?", &query.kind),
        (" AND name = ?", &query.name),
        (" AND reason = ?", &query.reason),
        (" AND type = ?", &query.r#type),
    ];
    for (clause, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        sql.push_str(clause);
        values.push(text.clone().into());
    }
    if !query.text.is_empty() {
        sql.push_str(" AND instr(lower(note), ?) > 0");
        values.push(query.text.to_ascii_lowercase().into());
    }
    sql.push_str(" ORDER BY last DESC, id DESC LIMIT ?");
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    let mut rows = db.prepare_cached(&sql)?;
    let rows = rows.query_map(params_from_iter(values), event)?;
    let mut found: Vec<(KeptEvent, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(e, id)| format!("{}-{id}", milliseconds(e.last)));
    Ok(Page { items: found.into_iter().map(|(e, _)| e).collect(), next })
}

fn event(r: &Row) -> rusqlite::Result<(KeptEvent, i64)> {
    let event = KeptEvent {
        uid: r.get(0)?,
        cluster: r.get(1)?,
        namespace: r.get(2)?,
        kind: r.get(3)?,
        name: r.get(4)?,
        object: r.get(5)?,
        reason: r.get(6)?,
        r#type: r.get(7)?,
        source: r.get(8)?,
        note: r.get(9)?,
        count: r.get(10)?,
        first: moment(r.get(11)?),
        last: moment(r.get(12)?),
        event: r.get(13)?,
        about: r.get(14)?,
        container: r.get(15)?,
        host: r.get(16)?,
    };
    Ok((event, r.get(17)?))
}
