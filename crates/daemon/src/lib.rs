//! The daemon `rootline run`: sources, core, store, outbox, API in one process.
//!
//! **Invariant:** decides nothing. What is wrong is the engine's word, how it is worded `report`'s; here stands who
//! runs when, and that nothing is acknowledged or sent before it is on disk (ADR-0008).
#![allow(clippy::disallowed_methods, reason = "the daemon is an edge: it has the clock")]

mod backend;
mod channels;
mod charts;
mod core;
mod cursor;
mod derived;
mod forward;
mod inflow;
mod keep;
mod lake;
mod lead;
mod log_reader;
mod meters;
mod outbox;
mod outflow;
mod pipes;
mod poll;
mod pull;
mod records;
mod route;
mod scrape;
mod seen;
mod silence;
mod sources;
mod view;
mod words;
mod write_back;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rootline_api::{Auth, Bound, Rank, ServeError, Server, TlsFiles, Token};
use rootline_config::{Config, TokenRole};
use rootline_engine::{Engine, Live, LiveOptions};
use rootline_sinks::{Alertmanager, Client, ClientOptions, CopiesOptions, Courier, CourierOptions, Endpoint, Sink};
use rootline_sources::pull::Server as PrometheusServer;
use rootline_sources::pull::prometheus::Prometheus;
use rootline_sources::watch::{Lease, Watch, WatchOptions};
use rootline_store::{Store, StoreError};
use tokio::sync::{Notify, mpsc, watch};

use backend::Desk;
use core::{Core, Input, Timing};
use outbox::StoreOutbox;
use pipes::Works;
use poll::Poller;
use route::{BACKFILL, Routes};
use sources::States;
use view::Published;
use words::Cards;

/// How often certificate files are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(60);
/// Inputs that wait for the core; receivers answer 503 above it.
const QUEUE: usize = 4_096;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DaemonError {
    #[error("the store in {folder}: {why}")]
    Store { folder: PathBuf, why: String },
    #[error("channel `{name}`: {why}")]
    Channel { name: String, why: String },
    #[error("pipe `{name}`: {why}")]
    Pipe { name: String, why: String },
    #[error("another replica leads now")]
    Deposed,
    #[error("the cluster: {0}")]
    Cluster(String),
    #[error("prometheus: {0}")]
    Prometheus(String),
    #[error("{what}: {why}")]
    Pull { what: String, why: String },
    #[error("{0}")]
    Serve(String),
    #[error("listen address `{0}` is none, expected ADDRESS:PORT such as 127.0.0.1:9099")]
    Listen(String),
}

impl From<ServeError> for DaemonError {
    fn from(error: ServeError) -> Self {
        DaemonError::Serve(error.to_string())
    }
}

/// How the daemon is started.
pub struct Options {
    pub config: Config,
    pub live: LiveOptions,
    /// The cluster to watch; `None`: none is.
    pub cluster: Option<WatchOptions>,
    /// Tells this replica from others in an election.
    pub identity: String,
    /// Looks names up for `${NAME}` in channels.
    pub env: fn(&str) -> Option<String>,
}

/// A daemon that runs.
pub struct Daemon {
    pub address: SocketAddr,
    inputs: mpsc::Sender<Input>,
    stop: watch::Sender<bool>,
    core: Option<std::thread::JoinHandle<()>>,
    server: tokio::task::JoinHandle<Result<(), ServeError>>,
    couriers: Vec<tokio::task::JoinHandle<()>>,
    lease: Option<Lease>,
}

fn clock() -> Timestamp {
    Timestamp::now()
}

fn store_error(folder: &std::path::Path) -> impl Fn(StoreError) -> DaemonError {
    move |e| DaemonError::Store { folder: folder.to_owned(), why: e.to_string() }
}

impl Daemon {
    /// Waits for leadership where there is an election, opens the store, takes the port, and starts everything.
    ///
    /// # Errors
    /// What keeps it from starting: the store, the port, a channel, a kubeconfig.
    pub async fn start(engine: Engine, options: Options) -> Result<Daemon, DaemonError> {
        let config = &options.config;
        let lease = match &options.cluster {
            Some(cluster) if config.kubernetes.leader_election => {
                Some(lead::wait(&config.kubernetes, &cluster.live, options.identity.clone()).await?)
            }
            _ => None,
        };
        let folder = PathBuf::from(&config.daemon.data);
        let failed = store_error(&folder);
        let store = Arc::new(Store::open(&folder, &rootline_store::Options::default()).map_err(&failed)?);
        let published = Arc::new(Published::default());
        let states = Arc::new(States::default());
        let (inputs, queue) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);

        let outbox = Arc::new(StoreOutbox(store.clone()));
        let (mut routes, mut couriers) = start_couriers(&options, &store, outbox, &stopped)?;
        let bus = pipes::bus(config, &options.env)?;
        let works = Works::new(&store, &states, &stopped, clock);
        let pipes = pipes::start_out(config, &options.env, bus.as_ref(), &works)?;
        couriers.extend(pipes.tasks);
        routes.streams = pipes.streams;
        let channels = routes.channels.iter().map(|c| c.channel.clone()).collect();
        let handles = routes.handles.clone();

        let tick = Duration::from_secs(u64::from(config.daemon.tick_s.max(1)));
        let mut live = Live::new(engine, options.live.clone());
        keep::restore(&mut live, &folder, &options.live.series);
        let timing = Timing { tick, now: clock(), keep: keep::retention(&config.retention) };
        let mut core = Core::new(live, store.clone(), (routes, published.clone()), &timing);
        core.restore(clock()).map_err(&failed)?;
        core.tap = pipes.tap;
        if let Some(cluster) = &options.cluster {
            start_cluster(cluster, &core, &inputs, states.clone()).await?;
        }

        start_prometheus(config, &core, &inputs, &states)?;
        let edge = pull::Edge { inputs: inputs.clone(), states: states.clone(), clock, env: options.env };
        pull::start(&options, &core, &edge, &stopped).await?;
        couriers.extend(pipes::start_in(config, bus.as_ref(), &inputs, &works)?);
        let desk = Arc::new(Desk {
            store,
            published,
            inputs: inputs.clone(),
            states,
            meters: works.meters.clone(),
            clock,
            started: clock(),
            cluster: config.daemon.cluster.clone(),
            channels,
            handles,
            watches: options.cluster.is_some(),
        });
        let bound = bind(config, &desk).await?;
        let address = bound.address();
        let mut until = stopped.clone();
        let shutdown = Box::pin(async move {
            let _ = until.wait_for(|stop| *stop).await;
        });
        let server = tokio::spawn(bound.serve(shutdown));
        let handle = tokio::runtime::Handle::current();
        let core = std::thread::spawn(move || core.run(queue, &handle, clock));
        Ok(Daemon { address, inputs, stop, core: Some(core), server, couriers, lease })
    }

    /// Ends when the server does, which it does only after `stop` or a failure, or when another replica leads.
    ///
    /// # Errors
    /// Serving failed.
    pub async fn wait(&mut self) -> Result<(), DaemonError> {
        let lease = &self.lease;
        let lost = async {
            match lease {
                Some(lease) => lead::lost(lease).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = &mut self.server => match served {
                Ok(served) => Ok(served?),
                Err(e) => Err(DaemonError::Serve(e.to_string())),
            },
            () = lost => Err(DaemonError::Deposed),
        }
    }

    /// Takes nothing more, finishes what is in work, writes it down.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ = self.inputs.send(Input::Stop).await;
        if let Some(core) = self.core.take() {
            let _ = tokio::task::spawn_blocking(move || core.join()).await;
        }
        for courier in self.couriers.drain(..) {
            let _ = courier.await;
        }
        if !self.server.is_finished() {
            let _ = (&mut self.server).await;
        }
        // last, when nothing is written any more
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
    }
}

async fn bind(config: &Config, desk: &Arc<Desk>) -> Result<Bound, DaemonError> {
    let listen = config.daemon.listen.parse().map_err(|_| DaemonError::Listen(config.daemon.listen.clone()))?;
    let mut tokens = Vec::with_capacity(config.daemon.tokens.len());
    for token in &config.daemon.tokens {
        let rank = match token.role {
            TokenRole::Viewer => Rank::Viewer,
            TokenRole::Operator => Rank::Operator,
            TokenRole::Admin => Rank::Admin,
            TokenRole::Receiver => Rank::Receiver,
        };
        tokens.push(Token::from_hex(&token.name, rank, &token.sha256.value).map_err(DaemonError::Serve)?);
    }
    let files = &config.daemon.tls;
    let tls = (!files.certificate.is_empty() && !files.key.is_empty()).then(|| TlsFiles {
        certificate: PathBuf::from(&files.certificate),
        key: PathBuf::from(&files.key),
        look_every: CERTIFICATES_EVERY,
    });
    let auth = Auth { tokens, ..Auth::default() };
    let options = rootline_api::Options { listen, auth, tls, ..rootline_api::Options::default() };
    Ok(Server::bind(options, desk.clone(), desk.clone()).await?)
}

async fn start_cluster(
    options: &WatchOptions,
    core: &Core,
    inputs: &mpsc::Sender<Input>,
    states: Arc<States>,
) -> Result<(), DaemonError> {
    let started = Watch::start(options).await;
    let (watch, deltas) = started.map_err(|e| DaemonError::Cluster(e.to_string()))?;
    let watch = Arc::new(watch);
    let (wanted, deltas_to, logs_to) = (core.wanted.subscribe(), inputs.clone(), inputs.clone());
    let logs_of = watch.clone();
    tokio::spawn(async move { sources::cluster(&watch, deltas, deltas_to, (&states, clock)).await });
    tokio::spawn(async move { sources::logs(&logs_of, wanted, logs_to).await });
    Ok(())
}

/// Asks Prometheus, where one is named.
fn start_prometheus(
    config: &Config,
    core: &Core,
    inputs: &mpsc::Sender<Input>,
    states: &Arc<States>,
) -> Result<(), DaemonError> {
    let named = config.prometheus.url.as_ref().filter(|u| config.prometheus.enabled && !u.value.is_empty());
    let Some(url) = named.map(|u| u.value.clone()) else { return Ok(()) };
    let prometheus = Prometheus::new(PrometheusServer::new(url.clone()));
    let prometheus = prometheus.map_err(|e| DaemonError::Prometheus(e.to_string()))?;
    let poller = Arc::new(Poller { prometheus, name: url, inputs: inputs.clone(), states: states.clone(), clock });
    tokio::spawn(poller.clone().rules());
    if config.detection.enabled {
        tokio::spawn(poller.series(core.queries.subscribe()));
    }
    Ok(())
}

type Couriers = Vec<tokio::task::JoinHandle<()>>;

/// One worker for each channel, and one for the copies at Alertmanager.
fn start_couriers(
    options: &Options,
    store: &Arc<Store>,
    outbox: Arc<StoreOutbox>,
    stopped: &watch::Receiver<bool>,
) -> Result<(Routes, Couriers), DaemonError> {
    let config = &options.config;
    let broken = |name: &str| {
        let name = name.to_owned();
        move |e: rootline_sinks::EndpointError| DaemonError::Channel { name, why: e.to_string() }
    };
    let client = Client::new(&ClientOptions::default()).map_err(broken("http"))?;
    let base = config.daemon.external_url.trim_end_matches('/');
    let link = (!base.is_empty()).then(|| format!("{base}/#/{{id}}"));
    let mut routes = Routes::default();
    let mut couriers = Couriers::new();
    let mut wakes = Vec::new();
    let mut handles = Vec::new();
    let mut start = |sink: Arc<dyn Sink>, lang| {
        let options = CourierOptions { lang, link: link.clone(), ..CourierOptions::default() };
        let name = sink.name().to_owned();
        let courier = Courier::new(outbox.clone(), sink, options);
        handles.push((name, courier.handle()));
        let wake = Arc::new(Notify::new());
        wakes.push(wake.clone());
        couriers.push(tokio::spawn(courier.run(clock, wake, stopped.clone())));
    };
    for channel in &config.notify {
        let words = Arc::new(Cards { receiver: channel.name.clone() });
        let ready = channels::ready(channel, &client, words, &options.env)?;
        start(ready.sink, ready.lang);
        routes.channels.push(ready.route);
    }
    let url = config.alertmanager.url.as_ref().filter(|_| config.alertmanager.enabled);
    if let Some(url) = url {
        let endpoint = Endpoint::parse(&url.value).map_err(broken(BACKFILL))?;
        let sink = Arc::new(Alertmanager::new(BACKFILL, vec![endpoint], CopiesOptions::default(), client));
        let open = store.open_incidents().map_err(store_error(store.folder()))?;
        sink.resume(&open, link.as_deref(), clock());
        start(sink.clone(), rootline_model::Lang::En);
        routes.backfill = true;
        let mut until = stopped.clone();
        couriers.push(tokio::spawn(async move {
            let mut pace = tokio::time::interval(rootline_sinks::TICK);
            loop {
                tokio::select! {
                    _ = pace.tick() => if let Err(error) = sink.tick(clock()).await {
                        tracing::warn!(%error, "alertmanager does not take its copies");
                    },
                    _ = until.changed() => return,
                }
            }
        }));
    }
    routes.couriers = wakes;
    routes.handles = handles;
    Ok((routes, couriers))
}
