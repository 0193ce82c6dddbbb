//! The backfill against the real Alertmanager, with the configuration that is shipped (`testbed/alertmanager.sh` fetches
//! and starts it). Only its waiting times are shortened.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, LiveIncident, Role};
use rootline_sinks::{Alertmanager, Client, ClientOptions, CopiesOptions, Endpoint, Sink};
use serde_json::{Value, json};

use crate::fake::{Answer, Request, Server};
use crate::sample::{alert, delivery, incident, member};

/// Everything here is awaited at most this long.
const BOUND: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn testbed(arguments: &[&str]) -> Command {
    let mut command = Command::new(root().join("testbed/alertmanager.sh"));
    command.args(arguments);
    command
}

/// An Alertmanager that ends with the test.
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

impl Real {
    /// `None`, loudly, where it cannot be had.
    async fn start(name: &str, oncall: &Server) -> Option<Real> {
        let fetched = testbed(&["fetch"]).status();
        if !fetched.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: testbed/alertmanager.sh cannot fetch the real Alertmanager here");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("rootline-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let shipped = std::fs::read_to_string(root().join("deploy/alertmanager/rootline.yaml")).expect("shipped");
        let mut config = shipped.replace("http://127.0.0.1:9/oncall", &format!("http://{}/oncall", oncall.address));
        for (long, short) in [
            ("group_wait: 30s", "group_wait: 1s"),
            ("group_wait: 1m", "group_wait: 2s"),
            ("group_wait: 5s", "group_wait: 1s"),
            ("group_interval: 5m", "group_interval: 1s"),
            ("group_interval: 1m", "group_interval: 1s"),
        ] {
            assert!(config.contains(long), "{long} is shipped");
            config = config.replace(long, short);
        }
        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, config).expect("a file");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
        let (data, port_word) = (folder.join("data"), port.to_string());
        let (data, file) = (data.display().to_string(), file.display().to_string());
        let process = testbed(&["run", &data, &port_word, &file]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let real = Real {
            process: process.expect("bash is there"),
            folder,
            url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        };
        real.until("it is ready", async || real.http.get(format!("{}/-/ready", real.url)).send().await.is_ok()).await;
        Some(real)
    }

    async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let asked = async {
            while !condition().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(BOUND, asked).await.unwrap_or_else(|_| panic!("Alertmanager: {what} in {BOUND:?}"));
    }

    /// As Prometheus sends it: no end before four minutes from now.
    async fn prometheus_sends(&self, alerts: &[&Alert]) {
        let ends_at = (Timestamp::now() + SignedDuration::from_secs(240)).to_string();
        let body: Vec<Value> = alerts
            .iter()
            .map(|a| {
                json!({ "labels": a.labels, "annotations": a.annotations, "startsAt": a.starts_at.to_string(),
                    "endsAt": ends_at, "generatorURL": a.generator_url })
            })
            .collect();
        let answer = self.http.post(format!("{}/api/v2/alerts", self.url)).json(&body).send().await.expect("posted");
        assert_eq!(answer.status(), 200);
    }

    async fn alerts(&self) -> Vec<Value> {
        let answer = self.http.get(format!("{}/api/v2/alerts", self.url)).send().await;
        match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }

    /// Whether an alert with these labels is listed and suppressed by another one.
    async fn is_inhibited(&self, labels: &[(&str, &str)]) -> bool {
        self.alerts().await.iter().any(|alert| {
            labels.iter().all(|(name, value)| alert["labels"][name].as_str().unwrap_or_default() == *value)
                && alert["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty())
        })
    }
}

fn sink(real: &Real, ahead_s: i64) -> Alertmanager {
    let options = CopiesOptions { ahead: SignedDuration::from_secs(ahead_s), ..CopiesOptions::default() };
    let client = Client::new(&ClientOptions::default()).expect("a client");
    Alertmanager::new("alertmanager", vec![Endpoint::parse(&real.url).expect("an address")], options, client)
}

/// An incident that happens now: the sample's times lie in the past.
fn now_incident(version: u32) -> LiveIncident {
    let now = Timestamp::now();
    let mut it = incident(17, version);
    for member in &mut it.members {
        member.alert.starts_at = now;
    }
    (it.onset, it.opened, it.updated) = (now, now, now);
    it
}

/// Names of the alerts of a notification with their roles.
fn told(request: &Request) -> Vec<(String, String, String)> {
    let body = request.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    body["alerts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| (text(&a["labels"]["alertname"]), text(&a["labels"]["rootline_role"]), text(&a["status"])))
        .collect()
}

fn tells(request: &Request, alertname: &str, role: &str, status: &str) -> bool {
    told(request).contains(&(alertname.to_owned(), role.to_owned(), status.to_owned()))
}

async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.unwrap_or_else(|_| panic!("{what} within {BOUND:?}"))
}

#[tokio::test]
async fn the_core_pages_and_neither_folded_nor_raw_alerts_do() {
    let oncall = Server::start(vec![Answer::ok("")]).await;
    let Some(real) = Real::start("pages", &oncall).await else { return };
    let sink = sink(&real, 240);
    let now = now_incident(1);
    let raw: Vec<Alert> = now.members.iter().map(|m| m.alert.clone()).collect();

    // Prometheus tells both at once; we hold, think, and send the incident
    real.prometheus_sends(&raw.iter().collect::<Vec<_>>()).await;
    sink.hold(&raw, Timestamp::now()).await.expect("taken");
    let message = |i: &LiveIncident| rootline_sinks::Delivery {
        now: Timestamp::now(),
        ..delivery(vec![i.clone()], rootline_model::Lang::En)
    };
    sink.send(&message(&now)).await.expect("taken");

    let page = bounded("the core pages", oncall.wait_for(|r| tells(r, "KubePodCrashLooping", "core", "firing"))).await;
    let annotations = &page.json()["alerts"][0]["annotations"];
    assert_eq!(annotations["rootline_confidence"], "94%");
    assert_eq!(annotations["rootline_cause"], "a container needs more memory than its limit · deployment/shop/cart");
    assert_eq!(annotations["rootline_next"], "Raise the limit, or find the leak");
    assert_eq!(annotations["rootline_evidence"], "https://rootline.example/incidents/17");
    assert_eq!(annotations["summary"], "KubePodCrashLooping on cart-1");
    real.until("the raw core is inhibited", async || {
        real.is_inhibited(&[("alertname", "KubePodCrashLooping"), ("rootline_role", "")]).await
    })
    .await;
    real.until("a folded copy shows under what it is folded", async || {
        real.is_inhibited(&[("pod", "front-2"), ("rootline_role", "folded")]).await
    })
    .await;

    // an alert that we do not take pages as ever, and by then all others would have paged too
    let stray = alert("DiskFull", "db-1", Timestamp::now());
    real.prometheus_sends(&[&stray]).await;
    bounded("an alert without a copy pages", oncall.wait_for(|r| tells(r, "DiskFull", "", "firing"))).await;
    // and once more around, after every group was flushed again
    let late = alert("DiskFuller", "db-2", Timestamp::now());
    real.prometheus_sends(&[&late]).await;
    bounded("another one pages", oncall.wait_for(|r| tells(r, "DiskFuller", "", "firing"))).await;
    for request in oncall.requests() {
        for (name, role, _) in told(&request) {
            assert!(role == "core" || name.starts_with("DiskFull"), "{name} with role {role:?} paged");
        }
    }

    // it is over: the page says so
    let over = LiveIncident {
        stage: rootline_model::Stage::Resolved,
        resolved: Some(Timestamp::now()),
        version: 2,
        ..now.clone()
    };
    sink.send(&message(&over)).await.expect("taken");
    bounded("resolved", oncall.wait_for(|r| tells(r, "KubePodCrashLooping", "core", "resolved"))).await;
}

#[tokio::test]
async fn when_we_die_raw_alerts_page() {
    let oncall = Server::start(vec![Answer::ok("")]).await;
    let Some(real) = Real::start("dies", &oncall).await else { return };
    // copies live 6 s beyond the last sign of life instead of 4 min
    let sink = sink(&real, 6);
    let now = now_incident(1);
    let raw: Vec<Alert> = now.members.iter().map(|m| m.alert.clone()).collect();
    real.prometheus_sends(&raw.iter().collect::<Vec<_>>()).await;
    let message = rootline_sinks::Delivery { now: Timestamp::now(), ..delivery(vec![now], rootline_model::Lang::En) };
    sink.send(&message).await.expect("taken");
    bounded("the core pages", oncall.wait_for(|r| tells(r, "KubePodCrashLooping", "core", "firing"))).await;
    let so_far = oncall.requests();
    assert!(!so_far.iter().any(|r| tells(r, "HighErrorRate", "", "firing")), "raw alerts are quiet while we live");
    drop(sink);
    bounded("raw alerts page", oncall.wait_for(|r| tells(r, "HighErrorRate", "", "firing"))).await;
    bounded("the raw core too", oncall.wait_for(|r| tells(r, "KubePodCrashLooping", "", "firing"))).await;
}

#[tokio::test]
async fn another_core_takes_over_in_the_same_message() {
    let oncall = Server::start(vec![Answer::ok("")]).await;
    let Some(real) = Real::start("core", &oncall).await else { return };
    let sink = sink(&real, 240);
    let message = |i: LiveIncident| rootline_sinks::Delivery {
        now: Timestamp::now(),
        ..delivery(vec![i], rootline_model::Lang::En)
    };
    let mut now = now_incident(1);
    sink.send(&message(now.clone())).await.expect("taken");
    bounded("the core pages", oncall.wait_for(|r| tells(r, "KubePodCrashLooping", "core", "firing"))).await;

    now.version = 2;
    now.members[0].role = Role::Folded;
    now.members.insert(0, member(alert("NodeMemoryPressure", "", Timestamp::now()), Role::Core));
    sink.send(&message(now)).await.expect("taken");
    let page = bounded("the new core", oncall.wait_for(|r| tells(r, "NodeMemoryPressure", "core", "firing"))).await;
    assert_eq!(page.json()["groupLabels"]["rootline_incident"], "17");
    real.until("the old core is folded and fires no more as core", async || {
        let all = real.alerts().await;
        let role = |role: &str| {
            all.iter().any(|a| {
                a["labels"]["alertname"] == "KubePodCrashLooping"
                    && a["labels"]["rootline_role"] == role
                    // amtool and the API list what fires
                    && a["endsAt"].as_str().and_then(|t| t.parse::<Timestamp>().ok()).is_some_and(|t| t > Timestamp::now())
            })
        };
        role("folded") && !role("core")
    })
    .await;
}

#[tokio::test]
async fn a_bad_alert_does_not_stop_the_others_and_is_told() {
    let oncall = Server::start(vec![Answer::ok("")]).await;
    let Some(real) = Real::start("bad", &oncall).await else { return };
    let sink = sink(&real, 240);
    let mut now = now_incident(1);
    // a label name that is no UTF-8 name at all cannot come in; an alert without labels but ours is fine, so use a bad URL
    now.members[1].alert.generator_url = "not an address".to_owned();
    let message = rootline_sinks::Delivery { now: Timestamp::now(), ..delivery(vec![now], rootline_model::Lang::En) };
    sink.send(&message).await.expect("a generator that is no address is left out, not refused");
    real.until("all four copies are there", async || real.alerts().await.len() == 4).await;
}
