//! Services, endpoints, ingresses, gateway routes, network policies.

use crate::config::LocalRef;
use crate::meta::{Condition, LabelSelector, Labels, Meta, ObjectRef};
use crate::unit::PortRef;

lite! {
    Service { metadata: Meta, spec: ServiceSpec, status: ServiceStatus }
    ServiceSpec {
        #[serde(rename = "type")]
        kind: String,
        #[serde(rename = "clusterIP")]
        cluster_ip: String,
        selector: Labels,
        ports: Vec<ServicePort>,
        external_name: String,
        publish_not_ready_addresses: Option<bool>,
        load_balancer_class: String,
        #[serde(rename = "externalIPs")]
        external_ips: Vec<String>,
    }
    ServicePort {
        name: String,
        port: i64,
        target_port: PortRef,
        node_port: i64,
        protocol: String,
        app_protocol: String,
    }
    ServiceStatus { load_balancer: LoadBalancerStatus, conditions: Vec<Condition> }
    LoadBalancerStatus { ingress: Vec<LoadBalancerIngress> }
    LoadBalancerIngress { ip: String, hostname: String }
    EndpointSlice { metadata: Meta, address_type: String, endpoints: Vec<Endpoint>, ports: Vec<EndpointPort> }
    Endpoint { addresses: Vec<String>, conditions: EndpointConditions, target_ref: Option<ObjectRef>, node_name: String }
    EndpointConditions { ready: Option<bool>, serving: Option<bool>, terminating: Option<bool> }
    EndpointPort { name: String, port: Option<i64>, protocol: String }
    Ingress { metadata: Meta, spec: IngressSpec, status: ServiceStatus }
    IngressSpec {
        ingress_class_name: String,
        default_backend: Option<IngressBackend>,
        rules: Vec<IngressRule>,
        tls: Vec<IngressTls>,
    }
    IngressRule { host: String, http: Option<HttpRule> }
    HttpRule { paths: Vec<IngressPath> }
    IngressPath { path: String, backend: IngressBackend }
    IngressBackend { service: Option<IngressServiceBackend> }
    IngressServiceBackend { name: String, port: NamedPort }
    NamedPort { name: String, number: i64 }
    IngressTls { hosts: Vec<String>, secret_name: String }
    IngressClass { metadata: Meta }
    Gateway { metadata: Meta, spec: GatewaySpec, status: GatewayStatus }
    GatewaySpec { gateway_class_name: String, listeners: Vec<GatewayListener> }
    GatewayListener { name: String, port: i64, protocol: String, hostname: String }
    GatewayStatus { conditions: Vec<Condition> }
    /// HTTPRoute, GRPCRoute and the other routes of the Gateway API, and by the same shape enough of their cousins.
    Route { metadata: Meta, spec: RouteSpec, status: RouteStatus }
    RouteSpec { parent_refs: Vec<ParentRef>, hostnames: Vec<String>, rules: Vec<RouteRule> }
    ParentRef { kind: String, name: String, namespace: String, section_name: String }
    RouteRule { matches: Vec<RouteMatch>, backend_refs: Vec<BackendRef> }
    RouteMatch { path: Option<RoutePath> }
    RoutePath { value: String }
    BackendRef { kind: String, name: String, namespace: String, port: Option<i64>, weight: Option<i64> }
    RouteStatus { parents: Vec<RouteParentStatus> }
    RouteParentStatus { parent_ref: ParentRef, conditions: Vec<Condition> }
    NetworkPolicy { metadata: Meta, spec: NetworkPolicySpec }
    NetworkPolicySpec {
        pod_selector: LabelSelector,
        policy_types: Vec<String>,
        ingress: Vec<PolicyRule>,
        egress: Vec<PolicyRule>,
    }
    PolicyRule { from: Vec<PolicyPeer>, to: Vec<PolicyPeer>, ports: Vec<PolicyPort> }
    PolicyPeer {
        pod_selector: Option<LabelSelector>,
        namespace_selector: Option<LabelSelector>,
        ip_block: Option<IpBlock>,
    }
    IpBlock { cidr: String, except: Vec<String> }
    PolicyPort { port: PortRef, protocol: String, end_port: Option<i64> }
}

named!(Service, EndpointSlice, Ingress, IngressClass, Gateway, Route, NetworkPolicy);

impl Service {
    pub fn is_headless(&self) -> bool {
        self.spec.cluster_ip == "None"
    }

    pub fn is_external_name(&self) -> bool {
        self.spec.kind == "ExternalName"
    }
}

impl ServicePort {
    /// The port on the pod: `targetPort`, or `port` where none is given.
    pub fn target(&self) -> PortRef {
        if self.target_port.is_unset() { PortRef::Number(self.port) } else { self.target_port.clone() }
    }
}

impl EndpointSlice {
    /// The service it belongs to.
    pub fn service(&self) -> Option<&str> {
        self.metadata
            .labels
            .get("kubernetes.io/service-name")
            .or_else(|| self.metadata.owner_references.iter().find(|o| o.kind == "Service").map(|o| o.name.as_str()))
    }
}

impl LocalRef {
    pub fn is_set(&self) -> bool {
        !self.name.is_empty()
    }
}
