//! What others write to topics of a message bus: one message is read like one request of the receiver of its kind.
//!
//! Source: the Kafka exporter of the OpenTelemetry collector (`otlp_json`), Fluent Bit's, Filebeat's and Vector's Kafka
//! outputs (JSON documents), Alertmanager's webhook put on a topic by a bridge, EventRouter's Kafka sink.

use jiff::{SignedDuration, Timestamp};
use rootline_model::Alert;
use rootline_objects::Object;
use serde_json::{Map, Value};

use super::elasticsearch::line_of;
use super::lines::Lines;
use super::{Limits, Refused, Reply, Request, Taken, alerts as posts, events as routed, otlp};
use crate::intake::Line;

const JSON: &str = "application/json";

/// Alerts of one message: a webhook of version 4, the list of Alertmanager's API, or one alert of it. `at`: when the message
/// was written, for alerts that say no times.
///
/// # Errors
/// What is none of these.
pub fn alerts(
    payload: &[u8],
    limits: &Limits,
    at: Timestamp,
    resolve_timeout: SignedDuration,
) -> Result<Taken<Vec<Alert>>, Refused> {
    #[derive(serde::Deserialize)]
    struct Shape {
        #[serde(default)]
        alerts: Option<serde::de::IgnoredAny>,
    }
    if first(payload) == Some(b'[') {
        return posts::posted(&Request::new(JSON, payload), limits, at, resolve_timeout);
    }
    let shape: Shape =
        serde_json::from_slice(payload).map_err(|e| Refused::malformed(format!("not JSON of alerts: {e}")))?;
    if shape.alerts.is_some() {
        return posts::webhook(&Request::new(JSON, payload), limits, at);
    }
    let list = [b"[", payload, b"]"].concat();
    let taken = posts::posted(&Request::new(JSON, &list), limits, at, resolve_timeout)?;
    if taken.data.is_empty() {
        let said = String::from_utf8_lossy(&taken.reply.body).into_owned();
        return Err(Refused::malformed(format!("neither a webhook nor an alert: {said}")));
    }
    Ok(taken)
}

/// Lines of one message: OTLP JSON, or JSON documents one a line, as for `_bulk`.
///
/// # Errors
/// What holds neither; 413.
pub fn logs(payload: &[u8], limits: &Limits) -> Result<Taken<Vec<Line>>, Refused> {
    #[derive(serde::Deserialize)]
    struct Shape {
        #[serde(rename = "resourceLogs")]
        _logs: serde::de::IgnoredAny,
    }
    if serde_json::from_slice::<Shape>(payload).is_ok() {
        return otlp::logs(&Request::new(JSON, payload), limits);
    }
    let text = std::str::from_utf8(payload).map_err(|e| Refused::malformed(format!("not UTF-8: {e}")))?;
    let mut lines = Lines::new(limits, Reply::default());
    let mut bad = 0;
    for row in text.lines().filter(|l| !l.trim().is_empty()) {
        match serde_json::from_str::<Map<String, Value>>(row) {
            Ok(document) => {
                let (of, at, said) = line_of(&document, limits);
                lines.push(of, at, said.unwrap_or(row))?;
            }
            Err(_) => bad += 1,
        }
    }
    if lines.taken.data.is_empty() {
        return Err(Refused::malformed("neither OTLP JSON nor JSON documents one a line"));
    }
    lines.taken.note("bad_document", bad);
    Ok(lines.taken)
}

/// Events of one message, as EventRouter writes them or as they are.
///
/// # Errors
/// What holds no event; 413.
pub fn events(payload: &[u8], limits: &Limits) -> Result<Taken<Vec<Object>>, Refused> {
    routed::events(&Request::new(JSON, payload), limits)
}

fn first(payload: &[u8]) -> Option<u8> {
    payload.iter().copied().find(|b| !b.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

    fn names(payload: &str) -> Result<Vec<(String, bool)>, u16> {
        let at: Timestamp = "2026-01-02T03:00:00Z".parse().expect("a time");
        let taken = alerts(payload.as_bytes(), &Limits::default(), at, TIMEOUT).map_err(|r| r.status)?;
        let name = |a: &Alert| (a.labels.value("alertname").to_owned(), a.is_firing(at));
        Ok(taken.data.iter().map(name).collect())
    }

    #[test]
    fn alerts_come_as_webhook_as_list_and_one_by_one() {
        let one = r#"{"labels":{"alertname":"A"},"startsAt":"2026-01-02T02:00:00Z"}"#;
        assert_eq!(names(one), Ok(vec![("A".to_owned(), true)]));
        assert_eq!(names(&format!(" [{one},{one}]")).map(|n| n.len()), Ok(2));
        let over = r#"{"version":"4","status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"B"},
            "startsAt":"2026-01-02T02:00:00Z","endsAt":"2026-01-02T02:30:00Z"}]}"#;
        assert_eq!(names(over), Ok(vec![("B".to_owned(), false)]));
        for bad in ["", "hello", "{\"labels\":{}}", "{}", "7", "[1"] {
            assert_eq!(names(bad), Err(400), "{bad}");
        }
    }

    #[test]
    fn an_old_alert_without_an_end_is_over_by_now() {
        let at: Timestamp = "2026-01-02T03:00:00Z".parse().expect("a time");
        let taken = alerts(br#"[{"labels":{"alertname":"A"}}]"#, &Limits::default(), at, TIMEOUT).expect("an alert");
        let later: Timestamp = "2026-01-03T03:00:00Z".parse().expect("a time");
        assert!(taken.data[0].is_firing(at) && !taken.data[0].is_firing(later));
    }

    fn texts(payload: &str) -> Result<Vec<(String, String)>, u16> {
        let taken = logs(payload.as_bytes(), &Limits::default()).map_err(|r| r.status)?;
        Ok(taken.data.into_iter().map(|l| (l.of.labels.value("pod").to_owned(), l.text)).collect())
    }

    #[test]
    fn logs_come_as_otlp_and_as_documents() {
        // as the collector's Kafka exporter (v0.155.0) writes `otlp_json`
        let otlp = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"cart-1"}}]},
            "scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"1767323045000000000","body":{"stringValue":"boom"}}]}]}]}"#;
        assert_eq!(texts(otlp), Ok(vec![("cart-1".to_owned(), "boom".to_owned())]));
        let lines = "{\"log\":\"a\",\"kubernetes\":{\"pod_name\":\"p\"}}\nnot json\n{\"message\":\"b\",\"kubernetes\":{\"pod\":{\"name\":\"q\"}}}\n";
        assert_eq!(texts(lines), Ok(vec![("p".to_owned(), "a".to_owned()), ("q".to_owned(), "b".to_owned())]));
        for bad in ["", "plain text", "[1,2]", "\"x\""] {
            assert_eq!(texts(bad), Err(400), "{bad}");
        }
    }
}
