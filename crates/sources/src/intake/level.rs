//! Levels of log lines: by their word, by syslog's number, by a guess.

use rootline_model::LogLevel;

/// The level a word or a number of a level field stands for. Numbers below 8 are syslog's, from 10 on they are Bunyan's and
/// Pino's (10 trace … 60 fatal).
pub(super) fn of_word(word: &str) -> LogLevel {
    let word = word.trim();
    if let Ok(number) = word.parse::<u32>() {
        return of_number(number);
    }
    match word.to_ascii_lowercase().as_str() {
        "trace" | "debug" | "dbg" | "verbose" | "fine" | "finer" | "finest" | "d" | "t" | "debug2" | "debug3" => {
            LogLevel::Debug
        }
        "info" | "information" | "informational" | "inf" | "notice" | "log" | "i" | "config" | "normal" => {
            LogLevel::Info
        }
        "warn" | "warning" | "wrn" | "w" => LogLevel::Warn,
        "error" | "err" | "eror" | "e" | "severe" => LogLevel::Error,
        "fatal" | "critical" | "crit" | "panic" | "alert" | "emerg" | "emergency" | "dpanic" | "f" | "c" => {
            LogLevel::Fatal
        }
        _ => LogLevel::Unknown,
    }
}

fn of_number(number: u32) -> LogLevel {
    match number {
        0..=2 => LogLevel::Fatal,
        3 => LogLevel::Error,
        4 => LogLevel::Warn,
        5 | 6 => LogLevel::Info,
        7 => LogLevel::Debug,
        10..=29 => LogLevel::Debug,
        30..=39 => LogLevel::Info,
        40..=49 => LogLevel::Warn,
        50..=59 => LogLevel::Error,
        60..=99 => LogLevel::Fatal,
        _ => LogLevel::Unknown,
    }
}

/// OpenTelemetry's severity number: 1–4 trace, 5–8 debug, 9–12 info, 13–16 warn, 17–20 error, 21–24 fatal.
pub(crate) fn of_otel(number: i32) -> LogLevel {
    match number {
        1..=8 => LogLevel::Debug,
        9..=12 => LogLevel::Info,
        13..=16 => LogLevel::Warn,
        17..=20 => LogLevel::Error,
        21..=24 => LogLevel::Fatal,
        _ => LogLevel::Unknown,
    }
}

/// How far into a line a level stands.
const LOOK_BYTES: usize = 120;

/// What a line without a known format says: a level word in capitals near its start, one in brackets or before a colon,
/// or how runtimes begin to die. "0 errors found" and `error_count=0` say nothing.
pub(super) fn guess(text: &str) -> LogLevel {
    const DYING: &[&str] = &[
        "Traceback (most recent call last)",
        "Exception in thread ",
        "Unhandled exception",
        "Unhandled Exception",
        "Uncaught ",
        "Segmentation fault",
        "java.lang.OutOfMemoryError",
    ];
    const DEAD: &[&str] = &["panic: ", "fatal error: ", "fatal: ", "FATAL:"];
    let head = text.get(..text.floor_char_boundary(LOOK_BYTES)).unwrap_or(text);
    let start = head.trim_start();
    if DEAD.iter().any(|d| start.starts_with(d)) {
        return LogLevel::Fatal;
    }
    if DYING.iter().any(|d| start.starts_with(d)) {
        return LogLevel::Error;
    }
    let bytes = head.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let before = at.checked_sub(1).map(|i| bytes[i]);
        let after = bytes.get(at + length).copied();
        let found = word(&head[at..at + length], before, after);
        if found != LogLevel::Unknown {
            return found;
        }
        at += length;
    }
    LogLevel::Unknown
}

fn word(word: &str, before: Option<u8>, after: Option<u8>) -> LogLevel {
    if !(3..=11).contains(&word.len()) {
        return LogLevel::Unknown;
    }
    // a part of a name, of a path, of an option
    let apart =
        !matches!(before, Some(b'-' | b'.' | b'/' | b'_')) && !matches!(after, Some(b'-' | b'.' | b'/' | b'=' | b'('));
    let capitals = word.bytes().all(|b| b.is_ascii_uppercase());
    let marked = matches!((before, after), (Some(b'[' | b'<' | b'('), Some(b']' | b'>' | b')')))
        || (after == Some(b':') && !matches!(before, Some(b'"' | b'\'' | b'{' | b',')));
    if apart
        && (capitals || marked)
        && !matches!(word, "LOG" | "log" | "ALERT" | "CONFIG" | "NORMAL" | "FINE" | "config")
    {
        of_word(word)
    } else {
        LogLevel::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_of_level_fields() {
        for (word, level) in [
            ("WARNING", LogLevel::Warn),
            ("err", LogLevel::Error),
            ("30", LogLevel::Info),
            ("3", LogLevel::Error),
            ("critical", LogLevel::Fatal),
            ("purple", LogLevel::Unknown),
        ] {
            assert_eq!(of_word(word), level, "{word}");
        }
        assert_eq!(
            [1, 9, 13, 17, 21, 0].map(of_otel),
            [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error, LogLevel::Fatal, LogLevel::Unknown]
        );
    }

    #[test]
    fn a_guess_takes_levels_and_not_words_that_look_like_them() {
        for (line, level) in [
            ("2026-01-02 03:04:05,678 ERROR c.e.Cart - no", LogLevel::Error),
            ("[warn] slow", LogLevel::Warn),
            ("error: no such file", LogLevel::Error),
            ("nginx: [emerg] bind() failed", LogLevel::Fatal),
            ("panic: runtime error", LogLevel::Fatal),
            ("Traceback (most recent call last):", LogLevel::Error),
            ("2026/01/02 INFO all good, ERROR rate 0", LogLevel::Info),
            ("0 errors found", LogLevel::Unknown),
            ("error_count=0", LogLevel::Unknown),
            ("GET /error 200", LogLevel::Unknown),
            ("http://x/ERROR/1", LogLevel::Unknown),
            ("配置已加载 ERROR: 连接失败", LogLevel::Error),
        ] {
            assert_eq!(guess(line), level, "{line}");
        }
    }
}
