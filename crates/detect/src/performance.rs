//! Slow answers: which workload, or which node, they start from.
//!
//! **What it finds** a workload held back by its cpu limit; a workload whose answers became slow although neither its cpu
//! nor anything it calls did; a node whose workloads all became slow, or whose packets are lost.
//! **Why it matters** slowness travels to every caller, and the callers are the ones that alert.
//! **Evidence used** series and alerts of cpu, throttling, latency and retransmissions; the call graph; where pods run.
//! **How to confirm by hand** the same metrics side by side; `kubectl top pods`; on the node `nstat -az TcpRetransSegs`.
//! **What can fool it** callees that are not measured; a closed loop of clients lowers traffic everywhere at once; the other
//! end of a lossy connection retransmits too.
//! **Source** failure-modes rows 172–176; calibrated deviation and explaining away by callees.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::performance_series::Metric;
use crate::performance_view::{Rise, Rises, callees, nodes_of};

/// kubernetes-mixin's CPUThrottlingHigh: a quarter of the time.
const THROTTLED_MIN: f64 = 0.25;
/// Near the limit there is no cpu left to take. Starting value, see ADR-0006.
const LIMIT_SHARE: f64 = 0.9;
/// Answers must have become this many times slower. Starting value, see ADR-0006.
const SLOWER: f64 = 2.0;
/// Calls in a row that one answer commonly takes to one callee; so much may a caller add up. Starting value, ADR-0006.
const CALLS_IN_A_ROW: f64 = 3.0;
/// cpu that follows the load of a slow system falls; one that rose by half explains slowness by itself.
const CPU_UP: f64 = 1.5;
/// Segments sent again per second that a healthy network does not show for minutes. Starting value, see ADR-0006.
const RETRANSMITTED_MIN: f64 = 1.0;
/// Lossy links retransmit on both ends; the end that drops shows clearly more. Starting value, see ADR-0006.
const DOMINANT: f64 = 1.5;
/// Share of the origins that must sit on one node. Starting value, see ADR-0006.
const ON_ONE_NODE: f64 = 0.6;

pub(crate) struct Performance;

impl Detector for Performance {
    fn name(&self) -> &'static str {
        "slow answers"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        if world.series.is_empty() && world.alerts.is_empty() {
            return 0;
        }
        let rises = Rises::read(world);
        let overloaded = overload(world, &rises, out);
        loss(world, &rises, out);
        delay(world, &rises, &overloaded, out);
        world.series.len() + world.alerts.len()
    }
}

fn finding(code: &'static str, entity: &EntityRef, rise: &Rise) -> Finding {
    let mut finding = Finding::new(code, entity.clone())
        .since(rise.shift.since)
        .arg("workload", entity.to_string())
        .arg("value", rise.metric.show(rise.shift.level))
        .arg("baseline", rise.metric.show(rise.shift.base));
    finding.evidence.extend(rise.evidence.iter().take(3).cloned());
    finding
}

/// Workloads that want more cpu than they may have.
fn overload(world: &World, rises: &Rises, out: &mut Vec<Finding>) -> BTreeSet<EntityRef> {
    let mut found: Vec<(f64, &EntityRef, &Rise)> = Vec::new();
    for (entity, rise) in rises.with(Metric::Throttled).filter(|(e, _)| e.kind != Kind::Node) {
        // an alert that gives no number counts by firing; percentages are shares too
        let level = if rise.shift.level > 2.0 { rise.shift.level / 100.0 } else { rise.shift.level };
        if level >= THROTTLED_MIN {
            found.push((level, entity, rise));
        }
    }
    for (entity, rise) in rises.with(Metric::Cpu).filter(|(e, _)| e.kind != Kind::Node) {
        let limit = cpu_limit(world, entity);
        let full = limit.is_some_and(|l| l > 0.0 && rise.shift.level >= LIMIT_SHARE * l);
        if full && !found.iter().any(|(_, e, _)| *e == entity) {
            found.push((rise.shift.level, entity, rise));
        }
    }
    let most = found.iter().map(|f| f.0).fold(0.0, f64::max);
    for (level, entity, rise) in &found {
        let cpu = rises.of(entity, Metric::Cpu);
        let nats = match (cpu.is_some(), *level * 2.0 >= most) {
            (true, true) => 3.5,
            (false, true) => 3.0,
            (_, false) => 2.0,
        };
        let mut finding = finding("performance.cpu_overload", entity, rise).nats(nats);
        let more = cpu.into_iter().chain(rises.latency(entity)).flat_map(|r| r.evidence.iter().take(2).cloned());
        finding.evidence.extend(more);
        out.push(finding);
    }
    found.into_iter().map(|(_, e, _)| e.clone()).collect()
}

/// Limits of one pod of a workload, all containers together; `None` where one has no limit.
fn cpu_limit(world: &World, workload: &EntityRef) -> Option<f64> {
    let pod = world.pods_of(workload).find(|p| !p.is_finished())?;
    pod.spec.containers.iter().map(|c| c.resources.limits.get("cpu").map(o::Quantity::value)).sum()
}

/// The node that loses packets: the one that sends most of them again.
fn loss(world: &World, rises: &Rises, out: &mut Vec<Finding>) {
    // a node that serves no workload has no traffic of theirs to lose
    let serving: BTreeSet<&str> =
        world.workloads().filter(|w| is_served(w.metadata)).flat_map(|w| nodes_of(world, &w.entity)).collect();
    let mut nodes: Vec<(&EntityRef, &Rise)> = rises
        .with(Metric::Retransmitted)
        .filter(|(e, r)| e.kind == Kind::Node && serving.contains(&*e.name) && r.shift.level >= RETRANSMITTED_MIN)
        .collect();
    nodes.sort_by(|a, b| b.1.shift.rise().total_cmp(&a.1.shift.rise()));
    let Some((node, rise)) = nodes.first() else { return };
    let next = nodes.get(1).map_or(0.0, |(_, r)| r.shift.rise());
    if rise.shift.rise() < DOMINANT * next {
        return;
    }
    let mut finding = finding("node.packet_loss", node, rise).nats(3.5).arg("node", &*node.name);
    finding = finding.arg("others", Metric::Retransmitted.show(next));
    out.push(finding);
}

fn is_served(meta: &o::Meta) -> bool {
    meta.namespace != "kube-system"
}

/// Where slowness starts: at slow workloads that no slow callee excuses.
fn delay(world: &World, rises: &Rises, overloaded: &BTreeSet<EntityRef>, out: &mut Vec<Finding>) {
    let mut slow: BTreeMap<&EntityRef, &Rise> = BTreeMap::new();
    for entity in rises.with(Metric::Tail).chain(rises.with(Metric::Median)).map(|(e, _)| e) {
        let strong = rises.latency(entity).filter(|r| r.shift.level >= SLOWER * r.shift.base);
        if let Some(rise) = strong.filter(|_| entity.kind != Kind::Node) {
            slow.insert(entity, rise);
        }
    }
    let excuses = |caller: &Rise, callee: &EntityRef| {
        overloaded.contains(callee)
            || slow.get(callee).is_some_and(|r| {
                r.shift.rise() * CALLS_IN_A_ROW >= caller.shift.rise() || rises.of(callee, Metric::Median).is_some()
            })
    };
    let mut origins: Vec<(&EntityRef, &Rise)> = Vec::new();
    for (&entity, &rise) in &slow {
        let excused = callees(world, entity).iter().any(|c| excuses(rise, c));
        let busy = overloaded.contains(entity)
            || rises.of(entity, Metric::Cpu).is_some_and(|c| c.shift.level >= CPU_UP * c.shift.base);
        out.push(finding("performance.latency", entity, rise).nats(1.5));
        if !excused && !busy {
            origins.push((entity, rise));
        }
    }
    let most = origins.iter().map(|(_, r)| r.shift.rise()).fold(0.0, f64::max);
    for (entity, rise) in &origins {
        // the share of the lost time that starts here, as odds: a small share is rather a consequence that the call graph
        // does not show
        let nats = (3.0 + (rise.shift.rise() / most).ln()).max(1.5);
        out.push(finding("performance.network_delay", entity, rise).nats(nats));
    }
    let origins: Vec<(&EntityRef, &Rise)> =
        origins.into_iter().filter(|(_, r)| r.shift.rise() * 10.0 >= most).collect();
    out.extend(shared_node(world, rises, &origins));
}

/// Several origins with nothing in common but their node.
fn shared_node(world: &World, rises: &Rises, origins: &[(&EntityRef, &Rise)]) -> Option<Finding> {
    let mut on_node: BTreeMap<&str, Vec<&EntityRef>> = BTreeMap::new();
    for (entity, _) in origins {
        if let [node] = nodes_of(world, entity)[..] {
            on_node.entry(node).or_default().push(entity);
        }
    }
    let (node, members) = on_node.into_iter().max_by(|a, b| a.1.len().cmp(&b.1.len()).then(b.0.cmp(a.0)))?;
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let share = members.len() as f64 / origins.len().max(1) as f64;
    // workloads elsewhere that are measured and well: otherwise the node is merely where everything runs
    let elsewhere = rises.measured.iter().filter(|w| w.kind != Kind::Node);
    let well = elsewhere.filter(|w| !nodes_of(world, w).is_empty() && !nodes_of(world, w).contains(&node)).count();
    if members.len() < 2 || share < ON_ONE_NODE || well < 2 {
        return None;
    }
    let (_, rise) = origins.iter().find(|(e, _)| members.contains(e))?;
    let names: Vec<String> = members.iter().map(ToString::to_string).collect();
    let mut finding = finding("node.network_delay", &EntityRef::node(node), rise)
        .nats(3.5)
        .arg("node", node)
        .arg("workloads", names.join(", "));
    for member in members.into_iter().take(4) {
        finding = finding.about(member.clone());
        finding.evidence.extend(rises.latency(member).into_iter().flat_map(|r| r.evidence.first().cloned()));
    }
    finding.evidence.dedup();
    Some(finding)
}
