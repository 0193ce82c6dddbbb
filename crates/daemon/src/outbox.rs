//! The store as the couriers' outbox.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use rootline_model::LiveIncident;
use rootline_sinks::{Due, Outbox, OutboxError, Outcome};
use rootline_store::{Message, Outcome as Settled, Store, StoreError};

/// See the module.
pub struct StoreOutbox(pub Arc<Store>);

impl StoreOutbox {
    fn due(&self, channel: &str, message: Message) -> Result<Option<Due>, StoreError> {
        let Ok(incident) = serde_json::from_value::<LiveIncident>(message.body) else {
            tracing::error!(key = message.key, "a message of the outbox cannot be read, it is given up");
            self.0.mark_failed(&message.key, "the message cannot be read", None, message.created)?;
            return Ok(None);
        };
        let last = self.0.last_sent(channel, incident.id)?;
        Ok(Some(Due {
            key: message.key,
            incident: Arc::new(incident),
            attempts: message.attempts,
            sent_as: message.sent_as,
            told: last.as_ref().map(|m| m.version),
            reference: last.and_then(|m| m.receipt),
        }))
    }

    fn claim_now(&self, channel: &str, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Due>, StoreError> {
        let messages = self.0.claim(channel, now, until.duration_since(now), most)?;
        let mut dues = Vec::with_capacity(messages.len());
        for message in messages {
            dues.extend(self.due(channel, message)?);
        }
        Ok(dues)
    }

    fn settle_now(&self, keys: &[String], outcome: &Outcome) -> Result<(), StoreError> {
        let (settled, at) = match outcome {
            Outcome::Sent { at, reference } => (Settled::Sent { receipt: reference.clone() }, *at),
            Outcome::Superseded { at } => (Settled::Superseded, *at),
            Outcome::Later { at, tried, why } => (Settled::Later { due: *at, tried: *tried, error: why.clone() }, *at),
            Outcome::Dead { at, why } => (Settled::Dead { error: why.clone() }, *at),
        };
        self.0.settle(keys, &settled, at).map(|_| ())
    }
}

fn failed(error: StoreError) -> OutboxError {
    OutboxError(error.to_string())
}

impl Outbox for StoreOutbox {
    fn claim<'a>(
        &'a self,
        channel: &'a str,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<Due>, OutboxError>> {
        Box::pin(
            async move { tokio::task::block_in_place(|| self.claim_now(channel, now, until, most)).map_err(failed) },
        )
    }

    fn bind<'a>(&'a self, keys: &'a [String], sent_as: &'a str) -> BoxFuture<'a, Result<(), OutboxError>> {
        Box::pin(async move { tokio::task::block_in_place(|| self.0.bind(keys, sent_as)).map_err(failed) })
    }

    fn settle<'a>(&'a self, keys: &'a [String], outcome: &'a Outcome) -> BoxFuture<'a, Result<(), OutboxError>> {
        Box::pin(async move { tokio::task::block_in_place(|| self.settle_now(keys, outcome)).map_err(failed) })
    }
}
