//! Who is let in, and what every answer carries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::json;

use super::fake::{Fake, until};
use super::started::Started;
use crate::{Audit, Audited, Auth, Caller, Options, Rank, ServeError, Server, Token, TokenReviewer};

fn guarded() -> Options {
    let tokens = [("push", Rank::Receiver), ("see", Rank::Viewer), ("do", Rank::Operator), ("all", Rank::Admin)];
    let tokens = tokens.map(|(name, rank)| Token::from_plain(name, rank, &format!("{name}-secret"))).to_vec();
    Options { auth: Auth { tokens, ..Auth::default() }, ..Options::default() }
}

#[tokio::test]
async fn each_rank_may_what_it_should_over_http() {
    let server = Started::with(Fake::with_incidents(1), guarded()).await;
    let alerts = json!([{"labels": {"alertname": "Down"}}]);
    for (token, expect) in [
        ("", [401, 401, 401, 401]),
        ("wrong", [401, 401, 401, 401]),
        ("push-secret", [403, 403, 200, 403]),
        ("see-secret", [200, 403, 403, 403]),
        ("do-secret", [200, 200, 200, 403]),
        ("all-secret", [200, 200, 200, 404]),
    ] {
        let client = &server.client;
        let asked = [
            client.get(server.url("/api/v1/incidents")),
            client.post(server.url("/api/v1/incidents/1/ack")),
            client.post(server.url("/api/v2/alerts")).json(&alerts),
            client.post(server.url("/api/v1/dead-letters/1/retry")),
        ];
        let mut got = Vec::new();
        for request in asked {
            let request = if token.is_empty() { request } else { request.bearer_auth(token) };
            let answer = request.send().await.expect("an answer");
            if answer.status() == 401 {
                assert!(answer.headers().contains_key("www-authenticate"));
            }
            got.push(answer.status().as_u16());
        }
        assert_eq!(got, expect, "{token}");
    }
    // a sender that knows nothing but passwords
    let basic = server.client.get(server.url("/api/v1/status")).basic_auth("anybody", Some("see-secret")).send().await;
    assert_eq!(basic.expect("an answer").status(), 200);
    // no data without a token, but the page and health
    for (path, status) in [
        ("/", 200),
        ("/page.js", 200),
        ("/-/healthy", 200),
        ("/-/ready", 200),
        ("/metrics", 401),
        ("/api/v2/status", 401),
    ] {
        assert_eq!(server.get(path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn without_authentication_only_loopback_is_served() {
    let fake = Arc::new(Fake::empty());
    let open = Options { listen: ([0, 0, 0, 0], 0).into(), ..Options::default() };
    let refused = Server::bind(open.clone(), fake.clone(), fake.clone()).await;
    assert!(matches!(refused, Err(ServeError::Open { .. })));
    let forced = Options { insecure_no_auth: true, ..open.clone() };
    assert!(Server::bind(forced, fake.clone(), fake.clone()).await.is_ok());
    let guarded = Options { listen: open.listen, ..guarded() };
    assert!(Server::bind(guarded, fake.clone(), fake).await.is_ok());
}

#[tokio::test]
async fn foreign_names_and_foreign_pages_are_refused() {
    let options = Options { hosts: vec!["rootline.example".into()], ..Options::default() };
    let server = Started::with(Fake::with_incidents(1), options).await;
    for (host, status) in [
        ("evil.example", 421),
        ("evil.example:8480", 421),
        ("localhost:1", 200),
        ("[::1]:80", 200),
        ("rootline.example", 200),
    ] {
        let answer = server.client.get(server.url("/api/v1/status")).header("host", host).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{host}");
    }
    let own = server.base.clone();
    for (header, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("origin", own.as_str(), 200),
        ("origin", "https://rootline.example", 200),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let answer = server.client.post(server.url("/api/v1/incidents/1/ack")).header(header, value).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{header}: {value}");
    }
    // what a form of another site could send
    let form = server.client.post(server.url("/api/v1/incidents/1/notes")).header("content-type", "text/plain");
    assert_eq!(form.body("{\"text\":\"x\"}").send().await.expect("an answer").status(), 415);
}

#[tokio::test]
async fn answers_carry_what_browsers_respect() {
    let server = Started::new(Fake::empty()).await;
    for path in ["/", "/api/v1/incidents", "/nowhere"] {
        let answer = server.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
    let head = server.client.head(server.url("/-/healthy")).send().await.expect("an answer");
    assert_eq!(head.status(), 200);
}

#[tokio::test]
async fn browsers_get_the_page_and_bulk_senders_a_version() {
    let server = Started::new(Fake::empty()).await;
    for (accept, kind) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("application/vnd.elasticsearch+json; compatible-with=8", "application/json"),
    ] {
        let answer = server.client.get(server.url("/")).header("accept", accept).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], kind, "{accept}");
        assert_eq!(answer.headers().contains_key("x-elastic-product"), kind == "application/json");
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<Audited>>);

impl Audit for Heard {
    fn written(&self, entry: Audited) {
        self.0.lock().expect("no panic").push(entry);
    }
}

#[tokio::test]
async fn the_audit_hears_of_what_was_written_and_of_nothing_else() {
    let heard = Arc::new(Heard::default());
    let options = Options { audit: Some(heard.clone()), ..guarded() };
    let server = Started::with(Fake::with_incidents(1), options).await;
    let client = &server.client;
    for request in [
        client.get(server.url("/api/v1/incidents")),
        client.post(server.url("/api/v1/incidents/1/ack")),
        client.post(server.url("/api/v2/alerts")).json(&json!([])),
        client.post(server.url("/api/v1/incidents/9/ack")),
    ] {
        request.bearer_auth("do-secret").send().await.expect("an answer");
    }
    let entries = heard.0.lock().expect("no panic").clone();
    let told: Vec<_> = entries.iter().map(|e| (e.caller.name.as_str(), e.path.as_str(), e.status)).collect();
    assert_eq!(told, [("do", "/api/v1/incidents/1/ack", 200), ("do", "/api/v1/incidents/9/ack", 404)]);
    assert!(entries[0].remote.starts_with("127.0.0.1:"));
}

struct Cluster(Mutex<u32>);

impl TokenReviewer for Cluster {
    fn review(&self, token: String) -> BoxFuture<'_, Result<Option<Caller>, String>> {
        *self.0.lock().expect("no panic") += 1;
        let known = (token == "of-the-cluster").then(|| Caller { name: "system:sa".into(), rank: Rank::Viewer });
        Box::pin(async move { if token == "down" { Err("no route".to_owned()) } else { Ok(known) } })
    }
}

#[tokio::test]
async fn tokens_of_the_cluster_are_reviewed_once_a_minute() {
    let cluster = Arc::new(Cluster(Mutex::new(0)));
    let auth = Auth { reviewer: Some(cluster.clone()), ..Auth::default() };
    let server = Started::with(Fake::empty(), Options { auth, ..Options::default() }).await;
    for (token, status) in
        [("of-the-cluster", 200), ("of-the-cluster", 200), ("other", 401), ("other", 401), ("down", 503)]
    {
        let answer = server.client.get(server.url("/api/v1/status")).bearer_auth(token).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{token}");
    }
    assert_eq!(*cluster.0.lock().expect("no panic"), 3);
}

#[tokio::test]
async fn a_stop_ends_streams_and_is_seen_by_probes() {
    let server = Started::with(Fake::empty(), Options { grace: Duration::from_secs(60), ..Options::default() }).await;
    let mut stream = server.get("/api/v1/stream").await;
    assert!(stream.chunk().await.expect("a hello").is_some());
    let fake = server.fake.clone();
    server.stop().await.expect("a clean stop, long before the grace is over");
    while stream.chunk().await.expect("the stream ends as it should").is_some() {}
    assert!(until(|| Arc::strong_count(&fake) == 1).await, "nothing holds the daemon any more");
}
