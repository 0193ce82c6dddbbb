//! The courier over an outbox in memory, with a clock of the test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use rootline_model::{LiveIncident, Severity};
use rootline_sinks::{
    BoxFuture, Courier, CourierOptions, Delivery, Due, Outbox, OutboxError, Outcome, RateLimit, Receipt, SendError,
    Sink,
};
use tokio::sync::{Notify, watch};

use crate::sample::{at, incident};

#[derive(Clone, Debug, PartialEq)]
enum State {
    Waiting,
    Sent,
    Superseded,
    Dead(String),
}

#[derive(Clone, Debug)]
struct Row {
    incident: Arc<LiveIncident>,
    attempts: u32,
    sent_as: Option<String>,
    due: Timestamp,
    state: State,
}

/// What the store does, in memory.
#[derive(Default)]
struct Memory {
    rows: Mutex<BTreeMap<String, Row>>,
    /// Calls that fail from now on.
    broken: Mutex<u32>,
}

impl Memory {
    fn add(&self, incident: LiveIncident, due: Timestamp) -> String {
        let key = format!("{}/ops", incident.key());
        let row = Row { incident: Arc::new(incident), attempts: 0, sent_as: None, due, state: State::Waiting };
        self.rows.lock().expect("whole").insert(key.clone(), row);
        key
    }

    fn state(&self, key: &str) -> State {
        self.rows.lock().expect("whole")[key].state.clone()
    }

    fn waiting(&self) -> usize {
        self.rows.lock().expect("whole").values().filter(|r| r.state == State::Waiting).count()
    }

    fn works(&self) -> Result<(), OutboxError> {
        let mut broken = self.broken.lock().expect("whole");
        if *broken == 0 {
            return Ok(());
        }
        *broken -= 1;
        Err(OutboxError("disk full".into()))
    }
}

impl Outbox for Memory {
    fn claim<'a>(
        &'a self,
        _: &'a str,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<Due>, OutboxError>> {
        Box::pin(async move {
            self.works()?;
            let mut rows = self.rows.lock().expect("whole");
            let is_due = |row: &Row| row.state == State::Waiting && row.due <= now;
            let mut keys: Vec<String> =
                rows.iter().filter(|(_, r)| is_due(r)).map(|(k, _)| k.clone()).take(most).collect();
            // what was joined comes together or not at all
            let joined: BTreeSet<String> = keys.iter().filter_map(|k| rows[k].sent_as.clone()).collect();
            for one in joined {
                let all: Vec<String> =
                    rows.iter().filter(|(_, r)| r.sent_as.as_ref() == Some(&one)).map(|(k, _)| k.clone()).collect();
                if all.iter().all(|k| is_due(&rows[k])) {
                    keys.extend(all.into_iter().filter(|k| !keys.contains(k)).collect::<Vec<_>>());
                } else {
                    keys.retain(|k| !all.contains(k));
                }
            }
            let told: BTreeMap<u64, u32> = rows
                .values()
                .filter(|r| r.state == State::Sent)
                .map(|r| (r.incident.id, r.incident.version))
                .fold(BTreeMap::new(), |mut all, (id, version)| {
                    let newest = all.entry(id).or_insert(0);
                    *newest = version.max(*newest);
                    all
                });
            Ok(keys
                .into_iter()
                .filter_map(|key| {
                    let row = rows.get_mut(&key)?;
                    row.due = until;
                    Some(Due {
                        told: told.get(&row.incident.id).copied(),
                        key,
                        incident: row.incident.clone(),
                        attempts: row.attempts,
                        sent_as: row.sent_as.clone(),
                        reference: None,
                    })
                })
                .collect())
        })
    }

    fn bind<'a>(&'a self, keys: &'a [String], sent_as: &'a str) -> BoxFuture<'a, Result<(), OutboxError>> {
        Box::pin(async move {
            self.works()?;
            for key in keys {
                if let Some(row) = self.rows.lock().expect("whole").get_mut(key) {
                    assert_eq!(row.sent_as, None, "{key} is bound twice");
                    row.sent_as = Some(sent_as.to_owned());
                }
            }
            Ok(())
        })
    }

    fn settle<'a>(&'a self, keys: &'a [String], outcome: &'a Outcome) -> BoxFuture<'a, Result<(), OutboxError>> {
        Box::pin(async move {
            self.works()?;
            for key in keys {
                let mut rows = self.rows.lock().expect("whole");
                let Some(row) = rows.get_mut(key) else { continue };
                match outcome {
                    Outcome::Sent { .. } => row.state = State::Sent,
                    Outcome::Superseded { .. } => row.state = State::Superseded,
                    Outcome::Later { at, tried, .. } => {
                        row.due = *at;
                        row.attempts += u32::from(*tried);
                    }
                    Outcome::Dead { why, .. } => row.state = State::Dead(why.clone()),
                }
            }
            Ok(())
        })
    }
}

/// What happens to a message on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Taken,
    /// Arrived, but we do not learn of it.
    Unheard,
    Full(u64),
    Down,
    Rejected,
    Dead,
    Silent,
}

#[derive(Default)]
struct Channel {
    ways: Mutex<VecDeque<Way>>,
    /// Key and what stood in the message, as they arrived.
    arrived: Mutex<Vec<(String, Vec<String>)>>,
    tried: Mutex<Vec<String>>,
    limit: Option<RateLimit>,
}

impl Sink for Channel {
    fn name(&self) -> &'static str {
        "ops"
    }

    fn limits(&self) -> RateLimit {
        self.limit.unwrap_or(RateLimit { burst: 100, per_minute: 6_000 })
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let way = self.ways.lock().expect("whole").pop_front().unwrap_or(Way::Taken);
            self.tried.lock().expect("whole").push(delivery.key.clone());
            if matches!(way, Way::Taken | Way::Unheard) {
                let inside = delivery.incidents.iter().map(|i| i.key()).collect();
                self.arrived.lock().expect("whole").push((delivery.key.clone(), inside));
            }
            match way {
                Way::Taken => Ok(Receipt::default()),
                Way::Unheard => Err(SendError::retry("did not answer in time")),
                Way::Full(s) => Err(SendError::Retry { after: Some(Duration::from_secs(s)), why: "full".into() }),
                Way::Down => Err(SendError::retry("down")),
                Way::Rejected => Err(SendError::rejected("too long")),
                Way::Dead => Err(SendError::dead("no such robot")),
                Way::Silent => std::future::pending().await,
            }
        })
    }
}

fn courier(outbox: &Arc<Memory>, channel: &Arc<Channel>) -> Courier {
    Courier::new(outbox.clone(), channel.clone(), CourierOptions::default())
}

fn of(id: u64, version: u32, severity: Severity) -> LiveIncident {
    LiveIncident { severity, ..incident(id, version) }
}

/// Rounds from `from` seconds on until nothing waits; gives the second it ended at.
async fn drain(courier: &mut Courier, outbox: &Memory, from: i64) -> i64 {
    let mut now = at(from);
    for _ in 0..10_000 {
        if outbox.waiting() == 0 {
            return now.duration_since(at(0)).as_secs();
        }
        let next = courier.round(now).await;
        now = next.max(now + jiff::SignedDuration::from_millis(1));
    }
    panic!("{} messages wait for ever", outbox.waiting());
}

#[tokio::test]
async fn a_message_goes_out_once() {
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel::default()));
    let key = outbox.add(incident(1, 1), at(0));
    let mut courier = courier(&outbox, &channel);
    for second in 0..100 {
        courier.round(at(second)).await;
    }
    assert_eq!(*channel.arrived.lock().expect("whole"), [(key.clone(), vec!["1.1".to_owned()])]);
    assert_eq!(outbox.state(&key), State::Sent);
    assert_eq!(courier.handle().stats().sent, 1);
}

#[tokio::test]
async fn of_several_versions_only_the_newest_goes_out() {
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel::default()));
    let old: Vec<String> = (1..4).map(|v| outbox.add(incident(1, v), at(0))).collect();
    outbox.add(incident(1, 4), at(0));
    let mut courier = courier(&outbox, &channel);
    drain(&mut courier, &outbox, 0).await;
    assert_eq!(*channel.tried.lock().expect("whole"), ["1.4/ops"]);
    assert!(old.iter().all(|key| outbox.state(key) == State::Superseded));
    // one that comes late from elsewhere
    outbox.add(incident(1, 2), at(50));
    drain(&mut courier, &outbox, 60).await;
    assert_eq!(channel.tried.lock().expect("whole").len(), 1);
}

#[tokio::test]
async fn a_full_channel_gets_the_worst_alone_and_the_rest_as_one() {
    let limit = Some(RateLimit { burst: 3, per_minute: 6 });
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel { limit, ..Channel::default() }));
    let mut courier = courier(&outbox, &channel);
    // a quiet while fills the bucket
    courier.round(at(0)).await;
    for id in 1..=8 {
        outbox.add(of(id, 1, if id == 5 { Severity::Critical } else { Severity::Warning }), at(100));
    }
    drain(&mut courier, &outbox, 100).await;
    let arrived = channel.arrived.lock().expect("whole").clone();
    let inside: Vec<&[String]> = arrived.iter().map(|(_, inside)| inside.as_slice()).collect();
    assert_eq!(inside, [&["5.1"][..], &["1.1"], &["2.1", "3.1", "4.1", "6.1", "7.1", "8.1"]]);
    let stats = courier.handle().stats();
    assert_eq!((stats.sent, stats.incidents, stats.digests), (3, 8, 1));
}

#[tokio::test]
async fn a_digest_that_failed_is_the_same_digest_again() {
    let limit = Some(RateLimit { burst: 1, per_minute: 6 });
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel { limit, ..Channel::default() }));
    channel.ways.lock().expect("whole").extend([Way::Unheard, Way::Taken]);
    for id in 1..=3 {
        outbox.add(incident(id, 1), at(0));
    }
    let mut first = courier(&outbox, &channel);
    first.round(at(0)).await;
    // the process dies, more comes, another one goes on
    drop(first);
    outbox.add(incident(4, 1), at(1));
    outbox.add(incident(2, 2), at(1));
    drain(&mut courier(&outbox, &channel), &outbox, 2).await;
    let arrived = channel.arrived.lock().expect("whole").clone();
    let digests: Vec<_> = arrived.iter().filter(|(key, _)| key.starts_with("digest.3.")).collect();
    assert_eq!(digests.len(), 2, "{arrived:?}");
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_channel_that_asks_for_patience_gets_it() {
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel::default()));
    channel.ways.lock().expect("whole").push_back(Way::Full(600));
    outbox.add(incident(1, 1), at(0));
    outbox.add(incident(2, 1), at(0));
    let mut courier = courier(&outbox, &channel);
    for second in 0..600 {
        courier.round(at(second)).await;
    }
    assert_eq!(channel.tried.lock().expect("whole").len(), 1, "nothing is sent to a channel that asked for patience");
    assert_eq!(courier.handle().stats().trouble.as_deref(), Some("full"));
    drain(&mut courier, &outbox, 601).await;
    assert_eq!(courier.handle().stats().trouble, None);
}

#[tokio::test]
async fn one_message_that_never_passes_stops_nobody_and_ends_visibly() {
    struct Picky(Channel);
    impl Sink for Picky {
        fn name(&self) -> &'static str {
            "ops"
        }
        fn limits(&self) -> RateLimit {
            self.0.limits()
        }
        fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
            let is_bad = delivery.incidents[0].id == 1;
            self.0.ways.lock().expect("whole").push_back(if is_bad { Way::Down } else { Way::Taken });
            self.0.send(delivery)
        }
    }
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Picky(Channel::default())));
    let mut courier = Courier::new(outbox.clone(), channel.clone(), CourierOptions::default());
    // a quiet while fills the bucket: a digest would tie the others to the bad one
    courier.round(at(-600)).await;
    let bad = outbox.add(of(1, 1, Severity::Critical), at(0));
    let mut good = Vec::new();
    for second in 0..40_000 {
        if second % 600 == 0 {
            good.push(outbox.add(of(10 + u64::try_from(second).expect("positive"), 1, Severity::Warning), at(second)));
        }
        courier.round(at(second)).await;
    }
    assert!(good.iter().all(|key| outbox.state(key) == State::Sent), "others pass");
    assert_eq!(outbox.state(&bad), State::Dead("down".into()));
    assert_eq!(channel.0.tried.lock().expect("whole").iter().filter(|k| **k == bad).count(), 64, "an hour's tries");
}

#[tokio::test]
async fn refusals_become_dead_letters() {
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel::default()));
    channel.ways.lock().expect("whole").extend([Way::Rejected, Way::Dead]);
    let keys: Vec<String> = (1..=3).map(|id| outbox.add(incident(id, 1), at(id as i64 * 100))).collect();
    let mut courier = courier(&outbox, &channel);
    for second in 0..1_000 {
        courier.round(at(second)).await;
    }
    let states: Vec<State> = keys.iter().map(|key| outbox.state(key)).collect();
    assert_eq!(states, [State::Dead("too long".into()), State::Dead("no such robot".into()), State::Sent]);
    assert_eq!(courier.handle().stats().dead, 2);
}

#[tokio::test]
async fn a_store_that_fails_loses_nothing() {
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel::default()));
    let key = outbox.add(incident(1, 1), at(0));
    *outbox.broken.lock().expect("whole") = 5;
    let mut courier = courier(&outbox, &channel);
    drain(&mut courier, &outbox, 0).await;
    assert_eq!(outbox.state(&key), State::Sent);
    assert_eq!(courier.handle().stats().outbox_errors, 5);
}

#[tokio::test]
async fn a_channel_that_never_answers_is_given_up_and_the_worker_stops_when_told() {
    let (outbox, channel) = (Arc::new(Memory::default()), Arc::new(Channel::default()));
    channel.ways.lock().expect("whole").push_back(Way::Silent);
    let key = outbox.add(incident(1, 1), at(0));
    let began = tokio::time::Instant::now();
    let clock = move || at(0) + jiff::SignedDuration::try_from(began.elapsed()).expect("in range");
    let (stop, stopped) = watch::channel(false);
    let wake = Arc::new(Notify::new());
    let options = CourierOptions {
        timeout: Duration::from_millis(200),
        backoff: rootline_sinks::Backoff {
            first: jiff::SignedDuration::from_millis(50),
            ..CourierOptions::default().backoff
        },
        ..CourierOptions::default()
    };
    let worker = tokio::spawn(Courier::new(outbox.clone(), channel.clone(), options).run(clock, wake.clone(), stopped));
    while outbox.state(&key) != State::Sent {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(channel.tried.lock().expect("whole").len(), 2);
    // woken at once
    let key = outbox.add(incident(2, 1), clock());
    wake.notify_one();
    while outbox.state(&key) != State::Sent {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send(true).expect("it listens");
    tokio::time::timeout(Duration::from_secs(60), worker).await.expect("it stops").expect("without a panic");
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        4 => Just(Way::Taken),
        3 => Just(Way::Unheard),
        2 => Just(Way::Down),
        1 => Just(Way::Full(30)),
        1 => Just(Way::Rejected),
        1 => Just(Way::Dead),
    ]
}

/// Seconds until the next thing, and the thing: a message, a death of the process, a store that fails.
#[derive(Clone, Debug)]
enum Step {
    Message(u64),
    Death,
    Broken(u32),
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let what = prop_oneof![
        6 => (1_u64..6).prop_map(Step::Message),
        1 => Just(Step::Death),
        1 => (1_u32..4).prop_map(Step::Broken),
    ];
    (0_i64..20, what)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_and_nothing_comes_under_two_keys(
        ways in prop::collection::vec(way(), 0..40),
        steps in prop::collection::vec(step(), 1..60),
        burst in 1_u32..5,
        per_minute in 1_u32..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let limit = Some(RateLimit { burst, per_minute });
            let channel = Arc::new(Channel { ways: Mutex::new(ways.into()), limit, ..Channel::default() });
            let outbox = Arc::new(Memory::default());
            let mut versions: BTreeMap<u64, u32> = BTreeMap::new();
            let mut worker = courier(&outbox, &channel);
            let mut second = 0;
            for (wait, step) in steps {
                for passed in 0..=wait {
                    worker.round(at(second + passed)).await;
                }
                second += wait;
                match step {
                    Step::Message(id) => {
                        let version = versions.entry(id).or_insert(0);
                        *version += 1;
                        outbox.add(incident(id, *version), at(second));
                    }
                    Step::Death => worker = courier(&outbox, &channel),
                    Step::Broken(calls) => *outbox.broken.lock().expect("whole") = calls,
                }
            }
            drain(&mut worker, &outbox, second).await;

            let arrived = channel.arrived.lock().expect("whole").clone();
            // one key, one content; one content, one key
            let mut contents: BTreeMap<&str, &Vec<String>> = BTreeMap::new();
            let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
            for (key, inside) in &arrived {
                prop_assert_eq!(*contents.entry(key).or_insert(inside), inside, "{} changed", key);
                for one in inside {
                    prop_assert_eq!(*keys.entry(one).or_insert(key), key.as_str(), "{} came under two keys", one);
                }
            }
            for (key, row) in outbox.rows.lock().expect("whole").iter() {
                let one = row.incident.key();
                match &row.state {
                    State::Sent => prop_assert!(keys.contains_key(one.as_str()), "{} never arrived", key),
                    // a newer one was sent, or is a dead letter that a person sees
                    State::Superseded => {
                        let newest = versions[&row.incident.id];
                        prop_assert!(row.incident.version < newest, "{} is the newest", key);
                    }
                    State::Dead(_) => {}
                    State::Waiting => prop_assert!(false, "{} waits for ever", key),
                }
            }
            Ok(())
        })?;
    }
}
