//! A replica that waits for leadership: alive, not ready, and it says who leads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::doors::{Doors, TlsFiles};
use crate::problem::Problem;
use crate::server::ServeError;

/// How long open connections have to end when this replica begins to lead.
const GRACE: Duration = Duration::from_secs(1);
const CONNECTIONS_MAX: usize = 64;

/// Who leads, as far as it is known; empty: nobody.
pub type Leader = Arc<dyn Fn() -> String + Send + Sync>;

/// See the module.
pub struct Standby {
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Standby {
    /// Takes the port and answers.
    ///
    /// # Errors
    /// The port is taken, or the certificate cannot be used.
    pub async fn listen(listen: SocketAddr, tls: Option<TlsFiles>, leader: Leader) -> Result<Standby, ServeError> {
        let failed = |error| ServeError::Listen { listen, error };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let doors = Doors::open(listener, tls, CONNECTIONS_MAX).await.map_err(ServeError::Tls)?;
        let (stop, mut stopped) = watch::channel(false);
        let ready = leader.clone();
        let router = Router::new()
            .route("/-/healthy", get(async || "OK"))
            .route("/-/ready", get(async move || (StatusCode::SERVICE_UNAVAILABLE, words(&ready()))))
            .fallback(async move || elsewhere(&leader()));
        let ended = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let serving = axum::serve(doors, router).with_graceful_shutdown(ended);
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "serving while waiting for leadership stopped");
            }
        });
        Ok(Standby { address, stop, task })
    }

    /// Gives the port back.
    pub async fn end(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
            let _ = (&mut self.task).await;
        }
        // the task that accepts ends by itself a little later
        let free = async {
            while TcpListener::bind(self.address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(GRACE, free).await;
    }
}

fn words(leader: &str) -> String {
    match leader {
        "" => "standby: this replica waits, nobody leads yet".to_owned(),
        name => format!("standby: this replica waits, {name} leads"),
    }
}

fn elsewhere(leader: &str) -> Response {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, words(leader)).retry_after(5);
    let mut response = problem.into_response();
    // the next request is for whoever leads then
    response.headers_mut().insert(header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiting_replica_is_alive_not_ready_and_names_who_leads() {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let any = "127.0.0.1:0".parse().expect("an address");
        let standby = Standby::listen(any, None, Arc::new(|| "rootline-1".to_owned())).await.expect("it listens");
        let address = standby.address;
        let ask = |path: &'static str| async move {
            let answer = reqwest::get(format!("http://{address}{path}")).await.expect("an answer");
            let kind = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
            (answer.status().as_u16(), kind, answer.text().await.expect("text"))
        };
        assert_eq!(ask("/-/healthy").await.0, 200);
        let (status, _, text) = ask("/-/ready").await;
        assert_eq!((status, text.as_str()), (503, "standby: this replica waits, rootline-1 leads"));
        for path in ["/api/v1/incidents", "/api/v2/alerts", "/metrics", "/"] {
            let (status, kind, text) = ask(path).await;
            assert_eq!((status, kind.as_str()), (503, "application/problem+json"), "{path}");
            assert!(text.contains("rootline-1 leads"), "{text}");
        }
        standby.end().await;
        TcpListener::bind(address).await.expect("the port is free again");
    }
}
