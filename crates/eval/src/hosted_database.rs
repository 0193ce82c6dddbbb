//! Hosted databases of suite `opensre`: metrics, events and load by statement of a cloud provider. The engine does not
//! read these; what answers here is this file alone, by fixed bounds. It is a floor, not a measure of Rootline.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A metric that is at its end: name, bound of its last value, and whether it must be above.
const BOUNDS: &[(&str, f64, bool, &str)] = &[
    ("ReplicaLag", 60.0, true, "replication lag of the replica"),
    ("CPUUtilization", 80.0, true, "CPU"),
    ("DiskQueueDepth", 10.0, true, "disk queue"),
    ("WriteLatency", 25.0, true, "write latency"),
    ("FreeStorageSpace", 2e9, false, "free storage space"),
    ("FreeableMemory", 5e8, false, "free memory"),
];

/// Words of the provider's events: what they speak of, and the category.
const EVENTS: &[(&str, &str)] = &[
    ("storage", "resource_exhaustion"),
    ("max_connections", "resource_exhaustion"),
    ("connection slots", "resource_exhaustion"),
    ("replication lag", "resource_exhaustion"),
    ("checkpoints completed", "resource_exhaustion"),
    ("failover has been initiated", "infrastructure"),
    ("failover in progress", "infrastructure"),
];

pub fn answer(evidence: &Map<String, Value>) -> (&'static str, String) {
    let at = |pointer: &str| Value::Object(evidence.clone()).pointer(pointer).cloned().unwrap_or_default();
    let text_at = |pointer: &str| at(pointer).as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    let mut category = None;
    let metrics = at("/aws_cloudwatch_metrics/metric_data_results");
    for metric in metrics.as_array().into_iter().flatten() {
        let name = metric.get("metric_name").and_then(Value::as_str).unwrap_or_default();
        let values: Vec<f64> =
            metric.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect();
        let (Some(first), Some(last)) = (values.first(), values.last()) else { continue };
        let crossed = BOUNDS.iter().find(|(n, bound, above, _)| *n == name && (last > bound) == *above);
        if let Some((.., what)) = crossed {
            category.get_or_insert("resource_exhaustion");
            let _ = writeln!(text, "{what} went from {first} to {last} ({name})");
        }
    }
    let from = text_at("/aws_cloudwatch_metrics/start_time");
    let events = at("/aws_rds_events/events");
    for event in events.as_array().into_iter().flatten() {
        let said = event.get("message").and_then(Value::as_str).unwrap_or_default();
        // what happened before the window has ended long ago
        let now = event.get("date").and_then(Value::as_str).is_some_and(|d| !from.is_empty() && d >= from.as_str());
        let known = EVENTS.iter().find(|(word, _)| said.to_lowercase().contains(word)).filter(|_| now);
        if let Some((_, of)) = known {
            category.get_or_insert(*of);
            let _ = writeln!(text, "event: {said}");
        }
    }
    let Some(category) = category else {
        return ("healthy", "All metrics are within normal bounds: no failure is going on.".to_owned());
    };
    for (key, what) in [("top_wait_events", "waits for"), ("top_sql", "load by")] {
        for entry in at(&format!("/aws_performance_insights/{key}")).as_array().into_iter().flatten().take(3) {
            let name = entry.get("name").or_else(|| entry.get("statement")).and_then(Value::as_str).unwrap_or_default();
            let load = entry.get("db_load_avg").and_then(Value::as_f64).unwrap_or_default();
            let _ = writeln!(text, "Performance Insights, {what} {name}: {load} active sessions");
        }
    }
    (category, text)
}
