//! One HTTP/2 connection for all that is asked for a long time: 37 watches would be 37 connections with HTTP/1.1, which is
//! all that the Kubernetes client speaks, and a peer that is gone without a word is found by pings, as client-go does.

use std::time::Duration;

use http::{Request, Response};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};

use super::error::LiveError;

/// Ping after this much silence of a connection, and give it up after as much more without an answer. Those of client-go
/// (`HTTP2_READ_IDLE_TIMEOUT_SECONDS`, `HTTP2_PING_TIMEOUT_SECONDS`).
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client by a configuration, with its credentials and their refreshing.
pub(crate) fn client(config: Config) -> Result<Client, LiveError> {
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let failed = |e: &kube::Error| LiveError::from_client(&server, e);
    if config.tls_server_name.is_some() || config.proxy_url.is_some() {
        // names and proxies of their own are known to the usual client alone
        return Client::try_from(config).map_err(|e| failed(&e));
    }
    let mut tls = config.rustls_client_config().map_err(|e| failed(&e))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // packing costs both sides more than a cluster's own network
        .gzip(false)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true);
    if let Some(patience) = config.connect_timeout {
        http = http.connect_timeout(patience);
    }
    let http = http.build().map_err(|e| failed(&kube::Error::Service(e.into())))?;
    let service = tower::service_fn(move |request: Request<Body>| {
        let http = http.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let request = reqwest::Request::try_from(Request::from_parts(parts, body))?;
            Ok::<_, BoxError>(Response::<reqwest::Body>::from(http.execute(request).await?))
        }
    });
    let auth = config.auth_layer().map_err(|e| failed(&e))?;
    let headers = config.extra_headers_layer().map_err(|e| failed(&e))?;
    let builder = ClientBuilder::new(service, config.default_namespace.clone())
        .with_layer(&headers)
        .with_layer(&tower::util::option_layer(auth))
        .with_layer(&config.base_uri_layer());
    Ok(builder.build())
}
