//! Server-sent events over a socket.

use serde_json::json;

use super::fake::Fake;
use super::started::Started;
use crate::What;

/// Reads until a text is there.
async fn read(answer: &mut reqwest::Response, seen: &mut String, text: &str) {
    while !seen.contains(text) {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), answer.chunk()).await;
        let chunk =
            next.expect("in time").expect("no error").unwrap_or_else(|| panic!("ended before {text:?}: {seen}"));
        seen.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
}

#[tokio::test]
async fn listeners_hear_of_changes_and_resume_where_they_were() {
    let server = Started::new(Fake::with_incidents(2)).await;
    let mut first = server.get("/api/v1/stream").await;
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    let mut seen = String::new();
    read(&mut first, &mut seen, "event: hello").await;
    server.post("/api/v1/incidents/1/ack", &json!({})).await;
    read(&mut first, &mut seen, r#""id":1,"version":2"#).await;
    let id = seen.lines().filter_map(|l| l.strip_prefix("id: ")).next_back().expect("an id").to_owned();
    drop(first);
    server.post("/api/v1/incidents/2/ack", &json!({})).await;
    server.fake.tell(What::Status);
    let again = server.client.get(server.url("/api/v1/stream")).header("last-event-id", &id).send().await;
    let (mut again, mut missed) = (again.expect("an answer"), String::new());
    read(&mut again, &mut missed, "event: status").await;
    assert!(missed.contains(r#""id":2,"version":2"#) && !missed.contains(r#""id":1,"#), "{missed}");
    let other = server.client.get(server.url("/api/v1/stream")).header("last-event-id", "0-1").send().await;
    let (mut other, mut told) = (other.expect("an answer"), String::new());
    read(&mut other, &mut told, "event: reset").await;
}
