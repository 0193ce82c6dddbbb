//! The description of the API says what the API does.

use std::collections::BTreeSet;

use rootline_model::Both;
use serde_json::{Value, json};

use super::fake::{Fake, at};
use super::started::Started;
use crate::router;
use crate::{AlertPair, ChangeRow, Chart, DeadLetter, EventRow, SourceState};

fn described() -> Value {
    serde_json::from_str(crate::routes::own::OPENAPI).expect("docs/reference/openapi.json is JSON")
}

#[test]
fn routes_and_description_are_equal() {
    let page = ["/", "/page.css", "/page.js", "/picture.js"];
    let routed: BTreeSet<String> = router::all()
        .iter()
        .filter(|(route, _)| !page.contains(&route.path))
        .map(|(route, _)| format!("{} {} {}", route.method.to_lowercase(), route.path, route.access.word()))
        .collect();
    let mut written = BTreeSet::new();
    for (path, methods) in described()["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            written.insert(format!("{method} {path} {}", operation["x-access"].as_str().unwrap_or("no x-access")));
        }
    }
    assert_eq!(routed, written);
}

#[test]
fn examples_are_as_their_schemas_say() {
    let doc = described();
    let schemas = doc["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        let examples = schema["examples"].as_array().unwrap_or_else(|| panic!("{name} has no example"));
        for example in examples {
            assert_eq!(wrong(&doc, schema, example, name), Vec::<String>::new());
        }
        // and the check finds what is wrong
        assert!(!wrong(&doc, schema, &json!("text"), name).is_empty(), "{name}");
        assert!(!wrong(&doc, schema, &json!({"unknown": 1}), name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn answers_are_as_the_description_says() {
    let server = Started::new(full()).await;
    let doc = described();
    let posted = json!([{"labels": {"alertname": "Down", "namespace": "shop"}}]);
    assert_eq!(server.post("/api/v2/alerts", &posted).await.status(), 200);
    let silence = json!({"matchers": ["namespace=\"shop\""], "ends_at": "2026-03-01T14:00:00Z"});
    assert_eq!(server.post("/api/v1/silences", &silence).await.status(), 201);
    let mut checked = 0;
    for (path, methods) in doc["paths"].as_object().expect("paths") {
        let answer = &methods["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if answer.is_null() || !path.starts_with("/api/v1/") {
            continue;
        }
        let value = server.json(&path.replace("{id}", "2")).await;
        assert_eq!(wrong(&doc, answer, &value, path), Vec::<String>::new());
        if let Some(items) = value["items"].as_array() {
            assert!(!items.is_empty(), "{path}: an empty list shows nothing");
        }
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
    for (method, path) in [("POST", "ack"), ("DELETE", "ack"), ("POST", "resolve")] {
        let url = server.url(&format!("/api/v1/incidents/2/{path}"));
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = server.client.request(method, url).send().await.expect("an answer");
        let value = answer.json().await.expect("JSON");
        assert_eq!(wrong(&doc, &json!({"$ref": "#/components/schemas/Incident"}), &value, path), Vec::<String>::new());
    }
    let problem = server.get("/api/v1/incidents/99").await.json().await.expect("JSON");
    assert_eq!(wrong(&doc, &doc["components"]["schemas"]["Problem"], &problem, "problem"), Vec::<String>::new());
}

/// A daemon that has one of everything.
fn full() -> Fake {
    let fake = Fake::with_incidents(3);
    {
        let mut kept = fake.kept();
        let (noon, text) = (at("2026-03-01T11:00:00Z"), Both::same("x"));
        kept.events = vec![EventRow { id: 1, at: noon, ..EventRow::default() }];
        kept.changes = vec![ChangeRow { id: 1, at: noon, what: text.clone(), ..ChangeRow::default() }];
        kept.pairs = vec![AlertPair { lift: Some(2.5), ..AlertPair::default() }];
        kept.dead = vec![DeadLetter { id: 1, created: noon, ..DeadLetter::default() }];
        let points = vec![(0, 1.5), (1, f64::NAN), (2, f64::INFINITY)];
        kept.charts = vec![Chart { title: text, points, band: vec![(0, 1.0, f64::NAN)], ..Chart::default() }];
        kept.status.sources = vec![SourceState { lag_s: Some(f64::NAN), ..SourceState::default() }];
    }
    fake
}

/// What of a value is not as a schema says; the part of JSON Schema that the description uses.
fn wrong(doc: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        let schema = doc.pointer(pointer).unwrap_or_else(|| panic!("{name} leads nowhere"));
        return wrong(doc, schema, value, place);
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let fits = either.iter().filter(|s| wrong(doc, s, value, place).is_empty()).count();
        return if fits == 1 { Vec::new() } else { vec![format!("{place}: fits {fits} of oneOf")] };
    }
    let mut all = Vec::new();
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |name: &str| match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(n) => name == "number" || (name == "integer" && !n.is_f64()),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    };
    if !types.is_empty() && !types.iter().any(|t| is(t)) {
        all.push(format!("{place}: {value} is not {types:?}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !value.is_null()
        && !allowed.contains(value)
    {
        all.push(format!("{place}: {value} is none of {allowed:?}"));
    }
    if schema["format"] == "date-time" && value.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_err()) {
        all.push(format!("{place}: {value} is no time"));
    }
    inside(doc, schema, value, place, &mut all);
    all
}

fn inside(doc: &Value, schema: &Value, value: &Value, place: &str, all: &mut Vec<String>) {
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        let of = schema["prefixItems"].get(i).unwrap_or(&schema["items"]);
        if *of == Value::Bool(false) {
            all.push(format!("{place}: item {i} is one too many"));
        } else {
            all.extend(wrong(doc, of, item, &format!("{place}[{i}]")));
        }
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            all.push(format!("{place}: {name} is missing"));
        }
    }
    for (name, field) in object {
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(of), _) | (None, of @ Value::Object(_)) => {
                all.extend(wrong(doc, of, field, &format!("{place}.{name}")))
            }
            (None, Value::Bool(false)) => all.push(format!("{place}: {name} is not described")),
            _ => {}
        }
    }
}
