//! How fast, and how robust against bytes that are nearly right. Both take a while and run when asked for.

use jiff::{SignedDuration, Timestamp};

use super::tests::{NOW, V1, V2, at, loki_wire, wire};
use super::*;

const REQUESTS: usize = 50;
const EACH: usize = 2_000;

/// `cargo test --release -p rootline-sources speed_of_remote_write -- --ignored --nocapture`
///
/// 100,000 series with eleven labels each as cAdvisor has them, 2,000 samples a request as Prometheus sends them: one sample
/// a series (the steady state of scraping) and, for comparison, with nothing remembered from before.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::disallowed_methods, reason = "measures")]
fn speed_of_remote_write() {
    let labels = label_sets();
    let (first, second) = (version_1(&labels), version_2(&labels));
    for (kind, name, bodies) in [(V1, "1.0", &first), (V2, "2.0", &second)] {
        let mut receiver = RemoteWrite::new(Limits::default(), SeriesCache::new(REQUESTS * EACH, 1 << 30));
        for round in 0..4 {
            let start = cpu_s();
            let mut samples = 0;
            for body in bodies {
                let taken = receiver.decode(&Request::new(kind, body).encoded("snappy")).expect("a message");
                samples += taken.data.iter().map(|b| b.points.len()).sum::<usize>();
            }
            let seconds = cpu_s() - start;
            assert_eq!(samples, REQUESTS * EACH);
            let state = if round == 0 { "cold" } else { "warm" };
            #[allow(clippy::cast_precision_loss, reason = "a figure to print")]
            let rate = samples as f64 / seconds;
            println!("remote write {name} {state}: {rate:.0} samples per CPU second");
        }
    }
}

fn label_sets() -> Vec<Vec<(String, String)>> {
    let name = |i: usize| format!("app-{}-7d9f8c6b5-x{:04}", i % 97, i);
    let value = |i: usize| -> Vec<(String, String)> {
        [
            ("__name__", "container_cpu_usage_seconds_total".to_owned()),
            ("container", format!("app-{}", i % 97)),
            ("cpu", "total".to_owned()),
            ("endpoint", "https-metrics".to_owned()),
            ("id", format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{i:032x}.slice")),
            ("image", "registry.example.com/shop/app@sha256:0123456789abcdef0123456789abcdef".to_owned()),
            ("instance", format!("10.0.{}.{}:10250", i % 200, i % 250)),
            ("job", "kubelet".to_owned()),
            ("namespace", format!("team-{}", i % 31)),
            ("node", format!("node-{}", i % 200)),
            ("pod", name(i)),
        ]
        .map(|(n, v)| (n.to_owned(), v))
        .to_vec()
    };
    (0..REQUESTS * EACH).map(value).collect()
}

fn version_1(labels: &[Vec<(String, String)>]) -> Vec<Vec<u8>> {
    let borrowed =
        |l: &[(String, String)]| l.iter().map(|(n, v)| wire::Label { name: n.clone(), value: v.clone() }).collect();
    labels
        .chunks(EACH)
        .map(|chunk| {
            let series = |l: &Vec<(String, String)>| wire::TimeSeries {
                labels: borrowed(l),
                samples: vec![wire::sample((1_767_323_045_678, 0.123_456_789))],
                ..wire::TimeSeries::default()
            };
            wire::packed(&wire::WriteRequest { timeseries: chunk.iter().map(series).collect(), metadata: vec![] })
        })
        .collect()
}

fn version_2(labels: &[Vec<(String, String)>]) -> Vec<Vec<u8>> {
    labels
        .chunks(EACH)
        .map(|chunk| {
            let mut symbols: Vec<String> = vec![String::new()];
            let mut known: std::collections::HashMap<String, u32> = std::collections::HashMap::new();
            let mut reference = |text: &String| {
                *known.entry(text.clone()).or_insert_with(|| {
                    symbols.push(text.clone());
                    u32::try_from(symbols.len() - 1).expect("few")
                })
            };
            let timeseries = chunk
                .iter()
                .map(|l| wire::TimeSeries2 {
                    labels_refs: l.iter().flat_map(|(n, v)| [reference(n), reference(v)]).collect(),
                    samples: vec![wire::sample((1_767_323_045_678, 0.123_456_789))],
                    ..wire::TimeSeries2::default()
                })
                .collect();
            wire::packed(&wire::Request2 { symbols, timeseries })
        })
        .collect()
}

/// Seconds this thread has computed. The machine may be busy with other things.
#[allow(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "measures")]
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).expect("nanoseconds") as f64 / 1e9
}

/// Messages and lines that are nearly right, for as long as `SECONDS` says (60): nothing panics, nothing grows without
/// bound. What `fuzz/` does with coverage, this does with any compiler.
#[test]
#[ignore = "takes a minute"]
#[allow(clippy::disallowed_methods, reason = "measures")]
fn nearly_right_bytes_do_not_panic() {
    let seeds = seeds();
    let seconds: u64 = std::env::var("SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(60);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0) % below.max(1)
    };
    let (mut runs, mut receiver, mut fold) =
        (0_u64, RemoteWrite::new(Limits::default(), SeriesCache::new(100, 10_000)), SpanFold::default());
    let mut intake = crate::intake::Intake::default();
    while std::time::Instant::now() < end {
        let mut bytes = seeds[random(seeds.len())].clone();
        for _ in 0..=random(6) {
            let at = random(bytes.len());
            match random(5) {
                0 => bytes.truncate(at),
                1 if at < bytes.len() => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                2 if at < bytes.len() => bytes[at] ^= 1 << random(8),
                3 => {
                    let other = &seeds[random(seeds.len())];
                    let from = random(other.len());
                    let part: Vec<u8> = other[from..(from + random(40)).min(other.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let to = (at + random(20)).min(bytes.len());
                    let part = bytes[at.min(to)..to].to_vec();
                    bytes.splice(at.min(to)..at.min(to), part);
                }
            }
        }
        every_decoder(&bytes, &mut receiver, &mut fold, &mut intake);
        runs += 1;
    }
    println!("{runs} messages");
}

fn seeds() -> Vec<Vec<u8>> {
    use prost::Message;
    let v1 = wire::WriteRequest {
        timeseries: vec![wire::series(&[("__name__", "up"), ("job", "a")], &[(1, 1.0), (2, 2.0)]); 3],
        metadata: vec![wire::Metadata { kind: 1, family: "up".into() }],
    };
    let v2 = wire::Request2 {
        symbols: ["", "__name__", "up", "job", "a"].map(String::from).to_vec(),
        timeseries: vec![
            wire::TimeSeries2 {
                labels_refs: vec![1, 2, 3, 4],
                samples: vec![wire::sample((1, 1.0))],
                ..Default::default()
            };
            3
        ],
    };
    let stream = loki_wire::Stream {
        labels: r#"{namespace="shop", pod="cart-1"}"#.into(),
        entries: vec![loki_wire::Entry {
            timestamp: Some(loki_wire::Time { seconds: 1, nanos: 5 }),
            line: "E0102 03:04:05.6 1 x.go:1] no".into(),
            metadata: vec![],
        }],
        hash: 0,
    };
    [
        v1.encode_to_vec(),
        v2.encode_to_vec(),
        loki_wire::Push { streams: vec![stream] }.encode_to_vec(),
        br#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"k":"v"}]]}]}"#.to_vec(),
        br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"a"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","severityNumber":17,"body":{"stringValue":"x"}}]}]}]}"#.to_vec(),
        br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"5","count":"5","sum":2.5,"bucketCounts":["2","3"],"explicitBounds":[0.5]}]}}]}]}]}"#.to_vec(),
        br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":3,"startTimeUnixNano":"60500000000","endTimeUnixNano":"60504000000"}]}]}]}"#.to_vec(),
        b"{\"index\":{}}\n{\"log\":\"x\",\"@timestamp\":1}\n".to_vec(),
        br#"[{"labels":{"alertname":"A"},"startsAt":"2026-06-01T11:00:00.5Z"}]"#.to_vec(),
        b"# TYPE r histogram\nr_bucket{le=\"1\",a=\"\\n\"} 4 1.5 # {t=\"a\"} 0.3 1.4\n{\"m\",a=\"b\"} +Inf\n".to_vec(),
        b"2026-01-02T03:04:05Z stdout P x\n<11>1 2026-01-02T03:04:05Z h a - - [x] y\nlevel=error msg=\"a \\\"b\" err=x\npanic: x\n\ngoroutine 1 [running]:\nTraceback (most recent call last):\n  File\nKeyError: 1\n{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05Z\"}\n".to_vec(),
    ]
    .to_vec()
}

fn every_decoder(bytes: &[u8], receiver: &mut RemoteWrite, fold: &mut SpanFold, intake: &mut crate::intake::Intake) {
    let limits =
        Limits { series: 50, samples: 200, lines: 50, spans: 50, alerts: 50, line_bytes: 200, ..Limits::default() };
    let packed = snap::raw::Encoder::new().compress_vec(bytes).expect("snappy packs any bytes");
    let mut out = Vec::new();
    for kind in [V1, V2] {
        if let Ok(taken) = receiver.decode(&Request::new(kind, &packed).encoded("snappy")) {
            assert!(
                taken.data.iter().all(|b| b.points.is_sorted_by_key(|p| p.0) && !b.labels.value("__name__").is_empty())
            );
        }
        assert!(receiver.cache().len() <= 200);
    }
    let lines = [
        loki::push(&Request::new(V1, &packed), &limits),
        loki::push(&Request::new("application/json", bytes), &limits),
    ]
    .into_iter()
    .chain([V1, "application/json"].map(|kind| otlp::logs(&Request::new(kind, bytes), &limits)))
    .chain([elasticsearch::bulk(&Request::new("", bytes), &limits)]);
    for taken in lines.flatten() {
        assert!(taken.data.len() <= 50 && taken.data.iter().all(|l| l.text.len() <= 200));
        taken.data.into_iter().for_each(|line| intake.take(line, at(NOW), &mut out));
    }
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        intake.take(crate::intake::Line { text: line.to_owned(), ..Default::default() }, at(NOW), &mut out);
    }
    intake.flush(at(NOW), &mut out);
    for kind in [V1, "application/json"] {
        let _ = otlp::metrics(&Request::new(kind, bytes), &limits);
        if let Ok(taken) = otlp::traces(&Request::new(kind, bytes), &limits) {
            fold.take(taken.data);
        }
    }
    if let Ok(taken) = zipkin::spans(&Request::new("", bytes), &limits) {
        fold.take(taken.data);
    }
    let _ = fold.finished(Timestamp::MAX);
    let _ = events::events(&Request::new("", bytes), &limits);
    let _ = alerts::webhook(&Request::new("", bytes), &limits, at(NOW));
    let _ = alerts::posted(&Request::new("", bytes), &limits, at(NOW), SignedDuration::from_mins(5));
    for kind in ["", "application/openmetrics-text"] {
        let _ = exposition::parse(
            &exposition::Page { text: bytes, content_type: kind, at_ms: 0 },
            &rootline_model::LabelSet::default(),
            &limits,
        );
    }
}
