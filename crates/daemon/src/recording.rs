//! `rootline record N`: what the daemon knows at this moment and of one incident, as a recording that `diagnose` and
//! `replay` read.

use std::sync::Arc;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use rootline_api::{Chart, Fault, Recording};
use rootline_archive::{About, Writer};
use rootline_engine::Live;
use rootline_model::{Alert, LiveIncident, Origin};
use rootline_objects::Signal;
use rootline_store::{Change, EventQuery, EventStore, KeptEvent, Store, StoreError};
use serde_json::{Value, json};

use crate::{charts, tape};

/// What is kept of events and changes before the trouble began.
const BEFORE: SignedDuration = SignedDuration::from_mins(30);
const EVENTS_MAX: usize = 5_000;
/// Bytes given to the connection at once.
const CHUNK: usize = 64 << 10;
/// An alert that fires goes on for so long in a replay, as Alertmanager takes one that nobody repeats.
const GOES_ON: SignedDuration = SignedDuration::from_mins(5);

/// What the core knows.
pub struct Seen {
    at: Timestamp,
    incident: LiveIncident,
    signals: Vec<Signal>,
    alerts: Vec<Alert>,
    charts: Vec<Chart>,
}

impl Seen {
    pub fn of(live: &Live, incident: LiveIncident, at: Timestamp) -> Seen {
        Seen {
            at,
            signals: live.signals().to_vec(),
            alerts: live.alerts().filter(|a| a.is_firing(at)).cloned().collect(),
            charts: charts::of(live.bank(), &incident, at),
            incident,
        }
    }
}

/// What the store knows of the time of the incident.
pub struct Past {
    events: Vec<KeptEvent>,
    changes: Vec<Change>,
}

impl Past {
    /// # Errors
    /// The store cannot be read.
    pub fn of(store: &Store, incident: &LiveIncident, now: Timestamp) -> Result<Past, StoreError> {
        let (from, to) = (incident.onset - BEFORE, incident.resolved.unwrap_or(now));
        let query = EventQuery { from: Some(from), to: Some(to), ..EventQuery::default() };
        let (mut events, mut page) = (Vec::new(), None::<String>);
        loop {
            let found = EventStore::events(store, &query, page.as_deref(), rootline_store::PAGE_MAX)?;
            events.extend(found.items);
            page = found.next;
            if page.is_none() || events.len() >= EVENTS_MAX {
                break;
            }
        }
        Ok(Past { events, changes: store.changes(None, from, to, EVENTS_MAX)? })
    }
}

/// Packs it all. Redacted as recordings are, and by the user's own patterns.
///
/// # Errors
/// It cannot be packed.
pub fn pack(seen: Seen, past: &Past, patterns: &Arc<[Regex]>) -> Result<Recording, Fault> {
    let id = seen.incident.id;
    let about = About {
        tool: format!("rootline {}", env!("CARGO_PKG_VERSION")),
        recorded_at: Some(seen.at),
        cluster_version: seen.signals.iter().find_map(|s| match s {
            Signal::Version(version) => Some(version.clone()),
            _ => None,
        }),
        source: format!("incident {id} of a running daemon"),
    };
    let mut writer = Writer::new(about).redacting(patterns.to_vec());
    rootline_sources::watch::keep(&seen.signals, &mut writer);
    // the state may be some seconds older than the moment that is asked about
    writer.recorded_at(seen.at);
    let alerts = writer.form().value(active(&seen.alerts));
    writer.prometheus("alerts", &alerts.to_string());
    let failed = |e: serde_json::Error| Fault::Internal(e.to_string());
    writer.extra("incident.json", vec![serde_json::to_value(&seen.incident).map_err(failed)?]);
    writer.extra("events.json", vec![serde_json::to_value(&past.events).map_err(failed)?]);
    writer.extra("changes.json", vec![serde_json::to_value(&past.changes).map_err(failed)?]);
    writer.extra("series.json", vec![seen.charts.iter().map(series).collect()]);
    writer.extra("tape.jsonl", tape_of(&seen));
    let (_, bytes) = writer.write(Vec::new()).map_err(|e| Fault::Internal(e.to_string()))?;
    let chunks: Vec<Vec<u8>> = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    let bytes = Box::pin(futures::stream::iter(chunks).map(Ok));
    Ok(Recording { name: format!("incident-{id}.rootline"), bytes })
}

/// As Prometheus answers `/api/v1/alerts`.
fn active(alerts: &[Alert]) -> Value {
    let one = |a: &Alert| {
        json!({"labels": a.labels, "annotations": a.annotations, "state": "firing",
            "activeAt": a.onset().to_string(), "value": "1"})
    };
    json!({"status": "success", "data": {"alerts": alerts.iter().map(one).collect::<Vec<_>>()}})
}

fn series(chart: &Chart) -> Value {
    json!({"title": chart.title, "entity": chart.entity, "unit": chart.unit, "limit": chart.limit, "points": chart.points})
}

/// The alerts of the incident at the moments when they began, in the order of these.
fn tape_of(seen: &Seen) -> Vec<Value> {
    let members = seen.incident.members.iter().filter(|m| m.origin == Origin::Alert);
    let mut alerts: Vec<Alert> = members.map(|m| m.alert.clone()).collect();
    alerts.sort_by_key(|a| (a.starts_at, a.fingerprint()));
    let one = |mut alert: Alert| {
        if alert.is_firing(seen.at) {
            alert.ends_at = Some(seen.at + GOES_ON);
        }
        tape::line(alert.starts_at, std::slice::from_ref(&alert))
    };
    alerts.into_iter().map(one).collect()
}
