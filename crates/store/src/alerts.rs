//! Alerts as they were last given, and the incident each belongs to.

use jiff::Timestamp;
use rootline_model::{Alert, Fingerprint};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::error::{Fault, Result};
use crate::record::{from_json, key_of, milliseconds, moment, to_json};
use crate::store::Store;

/// An alert that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAlert {
    pub alert: Alert,
    /// When it was last given, in whole milliseconds.
    pub updated: Timestamp,
    pub incident: Option<u64>,
}

impl Store {
    /// Puts each in the place of the one with its fingerprint; on disk when this returns. Alertmanager's rules of merging
    /// two reports of one alert are the caller's.
    pub fn put_alerts(&self, alerts: &[Alert], now: Timestamp) -> Result<()> {
        if alerts.is_empty() {
            return Ok(());
        }
        self.state.write(|t| put(t, alerts, now))
    }

    /// All that are kept, by fingerprint: those that fire, and the resolved ones until retention takes them.
    pub fn alerts(&self) -> Result<Vec<KeptAlert>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached(&format!("{SELECT} ORDER BY a.fingerprint"))?;
            let rows = query.query_map([], row)?;
            rows.map(|r| read(r?)).collect()
        })
    }

    pub fn alert(&self, fingerprint: Fingerprint) -> Result<Option<KeptAlert>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached(&format!("{SELECT} WHERE a.fingerprint = ?1"))?;
            query.query_row([key_of(fingerprint)], row).optional()?.map(read).transpose()
        })
    }
}

const SELECT: &str = "SELECT a.body, a.updated, m.incident FROM alert a LEFT JOIN membership m USING (fingerprint)";

type Raw = (String, i64, Option<u64>);

fn row(r: &Row) -> rusqlite::Result<Raw> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?))
}

fn read((body, updated, incident): Raw) -> std::result::Result<KeptAlert, Fault> {
    Ok(KeptAlert { alert: from_json("alert", &body)?, updated: moment(updated), incident })
}

pub(crate) fn put(t: &Transaction, alerts: &[Alert], now: Timestamp) -> std::result::Result<(), Fault> {
    let mut put = t.prepare_cached(
        "INSERT INTO alert (fingerprint, starts, ends, updated, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET starts = ?2, ends = ?3, updated = ?4, body = ?5",
    )?;
    for alert in alerts {
        put.execute(params![
            key_of(alert.fingerprint()),
            milliseconds(alert.starts_at),
            alert.ends_at.map(milliseconds),
            milliseconds(now),
            to_json("alert", alert)?
        ])?;
    }
    Ok(())
}
