//! Error and warning lines read by query from Loki and Elasticsearch, for clusters whose logs are kept there already.
//!
//! What is read goes through the intake that pushed lines go through. How far it was read stands in the store: after a
//! stop reading goes on there, so that lines are neither lost nor counted twice, unless it was longer than five minutes.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_config::{Config, ElasticsearchFrom, LineLevel, LokiFrom, named};
use rootline_model::{LogLevel, LogRecord};
use rootline_sources::intake::Intake;
use rootline_sources::pull::elasticsearch::{Elasticsearch, ElasticsearchSettings};
use rootline_sources::pull::loki::{Loki, LokiSettings, trouble};
use rootline_sources::pull::{Credentials, PullError, Pulled, Server};
use rootline_store::{Store, Tick};

use crate::DaemonError;
use crate::cursor::Cursor;
use crate::input::Input;
use crate::meters;
use crate::pull::Edge;

/// An answer may take this long: Loki reads a lot for a few lines.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_secs(120);
/// A cursor without new lines is kept this often.
const KEPT_EVERY: SignedDuration = SignedDuration::from_secs(60);

#[derive(Clone)]
enum From {
    Loki(Loki),
    Elasticsearch(Elasticsearch),
}

impl From {
    async fn lines(&self, span: (Timestamp, Timestamp), most: usize) -> Result<Pulled, PullError> {
        match self {
            From::Loki(loki) => loki.lines(span, most).await,
            From::Elasticsearch(search) => search.lines(span, most).await,
        }
    }
}

/// Reads one place.
struct Reader {
    edge: Edge,
    store: Arc<Store>,
    from: From,
    /// `loki`, `elasticsearch`.
    kind: &'static str,
    name: String,
    least: LogLevel,
    every: Duration,
    overlap: SignedDuration,
    a_minute: usize,
}

/// Lines of the running minute.
struct Budget {
    minute: i64,
    left: usize,
}

/// Starts what the configuration names.
///
/// # Errors
/// An address that cannot be used, a name that the environment does not have.
pub fn start(config: &Config, store: &Arc<Store>, edge: &Edge) -> Result<(), DaemonError> {
    let readers =
        [loki(&config.logs_from.loki, store, edge)?, elasticsearch(&config.logs_from.elasticsearch, store, edge)?];
    for reader in readers.into_iter().flatten() {
        tokio::spawn(reader.run());
    }
    Ok(())
}

fn loki(config: &LokiFrom, store: &Arc<Store>, edge: &Edge) -> Result<Option<Reader>, DaemonError> {
    const WHAT: &str = "logs_from.loki";
    let Some(url) = named(config.url.as_ref()) else { return Ok(None) };
    let mut server = Server { timeout: TIMEOUT, ..Server::new(url.value.clone()) };
    if !config.tenant.is_empty() {
        server.headers.push(("X-Scope-OrgID".to_owned(), config.tenant.clone()));
    }
    let bearer = edge.filled(WHAT, &config.bearer)?;
    if !bearer.is_empty() {
        server.credentials = Credentials::Bearer(bearer);
    }
    let least = least(&config.levels);
    let settings = LokiSettings {
        namespace_label: config.namespace_label.clone(),
        pod_label: config.pod_label.clone(),
        namespaces: config.namespaces.clone(),
        pods: config.pods.clone(),
        line_filter: trouble(least == LogLevel::Warn),
        ..LokiSettings::default()
    };
    let loki = Loki::new(server, settings);
    let from = From::Loki(loki.map_err(|e| DaemonError::Pull { what: WHAT.to_owned(), why: e.to_string() })?);
    Ok(Some(Reader {
        edge: edge.clone(),
        store: store.clone(),
        from,
        kind: "loki",
        name: url.value.clone(),
        least,
        every: Duration::from_secs(u64::from(config.every_s)),
        overlap: SignedDuration::from_secs(i64::from(config.overlap_s)),
        a_minute: usize::try_from(config.lines_a_minute).unwrap_or(usize::MAX),
    }))
}

fn elasticsearch(config: &ElasticsearchFrom, store: &Arc<Store>, edge: &Edge) -> Result<Option<Reader>, DaemonError> {
    const WHAT: &str = "logs_from.elasticsearch";
    let Some(url) = named(config.url.as_ref()) else { return Ok(None) };
    let mut server = Server { timeout: TIMEOUT, ..Server::new(url.value.clone()) };
    let key = edge.filled(WHAT, &config.api_key)?;
    if !key.is_empty() {
        server.headers.push(("Authorization".to_owned(), format!("ApiKey {key}")));
    } else if !config.user.is_empty() {
        let password = edge.filled(WHAT, &config.password)?;
        server.credentials = Credentials::Basic { user: config.user.clone(), password };
    }
    let settings = ElasticsearchSettings {
        index: config.index.clone(),
        time_field: config.time_field.clone(),
        namespace_field: config.namespace_field.clone(),
        pod_field: config.pod_field.clone(),
        level_fields: config.level_fields.clone(),
        text_fields: config.text_fields.clone(),
        namespaces: config.namespaces.clone(),
        pod_prefix: config.pod_prefix.clone(),
        ..ElasticsearchSettings::default()
    };
    let search = Elasticsearch::new(server, settings);
    let from = search.map_err(|e| DaemonError::Pull { what: WHAT.to_owned(), why: e.to_string() })?;
    Ok(Some(Reader {
        edge: edge.clone(),
        store: store.clone(),
        from: From::Elasticsearch(from),
        kind: "elasticsearch",
        name: url.value.clone(),
        least: least(&config.levels),
        every: Duration::from_secs(u64::from(config.every_s)),
        overlap: SignedDuration::from_secs(i64::from(config.overlap_s)),
        a_minute: usize::try_from(config.lines_a_minute).unwrap_or(usize::MAX),
    }))
}

fn least(levels: &[LineLevel]) -> LogLevel {
    if levels.contains(&LineLevel::Warn) { LogLevel::Warn } else { LogLevel::Error }
}

impl Budget {
    fn left(&mut self, now: Timestamp, a_minute: usize) -> usize {
        let minute = now.as_second().div_euclid(60);
        if minute != self.minute {
            *self = Budget { minute, left: a_minute };
        }
        self.left
    }
}

impl Reader {
    async fn run(self) {
        let mut cursor = self.restored().await;
        let mut kept = cursor.at;
        let mut joiner = Intake::default();
        let mut budget = Budget { minute: 0, left: 0 };
        let mut pause = self.every;
        while !self.edge.inputs.is_closed() {
            tokio::time::sleep(pause).await;
            let now = (self.edge.clock)();
            self.skip(&mut cursor, now);
            let left = budget.left(now, self.a_minute);
            if left == 0 {
                self.edge.states.lag(&self.name, self.kind, Some(now.duration_since(cursor.at).as_secs_f64().max(0.0)));
                continue;
            }
            match self.from.lines(cursor.span(now), left.saturating_add(cursor.known())).await {
                Ok(pulled) => {
                    let complete = pulled.complete;
                    let all = pulled.lines.len();
                    let fresh = cursor.take(pulled);
                    budget.left = budget.left.saturating_sub(fresh.len());
                    self.count("known", all.saturating_sub(fresh.len()));
                    let is_news = !fresh.is_empty();
                    let mut records = Vec::new();
                    fresh.into_iter().for_each(|line| joiner.take(line, now, &mut records));
                    joiner.flush(now, &mut records);
                    if !self.give(records).await {
                        return;
                    }
                    if is_news || cursor.at.duration_since(kept) >= KEPT_EVERY {
                        self.keep(&cursor, now).await;
                        kept = cursor.at;
                    }
                    self.edge.states.good(&self.name, self.kind, now);
                    self.edge.states.lag(
                        &self.name,
                        self.kind,
                        Some(now.duration_since(cursor.at).as_secs_f64().max(0.0)),
                    );
                    pause = if complete { self.every } else { Duration::from_secs(1) };
                }
                Err(error) => {
                    self.edge.states.bad(&self.name, self.kind, &error.to_string());
                    let asked = Duration::from_secs(u64::from(error.retry_after_s().unwrap_or(60)));
                    pause = (pause * 2).max(asked).clamp(self.every, PAUSE_MAX);
                }
            }
        }
    }

    fn skip(&self, cursor: &mut Cursor, now: Timestamp) {
        let skipped = cursor.catch_up(now).as_secs();
        if skipped > 0 {
            tracing::warn!(
                source = self.name,
                seconds = skipped,
                "reading logs is too far behind, so some are passed over"
            );
            let seconds = usize::try_from(skipped).unwrap_or(usize::MAX);
            self.edge.states.meters.add(meters::LINES_SKIPPED, &[("source", self.kind)], seconds);
        }
    }

    fn count(&self, result: &str, lines: usize) {
        self.edge.states.meters.add(meters::LINES_READ, &[("source", self.kind), ("result", result)], lines);
    }

    /// Hands on what is bad enough. False: nobody is there any more.
    async fn give(&self, mut records: Vec<LogRecord>) -> bool {
        let all = records.len();
        records.retain(|r| r.level >= self.least);
        self.count("taken", records.len());
        self.count("below_level", all - records.len());
        records.is_empty() || self.edge.inputs.send(Input::Lines(records)).await.is_ok()
    }

    fn snapshot(&self) -> String {
        format!("cursor {}", self.kind)
    }

    /// Where an earlier run stopped.
    async fn restored(&self) -> Cursor {
        let (store, name) = (self.store.clone(), self.snapshot());
        let found = tokio::task::spawn_blocking(move || store.snapshot(&name)).await;
        let bytes = match found {
            Ok(Ok(found)) => found.map(|(_, bytes)| bytes),
            Ok(Err(error)) => {
                tracing::warn!(%error, source = self.name, "how far logs were read is not known, so reading begins now");
                None
            }
            Err(_) => None,
        };
        let cursor = bytes.and_then(|bytes| Cursor::resume(&bytes, self.overlap));
        cursor.unwrap_or_else(|| Cursor::new((self.edge.clock)(), self.overlap))
    }

    /// After the lines went to the core: a kill in between reads them again, and the core's counts of them are gone as well.
    async fn keep(&self, cursor: &Cursor, now: Timestamp) {
        let tick = Tick { at: now, snapshots: vec![(self.snapshot(), cursor.bytes())], ..Tick::default() };
        let store = self.store.clone();
        let kept = tokio::task::spawn_blocking(move || store.commit(&tick)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, source = self.name, "could not keep how far logs were read");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_budget_is_there_again_with_the_next() {
        let at = |s| Timestamp::from_second(s).expect("small");
        let mut budget = Budget { minute: 0, left: 0 };
        assert_eq!(budget.left(at(600), 100), 100);
        budget.left -= 100;
        assert_eq!((budget.left(at(659), 100), budget.left(at(660), 100)), (0, 100));
    }

    /// Answers every request with the same body.
    async fn server(body: &'static str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + body).as_bytes()).await;
            }
        });
        url
    }

    /// Reads until the same answer came twice; what the core was given of it.
    async fn read(config: &str, store: &Arc<Store>) -> Vec<LogRecord> {
        let config = rootline_config::parse("r.yaml", config).expect("valid");
        let (inputs, mut queue) = tokio::sync::mpsc::channel(10);
        let clock = || Timestamp::from_second(1000).expect("small");
        let edge = Edge { inputs, states: Arc::default(), clock, env: |_| Some("secret".to_owned()) };
        let loki = loki(&config.logs_from.loki, store, &edge).expect("an address");
        let search = elasticsearch(&config.logs_from.elasticsearch, store, &edge).expect("an address");
        let mut reader = loki.or(search).expect("one is named");
        reader.every = Duration::from_millis(1);
        let states = edge.states.clone();
        let task = tokio::spawn(reader.run());
        let known = || {
            let rows = states.meters.rows();
            rows.iter().filter(|r| r.labels.contains(&("result", "known".to_owned()))).map(|r| r.value).sum::<u64>()
        };
        tokio::time::timeout(Duration::from_secs(60), async {
            while known() < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it asks again and again");
        drop(edge);
        let mut records = Vec::new();
        while let Ok(input) = queue.try_recv() {
            if let Input::Lines(more) = input {
                records.extend(more);
            }
        }
        drop(queue);
        task.await.expect("it ends with the core");
        records
    }

    async fn once(config: impl Fn(&str) -> String, body: &'static str) {
        let url = server(body).await;
        let folder = std::env::temp_dir().join(format!("rootline-reader-{}-{}", std::process::id(), body.len()));
        let store = Arc::new(Store::open(&folder, &rootline_store::Options::default()).expect("a store"));
        let records = read(&config(&url), &store).await;
        let texts: Vec<&str> = records.iter().map(|r| r.text.as_str()).collect();
        assert_eq!(texts.len(), 1, "one of both is bad enough: {texts:?}");
        assert!(texts[0].contains("cannot connect"), "{texts:?}");
        assert_eq!((records[0].level, records[0].labels.value("pod")), (LogLevel::Error, "cart-1"));
        assert!(read(&config(&url), &store).await.is_empty(), "after a restart nothing counts again");
        drop(store);
        std::fs::remove_dir_all(&folder).expect("ours");
    }

    #[tokio::test]
    async fn lines_of_loki_that_count_reach_the_core_once_also_over_a_restart() {
        let body = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"namespace":"shop","pod":"cart-1"},
            "values":[["980000000000","level=error msg=\"cannot connect\""],["990000000000","level=info msg=\"no error\""]]}]}}"#;
        once(|url| format!("logs_from: {{loki: {{url: '{url}', tenant: t}}}}"), body).await;
    }

    #[tokio::test]
    async fn lines_of_elasticsearch_that_count_reach_the_core_once_also_over_a_restart() {
        let body = r#"{"hits":{"hits":[
            {"_index":"logs-1","_id":"a","sort":[980000],"_source":{"@timestamp":"1970-01-01T00:16:20Z","level":"error","message":"cannot connect",
             "kubernetes":{"namespace_name":"shop","pod_name":"cart-1"}}},
            {"_index":"logs-1","_id":"b","sort":[990000],"_source":{"@timestamp":"1970-01-01T00:16:30Z","level":"info","message":"no error",
             "kubernetes":{"namespace_name":"shop","pod_name":"cart-1"}}}]}}"#;
        let config =
            |url: &str| format!("logs_from: {{elasticsearch: {{url: '{url}', user: me, password: '${{SECRET}}'}}}}");
        once(config, body).await;
    }
}
