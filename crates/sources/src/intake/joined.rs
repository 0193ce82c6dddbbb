//! Stack traces: which lines belong to the record before them.
//!
//! Only lines without a header of their own are joined: indented ones, and those that runtimes print at the margin (Java's
//! causes, Python's last line, Go's goroutines, Rust's notes).

use jiff::Timestamp;
use rootline_model::{LabelSet, LogLevel, LogRecord};

use super::format::Read;
use super::{Options, cut};

/// A record that may go on.
#[derive(Debug)]
pub(super) struct Pending {
    pub at: Timestamp,
    level: LogLevel,
    text: String,
    lines: usize,
    trace: Trace,
}

/// What kind of trace a record is in; says which line can be next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    /// A record of a format that holds its trace inside: nothing follows.
    Closed,
    /// Indented lines follow, or a trace begins.
    Open,
    /// After `Traceback`: indented lines, then the exception at the margin, then [`Trace::Open`].
    Python,
    /// After `panic:` or `goroutine`: calls at the margin.
    Go,
    /// After `thread '…' panicked at …:`: the message at the margin, then [`Trace::Open`].
    Rust,
}

impl Pending {
    pub fn new(read: &Read<'_>, at: Timestamp, told: LogLevel) -> Self {
        let level = if read.level == LogLevel::Unknown { told } else { read.level };
        let trace = if read.structured { Trace::Closed } else { begins(&read.text).unwrap_or(Trace::Open) };
        Pending { at, level, text: read.text.clone().into_owned(), lines: 1, trace }
    }

    /// Whether a line belongs to this record.
    pub fn continues(&self, line: &str) -> bool {
        if self.trace == Trace::Closed {
            return false;
        }
        if line.starts_with([' ', '\t']) || matches!(line, "}" | "]" | ")" | "})" | "},") {
            return true;
        }
        if self.trace == Trace::Python && is_exception_of_python(line) || self.trace == Trace::Rust {
            return true;
        }
        if self.trace == Trace::Go && is_go(line) {
            return true;
        }
        const AFTER: &[&str] = &[
            "Caused by: ",
            "Suppressed: ",
            "... ",
            "--- End of ",
            "During handling of the above exception",
            "The above exception was the direct cause",
            "note: run with `RUST_BACKTRACE",
            "stack backtrace:",
        ];
        let failed = self.level >= LogLevel::Warn || self.lines > 1;
        AFTER.iter().any(|a| line.starts_with(a))
            || is_goroutine(line)
            || failed && (line.starts_with("Traceback (most recent call last)") || is_exception_of_java(line))
    }

    /// Adds a line that continues; false if the record is full.
    pub fn add(&mut self, line: &str, options: &Options) -> bool {
        self.trace = match (begins(line), self.trace) {
            (Some(trace), _) => trace,
            (None, Trace::Python) if !line.starts_with([' ', '\t']) => Trace::Open,
            (None, Trace::Rust) => Trace::Open,
            (None, same) => same,
        };
        if self.lines >= options.lines || self.text.len() + line.len() >= options.bytes {
            return false;
        }
        self.lines += 1;
        self.text.push('\n');
        self.text.push_str(cut(line, options.bytes));
        let died = matches!(self.trace, Trace::Python | Trace::Go) || is_frame(line);
        if died && self.level < LogLevel::Error && self.level != LogLevel::Warn {
            self.level = LogLevel::Error;
        }
        true
    }

    pub fn record(self, labels: &LabelSet) -> LogRecord {
        LogRecord { labels: labels.clone(), at: self.at, level: self.level, text: self.text }
    }
}

/// The trace that begins with this line.
fn begins(line: &str) -> Option<Trace> {
    let line = line.trim_start();
    if line.starts_with("Traceback (most recent call last)") {
        return Some(Trace::Python);
    }
    if line.starts_with("panic: ")
        || line.starts_with("fatal error: ")
        || line.contains("http: panic serving ")
        || is_goroutine(line)
    {
        return Some(Trace::Go);
    }
    (line.starts_with("thread '") && line.contains("' panicked at ") && line.ends_with(':')).then_some(Trace::Rust)
}

/// `at com.shop.Cart.add(Cart.java:7)`, `File "x.py", line 3`, `from cart.rb:3`
fn is_frame(line: &str) -> bool {
    let inner = line.trim_start();
    inner.len() < line.len() && (inner.starts_with("at ") || inner.starts_with("File \"") || inner.starts_with("from "))
}

/// `goroutine 17 [running]:`
fn is_goroutine(line: &str) -> bool {
    line.strip_prefix("goroutine ")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(" ["))
}

/// Lines of a Go trace at the margin.
fn is_go(line: &str) -> bool {
    const BEGINS: &[&str] = &["[signal ", "created by ", "exit status ", "panic: ", "runtime stack:", "[originating "];
    let is_call = line.ends_with(')') && line.find(['(', ' ']).is_some_and(|i| line.as_bytes().get(i) == Some(&b'('));
    let is_register = line.split_once(' ').is_some_and(|(name, value)| {
        name.len() <= 6 && name.starts_with(['r', 'c', 'f', 'g', 'p', 's', 'l']) && value.trim_start().starts_with("0x")
    });
    BEGINS.iter().any(|b| line.starts_with(b)) || is_goroutine(line) || is_call || is_register
}

/// `shop.errors.CartError: full`, `KeyError: 'a'`, `KeyboardInterrupt`
fn is_exception_of_python(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or(line);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
}

/// `java.lang.IllegalStateException: no`, `System.InvalidOperationException: no`
fn is_exception_of_java(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or(line);
    let Some((_, class)) = name.rsplit_once('.') else { return false };
    class.starts_with(|c: char| c.is_ascii_uppercase())
        && ["Exception", "Error", "Throwable", "Failure"].iter().any(|end| class.ends_with(end))
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'))
}
