//! Finding codes: workloads.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    symptom("pod.not_ready", "Pod {name} is not ready: {reason}", "Pod {name} 未就绪：{reason}"),
    symptom(
        "deployment.replicas_short",
        "{ready} of {desired} replicas ready",
        "期望 {desired} 个副本，就绪 {ready} 个",
    ),
    symptom(
        "statefulset.replicas_short",
        "{ready} of {desired} replicas ready",
        "期望 {desired} 个副本，就绪 {ready} 个",
    ),
    symptom(
        "daemonset.replicas_short",
        "ready on {ready} of {desired} nodes",
        "应在 {desired} 个节点运行，就绪 {ready} 个",
    ),
    symptom(
        "replicaset.replicas_short",
        "{ready} of {desired} replicas ready",
        "期望 {desired} 个副本，就绪 {ready} 个",
    ),
    symptom(
        "statefulset.ordered_stall",
        "Pod {pod} is not ready, so {held} pods behind it are not created",
        "Pod {pod} 未就绪，其后的 {held} 个 Pod 无法创建",
    ),
    fact(
        "statefulset.service_missing",
        "The headless Service {service} that names its pods does not exist",
        "为其 Pod 提供域名的 Headless Service {service} 不存在",
    ),
    risk(
        "statefulset.service_absent",
        "The Service {service} named in spec.serviceName does not exist; nobody seems to use the pods' names",
        "spec.serviceName 指定的 Service {service} 不存在；目前似乎无人使用 Pod 域名",
    ),
    risk(
        "daemonset.misscheduled",
        "{count} pods run on nodes where they should not",
        "{count} 个 Pod 运行在不应运行的节点上",
    ),
    symptom(
        "daemonset.rollout_stuck",
        "The update reached {updated} of {desired} nodes and waits for a pod on {node}",
        "更新仅完成 {updated}/{desired} 个节点，卡在节点 {node} 的 Pod 上",
    ),
    symptom(
        "rollout.deadline_exceeded",
        "The rollout has not finished within {deadline} s",
        "滚动发布超过 {deadline} 秒仍未完成",
    ),
    symptom(
        "rollout.new_revision_fails",
        "All pods of revision {revision} fail while revision {good_revision} still serves",
        "版本 {revision} 的 Pod 全部异常，旧版本 {good_revision} 仍在服务",
    ),
    risk(
        "rollout.paused",
        "The rollout is paused with {updated} pods updated",
        "发布已暂停，仅更新了 {updated} 个 Pod",
    ),
    fact(
        "workload.generation_lag",
        "Generation {generation} is not acted on (observed {observed})",
        "第 {generation} 代变更未被处理（已观测到 {observed}）",
    ),
    fact(
        "workload.scaled_to_zero",
        "Scaled to 0 while somebody needs it: {callers}",
        "副本数为 0，但仍被依赖：{callers}",
    ),
    risk("workload.idle", "Scaled to 0; nobody seems to need it", "副本数为 0，目前似乎无人依赖"),
    risk(
        "workload.single_replica",
        "{count} workloads behind an ingress or route have a single replica: {workloads}",
        "{count} 个对外入口后的工作负载只有单副本：{workloads}",
    ),
    risk(
        "workload.no_requests",
        "{count} workloads set neither requests nor limits: {workloads}",
        "{count} 个工作负载未设置 requests 和 limits：{workloads}",
    ),
    symptom("job.backoff_limit", "The Job reached its back-off limit of {limit}", "Job 已达到重试上限 {limit}"),
    fact(
        "job.deadline_exceeded",
        "The Job ran longer than activeDeadlineSeconds ({deadline} s) and was stopped",
        "Job 运行超过 activeDeadlineSeconds（{deadline} 秒），已被终止",
    ),
    fact(
        "job.failed_by_policy",
        "The Job was failed by its podFailurePolicy: {message}",
        "Job 按 podFailurePolicy 判定失败：{message}",
    ),
    risk("cronjob.suspended", "The CronJob is suspended", "CronJob 已挂起"),
    fact("cronjob.bad_schedule", "The schedule \"{schedule}\" cannot be read", "调度表达式 \"{schedule}\" 无法解析"),
    fact("cronjob.missed", "{missed} runs were missed (schedule {schedule})", "错过 {missed} 次调度（{schedule}）"),
    risk(
        "cronjob.overlap",
        "{active} runs are under way at once: a run takes longer than the schedule {schedule}",
        "同时有 {active} 个任务在运行：单次执行时间超过调度间隔 {schedule}",
    ),
    fact("hpa.target_missing", "The autoscaler's target {target} does not exist", "HPA 的伸缩目标 {target} 不存在"),
    fact("hpa.cannot_scale", "The autoscaler cannot scale {target}: {message}", "HPA 无法伸缩 {target}：{message}"),
    fact("hpa.no_metrics", "The autoscaler gets no metrics: {message}", "HPA 获取不到指标：{message}"),
    fact(
        "hpa.no_requests",
        "The autoscaler counts in percent of requests that {target} does not set",
        "HPA 按 requests 的百分比伸缩，但 {target} 未设置 requests",
    ),
    fact(
        "hpa.ambiguous_selector",
        "Pods of {target} are claimed by several autoscalers",
        "{target} 的 Pod 同时被多个 HPA 选中",
    ),
    risk("hpa.maxed", "At its upper bound of {max} replicas", "已达到最大副本数 {max}"),
    risk("hpa.flapping", "{count} scalings within ten minutes", "十分钟内伸缩 {count} 次"),
    fact(
        "pdb.blocks_drain",
        "The disruption budget ({rule}, {healthy} healthy of {pods}) lets no pod go while a node is drained",
        "PDB（{rule}，{pods} 个 Pod 中 {healthy} 个健康）不允许驱逐任何 Pod，节点排空被阻塞",
    ),
    risk(
        "pdb.no_disruption_allowed",
        "The disruption budget ({rule}) lets no pod go now; a drain would wait",
        "PDB（{rule}）当前不允许驱逐任何 Pod，排空节点时会被阻塞",
    ),
];
