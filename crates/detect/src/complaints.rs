//! Who says that a service cannot be reached: connection tests and log lines.
//!
//! A configuration that looks wrong and hurts nobody is a risk; the same with a complaint is a fact.

use std::sync::LazyLock;

use regex::Regex;
use rootline_model::{EntityRef, Evidence, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::starting::settled;

/// More complaints about one thing prove nothing more.
const COMPLAINTS_MAX: usize = 4;
/// Longest log line quoted.
const LINE_MAX: usize = 300;

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Refused,
    NoSuchHost,
    TimedOut,
    Other,
}

/// One testimony.
#[derive(Clone, Debug)]
pub(crate) struct Complaint {
    pub trouble: Trouble,
    /// The workload that complains; `None` for somebody's connection test.
    pub by: Option<EntityRef>,
    pub evidence: Evidence,
}

/// What a text says about a failed connection, if it says so.
pub(crate) fn trouble_of(text: &str) -> Option<Trouble> {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)(?<refused>connection refused|econnrefused|connect failed|unable ?to ?connect|connection reset|",
            r"no route to host|no healthy upstream|network is unreachable)",
            r"|(?<host>no such host|name or service not known|enotfound|eai_again|could not resolve|unknown ?host|",
            r"temporary failure in name resolution|host not found|bad address|nxdomain|servfail|",
            r"name does not resolve|could not translate host name|nodename nor servname)",
            r"|(?<time>i/o timeout|timed? ?out|deadline ?exceeded|etimedout|upstream request timeout)",
            r"|(?<other>\bfailed\b|\bunavailable\b|\bunreachable\b|error while dialing)",
        ))
        .expect("the pattern is fixed and tested")
    });
    let mut found = None;
    for hit in WORDS.captures_iter(text) {
        let (trouble, weight) = if hit.name("host").is_some() {
            (Trouble::NoSuchHost, 3)
        } else if hit.name("refused").is_some() {
            (Trouble::Refused, 2)
        } else if hit.name("time").is_some() {
            (Trouble::TimedOut, 1)
        } else {
            (Trouble::Other, 0)
        };
        if found.is_none_or(|(_, best)| weight > best) {
            found = Some((trouble, weight));
        }
    }
    found.map(|(trouble, _)| trouble)
}

/// Failed connection tests and log lines about a service, by name or cluster IP; of one port where it is given.
pub(crate) fn about_service(world: &World, service: &o::Service, port: Option<i64>) -> Vec<Complaint> {
    let mut found = tests_of(world, service.namespace(), service.name(), port);
    let ip = Some(service.spec.cluster_ip.as_str()).filter(|ip| !ip.is_empty() && *ip != "None");
    let hosts: Vec<&str> = std::iter::once(service.name()).chain(ip).collect();
    in_logs(world, service.namespace(), &hosts, port, &mut found);
    found
}

/// Failed connection tests and log lines about a host name as seen from a namespace.
pub(crate) fn about_host(world: &World, namespace: &str, host: &str, port: Option<i64>) -> Vec<Complaint> {
    let mut found = tests_of(world, namespace, host, port);
    in_logs(world, namespace, &[host], port, &mut found);
    found
}

fn tests_of(world: &World, namespace: &str, host: &str, port: Option<i64>) -> Vec<Complaint> {
    world
        .reaches
        .iter()
        .filter(|r| r.reached == Some(false))
        .filter(|r| r.namespace == namespace || r.namespace.is_empty())
        .filter(|r| is_host(&r.host, host, namespace) && port.is_none_or(|p| r.port == 0 || r.port == p))
        .take(COMPLAINTS_MAX)
        .map(|r| Complaint {
            trouble: trouble_of(&r.text).unwrap_or(Trouble::Other),
            by: None,
            evidence: Evidence::Quote {
                object: EntityRef::new(Kind::Service, namespace, host),
                source: format!("connection test {}:{}", r.host, r.port),
                text: clip(r.text.trim()),
            },
        })
        .collect()
}

/// True if `written` is the host, or the host with the namespace and more behind it.
fn is_host(written: &str, host: &str, namespace: &str) -> bool {
    written == host
        || written
            .strip_prefix(host)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest == namespace || rest.strip_prefix(namespace).is_some_and(|r| r.starts_with('.')))
}

fn in_logs(world: &World, namespace: &str, hosts: &[&str], port: Option<i64>, found: &mut Vec<Complaint>) {
    for tail in world.logs() {
        for line in tail.lines.iter().rev() {
            if found.len() >= COMPLAINTS_MAX {
                return;
            }
            if !hosts.iter().any(|h| line.contains(h)) {
                continue;
            }
            let Some(trouble) = trouble_of(line) else { continue };
            let near = tail.namespace == namespace;
            if !hosts.iter().any(|h| names_host(line, h, namespace, near, port)) {
                continue;
            }
            let by = world
                .pods
                .get(&tail.namespace, &tail.pod)
                .map_or_else(|| EntityRef::pod(&tail.namespace, &tail.pod), |p| world.workload_of(p));
            found.push(Complaint {
                trouble,
                by: Some(by),
                evidence: Evidence::Log {
                    container: EntityRef::container(&tail.namespace, &tail.pod, &tail.container),
                    line: clip(line.trim()),
                    previous: tail.previous,
                    count: 1,
                },
            });
            break;
        }
    }
}

/// True if a line uses the word as a host: `host:port`, `//host`, `lookup host`, `host.namespace`, or quoted beside a
/// word for hosts. The bare word does not count: `cart` is also what an app calls its data.
fn names_host(line: &str, host: &str, namespace: &str, near: bool, port: Option<i64>) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    for (at, _) in line.match_indices(host) {
        let (before, rest) = (&line[..at], &line[at + host.len()..]);
        if before.chars().next_back().is_some_and(|c| word(c) || c == '.') || rest.chars().next().is_some_and(word) {
            continue;
        }
        let suffixed = rest
            .strip_prefix('.')
            .and_then(|r| r.strip_prefix(namespace))
            .is_some_and(|r| !r.chars().next().is_some_and(word));
        if !near && !suffixed && host.parse::<std::net::IpAddr>().is_err() {
            continue;
        }
        let rest = if suffixed { rest.trim_start_matches(|c: char| word(c) || c == '.') } else { rest };
        let shown_port = rest
            .strip_prefix(':')
            .map(|r| r.chars().take_while(char::is_ascii_digit).collect::<String>())
            .and_then(|digits| digits.parse::<i64>().ok());
        if let Some(shown) = shown_port {
            if port.is_none_or(|p| p == shown) {
                return true;
            }
            continue;
        }
        let lead = before.trim_end_matches([' ', '"', '\'', '`', '(', ':', '=', '\\']).to_ascii_lowercase();
        let led = ["lookup", "host", "enotfound", "eai_again", "resolve", "known", "name", "to", "address", "server"]
            .iter()
            .any(|w| lead.ends_with(w));
        if suffixed || before.ends_with("//") || before.ends_with('@') || led {
            return true;
        }
    }
    false
}

/// True if pods of a workload have been unready for longer than they need to start.
pub(crate) fn is_unwell(world: &World, workload: &EntityRef) -> bool {
    let unready =
        |p: &&o::Pod| !p.is_finished() && p.metadata.deletion_timestamp.0.is_none() && settled(world, &p.metadata);
    match workload.kind {
        Kind::Pod => world.pods.get(&workload.namespace, &workload.name).is_some_and(|p| unready(&p) && !p.is_ready()),
        _ => world.pods_of(workload).filter(unready).any(|p| !p.is_ready()),
    }
}

/// A text cut to what fits a report, on a character border.
pub(crate) fn clip(text: &str) -> String {
    match text.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_told_apart() {
        for (text, want) in [
            ("dial tcp 10.0.0.1:80: connect: connection refused", Some(Trouble::Refused)),
            ("dial tcp: lookup cart on 10.0.0.10:53: no such host", Some(Trouble::NoSuchHost)),
            ("java.net.UnknownHostException: cart", Some(Trouble::NoSuchHost)),
            ("dial tcp 10.0.0.1:80: i/o timeout", Some(Trouble::TimedOut)),
            ("request took 3 ms", None),
        ] {
            assert_eq!(trouble_of(text), want, "{text}");
        }
    }

    #[test]
    fn a_host_is_not_any_word() {
        let check = |line: &str, host: &str, want: bool| {
            assert_eq!(names_host(line, host, "shop", true, None), want, "{line}");
        };
        check("could not fetch cart: connection refused", "cart", false);
        check("dial tcp cart:80: connection refused", "cart", true);
        check("lookup cart on 10.0.0.10:53: no such host", "cart", true);
        check("GET http://cart/items failed", "cart", true);
        check("lookup cart.shop.svc on 10.0.0.10:53", "cart", true);
        check("dial tcp my-cart:80", "cart", false);
        check("connect to 10.96.4.7:80 failed: Connection refused", "10.96.4.7", true);
        check("connect to 10.96.4.71:80 failed", "10.96.4.7", false);
        assert!(!names_host("dial cart:81 refused", "cart", "shop", true, Some(80)));
    }

    #[test]
    fn clipping_never_cuts_a_character() {
        assert_eq!(clip(&"字".repeat(400)).chars().count(), LINE_MAX + 1);
    }
}
