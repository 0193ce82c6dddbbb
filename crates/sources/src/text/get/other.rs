//! Rows of nodes, networking, storage, configuration and policy.

use rootline_model::Kind;
use rootline_objects::*;

use super::super::describe;
use super::super::found::What;
use super::super::table::Row;
use super::super::tree::{label_line, selector};

pub(super) fn object(kind: Kind, row: &Row<'_, '_>) -> Option<Object> {
    Some(match kind {
        Kind::Node => Object::Node(Box::new(node(row))),
        Kind::Namespace => {
            let mut out = Namespace::default();
            row.get("STATUS").clone_into(&mut out.status.phase);
            Object::Namespace(Box::new(out))
        }
        Kind::Service => Object::Service(Box::new(service(row))),
        Kind::EndpointSlice => Object::EndpointSlice(Box::new(slice(row))),
        Kind::Ingress => Object::Ingress(Box::new(ingress(row))),
        Kind::IngressClass => Object::IngressClass(Box::default()),
        Kind::Route => {
            let mut out = Route::default();
            let hosts =
                row.get("HOSTNAMES").trim_matches(['[', ']']).split(',').map(|h| h.trim_matches('"').to_owned());
            out.spec.hostnames = hosts.filter(|h| !h.is_empty()).collect();
            Object::Route(Box::new(out))
        }
        Kind::NetworkPolicy => {
            let mut out = NetworkPolicy::default();
            out.spec.pod_selector = selector(row.get("POD-SELECTOR"));
            Object::NetworkPolicy(Box::new(out))
        }
        Kind::Pvc => Object::Pvc(Box::new(claim(row))),
        Kind::Pv => Object::Pv(Box::new(volume(row))),
        Kind::StorageClass => Object::StorageClass(Box::new(class(row))),
        Kind::VolumeAttachment => {
            let mut out = VolumeAttachment::default();
            row.get("ATTACHER").clone_into(&mut out.spec.attacher);
            row.get("NODE").clone_into(&mut out.spec.node_name);
            row.get("PV").clone_into(&mut out.spec.source.persistent_volume_name);
            out.status.attached = row.get("ATTACHED") == "true";
            Object::VolumeAttachment(Box::new(out))
        }
        Kind::CsiNode => Object::CsiNode(Box::default()),
        Kind::ConfigMap => Object::ConfigMap(Box::default()),
        Kind::Secret => Object::Secret(Box::new(Secret { kind: row.get("TYPE").to_owned(), ..Secret::default() })),
        Kind::ServiceAccount => Object::ServiceAccount(Box::default()),
        Kind::Quota => Object::Quota(Box::new(quota(row))),
        Kind::LimitRange => Object::LimitRange(Box::default()),
        Kind::Hpa => {
            let mut out = Hpa::default();
            out.spec.scale_target_ref = describe::scale_target(row.get("REFERENCE"));
            out.spec.min_replicas = row.number("MINPODS");
            out.spec.max_replicas = row.number("MAXPODS").unwrap_or_default();
            out.status.current_replicas = row.number("REPLICAS").unwrap_or_default();
            Object::Hpa(Box::new(out))
        }
        Kind::Pdb => {
            let mut out = Pdb::default();
            let amount = |name: &str| Some(row.get(name)).filter(|v| !v.is_empty() && *v != "N/A").map(PortRef::parse);
            out.spec.min_available = amount("MIN AVAILABLE").unwrap_or_default();
            out.spec.max_unavailable = amount("MAX UNAVAILABLE").unwrap_or_default();
            out.status.disruptions_allowed = row.number("ALLOWED DISRUPTIONS").unwrap_or_default();
            Object::Pdb(Box::new(out))
        }
        Kind::PriorityClass => {
            let value = row.number("VALUE").unwrap_or_default();
            let global_default = (row.get("GLOBAL-DEFAULT") == "true").then_some(true);
            Object::PriorityClass(Box::new(PriorityClass { value, global_default, ..PriorityClass::default() }))
        }
        Kind::ApiService => Object::ApiService(Box::new(api_service(row))),
        Kind::Lease => {
            let mut out = Lease::default();
            row.get("HOLDER").clone_into(&mut out.spec.holder_identity);
            Object::Lease(Box::new(out))
        }
        _ => return None,
    })
}

/// What follows from the name, which the row's object has only now.
pub(super) fn finish(object: &mut Object, what: What) {
    let Object::EndpointSlice(slice) = object else { return };
    if slice.metadata.labels.contains(describe::SERVICE_NAME) {
        return;
    }
    let name = slice.metadata.name.clone();
    let service = match what {
        What::Endpoints => Some(name.as_str()),
        // the controller appends five random characters
        _ => name.rsplit_once('-').filter(|(_, tail)| tail.len() == 5).map(|(service, _)| service),
    };
    if let Some(service) = service {
        slice.metadata.labels.set(describe::SERVICE_NAME, service);
    }
}

/// `Ready`, `NotReady`, `Ready,SchedulingDisabled`, `Unknown`.
fn node(row: &Row<'_, '_>) -> Node {
    let mut out = Node::default();
    for word in row.get("STATUS").split(',') {
        let status = match word {
            "Ready" => "True",
            "NotReady" => "False",
            "Unknown" => "Unknown",
            "SchedulingDisabled" => {
                out.spec.unschedulable = Some(true);
                continue;
            }
            _ => continue,
        };
        let ready = Condition { kind: "Ready".to_owned(), status: status.to_owned(), ..Condition::default() };
        out.status.conditions.push(ready);
    }
    for role in row.get("ROLES").split(',').filter(|r| !r.is_empty()) {
        out.metadata.labels.set(&format!("node-role.kubernetes.io/{role}"), "");
    }
    let info = &mut out.status.node_info;
    row.get("VERSION").clone_into(&mut info.kubelet_version);
    row.get("OS-IMAGE").clone_into(&mut info.os_image);
    row.get("KERNEL-VERSION").split(" (").next().unwrap_or_default().clone_into(&mut info.kernel_version);
    row.get("CONTAINER-RUNTIME").clone_into(&mut info.container_runtime_version);
    out
}

/// `80:30080/TCP,443/TCP`.
fn service(row: &Row<'_, '_>) -> Service {
    let mut out = Service::default();
    row.get("TYPE").clone_into(&mut out.spec.kind);
    row.raw("CLUSTER-IP").clone_into(&mut out.spec.cluster_ip);
    if out.spec.cluster_ip == "<none>" {
        out.spec.cluster_ip.clear();
    }
    out.spec.selector = label_line(row.get("SELECTOR"));
    for port in row.get("PORT(S)").split(',') {
        let Some((numbers, protocol)) = port.split_once('/') else { continue };
        let (port, node_port) = numbers.split_once(':').unwrap_or((numbers, ""));
        let Ok(port) = port.trim().parse() else { continue };
        out.spec.ports.push(ServicePort {
            port,
            node_port: node_port.parse().unwrap_or_default(),
            protocol: protocol.to_owned(),
            ..ServicePort::default()
        });
    }
    let external = row.get("EXTERNAL-IP");
    match out.spec.kind.as_str() {
        "ExternalName" => external.clone_into(&mut out.spec.external_name),
        "LoadBalancer" if external != "<pending>" && !external.is_empty() => {
            let ingress = external.split(',').map(|a| {
                if a.parse::<std::net::IpAddr>().is_ok() {
                    LoadBalancerIngress { ip: a.to_owned(), ..LoadBalancerIngress::default() }
                } else {
                    LoadBalancerIngress { hostname: a.to_owned(), ..LoadBalancerIngress::default() }
                }
            });
            out.status.load_balancer.ingress = ingress.collect();
        }
        _ => {}
    }
    out
}

/// The old form shows ready addresses only.
pub(super) fn endpoints(row: &Row<'_, '_>) -> EndpointSlice {
    let mut out = EndpointSlice::default();
    describe::add_addresses(&mut out, row.get("ENDPOINTS"), "");
    out
}

/// The new form shows all addresses, ready or not.
fn slice(row: &Row<'_, '_>) -> EndpointSlice {
    let mut out = EndpointSlice { address_type: row.get("ADDRESSTYPE").to_owned(), ..EndpointSlice::default() };
    let listed = row.get("ENDPOINTS").split(" + ").next().unwrap_or_default();
    for address in listed.split(',').filter(|a| !a.is_empty()) {
        out.endpoints.push(Endpoint { addresses: vec![address.to_owned()], ..Endpoint::default() });
    }
    let listed = row.get("PORTS").split(" + ").next().unwrap_or_default();
    for port in listed.split(',').filter_map(|p| p.parse().ok()) {
        out.ports.push(EndpointPort { port: Some(port), ..EndpointPort::default() });
    }
    out
}

fn ingress(row: &Row<'_, '_>) -> Ingress {
    let mut out = Ingress::default();
    row.get("CLASS").clone_into(&mut out.spec.ingress_class_name);
    let hosts = row.get("HOSTS").split(" + ").next().unwrap_or_default();
    for host in hosts.split(',').filter(|h| !h.is_empty()) {
        let host = if host == "*" { "" } else { host };
        out.spec.rules.push(IngressRule { host: host.to_owned(), http: None });
    }
    let address = row.get("ADDRESS");
    if !address.is_empty() {
        let ingress = LoadBalancerIngress { ip: address.to_owned(), ..LoadBalancerIngress::default() };
        out.status.load_balancer.ingress.push(ingress);
    }
    out
}

fn claim(row: &Row<'_, '_>) -> Pvc {
    let mut out = Pvc::default();
    row.get("STATUS").clone_into(&mut out.status.phase);
    row.get("VOLUME").clone_into(&mut out.spec.volume_name);
    out.status.capacity.extend(Quantity::parse(row.get("CAPACITY")).map(|q| ("storage".to_owned(), q)));
    out.status.access_modes = describe::access_modes(row.get("ACCESS MODES"));
    out.spec.access_modes.clone_from(&out.status.access_modes);
    out.spec.storage_class_name = Some(row.get("STORAGECLASS").to_owned()).filter(|c| !c.is_empty());
    row.get("VOLUMEMODE").clone_into(&mut out.spec.volume_mode);
    out
}

fn volume(row: &Row<'_, '_>) -> Pv {
    let mut out = Pv::default();
    row.get("STATUS").clone_into(&mut out.status.phase);
    row.get("REASON").clone_into(&mut out.status.reason);
    out.spec.capacity.extend(Quantity::parse(row.get("CAPACITY")).map(|q| ("storage".to_owned(), q)));
    out.spec.access_modes = describe::access_modes(row.get("ACCESS MODES"));
    out.spec.claim_ref = describe::claim_ref(row.get("CLAIM"));
    row.get("STORAGECLASS").clone_into(&mut out.spec.storage_class_name);
    row.get("RECLAIM POLICY").clone_into(&mut out.spec.persistent_volume_reclaim_policy);
    row.get("VOLUMEMODE").clone_into(&mut out.spec.volume_mode);
    out
}

fn class(row: &Row<'_, '_>) -> StorageClass {
    let mut out = StorageClass::default();
    if row.get("NAME").ends_with("(default)") {
        super::super::mark_default(&mut out.metadata);
    }
    row.get("PROVISIONER").clone_into(&mut out.provisioner);
    row.get("RECLAIMPOLICY").clone_into(&mut out.reclaim_policy);
    row.get("VOLUMEBINDINGMODE").clone_into(&mut out.volume_binding_mode);
    let expands = row.get("ALLOWVOLUMEEXPANSION");
    out.allow_volume_expansion = (!expands.is_empty()).then_some(expands == "true");
    out
}

/// `requests.cpu: 750m/1, pods: 3/10` in REQUEST, the same for limits in LIMIT.
fn quota(row: &Row<'_, '_>) -> Quota {
    let mut out = Quota::default();
    let pieces = row.get("REQUEST").split(", ").chain(row.get("LIMIT").split(", "));
    for (resource, amounts) in pieces.filter_map(|p| p.rsplit_once(": ")) {
        let Some((used, hard)) = amounts.split_once('/') else { continue };
        if let (Some(used), Some(hard)) = (Quantity::parse(used), Quantity::parse(hard)) {
            out.status.used.insert(resource.trim().to_owned(), used);
            out.spec.hard.insert(resource.trim().to_owned(), hard.clone());
            out.status.hard.insert(resource.trim().to_owned(), hard);
        }
    }
    out
}

/// `v1beta1.metrics.k8s.io   kube-system/metrics-server   False (MissingEndpoints)   3d`.
fn api_service(row: &Row<'_, '_>) -> ApiService {
    let mut out = ApiService::default();
    if let Some((version, group)) = row.get("NAME").split_once('.') {
        version.clone_into(&mut out.spec.version);
        group.clone_into(&mut out.spec.group);
    }
    if let Some((namespace, name)) = row.get("SERVICE").split_once('/') {
        let service = ServiceRef { namespace: namespace.to_owned(), name: name.to_owned(), port: None };
        out.spec.service = Some(service);
    }
    let (status, reason) = row.get("AVAILABLE").split_once(' ').unwrap_or((row.get("AVAILABLE"), ""));
    if !status.is_empty() {
        out.status.conditions.push(Condition {
            kind: "Available".to_owned(),
            status: status.to_owned(),
            reason: reason.trim_matches(['(', ')']).to_owned(),
            ..Condition::default()
        });
    }
    out
}
