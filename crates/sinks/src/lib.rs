//! Messages out (asynchronous): incidents go to Alertmanager, chats, webhooks and mail.
//!
//! A [`Sink`] sends one [`Delivery`] and says what became of it; the [`Courier`] takes deliveries out of the outbox
//! (a trait, [`Outbox`], which the store implements), keeps to each channel's rate, joins messages when a channel is
//! full, tries again and gives up visibly. Words come from outside through [`Words`]: sinks know wire formats, signatures
//! and answers of their channels and nothing about language.
//!
//! **Invariant:** no clock (the moment is an argument), at least once with an idempotency key, secrets of a channel
//! (keys in addresses, tokens) are in no error and no log.

mod alertmanager;
mod answer;
mod bulk;
mod clickhouse;
mod client;
mod copies;
mod courier;
mod dingtalk;
mod email;
mod feishu;
mod outbox;
mod post;
mod rate;
mod remote_write;
mod slack;
mod webhook;
mod wecom;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rootline_model::{Lang, LiveIncident};

pub use alertmanager::{Alertmanager, TICK};
pub use bulk::{Bulk, BulkOptions, Document, Taken};
pub use clickhouse::{ClickHouse, ClickHouseOptions, Lasting};
pub use client::{Client, ClientOptions, Endpoint, EndpointError, Reach, Reply};
pub use copies::{Copies, CopiesOptions, Posted};
pub use courier::{Courier, CourierHandle, CourierOptions, CourierStats};
pub use dingtalk::DingTalk;
pub use email::{Email, EmailError, EmailOptions, Security};
pub use feishu::Feishu;
pub use futures::future::BoxFuture;
pub use outbox::{Due, Outbox, OutboxError, Outcome};
pub use post::PostOptions;
pub use rate::Backoff;
pub use remote_write::RemoteWrite;
pub use slack::{Slack, SlackTarget};
pub use webhook::Webhook;
pub use wecom::WeCom;

/// One message: one incident, or several where a full channel made them one.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Idempotency key. The same message has the same key however often it is tried.
    pub key: String,
    /// At least one, the worst first.
    pub incidents: Vec<Arc<LiveIncident>>,
    pub lang: Lang,
    /// Where people look: an address with `{id}` in the place of the incident's number.
    pub link: Option<String>,
    /// What an earlier message about the same incident gave as [`Receipt::reference`]: a thread to go on with.
    pub reference: Option<String>,
    /// The moment of sending, for signatures.
    pub now: Timestamp,
}

impl Delivery {
    /// The address of an incident's page.
    pub fn link_of(&self, incident: &LiveIncident) -> Option<String> {
        self.link.as_ref().map(|link| link.replace("{id}", &incident.id.to_string()))
    }
}

/// A channel.
pub trait Sink: Send + Sync {
    /// As the configuration calls it: `ops-dingtalk`.
    fn name(&self) -> &str;

    fn limits(&self) -> RateLimit;

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>>;
}

/// How many messages a channel takes: a bucket of `burst` tokens that fills by `per_minute`. In any minute at most the sum
/// of both leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub burst: u32,
    pub per_minute: u32,
}

/// What a channel said to a message it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What a later message about the same incident goes on with, where the channel knows threads.
    pub reference: Option<String>,
}

/// Why a message did not go out, in a sentence for people, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may work later: the channel is full, slow or down.
    #[error("{why}")]
    Retry { after: Option<Duration>, why: String },
    /// This message will never be taken; others may.
    #[error("{why}")]
    Rejected { why: String },
    /// The channel takes nothing from us until a person mends its configuration: wrong signature, revoked key.
    #[error("{why}")]
    Dead { why: String },
}

impl SendError {
    pub fn retry(why: impl Into<String>) -> SendError {
        SendError::Retry { after: None, why: why.into() }
    }

    pub fn rejected(why: impl Into<String>) -> SendError {
        SendError::Rejected { why: why.into() }
    }

    pub fn dead(why: impl Into<String>) -> SendError {
        SendError::Dead { why: why.into() }
    }
}

/// Shapes that channels want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Body of an incoming webhook: `{"text": …, "blocks": […]}`.
    Slack,
    /// `{"msgtype": …}` of a robot.
    DingTalk,
    /// `{"msgtype": "markdown", …}` of a group robot, at most 4,096 bytes of text.
    WeCom,
    /// The card alone; the envelope with its signature is the sink's.
    Feishu,
    /// Alertmanager's webhook, version 4.
    Webhook,
}

/// A mail before it has senders and readers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// How incidents are worded. The daemon hands `report`'s renderings in.
pub trait Words: Send + Sync {
    fn message(&self, form: Form, delivery: &Delivery) -> serde_json::Value;

    fn mail(&self, delivery: &Delivery) -> Mail;
}
