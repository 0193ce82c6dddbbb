//! Listening, routes, and stopping without cutting answers off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use futures::future::BoxFuture;
use tokio::net::TcpListener;

use crate::backend::Backend;
use crate::intake::Intake;
use crate::{push, routes};

/// How the server listens and what it allows.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// Bytes of one pushed body, packed.
    pub body_max: usize,
    /// How long running answers may go on after the stop.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { listen: SocketAddr::from(([127, 0, 0, 1], 8480)), body_max: 32 << 20, grace: Duration::from_secs(10) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {listen}: {error}")]
    Listen { listen: SocketAddr, error: std::io::Error },
    #[error("serving stopped: {0}")]
    Serve(std::io::Error),
}

/// What all routes see.
pub struct Shared {
    pub options: Options,
    pub backend: Arc<dyn Backend>,
    pub intake: Arc<dyn Intake>,
}

pub struct Server;

/// A server that has its port and does not answer yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Takes the port; port 0 takes any.
    pub async fn bind(
        options: Options,
        backend: Arc<dyn Backend>,
        intake: Arc<dyn Intake>,
    ) -> Result<Bound, ServeError> {
        let failed = |error| ServeError::Listen { listen: options.listen, error };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Bound { listener, address, shared: Arc::new(Shared { options, backend, intake }) })
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

    pub async fn serve(self, shutdown: BoxFuture<'static, ()>) -> Result<(), ServeError> {
        let router = router(self.shared);
        axum::serve(self.listener, router).with_graceful_shutdown(shutdown).await.map_err(ServeError::Serve)
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/incidents", get(routes::incidents::list))
        .route("/api/v1/incidents/{id}", get(routes::incidents::get))
        .route("/api/v2/alerts", post(push::alerts))
        .with_state(shared)
}
