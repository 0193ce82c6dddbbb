//! Incidents: kept as JSON with the columns that lists are filtered by.

use jiff::Timestamp;
use rootline_model::{LiveIncident, Moment, Severity, Stage};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, params, params_from_iter};

use crate::error::{Fault, Result, StoreError};
use crate::record::{from_json, milliseconds, to_json};
use crate::store::Store;

/// Format of an incident's body. A change that old bodies cannot be read by gets the next number and a reader of the old.
const FORMAT: i64 = 1;
/// Rows of one page at most, whatever is asked for.
pub const PAGE_MAX: usize = 1000;

/// Which incidents to list; the default is all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentFilter {
    pub stage: Option<Stage>,
    /// This bad or worse.
    pub severity: Option<Severity>,
    pub acked: Option<bool>,
    /// Alive at some moment from then on.
    pub since: Option<Timestamp>,
    /// Opened before.
    pub until: Option<Timestamp>,
    /// Part of a title or of an entity (`cart`, `pod/shop/cart-1`), in any case of letters.
    pub text: Option<String>,
}

/// One page of a list and how to get the next one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it back for the next page; `None`: this was the last.
    pub next: Option<String>,
}

impl Store {
    /// Above every id that ever was in this store, also after deletion.
    pub fn next_incident_id(&self) -> Result<u64> {
        self.state.read(|db| {
            Ok(db.query_row("SELECT value FROM meta WHERE name = 'next_incident'", [], |r| r.get::<_, u64>(0))?)
        })
    }

    pub fn incident(&self, id: u64) -> Result<Option<LiveIncident>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached("SELECT body FROM incident WHERE id = ?1")?;
            let body = query.query_row([id], |r| r.get::<_, String>(0)).optional()?;
            Ok(body.map(|b| from_json(&format!("incident {id}"), &b)).transpose()?)
        })
    }

    /// Open ones, oldest first, all of them: what the core starts from.
    pub fn open_incidents(&self) -> Result<Vec<LiveIncident>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached("SELECT id, body FROM incident WHERE stage = 0 ORDER BY id")?;
            let rows = query.query_map([], |r| Ok((r.get::<_, u64>(0)?, r.get::<_, String>(1)?)))?;
            rows.map(|row| {
                let (id, body) = row?;
                Ok(from_json(&format!("incident {id}"), &body)?)
            })
            .collect()
        })
    }

    /// Newest first. `limit` counts up to `PAGE_MAX`.
    pub fn incidents(&self, filter: &IncidentFilter, page: Option<&str>, limit: usize) -> Result<Page<LiveIncident>> {
        let below =
            page.map(|token| token.parse::<u64>().map_err(|_| StoreError::Cursor(token.to_owned()))).transpose()?;
        let limit = limit.clamp(1, PAGE_MAX);
        self.state.read(|db| list(db, filter, below, limit))
    }

    /// All of an incident's moments, oldest first; the incident itself carries the latest.
    pub fn timeline(&self, id: u64) -> Result<Vec<Moment>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached("SELECT at, en, zh FROM moment WHERE incident = ?1 ORDER BY at")?;
            let rows = query.query_map([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            rows.map(|row| {
                let (at, en, zh) = row?;
                Ok(Moment { at: crate::record::moment(at), what: rootline_model::Both { en, zh } })
            })
            .collect()
        })
    }
}

fn list(
    db: &Connection,
    filter: &IncidentFilter,
    below: Option<u64>,
    limit: usize,
) -> std::result::Result<Page<LiveIncident>, Fault> {
    let mut sql = String::from("SELECT id, body FROM incident WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    let mut add = |clause: &str, value: Value| {
        sql.push_str(clause);
        values.push(value);
    };
    if let Some(id) = below {
        add(" AND id < ?", Value::Integer(i64::try_from(id).unwrap_or(i64::MAX)));
    }
    if let Some(stage) = filter.stage {
        add(" AND stage = ?", stage_number(stage).into());
    }
    if let Some(severity) = filter.severity {
        add(" AND severity >= ?", severity_number(severity).into());
    }
    if let Some(acked) = filter.acked {
        add(" AND acked = ?", i64::from(acked).into());
    }
    if let Some(since) = filter.since {
        add(" AND (resolved IS NULL OR resolved >= ?)", milliseconds(since).into());
    }
    if let Some(until) = filter.until {
        add(" AND opened < ?", milliseconds(until).into());
    }
    if let Some(text) = &filter.text {
        add(" AND instr(text, ?) > 0", text.to_lowercase().into());
    }
    add(" ORDER BY id DESC LIMIT ?", i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    let mut query = db.prepare_cached(&sql)?;
    let rows = query.query_map(params_from_iter(values), |r| Ok((r.get::<_, u64>(0)?, r.get::<_, String>(1)?)))?;
    let mut items = Vec::new();
    for row in rows {
        let (id, body) = row?;
        items.push(from_json::<LiveIncident>(&format!("incident {id}"), &body)?);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|i| i.id.to_string());
    Ok(Page { items, next })
}

fn stage_number(stage: Stage) -> i64 {
    match stage {
        Stage::Open => 0,
        Stage::Resolved => 1,
    }
}

fn severity_number(severity: Severity) -> i64 {
    match severity {
        Severity::Warning => 0,
        Severity::Error => 1,
        Severity::Critical => 2,
    }
}

/// Refuses an older version than the one kept; the same version again changes nothing that matters.
pub(crate) fn put(t: &Transaction, incident: &LiveIncident) -> std::result::Result<(), Fault> {
    let mut kept = t.prepare_cached("SELECT version FROM incident WHERE id = ?1")?;
    if let Some(kept) = kept.query_row([incident.id], |r| r.get::<_, u32>(0)).optional()?
        && kept > incident.version
    {
        return Err(StoreError::Regressed { id: incident.id, kept, given: incident.version }.into());
    }
    let mut put = t.prepare_cached(
        "INSERT INTO incident (id, format, version, stage, severity, opened, updated, resolved, acked, text, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT DO UPDATE SET format = ?2, version = ?3, stage = ?4, severity = ?5, opened = ?6, updated = ?7,
           resolved = ?8, acked = ?9, text = ?10, body = ?11",
    )?;
    put.execute(params![
        incident.id,
        FORMAT,
        incident.version,
        stage_number(incident.stage),
        severity_number(incident.severity),
        milliseconds(incident.opened),
        milliseconds(incident.updated),
        incident.resolved.map(milliseconds),
        incident.acked.is_some(),
        searched(incident),
        body(incident)?
    ])?;
    t.prepare_cached("UPDATE meta SET value = max(value, ?1 + 1) WHERE name = 'next_incident'")?
        .execute([incident.id])?;
    let mut moments =
        t.prepare_cached("INSERT OR IGNORE INTO moment (incident, at, en, zh) VALUES (?1, ?2, ?3, ?4)")?;
    for moment in &incident.timeline {
        moments.execute(params![incident.id, milliseconds(moment.at), moment.what.en, moment.what.zh])?;
    }
    Ok(())
}

/// JSON knows no NaN: a confidence that is none becomes 0, or the incident could never be read again.
fn body(incident: &LiveIncident) -> Result<String> {
    let what = "incident";
    if incident.causes.iter().all(|c| c.confidence.is_finite()) {
        return to_json(what, incident);
    }
    let mut sane = incident.clone();
    sane.causes.iter_mut().filter(|c| !c.confidence.is_finite()).for_each(|c| c.confidence = 0.0);
    to_json(what, &sane)
}

fn searched(incident: &LiveIncident) -> String {
    let mut text = format!("{}\n{}\n", incident.title.en, incident.title.zh);
    let causes = incident.causes.iter().flat_map(|c| [&c.code, &c.entity]);
    let members = incident.members.iter().map(|m| &m.entity);
    for part in causes.chain(&incident.affected).chain(members) {
        // a storm of a thousand pods is found by its title and the things first named
        if text.len() > 16 << 10 {
            break;
        }
        text.push_str(part);
        text.push('\n');
    }
    text.to_lowercase()
}
