//! The catalogue of series: what is watched, how it is computed, and what counts as bad.
//!
//! One entry is one table row. Its recipe is the single truth: the PromQL for polling is written from it, and the same
//! recipe is computed from raw families where a Prometheus only pushes (see [`crate::intake`]). Families are those of
//! kube-state-metrics, node-exporter, cAdvisor, kubelet, API server, etcd, CoreDNS, ingress-nginx, Istio and the common
//! `http_requests_total`.

mod containers;
mod control_plane;
mod nodes;
mod promql;
mod scope;
mod services;
mod storage;
mod workloads;

pub use scope::{Scope, Subject, workload_by_name};

use crate::codes::Strength;

/// One entry.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Stable name: `container_memory_share`.
    pub id: &'static str,
    /// What one series of it is about.
    pub scope: Scope,
    pub unit: Unit,
    /// Which direction is the bad one.
    pub bad: Bad,
    pub step: Step,
    pub nature: Nature,
    /// How the pods (or instances) of one workload make its one baseline.
    pub fold: Fold,
    /// Replicas of one workload are held against each other.
    pub peers: bool,
    /// The limit whose reaching is forecast, in the series' unit.
    pub forecast: Option<f64>,
    pub limits: &'static [Limit],
    pub recipe: Recipe,
    pub en: &'static str,
    pub zh: &'static str,
}

/// Unit of values. Each has a floor: differences below it mean nothing to anybody, whatever a series' own spread says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 1.
    Share,
    Seconds,
    Bytes,
    BytesPerSecond,
    PerSecond,
    Cores,
    Count,
}

impl Unit {
    /// For programs: `bytes`, `seconds`.
    pub const fn word(self) -> &'static str {
        match self {
            Unit::Share => "ratio",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::BytesPerSecond => "bytes/s",
            Unit::PerSecond => "1/s",
            Unit::Cores => "cores",
            Unit::Count => "",
        }
    }

    /// The smallest difference worth a word.
    pub const fn floor(self) -> f64 {
        match self {
            Unit::Share => 0.02,
            Unit::Seconds => 0.01,
            Unit::Bytes => 16.0 * 1_048_576.0,
            Unit::BytesPerSecond => 65_536.0,
            Unit::PerSecond => 0.5,
            Unit::Cores => 0.05,
            Unit::Count => 2.0,
        }
    }

    /// A value for people: `93.4 %`, `1.52 GiB`, `480 ms`.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Share => format!("{:.1} %", value * 100.0),
            Unit::Seconds if value.abs() >= 172_800.0 => format!("{:.1} d", value / 86_400.0),
            Unit::Seconds if value.abs() >= 7200.0 => format!("{:.1} h", value / 3600.0),
            Unit::Seconds if value.abs() >= 1.0 || value == 0.0 => format!("{value:.2} s"),
            Unit::Seconds => format!("{:.0} ms", value * 1000.0),
            Unit::Bytes => bytes(value),
            Unit::BytesPerSecond => format!("{}/s", bytes(value)),
            Unit::PerSecond => format!("{value:.2}/s"),
            Unit::Cores => format!("{value:.2} cores"),
            Unit::Count => format!("{value:.0}"),
        }
    }
}

fn bytes(value: f64) -> String {
    const STEPS: [(f64, &str); 4] =
        [(1_099_511_627_776.0, "TiB"), (1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB")];
    match STEPS.iter().find(|(size, _)| value.abs() >= *size) {
        Some((size, word)) => format!("{:.2} {word}", value / size),
        None => format!("{value:.0} B"),
    }
}

/// Which direction is the bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    Up,
    Down,
}

impl Bad {
    /// 1 where up is bad, −1 where down is: detectors look at `sign · value` and know only "up".
    pub const fn sign(self) -> f64 {
        match self {
            Bad::Up => 1.0,
            Bad::Down => -1.0,
        }
    }
}

/// How often a series is wanted. The daemon's configuration may slow down both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Every 15 s.
    Core,
    /// Every minute.
    Minute,
}

impl Step {
    pub const fn seconds(self) -> i64 {
        match self {
            Step::Core => 15,
            Step::Minute => 60,
        }
    }
}

/// What a change of a series means when a workload was just rolled out or restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// What the thing takes: memory, cpu, connections. A new version takes what it takes; its baseline begins anew.
    Usage,
    /// What others get from it: errors, latency, readiness. No rollout is meant to make these worse.
    Outcome,
    /// How much it is asked for: requests, bytes. Follows people and clients.
    Load,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    Mean,
    Sum,
    Max,
    Min,
}

/// A static threshold with hysteresis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub code: &'static str,
    /// Bad from here on, in the direction of [`Series::bad`].
    pub at: f64,
    /// Good again from here on.
    pub clear: f64,
    /// How long it must be bad, in seconds.
    pub hold_s: u32,
    pub strength: Strength,
}

const fn limit(code: &'static str, at: f64, clear: f64, hold_s: u32) -> Limit {
    Limit { code, at, clear, hold_s, strength: Strength::Evidence }
}

const fn hard(code: &'static str, at: f64, clear: f64, hold_s: u32) -> Limit {
    Limit { code, at, clear, hold_s, strength: Strength::Fact }
}

/// How a series is computed from families.
#[derive(Clone, Copy, Debug)]
pub enum Recipe {
    Value(Input),
    /// a / b, where b > 0.
    Share(Input, Input),
    /// 1 − a.
    Rest(Input),
    /// 1 − a / b, where b > 0.
    RestOfShare(Input, Input),
    /// a − b.
    Difference(Input, Input),
    /// Quantile of the rates of a histogram's buckets.
    Quantile(f64, Input),
}

impl Recipe {
    /// Its inputs in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        let (a, b) = match self {
            Recipe::Value(a) | Recipe::Rest(a) | Recipe::Quantile(_, a) => (a, None),
            Recipe::Share(a, b) | Recipe::RestOfShare(a, b) | Recipe::Difference(a, b) => (a, Some(b)),
        };
        std::iter::once(a).chain(b)
    }
}

/// One family, narrowed by labels and folded to the scope's labels.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    pub family: &'static str,
    pub filter: &'static [Filter],
    pub how: How,
    pub fold: Fold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Gauge,
    /// Per second, from a counter.
    Rate,
    /// Over the last so many seconds, from a counter.
    Increase(u32),
}

/// A condition on one label; a label that is not there is the empty string, as in PromQL.
#[derive(Clone, Copy, Debug)]
pub enum Filter {
    Is(&'static str, &'static str),
    Not(&'static str, &'static str),
    In(&'static str, &'static [&'static str]),
    NotIn(&'static str, &'static [&'static str]),
    /// Begins with.
    Starts(&'static str, &'static str),
}

impl Filter {
    pub fn holds(&self, labels: &rootline_model::LabelSet) -> bool {
        match self {
            Filter::Is(name, value) => labels.value(name) == *value,
            Filter::Not(name, value) => labels.value(name) != *value,
            Filter::In(name, values) => values.contains(&labels.value(name)),
            Filter::NotIn(name, values) => !values.contains(&labels.value(name)),
            Filter::Starts(name, start) => labels.value(name).starts_with(start),
        }
    }
}

const fn gauge(family: &'static str, filter: &'static [Filter]) -> Input {
    Input { family, filter, how: How::Gauge, fold: Fold::Sum }
}

const fn rate(family: &'static str, filter: &'static [Filter]) -> Input {
    Input { family, filter, how: How::Rate, fold: Fold::Sum }
}

const fn increase(family: &'static str, over_s: u32, filter: &'static [Filter]) -> Input {
    Input { family, filter, how: How::Increase(over_s), fold: Fold::Sum }
}

impl Input {
    const fn fold(self, fold: Fold) -> Self {
        Input { fold, ..self }
    }
}

impl Series {
    const fn new(id: &'static str, scope: Scope, unit: Unit, recipe: Recipe) -> Self {
        Series {
            id,
            scope,
            unit,
            bad: Bad::Up,
            step: Step::Minute,
            nature: Nature::Usage,
            fold: Fold::Mean,
            peers: false,
            forecast: None,
            limits: &[],
            recipe,
            en: "",
            zh: "",
        }
    }

    const fn core(self) -> Self {
        Series { step: Step::Core, ..self }
    }

    const fn outcome(self) -> Self {
        Series { nature: Nature::Outcome, ..self }
    }

    /// Demand: what is bad is that it stays away.
    const fn load(self) -> Self {
        Series { nature: Nature::Load, bad: Bad::Down, ..self }
    }

    const fn peers(self) -> Self {
        Series { peers: true, ..self }
    }

    const fn folded(self, fold: Fold) -> Self {
        Series { fold, ..self }
    }

    const fn down(self) -> Self {
        Series { bad: Bad::Down, ..self }
    }

    const fn limits(self, limits: &'static [Limit]) -> Self {
        Series { limits, ..self }
    }

    const fn forecast(self, limit: f64) -> Self {
        Series { forecast: Some(limit), ..self }
    }

    const fn named(self, en: &'static str, zh: &'static str) -> Self {
        Series { en, zh, ..self }
    }

    /// The label `__name__` of its values when they are polled: `rootline:container_memory_share`.
    pub fn metric_name(&self) -> String {
        format!("{PREFIX}{}", self.id)
    }
}

/// Code of a threshold that the catalogue does not have and a user set.
pub const OWN_LIMIT: &str = "series.threshold";

/// Begins the metric name of everything computed here.
pub const PREFIX: &str = "rootline:";

const TABLES: [&[Series]; 6] =
    [containers::SERIES, workloads::SERIES, nodes::SERIES, storage::SERIES, control_plane::SERIES, services::SERIES];

/// All entries. The order is the order of importance where room is short: what has a limit first within a table.
pub fn all() -> impl Iterator<Item = &'static Series> {
    TABLES.into_iter().flatten()
}

pub fn by_id(id: &str) -> Option<&'static Series> {
    all().find(|s| s.id == id)
}

/// A promise: so large a share of requests goes well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    pub id: &'static str,
    /// Ids of the two series, both per second.
    pub total: &'static str,
    pub errors: &'static str,
    /// .99: one in a hundred may fail.
    pub objective: f64,
}

/// What ships. Objectives are starting values; the daemon's configuration sets them.
pub const SLOS: &[Slo] = &[
    Slo { id: "ingress", total: "ingress_requests", errors: "ingress_errors", objective: 0.99 },
    Slo { id: "mesh", total: "mesh_requests", errors: "mesh_errors", objective: 0.99 },
    Slo { id: "http", total: "http_requests", errors: "http_errors", objective: 0.99 },
    Slo { id: "apiserver", total: "apiserver_requests", errors: "apiserver_errors", objective: 0.99 },
    Slo { id: "coredns", total: "coredns_requests", errors: "coredns_errors", objective: 0.99 },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn entries_are_unique_named_in_both_languages_and_their_limits_make_sense() {
        let ids: BTreeSet<&str> = all().map(|s| s.id).collect();
        assert_eq!(ids.len(), all().count());
        assert!(ids.len() >= 40, "{}", ids.len());
        for s in all() {
            assert!(!s.en.is_empty() && !s.zh.is_empty(), "{} has no title", s.id);
            for l in s.limits {
                assert!(s.bad.sign() * (l.at - l.clear) >= 0.0, "{}: hysteresis the wrong way round", s.id);
                let doc = crate::codes::doc_of(l.code);
                assert!(doc.is_some_and(|d| d.strength == l.strength), "{}: {}", s.id, l.code);
            }
        }
        for slo in SLOS {
            assert!(by_id(slo.total).is_some() && by_id(slo.errors).is_some(), "{}", slo.id);
        }
    }
}
