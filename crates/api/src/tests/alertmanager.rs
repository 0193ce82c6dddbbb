//! Alertmanager's API as others' programs use it, with the real `amtool` and `promtool`.

use rootline_model::{Role, Severity};
use serde_json::{Value, json};

use super::fake::Fake;
use super::started::Started;
use super::tools::{run, tool};
use crate::{Forecast, IncidentGauge, Level, OutboxGauge, SourceState};

async fn with_alerts() -> Started {
    let server = Started::new(Fake::empty()).await;
    let alerts = json!([
        {"labels": {"alertname": "Down", "severity": "critical", "pod": "cart-1"}, "annotations": {"summary": "down"}},
        {"labels": {"alertname": "Slow", "severity": "warning", "pod": "cart-2"}},
        {"labels": {"alertname": "Old", "pod": "cart-3"}, "startsAt": "2026-03-01T10:00:00Z", "endsAt": "2026-03-01T11:00:00Z"},
    ]);
    assert_eq!(server.post("/api/v2/alerts", &alerts).await.status(), 200);
    for alert in &mut server.fake.kept().alerts {
        alert.incident = (alert.alert.name() != "Old").then_some(17);
        if alert.alert.name() == "Slow" {
            alert.role = Some(Role::Folded);
            alert.inhibited_by = vec!["00000000000000aa".into()];
        }
    }
    server
}

fn names(alerts: &Value) -> Vec<&str> {
    alerts.as_array().expect("a list").iter().map(|a| a["labels"]["alertname"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn alerts_are_filtered_and_sorted_as_alertmanagers_are() {
    let server = with_alerts().await;
    let all = server.json("/api/v2/alerts").await;
    let prints: Vec<&str> =
        all.as_array().expect("a list").iter().map(|a| a["fingerprint"].as_str().expect("text")).collect();
    assert!(prints.is_sorted() && prints.len() == 2, "{prints:?}");
    for (query, expect) in [
        ("filter=severity%3D%22critical%22", vec!["Down"]),
        ("filter=pod%3D~%22cart-.%22&filter=alertname%21%3D%22Down%22", vec!["Slow"]),
        ("filter=pod%3D~%22cart%22", vec![]),
        ("active=false", vec!["Slow"]),
        ("inhibited=false", vec!["Down"]),
        ("receiver=onc.*", vec!["Down", "Slow"]),
        ("receiver=onc", vec![]),
    ] {
        let found = server.json(&format!("/api/v2/alerts?{query}")).await;
        let mut found = names(&found);
        found.sort_unstable();
        assert_eq!(found, expect, "{query}");
    }
    for wrong in ["filter=pod", "active=maybe", "receiver=(", "filter=pod%3D~%22(%22"] {
        let answer = server.get(&format!("/api/v2/alerts?{wrong}")).await;
        assert_eq!(answer.status(), 400, "{wrong}");
        assert!(answer.json::<String>().await.is_ok(), "errors are a JSON string");
    }
    let down = all.as_array().and_then(|l| l.iter().find(|a| a["labels"]["alertname"] == "Down")).expect("Down");
    assert_eq!(down["status"], json!({"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}));
    assert_eq!(down["receivers"], json!([{"name": "oncall"}]));
    let groups = server.json("/api/v2/alerts/groups").await;
    assert_eq!(groups[0]["labels"], json!({"rootline_incident": "17"}));
    assert_eq!((&groups[0]["routeLabels"], groups[0]["alerts"].as_array().map(Vec::len)), (&json!({}), Some(2)));
}

#[tokio::test]
async fn silences_are_written_and_read_as_alertmanagers_are() {
    let server = with_alerts().await;
    let silence = json!({"matchers": [{"name": "pod", "value": "cart-1", "isRegex": false}], "startsAt": "2026-03-01T11:00:00Z",
        "endsAt": "2026-03-01T14:00:00Z", "createdBy": "li", "comment": "c"});
    let made: Value = server.post("/api/v2/silences", &silence).await.json().await.expect("JSON");
    let id = made["silenceID"].as_str().expect("an id").to_owned();
    let one = server.json(&format!("/api/v2/silence/{id}")).await;
    assert_eq!((&one["status"]["state"], &one["annotations"]), (&json!("active"), &json!({})));
    assert_eq!(one["matchers"], json!([{"name": "pod", "value": "cart-1", "isRegex": false, "isEqual": true}]));
    assert_eq!(server.json("/api/v2/silences?filter=pod%3D%22cart-2%22").await, json!([]));
    let muted = server.json("/api/v2/alerts?active=false&inhibited=false").await;
    assert_eq!((names(&muted), &muted[0]["status"]["silencedBy"]), (vec!["Down"], &json!([id])));
    let unknown = server.get("/api/v2/silence/00000000-0000-4000-8000-999999999999").await;
    assert_eq!(unknown.status(), 404);
    let mut past = silence.clone();
    past["endsAt"] = json!("2026-03-01T11:30:00Z");
    assert_eq!(server.post("/api/v2/silences", &past).await.status(), 400);
}

#[tokio::test]
async fn the_real_amtool_asks_adds_silences_and_ends() {
    let Some(amtool) = tool("amtool") else { return };
    let server = with_alerts().await;
    let base = format!("--alertmanager.url={}", server.base);
    let call = async |arguments: &[&str]| {
        let arguments = arguments.iter().map(|a| (*a).to_owned()).chain([base.clone()]).collect();
        let output = run(amtool.clone(), arguments, String::new()).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let listed = call(&["alert", "query"]).await;
    assert!(listed.contains("Down") && !listed.contains("Slow") && !listed.contains("Old"), "{listed}");
    // folded alerts are inhibited ones
    assert!(call(&["alert", "query", "--inhibited"]).await.contains("Slow"));
    assert!(!call(&["alert", "query", "severity=critical"]).await.contains("Slow"));
    call(&["alert", "add", "alertname=ByHand", "team=shop", "--annotation=summary=added by hand"]).await;
    assert!(call(&["alert", "query", "team=~sh.*"]).await.contains("added by hand"));
    let end = ["--end=2099-01-01T00:00:00Z", "--start=2026-03-01T11:00:00Z"];
    let id = call(&["silence", "add", "team=shop", "--comment=upgrade", "--author=li", end[0], end[1]])
        .await
        .trim()
        .to_owned();
    assert!(call(&["silence", "query"]).await.contains(&id));
    assert!(!call(&["alert", "query", "team=shop"]).await.contains("added by hand"), "silenced");
    call(&["silence", "expire", &id]).await;
    assert!(!call(&["silence", "query"]).await.contains(&id));
    assert!(call(&["cluster", "show"]).await.contains("disabled"));
    assert!(call(&["config", "show"]).await.contains("receiver: rootline"));
}

fn measured() -> Fake {
    let fake = Fake::empty();
    let hostile = "a\"b\\c\nd";
    fake.kept().gauges = crate::Gauges {
        version: "0.1.0".into(),
        ticks: 12,
        outbox: vec![OutboxGauge { channel: "oncall".into(), waiting: 2, sent: 5, ..OutboxGauge::default() }],
        sources: vec![SourceState { name: hostile.into(), lag_s: Some(3.0), ..SourceState::default() }],
        incidents: vec![IncidentGauge {
            id: 17,
            severity: Severity::Critical,
            acked: false,
            members: 14,
            code: "node.disk_pressure".into(),
            entity: "node/n1".into(),
            confidence: 0.91,
            edges: vec![("node/n1".into(), "runs".into(), "pod/shop/cart-1".into())],
        }],
        anomalies: vec![Level {
            detector: "tier0".into(),
            entity: "node/n1".into(),
            series: "disk".into(),
            level: 0.7,
        }],
        forecasts: vec![Forecast {
            entity: "node/n1".into(),
            series: "disk".into(),
            reaches_limit_s: 10800.0,
            probability: 0.8,
        }],
        ..crate::Gauges::default()
    };
    fake
}

#[tokio::test]
async fn metrics_come_in_both_formats() {
    let server = Started::new(measured()).await;
    server.post("/api/v2/alerts", &json!([{"labels": {"alertname": "Down"}}])).await;
    server.post("/api/v2/alerts", &json!("nonsense")).await;
    let text = server.get("/metrics").await.text().await.expect("text");
    for line in [
        "alertmanager_build_info{version=\"0.34.0\"",
        "# TYPE rootline_http_requests_total counter",
        "rootline_receiver_accepted_items_total{receiver=\"alerts\"} 1",
        "rootline_receiver_refused_requests_total{receiver=\"alerts\",reason=\"malformed\"} 1",
        "rootline_incident{id=\"17\",severity=\"critical\",cause=\"node.disk_pressure\",entity=\"node/n1\",acked=\"false\"} 1.0",
        "rootline_cause_confidence{id=\"17\",cause=\"node.disk_pressure\",entity=\"node/n1\"} 0.91",
        "rootline_outbox_sent_messages_total{channel=\"oncall\"} 5",
        "rootline_forecast_limit_seconds{entity=\"node/n1\",series=\"disk\"} 10800.0",
        "rootline_incidents_open{severity=\"critical\"} 1.0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    let open = server.client.get(server.url("/metrics")).header("accept", "application/openmetrics-text;version=1.0.0");
    let open = open.send().await.expect("an answer");
    assert!(open.headers()["content-type"].to_str().is_ok_and(|t| t.starts_with("application/openmetrics-text")));
    let open = open.text().await.expect("text");
    assert!(open.ends_with("# EOF\n") && open.matches("# EOF").count() == 1);
    assert!(open.contains("# TYPE rootline_http_requests counter"));
}

#[tokio::test]
async fn the_real_promtool_finds_nothing_wrong_with_the_metrics() {
    let Some(promtool) = tool("promtool") else { return };
    let server = Started::new(measured()).await;
    server.get("/api/v1/status").await;
    let text = server.get("/metrics").await.text().await.expect("text");
    let output = run(promtool.clone(), vec!["check".into(), "metrics".into()], text).await;
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    let bad = run(promtool, vec!["check".into(), "metrics".into()], "# TYPE x counter\nx 1\n".into()).await;
    assert!(!bad.status.success(), "promtool does look");
}
