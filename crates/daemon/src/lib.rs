//! The daemon `rootline run`: sources, core, store, outbox, API in one process.
//!
//! **Invariant:** decides nothing. What is wrong is the engine's word, how it is worded `report`'s; here stands who
//! runs when, and that nothing is acknowledged or sent before it is on disk (ADR-0008).
#![allow(clippy::disallowed_methods, reason = "the daemon is an edge: it has the clock")]

mod backend;
mod channels;
mod core;
mod outbox;
mod records;
mod route;
mod silence;
mod sources;
mod view;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rootline_api::{Bound, ServeError, Server};
use rootline_config::Config;
use rootline_engine::{Engine, Live, LiveOptions};
use rootline_sinks::{Alertmanager, Client, ClientOptions, CopiesOptions, Courier, CourierOptions, Endpoint, Sink};
use rootline_sources::watch::{Watch, WatchOptions};
use rootline_store::{Store, StoreError};
use tokio::sync::{Notify, mpsc, watch};

use backend::Desk;
use core::{Core, Input};
use outbox::StoreOutbox;
use route::{BACKFILL, Routes};
use sources::States;
use view::Published;
use words::Cards;

/// Inputs that wait for the core; receivers answer 503 above it.
const QUEUE: usize = 4_096;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DaemonError {
    #[error("the store in {folder}: {why}")]
    Store { folder: PathBuf, why: String },
    #[error("channel `{name}`: {why}")]
    Channel { name: String, why: String },
    #[error("the cluster: {0}")]
    Cluster(String),
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
}

fn clock() -> Timestamp {
    Timestamp::now()
}

fn store_error(folder: &std::path::Path) -> impl Fn(StoreError) -> DaemonError {
    move |e| DaemonError::Store { folder: folder.to_owned(), why: e.to_string() }
}

impl Daemon {
    /// Opens the store, takes the port, and starts everything.
    ///
    /// # Errors
    /// What keeps it from starting: the store, the port, a channel, a kubeconfig.
    pub async fn start(engine: Engine, options: Options) -> Result<Daemon, DaemonError> {
        let config = &options.config;
        let folder = PathBuf::from(&config.daemon.data);
        let failed = store_error(&folder);
        let store = Arc::new(Store::open(&folder, &rootline_store::Options::default()).map_err(&failed)?);
        let published = Arc::new(Published::default());
        let states = Arc::new(States::default());
        let (inputs, queue) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);

        let outbox = StoreOutbox::open(store.clone()).map_err(&failed)?;
        let (routes, couriers) = start_couriers(&options, &store, outbox, &stopped)?;
        let channels = routes.channels.iter().map(|c| c.channel.clone()).collect();

        let tick = Duration::from_secs(u64::from(config.daemon.tick_s.max(1)));
        let live = Live::new(engine, options.live.clone());
        let mut core = Core::new(live, store.clone(), routes, published.clone(), tick);
        core.restore(clock()).map_err(&failed)?;
        if let Some(cluster) = &options.cluster {
            start_cluster(cluster, &core, &inputs, states.clone()).await?;
        }

        let desk = Arc::new(Desk {
            store,
            published,
            inputs: inputs.clone(),
            states,
            clock,
            started: clock(),
            cluster: config.daemon.cluster.clone(),
            channels,
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
        Ok(Daemon { address, inputs, stop, core: Some(core), server, couriers })
    }

    /// Ends when the server does, which it does only after `stop` or a failure.
    ///
    /// # Errors
    /// Serving failed.
    pub async fn wait(&mut self) -> Result<(), DaemonError> {
        match (&mut self.server).await {
            Ok(served) => Ok(served?),
            Err(e) => Err(DaemonError::Serve(e.to_string())),
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
    }
}

async fn bind(config: &Config, desk: &Arc<Desk>) -> Result<Bound, DaemonError> {
    let listen = config.daemon.listen.parse().map_err(|_| DaemonError::Listen(config.daemon.listen.clone()))?;
    let options = rootline_api::Options { listen, ..rootline_api::Options::default() };
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
    let link = (!base.is_empty()).then(|| format!("{base}/#/incidents/{{id}}"));
    let mut routes = Routes::default();
    let mut couriers = Couriers::new();
    let mut start = |sink: Arc<dyn Sink>, lang| {
        let options = CourierOptions { lang, link: link.clone(), ..CourierOptions::default() };
        let courier = Courier::new(outbox.clone(), sink, options);
        // a message that is due is looked for at the courier's own pace; two seconds is soon enough for people
        couriers.push(tokio::spawn(courier.run(clock, Arc::new(Notify::new()), stopped.clone())));
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
    Ok((routes, couriers))
}
