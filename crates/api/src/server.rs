//! Listening, and stopping without cutting answers off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::auth::{Auth, Caller, Door, DoorKeeper};
use crate::backend::Backend;
use crate::doors::{Doors, TlsFiles};
use crate::feed::Feed;
use crate::guard::is_loopback;
use crate::intake::Intake;
use crate::push::{self, Receivers};
use crate::router;
use crate::telemetry::Telemetry;

/// How often half-read log records and calls of past minutes are given on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How the server listens and what it allows.
#[derive(Clone)]
pub struct Options {
    pub listen: SocketAddr,
    pub auth: Auth,
    /// Listens beyond loopback though nobody is asked who they are.
    pub insecure_no_auth: bool,
    /// Names by which it may be called besides addresses and `localhost`. On loopback all others are refused; elsewhere
    /// nothing is refused while this is empty.
    pub hosts: Vec<String>,
    pub tls: Option<TlsFiles>,
    /// What one pushed request may hold.
    pub limits: rootline_sources::receive::Limits,
    /// Bytes of pushed bodies that are worked on at once; who comes beyond that waits a second and is then sent away with 503.
    pub pushed_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Until an answer's head is ready.
    pub timeout: Duration,
    /// How long running answers may go on after the stop.
    pub grace: Duration,
    pub audit: Option<Arc<dyn Audit>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 9099)),
            auth: Auth::default(),
            insecure_no_auth: false,
            hosts: Vec::new(),
            tls: None,
            limits: rootline_sources::receive::Limits::default(),
            pushed_bytes_max: 64 << 20,
            connections_max: 1024,
            timeout: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            audit: None,
        }
    }
}

/// Hears of everything that somebody wrote through the API; pushed data is not meant.
pub trait Audit: Send + Sync + 'static {
    fn written(&self, entry: Audited);
}

/// Who did what, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    pub at: Timestamp,
    pub caller: Caller,
    pub remote: String,
    pub method: String,
    pub path: String,
    pub status: u16,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Remote(pub SocketAddr);

impl Connected<IncomingStream<'_, Doors>> for Remote {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Remote {
        Remote(*stream.remote_addr())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {listen}: {error}")]
    Listen { listen: SocketAddr, error: std::io::Error },
    #[error(
        "refusing to listen on {listen} without authentication: everybody who reaches it could read and silence; \
         configure a token, listen on 127.0.0.1, or say --insecure-no-auth"
    )]
    Open { listen: SocketAddr },
    #[error("tls: {0}")]
    Tls(String),
    #[error("serving stopped: {0}")]
    Serve(std::io::Error),
}

/// What all routes see.
pub struct Shared {
    pub options: Options,
    pub backend: Arc<dyn Backend>,
    pub intake: Arc<dyn Intake>,
    pub door: Arc<Door>,
    pub feed: Arc<Feed>,
    pub telemetry: Telemetry,
    pub receivers: Receivers,
    pub loopback: bool,
    /// True from the stop on.
    pub stop: watch::Receiver<bool>,
}

pub struct Server;

/// A server that has its port and does not answer yet.
pub struct Bound {
    doors: Doors,
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Takes the port; port 0 takes any. What is asked in `options` and not safe is an error.
    pub async fn bind(
        options: Options,
        backend: Arc<dyn Backend>,
        intake: Arc<dyn Intake>,
    ) -> Result<Bound, ServeError> {
        let listen = options.listen;
        if !is_loopback(&listen) && !options.auth.is_on() && !options.insecure_no_auth {
            return Err(ServeError::Open { listen });
        }
        let failed = |error| ServeError::Listen { listen, error };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let doors =
            Doors::open(listener, options.tls.clone(), options.connections_max).await.map_err(ServeError::Tls)?;
        let (stop, stopping) = watch::channel(false);
        let shared = Shared {
            door: Arc::new(Door::new(options.auth.clone())),
            feed: Arc::new(Feed::new(format!("{:x}", backend.now().as_millisecond()))),
            telemetry: Telemetry::new(),
            receivers: Receivers::new(&options),
            loopback: is_loopback(&address),
            stop: stopping,
            options,
            backend,
            intake,
        };
        Ok(Bound { doors, address, shared: Arc::new(shared), stop })
    }

    /// Serves until `shutdown` is done and running answers have ended.
    pub async fn serve(
        options: Options,
        backend: Arc<dyn Backend>,
        intake: Arc<dyn Intake>,
        shutdown: BoxFuture<'static, ()>,
    ) -> Result<(), ServeError> {
        Server::bind(options, backend, intake).await?.serve(shutdown).await
    }
}

impl Bound {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes tokens while it serves.
    pub fn keeper(&self) -> DoorKeeper {
        let is_outside = !self.shared.loopback && !self.shared.options.insecure_no_auth;
        DoorKeeper { door: self.shared.door.clone(), is_outside }
    }

    pub async fn serve(self, shutdown: BoxFuture<'static, ()>) -> Result<(), ServeError> {
        let Bound { doors, shared, stop, .. } = self;
        let grace = shared.options.grace;
        let feed = shared.feed.clone();
        let news = shared.backend.subscribe();
        let pump = tokio::spawn(async move { feed.pump(news).await });
        let flushed = shared.clone();
        let flusher = tokio::spawn(async move {
            loop {
                tokio::time::sleep(FLUSH_EVERY).await;
                push::flush(&flushed, false).await;
            }
        });
        let service = router::router(shared.clone()).into_make_service_with_connect_info::<Remote>();
        let mut stopping = stop.subscribe();
        let signal = async move {
            // An error: the sender is gone, which is a stop too.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let serving = axum::serve(doors, service).with_graceful_shutdown(signal);
        let mut serving = std::pin::pin!(serving.into_future());
        let served = tokio::select! {
            served = &mut serving => served,
            () = shutdown => {
                let _ = stop.send(true);
                // Who does not end in time is cut off.
                tokio::time::timeout(grace, &mut serving).await.unwrap_or(Ok(()))
            }
        };
        pump.abort();
        flusher.abort();
        push::flush(&shared, true).await;
        served.map_err(ServeError::Serve)
    }
}
