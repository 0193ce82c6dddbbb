//! What others push, over sockets.

use serde_json::json;

use super::fake::{Fake, until};
use super::started::Started;
use crate::{Options, Refusal, Why};

/// Messages of remote write 1.0, as Prometheus sends them.
mod prompb {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Label {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }
}

fn write_request(series: usize) -> Vec<u8> {
    use prost::Message;
    let one = |n: usize| prompb::TimeSeries {
        labels: [("__name__", "up".to_owned()), ("pod", format!("cart-{n}"))]
            .map(|(name, value)| prompb::Label { name: name.into(), value })
            .to_vec(),
        samples: vec![prompb::Sample { value: 1.0, timestamp: 1_772_366_400_000 }],
    };
    let message = prompb::WriteRequest { timeseries: (0..series).map(one).collect() };
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).expect("snappy")
}

fn writes(server: &Started, path: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
    let request = server.client.post(server.url(path)).header("content-type", "application/x-protobuf");
    request.header("content-encoding", "snappy").header("x-prometheus-remote-write-version", "0.1.0").body(body)
}

#[tokio::test]
async fn remote_write_reaches_the_intake_with_its_tenant() {
    let server = Started::new(Fake::empty()).await;
    assert_eq!(writes(&server, "/api/v1/write", write_request(3)).send().await.expect("an answer").status(), 204);
    let tenant = writes(&server, "/api/v1/write", write_request(1)).header("x-scope-orgid", "east");
    assert_eq!(tenant.send().await.expect("an answer").status(), 204);
    let asked = writes(&server, "/api/v1/write?cluster=west", write_request(1)).header("x-scope-orgid", "east");
    assert_eq!(asked.send().await.expect("an answer").status(), 204);
    // large enough to be decoded beside the others
    let many = writes(&server, "/api/v1/write", write_request(60_000)).send().await.expect("an answer");
    assert_eq!(many.status(), 204);
    let kept = server.fake.kept();
    let clusters: Vec<&str> = kept.samples.iter().take(5).map(|b| b.labels.value("cluster")).collect();
    assert_eq!(clusters, ["", "", "", "east", "west"]);
    assert_eq!(kept.samples.len(), 60_005);
    assert_eq!(kept.samples[0].points, [(1_772_366_400_000, 1.0)]);
}

#[tokio::test]
async fn senders_hear_what_to_do() {
    let server = Started::new(Fake::empty()).await;
    let text = server.client.post(server.url("/api/v1/write")).header("content-type", "text/plain").body("x");
    assert_eq!(text.send().await.expect("an answer").status(), 415);
    let nonsense = writes(&server, "/api/v1/write", vec![1, 2, 3]).send().await.expect("an answer");
    assert_eq!(nonsense.status(), 400);
    // a bomb: five bytes that say they are four gigabytes
    let bomb = writes(&server, "/api/v1/write", vec![0xff, 0xff, 0xff, 0xff, 0x0f]).send().await.expect("an answer");
    assert!([400, 413].contains(&bomb.status().as_u16()), "{}", bomb.status());
    for refusal in [
        Refusal::later(Why::Full, "the queue is full"),
        Refusal { status: 429, why: Why::Limit, reason: "slower".into(), retry_after_s: Some(7) },
    ] {
        server.fake.kept().refusal = Some(refusal.clone());
        let answer = writes(&server, "/api/v1/write", write_request(1)).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), refusal.status);
        assert_eq!(
            answer.headers()["retry-after"].to_str().ok(),
            refusal.retry_after_s.map(|s| s.to_string()).as_deref()
        );
        assert!(answer.text().await.expect("text").contains(&refusal.reason));
    }
    let metrics = server.get("/metrics").await.text().await.expect("text");
    for reason in ["full", "limit", "unsupported"] {
        let line =
            format!("rootline_receiver_refused_requests_total{{receiver=\"remote_write\",reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line}");
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_unread() {
    let mut options = Options::default();
    options.limits.body_bytes = 1000;
    let server = Started::with(Fake::empty(), options).await;
    let large = json!([{"labels": {"alertname": "x".repeat(2000)}}]);
    assert_eq!(server.post("/api/v2/alerts", &large).await.status(), 413);
    assert_eq!(server.post("/api/v2/alerts", &json!([{"labels": {"alertname": "x"}}])).await.status(), 200);
    assert_eq!(server.fake.kept().pushed_alerts.len(), 1);
}

#[tokio::test]
async fn too_many_bytes_at_once_are_sent_away_with_a_time_to_come_back() {
    let mut options = Options { pushed_bytes_max: 2048, ..Options::default() };
    options.limits.body_bytes = 2048;
    let server = Started::with(Fake::empty(), options).await;
    // one that does not end holds all the room
    let (mut hold, held) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream = futures::stream::unfold(held, |mut held| async move { held.recv().await.map(|part| (part, held)) });
    let slow = server.client.post(server.url("/api/v2/alerts")).body(reqwest::Body::wrap_stream(stream));
    let slow = tokio::spawn(slow.send());
    hold.send(Ok(format!("[{}", " ".repeat(1500)).into_bytes())).await.expect("the request is read");
    hold.reserve().await.expect("the first part is taken");
    let alerts = json!([{"labels": {"alertname": "x"}}]);
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let answer = server.post("/api/v2/alerts", &alerts).await;
        statuses.push((answer.status().as_u16(), answer.headers().contains_key("retry-after")));
        if statuses.last() == Some(&(503, true)) {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&(503, true)), "{statuses:?}");
    hold.send(Ok(b"]".to_vec())).await.expect("the request is read");
    hold = tokio::sync::mpsc::channel(1).0;
    drop(hold);
    assert_eq!(slow.await.expect("no panic").expect("an answer").status(), 200);
    assert_eq!(server.post("/api/v2/alerts", &alerts).await.status(), 200);
}

#[tokio::test]
async fn alerts_of_a_webhook_and_of_a_list_with_a_bad_one_are_taken() {
    let server = Started::new(Fake::empty()).await;
    let hook = json!({"version": "4", "status": "firing", "groupKey": "{}:{}", "receiver": "rootline", "truncatedAlerts": 0,
        "alerts": [{"status": "firing", "labels": {"alertname": "Down"}, "annotations": {}, "startsAt": "2026-03-01T11:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "00"}]});
    assert_eq!(server.post("/api/v1/webhook?cluster=east", &hook).await.status(), 200);
    let mixed = json!([{"labels": {}}, {"labels": {"alertname": "Good"}}]);
    assert_eq!(
        server.post("/api/v2/alerts", &mixed).await.status(),
        400,
        "as Alertmanager: the good one is taken, then 400"
    );
    let fake = server.fake.clone();
    assert!(until(|| fake.kept().pushed_alerts.len() == 2).await);
    let kept = server.fake.kept().pushed_alerts.clone();
    assert_eq!((kept[0].name(), kept[0].labels.value("cluster"), kept[0].ends_at), ("Down", "east", None));
    assert_eq!(kept[1].name(), "Good");
}

#[tokio::test]
async fn lines_of_all_senders_become_whole_records_at_the_latest_at_the_stop() {
    let server = Started::new(Fake::empty()).await;
    let loki = json!({"streams": [{"stream": {"namespace": "shop", "pod": "cart-1"}, "values": [
        ["1772366390000000000", "java.lang.IllegalStateException: no stock"],
        ["1772366390000000001", "\tat shop.Cart.add(Cart.java:17)"]]}]});
    let answer =
        server.client.post(server.url("/loki/api/v1/push")).header("x-scope-orgid", "east").json(&loki).send().await;
    assert_eq!(answer.expect("an answer").status(), 204);
    let bulk = "{\"index\":{}}\n{\"@timestamp\":\"2026-03-01T11:59:00Z\",\"log\":\"level=error msg=refused\"}\n";
    for path in ["/_bulk", "/logs-2026/_bulk"] {
        let request = server.client.post(server.url(path)).header("content-type", "application/x-ndjson").body(bulk);
        let answer = request.send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-elastic-product"]),
            (200, &"Elasticsearch".parse().expect("a value"))
        );
        assert!(answer.text().await.expect("text").contains("\"errors\":false"));
    }
    // official clients use PUT, and read errors in Elasticsearch's words only
    let request = server.client.put(server.url("/_bulk")).header("content-type", "application/x-ndjson");
    let answer = request.body("no action\n").send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (400, &"application/json".parse().expect("a value"))
    );
    let told: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(told["status"], 400);
    assert!(told["error"]["reason"].as_str().expect("a reason").starts_with("not an action"), "{told}");
    let fake = server.fake.clone();
    server.stop().await.expect("a clean stop");
    let logs = fake.kept().logs.clone();
    let trace = logs.iter().find(|l| l.text.contains("no stock")).expect("the trace");
    assert!(trace.text.contains("Cart.java:17"), "one record: {}", trace.text);
    assert_eq!(trace.labels.value("pod"), "cart-1");
    assert_eq!(logs.iter().filter(|l| l.text.contains("refused")).count(), 2, "{logs:?}");
}

#[tokio::test]
async fn spans_become_calls_and_events_keep_their_cluster() {
    let server = Started::new(Fake::empty()).await;
    let span = |id: &str, parent: Option<&str>, kind: &str, service: &str| {
        json!({"traceId": "0af7651916cd43dd8448eb211c80319c", "id": id, "parentId": parent, "kind": kind, "name": "get",
            "timestamp": 1_772_366_330_000_000_u64, "duration": 20_000, "localEndpoint": {"serviceName": service}})
    };
    let spans = json!([
        span("00000000000000a1", None, "CLIENT", "front"),
        span("00000000000000a2", Some("00000000000000a1"), "SERVER", "cart")
    ]);
    assert_eq!(server.post("/api/v2/spans", &spans).await.status(), 202);
    let event = json!({"verb": "ADDED", "event": {"kind": "Event", "apiVersion": "v1", "metadata": {"name": "e1", "namespace": "shop"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "cart-1"}, "reason": "BackOff", "message": "m", "type": "Warning"}});
    assert_eq!(server.post("/api/v1/events?cluster=east", &event).await.status(), 204);
    let fake = server.fake.clone();
    assert_eq!(fake.kept().pushed_events.len(), 1);
    assert_eq!(fake.kept().pushed_events[0].cluster, "east");
    server.stop().await.expect("a clean stop");
    let calls = fake.kept().calls.clone();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!((calls[0].caller.1.as_str(), calls[0].callee.1.as_str(), calls[0].calls), ("front", "cart", 1));
}

#[tokio::test]
async fn lines_of_two_clusters_are_never_one_record_and_the_last_ones_keep_theirs() {
    let server = Started::new(Fake::empty()).await;
    let push = |second: u64, text: &str| {
        json!({"streams": [{"stream": {"namespace": "shop", "pod": "cart-1"},
            "values": [[(1_772_366_330 + second).to_string() + "000000000", text]]}]})
    };
    assert_eq!(server.post("/loki/api/v1/push?cluster=east", &push(0, "panic: no cart")).await.status(), 204);
    assert_eq!(server.post("/loki/api/v1/push?cluster=west", &push(1, "    at cart.go:12")).await.status(), 204);
    let metrics = server.get("/metrics").await.text().await.expect("text");
    let lines = "rootline_receiver_accepted_items_total{receiver=\"loki\"} 2";
    assert!(metrics.lines().any(|l| l == lines), "both count at once: {metrics}");
    let fake = server.fake.clone();
    server.stop().await.expect("a clean stop");
    let mut kept: Vec<(String, String)> =
        fake.kept().logs.iter().map(|r| (r.labels.value("cluster").to_owned(), r.text.trim().to_owned())).collect();
    kept.sort();
    assert_eq!(kept, [("east".into(), "panic: no cart".into()), ("west".into(), "at cart.go:12".into())]);
}

#[tokio::test]
async fn otlp_is_taken_on_all_its_paths() {
    let server = Started::new(Fake::empty()).await;
    for (path, body) in [
        ("/v1/logs", json!({"resourceLogs": []})),
        ("/otlp/v1/logs", json!({"resourceLogs": []})),
        ("/v1/metrics", json!({"resourceMetrics": []})),
        ("/v1/traces", json!({"resourceSpans": []})),
    ] {
        assert_eq!(server.post(path, &body).await.status(), 200, "{path}");
    }
    let point = json!({"timeUnixNano": "1772366390000000000", "asDouble": 0.5});
    let gauge = json!({"resourceMetrics": [{"resource": {"attributes": []}, "scopeMetrics": [{"metrics":
        [{"name": "queue_length", "gauge": {"dataPoints": [point]}}]}]}]});
    assert_eq!(server.post("/v1/metrics", &gauge).await.status(), 200);
    assert_eq!(server.fake.kept().samples[0].labels.value("__name__"), "queue_length");
}
