//! WeCom group robot (`qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…`).
//!
//! The key in the address is the only secret. Markdown of at most 4,096 bytes (`report` cuts it), 20 messages a minute.
//! Errors come with HTTP 200. Source: WeCom Developer Center, "group robot" and the table of global error codes.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Coded, coded};
use crate::post::{Post, PostOptions};
use crate::{BoxFuture, Client, Delivery, Form, RateLimit, Receipt, SendError, Sink, Words};

/// Together 20 in any minute.
const LIMITS: RateLimit = RateLimit { burst: 5, per_minute: 15 };

/// The channel.
pub struct WeCom(Post);

impl WeCom {
    pub fn new(name: &str, options: PostOptions, client: Client, words: Arc<dyn Words>) -> WeCom {
        WeCom(Post::new(name, options, client, words))
    }
}

impl Sink for WeCom {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn limits(&self) -> RateLimit {
        self.0.options.limits.unwrap_or(LIMITS)
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let body = self.0.words.message(Form::WeCom, delivery).to_string();
            let endpoint = &self.0.options.endpoint;
            let reply = self.0.client.post(endpoint, &[], body.into_bytes()).await?;
            judge(&coded(endpoint, &reply, &["errcode"], &["errmsg"])?)
        })
    }
}

fn judge(answer: &Coded) -> Result<Receipt, SendError> {
    let Coded { code, words } = answer;
    let said = format!("WeCom {code}: {words}");
    match code {
        0 => Ok(Receipt::default()),
        45_009 | 45_033 => Err(SendError::Retry {
            after: Some(Duration::from_secs(60)),
            why: format!("the robot sent more than 20 messages in a minute ({said})"),
        }),
        -1 => Err(SendError::retry(format!("WeCom is busy ({said})"))),
        93_000 | 93_004 | 93_008 => {
            Err(SendError::dead(format!("no such robot, or it was removed from its group: check its key ({said})")))
        }
        40_058 | 45_002 => Err(SendError::rejected(format!("the message is longer than WeCom takes ({said})"))),
        44_004 => Err(SendError::rejected(format!("the message is empty ({said})"))),
        _ => Err(SendError::rejected(format!("WeCom refuses the message ({said})"))),
    }
}
