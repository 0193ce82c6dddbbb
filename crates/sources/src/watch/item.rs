//! Objects and lines of a watch out of JSON, straight into lite objects.

use std::borrow::Cow;
use std::time::Duration;

use rootline_model::Timestamp;
use rootline_objects::Object;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::delta::{Item, ResourceId};

/// One line of a watch.
pub(crate) enum Line {
    Put(Box<Item>),
    Gone {
        key: Box<str>,
        version: Box<str>,
    },
    Bad {
        key: Box<str>,
        version: Box<str>,
        detail: String,
    },
    Bookmark {
        version: Box<str>,
        initial_end: bool,
    },
    Error {
        code: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// A type of a later version of the API.
    Unknown,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: HeadMeta<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HeadMeta<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resource_version: Option<Cow<'a, str>>,
}

impl HeadMeta<'_> {
    fn key(&self) -> Box<str> {
        let name = self.name.as_deref().unwrap_or_default();
        match self.namespace.as_deref().unwrap_or_default() {
            "" => name.into(),
            namespace => format!("{namespace}/{name}").into(),
        }
    }

    fn version(&self) -> Box<str> {
        self.resource_version.as_deref().unwrap_or_default().into()
    }
}

/// Reads one object.
///
/// # Errors
/// Its key, as far as it tells, and the reason.
pub(crate) fn item(resource: ResourceId, json: &str) -> Result<Item, (Box<str>, String)> {
    let head: Head<'_> = serde_json::from_str(json).map_err(|e| ("".into(), e.to_string()))?;
    let key = head.metadata.key();
    let known = resource.resource();
    match Object::from_json(known.kind, json) {
        Some(Ok(object)) => {
            let written = if known.metadata_only { data_written(json) } else { None };
            Ok(Item { version: head.metadata.version(), key, written, object: object.shrunk() })
        }
        Some(Err(e)) => Err((key, e.to_string())),
        None => Err((key, "not a kind that is read".into())),
    }
}

/// Reads one line of a watch.
///
/// # Errors
/// Why it is no line of a watch.
pub(crate) fn read_line(resource: ResourceId, line: &[u8]) -> Result<Line, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let json = envelope.object.get();
    match &*envelope.kind {
        "ADDED" | "MODIFIED" => match item(resource, json) {
            Ok(item) => Ok(Line::Put(Box::new(item))),
            Err((key, detail)) => {
                let version = head(json).map(|h| h.metadata.version()).unwrap_or_default();
                Ok(Line::Bad { key, version, detail })
            }
        },
        "DELETED" => {
            let head = head(json)?;
            Ok(Line::Gone { key: head.metadata.key(), version: head.metadata.version() })
        }
        "BOOKMARK" => bookmark(json),
        "ERROR" => Ok(error(json)),
        _ => Ok(Line::Unknown),
    }
}

fn head(json: &str) -> Result<Head<'_>, String> {
    serde_json::from_str(json).map_err(|e| e.to_string())
}

fn bookmark(json: &str) -> Result<Line, String> {
    #[derive(Deserialize)]
    struct Bookmark {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        resource_version: String,
        #[serde(default)]
        annotations: Option<Annotations>,
    }
    #[derive(Deserialize)]
    struct Annotations {
        #[serde(rename = "k8s.io/initial-events-end", default)]
        initial_end: Option<String>,
    }
    let read: Bookmark = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let end = read.metadata.annotations.and_then(|a| a.initial_end);
    Ok(Line::Bookmark { version: read.metadata.resource_version.into(), initial_end: end.as_deref() == Some("true") })
}

fn error(json: &str) -> Line {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        code: Option<u16>,
        message: Option<String>,
        details: Option<Details>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Details {
        retry_after_seconds: Option<u64>,
    }
    let status: Status = serde_json::from_str(json).unwrap_or_default();
    let wait = status.details.and_then(|d| d.retry_after_seconds).filter(|s| *s > 0);
    Line::Error {
        code: status.code.unwrap_or(500),
        message: status.message.unwrap_or_else(|| "an error without words".into()),
        retry_after: wait.map(Duration::from_secs),
    }
}

/// The latest time at which somebody wrote `data`, `binaryData` or `stringData`, by the managed fields. An annotation
/// (old leader elections write one every two seconds) is no change of the content.
fn data_written(json: &str) -> Option<Timestamp> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Owned<'a> {
        #[serde(borrow)]
        metadata: OwnedMeta<'a>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct OwnedMeta<'a> {
        #[serde(borrow)]
        managed_fields: Vec<Entry<'a>>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Entry<'a> {
        time: Option<String>,
        #[serde(borrow)]
        fields_v1: Option<&'a RawValue>,
    }
    let owned: Owned<'_> = serde_json::from_str(json).ok()?;
    let entries = owned.metadata.managed_fields.into_iter();
    let of_data = entries.filter(|e| {
        let fields = e.fields_v1.map(RawValue::get).unwrap_or_default();
        ["\"f:data\"", "\"f:binaryData\"", "\"f:stringData\""].iter().any(|f| fields.contains(f))
    });
    of_data.filter_map(|e| e.time?.parse().ok()).max()
}
