//! Changes of services and of the ways to them.

use std::collections::BTreeMap;

use rootline_model::ChangeKind;
use rootline_objects::{Ingress, IngressBackend, Route, Service};

use super::Found;

pub(super) fn service(found: &mut Found, old: &Service, new: &Service) {
    found.value(ChangeKind::Selector, "", &old.spec.selector.to_line(), &new.spec.selector.to_line());
    found.value(ChangeKind::ServiceType, "", &old.spec.kind, &new.spec.kind);
    found.value(ChangeKind::Route, "externalName", &old.spec.external_name, &new.spec.external_name);
    // of a service with one port the name says nothing
    let ports = |s: &Service| -> BTreeMap<String, String> {
        let each = s.spec.ports.iter().map(|p| {
            let name = if p.name.is_empty() { p.port.to_string() } else { p.name.clone() };
            (name, format!("{}→{}/{}", p.port, p.target(), p.protocol))
        });
        each.collect()
    };
    maps(found, ChangeKind::Port, &ports(old), &ports(new));
}

pub(super) fn ingress(found: &mut Found, old: &Ingress, new: &Ingress) {
    let class = |i: &Ingress| i.spec.ingress_class_name.clone();
    found.value(ChangeKind::Route, "ingressClassName", &class(old), &class(new));
    let routes = |i: &Ingress| -> BTreeMap<String, String> {
        let rules = i.spec.rules.iter().flat_map(|r| {
            let paths = r.http.iter().flat_map(|h| &h.paths);
            paths.map(|p| (format!("{}{}", r.host, p.path), backend(&p.backend)))
        });
        let default = i.spec.default_backend.iter().map(|b| ("default backend".to_owned(), backend(b)));
        let tls = i.spec.tls.iter().map(|t| (format!("TLS {}", t.hosts.join(" ")), t.secret_name.clone()));
        rules.chain(default).chain(tls).collect()
    };
    maps(found, ChangeKind::Route, &routes(old), &routes(new));
}

pub(super) fn route(found: &mut Found, old: &Route, new: &Route) {
    found.value(ChangeKind::Route, "hostnames", &old.spec.hostnames.join(" "), &new.spec.hostnames.join(" "));
    let parents = |r: &Route| r.spec.parent_refs.iter().map(|p| p.name.clone()).collect::<Vec<_>>().join(" ");
    found.value(ChangeKind::Route, "parents", &parents(old), &parents(new));
    let rules = |r: &Route| -> BTreeMap<String, String> {
        let each = r.spec.rules.iter().enumerate().map(|(number, rule)| {
            let paths: Vec<&str> =
                rule.matches.iter().filter_map(|m| m.path.as_ref()).map(|p| p.value.as_str()).collect();
            let name = if paths.is_empty() { format!("rule {}", number + 1) } else { paths.join(" ") };
            let backends = rule.backend_refs.iter().map(|b| {
                let port = b.port.map(|p| format!(":{p}")).unwrap_or_default();
                let weight = b.weight.filter(|w| *w != 1).map(|w| format!(" ×{w}")).unwrap_or_default();
                format!("{}{port}{weight}", b.name)
            });
            (name, backends.collect::<Vec<_>>().join(", "))
        });
        each.collect()
    };
    maps(found, ChangeKind::Route, &rules(old), &rules(new));
}

fn backend(backend: &IngressBackend) -> String {
    let Some(service) = &backend.service else { return String::new() };
    let port = if service.port.name.is_empty() { service.port.number.to_string() } else { service.port.name.clone() };
    format!("{}:{port}", service.name)
}

fn maps(found: &mut Found, what: ChangeKind, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
    let none = String::new();
    for (name, to) in new {
        found.value(what, name, old.get(name).unwrap_or(&none), to);
    }
    for (name, from) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        found.value(what, name, from, &none);
    }
}
