//! Feishu and Lark custom bot (`open.feishu.cn/open-apis/bot/v2/hook/…`).
//!
//! Signature: `timestamp` in **seconds** and `sign` = Base64 of HMAC-SHA256 with `<timestamp>\n<secret>` as **key** over
//! nothing, both in the body: key and message are swapped against DingTalk. 100 messages a minute and 5 a second.
//! Errors come with HTTP 200 or 400 and a code. Source: Feishu Open Platform, "custom bot usage guide".

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::answer::{Coded, coded};
use crate::post::{Post, PostOptions};
use crate::webhook::hmac_sha256;
use crate::{BoxFuture, Client, Delivery, Form, RateLimit, Receipt, SendError, Sink, Words};

/// At most 4 in a second and 93 in a minute.
const LIMITS: RateLimit = RateLimit { burst: 3, per_minute: 90 };

/// The channel.
pub struct Feishu(Post);

impl Feishu {
    pub fn new(name: &str, options: PostOptions, client: Client, words: Arc<dyn Words>) -> Feishu {
        Feishu(Post::new(name, options, client, words))
    }
}

impl Sink for Feishu {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn limits(&self) -> RateLimit {
        self.0.options.limits.unwrap_or(LIMITS)
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let mut card = self.0.words.message(Form::Feishu, delivery);
            crate::dingtalk::with_keyword(&mut card, "/header/title/content", &self.0.options.keyword);
            let mut body = json!({ "msg_type": "interactive", "card": card });
            if !self.0.options.secret.is_empty() {
                let timestamp = delivery.now.as_second().to_string();
                body["sign"] = sign(&timestamp, &self.0.options.secret).into();
                body["timestamp"] = timestamp.into();
            }
            let endpoint = &self.0.options.endpoint;
            let reply = self.0.client.post(endpoint, &[], body.to_string().into_bytes()).await?;
            judge(&coded(endpoint, &reply, &["code", "StatusCode"], &["msg", "StatusMessage"])?)
        })
    }
}

fn sign(timestamp: &str, secret: &str) -> String {
    STANDARD.encode(hmac_sha256(&format!("{timestamp}\n{secret}"), &[]))
}

fn judge(answer: &Coded) -> Result<Receipt, SendError> {
    let Coded { code, words } = answer;
    let said = format!("Feishu {code}: {words}");
    match code {
        0 => Ok(Receipt::default()),
        11_232 | 11_233 | 99_991_400 => Err(SendError::Retry {
            after: Some(Duration::from_secs(60)),
            why: format!("the bot sent more than Feishu takes in a minute ({said})"),
        }),
        19_021 => Err(SendError::dead(format!(
            "wrong signature, or the timestamp is more than an hour off: check the bot's secret and this machine's clock \
             ({said})"
        ))),
        19_022 => {
            Err(SendError::dead(format!("the bot takes messages from listed addresses only: add this one ({said})")))
        }
        19_024 => {
            Err(SendError::dead(format!("the bot wants one of its keywords in each message: set `keyword` ({said})")))
        }
        19_001 => Err(SendError::dead(format!("no such bot: check the address ({said})"))),
        10_003 | 19_036 | 99_991_672 => Err(SendError::dead(format!("the bot may not send to this group ({said})"))),
        11_246 | 19_002 | 9_499 => Err(SendError::rejected(format!("Feishu cannot read the card ({said})"))),
        _ => Err(SendError::rejected(format!("Feishu refuses the message ({said})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_has_key_and_message_swapped() {
        // python: base64.b64encode(hmac.new(b"1700000000\nfake", b"", "sha256").digest())
        assert_eq!(sign("1700000000", "fake"), "7G0kT/0rHNjg5Hu/Gk9QFoe2bdqt1KvP9gmIdHpzwH0=");
    }
}
