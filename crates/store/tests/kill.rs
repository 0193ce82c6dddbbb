//! A process under load is killed (`SIGKILL`) at many moments: what it had acknowledged is there, and nothing is twice.
//!
//! `ROOTLINE_KILL_ROUNDS` sets the number of rounds (`testbed/store-kill.sh` runs 200 in a release build).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, Both, LiveIncident, Moment, SeriesBatch, Severity, Stage};
use rootline_store::*;
use serde_json::json;

const ROUNDS: usize = 20;
const FOLDER: &str = "ROOTLINE_KILL_FOLDER";
const CHANNELS: [&str; 2] = ["chat", "mail"];

fn at(n: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + n.cast_signed()).expect("in range")
}

fn incident(id: u64, version: u32) -> LiveIncident {
    LiveIncident {
        id,
        version,
        stage: Stage::Open,
        severity: Severity::Error,
        title: Both::same(format!("incident {id}")),
        onset: at(id),
        opened: at(id),
        updated: at(id),
        resolved: None,
        acked: None,
        members: Vec::new(),
        causes: Vec::new(),
        affected: Vec::new(),
        edges: Vec::new(),
        gaps: Vec::new(),
        timeline: vec![Moment { at: at(id), what: Both::same(format!("version {version}")) }],
    }
}

fn alert(n: u64) -> Alert {
    let n = n.to_string();
    Alert { labels: [("alertname", "Kill"), ("n", n.as_str())].into_iter().collect(), ..Alert::default() }
}

fn messages(id: u64, version: u32) -> Vec<NewMessage> {
    let message = |channel: &str| NewMessage {
        key: format!("{id}.{version}/{channel}"),
        channel: channel.to_owned(),
        incident: Some(id),
        version,
        body: json!({ "incident": id }),
        due: at(0),
    };
    CHANNELS.iter().map(|c| message(c)).collect()
}

/// Ticks: each opens an incident and changes the one before. Says `T id` when the store has it.
fn ticks(store: &Store) {
    let mut id = store.next_incident_id().expect("readable");
    loop {
        let mut tick =
            Tick { at: at(id), incidents: vec![incident(id, 1)], messages: messages(id, 1), ..Tick::default() };
        tick.memberships = vec![(alert(id).fingerprint(), Some(id))];
        tick.snapshots = vec![("state".to_owned(), id.to_le_bytes().repeat(500))];
        tick.deeds = vec![Deed {
            at: at(id),
            actor: "test".into(),
            action: "open".into(),
            object: id.to_string(),
            detail: json!(null),
        }];
        if id > 1 {
            tick.incidents.push(incident(id - 1, 2));
            tick.messages.extend(messages(id - 1, 2));
        }
        store.commit(&tick).expect("committed");
        println!("T {id}");
        id += 1;
    }
}

/// Says `S key` when the store knows that it was sent.
fn sends(store: &Store, channel: &str) {
    let mut n = 0_u64;
    loop {
        for message in store.claim(channel, at(1 << 30), SignedDuration::from_secs(60), 3).expect("claimed") {
            n += 1;
            if n.is_multiple_of(5) {
                store.mark_failed(&message.key, "no", Some(at(0)), at(0)).expect("marked");
            } else {
                store.mark_sent(&message.key, at(0)).expect("marked");
                println!("S {}", message.key);
            }
        }
        std::thread::yield_now();
    }
}

fn points(store: &Store) -> Vec<(i64, f64)> {
    let query = SeriesQuery { from: 0, to: i64::MAX, ..SeriesQuery::default() };
    store.range(&query).expect("readable").pop().map(|s| s.points).unwrap_or_default()
}

/// Says `A n` and `F n` when alert n is kept and point n is flushed.
fn receives(store: &Store) {
    // a point that was not flushed before the kill comes again
    let mut n = points(store).len() as u64;
    loop {
        let labels = [("__name__", "n")].into_iter().collect();
        let points = vec![(at(n).as_millisecond(), n as f64)];
        store.append(&[SeriesBatch { labels, points }], at(n)).expect("appended");
        store.put_alerts(&[alert(n)], at(n)).expect("put");
        println!("A {n}");
        store.flush(at(n)).expect("flushed");
        println!("F {n}");
        n += 1;
    }
}

#[test]
#[ignore = "the child of the test below"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = Store::open(Path::new(&folder), &Options::default()).expect("opens after a kill");
    std::thread::scope(|scope| {
        scope.spawn(|| ticks(&store));
        scope.spawn(|| receives(&store));
        for channel in CHANNELS {
            let store = &store;
            scope.spawn(move || sends(store, channel));
        }
    });
}

#[derive(Default)]
struct Acknowledged {
    last_tick: u64,
    sent: BTreeSet<String>,
    alerts: u64,
    points: u64,
}

impl Acknowledged {
    fn take(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("T", id)) => self.last_tick = id.parse().unwrap_or(self.last_tick),
            Some(("S", key)) => {
                assert!(self.sent.insert(key.to_owned()), "{key} was sent and acknowledged twice");
            }
            Some(("A", n)) => self.alerts = n.parse::<u64>().map_or(self.alerts, |n| n + 1),
            Some(("F", n)) => self.points = n.parse::<u64>().map_or(self.points, |n| n + 1),
            _ => {}
        }
    }
}

/// Runs the child and kills it `wait` after its first word. Every whole line it said.
fn round(folder: &Path, wait: Duration, known: &mut Acknowledged) {
    let me = std::env::current_exe().expect("a test has a file");
    let mut child = Command::new(me)
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test runs itself");
    let pipe = child.stdout.take().expect("piped");
    let (say, said) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        while pipe.read_line(&mut line).is_ok_and(|n| n > 0) {
            // the last one may be half
            if line.ends_with('\n') {
                let _ = say.send(line.trim().to_owned());
            }
            line.clear();
        }
    });
    let first = loop {
        let line = said.recv_timeout(Duration::from_secs(60)).expect("the child writes within a minute");
        if line.starts_with("T ") {
            break line;
        }
        known.take(&line);
    };
    known.take(&first);
    std::thread::sleep(wait);
    child.kill().expect("killed");
    child.wait().expect("it ended");
    reader.join().expect("the pipe ended");
    said.iter().for_each(|line| known.take(&line));
}

fn check(folder: &Path, known: &Acknowledged) {
    let store = Store::open(folder, &Options::default()).expect("opens after a kill");
    let report = store.verify().expect("can be read");
    assert!(report.is_sound(), "{:?}", report.problems);
    // incidents: every one that was acknowledged, once, none missing below
    let next = store.next_incident_id().expect("readable");
    assert!(next > known.last_tick, "incident {} is lost, next is {next}", known.last_tick);
    let open = store.open_incidents().expect("readable");
    assert_eq!(open.iter().map(|i| i.id).collect::<Vec<_>>(), (1..next).collect::<Vec<_>>());
    for i in &open {
        assert_eq!(i.version, if i.id + 1 < next { 2 } else { 1 }, "incident {}", i.id);
        assert_eq!(store.timeline(i.id).expect("readable").len() as u32, i.version);
    }
    assert_eq!(store.clock().expect("readable"), (next > 1).then(|| at(next - 1)));
    let snapshot = store.snapshot("state").expect("sound").map(|s| s.1);
    assert_eq!(snapshot, Some((next - 1).to_le_bytes().repeat(500)));
    assert_eq!(store.audit(1000).expect("readable").len() as u64, (next - 1).min(1000));
    outbox(&store, next, known);
    // alerts and points
    let alerts: BTreeMap<_, _> =
        store.alerts().expect("readable").into_iter().map(|a| (a.alert.fingerprint(), a.incident)).collect();
    assert!(alerts.len() as u64 >= known.alerts, "{} of {} alerts", alerts.len(), known.alerts);
    for n in 0..known.alerts {
        let incident = alerts.get(&alert(n).fingerprint()).expect("an acknowledged alert");
        assert_eq!(*incident, (n >= 1 && n < next).then_some(n));
    }
    let points = points(&store);
    let times: Vec<i64> = points.iter().map(|p| p.0).collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert!(points.len() as u64 >= known.points, "{} of {} points", points.len(), known.points);
}

/// Of every incident and channel the newest version waits or was sent; what was acknowledged as sent is never sent again.
fn outbox(store: &Store, next: u64, known: &Acknowledged) {
    for id in 1..next {
        let newest = if id + 1 < next { 2 } else { 1 };
        for channel in CHANNELS {
            for version in 1..=newest {
                let message = store.message(&format!("{id}.{version}/{channel}")).expect("readable");
                let state = message.expect("a message of an incident that is kept").state;
                let fine = match state {
                    MessageState::Pending | MessageState::Sent => true,
                    MessageState::Superseded => version < newest,
                    MessageState::Dead => false,
                };
                assert!(fine, "{id}.{version}/{channel} is {state:?}");
            }
        }
    }
    for key in &known.sent {
        assert_eq!(store.message(key).expect("readable").expect("kept").state, MessageState::Sent, "{key}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_twice_after_kill_9() {
    let rounds = std::env::var_os("ROOTLINE_KILL_ROUNDS")
        .map_or(ROUNDS, |n: OsString| n.to_string_lossy().parse().expect("ROOTLINE_KILL_ROUNDS is a number"));
    let folder = std::env::temp_dir().join(format!("rootline-kill-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut known = Acknowledged::default();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for n in 0..rounds {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        round(&folder, Duration::from_micros(random % 150_000), &mut known);
        check(&folder, &known);
        if n % 20 == 19 {
            // checks read everything: a fresh store keeps each round as quick as the first
            println!(
                "round {}: {} ticks, {} sent, {} alerts, sound",
                n + 1,
                known.last_tick,
                known.sent.len(),
                known.alerts
            );
            std::fs::remove_dir_all(&folder).expect("removed");
            known = Acknowledged::default();
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
}
