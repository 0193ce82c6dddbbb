//! Figures of `docs/internals/store.md`: bytes per sample, inserts per second, commit latency.
//!
//! `cargo run --release -p rootline-store --example measure -- FOLDER [CSV...]`: FOLDER is made and removed; each column of
//! a CSV file is a series at 15 s, beside the synthetic mix.
#![expect(clippy::disallowed_methods, reason = "measures")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, Both, LiveIncident, Member, Origin, Role, SeriesBatch, Severity, Stage};
use rootline_store::*;
use serde_json::json;

/// Two hours at 15 s.
const POINTS: usize = 480;
const SERIES: usize = 12_000;
const HOUR: i64 = 3_600_000;
const T0: i64 = 472_222 * HOUR;

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn ms(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or_default()
}

/// Seconds of CPU this thread has had (Linux), so that a busy machine does not make the code look slow.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
}

/// Counters, gauges in bytes, constants, noise of four decimals: the mix by which engines were compared.
fn synthetic(kind: &str, random: &mut Random) -> Vec<f64> {
    let mut last = random.below(1 << 24) as f64;
    let rate = 1 + random.below(500);
    (0..POINTS)
        .map(|_| {
            match kind {
                "counter" => last += (rate * 15 + random.below(rate * 4)) as f64,
                "bytes" if random.below(3) == 0 => last = (last + 4096.0 * (random.below(64) as f64 - 31.0)).max(0.0),
                "noise" => last = random.below(10_000_000) as f64 / 10_000.0,
                _ => {}
            }
            last
        })
        .collect()
}

fn csv(path: &Path) -> Outcome<Vec<Vec<f64>>> {
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for line in text.lines().skip(1) {
        for (i, field) in line.split(',').enumerate() {
            if columns.len() <= i {
                columns.push(Vec::new());
            }
            columns[i].push(field.trim().parse().unwrap_or(f64::NAN));
        }
    }
    // the first is the time
    Ok(columns.split_off(1.min(columns.len())))
}

fn batches(kind: &str, all: &[Vec<f64>]) -> Vec<SeriesBatch> {
    let series = |(n, values): (usize, &Vec<f64>)| {
        let n = n.to_string();
        let labels = [("__name__", kind), ("namespace", "shop"), ("pod", n.as_str()), ("container", "main")];
        // as a scrape loop stamps: mostly to the millisecond, now and then one late
        let time = |i: usize| T0 + 15_000 * i as i64 + i64::from(i.is_multiple_of(17));
        let points = values.iter().enumerate().map(|(i, v)| (time(i), *v)).collect();
        SeriesBatch { labels: labels.into_iter().collect(), points }
    };
    all.iter().enumerate().map(series).collect()
}

fn fresh(folder: &Path) -> Outcome<Store> {
    let _ = std::fs::remove_dir_all(folder);
    Ok(Store::open(folder, &Options::default())?)
}

fn chunk_bytes(folder: &Path, level: i64) -> Outcome<f64> {
    let db = rusqlite::Connection::open(folder.join("history.db"))?;
    Ok(db.query_row("SELECT total(length(bytes)) FROM chunk WHERE level = ?1", [level], |r| r.get(0))?)
}

fn bytes_per_sample(folder: &Path, kind: &str, all: &[Vec<f64>]) -> Outcome {
    let store = fresh(folder)?;
    let batches = batches(kind, all);
    let samples: usize = batches.iter().map(|b| b.points.len()).sum();
    let end = batches.iter().flat_map(|b| b.points.last()).map(|p| p.0).max().unwrap_or(T0);
    store.append(&batches, ms(end))?;
    store.flush(ms(end + 2 * HOUR))?;
    let used = store.size()?.history_used as f64;
    let n = samples as f64;
    let (raw, minutes, hours) = (chunk_bytes(folder, 0)?, chunk_bytes(folder, 1)?, chunk_bytes(folder, 2)?);
    println!(
        "{kind:>22}: {:>9} samples, raw {:.2} B/sample, with minutes and hours {:.2}, with all of SQLite {:.2}",
        samples,
        raw / n,
        (raw + minutes + hours) / n,
        used / n
    );
    Ok(())
}

/// Live: every 15 s one point of each series, a flush each time, an hour of it.
fn live(folder: &Path) -> Outcome {
    let store = fresh(folder)?;
    let mut random = Random(7);
    let kinds =
        ["counter", "counter", "counter", "counter", "bytes", "bytes", "bytes", "constant", "constant", "noise"];
    let all: Vec<Vec<f64>> = (0..SERIES).map(|n| synthetic(kinds[n % kinds.len()], &mut random)).collect();
    let batches = batches("mixed", &all);
    let (mut appends, mut flushes) = (0.0, 0.0);
    for i in 0..240 {
        let some: Vec<SeriesBatch> =
            batches.iter().map(|b| SeriesBatch { labels: b.labels.clone(), points: vec![b.points[i]] }).collect();
        let start = cpu_s();
        store.append(&some, ms(T0 + HOUR))?;
        appends += cpu_s() - start;
        let start = cpu_s();
        store.flush(ms(T0 + 15_000 * i as i64))?;
        flushes += cpu_s() - start;
    }
    let (wall, start) = (Instant::now(), cpu_s());
    store.flush(ms(T0 + HOUR + HOUR / 6))?;
    let (wall, cut) = (wall.elapsed(), cpu_s() - start);
    let n = (SERIES * 240) as f64;
    println!("live: {SERIES} series at 15 s for an hour, flushed every 15 s; CPU of one thread");
    println!(
        "  append {:.2} M samples/s, flush {:.1} ms, hourly cut {cut:.2} s ({wall:.0?} by the clock)",
        n / appends / 1e6,
        flushes / 240.0 * 1e3
    );
    println!("  all together {:.2} M samples/s", n / (appends + flushes + cut) / 1e6);
    drop(store);
    let start = cpu_s();
    let store = Store::open(folder, &Options::default())?;
    println!("  opened again in {:.0} ms", (cpu_s() - start) * 1e3);
    let one = SeriesQuery { matchers: vec![Matcher::Is("pod".into(), "77".into())], from: T0, to: T0 + HOUR };
    let start = cpu_s();
    let points = store.range(&one)?[0].points.len();
    println!("  one series, one hour: {points} points in {:.2} ms", (cpu_s() - start) * 1e3);
    let start = cpu_s();
    let points: usize = store.range(&SeriesQuery { matchers: Vec::new(), ..one })?.iter().map(|s| s.points.len()).sum();
    println!("  all series, one hour: {points} points in {:.0} ms", (cpu_s() - start) * 1e3);
    Ok(())
}

fn incident(id: u64, members: usize) -> LiveIncident {
    let member = |n: usize| Member {
        origin: Origin::Alert,
        alert: alert(n),
        entity: format!("pod/shop/cart-{n}"),
        role: Role::Folded,
        reason: Both { en: "runs on the node that is down".into(), zh: "运行在故障节点上".into() },
    };
    LiveIncident {
        id,
        version: 1,
        stage: Stage::Open,
        severity: Severity::Critical,
        title: Both::same("node n1 down"),
        onset: ms(T0),
        opened: ms(T0),
        updated: ms(T0),
        resolved: None,
        acked: None,
        members: (0..members).map(member).collect(),
        causes: Vec::new(),
        affected: Vec::new(),
        edges: Vec::new(),
        gaps: Vec::new(),
        timeline: Vec::new(),
    }
}

fn alert(n: usize) -> Alert {
    let n = n.to_string();
    Alert {
        labels: [("alertname", "PodDown"), ("namespace", "shop"), ("pod", n.as_str()), ("severity", "critical")]
            .into_iter()
            .collect(),
        annotations: [("summary", "Pod is down"), ("runbook_url", "https://example.org/runbooks/pod-down")]
            .into_iter()
            .collect(),
        starts_at: ms(T0),
        ends_at: Some(ms(T0 + 240_000)),
        hold_s: Some(300),
        generator_url: "http://prometheus:9090/graph?g0.expr=up".into(),
    }
}

/// Median and 99th of a hundred.
fn quantiles(name: &str, mut work: impl FnMut(u64) -> Outcome) -> Outcome<f64> {
    let mut all = Vec::new();
    let cpu = cpu_s();
    for n in 0..200 {
        let start = Instant::now();
        work(n)?;
        all.push(start.elapsed().as_secs_f64() * 1e3);
    }
    all.sort_by(f64::total_cmp);
    let cpu = (cpu_s() - cpu) / 200.0 * 1e3;
    println!("{name:>44}: p50 {:.2} ms, p99 {:.2} ms, CPU {cpu:.2} ms", all[100], all[197]);
    Ok(cpu)
}

fn state(folder: &Path) -> Outcome {
    let store = fresh(folder)?;
    quantiles("tick: one incident of 10, two messages", |n| {
        let message = |channel: &str| NewMessage {
            key: format!("{n}.1/{channel}"),
            channel: channel.into(),
            incident: Some(n + 1),
            version: 1,
            body: json!({ "text": "node n1 down" }),
            due: ms(T0),
        };
        let memberships = (0..10).map(|i| (alert(i).fingerprint(), Some(n + 1))).collect();
        let messages = vec![message("chat"), message("mail")];
        Ok(store.commit(&Tick {
            at: ms(T0),
            incidents: vec![incident(n + 1, 10)],
            memberships,
            messages,
            ..Tick::default()
        })?)
    })?;
    quantiles("tick: nothing but the clock", |n| {
        Ok(store.commit(&Tick { at: ms(T0 + n.cast_signed()), ..Tick::default() })?)
    })?;
    quantiles("tick: with a snapshot of 4 MiB", |_| {
        let snapshots = vec![("baselines".to_owned(), vec![7; 4 << 20])];
        Ok(store.commit(&Tick { at: ms(T0), snapshots, ..Tick::default() })?)
    })?;
    quantiles("claim and mark one message", |_| {
        let message = store.claim("chat", ms(T0), SignedDuration::from_secs(60), 1)?;
        message.iter().try_for_each(|m| store.mark_sent(&m.key, ms(T0)).map(|_| ()))?;
        Ok(())
    })?;
    for size in [1, 64, 256] {
        let mean = quantiles(&format!("put {size} alerts"), |n| {
            let some: Vec<Alert> = (0..size).map(|i| alert(n as usize * size + i)).collect();
            Ok(store.put_alerts(&some, ms(T0))?)
        })?;
        println!("{:>46}{:.0} alerts per second of CPU", "", size as f64 / mean * 1e3);
    }
    let start = cpu_s();
    let count = store.alerts()?.len();
    println!("{count} alerts loaded in {:.0} ms", (cpu_s() - start) * 1e3);
    let start = cpu_s();
    let open = store.open_incidents()?.len();
    println!("{open} open incidents loaded in {:.0} ms", (cpu_s() - start) * 1e3);
    Ok(())
}

fn events(folder: &Path) -> Outcome {
    let store = fresh(folder)?;
    const EVENTS: usize = 500_000;
    let start = cpu_s();
    for part in (0..EVENTS).collect::<Vec<_>>().chunks(500) {
        let some: Vec<KeptEvent> = part
            .iter()
            .map(|n| KeptEvent {
                uid: format!("5f0c2a1e-0000-4000-8000-{n:012}"),
                cluster: "prod".into(),
                namespace: format!("team-{}", n % 40),
                kind: "Pod".into(),
                name: format!("cart-6d5f9c7b8d-{}", n % 3000),
                object: format!("aaaa-{}", n % 3000),
                reason: ["BackOff", "Unhealthy", "Pulled", "FailedScheduling"][n % 4].into(),
                r#type: "Warning".into(),
                source: "kubelet".into(),
                note: format!(
                    "Back-off restarting failed container main in pod cart-6d5f9c7b8d-{}_shop({n})",
                    n % 3000
                ),
                count: 1,
                first: ms(T0 + *n as i64 * 5000),
                last: ms(T0 + *n as i64 * 5000),
                ..KeptEvent::default()
            })
            .collect();
        store.put_events(&some)?;
    }
    let took = cpu_s() - start;
    let size = store.size()?.history_used;
    println!(
        "{EVENTS} events: {:.0} per second of CPU, {:.0} B each",
        EVENTS as f64 / took,
        size as f64 / EVENTS as f64
    );
    let queries = [
        ("latest 50", EventQuery::default()),
        (
            "of one pod",
            EventQuery {
                namespace: "team-7".into(),
                kind: "Pod".into(),
                name: "cart-6d5f9c7b8d-7".into(),
                ..Default::default()
            },
        ),
        ("text that is nowhere", EventQuery { text: "no such text".into(), ..Default::default() }),
    ];
    for (name, query) in queries {
        let start = cpu_s();
        let found = store.events(&query, None, 50)?.items.len();
        println!("  {name}: {found} in {:.2} ms", (cpu_s() - start) * 1e3);
    }
    Ok(())
}

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: measure FOLDER [CSV...]")?;
    let mut random = Random(1);
    for kind in ["counter", "bytes", "constant", "noise"] {
        let all: Vec<Vec<f64>> = (0..1000).map(|_| synthetic(kind, &mut random)).collect();
        bytes_per_sample(&folder, kind, &all)?;
    }
    for path in arguments {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bytes_per_sample(&folder, &name, &csv(&path)?)?;
    }
    live(&folder)?;
    state(&folder)?;
    events(&folder)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
