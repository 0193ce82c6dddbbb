//! Whom a log line speaks of: host and port → service, workload, or something outside the cluster.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use rootline_model::{EntityRef, Kind};
use rootline_objects as o;
use rootline_world::{Address, World};

/// The other end of a failed connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub host: String,
    pub port: Option<u16>,
    pub who: Who,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Service(EntityRef),
    Pod(EntityRef),
    /// A name or address that is no part of the cluster.
    Outside(EntityRef),
    /// The container itself: another process of the same pod.
    Loopback,
    /// The cluster's own DNS or API.
    Cluster,
    /// A name that means something inside the cluster and stands for nothing.
    Unknown,
}

impl Target {
    /// `cart:7070`, or the host alone.
    pub fn written(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    pub fn entity(&self) -> Option<&EntityRef> {
        match &self.who {
            Who::Service(e) | Who::Pod(e) | Who::Outside(e) => Some(e),
            _ => None,
        }
    }
}

/// The host that could not be reached or resolved, as a line names it.
pub(crate) fn target_of(world: &World, namespace: &str, line: &str) -> Option<Target> {
    let (host, port) = host_in(line)?;
    let who = who(world, namespace, &host, port);
    Some(Target { host, port, who })
}

/// Targets that one log has named already: a log repeats itself, and a look through all services and pods is not cheap.
#[derive(Default)]
pub(crate) struct Targets(HashMap<(String, Option<u16>), Who>);

impl Targets {
    pub fn of(&mut self, world: &World, namespace: &str, line: &str) -> Option<Target> {
        let (host, port) = host_in(line)?;
        let who = self.0.entry((host.clone(), port)).or_insert_with(|| who(world, namespace, &host, port)).clone();
        Some(Target { host, port, who })
    }
}

/// Host and port by the forms that resolvers and sockets write; the place nearest to the trouble wins.
fn host_in(line: &str) -> Option<(String, Option<u16>)> {
    static LOOKUP: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"(?i)(?:lookup|enotfound|eai_again|unknown ?host(?:exception)?:?|translate host name|"#,
            r#"host not found in upstream|bad address|name resolution failed for|resolve(?: host(?:name)?)?:?) *\\?["']?([a-z0-9][a-z0-9_.-]*[a-z0-9])(?::(\d{2,5}))?"#,
        ))
        .expect("the pattern is fixed and tested")
    });
    static SOCKET: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"(?i)(?:dial (?:tcp|udp)[46]?|econnrefused|ehostunreach|etimedout|remote_?addr(?:ess)?[=:]?|connect(?:ion)? to|connect|connecting to|"#,
            r#"can't connect to|could not connect to|server at|server on|(?:mysql|redis) server on|upstream:?|host[=:]?|address:?|rpc to) *\\?["'(\[]?"#,
            r#"(?:[a-z][a-z0-9+.-]*://)?(?:[^\s@/"']*@)?([a-z0-9][a-z0-9_.-]*)(?:/\d[\d.]*)?\\?["']?\)?(?:[:,]| port:? ?| \(port )\\?["']?(\d{2,5})\b"#,
        ))
        .expect("the pattern is fixed and tested")
    });
    static ANY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?i)(?:://|@|[\s"'(\[=]|^)([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*|\d{1,3}(?:\.\d{1,3}){3}):(\d{2,5})\b"#,
        )
        .expect("the pattern is fixed and tested")
    });
    static PARTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)host ?= ?['"]?([a-z0-9][a-z0-9_.-]*)['"]?,? *port ?= ?['"]?(\d{2,5})|server(?: on| at)? ['"]([a-z0-9][a-z0-9_.-]*)['"](?:.{0,40}?port (\d{2,5}))?"#)
            .expect("the pattern is fixed and tested")
    });
    static URL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)\bhttps?://(?:[^\s@/"']*@)?([a-z0-9][a-z0-9.-]*)(?:[/"'\s?]|$)"#)
            .expect("the pattern is fixed and tested")
    });
    let by = |pattern: &Regex| {
        pattern.captures_iter(line).find_map(|c| {
            let host = c.get(1).or_else(|| c.get(3))?.as_str().trim_end_matches('.').to_ascii_lowercase();
            let port = c.get(2).or_else(|| c.get(4)).and_then(|m| m.as_str().parse::<u16>().ok());
            let is_time = host.chars().all(|c| c.is_ascii_digit());
            (!is_time && !host.is_empty()).then_some((host, port))
        })
    };
    by(&LOOKUP).or_else(|| by(&PARTS)).or_else(|| by(&SOCKET)).or_else(|| by(&ANY)).or_else(|| by(&URL))
}

fn who(world: &World, namespace: &str, host: &str, port: Option<u16>) -> Who {
    if matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1") {
        return Who::Loopback;
    }
    if port == Some(53) || host.starts_with("kubernetes.default") || host == "kubernetes" {
        return Who::Cluster;
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        if let Some(service) = world.services.iter().find(|s| s.spec.cluster_ip == host) {
            let me = EntityRef::new(Kind::Service, service.namespace(), service.name());
            return if service.name() == "kubernetes" { Who::Cluster } else { Who::Service(me) };
        }
        return match world.pods.iter().find(|p| p.status.pod_ip == host && !p.is_finished()) {
            Some(pod) => Who::Pod(EntityRef::pod(pod.namespace(), pod.name())),
            None if is_private(host) => Who::Unknown,
            None => Who::Outside(EntityRef::wide(Kind::External, host)),
        };
    }
    let address = Address { host: host.to_owned(), port, scheme: None };
    let Some((ns, name)) = address.service_names(namespace) else {
        return Who::Outside(EntityRef::wide(Kind::External, host));
    };
    match world.services.get(&ns, &name) {
        Some(s) if s.is_external_name() => Who::Outside(EntityRef::wide(Kind::External, &s.spec.external_name)),
        Some(_) => Who::Service(EntityRef::new(Kind::Service, &ns, &name)),
        // `db-0.db`: a pod of a stateful set
        None => match world.pods.get(namespace, &name).or_else(|| world.pods.get(&ns, &name)) {
            Some(pod) => Who::Pod(EntityRef::pod(pod.namespace(), pod.name())),
            // `mq.tea` where `mq` is a service of the caller's namespace means a service, in a namespace that is not there
            None if host.contains('.')
                && world.namespaces.get("", &ns).is_none()
                && world.services.get(namespace, &name).is_none()
                && !host.contains(".svc") =>
            {
                Who::Outside(EntityRef::wide(Kind::External, host))
            }
            None => Who::Unknown,
        },
    }
}

/// Addresses of clusters and their machines: which one it was, only the cluster could tell.
fn is_private(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || (ip.segments()[0] & 0xfe00) == 0xfc00,
        Err(_) => false,
    }
}

/// The workload behind a service, pod or workload.
pub(crate) fn workload_behind(world: &World, entity: &EntityRef) -> Option<EntityRef> {
    match entity.kind {
        Kind::Service => {
            let service = world.services.get(&entity.namespace, &entity.name)?;
            world.selected_by(service).next().map(|p| world.workload_of(p)).or_else(|| {
                let templates = crate::traffic::templates(world, service);
                templates.into_iter().next().map(|w| w.entity)
            })
        }
        Kind::Pod | Kind::Container => Some(world.top_of(entity)),
        _ => None,
    }
}

/// Names by which people call database servers; used only to find one among a caller's own addresses.
const DATABASES: [(&str, u16); 9] = [
    ("postgres", 5432),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("redis", 6379),
    ("valkey", 6379),
    ("mongo", 27017),
    ("rabbit", 5672),
    ("cockroach", 26257),
    ("sqlserver", 1433),
];

/// Whether a workload's image or ports are those of a database server.
pub(crate) fn is_database(world: &World, workload: &EntityRef) -> bool {
    let of = |spec: &o::PodSpec| {
        spec.containers.iter().any(|c| {
            let image = c.image.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            DATABASES.iter().any(|(name, port)| {
                image.starts_with(name) || c.ports.iter().any(|p| p.container_port == i64::from(*port))
            })
        })
    };
    world
        .pods_of(workload)
        .next()
        .map(|p| of(&p.spec))
        .or_else(|| world.workload(workload).map(|w| of(&w.template.spec)))
        == Some(true)
}

/// The database that a caller means when its log names none: the only one among its addresses, by port, name or what
/// stands behind it.
pub(crate) fn database_of(world: &World, caller: &EntityRef, line: &str) -> Option<EntityRef> {
    let lower = line.to_ascii_lowercase();
    let mut found: Vec<EntityRef> = world
        .calls
        .iter()
        .filter(|s| s.caller == *caller)
        .filter_map(|s| {
            let service = s.service.as_ref()?;
            let known = s.address.port.is_some_and(|p| DATABASES.iter().any(|(_, d)| *d == p))
                || s.address.scheme.as_deref().is_some_and(|x| DATABASES.iter().any(|(name, _)| x.starts_with(name)))
                || workload_behind(world, service).is_some_and(|w| is_database(world, &w));
            known.then(|| service.clone())
        })
        .collect();
    found.sort();
    found.dedup();
    if found.len() > 1 {
        let told: Vec<EntityRef> = found
            .iter()
            .filter(|s| DATABASES.iter().any(|(word, _)| lower.contains(word) && s.name.contains(word)))
            .cloned()
            .collect();
        if !told.is_empty() {
            found = told;
        }
    }
    (found.len() == 1).then(|| found.remove(0))
}

#[cfg(test)]
mod tests {
    use super::host_in;

    #[test]
    fn hosts_are_read_from_the_forms_people_meet() {
        for (line, want) in [
            ("dial tcp 10.96.3.4:7070: connect: connection refused", Some(("10.96.3.4", Some(7070)))),
            ("dial tcp: lookup cart on 10.96.0.10:53: no such host", Some(("cart", None))),
            ("Error: connect ECONNREFUSED 10.1.2.3:5432", Some(("10.1.2.3", Some(5432)))),
            ("getaddrinfo ENOTFOUND db.shop", Some(("db.shop", None))),
            ("java.net.UnknownHostException: ledger", Some(("ledger", None))),
            ("could not translate host name \"db\" to address: Name or service not known", Some(("db", None))),
            (
                "connection to server at \"db\" (10.9.8.7), port 5432 failed: Connection refused",
                Some(("db", Some(5432))),
            ),
            ("Can't connect to MySQL server on 'db:3306' (111)", Some(("db", Some(3306)))),
            ("Could not connect to Redis at cache:6379: Connection refused", Some(("cache", Some(6379)))),
            (
                "HTTPConnectionPool(host='cart', port=7070): Max retries exceeded: Failed to establish a new connection",
                Some(("cart", Some(7070))),
            ),
            ("Failed to connect to http://cart:7070/items: connection refused", Some(("cart", Some(7070)))),
            (
                "connect() failed (111: Connection refused) while connecting to upstream, upstream: \"http://10.0.0.7:80/\"",
                Some(("10.0.0.7", Some(80))),
            ),
            ("curl: (6) Could not resolve host: api.example.com", Some(("api.example.com", None))),
            ("POST https://pay.example.com/charge: 401 Unauthorized", Some(("pay.example.com", None))),
            ("12:30:45 connection refused", None),
        ] {
            let want = want.map(|(h, p)| (h.to_owned(), p));
            assert_eq!(host_in(line), want, "{line}");
        }
    }
}
