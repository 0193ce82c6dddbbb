//! Volumes and quotas.

use super::Filter::Is;
use super::Recipe::Share;
use super::Scope::{Pvc, Quota};
use super::{Fold, Series, Unit, gauge, hard, limit};

pub(super) const SERIES: &[Series] = &[
    Series::new(
        "pvc_share",
        Pvc,
        Unit::Share,
        Share(
            gauge("kubelet_volume_stats_used_bytes", &[]).fold(Fold::Max),
            gauge("kubelet_volume_stats_capacity_bytes", &[]).fold(Fold::Max),
        ),
    )
    .forecast(0.95)
    .limits(&[limit("series.volume_nearly_full", 0.9, 0.88, 300), hard("series.volume_full", 0.98, 0.96, 60)])
    .named("volume used", "存储卷使用率"),
    Series::new(
        "pvc_inode_share",
        Pvc,
        Unit::Share,
        Share(
            gauge("kubelet_volume_stats_inodes_used", &[]).fold(Fold::Max),
            gauge("kubelet_volume_stats_inodes", &[]).fold(Fold::Max),
        ),
    )
    .forecast(0.95)
    .limits(&[limit("series.volume_inodes_nearly_used", 0.9, 0.88, 300)])
    .named("inodes of the volume used", "存储卷 inode 使用率"),
    Series::new(
        "quota_share",
        Quota,
        Unit::Share,
        Share(
            gauge("kube_resourcequota", &[Is("type", "used")]).fold(Fold::Max),
            gauge("kube_resourcequota", &[Is("type", "hard")]).fold(Fold::Max),
        ),
    )
    .forecast(1.0)
    .limits(&[limit("series.quota_nearly_used", 0.9, 0.88, 300)])
    .named("quota used", "配额使用率"),
];
