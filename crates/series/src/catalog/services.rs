//! Requests of services: ingress-nginx, Istio, and the common counters of applications.

use super::Filter::{Is, Starts};
use super::Recipe::{Quantile, Share, Value};
use super::Scope::{Ingress, Mesh, Pod};
use super::{Filter, Fold, Series, Unit, limit, rate};

/// The receiving side counts; the sending side would count twice.
const RECEIVED: &[Filter] = &[Is("reporter", "destination")];
const RECEIVED_ERRORS: &[Filter] = &[Is("reporter", "destination"), Starts("response_code", "5")];

pub(super) const SERIES: &[Series] = &[
    Series::new(
        "ingress_error_share",
        Ingress,
        Unit::Share,
        Share(
            rate("nginx_ingress_controller_requests", &[Starts("status", "5")]),
            rate("nginx_ingress_controller_requests", &[]),
        ),
    )
    .core()
    .outcome()
    .limits(&[limit("series.error_share", 0.05, 0.03, 300)])
    .named("requests that failed (5xx)", "5xx 请求占比"),
    Series::new(
        "ingress_latency_p99",
        Ingress,
        Unit::Seconds,
        Quantile(0.99, rate("nginx_ingress_controller_request_duration_seconds_bucket", &[])),
    )
    .outcome()
    .named("time to answer, p99", "请求耗时 p99"),
    Series::new("ingress_requests", Ingress, Unit::PerSecond, Value(rate("nginx_ingress_controller_requests", &[])))
        .load()
        .named("requests", "请求速率"),
    Series::new(
        "ingress_errors",
        Ingress,
        Unit::PerSecond,
        Value(rate("nginx_ingress_controller_requests", &[Starts("status", "5")])),
    )
    .outcome()
    .named("failed requests (5xx)", "5xx 请求速率"),
    Series::new(
        "mesh_error_share",
        Mesh,
        Unit::Share,
        Share(rate("istio_requests_total", RECEIVED_ERRORS), rate("istio_requests_total", RECEIVED)),
    )
    .outcome()
    .limits(&[limit("series.error_share", 0.05, 0.03, 300)])
    .named("requests that failed (5xx)", "5xx 请求占比"),
    Series::new("mesh_requests", Mesh, Unit::PerSecond, Value(rate("istio_requests_total", RECEIVED)))
        .load()
        .named("requests", "请求速率"),
    Series::new("mesh_errors", Mesh, Unit::PerSecond, Value(rate("istio_requests_total", RECEIVED_ERRORS)))
        .outcome()
        .named("failed requests (5xx)", "5xx 请求速率"),
    Series::new(
        "http_error_share",
        Pod,
        Unit::Share,
        Share(rate("http_requests_total", &[Starts("code", "5")]), rate("http_requests_total", &[])),
    )
    .outcome()
    .peers()
    .limits(&[limit("series.error_share", 0.05, 0.03, 300)])
    .named("requests that failed (5xx)", "5xx 请求占比"),
    Series::new(
        "http_latency_p99",
        Pod,
        Unit::Seconds,
        Quantile(0.99, rate("http_request_duration_seconds_bucket", &[])),
    )
    .outcome()
    .peers()
    .named("time to answer, p99", "请求耗时 p99"),
    Series::new("http_requests", Pod, Unit::PerSecond, Value(rate("http_requests_total", &[])))
        .load()
        .folded(Fold::Sum)
        .peers()
        .named("requests", "请求速率"),
    Series::new("http_errors", Pod, Unit::PerSecond, Value(rate("http_requests_total", &[Starts("code", "5")])))
        .outcome()
        .folded(Fold::Sum)
        .named("failed requests (5xx)", "5xx 请求速率"),
];
