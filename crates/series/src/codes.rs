//! The catalogue of finding codes: what can be wrong with numbers and logs, in two languages, and what each is worth.

use rootline_model::Class;

/// What a finding may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Strength {
    /// Supports an incident that something else opened; never opens one alone (see [`crate::corroborated`]).
    Evidence,
    /// A hard fact: something is broken now, whatever the history says.
    Fact,
}

/// What a finding is independent of: several findings of one group are one word said several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// What the thing takes: memory, cpu, disk.
    Usage,
    /// What others get from it: errors, latency, readiness.
    Outcome,
    /// How much it is asked for.
    Load,
    Logs,
    /// What is expected, not seen.
    Forecast,
    /// That nothing is seen.
    Missing,
}

/// One entry. Titles and explanations are templates over the finding's args.
#[derive(Clone, Copy, Debug)]
pub struct CodeDoc {
    pub code: &'static str,
    pub strength: Strength,
    pub class: Class,
    pub en: &'static str,
    pub zh: &'static str,
    /// What it means and what to look at first.
    pub why_en: &'static str,
    pub why_zh: &'static str,
}

/// The entry of a code.
pub fn doc_of(code: &str) -> Option<&'static CodeDoc> {
    all().find(|d| d.code == code)
}

/// All entries.
pub fn all() -> impl Iterator<Item = &'static CodeDoc> {
    CODES.iter().chain(LIMITS)
}

const fn doc(code: &'static str, strength: Strength, class: Class, words: [&'static str; 4]) -> CodeDoc {
    let [en, zh, why_en, why_zh] = words;
    CodeDoc { code, strength, class, en, zh, why_en, why_zh }
}

const fn fact(code: &'static str, words: [&'static str; 4]) -> CodeDoc {
    doc(code, Strength::Fact, Class::Fact, words)
}

const fn symptom(code: &'static str, words: [&'static str; 4]) -> CodeDoc {
    doc(code, Strength::Evidence, Class::Symptom, words)
}

const fn risk(code: &'static str, words: [&'static str; 4]) -> CodeDoc {
    doc(code, Strength::Evidence, Class::Risk, words)
}

/// Of detectors.
const CODES: &[CodeDoc] = &[
    symptom(
        "series.unusual",
        [
            "several series of {subject} behave as never before: {what}",
            "{subject} 的多个指标同时出现前所未有的变化：{what_zh}",
            "each of them left what it usually is at this hour; look at what changed at that time",
            "这些指标均偏离了该时段的常态，请查看当时发生的变更",
        ],
    ),
    symptom(
        "series.outside_band",
        [
            "{what} of {subject} is {value}, usually {low} to {high}",
            "{subject} 的{what_zh}为 {value}，通常在 {low} 到 {high} 之间",
            "outside its own band for several minutes, and not at this hour of other days",
            "持续数分钟超出自身波动区间，且往日同一时段未出现过",
        ],
    ),
    symptom(
        "series.slow_climb",
        [
            "{what} of {subject} has been rising for {minutes} minutes: {from} to {value}",
            "{subject} 的{what_zh}已持续上升 {minutes} 分钟：{from} 升至 {value}",
            "a steady rise to a level not seen on the days before: a leak, a queue that is not emptied, data that is not deleted",
            "持续上升且高于前几日水平，常见于内存泄漏、队列积压、数据未清理",
        ],
    ),
    symptom(
        "series.level_shift",
        [
            "{what} of {subject} went from {from} to {value} and stays there",
            "{subject} 的{what_zh}由 {from} 变为 {value} 并保持",
            "the level changed and did not come back; look at rollouts, configuration and callers at that moment",
            "指标水平发生突变且未恢复，请查看当时的发布、配置和调用方变化",
        ],
    ),
    symptom(
        "series.peer_disagrees",
        [
            "{what} of {subject} is {value}, its peers have {peers}",
            "{subject} 的{what_zh}为 {value}，同组副本为 {peers}",
            "replicas share load and release, so one that differs has a trouble of its own: its node, its volume, a stuck thread",
            "同组副本负载与版本相同，单个副本偏离说明其自身有问题：所在节点、存储卷或线程卡死",
        ],
    ),
    risk(
        "series.forecast_breach",
        [
            "{what} of {subject} reaches {limit} in about {eta} ({probability} %), now {value}",
            "{subject} 的{what_zh}预计约 {eta} 后达到 {limit}（概率 {probability} %），当前 {value}",
            "from the habits and the recent rises of this very series, not from a straight line",
            "依据该指标自身的历史规律和近期增幅推算，而非直线外推",
        ],
    ),
    symptom(
        "series.absent",
        [
            "{what} of {subject} is no longer reported",
            "{subject} 的{what_zh}不再上报",
            "the series came for at least a day and stopped while others of its kind still come",
            "该指标持续上报超过一天后中断，而同类指标仍在上报",
        ],
    ),
    symptom(
        "series.source_silent",
        [
            "no series arrive any more: {count} went silent",
            "所有指标停止上报：{count} 个序列已静默",
            "the source itself is down or cut off; what is not seen is not known to be well",
            "数据源自身故障或网络中断；看不到的部分不能视为正常",
        ],
    ),
    symptom(
        "series.threshold",
        [
            "{what} of {subject} is {value}, your threshold {limit}",
            "{subject} 的{what_zh}为 {value}，超过您设定的阈值 {limit}",
            "beyond a threshold of your configuration for as long as it says (detection.thresholds)",
            "超过配置 detection.thresholds 中设定的阈值并持续达到设定时长",
        ],
    ),
    symptom(
        "log.new_error_template",
        [
            "{subject} logs an error never seen before, {count} times: {template}",
            "{subject} 出现从未见过的错误日志 {count} 次：{template}",
            "a new kind of error line often names the cause in its own words",
            "新出现的错误日志往往直接说明原因",
        ],
    ),
    symptom(
        "log.error_rate",
        [
            "{subject} logs {count} errors in five minutes, usually at most {usual}",
            "{subject} 五分钟内错误日志 {count} 条，平时最多 {usual} 条",
            "far more than in any five minutes of the day before",
            "远超过去一天任意五分钟的数量",
        ],
    ),
    fact(
        "slo.burn_fast",
        [
            "{subject} burns its error budget {burn} times too fast: {errors} of requests fail over {window}",
            "{subject} 正以 {burn} 倍速度消耗错误预算：{window} 内 {errors} 的请求失败",
            "at this speed the budget of a month is gone in days; users notice now",
            "按此速度，一个月的错误预算将在数日内耗尽，用户已受影响",
        ],
    ),
    symptom(
        "slo.burn_slow",
        [
            "{subject} burns its error budget {burn} times too fast over {window}",
            "{subject} 在 {window} 内以 {burn} 倍速度消耗错误预算",
            "not urgent, but the objective of the month will be missed",
            "尚不紧急，但本月目标将无法达成",
        ],
    ),
];

/// Title of a threshold.
const OVER_EN: &str = "{what} of {subject} is {value}, limit {limit}";
const OVER_ZH: &str = "{subject} 的{what_zh}为 {value}，阈值 {limit}";

const fn over(code: &'static str, why_en: &'static str, why_zh: &'static str) -> CodeDoc {
    risk(code, [OVER_EN, OVER_ZH, why_en, why_zh])
}

const fn suffers(code: &'static str, why_en: &'static str, why_zh: &'static str) -> CodeDoc {
    symptom(code, [OVER_EN, OVER_ZH, why_en, why_zh])
}

const fn broken(code: &'static str, why_en: &'static str, why_zh: &'static str) -> CodeDoc {
    fact(code, [OVER_EN, OVER_ZH, why_en, why_zh])
}

/// Of static thresholds.
const LIMITS: &[CodeDoc] = &[
    over("series.memory_near_limit", "at its limit the kernel kills the container", "达到限额后容器会被内核 OOM 终止"),
    over(
        "series.cpu_near_limit",
        "at its limit the container is throttled and answers late",
        "达到限额后容器被限流，响应变慢",
    ),
    over(
        "series.cpu_throttled",
        "throttling shows as latency, mostly in the tail",
        "限流会表现为延迟上升，尤其是尾延迟",
    ),
    broken(
        "series.restarts",
        "the container keeps ending; look at its last state and its previous log",
        "容器反复退出，请查看上次终止状态与之前的日志",
    ),
    broken("series.oom", "a process of the container was killed for memory", "容器内进程因内存不足被终止"),
    broken(
        "series.replicas_missing",
        "fewer replicas serve than wanted, for longer than a rollout takes",
        "可用副本少于期望，且持续时间超过正常发布",
    ),
    over("series.autoscaler_at_max", "the autoscaler cannot add what the load asks for", "HPA 已达上限，无法继续扩容"),
    broken(
        "series.node_not_ready",
        "no new pods start there, and its pods are moved after five minutes",
        "节点不再接收新 Pod，五分钟后其上 Pod 会被迁移",
    ),
    over(
        "series.disk_io_saturated",
        "requests to the disk queue up; everything on the node that writes waits",
        "磁盘请求排队，节点上所有写盘的程序都会等待",
    ),
    over(
        "series.disk_nearly_full",
        "the kubelet evicts pods at 85 to 90 %, depending on its configuration",
        "kubelet 会在 85% 至 90% 时（取决于配置）驱逐 Pod",
    ),
    broken("series.disk_full", "writes fail; images cannot be pulled", "写入失败，镜像无法拉取"),
    over(
        "series.inodes_nearly_used",
        "without inodes no file can be made, however much space is left",
        "inode 耗尽后即使有空间也无法创建文件",
    ),
    broken("series.inodes_used", "no file can be made any more", "已无法创建文件"),
    over(
        "series.node_memory_high",
        "the kubelet evicts pods and the kernel kills processes next",
        "接下来 kubelet 会驱逐 Pod，内核会终止进程",
    ),
    over("series.node_cpu_high", "pods without reserved cpu slow down first", "没有 CPU 预留的 Pod 会先变慢"),
    over(
        "series.conntrack_nearly_full",
        "at the limit new connections are dropped without a word",
        "达到上限后新连接会被静默丢弃",
    ),
    over(
        "series.files_nearly_used",
        "at the limit nothing on the node can open files or sockets",
        "达到上限后节点上程序无法打开文件或套接字",
    ),
    suffers(
        "series.retransmits",
        "packets are lost on the way: link, switch, MTU or an overloaded peer",
        "链路、交换机、MTU 或对端过载导致丢包",
    ),
    suffers("series.link_errors", "cable, transceiver or driver", "网线、光模块或驱动故障"),
    suffers("series.io_stalled", "all tasks wait for the disk at the same time", "所有任务同时在等待磁盘"),
    suffers(
        "series.memory_stalled",
        "all tasks wait for memory at the same time: thrashing",
        "所有任务同时在等待内存（抖动）",
    ),
    suffers(
        "series.kubelet_slow",
        "the kubelet cannot keep up with its containers; pods start and stop late",
        "kubelet 跟不上容器状态变化，Pod 启停变慢",
    ),
    suffers(
        "series.evictions",
        "the node ran short of memory, disk or process ids and chose victims",
        "节点内存、磁盘或 PID 不足，已驱逐 Pod",
    ),
    over("series.certificate_expires", "renewal should have happened by now", "此时应已自动续期"),
    broken(
        "series.certificate_about_to_expire",
        "when it expires the component is locked out",
        "过期后该组件将无法通信",
    ),
    over("series.volume_nearly_full", "databases stop when their volume is full", "存储卷写满后数据库会停止服务"),
    broken("series.volume_full", "writes to the volume fail", "存储卷写入失败"),
    over(
        "series.volume_inodes_nearly_used",
        "without inodes no file can be made, however much space is left",
        "inode 耗尽后即使有空间也无法创建文件",
    ),
    over(
        "series.quota_nearly_used",
        "at the limit the API server refuses new pods",
        "配额用尽后 API Server 会拒绝创建新 Pod",
    ),
    suffers(
        "series.api_slow",
        "controllers and kubectl wait; look at etcd, webhooks and heavy clients",
        "控制器与 kubectl 均会等待，请检查 etcd、Webhook 与高频客户端",
    ),
    suffers(
        "series.api_rejects",
        "a client asks more than its share; see flow schemas",
        "某客户端请求超出份额，请查看 FlowSchema",
    ),
    suffers(
        "series.error_share",
        "requests fail; look at what it calls and what changed",
        "请求失败，请查看其下游与近期变更",
    ),
    suffers(
        "series.webhook_slow",
        "every create and update of its kinds waits for it",
        "其负责的资源创建与更新都会等待",
    ),
    broken(
        "series.etcd_no_leader",
        "without a leader nothing in the cluster can change",
        "没有 Leader 时集群无法变更任何对象",
    ),
    suffers("series.etcd_fsync_slow", "the disk under etcd is too slow or shared", "etcd 所在磁盘过慢或被共用"),
    suffers("series.etcd_commit_slow", "the disk under etcd is too slow or shared", "etcd 所在磁盘过慢或被共用"),
    over(
        "series.etcd_nearly_full",
        "at its quota etcd refuses all writes until it is compacted and defragmented",
        "达到配额后 etcd 拒绝写入，需压缩并整理碎片",
    ),
    suffers(
        "series.etcd_leader_changes",
        "members lose each other: network, disk or cpu",
        "成员间失联：网络、磁盘或 CPU 问题",
    ),
    suffers(
        "series.dns_errors",
        "names do not resolve; look at the upstream servers and at CoreDNS' log",
        "域名解析失败，请检查上游 DNS 与 CoreDNS 日志",
    ),
    suffers("series.dns_slow", "every new connection waits for its name", "所有新连接都会等待域名解析"),
    suffers(
        "series.targets_down",
        "not scraped: the program is down, or the network between it and Prometheus",
        "采集失败：程序故障或与 Prometheus 之间网络不通",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_speak_both_languages() {
        let codes: std::collections::BTreeSet<&str> = all().map(|d| d.code).collect();
        assert_eq!(codes.len(), all().count());
        for d in all() {
            assert!([d.en, d.zh, d.why_en, d.why_zh].iter().all(|w| !w.is_empty()), "{}", d.code);
            let names = |t: &str| t.matches('{').count();
            assert_eq!(names(d.en), names(d.zh), "{}: titles use different values", d.code);
        }
    }
}
