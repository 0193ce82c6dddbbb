//! Metrics as series under the names Prometheus gives them.
//!
//! Source: "Prometheus and OpenMetrics compatibility" of the OpenTelemetry specification; units as in
//! `prometheus/otlptranslator`.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use rootline_model::{LabelSet, STALE, SeriesBatch};

use super::super::gathered::Gathered;
use super::super::lines::fitting;
use super::super::{Limits, Refused, Reply, Request, Taken};
use super::{borrowed, find, message, pairs, reply};
use crate::intake::StreamLabels;

/// Series of `POST /v1/metrics`: gauges, cumulative sums and histograms (`_bucket`, `_sum`, `_count`), summaries; of
/// exponential histograms `_sum` and `_count`. Delta temporality is rejected, as Prometheus does by default, and told in
/// `partial_success`. Labels: the point's attributes, `job` and `instance` of the service, and where the resource tells it
/// `namespace`, `pod`, `container`, `node`.
///
/// # Errors
/// 400, 413, 415.
pub fn metrics(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<SeriesBatch>>, Refused> {
    let (export, encoding) = message::<ExportMetricsServiceRequest>(request, limits, limits.series)?;
    let mut into = Into { gathered: Gathered::default(), rejected: 0, limits };
    for resource in &export.resource_metrics {
        let own = pairs(resource.resource.as_ref().map_or(&[][..], |r| &r.attributes), limits);
        let of = target(&own, limits);
        for metric in resource.scope_metrics.iter().flat_map(|s| &s.metrics) {
            into.metric(metric, &of)?;
        }
    }
    let rejected = into.rejected;
    let mut taken = Taken { data: into.gathered.series(), reply: Reply::default(), ..Taken::default() };
    taken.note("delta_temporality", rejected);
    taken.reply =
        reply(encoding, rejected, "rejectedDataPoints", "delta temporality is not supported, send cumulative");
    Ok(taken)
}

/// Labels of what is measured.
fn target(own: &[(String, String)], limits: &Limits) -> Vec<(String, String)> {
    let (namespace, name) = (find(own, "service.namespace"), find(own, "service.name"));
    let job = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
    let mut labels: Vec<(String, String)> = StreamLabels::of(fitting(borrowed(own), limits))
        .labels
        .iter()
        .filter(|(n, _)| !matches!(*n, "app" | "component"))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    labels.extend([("job".to_owned(), job), ("instance".to_owned(), find(own, "service.instance.id").to_owned())]);
    labels
}

struct Into<'l> {
    gathered: Gathered,
    rejected: u64,
    limits: &'l Limits,
}

/// A point of a series: name, labels beside the target's, nanoseconds, value.
struct Point<'a> {
    name: &'a str,
    extra: Option<(&'a str, String)>,
    nanos: u64,
    flags: u32,
    value: f64,
}

/// Cumulative, of the three temporalities.
const CUMULATIVE: i32 = 2;

impl Into<'_> {
    fn metric(&mut self, metric: &Metric, of: &[(String, String)]) -> Result<(), Refused> {
        match &metric.data {
            Some(Data::Gauge(gauge)) => {
                let name = name_of(metric, true, false);
                gauge.data_points.iter().try_for_each(|p| self.number(&name, p, of))
            }
            Some(Data::Sum(sum)) if sum.is_monotonic && sum.aggregation_temporality != CUMULATIVE => {
                self.reject(sum.data_points.len())
            }
            Some(Data::Sum(sum)) => {
                let name = name_of(metric, false, sum.is_monotonic);
                sum.data_points.iter().try_for_each(|p| self.number(&name, p, of))
            }
            Some(Data::Histogram(histogram)) if histogram.aggregation_temporality != CUMULATIVE => {
                self.reject(histogram.data_points.len())
            }
            Some(Data::Histogram(histogram)) => {
                let name = name_of(metric, false, false);
                for p in &histogram.data_points {
                    let labels = self.labels(of, &p.attributes);
                    let mut below = 0_u64;
                    let bounds = p.explicit_bounds.iter().map(|b| number(*b)).chain(["+Inf".to_owned()]);
                    for (count, bound) in p.bucket_counts.iter().zip(bounds) {
                        below = below.saturating_add(*count);
                        let (bucket, extra) = (format!("{name}_bucket"), Some(("le", bound)));
                        self.push(&labels, point((&bucket, extra), (p.time_unix_nano, p.flags), float(below)))?;
                    }
                    self.totals(&name, &labels, (p.time_unix_nano, p.flags), (p.count, p.sum))?;
                }
                Ok(())
            }
            Some(Data::ExponentialHistogram(histogram)) if histogram.aggregation_temporality != CUMULATIVE => {
                self.reject(histogram.data_points.len())
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                let name = name_of(metric, false, false);
                histogram.data_points.iter().try_for_each(|p| {
                    let labels = self.labels(of, &p.attributes);
                    self.totals(&name, &labels, (p.time_unix_nano, p.flags), (p.count, p.sum))
                })
            }
            Some(Data::Summary(summary)) => {
                let name = name_of(metric, false, false);
                for p in &summary.data_points {
                    let labels = self.labels(of, &p.attributes);
                    for q in &p.quantile_values {
                        let extra = Some(("quantile", number(q.quantile)));
                        self.push(&labels, point((&name, extra), (p.time_unix_nano, p.flags), q.value))?;
                    }
                    self.totals(&name, &labels, (p.time_unix_nano, p.flags), (p.count, Some(p.sum)))?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn reject(&mut self, points: usize) -> Result<(), Refused> {
        self.rejected += points as u64;
        Ok(())
    }

    fn number(&mut self, name: &str, p: &NumberDataPoint, of: &[(String, String)]) -> Result<(), Refused> {
        #[allow(clippy::cast_precision_loss, reason = "as Prometheus stores integers")]
        let value = match p.value {
            Some(Number::AsDouble(value)) => value,
            Some(Number::AsInt(value)) => value as f64,
            None if p.flags & 1 == 1 => 0.0,
            None => return Ok(()),
        };
        let labels = self.labels(of, &p.attributes);
        self.push(&labels, point((name, None), (p.time_unix_nano, p.flags), value))
    }

    fn totals(
        &mut self,
        name: &str,
        labels: &[(String, String)],
        at: (u64, u32),
        (count, sum): (u64, Option<f64>),
    ) -> Result<(), Refused> {
        if let Some(sum) = sum {
            self.push(labels, point((&format!("{name}_sum"), None), at, sum))?;
        }
        self.push(labels, point((&format!("{name}_count"), None), at, float(count)))
    }

    /// The target's labels and the point's, which go before them.
    fn labels(
        &self,
        of: &[(String, String)],
        attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue],
    ) -> Vec<(String, String)> {
        let attributes = pairs(attributes, self.limits);
        let own = fitting(borrowed(&attributes), self.limits).map(|(n, v)| (legal(n), v.to_owned()));
        of.iter().cloned().chain(own).take(self.limits.labels).collect()
    }

    fn push(&mut self, labels: &[(String, String)], point: Point<'_>) -> Result<(), Refused> {
        let extra = point.extra.iter().map(|(n, v)| (*n, v.as_str()));
        let set: LabelSet = borrowed(labels).chain(extra).chain([("__name__", point.name)]).collect();
        // data point flag 1: no value was recorded
        let value = if point.flags & 1 == 1 { f64::from_bits(STALE) } else { point.value };
        let at_ms = i64::try_from(point.nanos / 1_000_000).unwrap_or(i64::MAX);
        self.gathered.push(set, (at_ms, value), self.limits)
    }
}

fn point<'a>((name, extra): (&'a str, Option<(&'a str, String)>), (nanos, flags): (u64, u32), value: f64) -> Point<'a> {
    Point { name, extra, nanos, flags, value }
}

#[allow(clippy::cast_precision_loss, reason = "as Prometheus stores counts")]
fn float(count: u64) -> f64 {
    count as f64
}

/// As Prometheus writes bounds: `0.5`, `1`, `+Inf`.
fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() }
}

/// A name with only letters, digits, `_` and `:`, and no digit in front.
fn legal(name: &str) -> String {
    let mut legal: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | ':') { c } else { '_' }).collect();
    if legal.starts_with(|c: char| c.is_ascii_digit()) {
        legal.insert(0, '_');
    }
    legal
}

/// `http.server.request.duration` in `s` is `http_server_request_duration_seconds`; a counter ends with `_total`, a gauge in
/// `1` with `_ratio`. What the name says already is not said again.
fn name_of(metric: &Metric, gauge: bool, counter: bool) -> String {
    let mut name = legal(&metric.name);
    let (unit, per) = metric.unit.split_once('/').map_or((metric.unit.as_str(), ""), |(u, p)| (u, p));
    let mut add = |word: &str| {
        if !word.is_empty() && !name.split('_').any(|part| part == word) {
            name.push('_');
            name.push_str(word);
        }
    };
    if !unit.contains(['{', '}']) {
        add(unit_word(unit));
    }
    if !per.is_empty() && !per.contains(['{', '}']) {
        add("per");
        add(per_word(per));
    }
    if gauge && metric.unit == "1" {
        add("ratio");
    }
    if counter {
        let bare = name.strip_suffix("_total").unwrap_or(&name);
        name = format!("{bare}_total");
    }
    name
}

fn unit_word(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" | "" => "",
        other if other.bytes().all(|b| b.is_ascii_alphanumeric()) => other,
        _ => "",
    }
}

fn per_word(per: &str) -> &str {
    match per {
        "s" => "second",
        "m" | "min" => "minute",
        "h" => "hour",
        "d" => "day",
        other => unit_word(other),
    }
}
