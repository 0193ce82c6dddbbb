//! Data out of and into the daemon beside receivers and channels: what the configuration names is started here, and how
//! each pipe does is kept for `/metrics` and the list of sources.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_api::PipeGauge;
use rootline_bus::{Bus, Options as BusOptions};
use rootline_config::{Config, SearchTarget};
use rootline_sinks::{Backoff, Bulk, BulkOptions, ClickHouse, ClickHouseOptions, Client, Endpoint, Lasting};
use rootline_store::{Store, StoreError};
use tokio::sync::{mpsc, watch};

use crate::forward::{self, EventSink};
use crate::inflow::{self, Inflow};
use crate::input::Input;
use crate::lake::{Lake, Tap};
use crate::sources::States;
use crate::{DaemonError, brokers, channels, outflow};

const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// Channel of the outbox that holds incidents for Kafka.
pub const INCIDENTS: &str = "kafka-out:incidents";

/// How all pipes do.
#[derive(Debug, Default)]
pub struct PipeMeters(Mutex<BTreeMap<String, Meter>>);

#[derive(Debug, Default)]
struct Meter {
    passed: u64,
    failed: u64,
    waiting: u64,
    dropped: BTreeMap<&'static str, u64>,
}

impl PipeMeters {
    fn with(&self, name: &str, f: impl FnOnce(&mut Meter)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(name) {
            all.insert(name.to_owned(), Meter::default());
        }
        if let Some(meter) = all.get_mut(name) {
            f(meter);
        }
    }

    pub fn passed(&self, name: &str, items: usize) {
        self.with(name, |m| m.passed += items as u64);
    }

    pub fn failed(&self, name: &str) {
        self.with(name, |m| m.failed += 1);
    }

    pub fn waiting(&self, name: &str, items: u64) {
        self.with(name, |m| m.waiting = items);
    }

    pub fn dropped(&self, name: &str, reason: &'static str, items: u64) {
        if items > 0 {
            self.with(name, |m| *m.dropped.entry(reason).or_default() += items);
        }
    }

    pub fn gauges(&self) -> Vec<PipeGauge> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gauge = |(name, m): (&String, &Meter)| PipeGauge {
            name: name.clone(),
            passed: m.passed,
            failed: m.failed,
            waiting: m.waiting,
            dropped: m.dropped.iter().map(|(reason, n)| (*reason, *n)).collect(),
        };
        all.iter().map(gauge).collect()
    }
}

/// What every pipe needs.
#[derive(Clone)]
pub struct Works {
    pub store: Arc<Store>,
    pub states: Arc<States>,
    pub meters: Arc<PipeMeters>,
    pub clock: fn() -> Timestamp,
    pub stopped: watch::Receiver<bool>,
    pub backoff: Backoff,
}

impl Works {
    pub fn new(
        store: &Arc<Store>,
        states: &Arc<States>,
        stopped: &watch::Receiver<bool>,
        clock: fn() -> Timestamp,
    ) -> Works {
        // short enough that what comes back is noticed soon
        let backoff = Backoff { first: FIRST_WAIT, longest: LONGEST_WAIT, seed: u64::from(std::process::id()) };
        let (store, states, stopped) = (store.clone(), states.clone(), stopped.clone());
        Works { store, states, meters: Arc::default(), clock, stopped, backoff }
    }

    /// Asks the store where waiting hurts nobody.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, String> {
        let store = self.store.clone();
        let answer = tokio::task::spawn_blocking(move || question(&store)).await;
        answer.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
    }

    /// True once the daemon stops; else when the time is over.
    pub async fn pause(&self, wait: Duration) -> bool {
        let mut stopped = self.stopped.clone();
        tokio::time::timeout(wait, stopped.wait_for(|stop| *stop)).await.is_ok()
    }

    /// Notes a failure and waits, the longer the more of them there were. True once the daemon stops.
    pub async fn failed(&self, (name, kind): (&str, &str), why: &str, failures: u32, asked: Option<Duration>) -> bool {
        self.meters.failed(name);
        self.states.bad(name, kind, why);
        if failures <= 1 {
            tracing::warn!(pipe = name, error = why, "a pipe fails, it is tried again");
        }
        let wait = Duration::try_from(self.backoff.wait(failures, name)).unwrap_or(Duration::from_secs(1));
        self.pause(asked.map_or(wait, |asked| asked.max(wait))).await
    }
}

type Tasks = Vec<tokio::task::JoinHandle<()>>;

/// What pipes want of the core.
#[derive(Default)]
pub struct Pipes {
    pub tasks: Tasks,
    /// Where the core puts what goes to ClickHouse.
    pub tap: Tap,
    /// Channels of the outbox that get every version of every incident.
    pub streams: Vec<String>,
}

/// Starts what takes data out.
///
/// # Errors
/// An address that is none, a name that the environment does not have, settings that nobody knows.
pub fn start_out(
    config: &Config,
    env: &dyn Fn(&str) -> Option<String>,
    bus: Option<&Arc<dyn Bus>>,
    works: &Works,
) -> Result<Pipes, DaemonError> {
    let mut pipes = Pipes::default();
    let client = Client::new(&rootline_sinks::ClientOptions::default())
        .map_err(|e| DaemonError::Pipe { name: "http".to_owned(), why: e.to_string() })?;
    let mut sinks: Vec<Arc<dyn EventSink>> = Vec::new();
    for target in &config.forward.elasticsearch {
        sinks.push(Arc::new(forward::Search::new(&target.name, bulk(target, &client, env)?)));
    }
    let topics = &config.kafka.forward;
    if let Some(bus) = bus.filter(|_| !topics.events.is_empty()) {
        sinks.push(Arc::new(forward::Topic { bus: bus.clone(), topic: topics.events.clone() }));
    }
    if let Some(house) = clickhouse(config, &client, env)? {
        let cluster = config.daemon.cluster.clone();
        sinks.push(Arc::new(forward::Rows { house: house.clone(), cluster: cluster.clone() }));
        let (lake, tap) = Lake::new(house, cluster, config.forward.clickhouse.logs, works);
        pipes.tasks.push(tokio::spawn(lake.run()));
        pipes.tap = tap;
    }
    for sink in sinks {
        works.meters.waiting(sink.name(), 0);
        pipes.tasks.push(tokio::spawn(forward::run(sink, works.clone())));
    }
    if let Some(bus) = bus.filter(|_| !topics.incidents.is_empty()) {
        pipes.streams.push(INCIDENTS.to_owned());
        pipes.tasks.push(tokio::spawn(outflow::run(bus.clone(), topics.incidents.clone(), works.clone())));
    }
    Ok(pipes)
}

/// Starts what takes data in, once there is a core to take it.
///
/// # Errors
/// Settings that nobody knows.
pub fn start_in(
    config: &Config,
    bus: Option<&Arc<dyn Bus>>,
    inputs: &mpsc::Sender<Input>,
    works: &Works,
) -> Result<Tasks, DaemonError> {
    let mut tasks = Tasks::new();
    let Some(bus) = bus else { return Ok(tasks) };
    let read = &config.kafka.read;
    for (kind, topics) in
        [(inflow::Kind::Alerts, &read.alerts), (inflow::Kind::Logs, &read.logs), (inflow::Kind::Events, &read.events)]
    {
        if topics.is_empty() {
            continue;
        }
        let group = format!("{}-{}", config.kafka.group, kind.word());
        let reader = bus.subscribe(&group, topics).map_err(broken("kafka"))?;
        works.meters.waiting(kind.name(), 0);
        let inflow = Inflow::new(kind, inputs.clone(), works.clone());
        tasks.push(tokio::spawn(inflow.run(reader)));
    }
    Ok(tasks)
}

fn broken(name: &str) -> impl Fn(rootline_bus::BusError) -> DaemonError {
    let name = name.to_owned();
    move |e| DaemonError::Pipe { name: name.clone(), why: e.to_string() }
}

/// Kafka, where brokers are named.
///
/// # Errors
/// Settings that nobody knows; a build without Kafka.
pub fn bus(config: &Config, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Arc<dyn Bus>>, DaemonError> {
    let kafka = &config.kafka;
    if kafka.brokers.is_empty() {
        return Ok(None);
    }
    let options = brokers::options(kafka, env);
    let options = options.map_err(|why| DaemonError::Pipe { name: "kafka".to_owned(), why })?;
    made(options).map(Some).map_err(broken("kafka"))
}

#[cfg(feature = "kafka")]
fn made(options: BusOptions) -> Result<Arc<dyn Bus>, rootline_bus::BusError> {
    Ok(Arc::new(rootline_bus::Kafka::new(options)?))
}

#[cfg(not(feature = "kafka"))]
fn made(_: BusOptions) -> Result<Arc<dyn Bus>, rootline_bus::BusError> {
    let why = "this program was built without Kafka (cargo feature `kafka`)";
    Err(rootline_bus::BusError::Settings(why.to_owned()))
}

fn filled(name: &str, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, DaemonError> {
    channels::filled(text, env).map_err(|why| DaemonError::Pipe { name: name.to_owned(), why })
}

fn endpoint(name: &str, url: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Endpoint, DaemonError> {
    let url = filled(name, url, env)?;
    Endpoint::parse(&url).map_err(|e| DaemonError::Pipe { name: name.to_owned(), why: e.to_string() })
}

fn bulk(target: &SearchTarget, client: &Client, env: &dyn Fn(&str) -> Option<String>) -> Result<Bulk, DaemonError> {
    let fill = |text: &str| filled(&target.name, text, env);
    let options = BulkOptions {
        endpoint: endpoint(&target.name, &target.url.value, env)?,
        index: target.index.clone(),
        user: fill(&target.user)?,
        password: fill(&target.password)?,
        api_key: fill(&target.api_key)?,
    };
    Ok(Bulk::new(options, client.clone()))
}

fn clickhouse(
    config: &Config,
    client: &Client,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<ClickHouse>, DaemonError> {
    let house = &config.forward.clickhouse;
    if !house.enabled {
        return Ok(None);
    }
    let fill = |text: &str| filled("clickhouse", text, env);
    let keep = &config.retention;
    let options = ClickHouseOptions {
        endpoint: endpoint("clickhouse", &house.url, env)?,
        database: house.database.clone(),
        user: fill(&house.user)?,
        password: fill(&house.password)?,
        lasting: Lasting { series: keep.series_days, events: keep.events_days, incidents: keep.incidents_days },
    };
    Ok(Some(ClickHouse::new(options, client.clone())))
}

#[cfg(test)]
#[path = "pipes_tests.rs"]
mod tests;
