//! Nodes: node-exporter, kubelet, and conditions from kube-state-metrics.

use super::Filter::{In, Is, NotIn};
use super::Recipe::{Quantile, Rest, RestOfShare, Share, Value};
use super::Scope::{Device, Mount, Node, OnNode};
use super::{Filter, Fold, Series, Unit, gauge, hard, increase, limit, rate};

/// File systems that fill; the others mirror memory or other disks.
const DISKS: &[Filter] = &[In("fstype", &["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "vfat", "f2fs"])];
/// Real interfaces: virtual ones of pods come and go.
const LINKS: &[Filter] = &[NotIn("device", &["lo", "docker0", "cni0", "flannel.1"])];

pub(super) const SERIES: &[Series] = &[
    Series::new(
        "node_not_ready",
        Node,
        Unit::Share,
        Rest(gauge("kube_node_status_condition", &[Is("condition", "Ready"), Is("status", "true")]).fold(Fold::Max)),
    )
    .core()
    .outcome()
    .limits(&[hard("series.node_not_ready", 1.0, 0.5, 60)])
    .named("not ready", "节点未就绪"),
    Series::new(
        "node_disk_io",
        Device,
        Unit::Share,
        Value(rate("node_disk_io_time_seconds_total", &[]).fold(Fold::Max)),
    )
    .core()
    .limits(&[limit("series.disk_io_saturated", 0.95, 0.85, 300)])
    .named("share of time the disk is busy", "磁盘 I/O 利用率"),
    Series::new(
        "node_disk_share",
        Mount,
        Unit::Share,
        RestOfShare(
            gauge("node_filesystem_avail_bytes", DISKS).fold(Fold::Max),
            gauge("node_filesystem_size_bytes", DISKS).fold(Fold::Max),
        ),
    )
    .forecast(0.95)
    .limits(&[limit("series.disk_nearly_full", 0.9, 0.88, 300), hard("series.disk_full", 0.98, 0.96, 60)])
    .named("disk used", "磁盘使用率"),
    Series::new(
        "node_inode_share",
        Mount,
        Unit::Share,
        RestOfShare(
            gauge("node_filesystem_files_free", DISKS).fold(Fold::Max),
            gauge("node_filesystem_files", DISKS).fold(Fold::Max),
        ),
    )
    .forecast(0.95)
    .limits(&[limit("series.inodes_nearly_used", 0.9, 0.88, 300), hard("series.inodes_used", 0.98, 0.96, 60)])
    .named("inodes used", "inode 使用率"),
    Series::new(
        "node_memory_share",
        Node,
        Unit::Share,
        RestOfShare(
            gauge("node_memory_MemAvailable_bytes", &[]).fold(Fold::Max),
            gauge("node_memory_MemTotal_bytes", &[]).fold(Fold::Max),
        ),
    )
    .core()
    .forecast(0.95)
    .limits(&[limit("series.node_memory_high", 0.95, 0.92, 300)])
    .named("memory used", "内存使用率"),
    Series::new(
        "node_cpu_share",
        Node,
        Unit::Share,
        Rest(rate("node_cpu_seconds_total", &[Is("mode", "idle")]).fold(Fold::Mean)),
    )
    .core()
    .limits(&[limit("series.node_cpu_high", 0.95, 0.9, 900)])
    .named("cpu used", "CPU 使用率"),
    Series::new(
        "node_conntrack_share",
        Node,
        Unit::Share,
        Share(
            gauge("node_nf_conntrack_entries", &[]).fold(Fold::Max),
            gauge("node_nf_conntrack_entries_limit", &[]).fold(Fold::Max),
        ),
    )
    .forecast(0.95)
    .limits(&[limit("series.conntrack_nearly_full", 0.8, 0.75, 60)])
    .named("connection tracking entries used", "conntrack 表使用率"),
    Series::new(
        "node_files_share",
        Node,
        Unit::Share,
        Share(gauge("node_filefd_allocated", &[]).fold(Fold::Max), gauge("node_filefd_maximum", &[]).fold(Fold::Max)),
    )
    .limits(&[limit("series.files_nearly_used", 0.9, 0.85, 60)])
    .named("file handles used", "文件句柄使用率"),
    Series::new(
        "node_retransmits",
        Node,
        Unit::Share,
        Share(
            rate("node_netstat_Tcp_RetransSegs", &[]).fold(Fold::Max),
            rate("node_netstat_Tcp_OutSegs", &[]).fold(Fold::Max),
        ),
    )
    .outcome()
    .limits(&[limit("series.retransmits", 0.05, 0.03, 300)])
    .named("TCP segments sent again", "TCP 重传率"),
    Series::new("node_network_errors", Node, Unit::PerSecond, Value(rate("node_network_receive_errs_total", LINKS)))
        .outcome()
        .limits(&[limit("series.link_errors", 10.0, 1.0, 300)])
        .named("packets received with errors", "网卡接收错误包速率"),
    Series::new("node_network_drops", Node, Unit::PerSecond, Value(rate("node_network_receive_drop_total", LINKS)))
        .outcome()
        .named("packets dropped", "网卡丢包速率"),
    Series::new(
        "node_cpu_pressure",
        Node,
        Unit::Share,
        Value(rate("node_pressure_cpu_waiting_seconds_total", &[]).fold(Fold::Max)),
    )
    .outcome()
    .named("time tasks wait for cpu (PSI)", "CPU 压力（PSI）"),
    Series::new(
        "node_io_pressure",
        Node,
        Unit::Share,
        Value(rate("node_pressure_io_stalled_seconds_total", &[]).fold(Fold::Max)),
    )
    .outcome()
    .limits(&[limit("series.io_stalled", 0.5, 0.3, 300)])
    .named("time all tasks wait for disk (PSI)", "I/O 压力（PSI）"),
    Series::new(
        "node_memory_pressure",
        Node,
        Unit::Share,
        Value(rate("node_pressure_memory_stalled_seconds_total", &[]).fold(Fold::Max)),
    )
    .outcome()
    .limits(&[limit("series.memory_stalled", 0.2, 0.1, 120)])
    .named("time all tasks wait for memory (PSI)", "内存压力（PSI）"),
    Series::new(
        "kubelet_pleg_p99",
        OnNode("kubelet"),
        Unit::Seconds,
        Quantile(0.99, rate("kubelet_pleg_relist_duration_seconds_bucket", &[])),
    )
    .outcome()
    .limits(&[limit("series.kubelet_slow", 10.0, 5.0, 300)])
    .named("time the kubelet needs to list its containers, p99", "kubelet PLEG 耗时 p99"),
    Series::new(
        "kubelet_runtime_errors",
        OnNode("kubelet"),
        Unit::PerSecond,
        Value(rate("kubelet_runtime_operations_errors_total", &[])),
    )
    .outcome()
    .named("failed operations of the container runtime", "容器运行时操作失败速率"),
    Series::new("kubelet_evictions", OnNode("kubelet"), Unit::Count, Value(increase("kubelet_evictions", 600, &[])))
        .outcome()
        .limits(&[limit("series.evictions", 1.0, 0.5, 0)])
        .named("pods evicted in ten minutes", "十分钟内驱逐 Pod 数"),
    Series::new(
        "kubelet_certificate_left",
        OnNode("kubelet"),
        Unit::Seconds,
        Value(gauge("kubelet_certificate_manager_client_ttl_seconds", &[]).fold(Fold::Min)),
    )
    .down()
    .folded(Fold::Min)
    .limits(&[
        limit("series.certificate_expires", 604_800.0, 691_200.0, 600),
        hard("series.certificate_about_to_expire", 86_400.0, 172_800.0, 600),
    ])
    .named("time until the kubelet's certificate expires", "kubelet 证书剩余时间"),
];
