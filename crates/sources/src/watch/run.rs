//! The sockets of one watch: does what its machine asks and tells it what came.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::DATE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;

use super::delta::{Delta, ResourceId};
use super::machine::{Ask, Flow, Machine};
use super::options::WatchOptions;
use crate::live::our_clock;
use crate::live::session::{NoAnswer, Session, parse_date, retry_after};

/// A longer line is no object: etcd takes 1.5 MiB, definitions unpacked a little more.
const LINE_MAX: usize = 16 << 20;

/// Of the body of a refusal.
const REFUSAL_MAX: usize = 64 << 10;

/// What all watches of a cluster share.
pub(super) struct Shared {
    pub session: Session,
    /// For short questions and logs.
    pub aside: Session,
    pub options: WatchOptions,
    /// How many may read everything at the same time.
    pub lists: Semaphore,
    /// The server's clock minus ours, in milliseconds.
    pub skew_ms: AtomicI64,
    pub counters: Vec<Counters>,
}

/// What a watch has done, for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    pub lists: AtomicU64,
    pub streams: AtomicU64,
    pub lines: AtomicU64,
    pub bytes: AtomicU64,
    pub failures: AtomicU64,
    pub stalls: AtomicU64,
}

pub(super) struct Runner {
    pub shared: Arc<Shared>,
    pub resource: ResourceId,
    pub machine: Machine,
    pub deltas: Sender<Delta>,
}

/// The receiver is gone: nobody wants to know any more.
struct Unwanted;

impl Runner {
    /// Runs until nobody takes deltas any more.
    pub async fn run(mut self) {
        let shared = self.shared.clone();
        loop {
            if let Some(pause) = self.machine.rest() {
                tokio::time::sleep(pause).await;
            }
            // one of the few that may read everything; given back when it is read
            let turn = if self.machine.is_reading() { shared.lists.acquire().await.ok() } else { None };
            let outcome = self.read(turn).await;
            if outcome.is_err() {
                return;
            }
        }
    }

    /// Pages until the list ends or fails, or one stream.
    async fn read(&mut self, mut turn: Option<tokio::sync::SemaphorePermit<'_>>) -> Result<(), Unwanted> {
        loop {
            match self.machine.ask() {
                Ask::Rest(pause) => {
                    drop(turn);
                    tokio::time::sleep(pause).await;
                    return Ok(());
                }
                Ask::Page(path) => {
                    self.count(|c| &c.lists, 1);
                    let deltas = self.page(&path).await;
                    self.send(deltas).await?;
                    if !self.machine.is_reading() {
                        return Ok(());
                    }
                }
                Ask::Stream(path) => {
                    self.count(|c| &c.streams, 1);
                    return self.stream(&path, &mut turn).await;
                }
            }
        }
    }

    async fn page(&mut self, path: &str) -> Vec<Delta> {
        match self.shared.session.once(path, self.accept(true)).await {
            Ok((answer, _)) if answer.status == StatusCode::OK => {
                self.count(|c| &c.bytes, answer.body.len());
                self.machine.on_page(&answer.body)
            }
            Ok((answer, headers)) => {
                self.count(|c| &c.failures, 1);
                self.refused(answer.status, answer.message(), &headers).await
            }
            Err(e) => {
                self.count(|c| &c.failures, 1);
                self.machine.on_no_answer(e.describe())
            }
        }
    }

    async fn stream(
        &mut self,
        path: &str,
        turn: &mut Option<tokio::sync::SemaphorePermit<'_>>,
    ) -> Result<(), Unwanted> {
        let began = now();
        let response = match self.shared.session.open(path, self.accept(false)).await {
            Ok(response) => response,
            Err(e) => {
                self.count(|c| &c.failures, 1);
                let deltas = self.machine.on_no_answer(e.describe());
                return self.send(deltas).await;
            }
        };
        let (parts, body) = response.into_parts();
        if parts.status != StatusCode::OK {
            self.count(|c| &c.failures, 1);
            let message = refusal(parts.status, body).await;
            let deltas = self.refused(parts.status, message, &parts.headers).await;
            return self.send(deltas).await;
        }
        if let Some(theirs) = parts.headers.get(DATE).and_then(|d| d.to_str().ok()).and_then(parse_date) {
            let skew = theirs.as_millisecond() - our_clock().as_millisecond();
            self.shared.skew_ms.store(skew, Ordering::Relaxed);
        }
        let deltas = self.machine.on_open();
        self.send(deltas).await?;
        let mut lines = Lines::new(body);
        loop {
            let silence = self.machine.silence();
            let (deltas, flow) = match tokio::time::timeout(silence, lines.next()).await {
                Ok(Ok(Some(line))) => {
                    self.count(|c| &c.lines, 1);
                    self.count(|c| &c.bytes, line.len());
                    self.machine.on_line(&line)
                }
                Ok(Ok(None)) => (self.machine.on_end(now() - began, None), Flow::Close),
                Ok(Err(detail)) => (self.machine.on_end(now() - began, Some(detail)), Flow::Close),
                Err(_) => {
                    self.count(|c| &c.stalls, 1);
                    (self.machine.on_stall(silence), Flow::Close)
                }
            };
            self.send(deltas).await?;
            if flow == Flow::Close {
                return Ok(());
            }
            if !self.machine.is_reading() {
                turn.take();
            }
        }
    }

    async fn refused(&mut self, status: StatusCode, message: String, headers: &HeaderMap) -> Vec<Delta> {
        let resource = self.resource.resource();
        let doubtful = matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) && !resource.group.is_empty();
        match if doubtful { served(&self.shared.aside, resource.group, resource.version).await } else { None } {
            // permissions are looked at first: of a group that is not there a small account hears "forbidden"
            Some(None) => return self.machine.on_refusal(StatusCode::NOT_FOUND, message, None),
            Some(Some(version)) if version != self.machine.api_version => {
                self.machine.api_version = version;
                return Vec::new();
            }
            _ => {}
        }
        self.machine.on_refusal(status, message, retry_after(headers))
    }

    fn accept(&self, list: bool) -> &'static str {
        let resource = self.resource.resource();
        let whole = self.shared.options.live.config_data && resource.plural == "configmaps";
        match (resource.metadata_only && !whole, list) {
            (false, _) => "application/json",
            (true, true) => "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
            (true, false) => "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
        }
    }

    async fn send(&self, deltas: Vec<Delta>) -> Result<(), Unwanted> {
        for delta in deltas {
            self.deltas.send(delta).await.map_err(|_| Unwanted)?;
        }
        Ok(())
    }

    fn count(&self, of: impl Fn(&Counters) -> &AtomicU64, more: usize) {
        if let Some(counters) = self.shared.counters.get(self.resource.index()) {
            of(counters).fetch_add(u64::try_from(more).unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// The version of a group to ask for: ours if it is served, else the first one. `Some(None)`: the group is not there;
/// `None`: the server does not tell.
async fn served(session: &Session, group: &str, ours: &str) -> Option<Option<String>> {
    #[derive(serde::Deserialize)]
    struct Group {
        versions: Vec<Version>,
    }
    #[derive(serde::Deserialize)]
    struct Version {
        version: String,
    }
    let (answer, _) = session.once(&format!("/apis/{group}"), "application/json").await.ok()?;
    if answer.status == StatusCode::NOT_FOUND {
        return Some(None);
    }
    let group: Group = serde_json::from_slice(&answer.body).ok()?;
    let mut versions = group.versions.into_iter().map(|v| v.version).peekable();
    let first = versions.peek().cloned();
    versions.find(|v| v == ours).or(first).map(Some)
}

/// What the server says about a refusal, within a bound.
async fn refusal(status: StatusCode, body: Body) -> String {
    let read = async {
        let mut lines = Lines { body, buffer: Vec::new(), start: 0, limit: REFUSAL_MAX };
        lines.rest().await
    };
    let body = tokio::time::timeout(Duration::from_secs(10), read).await.unwrap_or_default();
    crate::live::session::Answer { status, body, date: None }.message()
}

/// Lines of a body, without their ends, each at most `limit` bytes.
struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    limit: usize,
}

impl Lines {
    fn new(body: Body) -> Lines {
        Lines { body, buffer: Vec::new(), start: 0, limit: LINE_MAX }
    }

    /// The next line; `None` at the end. A line that is cut off by the end of the stream is none. Nothing is lost when
    /// this is dropped while it waits.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                let end = searched + at;
                let line = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                if line.iter().all(u8::is_ascii_whitespace) {
                    searched = self.start;
                    continue;
                }
                return Ok(Some(line));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            if self.buffer.is_empty() && self.buffer.capacity() > (1 << 20) {
                // one large object must not keep its room for ever
                self.buffer = Vec::new();
            }
            if self.buffer.len() > self.limit {
                return Err(format!("a line of more than {} bytes", self.limit));
            }
            if !self.more().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err("cut off in the middle of a line".into()) };
            }
        }
    }

    /// Everything up to the limit.
    async fn rest(&mut self) -> Vec<u8> {
        while self.buffer.len() < self.limit && self.more().await.unwrap_or(false) {}
        std::mem::take(&mut self.buffer)
    }

    async fn more(&mut self) -> Result<bool, String> {
        match self.body.frame().await {
            None => Ok(false),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.buffer.extend_from_slice(data);
                }
                Ok(true)
            }
            Some(Err(e)) => Err(NoAnswer::Client(e).describe()),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "how long a connection lived is measured, it decides nothing but pauses")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_bounded_and_a_cut_one_is_none() {
        let of = |text: &str| Lines { limit: 8, ..Lines::new(Body::from(text.as_bytes().to_vec())) };
        let mut lines = of("one\n\n\ntwo\nthr");
        assert_eq!(lines.next().await, Ok(Some(b"one".to_vec())));
        assert_eq!(lines.next().await, Ok(Some(b"two".to_vec())));
        assert!(lines.next().await.is_err_and(|e| e.contains("cut off")));
        assert!(of("no end of this line in sight").next().await.is_err());
    }
}
