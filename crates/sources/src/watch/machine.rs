//! The life of one watch, without any socket: what to ask next, and what an answer means.
//!
//! Semantics: Kubernetes API concepts, "Efficient detection of changes", "Streaming lists", "410 Gone".

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::delta::{Delta, ResourceId, Trouble};
use super::item::{Line, item, read_line};
use super::options::WatchOptions;
use crate::live::list::percent;

/// Where a watch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Reads everything as a stream and goes on following on the same connection. Becomes `Following` at the bookmark
    /// that ends the initial events, `Paging` if the server does not do this, itself after a break.
    Streaming,
    /// Reads everything page by page. Becomes `Following` after the last page, itself from the start if the pages expire.
    Paging { next: Option<String> },
    /// Follows from a version on. Stays when the server ends the stream, starts over after 410.
    Following { version: String },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Rest(Duration),
    /// One page of a list.
    Page(String),
    /// A stream of lines.
    Stream(String),
}

/// What to do with a stream after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Go,
    Close,
}

/// Streams that end sooner than this without a line have failed, however politely.
const SHORT: Duration = Duration::from_secs(2);

/// After this many failures in a row what is known is no longer trusted to be resumable.
const RESTART_AFTER: u32 = 8;

/// A server may ask for this much patience.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Machine {
    resource: ResourceId,
    options: WatchOptions,
    /// Group version in use.
    pub api_version: String,
    /// Namespace to fall back to; empty: none.
    own_namespace: String,
    /// `None`: all.
    namespace: Option<String>,
    state: State,
    rest: Option<Duration>,
    streams: bool,
    /// The account may list and not watch.
    polls: bool,
    failures: u32,
    expired: bool,
    lines: u64,
    bookmarks: bool,
    random: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page<'a> {
    metadata: PageMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
    resource_version: Option<String>,
}

impl Machine {
    pub fn new(resource: ResourceId, options: &WatchOptions, own_namespace: &str, seed: u64) -> Machine {
        let mut machine = Machine {
            resource,
            options: options.clone(),
            api_version: resource.resource().version.to_owned(),
            own_namespace: own_namespace.to_owned(),
            namespace: None,
            state: State::Streaming,
            rest: None,
            streams: options.streaming_lists,
            polls: false,
            failures: 0,
            expired: false,
            lines: 0,
            bookmarks: false,
            random: seed | 1,
        };
        machine.start_over();
        machine
    }

    /// Reads everything now, and has not come to the end of it.
    pub fn is_reading(&self) -> bool {
        !matches!(self.state, State::Following { .. })
    }

    /// How long to wait before asking, once.
    pub fn rest(&mut self) -> Option<Duration> {
        self.rest.take()
    }

    pub fn ask(&mut self) -> Ask {
        if let Some(rest) = self.rest.take() {
            return Ask::Rest(rest);
        }
        let base = self.resource.resource().path(&self.api_version, self.namespace.as_deref());
        let seconds = self.spread(self.options.watch_for).as_secs().max(1);
        let stream = format!("{base}?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}");
        self.lines = 0;
        self.bookmarks = false;
        match &self.state {
            State::Streaming => {
                Ask::Stream(format!("{stream}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"))
            }
            State::Following { version } => Ask::Stream(format!("{stream}&resourceVersion={}", percent(version))),
            State::Paging { next } => {
                let limit = self.resource.resource().page_size(self.options.live.page_size.max(1));
                let from = next.as_ref().map(|t| format!("&continue={}", percent(t))).unwrap_or_default();
                Ask::Page(format!("{base}?limit={limit}{from}"))
            }
        }
    }

    /// How long a stream may be silent. Without bookmarks (events have none where they are not cached) the server's own
    /// end of the watch is the sign of life.
    pub fn silence(&self) -> Duration {
        let patient = self.options.watch_for * 2;
        if self.state == State::Streaming {
            return self.options.live.request_timeout;
        }
        if self.bookmarks { self.options.silence.min(patient) } else { patient }
    }

    /// A page came.
    pub fn on_page(&mut self, body: &[u8]) -> Vec<Delta> {
        let resource = self.resource;
        let State::Paging { next } = &self.state else { return Vec::new() };
        let mut deltas = Vec::new();
        if next.is_none() {
            deltas.push(self.began());
        }
        let page: Page<'_> = match serde_json::from_slice(body) {
            Ok(page) => page,
            Err(e) => return self.failed(format!("not the JSON of a list: {e}"), None),
        };
        deltas.extend(page.items.unwrap_or_default().into_iter().map(|raw| match item(resource, raw.get()) {
            Ok(item) => Delta::Put { resource, item: Box::new(item) },
            Err((key, detail)) => Delta::Bad { resource, key, detail },
        }));
        match page.metadata.next.filter(|t| !t.is_empty()) {
            Some(token) => self.state = State::Paging { next: Some(token) },
            None => {
                deltas.push(Delta::Listed { resource });
                self.expired = false;
                if self.polls {
                    self.start_over();
                    self.rest = Some(self.options.poll);
                } else {
                    self.state = State::Following { version: page.metadata.resource_version.unwrap_or_default() };
                }
            }
        }
        deltas
    }

    /// A stream was opened.
    pub fn on_open(&mut self) -> Vec<Delta> {
        match self.state {
            State::Streaming => vec![self.began()],
            _ => vec![Delta::Following { resource: self.resource }],
        }
    }

    /// A line of a stream came.
    pub fn on_line(&mut self, line: &[u8]) -> (Vec<Delta>, Flow) {
        let resource = self.resource;
        self.lines += 1;
        match read_line(resource, line) {
            Ok(Line::Put(item)) => {
                self.advance(&item.version);
                (vec![Delta::Put { resource, item }], Flow::Go)
            }
            Ok(Line::Gone { key, version }) => {
                self.advance(&version);
                (vec![Delta::Gone { resource, key, version }], Flow::Go)
            }
            Ok(Line::Bad { key, version, detail }) => {
                self.advance(&version);
                (vec![Delta::Bad { resource, key, detail }], Flow::Go)
            }
            Ok(Line::Bookmark { version, initial_end }) => {
                self.bookmarks = true;
                if self.state == State::Streaming && initial_end {
                    self.state = State::Following { version: version.into() };
                    self.expired = false;
                    self.failures = 0;
                    return (vec![Delta::Listed { resource }, Delta::Following { resource }], Flow::Go);
                }
                self.advance(&version);
                (Vec::new(), Flow::Go)
            }
            Ok(Line::Error { code, message, retry_after }) => {
                self.lines = 0;
                let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (self.on_refusal(status, message, retry_after), Flow::Close)
            }
            Ok(Line::Unknown) => (Vec::new(), Flow::Go),
            Err(detail) => {
                self.lines = 0;
                (self.failed(format!("not the JSON of a watch: {detail}"), None), Flow::Close)
            }
        }
    }

    /// A stream ended by itself after a time: politely (`None`), or with an error.
    pub fn on_end(&mut self, lasted: Duration, error: Option<String>) -> Vec<Delta> {
        let lively = self.lines > 0 || lasted >= SHORT;
        if lively && self.state != State::Streaming {
            self.failures = 0;
        }
        match error {
            None if lively && self.state != State::Streaming => Vec::new(),
            None => self.failed("the stream ended early".into(), None),
            Some(detail) => self.failed(detail, None),
        }
    }

    /// There was no answer at all.
    pub fn on_no_answer(&mut self, detail: String) -> Vec<Delta> {
        self.failed(detail, None)
    }

    /// A stream has been silent for too long.
    pub fn on_stall(&mut self, silent: Duration) -> Vec<Delta> {
        if self.state == State::Streaming {
            // a server that does not know streaming lists takes the question for a plain watch and never marks the end
            self.streams = false;
            self.start_over();
            return Vec::new();
        }
        self.failed(format!("the connection was silent for {} s", silent.as_secs()), None)
    }

    /// The server answered with something else than was asked for.
    pub fn on_refusal(&mut self, status: StatusCode, detail: String, retry_after: Option<Duration>) -> Vec<Delta> {
        let resource = self.resource;
        match (status, &self.state) {
            (StatusCode::GONE, _) => {
                // once at once, then with pauses: a server that compacts faster than it lists is not helped by haste
                let again = self.expired;
                self.expired = true;
                self.start_over();
                if again { self.failed(format!("410 Gone: {detail}"), None) } else { Vec::new() }
            }
            // a server before streaming lists, or one that has them switched off; or an account that may list only
            (StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::FORBIDDEN, State::Streaming) => {
                self.streams = false;
                self.start_over();
                Vec::new()
            }
            (StatusCode::FORBIDDEN, State::Following { .. }) => {
                self.polls = true;
                self.start_over();
                self.rest = Some(self.options.poll);
                Vec::new()
            }
            (StatusCode::FORBIDDEN, State::Paging { .. }) => self.forbidden(detail),
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_ACCEPTABLE, _) => {
                self.start_over();
                self.rest = Some(self.spread(self.options.refused_pause));
                vec![Delta::Trouble { resource, trouble: Trouble::Absent }]
            }
            _ => self.failed(detail, retry_after),
        }
    }

    fn forbidden(&mut self, detail: String) -> Vec<Delta> {
        let tried = self.namespace.take();
        let namespaced = self.resource.resource().namespaced;
        self.polls = false;
        self.streams = self.options.streaming_lists;
        if tried.is_none() && namespaced && !self.own_namespace.is_empty() {
            self.namespace = Some(self.own_namespace.clone());
            self.start_over();
            return Vec::new();
        }
        self.start_over();
        self.rest = Some(self.spread(self.options.refused_pause));
        let trouble = Trouble::Forbidden { detail, namespace: tried };
        vec![Delta::Trouble { resource: self.resource, trouble }]
    }

    fn failed(&mut self, detail: String, retry_after: Option<Duration>) -> Vec<Delta> {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= RESTART_AFTER || self.state == State::Streaming {
            self.start_over();
        }
        let grown = self.options.pause.saturating_mul(1 << (self.failures - 1).min(16)).min(self.options.pause_max);
        let grown = self.spread(grown);
        self.rest = Some(retry_after.map_or(grown, |asked| asked.min(RETRY_AFTER_MAX).max(grown)));
        vec![Delta::Trouble { resource: self.resource, trouble: Trouble::Failing { detail } }]
    }

    fn began(&self) -> Delta {
        Delta::Began { resource: self.resource, namespace: self.namespace.clone() }
    }

    fn start_over(&mut self) {
        self.state = if self.streams && !self.polls { State::Streaming } else { State::Paging { next: None } };
    }

    /// Versions of one resource grow; one that is smaller came late and must not take the watch back.
    fn advance(&mut self, seen: &str) {
        let State::Following { version } = &mut self.state else { return };
        let late = matches!((seen.parse::<u64>(), version.parse::<u64>()), (Ok(seen), Ok(have)) if seen < have);
        if !late && !seen.is_empty() {
            seen.clone_into(version);
        }
    }

    /// Between 70 and 100 per cent of a time.
    fn spread(&mut self, whole: Duration) -> Duration {
        // xorshift64: any will do
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        whole * u32::try_from(700 + self.random % 301).unwrap_or(1000) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let pods = ResourceId::of("pods").expect("listed");
        Machine::new(pods, &WatchOptions::default(), "", 7)
    }

    fn pause(machine: &mut Machine) -> f64 {
        machine.rest().map_or(0.0, |d| d.as_secs_f64())
    }

    #[test]
    fn pauses_grow_to_a_cap_and_shrink_after_success() {
        let mut machine = machine();
        let mut pauses: Vec<f64> = Vec::new();
        for _ in 0..12 {
            machine.on_refusal(StatusCode::SERVICE_UNAVAILABLE, "down".into(), None);
            pauses.push(pause(&mut machine));
        }
        assert!(pauses[0] <= 0.8 && pauses[0] >= 0.5, "{pauses:?}");
        assert!(pauses.windows(2).take(4).all(|w| w[1] > w[0]), "{pauses:?}");
        assert!(pauses.iter().all(|p| *p <= 30.0) && pauses[11] > 20.0, "{pauses:?}");
        machine.on_open();
        machine.on_line(br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}"#);
        machine.on_end(Duration::from_secs(300), None);
        assert_eq!(pause(&mut machine), 0.0, "a watch that the server ends in time is asked again at once");
        machine.on_refusal(StatusCode::SERVICE_UNAVAILABLE, "down".into(), None);
        assert!(pause(&mut machine) <= 0.8);
    }

    #[test]
    fn streams_that_end_at_once_are_not_asked_for_in_a_loop() {
        let mut machine = machine();
        machine.state = State::Following { version: "5".into() };
        for _ in 0..6 {
            machine.ask();
            machine.on_open();
            machine.on_end(Duration::from_millis(1), None);
        }
        assert!(pause(&mut machine) > 5.0);
    }

    #[test]
    fn a_server_that_asks_for_patience_gets_it_within_reason() {
        let mut machine = machine();
        machine.on_refusal(StatusCode::TOO_MANY_REQUESTS, "slow".into(), Some(Duration::from_secs(7)));
        assert_eq!(pause(&mut machine), 7.0);
        machine.on_refusal(StatusCode::TOO_MANY_REQUESTS, "slow".into(), Some(Duration::from_secs(86_400)));
        assert_eq!(pause(&mut machine), 60.0);
    }

    #[test]
    fn a_version_that_can_never_be_resumed_is_given_up() {
        let mut machine = machine();
        machine.state = State::Following { version: "5".into() };
        for _ in 0..RESTART_AFTER {
            machine.on_refusal(StatusCode::GATEWAY_TIMEOUT, "Too large resource version: 5, current: 3".into(), None);
        }
        assert_eq!(machine.state, State::Streaming, "etcd was restored from a backup");
    }
}
