//! A small cluster and alerts about it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rootline_correlate::{Change, Correlator, GroupId, Item, Mode, Options, Remembered, Topology, correlator};
use rootline_model::{Alert, EntityRef, Fingerprint, Kind, Origin, Relation};

/// Seconds after some morning.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + seconds)
}

/// 12 nodes in 3 zones, 24 services with 3 pods each; service 3k+1 and 3k+2 call service 3k.
pub fn topology() -> Topology {
    let mut t = Topology::new();
    for n in 0..12 {
        t.set_zone(&node(n), ["a", "b", "c"][n % 3]);
    }
    for s in 0..24 {
        let (door, workload) = (service(s), EntityRef::new(Kind::Deployment, "shop", &format!("s{s}")));
        for p in 0..3 {
            let pod = EntityRef::pod("shop", &format!("s{s}-{p}"));
            t.relate(&pod, Relation::RunsOn, &node((s + 5 * p) % 12));
            t.relate(&pod, Relation::OwnedBy, &workload);
            t.relate(&door, Relation::Selects, &pod);
        }
        if s % 3 != 0 {
            t.relate(&workload, Relation::Calls, &service(s - s % 3));
        }
    }
    t
}

pub fn node(n: usize) -> EntityRef {
    EntityRef::node(&format!("n{n}"))
}

pub fn service(s: usize) -> EntityRef {
    EntityRef::new(Kind::Service, "shop", &format!("s{s}"))
}

/// An alert that fires at a second, with its rule's `for:`.
pub fn alert(name: &str, labels: &[(&str, &str)], fires: i64, hold_s: u32) -> Alert {
    let severity = if labels.iter().any(|(n, _)| *n == "severity") { None } else { Some(("severity", "warning")) };
    Alert {
        labels: labels.iter().copied().chain([("alertname", name)]).chain(severity).collect(),
        starts_at: at(fires),
        hold_s: Some(hold_s),
        ..Alert::default()
    }
}

pub fn item(name: &str, labels: &[(&str, &str)], fires: i64, hold_s: u32) -> Item {
    Item::from_alert(&alert(name, labels, fires, hold_s), Origin::Alert, &topology())
}

pub fn node_alert(name: &str, n: usize, fires: i64, hold_s: u32) -> Item {
    item(name, &[("node", &format!("n{n}"))], fires, hold_s)
}

pub fn pod_alert(name: &str, s: usize, p: usize, fires: i64, hold_s: u32) -> Item {
    item(name, &[("namespace", "shop"), ("pod", &format!("s{s}-{p}"))], fires, hold_s)
}

pub fn service_alert(name: &str, s: usize, fires: i64, hold_s: u32) -> Item {
    item(name, &[("namespace", "shop"), ("service", &format!("s{s}"))], fires, hold_s)
}

/// The same in a cluster that its labels name; `topology` is of one, too.
pub fn in_cluster(item: &Item, cluster: &str, topology: &Topology) -> Item {
    let alert = Alert {
        labels: item.labels.with("cluster", cluster),
        starts_at: item.fired,
        ends_at: item.ends,
        hold_s: u32::try_from(item.fired.duration_since(item.onset).as_secs()).ok(),
        ..Alert::default()
    };
    Item::from_alert(&alert, item.origin, topology)
}

pub fn ended(item: &Item, end: i64) -> Item {
    Item { ends: Some(at(end)), ..item.clone() }
}

/// Plays items as they fire, a tick every 15 s.
pub fn play(options: Options, items: &[Item]) -> (Box<dyn Correlator>, Vec<Change>) {
    let mut correlator = correlator(options);
    let changes = go_on(correlator.as_mut(), items);
    (correlator, changes)
}

pub fn go_on(correlator: &mut dyn Correlator, items: &[Item]) -> Vec<Change> {
    let topology = topology();
    let mut items = items.to_vec();
    items.sort_by_key(|i| (i.fired, i.id));
    let mut changes = Vec::new();
    let mut rest = items.as_slice();
    while let Some(first) = rest.first() {
        let second = first.fired.as_second();
        let now = Timestamp::from_second(second + 15 - second.rem_euclid(15)).expect("a second of this century");
        let (batch, later) = rest.split_at(rest.partition_point(|i| i.fired <= now));
        changes.extend(correlator.observe(now, batch, &topology));
        rest = later;
    }
    changes
}

pub fn full(items: &[Item]) -> Box<dyn Correlator> {
    play(Options::of(Mode::Full), items).0
}

/// The groups as sets of items.
pub fn partition(correlator: &dyn Correlator) -> BTreeSet<BTreeSet<Fingerprint>> {
    correlator.groups().map(|g| g.members.iter().map(|m| m.item.id).collect()).collect()
}

pub fn together(correlator: &dyn Correlator, items: &[Item]) -> bool {
    let groups: BTreeSet<Option<GroupId>> = items.iter().map(|i| correlator.group_of(i.id)).collect();
    groups.len() == 1 && !groups.contains(&None)
}

pub fn apart(correlator: &dyn Correlator, a: &Item, b: &Item) -> bool {
    correlator.group_of(a.id) != correlator.group_of(b.id)
}

pub fn remember(c: &dyn Correlator) -> Vec<Remembered> {
    c.groups()
        .map(|g| Remembered {
            id: g.id,
            stage: g.stage,
            opened: g.opened,
            updated: g.updated,
            resolved: g.resolved,
            members: g.members.iter().map(|m| (m.item.clone(), m.joined, m.reason.clone())).collect(),
            core: Some(g.core),
        })
        .collect()
}
