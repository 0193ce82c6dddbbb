//! Finding codes: control plane, API machinery, monitoring, performance.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    fact("control_plane.scheduler_down", "the scheduler does not work", "调度器（kube-scheduler）不工作"),
    fact(
        "control_plane.controller_manager_down",
        "the controller manager does not work",
        "kube-controller-manager 不工作",
    ),
    fact("control_plane.api_server_down", "the API server does not work", "API server 不工作"),
    fact("control_plane.etcd_down", "etcd does not work", "etcd 不工作"),
    risk(
        "control_plane.replica_down",
        "one replica of {component} (on {node}) is down, others work",
        "{component} 的一个副本（节点 {node}）不可用，其余正常",
    ),
    fact(
        "control_plane.api_errors",
        "the API server fails or is slow beyond its budget ({alert})",
        "API server 错误或延迟超出预算（{alert}）",
    ),
    fact(
        "control_plane.requests_rejected",
        "the API server rejects requests ({alert})",
        "API server 正在拒绝请求（{alert}）",
    ),
    fact("etcd.no_leader", "etcd has no leader or no quorum", "etcd 没有 leader 或失去多数派"),
    fact("etcd.member_down", "a member of etcd is down", "etcd 有成员不可用"),
    fact("etcd.slow_disk", "etcd's disk is too slow ({alert})", "etcd 磁盘过慢（{alert}）"),
    fact("etcd.space", "etcd's database is near its limit ({alert})", "etcd 数据库接近上限（{alert}）"),
    fact("api_service.unavailable", "API {api} is not available: {message}", "API {api} 不可用：{message}"),
    symptom(
        "api_service.backend_down",
        "API {api} is not available because its pods are not ready",
        "API {api} 因后端 Pod 未就绪而不可用",
    ),
    fact("crd.not_established", "resource definition {crd} is not served: {message}", "CRD {crd} 未生效：{message}"),
    fact("namespace.stuck_terminating", "the namespace cannot be deleted: {message}", "Namespace 无法删除：{message}"),
    risk(
        "webhook.backend_unready",
        "webhook {webhook} refuses everything: its service {service} {what}",
        "Webhook {webhook} 会拒绝所有请求：后端 Service {service} 不可用（{what}）",
    ),
    risk(
        "csr.waiting",
        "certificate request {csr} of {username} waits for approval",
        "{username} 的证书请求 {csr} 等待批准",
    ),
    fact(
        "node.certificate_waiting",
        "node {node} waits for its certificate ({csr})",
        "节点 {node} 正在等待证书批准（{csr}）",
    ),
    risk(
        "certificate.expiring",
        "a certificate is about to expire or is not renewed ({alert})",
        "证书即将过期或续期失败（{alert}）",
    ),
    risk(
        "cluster.event_flood",
        "{count} events {reason} about one object, {rate} per second",
        "同一对象出现 {count} 条 {reason} 事件，每秒 {rate} 条",
    ),
    risk("monitoring.target_down", "{job} is not being watched ({alert})", "监控目标 {job} 无法采集（{alert}）"),
    risk("monitoring.degraded", "the monitoring itself is not well ({alert})", "监控系统自身异常（{alert}）"),
    fact(
        "performance.cpu_overload",
        "cpu of {workload} is exhausted: {value}, {baseline} before",
        "{workload} 的 CPU 耗尽：当前 {value}，此前 {baseline}",
    ),
    fact(
        "performance.network_delay",
        "answers of {workload} became slow ({value}, {baseline} before) with its cpu and its callees well",
        "{workload} 响应变慢（当前 {value}，此前 {baseline}），而其 CPU 与下游均正常",
    ),
    symptom(
        "performance.latency",
        "answers of {workload} became slow: {value}, {baseline} before",
        "{workload} 响应变慢：当前 {value}，此前 {baseline}",
    ),
];
