//! Documents into Elasticsearch, rows into ClickHouse: what their answers mean.

use rootline_sinks::{
    Bulk, BulkOptions, ClickHouse, ClickHouseOptions, Client, ClientOptions, Document, Lasting, SendError, Taken,
};
use serde_json::json;

use crate::fake::{Answer, Server};

fn client() -> Client {
    Client::new(&ClientOptions::default()).expect("a client")
}

fn documents(n: usize) -> Vec<Document> {
    let at = "2026-01-02T03:04:05Z".parse().expect("a time");
    (0..n).map(|i| Document { id: format!("e{i}-1"), at, body: json!({ "n": i }) }).collect()
}

fn bulk(server: &Server) -> Bulk {
    let options = BulkOptions {
        endpoint: server.endpoint("/search/"),
        index: "events-%Y.%m.%d".to_owned(),
        user: "rootline".to_owned(),
        password: "p".to_owned(),
        api_key: String::new(),
    };
    Bulk::new(options, client())
}

#[tokio::test]
async fn documents_go_out_under_their_own_ids_in_the_index_of_their_day() {
    let server = Server::start(vec![Answer::ok(r#"{"errors":false,"items":[]}"#)]).await;
    assert_eq!(bulk(&server).send(&documents(2)).await, Ok(Taken::default()));
    let request = server.one();
    assert!(request.line.starts_with("POST /search/_bulk?filter_path=errors"), "{}", request.line);
    assert_eq!(request.header("authorization"), Some("Basic cm9vdGxpbmU6cA=="));
    assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<serde_json::Value> =
        request.body.lines().map(|l| serde_json::from_str(l).expect("JSON lines")).collect();
    assert_eq!(lines[0], json!({ "create": { "_index": "events-2026.01.02", "_id": "e0-1" } }));
    assert_eq!(lines[1], json!({ "n": 0 }));
    assert_eq!(lines.len(), 4);
    assert!(request.body.ends_with('\n'));
}

#[tokio::test]
async fn each_item_of_an_answer_of_200_is_understood() {
    let error = r#"{"type":"document_parsing_exception","reason":"bad date"}"#;
    let full = r#"{"type":"es_rejected_execution_exception","reason":"queue full"}"#;
    let answer = format!(
        r#"{{"errors":true,"items":[{{"create":{{"status":201}}}},{{"create":{{"status":429,"error":{full}}}}},
        {{"create":{{"status":400,"error":{error}}}}},{{"create":{{"status":409,"error":{full}}}}},{{"create":{{"status":503}}}}]}}"#
    );
    let server = Server::start(vec![Answer::ok(&answer)]).await;
    let taken = bulk(&server).send(&documents(5)).await.expect("an answer");
    assert_eq!((taken.again, taken.dropped), (vec![1, 4], 1));
    assert!(taken.why.contains("bad date"), "{}", taken.why);
    // an answer about other documents than were sent says nothing
    assert!(matches!(bulk(&server).send(&documents(4)).await, Err(SendError::Retry { .. })));
}

#[tokio::test]
async fn a_whole_request_may_be_refused_put_off_or_not_allowed() {
    let answers = [(413, "too large"), (429, "busy"), (503, "starting"), (401, "who are you"), (200, "<html>")];
    let server = Server::start(answers.iter().map(|(s, b)| Answer::status(*s, b)).collect()).await;
    let bulk = bulk(&server);
    let one = documents(1);
    assert!(matches!(bulk.send(&one).await, Err(SendError::Rejected { .. })));
    assert!(matches!(bulk.send(&one).await, Err(SendError::Retry { .. })));
    assert!(matches!(bulk.send(&one).await, Err(SendError::Retry { .. })));
    assert!(matches!(bulk.send(&one).await, Err(SendError::Dead { .. })));
    assert!(matches!(bulk.send(&one).await, Err(SendError::Retry { .. })), "a proxy's page is no answer");
}

#[tokio::test]
async fn clickhouse_tables_are_made_with_the_days_they_last_and_its_codes_are_understood() {
    let said = [
        (404, "Code: 60. DB::Exception: Table r.events does not exist."),
        (400, "Code: 27. DB::Exception: Cannot parse input"),
        (500, "Code: 252. DB::Exception: Too many parts"),
        (516, "Code: 516. DB::Exception: Authentication failed"),
        (502, "<html>"),
    ];
    let mut answers: Vec<Answer> = (0..6).map(|_| Answer::ok("")).collect();
    answers.extend(said.iter().map(|(s, b)| Answer::status(*s, b)));
    let server = Server::start(answers).await;
    let options = ClickHouseOptions {
        endpoint: server.endpoint("/"),
        database: "r".to_owned(),
        user: "u".to_owned(),
        password: "secret-word".to_owned(),
        lasting: Lasting { series: 15, events: 30, incidents: 365 },
    };
    let house = ClickHouse::new(options, client());
    assert_eq!(house.create().await, Ok(()));
    let made: String = server.requests().iter().map(|r| r.line.replace('+', " ")).collect();
    for part in ["CREATE DATABASE IF NOT EXISTS r", "INTERVAL 15 DAY", "INTERVAL 30 DAY", "INTERVAL 365 DAY"] {
        assert!(made.contains(part), "{part}: {made}");
    }
    assert!(!made.contains("%7B") && !made.contains("secret-word"), "{made}");
    let mut insert = Vec::new();
    for _ in said {
        insert.push(house.insert("events", b"{}\n".to_vec()).await);
    }
    let kinds: Vec<&str> = insert
        .iter()
        .map(|r| match r {
            Ok(()) => "ok",
            Err(SendError::Retry { .. }) => "retry",
            Err(SendError::Rejected { .. }) => "rejected",
            Err(SendError::Dead { .. }) => "dead",
        })
        .collect();
    assert_eq!(kinds, ["dead", "rejected", "retry", "dead", "retry"], "{insert:?}");
}
