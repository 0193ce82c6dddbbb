//! Finding codes: scheduling, admission, images, creation of containers.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    // scheduling, admission, image, create
    fact(
        "pod.unschedulable.cpu",
        "{pods} pod(s) ask for more CPU than a usable node has[[: {requested}]][[; at most {free} is free]][[, the largest node has {largest}]]",
        "{pods} 个 Pod 申请 CPU 超出可用节点余量[[：{requested}]][[，单节点最多剩余 {free}]][[，最大节点共 {largest}]]",
    ),
    fact(
        "pod.unschedulable.memory",
        "{pods} pod(s) ask for more memory than a usable node has[[: {requested}]][[; at most {free} is free]][[, the largest node has {largest}]]",
        "{pods} 个 Pod 申请内存 超出可用节点余量[[：{requested}]][[，单节点最多剩余 {free}]][[，最大节点共 {largest}]]",
    ),
    fact(
        "pod.unschedulable.ephemeral_storage",
        "{pods} pod(s) ask for more ephemeral storage than a usable node has[[: {requested}]][[; at most {free} is free]][[, the largest node has {largest}]]",
        "{pods} 个 Pod 申请临时存储 超出可用节点余量[[：{requested}]][[，单节点最多剩余 {free}]][[，最大节点共 {largest}]]",
    ),
    fact(
        "pod.unschedulable.extended_resource",
        "{pods} pod(s) ask for {requested} {resource}; at most {free} is free on a node, the largest has {largest}",
        "{pods} 个 Pod 申请 {resource} {requested}，单节点最多剩余 {free}，最大节点共 {largest}",
    ),
    fact(
        "pod.unschedulable.too_many_pods",
        "no pod slot is left for {pods} pod(s): nodes take at most {largest} pods",
        "{pods} 个 Pod 没有可用的 Pod 名额：节点最多容纳 {largest} 个 Pod",
    ),
    fact(
        "pod.unschedulable.taint",
        "taint {taint} is not tolerated by {pods} pod(s)",
        "{pods} 个 Pod 不容忍污点 {taint}",
    ),
    fact(
        "pod.unschedulable.cordon",
        "node {node_names} that would take {pods} pod(s) is cordoned",
        "可接纳 {pods} 个 Pod 的节点 {node_names} 已被封锁（cordon）",
    ),
    fact(
        "pod.unschedulable.node_down",
        "node {node_names} that would take {pods} pod(s) is not usable: {taint}",
        "可接纳 {pods} 个 Pod 的节点 {node_names} 当前不可用：{taint}",
    ),
    fact(
        "pod.unschedulable.node_selector",
        "no usable node has the labels {selector}; nodes have {have}",
        "没有可用节点带标签 {selector}；节点现有 {have}",
    ),
    fact(
        "pod.unschedulable.node_affinity",
        "no usable node satisfies the node affinity {selector}; nodes have {have}",
        "没有可用节点满足节点亲和性 {selector}；节点现有 {have}",
    ),
    fact(
        "pod.unschedulable.pod_affinity",
        "no node runs a pod {selector} that this pod must be near",
        "没有节点运行 Pod 亲和性要求的 Pod {selector}",
    ),
    fact(
        "pod.unschedulable.pod_anti_affinity",
        "pod anti-affinity keeps {pods} pod(s) off every node; in the way: {others}",
        "Pod 反亲和性使 {pods} 个 Pod 无节点可用；冲突的 Pod：{others}",
    ),
    fact(
        "pod.unschedulable.topology_spread",
        "topology spread constraint {rule} leaves no node",
        "拓扑分布约束 {rule} 使得没有节点可用",
    ),
    fact(
        "pod.unschedulable.host_port",
        "host port {port} is taken on every node",
        "每个节点上的主机端口 {port} 都已被占用",
    ),
    fact(
        "pod.unschedulable.volume_zone",
        "the volume {volume} cannot be reached from any node that would take the pod",
        "能接纳该 Pod 的节点都无法访问卷 {volume}",
    ),
    fact(
        "pod.unschedulable.volume_limit",
        "nodes have as many volumes attached as they can ({refused} node(s))",
        "{refused} 个节点挂载的卷数已达上限",
    ),
    symptom(
        "pod.unschedulable.volume_unbound",
        "{pods} pod(s) wait for claim {claim} to be bound",
        "{pods} 个 Pod 在等待 PVC {claim} 绑定",
    ),
    fact("volume.claim_missing", "claim {claim} does not exist", "PVC {claim} 不存在"),
    symptom(
        "pod.unschedulable.other",
        "{pods} pod(s) are not scheduled: {message}",
        "{pods} 个 Pod 未被调度：{message}",
    ),
    fact("pod.unschedulable.gated", "scheduling gate {gates} is not lifted", "调度门 {gates} 尚未解除"),
    fact("pod.unschedulable.no_scheduler", "no scheduler has looked at the pod", "没有调度器处理该 Pod"),
    fact(
        "pod.unschedulable.scheduler_name",
        "scheduler {scheduler}, which the pod asks for, does not act",
        "Pod 指定的调度器 {scheduler} 没有工作",
    ),
    fact(
        "pod.preempted",
        "pod {victim} was pushed out by a pod of higher priority",
        "Pod {victim} 被更高优先级的 Pod 抢占",
    ),
    symptom(
        "autoscaler.no_scale_up",
        "the cluster autoscaler cannot help: {message}",
        "集群自动扩容无法满足：{message}",
    ),
    fact(
        "autoscaler.scale_up_failed",
        "the cluster autoscaler failed to add a node: {message}",
        "集群自动扩容失败：{message}",
    ),
    fact(
        "quota.exceeded",
        "quota {quota} refuses pods: {resource} requested {requested}, used {used}, limit {limited}",
        "配额 {quota} 拒绝创建 Pod：{resource} 申请 {requested}，已用 {used}，上限 {limited}",
    ),
    fact(
        "quota.must_specify",
        "quota {quota} refuses pods that do not state {missing}",
        "配额 {quota} 要求 Pod 声明 {missing}，未声明的被拒绝",
    ),
    fact(
        "quota.blocks_service",
        "quota {quota} for {resource} is used up ({used} of {limited}) and Service {missing} is missing",
        "配额 {quota} 的 {resource} 已用尽（{used}/{limited}），Service {missing} 缺失",
    ),
    fact(
        "quota.blocks_claim",
        "quota {quota} for {resource} ({used} of {limited}) leaves too little for claim {missing}, which is missing",
        "配额 {quota} 的 {resource}（{used}/{limited}）余量不足，PVC {missing} 缺失",
    ),
    risk(
        "quota.may_block_claim",
        "quota {quota} for {resource} ({used} of {limited}) may have refused claim {missing}, which is missing",
        "配额 {quota} 的 {resource}（{used}/{limited}）可能拒绝了缺失的 PVC {missing}",
    ),
    risk(
        "quota.full",
        "quota {quota} is used up: {resource} {used} of {limited}",
        "配额 {quota} 已用尽：{resource} {used}/{limited}",
    ),
    fact("limitrange.violated", "a LimitRange refuses pods: {rule}", "LimitRange 拒绝创建 Pod：{rule}"),
    fact(
        "pod_security.violated",
        "pod security level {level} refuses pods: {violations}",
        "Pod 安全级别 {level} 拒绝创建 Pod：{violations}",
    ),
    fact(
        "webhook.call_failed",
        "admission webhook {webhook} cannot be called ({why})",
        "准入 webhook {webhook} 调用失败（{why}）",
    ),
    fact(
        "webhook.no_backend",
        "admission webhook {webhook} has nothing behind it ({why})",
        "准入 webhook {webhook} 没有后端（{why}）",
    ),
    fact(
        "webhook.denied",
        "admission webhook {webhook} denies pods: {reason}",
        "准入 webhook {webhook} 拒绝 Pod：{reason}",
    ),
    fact(
        "serviceaccount.missing",
        "service account {service_account} does not exist",
        "ServiceAccount {service_account} 不存在",
    ),
    risk(
        "serviceaccount.gone",
        "service account {service_account} does not exist; the next pod cannot be created",
        "ServiceAccount {service_account} 不存在，之后的 Pod 将无法创建",
    ),
    fact(
        "priorityclass.missing",
        "priority class {priority_class} does not exist",
        "PriorityClass {priority_class} 不存在",
    ),
    fact(
        "pod.create_refused",
        "the API server refuses to create pods: {message}",
        "API Server 拒绝创建 Pod：{message}",
    ),
    fact("image.not_found", "image {image} does not exist", "镜像 {image} 不存在"),
    fact(
        "image.pull_denied",
        "registry {registry} refuses image {image}; credentials: {credentials}",
        "镜像仓库 {registry} 拒绝拉取 {image}；凭据：{credentials}",
    ),
    fact(
        "image.pull_secret_missing",
        "registry {registry} refuses image {image} and pull secret {secret} does not exist",
        "镜像仓库 {registry} 拒绝拉取 {image}，拉取凭据 Secret {secret} 不存在",
    ),
    fact("image.rate_limited", "registry {registry} limits the rate of pulls", "镜像仓库 {registry} 限流"),
    fact("image.registry_dns", "the name of registry {registry} is not resolved", "镜像仓库域名 {registry} 无法解析"),
    fact("image.registry_unreachable", "registry {registry} is not reached", "无法连接镜像仓库 {registry}"),
    fact(
        "image.registry_tls",
        "the certificate of registry {registry} is refused",
        "镜像仓库 {registry} 的证书不被信任",
    ),
    fact(
        "image.wrong_platform",
        "image {image} is not made for the node's processor ({architecture})",
        "镜像 {image} 不支持节点的处理器架构（{architecture}）",
    ),
    fact(
        "image.no_space",
        "no space for image {image} on node {node}",
        "节点 {node} 磁盘空间不足，无法存放镜像 {image}",
    ),
    fact("image.signature_refused", "the signature of image {image} is refused", "镜像 {image} 签名校验未通过"),
    fact("image.invalid_name", "{image} is no valid image name", "镜像名 {image} 不合法"),
    fact(
        "image.never_pull",
        "image {image} is not on node {node} and may not be pulled",
        "节点 {node} 上没有镜像 {image}，且策略禁止拉取",
    ),
    fact(
        "image.inspect_failed",
        "the runtime on node {node} cannot read image {image}",
        "节点 {node} 的运行时无法读取镜像 {image}",
    ),
    fact("image.pull_failed", "image {image} cannot be pulled: {message}", "镜像 {image} 拉取失败：{message}"),
    fact(
        "registry.unreachable",
        "{workloads} workloads cannot pull from registry {registry} ({why})",
        "{workloads} 个工作负载无法从镜像仓库 {registry} 拉取（{why}）",
    ),
    fact("config.configmap_missing", "ConfigMap {configmap} does not exist", "ConfigMap {configmap} 不存在"),
    fact("config.secret_missing", "Secret {secret} does not exist", "Secret {secret} 不存在"),
    fact("config.key_missing", "key {key} is not in {object}", "{object} 中没有键 {key}"),
    risk(
        "config.reference_gone",
        "{object} does not exist; the next start will fail",
        "{object} 不存在，下次启动会失败",
    ),
    fact("container.config_error", "the container's configuration is refused: {message}", "容器配置有误：{message}"),
    fact(
        "container.run_as_root",
        "the image runs as {user} and the pod forbids root",
        "镜像以 {user} 运行，而 Pod 禁止 root",
    ),
    fact("container.command_not_found", "command {program} is not in the image", "镜像中没有命令 {program}"),
    fact("container.command_not_executable", "command {program} may not be executed", "命令 {program} 不可执行"),
    fact("container.mount_failed", "a mount of the container fails: {message}", "容器挂载失败：{message}"),
    fact(
        "container.limit_too_low",
        "the memory limit is too low to start the process at all",
        "内存限制过低，进程无法启动",
    ),
    fact(
        "container.runtime_timeout",
        "the runtime on node {node} does not answer in time",
        "节点 {node} 的容器运行时响应超时",
    ),
    fact("container.start_failed", "the container cannot be started: {message}", "容器无法启动：{message}"),
    fact(
        "container.init_failed",
        "init container {container} fails[[ with exit code {exit_code}]]",
        "Init 容器 {container} 失败[[，退出码 {exit_code}]]",
    ),
    fact("hook.post_start_failed", "the postStart hook fails: {message}", "postStart 钩子失败：{message}"),
    risk("hook.pre_stop_failed", "the preStop hook fails: {message}", "preStop 钩子失败：{message}"),
    fact("pod.sandbox_no_address", "no pod address is left for node {node}", "节点 {node} 没有可分配的 Pod IP"),
    fact(
        "pod.sandbox_network",
        "the pod network on node {node} cannot be set up: {message}",
        "节点 {node} 无法配置 Pod 网络：{message}",
    ),
    fact(
        "pod.sandbox_failed",
        "the pod sandbox on node {node} cannot be made: {message}",
        "节点 {node} 无法创建 Pod sandbox：{message}",
    ),
    fact(
        "pod.device_failed",
        "a device of the pod is gone on node {node}: {message}",
        "节点 {node} 上 Pod 所需设备不可用：{message}",
    ),
    fact(
        "pod.refused_by_kubelet",
        "the kubelet of node {node} refuses the pod: {reason}",
        "节点 {node} 的 kubelet 拒绝该 Pod：{reason}",
    ),
    risk(
        "pod.refused_before",
        "node {node} refused a pod that has been replaced: {reason}",
        "节点 {node} 曾拒绝的 Pod 已被替换：{reason}",
    ),
    symptom(
        "pod.stuck_creating",
        "the pod has been in ContainerCreating on node {node} for {minutes} min",
        "Pod 在节点 {node} 上处于 ContainerCreating 已 {minutes} 分钟",
    ),
];
