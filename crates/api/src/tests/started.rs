//! A server on a port of its own.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::fake::Fake;
use crate::{Options, Server};

pub struct Started {
    pub fake: Arc<Fake>,
    pub base: String,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result<(), crate::ServeError>>,
}

impl Started {
    pub async fn new(fake: Fake) -> Started {
        Started::with(fake, Options::default()).await
    }

    pub async fn with(fake: Fake, options: Options) -> Started {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let fake = Arc::new(fake);
        let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..options };
        let bound = Server::bind(options, fake.clone(), fake.clone()).await.expect("a free port");
        let base = format!("http://{}", bound.address());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(bound.serve(Box::pin(async {
            let _ = stopped.await;
        })));
        Started { fake, base, client: reqwest::Client::new(), stop: Some(stop), task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.expect("an answer")
    }

    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.expect("JSON")
    }

    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.client.post(self.url(path)).json(body).send().await.expect("an answer")
    }

    /// Stops it and gives what `serve` gave.
    pub async fn stop(mut self) -> Result<(), crate::ServeError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.task.await.expect("the server's task ends")
    }
}
