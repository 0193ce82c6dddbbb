//! The one HTTP client of all sinks.
//!
//! Follows no redirects, uses no proxy unless told, bounds time and size of answers, and where an address came from a
//! user ([`Reach::Public`]) connects only to public ones: names are resolved here and every address is looked at before
//! the connection is made, so that a name cannot point elsewhere in between (DNS rebinding).
//!
//! Addresses of chats carry their key in path or query. [`Endpoint`] shows scheme and host and nothing else, and what a
//! server says back is shown without the parts of the address it may repeat.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use crate::SendError;

/// An answer longer than this is cut; no channel says more than a line.
const BODY_MAX: usize = 64 * 1024;
/// How much of a server's words stands in an error.
const SHOWN_MAX: usize = 300;
/// A server that asks for more patience than this is asked again anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// A resolver that is silent for longer is asked again with the next message.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a client may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: the addresses are the operator's own configuration.
    #[default]
    Anywhere,
    /// Public addresses, and hosts listed here (`host` or `host:port`): the addresses came through the API.
    Public { allowed: Vec<String> },
}

/// Knobs of the client.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub connect_timeout: Duration,
    /// For the whole exchange.
    pub timeout: Duration,
    /// `http://proxy:3128`; the environment's is not used.
    pub proxy: Option<String>,
    /// More certificate authorities, PEM.
    pub authorities: Vec<u8>,
    pub reach: Reach,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            proxy: None,
            authorities: Vec::new(),
            reach: Reach::Anywhere,
        }
    }
}

/// What is wrong with an address or an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("not an address: {0}")]
    NotAnAddress(String),
    #[error("an address begins with http:// or https://")]
    Scheme,
    #[error("{0} is not a public address; list it in the allowed hosts if it is meant")]
    NotPublic(String),
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// An address whose path and query are secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|e| EndpointError::NotAnAddress(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::Scheme);
        }
        Ok(Endpoint(url))
    }

    /// The same address with more in its query.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Endpoint {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        Endpoint(url)
    }

    /// The same address with segments added to its path.
    #[must_use]
    pub fn join(&self, path: &str) -> Endpoint {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{}", self.0.path().trim_end_matches('/'), path.trim_start_matches('/')));
        Endpoint(url)
    }

    /// The name and port that stand in it, as a `Host` header has them.
    pub(crate) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The same at each of the addresses that its name has. A server with addresses of both families is still one, so only
    /// one family counts; one address is no reason to write it differently.
    fn at(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<Endpoint> {
        let (four, six): (BTreeSet<IpAddr>, BTreeSet<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv4);
        let addresses = if four.is_empty() { six } else { four };
        let one = |address: &IpAddr| {
            let mut url = self.0.clone();
            url.set_ip_host(*address).ok().map(|()| Endpoint(url))
        };
        if addresses.len() < 2 { vec![self.clone()] } else { addresses.iter().filter_map(one).collect() }
    }

    /// A server's words without what they repeat of the address.
    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.replace(self.0.as_str(), "…");
        let query = self.0.query_pairs().map(|(_, value)| value.into_owned());
        let segments = self.0.path_segments().into_iter().flatten().map(ToOwned::to_owned);
        let password = self.0.password().map(ToOwned::to_owned);
        for secret in query.chain(segments).chain(password) {
            // short pieces are words such as `api` or `v2`
            if secret.len() >= 6 {
                text = text.replace(&secret, "…");
            }
        }
        text
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}/…)")
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// At most 64 KiB of it, where a sink did not ask for more.
    pub body: Vec<u8>,
}

impl Reply {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The guarded client. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    reach: Reach,
}

impl Client {
    pub fn new(options: &ClientOptions) -> Result<Client, EndpointError> {
        if options.proxy.is_some() && options.reach != Reach::Anywhere {
            // the proxy resolves names, so nobody would look at the addresses
            return Err(EndpointError::Client("a proxy and user-supplied addresses do not go together".to_owned()));
        }
        // the first one in a process counts; a later one is the same
        let _ = rustls::crypto::ring::default_provider().install_default();
        let told = |e: reqwest::Error| EndpointError::Client(chain(&e.without_url()));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("rootline/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(2);
        if let Some(proxy) = &options.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(told)?);
        }
        if !options.authorities.is_empty() {
            let authorities = reqwest::Certificate::from_pem_bundle(&options.authorities).map_err(told)?;
            builder = builder.tls_certs_merge(authorities);
        }
        if let Reach::Public { allowed } = &options.reach {
            builder = builder.dns_resolver(Arc::new(PublicOnly { allowed: allowed.clone() }));
        }
        Ok(Client { http: builder.build().map_err(told)?, reach: options.reach.clone() })
    }

    /// Whether an address may be used at all, before anything is sent. Names are looked at again when they are resolved.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        let Reach::Public { allowed } = &self.reach else { return Ok(()) };
        let host = endpoint.0.host_str().unwrap_or_default();
        let port = endpoint.0.port_or_known_default().unwrap_or_default();
        if is_allowed(allowed, host, Some(port)) {
            return Ok(());
        }
        // brackets around an IPv6 address belong to the address of a page, not to the host
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(EndpointError::NotPublic(host.to_owned())),
            _ => Ok(()),
        }
    }

    /// Every server that stands behind a name now: a headless Service of Kubernetes is a name with an address for each pod.
    /// Those that get what is posted to them are told the name in `Host` ([`Endpoint::authority`]). With https the
    /// certificate is the name's, so the name is what is asked; so it is where it cannot be resolved, and sending says why.
    pub(crate) async fn servers(&self, endpoint: &Endpoint) -> Vec<Endpoint> {
        let (Some(host), Some(port)) = (endpoint.0.domain(), endpoint.0.port_or_known_default()) else {
            return vec![endpoint.clone()];
        };
        if endpoint.0.scheme() != "http" {
            return vec![endpoint.clone()];
        }
        match tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(found)) => endpoint.at(found.map(|address| address.ip())),
            Ok(Err(_)) | Err(_) => vec![endpoint.clone()],
        }
    }

    /// Sends JSON and reads the answer. Errors are those of the way there; what a status means is the sink's to say.
    pub async fn post(&self, endpoint: &Endpoint, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Reply, SendError> {
        self.post_and_hear(endpoint, headers, body, BODY_MAX).await
    }

    /// As `post`, with an answer of up to `heard` bytes.
    pub(crate) async fn post_and_hear(
        &self,
        endpoint: &Endpoint,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        heard: usize,
    ) -> Result<Reply, SendError> {
        self.check(endpoint).map_err(|e| SendError::dead(e.to_string()))?;
        let mut all = HeaderMap::new();
        all.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).map_err(|_| SendError::dead(format!("{name:?} is no header")))?;
            let mut value = HeaderValue::try_from(*value)
                .map_err(|_| SendError::dead(format!("the value of header {name} has characters it may not have")))?;
            value.set_sensitive(name == reqwest::header::AUTHORIZATION);
            all.insert(name, value);
        }
        let request = self.http.post(endpoint.0.clone()).headers(all).body(body);
        let mut response = request.send().await.map_err(|e| lost(endpoint, e))?;
        let mut reply = Reply {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            body: Vec::new(),
        };
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = heard - reply.body.len();
                    reply.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if reply.body.len() == heard {
                        return Ok(reply);
                    }
                }
                Ok(None) => return Ok(reply),
                // a server that refused need not be heard to the end
                Err(_) if !reply.is_success() => return Ok(reply),
                Err(e) => return Err(lost(endpoint, e)),
            }
        }
    }
}

/// A server's words in one short line, without the secrets of its address.
pub(crate) fn words_of(endpoint: &Endpoint, body: &[u8]) -> String {
    let text = endpoint.without_secrets(&String::from_utf8_lossy(body));
    let line: String =
        text.chars().map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).take(SHOWN_MAX + 1).collect();
    let line = line.trim();
    match line.char_indices().nth(SHOWN_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

/// What a status outside 2xx means, in general.
pub(crate) fn refused(endpoint: &Endpoint, reply: &Reply) -> SendError {
    let words = words_of(endpoint, &reply.body);
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    let status = reply.status;
    match status {
        429 => SendError::Retry { after: reply.retry_after, why: format!("{endpoint} asks for patience (429){said}") },
        408 | 425 | 500.. => {
            SendError::Retry { after: reply.retry_after, why: format!("{endpoint} fails ({status}){said}") }
        }
        300..=399 => SendError::dead(format!(
            "{endpoint} points elsewhere ({status}); redirects are not followed, configure the final address"
        )),
        401 | 403 => SendError::dead(format!("{endpoint} does not accept our key or token ({status}){said}")),
        404 | 405 | 410 => SendError::dead(format!(
            "{endpoint} knows no such address ({status}); the key in it may be wrong or revoked{said}"
        )),
        413 => SendError::rejected(format!("{endpoint} finds the message too long ({status}){said}")),
        _ => SendError::rejected(format!("{endpoint} refuses the message ({status}){said}")),
    }
}

fn lost(endpoint: &Endpoint, error: reqwest::Error) -> SendError {
    let what = if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        "cannot be reached"
    } else if error.is_body() || error.is_decode() {
        "broke its answer off"
    } else {
        "broke the exchange off"
    };
    let cause = endpoint.without_secrets(&chain(&error.without_url()));
    if cause.contains(NOT_PUBLIC) {
        return SendError::dead(EndpointError::NotPublic(endpoint.to_string()).to_string());
    }
    SendError::retry(format!("{endpoint} {what}: {cause}"))
}

/// The innermost words say what happened.
fn chain(error: &reqwest::Error) -> String {
    let mut innermost = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        innermost = inner.to_string();
        source = inner.source();
    }
    innermost
}

/// Seconds; a date is not read, no chat sends one.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

fn is_allowed(allowed: &[String], host: &str, port: Option<u16>) -> bool {
    allowed.iter().any(|entry| {
        entry.eq_ignore_ascii_case(host)
            || port.is_some_and(|port| {
                entry.rsplit_once(':').is_some_and(|(h, p)| h.eq_ignore_ascii_case(host) && p == port.to_string())
            })
    })
}

const NOT_PUBLIC: &str = "resolves to an address that is not public";

/// Resolves names and leaves only public addresses.
struct PublicOnly {
    allowed: Vec<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        // the port is not known here: `check` has seen it
        let any = self
            .allowed
            .iter()
            .any(|entry| entry.split_once(':').map_or(entry.as_str(), |(h, _)| h).eq_ignore_ascii_case(&host));
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            // one private address among public ones is enough to be careful
            if !any && found.iter().any(|address| !is_public(address.ip())) {
                return Err(format!("{host} {NOT_PUBLIC}").into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Addresses that every network routes to everybody (IANA special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let part = address.segments();
    let last = || {
        let [.., high, low] = part;
        Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
    };
    match part {
        // IPv4 inside: mapped, compatible, and through NAT64
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(last()),
        [0, 0, 0, 0, 0, 0, ..] => false,
        // 6to4 holds the IPv4 address in its second and third part
        [0x2002, high, low, ..] => is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        // global unicast without documentation and Teredo
        [0x2001, 0xdb8 | 0, ..] | [0x3fff, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_several_addresses_is_several_servers() {
        let at = |addresses: &[&str]| -> Vec<String> {
            let name = Endpoint::parse("http://alertmanager-operated:9093/am").expect("an address");
            name.at(addresses.iter().map(|a| a.parse().expect("an address"))).iter().map(|e| e.0.to_string()).collect()
        };
        assert_eq!(at(&["10.0.0.8", "10.0.0.7", "10.0.0.8"]), ["http://10.0.0.7:9093/am", "http://10.0.0.8:9093/am"]);
        assert_eq!(at(&["fd00::7", "fd00::8"]), ["http://[fd00::7]:9093/am", "http://[fd00::8]:9093/am"]);
        // one server that is reached by both families, and none at all
        for one in [&["10.0.0.7", "fd00::7"][..], &["fd00::7"], &[]] {
            assert_eq!(at(one), ["http://alertmanager-operated:9093/am"], "{one:?}");
        }
    }

    #[tokio::test]
    async fn addresses_and_names_with_a_certificate_stay_one_server() {
        let client = Client::new(&ClientOptions::default()).expect("a client");
        for text in ["http://127.0.0.1:9093/am", "http://[::1]:9093", "https://localhost:9093"] {
            let one = Endpoint::parse(text).expect("an address");
            assert_eq!(client.servers(&one).await, [one]);
        }
    }

    #[test]
    fn only_public_addresses_are_public() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("192.0.0.192", false),
            ("198.18.0.1", false),
            ("::1", false),
            ("::", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2606:4700::1111", true),
        ] {
            assert_eq!(is_public(text.parse().expect("an address")), public, "{text}");
        }
    }

    #[test]
    fn an_address_shows_its_host_alone() {
        let endpoint = Endpoint::parse("https://hooks.example/services/T000/B000/abcdefgh?access_token=s3cr3t-s3cr3t");
        let endpoint = endpoint.expect("an address").with_query(&[("sign", "a b")]);
        assert_eq!(endpoint.to_string(), "https://hooks.example");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(https://hooks.example/…)");
        let words = words_of(&endpoint, b"no_service: s3cr3t-s3cr3t\nat /services/T000/B000/abcdefgh");
        assert_eq!(words, "no_service: … at /…/T000/B000/…");
        for (text, error) in [
            ("ftp://x/", EndpointError::Scheme),
            ("hooks.example/x", EndpointError::NotAnAddress("relative URL without a base".into())),
        ] {
            assert_eq!(Endpoint::parse(text), Err(error));
        }
    }
}
