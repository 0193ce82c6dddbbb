//! Lines that are text: logfmt, syslog, anything.

use std::borrow::Cow;

use rootline_model::LogLevel;

use super::{Read, level, moment, since_1970};

/// Pairs looked at in a line.
const PAIRS: usize = 64;

/// `time=… level=info msg="…" err=…`: a line that begins with a pair and has a level or a message under the usual names.
pub(super) fn logfmt(text: &str) -> Option<Read<'_>> {
    let first = text.split([' ', '=']).next()?;
    if first.is_empty() || text.as_bytes().get(first.len()) != Some(&b'=') || !first.chars().all(is_key) {
        return None;
    }
    let (mut message, mut error, mut read) = (None, None, Read { structured: true, ..Read::default() });
    let mut known = false;
    let mut rest = text;
    for _ in 0..PAIRS {
        let Some((key, value, after)) = pair(rest) else { break };
        match key {
            "msg" | "message" => message = Some(value),
            "err" | "error" => error = Some(value),
            "level" | "lvl" | "severity" => {
                read.level = level::of_word(&value);
                known = true;
            }
            "ts" | "time" | "t" | "timestamp" => {
                read.at = moment(&value).or_else(|| since_1970(value.parse().ok()?));
            }
            _ => {}
        }
        rest = after;
    }
    if !known && message.is_none() {
        return None;
    }
    read.text = match (message, error) {
        (Some(message), Some(error)) if !error.is_empty() => Cow::Owned(format!("{message}: {error}")),
        (Some(message), _) => message,
        _ => Cow::Borrowed(text),
    };
    Some(read)
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '/')
}

/// The next `key=value` of a line, words without `=` passed over.
fn pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let mut rest = text.trim_start();
    loop {
        let end = rest.find(['=', ' '])?;
        let (key, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            rest = after.trim_start();
            continue;
        };
        let Some(quoted) = value.strip_prefix('"') else {
            let end = value.find(' ').unwrap_or(value.len());
            return Some((key, Cow::Borrowed(&value[..end]), &value[end..]));
        };
        let (value, after) = unquoted(quoted)?;
        return Some((key, value, after));
    }
}

/// Text up to the closing quote with Go's simple escapes, and what follows.
fn unquoted(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = quoted.find(['"', '\\'])?;
    if quoted.as_bytes().get(end) == Some(&b'"') {
        return Some((Cow::Borrowed(&quoted[..end]), &quoted[end + 1..]));
    }
    let mut text = quoted[..end].to_owned();
    let mut letters = quoted[end..].char_indices();
    while let Some((i, letter)) = letters.next() {
        match letter {
            '"' => return Some((Cow::Owned(text), &quoted[end + i + 1..])),
            '\\' => text.push(match letters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            other => text.push(other),
        }
    }
    None
}

/// `<PRI>` of RFC 3164 or 5424 and what stands behind its header.
pub(super) fn syslog(text: &str) -> Option<Read<'_>> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let number: u32 = number.parse().ok().filter(|n| *n <= 191)?;
    let level = level::of_word(&(number % 8).to_string());
    if let Some(header) = rest.strip_prefix("1 ") {
        // TIMESTAMP HOSTNAME APP-NAME PROCID MSGID, then STRUCTURED-DATA and the message
        let mut parts = header.splitn(6, ' ');
        let at = parts.next().and_then(moment);
        let data = parts.nth(4)?;
        let message = match data.strip_prefix('-') {
            Some(message) => message,
            None if data.starts_with('[') => data.rfind("] ").map_or("", |i| &data[i + 1..]),
            None => data,
        };
        let message = message.trim_start().trim_start_matches('\u{feff}');
        return Some(Read { text: Cow::Borrowed(message), at, level, structured: false });
    }
    // `Jan  2 03:04:05 host tag: message`: no year and no offset, so no time
    let bytes = rest.as_bytes();
    let dated = bytes.get(3) == Some(&b' ') && bytes.get(9) == Some(&b':') && bytes.get(15) == Some(&b' ');
    let message = if dated { rest.get(16..)?.split_once(' ').map_or("", |(_, m)| m) } else { rest };
    Some(Read { text: Cow::Borrowed(message), level, ..Read::default() })
}

/// Anything: the text as it is, the time it begins with, a guess of the level.
pub(super) fn plain(text: &str) -> Read<'_> {
    let begin = text.trim_start_matches('[');
    let at = begin.starts_with(|c: char| c.is_ascii_digit()).then(|| leading_time(begin)).flatten();
    let level = level::guess(text);
    debug_assert!(level == LogLevel::Unknown || !text.is_empty(), "an empty text has no level");
    Read { text: Cow::Borrowed(text), at, level, structured: false }
}

/// `2026-01-02T03:04:05.678Z …`, `2026-01-02 03:04:05,678 …`
fn leading_time(text: &str) -> Option<jiff::Timestamp> {
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let mut ends = text.match_indices([' ', ']']).map(|(i, _)| i).chain([text.len()]);
    let first = ends.next()?;
    if first > 10 {
        return moment(text.get(..first)?);
    }
    moment(text.get(..ends.next()?)?)
}
