//! Servers that answer well and badly, played by a few lines of HTTP.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::elasticsearch::{Elasticsearch, ElasticsearchSettings};
use super::loki::{Loki, LokiSettings};
use super::prometheus::Prometheus;
use super::*;

/// Gives its answers one after another, the last again and again; keeps what it was asked.
async fn server(answers: Vec<String>) -> (Server, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    tokio::spawn(async move {
        let mut served = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !whole(&request) {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            kept.lock()
                .expect("no test panics while it holds this")
                .push(String::from_utf8_lossy(&request).into_owned());
            let answer = &answers[served.min(answers.len() - 1)];
            served += 1;
            if answer == "hang" {
                std::future::pending::<()>().await;
            }
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (Server { timeout: Duration::from_secs(5), ..Server::new(url) }, asked)
}

/// Head and body have come.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

fn http(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn ok(body: &str) -> Vec<String> {
    vec![http(200, "", body)]
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[tokio::test]
async fn expressions_are_asked_with_credentials_and_headers() {
    let body = r#"{"status":"success","warnings":["partial"],"data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"up","job":"a"},"values":[[1.5,"1"],[2,"NaN"],[3,"+Inf"]]},{"metric":{},"histograms":[[1,{}]]}]}}"#;
    let (mut server, asked) = server(ok(body)).await;
    server.credentials = Credentials::Bearer("secret".to_owned());
    server.headers.push(("X-Scope-OrgID".to_owned(), "t1".to_owned()));
    let found = Prometheus::new(server)
        .expect("an address")
        .query_range("up{job=\"a\"}", (at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z")), 15)
        .await
        .expect("an answer");
    let [series] = found.series.as_slice() else { panic!("{found:?}") };
    assert_eq!((series.points[0], series.points[2]), ((1500, 1.0), (3000, f64::INFINITY)));
    assert!(series.points[1].1.is_nan());
    assert_eq!(found.warnings, ["partial"]);
    let asked = asked.lock().expect("no test panics while it holds this")[0].to_ascii_lowercase();
    for part in
        ["post /api/v1/query_range ", "authorization: bearer secret", "x-scope-orgid: t1", "step=15", "query=up%7bjob"]
    {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[tokio::test]
async fn scalars_and_proxies_without_post_are_understood() {
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[7,"2"]}}"#;
    let (server, asked) = server(vec![http(405, "", "no"), http(200, "", scalar)]).await;
    let found = Prometheus::new(server).expect("an address").query("1+1", None).await.expect("an answer");
    assert_eq!(found.series[0].points, [(7000, 2.0)]);
    assert!(asked.lock().expect("no test panics while it holds this")[1].starts_with("GET /api/v1/query?query=1%2B1"));
}

#[tokio::test]
async fn rules_tell_the_onset_of_alerts() {
    let body = r#"{"status":"success","data":{"groups":[{"name":"g","rules":[
        {"type":"recording","name":"r","query":"x"},
        {"type":"alerting","name":"Slow","query":"q","duration":900,"keepFiringFor":60,"labels":{"severity":"critical"},
         "alerts":[{"labels":{"alertname":"Slow","severity":"critical","pod":"a"},"annotations":{},"state":"firing","activeAt":"2026-01-01T00:00:00Z","value":"1"},
                   {"labels":{"alertname":"Slow","severity":"critical","pod":"b"},"state":"pending","activeAt":"2026-01-01T00:10:00Z"}]},
        {"type":"alerting","name":"Slow","duration":60,"labels":{"severity":"warning","team":"{{ $labels.team }}"},"alerts":[]}]}]}}"#;
    let (server, _) = server(ok(body)).await;
    let book = Prometheus::new(server).expect("an address").rules().await.expect("an answer");
    assert_eq!((book.rules().count(), book.active().len(), book.firing().count()), (2, 2, 1));
    let firing = book.firing().next().expect("one");
    assert_eq!((firing.onset(), firing.starts_at), (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:15:00Z")));

    for (severity, hold_s) in [("critical", Some(900)), ("warning", Some(60)), ("info", None)] {
        let labels = [("alertname", "Slow"), ("severity", severity), ("team", "x")].into_iter().collect();
        let mut alert = rootline_model::Alert { labels, starts_at: at("2026-01-01T01:00:00Z"), ..Default::default() };
        book.complete(&mut alert);
        assert_eq!(alert.hold_s, hold_s, "{severity}");
    }
}

#[tokio::test]
async fn alerts_metadata_and_version_are_read() {
    let alerts = r#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"A"},"state":"firing","activeAt":"2026-01-01T00:00:00Z"},{"labels":{},"state":"pending"}]}}"#;
    let metadata = r#"{"status":"success","data":{"up":[{"type":"gauge","help":"h","unit":""}]}}"#;
    let version = r#"{"status":"success","data":{"version":"3.5.0","revision":"x"}}"#;
    let (server, _) = server([alerts, metadata, version].map(|b| http(200, "", b)).to_vec()).await;
    let prometheus = Prometheus::new(server).expect("an address");
    let alerts = prometheus.alerts().await.expect("an answer");
    assert_eq!((alerts.len(), alerts[0].name(), alerts[0].onset()), (1, "A", at("2026-01-01T00:00:00Z")));
    assert_eq!(prometheus.metadata().await.expect("an answer")["up"][0].kind, "gauge");
    assert_eq!(prometheus.version().await.expect("an answer"), "3.5.0");
}

#[tokio::test]
async fn failures_are_told_and_say_whether_to_ask_again() {
    let bad = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let slow = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
    for (answer, told, again) in [
        (http(400, "", bad), "bad_data: parse error", None),
        (http(503, "", slow), "timeout: query timed out", Some(1)),
        (http(503, "retry-after: 9\r\n", "<html>busy"), "HTTP 503: <html>busy", Some(9)),
        (http(401, "", "who?"), "HTTP 401: who?", None),
        (http(200, "", "<html>"), "not an answer of Prometheus", None),
        (http(200, "", r#"{"status":"success"}"#), "no data in the answer", None),
        (http(200, "", &"x".repeat(2000)), "an answer of more than 1000 bytes", None),
        (http(302, "location: http://127.0.0.2:1/\r\n", ""), "HTTP 302", None),
        ("hang".to_owned(), "no answer within 0 s", Some(1)),
    ] {
        let (mut server, _) = server(vec![answer]).await;
        server.answer_bytes = 1000;
        if told.starts_with("no answer") {
            server.timeout = Duration::from_millis(100);
        }
        let error = Prometheus::new(server).expect("an address").query("up", None).await.expect_err(told);
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(error.retry_after_s(), again, "{error}");
    }
    let nobody =
        Prometheus::new(Server::new("http://127.0.0.1:1")).expect("an address").version().await.expect_err("nobody");
    assert!(matches!(nobody, PullError::Unreachable { .. }) && nobody.retry_after_s() == Some(1), "{nobody}");
    for url in ["prometheus:9090", "file:///x", ""] {
        assert!(matches!(Prometheus::new(Server::new(url)), Err(PullError::Settings { .. })), "{url}");
    }
}

#[tokio::test]
async fn loki_is_read_page_by_page_without_losing_or_doubling() {
    let page = |values: &str| {
        let result = format!(r#"[{{"stream":{{"namespace":"shop","pod":"a"}},"values":[{values}]}}]"#);
        http(200, "", &format!(r#"{{"status":"success","data":{{"resultType":"streams","result":{result}}}}}"#))
    };
    let (server, asked) = server(vec![
        page(r#"["1","one"],["2","two"]"#),
        page(r#"["2","two"],["2","also two",{"k":{"x":"y"}}]"#),
        page(r#"["2","two"],["2","also two"]"#),
        page(r#"["9","nine"]"#),
    ])
    .await;
    let settings = LokiSettings { page: 2, namespaces: vec!["shop".into(), "a.b".into()], ..LokiSettings::default() };
    let loki = Loki::new(server, settings).expect("an address");
    assert!(loki.query().starts_with(r#"{namespace=~"shop|a\\.b"} |~ "(?i)\\b(warn|"#), "{}", loki.query());
    let pulled = loki.lines((at("1970-01-01T00:00:00Z"), at("1970-01-01T00:01:00Z")), 50_000).await.expect("an answer");
    assert_eq!(pulled.lines.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["one", "two", "also two", "nine"]);
    assert!(pulled.complete && pulled.lines[0].of.labels.value("pod") == "a");
    let asked = asked.lock().expect("no test panics while it holds this");
    assert!(asked[1].contains("start=2&") && asked[3].contains("start=3&"), "{asked:?}");
}

#[tokio::test]
async fn elasticsearch_is_read_page_by_page_without_losing_or_doubling() {
    let page = |hits: &[(i64, &str)]| {
        let hits: Vec<String> = hits
            .iter()
            .map(|(ms, id)| {
                format!(
                    r#"{{"_index":"l","_id":"{id}","_source":{{"log":"{id}","kubernetes":{{"pod_name":"a"}}}},"sort":[{ms}]}}"#
                )
            })
            .collect();
        http(200, "", &format!(r#"{{"hits":{{"hits":[{}]}}}}"#, hits.join(",")))
    };
    let (server, asked) = server(vec![
        page(&[(1, "one"), (2, "two")]),
        page(&[(2, "two"), (2, "three")]),
        page(&[(2, "two"), (2, "three")]),
        page(&[(9, "four")]),
    ])
    .await;
    let settings =
        ElasticsearchSettings { page: 2, namespaces: vec!["shop".into()], ..ElasticsearchSettings::default() };
    let search = Elasticsearch::new(server, settings).expect("an address");
    let pulled =
        search.lines((at("1970-01-01T00:00:00Z"), at("1970-01-01T00:01:00Z")), 50_000).await.expect("an answer");
    assert_eq!(pulled.lines.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["one", "two", "three", "four"]);
    assert_eq!(
        (pulled.lines[0].of.labels.value("pod"), pulled.lines[3].at),
        ("a", Timestamp::from_millisecond(9).ok())
    );
    let asked = asked.lock().expect("no test panics while it holds this");
    assert!(asked[0].contains(r#""kubernetes.namespace_name.keyword":["shop"]"#) && !asked[0].contains("search_after"));
    assert!(asked[1].contains(r#""search_after":[1]"#) && asked[3].contains(r#""search_after":[2]"#), "{asked:?}");
}

#[tokio::test]
async fn errors_of_elasticsearch_are_told() {
    let body = r#"{"error":{"type":"index_not_found_exception","reason":"no such index [x]"},"status":404}"#;
    let (server, _) = server(vec![http(404, "", body), http(429, "", body)]).await;
    let search = Elasticsearch::new(server, ElasticsearchSettings::default()).expect("an address");
    let span = (at("1970-01-01T00:00:00Z"), at("1970-01-01T00:01:00Z"));
    let error = search.lines(span, 50_000).await.expect_err("refused");
    assert!(error.to_string().ends_with("index_not_found_exception: no such index [x]"), "{error}");
    assert_eq!(search.lines(span, 50_000).await.expect_err("busy").retry_after_s(), Some(1));
}

#[tokio::test]
async fn pages_are_scraped_with_their_type_and_refusals_are_told() {
    let kind = "content-type: application/openmetrics-text; version=1.0.0\r\n";
    let (server, asked) = server(vec![http(200, kind, "up 1\n# EOF\n"), http(503, "", "busy")]).await;
    let exporter = scrape::Exporter::new(Server { url: format!("{}/m?collect[]=cpu", server.url), ..server });
    let exporter = exporter.expect("an address");
    let page = exporter.page().await.expect("an answer");
    assert_eq!(
        (page.text.as_slice(), page.content_type.split(';').next()),
        (&b"up 1\n# EOF\n"[..], Some("application/openmetrics-text"))
    );
    let error = exporter.page().await.expect_err("busy");
    assert!(error.to_string().contains("HTTP 503: busy"), "{error}");
    let asked = asked.lock().expect("no test panics while it holds this")[0].to_ascii_lowercase();
    assert!(
        asked.starts_with("get /m?collect[]=cpu ") && asked.contains("accept: application/openmetrics-text"),
        "{asked}"
    );
    assert!(asked.contains("accept-encoding: gzip"), "{asked}");
}

#[tokio::test]
async fn kubelets_are_reached_through_the_api_server() {
    let nodes = r#"{"metadata":{"continue":"more"},"items":[{"metadata":{"name":"w1"}}]}"#;
    let last = r#"{"metadata":{},"items":[{"metadata":{"name":"w2"}}]}"#;
    let forbidden = r#"{"kind":"Status","message":"nodes \"w1\" is forbidden: cannot get resource \"nodes/proxy\""}"#;
    let big = "x 1\n".repeat(500);
    let answers = [(200, nodes), (200, last), (200, "up 1\n"), (403, forbidden), (200, &big)];
    let (server, asked) = server(answers.map(|(status, body)| http(status, "", body)).to_vec()).await;
    let config = kube::Config::new(server.url.parse().expect("an address"));
    let kubelets = scrape::Kubelets::at(config, &crate::live::LiveOptions::default(), 1000).expect("a client");
    assert_eq!(kubelets.nodes().await.expect("an answer"), ["w1", "w2"]);
    assert_eq!(kubelets.page("w1", "/metrics/cadvisor").await.expect("a page").text, b"up 1\n");
    let error = kubelets.page("w1", "/metrics").await.expect_err("forbidden");
    assert!(error.to_string().contains("HTTP 403: nodes \"w1\" is forbidden"), "{error}");
    assert!(matches!(kubelets.page("w1", "/metrics").await, Err(PullError::TooLarge { most: 1000, .. })));
    let asked = asked.lock().expect("no test panics while it holds this");
    assert!(asked[1].starts_with("GET /api/v1/nodes?limit=500&continue=more "), "{}", asked[1]);
    assert!(asked[2].starts_with("GET /api/v1/nodes/w1/proxy/metrics/cadvisor "), "{}", asked[2]);
}
