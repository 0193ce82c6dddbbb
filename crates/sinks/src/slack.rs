//! Slack: an incoming webhook, or a bot token and a channel.
//!
//! A webhook can only add messages. With a token (`chat:write`) the first message of an incident is posted and every
//! later one changes it in place (`chat.update`), so that a channel has one message per incident. One message a second;
//! 429 with `Retry-After` is obeyed. Webhooks answer with a word and a status, the API with HTTP 200 and `ok: false`.
//! Source: docs.slack.dev, "incoming webhooks", "chat.postMessage", "rate limits".

use std::sync::Arc;

use serde_json::Value;

use crate::client::{refused, words_of};
use crate::{BoxFuture, Client, Delivery, Endpoint, Form, RateLimit, Receipt, Reply, SendError, Sink, Words};

/// How Slack is called.
#[derive(Clone)]
pub enum SlackTarget {
    /// `https://hooks.slack.com/services/…`
    Webhook(Endpoint),
    /// `api` is `https://slack.com/api`; `channel` an id (`C0123…`).
    Bot { api: Endpoint, token: String, channel: String },
}

/// The channel.
pub struct Slack {
    name: String,
    target: SlackTarget,
    limits: RateLimit,
    client: Client,
    words: Arc<dyn Words>,
}

impl Slack {
    pub fn new(name: &str, target: SlackTarget, client: Client, words: Arc<dyn Words>) -> Slack {
        Slack { name: name.to_owned(), target, limits: RateLimit { burst: 1, per_minute: 60 }, client, words }
    }

    #[must_use]
    pub fn limits(mut self, limits: RateLimit) -> Slack {
        self.limits = limits;
        self
    }

    async fn call(&self, delivery: &Delivery) -> Result<Receipt, SendError> {
        let body = self.words.message(Form::Slack, delivery);
        match &self.target {
            SlackTarget::Webhook(endpoint) => {
                let reply = self.client.post(endpoint, &[], body.to_string().into_bytes()).await?;
                if reply.is_success() { Ok(Receipt::default()) } else { Err(webhook_refused(endpoint, &reply)) }
            }
            SlackTarget::Bot { api, token, channel } => {
                if let Some((channel, ts)) = delivery.reference.as_deref().and_then(|r| r.split_once('/')) {
                    let mut body = body.clone();
                    body["channel"] = channel.into();
                    body["ts"] = ts.into();
                    match self.api(api, token, "chat.update", &body).await {
                        // somebody removed it: a new one takes its place
                        Err(SendError::Rejected { why }) if why.contains("message_not_found") => {}
                        other => return other,
                    }
                }
                let mut body = body;
                body["channel"] = channel.as_str().into();
                self.api(api, token, "chat.postMessage", &body).await
            }
        }
    }

    async fn api(&self, api: &Endpoint, token: &str, method: &str, body: &Value) -> Result<Receipt, SendError> {
        let endpoint = api.join(method);
        let bearer = format!("Bearer {token}");
        let reply = self.client.post(&endpoint, &[("Authorization", &bearer)], body.to_string().into_bytes()).await?;
        if !reply.is_success() {
            return Err(refused(&endpoint, &reply));
        }
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match (answer.get("ok").and_then(Value::as_bool), answer.get("error").and_then(Value::as_str)) {
            (Some(true), _) => {
                let of = |name: &str| answer.get(name).and_then(Value::as_str);
                let reference = of("channel").zip(of("ts")).map(|(channel, ts)| format!("{channel}/{ts}"));
                Ok(Receipt { reference })
            }
            (Some(false), Some(error)) => Err(api_refused(&words_of(&endpoint, error.as_bytes()), reply.retry_after)),
            _ => Err(SendError::retry(format!(
                "{endpoint} answers something that Slack never says: {}",
                words_of(&endpoint, &reply.body)
            ))),
        }
    }
}

impl Sink for Slack {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> RateLimit {
        self.limits
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(self.call(delivery))
    }
}

fn webhook_refused(endpoint: &Endpoint, reply: &Reply) -> SendError {
    let words = words_of(endpoint, &reply.body);
    match words.as_str() {
        "no_service" | "no_team" | "invalid_token" => {
            SendError::dead(format!("Slack knows no such webhook; it may have been revoked ({words})"))
        }
        "channel_not_found" | "channel_is_archived" | "action_prohibited" | "posting_to_general_channel_denied" => {
            SendError::dead(format!("the webhook may not post to its Slack channel any more ({words})"))
        }
        _ => refused(endpoint, reply),
    }
}

fn api_refused(error: &str, after: Option<std::time::Duration>) -> SendError {
    match error {
        "ratelimited" | "rate_limited" => SendError::Retry { after, why: format!("Slack asks for patience ({error})") },
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            SendError::retry(format!("Slack fails ({error})"))
        }
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            SendError::dead(format!("Slack does not accept the bot's token ({error})"))
        }
        "missing_scope" | "no_permission" | "restricted_action" => {
            SendError::dead(format!("the bot lacks the scope chat:write or may not post there ({error})"))
        }
        "channel_not_found" | "not_in_channel" | "is_archived" => {
            SendError::dead(format!("the bot is not in that channel: invite it ({error})"))
        }
        "msg_too_long" | "msg_blocks_too_long" => {
            SendError::rejected(format!("the message is longer than Slack takes ({error})"))
        }
        _ => SendError::rejected(format!("Slack refuses the message ({error})")),
    }
}
