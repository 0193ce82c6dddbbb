//! One connection to an API server: requests with time-outs, retries and a budget for waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, DATE, RETRY_AFTER};
use http::{HeaderMap, Request, StatusCode};
use kube::client::Body;
use kube::{Client, Config};
use rootline_model::Timestamp;

use super::error::{LiveError, chain};
use super::options::LiveOptions;
use super::transport;

/// Attempts for one request, the first included.
const ATTEMPTS: u32 = 5;

const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A server that asks for more patience than this is asked again sooner; the budget decides when to give up.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

pub(crate) struct Session {
    client: Client,
    pub server: String,
    pub default_namespace: String,
    request_timeout: Duration,
    /// Milliseconds that may still be spent on waiting before retries, over all requests.
    patience_ms: AtomicU64,
}

/// An answer of the server, whatever its status.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    pub date: Option<Timestamp>,
}

/// Why there is no answer.
pub(crate) enum NoAnswer {
    Client(kube::Error),
    TimedOut(Duration),
}

impl NoAnswer {
    pub fn describe(&self) -> String {
        match self {
            NoAnswer::Client(e) => chain(e),
            NoAnswer::TimedOut(after) => format!("no answer within {} s", after.as_secs()),
        }
    }

    pub fn into_error(self, server: &str) -> LiveError {
        match self {
            NoAnswer::Client(e) => LiveError::from_client(server, &e),
            NoAnswer::TimedOut(_) => LiveError::Unreachable { server: server.to_owned(), detail: self.describe() },
        }
    }
}

impl Answer {
    /// What the server says about a refusal: the message of its `Status`, else the first line.
    pub fn message(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Status {
            message: Option<String>,
        }
        let told = serde_json::from_slice::<Status>(&self.body).ok().and_then(|s| s.message).filter(|m| !m.is_empty());
        told.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(&self.body);
            let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            if line.is_empty() { self.status.to_string() } else { format!("{}: {line}", self.status) }
        })
    }
}

impl Session {
    pub async fn connect(options: &LiveOptions) -> Result<Session, LiveError> {
        Session::to(config(options).await?, options)
    }

    /// A connection by a given configuration, with our patience instead of the client's.
    pub fn to(mut config: Config, options: &LiveOptions) -> Result<Session, LiveError> {
        // fails only if somebody installed one before, which serves as well
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.connect_timeout = Some(options.connect_timeout);
        config.default_retry = false;
        Session::with_config(config, options)
    }

    pub fn with_config(config: Config, options: &LiveOptions) -> Result<Session, LiveError> {
        let server = config.cluster_url.to_string();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|e| LiveError::from_client(server.trim_end_matches('/'), &e))?;
        Ok(Session::of(client, &server, namespace, options))
    }

    /// A connection that stays: many streams on one, and a peer that is gone is noticed.
    pub async fn stay(options: &LiveOptions) -> Result<Session, LiveError> {
        Session::stay_at(config(options).await?, options)
    }

    /// Two such connections: what is asked on the one does not wait for streams that nobody reads on the other.
    pub async fn stay_twice(options: &LiveOptions) -> Result<(Session, Session), LiveError> {
        let config = config(options).await?;
        Ok((Session::stay_at(config.clone(), options)?, Session::stay_at(config, options)?))
    }

    pub fn stay_at(mut config: Config, options: &LiveOptions) -> Result<Session, LiveError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.connect_timeout = Some(options.connect_timeout);
        let (server, namespace) = (config.cluster_url.to_string(), config.default_namespace.clone());
        Ok(Session::of(transport::client(config)?, &server, namespace, options))
    }

    fn of(client: Client, server: &str, default_namespace: String, options: &LiveOptions) -> Session {
        let server = server.trim_end_matches('/').to_owned();
        Session {
            client,
            server,
            default_namespace,
            request_timeout: options.request_timeout,
            patience_ms: AtomicU64::new(u64::try_from(options.retry_budget.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Asks until there is an answer that waiting will not change.
    pub async fn get(&self, path: &str, accept: &str) -> Result<Answer, NoAnswer> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let outcome = self.once(path, accept).await;
            let asked = match &outcome {
                Ok((answer, headers)) if is_passing(answer.status) => retry_after(headers),
                Err(NoAnswer::Client(e)) if is_transport(e) => None,
                Err(NoAnswer::TimedOut(_)) => None,
                _ => return outcome.map(|(answer, _)| answer),
            };
            let pause = asked.unwrap_or(wait).min(LONGEST_WAIT);
            if attempt >= ATTEMPTS || !self.spend(pause) {
                return outcome.map(|(answer, _)| answer);
            }
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        unreachable!("the loop returns at the last attempt")
    }

    /// Asks once, for the first contact: a dead server is better told at once.
    pub async fn get_once(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.once(path, "application/json").await.map(|(answer, _)| answer)
    }

    /// Asks once, with the headers of the answer.
    pub async fn once(&self, path: &str, accept: &str) -> Result<(Answer, HeaderMap), NoAnswer> {
        let request = Request::get(path)
            .header(ACCEPT, accept)
            .body(Body::empty())
            .map_err(|e| NoAnswer::Client(kube::Error::HttpError(e)))?;
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Body>) -> Result<(Answer, HeaderMap), NoAnswer> {
        let exchange = async {
            let response = self.client.send(request).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect_bytes().await?;
            Ok::<_, kube::Error>((parts, body))
        };
        let (parts, body) = tokio::time::timeout(self.request_timeout, exchange)
            .await
            .map_err(|_| NoAnswer::TimedOut(self.request_timeout))?
            .map_err(NoAnswer::Client)?;
        let date = parts.headers.get(DATE).and_then(|d| d.to_str().ok()).and_then(parse_date);
        Ok((Answer { status: parts.status, body: body.into(), date }, parts.headers))
    }

    /// Opens a stream: the head of the answer within the time-out of a request, the body as it comes.
    pub async fn open(&self, path: &str, accept: &str) -> Result<http::Response<Body>, NoAnswer> {
        let request = Request::get(path)
            .header(ACCEPT, accept)
            .body(Body::empty())
            .map_err(|e| NoAnswer::Client(kube::Error::HttpError(e)))?;
        tokio::time::timeout(self.request_timeout, self.client.send(request))
            .await
            .map_err(|_| NoAnswer::TimedOut(self.request_timeout))?
            .map_err(NoAnswer::Client)
    }

    /// Writes JSON once: for the one lease of leader election.
    pub async fn send(&self, method: http::Method, path: &str, body: &serde_json::Value) -> Result<Answer, NoAnswer> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string().into_bytes()))
            .map_err(|e| NoAnswer::Client(kube::Error::HttpError(e)))?;
        self.exchange(request).await.map(|(answer, _)| answer)
    }

    /// Gives the whole budget for waiting anew: for one round of a session that lasts.
    pub fn refill(&self, budget: Duration) {
        self.patience_ms.store(u64::try_from(budget.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn spend(&self, pause: Duration) -> bool {
        let cost = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.patience_ms.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost)).is_ok()
    }
}

async fn config(options: &LiveOptions) -> Result<Config, LiveError> {
    let chosen = kube::config::KubeConfigOptions { context: options.context.clone(), cluster: None, user: None };
    let bad = |e: &dyn std::error::Error| LiveError::Kubeconfig { detail: chain(e) };
    match (&options.kubeconfig, &options.context) {
        (Some(path), _) => {
            let file = kube::config::Kubeconfig::read_from(path).map_err(|e| bad(&e))?;
            Config::from_custom_kubeconfig(file, &chosen).await.map_err(|e| bad(&e))
        }
        (None, Some(_)) => Config::from_kubeconfig(&chosen).await.map_err(|e| bad(&e)),
        (None, None) => Config::infer().await.map_err(|e| bad(&e)),
    }
}

/// Statuses that go away by themselves.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// A broken connection may work the next time; wrong credentials or certificates will not.
fn is_transport(error: &kube::Error) -> bool {
    matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_))
}

pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

pub(crate) fn parse_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}
