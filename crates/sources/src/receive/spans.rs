//! Spans folded to calls between services, a minute each.
//!
//! A call is a server span whose parent is a span of another service, or a client span that names whom it called and for
//! which no server span came. Spans of one trace come from different processes at different times, so some are kept a
//! while. Calls of a service to itself are dropped.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use rootline_model::CallStats;

/// A span as far as calls need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    pub trace: u128,
    pub id: u64,
    /// 0 for a root.
    pub parent: u64,
    pub side: Side,
    /// Namespace (empty if unknown) and name.
    pub service: (String, String),
    /// Whom a client span says it called; empty if it does not.
    pub peer: String,
    pub start_ms: i64,
    pub duration_ms: f64,
    pub failed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    #[default]
    Inside,
    /// Client or producer.
    Client,
    /// Server or consumer.
    Server,
}

/// Bounds of what waits for its other half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanOptions {
    /// Milliseconds of event time that a span waits.
    pub wait_ms: i64,
    /// Spans that wait. One more, and the oldest is judged by itself.
    pub waiting: usize,
}

impl Default for SpanOptions {
    /// Starting values: SDKs export every 5 s and retry for some seconds.
    fn default() -> Self {
        SpanOptions { wait_ms: 30_000, waiting: 200_000 }
    }
}

/// Folds spans to calls.
#[derive(Debug, Default)]
pub struct SpanFold {
    options: SpanOptions,
    /// Spans that may be a parent, by trace and id.
    parents: HashMap<(u128, u64), Parent>,
    /// Server spans whose parent has not come, by trace and parent.
    orphans: HashMap<(u128, u64), Vec<Span>>,
    /// In the order of arrival, with the start of each.
    queue: VecDeque<((u128, u64), i64)>,
    latest_ms: i64,
    calls: BTreeMap<Edge, CallStats>,
    unmatched: u64,
}

/// Minute, caller, callee.
type Edge = (i64, (String, String), (String, String));

#[derive(Debug)]
struct Parent {
    span: Span,
    answered: bool,
}

impl SpanFold {
    pub fn new(options: SpanOptions) -> Self {
        SpanFold { options, ..SpanFold::default() }
    }

    pub fn take(&mut self, spans: impl IntoIterator<Item = Span>) {
        for span in spans {
            self.latest_ms = self.latest_ms.max(span.start_ms);
            match span.side {
                Side::Server if span.parent != 0 => self.server(span),
                Side::Server => {}
                Side::Client | Side::Inside => self.parent(span),
            }
            self.settle();
        }
    }

    /// Calls of minutes that ended before `before`; late spans make another entry for the same minute, to be added up.
    pub fn finished(&mut self, before: Timestamp) -> Vec<CallStats> {
        let minute = before.as_millisecond().div_euclid(MINUTE_MS);
        let later = self.calls.split_off(&(minute, Default::default(), Default::default()));
        std::mem::replace(&mut self.calls, later).into_values().collect()
    }

    /// Client spans, so far, of which nobody said whom they called.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    fn server(&mut self, span: Span) {
        let key = (span.trace, span.parent);
        if let Some(parent) = self.parents.get_mut(&key) {
            parent.answered = true;
            let (caller, failed) = (parent.span.service.clone(), parent.span.failed);
            self.call(caller, &span, failed);
        } else {
            self.queue.push_back((key, span.start_ms));
            self.orphans.entry(key).or_default().push(span);
        }
    }

    fn parent(&mut self, span: Span) {
        let key = (span.trace, span.id);
        let children = self.orphans.remove(&key).unwrap_or_default();
        for child in &children {
            self.call(span.service.clone(), child, span.failed);
        }
        self.queue.push_back((key, span.start_ms));
        self.parents.insert(key, Parent { answered: !children.is_empty(), span });
    }

    fn call(&mut self, caller: (String, String), callee: &Span, caller_failed: bool) {
        let failed = callee.failed || caller_failed;
        self.count(caller, callee.service.clone(), (callee.start_ms, callee.duration_ms, failed));
    }

    fn count(
        &mut self,
        caller: (String, String),
        callee: (String, String),
        (start_ms, duration_ms, failed): (i64, f64, bool),
    ) {
        if caller == callee || caller.1.is_empty() || callee.1.is_empty() {
            return;
        }
        let minute = start_ms.div_euclid(MINUTE_MS);
        let Ok(at) = Timestamp::from_millisecond(minute.saturating_mul(MINUTE_MS)) else { return };
        let key = (minute, caller, callee);
        if self.calls.len() >= EDGES && !self.calls.contains_key(&key) {
            return;
        }
        let stats = self.calls.entry(key).or_insert_with_key(|(_, caller, callee)| CallStats {
            at,
            caller: caller.clone(),
            callee: callee.clone(),
            ..CallStats::default()
        });
        stats.calls += 1;
        stats.errors += u64::from(failed);
        stats.duration_ms_sum += duration_ms;
        stats.duration_ms_max = stats.duration_ms_max.max(duration_ms);
    }

    /// Judges what has waited long enough, or is too much.
    fn settle(&mut self) {
        while let Some((key, start_ms)) = self.queue.front().copied() {
            let old = self.latest_ms.saturating_sub(start_ms) > self.options.wait_ms;
            if !old && self.queue.len() <= self.options.waiting {
                return;
            }
            self.queue.pop_front();
            self.orphans.remove(&key);
            let Some(Parent { span, answered }) = self.parents.remove(&key) else { continue };
            match (answered, span.side, span.peer.is_empty()) {
                (true, _, _) | (false, Side::Inside | Side::Server, _) => {}
                (false, Side::Client, true) => self.unmatched += 1,
                (false, Side::Client, false) => {
                    let callee = (String::new(), span.peer);
                    self.count(span.service, callee, (span.start_ms, span.duration_ms, span.failed));
                }
            }
        }
    }
}

const MINUTE_MS: i64 = 60_000;

/// Edges of all minutes not fetched yet; more are left out.
const EDGES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn span(side: Side, id: u64, parent: u64, service: &str) -> Span {
        let service = ("shop".to_owned(), service.to_owned());
        Span { trace: 7, id, parent, side, service, start_ms: 60_500, duration_ms: 4.0, ..Span::default() }
    }

    fn shown(fold: &mut SpanFold) -> Vec<String> {
        let all = fold.finished(Timestamp::MAX);
        all.iter()
            .map(|c| format!("{} {}>{} {}/{} {}", c.at, c.caller.1, c.callee.1, c.errors, c.calls, c.duration_ms_sum))
            .collect()
    }

    fn later(fold: &mut SpanFold) {
        fold.take([Span { start_ms: 200_000, trace: 9, ..span(Side::Inside, 99, 0, "x") }]);
    }

    #[test]
    fn client_and_server_are_one_call_in_whatever_order_they_come() {
        let client = Span { peer: "elsewhere".into(), ..span(Side::Client, 1, 0, "cart") };
        let server = Span { failed: true, ..span(Side::Server, 2, 1, "db") };
        for spans in [[client.clone(), server.clone()], [server, client]] {
            let mut fold = SpanFold::default();
            fold.take(spans);
            later(&mut fold);
            assert_eq!(shown(&mut fold), ["1970-01-01T00:01:00Z cart>db 1/1 4"]);
        }
    }

    #[test]
    fn a_client_alone_counts_by_the_name_it_gives() {
        let mut fold = SpanFold::default();
        fold.take([
            Span { peer: "redis".into(), ..span(Side::Client, 1, 0, "cart") },
            span(Side::Client, 2, 0, "cart"),
            span(Side::Server, 3, 0, "cart"),
            // a call to itself
            span(Side::Client, 4, 0, "cart"),
            span(Side::Server, 5, 4, "cart"),
        ]);
        assert!(shown(&mut fold).is_empty(), "it may still be answered");
        later(&mut fold);
        assert_eq!(shown(&mut fold), ["1970-01-01T00:01:00Z cart>redis 0/1 4"]);
        assert_eq!(fold.unmatched(), 1);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut fold = SpanFold::new(SpanOptions { waiting: 10, ..SpanOptions::default() });
        fold.take((1..1000).map(|i| Span { peer: "db".into(), ..span(Side::Client, i, 0, "cart") }));
        fold.take((1..1000).map(|i| span(Side::Server, 5000 + i, 9000 + i, "web")));
        assert!(fold.parents.len() + fold.orphans.len() <= 10 && fold.queue.len() <= 10);
        assert_eq!(shown(&mut fold), ["1970-01-01T00:01:00Z cart>db 0/999 3996"]);
    }

    #[test]
    fn minutes_are_given_out_once_they_are_over() {
        let mut fold = SpanFold::default();
        let at = |ms| Timestamp::from_millisecond(ms).expect("a time");
        fold.take([span(Side::Client, 1, 0, "a"), span(Side::Server, 2, 1, "b")]);
        assert!(fold.finished(at(119_999)).is_empty());
        assert_eq!(fold.finished(at(120_000)).len(), 1);
        assert!(fold.finished(at(120_000)).is_empty());
    }
}
