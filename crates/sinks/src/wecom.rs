//! WeCom group robot (`qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…`).
//!
//! The key in the address is the only secret. Markdown of at most 4,096 bytes (`report` cuts it), 20 messages a minute.
//! Errors come with HTTP 200. Source: WeCom Developer Center, "group robot" and the table of global error codes.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Coded, coded};
use crate::{BoxFuture, Client, Delivery, Endpoint, Form, RateLimit, Receipt, SendError, Sink, Words};

/// How a robot is called.
#[derive(Clone)]
pub struct WeComOptions {
    /// With its `key`.
    pub endpoint: Endpoint,
    pub limits: RateLimit,
}

impl WeComOptions {
    pub fn new(endpoint: Endpoint) -> WeComOptions {
        // together 20 in any minute
        WeComOptions { endpoint, limits: RateLimit { burst: 5, per_minute: 15 } }
    }
}

/// The channel.
pub struct WeCom {
    name: String,
    options: WeComOptions,
    client: Client,
    words: Arc<dyn Words>,
}

impl WeCom {
    pub fn new(name: &str, options: WeComOptions, client: Client, words: Arc<dyn Words>) -> WeCom {
        WeCom { name: name.to_owned(), options, client, words }
    }
}

impl Sink for WeCom {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> RateLimit {
        self.options.limits
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let body = self.words.message(Form::WeCom, delivery).to_string();
            let endpoint = &self.options.endpoint;
            let reply = self.client.post(endpoint, &[], body.into_bytes()).await?;
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
