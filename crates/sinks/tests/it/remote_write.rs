//! Series into the real Prometheus of the test bed, and out again by a query.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rootline_model::SeriesBatch;
use rootline_sinks::{Client, ClientOptions, Endpoint, RemoteWrite, SendError};
use serde_json::Value;

use crate::fake::{Answer, Server};

const BOUND: Duration = Duration::from_secs(60);

struct Real {
    process: Child,
    folder: PathBuf,
    url: String,
    http: reqwest::Client,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn script(text: &str) -> Command {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed/alertmanager.sh");
    let mut command = Command::new("bash");
    // lib.sh takes its own folder from the file that is run
    command.args(["-c", &format!(". \"$(dirname \"$0\")/lib.sh\"; P=$TRIXIE/usr/bin/prometheus; {text}")]).arg(library);
    command
}

async fn prometheus() -> Option<Real> {
    let fetched = script("[ -x \"$P\" ] || debs \"$DEB_PROMETHEUS\"").status();
    if !fetched.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: the real Prometheus cannot be fetched here");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("rootline-remote-write-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("prometheus.yml"), "scrape_configs: []\n").expect("a file");
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let run = "exec \"$P\" --config.file=\"$1/prometheus.yml\" --storage.tsdb.path=\"$1/data\" \
               --web.listen-address=\"127.0.0.1:$2\" --web.enable-remote-write-receiver";
    let process = script(run)
        .arg(folder.display().to_string())
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash is there");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let real = Real {
        process,
        folder,
        url: format!("http://127.0.0.1:{port}"),
        http: reqwest::Client::builder().no_proxy().build().expect("a client"),
    };
    let ready = async {
        while !real.http.get(format!("{}/-/ready", real.url)).send().await.is_ok_and(|r| r.status() == 200) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(BOUND, ready).await.expect("Prometheus is ready");
    Some(real)
}

fn client() -> Client {
    Client::new(&ClientOptions::default()).expect("a client")
}

#[tokio::test]
async fn the_real_prometheus_keeps_what_it_is_sent() {
    let Some(real) = prometheus().await else { return };
    let endpoint = Endpoint::parse(&format!("{}/api/v1/write", real.url)).expect("an address");
    let sink = RemoteWrite::new(endpoint, "", client());
    let now = Timestamp::now().as_millisecond();
    let series: Vec<SeriesBatch> = (0..500)
        .map(|i| SeriesBatch {
            labels: [("__name__", "rootline_cause_confidence"), ("incident", &i.to_string())].into_iter().collect(),
            points: (0..10).map(|n| (now - 10_000 + n * 1_000, f64::from(i))).collect(),
        })
        .collect();
    sink.write(&series).await.expect("taken");
    // several points of the past again are out of order for it: said, and not tried for ever
    let error = sink.write(&series).await.expect_err("out of order");
    assert!(matches!(error, SendError::Rejected { .. }), "{error}");
    let query = [("query", "sum(rootline_cause_confidence)"), ("time", &(now as f64 / 1_000.0).to_string())];
    let answer = real.http.get(format!("{}/api/v1/query", real.url)).query(&query).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["data"]["result"][0]["value"][1], (0..500).sum::<i32>().to_string());
}

#[tokio::test]
async fn a_request_says_what_it_is() {
    let server = Server::start(vec![Answer::status(204, ""), Answer::status(429, "").with("Retry-After", "3")]).await;
    let sink = RemoteWrite::new(server.endpoint("/api/v1/write"), "t0ken", client());
    let one = [SeriesBatch { labels: [("__name__", "up")].into_iter().collect(), points: vec![(1, 1.0)] }];
    sink.write(&one).await.expect("taken");
    let request = server.one();
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(request.header("content-encoding"), Some("snappy"));
    assert_eq!(request.header("x-prometheus-remote-write-version"), Some("0.1.0"));
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    let error = sink.write(&one).await.expect_err("full");
    assert!(matches!(error, SendError::Retry { after: Some(after), .. } if after == Duration::from_secs(3)), "{error}");
}
