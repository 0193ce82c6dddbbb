//! What the courier wants of the store: messages that wait, kept so that neither a crash nor a refusal loses one.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use rootline_model::LiveIncident;

/// A message that waits on a channel.
#[derive(Clone, Debug)]
pub struct Due {
    /// Idempotency key, `17.3/ops-dingtalk`: incident, version, channel.
    pub key: String,
    /// The incident as it was when the message was written.
    pub incident: Arc<LiveIncident>,
    /// Tries so far.
    pub attempts: u32,
    /// The key it was sent with before, alone or joined with others ([`Outbox::bind`]).
    pub sent_as: Option<String>,
    /// Newest version of the incident that the channel has taken.
    pub told: Option<u32>,
    /// What the channel gave for it ([`crate::Receipt::reference`]).
    pub reference: Option<String>,
}

/// What became of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent {
        at: Timestamp,
        reference: Option<String>,
    },
    /// A newer version of the incident goes out instead; never sent, or tried without success.
    Superseded {
        at: Timestamp,
    },
    /// Due again at `at`. `tried`: counts as an attempt.
    Later {
        at: Timestamp,
        tried: bool,
        why: String,
    },
    /// Given up; stays visible until a person sends it again or drops it.
    Dead {
        at: Timestamp,
        why: String,
    },
}

/// The store could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("outbox: {0}")]
pub struct OutboxError(pub String);

/// Messages that wait. Each call is one transaction.
pub trait Outbox: Send + Sync {
    /// Messages of a channel due at `now`, the oldest first, about `most` of them. Nobody else gets them until `until`,
    /// when they are due again unless they were settled. Messages with the same `sent_as` come together or not at all.
    fn claim<'a>(
        &'a self,
        channel: &'a str,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<Due>, OutboxError>>;

    /// These messages are about to be sent as one message with this key. From now on they are tried in this
    /// composition alone, so that nothing is sent under two keys.
    fn bind<'a>(&'a self, keys: &'a [String], sent_as: &'a str) -> BoxFuture<'a, Result<(), OutboxError>>;

    fn settle<'a>(&'a self, keys: &'a [String], outcome: &'a Outcome) -> BoxFuture<'a, Result<(), OutboxError>>;
}
