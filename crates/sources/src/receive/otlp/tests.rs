//! OTLP against messages of its own library, as protobuf and as JSON.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use rootline_model::{LogLevel, is_stale};

use super::*;
use crate::receive::SpanFold;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The message of a JSON text in both encodings.
fn both<M: Message + serde::de::DeserializeOwned + Default>(json: &str) -> [(&'static str, Vec<u8>); 2] {
    let message: M = serde_json::from_str(json).expect("OTLP as JSON");
    [(JSON, json.as_bytes().to_vec()), (PROTOBUF, message.encode_to_vec())]
}

const RESOURCE: &str = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}},
    {"key":"service.namespace","value":{"stringValue":"shop"}},{"key":"service.instance.id","value":{"stringValue":"i-1"}},
    {"key":"k8s.pod.name","value":{"stringValue":"cart-1"}},{"key":"k8s.namespace.name","value":{"stringValue":"shop"}}]}"#;

#[test]
fn logs_are_lines_with_level_and_exception() {
    let json = format!(
        r#"{{"resourceLogs":[{{"resource":{RESOURCE},"scopeLogs":[{{"logRecords":[
        {{"timeUnixNano":"1767323045678000000","severityNumber":17,"body":{{"stringValue":"failed"}},
          "attributes":[{{"key":"exception.stacktrace","value":{{"stringValue":"Error: x\n at y"}}}}]}},
        {{"observedTimeUnixNano":"1767323045678000000","severityText":"warn","body":{{"kvlistValue":{{"values":[{{"key":"a","value":{{"intValue":"7"}}}}]}}}}}}]}}]}}]}}"#
    );
    for (kind, body) in both::<ExportLogsServiceRequest>(&json) {
        let taken = logs(&Request::new(kind, &body), &Limits::default()).expect("logs");
        let [failed, object] = taken.data.as_slice() else { panic!("{taken:?}") };
        assert_eq!(failed.of.labels.to_string(), r#"{app="cart", namespace="shop", pod="cart-1"}"#);
        assert_eq!((failed.of.level, failed.text.as_str()), (LogLevel::Error, "failed\nError: x\n at y"));
        assert_eq!((object.of.level, object.text.as_str()), (LogLevel::Warn, r#"{"a":7}"#));
        assert_eq!(object.at.map(|t| t.to_string()).as_deref(), Some("2026-01-02T03:04:05.678Z"));
        let empty = if kind == JSON { &b"{}"[..] } else { b"" };
        assert_eq!((taken.reply.status, taken.reply.content_type, taken.reply.body.as_slice()), (200, kind, empty));
    }
}

#[test]
fn metrics_are_series_under_prometheus_names() {
    let json = format!(
        r#"{{"resourceMetrics":[{{"resource":{RESOURCE},"scopeMetrics":[{{"metrics":[
        {{"name":"http.requests","unit":"1","sum":{{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[
            {{"timeUnixNano":"5000000","asInt":"3","attributes":[{{"key":"http.method","value":{{"stringValue":"GET"}}}}]}}]}}}},
        {{"name":"lost","sum":{{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{{"timeUnixNano":"5000000","asInt":"3"}}]}}}},
        {{"name":"cpu.utilization","unit":"1","gauge":{{"dataPoints":[{{"timeUnixNano":"5000000","asDouble":0.5}},{{"timeUnixNano":"6000000","flags":1}}]}}}},
        {{"name":"request.duration","unit":"s","histogram":{{"aggregationTemporality":2,"dataPoints":[
            {{"timeUnixNano":"5000000","count":"5","sum":2.5,"bucketCounts":["2","3"],"explicitBounds":[0.5]}}]}}}},
        {{"name":"q","unit":"ms","summary":{{"dataPoints":[{{"timeUnixNano":"5000000","count":"5","sum":2.5,"quantileValues":[{{"quantile":0.9,"value":7}}]}}]}}}}]}}]}}]}}"#
    );
    let rest = r#"instance="i-1", job="shop/cart""#;
    for (kind, body) in both::<ExportMetricsServiceRequest>(&json) {
        let taken = metrics(&Request::new(kind, &body), &Limits::default()).expect("metrics");
        let shown: Vec<String> = taken
            .data
            .iter()
            .map(|b| {
                assert_eq!((b.labels.value("namespace"), b.labels.value("pod")), ("shop", "cart-1"));
                format!("{} {:?}", b.labels.without(&["namespace", "pod"]), b.points)
            })
            .collect();
        assert_eq!(
            shown,
            [
                format!(r#"{{__name__="http_requests_total", http_method="GET", {rest}}} [(5, 3.0)]"#),
                format!(r#"{{__name__="cpu_utilization_ratio", {rest}}} [(5, 0.5), (6, NaN)]"#),
                format!(r#"{{__name__="request_duration_seconds_bucket", {rest}, le="0.5"}} [(5, 2.0)]"#),
                format!(r#"{{__name__="request_duration_seconds_bucket", {rest}, le="+Inf"}} [(5, 5.0)]"#),
                format!(r#"{{__name__="request_duration_seconds_sum", {rest}}} [(5, 2.5)]"#),
                format!(r#"{{__name__="request_duration_seconds_count", {rest}}} [(5, 5.0)]"#),
                format!(r#"{{__name__="q_milliseconds", {rest}, quantile="0.9"}} [(5, 7.0)]"#),
                format!(r#"{{__name__="q_milliseconds_sum", {rest}}} [(5, 2.5)]"#),
                format!(r#"{{__name__="q_milliseconds_count", {rest}}} [(5, 5.0)]"#),
            ]
        );
        assert!(is_stale(taken.data[1].points[1].1));
        assert_eq!(taken.dropped.get("delta_temporality"), Some(&1));
        if kind == JSON {
            let answer: serde_json::Value = serde_json::from_slice(&taken.reply.body).expect("JSON");
            assert_eq!(answer["partialSuccess"]["rejectedDataPoints"], "1");
        } else {
            use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
            let answer = ExportMetricsServiceResponse::decode(taken.reply.body.as_slice()).expect("protobuf");
            assert_eq!(answer.partial_success.map(|p| p.rejected_data_points), Some(1));
        }
    }
}

#[test]
fn traces_are_calls_by_pairs_and_by_peers() {
    let json = r#"{"resourceSpans":[
        {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[
            {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":3,"startTimeUnixNano":"60500000000","endTimeUnixNano":"60504000000"},
            {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175","kind":3,"startTimeUnixNano":"60500000000","endTimeUnixNano":"60504000000",
             "attributes":[{"key":"db.system","value":{"stringValue":"redis"}}],"status":{"code":2}},
            {"traceId":"","spanId":"","startTimeUnixNano":"0"}]}]},
        {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pay"}},{"key":"k8s.namespace.name","value":{"stringValue":"money"}}]},"scopeSpans":[{"spans":[
            {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b176","parentSpanId":"eee19b7ec3c1b174","kind":2,"startTimeUnixNano":"60501000000","endTimeUnixNano":"60503000000"},
            {"traceId":"00000000000000000000000000000001","spanId":"eee19b7ec3c1b177","kind":1,"startTimeUnixNano":"200000000000","endTimeUnixNano":"200000000000"}]}]}]}"#;
    for (kind, body) in both::<ExportTraceServiceRequest>(json) {
        let taken = traces(&Request::new(kind, &body), &Limits::default()).expect("traces");
        assert_eq!(taken.dropped.get("bad_span"), Some(&1));
        let mut fold = SpanFold::default();
        fold.take(taken.data);
        let calls = fold.finished(rootline_model::Timestamp::MAX);
        let shown: Vec<String> = calls
            .iter()
            .map(|c| {
                format!("{}>{}/{} {}/{} {}", c.caller.1, c.callee.0, c.callee.1, c.errors, c.calls, c.duration_ms_max)
            })
            .collect();
        assert_eq!(shown, ["cart>/redis 1/1 4", "cart>money/pay 0/1 2"]);
    }
}

#[test]
fn what_is_no_otlp_is_refused_with_its_code() {
    let records = [0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0];
    let limits = Limits { lines: 3, ..Limits::default() };
    for (kind, body, status) in
        [("text/plain", &b"{}"[..], 415), (JSON, b"[", 400), (PROTOBUF, b"\x0a\x7f", 400), (PROTOBUF, &records, 413)]
    {
        assert_eq!(logs(&Request::new(kind, body), &limits).expect_err("refused").status, status, "{kind}");
    }
    let bomb = zstd::encode_all(&vec![b' '; DECODED_BYTES + 1][..], 1).expect("in memory");
    let request = Request::new(JSON, &bomb).encoded("zstd");
    assert_eq!(logs(&request, &Limits::default()).expect_err("refused").status, 413);
}
