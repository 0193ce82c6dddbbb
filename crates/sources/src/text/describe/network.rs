//! `kubectl describe` of services, endpoints, endpoint slices, ingresses.

use rootline_objects::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSlice, HttpRule, Ingress, IngressBackend, IngressClass,
    IngressPath, IngressRule, IngressServiceBackend, IngressTls, LoadBalancerIngress, NamedPort, Object, ObjectRef,
    PortRef, Service, ServicePort,
};

use super::super::found::{Detail, Found};
use super::super::tree::{Entry, Line, entries, given, label_line};
use super::common_meta;

/// The label by which a slice names its service.
pub(in crate::text) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The service; the endpoints it names become a slice of its name, for want of a better one.
pub(super) fn service(lines: &[Line<'_>], found: &mut Found) -> Object {
    let mut out = Service::default();
    let mut slice = EndpointSlice::default();
    let mut told_endpoints = false;
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        let port = out.spec.ports.last_mut();
        match (e.key, port) {
            ("Selector", _) => {
                let inline = label_line(e.value);
                out.spec.selector = if e.body.is_empty() { inline } else { e.labels() };
            }
            ("Type", _) => out.spec.kind = e.text(),
            // a service without an address says `None`, which is its value
            ("IP", _) => e.value.clone_into(&mut out.spec.cluster_ip),
            ("External Name", _) => out.spec.external_name = e.text(),
            ("External IPs", _) => out.spec.external_ips = e.value.split(',').map(|s| s.trim().to_owned()).collect(),
            ("LoadBalancer Ingress", _) => {
                out.status.load_balancer.ingress = given(e.value).split(", ").map(address).collect();
            }
            ("Port", _) => out.spec.ports.extend(named_port(e.value)),
            ("TargetPort", Some(port)) => {
                port.target_port = PortRef::parse(e.value.split('/').next().unwrap_or_default())
            }
            ("NodePort", Some(port)) => port.node_port = named_port(e.value).map_or(0, |p| p.port),
            ("AppProtocol", Some(port)) => port.app_protocol = e.text(),
            ("Endpoints", port) => {
                told_endpoints = true;
                let name = port.map(|p| p.name.clone()).unwrap_or_default();
                add_addresses(&mut slice, e.value, &name);
            }
            _ => {}
        }
    }
    if told_endpoints && (!out.spec.selector.is_empty() || !slice.endpoints.is_empty()) {
        slice.metadata.name.clone_from(&out.metadata.name);
        slice.metadata.namespace.clone_from(&out.metadata.namespace);
        slice.metadata.labels.set(SERVICE_NAME, &out.metadata.name);
        found.said.push((Detail::Hint, Object::EndpointSlice(Box::new(slice))));
    }
    Object::Service(Box::new(out))
}

fn address(text: &str) -> LoadBalancerIngress {
    let text = text.split(" (").next().unwrap_or(text).trim();
    if text.parse::<std::net::IpAddr>().is_ok() {
        LoadBalancerIngress { ip: text.to_owned(), hostname: String::new() }
    } else {
        LoadBalancerIngress { ip: String::new(), hostname: text.to_owned() }
    }
}

/// `http  80/TCP`, `<unset>  80/TCP`, `<unset>  30080/TCP`.
fn named_port(text: &str) -> Option<ServicePort> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    let (name, pair) = match words.next() {
        Some(pair) => (given(first), pair),
        None => ("", first),
    };
    let (number, protocol) = pair.split_once('/')?;
    Some(ServicePort {
        name: name.to_owned(),
        port: number.parse().ok()?,
        protocol: protocol.to_owned(),
        ..ServicePort::default()
    })
}

/// `10.0.0.1:80,10.0.0.2:80 + 3 more...`, `[fd00::1]:80`, or addresses without a port.
pub(in crate::text) fn add_addresses(slice: &mut EndpointSlice, text: &str, port_name: &str) {
    let listed = text.split(" + ").next().unwrap_or(text);
    for pair in given(listed.trim()).split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let with_port = pair.rsplit_once(':').filter(|(host, port)| {
            port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.starts_with('['))
        });
        let (host, port) = with_port.map_or((pair, None), |(h, p)| (h, p.parse::<i64>().ok()));
        let host = host.trim_matches(['[', ']']);
        if !slice.endpoints.iter().any(|e| e.addresses.iter().any(|a| a == host)) {
            slice.endpoints.push(endpoint(host, Some(true)));
        }
        if port.is_some() && !slice.ports.iter().any(|p| p.port == port && p.name == port_name) {
            slice.ports.push(EndpointPort { name: port_name.to_owned(), port, protocol: "TCP".to_owned() });
        }
    }
}

fn endpoint(address: &str, ready: Option<bool>) -> Endpoint {
    Endpoint {
        addresses: vec![address.to_owned()],
        conditions: EndpointConditions { ready, ..EndpointConditions::default() },
        ..Endpoint::default()
    }
}

/// Old-style endpoints as a slice of the same name.
pub(super) fn endpoints(lines: &[Line<'_>]) -> EndpointSlice {
    let mut out = EndpointSlice::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) || e.key != "Subsets" {
            continue;
        }
        for part in e.children() {
            let ready = match part.key {
                "Addresses" => true,
                "NotReadyAddresses" => false,
                "Ports" => {
                    out.ports.extend(part.body.iter().filter_map(port_row));
                    continue;
                }
                _ => continue,
            };
            let addresses = given(part.value).split(',').map(str::trim).filter(|a| !a.is_empty());
            out.endpoints.extend(addresses.map(|a| endpoint(a, Some(ready))));
        }
    }
    let name = out.metadata.name.clone();
    out.metadata.labels.set(SERVICE_NAME, &name);
    out
}

/// `grpc  9555  TCP`; the title line has no number.
fn port_row(line: &Line<'_>) -> Option<EndpointPort> {
    let mut words = line.text.split_ascii_whitespace();
    let (name, port, protocol) = (words.next()?, words.next()?, words.next()?);
    Some(EndpointPort { name: given(name).to_owned(), port: Some(port.parse().ok()?), protocol: protocol.to_owned() })
}

pub(super) fn slice(lines: &[Line<'_>]) -> EndpointSlice {
    let mut out = EndpointSlice::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "AddressType" => out.address_type = e.text(),
            "Ports" => out.ports.extend(e.body.iter().filter_map(port_row)),
            "Endpoints" => out.endpoints = e.children().filter_map(|item| slice_endpoint(&item)).collect(),
            _ => {}
        }
    }
    out
}

/// `- Addresses:  10.0.0.4`, with the rest two blanks deeper.
fn slice_endpoint(item: &Entry<'_, '_>) -> Option<Endpoint> {
    if item.key != "- Addresses" {
        return None;
    }
    let addresses = given(item.value).split(", ").filter(|a| !a.is_empty()).map(str::to_owned).collect();
    let mut out = Endpoint { addresses, ..Endpoint::default() };
    for e in item.children() {
        match e.key {
            "Conditions" => {
                let ready = e.children().find(|c| c.key == "Ready").map(|c| given(c.value).to_owned());
                out.conditions.ready = ready.filter(|r| !r.is_empty()).map(|r| r == "true");
            }
            "TargetRef" => {
                out.target_ref = e.value.split_once('/').map(|(kind, name)| ObjectRef {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    ..ObjectRef::default()
                });
            }
            "NodeName" => out.node_name = e.text(),
            _ => {}
        }
    }
    Some(out)
}

pub(super) fn ingress(lines: &[Line<'_>]) -> Ingress {
    let mut out = Ingress::default();
    for e in entries(lines) {
        if common_meta(&mut out.metadata, &e) {
            continue;
        }
        match e.key {
            "Address" => {
                let addresses = given(e.value).split(',').filter(|a| !a.is_empty());
                out.status.load_balancer.ingress = addresses.map(address).collect();
            }
            "Ingress Class" => out.spec.ingress_class_name = e.text(),
            "Default backend" => out.spec.default_backend = backend(given(e.value)),
            "TLS" => out.spec.tls = e.body.iter().filter_map(|l| tls(l.text)).collect(),
            "Rules" => out.spec.rules = rules(e.body),
            _ => {}
        }
    }
    out
}

/// `shop-tls terminates shop.example.com,www.example.com`, `SNI routes shop.example.com`.
fn tls(text: &str) -> Option<IngressTls> {
    let (secret, hosts) = match text.strip_prefix("SNI routes") {
        Some(hosts) => ("", hosts),
        None => text.split_once(" terminates").or_else(|| Some((text.strip_suffix(" terminates")?, "")))?,
    };
    let hosts = hosts.trim().split(',').filter(|h| !h.is_empty()).map(str::to_owned).collect();
    Some(IngressTls { hosts, secret_name: secret.to_owned() })
}

/// Hosts stand alone on a line, their paths deeper under them.
fn rules(body: &[Line<'_>]) -> Vec<IngressRule> {
    let mut out: Vec<IngressRule> = Vec::new();
    for host in entries(body) {
        if host.line.text.starts_with("--") || host.line.text.starts_with("Host ") {
            continue;
        }
        let paths = host.body.iter().filter_map(|l| path(l.text));
        let name = host.line.text.split_ascii_whitespace().next().unwrap_or_default();
        let name = if name == "*" { "" } else { name };
        // a rule without paths repeats the default backend in its own line
        if host.body.is_empty() {
            continue;
        }
        out.push(IngressRule { host: name.to_owned(), http: Some(HttpRule { paths: paths.collect() }) });
    }
    out
}

/// `/api   cart:80 (10.0.0.4:8080)`, `/   cart:http (<error: endpoints "cart" not found>)`.
fn path(text: &str) -> Option<IngressPath> {
    let at = text.find(" (").unwrap_or(text.len());
    let (path, target) = match text.get(..at)?.rsplit_once([' ', '\t']) {
        Some((path, target)) => (path.trim(), target),
        None => ("", text.get(..at)?),
    };
    let backend = backend(target)?;
    Some(IngressPath { path: path.to_owned(), backend })
}

/// `cart:80`, `cart:http`, `cart:80 (10.0.0.4:8080)`.
fn backend(text: &str) -> Option<IngressBackend> {
    let (name, port) = text.split(" (").next()?.trim().split_once(':')?;
    let port = match port.parse::<i64>() {
        Ok(number) => NamedPort { number, ..NamedPort::default() },
        Err(_) => NamedPort { name: port.to_owned(), ..NamedPort::default() },
    };
    // kubectl of old named this one where no backend was set
    let shown_default = name == "default-http-backend";
    let service = IngressServiceBackend { name: name.to_owned(), port };
    (!shown_default).then_some(IngressBackend { service: Some(service) })
}

pub(super) fn ingress_class(lines: &[Line<'_>]) -> IngressClass {
    let mut out = IngressClass::default();
    for e in entries(lines) {
        common_meta(&mut out.metadata, &e);
    }
    out
}
