//! Finding codes: storage.

use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[
    fact(
        "volume.storage_class_missing",
        "claim {claim} asks for storage class {class}, which does not exist",
        "PVC {claim} 使用的 StorageClass {class} 不存在",
    ),
    fact(
        "volume.storage_class_mismatch",
        "claim {claim} (class {wants}) and volume {volume} (class {has}) differ only in their class",
        "PVC {claim}（class {wants}）与 PV {volume}（class {has}）仅 StorageClass 不一致",
    ),
    fact(
        "volume.access_mode_mismatch",
        "claim {claim} wants access mode {wants}, volume {volume} offers {has}",
        "PVC {claim} 要求访问模式 {wants}，PV {volume} 只提供 {has}",
    ),
    fact(
        "volume.capacity_mismatch",
        "claim {claim} wants {wants}, volume {volume} has {has}",
        "PVC {claim} 申请 {wants}，PV {volume} 只有 {has}",
    ),
    fact(
        "volume.selector_mismatch",
        "claim {claim} selects labels {wants}, volume {volume} has {has}",
        "PVC {claim} 的 selector 为 {wants}，PV {volume} 的标签为 {has}",
    ),
    fact(
        "volume.mode_mismatch",
        "claim {claim} wants volume mode {wants}, volume {volume} is {has}",
        "PVC {claim} 要求 volumeMode {wants}，PV {volume} 为 {has}",
    ),
    fact(
        "volume.zone_mismatch",
        "no node that the pod accepts can reach volume {volume} ({has})",
        "Pod 可用的节点都无法访问 PV {volume}（{has}）",
    ),
    fact(
        "volume.pv_occupied",
        "the volume that fits claim {claim}, {volume}, belongs to claim {holder}",
        "适合 PVC {claim} 的 PV {volume} 已被 {holder} 占用",
    ),
    fact(
        "volume.pv_released",
        "the volume that fits claim {claim}, {volume}, is still reserved for the deleted claim {holder}",
        "适合 PVC {claim} 的 PV {volume} 仍为已删除的 {holder} 保留（Released）",
    ),
    fact(
        "volume.pv_failed",
        "the volume that fits claim {claim}, {volume}, has failed: {message}",
        "适合 PVC {claim} 的 PV {volume} 处于 Failed：{message}",
    ),
    fact(
        "volume.missing",
        "claim {claim} demands volume {volume}, which does not exist",
        "PVC {claim} 指定的 PV {volume} 不存在",
    ),
    fact(
        "volume.no_fit",
        "no free volume fits claim {claim}; nearest is {volume}",
        "没有可用的 PV 适合 PVC {claim}，最接近的是 {volume}",
    ),
    fact(
        "volume.no_volume",
        "no volume of class {class} is there for claim {claim}",
        "没有 class 为 {class} 的 PV 可供 PVC {claim} 绑定",
    ),
    fact(
        "volume.no_default_class",
        "claim {claim} names no storage class and the cluster has no default one",
        "PVC {claim} 未指定 StorageClass，集群也没有默认的 StorageClass",
    ),
    fact(
        "volume.provisioning_failed",
        "provisioning for claim {claim} fails: {message}",
        "为 PVC {claim} 创建卷失败：{message}",
    ),
    fact(
        "volume.provisioner_down",
        "provisioner {provisioner} of class {class} is not running ({provider})",
        "StorageClass {class} 的 provisioner {provisioner} 未运行（{provider}）",
    ),
    fact(
        "volume.provisioner_missing",
        "nobody serves provisioner {provisioner} of class {class}",
        "没有组件提供 StorageClass {class} 的 provisioner {provisioner}",
    ),
    fact(
        "volume.provisioning_stuck",
        "claim {claim} has waited long for provisioner {provisioner} without a word",
        "PVC {claim} 长时间等待 provisioner {provisioner}，没有任何反馈",
    ),
    fact("volume.claim_lost", "claim {claim} has lost its volume {volume}", "PVC {claim} 绑定的 PV {volume} 已丢失"),
    risk(
        "volume.claim_idle",
        "claim {claim}, which no pod uses, cannot be bound ({why})",
        "未被使用的 PVC {claim} 无法绑定（{why}）",
    ),
    fact(
        "volume.multi_attach",
        "volume {volume} is still attached to another node ({holder_node})",
        "卷 {volume} 仍挂接在另一个节点上（{holder_node}）",
    ),
    symptom(
        "volume.held_by_lost_node",
        "volume {volume} is held by node {holder_node}, which is lost",
        "卷 {volume} 被失联节点 {holder_node} 占用",
    ),
    fact(
        "volume.driver_missing",
        "CSI driver {driver} is not registered on node {node}",
        "节点 {node} 上没有注册 CSI 驱动 {driver}",
    ),
    fact(
        "volume.host_path_missing",
        "the host path of a volume is not there on node {node}: {message}",
        "节点 {node} 上缺少卷所需的 hostPath：{message}",
    ),
    fact("volume.mount_denied", "mounting {volume} is refused: {message}", "挂载 {volume} 被拒绝：{message}"),
    fact(
        "volume.filesystem_damaged",
        "the filesystem of {volume} cannot be mounted: {message}",
        "卷 {volume} 的文件系统无法挂载：{message}",
    ),
    fact(
        "volume.server_unreachable",
        "the storage server of {volume} cannot be reached: {message}",
        "卷 {volume} 的存储服务器不可达：{message}",
    ),
    fact(
        "volume.attach_failed",
        "volume {volume} cannot be attached to node {node}: {message}",
        "卷 {volume} 无法挂接到节点 {node}：{message}",
    ),
    fact("volume.mount_failed", "volume {volume} cannot be mounted: {message}", "卷 {volume} 挂载失败：{message}"),
    fact("volume.mount_timeout", "mounting {volume} on node {node} does not end", "在节点 {node} 上挂载 {volume} 超时"),
    fact(
        "volume.resize_failed",
        "claim {claim} cannot grow from {has} to {wants}: {message}",
        "PVC {claim} 无法从 {has} 扩容到 {wants}：{message}",
    ),
    risk(
        "volume.resize_pending",
        "claim {claim} grows to {wants} once its pod is restarted",
        "PVC {claim} 需重启 Pod 才能扩容到 {wants}",
    ),
    risk(
        "volume.reclaim_failed",
        "volume {volume} could not be reclaimed: {message}",
        "PV {volume} 回收失败：{message}",
    ),
    risk(
        "volume.left_over",
        "volume {volume} is kept for the deleted claim {holder}",
        "PV {volume} 仍为已删除的 PVC {holder} 保留",
    ),
    risk(
        "volume.default_classes_several",
        "several storage classes are marked as default: {classes}",
        "存在多个默认 StorageClass：{classes}",
    ),
    fact(
        "volume.full",
        "volume of claim {claim} has only {left} of its {what} left",
        "PVC {claim} 的卷 {what} 仅剩 {left}",
    ),
    risk(
        "volume.filling",
        "volume of claim {claim} has {left} of its {what} left",
        "PVC {claim} 的卷 {what} 剩余 {left}",
    ),
];
