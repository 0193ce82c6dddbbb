//! Calls between services, where they can be read: env values, arguments, config maps, somebody's call map.

use hashbrown::{HashMap, HashSet};
use rootline_model::{EntityRef, Kind};
use rootline_objects as o;

use crate::World;

/// More addresses than this in one text tell nothing more.
const MAX_ADDRESSES: usize = 64;

/// A host and port as written somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub host: String,
    pub port: Option<u16>,
    pub scheme: Option<String>,
}

/// A place where a workload names an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSite {
    pub caller: EntityRef,
    /// The object that holds the text: the workload itself or a config map.
    pub object: EntityRef,
    /// `env PAYMENTS_ADDR`, `args`, `key nginx.conf`, `call map`.
    pub place: String,
    pub address: Address,
    /// The service it means, where the host is one that exists (or plainly is a cluster name).
    pub service: Option<EntityRef>,
}

/// `host:port`, `scheme://user:pass@host:port/path`, in any text. A bare host without port is given only where a scheme
/// precedes it. Bounded: at most 64 addresses of one text.
pub fn addresses_in(text: &str) -> Vec<Address> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let mut found: Vec<Address> = Vec::new();
    let mut seen = HashSet::new();
    // words that can hold an address: split on white space, quotes, brackets, commas, semicolons, equals signs
    let splits =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '=' | '(' | ')' | '<' | '>' | '{' | '}');
    for word in text.split(splits).filter(|w| w.len() >= 3 && w.len() <= 512).take(4096) {
        let (scheme, rest) = match word.split_once("://") {
            Some((s, r)) => (Some(s.rsplit(':').next().unwrap_or(s).to_ascii_lowercase()), r),
            None => (None, word),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((h, p)) => (h, p.parse::<u16>().ok().filter(|p| *p != 0)),
            None => (authority, None),
        };
        let looks_like_host = !host.is_empty()
            && host.chars().all(is_host)
            && host.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        let all_digits = host.chars().all(|c| c.is_ascii_digit());
        if looks_like_host && !all_digits && (port.is_some() || scheme.is_some()) {
            let address = Address { host: host.to_ascii_lowercase(), port, scheme };
            if seen.insert(address.clone()) {
                found.push(address);
            }
        }
        if found.len() >= MAX_ADDRESSES {
            break;
        }
    }
    found
}

impl Address {
    /// Service name and namespace that a host means from inside a namespace: `cart`, `cart.shop`, `cart.shop.svc…`.
    /// IP addresses and outside names (`example.com`, `localhost`) mean none.
    pub fn service_names(&self, namespace: &str) -> Option<(String, String)> {
        if self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok() || self.host.contains('_') {
            return None;
        }
        let mut parts = self.host.split('.');
        let name = parts.next().filter(|n| !n.is_empty())?.to_owned();
        let rest: Vec<&str> = parts.collect();
        match rest.as_slice() {
            [] => Some((namespace.to_owned(), name)),
            [ns] | [ns, "svc", ..] => Some(((*ns).to_owned(), name)),
            _ => None,
        }
    }
}

/// All call sites of a world, in a fixed order.
pub(crate) fn read(world: &World, hints: &[o::CallHint]) -> Vec<CallSite> {
    let mut sites = Vec::new();
    for workload in world.workloads() {
        let ns = &workload.metadata.namespace;
        let spec = match pod_spec(world, &workload) {
            Some(spec) => spec,
            None => continue,
        };
        for container in spec.init_containers.iter().chain(&spec.containers) {
            for env in container.env.iter().filter(|e| !e.value.is_empty()) {
                let place = format!("env {}", env.name);
                push(world, &mut sites, &workload.entity, &workload.entity, (&place, &env.value));
            }
            for text in container.command.iter().chain(&container.args) {
                push(world, &mut sites, &workload.entity, &workload.entity, ("args", text));
                injected(world, &mut sites, &workload.entity, text);
            }
        }
        for (_, used) in crate::edges::used_by(ns, spec).into_iter().filter(|(_, e)| e.kind == Kind::ConfigMap) {
            let data = world.config_maps.get(ns, &used.name).and_then(|m| m.data.as_ref());
            for (key, text) in data.into_iter().flatten() {
                push(world, &mut sites, &workload.entity, &used, (&format!("key {key}"), text));
            }
        }
    }
    for hint in hints {
        hinted(world, &mut sites, hint);
    }
    sites
}

/// The template's spec, or a live pod's where the template was not read (a pasted `get deployments` has none).
fn pod_spec<'w>(world: &'w World, workload: &crate::WorkloadView<'w>) -> Option<&'w o::PodSpec> {
    if workload.template.spec.containers.is_empty() {
        world.pods_of(&workload.entity).map(|p| &p.spec).next()
    } else {
        Some(&workload.template.spec)
    }
}

fn push(world: &World, sites: &mut Vec<CallSite>, caller: &EntityRef, object: &EntityRef, (place, text): (&str, &str)) {
    let ns = &*caller.namespace;
    for address in addresses_in(text) {
        let named = address.service_names(ns);
        let service = named
            .filter(|(ns, name)| world.services.get(ns, name).is_some() || address.host.contains(".svc"))
            .map(|(ns, name)| EntityRef::new(Kind::Service, &ns, &name));
        sites.push(CallSite {
            caller: caller.clone(),
            object: object.clone(),
            place: place.to_owned(),
            address,
            service,
        });
    }
}

/// `$ORDERS_SERVICE_HOST`: the kubelet gives every container such variables for the services of its namespace.
fn injected(world: &World, sites: &mut Vec<CallSite>, caller: &EntityRef, text: &str) {
    for (at, suffix) in text.match_indices("_SERVICE_HOST") {
        let before = text.get(..at).unwrap_or_default();
        let start =
            before.rfind(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_').map_or(0, |i| i + 1);
        let name = before.get(start..).unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        if world.services.get(&caller.namespace, &name).is_some() {
            sites.push(CallSite {
                caller: caller.clone(),
                object: caller.clone(),
                place: format!("env {}{suffix}", name.to_ascii_uppercase().replace('-', "_")),
                address: Address { host: name.clone(), port: None, scheme: None },
                service: Some(EntityRef::new(Kind::Service, &caller.namespace, &name)),
            });
        }
    }
}

/// Services that pods in trouble speak of in their logs, by name or by cluster address. Logs prove no configuration, so
/// these are edges and no call sites.
pub(crate) fn in_logs(world: &World) -> Vec<(EntityRef, EntityRef)> {
    /// Lines of one log that are looked at, from its end.
    const LINES: usize = 50;
    let by_ip: HashMap<&str, &o::Service> = world
        .services
        .iter()
        .filter(|s| !s.spec.cluster_ip.is_empty())
        .map(|s| (s.spec.cluster_ip.as_str(), s))
        .collect();
    let mut edges = Vec::new();
    for pod in world.pods.iter().filter(|p| !p.is_ready() && !p.is_finished()) {
        let caller = world.workload_of(pod);
        for line in world.logs_of(pod.namespace(), pod.name()).iter().flat_map(|t| t.lines.iter().rev().take(LINES)) {
            for address in addresses_in(line) {
                let named = || {
                    let (ns, name) = address.service_names(pod.namespace())?;
                    world.services.get(&ns, &name)
                };
                let Some(service) = by_ip.get(address.host.as_str()).copied().or_else(named) else { continue };
                let edge = (caller.clone(), EntityRef::new(Kind::Service, service.namespace(), service.name()));
                if !edges.contains(&edge) {
                    edges.push(edge);
                }
            }
        }
    }
    edges
}

fn hinted(world: &World, sites: &mut Vec<CallSite>, hint: &o::CallHint) {
    let caller = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]
        .into_iter()
        .map(|k| EntityRef::new(k, &hint.namespace, &hint.caller))
        .find(|e| world.exists(e));
    let Some(caller) = caller else { return };
    if world.services.get(&hint.namespace, &hint.callee).is_some() {
        sites.push(CallSite {
            object: caller.clone(),
            caller,
            place: "call map".to_owned(),
            address: Address { host: hint.callee.clone(), port: None, scheme: None },
            service: Some(EntityRef::new(Kind::Service, &hint.namespace, &hint.callee)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_where_people_write_them() {
        let check = |text: &str, want: &[(&str, Option<u16>)]| {
            let got: Vec<_> = addresses_in(text).into_iter().map(|a| (a.host, a.port)).collect();
            let want: Vec<_> = want.iter().map(|(h, p)| ((*h).to_owned(), *p)).collect();
            assert_eq!(got, want, "{text}");
        };
        check("cart:7070", &[("cart", Some(7070))]);
        check("postgres://u:p@db.shop.svc:5432/x?y=1", &[("db.shop.svc", Some(5432))]);
        check("http://api/v1", &[("api", None)]);
        check("-Dhost=cache:6379 --verbose", &[("cache", Some(6379))]);
        check("proxy_pass http://catalog:8080/;", &[("catalog", Some(8080))]);
        check("12:30:45 image:latest 8080:80", &[]);
        check("jdbc:mysql://db:3306/app", &[("db", Some(3306))]);
    }
}
