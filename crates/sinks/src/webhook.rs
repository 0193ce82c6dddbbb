//! Generic webhook: Alertmanager's version 4 body, so that what takes Alertmanager's messages takes ours, signed.
//!
//! Headers: `Idempotency-Key` (the same for the same message, however often it comes), `X-Rootline-Timestamp` (Unix
//! seconds) and, with a secret, `X-Rootline-Signature: sha256=<hex>`, which is HMAC-SHA256 of
//! `<timestamp>.<body>` under the secret. A receiver compares in constant time and refuses old timestamps.
//! Any 2xx is success.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::client::refused;
use crate::post::{Post, PostOptions};
use crate::{BoxFuture, Client, Delivery, Form, RateLimit, Receipt, SendError, Sink, Words};

/// Of a receiver that nothing is known of.
const LIMITS: RateLimit = RateLimit { burst: 60, per_minute: 600 };

/// The channel.
pub struct Webhook(Post);

impl Webhook {
    pub fn new(name: &str, options: PostOptions, client: Client, words: Arc<dyn Words>) -> Webhook {
        Webhook(Post::new(name, options, client, words))
    }
}

impl Sink for Webhook {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn limits(&self) -> RateLimit {
        self.0.options.limits.unwrap_or(LIMITS)
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let body = self.0.words.message(Form::Webhook, delivery).to_string();
            let timestamp = delivery.now.as_second().to_string();
            let signature = format!("sha256={}", hex(&hmac_sha256(&self.0.options.secret, &[&timestamp, ".", &body])));
            let bearer = format!("Bearer {}", self.0.options.bearer);
            let mut headers =
                vec![("Idempotency-Key", delivery.key.as_str()), ("X-Rootline-Timestamp", timestamp.as_str())];
            if !self.0.options.secret.is_empty() {
                headers.push(("X-Rootline-Signature", &signature));
            }
            if !self.0.options.bearer.is_empty() {
                headers.push(("Authorization", &bearer));
            }
            let endpoint = &self.0.options.endpoint;
            let reply = self.0.client.post(endpoint, &headers, body.into_bytes()).await?;
            if reply.is_success() { Ok(Receipt::default()) } else { Err(refused(endpoint, &reply)) }
        })
    }
}

/// HMAC-SHA256 of the parts one after the other.
pub(crate) fn hmac_sha256(key: &str, parts: &[&str]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        // test case 2
        assert_eq!(
            hex(&hmac_sha256("Jefe", &["what do ya want ", "for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
