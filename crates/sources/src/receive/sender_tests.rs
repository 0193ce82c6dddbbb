//! Real programs that send to us and are asked by us. Ignored unless asked for: they need the programs.
//!
//! `PROMETHEUS=…/prometheus cargo test -p rootline-sources sender_tests -- --ignored --nocapture`
#![allow(clippy::disallowed_methods, reason = "starts programs and waits for them")]

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rootline_model::Alert;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::intake::{Intake, Line};
use crate::pull::Server;
use crate::pull::prometheus::Prometheus;

/// What came.
#[derive(Default)]
struct Got {
    samples: u64,
    series: std::collections::BTreeSet<String>,
    statuses: BTreeMap<u16, u64>,
    content_types: std::collections::BTreeSet<String>,
    alerts: Vec<Alert>,
    lines: Vec<Line>,
    calls: u64,
}

struct Receiver {
    remote_write: Mutex<RemoteWrite>,
    got: Mutex<Got>,
}

impl Receiver {
    fn answer(&self, path: &str, request: &Request<'_>) -> Reply {
        let limits = Limits::default();
        let mut got = self.got.lock().expect("no test panics while it holds this");
        got.content_types.insert(request.content_type.to_owned());
        let reply = match path {
            "/api/v1/write" => {
                let taken = self.remote_write.lock().expect("as above").decode(request);
                taken.map(|t| {
                    got.samples += t.data.iter().map(|b| b.points.len() as u64).sum::<u64>();
                    got.series.extend(t.data.iter().map(|b| b.labels.to_string()));
                    t.reply
                })
            }
            "/api/v2/alerts" => {
                alerts::posted(request, &limits, Timestamp::now(), SignedDuration::from_mins(5)).map(|t| {
                    got.alerts.extend(t.data);
                    t.reply
                })
            }
            "/loki/api/v1/push" => loki::push(request, &limits).map(|t| {
                got.lines.extend(t.data);
                t.reply
            }),
            "/v1/logs" => otlp::logs(request, &limits).map(|t| {
                got.lines.extend(t.data);
                t.reply
            }),
            "/v1/metrics" => otlp::metrics(request, &limits).map(|t| {
                got.samples += t.data.iter().map(|b| b.points.len() as u64).sum::<u64>();
                got.series.extend(t.data.iter().map(|b| b.labels.to_string()));
                t.reply
            }),
            "/v1/traces" => otlp::traces(request, &limits).map(|t| {
                got.calls += t.data.len() as u64;
                t.reply
            }),
            other => Err(Refused { status: 404, reason: other.to_owned(), retry_after_s: None }),
        };
        let reply = reply.unwrap_or_else(|refused| {
            println!("refused: {path} {} {}", refused.status, refused.reason);
            refused.reply()
        });
        *got.statuses.entry(reply.status).or_default() += 1;
        reply
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let head_ends = loop {
                if let Some(at) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
                    break at;
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            let head = String::from_utf8_lossy(&buffer[..head_ends]).into_owned();
            let header = |name: &str| {
                let found = head.lines().filter_map(|l| l.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case(name));
                found.map_or(String::new(), |(_, v)| v.to_owned())
            };
            let end = head_ends + 4 + header("content-length").parse().unwrap_or(0);
            while buffer.len() < end {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            }
            let path = head.split(' ').nth(1).unwrap_or_default();
            let (kind, encoding) = (header("content-type"), header("content-encoding"));
            let request = Request::new(&kind, &buffer[head_ends + 4..end]).encoded(&encoding);
            let reply = self.answer(path, &request);
            let headers: String = reply.headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
            let kind = if reply.content_type.is_empty() {
                String::new()
            } else {
                format!("Content-Type: {}\r\n", reply.content_type)
            };
            let head =
                format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{kind}{headers}\r\n", reply.status, reply.body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&reply.body).await?;
            buffer.drain(..end);
        }
    }

    async fn start() -> (Arc<Receiver>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let receiver = Arc::new(Receiver { remote_write: Mutex::default(), got: Mutex::default() });
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (receiver, address)
    }

    fn got<T>(&self, look: impl FnOnce(&Got) -> T) -> T {
        look(&self.got.lock().expect("no test panics while it holds this"))
    }
}

/// A program that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port nobody has now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Waits until something is so, a minute at most.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < end, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn prometheus(protobuf_message: &str) {
    let Ok(binary) = std::env::var("PROMETHEUS") else { panic!("PROMETHEUS names no program") };
    let (receiver, us) = Receiver::start().await;
    let folder = std::env::temp_dir().join(format!("rootline-sender-{}", free_port()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let port = free_port();
    let rules =
        "groups: [{name: g, rules: [{alert: AlwaysOn, expr: 'up == 1', for: 2s, labels: {severity: critical}}]}]";
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n\
         rule_files: [rules.yaml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{us}']}}]}}]}}\n\
         remote_write: [{{url: 'http://{us}/api/v1/write'{protobuf_message}, queue_config: {{batch_send_deadline: 1s}}}}]\n"
    );
    std::fs::write(folder.join("prometheus.yaml"), config).expect("written");
    std::fs::write(folder.join("rules.yaml"), rules).expect("written");
    let child = Command::new(binary)
        .arg(format!("--config.file={}", folder.join("prometheus.yaml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Prometheus starts");
    let _program = Program(child);
    let client = Prometheus::new(Server::new(format!("http://127.0.0.1:{port}"))).expect("an address");
    until("version", async || client.version().await.is_ok()).await;
    until("samples and a firing alert", async || receiver.got(|g| g.samples > 5_000 && !g.alerts.is_empty())).await;

    // what we say and what Prometheus says agree
    let alert = receiver.got(|g| g.alerts[0].clone());
    assert_eq!((alert.name(), alert.labels.value("severity")), ("AlwaysOn", "critical"));
    let book = client.rules().await.expect("rules");
    let mut completed = alert.clone();
    book.complete(&mut completed);
    assert_eq!(completed.hold_s, Some(2));
    let active = book.firing().next().expect("it fires").clone();
    let apart = completed.onset().duration_since(active.onset()).abs();
    assert!(
        apart < SignedDuration::from_secs(2),
        "onset by push {} and by rules {}",
        completed.onset(),
        active.onset()
    );
    assert!(client.metadata().await.expect("metadata").contains_key("prometheus_build_info"));
    assert_eq!(client.alerts().await.expect("alerts").len(), 1);
    let now = Timestamp::now();
    let span = (now - SignedDuration::from_secs(10), now);
    assert!(!client.query_range("up", span, 1).await.expect("a range").series.is_empty());
    let failed = client
        .query("sum(prometheus_remote_storage_samples_failed_total) + sum(prometheus_remote_storage_samples_dropped_total{reason!~\"dropped_series|unintentionally_dropped_series\"} or vector(0))", None)
        .await
        .expect("an answer");
    assert!(failed.series.iter().all(|s| s.points.iter().all(|p| p.1 == 0.0)), "{failed:?}");
    receiver.got(|g| {
        println!("{} samples, {} series, {:?}, {:?}", g.samples, g.series.len(), g.statuses, g.content_types);
        assert_eq!(g.statuses.keys().copied().filter(|s| *s >= 300).count(), 0, "{:?}", g.statuses);
    });
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test]
#[ignore = "needs Prometheus"]
async fn prometheus_writes_version_1_and_alerts() {
    prometheus("").await;
}

#[tokio::test]
#[ignore = "needs Prometheus 3"]
async fn prometheus_writes_version_2_and_alerts() {
    prometheus(", protobuf_message: io.prometheus.write.v2.Request").await;
}

/// Reads a scraped page of the running program at `SCRAPE` (`http://…/metrics`).
#[tokio::test]
#[ignore = "needs an exporter"]
async fn an_exporter_is_scraped_without_a_bad_line() {
    let Ok(url) = std::env::var("SCRAPE") else { panic!("SCRAPE names no address") };
    let _ = rustls::crypto::ring::default_provider().install_default();
    for accept in ["text/plain;version=0.0.4", exposition::ACCEPT] {
        let answer = reqwest::Client::new().get(&url).header("accept", accept).send().await.expect("an answer");
        let kind = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let page = answer.bytes().await.expect("a page");
        let page = exposition::Page { text: &page, content_type: &kind, at_ms: 1 };
        let taken = exposition::parse(&page, &rootline_model::LabelSet::default(), &Limits::default());
        let taken = taken.expect("metrics");
        println!("{kind}: {} series of {} bytes, {:?}", taken.data.len(), page.text.len(), taken.dropped);
        assert!(taken.data.len() > 100 && taken.dropped.is_empty(), "{:?}", taken.dropped);
    }
}

/// The OpenTelemetry collector at `OTELCOL` reads a CRI log file and sends it to us, with its own metrics.
#[tokio::test]
#[ignore = "needs the OpenTelemetry collector"]
async fn the_collector_sends_pod_logs() {
    let Ok(binary) = std::env::var("OTELCOL") else { panic!("OTELCOL names no program") };
    let (receiver, us) = Receiver::start().await;
    let folder = std::env::temp_dir().join(format!("rootline-sender-{}", free_port()));
    let pod = folder.join("pods/shop_cart-1_8f2/app");
    std::fs::create_dir_all(&pod).expect("a folder");
    let log = "2026-01-02T03:04:05.678Z stderr F ERROR no\n2026-01-02T03:04:05.679Z stderr F \tat a.B.c(B.java:7)\n\
               2026-01-02T03:04:05.680Z stdout P one,\n2026-01-02T03:04:05.681Z stdout F two\n";
    std::fs::write(pod.join("0.log"), log).expect("written");
    let config = format!(
        "receivers: {{filelog: {{include: ['{}/*/*/*.log'], start_at: beginning, include_file_path: true}}}}\n\
         exporters: {{otlphttp: {{endpoint: 'http://{us}', sending_queue: {{enabled: false}}}}}}\n\
         service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{logs: {{receivers: [filelog], exporters: [otlphttp]}}}}}}\n",
        folder.join("pods").display()
    );
    std::fs::write(folder.join("otel.yaml"), config).expect("written");
    let child = Command::new(binary)
        .arg(format!("--config={}", folder.join("otel.yaml").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the collector starts");
    let _program = Program(child);
    until("four lines", async || receiver.got(|g| g.lines.len() >= 4)).await;
    let mut intake = Intake::default();
    let mut records = Vec::new();
    for line in receiver.got(|g| g.lines.clone()) {
        intake.take(line, Timestamp::UNIX_EPOCH, &mut records);
    }
    intake.finish(&mut records);
    let shown: Vec<String> = records.iter().map(|r| format!("{} {:?} {:?}", r.labels, r.level, r.text)).collect();
    let labels = r#"{container="app", namespace="shop", pod="cart-1"}"#;
    assert_eq!(
        shown,
        [format!(r#"{labels} Unknown "one,two""#), format!(r#"{labels} Error "ERROR no\n\tat a.B.c(B.java:7)""#)]
    );
    let _ = std::fs::remove_dir_all(folder);
}
