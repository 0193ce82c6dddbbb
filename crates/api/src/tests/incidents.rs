//! Incidents over HTTP.

use serde_json::json;

use super::fake::Fake;
use super::started::Started;

#[tokio::test]
async fn pages_of_incidents_follow_each_other() {
    let server = Started::new(Fake::with_incidents(12)).await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/incidents?limit=5".to_owned();
    loop {
        let page = server.json(&path).await;
        seen.extend(page["items"].as_array().expect("a list").iter().map(|i| i["id"].as_u64().expect("a number")));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/incidents?limit=5&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=12).rev().collect::<Vec<u64>>());
    server.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn an_incident_has_an_etag_and_is_not_sent_twice() {
    let server = Started::new(Fake::with_incidents(3)).await;
    let first = server.get("/api/v1/incidents/2").await;
    let tag = first.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(tag, "\"2.1\"");
    let again = server.client.get(server.url("/api/v1/incidents/2")).header("if-none-match", &tag).send().await;
    assert_eq!(again.expect("an answer").status(), 304);
    let missing = server.get("/api/v1/incidents/99").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn alerts_that_are_posted_reach_the_intake() {
    let server = Started::new(Fake::empty()).await;
    let body = json!([{"labels": {"alertname": "Down", "empty": ""}, "startsAt": "2026-03-01T11:00:00Z"}]);
    assert_eq!(server.post("/api/v2/alerts", &body).await.status(), 200);
    let kept = server.fake.kept().pushed_alerts.clone();
    assert_eq!((kept.len(), kept[0].name(), kept[0].labels.len()), (1, "Down", 1));
}
