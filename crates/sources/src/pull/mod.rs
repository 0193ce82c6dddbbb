//! Reading from others: Prometheus, Loki, Elasticsearch and OpenSearch by query, exporters by scraping them.
//!
//! Every reader has a deadline for the whole answer and a limit on its bytes, sends what credentials it was given and
//! nothing else, and follows no redirect to another host. It asks once: when to ask again is told by
//! [`PullError::retry_after_s`] and decided by the caller.

pub mod elasticsearch;
pub mod loki;
pub mod prometheus;
pub mod scrape;

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

/// A server to ask.
#[derive(Clone, Debug)]
pub struct Server {
    /// With scheme and any path prefix: `http://prometheus.monitoring:9090/prom`.
    pub url: String,
    pub credentials: Credentials,
    /// Sent with every request, as `X-Scope-OrgID` for a tenant.
    pub headers: Vec<(String, String)>,
    /// PEM of the authorities to trust instead of the system's.
    pub authorities_pem: Option<String>,
    /// Takes any certificate, for exporters that make their own at every start.
    pub any_certificate: bool,
    /// For a whole answer.
    pub timeout: Duration,
    /// Decompressed bytes of an answer.
    pub answer_bytes: usize,
}

/// Who we are.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    None,
    Bearer(String),
    Basic {
        user: String,
        password: String,
    },
}

impl Server {
    /// A server without credentials: 10 s and 64 MiB an answer.
    pub fn new(url: impl Into<String>) -> Self {
        Server {
            url: url.into(),
            credentials: Credentials::None,
            headers: Vec::new(),
            authorities_pem: None,
            any_certificate: false,
            timeout: Duration::from_secs(10),
            answer_bytes: 64 << 20,
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("{url}: {reason}")]
    Settings { url: String, reason: String },
    /// No connection, or it broke.
    #[error("{what}: {reason}")]
    Unreachable { what: String, reason: String },
    #[error("{what}: no answer within {seconds} s")]
    Timeout { what: String, seconds: u64 },
    #[error("{what}: HTTP {status}: {message}")]
    Status { what: String, status: u16, message: String, retry_after_s: Option<u32> },
    /// The program's own error, as `bad_data: parse error`.
    #[error("{what}: {kind}: {message}")]
    Refused { what: String, kind: String, message: String },
    #[error("{what}: an answer of more than {most} bytes")]
    TooLarge { what: String, most: usize },
    #[error("{what}: {reason}")]
    Malformed { what: String, reason: String },
}

impl PullError {
    /// Whether the same question can have an answer later, and after how many seconds at the earliest.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            PullError::Unreachable { .. } | PullError::Timeout { .. } => Some(1),
            PullError::Status { status: 408 | 429 | 500 | 502 | 503 | 504, retry_after_s, .. } => {
                Some(retry_after_s.unwrap_or(1))
            }
            PullError::Refused { kind, .. } if matches!(kind.as_str(), "timeout" | "unavailable" | "internal") => {
                Some(1)
            }
            _ => None,
        }
    }
}

/// An HTTP client for one server.
#[derive(Clone, Debug)]
struct Client {
    http: reqwest::Client,
    server: Server,
}

/// Body and status of an answer.
struct Answered {
    status: StatusCode,
    content_type: String,
    retry_after_s: Option<u32>,
    body: Vec<u8>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes told of a body that is no answer.
const TOLD_BYTES: usize = 200;

impl Client {
    fn new(server: Server) -> Result<Self, PullError> {
        let wrong = |reason: String| PullError::Settings { url: server.url.clone(), reason };
        let url = reqwest::Url::parse(&server.url).map_err(|e| wrong(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("want http:// or https:// and a host".to_owned()));
        }
        // an earlier one stays: the process has one
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(server.timeout))
            .timeout(server.timeout)
            .redirect(same_host())
            .user_agent(concat!("rootline/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &server.authorities_pem {
            let found = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|e| wrong(e.to_string()))?;
            builder = builder.tls_certs_only(found);
        }
        if server.any_certificate {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let mut headers = http::HeaderMap::new();
        for (name, value) in &server.headers {
            let name =
                http::HeaderName::from_bytes(name.as_bytes()).map_err(|e| wrong(format!("header {name:?}: {e}")))?;
            let value = http::HeaderValue::from_str(value).map_err(|e| wrong(format!("header {name}: {e}")))?;
            headers.append(name, value);
        }
        let http = builder.default_headers(headers).build().map_err(|e| wrong(innermost(&e)))?;
        Ok(Client { http, server })
    }

    async fn get(&self, path: &str, query: &impl Serialize) -> Result<Answered, PullError> {
        self.send(path, self.http.get(self.url(path)).query(query)).await
    }

    async fn post_json(&self, path: &str, body: &serde_json::Value) -> Result<Answered, PullError> {
        self.send(path, self.http.post(self.url(path)).json(body)).await
    }

    async fn post_form(&self, path: &str, form: &impl Serialize) -> Result<Answered, PullError> {
        self.send(path, self.http.post(self.url(path)).form(form)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url.trim_end_matches('/'))
    }

    fn what(&self, path: &str) -> String {
        self.url(path)
    }

    async fn send(&self, path: &str, request: reqwest::RequestBuilder) -> Result<Answered, PullError> {
        let request = match &self.server.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token),
            Credentials::Basic { user, password } => request.basic_auth(user, Some(password)),
        };
        let mut response = request.send().await.map_err(|e| self.broken(path, &e))?;
        let status = response.status();
        let retry_after_s =
            response.headers().get(http::header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
        let content_type = response.headers().get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let most = self.server.answer_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.broken(path, &e))? {
            if body.len() + chunk.len() > most {
                return Err(PullError::TooLarge { what: self.what(path), most });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answered { status, content_type, retry_after_s, body })
    }

    fn broken(&self, path: &str, error: &reqwest::Error) -> PullError {
        if error.is_timeout() {
            return PullError::Timeout { what: self.what(path), seconds: self.server.timeout.as_secs() };
        }
        PullError::Unreachable { what: self.what(path), reason: innermost(error) }
    }

    /// The error of an answer with a status that is none of success, with the beginning of its body.
    fn status(&self, path: &str, answered: &Answered) -> PullError {
        let text = String::from_utf8_lossy(&answered.body);
        let text = text.trim();
        let message = text.get(..text.floor_char_boundary(TOLD_BYTES)).unwrap_or(text).to_owned();
        let (status, retry_after_s) = (answered.status.as_u16(), answered.retry_after_s);
        PullError::Status { what: self.what(path), status, message, retry_after_s }
    }

    fn malformed(&self, path: &str, reason: impl std::fmt::Display) -> PullError {
        PullError::Malformed { what: self.what(path), reason: reason.to_string() }
    }
}

/// Lines of a span of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulled {
    /// Oldest first.
    pub lines: Vec<crate::intake::Line>,
    /// From where to go on: everything before it was read.
    pub until: Option<jiff::Timestamp>,
    /// Whether the span was read to its end.
    pub complete: bool,
}

/// Credentials must not travel: redirects are followed within a host, and few of them.
fn same_host() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first();
        let same =
            first.is_some_and(|f| f.host_str() == attempt.url().host_str() && f.scheme() == attempt.url().scheme());
        if same && attempt.previous().len() <= 3 { attempt.follow() } else { attempt.stop() }
    })
}

/// The innermost reason, without the address: "connection refused".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
