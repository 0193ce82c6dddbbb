//! Backfill: alerts go on to the real Alertmanager, enriched with their incident.
//!
//! `POST /api/v2/alerts` in batches of at most 256, to every Alertmanager of the list and to every address that a name of it
//! has: they do not tell each other about alerts, and one without the copy would let the direct alert notify. One that took
//! the batch is enough. What is sent and how often stands in [`crate::Copies`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rootline_model::{Alert, LiveIncident};

use crate::client::refused;
use crate::{
    BoxFuture, Client, Copies, CopiesOptions, Delivery, Endpoint, Posted, RateLimit, Receipt, SendError, Sink,
};

/// Prometheus' own batch (notifier `maxBatchSize`).
const BATCH_MAX: usize = 256;

/// The channel.
pub struct Alertmanager {
    name: String,
    endpoints: Vec<Endpoint>,
    bearer: String,
    client: Client,
    copies: Mutex<Copies>,
}

impl Alertmanager {
    /// `endpoints` are the addresses people use: `http://alertmanager:9093`, with a path prefix if there is one.
    pub fn new(name: &str, endpoints: Vec<Endpoint>, options: CopiesOptions, client: Client) -> Alertmanager {
        Alertmanager {
            name: name.to_owned(),
            endpoints: endpoints.iter().map(|e| e.join("api/v2/alerts")).collect(),
            bearer: String::new(),
            client,
            copies: Mutex::new(Copies::new(options)),
        }
    }

    /// Sent as `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Alertmanager {
        self.bearer = token.to_owned();
        self
    }

    /// Open incidents after a restart; sends nothing yet.
    pub fn resume(&self, incidents: &[LiveIncident], link: Option<&str>, now: Timestamp) {
        for incident in incidents {
            let link = link.map(|link| link.replace("{id}", &incident.id.to_string()));
            self.copies().take(incident, link.as_deref(), now);
        }
    }

    /// Raw alerts were taken in: they stay quiet for two minutes, or until their copies have a role.
    pub async fn hold(&self, alerts: &[Alert], now: Timestamp) -> Result<(), SendError> {
        self.copies().hold(alerts, now);
        self.send_due(now).await
    }

    /// Repeats what is to be repeated. To be called every few seconds.
    pub async fn tick(&self, now: Timestamp) -> Result<(), SendError> {
        self.send_due(now).await
    }

    fn copies(&self) -> MutexGuard<'_, Copies> {
        // a panic elsewhere leaves whole copies behind: each change is one insert or remove
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_due(&self, now: Timestamp) -> Result<(), SendError> {
        let due = self.copies().due(now);
        for batch in due.chunks(BATCH_MAX) {
            self.post(batch).await?;
        }
        self.copies().sent(now);
        Ok(())
    }

    async fn post(&self, batch: &[Posted]) -> Result<(), SendError> {
        let body = serde_json::to_vec(batch).map_err(|e| SendError::rejected(e.to_string()))?;
        let bearer = format!("Bearer {}", self.bearer);
        let mut result = Err(SendError::dead("no Alertmanager is configured"));
        for (name, server) in self.servers().await {
            let mut headers = vec![("Host", name.as_str())];
            if !self.bearer.is_empty() {
                headers.push(("Authorization", bearer.as_str()));
            }
            let one = match self.client.post(&server, &headers, body.clone()).await {
                Ok(reply) if reply.is_success() => Ok(()),
                Ok(reply) => Err(refused(&server, &reply)),
                Err(e) => Err(e),
            };
            if let Err(e) = &one {
                tracing::warn!(channel = self.name, "{e}");
            }
            if result.is_err() {
                result = one;
            }
        }
        result
    }

    /// Each server with the name it goes by.
    async fn servers(&self) -> Vec<(String, Endpoint)> {
        let mut all = Vec::new();
        for endpoint in &self.endpoints {
            let name = endpoint.authority();
            all.extend(self.client.servers(endpoint).await.into_iter().map(|server| (name.clone(), server)));
        }
        all
    }
}

impl Sink for Alertmanager {
    fn name(&self) -> &str {
        &self.name
    }

    /// Alertmanager takes what Prometheus sends; this only bounds a mistake.
    fn limits(&self) -> RateLimit {
        RateLimit { burst: 100, per_minute: 6_000 }
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            for incident in &delivery.incidents {
                self.copies().take(incident, delivery.link_of(incident).as_deref(), delivery.now);
            }
            self.send_due(delivery.now).await?;
            Ok(Receipt::default())
        })
    }
}

/// How often [`Alertmanager::tick`] is worth calling.
pub const TICK: Duration = Duration::from_secs(5);
