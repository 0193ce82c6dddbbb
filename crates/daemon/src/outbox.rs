//! The store as the couriers' outbox.
//!
//! Under which key messages were tried together, and the threads that channels gave, are a small snapshot of the store,
//! written before the first try: after a kill the same message goes out under the same key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use jiff::Timestamp;
use rootline_model::LiveIncident;
use rootline_sinks::{Due, Outbox, OutboxError, Outcome};
use rootline_store::{Message, Store, StoreError, Tick};
use serde::{Deserialize, Serialize};

/// Name of the snapshot.
const SNAPSHOT: &str = "outbox";
/// Threads remembered at most.
const REFERENCES_MAX: usize = 10_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// Message → the key it was sent as.
    sent_as: BTreeMap<String, String>,
    /// `channel/incident` → what the channel gave for it.
    references: BTreeMap<String, String>,
}

/// See the module.
pub struct StoreOutbox {
    store: Arc<Store>,
    memory: Mutex<Memory>,
}

impl StoreOutbox {
    /// # Errors
    /// The store cannot be read.
    pub fn open(store: Arc<Store>) -> Result<Arc<StoreOutbox>, StoreError> {
        let kept = store.snapshot(SNAPSHOT)?;
        let memory = kept.and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Arc::new(StoreOutbox { store, memory: Mutex::new(memory) }))
    }

    fn with_memory<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep_memory(&self) -> Result<(), StoreError> {
        let bytes = self.with_memory(|m| serde_json::to_vec(m)).unwrap_or_default();
        let at = self.store.clock()?.unwrap_or_default();
        self.store.commit(&Tick { at, snapshots: vec![(SNAPSHOT.to_owned(), bytes)], ..Tick::default() })
    }

    fn due(&self, channel: &str, message: Message) -> Result<Option<Due>, StoreError> {
        let Ok(incident) = serde_json::from_value::<LiveIncident>(message.body) else {
            tracing::error!(key = message.key, "a message of the outbox cannot be read, it is given up");
            self.store.mark_failed(&message.key, "the message cannot be read", None, message.created)?;
            return Ok(None);
        };
        let told = self.store.last_sent(channel, incident.id)?.map(|m| m.version);
        let (sent_as, reference) = self.with_memory(|m| {
            (m.sent_as.get(&message.key).cloned(), m.references.get(&thread(channel, incident.id)).cloned())
        });
        let (key, attempts) = (message.key, message.attempts);
        Ok(Some(Due { key, incident: Arc::new(incident), attempts, sent_as, told, reference }))
    }

    fn claim_now(&self, channel: &str, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Due>, StoreError> {
        let messages = self.store.claim(channel, now, until.duration_since(now), most)?;
        let mut dues = Vec::with_capacity(messages.len());
        for message in messages {
            dues.extend(self.due(channel, message)?);
        }
        Ok(dues)
    }

    fn settle_now(&self, keys: &[String], outcome: &Outcome) -> Result<(), StoreError> {
        for key in keys {
            match outcome {
                Outcome::Sent { at, .. } | Outcome::Superseded { at } => self.store.mark_sent(key, *at)?,
                Outcome::Later { at, tried: true, why } => self.store.mark_failed(key, why, Some(*at), *at)?,
                Outcome::Later { at, .. } => self.store.postpone(key, *at)?,
                Outcome::Dead { at, why } => self.store.mark_failed(key, why, None, *at)?,
            };
        }
        let over = !matches!(outcome, Outcome::Later { .. });
        let changed = self.with_memory(|m| {
            let bound = keys.iter().filter(|k| over && m.sent_as.remove(*k).is_some()).count() > 0;
            let reference = match outcome {
                Outcome::Sent { reference: Some(reference), .. } => reference,
                _ => return bound,
            };
            for key in keys {
                // `17.3/channel`
                if let Some((id, channel)) = key.split_once('/').and_then(|(v, c)| Some((v.split_once('.')?.0, c))) {
                    m.references.insert(format!("{channel}/{id}"), reference.clone());
                }
            }
            while m.references.len() > REFERENCES_MAX {
                m.references.pop_first();
            }
            true
        });
        if changed { self.keep_memory() } else { Ok(()) }
    }
}

fn thread(channel: &str, incident: u64) -> String {
    format!("{channel}/{incident}")
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
        Box::pin(async move {
            // a message alone under its own key needs no memory
            if matches!(keys, [one] if one == sent_as) {
                return Ok(());
            }
            self.with_memory(|m| {
                for key in keys {
                    m.sent_as.insert(key.clone(), sent_as.to_owned());
                }
            });
            tokio::task::block_in_place(|| self.keep_memory()).map_err(failed)
        })
    }

    fn settle<'a>(&'a self, keys: &'a [String], outcome: &'a Outcome) -> BoxFuture<'a, Result<(), OutboxError>> {
        Box::pin(async move { tokio::task::block_in_place(|| self.settle_now(keys, outcome)).map_err(failed) })
    }
}
