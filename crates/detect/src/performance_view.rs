//! Series and alerts → which workload or node shows which rise.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Kind, Relation};
use rootline_objects as o;
use rootline_world::World;

use crate::control_plane_alerts::node_by_address;
use crate::create_state::clip;
use crate::performance_series::{Metric, Shift, shift};

/// A rise of one metric of one entity, with what shows it.
#[derive(Clone, Debug)]
pub(crate) struct Rise {
    pub metric: Metric,
    pub shift: Shift,
    pub evidence: Vec<Evidence>,
}

/// All rises of a world.
#[derive(Debug, Default)]
pub(crate) struct Rises {
    by_entity: BTreeMap<EntityRef, Vec<Rise>>,
    /// Everything that is measured, risen or not.
    pub measured: Vec<EntityRef>,
    /// What has a latency of its own; of the rest nobody knows.
    pub timed: Vec<EntityRef>,
}

impl Rises {
    pub(crate) fn read(world: &World) -> Rises {
        let names = Names::new(world);
        let mut rises = Rises::default();
        for series in &world.series {
            let name = series.labels.get("metric").unwrap_or(&series.name);
            let (Some(metric), Some(entity)) = (Metric::of(name), names.resolve(world, &series.labels)) else {
                continue;
            };
            rises.measured.push(entity.clone());
            if matches!(metric, Metric::Median | Metric::Tail) && !series.points.is_empty() {
                rises.timed.push(entity.clone());
            }
            if let Some(shift) = shift(metric, name, &series.points) {
                let value = format!("{} → {}", metric.show(shift.base), metric.show(shift.level));
                let query = if series.name.is_empty() { name.to_owned() } else { series.name.clone() };
                rises.add(entity, Rise { metric, shift, evidence: vec![Evidence::Sample { query, value }] });
            }
        }
        for alert in &world.alerts {
            if let Some(entity) = names.resolve(world, &alert.labels) {
                rises.measured.push(entity.clone());
                for (metric, shift) in told(alert) {
                    let by_alert =
                        Evidence::Alert { name: alert.name.clone(), object: entity.clone(), since: alert.since };
                    let text = Evidence::Sample { query: alert.name.clone(), value: clip(alert.text.trim(), 300) };
                    rises.add(entity.clone(), Rise { metric, shift, evidence: vec![by_alert, text] });
                }
            }
        }
        rises.measured.sort();
        rises.measured.dedup();
        rises
    }

    /// A series is more exact than an alert about the same; of two of a kind the larger rise stays.
    fn add(&mut self, entity: EntityRef, rise: Rise) {
        let all = self.by_entity.entry(entity).or_default();
        match all.iter_mut().find(|r| r.metric == rise.metric) {
            Some(slot) if slot.shift.rise() < rise.shift.rise() && rise.shift.z > 0.0 => {
                let evidence = std::mem::take(&mut slot.evidence);
                *slot = rise;
                slot.evidence.extend(evidence);
            }
            Some(slot) => slot.evidence.extend(rise.evidence),
            None => all.push(rise),
        }
    }

    pub(crate) fn of(&self, entity: &EntityRef, metric: Metric) -> Option<&Rise> {
        self.by_entity.get(entity)?.iter().find(|r| r.metric == metric)
    }

    /// Entities with a rise of a metric.
    pub(crate) fn with(&self, metric: Metric) -> impl Iterator<Item = (&EntityRef, &Rise)> {
        self.by_entity.iter().filter_map(move |(e, all)| Some((e, all.iter().find(|r| r.metric == metric)?)))
    }

    /// The stronger of the rises of median and tail.
    pub(crate) fn latency(&self, entity: &EntityRef) -> Option<&Rise> {
        let both = [Metric::Tail, Metric::Median].into_iter().filter_map(|m| self.of(entity, m));
        both.max_by(|a, b| a.shift.rise().total_cmp(&b.shift.rise()))
    }
}

/// Rises that an alert speaks of: one per line that names a metric.
fn told(alert: &o::Alert) -> Vec<(Metric, Shift)> {
    let mut found: Vec<(Metric, Shift)> = Vec::new();
    let about = |text: &str| {
        Metric::of(text).or_else(|| {
            let text = text.to_ascii_lowercase();
            (text.contains("slow response") || text.contains("highlatency")).then_some(Metric::Tail)
        })
    };
    for line in alert.text.lines() {
        let mut heading = about(&alert.name);
        for part in line.split(" | ").map(str::trim).filter(|p| !p.is_empty()) {
            // `LATENCY [slow] | p90: 16 ms -> 66 ms`: a heading without numbers speaks for the parts behind it
            heading = about(part).or(heading);
            let Some(metric) = heading else { continue };
            let (base, level) = match numbers(part).as_slice() {
                [] => continue,
                [one] => (0.0, *one),
                [first, second, ..] => (*first, *second),
            };
            if level > base {
                found.push((metric, Shift { base, level, z: 0.0, since: alert.since }));
            }
        }
    }
    if found.is_empty() {
        let metric = about(&alert.name).or_else(|| about(&alert.text));
        // nothing but its name: that it fires is all that is known
        found.extend(metric.map(|m| (m, Shift { base: 0.0, level: 1.0, z: 0.0, since: alert.since })));
    }
    found
}

/// Numbers with a unit of time, share or rate (seconds become milliseconds where the text says `ms` elsewhere or not);
/// numbers inside names (`p90`) and percentages of change are left out.
fn numbers(text: &str) -> Vec<f64> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let start = i;
        while bytes.get(i).is_some_and(|b| b.is_ascii_digit() || *b == b'.') {
            i += 1;
        }
        if start == i {
            i += 1;
            continue;
        }
        let before = start.checked_sub(1).and_then(|j| bytes.get(j));
        let in_name = before.is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'+'));
        let rest = text.get(i..).unwrap_or_default().trim_start();
        let unit_s = rest.starts_with('s') && !rest.starts_with("se");
        if let Some(value) = text.get(start..i).and_then(|t| t.parse::<f64>().ok()).filter(|_| !in_name) {
            let latency = unit_s && text.to_ascii_lowercase().contains("latency");
            found.push(if latency { value * 1e3 } else { value });
        }
    }
    found
}

/// Names of workloads, services and nodes.
struct Names<'w> {
    workloads: BTreeMap<&'w str, Vec<EntityRef>>,
    services: BTreeMap<&'w str, Vec<&'w o::Service>>,
}

/// Labels that name a workload or a service, by various exporters.
const NAME_LABELS: [&str; 12] = [
    "entity",
    "deployment",
    "statefulset",
    "daemonset",
    "workload",
    "destination_workload",
    "service",
    "service_name",
    "destination_service_name",
    "app",
    "app_kubernetes_io_name",
    "container",
];

impl<'w> Names<'w> {
    fn new(world: &'w World) -> Names<'w> {
        let mut names = Names { workloads: BTreeMap::new(), services: BTreeMap::new() };
        for workload in world.workloads().filter(|w| w.entity.kind != Kind::Job) {
            names.workloads.entry(&workload.metadata.name).or_default().push(workload.entity);
        }
        for service in &world.services {
            names.services.entry(service.name()).or_default().push(service);
        }
        names
    }

    fn resolve(&self, world: &World, labels: &o::Labels) -> Option<EntityRef> {
        let label = |key: &str| labels.get(key).filter(|v| !v.is_empty());
        let ns = label("namespace").or_else(|| label("destination_service_namespace"));
        if let Some(pod) = label("pod").or_else(|| label("pod_name")) {
            let mut pods = world.pods.iter().filter(|p| p.name() == pod && ns.is_none_or(|n| n == p.namespace()));
            if let (Some(found), None) = (pods.next(), pods.next()) {
                return Some(world.workload_of(found));
            }
        }
        let named = NAME_LABELS.into_iter().filter_map(label).find_map(|name| self.named(world, ns, name));
        let node = ["node", "entity", "instance", "nodename"].into_iter().filter_map(label);
        named.or_else(|| node.filter_map(|n| node_by_address(world, n)).map(EntityRef::node).next())
    }

    /// The only workload of a name, else the workload behind the only service of it.
    fn named(&self, world: &World, ns: Option<&str>, name: &str) -> Option<EntityRef> {
        let here = |n: &str| ns.is_none_or(|want| want == n);
        let mut of_name = self.workloads.get(name).into_iter().flatten().filter(|w| here(&w.namespace));
        match (of_name.next(), of_name.next()) {
            (Some(one), None) => return Some(one.clone()),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
        let mut services = self.services.get(name).into_iter().flatten().filter(|s| here(s.namespace()));
        match (services.next(), services.next()) {
            (Some(one), None) => world.selected_by(one).next().map(|p| world.workload_of(p)),
            _ => None,
        }
    }
}

/// Workloads that a workload calls.
pub(crate) fn callees(world: &World, workload: &EntityRef) -> Vec<EntityRef> {
    let mut all: Vec<EntityRef> = Vec::new();
    for service in world.graph.targets(workload, Relation::Calls) {
        let pods = world.graph.targets(&service, Relation::Selects);
        all.extend(pods.iter().map(|p| world.top_of(p)));
        if pods.is_empty() {
            let same =
                [Kind::Deployment, Kind::StatefulSet].map(|k| EntityRef::new(k, &service.namespace, &service.name));
            all.extend(same.into_iter().filter(|w| world.exists(w)));
        }
    }
    all.sort();
    all.dedup();
    all.retain(|w| w != workload);
    all
}

/// Nodes that run a workload's pods.
pub(crate) fn nodes_of<'w>(world: &'w World, workload: &EntityRef) -> Vec<&'w str> {
    let mut nodes: Vec<&str> = world
        .pods_of(workload)
        .filter(|p| !p.is_finished() && !p.spec.node_name.is_empty())
        .map(|p| p.spec.node_name.as_str())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_tell_what_rose() {
        let check = |name: &str, text: &str, want: &[(Metric, f64, f64)]| {
            let alert = o::Alert { name: name.into(), text: text.into(), ..o::Alert::default() };
            let got: Vec<_> = told(&alert).into_iter().map(|(m, s)| (m, s.base, s.level)).collect();
            assert_eq!(got, want, "{name} {text}");
        };
        check("slow", "p90 latency: 16.0 ms -> 66.2 ms (+314%)", &[(Metric::Tail, 16.0, 66.2)]);
        check("CPUThrottlingHigh", "47% throttling of cart", &[(Metric::Throttled, 0.0, 47.0)]);
        check("CPUThrottlingHigh", "", &[(Metric::Throttled, 0.0, 1.0)]);
        check("Traffic", "requests fell from 12 to 6", &[]);
        check("Slow", "latency fell: 90 ms -> 20 ms", &[(Metric::Tail, 0.0, 1.0)]);
    }

    #[test]
    fn numbers_in_names_are_not_values() {
        assert_eq!(numbers("p90latency: 16.00ms -> 66ms"), [16.0, 66.0]);
        assert_eq!(numbers("cart-2 latency 1.5s"), [1500.0]);
        assert_eq!(numbers("全角 3 件"), [3.0]);
        assert!(numbers("no numbers").is_empty());
    }
}
