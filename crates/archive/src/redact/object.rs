//! Secrets inside Kubernetes objects. Works on the parsed value, so the JSON around them cannot break.

use serde_json::{Map, Value};

use super::text::{Style, is_no_secret, text};
use super::{REDACTED, names_secret};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Redacts one object, or a list of them, in place.
pub fn object(value: &mut Value) {
    if let Some(Value::Array(items)) = value.get_mut("items") {
        items.iter_mut().for_each(object);
    }
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Value::Object(fields) = value else { return };
    for (name, field) in fields.iter_mut() {
        match (kind.as_str(), name.as_str()) {
            ("Secret", "data" | "stringData") => empty_values(field),
            ("ConfigMap", "data") => entries(field),
            (_, "metadata") => metadata(field),
            (_, "items") => {}
            _ => walk(field),
        }
    }
}

/// Keys are evidence (a pod asks for one that is not there), values never are.
fn empty_values(value: &mut Value) {
    match value {
        Value::Object(entries) => entries.values_mut().for_each(|v| *v = Value::String(String::new())),
        other => *other = Value::Null,
    }
}

fn metadata(value: &mut Value) {
    let Value::Object(fields) = value else { return };
    fields.remove("managedFields");
    if let Some(Value::Object(annotations)) = fields.get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
    }
    if let Some(annotations) = fields.get_mut("annotations") {
        entries(annotations);
    }
}

/// A map of texts: data of a config map, annotations.
fn entries(value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for (name, field) in fields.iter_mut() {
        if let Value::String(content) = field {
            // the part after the slash is the name: `example.com/token`
            let last = name.rsplit('/').next().unwrap_or(name);
            *content = named_value(last, content, Style::Config);
        }
    }
}

fn named_value(name: &str, content: &str, style: Style) -> String {
    let cleaned = text(content, style);
    // a file is a key with lines in it: `token.conf` names no secret, its lines may
    let one_line = !content.trim_end().contains('\n');
    if one_line && names_secret(name, true) && !is_no_secret(&cleaned) {
        return REDACTED.to_owned();
    }
    cleaned.into_owned()
}

/// Everything else: variables by their name, flags by theirs, any text by its shape.
fn walk(value: &mut Value) {
    match value {
        Value::String(content) => {
            if let std::borrow::Cow::Owned(clean) = text(content, Style::Prose) {
                *content = clean;
            }
        }
        Value::Array(items) => {
            flags(items);
            items.iter_mut().for_each(walk);
        }
        Value::Object(fields) => {
            variable(fields);
            for (name, field) in fields.iter_mut() {
                // pod templates carry metadata of their own
                if name == "metadata" { metadata(field) } else { walk(field) }
            }
        }
        _ => {}
    }
}

/// `{name: DB_PASSWORD, value: …}`.
fn variable(fields: &mut Map<String, Value>) {
    let Some(Value::String(name)) = fields.get("name") else { return };
    let name = name.clone();
    if let Some(Value::String(content)) = fields.get_mut("value") {
        *content = named_value(&name, content, Style::Prose);
    }
}

/// `["--password", "…"]`; `--password=…` is found by its shape.
fn flags(items: &mut [Value]) {
    let mut secret_next = false;
    for item in items {
        let Value::String(word) = item else {
            secret_next = false;
            continue;
        };
        let is_flag = word.starts_with('-');
        if secret_next && !is_flag && !is_no_secret(word) {
            *word = REDACTED.to_owned();
        }
        secret_next = is_flag && !word.contains('=') && names_secret(word, false);
    }
}
