//! Workloads as kube-state-metrics counts them.

use super::Recipe::{Difference, Share};
use super::Scope::{DaemonSet, Deployment, Hpa, StatefulSet};
use super::{Fold, Series, Unit, gauge, hard, limit};

pub(super) const SERIES: &[Series] = &[
    Series::new(
        "deployment_missing",
        Deployment,
        Unit::Count,
        Difference(
            gauge("kube_deployment_spec_replicas", &[]).fold(Fold::Max),
            gauge("kube_deployment_status_replicas_available", &[]).fold(Fold::Max),
        ),
    )
    .outcome()
    .limits(&[hard("series.replicas_missing", 1.0, 0.5, 600)])
    .named("replicas not available", "不可用副本数"),
    Series::new(
        "statefulset_missing",
        StatefulSet,
        Unit::Count,
        Difference(
            gauge("kube_statefulset_replicas", &[]).fold(Fold::Max),
            gauge("kube_statefulset_status_replicas_ready", &[]).fold(Fold::Max),
        ),
    )
    .outcome()
    .limits(&[hard("series.replicas_missing", 1.0, 0.5, 600)])
    .named("replicas not ready", "未就绪副本数"),
    Series::new(
        "daemonset_missing",
        DaemonSet,
        Unit::Count,
        Difference(
            gauge("kube_daemonset_status_desired_number_scheduled", &[]).fold(Fold::Max),
            gauge("kube_daemonset_status_number_ready", &[]).fold(Fold::Max),
        ),
    )
    .outcome()
    .limits(&[hard("series.replicas_missing", 1.0, 0.5, 900)])
    .named("pods not ready", "未就绪 Pod 数"),
    Series::new(
        "hpa_share",
        Hpa,
        Unit::Share,
        Share(
            gauge("kube_horizontalpodautoscaler_status_current_replicas", &[]).fold(Fold::Max),
            gauge("kube_horizontalpodautoscaler_spec_max_replicas", &[]).fold(Fold::Max),
        ),
    )
    .limits(&[limit("series.autoscaler_at_max", 1.0, 0.99, 900)])
    .named("replicas against the autoscaler's maximum", "副本数占 HPA 上限比例"),
];
