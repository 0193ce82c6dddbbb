//! API server, etcd, scheduler, webhooks, CoreDNS, scrape targets.

use super::Filter::{Is, NotIn, Starts};
use super::Recipe::{Quantile, Rest, Share, Value};
use super::Scope::{Component, Target, Webhook};
use super::{Filter, Fold, Series, Unit, gauge, hard, increase, limit, rate};

const API: super::Scope = Component("kube-apiserver");
const ETCD: super::Scope = Component("etcd");
const DNS: super::Scope = Component("coredns");
/// Calls that are meant to last: watches and streams are not slow requests.
const ANSWERED: &[Filter] = &[
    NotIn("verb", &["WATCH", "WATCHLIST", "CONNECT"]),
    NotIn("subresource", &["exec", "log", "attach", "portforward", "proxy"]),
];

pub(super) const SERIES: &[Series] = &[
    Series::new(
        "apiserver_latency_p99",
        API,
        Unit::Seconds,
        Quantile(0.99, rate("apiserver_request_duration_seconds_bucket", ANSWERED)),
    )
    .core()
    .outcome()
    .folded(Fold::Max)
    .limits(&[limit("series.api_slow", 0.5, 0.4, 300)])
    .named("time to answer, p99", "请求耗时 p99"),
    Series::new(
        "apiserver_error_share",
        API,
        Unit::Share,
        Share(rate("apiserver_request_total", &[Starts("code", "5")]), rate("apiserver_request_total", &[])),
    )
    .outcome()
    .limits(&[limit("series.error_share", 0.05, 0.03, 300)])
    .named("requests that failed (5xx)", "5xx 请求占比"),
    Series::new("apiserver_requests", API, Unit::PerSecond, Value(rate("apiserver_request_total", &[])))
        .load()
        .folded(Fold::Sum)
        .named("requests", "请求速率"),
    Series::new(
        "apiserver_errors",
        API,
        Unit::PerSecond,
        Value(rate("apiserver_request_total", &[Starts("code", "5")])),
    )
    .outcome()
    .folded(Fold::Sum)
    .named("failed requests (5xx)", "5xx 请求速率"),
    Series::new("apiserver_inflight", API, Unit::Count, Value(gauge("apiserver_current_inflight_requests", &[])))
        .named("requests in flight", "在途请求数"),
    Series::new(
        "apiserver_rejected",
        API,
        Unit::PerSecond,
        Value(rate("apiserver_flowcontrol_rejected_requests_total", &[])),
    )
    .outcome()
    .limits(&[limit("series.api_rejects", 1.0, 0.1, 300)])
    .named("requests rejected by priority and fairness", "APF 拒绝请求速率"),
    Series::new(
        "webhook_latency_p99",
        Webhook,
        Unit::Seconds,
        Quantile(0.99, rate("apiserver_admission_webhook_admission_duration_seconds_bucket", &[])),
    )
    .outcome()
    .limits(&[limit("series.webhook_slow", 1.0, 0.5, 300)])
    .named("time to answer, p99", "Webhook 耗时 p99"),
    Series::new("etcd_no_leader", ETCD, Unit::Share, Rest(gauge("etcd_server_has_leader", &[]).fold(Fold::Max)))
        .core()
        .outcome()
        .folded(Fold::Max)
        .limits(&[hard("series.etcd_no_leader", 1.0, 0.5, 60)])
        .named("member without a leader", "成员无 Leader"),
    Series::new(
        "etcd_fsync_p99",
        ETCD,
        Unit::Seconds,
        Quantile(0.99, rate("etcd_disk_wal_fsync_duration_seconds_bucket", &[])),
    )
    .core()
    .outcome()
    .folded(Fold::Max)
    .limits(&[limit("series.etcd_fsync_slow", 0.5, 0.3, 300)])
    .named("time to write its log to disk, p99", "WAL fsync 耗时 p99"),
    Series::new(
        "etcd_commit_p99",
        ETCD,
        Unit::Seconds,
        Quantile(0.99, rate("etcd_disk_backend_commit_duration_seconds_bucket", &[])),
    )
    .outcome()
    .folded(Fold::Max)
    .limits(&[limit("series.etcd_commit_slow", 0.25, 0.15, 600)])
    .named("time to commit, p99", "后端提交耗时 p99"),
    Series::new(
        "etcd_space_share",
        ETCD,
        Unit::Share,
        Share(
            gauge("etcd_mvcc_db_total_size_in_bytes", &[]).fold(Fold::Max),
            gauge("etcd_server_quota_backend_bytes", &[]).fold(Fold::Max),
        ),
    )
    .folded(Fold::Max)
    .forecast(0.95)
    .limits(&[limit("series.etcd_nearly_full", 0.8, 0.75, 300)])
    .named("database size against its quota", "数据库占配额比例"),
    Series::new(
        "etcd_leader_changes",
        ETCD,
        Unit::Count,
        Value(increase("etcd_server_leader_changes_seen_total", 900, &[]).fold(Fold::Max)),
    )
    .outcome()
    .folded(Fold::Max)
    .limits(&[limit("series.etcd_leader_changes", 4.0, 1.0, 0)])
    .named("leader changes in a quarter of an hour", "15 分钟内 Leader 切换次数"),
    Series::new("etcd_failed_proposals", ETCD, Unit::PerSecond, Value(rate("etcd_server_proposals_failed_total", &[])))
        .outcome()
        .named("failed proposals", "失败提案速率"),
    Series::new(
        "scheduler_unschedulable",
        Component("kube-scheduler"),
        Unit::Count,
        Value(gauge("scheduler_pending_pods", &[Is("queue", "unschedulable")])),
    )
    .outcome()
    .folded(Fold::Sum)
    .named("pods that fit nowhere", "不可调度 Pod 数"),
    Series::new(
        "coredns_error_share",
        DNS,
        Unit::Share,
        Share(
            rate("coredns_dns_responses_total", &[Is("rcode", "SERVFAIL")]),
            rate("coredns_dns_responses_total", &[]),
        ),
    )
    .outcome()
    .limits(&[limit("series.dns_errors", 0.03, 0.01, 600)])
    .named("answers that failed (SERVFAIL)", "SERVFAIL 应答占比"),
    Series::new("coredns_requests", DNS, Unit::PerSecond, Value(rate("coredns_dns_responses_total", &[])))
        .load()
        .folded(Fold::Sum)
        .named("answers", "应答速率"),
    Series::new(
        "coredns_errors",
        DNS,
        Unit::PerSecond,
        Value(rate("coredns_dns_responses_total", &[Is("rcode", "SERVFAIL")])),
    )
    .outcome()
    .folded(Fold::Sum)
    .named("failed answers (SERVFAIL)", "SERVFAIL 应答速率"),
    Series::new(
        "coredns_latency_p99",
        DNS,
        Unit::Seconds,
        Quantile(0.99, rate("coredns_dns_request_duration_seconds_bucket", &[])),
    )
    .outcome()
    .folded(Fold::Max)
    .limits(&[limit("series.dns_slow", 2.0, 1.0, 600)])
    .named("time to answer, p99", "解析耗时 p99"),
    Series::new("targets_down", Target, Unit::Share, Rest(gauge("up", &[]).fold(Fold::Mean)))
        .outcome()
        .limits(&[limit("series.targets_down", 0.5, 0.3, 300)])
        .named("scrape targets down", "采集目标失联占比"),
];
