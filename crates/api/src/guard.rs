//! What every request passes: the right host, the same origin, a known caller, a time limit; and what every answer carries.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use crate::auth::{Access, Unknown};
use crate::problem::Problem;
use crate::server::{Audited, Remote, Shared};

/// No script and no style but our own files, nothing loaded from elsewhere, in nobody's frame.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Counts, adds the headers that browsers respect, and refuses what no route should see.
pub async fn outer(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (hosts, loopback) = (&shared.options.hosts, shared.loopback);
    let named = named(&request).to_owned();
    let checked = host(hosts, loopback, &named).and_then(|()| origin(&method, request.headers(), (&named, hosts)));
    let mut response = match checked {
        Ok(()) => match tokio::time::timeout(shared.options.timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no answer in time").retry_after(5).into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    shared.telemetry.request(&method, &route, response.status(), started.elapsed());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets callers through who may; the audit hears of what they wrote.
pub async fn inner(
    State((shared, access)): State<(Arc<Shared>, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    if access == Access::Public || (access == Access::Push && shared.door.open_receivers()) {
        return next.run(request).await;
    }
    let caller = match shared.door.caller(request.headers()).await {
        Ok(caller) => caller,
        Err(why) => {
            shared.telemetry.unknown_caller();
            return match why {
                Unknown::NoToken => Problem::unknown_caller("a token is needed: Authorization: Bearer …"),
                Unknown::Wrong => Problem::unknown_caller("unknown token"),
                Unknown::Unanswered(error) => {
                    tracing::warn!(%error, "a token could not be reviewed");
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the token could not be reviewed").retry_after(5)
                }
            }
            .into_response();
        }
    };
    if !caller.rank.may(access) {
        let detail = format!("{} is {}, this needs the right to {}", caller.name, caller.rank.word(), access.word());
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let written = !matches!(access, Access::Push) && !matches!(*request.method(), Method::GET | Method::HEAD);
    if !written {
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let remote = request.extensions().get::<ConnectInfo<Remote>>().map(|c| c.0.0.to_string()).unwrap_or_default();
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    let entry = Audited { at: shared.backend.now(), caller, remote, method, path, status: response.status().as_u16() };
    tracing::info!(target: "rootline::audit", by = %entry.caller.name, method = %entry.method, path = %entry.path, status = entry.status, "written");
    if let Some(audit) = &shared.options.audit {
        audit.written(entry);
    }
    response
}

/// The name that the caller used, with its port: HTTP/2 has it in the address, HTTP/1.1 in `Host`.
fn named(request: &Request) -> &str {
    let in_address = request.uri().authority().map(http::uri::Authority::as_str);
    in_address.or_else(|| request.headers().get(header::HOST)?.to_str().ok()).unwrap_or_default()
}

/// On loopback a page of somebody else's must not reach us under its own name (DNS rebinding): the name is an address,
/// `localhost`, or one of those that were configured.
fn host(allowed: &[String], loopback: bool, named: &str) -> Result<(), Problem> {
    if !loopback && allowed.is_empty() {
        return Ok(());
    }
    let name = without_port(named);
    let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    // An HTTP/1.0 client sends no name at all; browsers always do.
    if named.is_empty() || local || address || is_listed(allowed, name) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, format!("{name:?} is not a name of this server")))
}

fn is_listed(allowed: &[String], name: &str) -> bool {
    allowed.iter().any(|a| a.eq_ignore_ascii_case(name))
}

/// `name:80` → `name`, `[::1]:80` → `[::1]`
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && balanced(name) => name,
        _ => host,
    }
}

/// `[::1` and `::1` are no names before a port.
fn balanced(name: &str) -> bool {
    if name.starts_with('[') { name.ends_with(']') } else { !name.contains(':') }
}

/// A browser says where a request comes from; what changes something may come only from our own page.
fn origin(method: &Method, headers: &HeaderMap, (named, allowed): (&str, &[String])) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let refuse = || Problem::new(StatusCode::FORBIDDEN, "requests of other sites' pages are refused");
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(refuse());
    }
    match text("origin") {
        None => Ok(()),
        Some(origin) => {
            let (scheme, authority) = origin.split_once("://").unwrap_or_default();
            // A proxy may call us by another name than the browser called it; that name is then configured.
            let ours = named.eq_ignore_ascii_case(authority) || is_listed(allowed, without_port(authority));
            let same = matches!(scheme, "http" | "https") && !authority.is_empty() && ours;
            if same { Ok(()) } else { Err(refuse()) }
        }
    }
}

/// True for addresses that only this machine reaches.
pub fn is_loopback(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_port_and_nothing_else() {
        for (host, name) in
            [("a:80", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("::1", "::1"), ("a:", "a:")]
        {
            assert_eq!(without_port(host), name);
        }
    }

    #[test]
    fn only_this_machines_addresses_are_loopback() {
        for (address, expect) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
        ] {
            assert_eq!(is_loopback(&address.parse().expect("an address")), expect, "{address}");
        }
    }
}
