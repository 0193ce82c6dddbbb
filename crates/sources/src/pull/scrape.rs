//! Exporters scraped: any address that serves metrics, and kubelets through the API server's node proxy.
//!
//! Source: Prometheus, `scrape/scrape.go` (Accept header, time-out, size limit); Kubernetes API, `connectGetNodeProxy`:
//! `GET /api/v1/nodes/{name}/proxy/{path}` needs `get` on `nodes/proxy` and nothing that reaches the nodes.

use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde::Deserialize;

use super::{Client, PullError, Server, TOLD_BYTES};
use crate::live::LiveError;
use crate::live::LiveOptions;
use crate::live::session::Session;
use crate::receive::exposition::ACCEPT;

/// A page of metrics, unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scraped {
    pub text: Vec<u8>,
    pub content_type: String,
}

/// One address that serves metrics.
#[derive(Clone, Debug)]
pub struct Exporter {
    client: Client,
}

impl Exporter {
    /// `server.url` is the whole address, path and query included.
    ///
    /// # Errors
    /// [`PullError::Settings`].
    pub fn new(mut server: Server) -> Result<Self, PullError> {
        server.headers.push(("Accept".to_owned(), ACCEPT.to_owned()));
        let seconds = server.timeout.as_secs().to_string();
        server.headers.push(("X-Prometheus-Scrape-Timeout-Seconds".to_owned(), seconds));
        Client::new(server).map(|client| Exporter { client })
    }

    /// # Errors
    /// See [`PullError`]; any status but 200 is one.
    pub async fn page(&self) -> Result<Scraped, PullError> {
        let answered = self.client.get("", &[("", ""); 0]).await?;
        if answered.status != StatusCode::OK {
            return Err(self.client.status("", &answered));
        }
        Ok(Scraped { text: answered.body, content_type: answered.content_type })
    }
}

/// Kubelets, reached through the API server with the reader's own account.
pub struct Kubelets {
    session: Session,
    timeout: Duration,
    answer_bytes: usize,
}

/// Nodes of one answer.
const PAGE: usize = 500;
/// Nodes at most; a list that goes on is cut.
const NODES_MAX: usize = 10_000;
/// Metadata alone: a node's status is long.
const NAMES_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

impl Kubelets {
    /// `answer_bytes`: of one page. The server need not be there yet.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn connect(options: &LiveOptions, answer_bytes: usize) -> Result<Self, LiveError> {
        let session = Session::stay(options).await?;
        Ok(Kubelets { session, timeout: options.request_timeout, answer_bytes })
    }

    #[cfg(test)]
    pub(crate) fn at(config: kube::Config, options: &LiveOptions, answer_bytes: usize) -> Result<Self, LiveError> {
        let session = Session::stay_at(config, options)?;
        Ok(Kubelets { session, timeout: options.request_timeout, answer_bytes })
    }

    /// Names of all nodes.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn nodes(&self) -> Result<Vec<String>, PullError> {
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            metadata: ListMeta,
            #[serde(default)]
            items: Vec<Item>,
        }
        #[derive(Default, Deserialize)]
        struct ListMeta {
            #[serde(default, rename = "continue")]
            next: String,
        }
        #[derive(Deserialize)]
        struct Item {
            metadata: Meta,
        }
        #[derive(Deserialize)]
        struct Meta {
            name: String,
        }
        let mut names = Vec::new();
        let mut next = String::new();
        loop {
            let mut path = format!("/api/v1/nodes?limit={PAGE}");
            if !next.is_empty() {
                path.push_str("&continue=");
                path.push_str(&next);
            }
            let scraped = self.get(&path, NAMES_ONLY).await?;
            let list: List = serde_json::from_slice(&scraped.text)
                .map_err(|e| PullError::Malformed { what: self.what("/api/v1/nodes"), reason: e.to_string() })?;
            names.extend(list.items.into_iter().map(|i| i.metadata.name));
            next = list.metadata.next;
            if next.is_empty() || names.len() >= NODES_MAX {
                names.truncate(NODES_MAX);
                return Ok(names);
            }
        }
    }

    /// A page of one node's kubelet; `path` begins with a slash: `/metrics/cadvisor`.
    ///
    /// # Errors
    /// See [`PullError`]; 403 where the account lacks `get` on `nodes/proxy`.
    pub async fn page(&self, node: &str, path: &str) -> Result<Scraped, PullError> {
        self.get(&format!("/api/v1/nodes/{node}/proxy{path}"), ACCEPT).await
    }

    fn what(&self, path: &str) -> String {
        format!("{}{path}", self.session.server)
    }

    /// Within the time-out, and within the bytes of an answer.
    async fn get(&self, path: &str, accept: &str) -> Result<Scraped, PullError> {
        let answer = tokio::time::timeout(self.timeout, self.read(path, accept)).await;
        answer.unwrap_or_else(|_| Err(PullError::Timeout { what: self.what(path), seconds: self.timeout.as_secs() }))
    }

    async fn read(&self, path: &str, accept: &str) -> Result<Scraped, PullError> {
        let lost = |reason: String| PullError::Unreachable { what: self.what(path), reason };
        let response = self.session.open(path, accept).await.map_err(|e| lost(e.describe()))?;
        let (parts, mut body) = response.into_parts();
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|e| lost(e.to_string()))?.into_data() else { continue };
            if text.len() + data.len() > self.answer_bytes {
                return Err(PullError::TooLarge { what: self.what(path), most: self.answer_bytes });
            }
            text.extend_from_slice(&data);
        }
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        if parts.status == StatusCode::OK {
            return Ok(Scraped { text, content_type });
        }
        Err(PullError::Status {
            what: self.what(path),
            status: parts.status.as_u16(),
            message: message(&text),
            retry_after_s: None,
        })
    }
}

/// What the API server says about a refusal: the message of its `Status`, else the beginning of the text.
fn message(text: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    if let Ok(status) = serde_json::from_slice::<Status>(text) {
        return status.message;
    }
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    text.get(..text.floor_char_boundary(TOLD_BYTES)).unwrap_or(text).to_owned()
}
