//! The daemon `rootline run`: sources, core, store, outbox, API in one process.
//!
//! **Invariant:** decides nothing. What is wrong is the engine's word, how it is worded `report`'s; here stands who
//! runs when, and that nothing is acknowledged or sent before it is on disk (ADR-0008).
#![allow(clippy::disallowed_methods, reason = "the daemon is an edge: it has the clock")]

mod backend;
mod brokers;
mod channels;
mod charts;
mod clock;
mod core;
mod cursor;
mod derived;
mod forward;
mod inflow;
mod input;
mod keep;
mod lake;
mod lead;
mod lines;
mod log_reader;
mod maintenance;
mod meters;
mod outbox;
mod outflow;
mod pipes;
mod poll;
mod posts;
mod pull;
mod recording;
mod records;
mod reload;
mod review;
mod route;
mod rows;
mod scrape;
mod seen;
mod silence;
mod sources;
mod tape;
mod view;
mod words;
mod write_back;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rootline_api::{Auth, Bound, Reloaded, ServeError, Server, TlsFiles};
use rootline_config::Config;
use rootline_engine::{Engine, Live};
use rootline_sources::pull::Server as PrometheusServer;
use rootline_sources::pull::prometheus::Prometheus;
use rootline_sources::watch::{Lease, Watch, WatchOptions};
use rootline_store::{Store, StoreError};
use tokio::sync::{mpsc, watch};

use backend::Desk;
use core::{Core, Timing};
use input::Input;
use pipes::Works;
use poll::Poller;
use posts::{Held, Posts};
use reload::{Current, Reloader, Settings};
use sources::States;
use tape::{Tape, TapeOptions};
use view::Published;

pub use brokers::check_files;
pub use reload::{Loaded, Source, check};

/// How often certificate files are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(60);
/// Inputs that wait for the core; receivers answer 503 above it.
const QUEUE: usize = 4_096;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DaemonError {
    #[error("the store in {folder}: {why}")]
    Store { folder: PathBuf, why: String },
    #[error("{0}")]
    Config(String),
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

impl DaemonError {
    /// As far as it is said in Chinese: where it happened; what others say of it stays as it is.
    pub fn in_chinese(&self) -> String {
        match self {
            DaemonError::Store { folder, why } => format!("目录 {} 中的存储：{why}", folder.display()),
            DaemonError::Channel { name, why } => format!("通道 `{name}`：{why}"),
            DaemonError::Pipe { name, why } => format!("数据管道 `{name}`：{why}"),
            DaemonError::Deposed => "已由另一个副本接管".to_owned(),
            DaemonError::Cluster(why) => format!("集群：{why}"),
            DaemonError::Prometheus(why) => format!("Prometheus：{why}"),
            DaemonError::Listen(address) => {
                format!("监听地址 `{address}` 无效，应为 地址:端口，例如 127.0.0.1:9099")
            }
            DaemonError::Config(_) | DaemonError::Pull { .. } | DaemonError::Serve(_) => self.to_string(),
        }
    }
}

impl From<ServeError> for DaemonError {
    fn from(error: ServeError) -> Self {
        DaemonError::Serve(error.to_string())
    }
}

/// How the daemon is started.
pub struct Options {
    pub loaded: Loaded,
    /// Reads the configuration again; `None`: it is read at the start only.
    pub source: Option<Source>,
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
    reloader: Arc<Reloader>,
    pipes: Vec<tokio::task::JoinHandle<()>>,
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
        let config = &options.loaded.config;
        let lease = lead::wait(config, options.cluster.as_ref(), &options.identity).await?;
        let folder = PathBuf::from(&config.daemon.data);
        let failed = store_error(&folder);
        let store = Arc::new(Store::open(&folder, &rootline_store::Options::default()).map_err(&failed)?);
        let published = Arc::new(Published::default());
        let states = Arc::new(States::default());
        let (inputs, queue) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);

        let (current, held, attempts) = (Arc::new(Current::default()), Arc::new(Held::default()), Arc::default());
        let bus = pipes::bus(config, &options.env)?;
        let works = Works::new(&store, &states, &stopped, clock);
        let pipes = pipes::start_out(config, &options.env, bus.as_ref(), &works)?;
        let mut tasks = pipes.tasks;
        let mut posts = Posts::new(store.clone(), options.env, (held.clone(), Arc::clone(&attempts)));
        posts.streams = pipes.streams;
        let plan = posts.plan(config, &options.loaded.values)?;
        let settings = Settings::of(&options.loaded, plan.routes.clone())?;
        current.set(&settings, clock());

        let tick = Duration::from_secs(u64::from(config.daemon.tick_s.max(1)));
        let mut live = Live::new(engine, settings.live.clone());
        keep::restore(&mut live, &folder, &settings.live.series);
        let timing = Timing { tick, now: clock() };
        let mut core = Core::new(live, store.clone(), (settings, published.clone()), &timing);
        core.restore(clock()).map_err(&failed)?;
        core.tape = start_tape(config, &current)?;
        core.tap = pipes.tap;
        if let Some(cluster) = &options.cluster {
            let logs = sources::Reading::of(&config.logs);
            start_cluster((cluster, logs), &core, &inputs, states.clone()).await?;
        }

        start_prometheus(config, &core, &inputs, &states)?;
        let edge = pull::Edge { inputs: inputs.clone(), states: states.clone(), clock, env: options.env };
        pull::start(&options, &core, &edge, &stopped).await?;
        tasks.extend(pipes::start_in(config, bus.as_ref(), &inputs, &works)?);
        let desk = Arc::new(Desk {
            store: store.clone(),
            published,
            inputs: inputs.clone(),
            states,
            meters: works.meters.clone(),
            clock,
            started: clock(),
            cluster: config.daemon.cluster.clone(),
            attempts,
            replica: lead::replica(&options.identity).to_owned(),
            current: current.clone(),
            held,
            recording: tokio::sync::Mutex::default(),
            reloader: std::sync::OnceLock::new(),
            watches: options.cluster.is_some(),
        });
        let bound = bind(&options, &desk).await?;
        let address = bound.address();
        posts.carry_out(plan).await;
        let values = (posts, options.loaded.values.clone());
        let reloader = Reloader::new(options.source.clone(), current, inputs.clone(), bound.keeper(), values);
        let reloader = Arc::new(reloader);
        let _ = desk.reloader.set(reloader.clone());
        let mut until = stopped.clone();
        let shutdown = Box::pin(async move {
            let _ = until.wait_for(|stop| *stop).await;
        });
        let server = tokio::spawn(bound.serve(shutdown));
        let handle = tokio::runtime::Handle::current();
        let core = std::thread::spawn(move || core.run(queue, &handle, clock));
        Ok(Daemon { address, inputs, stop, core: Some(core), server, reloader, pipes: tasks, lease })
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

    /// Reads the configuration again and takes over what can change while it runs.
    ///
    /// # Errors
    /// What is wrong with it; then everything stays as it was.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        self.reloader.clone().reload().await
    }

    /// Takes nothing more, finishes what is in work, writes it down.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ = self.inputs.send(Input::Stop).await;
        if let Some(core) = self.core.take() {
            let _ = tokio::task::spawn_blocking(move || core.join()).await;
        }
        self.reloader.stop().await;
        for pipe in self.pipes.drain(..) {
            let _ = pipe.await;
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

/// Keeps what comes in, where that is asked for.
fn start_tape(config: &Config, current: &Current) -> Result<Option<Tape>, DaemonError> {
    let told = &config.daemon.tape;
    if told.folder.is_empty() {
        return Ok(None);
    }
    let options = TapeOptions {
        folder: PathBuf::from(&told.folder),
        bytes: u64::from(told.mib) << 20,
        state_every: jiff::SignedDuration::from_secs(i64::from(told.state_every_s)),
        patterns: current.patterns(),
    };
    let failed = |e| DaemonError::Config(format!("daemon.tape.folder {}: {e}", told.folder));
    Tape::begin(options).map(Some).map_err(failed)
}

fn address(config: &Config) -> Result<SocketAddr, DaemonError> {
    config.daemon.listen.parse().map_err(|_| DaemonError::Listen(config.daemon.listen.clone()))
}

fn tls_files(config: &Config) -> Option<TlsFiles> {
    let files = &config.daemon.tls;
    (!files.certificate.is_empty() && !files.key.is_empty()).then(|| TlsFiles {
        certificate: PathBuf::from(&files.certificate),
        key: PathBuf::from(&files.key),
        look_every: CERTIFICATES_EVERY,
    })
}

async fn bind(options: &Options, desk: &Arc<Desk>) -> Result<Bound, DaemonError> {
    let config = &options.loaded.config;
    let live = options.cluster.as_ref().map(|c| &c.live);
    let reviewer = review::Reviewer::start(&config.daemon.token_review, live).await?;
    let auth = Auth { tokens: reload::tokens(config)?, reviewer, ..Auth::default() };
    let options =
        rootline_api::Options { listen: address(config)?, auth, tls: tls_files(config), ..Default::default() };
    Ok(Server::bind(options, desk.clone(), desk.clone()).await?)
}

async fn start_cluster(
    (options, logs): (&WatchOptions, Option<sources::Reading>),
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
    if let Some(reading) = logs {
        tokio::spawn(async move { sources::logs(&logs_of, reading, wanted, logs_to).await });
    }
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
    tokio::spawn(poller.series(core.queries.subscribe()));
    Ok(())
}
