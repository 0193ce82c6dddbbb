//! A cluster that behaves badly, played by a few lines of HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rootline_archive::{About, verify_bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers by path, without the query unless it is given; several answers to one path come one after another, the last
/// one again and again.
#[derive(Default)]
struct Fake {
    answers: BTreeMap<String, Vec<(u16, String)>>,
    asked: Mutex<Vec<String>>,
}

const OK_EMPTY: &str = r#"{"kind":"List","metadata":{},"items":[]}"#;

fn status(code: u16, message: &str) -> (u16, String) {
    (code, format!(r#"{{"kind":"Status","status":"Failure","message":"{message}","code":{code}}}"#))
}

fn pods(names: &[&str], next: &str) -> (u16, String) {
    let items: Vec<String> =
        names.iter().map(|n| format!(r#"{{"metadata":{{"name":"{n}","namespace":"shop"}}}}"#)).collect();
    (200, format!(r#"{{"kind":"PodList","metadata":{{"continue":"{next}"}},"items":[{}]}}"#, items.join(",")))
}

impl Fake {
    fn new() -> Fake {
        let mut fake = Fake::default();
        fake.on("/version", &[(200, r#"{"gitVersion":"v1.36.1"}"#.into())]);
        let mut groups: BTreeMap<&str, &str> = RESOURCES.iter().map(|r| (r.group, r.version)).collect();
        groups.remove("gateway.networking.k8s.io");
        let groups: Vec<String> =
            groups.iter().map(|(g, v)| format!(r#"{{"name":"{g}","versions":[{{"version":"{v}"}}]}}"#)).collect();
        fake.on("/apis", &[(200, format!(r#"{{"groups":[{}]}}"#, groups.join(",")))]);
        fake
    }

    fn on(&mut self, path: &str, answers: &[(u16, String)]) {
        self.answers.insert(path.to_owned(), answers.to_vec());
    }

    fn answer(&self, target: &str) -> (u16, String) {
        let mut asked = self.asked.lock().expect("no test panics while it holds this");
        let path = target.split('?').next().unwrap_or(target);
        let query: String = target.split("&continue=").nth(1).map(|t| format!("{path} {t}")).unwrap_or(path.to_owned());
        let times = asked.iter().filter(|a| **a == query).count();
        asked.push(query.clone());
        let known = self.answers.get(&query).and_then(|a| a.get(times.min(a.len() - 1)));
        known.cloned().unwrap_or((200, OK_EMPTY.into()))
    }

    async fn start(self) -> (Arc<Fake>, kube::Config) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let fake = Arc::new(self);
        let server = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(server.clone(), stream));
            }
        });
        let mut config = kube::Config::new(format!("http://{address}").parse().expect("an address"));
        config.default_retry = false;
        (fake, config)
    }
}

async fn serve(fake: Arc<Fake>, mut stream: tokio::net::TcpStream) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        while !buffer.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&buffer).into_owned();
        buffer.clear();
        let target = request.split(' ').nth(1).unwrap_or_default();
        let (code, body) = fake.answer(target);
        let more = if code == 429 { "Retry-After: 0\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {code} X\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
    }
}

fn options() -> LiveOptions {
    LiveOptions {
        retry_budget: Duration::from_millis(900),
        request_timeout: Duration::from_secs(5),
        ..LiveOptions::default()
    }
}

async fn cluster(config: kube::Config, options: &LiveOptions) -> Result<Cluster, LiveError> {
    Cluster::greet(Session::with_config(config, options)?, options).await
}

/// Pods, gaps, and what is listed of pods.
fn of_pods(input: &Input) -> Vec<String> {
    let line = |signal: &Signal| match signal {
        Signal::Object(o) => Some(o.metadata().name.clone()),
        Signal::Listed { kind: Kind::Pod, namespace } => {
            Some(format!("listed {}", namespace.as_deref().unwrap_or("*")))
        }
        Signal::Gap(g) => {
            Some(format!("gap {:?} {}: {}", g.kind, g.subject, g.detail.args.get("text").unwrap_or_default()))
        }
        _ => None,
    };
    input.signals.iter().filter_map(line).collect()
}

async fn check(answers: &[(&str, &[(u16, String)])], expect: &[&str]) {
    let mut fake = Fake::new();
    for (path, answers) in answers {
        fake.on(path, answers);
    }
    let (_, config) = fake.start().await;
    let cluster = cluster(config, &options()).await.expect("it answers");
    let input = cluster.read(&Quiet).await.expect("it lists");
    assert_eq!(of_pods(&input), expect);
}

const PODS: &str = "/api/v1/pods";

#[tokio::test]
async fn a_list_is_read_page_by_page_through_every_trouble() {
    let one = || pods(&["a", "b"], "t=1");
    let two = || pods(&["c"], "");
    let next = "/api/v1/pods t%3D1";
    check(&[(PODS, &[one()]), (next, &[two()])], &["a", "b", "c", "listed *"]).await;
    // throttled once
    check(&[(PODS, &[one()]), (next, &[status(429, "slow down"), two()])], &["a", "b", "c", "listed *"]).await;
    // an error in the middle that goes away
    check(&[(PODS, &[one()]), (next, &[status(500, "etcd"), two()])], &["a", "b", "c", "listed *"]).await;
    // and one that stays: what was read is kept, and is not the whole list
    check(
        &[(PODS, &[one()]), (next, &[status(500, "etcd is down")])],
        &["a", "b", "gap Truncated pods: only the first 2 were read: etcd is down"],
    )
    .await;
    // expired in the middle: from the start again, nothing twice
    check(&[(PODS, &[one()]), (next, &[status(410, "too old"), two()])], &["a", "b", "c", "listed *"]).await;
    check(
        &[(PODS, &[one()]), (next, &[status(410, "too old")])],
        &[
            "a",
            "b",
            "gap Truncated pods: only the first 2 were read: 410 Gone: the list expired twice while it was read",
        ],
    )
    .await;
    // an answer that is none
    check(&[(PODS, &[(200, "<html>login</html>".into())])], &[
        "gap Unreadable pods: the API server did not deliver it: not the JSON of a list: expected value at line 1 column 1",
    ])
    .await;
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_the_rest_is_read() {
    let no = || status(403, "nodes is forbidden");
    check(
        &[(PODS, &[pods(&["a"], "")]), ("/api/v1/nodes", &[no()])],
        &["a", "listed *", "gap Forbidden nodes: the account may not list it: nodes is forbidden"],
    )
    .await;
}

#[tokio::test]
async fn an_account_of_one_namespace_works() {
    let mut fake = Fake::new();
    for resource in RESOURCES {
        fake.on(&resource.path(resource.version, None), &[status(403, "no")]);
    }
    fake.on("/api/v1/namespaces/shop/pods", &[pods(&["a"], "")]);
    let (fake, config) = fake.start().await;
    let options = LiveOptions { namespace: Some("shop".into()), ..options() };
    let input = cluster(config, &options).await.expect("it answers").read(&Quiet).await.expect("it lists");
    let lines = of_pods(&input);
    assert_eq!(lines[..2], ["a", "listed shop"]);
    assert!(lines.contains(&"gap Forbidden nodes: the account may not list it: no".to_owned()), "{lines:?}");
    let others = "gap Forbidden namespaces other than shop: the account may not list it: only namespace shop was read";
    assert!(lines.contains(&others.to_owned()), "{lines:?}");
    let asked = fake.asked.lock().expect("no test panics while it holds this");
    assert!(!asked.iter().any(|a| a.contains("gateway.networking")), "the group is not served");
}

#[tokio::test]
async fn a_cluster_that_cannot_be_read_at_all_is_an_error_that_helps() {
    let mut fake = Fake::new();
    fake.on("/version", &[status(401, "Unauthorized")]);
    let error = cluster(fake.start().await.1, &options()).await.err().expect("refused");
    assert!(
        matches!(&error, LiveError::Unauthorised { .. })
            && error.hint(rootline_model::Lang::En).contains("log in again"),
        "{error}"
    );

    let mut fake = Fake::new();
    for resource in RESOURCES {
        for namespace in [None, Some("default")] {
            fake.on(&resource.path(resource.version, namespace), &[status(403, "no rights")]);
        }
    }
    let cluster_ = cluster(fake.start().await.1, &options()).await.expect("it answers");
    let error = cluster_.read(&Quiet).await.expect_err("nothing to read");
    assert_eq!(error.to_string(), "the account may not list anything: no rights");

    let config = kube::Config::new("http://127.0.0.1:9".parse().expect("an address"));
    let error = cluster(config, &options()).await.err().expect("nobody listens");
    assert!(matches!(error, LiveError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");

    let missing = LiveOptions { kubeconfig: Some("/no/such/file".into()), ..options() };
    let error = Cluster::connect(&missing).await.err().expect("no file");
    assert!(matches!(error, LiveError::Kubeconfig { .. }), "{error}");
}

#[tokio::test]
async fn logs_are_fetched_and_absent_ones_are_nothing() {
    let wanted = |pod: &str, previous| LogWanted {
        namespace: "shop".into(),
        pod: pod.into(),
        container: "app".into(),
        previous,
    };
    let mut fake = Fake::new();
    fake.on("/api/v1/namespaces/shop/pods/a/log", &[(200, "one\ntwo\n".into())]);
    fake.on("/api/v1/namespaces/shop/pods/b/log", &[status(400, "previous terminated container not found")]);
    fake.on("/api/v1/namespaces/shop/pods/c/log", &[status(403, "pods/log is forbidden")]);
    let cluster = cluster(fake.start().await.1, &options()).await.expect("it answers");
    let signals =
        cluster.logs(&[wanted("a", false), wanted("b", true), wanted("c", false)], LogLimits::default()).await;
    let lines: Vec<String> = signals
        .iter()
        .map(|s| match s {
            Signal::Log(l) => format!("{} {}", l.pod, l.lines.join("|")),
            Signal::Gap(g) => format!("gap {}", g.subject),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(lines, ["a one|two", "gap logs in shop"]);
}

#[tokio::test]
async fn a_recording_of_a_cluster_is_read_back_as_the_cluster_was() {
    let mut fake = Fake::new();
    fake.on(PODS, &[pods(&["a", "b"], "t"), pods(&["a", "b"], "t")]);
    fake.on("/api/v1/pods t", &[pods(&["c"], "")]);
    fake.on("/api/v1/nodes", &[status(403, "nodes is forbidden")]);
    let secret = r#"{"items":[{"kind":"PartialObjectMetadata","metadata":{"name":"db","namespace":"shop"}}]}"#;
    fake.on("/api/v1/secrets", &[(200, secret.into())]);
    let cluster = cluster(fake.start().await.1, &options()).await.expect("it answers");
    let mut writer = Writer::new(About { cluster_version: cluster.version().map(str::to_owned), ..About::default() });
    let live = cluster.record(&Quiet, &mut writer).await.expect("it lists");
    let (_, bytes) = writer.write(Vec::new()).expect("in memory");
    assert!(verify_bytes(&bytes).expect("readable").is_sound());
    let read = crate::read_bytes("a.rootline", bytes, &crate::ReadOptions::default()).expect("readable");
    assert_eq!(read.format, "recording");
    let sorted = |input: &Input| {
        let mut lines: Vec<String> = input
            .signals
            .iter()
            .map(|s| match s {
                Signal::Gap(g) => format!("gap {:?} {} {:?}", g.kind, g.subject, g.detail.args.get("text")),
                other => format!("{other:?}"),
            })
            .collect();
        lines.sort();
        lines.dedup();
        lines
    };
    assert_eq!(sorted(&read), sorted(&live));
}

#[tokio::test]
async fn prometheus_is_asked_and_its_silence_is_named() {
    let mut fake = Fake::default();
    let alerts = r#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"etcdNoLeader"},"state":"firing"}]}}"#;
    let none = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    fake.on("/api/v1/alerts", &[(200, alerts.into())]);
    fake.on("/api/v1/query", &[(200, none.into())]);
    let (fake, config) = fake.start().await;
    let metrics = read_prometheus(&config.cluster_url.to_string(), &options()).await.expect("an address");
    assert!(matches!(metrics.signals.as_slice(), [Signal::Alert(a)] if a.name == "etcdNoLeader"), "{metrics:?}");
    assert_eq!(metrics.answers.len(), 5);
    // a handful of queries, whatever the size of the cluster
    assert_eq!(fake.asked.lock().expect("no test panics while it holds this").len(), 5);

    let mut refusing = Fake::default();
    refusing.on("/api/v1/alerts", &[(403, "no entry".into())]);
    let (_, config) = refusing.start().await;
    for (url, want) in [(config.cluster_url.to_string(), "no entry"), ("http://127.0.0.1:9".into(), "refused")] {
        let metrics = read_prometheus(&url, &options()).await.expect("an address");
        let [Signal::Gap(gap)] = metrics.signals.as_slice() else { panic!("{metrics:?}") };
        assert!(gap.detail.args.get("text").is_some_and(|t| t.contains(want)), "{gap:?}");
    }
    assert!(read_prometheus("no address", &options()).await.is_err());
}
