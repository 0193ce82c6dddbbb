//! Loki's push API, as Promtail, Grafana Alloy, Fluent Bit, Vector and the OpenTelemetry collector speak it.
//!
//! Source: Loki 3, "HTTP API", `POST /loki/api/v1/push`; `pkg/push/push.proto`, `pkg/loghttp/push/push.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lines::{Lines, fitting};
use super::proto::{Fields, Malformed, Value};
use super::{Limits, Refused, Reply, Request, Taken, body, exposition};
use crate::intake::{Line, StreamLabels};

/// Lines of a push: JSON, or protobuf under snappy. Structured metadata counts as labels of its line. Streams whose labels
/// cannot be read are left out and answered with 400 after the rest is taken; 204 otherwise.
///
/// # Errors
/// 400 for what is no push, a timestamp that is a number among it; 413; 415.
pub fn push(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<Line>>, Refused> {
    let mut lines = Lines::new(limits, Reply::empty(204));
    let bad = match request.essence().as_str() {
        "application/json" => json(&body::decoded(request, limits)?, &mut lines)?,
        "application/x-protobuf" | "" => protobuf(&unpacked(request, limits)?, &mut lines)?,
        other => {
            let want = "application/json or application/x-protobuf";
            return Err(Refused::unsupported(format!("content type {other:?}, want {want}")));
        }
    };
    let mut taken = lines.taken;
    if let Some((count, first)) = bad {
        taken.note("bad_stream", count);
        taken.reply = Reply::text(400, format!("{count} streams left out, the first: {first}\n"));
    }
    Ok(taken)
}

/// Streams left out, and why the first of them.
type Bad = Option<(u64, String)>;

fn refuse(bad: &mut Bad, reason: String) {
    bad.get_or_insert((0, reason)).0 += 1;
}

/// Protobuf is always under snappy; gzip and deflate, where they are named, are around it.
fn unpacked<'a>(request: &Request<'a>, limits: &Limits) -> Result<Cow<'a, [u8]>, Refused> {
    match request.content_encoding.trim() {
        "" | "snappy" => body::decoded(&request.encoded("snappy"), limits),
        _ => {
            let outer = body::decoded(request, limits)?;
            Ok(body::snappy(&outer, limits.decoded_bytes).map_or(outer, Cow::Owned))
        }
    }
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: Vec<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow)]
    stream: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow, default)]
    values: Vec<Entry<'a>>,
}

/// `["<nanoseconds>", "line"]` or `["<nanoseconds>", "line", {"name": "value"}]`
struct Entry<'a> {
    at: i64,
    text: Cow<'a, str>,
    metadata: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> serde::de::Visitor<'de> for Parts {
            type Value = Entry<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(r#"["<nanoseconds since 1970>", "line"]"#)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut parts: A) -> Result<Entry<'de>, A::Error> {
                use serde::de::Error;
                let at: Text<'de> = parts.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let text: Text<'de> = parts.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                let at = at.0.parse().map_err(|_| A::Error::custom(format!("timestamp {:?}", at.0)))?;
                let metadata: Option<BTreeMap<Text<'de>, Text<'de>>> = parts.next_element()?;
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                let metadata = metadata.unwrap_or_default().into_iter().map(|(n, v)| (n.0, v.0)).collect();
                Ok(Entry { at, text: text.0, metadata })
            }
        }
        from.deserialize_seq(Parts)
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn json(body: &[u8], lines: &mut Lines<'_>) -> Result<Bad, Refused> {
    let push: Push<'_> = serde_json::from_slice(body).map_err(|e| Refused::malformed(format!("not a push: {e}")))?;
    let mut bad = None;
    for stream in &push.streams {
        if stream.stream.is_empty() {
            refuse(&mut bad, "at least one label pair is required per stream".to_owned());
            continue;
        }
        let labels = || stream.stream.iter().map(|(n, v)| (&**n, &**v));
        let of = StreamLabels::of(fitting(labels(), lines.limits));
        for entry in &stream.values {
            let of = if entry.metadata.is_empty() {
                of.clone()
            } else {
                let metadata = entry.metadata.iter().map(|(n, v)| (&**n, &**v));
                StreamLabels::of(fitting(labels().chain(metadata), lines.limits))
            };
            lines.push(of, Timestamp::from_nanosecond(entry.at.into()).ok(), &entry.text)?;
        }
    }
    Ok(bad)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// `PushRequest { streams = 1 }`, `Stream { labels = 1, entries = 2, hash = 3 }`
fn protobuf(bytes: &[u8], lines: &mut Lines<'_>) -> Result<Bad, Refused> {
    let mut bad = None;
    let mut push = Fields::new(bytes);
    while let Some((number, value)) = push.field()? {
        let (1, Value::Bytes(stream)) = (number, value) else { continue };
        let mut labels = Err("a stream without labels".to_owned());
        let mut fields = Fields::new(stream);
        while let Some((number, value)) = fields.field()? {
            if let (1, Value::Bytes(bytes)) = (number, value) {
                labels = selector(&text(bytes));
            }
        }
        match labels {
            Ok(labels) => entries(stream, &labels, lines)?,
            Err(reason) => refuse(&mut bad, reason),
        }
    }
    Ok(bad)
}

/// `{a="b", c="d"}`
fn selector(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut labels = Vec::new();
    let inner = text.trim().strip_prefix('{');
    let read = inner.and_then(|inner| exposition::label_pairs(inner, &mut labels));
    match read {
        Some((None, "")) if !labels.is_empty() => Ok(labels),
        Some((None, "")) => Err("at least one label pair is required per stream".to_owned()),
        _ => Err(format!("labels {:?}", text.get(..text.floor_char_boundary(200)).unwrap_or_default())),
    }
}

/// `Entry { timestamp = 1, line = 2, structuredMetadata = 3 { name = 1, value = 2 } }`
fn entries(stream: &[u8], labels: &[(String, String)], lines: &mut Lines<'_>) -> Result<(), Refused> {
    let of = StreamLabels::of(fitting(labels.iter().map(|(n, v)| (n.as_str(), v.as_str())), lines.limits));
    let mut fields = Fields::new(stream);
    while let Some((number, value)) = fields.field()? {
        let (2, Value::Bytes(entry)) = (number, value) else { continue };
        let (mut at, mut line, mut metadata) = (None, Cow::default(), Vec::new());
        let mut parts = Fields::new(entry);
        while let Some((number, value)) = parts.field()? {
            match (number, value) {
                (1, Value::Bytes(time)) => at = moment(time)?,
                (2, Value::Bytes(bytes)) => line = text(bytes),
                (3, Value::Bytes(bytes)) if metadata.len() < lines.limits.labels => metadata.push(pair(bytes)?),
                _ => {}
            }
        }
        let of = if metadata.is_empty() {
            of.clone()
        } else {
            let metadata = metadata.iter().map(|(n, v)| (&**n, &**v));
            let labels = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            StreamLabels::of(fitting(labels.chain(metadata), lines.limits))
        };
        lines.push(of, at, &line)?;
    }
    Ok(())
}

/// `Timestamp { seconds = 1, nanos = 2 }`
fn moment(bytes: &[u8]) -> Result<Option<Timestamp>, Malformed> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.field()? {
        match number {
            1 => seconds = value.int(),
            2 => nanos = value.int(),
            _ => {}
        }
    }
    Ok(i32::try_from(nanos).ok().and_then(|nanos| Timestamp::new(seconds, nanos).ok()))
}

fn pair(bytes: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), Malformed> {
    let (mut name, mut value) = (Cow::default(), Cow::default());
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.field()? {
        match field {
            (1, Value::Bytes(bytes)) => name = text(bytes),
            (2, Value::Bytes(bytes)) => value = text(bytes),
            _ => {}
        }
    }
    Ok((name, value))
}
