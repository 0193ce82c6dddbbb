//! Decoders against bytes made by independent encoders.

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, is_stale};

use super::*;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) const NOW: &str = "2026-06-01T12:00:00Z";

fn posted(body: &str) -> Result<Taken<Vec<Alert>>, Refused> {
    let request = Request::new("application/json", body.as_bytes());
    alerts::posted(&request, &Limits::default(), at(NOW), SignedDuration::from_mins(5))
}

#[test]
fn alerts_of_prometheus_are_read_as_alertmanager_reads_them() {
    let taken = posted(
        r#"[{"labels":{"alertname":"A","empty":""},"annotations":{"summary":"s"},"startsAt":"2026-06-01T11:00:00.5Z",
             "endsAt":"2026-06-01T12:04:00Z","generatorURL":"http://p/graph"},
            {"labels":{"alertname":"B"}},
            {"labels":{"alertname":"C"},"endsAt":"2026-06-01T11:30:00Z","startsAt":"0001-01-01T00:00:00Z"}]"#,
    )
    .expect("alerts");
    let [a, b, c] = taken.data.as_slice() else { panic!("{taken:?}") };
    assert_eq!(taken.reply.status, 200);
    assert_eq!((a.labels.to_string().as_str(), a.annotations.value("summary")), (r#"{alertname="A"}"#, "s"));
    assert_eq!((a.starts_at, a.ends_at), (at("2026-06-01T11:00:00.5Z"), Some(at("2026-06-01T12:04:00Z"))));
    assert_eq!(a.generator_url, "http://p/graph");
    assert_eq!((b.starts_at, b.ends_at), (at(NOW), Some(at("2026-06-01T12:05:00Z"))));
    assert_eq!((c.starts_at, c.is_firing(at(NOW))), (at("2026-06-01T11:30:00Z"), false));
}

#[test]
fn valid_alerts_are_taken_though_others_are_not() {
    let taken = posted(
        r#"[{"labels":{"a":""}},{"labels":{"alertname":"B"}},{"labels":{"alertname":1}},
            {"labels":{"alertname":"D"},"startsAt":"2026-06-01T11:30:00Z","endsAt":"2026-06-01T11:00:00Z"}]"#,
    )
    .expect("some alerts");
    assert_eq!(taken.data.iter().map(Alert::name).collect::<Vec<_>>(), ["B"]);
    assert_eq!((taken.reply.status, taken.dropped.get("invalid_alert")), (400, Some(&3)));
    let told = String::from_utf8(taken.reply.body).expect("text");
    assert!(told.contains("alert 0: at least one label pair required"), "{told}");
    assert!(told.contains("alert 3: start time must be before end time"), "{told}");
}

#[test]
fn what_is_no_post_of_alerts_is_refused() {
    let limits = Limits { alerts: 1, body_bytes: 60, ..Limits::default() };
    for (kind, body, status) in [
        ("application/json", "{}", 400),
        ("application/json", "[", 400),
        ("text/html", "[]", 415),
        ("application/json", r#"[{"labels":{"a":"1"}},{"labels":{"a":"2"}}]"#, 413),
        ("application/json", &" ".repeat(61), 413),
    ] {
        let request = Request::new(kind, body.as_bytes());
        let refused = alerts::posted(&request, &limits, at(NOW), SignedDuration::from_mins(5)).expect_err(body);
        assert_eq!(refused.status, status, "{body}");
    }
}

#[test]
fn a_webhook_tells_what_fires_and_what_does_not() {
    let body = r#"{"version":"4","groupKey":"{}:{}","truncatedAlerts":2,"status":"firing","receiver":"r","new":{"x":1},
        "alerts":[{"status":"firing","labels":{"alertname":"A"},"annotations":{},"startsAt":"2026-06-01T11:00:00Z",
                   "endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"00"},
                  {"status":"resolved","labels":{"alertname":"B"},"startsAt":"2026-06-01T11:00:00Z","endsAt":"2026-06-01T11:10:00Z"}]}"#;
    let taken = alerts::webhook(&Request::new("application/json", body.as_bytes()), &Limits::default(), at(NOW))
        .expect("a webhook");
    let [a, b] = taken.data.as_slice() else { panic!("{taken:?}") };
    assert_eq!((a.ends_at, b.ends_at), (None, Some(at("2026-06-01T11:10:00Z"))));
    assert_eq!((taken.reply.status, taken.dropped.get("truncated_by_sender")), (200, Some(&2)));
}

/// Messages of remote write, encoded by prost from the fields of the specification.
pub(super) mod wire {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<Metadata>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Metadata {
        #[prost(int32, tag = "1")]
        pub kind: i32,
        #[prost(string, tag = "2")]
        pub family: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub exemplars: Vec<Sample>,
        #[prost(message, repeated, tag = "4")]
        pub histograms: Vec<Sample>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Label {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
        #[prost(int64, tag = "3")]
        pub start_timestamp: i64,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Request2 {
        #[prost(string, repeated, tag = "4")]
        pub symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub timeseries: Vec<TimeSeries2>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct TimeSeries2 {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub histograms: Vec<Sample>,
        #[prost(message, repeated, tag = "4")]
        pub exemplars: Vec<Sample>,
        #[prost(message, optional, tag = "5")]
        pub metadata: Option<Metadata>,
        #[prost(int64, tag = "6")]
        pub created_timestamp: i64,
    }

    pub fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
        let labels = labels.iter().map(|(n, v)| Label { name: (*n).into(), value: (*v).into() }).collect();
        TimeSeries { labels, samples: samples.iter().map(|s| sample(*s)).collect(), ..TimeSeries::default() }
    }

    pub fn sample((timestamp, value): (i64, f64)) -> Sample {
        Sample { value, timestamp, start_timestamp: 0 }
    }

    pub fn packed(message: &impl Message) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).expect("snappy packs any bytes")
    }
}

pub(super) const V1: &str = "application/x-protobuf";
pub(super) const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn write(kind: &str, body: &[u8]) -> Result<Taken<Vec<rootline_model::SeriesBatch>>, Refused> {
    RemoteWrite::default().decode(&Request::new(kind, body).encoded("snappy"))
}

#[test]
fn remote_write_1_is_read_with_stale_markers_and_in_order() {
    let stale = f64::from_bits(rootline_model::STALE);
    let mut first = wire::series(&[("__name__", "up"), ("job", "a")], &[(3, stale), (1, 1.0), (2, 0.5), (1, 7.0)]);
    first.histograms.push(wire::sample((1, 0.0)));
    first.exemplars.push(wire::sample((1, 0.0)));
    let message = wire::WriteRequest {
        timeseries: vec![first, wire::series(&[("__name__", "down")], &[(-5, f64::INFINITY)])],
        metadata: vec![wire::Metadata { kind: 1, family: "up".into() }],
    };
    let taken = write(V1, &wire::packed(&message)).expect("a message");
    let [up, down] = taken.data.as_slice() else { panic!("{taken:?}") };
    assert_eq!(up.labels.to_string(), r#"{__name__="up", job="a"}"#);
    assert_eq!(up.points[..2], [(1, 7.0), (2, 0.5)]);
    assert!(up.points[2].0 == 3 && is_stale(up.points[2].1));
    assert_eq!(down.points, [(-5, f64::INFINITY)]);
    assert_eq!((taken.reply.status, taken.reply.headers.len()), (204, 0));
    assert_eq!((taken.dropped.get("native_histogram"), taken.dropped.get("exemplar")), (Some(&1), Some(&1)));
}

#[test]
fn bad_series_are_answered_with_400_after_the_rest_is_taken() {
    let good: &[_] = &[("__name__", "up")];
    let long = "x".repeat(4097);
    for bad in [
        &[("__name__", "up"), ("b", "1"), ("a", "1")][..],
        &[("__name__", "up"), ("a", "1"), ("a", "2")],
        &[("a", "1")],
        &[("", "1"), ("__name__", "up")],
        &[("__name__", "up"), ("a", &long)],
    ] {
        let timeseries = vec![wire::series(bad, &[(1, 1.0)]), wire::series(good, &[(1, 1.0)])];
        let taken =
            write(V1, &wire::packed(&wire::WriteRequest { timeseries, metadata: vec![] })).expect("the good series");
        assert_eq!(
            (taken.reply.status, taken.data.len(), taken.dropped.get("bad_series")),
            (400, 1, Some(&1)),
            "{bad:?}"
        );
    }
}

#[test]
fn remote_write_2_resolves_symbols_and_counts_what_was_written() {
    let symbols = ["", "__name__", "up", "job", "a"].map(String::from).to_vec();
    let series = |labels_refs: &[u32], samples: &[(i64, f64)]| wire::TimeSeries2 {
        labels_refs: labels_refs.to_vec(),
        samples: samples.iter().map(|s| wire::Sample { start_timestamp: 1, ..wire::sample(*s) }).collect(),
        histograms: vec![wire::sample((1, 1.0))],
        metadata: Some(wire::Metadata::default()),
        created_timestamp: 5,
        ..wire::TimeSeries2::default()
    };
    let mut message = wire::Request2 {
        symbols,
        timeseries: vec![series(&[1, 2, 3, 4], &[(1, 1.0), (2, 2.0)]), series(&[1, 2], &[])],
    };
    let header = |taken: &Taken<_>, what: &str| {
        let name = format!("X-Prometheus-Remote-Write-{what}-Written");
        taken.reply.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    };
    let taken = write(V2, &wire::packed(&message)).expect("a message");
    assert_eq!(taken.data.len(), 1);
    assert_eq!(taken.data[0].labels.to_string(), r#"{__name__="up", job="a"}"#);
    assert_eq!(taken.data[0].points, [(1, 1.0), (2, 2.0)]);
    assert_eq!((taken.reply.status, header(&taken, "Samples").as_deref()), (204, Some("2")));
    assert_eq!(
        (header(&taken, "Histograms").as_deref(), header(&taken, "Exemplars").as_deref()),
        (Some("2"), Some("0"))
    );

    for refs in [&[1, 9][..], &[1, 2, 3], &[3, 4]] {
        message.timeseries[1] = series(refs, &[(1, 1.0)]);
        let taken = write(V2, &wire::packed(&message)).expect("the first series");
        assert_eq!((taken.reply.status, header(&taken, "Samples").as_deref()), (400, Some("2")), "{refs:?}");
    }
    message.symbols[0] = "x".into();
    assert_eq!(write(V2, &wire::packed(&message)).expect_err("refused").status, 400);
}

#[test]
fn a_series_that_comes_again_shares_its_label_set() {
    let message = |value| wire::WriteRequest {
        timeseries: vec![wire::series(&[("__name__", "up"), ("job", "a")], &[(1, value)])],
        metadata: vec![],
    };
    let mut receiver = RemoteWrite::new(Limits::default(), SeriesCache::new(1, 1000));
    for value in [1.0, 2.0] {
        let body = wire::packed(&message(value));
        let taken = receiver.decode(&Request::new(V1, &body).encoded("snappy")).expect("a message");
        assert_eq!(taken.data[0].points, [(1, value)]);
    }
    assert_eq!(receiver.cache().len(), 1);
    // others push it out, and it comes back as it was
    for job in ["b", "c", "d", "a"] {
        let timeseries = vec![wire::series(&[("__name__", "up"), ("job", job)], &[(1, 1.0)])];
        let body = wire::packed(&wire::WriteRequest { timeseries, metadata: vec![] });
        let taken = receiver.decode(&Request::new(V1, &body).encoded("snappy")).expect("a message");
        assert_eq!(taken.data[0].labels.get("job"), Some(job));
        assert!(receiver.cache().len() <= 2);
    }
}

#[test]
fn what_is_no_remote_write_is_refused_with_its_code() {
    let good = wire::packed(&wire::WriteRequest {
        timeseries: (0..3).map(|i| wire::series(&[("__name__", "up")], &[(i, 1.0), (i + 1, 1.0)])).collect(),
        metadata: vec![],
    });
    let limits = |limits| RemoteWrite::new(limits, SeriesCache::default());
    let default = Limits::default;
    // 2 GiB declared in five bytes
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x07];
    let cases: [(&str, &str, &[u8], Limits, u16); 9] = [
        ("text/plain", "snappy", &good, default(), 415),
        ("application/x-protobuf;proto=other", "snappy", &good, default(), 415),
        (V1, "gzip", &good, default(), 415),
        (V1, "snappy", b"\x05garbage", default(), 400),
        (V1, "snappy", &snap::raw::Encoder::new().compress_vec(b"\x0a\x7f").expect("packed"), default(), 400),
        (V1, "snappy", &bomb, default(), 413),
        (V1, "snappy", &good, Limits { body_bytes: 10, ..default() }, 413),
        (V1, "snappy", &good, Limits { series: 2, ..default() }, 413),
        (V1, "snappy", &good, Limits { samples: 5, ..default() }, 413),
    ];
    for (kind, encoding, body, limit, status) in cases {
        let refused = limits(limit).decode(&Request::new(kind, body).encoded(encoding)).expect_err("refused");
        assert_eq!(refused.status, status, "{refused} ({kind} {encoding})");
    }
    // an old sender names neither
    assert_eq!(RemoteWrite::default().decode(&Request::new("", &good)).expect("taken").data.len(), 3);
}

#[test]
fn bombs_are_refused_in_every_encoding() {
    use std::io::Write;
    let zeros = vec![0_u8; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&zeros).expect("in memory");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&zeros).expect("in memory");
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    raw.write_all(&zeros).expect("in memory");
    let packed = [
        ("gzip", gzip.finish().expect("in memory")),
        ("deflate", zlib.finish().expect("in memory")),
        ("deflate", raw.finish().expect("in memory")),
        ("zstd", zstd::encode_all(&zeros[..], 3).expect("in memory")),
        ("snappy", snap::raw::Encoder::new().compress_vec(&zeros).expect("in memory")),
        ("", zeros.clone()),
    ];
    for (encoding, body) in packed {
        let request = Request::new("", &body).encoded(encoding);
        let limits = |decoded_bytes| Limits { decoded_bytes, ..Limits::default() };
        assert_eq!(body::decoded(&request, &limits(1 << 20)).expect("it fits").len(), 1 << 20, "{encoding}");
        assert_eq!(body::decoded(&request, &limits((1 << 20) - 1)).expect_err("refused").status, 413, "{encoding}");
        if !encoding.is_empty() {
            let half = Request { body: &body[..body.len() / 2], ..request };
            assert_eq!(body::decoded(&half, &limits(1 << 20)).expect_err("refused").status, 400, "{encoding}");
        }
    }
    assert_eq!(
        body::decoded(&Request::new("", b"").encoded("br"), &Limits::default()).expect_err("refused").status,
        415
    );
}

#[test]
fn a_refusal_tells_when_to_come_again() {
    let reply = Refused::busy("too many series", 7).reply();
    assert_eq!((reply.status, reply.headers.as_slice()), (429, &[("Retry-After", "7".to_owned())][..]));
}

fn texts(taken: &Taken<Vec<crate::intake::Line>>) -> Vec<(String, String, &str)> {
    let at = |l: &crate::intake::Line| l.at.map_or(String::new(), |t| t.to_string());
    taken.data.iter().map(|l| (l.of.labels.to_string(), at(l), l.text.as_str())).collect()
}

#[test]
fn loki_takes_json_with_metadata() {
    let body = r#"{"streams":[{"stream":{"namespace":"shop","job":"x"},"values":[
        ["1767323045678000000","a \"b\""],["1767323045678000001","c",{"k8s.pod.name":"cart-1","trace_id":"1"}]]},
        {"stream":{},"values":[["1","x"]]}]}"#;
    let taken = loki::push(&Request::new("application/json", body.as_bytes()), &Limits::default()).expect("a push");
    assert_eq!(
        texts(&taken),
        [
            (r#"{namespace="shop"}"#.to_owned(), "2026-01-02T03:04:05.678Z".to_owned(), "a \"b\""),
            (r#"{namespace="shop", pod="cart-1"}"#.to_owned(), "2026-01-02T03:04:05.678000001Z".to_owned(), "c"),
        ]
    );
    assert_eq!((taken.reply.status, taken.dropped.get("bad_stream")), (400, Some(&1)));
}

/// `push.proto` of Loki, encoded by prost.
pub(super) mod loki_wire {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub struct Push {
        #[prost(message, repeated, tag = "1")]
        pub streams: Vec<Stream>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Stream {
        #[prost(string, tag = "1")]
        pub labels: String,
        #[prost(message, repeated, tag = "2")]
        pub entries: Vec<Entry>,
        #[prost(uint64, tag = "3")]
        pub hash: u64,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Entry {
        #[prost(message, optional, tag = "1")]
        pub timestamp: Option<Time>,
        #[prost(string, tag = "2")]
        pub line: String,
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<super::wire::Label>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Time {
        #[prost(int64, tag = "1")]
        pub seconds: i64,
        #[prost(int32, tag = "2")]
        pub nanos: i32,
    }
}

#[test]
fn loki_takes_protobuf_under_snappy_and_under_gzip() {
    use prost::Message;
    use std::io::Write;
    let metadata = vec![wire::Label { name: "pod".into(), value: "cart-1".into() }];
    let entry = |line: &str, metadata| loki_wire::Entry {
        timestamp: Some(loki_wire::Time { seconds: 1, nanos: 5 }),
        line: line.into(),
        metadata,
    };
    let stream = |labels: &str| loki_wire::Stream {
        labels: labels.into(),
        entries: vec![entry("one", vec![]), entry("two", metadata.clone())],
        hash: 1,
    };
    let push = loki_wire::Push { streams: vec![stream(r#"{namespace="sh\"op", x="1"}"#), stream("{"), stream("{}")] };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&push.encode_to_vec()).expect("in memory");
    let kind = "application/x-protobuf";
    for (encoding, body) in
        [("snappy", wire::packed(&push)), ("", wire::packed(&push)), ("gzip", gzip.finish().expect("in memory"))]
    {
        let taken = loki::push(&Request::new(kind, &body).encoded(encoding), &Limits::default()).expect("a push");
        assert_eq!(
            texts(&taken),
            [
                (r#"{namespace="sh\"op"}"#.to_owned(), "1970-01-01T00:00:01.000000005Z".to_owned(), "one"),
                (
                    r#"{namespace="sh\"op", pod="cart-1"}"#.to_owned(),
                    "1970-01-01T00:00:01.000000005Z".to_owned(),
                    "two"
                ),
            ]
        );
        assert_eq!((taken.reply.status, taken.dropped.get("bad_stream")), (400, Some(&2)));
    }
}

#[test]
fn a_push_to_loki_is_refused_with_its_code() {
    let limits = Limits { lines: 1, line_bytes: 3, ..Limits::default() };
    for (kind, encoding, body, status) in [
        ("application/json", "", r#"{"streams":[{"stream":{"a":"b"},"values":[[1767323045678,"x"]]}]}"#, 400),
        ("application/json", "", r#"{"streams":[{"stream":{"a":"b"},"values":[["x","x"]]}]}"#, 400),
        ("application/json", "", "{}", 400),
        ("application/json", "br", "{}", 415),
        ("text/plain", "", "{}", 415),
        ("application/x-protobuf", "", "{}", 400),
        ("application/json", "", r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"],["1","x"]]}]}"#, 413),
    ] {
        let request = Request::new(kind, body.as_bytes()).encoded(encoding);
        assert_eq!(loki::push(&request, &limits).expect_err(body).status, status, "{kind} {body}");
    }
    let long = br#"{"streams":[{"stream":{"a":"b"},"values":[["1","abcd"]]}]}"#;
    let taken = loki::push(&Request::new("application/json", long), &limits).expect("a push");
    assert_eq!(
        (taken.data[0].text.as_str(), taken.dropped.get("cut_line"), taken.reply.status),
        ("abc", Some(&1), 204)
    );
}

#[test]
fn bulk_answers_each_item_and_takes_what_fluent_bit_writes() {
    let body = concat!(
        r#"{"create":{"_index":"logs"}}"#,
        "\n",
        r#"{"@timestamp":"2026-01-02T03:04:05.678Z","stream":"stderr","log":"ERROR no\n","kubernetes":{"pod_name":"cart-1","namespace_name":"shop","container_name":"app","host":"n1","labels":{"app":"cart"}}}"#,
        "\n",
        r#"{"index":{}}"#,
        "\n",
        "{nonsense}\n",
        r#"{"delete":{"_id":"1"}}"#,
        "\n",
        r#"{"index":{"_index":"x"}}"#,
        "\n",
        r#"{"a":1}"#,
        "\n",
    );
    let taken =
        elasticsearch::bulk(&Request::new("application/x-ndjson", body.as_bytes()), &Limits::default()).expect("bulk");
    assert_eq!(
        texts(&taken),
        [
            (
                r#"{app="cart", container="app", namespace="shop", node="n1", pod="cart-1"}"#.to_owned(),
                "2026-01-02T03:04:05.678Z".to_owned(),
                "ERROR no\n"
            ),
            ("{}".to_owned(), String::new(), r#"{"a":1}"#),
        ]
    );
    let answer: serde_json::Value = serde_json::from_slice(&taken.reply.body).expect("JSON");
    let status: Vec<i64> = answer["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|i| i.as_object()?.values().next()?["status"].as_i64())
        .collect();
    assert_eq!((taken.reply.status, answer["errors"].as_bool(), status), (200, Some(true), vec![201, 400, 400, 201]));
    for body in ["", "{}", "x", r#"{"index":{}}"#] {
        let request = Request::new("application/json", body.as_bytes());
        assert_eq!(elasticsearch::bulk(&request, &Limits::default()).expect_err(body).status, 400);
    }
    let probe: serde_json::Value = serde_json::from_slice(&elasticsearch::probe().body).expect("JSON");
    assert_eq!(probe["version"]["number"], elasticsearch::VERSION);
}

#[test]
fn zipkin_spans_become_calls() {
    let body = r#"[{"traceId":"5af7183fb1d4cf5f","id":"1","kind":"CLIENT","timestamp":60500000,"duration":4000,"localEndpoint":{"serviceName":"cart"}},
        {"traceId":"5af7183fb1d4cf5f","id":"1","kind":"SERVER","shared":true,"timestamp":60500100,"duration":3000,"localEndpoint":{"serviceName":"db"},"tags":{"error":"x"}},
        {"traceId":"zz","id":"1"}]"#;
    let taken = zipkin::spans(&Request::new("application/json", body.as_bytes()), &Limits::default()).expect("spans");
    assert_eq!((taken.reply.status, taken.dropped.get("bad_span")), (202, Some(&1)));
    let mut fold = SpanFold::default();
    fold.take(taken.data);
    let calls = fold.finished(Timestamp::MAX);
    assert_eq!(
        (calls.len(), calls[0].caller.1.as_str(), calls[0].callee.1.as_str(), calls[0].errors),
        (1, "cart", "db", 1)
    );
}

#[test]
fn events_are_read_in_every_shape_they_are_pushed_in() {
    let event = r#"{"metadata":{"name":"a.1","namespace":"shop"},"reason":"BackOff","message":"m","type":"Warning","involvedObject":{"kind":"Pod","name":"a","namespace":"shop"}}"#;
    let routed = format!(r#"{{"verb":"ADDED","event":{event},"old_event":null}}"#);
    for (body, count) in [
        (event.to_owned(), 1),
        (routed.clone(), 1),
        (format!("[{routed},{event}]"), 2),
        (format!("{routed}\n{routed}\n"), 2),
        (format!("<14>1 2026-01-02T03:04:05Z h eventrouter - - - {routed}\n<14>1 x {routed}"), 2),
    ] {
        let taken =
            events::events(&Request::new("application/json", body.as_bytes()), &Limits::default()).expect(&body);
        assert_eq!((taken.data.len(), taken.reply.status), (count, 204), "{body}");
    }
    for body in ["", "[]", "{}", r#"{"event":7}"#, r#"{"kind":"Pod","metadata":{"name":"a"}}"#] {
        let request = Request::new("application/json", body.as_bytes());
        assert_eq!(events::events(&request, &Limits::default()).expect_err(body).status, 400, "{body}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), text in "[\\[\\]{}\":,a-z0-9 \\\\\n=.#]{0,200}") {
        let limits = Limits::default();
        let packed = snap::raw::Encoder::new().compress_vec(&bytes).expect("snappy packs any bytes");
        for kind in [V1, V2, "application/json", ""] {
            for (encoding, body) in [("snappy", &packed), ("", &bytes), ("gzip", &bytes), ("zstd", &bytes), ("deflate", &bytes), ("", &text.as_bytes().to_vec())] {
                let request = Request::new(kind, body).encoded(encoding);
                let _ = RemoteWrite::default().decode(&request);
                let _ = loki::push(&request, &limits);
                let _ = otlp::logs(&request, &limits);
                let _ = otlp::metrics(&request, &limits);
                let _ = otlp::traces(&request, &limits);
                let _ = zipkin::spans(&request, &limits);
                let _ = elasticsearch::bulk(&request, &limits);
                let _ = events::events(&request, &limits);
                let _ = alerts::webhook(&request, &limits, at(NOW));
                let _ = alerts::posted(&request, &limits, at(NOW), SignedDuration::from_mins(5));
            }
        }
        let _ = exposition::parse(&exposition::Page { text: text.as_bytes(), content_type: "application/openmetrics-text", at_ms: 0 }, &rootline_model::LabelSet::default(), &limits);
    }

    #[test]
    fn remote_write_gives_back_what_was_written(
        values in proptest::collection::vec(("[a-z]{1,5}", "\\PC{1,20}", proptest::collection::btree_map(-1000_i64..1000, -1e9..1e9_f64, 1..5)), 0..20)
    ) {
        let timeseries = values.iter().map(|(job, value, points)| {
            let points: Vec<(i64, f64)> = points.iter().map(|(t, v)| (*t, *v)).collect();
            wire::series(&[("__name__", "up"), (job, value)], &points)
        }).collect();
        let taken = write(V1, &wire::packed(&wire::WriteRequest { timeseries, metadata: vec![] })).expect("a message");
        proptest::prop_assert_eq!(taken.data.len(), values.len());
        for (batch, (job, value, points)) in taken.data.iter().zip(&values) {
            proptest::prop_assert_eq!(batch.labels.get(job), Some(value.as_str()));
            proptest::prop_assert!(batch.points.iter().copied().eq(points.iter().map(|(t, v)| (*t, *v))));
        }
    }
}
