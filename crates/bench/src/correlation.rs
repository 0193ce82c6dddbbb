//! Correlation of alerts: items per second over hours, and one storm at once. The inputs are made here, seeded.

use cpu_time::ThreadTime;
use jiff::{SignedDuration, Timestamp};
use rootline_correlate::{Item, Mode, Options, Topology, correlator};
use rootline_model::{Alert, EntityRef, Kind, Origin, Relation};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

const NODES: u64 = 200;
const SERVICES: u64 = 400;
const PODS: u64 = 4;
/// A tick of the daemon.
const TICK_S: i64 = 15;

/// `alerts` of `meta.json` over hours.
pub fn stream(input: &Input) -> Result<Value, BenchError> {
    let alerts = input.number("alerts")? as usize;
    // 5 alerts a second is a bad day of a large cluster
    run(alerts, 5.0)
}

/// `alerts` within one minute: how long until all are folded.
pub fn storm(input: &Input) -> Result<Value, BenchError> {
    let alerts = input.number("alerts")? as usize;
    run(alerts, alerts as f64 / 60.0)
}

/// A million within ten minutes, beyond the bounds of memory: made tick by tick, only the correlator is timed.
pub fn flood(input: &Input) -> Result<Value, BenchError> {
    let alerts = input.number("alerts")? as usize;
    let topology = topology();
    let mut correlator = correlator(Options::of(Mode::Full));
    let (mut cpu_s, mut changes) = (0.0, 0);
    for (now, items) in ticks(alerts, alerts as f64 / 600.0, &topology) {
        let start = ThreadTime::now();
        changes += correlator.observe(now, &items, &topology).len();
        cpu_s += start.elapsed().as_secs_f64();
    }
    let groups = correlator.groups().count();
    let per_second = alerts as f64 / cpu_s;
    Ok(answer((cpu_s, 1, json!({ "groups": groups, "changes": changes, "alerts_per_s": per_second }))))
}

/// Splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn run(alerts: usize, per_second: f64) -> Result<Value, BenchError> {
    let topology = topology();
    let ticks: Vec<_> = ticks(alerts, per_second, &topology).collect();
    let (cpu_s, runs, groups) = measure(|| {
        let mut correlator = correlator(Options::of(Mode::Full));
        let mut changes = 0;
        for (now, items) in &ticks {
            changes += correlator.observe(*now, items, &topology).len();
        }
        Ok((correlator.groups().count(), changes))
    })?;
    let per_second = alerts as f64 / cpu_s;
    Ok(answer((cpu_s, runs, json!({ "groups": groups.0, "changes": groups.1, "alerts_per_s": per_second }))))
}

fn service(i: u64) -> EntityRef {
    EntityRef::new(Kind::Service, &format!("ns-{}", i % 30), &format!("svc-{i}"))
}

fn node(i: u64) -> String {
    format!("node-{i:03}")
}

fn topology() -> Topology {
    let mut topology = Topology::new();
    let mut chance = Chance(1);
    for i in 0..NODES {
        topology.set_zone(&EntityRef::node(&node(i)), ["a", "b", "c"][(i % 3) as usize]);
    }
    for i in 0..SERVICES {
        let door = service(i);
        let workload = EntityRef::new(Kind::Deployment, &door.namespace, &door.name);
        for p in 0..PODS {
            let pod = EntityRef::pod(&door.namespace, &format!("svc-{i}-{p}"));
            topology.relate(&pod, Relation::RunsOn, &EntityRef::node(&node(chance.below(NODES))));
            topology.relate(&pod, Relation::OwnedBy, &workload);
            topology.relate(&door, Relation::Selects, &pod);
        }
        for _ in 0..i.min(2) {
            topology.relate(&workload, Relation::Calls, &service(chance.below(i)));
        }
    }
    topology
}

/// Alerts in ticks: troubles of a node, a service or a zone, each with its symptoms.
fn ticks(alerts: usize, per_second: f64, topology: &Topology) -> impl Iterator<Item = (Timestamp, Vec<Item>)> {
    let mut chance = Chance(2);
    let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50);
    let mut next = 0;
    let mut tick = 0;
    std::iter::from_fn(move || {
        if next == alerts {
            return None;
        }
        tick += 1;
        let mut items = Vec::new();
        while next < alerts && next as f64 / per_second < (tick * TICK_S) as f64 {
            let alert = alert(next as u64, next as f64 / per_second, start, &mut chance);
            items.push(Item::from_alert(&alert, Origin::Alert, topology));
            next += 1;
        }
        Some((start + SignedDuration::from_secs(tick * TICK_S), items))
    })
}

fn alert(n: u64, at_s: f64, start: Timestamp, chance: &mut Chance) -> Alert {
    // a trouble of its own place every 240 s
    let place = Chance(at_s as u64 / 240).below(NODES);
    let (i, p) = (chance.below(SERVICES), chance.below(PODS));
    let namespace = format!("ns-{}", i % 30);
    let name = format!("svc-{i}");
    let labels: Vec<(&str, String)> = match chance.below(4) {
        0 => vec![("alertname", "KubeNodeNotReady".into()), ("node", node((place + 3 * chance.below(20)) % NODES))],
        1 => vec![("alertname", "KubePodNotReady".into()), ("namespace", namespace), ("pod", format!("{name}-{p}"))],
        2 => vec![("alertname", "HTTPErrorRateHigh".into()), ("namespace", namespace), ("service", name)],
        _ => {
            let name = ("deployment", name);
            vec![("alertname", "KubeDeploymentReplicasMismatch".into()), ("namespace", namespace), name]
        }
    };
    // each alert is one of its own: rules add labels
    let labels = labels.into_iter().chain([("severity", "warning".to_owned()), ("rule", n.to_string())]);
    let fired = start + SignedDuration::from_millis((at_s * 1000.0) as i64);
    Alert {
        labels: labels.collect(),
        starts_at: fired,
        ends_at: Some(fired + SignedDuration::from_mins(20)),
        hold_s: Some(300),
        ..Alert::default()
    }
}
