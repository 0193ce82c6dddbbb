//! The fixed words of every report, in English and Chinese.
//!
//! A row is `(key, English, Chinese)`. Texts may hold `{name}` places, the same ones in both languages. A key that ends in
//! `.one` is used instead of its plain form where the argument `count` is 1. Rows stand in the order in which a reader
//! meets them; a test holds that keys are unique and places agree.

use rootline_model::Lang;

/// key, English, Chinese
pub const WORDS: &[(&str, &str, &str)] = &[
    // the first lines
    ("summary.none", "No problems found", "未发现问题"),
    ("summary.none_seen", "No problems found in what could be seen", "在可见范围内未发现问题"),
    ("summary.empty", "Nothing to look at: the source holds no objects", "没有可检查的内容：来源中没有任何对象"),
    ("summary.likely", "{count} incidents, each with a likely cause", "{count} 起故障，均已找到很可能的原因"),
    ("summary.likely.one", "{count} incident with a likely cause", "{count} 起故障，已找到很可能的原因"),
    ("summary.incidents", "{count} incidents", "{count} 起故障"),
    ("summary.incidents.one", "{count} incident", "{count} 起故障"),
    ("summary.some_likely", "{count} with a likely cause", "{count} 起找到很可能的原因"),
    ("summary.some_possible", "{count} with a possible cause", "{count} 起找到可能的原因"),
    ("summary.some_unknown", "{count} without a confident cause", "{count} 起无法确定原因"),
    ("scope.objects", "{count} objects", "{count} 个对象"),
    ("scope.objects.one", "{count} object", "{count} 个对象"),
    ("scope.events", "{count} events", "{count} 个事件"),
    ("scope.events.one", "{count} event", "{count} 个事件"),
    ("scope.log_lines", "{count} log lines", "{count} 行日志"),
    ("scope.log_lines.one", "{count} log line", "{count} 行日志"),
    ("scope.namespaces", "{count} namespaces", "{count} 个命名空间"),
    ("scope.namespaces.one", "{count} namespace", "{count} 个命名空间"),
    ("scope.narrowed", "only what touches {target}", "仅限与 {target} 有关的内容"),
    ("scope.elsewhere", "{count} incidents elsewhere", "别处另有 {count} 起故障"),
    ("scope.elsewhere.one", "{count} incident elsewhere", "别处另有 {count} 起故障"),
    ("scope.version", "Kubernetes {version}", "Kubernetes {version}"),
    ("scope.elapsed", "read in {seconds} s", "用时 {seconds} 秒"),
    ("scope.source", "from {source}", "来自 {source}"),
    ("scope.at", "as of {time}", "截至 {time}"),
    ("scope.no_time", "of an unknown time (--now tells it)", "时间未知（可用 --now 指定）"),
    // headings
    ("label.why", "Why", "依据"),
    ("label.score", "How it was weighed", "如何评分"),
    ("label.means", "What it means", "这意味着"),
    ("label.considered", "Also considered", "也曾考虑"),
    ("label.candidates", "Candidates", "候选原因"),
    ("label.follows", "Follows from it", "由此引发"),
    ("label.evidence", "Evidence", "依据"),
    ("label.together", "Seen together", "同时出现"),
    ("label.affected", "Affected", "受影响"),
    ("label.next", "Next", "下一步"),
    ("label.unseen", "Not seen", "未能看到"),
    ("label.clean", "Checked and clean", "检查正常"),
    ("label.notes", "Also noted", "另请留意"),
    ("label.looked", "Looked at", "检查范围"),
    ("label.incident", "Incident {number}", "故障 {number}"),
    ("label.picture", "How they hang together", "关系图"),
    ("label.onset", "Since", "开始于"),
    ("label.verdict", "Verdict", "结论"),
    ("label.severity", "Severity", "严重程度"),
    ("label.entity", "Where", "对象"),
    ("title.report", "Rootline diagnosis", "Rootline 诊断"),
    ("title.no_cause", "Something is wrong", "存在异常"),
    (
        "footer.made",
        "Made by Rootline from recorded state; every line can be looked up.",
        "由 Rootline 根据集群状态生成，每条依据均可查证。",
    ),
    // verdict and severity
    ("verdict.likely", "likely", "很可能"),
    ("verdict.possible", "possible", "可能"),
    ("verdict.none", "no confident cause", "无法确定原因"),
    ("severity.critical", "critical", "严重"),
    ("severity.error", "error", "错误"),
    ("severity.warning", "warning", "警告"),
    // time
    ("age.s", "{n} s", "{n} 秒"),
    ("age.min", "{n} min", "{n} 分钟"),
    ("age.h", "{n} h", "{n} 小时"),
    ("age.d", "{n} d", "{n} 天"),
    ("age.now", "just now", "刚刚"),
    ("age.ago", "{age} ago", "{age}前"),
    ("age.ahead", "{age} after the state was read", "晚于读取时刻 {age}"),
    ("since.ago", "since {ago}", "{ago}开始"),
    ("since.at", "since {time}, {ago}", "始于 {time}，{ago}"),
    // evidence: the word in front, then what is said
    ("kind.field", "field", "字段"),
    ("kind.condition", "condition", "状况"),
    ("kind.state", "state", "状态"),
    ("kind.event", "event", "事件"),
    ("kind.log", "log", "日志"),
    ("kind.absent", "missing", "缺失"),
    ("kind.arithmetic", "sum", "核算"),
    ("kind.sample", "metric", "指标"),
    ("kind.quote", "quote", "原文"),
    ("kind.alert", "alert", "告警"),
    ("seen.field", "{path} = {value}", "{path} = {value}"),
    ("seen.condition", "{condition} = {status}", "{condition} = {status}"),
    ("seen.exit_code", "exit code {code}", "退出码 {code}"),
    ("seen.last", "last {ago}", "最近一次：{ago}"),
    ("seen.since", "since {ago}", "{ago}开始"),
    ("seen.previous", "previous run", "上一次运行"),
    ("seen.absent", "{object} does not exist, named by {by}", "{object} 不存在，被 {by} 引用"),
    ("seen.firing", "firing", "触发中"),
    ("quote.open", "“", "“"),
    ("quote.close", "”", "”"),
    // how a cause was weighed
    ("why.rule", "rule {rule}: {nats} nats", "规则 {rule}：{nats} nats"),
    ("why.finding", "{finding} on {entity}", "{entity} 出现 {finding}"),
    ("why.base", "how often {rule} is the cause of such things", "{rule} 作为此类问题原因的常见程度"),
    ("why.explains", "explains {count} other findings", "可解释另外 {count} 个异常"),
    ("why.explains.one", "explains {count} other finding", "可解释另外 {count} 个异常"),
    ("why.unexplained", "leaves {count} findings unexplained", "仍有 {count} 个异常无法解释"),
    ("why.unexplained.one", "leaves {count} finding unexplained", "仍有 {count} 个异常无法解释"),
    ("why.evidence_count", "{count} independent pieces of evidence", "有 {count} 条相互独立的依据"),
    ("why.evidence_count.one", "{count} piece of evidence", "有 {count} 条依据"),
    ("why.direct", "the evidence names it directly", "依据直接指明了它"),
    ("why.quoted", "an error message says so: {text}", "错误信息明确指出：{text}"),
    ("why.recent_change", "changed {age} before the onset", "在异常开始前 {age} 发生过变更"),
    ("why.onset_first", "began first", "最先出现"),
    ("why.onset_late", "began {age} after its supposed effects", "比其应引发的现象晚 {age} 出现"),
    ("why.upstream", "others depend on it", "其他对象依赖于它"),
    ("why.explained_by", "itself follows from {cause}", "它本身由 {cause} 引发"),
    ("why.explained", "itself follows from a stronger cause", "它本身由更有力的原因引发"),
    ("why.gap", "not seen: {what}", "未能看到：{what}"),
    ("why.alone", "nothing else points at it", "没有其他现象指向它"),
    ("why.only_candidate", "no other candidate", "没有其他候选原因"),
    ("why.same_name", "the same name in both places", "两处使用了相同的名称"),
    ("why.against", "speaks against it: {finding} on {entity}", "反面依据：{entity} 出现 {finding}"),
    ("why.healthy", "works for others: {what}", "对其他对象正常：{what}"),
    ("why.decision_tree", "step {step} of the decision tree “{name}”", "决策树“{name}”第 {step} 步"),
    // why a finding was folded in
    ("fold.explained", "follows from {cause}", "由 {cause} 引发"),
    ("fold.same", "the same problem on {entity}", "{entity} 上的同一问题"),
    ("fold.downstream", "{entity} depends on {cause}", "{entity} 依赖 {cause}"),
    ("fold.same_workload", "belongs to the same workload, {entity}", "属于同一工作负载 {entity}"),
    ("fold.same_node", "runs on the same node, {entity}", "运行在同一节点 {entity}"),
    ("fold.same_config", "uses the same {entity}", "使用同一个 {entity}"),
    ("fold.time", "began at the same time", "同一时间出现"),
    ("fold.cause", "is the evidence itself", "即原因本身的依据"),
    ("fold.risk", "a risk on the same thing", "同一对象上的风险"),
    // why a candidate lost
    ("lost.weaker", "weaker evidence ({nats} against {best} nats)", "依据较弱（{nats} 对 {best} nats）"),
    ("lost.explained", "itself explained by {cause}", "它本身可由 {cause} 解释"),
    ("lost.fewer", "explains {count} of {total} findings", "只能解释 {total} 个异常中的 {count} 个"),
    ("lost.later", "began {age} later", "晚 {age} 出现"),
    ("lost.narrower", "a narrower statement of the same problem", "是同一问题的局部表述"),
    ("lost.broader", "a broader statement of the same problem", "是同一问题的笼统表述"),
    ("lost.contradicted", "contradicted: {what}", "与事实不符：{what}"),
    ("lost.tie", "equal evidence; the broader cause is shown first", "依据相当，范围更大的原因列在前面"),
    // gaps
    ("gap_kind.forbidden", "the account may not read it", "当前账号无权读取"),
    ("gap_kind.absent", "the source does not hold it", "来源中没有"),
    ("gap_kind.unreadable", "it could not be read", "无法读取"),
    ("gap_kind.truncated", "a limit cut it short", "超出上限，已截断"),
    ("gap_kind.stale", "it is too old", "数据过旧"),
    // gaps that a source names
    ("gap.forbidden", "the account may not list it: {detail}", "当前账号无权列出：{detail}"),
    ("gap.server", "the API server did not deliver it: {detail}", "API Server 未能返回：{detail}"),
    ("gap.cut_list", "only the first {count} were read: {detail}", "只读到前 {count} 个：{detail}"),
    ("gap.metrics", "Prometheus could not be asked: {detail}", "无法查询 Prometheus：{detail}"),
    ("gap.log", "its log could not be read: {detail}", "日志无法读取：{detail}"),
    ("gap.not_yet", "not read yet", "尚未读取"),
    (
        "gap.stale",
        "known as it was at {time}; since then the API server did not deliver it: {detail}",
        "仅掌握 {time} 时的状态，此后 API Server 未能返回：{detail}",
    ),
    ("gap.limit", "only {count} are kept, there are more", "仅保留 {count} 个，实际更多"),
    ("gap.truncated", "the file ends early, what was there was read: {detail}", "文件不完整，已读取现有部分：{detail}"),
    ("gap.broken", "not readable: {detail}", "无法读取：{detail}"),
    ("gap.object", "this object could not be read: {detail}", "该对象无法读取：{detail}"),
    ("gap.too_large", "left out, it is larger than {detail} bytes", "已跳过，大小超过 {detail} 字节"),
    ("gap.too_deep", "left out, an archive inside an archive inside an archive", "已跳过，压缩包嵌套过深"),
    ("gap.zip", "left out, zip is not read; unpack it first", "已跳过，不支持 zip，请先解压"),
    ("gap.collector", "the collector could not read it: {detail}", "采集时未能读取：{detail}"),
    ("gap.checksum", "not as it was recorded: {detail}", "与录制时不一致：{detail}"),
    (
        "gap.clock",
        "its time {detail} is far ahead of the rest and is not taken for now",
        "其时间 {detail} 远晚于其他数据，不作为当前时间",
    ),
    ("gap.more", "{count} more like these", "另有 {count} 处类似情况"),
    // gaps that a stage names
    ("gap.no_events", "no events were read", "没有读到事件"),
    ("gap.no_logs", "no logs were read", "没有读到日志"),
    ("gap.no_metrics", "no metrics were read", "没有读到指标"),
    ("gap.old_events", "events older than {age} are gone", "{age} 之前的事件已被清除"),
    (
        "gap.not_listed",
        "{what} were not listed, so nobody can say what does not exist",
        "未列出 {what}，无法判断哪些不存在",
    ),
    ("gap.clock_skew", "clocks differ by {age}", "时钟相差 {age}"),
    ("gap.log_wanted", "the log of {entity} would tell more", "{entity} 的日志可提供更多线索"),
    // lists
    ("more", "and {count} more", "等，另有 {count} 个"),
    ("more.evidence", "{count} more lines with -v", "另有 {count} 条，加 -v 显示"),
    ("more.evidence.one", "{count} more line with -v", "另有 {count} 条，加 -v 显示"),
    ("more.groups", "{count} more findings of other kinds", "另有 {count} 个其他类型的异常"),
    ("more.groups.one", "{count} more finding of another kind", "另有 {count} 个其他类型的异常"),
    ("more.notes", "{count} risks and recovered faults, shown with -v", "{count} 个风险或已恢复的故障，加 -v 显示"),
    ("more.notes.one", "{count} risk or recovered fault, shown with -v", "{count} 个风险或已恢复的故障，加 -v 显示"),
    ("list.join", ", ", "、"),
    ("list.clause", ": ", "："),
    ("list.times", "×{count}", "×{count}"),
    ("list.kind", "{kind} {count}", "{kind} {count}"),
    ("more.checks", "{count} checks, listed with -v", "{count} 项检查，加 -v 列出"),
    // what was checked
    ("check.API machinery", "API machinery", "API 扩展机制"),
    ("check.ports of databases", "ports of databases", "数据库端口"),
    ("check.addresses in configuration", "addresses in configuration", "配置中的地址"),
    ("check.admission webhooks", "admission webhooks", "准入 Webhook"),
    ("check.alerts about the platform", "alerts about the platform", "平台告警"),
    ("check.autoscalers", "autoscalers", "自动伸缩"),
    ("check.certificate requests", "certificate requests", "证书签名请求"),
    ("check.connection tests", "connection tests", "连通性测试"),
    ("check.container configuration", "container configuration", "容器配置"),
    ("check.container ends and restarts", "container ends and restarts", "容器退出与重启"),
    ("check.container logs", "container logs", "容器日志"),
    ("check.container start", "container start", "容器启动"),
    ("check.control plane", "control plane", "控制面"),
    ("check.disruption budgets", "disruption budgets", "中断预算"),
    ("check.endpoints", "endpoints", "端点"),
    ("check.evictions", "evictions", "驱逐"),
    ("check.images", "images", "镜像"),
    ("check.ingresses, routes and load balancers", "ingresses, routes and load balancers", "Ingress、路由与负载均衡"),
    ("check.jobs", "jobs", "Job"),
    ("check.name resolution", "name resolution", "域名解析"),
    ("check.names of address settings", "names of address settings", "地址配置项名称"),
    ("check.network agents on nodes", "network agents on nodes", "节点网络代理"),
    ("check.network policies", "network policies", "网络策略"),
    ("check.node capacity and versions", "node capacity and versions", "节点容量与版本"),
    ("check.node events", "node events", "节点事件"),
    ("check.node services", "node services", "节点服务"),
    ("check.nodes", "nodes", "节点"),
    ("check.pod creation", "pod creation", "Pod 创建"),
    ("check.pod readiness", "pod readiness", "Pod 就绪"),
    ("check.pod scheduling", "pod scheduling", "Pod 调度"),
    ("check.pod set-up on nodes", "pod set-up on nodes", "节点上的 Pod 准备"),
    ("check.pod termination", "pod termination", "Pod 终止"),
    ("check.pods without a scheduler's verdict", "pods without a scheduler's verdict", "调度器未处理的 Pod"),
    ("check.ports inside pods", "ports inside pods", "Pod 内端口"),
    ("check.probes", "probes", "探针"),
    ("check.quotas", "quotas", "配额"),
    ("check.references to configuration", "references to configuration", "配置引用"),
    ("check.replicas of workloads", "replicas of workloads", "工作负载副本"),
    ("check.rollouts", "rollouts", "滚动发布"),
    ("check.routing tables", "routing tables", "路由表"),
    ("check.service ports", "service ports", "Service 端口"),
    ("check.services and their pods", "services and their pods", "Service 与 Pod"),
    ("check.single points and missing requests", "single points and missing requests", "单点与缺失的资源请求"),
    ("check.slow answers", "slow answers", "响应缓慢"),
    ("check.volume claims", "volume claims", "存储卷声明"),
    ("check.volume mounts", "volume mounts", "卷挂载"),
    ("check.volume permissions", "volume permissions", "卷权限"),
    ("check.volumes", "volumes", "存储卷"),
    ("check.workloads scaled to zero", "workloads scaled to zero", "副本数为零的工作负载"),
    // relations in the picture
    ("rel.runs_on", "runs on", "运行于"),
    ("rel.runs", "runs", "运行"),
    ("rel.owns", "owns", "拥有"),
    ("rel.has_part", "has part", "包含"),
    ("rel.selected_by", "selected by", "被选择"),
    ("rel.routed_to_by", "routed to by", "被路由"),
    ("rel.mounted_by", "mounted by", "被挂载"),
    ("rel.used_by", "used by", "被使用"),
    ("rel.called_by", "called by", "被调用"),
    ("rel.scaled_by", "scaled by", "被扩缩"),
    ("rel.limits", "limits", "限制"),
    ("rel.holds", "holds", "包含"),
    ("rel.serves", "serves", "服务于"),
    ("rel.owned_by", "owned by", "属于"),
    ("rel.part_of", "part of", "组成"),
    ("rel.selects", "selects", "选择"),
    ("rel.routes_to", "routes to", "路由到"),
    ("rel.mounts", "mounts", "挂载"),
    ("rel.uses_config", "uses", "使用"),
    ("rel.calls", "calls", "调用"),
    ("rel.scales", "scales", "伸缩"),
    ("rel.limited_by", "limited by", "受限于"),
    ("rel.in_namespace", "in", "位于"),
    ("rel.served_by", "served by", "由其提供"),
    ("picture.cause", "root cause", "根因"),
    ("picture.affected", "affected", "受影响"),
    ("picture.other", "related", "相关"),
    ("picture.alt", "{cause} and the {count} things around it", "{cause} 及其周围的 {count} 个对象"),
    ("picture.more", "{count} more", "另外 {count} 个"),
    // a live incident in a chat
    ("card.title_new", "[{severity}] {title}", "【{severity}】{title}"),
    ("card.title_update", "Update: {title}", "进展：{title}"),
    ("card.title_acked", "Taken by {by}: {title}", "{by} 已认领：{title}"),
    ("card.title_resolved", "Resolved: {title}", "已恢复：{title}"),
    ("card.number", "Incident {id}", "故障 {id}"),
    ("card.lasted", "lasted {age}, {from} to {to}", "持续 {age}，{from} 至 {to}"),
    ("card.with", "with {by}", "{by} 处理中"),
    ("card.latest", "Latest", "最新进展"),
    ("card.cause", "Root cause ({percent})", "根因（{percent}）"),
    ("card.cause_none", "Root cause", "根因"),
    ("card.cause_none_why", "no confident cause so far", "暂时无法确定"),
    ("card.evidence", "Evidence", "证据"),
    ("card.folded", "{count} alerts folded in", "已收拢 {count} 条告警"),
    ("card.folded.one", "{count} alert folded in", "已收拢 {count} 条告警"),
    ("card.commands", "Commands", "命令"),
    ("card.more", "{count} more", "另有 {count} 条"),
    ("card.named", "{names} and {count} more", "{names} 等，另有 {count} 个"),
    ("card.link", "Open the incident", "查看详情"),
    ("card.cut", "Shortened", "内容过长，已截断"),
    ("card.resolved", "resolved", "已恢复"),
    ("card.incidents", "Incidents", "故障"),
    ("card.digest", "{count} incidents", "{count} 起故障"),
    ("card.digest.one", "{count} incident", "{count} 起故障"),
    ("card.digest_open", "{n} open", "{n} 起未恢复"),
    ("card.digest_resolved", "{n} resolved", "{n} 起已恢复"),
    (
        "card.digest_why",
        "Sent together, because this channel takes only so many messages a minute",
        "消息较多，受该渠道发送频率限制，合并为一条",
    ),
    // the knowledge page
    ("page.cause", "root cause", "根因"),
    ("page.finding", "finding", "异常"),
    ("page.means", "What it means", "含义"),
    ("page.fooled_by", "What can look like it", "容易混淆的情况"),
    ("page.confirm", "How to confirm", "如何确认"),
    ("page.fix", "What to do", "如何处理"),
    ("page.catalogue", "Rows of the failure mode catalogue", "对应的故障模式目录行号"),
];

/// The text of a key in a language, `None` where no such key exists.
pub fn word(lang: Lang, key: &str) -> Option<&'static str> {
    let row = WORDS.iter().find(|(k, _, _)| *k == key)?;
    Some(match lang {
        Lang::En => row.1,
        Lang::Zh => row.2,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|t| t.split_once('}').map(|(name, _)| name)).collect()
    }

    #[test]
    fn both_languages_say_everything_with_the_same_places() {
        let mut seen = BTreeSet::new();
        for (key, en, zh) in WORDS {
            assert!(seen.insert(key), "{key} stands twice");
            assert!(!en.trim_end_matches('\n').is_empty() && !zh.is_empty(), "{key} is empty in a language");
            assert_eq!(places(en), places(zh), "{key}: places differ");
        }
    }

    #[test]
    fn a_singular_has_its_plural() {
        for (key, en, _) in WORDS {
            if let Some(plain) = key.strip_suffix(".one") {
                let plural = word(Lang::En, plain);
                assert_eq!(plural.map(places), Some(places(en)), "{key} without a fitting {plain}");
            }
        }
    }

    #[test]
    fn chinese_is_chinese() {
        let same: Vec<_> = WORDS.iter().filter(|(_, en, zh)| en == zh).map(|(key, _, _)| *key).collect();
        assert_eq!(
            same,
            ["scope.version", "seen.field", "seen.condition", "quote.open", "quote.close", "list.times", "list.kind"],
            "texts that are the same in both languages are names and formulas only"
        );
    }
}
