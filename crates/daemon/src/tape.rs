//! Tapes of a running daemon: what came in, in the form that `rootline replay` reads, so that a storm that was lived can be
//! played again.
//!
//! A tape is a folder of segments. Each is whole by itself: a recording of the state and the alerts that fire come first.
//! A thread of its own writes; what it cannot keep up with is left out and counted, the pipeline never waits for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use rootline_archive::{About, Form, Writer};
use rootline_engine::Live;
use rootline_model::{Alert, SeriesBatch};
use rootline_objects::Signal;
use serde_json::{Map, Value, json};

/// Name of the lines in a segment.
const LINES: &str = "tape.jsonl";
/// Entries that wait to be written.
const WAITING: usize = 256;
/// A segment is a part of the limit, so that the oldest can go without much being lost.
const SEGMENTS: u64 = 8;

enum Entry {
    Line(Value),
    State { at: Timestamp, signals: Vec<Signal>, alerts: Vec<Alert> },
}

/// The end that the core holds.
#[derive(Debug)]
pub struct Tape {
    entries: SyncSender<Entry>,
    shared: Arc<Shared>,
    state_every: SignedDuration,
    state_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Shared {
    /// A segment was begun, or something was left out: the whole state is wanted.
    wants_state: AtomicBool,
    left_out: AtomicU64,
}

/// What a tape is told.
#[derive(Clone, Debug)]
pub struct TapeOptions {
    pub folder: PathBuf,
    /// Of all segments together.
    pub bytes: u64,
    pub state_every: SignedDuration,
    pub patterns: Arc<[Regex]>,
}

impl Tape {
    /// Begins a tape.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn begin(options: TapeOptions) -> io::Result<Tape> {
        fs::create_dir_all(&options.folder)?;
        let (entries, waiting) = sync_channel(WAITING);
        let shared = Arc::new(Shared { wants_state: AtomicBool::new(true), ..Shared::default() });
        let state_every = options.state_every;
        let mut machine = Machine::new(options, shared.clone());
        std::thread::Builder::new().name("tape".to_owned()).spawn(move || machine.run(&waiting))?;
        Ok(Tape { entries, shared, state_every, state_at: None })
    }

    pub fn alerts(&self, now: Timestamp, alerts: &[Alert]) {
        if !alerts.is_empty() {
            self.put(Entry::Line(line(now, alerts)));
        }
    }

    /// Those of the catalogue, under the names of its queries.
    pub fn samples(&self, now: Timestamp, batches: &[SeriesBatch], is_history: bool) {
        let kept: Vec<Value> =
            batches.iter().filter(|b| crate::keep::is_own(b)).map(|b| json!([b.labels, points(b)])).collect();
        if !kept.is_empty() {
            self.put(Entry::Line(json!({"at": now, "samples": kept, "history": is_history})));
        }
    }

    /// The whole state, now and then: when it changed and its time has come, and where a segment begins.
    pub fn state(&mut self, now: Timestamp, live: &Live, changed: bool) {
        let is_due = self.state_at.is_none_or(|at| now.duration_since(at) >= self.state_every);
        let is_wanted = self.shared.wants_state.load(Ordering::Relaxed) || changed && is_due;
        if !is_wanted {
            return;
        }
        let alerts = live.alerts().filter(|a| a.is_firing(now)).cloned().collect();
        if self.put(Entry::State { at: now, signals: live.signals().to_vec(), alerts }) {
            self.shared.wants_state.store(false, Ordering::Relaxed);
            self.state_at = Some(now);
        }
    }

    fn put(&self, entry: Entry) -> bool {
        if self.entries.try_send(entry).is_ok() {
            return true;
        }
        self.shared.wants_state.store(true, Ordering::Relaxed);
        if self.shared.left_out.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_000) {
            tracing::warn!("the tape cannot keep up, so something is left out of it");
        }
        false
    }
}

/// Alerts that came at a moment, as Prometheus sends them, and the `for:` of their rules.
pub fn line(at: Timestamp, alerts: &[Alert]) -> Value {
    let one = |a: &Alert| {
        let mut fields = Map::new();
        fields.insert("labels".to_owned(), json!(a.labels));
        fields.insert("annotations".to_owned(), json!(a.annotations));
        fields.insert("startsAt".to_owned(), json!(a.starts_at));
        if let Some(end) = a.ends_at {
            fields.insert("endsAt".to_owned(), json!(end));
        }
        fields.insert("generatorURL".to_owned(), json!(a.generator_url));
        Value::Object(fields)
    };
    let holds: BTreeMap<&str, u32> = alerts.iter().filter_map(|a| Some((a.name(), a.hold_s?))).collect();
    let alerts: Vec<Value> = alerts.iter().map(one).collect();
    json!({"at": at, "alerts": alerts, "holds": holds})
}

/// `null`: the series ended there.
fn points(batch: &SeriesBatch) -> Vec<(i64, Option<f64>)> {
    batch.points.iter().map(|(t, v)| (*t, v.is_finite().then_some(*v))).collect()
}

/// The thread that writes.
struct Machine {
    options: TapeOptions,
    shared: Arc<Shared>,
    segment: Option<Segment>,
    /// Leaves secrets out of lines.
    form: Form,
}

struct Segment {
    folder: PathBuf,
    lines: File,
    bytes: u64,
}

impl Machine {
    fn new(options: TapeOptions, shared: Arc<Shared>) -> Machine {
        let form = Writer::new(About::default()).redacting(options.patterns.to_vec()).form();
        Machine { options, shared, segment: None, form }
    }

    fn run(&mut self, waiting: &Receiver<Entry>) {
        while let Ok(entry) = waiting.recv() {
            if let Err(error) = self.take(entry) {
                tracing::error!(%error, folder = %self.options.folder.display(), "the tape cannot be written");
                // a new one, when there is room again
                self.segment = None;
                self.shared.wants_state.store(true, Ordering::Relaxed);
            }
        }
    }

    fn take(&mut self, entry: Entry) -> io::Result<()> {
        match entry {
            Entry::State { at, signals, alerts } => {
                let segment = match &mut self.segment {
                    Some(segment) => segment,
                    none => none.insert(Segment::begin(&self.options.folder, at)?),
                };
                segment.state(at, &signals, &self.options.patterns)?;
                if !alerts.is_empty() {
                    segment.line(self.form.value(line(at, &alerts)))?;
                }
                self.tidy()?;
            }
            // what comes before the first state belongs to nothing
            Entry::Line(value) => {
                if let Some(segment) = &mut self.segment {
                    segment.line(self.form.value(value))?;
                }
            }
        }
        if self.segment.as_ref().is_some_and(|s| s.bytes > self.options.bytes / SEGMENTS) {
            self.segment = None;
            self.shared.wants_state.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The oldest segments go until the rest is below the limit.
    fn tidy(&self) -> io::Result<()> {
        let mut segments: Vec<(PathBuf, u64)> = Vec::new();
        for entry in fs::read_dir(&self.options.folder)?.flatten() {
            let path = entry.path();
            if path.join(LINES).is_file() {
                let files = fs::read_dir(&path)?.flatten().filter_map(|f| f.metadata().ok());
                segments.push((path, files.map(|m| m.len()).sum()));
            }
        }
        // their names are their times
        segments.sort();
        let mut total: u64 = segments.iter().map(|(_, bytes)| bytes).sum();
        let current = self.segment.as_ref().map(|s| s.folder.as_path());
        for (path, bytes) in segments.iter().filter(|(path, _)| Some(path.as_path()) != current) {
            if total <= self.options.bytes {
                break;
            }
            fs::remove_dir_all(path)?;
            total = total.saturating_sub(*bytes);
        }
        Ok(())
    }
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
}

impl Segment {
    fn begin(folder: &Path, at: Timestamp) -> io::Result<Segment> {
        let folder = folder.join(stamp(at));
        fs::create_dir_all(&folder)?;
        let lines = File::options().create(true).append(true).open(folder.join(LINES))?;
        Ok(Segment { folder, lines, bytes: 0 })
    }

    fn line(&mut self, value: Value) -> io::Result<()> {
        let text = format!("{value}\n");
        self.lines.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn state(&mut self, at: Timestamp, signals: &[Signal], patterns: &[Regex]) -> io::Result<()> {
        let tool = format!("rootline {}", env!("CARGO_PKG_VERSION"));
        let about = About { tool, recorded_at: Some(at), source: "tape of a daemon".to_owned(), ..About::default() };
        let mut writer = Writer::new(about).redacting(patterns.to_vec());
        rootline_sources::watch::keep(signals, &mut writer);
        writer.recorded_at(at);
        let path = self.folder.join(format!("state-{}.rootline", stamp(at)));
        writer.write_file(&path).map_err(io::Error::other)?;
        self.bytes += fs::metadata(&path)?.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + s).expect("in range")
    }

    #[test]
    fn the_oldest_segments_go_and_each_that_stays_begins_with_a_state() {
        let folder = std::env::temp_dir().join(format!("rootline-tape-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let options = TapeOptions {
            folder: folder.clone(),
            bytes: 40_000,
            state_every: SignedDuration::from_mins(5),
            patterns: Arc::from([]),
        };
        fs::create_dir_all(&folder).expect("writable");
        let mut machine = Machine::new(options, Arc::default());
        let alert = Alert {
            labels: [("alertname", "A"), ("text", &"x".repeat(1_000))].into_iter().collect(),
            starts_at: at(0),
            ..Alert::default()
        };
        for i in 0..200 {
            if machine.segment.is_none() {
                let state =
                    Entry::State { at: at(i), signals: vec![Signal::Clock(at(i))], alerts: vec![alert.clone()] };
                machine.take(state).expect("written");
            }
            machine.take(Entry::Line(line(at(i), std::slice::from_ref(&alert)))).expect("written");
        }
        let mut total = 0;
        let mut segments = 0;
        for segment in fs::read_dir(&folder).expect("there").flatten() {
            segments += 1;
            let files: Vec<_> = fs::read_dir(segment.path()).expect("there").flatten().collect();
            assert!(files.iter().any(|f| f.file_name().to_string_lossy().starts_with("state-")));
            total += files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum::<u64>();
        }
        // the segment that is being written may stand above the limit
        assert!(segments >= 2 && total <= 40_000 + 8_000, "{segments} segments, {total} bytes");
        let _ = fs::remove_dir_all(&folder);
    }
}
