//! Any bytes as OTLP, Zipkin spans, events and alerts, also as messages of a topic: never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_model::Timestamp;
use rootline_sources::receive::{Limits, Request, SpanFold, alerts, events, otlp, topics, zipkin};

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    let mut fold = SpanFold::default();
    for kind in ["application/x-protobuf", "application/json"] {
        let request = Request::new(kind, data);
        let _ = otlp::logs(&request, &limits);
        let _ = otlp::metrics(&request, &limits);
        if let Ok(taken) = otlp::traces(&request, &limits) {
            fold.take(taken.data);
        }
    }
    let request = Request::new("application/json", data);
    if let Ok(taken) = zipkin::spans(&request, &limits) {
        fold.take(taken.data);
    }
    for calls in fold.finished(Timestamp::MAX) {
        assert!(calls.caller != calls.callee && calls.calls >= calls.errors);
    }
    let _ = events::events(&request, &limits);
    let _ = alerts::webhook(&request, &limits, Timestamp::UNIX_EPOCH);
    let _ = alerts::posted(&request, &limits, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.duration_since(Timestamp::MIN));
    let _ = topics::alerts(data, &limits, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.duration_since(Timestamp::MIN));
    let _ = topics::logs(data, &limits);
});
