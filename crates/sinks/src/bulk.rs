//! Documents into Elasticsearch or OpenSearch: `POST /_bulk`.
//!
//! Each document goes out as `create` with an id of ours, which works for plain indices and for data streams; 409 means that
//! it is there already, so repetition changes nothing. An answer of 200 says of each item what became of it: 429 and 5xx
//! are to be sent again, every other error is that document's own and stays so. Source: Elasticsearch 8, "Bulk API".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::client::{refused, words_of};
use crate::{Client, Endpoint, SendError};

/// Bytes of an answer that are read: some hundred for an item with an error.
const ANSWER_MAX: usize = 4 << 20;
/// What is needed of an answer.
const FILTER: &str = "errors,items.*.status,items.*.error.type,items.*.error.reason";

/// Where documents go.
#[derive(Clone)]
pub struct BulkOptions {
    /// `https://search:9200`, with a path where a proxy wants one.
    pub endpoint: Endpoint,
    /// Index or data stream; `%Y.%m.%d` and the like become the document's day in UTC.
    pub index: String,
    /// With `password`: basic authentication, unless empty.
    pub user: String,
    pub password: String,
    /// `Authorization: ApiKey …`, unless empty; goes before user and password.
    pub api_key: String,
}

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The same document always has the same.
    pub id: String,
    pub at: Timestamp,
    pub body: serde_json::Value,
}

/// What became of documents that were not refused as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Places of those to be sent again.
    pub again: Vec<usize>,
    /// Those that never will be taken, and what the server said of the first.
    pub dropped: usize,
    pub why: String,
}

/// A place to write documents to.
#[derive(Clone)]
pub struct Bulk {
    endpoint: Endpoint,
    index: String,
    authorization: String,
    client: Client,
}

#[derive(Deserialize)]
struct Answer {
    errors: bool,
    #[serde(default)]
    items: Vec<std::collections::BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: Option<Trouble>,
}

#[derive(Deserialize)]
struct Trouble {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: Option<String>,
}

impl Bulk {
    pub fn new(options: BulkOptions, client: Client) -> Bulk {
        let BulkOptions { endpoint, index, user, password, api_key } = options;
        let authorization = if !api_key.is_empty() {
            format!("ApiKey {api_key}")
        } else if !user.is_empty() {
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        } else {
            String::new()
        };
        let endpoint = endpoint.join("_bulk").with_query(&[("filter_path", FILTER)]);
        Bulk { endpoint, index, authorization, client }
    }

    /// Sends them in one request.
    ///
    /// # Errors
    /// `Retry`: none may be there. `Rejected`: the request was too large or not understood, fewer documents may do.
    /// `Dead`: the server does not let us.
    pub async fn send(&self, documents: &[Document]) -> Result<Taken, SendError> {
        let mut headers = vec![("Content-Type", "application/x-ndjson")];
        if !self.authorization.is_empty() {
            headers.push(("Authorization", &self.authorization));
        }
        let body = self.body(documents);
        let reply = self.client.post_and_hear(&self.endpoint, &headers, body, ANSWER_MAX).await?;
        if !reply.is_success() {
            return Err(refused(&self.endpoint, &reply));
        }
        let answer: Answer = serde_json::from_slice(&reply.body).map_err(|e| {
            let said = words_of(&self.endpoint, &reply.body);
            SendError::retry(format!("{} answers something that is no bulk answer ({e}): {said}", self.endpoint))
        })?;
        self.read(&answer, documents.len())
    }

    fn body(&self, documents: &[Document]) -> Vec<u8> {
        let mut body = String::new();
        for document in documents {
            let index = if self.index.contains('%') {
                document.at.strftime(&self.index).to_string()
            } else {
                self.index.clone()
            };
            body.push_str(&json!({ "create": { "_index": index, "_id": document.id } }).to_string());
            body.push('\n');
            body.push_str(&document.body.to_string());
            body.push('\n');
        }
        body.into_bytes()
    }

    fn read(&self, answer: &Answer, sent: usize) -> Result<Taken, SendError> {
        let mut taken = Taken::default();
        if !answer.errors {
            return Ok(taken);
        }
        if answer.items.len() != sent {
            let why = format!("{} answers for {} of {sent} documents", self.endpoint, answer.items.len());
            return Err(SendError::retry(why));
        }
        let items = answer.items.iter().map(|item| item.values().next());
        for (place, item) in items.enumerate() {
            let Some(item) = item else { continue };
            match item.status {
                // 409: it is there already
                200..=299 | 409 => {}
                429 | 500.. => taken.again.push(place),
                status => {
                    taken.dropped += 1;
                    if taken.why.is_empty() {
                        taken.why = self.say(status, item.error.as_ref());
                    }
                }
            }
        }
        Ok(taken)
    }

    fn say(&self, status: u16, error: Option<&Trouble>) -> String {
        let kind = error.map_or("", |e| e.kind.as_str());
        let reason = error.and_then(|e| e.reason.as_deref()).unwrap_or_default();
        words_of(&self.endpoint, format!("{status} {kind}: {reason}").as_bytes())
    }
}
