//! Answers that say with HTTP 200 that nothing was sent: `{"errcode": 310000, "errmsg": "sign not match"}`.

use serde_json::Value;

use crate::client::{refused, words_of};
use crate::{Endpoint, Reply, SendError};

/// A channel's own code and words out of an answer. `None`: the answer is not of this shape.
pub struct Coded {
    pub code: i64,
    /// In one short line, without the secrets of the address.
    pub words: String,
}

/// Reads an answer whose code stands under one of `codes` and its words under one of `words`. A status outside 2xx
/// without a code is judged by the status alone.
pub fn coded(endpoint: &Endpoint, reply: &Reply, codes: &[&str], words: &[&str]) -> Result<Coded, SendError> {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let code = body.as_ref().and_then(|body| codes.iter().find_map(|name| body.get(*name)?.as_i64()));
    match (body, code) {
        (Some(body), Some(code)) => {
            let said = words.iter().find_map(|name| body.get(*name)?.as_str()).unwrap_or_default();
            Ok(Coded { code, words: words_of(endpoint, said.as_bytes()) })
        }
        _ if !reply.is_success() => Err(refused(endpoint, reply)),
        _ => Err(SendError::retry(format!(
            "{endpoint} answers something that this channel never says; is the address right, is a proxy between? {}",
            words_of(endpoint, &reply.body)
        ))),
    }
}
