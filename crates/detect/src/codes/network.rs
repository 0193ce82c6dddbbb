//! Finding codes: network.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    fact("service.selects_nothing", "The selector {selector} matches no pod", "选择器 {selector} 没有匹配到任何 Pod"),
    risk(
        "service.no_backend",
        "The selector {selector} matches no pod and nothing seems to use the Service",
        "选择器 {selector} 没有匹配到任何 Pod，目前似乎也无人使用",
    ),
    fact(
        "service.selects_other",
        "The selector {selector} picks the pods of {other}, not of {meant}",
        "选择器 {selector} 选中的是 {other} 的 Pod，而不是 {meant}",
    ),
    symptom(
        "service.no_pods",
        "{workload} has no pods, so the Service has none",
        "{workload} 没有 Pod，Service 无后端",
    ),
    symptom("service.no_ready_endpoints", "None of {pods} pods is ready", "{pods} 个 Pod 均未就绪"),
    symptom("service.unreachable", "A connection to {host}:{port} {how}", "连接 {host}:{port} 失败（{how}）"),
    fact(
        "service.missing",
        "{callers} call {service}, {workload} runs, and there is no Service of that name",
        "{callers} 访问 {service}，{workload} 在运行，但不存在同名 Service",
    ),
    fact(
        "service.target_port_mismatch",
        "targetPort {target_port} is not served by its pods ({declared})",
        "targetPort {target_port} 与 Pod 监听端口不符（{declared}）",
    ),
    risk(
        "service.target_port_undeclared",
        "targetPort {target_port} is declared by no container ({declared}); nobody complains",
        "targetPort {target_port} 未在容器中声明（{declared}），目前无人受影响",
    ),
    fact(
        "service.protocol_mismatch",
        "The port {port} is {protocol}, the container listens with {expected}",
        "端口 {port} 协议为 {protocol}，容器实际使用 {expected}",
    ),
    fact(
        "service.port_changed",
        "The Service has port {port}, all its callers use {expected}",
        "Service 端口为 {port}，而所有调用方都使用 {expected}",
    ),
    fact(
        "config.unknown_host",
        "{place} names the host {host}, which no Service carries",
        "{place} 指向主机 {host}，但不存在对应的 Service",
    ),
    risk(
        "config.address_unanswered",
        "{place} names {address}, which no Service carries; nothing seems to use it",
        "{place} 指向 {address}，不存在对应的 Service，目前似乎未被使用",
    ),
    fact(
        "config.address_wrong_port",
        "{place} says {address}, the Service has port {expected}",
        "{place} 写的是 {address}，而 Service 端口为 {expected}",
    ),
    fact(
        "config.address_wrong_namespace",
        "{place} names {host}; the Service is {expected}",
        "{place} 指向 {host}，而该 Service 是 {expected}",
    ),
    fact(
        "config.address_swapped",
        "{place} says {address}, its neighbours follow their names: {expected} was meant",
        "{place} 写的是 {address}，按同组其他配置的规律应为 {expected}",
    ),
    fact(
        "route.misrouted",
        "The route {path} goes to {service}; by the pattern of {neighbours} others it means {expected}",
        "路由 {path} 指向 {service}；按其他 {neighbours} 条路由的规律应指向 {expected}",
    ),
    fact(
        "ingress.backend_missing",
        "The backend Service {service} of {path} does not exist",
        "{path} 的后端 Service {service} 不存在",
    ),
    fact(
        "ingress.backend_port_missing",
        "The backend Service {service} has no port {port} (it has {expected})",
        "后端 Service {service} 没有端口 {port}（现有 {expected}）",
    ),
    fact("ingress.class_unknown", "The IngressClass {class} does not exist", "IngressClass {class} 不存在"),
    risk(
        "ingress.no_class",
        "The Ingress names no class; a controller picks it up only if a default class exists",
        "Ingress 未指定 class；仅当存在默认 IngressClass 时才会生效",
    ),
    fact("ingress.tls_secret_missing", "The TLS Secret {secret} does not exist", "TLS Secret {secret} 不存在"),
    fact(
        "route.backend_missing",
        "The backend Service {service} of the route does not exist",
        "路由的后端 Service {service} 不存在",
    ),
    fact(
        "route.backend_port_missing",
        "The backend Service {service} has no port {port} (it has {expected})",
        "后端 Service {service} 没有端口 {port}（现有 {expected}）",
    ),
    fact(
        "route.not_accepted",
        "The Gateway {gateway} does not accept the route: {reason}",
        "Gateway {gateway} 未接受该路由：{reason}",
    ),
    fact(
        "route.refs_unresolved",
        "The route refers to something that does not resolve: {message}",
        "路由引用无法解析：{message}",
    ),
    fact("gateway.not_programmed", "The Gateway is not in force: {message}", "Gateway 未生效：{message}"),
    fact(
        "service.load_balancer_failed",
        "The load balancer cannot be made: {message}",
        "负载均衡器创建失败：{message}",
    ),
    risk(
        "service.load_balancer_pending",
        "No load balancer has been made; the cluster may have nobody to make one",
        "负载均衡器尚未创建；集群可能没有对应的控制器",
    ),
    fact(
        "endpoints.not_updated",
        "{ready} pods are ready and the endpoint slices hold {held}",
        "{ready} 个 Pod 已就绪，但 EndpointSlice 中有 {held} 个",
    ),
    fact(
        "endpoints.stale",
        "The endpoint slices still offer pods that are gone: {pods}",
        "EndpointSlice 仍包含已不存在的 Pod：{pods}",
    ),
    fact(
        "policy.denies_call",
        "The policy admits no {direction} of {caller} to {service}:{port}",
        "策略未放行 {caller} 到 {service}:{port} 的 {direction} 流量",
    ),
    risk(
        "policy.may_deny_call",
        "By its rules the policy admits no {direction} of {caller} to {service}:{port}; nobody complains",
        "按规则该策略未放行 {caller} 到 {service}:{port} 的 {direction} 流量，目前无人受影响",
    ),
    fact("policy.denies_dns", "The policy lets {caller} ask no DNS", "策略阻断了 {caller} 的 DNS 查询"),
    risk(
        "policy.may_deny_dns",
        "By its rules the policy lets {caller} ask no DNS; nobody complains",
        "按规则该策略阻断 {caller} 的 DNS 查询，目前无人受影响",
    ),
    fact("dns.server_down", "The cluster's DNS has no ready pod", "集群 DNS 没有就绪的 Pod"),
    fact(
        "dns.wrong_policy",
        "{policy} leads past the cluster's DNS, so {host} does not resolve",
        "{policy} 绕过了集群 DNS，{host} 无法解析",
    ),
    risk(
        "dns.policy_past_cluster",
        "{policy} leads past the cluster's DNS although the configuration names {host}",
        "{policy} 绕过了集群 DNS，但配置中使用了 {host}",
    ),
    fact(
        "dns.external_name_loop",
        "The external name {external_name} leads back to the Service itself",
        "externalName {external_name} 形成循环，指回自身",
    ),
    fact(
        "dns.external_name_missing",
        "The external name {external_name} is a Service that does not exist",
        "externalName {external_name} 指向的 Service 不存在",
    ),
    fact(
        "network.cni_agent_down",
        "The pod network's agent {agent} on {node} is not ready",
        "节点 {node} 上的容器网络组件 {agent} 未就绪",
    ),
    fact("network.proxy_down", "kube-proxy on {node} is not ready", "节点 {node} 上的 kube-proxy 未就绪"),
    fact(
        "pod.port_clash",
        "The containers {container} and {other} both want port {port}",
        "容器 {container} 与 {other} 争用端口 {port}",
    ),
];
