//! The kinds of pushed data: who decodes them and where they go.

use std::sync::{Arc, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, LabelSet, SeriesBatch};
use rootline_objects::Object;
use rootline_sources::intake::Line;
use rootline_sources::receive::{self, Request as Pushed, Span};

use super::{Lane, take};
use crate::intake::{Accepted, PushedEvent};
use crate::server::Shared;

/// An alert counts as resolved if nobody repeats it for so long and it did not say an end (Alertmanager's `resolve_timeout`).
const RESOLVE_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);
/// A minute of calls is given on when it is over for so long: spans come late.
const CALLS_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// A route whose data one decoder reads.
macro_rules! lane {
    ($route:ident, $name:literal, $give:ident, |$shared:ident, $request:ident| $decode:expr) => {
        pub async fn $route(State(shared): State<Arc<Shared>>, request: Request) -> Response {
            let decode = |$shared: &Shared, $request: &Pushed<'_>| $decode;
            take(shared, request, Lane { name: $name, decode, count: Vec::len, give: $give }).await
        }
    };
}

lane!(alerts, "alerts", give_alerts, |s, r| receive::alerts::posted(r, limits(s), s.intake.now(), RESOLVE_TIMEOUT));
lane!(webhook, "webhook", give_alerts, |s, r| receive::alerts::webhook(r, limits(s), s.intake.now()));
lane!(remote_write, "remote_write", give_series, |s, r| s.receivers.remote_write(r));
lane!(otlp_metrics, "otlp_metrics", give_series, |s, r| receive::otlp::metrics(r, limits(s)));
lane!(loki, "loki", give_lines, |s, r| receive::loki::push(r, limits(s)));
lane!(otlp_logs, "otlp_logs", give_lines, |s, r| receive::otlp::logs(r, limits(s)));
lane!(bulk, "elasticsearch", give_lines, |s, r| receive::elasticsearch::bulk(r, limits(s)));
lane!(otlp_traces, "otlp_traces", give_spans, |s, r| receive::otlp::traces(r, limits(s)));
lane!(zipkin, "zipkin", give_spans, |s, r| receive::zipkin::spans(r, limits(s)));
lane!(events, "events", give_events, |s, r| receive::events::events(r, limits(s)));

fn limits(shared: &Shared) -> &receive::Limits {
    &shared.receivers.limits
}

/// Lines to the records that they complete. What is not complete waits for the next lines or for [`flush`]: streams of two
/// clusters are two streams. A sender that is then told to come again repeats its lines: of logs a doubled line is better than
/// a lost one.
fn give_lines<'a>(shared: &'a Shared, lines: Vec<Line>, cluster: &str) -> Accepted<'a> {
    let now = shared.intake.now();
    let mut records = Vec::with_capacity(lines.len());
    {
        let mut joiner = shared.receivers.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for mut line in lines {
            tag(&mut line.of.labels, cluster);
            joiner.take(line, now, &mut records);
        }
    }
    shared.intake.logs(records)
}

/// Gives on what has waited long enough: the last record of each stream, calls of minutes that are over; `all` at the end.
pub async fn flush(shared: &Shared, all: bool) {
    let now = shared.intake.now();
    let mut records = Vec::new();
    {
        let mut joiner = shared.receivers.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if all { joiner.finish(&mut records) } else { joiner.flush(now, &mut records) }
    }
    let before = if all { Timestamp::MAX } else { now.checked_sub(CALLS_WAIT).unwrap_or(now) };
    let calls = shared.receivers.spans.lock().unwrap_or_else(PoisonError::into_inner).finished(before);
    if !records.is_empty()
        && let Err(refusal) = shared.intake.logs(records).await
    {
        shared.telemetry.refused("joined_logs", refusal.why);
    }
    if !calls.is_empty()
        && let Err(refusal) = shared.intake.calls(calls).await
    {
        shared.telemetry.refused("calls", refusal.why);
    }
}

fn give_alerts<'a>(shared: &'a Shared, mut alerts: Vec<Alert>, cluster: &str) -> Accepted<'a> {
    alerts.iter_mut().for_each(|a| tag(&mut a.labels, cluster));
    shared.intake.alerts(alerts)
}

fn give_series<'a>(shared: &'a Shared, mut batches: Vec<SeriesBatch>, cluster: &str) -> Accepted<'a> {
    batches.iter_mut().for_each(|b| tag(&mut b.labels, cluster));
    shared.intake.samples(batches)
}

/// Spans are folded here; calls go on minute by minute with [`flush`].
fn give_spans<'a>(shared: &'a Shared, spans: Vec<Span>, _: &str) -> Accepted<'a> {
    shared.receivers.spans.lock().unwrap_or_else(PoisonError::into_inner).take(spans);
    Box::pin(std::future::ready(Ok(())))
}

fn give_events<'a>(shared: &'a Shared, objects: Vec<Object>, cluster: &str) -> Accepted<'a> {
    let events = objects.into_iter().map(|object| PushedEvent { cluster: cluster.to_owned(), object });
    shared.intake.events(events.collect())
}

/// Says of which cluster something is, where it does not say so itself.
fn tag(labels: &mut LabelSet, cluster: &str) {
    if !cluster.is_empty() && labels.get("cluster").is_none() {
        *labels = labels.with("cluster", cluster);
    }
}
