//! Finding codes: containers that end, probes, logs, evictions, termination.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    // containers
    fact(
        "container.oom_killed",
        "{container} was killed at its memory limit[[ {limit}]] ({restarts} restarts)",
        "容器 {container} 达到内存上限[[ {limit}]] 被杀死（已重启 {restarts} 次）",
    ),
    fact(
        "container.oom_child",
        "a process inside {container} was killed for memory[[ (limit {limit})]]",
        "容器 {container} 内的子进程因内存不足被杀死[[（上限 {limit}）]]",
    ),
    fact(
        "container.oom_node",
        "{container} was killed because node {node} ran out of memory",
        "节点 {node} 内存耗尽，容器 {container} 被杀死",
    ),
    fact(
        "container.killed",
        "{container} was killed by SIGKILL[[ (exit code {exit_code})]]; nobody says by whom",
        "容器 {container} 被 SIGKILL 杀死[[（退出码 {exit_code}）]]，来源不明",
    ),
    fact(
        "container.native_crash",
        "{container} crashed with {signal}[[ (exit code {exit_code})]]",
        "容器 {container} 因 {signal} 崩溃[[（退出码 {exit_code}）]]",
    ),
    fact(
        "container.stopped",
        "{container} was stopped by SIGTERM[[ (exit code {exit_code})]] and started again",
        "容器 {container} 被 SIGTERM 停止[[（退出码 {exit_code}）]]后又被拉起",
    ),
    fact(
        "container.exits_clean",
        "{container} ends with exit code 0 and is started again and again ({restarts} restarts)",
        "容器 {container} 以退出码 0 正常结束，却被反复拉起（{restarts} 次）",
    ),
    fact(
        "container.crash",
        "{container} exits[[ with {exit_code}]][[: {line}]]",
        "容器 {container} [[以退出码 {exit_code} ]]退出[[：{line}]]",
    ),
    symptom(
        "container.crash_on_dependency",
        "{container} exits[[ with {exit_code}]] because something it needs does not answer: {line}",
        "容器 {container} 因依赖不可用[[以退出码 {exit_code} ]]退出：{line}",
    ),
    symptom(
        "container.lost",
        "{container} was lost with node {node} or its runtime ({reason})",
        "容器 {container} 随节点 {node} 或其运行时一起丢失（{reason}）",
    ),
    symptom(
        "container.terminated",
        "{container} terminated: {reason}[[, exit code {exit_code}]]",
        "容器 {container} 已终止：{reason}[[，退出码 {exit_code}]]",
    ),
    symptom(
        "container.back_off",
        "{container} waits in CrashLoopBackOff ({restarts} restarts)",
        "容器 {container} 处于 CrashLoopBackOff（已重启 {restarts} 次）",
    ),
    risk(
        "container.restarted",
        "{container} ended once ({reason}[[, exit code {exit_code}]]) and has been ready since",
        "容器 {container} 曾经退出（{reason}[[，退出码 {exit_code}]]），之后已恢复就绪",
    ),
    symptom(
        "workload.restart_storm",
        "{pods} pods restarted within minutes of each other",
        "{pods} 个 Pod 在几分钟内先后重启",
    ),
    // probes
    fact(
        "probe.liveness_wrong_port",
        "the liveness probe of {container} asks port {actual}; it serves {expected}",
        "容器 {container} 的 liveness 探针访问端口 {actual}，实际服务端口为 {expected}",
    ),
    fact(
        "probe.liveness_wrong_protocol",
        "the liveness probe of {container} speaks {actual} to port {port}, which speaks {expected}",
        "容器 {container} 的 liveness 探针用 {actual} 访问端口 {port}，而该端口使用 {expected}",
    ),
    fact(
        "probe.liveness_wrong_path",
        "the liveness probe of {container} asks a path that is not there: {actual}",
        "容器 {container} 的 liveness 探针访问的路径不存在：{actual}",
    ),
    fact(
        "probe.liveness_wrong_timing",
        "the liveness probe kills {container} before it is up (delay {delay} s, period {period} s, {failures} failures, timeout {timeout} s)",
        "liveness 探针过严，容器 {container} 尚未启动完成就被杀（delay {delay}s，period {period}s，失败 {failures} 次，timeout {timeout}s）",
    ),
    fact(
        "probe.liveness_failing",
        "{container} fails its liveness probe and is killed: {message}",
        "容器 {container} 的 liveness 探针失败并被杀：{message}",
    ),
    fact(
        "probe.readiness_wrong_port",
        "the readiness probe of {container} asks port {actual}; it serves {expected}",
        "容器 {container} 的 readiness 探针访问端口 {actual}，实际服务端口为 {expected}",
    ),
    fact(
        "probe.readiness_wrong_protocol",
        "the readiness probe of {container} speaks {actual} to port {port}, which speaks {expected}",
        "容器 {container} 的 readiness 探针用 {actual} 访问端口 {port}，而该端口使用 {expected}",
    ),
    fact(
        "probe.readiness_wrong_path",
        "the readiness probe of {container} asks a path that is not there: {actual}",
        "容器 {container} 的 readiness 探针访问的路径不存在：{actual}",
    ),
    fact(
        "probe.readiness_wrong_timing",
        "the readiness probe of {container} cannot succeed in its time ({actual}; delay {delay} s, timeout {timeout} s)",
        "容器 {container} 的 readiness 探针时间设置不合理（{actual}；delay {delay}s，timeout {timeout}s）",
    ),
    fact(
        "probe.readiness_failing",
        "{container} fails its readiness probe: {message}",
        "容器 {container} 的 readiness 探针失败：{message}",
    ),
    fact(
        "probe.startup_wrong_port",
        "the startup probe of {container} asks port {actual}; it serves {expected}",
        "容器 {container} 的 startup 探针访问端口 {actual}，实际服务端口为 {expected}",
    ),
    fact(
        "probe.startup_wrong_protocol",
        "the startup probe of {container} speaks {actual} to port {port}, which speaks {expected}",
        "容器 {container} 的 startup 探针用 {actual} 访问端口 {port}，而该端口使用 {expected}",
    ),
    fact(
        "probe.startup_wrong_path",
        "the startup probe of {container} asks a path that is not there: {actual}",
        "容器 {container} 的 startup 探针访问的路径不存在：{actual}",
    ),
    fact(
        "probe.startup_wrong_timing",
        "{container} needs longer to start than its startup probe allows ({window} s)",
        "容器 {container} 的启动时间超过 startup 探针允许的 {window} 秒",
    ),
    fact(
        "probe.startup_failing",
        "{container} fails its startup probe: {message}",
        "容器 {container} 的 startup 探针失败：{message}",
    ),
    symptom(
        "probe.waits_on_dependency",
        "{container} fails its {probe} probe while its log tells of a dependency that does not answer",
        "容器 {container} 的 {probe} 探针失败，日志显示其依赖不可用",
    ),
    // logs
    symptom("log.error", "{container} logs: {line}", "容器 {container} 日志：{line}"),
    symptom(
        "log.connection_refused",
        "{container} cannot connect to {target}: {line}",
        "容器 {container} 无法连接 {target}：{line}",
    ),
    symptom(
        "log.connection_timeout",
        "{container} gets no answer from {target}: {line}",
        "容器 {container} 连接 {target} 超时：{line}",
    ),
    symptom("log.dns_failure", "{container} cannot resolve {host}: {line}", "容器 {container} 无法解析 {host}：{line}"),
    symptom(
        "dependency.refuses",
        "{target} refuses the connections of {workload}",
        "{target} 拒绝了 {workload} 的连接",
    ),
    fact(
        "dependency.outside_unreachable",
        "{workload} cannot reach {target}, which lies outside the cluster",
        "{workload} 无法访问集群外的 {target}",
    ),
    fact(
        "database.credentials_refused",
        "{database} refuses the credentials of user {user}",
        "数据库 {database} 拒绝了用户 {user} 的凭据",
    ),
    fact(
        "database.rejects_all_callers",
        "{database} refuses the credentials of all its callers: {callers}",
        "数据库 {database} 拒绝了所有调用方的凭据：{callers}",
    ),
    fact("database.connections_exhausted", "{database} has no connections left", "数据库 {database} 的连接数已用尽"),
    fact(
        "database.pool_exhausted",
        "the connection pool towards {database} is exhausted",
        "到数据库 {database} 的连接池已耗尽",
    ),
    fact(
        "database.wrong_port",
        "port {actual} is asked of service {service}, which has {expected}",
        "访问 Service {service} 的端口 {actual}，而它只有 {expected}",
    ),
    fact(
        "database.read_only",
        "{database} refuses writes: it is read-only",
        "数据库 {database} 处于只读状态，拒绝写入",
    ),
    fact(
        "log.port_in_use",
        "{container} cannot listen on port {port}: it is in use",
        "容器 {container} 无法监听端口 {port}：端口已被占用",
    ),
    fact("log.disk_full", "{container} finds no space left at {path}", "容器 {container} 写入 {path} 时磁盘空间不足"),
    fact(
        "log.read_only_filesystem",
        "{container} cannot write {path}: read-only ({why})",
        "容器 {container} 无法写入 {path}：只读（{why}）",
    ),
    fact(
        "log.heap_exhausted",
        "the runtime of {container} ran out of memory: {line}",
        "容器 {container} 的运行时内存耗尽：{line}",
    ),
    fact("log.file_limit", "{container} has too many files open: {line}", "容器 {container} 打开的文件过多：{line}"),
    fact(
        "log.thread_limit",
        "{container} cannot start more threads: {line}",
        "容器 {container} 无法再创建线程：{line}",
    ),
    fact(
        "log.certificate_expired",
        "{container} meets an expired certificate: {line}",
        "容器 {container} 遇到过期证书：{line}",
    ),
    fact(
        "log.certificate_untrusted",
        "{container} does not trust a certificate: {line}",
        "容器 {container} 不信任对端证书：{line}",
    ),
    fact(
        "log.api_forbidden",
        "service account {account} may not {verb} {resource}",
        "ServiceAccount {account} 无权对 {resource} 执行 {verb}",
    ),
    fact("log.config_missing", "{container} lacks the setting {setting}", "容器 {container} 缺少配置项 {setting}"),
    fact(
        "log.schema_missing",
        "the database schema is not what {container} needs: {line}",
        "数据库结构与容器 {container} 的要求不符：{line}",
    ),
    fact(
        "log.volume_permission_denied",
        "{container} may not use {path} on volume {volume} (user {user})",
        "容器 {container} 无权访问卷 {volume} 上的 {path}（用户 {user}）",
    ),
    fact(
        "log.permission_denied",
        "{container} may not use {path} (user {user})",
        "容器 {container} 无权访问 {path}（用户 {user}）",
    ),
    fact(
        "log.unauthorized",
        "{container} is refused as unauthorized: {line}",
        "容器 {container} 的请求未通过认证：{line}",
    ),
    // evictions and termination
    fact(
        "pod.evicted.memory",
        "{pod} was evicted: node {node} was low on memory",
        "Pod {pod} 被驱逐：节点 {node} 内存不足",
    ),
    fact(
        "pod.evicted.disk",
        "{pod} was evicted: node {node} was low on {resource}",
        "Pod {pod} 被驱逐：节点 {node} {resource} 不足",
    ),
    fact(
        "pod.evicted.pids",
        "{pod} was evicted: node {node} was low on process ids",
        "Pod {pod} 被驱逐：节点 {node} PID 不足",
    ),
    fact(
        "pod.evicted.own_limit",
        "{pod} was evicted: it used more local storage than its own limit",
        "Pod {pod} 被驱逐：本地临时存储超过自身上限",
    ),
    fact("pod.evicted.other", "{pod} was evicted[[: {message}]]", "Pod {pod} 被驱逐[[：{message}]]"),
    symptom(
        "pod.evicted.taint",
        "{pod} was taken off node {node} for its taint {resource}",
        "Pod {pod} 因节点 {node} 的污点 {resource} 被驱离",
    ),
    symptom(
        "pod.evicted.api",
        "{pod} was evicted through the API: a drain, or an autoscaler",
        "Pod {pod} 通过驱逐 API 被驱逐（drain 或自动缩容）",
    ),
    fact(
        "pod.evicted.node_shutdown",
        "{pod} ended with node {node}, which shut down",
        "节点 {node} 关机，Pod {pod} 随之结束",
    ),
    risk("pod.was_evicted", "{pod} was evicted and has been replaced", "Pod {pod} 曾被驱逐，现已由新 Pod 替代"),
    fact(
        "pod.stuck_terminating.finalizer",
        "{pod} cannot go: finalizers {finalizers} ({overdue} overdue)",
        "Pod {pod} 无法删除：finalizer {finalizers} 未清除（已超时 {overdue}）",
    ),
    symptom(
        "pod.stuck_terminating.node",
        "{pod} cannot go: node {node} does not answer ({overdue} overdue)",
        "Pod {pod} 无法删除：节点 {node} 失联（已超时 {overdue}）",
    ),
    fact(
        "pod.stuck_terminating.kubelet",
        "{pod} cannot go: the kubelet does not finish with it ({overdue} overdue) {message}",
        "Pod {pod} 无法删除：kubelet 未能完成清理（已超时 {overdue}）{message}",
    ),
];
