//! Pipes against a store of their own and other sides that fail as told.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use rootline_bus::{Bus, BusError, Message, Record, Subscription};
use rootline_model::{Alert, LiveIncident};
use rootline_sinks::{Backoff, SendError, Taken};
use rootline_store::{EventStore, Growth, KeptEvent, NewMessage, Store, Tick};
use tokio::sync::{mpsc, watch};

use super::{INCIDENTS, PipeMeters, Works};
use crate::forward::{self, EventSink};
use crate::inflow::{Inflow, Kind};
use crate::input::{Input, Refused};
use crate::lake::Lake;
use crate::outflow;
use crate::sources::States;

const BOUND: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

struct Bench {
    folder: PathBuf,
    works: Works,
    stop: watch::Sender<bool>,
}

impl Bench {
    fn new() -> Bench {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("rootline-pipes-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Arc::new(Store::open(&folder, &rootline_store::Options::default()).expect("a store"));
        let (stop, stopped) = watch::channel(false);
        let short = SignedDuration::from_millis(2);
        let works = Works {
            store,
            states: Arc::new(States::default()),
            meters: Arc::new(PipeMeters::default()),
            clock: now,
            stopped,
            backoff: Backoff { first: short, longest: short, seed: 1 },
        };
        Bench { folder, works, stop }
    }

    fn error_of(&self, name: &str) -> Option<String> {
        self.works.states.list().into_iter().find(|s| s.name == name).map(|s| s.error)
    }

    fn dropped(&self, name: &str) -> u64 {
        let gauges = self.works.meters.gauges();
        gauges.iter().filter(|g| g.name == name).flat_map(|g| &g.dropped).map(|(_, n)| n).sum()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn event(n: u32, count: u32) -> KeptEvent {
    KeptEvent {
        uid: format!("e{n}"),
        namespace: "shop".to_owned(),
        kind: "pod".to_owned(),
        name: "cart-1".to_owned(),
        reason: "BackOff".to_owned(),
        r#type: "Warning".to_owned(),
        count,
        last: now() + SignedDuration::from_secs(i64::from(count)),
        about: "Pod shop/cart-1".to_owned(),
        ..KeptEvent::default()
    }
}

/// Remembers what it was sent and answers as told, then takes everything.
#[derive(Default)]
struct Other {
    answers: Mutex<VecDeque<Result<Taken, SendError>>>,
    sent: Mutex<Vec<Vec<(String, u32)>>>,
    came: tokio::sync::Notify,
}

impl Other {
    fn answering(answers: Vec<Result<Taken, SendError>>) -> Arc<Other> {
        Arc::new(Other { answers: Mutex::new(answers.into()), ..Other::default() })
    }

    fn sent(&self) -> Vec<Vec<(String, u32)>> {
        self.sent.lock().expect("whole").clone()
    }

    async fn until(&self, requests: usize) {
        let wait = async {
            loop {
                let came = self.came.notified();
                if self.sent().len() >= requests {
                    return;
                }
                came.await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.expect("requests come");
    }
}

impl EventSink for Other {
    fn name(&self) -> &str {
        "other"
    }

    fn kind(&self) -> &'static str {
        "elasticsearch"
    }

    fn send<'a>(&'a self, events: &'a [Growth]) -> BoxFuture<'a, Result<Taken, SendError>> {
        let ids = events.iter().map(|g| (g.event.uid.clone(), g.event.count)).collect();
        self.sent.lock().expect("whole").push(ids);
        let answer = self.answers.lock().expect("whole").pop_front();
        self.came.notify_waiters();
        Box::pin(async move { answer.unwrap_or_else(|| Ok(Taken::default())) })
    }
}

fn ids(of: &[(u32, u32)]) -> Vec<(String, u32)> {
    of.iter().map(|(n, count)| (format!("e{n}"), *count)).collect()
}

/// Runs until the other side had that many requests, then stops in the ordinary way.
async fn forwarded(bench: &Bench, other: &Arc<Other>, requests: usize) {
    let task = tokio::spawn(forward::run(other.clone(), bench.works.clone()));
    other.until(requests).await;
    bench.stop.send_replace(true);
    task.await.expect("ends");
    bench.stop.send_replace(false);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_sent_again_until_the_other_side_has_them_and_once_only_after_a_restart() {
    let bench = Bench::new();
    bench.works.store.put_events(&[event(1, 1), event(2, 1), event(3, 1)]).expect("kept");
    let other = Other::answering(vec![
        Err(SendError::retry("down")),
        Ok(Taken { again: vec![1], dropped: 1, why: "400".to_owned() }),
    ]);
    forwarded(&bench, &other, 3).await;
    let all = ids(&[(1, 1), (2, 1), (3, 1)]);
    assert_eq!(other.sent(), [all.clone(), all, ids(&[(2, 1)])]);
    assert_eq!((bench.dropped("other"), bench.error_of("other")), (1, Some(String::new())));
    // what grew, and nothing else, goes after a restart
    bench.works.store.put_events(&[event(3, 4), event(1, 1)]).expect("kept");
    let next = Other::answering(Vec::new());
    forwarded(&bench, &next, 1).await;
    assert_eq!(next.sent(), [ids(&[(3, 4)])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_is_refused_does_not_take_the_others_with_it() {
    let bench = Bench::new();
    bench.works.store.put_events(&[event(1, 1), event(2, 1), event(3, 1), event(4, 1)]).expect("kept");
    // too large, then the first half is fine, the second not, its first is not even alone
    let refused = || Err(SendError::rejected("413"));
    let other = Other::answering(vec![refused(), Ok(Taken::default()), refused(), refused()]);
    forwarded(&bench, &other, 5).await;
    let all = [&[(1, 1), (2, 1), (3, 1), (4, 1)][..], &[(1, 1), (2, 1)], &[(3, 1), (4, 1)], &[(3, 1)], &[(4, 1)]];
    assert_eq!(other.sent(), all.map(ids));
    assert_eq!(bench.dropped("other"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_accepted_loses_nothing_and_is_shown() {
    let bench = Bench::new();
    bench.works.store.put_events(&[event(1, 1)]).expect("kept");
    let dead = || Err(SendError::dead("401 who are you"));
    let other = Other::answering((0..1000).map(|_| dead()).collect());
    forwarded(&bench, &other, 3).await;
    assert_eq!(bench.error_of("other").as_deref(), Some("401 who are you"));
    assert_eq!((bench.dropped("other"), bench.works.store.cursor("other").expect("read")), (0, 0));
}

#[test]
fn an_event_out_of_the_store_has_the_shape_of_event_router() {
    let growth = Growth { seq: 7, event: event(1, 4), was: 2, was_last: now() };
    let routed = forward::routed(&growth);
    assert_eq!(
        (&routed["verb"], &routed["event"]["count"], &routed["old_event"]["count"]),
        (&"UPDATED".into(), &4.into(), &2.into())
    );
    assert_eq!(routed["event"]["involvedObject"]["kind"], "Pod");
    let new = forward::routed(&Growth { was: 0, ..growth });
    assert_eq!((&new["verb"], new.get("old_event")), (&"ADDED".into(), None));
}

/// A bus in memory: what is published is kept, what is read was put there.
#[derive(Default)]
struct Memory {
    published: Mutex<Vec<Record>>,
    answers: Mutex<VecDeque<BusError>>,
}

impl Bus for Memory {
    fn publish<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Vec<Result<(), BusError>>> {
        let error = self.answers.lock().expect("whole").pop_front();
        let answer = |r: &Record| match &error {
            Some(error) => Err(error.clone()),
            None => {
                self.published.lock().expect("whole").push(r.clone());
                Ok(())
            }
        };
        let all = records.iter().map(answer).collect();
        Box::pin(async move { all })
    }

    fn subscribe(&self, _: &str, _: &[String]) -> Result<Box<dyn Subscription>, BusError> {
        Err(BusError::Settings("not in this test".to_owned()))
    }
}

fn incident(id: u64, version: u32) -> LiveIncident {
    let value = serde_json::json!({"id": id, "version": version, "stage": "open", "severity": "error",
        "title": {"en": "t", "zh": "t"}, "onset": now(), "opened": now(), "updated": now(), "resolved": null, "acked": null,
        "members": [], "causes": [], "affected": [], "edges": [], "gaps": [], "timeline": []});
    serde_json::from_value(value).expect("an incident")
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_go_to_the_topic_under_their_number_and_wait_while_no_broker_is_there() {
    let bench = Bench::new();
    let message = |i: &LiveIncident| NewMessage {
        key: format!("{}/{INCIDENTS}", i.key()),
        channel: INCIDENTS.to_owned(),
        incident: Some(i.id),
        version: i.version,
        body: serde_json::to_value(i).expect("JSON"),
        due: now(),
    };
    let incidents = [incident(17, 1), incident(18, 1)];
    let messages = incidents.iter().map(message).collect();
    let tick = Tick { at: now(), incidents: incidents.to_vec(), messages, ..Tick::default() };
    bench.works.store.commit(&tick).expect("kept");
    let bus = Arc::new(Memory::default());
    bus.answers.lock().expect("whole").push_back(BusError::Later("no broker".to_owned()));
    let task = tokio::spawn(outflow::run(bus.clone(), "incidents".to_owned(), bench.works.clone()));
    let wait = async {
        while bench.works.store.outbox_counts().expect("read").iter().any(|c| c.sent < 2) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, wait).await.expect("both are sent");
    bench.stop.send_replace(true);
    task.await.expect("ends");
    let published = bus.published.lock().expect("whole").clone();
    let keys: Vec<(&str, &str)> = published.iter().map(|r| (r.topic.as_str(), r.key.as_str())).collect();
    assert_eq!(keys, [("incidents", "17"), ("incidents", "18")]);
    let first: serde_json::Value = serde_json::from_slice(&published[0].payload).expect("JSON");
    assert_eq!((&first["id"], &first["version"], &first["stage"]), (&17.into(), &1.into(), &"open".into()));
    let failed: u64 = bench.works.meters.gauges().iter().map(|g| g.failed).sum();
    assert_eq!(failed, 1);
}

/// Gives batches, then nothing for ever; counts commits.
struct Script {
    batches: VecDeque<Vec<Message>>,
    commits: Arc<AtomicU32>,
}

impl Subscription for Script {
    fn next(&mut self, _: usize, _: Duration) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        match self.batches.pop_front() {
            Some(batch) => Box::pin(async move { Ok(batch) }),
            None => Box::pin(std::future::pending()),
        }
    }

    fn probe(&mut self) -> BoxFuture<'_, Result<(), BusError>> {
        Box::pin(async { Ok(()) })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), BusError>> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }
}

fn batch(payloads: &[&str]) -> Vec<Message> {
    let message = |(offset, payload): (usize, &&str)| Message {
        topic: "in".to_owned(),
        partition: 2,
        offset: i64::try_from(offset).unwrap_or(i64::MAX),
        at: Some(now()),
        payload: payload.as_bytes().to_vec(),
    };
    payloads.iter().enumerate().map(message).collect()
}

/// Starts a reader of one batch; the test is its core.
fn reading(bench: &Bench, kind: Kind, payloads: &[&str]) -> (mpsc::Receiver<Input>, Arc<AtomicU32>) {
    let (inputs, queue) = mpsc::channel(8);
    let commits = Arc::new(AtomicU32::new(0));
    let reader = Script { batches: VecDeque::from([batch(payloads)]), commits: commits.clone() };
    tokio::spawn(Inflow::new(kind, inputs, bench.works.clone()).run(Box::new(reader)));
    (queue, commits)
}

async fn committed(commits: &AtomicU32) {
    let wait = async {
        while commits.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, wait).await.expect("committed");
}

fn names(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|a| a.labels.value("alertname")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_committed_when_they_are_on_disk_and_a_message_that_is_none_is_passed_over() {
    let bench = Bench::new();
    let one = r#"[{"labels":{"alertname":"A"}}]"#;
    let (mut queue, commits) = reading(&bench, Kind::Alerts, &[one, "rubbish", r#"{"labels":{"alertname":"B"}}"#, ""]);
    // the store is full at first
    for answer in [Err(Refused::Store("disk full".to_owned())), Ok(())] {
        let Some(Input::Alerts { alerts, done }) = queue.recv().await else { panic!("alerts") };
        assert_eq!(names(&alerts), ["A", "B"]);
        assert_eq!(commits.load(Ordering::SeqCst), 0, "not before they are kept");
        done.send(answer).expect("it waits");
    }
    committed(&commits).await;
    assert_eq!(bench.dropped(Kind::Alerts.name()), 1, "a tombstone is no mistake");
    let shown = async {
        loop {
            let error = bench.error_of(Kind::Alerts.name()).unwrap_or_default();
            if error.contains("in[2]@1") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, shown).await.expect("the place of the bad message is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_lines_are_committed_when_the_core_has_taken_them() {
    let bench = Bench::new();
    let routed = r#"{"verb":"ADDED","event":{"metadata":{"name":"x.1","namespace":"shop","uid":"u1"},"reason":"BackOff",
        "involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1"},"type":"Warning","message":"m","count":3}}"#;
    let (mut queue, commits) = reading(&bench, Kind::Events, &[routed]);
    let Some(Input::Events(events)) = queue.recv().await else { panic!("events") };
    assert_eq!((events[0].uid.as_str(), events[0].count), ("u1", 3));
    let Some(Input::Read(question)) = queue.recv().await else { panic!("a question") };
    assert_eq!(commits.load(Ordering::SeqCst), 0);
    question(&rootline_engine::Live::new(engine(), rootline_engine::LiveOptions::default()));
    committed(&commits).await;

    // two lines of one stream: the second gives out the first
    let line = |text: &str| format!(r#"{{"log":"{text}","kubernetes":{{"pod_name":"p","namespace_name":"n"}}}}"#);
    let (first, second) = (line("ERROR one"), line("ERROR two"));
    let (mut queue, _) = reading(&bench, Kind::Logs, &[&first, &second]);
    let Some(Input::Lines(records)) = queue.recv().await else { panic!("lines") };
    assert_eq!(records[0].text, "ERROR one");
}

#[test]
fn copies_for_clickhouse_are_bounded_and_what_is_left_out_is_counted() {
    let bench = Bench::new();
    let client = rootline_sinks::Client::new(&rootline_sinks::ClientOptions::default()).expect("a client");
    let options = rootline_sinks::ClickHouseOptions {
        endpoint: rootline_sinks::Endpoint::parse("http://127.0.0.1:1").expect("an address"),
        database: "r".to_owned(),
        user: "u".to_owned(),
        password: String::new(),
        lasting: rootline_sinks::Lasting { series: 1, events: 1, incidents: 1 },
    };
    let house = rootline_sinks::ClickHouse::new(options, client);
    // nobody writes, as while ClickHouse is away
    let (_lake, tap) = Lake::new(house, String::new(), true, &bench.works);
    let record = rootline_model::LogRecord { text: "x".repeat(16 << 10), ..rootline_model::LogRecord::default() };
    for _ in 0..900 {
        tap.lines(std::slice::from_ref(&record));
    }
    assert_eq!(bench.dropped("clickhouse:logs"), 0, "14 MiB wait");
    for _ in 0..900 {
        tap.lines(std::slice::from_ref(&record));
    }
    let dropped = bench.dropped("clickhouse:logs");
    assert!((700..900).contains(&dropped), "{dropped} of 900, when 16 MiB wait");
    tap.incidents(&vec![incident(1, 1); 2_000]);
    assert_eq!(bench.dropped("clickhouse:incidents"), 2_000, "all of it together");
}

fn engine() -> rootline_engine::Engine {
    rootline_engine::Engine::new(rootline_engine::Options::default()).expect("built-in rules")
}
