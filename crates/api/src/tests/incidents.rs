//! Incidents, silences and rows over HTTP.

use serde_json::json;

use super::fake::{Fake, at};
use super::started::Started;
use crate::{DeadLetter, EventRow};

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
async fn incidents_are_filtered() {
    let server = Started::new(Fake::with_incidents(12)).await;
    for (query, expect) in [
        ("stage=resolved", 3),
        ("stage=open&severity=critical", 3),
        ("severity=error", 8),
        ("namespace=shop", 12),
        ("namespace=other", 0),
        ("q=cart%2012", 1),
        ("q=", 12),
    ] {
        let page = server.json(&format!("/api/v1/incidents?{query}")).await;
        assert_eq!(page["items"].as_array().expect("a list").len(), expect, "{query}");
    }
}

#[tokio::test]
async fn wrong_questions_are_answered_with_what_is_wrong() {
    let server = Started::new(Fake::with_incidents(1)).await;
    for (path, status, part) in [
        ("/api/v1/incidents?limit=0", 400, "limit is 1 to 500"),
        ("/api/v1/incidents?limit=x", 400, "limit"),
        ("/api/v1/incidents?stage=closed", 400, "closed"),
        ("/api/v1/incidents?cursor=zz", 400, "no such cursor"),
        ("/api/v1/events?since=yesterday", 400, "since"),
        ("/api/v1/alerts?matchers=pod", 400, "bad matcher"),
        ("/api/v1/incidents/abc", 404, "ids are numbers"),
        ("/api/v1/incidents/99", 404, "no incident 99"),
        ("/api/v1/nothing", 404, "no such path"),
        ("/api/v1/incidents/1/ack", 405, "does not take GET"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: serde_json::Value = answer.json().await.expect("JSON");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(part), "{path}: {detail}");
    }
}

#[tokio::test]
async fn an_incident_has_an_etag_and_is_not_sent_twice() {
    let server = Started::new(Fake::with_incidents(3)).await;
    let first = server.get("/api/v1/incidents/2").await;
    assert_eq!(first.headers()["etag"], "\"2.1\"");
    for (known, status) in [("\"2.1\"", 304), ("W/\"2.1\"", 304), ("\"1.1\", \"2.1\"", 304), ("\"2.0\"", 200)] {
        let again = server.client.get(server.url("/api/v1/incidents/2")).header("if-none-match", known).send().await;
        assert_eq!(again.expect("an answer").status(), status, "{known}");
    }
}

#[tokio::test]
async fn people_take_note_and_resolve() {
    let server = Started::new(Fake::with_incidents(1)).await;
    let done = server.post("/api/v1/incidents/1/ack", &json!({})).await;
    assert_eq!(done.headers()["etag"], "\"1.2\"");
    let incident: serde_json::Value = done.json().await.expect("JSON");
    assert_eq!(incident["acked"]["by"], "local");
    let noted = server.post("/api/v1/incidents/1/notes", &json!({"text": " raising the limit "})).await;
    let incident: serde_json::Value = noted.json().await.expect("JSON");
    let last = incident["timeline"].as_array().and_then(|t| t.last()).expect("a moment");
    assert_eq!(last["what"]["en"], "local: raising the limit");
    for (body, part) in
        [(json!({"text": " "}), "1 to 4000"), (json!({"txt": "x"}), "unknown field"), (json!("x"), "the body")]
    {
        let refused = server.post("/api/v1/incidents/1/notes", &body).await;
        assert_eq!(refused.status(), 400);
        assert!(refused.text().await.expect("text").contains(part), "{body}");
    }
    assert_eq!(server.post("/api/v1/incidents/1/resolve", &json!({})).await.status(), 200);
    assert_eq!(server.post("/api/v1/incidents/1/resolve", &json!({})).await.status(), 409);
}

#[tokio::test]
async fn a_recording_comes_as_a_file() {
    let server = Started::new(Fake::with_incidents(1)).await;
    let answer = server.get("/api/v1/incidents/1/record").await;
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"incident-1.rootline\"");
    assert_eq!(answer.bytes().await.expect("bytes").len(), 4000);
}

#[tokio::test]
async fn silences_are_made_ended_and_checked() {
    let server = Started::new(Fake::empty()).await;
    let good = json!({"matchers": ["namespace=\"shop\"", "pod=~\"cart-.*\""], "ends_at": "2026-03-01T14:00:00Z", "comment": "upgrade"});
    let made: serde_json::Value = server.post("/api/v1/silences", &good).await.json().await.expect("JSON");
    let id = made["id"].as_str().expect("an id").to_owned();
    let shown = &server.json("/api/v1/silences").await["items"][0];
    assert_eq!((&shown["state"], &shown["created_by"]), (&json!("active"), &json!("local")));
    assert_eq!(shown["matchers"], json!(["namespace=\"shop\"", "pod=~\"cart-.*\""]));
    let ended = server.client.delete(server.url(&format!("/api/v1/silences/{id}"))).send().await.expect("an answer");
    assert_eq!(ended.status(), 204);
    assert_eq!(server.json("/api/v1/silences").await["items"][0]["state"], "expired");
    for (matchers, ends, part) in [
        (json!([]), "2026-03-01T14:00:00Z", "at least one matcher"),
        (json!(["a=\"\"", "b=~\".*\""]), "2026-03-01T14:00:00Z", "empty value"),
        (json!(["a=1"]), "2026-03-01T11:00:00Z", "before the end"),
        (json!(["a=~\"(\""]), "2026-03-01T14:00:00Z", "regular expression"),
    ] {
        let refused = server.post("/api/v1/silences", &json!({"matchers": matchers, "ends_at": ends})).await;
        assert_eq!(refused.status(), 400);
        assert!(refused.text().await.expect("text").contains(part), "{part}");
    }
}

#[tokio::test]
async fn events_and_dead_letters_are_listed_and_letters_tried_again() {
    let fake = Fake::empty();
    {
        let row = |id, reason: &str| EventRow {
            id,
            at: at("2026-03-01T11:00:00Z"),
            reason: reason.into(),
            ..EventRow::default()
        };
        fake.kept().events = vec![row(1, "BackOff"), row(2, "Killing"), row(3, "BackOff")];
        fake.kept().dead = vec![DeadLetter { id: 7, channel: "oncall".into(), ..DeadLetter::default() }];
    }
    let server = Started::new(fake).await;
    let found = server.json("/api/v1/events?reason=BackOff&limit=1").await;
    assert_eq!((&found["items"][0]["id"], &found["next"]), (&json!(3), &json!("3")));
    assert_eq!(server.json("/api/v1/events?until=2026-03-01T11:00:00Z").await["items"], json!([]));
    assert_eq!(server.json("/api/v1/dead-letters").await["items"][0]["channel"], "oncall");
    assert_eq!(server.post("/api/v1/dead-letters/7/retry", &json!({})).await.status(), 204);
    assert_eq!(server.post("/api/v1/dead-letters/7/retry", &json!({})).await.status(), 404);
}

#[tokio::test]
async fn alerts_are_paged_by_fingerprint() {
    let server = Started::new(Fake::empty()).await;
    let alerts: Vec<_> = (0..7).map(|n| json!({"labels": {"alertname": "Down", "pod": format!("cart-{n}")}})).collect();
    assert_eq!(server.post("/api/v2/alerts", &json!(alerts)).await.status(), 200);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.json(&format!("/api/v1/alerts?limit=3&matchers=pod=~%22cart.*%22&cursor={cursor}")).await;
        let items = page["items"].as_array().expect("a list");
        seen.extend(items.iter().map(|a| a["fingerprint"].as_str().expect("text").to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert!(seen.len() == 7 && seen.is_sorted(), "{seen:?}");
    assert_eq!(server.get("/api/v1/alerts?cursor=zz").await.status(), 400);
}

#[tokio::test]
async fn pairs_of_names_are_paged_and_found_by_either_name() {
    let fake = Fake::with_incidents(0);
    let pair = |name: &str, beside: &str| crate::AlertPair {
        name: name.to_owned(),
        beside: beside.to_owned(),
        together: 3.0,
        delay_s: (20.0, 60.0),
        ..crate::AlertPair::default()
    };
    fake.kept().pairs = vec![pair("OrdersLate", "QueueFull"), pair("QueueFull", "OrdersLate"), pair("A", "B")];
    let server = Started::new(fake).await;
    let names = |list: &serde_json::Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items").iter();
        items.map(|p| p["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let first = server.json("/api/v1/alerts/pairs?limit=2").await;
    assert_eq!((names(&first), first["next"].as_str()), (vec!["OrdersLate".to_owned(), "QueueFull".into()], Some("2")));
    let rest = server.json("/api/v1/alerts/pairs?limit=2&cursor=2").await;
    assert_eq!((names(&rest), rest["next"].as_str()), (vec!["A".to_owned()], None));
    let found = server.json("/api/v1/alerts/pairs?name=QueueFull").await;
    assert_eq!(names(&found), ["OrdersLate", "QueueFull"]);
    assert_eq!(found["items"][0]["delay_s"], json!([20.0, 60.0]));
    assert_eq!(server.get("/api/v1/alerts/pairs?cursor=x").await.status(), 400);
}
