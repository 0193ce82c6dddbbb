//! Finding codes: nodes.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    fact(
        "node.kubelet_down",
        "node {node} no longer reports: its kubelet, the machine or its network is down",
        "节点 {node} 已停止上报状态：kubelet、主机或网络故障",
    ),
    fact(
        "node.runtime_down",
        "the container runtime of node {node} does not work: {message}",
        "节点 {node} 的容器运行时不可用：{message}",
    ),
    fact(
        "node.network_not_ready",
        "the pod network of node {node} is not set up: {message}",
        "节点 {node} 的 Pod 网络未就绪：{message}",
    ),
    fact("node.not_ready", "node {node} is not ready[[: {message}]]", "节点 {node} NotReady[[：{message}]]"),
    fact(
        "node.zone_down",
        "every node of zone {zone} fell silent, {node} among them",
        "可用区 {zone} 的全部节点失联，包括 {node}",
    ),
    fact("node.memory_pressure", "node {node} is short of memory", "节点 {node} 内存不足（MemoryPressure）"),
    fact("node.disk_pressure", "node {node} is short of disk space", "节点 {node} 磁盘空间不足（DiskPressure）"),
    fact("node.pid_pressure", "node {node} runs out of process ids", "节点 {node} 的 PID 即将耗尽（PIDPressure）"),
    fact(
        "node.network_unavailable",
        "node {node} has no route for its pods",
        "节点 {node} 没有可用的 Pod 网络路由（NetworkUnavailable）",
    ),
    fact(
        "node.kernel_trouble",
        "the kernel of node {node} reports {reason}: {message}",
        "节点 {node} 的内核报告 {reason}：{message}",
    ),
    fact(
        "node.filesystem_damaged",
        "a filesystem of node {node} reports {reason}: {message}",
        "节点 {node} 的文件系统报告 {reason}：{message}",
    ),
    fact(
        "node.hardware_fault",
        "the hardware of node {node} reports {reason}: {message}",
        "节点 {node} 的硬件报告 {reason}：{message}",
    ),
    fact(
        "node.kubelet_unstable",
        "the kubelet of node {node} keeps restarting: {message}",
        "节点 {node} 的 kubelet 频繁重启：{message}",
    ),
    fact(
        "node.runtime_unstable",
        "the container runtime of node {node} keeps restarting: {message}",
        "节点 {node} 的容器运行时频繁重启：{message}",
    ),
    fact(
        "node.system_oom",
        "node {node} as a whole ran out of memory and killed processes",
        "节点 {node} 整机内存耗尽，系统杀死了进程",
    ),
    fact(
        "node.image_gc_failing",
        "node {node} cannot free disk space: {message}",
        "节点 {node} 无法清理磁盘空间：{message}",
    ),
    fact("node.rebooted", "node {node} was restarted: {message}", "节点 {node} 发生重启：{message}"),
    fact("node.shut_down", "node {node} was shut down or taken back: {message}", "节点 {node} 被关机或回收：{message}"),
    fact("node.reclaimed", "node {node} was taken away ({taint})", "节点 {node} 已被回收（{taint}）"),
    risk("node.leaving", "node {node} is about to be taken away ({taint})", "节点 {node} 即将被回收（{taint}）"),
    risk(
        "node.past_trouble",
        "node {node} reported {reason} lately, and is well now: {message}",
        "节点 {node} 近期报告过 {reason}，目前已恢复：{message}",
    ),
    risk(
        "node.readiness_flapping",
        "node {node} became not ready {times} times within a short time",
        "节点 {node} 短时间内 {times} 次变为 NotReady",
    ),
    symptom(
        "node.eviction_wave",
        "{pods} pods were evicted from node {node} for lack of {resource}",
        "节点 {node} 因 {resource} 不足驱逐了 {pods} 个 Pod",
    ),
    risk(
        "node.overcommitted",
        "requests of {resource} ({requested}) do not fit once the largest node is lost ({left} remain)",
        "若失去最大的节点，{resource} 的 requests({requested})将超过剩余容量（{left}）",
    ),
    risk(
        "node.version_skew",
        "kubelet {kubelet} of node {node} is too far from API server {server}",
        "节点 {node} 的 kubelet {kubelet} 与 API server {server} 版本差距过大",
    ),
    risk("node.clock_skew", "the clock of node {node} is off", "节点 {node} 的时钟偏移"),
    risk("node.limits_near", "node {node} is near a limit of its system: {alert}", "节点 {node} 接近系统上限：{alert}"),
    risk("node.unit_failed", "a system service of node {node} has failed", "节点 {node} 有系统服务失败"),
    risk("node.saturated", "node {node} is saturated: {alert}", "节点 {node} 资源饱和：{alert}"),
    risk(
        "node.disk_filling",
        "a filesystem of node {node} fills up: {alert}",
        "节点 {node} 的文件系统即将写满：{alert}",
    ),
    fact(
        "node.network_delay",
        "traffic of several workloads on node {node} is slow, and nothing else they share",
        "节点 {node} 上多个工作负载的网络变慢，且它们只共有该节点",
    ),
    fact(
        "node.packet_loss",
        "node {node} loses packets: {value} retransmissions, {baseline} before",
        "节点 {node} 丢包：重传 {value}，此前为 {baseline}",
    ),
    fact(
        "component.kubelet_down",
        "the kubelet service of node {node} is stopped",
        "节点 {node} 的 kubelet 服务已停止",
    ),
    fact("component.runtime_down", "{component} of node {node} is stopped", "节点 {node} 的 {component} 已停止"),
    fact("component.kube_proxy_down", "kube-proxy of node {node} does not work", "节点 {node} 的 kube-proxy 不工作"),
    fact("component.down", "service {component} of node {node} is stopped", "节点 {node} 的服务 {component} 已停止"),
];
