//! `get -o yaml` and `get -o json`.

use rootline_model::GapKind;
use rootline_objects::{Object, read_list};
use serde_json::Value;

use super::describe::SERVICE_NAME;
use super::found::{Detail, Found};

/// Reads one or more YAML documents. True if any object was read.
pub(super) fn read_yaml(text: &str, found: &mut Found) -> bool {
    let before = found.said.len();
    for document in documents(text) {
        match serde_saphyr::from_str::<Value>(document) {
            Ok(Value::Null) => {}
            Ok(value) => read_value(value, found),
            Err(e) => found.gap(GapKind::Unreadable, "YAML document", first_line(&e.to_string())),
        }
    }
    found.said.len() > before
}

/// Documents are parted by `---` at the left edge.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = if text.starts_with("---") { Some(0) } else { text.find("\n---").map(|i| i + 1) };
        match cut {
            Some(at) => {
                let (document, after) = text.split_at(at);
                rest = Some(after.split_once('\n').map_or("", |(_, r)| r));
                Some(document)
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
    .filter(|d| !d.trim().is_empty())
}

/// Reads the JSON document that the text begins with; how many bytes it took, `None` if it is none.
pub(super) fn read_json(text: &str, found: &mut Found) -> Option<usize> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match stream.next()? {
        Ok(value) => {
            let used = stream.byte_offset();
            read_value(value, found);
            Some(used)
        }
        Err(e) => {
            found.gap(GapKind::Unreadable, "JSON document", first_line(&e.to_string()));
            None
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn read_value(mut value: Value, found: &mut Found) {
    let items = match value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => {
            let list_kind = value.get("kind").and_then(Value::as_str).and_then(|k| k.strip_suffix("List"));
            let list_kind = list_kind.filter(|k| !k.is_empty()).map(str::to_owned);
            for item in items {
                read_object(item, list_kind.as_deref(), found);
            }
            return;
        }
        other => other,
    };
    if items.is_none_or(|i| i.is_null()) {
        read_object(value, None, found);
    }
}

fn read_object(value: Value, list_kind: Option<&str>, found: &mut Found) {
    let kind = value.get("kind").and_then(Value::as_str).or(list_kind).unwrap_or_default().to_owned();
    let value = if kind == "Endpoints" { endpoints(value) } else { value };
    let kind = if kind == "Endpoints" { "EndpointSlice".to_owned() } else { kind };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let json = value.to_string();
    if let Err(e) = read_list(&json, Some(&kind), |o| good.push(o), |e| bad.push(e)) {
        bad.push(e);
    }
    for object in good {
        // a manifest without a status says what was wanted, not what is
        match object {
            Object::Event(event) => found.events.push(*event),
            other => found.add(Detail::Full, other),
        }
    }
    for e in bad {
        found.gap(GapKind::Unreadable, e.what, e.detail);
    }
}

/// Old-style endpoints in the shape of a slice: addresses of all subsets, ready and not.
fn endpoints(mut value: Value) -> Value {
    let name = value.pointer("/metadata/name").cloned().unwrap_or_default();
    let mut metadata = value.get_mut("metadata").map(Value::take).unwrap_or_default();
    if let Value::Object(map) = &mut metadata {
        let labels = map.entry("labels").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Value::Object(labels) = labels {
            labels.insert(SERVICE_NAME.to_owned(), name);
        }
    }
    let mut out = Vec::new();
    let mut ports = Vec::new();
    for subset in value.get("subsets").and_then(Value::as_array).into_iter().flatten() {
        for (key, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for address in subset.get(key).and_then(Value::as_array).into_iter().flatten() {
                out.push(serde_json::json!({
                    "addresses": [address.get("ip")],
                    "conditions": {"ready": ready},
                    "targetRef": address.get("targetRef"),
                    "nodeName": address.get("nodeName"),
                }));
            }
        }
        ports.extend(subset.get("ports").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    serde_json::json!({"kind": "EndpointSlice", "metadata": metadata, "endpoints": out, "ports": ports})
}
