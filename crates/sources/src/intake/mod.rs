//! Log lines on their way in: unwrapped, read, joined, under our labels.
//!
//! What arrives is a [`Line`] as some agent ships it. [`Intake`] takes the runtime's wrapping off (CRI, Docker, journald),
//! joins the pieces of a long line and the lines of a stack trace, finds level and message, and gives
//! [`LogRecord`]s. It holds back at most one record a stream, until the next one begins or it is too old.

mod format;
mod joined;
mod labels;
mod level;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rootline_model::{LabelSet, LogLevel, LogRecord};

pub(crate) use labels::normal;
pub use labels::{Stream, StreamLabels};
pub(crate) use level::of_otel;

use joined::Pending;

/// A line as an agent ships it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub of: StreamLabels,
    /// As the agent says; the time inside the text counts only without one.
    pub at: Option<Timestamp>,
    pub text: String,
}

impl StreamLabels {
    /// Labels of a stream under our names, whatever the agent called them; see `labels.rs` for the spellings known.
    pub fn of<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        normal(labels)
    }
}

/// Bounds of what is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lines of one record. More are counted and left out.
    pub lines: usize,
    /// Bytes of one record. More are counted and left out.
    pub bytes: usize,
    /// Milliseconds of event time from the first line of a record to its last, and how long `flush` lets one wait.
    pub age_ms: i64,
    /// Streams with something held back. One more, and everything held back is given out.
    pub streams: usize,
}

impl Default for Options {
    /// Starting values: the deepest Java traces are some 300 lines; 5 s is the flush interval of Fluent Bit's multi-line
    /// filter and then some.
    fn default() -> Self {
        Options { lines: 500, bytes: 64 << 10, age_ms: 5_000, streams: 10_000 }
    }
}

/// Joins and reads the lines of many streams.
#[derive(Debug, Default)]
pub struct Intake {
    options: Options,
    streams: BTreeMap<(LabelSet, Stream), Held>,
    cut_lines: u64,
}

/// What one stream holds back.
#[derive(Debug, Default)]
struct Held {
    /// Pieces of a line that the runtime cut.
    partial: String,
    pending: Option<Pending>,
}

impl Intake {
    pub fn new(options: Options) -> Self {
        Intake { options, ..Intake::default() }
    }

    /// Takes a line; what it completes goes to `out`. `now` is the time of a line that has none anywhere.
    pub fn take(&mut self, line: Line, now: Timestamp, out: &mut Vec<LogRecord>) {
        let mut of = line.of;
        let unwrapped = format::unwrap(&line.text);
        if let Some(labels) = &unwrapped.labels {
            of = merged(&of, labels);
        }
        if unwrapped.stream != Stream::Unknown {
            of.stream = unwrapped.stream;
        }
        let at = line.at.or(unwrapped.at);
        if self.streams.len() >= self.options.streams && !self.streams.contains_key(&(of.labels.clone(), of.stream)) {
            self.finish(out);
        }
        let held = self.streams.entry((of.labels.clone(), of.stream)).or_default();
        if unwrapped.partial {
            let room = self.options.bytes.saturating_sub(held.partial.len());
            held.partial.push_str(cut(&unwrapped.text, room));
            return;
        }
        let whole = if held.partial.is_empty() {
            unwrapped.text
        } else {
            let mut whole = std::mem::take(&mut held.partial);
            whole.push_str(cut(&unwrapped.text, self.options.bytes.saturating_sub(whole.len())));
            Cow::Owned(whole)
        };
        let told = if unwrapped.level == LogLevel::Unknown { of.level } else { unwrapped.level };
        for text in whole.split('\n') {
            self.cut_lines += held.add(text.trim_end(), (at, now), (&of.labels, told), (&self.options, out));
        }
    }

    /// Gives out what has waited longer than `age_ms` by event time.
    pub fn flush(&mut self, now: Timestamp, out: &mut Vec<LogRecord>) {
        let oldest = now.checked_sub(SignedDuration::from_millis(self.options.age_ms)).unwrap_or(Timestamp::MIN);
        self.streams.retain(|(labels, _), held| {
            if held.pending.as_ref().is_some_and(|p| p.at <= oldest) {
                out.extend(held.pending.take().map(|p| p.record(labels)));
            }
            held.pending.is_some() || !held.partial.is_empty()
        });
    }

    /// Gives out everything held back.
    pub fn finish(&mut self, out: &mut Vec<LogRecord>) {
        for ((labels, _), mut held) in std::mem::take(&mut self.streams) {
            out.extend(held.pending.take().map(|p| p.record(&labels)));
            if !held.partial.trim().is_empty() {
                let read = format::read(&held.partial);
                let at = read.at.or(out.last().map(|r| r.at)).unwrap_or_default();
                out.push(Pending::new(&read, at, LogLevel::Unknown).record(&labels));
            }
        }
    }

    /// Lines left out of records that were full, so far.
    pub fn cut_lines(&self) -> u64 {
        self.cut_lines
    }
}

impl Held {
    /// Adds a whole line; how many lines were left out.
    fn add(
        &mut self,
        text: &str,
        (at, now): (Option<Timestamp>, Timestamp),
        (labels, told): (&LabelSet, LogLevel),
        (options, out): (&Options, &mut Vec<LogRecord>),
    ) -> u64 {
        if text.trim().is_empty() {
            return 0;
        }
        if let Some(pending) = &mut self.pending {
            let waited = at.map_or(0, |t| t.as_millisecond().saturating_sub(pending.at.as_millisecond()));
            if waited.abs() <= options.age_ms && pending.continues(text) {
                return u64::from(!pending.add(text, options));
            }
        }
        let read = format::read(text);
        let at = at.or(read.at).unwrap_or(now);
        let next = Pending::new(&read, at, told);
        out.extend(self.pending.replace(next).map(|p| p.record(labels)));
        0
    }
}

fn merged(of: &StreamLabels, more: &StreamLabels) -> StreamLabels {
    StreamLabels {
        labels: more.labels.iter().chain(of.labels.iter()).collect(),
        level: if of.level == LogLevel::Unknown { more.level } else { of.level },
        stream: of.stream,
    }
}

/// At most that many bytes, ending between two characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
