//! What is around a message: the runtime's wrapping, and the form the program logs in.
//!
//! Source: CRI logging format (`kubernetes/kubernetes/pkg/kubelet/kuberuntime/logs`), Docker's json-file driver,
//! `journalctl -o json` (systemd.journal-fields(7)), klog's header (`klog/klog.go`), logfmt (go-kit, logrus, zap, slog),
//! RFC 3164 and 5424, field names of zap, zerolog, pino, bunyan, logrus, serilog, log4j's and logback's JSON layouts, ECS.

mod json;
mod plain;

use std::borrow::Cow;

use jiff::Timestamp;
use rootline_model::LogLevel;

use super::{Stream, StreamLabels, level, normal};

/// A line without the wrapping of the runtime or the journal.
#[derive(Debug, Default)]
pub(super) struct Unwrapped<'a> {
    pub text: Cow<'a, str>,
    pub at: Option<Timestamp>,
    pub stream: Stream,
    /// The runtime cut the line here; the rest follows.
    pub partial: bool,
    pub level: LogLevel,
    /// Only the journal tells.
    pub labels: Option<StreamLabels>,
}

/// What a line says.
#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    /// The message, with the error beside it where there is one.
    pub text: Cow<'a, str>,
    pub at: Option<Timestamp>,
    pub level: LogLevel,
    /// JSON or logfmt: a trace is inside, not behind.
    pub structured: bool,
}

/// Takes CRI's, Docker's or the journal's wrapping off, if there is one.
pub(super) fn unwrap(text: &str) -> Unwrapped<'_> {
    let whole = text.trim_end_matches(['\n', '\r']);
    cri(whole)
        .or_else(|| json::docker(whole))
        .or_else(|| json::journal(whole))
        .unwrap_or_else(|| Unwrapped { text: Cow::Borrowed(whole), ..Unwrapped::default() })
}

/// `2026-01-02T03:04:05.678901234Z stderr F text`; `P` is a piece, and tags may follow after `:`.
fn cri(text: &str) -> Option<Unwrapped<'_>> {
    let (time, rest) = text.split_once(' ')?;
    if !time.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (stream, rest) = rest.split_once(' ')?;
    let stream = match stream {
        "stdout" => Stream::Out,
        "stderr" => Stream::Err,
        _ => return None,
    };
    let (tag, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let partial = match tag.split(':').next() {
        Some("F") => false,
        Some("P") => true,
        _ => return None,
    };
    Some(Unwrapped { text: Cow::Borrowed(text), at: Some(time.parse().ok()?), stream, partial, ..Unwrapped::default() })
}

/// Level, time and message of a line in whatever form. A header without a message is itself the text.
pub(super) fn read(text: &str) -> Read<'_> {
    let mut read = json::object(text)
        .or_else(|| klog(text))
        .or_else(|| plain::logfmt(text))
        .or_else(|| plain::syslog(text))
        .unwrap_or_else(|| plain::plain(text));
    if read.text.trim().is_empty() {
        read.text = Cow::Borrowed(text);
    }
    read
}

/// `E0102 15:04:05.678901    1234 file.go:56] message`; the year is not in it, so neither is the time.
fn klog(text: &str) -> Option<Read<'_>> {
    let bytes = text.as_bytes();
    let level = match bytes.first()? {
        b'I' => LogLevel::Info,
        b'W' => LogLevel::Warn,
        b'E' => LogLevel::Error,
        b'F' => LogLevel::Fatal,
        _ => return None,
    };
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    if !(digits(1, 5) && bytes.get(5) == Some(&b' ') && digits(6, 8) && bytes.get(8) == Some(&b':')) {
        return None;
    }
    let (_, message) = text.split_once("] ")?;
    Some(Read { text: Cow::Borrowed(message), level, ..Read::default() })
}

/// A moment in a text: RFC 3339, also with a blank for `T`, a comma for the point, and without an offset (then UTC).
fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let text = text.replace(',', ".");
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.trim_end_matches(['.', ']']).parse().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size.
#[allow(clippy::cast_possible_truncation, reason = "what does not fit is no time")]
fn since_1970(number: f64) -> Option<Timestamp> {
    let seconds = match number.abs() {
        n if !n.is_finite() || n < 1e8 => return None,
        n if n < 1e11 => number,
        n if n < 1e14 => number / 1e3,
        n if n < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}
