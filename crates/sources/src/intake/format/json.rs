//! JSON lines: wrapped by Docker or the journal, or written by a program.

use std::borrow::Cow;

use rootline_model::LogLevel;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Read, Stream, Unwrapped, level, moment, normal, since_1970};

/// `{"log":"text\n","stream":"stderr","time":"…"}`; a log that does not end with a new line is a piece.
pub(super) fn docker(text: &str) -> Option<Unwrapped<'_>> {
    #[derive(Deserialize)]
    struct Docker<'a> {
        #[serde(borrow)]
        log: Cow<'a, str>,
        stream: &'a str,
        time: jiff::Timestamp,
    }
    if !text.starts_with("{\"log\":\"") {
        return None;
    }
    let line: Docker<'_> = serde_json::from_str(text).ok()?;
    let stream = match line.stream {
        "stdout" => Stream::Out,
        "stderr" => Stream::Err,
        _ => Stream::Unknown,
    };
    let partial = !line.log.ends_with('\n');
    let text = match line.log {
        Cow::Borrowed(log) => Cow::Borrowed(log.trim_end_matches('\n')),
        Cow::Owned(log) => Cow::Owned(log.trim_end_matches('\n').to_owned()),
    };
    Some(Unwrapped { text, at: Some(line.time), stream, partial, ..Unwrapped::default() })
}

/// `journalctl -o json`: fields in capitals, microseconds as a string, bytes as an array where they are not UTF-8.
pub(super) fn journal(text: &str) -> Option<Unwrapped<'static>> {
    #[derive(Deserialize)]
    struct Journal {
        #[serde(rename = "MESSAGE")]
        message: Value,
        #[serde(default, rename = "PRIORITY")]
        priority: Option<Value>,
        #[serde(default, rename = "_SYSTEMD_UNIT")]
        unit: Option<Value>,
        #[serde(default, rename = "SYSLOG_IDENTIFIER")]
        identifier: Option<Value>,
        #[serde(default, rename = "_HOSTNAME")]
        host: Option<Value>,
        #[serde(default, rename = "_TRANSPORT")]
        transport: Option<Value>,
        #[serde(default, rename = "__REALTIME_TIMESTAMP")]
        received: Option<Value>,
        #[serde(default, rename = "_SOURCE_REALTIME_TIMESTAMP")]
        sent: Option<Value>,
    }
    if !text.starts_with('{') || !text.contains("\"MESSAGE\"") {
        return None;
    }
    let entry: Journal = serde_json::from_str(text).ok()?;
    let message = match &entry.message {
        Value::String(text) => text.clone(),
        Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|b| u8::try_from(b.as_u64()?).ok()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return None,
    };
    let word = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let at = [&entry.sent, &entry.received].into_iter().find_map(|t| {
        let micros = t.as_ref()?.as_str()?.parse().ok()?;
        jiff::Timestamp::from_microsecond(micros).ok()
    });
    let (unit, identifier, host) = (word(&entry.unit), word(&entry.identifier), word(&entry.host));
    let transport = word(&entry.transport);
    let labels = normal([
        ("_SYSTEMD_UNIT", unit.as_str()),
        ("SYSLOG_IDENTIFIER", identifier.as_str()),
        ("_HOSTNAME", host.as_str()),
        ("_TRANSPORT", transport.as_str()),
    ]);
    let level = level::of_word(&word(&entry.priority));
    Some(Unwrapped { text: Cow::Owned(message), at, level, labels: Some(labels), ..Unwrapped::default() })
}

/// Field names, best first; of nested objects `log.level` and `error.message` of ECS are known.
const MESSAGES: &[&str] =
    &["msg", "message", "@message", "log", "short_message", "body", "event", "text", "@m", "@mt", "MESSAGE", "rest"];
const LEVELS: &[&str] = &[
    "level",
    "severity",
    "lvl",
    "log.level",
    "levelname",
    "loglevel",
    "log_level",
    "@l",
    "severity_text",
    "severityText",
    "Level",
    "LogLevel",
    "s",
    "PRIORITY",
];
const TIMES: &[&str] =
    &["time", "ts", "timestamp", "@timestamp", "t", "@t", "datetime", "date", "Timestamp", "timeMillis", "asctime"];
const ERRORS: &[&str] = &[
    "error",
    "err",
    "exception",
    "error.message",
    "stack_trace",
    "stacktrace",
    "stack",
    "error.stack_trace",
    "exc_info",
    "@x",
    "thrown",
    "cause",
    "Exception",
];

/// Bytes of an error taken beside a message.
const ERROR_BYTES: usize = 16 << 10;

/// A line that is a JSON object. Without a known message the line itself is the text.
pub(super) fn object(text: &str) -> Option<Read<'_>> {
    let trimmed = text.trim();
    if !trimmed.starts_with('{') || !trimmed.ends_with('}') {
        return None;
    }
    let found: Found = serde_json::from_str(trimmed).ok()?;
    let level = match found.get(LEVELS) {
        Some(Value::String(word)) => level::of_word(word),
        Some(Value::Number(number)) => level::of_word(&number.to_string()),
        // ECS writes {"log":{"level":"error"}}, OpenTelemetry's and MongoDB's have their own
        _ => match found.named("log").and_then(|l| l.get("level")).and_then(Value::as_str) {
            Some(word) => level::of_word(word),
            None => LogLevel::Unknown,
        },
    };
    let at = match found.get(TIMES) {
        Some(Value::String(word)) => moment(word).or_else(|| since_1970(word.parse().ok()?)),
        Some(Value::Number(number)) => number.as_f64().and_then(since_1970),
        Some(Value::Object(inner)) => inner.get("$date").and_then(Value::as_str).and_then(moment),
        _ => None,
    };
    let message = MESSAGES.iter().find_map(|name| match found.named(name)? {
        Value::String(word) if !word.trim().is_empty() => Some(word.as_str()),
        _ => None,
    });
    let error = ERRORS.iter().find_map(|name| error_text(found.named(name)?));
    let text = match (message, error) {
        (Some(message), Some(error)) if !message.contains(error.as_str()) => Cow::Owned(format!("{message}: {error}")),
        (Some(message), _) => Cow::Owned(message.to_owned()),
        (None, Some(error)) => Cow::Owned(error),
        (None, None) => Cow::Borrowed(trimmed),
    };
    Some(Read { text, at, level, structured: true })
}

/// A string, or the stack or else the message of an object.
fn error_text(value: &Value) -> Option<String> {
    let word = match value {
        Value::String(word) => word.as_str(),
        Value::Object(inner) => {
            let names = ["stack", "stack_trace", "stacktrace", "message", "msg", "errmsg"];
            names.iter().find_map(|n| inner.get(*n)?.as_str())?
        }
        _ => return None,
    };
    let word = word.trim();
    (!word.is_empty()).then(|| super::super::cut(word, ERROR_BYTES).to_owned())
}

/// The fields of interest of an object, everything else skipped without being kept.
#[derive(Default)]
struct Found(Vec<(String, Value)>);

impl Found {
    fn named(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    fn get(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|n| self.named(n))
    }
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Found;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
                let mut found = Found::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    if [MESSAGES, LEVELS, TIMES, ERRORS].iter().any(|names| names.contains(&&*name)) {
                        found.0.push((name.into_owned(), map.next_value()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(found)
            }
        }
        from.deserialize_map(Fields)
    }
}
