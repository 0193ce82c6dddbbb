//! Containers and pods: cAdvisor, and the limits kube-state-metrics tells.

use super::Filter::{Is, Not};
use super::Recipe::{Share, Value};
use super::Scope::{Container, Pod};
use super::{Filter, Fold, Series, Unit, gauge, hard, increase, limit, rate};

/// Without the pause container and the pod's own control group.
const REAL: &[Filter] = &[Not("container", ""), Not("container", "POD")];

pub(super) const SERIES: &[Series] = &[
    Series::new(
        "container_memory_share",
        Container,
        Unit::Share,
        Share(
            gauge("container_memory_working_set_bytes", REAL),
            gauge("kube_pod_container_resource_limits", &[Is("resource", "memory")]),
        ),
    )
    .core()
    .folded(Fold::Max)
    .forecast(0.95)
    .limits(&[limit("series.memory_near_limit", 0.9, 0.85, 60)])
    .named("memory against its limit", "内存占限额比例"),
    Series::new(
        "container_restarts",
        Container,
        Unit::Count,
        Value(increase("kube_pod_container_status_restarts_total", 600, &[])),
    )
    .outcome()
    .folded(Fold::Max)
    .limits(&[hard("series.restarts", 3.0, 1.0, 0)])
    .named("restarts in ten minutes", "十分钟内重启次数"),
    Series::new("container_oom", Container, Unit::Count, Value(increase("container_oom_events_total", 600, REAL)))
        .outcome()
        .folded(Fold::Max)
        .limits(&[hard("series.oom", 1.0, 0.5, 0)])
        .named("out-of-memory kills in ten minutes", "十分钟内 OOM 次数"),
    Series::new(
        "container_cpu_throttled",
        Container,
        Unit::Share,
        Share(rate("container_cpu_cfs_throttled_periods_total", REAL), rate("container_cpu_cfs_periods_total", REAL)),
    )
    .peers()
    .limits(&[limit("series.cpu_throttled", 0.25, 0.2, 900)])
    .named("cpu periods throttled", "CPU 限流周期占比"),
    Series::new(
        "container_cpu_share",
        Container,
        Unit::Share,
        Share(
            rate("container_cpu_usage_seconds_total", REAL),
            gauge("kube_pod_container_resource_limits", &[Is("resource", "cpu")]),
        ),
    )
    .folded(Fold::Max)
    .limits(&[limit("series.cpu_near_limit", 0.95, 0.9, 900)])
    .named("cpu against its limit", "CPU 占限额比例"),
    Series::new("container_cpu", Container, Unit::Cores, Value(rate("container_cpu_usage_seconds_total", REAL)))
        .core()
        .peers()
        .named("cpu used", "CPU 使用量"),
    Series::new("container_memory", Container, Unit::Bytes, Value(gauge("container_memory_working_set_bytes", REAL)))
        .core()
        .peers()
        .named("memory used", "内存使用量"),
    Series::new("container_files", Container, Unit::Count, Value(gauge("container_file_descriptors", REAL)))
        .peers()
        .named("open files", "打开的文件数"),
    Series::new("container_threads", Container, Unit::Count, Value(gauge("container_threads", REAL)))
        .peers()
        .named("threads", "线程数"),
    Series::new(
        "container_disk_writes",
        Container,
        Unit::BytesPerSecond,
        Value(rate("container_fs_writes_bytes_total", REAL)),
    )
    .named("bytes written to disk", "磁盘写入速率"),
    Series::new("pod_network_in", Pod, Unit::BytesPerSecond, Value(rate("container_network_receive_bytes_total", &[])))
        .load()
        .peers()
        .named("bytes received", "网络接收速率"),
    Series::new(
        "pod_network_out",
        Pod,
        Unit::BytesPerSecond,
        Value(rate("container_network_transmit_bytes_total", &[])),
    )
    .load()
    .peers()
    .named("bytes sent", "网络发送速率"),
    Series::new(
        "pod_network_dropped",
        Pod,
        Unit::PerSecond,
        Value(rate("container_network_receive_packets_dropped_total", &[])),
    )
    .outcome()
    .peers()
    .named("packets dropped", "丢包速率"),
];
