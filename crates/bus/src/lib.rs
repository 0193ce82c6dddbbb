//! Messages through a log that others share: Kafka, behind a trait that says no more than we use.
//!
//! **Invariant:** at least once both ways. `publish` says of each record whether the other side has it; what `Subscription`
//! gave out comes again, to us or to another member of the group, unless it was committed.

use std::time::Duration;

pub use futures::future::BoxFuture;
use jiff::Timestamp;

mod access;
#[cfg(feature = "kafka")]
mod kafka;

pub use access::{Mechanism, Sasl, Tls};
#[cfg(feature = "kafka")]
pub use kafka::Kafka;

/// How to reach the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `host:port`, with commas between several.
    pub brokers: String,
    pub tls: Option<Tls>,
    pub sasl: Option<Sasl>,
    /// Settings of librdkafka by their names, after ours: `security.protocol`, `sasl.username`.
    pub settings: Vec<(String, String)>,
}

/// What is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    /// Records of one key stay in their order.
    pub key: String,
    pub payload: Vec<u8>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// As the producer or the broker wrote it down.
    pub at: Option<Timestamp>,
    /// Empty for a tombstone.
    pub payload: Vec<u8>,
}

impl Message {
    /// `alerts[2]@17`: how people find it again.
    pub fn place(&self) -> String {
        format!("{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// It may work later.
    #[error("{0}")]
    Later(String),
    /// This record will never be taken: it is too large, or the broker finds it wrong.
    #[error("{0}")]
    Refused(String),
    /// The settings are wrong.
    #[error("{0}")]
    Settings(String),
}

/// A bus.
pub trait Bus: Send + Sync {
    /// Writes records; done when of each it is known whether all in-sync replicas have it. In the order of `records`.
    fn publish<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Vec<Result<(), BusError>>>;

    /// Joins a group of readers; a new group begins at the oldest message that is kept.
    ///
    /// # Errors
    /// `Settings`.
    fn subscribe(&self, group: &str, topics: &[String]) -> Result<Box<dyn Subscription>, BusError>;
}

/// A member of a group of readers.
pub trait Subscription: Send {
    /// Messages that came: at least one, or none when `patience` is over. Must be called every few minutes, or the group
    /// goes on without this member.
    fn next(&mut self, most: usize, patience: Duration) -> BoxFuture<'_, Result<Vec<Message>, BusError>>;

    /// Whether brokers and topics are there.
    fn probe(&mut self) -> BoxFuture<'_, Result<(), BusError>>;

    /// All that `next` gave is done with.
    fn commit(&mut self) -> BoxFuture<'_, Result<(), BusError>>;
}
