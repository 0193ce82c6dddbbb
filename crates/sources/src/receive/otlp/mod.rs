//! OTLP over HTTP: logs, metrics, traces, as protobuf or JSON.
//!
//! Source: OpenTelemetry protocol 1.x, "OTLP/HTTP"; `opentelemetry-proto`.

mod logs;
mod metrics;
mod traces;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde::de::DeserializeOwned;

pub use logs::logs;
pub use metrics::metrics;
pub use traces::traces;

use super::proto::{Fields, Value};
use super::{Limits, Refused, Reply, Request, body};

/// Decompressed bytes of a request. Less than elsewhere, since these messages are read as a tree: an empty attribute is two
/// bytes on the wire and some eighty in memory. The collector's gRPC default is 4 MiB.
const DECODED_BYTES: usize = 16 << 20;

/// Which of the two encodings a request has; its answer has the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// The message of a request. `records` counts what it holds before it is read as a tree.
fn message<M: prost::Message + Default + DeserializeOwned>(
    request: &Request<'_>,
    limits: &Limits,
    most: usize,
) -> Result<(M, Encoding), Refused> {
    let encoding = match request.essence().as_str() {
        "application/x-protobuf" | "application/protobuf" => Encoding::Protobuf,
        "application/json" => Encoding::Json,
        other => {
            let want = "application/x-protobuf or application/json";
            return Err(Refused::unsupported(format!("content type {other:?}, want {want}")));
        }
    };
    let limits = Limits { decoded_bytes: limits.decoded_bytes.min(DECODED_BYTES), ..limits.clone() };
    let body = body::decoded(request, &limits)?;
    let message = match encoding {
        Encoding::Json => serde_json::from_slice(&body).map_err(|e| Refused::malformed(format!("not OTLP: {e}")))?,
        Encoding::Protobuf => {
            let found = records(&body)?;
            if found > most {
                return Err(Refused::too_large(format!("{found} records in one request, at most {most}")));
            }
            M::decode(&*body).map_err(|e| Refused::malformed(format!("not OTLP: {e}")))?
        }
    };
    Ok((message, encoding))
}

/// Resource (1), scope (2), record (2): the numbers are the same for logs, metrics and traces.
fn records(message: &[u8]) -> Result<usize, Refused> {
    let mut count = 0;
    let mut resources = Fields::new(message);
    while let Some((_, value)) = resources.field()? {
        let Value::Bytes(resource) = value else { continue };
        let mut scopes = Fields::new(resource);
        count += 1;
        while let Some((number, value)) = scopes.field()? {
            let (2, Value::Bytes(scope)) = (number, value) else { continue };
            let mut records = Fields::new(scope);
            count += 1;
            while let Some((number, _)) = records.field()? {
                count += usize::from(number == 2);
            }
        }
    }
    Ok(count)
}

/// The answer to a request of which some things were not taken: `partial_success` with their number, or nothing.
fn reply(encoding: Encoding, rejected: u64, name: &'static str, reason: &str) -> Reply {
    match encoding {
        Encoding::Json if rejected == 0 => Reply::json(200, &serde_json::json!({})),
        Encoding::Json => {
            // int64 is a string in protobuf's JSON
            let partial = serde_json::json!({ name: rejected.to_string(), "errorMessage": reason });
            Reply::json(200, &serde_json::json!({ "partialSuccess": partial }))
        }
        Encoding::Protobuf => {
            let mut body = Vec::new();
            if rejected > 0 {
                use super::proto::put_varint;
                // partial_success = 1 { rejected = 1, error_message = 2 }
                let mut partial = vec![1 << 3];
                put_varint(rejected, &mut partial);
                partial.push(2 << 3 | 2);
                put_varint(reason.len() as u64, &mut partial);
                partial.extend_from_slice(reason.as_bytes());
                body.push(1 << 3 | 2);
                put_varint(partial.len() as u64, &mut body);
                body.extend_from_slice(&partial);
            }
            Reply { status: 200, content_type: "application/x-protobuf", headers: Vec::new(), body }
        }
    }
}

/// Attributes as text; arrays and maps in JSON's form.
fn pairs(attributes: &[KeyValue], limits: &Limits) -> Vec<(String, String)> {
    attributes.iter().take(limits.labels.saturating_mul(4)).map(|a| (a.key.clone(), text(a.value.as_ref()))).collect()
}

fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
}

/// A value as text: a string as it is, everything else as JSON.
fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(other) => json(other).to_string(),
        None => String::new(),
    }
}

fn json(value: &Any) -> serde_json::Value {
    let inner = |value: &Option<AnyValue>| match value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(value) => json(value),
        None => serde_json::Value::Null,
    };
    match value {
        Any::StringValue(text) => text.as_str().into(),
        Any::BoolValue(value) => (*value).into(),
        Any::IntValue(value) => (*value).into(),
        Any::DoubleValue(value) => (*value).into(),
        Any::ArrayValue(array) => array.values.iter().map(|v| inner(&Some(v.clone()))).collect(),
        Any::KvlistValue(list) => {
            serde_json::Value::Object(list.values.iter().map(|kv| (kv.key.clone(), inner(&kv.value))).collect())
        }
        Any::BytesValue(bytes) => String::from_utf8_lossy(bytes).into(),
        _ => serde_json::Value::Null,
    }
}

/// A moment of nanoseconds since 1970; 0 is none.
fn moment(nanos: u64) -> Option<jiff::Timestamp> {
    (nanos > 0).then(|| jiff::Timestamp::from_nanosecond(nanos.into()).ok())?
}

#[cfg(test)]
mod tests;
