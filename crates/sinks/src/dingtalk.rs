//! DingTalk group robot (`oapi.dingtalk.com/robot/send?access_token=…`).
//!
//! Signature: `timestamp` in **milliseconds** and `sign` = Base64 of HMAC-SHA256 with the secret as key over
//! `<timestamp>\n<secret>`, both in the query; valid for an hour. 20 messages a minute and robot, then ten minutes of
//! silence. Errors come with HTTP 200. Source: Open Platform, "custom robot" and its table of error codes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::answer::{Coded, coded};
use crate::post::{Post, PostOptions};
use crate::webhook::hmac_sha256;
use crate::{BoxFuture, Client, Delivery, Form, RateLimit, Receipt, SendError, Sink, Words};

/// After too many messages the robot is silent this long.
const BLOCKED: Duration = Duration::from_secs(600);

/// Together 20 in any minute.
const LIMITS: RateLimit = RateLimit { burst: 5, per_minute: 15 };

/// The channel.
pub struct DingTalk(Post);

impl DingTalk {
    pub fn new(name: &str, options: PostOptions, client: Client, words: Arc<dyn Words>) -> DingTalk {
        DingTalk(Post::new(name, options, client, words))
    }
}

impl Sink for DingTalk {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn limits(&self) -> RateLimit {
        self.0.options.limits.unwrap_or(LIMITS)
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let mut body = self.0.words.message(Form::DingTalk, delivery);
            for path in ["/actionCard/text", "/markdown/text"] {
                with_keyword(&mut body, path, &self.0.options.keyword);
            }
            let mut endpoint = self.0.options.endpoint.clone();
            if !self.0.options.secret.is_empty() {
                let timestamp = delivery.now.as_millisecond().to_string();
                endpoint = endpoint
                    .with_query(&[("timestamp", &timestamp), ("sign", &sign(&timestamp, &self.0.options.secret))]);
            }
            let reply = self.0.client.post(&endpoint, &[], body.to_string().into_bytes()).await?;
            judge(&coded(&endpoint, &reply, &["errcode"], &["errmsg"])?)
        })
    }
}

fn sign(timestamp: &str, secret: &str) -> String {
    STANDARD.encode(hmac_sha256(secret, &[timestamp, "\n", secret]))
}

/// Puts the keyword at the end of a text that lacks it.
pub fn with_keyword(body: &mut serde_json::Value, path: &str, keyword: &str) {
    if let Some(serde_json::Value::String(text)) = body.pointer_mut(path)
        && !keyword.is_empty()
        && !text.contains(keyword)
    {
        text.push_str(&format!("\n\n{keyword}"));
    }
}

fn judge(answer: &Coded) -> Result<Receipt, SendError> {
    let Coded { code, words } = answer;
    let said = format!("DingTalk {code}: {words}");
    match code {
        0 => Ok(Receipt::default()),
        130_101 | 410_100 => Err(SendError::Retry {
            after: Some(BLOCKED),
            why: format!("the robot sent more than 20 messages in a minute and is silent for ten ({said})"),
        }),
        -1 => Err(SendError::retry(format!("DingTalk is busy ({said})"))),
        310_000 => Err(SendError::dead(match () {
            () if words.contains("sign") => {
                format!("wrong signature: check the robot's secret and this machine's clock ({said})")
            }
            () if words.contains("timestamp") => {
                format!("the timestamp is more than an hour off: check this machine's clock ({said})")
            }
            () if words.contains("keyword") => {
                format!("the robot wants one of its keywords in each message: set `keyword` ({said})")
            }
            () if words.contains("whitelist") || words.contains("ip ") => {
                format!("the robot takes messages from listed addresses only: add this one ({said})")
            }
            () => format!("the robot's security settings refuse us ({said})"),
        })),
        300_001 | 300_005 | 400_101 | 400_106 => {
            Err(SendError::dead(format!("no such robot: check its access_token ({said})")))
        }
        400_013 | 400_102 => Err(SendError::dead(format!("the robot or its group was closed ({said})"))),
        460_101 => Err(SendError::rejected(format!("the message is too long ({said})"))),
        430_101..=430_104 => Err(SendError::rejected(format!("DingTalk finds the content unfit ({said})"))),
        _ => Err(SendError::rejected(format!("DingTalk refuses the message ({said})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_documents() {
        // python: base64.b64encode(hmac.new(b"SECfake", b"1700000000000\nSECfake", "sha256").digest())
        assert_eq!(sign("1700000000000", "SECfake"), "stL8JpxOChrDWUKKBhnJJGK7/vGzirY/DjP66KVSfJk=");
    }
}
