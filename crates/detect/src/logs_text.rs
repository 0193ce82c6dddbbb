//! Lines of logs as evidence: which container wrote them, when, and how loud.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use rootline_model::{EntityRef, Evidence};
use rootline_objects as o;
use rootline_world::World;

/// Longest line quoted, in characters.
const LINE_MAX: usize = 240;
/// A line that was written longer ago than this says nothing about now.
pub(crate) const RECENT_S: i64 = 600;
/// Lines read of one tail, from its end.
const LINES_MAX: usize = 5000;

/// Log tails of one container. A tail without a container's name is that of the first main container, which is what
/// `kubectl logs` shows.
pub(crate) fn tails<'w>(world: &'w World, pod: &'w o::Pod, container: &'w str) -> impl Iterator<Item = &'w o::LogTail> {
    let first = pod.spec.containers.first().map(|c| c.name.as_str());
    world
        .logs_of(pod.namespace(), pod.name())
        .iter()
        .filter(move |t| t.container == container || (t.container.is_empty() && first.is_none_or(|f| f == container)))
}

/// The container that a tail belongs to.
pub(crate) fn container_of(world: &World, tail: &o::LogTail) -> EntityRef {
    let first = || {
        let pod = world.pods.get(&tail.namespace, &tail.pod)?;
        pod.spec.containers.first().map(|c| c.name.clone())
    };
    match tail.container.as_str() {
        "" => EntityRef::container(&tail.namespace, &tail.pod, &first().unwrap_or_default()),
        name => EntityRef::container(&tail.namespace, &tail.pod, name),
    }
}

/// The lines of a tail that count, oldest first: no blank ones, no complaints of kubectl itself.
pub(crate) fn lines(tail: &o::LogTail) -> impl DoubleEndedIterator<Item = &str> {
    let from = tail.lines.len().saturating_sub(LINES_MAX);
    tail.lines.iter().skip(from).map(|l| l.trim()).filter(|l| {
        !l.is_empty() && !l.starts_with("Error from server") && !l.starts_with("unable to retrieve container logs")
    })
}

/// A line cut to what fits a report, on a character border.
pub(crate) fn clip(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

pub(crate) fn quote(world: &World, tail: &o::LogTail, line: &str, count: u32) -> Evidence {
    Evidence::Log { container: container_of(world, tail), line: clip(line), previous: tail.previous, count }
}

/// A line without the time that a log reader put before it.
fn unstamped(line: &str) -> &str {
    static STAMP: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}) ")
            .expect("the pattern is fixed and tested")
    });
    STAMP.find(line).and_then(|m| line.get(m.end()..)).unwrap_or(line)
}

/// When a line was written, where it says so in RFC 3339, at its start or in a JSON field.
pub(crate) fn written_at(line: &str) -> Option<Timestamp> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})")
            .expect("the pattern is fixed and tested")
    });
    let found = TIME.find(line).filter(|m| m.start() <= 160)?;
    found.as_str().replacen(' ', "T", 1).replace(',', ".").parse().ok()
}

/// True if the line does not say that it is old.
pub(crate) fn is_recent(world: &World, line: &str) -> bool {
    written_at(line).is_none_or(|t| world.now.as_second() - t.as_second() <= RECENT_S)
}

/// How much a line sounds like the reason of a failure; 0: not at all.
pub(crate) fn loudness(line: &str) -> u8 {
    let line = unstamped(line);
    static FATAL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i:^panic: |\bpanicked at\b|exception in thread|unhandled (?:exception|promise|rejection)|\buncaught\b|",
            r"application run failed|failed to start application)|",
            r#"\bFATAL\b|\bCRITICAL\b|\[(?:emerg|alert|crit|fatal)\]|(?i:level"?[=:] ?"?(?:fatal|panic|critical|emerg)|severity"?[=:] ?"?(?:critical|emergency|fatal))|"#,
            r"^F\d{4} |(?i:^fatal(?: error)?:)",
        ))
        .expect("the pattern is fixed and tested")
    });
    static EXCEPTION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:[A-Za-z_][\w.$]*[.:])?[A-Z]\w*(?:Error|Exception)\b|^(?:Caused by|Error): |\b[a-z][\w.]+\.[A-Z]\w*(?:Exception|Error)\b")
            .expect("the pattern is fixed and tested")
    });
    static ERROR: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"\bERROR\b|\bERR\b|\bSEVERE\b|\[error\]|^E\d{4} |(?i:^error\b|\berror:|",
            r#"level"?[=:] ?"?error|severity"?[=:] ?"?error|log_level"?[=:] ?"?error)"#,
        ))
        .expect("the pattern is fixed and tested")
    });
    static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"(?i)\b0 errors?\b|errors?"?[=:] ?(?:0\b|null|""|nil|none|false)|no errors?\b|error[-_]rate|error_log|errorlog|"#,
            r#"\berror pages?\b|level"?[=:] ?"?(?:info|debug|trace|notice)|severity"?[=:] ?"?(?:info|debug|notice)"#,
        ))
        .expect("the pattern is fixed and tested")
    });
    static QUIET: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(?:INFO|DEBUG|TRACE|NOTICE)\b|^[ID]\d{4} ").expect("the pattern is fixed and tested")
    });
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)\bcannot\b|\bcan't\b|\bcould not\b|\bfailed\b|\bunable to\b|\bmissing\b|\binvalid\b|\bdenied\b|",
            r"\brefused\b|\bnot found\b|\bno such\b|\bunknown\b|\bexception\b|\berror\b|\bnot set\b",
        ))
        .expect("the pattern is fixed and tested")
    });
    let quiet = HARMLESS.is_match(line) || line.get(..80).map_or_else(|| QUIET.is_match(line), |h| QUIET.is_match(h));
    if FATAL.is_match(line) && !HARMLESS.is_match(line) {
        4
    } else if EXCEPTION.is_match(line) && !quiet {
        3
    } else if ERROR.is_match(line) && !quiet {
        2
    } else {
        u8::from(!quiet && WORDS.is_match(line))
    }
}

/// The line that best tells why a container ended: a panic or fatal line, the exception below a traceback, the first
/// error, else the last line.
pub(crate) fn last_words(tail: &o::LogTail) -> Option<&str> {
    let mut best: Option<(u8, &str)> = None;
    let mut in_traceback = false;
    let from = tail.lines.len().saturating_sub(LINES_MAX);
    for raw in tail.lines.iter().skip(from) {
        if raw.trim_end().ends_with("Traceback (most recent call last):") {
            in_traceback = true;
            continue;
        }
        let text = unstamped(raw);
        let line = raw.trim();
        if text.trim().is_empty() || line.starts_with("Error from server") {
            continue;
        }
        let mut loud = loudness(line);
        // the frames of a Python traceback are indented, the exception is not
        if in_traceback && !text.starts_with([' ', '\t']) {
            in_traceback = false;
            loud = 5;
        }
        if loud > 0 && best.is_none_or(|(b, _)| loud > b) {
            best = Some((loud, line));
        }
    }
    best.map(|(_, line)| line).or_else(|| lines(tail).next_back())
}

/// What a line says, without the JSON or key=value around it: for titles.
pub(crate) fn said(line: &str) -> String {
    let line = unstamped(line.trim()).trim();
    if line.starts_with('{') {
        for key in ["message", "msg", "error", "err", "log"] {
            if let Some(text) = json_text(line, key).filter(|t| !t.trim().is_empty()) {
                return clip(&text);
            }
        }
    }
    clip(line)
}

/// The text of a string field of a JSON line, without a parser: log lines are often cut.
fn json_text(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("\"{key}\""))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut text = String::new();
    let mut escaped = false;
    for c in rest.chars() {
        match (escaped, c) {
            (true, 'n' | 't' | 'r') => text.push(' '),
            (true, other) => text.push(other),
            (false, '"') => return Some(text),
            (false, '\\') => {}
            (false, other) => text.push(other),
        }
        escaped = c == '\\' && !escaped;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str) -> o::LogTail {
        o::LogTail { lines: text.lines().map(str::to_owned).collect(), ..o::LogTail::default() }
    }

    #[test]
    fn the_line_that_tells_is_found() {
        let check = |text: &str, want: &str| assert_eq!(last_words(&tail(text)), Some(want), "{text}");
        check("starting\nERROR cannot open /etc/app.yaml\nbye", "ERROR cannot open /etc/app.yaml");
        check("INFO a\nERROR first\nFATAL: last", "FATAL: last");
        check(
            "x\nTraceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'DB_URL'\nbye",
            "KeyError: 'DB_URL'",
        );
        check(
            "Exception in thread \"main\" java.lang.IllegalStateException: no config\n\tat a.b(C.java:1)",
            "Exception in thread \"main\" java.lang.IllegalStateException: no config",
        );
        check(
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:",
            "panic: runtime error: index out of range",
        );
        check(
            "2026-06-01T11:00:00.5Z Traceback (most recent call last):\n2026-06-01T11:00:00.5Z   File \"a\"\n2026-06-01T11:00:00.5Z OSError: bad",
            "2026-06-01T11:00:00.5Z OSError: bad",
        );
        check("one\ntwo\n", "two");
        check("0 errors found\nlevel=info msg=\"error rate fine\"\nbye", "bye");
        check("server bf-error-rate 0.01\nError from server (BadRequest): container", "server bf-error-rate 0.01");
        assert_eq!(last_words(&tail("")), None);
    }

    #[test]
    fn json_lines_say_their_message() {
        assert_eq!(said(r#"{"level":"error","msg":"dial \"cart:7070\": refused"}"#), "dial \"cart:7070\": refused");
        assert_eq!(said(r#"{"level":"error","message":"a\nb"#), "a b");
        assert_eq!(said("plain"), "plain");
        assert_eq!(said("2026-06-01T11:00:00.123456789Z panic: no"), "panic: no");
        assert_eq!(said(&"字".repeat(500)).chars().count(), 241);
    }

    #[test]
    fn times_are_read_where_lines_carry_them() {
        let check =
            |line: &str, want: Option<&str>| assert_eq!(written_at(line).map(|t| t.to_string()).as_deref(), want);
        check("2026-06-01T11:00:00.5Z boom", Some("2026-06-01T11:00:00.5Z"));
        check("2026-06-01 11:00:00,123+02:00 boom", Some("2026-06-01T09:00:00.123Z"));
        check(r#"{"time":"2026-06-01T11:00:00Z"}"#, Some("2026-06-01T11:00:00Z"));
        check("11:00:00 boom", None);
    }
}
