//! One address that messages are posted to: what robots and webhooks have in common.

use std::sync::Arc;

use crate::{Client, Endpoint, RateLimit, Words};

/// How a robot or a webhook is called. What a kind of channel does not know it does not look at.
#[derive(Clone)]
pub struct PostOptions {
    /// With the token or key that stands in the address.
    pub endpoint: Endpoint,
    /// Signs what is sent (DingTalk, Feishu, webhook); empty: not signed.
    pub secret: String,
    /// For robots that ask for a keyword (DingTalk, Feishu): stands in each message. Empty: none.
    pub keyword: String,
    /// Sent as `Authorization: Bearer …` (webhook); empty: not sent.
    pub bearer: String,
    /// `None`: as the other side is known to allow.
    pub limits: Option<RateLimit>,
}

impl PostOptions {
    pub fn new(endpoint: Endpoint) -> PostOptions {
        PostOptions { endpoint, secret: String::new(), keyword: String::new(), bearer: String::new(), limits: None }
    }
}

/// A channel that posts.
pub(crate) struct Post {
    pub name: String,
    pub options: PostOptions,
    pub client: Client,
    pub words: Arc<dyn Words>,
}

impl Post {
    pub fn new(name: &str, options: PostOptions, client: Client, words: Arc<dyn Words>) -> Post {
        Post { name: name.to_owned(), options, client, words }
    }
}
