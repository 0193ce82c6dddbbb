//! Series, log lines and incidents into ClickHouse: the core puts them on a bounded queue and never waits; here they are
//! written in batches. What does not fit while ClickHouse is away is left out and counted: the store is what counts, this is
//! a copy. Events go by `forward`, with a cursor.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rootline_model::{LiveIncident, LogLevel, LogRecord, SeriesBatch, Severity, Stage};
use rootline_sinks::{ClickHouse, SendError};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::pipes::{Meters, Works};

const KIND: &str = "clickhouse";
/// Estimated bytes that wait on our side at most, in all tables together.
const WAITING_MAX: usize = 16 << 20;
/// A table is written when this many rows wait, or after a second.
const ROWS: usize = 10_000;
const LONGEST: Duration = Duration::from_secs(1);
/// Bytes of a log record's text that are kept.
const TEXT_MAX: usize = 16 << 10;
/// Series whose labels were written this hour, remembered at most.
const SERIES_MAX: usize = 200_000;
/// What a row takes in memory beside its text.
const ROW_BYTES: usize = 200;
const HOUR_S: i64 = 3_600;

enum Part {
    Samples(Vec<SeriesBatch>),
    Lines(Vec<LogRecord>),
    Incidents(Vec<LiveIncident>),
}

/// Where the core puts copies. Without ClickHouse it takes nothing.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<Inner>>);

struct Inner {
    parts: mpsc::UnboundedSender<(Part, usize)>,
    /// Estimated bytes from here to the write; this is what bounds the channel.
    waiting: Arc<AtomicUsize>,
    meters: Arc<Meters>,
    logs: bool,
}

impl Tap {
    pub fn samples(&self, batches: &[SeriesBatch]) {
        let bytes = || batches.iter().map(|b| ROW_BYTES + 40 * b.points.len()).sum();
        self.put("clickhouse:samples", batches.len(), bytes, || Part::Samples(batches.to_vec()));
    }

    pub fn lines(&self, records: &[LogRecord]) {
        if self.0.as_ref().is_some_and(|inner| inner.logs) {
            let bytes = || records.iter().map(|r| 2 * ROW_BYTES + r.text.len().min(TEXT_MAX)).sum();
            self.put("clickhouse:logs", records.len(), bytes, || Part::Lines(records.to_vec()));
        }
    }

    pub fn incidents(&self, changed: &[LiveIncident]) {
        let bytes = || changed.iter().map(|i| 10 * ROW_BYTES + 4 * ROW_BYTES * i.members.len()).sum();
        self.put("clickhouse:incidents", changed.len(), bytes, || Part::Incidents(changed.to_vec()));
    }

    fn put(&self, name: &str, items: usize, bytes: impl FnOnce() -> usize, part: impl FnOnce() -> Part) {
        let Some(inner) = self.0.as_ref().filter(|_| items > 0) else { return };
        let bytes = bytes();
        if inner.waiting.load(Ordering::Relaxed) + bytes > WAITING_MAX {
            inner.meters.dropped(name, "buffer_full", items as u64);
            return;
        }
        inner.waiting.fetch_add(bytes, Ordering::Relaxed);
        // nobody there any more: the daemon is stopping
        let _ = inner.parts.send((part(), bytes));
    }
}

/// Rows that wait to be written to one table.
#[derive(Default)]
struct Table {
    text: String,
    rows: usize,
    /// Estimated when they came.
    bytes: usize,
    since: Option<Instant>,
}

/// The writer.
pub struct Lake {
    house: ClickHouse,
    cluster: String,
    parts: mpsc::UnboundedReceiver<(Part, usize)>,
    waiting: Arc<AtomicUsize>,
    works: Works,
    tables: BTreeMap<&'static str, Table>,
    /// Series whose labels were written in that hour.
    known: (i64, HashSet<u64>),
}

impl Lake {
    pub fn new(house: ClickHouse, cluster: String, logs: bool, works: &Works) -> (Lake, Tap) {
        let (sender, parts) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let inner = Inner { parts: sender, waiting: waiting.clone(), meters: works.meters.clone(), logs };
        let lake = Lake {
            house,
            cluster,
            parts,
            waiting,
            works: works.clone(),
            tables: BTreeMap::new(),
            known: (0, HashSet::new()),
        };
        (lake, Tap(Some(Arc::new(inner))))
    }

    /// Writes until the daemon stops; then once more what waits.
    pub async fn run(mut self) {
        if self.tables_made().await {
            return;
        }
        let mut stopped = self.works.stopped.clone();
        loop {
            let due = self.tables.values().filter_map(|t| t.since).min().map(|since| since + LONGEST);
            tokio::select! {
                part = self.parts.recv() => match part {
                    Some((part, bytes)) => self.take(part, bytes),
                    None => break,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
            if self.write(false).await {
                return;
            }
        }
        self.write(true).await;
    }

    /// True: the daemon stops.
    async fn tables_made(&self) -> bool {
        let mut failures = 0;
        while let Err(error) = self.house.create().await {
            failures += 1;
            if self.works.failed((KIND, KIND), &error.to_string(), failures, retry_after(&error)).await {
                return true;
            }
        }
        self.works.states.good(KIND, KIND, (self.works.clock)());
        false
    }

    fn take(&mut self, part: Part, bytes: usize) {
        let name = match part {
            Part::Samples(batches) => {
                batches.iter().for_each(|b| self.sample(b));
                "samples"
            }
            Part::Lines(records) => {
                records.iter().for_each(|r| self.line(r));
                "logs"
            }
            Part::Incidents(incidents) => {
                incidents.into_iter().for_each(|i| self.incident(i));
                "incidents"
            }
        };
        self.tables.entry(name).or_default().bytes += bytes;
    }

    fn row(&mut self, table: &'static str, row: &str) {
        let table = self.tables.entry(table).or_default();
        table.text.push_str(row);
        table.text.push('\n');
        table.rows += 1;
        table.since.get_or_insert_with(Instant::now);
    }

    fn sample(&mut self, batch: &SeriesBatch) {
        let labels =
            if self.cluster.is_empty() { batch.labels.clone() } else { batch.labels.with("cluster", &self.cluster) };
        let series = labels.fingerprint().0;
        let now = (self.works.clock)();
        let hour = now.as_second() / HOUR_S;
        if self.known.0 != hour || self.known.1.len() >= SERIES_MAX {
            self.known = (hour, HashSet::new());
        }
        if self.known.1.insert(series) {
            let all: BTreeMap<&str, &str> = labels.iter().collect();
            let row =
                json!({ "series": series, "name": labels.value("__name__"), "labels": all, "seen": now.as_second() });
            self.row("series", &row.to_string());
        }
        let mut row = String::new();
        // JSON has no NaN and no infinity; the store keeps them
        for (ms, value) in batch.points.iter().filter(|(_, value)| value.is_finite()) {
            row.clear();
            let _ = write!(
                row,
                "{{\"series\":{series},\"ts\":{}.{:03},\"v\":{value}}}",
                ms.div_euclid(1000),
                ms.rem_euclid(1000)
            );
            self.row("samples", &row);
        }
    }

    fn line(&mut self, record: &LogRecord) {
        let of = |name: &str| record.labels.value(name);
        let all: BTreeMap<&str, &str> = record.labels.iter().collect();
        let text = record.text.get(..record.text.floor_char_boundary(TEXT_MAX)).unwrap_or_default();
        let row = json!({
            "ts": record.at.to_string(), "cluster": self.cluster, "ns": of("namespace"), "workload": of("app"),
            "pod": of("pod"), "container": of("container"), "level": level(record.level), "message": text, "labels": all,
        });
        self.row("logs", &row.to_string());
    }

    fn incident(&mut self, i: LiveIncident) {
        let best = i.causes.first().cloned().unwrap_or_default();
        let stage = match i.stage {
            Stage::Open => "open",
            Stage::Resolved => "resolved",
        };
        let severity = match i.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        };
        let row = json!({
            "id": i.id, "version": i.version, "cluster": self.cluster, "stage": stage, "severity": severity,
            "title": i.title.en, "cause": best.code, "entity": best.entity, "confidence": best.confidence,
            "onset": i.onset.to_string(), "opened": i.opened.to_string(), "updated": i.updated.to_string(),
            "resolved": i.resolved.map(|at| at.to_string()), "members": i.members.len(),
            "body": rootline_api::incident_json(i).to_string(),
        });
        self.row("incidents", &row.to_string());
    }

    /// Writes what is due, or all of it. True: the daemon stops.
    async fn write(&mut self, all: bool) -> bool {
        let now = Instant::now();
        let is_due = |t: &Table| t.rows > 0 && (all || t.rows >= ROWS || t.since.is_some_and(|at| at + LONGEST <= now));
        // labels before the samples that they are of
        for name in ["series", "samples", "logs", "incidents"] {
            let Some(table) = self.tables.get_mut(name).filter(|t| is_due(t)) else { continue };
            let table = std::mem::take(table);
            let stop = self.insert(name, &table, all).await;
            self.waiting.fetch_sub(table.bytes, Ordering::Relaxed);
            if stop {
                return true;
            }
        }
        false
    }

    /// Until it is written or refused; `last`: once. True: the daemon stops.
    async fn insert(&self, table: &'static str, rows: &Table, last: bool) -> bool {
        let name = format!("clickhouse:{table}");
        let (works, mut failures) = (&self.works, 0);
        works.meters.waiting(&name, rows.rows as u64);
        loop {
            let error = match self.house.insert(table, rows.text.clone().into_bytes()).await {
                Ok(()) => {
                    works.meters.passed(&name, rows.rows);
                    works.meters.waiting(&name, 0);
                    works.states.good(KIND, KIND, (works.clock)());
                    return false;
                }
                Err(error) => error,
            };
            if let SendError::Rejected { why } = &error {
                works.meters.dropped(&name, "refused", rows.rows as u64);
                works.meters.waiting(&name, 0);
                tracing::warn!(pipe = name, error = why, "rows are not taken");
                return false;
            }
            if last {
                works.meters.dropped(&name, "stopping", rows.rows as u64);
                return true;
            }
            failures += 1;
            if works.failed((KIND, KIND), &error.to_string(), failures, retry_after(&error)).await {
                works.meters.dropped(&name, "stopping", rows.rows as u64);
                return true;
            }
            if matches!(error, SendError::Dead { .. }) {
                // the tables may be gone; if it is something else, the next insert says so again
                let _ = self.house.create().await;
            }
        }
    }
}

fn retry_after(error: &SendError) -> Option<Duration> {
    match error {
        SendError::Retry { after, .. } => *after,
        _ => None,
    }
}

const fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Unknown => "",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Fatal => "fatal",
    }
}
