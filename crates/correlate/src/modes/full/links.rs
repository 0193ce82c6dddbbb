//! How well recent members explain an item: one rule per relation, each with the delay that Kubernetes puts on it.
//!
//! A score is no probability, it orders candidates: a direct relation (above `WEAK`) before one through a third thing.
//! Within a rule the nearer onset wins. Onsets are known to about a minute: evaluation interval, delivery, clock.

use hashbrown::HashMap;

use super::places::{Located, Places, Thing, Unit};
use super::traces::{Key, Trace, Traces};
use crate::subject::{Class, Room};
use crate::{GroupId, Tie, Topology};

/// Scores up to this come from a relation through a third thing; they never join a group that has its own root.
pub(super) const WEAK: f64 = 0.5;
/// Relations up to this may be chance: people are told at once.
const LOOSE: f64 = 0.6;
/// An effect later than this comes by one of the slow rules.
const SLOW_FROM_S: f64 = 90.0;
/// Two onsets of one moment are at most so far apart.
const SAME_S: f64 = 75.0;
/// One hop along calls delays an effect by up to a minute: time-outs, retries, queues, the next evaluation.
const HOP_S: f64 = 60.0;
/// A node counts as away 40 s after it was last heard of (`node-monitor-grace-period`); pods follow.
const NODE_S: f64 = 20.0;
/// A rollout counts as stuck after `progressDeadlineSeconds` (600); leaks and full volumes take their time too.
const SLOW_S: f64 = 700.0;
/// As long as a disk is full the kubelet goes on to evict.
const PRESSURE_S: f64 = 1700.0;
/// No other effect of a node comes later than this.
const NEAR_S: f64 = NODE_S + 130.0;
/// Evictions of one pressure.
const EVICTIONS_S: f64 = 400.0;
/// Bounds of one look: callees, nodes of one unit.
const CALLEES_MAX: usize = 12;
const NODES_MAX: usize = 16;
const CANDIDATES_MAX: usize = 128;

/// Why a group is a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why {
    Same(Thing),
    Unit(Thing),
    Node(Thing),
    Call(Thing),
    Name,
    DaemonSet,
    Unplaced,
}

impl Why {
    /// What has a named cause that is none of a node belongs to nothing that is on the same node, and two with a cause each
    /// belong together only where they are about the same thing: the diagnosis looked whether one explains the other.
    pub fn is_foreign_to(self, item_named: bool, group_named: bool) -> bool {
        match self {
            Why::Node(_) => item_named || group_named,
            Why::Same(_) | Why::Unit(_) => false,
            Why::Call(_) | Why::Name | Why::DaemonSet | Why::Unplaced => item_named && group_named,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub group: GroupId,
    pub score: f64,
    pub why: Why,
    /// Seconds after the nearest onset that explains it.
    pub lag: f64,
}

impl Candidate {
    /// What the relation proves; `is_effect`: the group is known to have this as its effect.
    pub fn tie(&self, item: &Located, is_effect: bool) -> Tie {
        let class = item.class;
        let place = matches!(self.why, Why::Same(_) | Why::Unit(_) | Why::Node(_));
        let is_cause = matches!(class, Class::Crash | Class::OutOfMemory | Class::Volume | Class::NodeDown);
        // leaks, rollouts, full disks: late by nature, and requests where their own workload has one of these
        let can_be_late = match class {
            Class::NodeDown | Class::NodeCpu | Class::Volume => false,
            Class::Request => matches!(self.why, Why::Unit(_)) && self.lag > 0.0,
            _ => true,
        };
        let slow = place && can_be_late && self.lag.abs() > SLOW_FROM_S && self.score >= WEAK;
        // of two services that run out of something neither explains the other; and requests that fail where pods
        // were in trouble before are felt by users only now
        let felt = item.drained || class == Class::Request && matches!(self.why, Why::Unit(_)) && !slow;
        // a known sum, and what runs on every node
        let sure = matches!(self.why, Why::Unplaced | Why::DaemonSet);
        if felt {
            Tie::Loose
        } else if slow || sure || is_effect {
            Tie::Close
        } else if self.score <= LOOSE {
            Tie::Loose
        } else if matches!(self.why, Why::Node(_)) || is_cause {
            Tie::Near
        } else {
            Tie::Close
        }
    }
}

/// Collects the best score of each group.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub list: Vec<Candidate>,
    /// Group and place in the list.
    places: HashMap<GroupId, usize>,
}

impl Candidates {
    pub fn clear(&mut self) {
        self.list.clear();
        self.places.clear();
    }

    pub fn add(&mut self, new: Candidate) {
        if new.score <= 0.0 {
            return;
        }
        if let Some(place) = self.places.get(&new.group) {
            let old = &mut self.list[*place];
            if old.score < new.score {
                *old = new;
            }
        } else if self.list.len() < CANDIDATES_MAX {
            self.places.insert(new.group, self.list.len());
            self.list.push(new);
        }
    }

    /// A group that may explain the item though no trace says so.
    pub fn consider(&mut self, group: GroupId) {
        if !self.places.contains_key(&group) {
            self.places.insert(group, self.list.len());
            self.list.push(Candidate { group, score: 0.0, why: Why::Name, lag: 0.0 });
        }
    }

    /// Groups that were merged away become those that have their members now; what is no longer known goes.
    pub fn revive(&mut self, live: impl Fn(GroupId) -> Option<GroupId>) {
        if self.list.iter().all(|c| live(c.group) == Some(c.group)) {
            return;
        }
        self.places.clear();
        for candidate in std::mem::take(&mut self.list) {
            if let Some(group) = live(candidate.group) {
                self.add(Candidate { group, ..candidate });
            }
        }
    }
}

fn within(x: f64, low: f64, high: f64) -> bool {
    low <= x && x <= high
}

/// One item looking for groups.
pub(super) struct Look<'a> {
    pub item: &'a Located,
    pub places: &'a mut Places,
    pub traces: &'a Traces,
    pub topology: &'a Topology,
    pub found: &'a mut Candidates,
}

impl Look<'_> {
    /// All rules.
    pub fn run(mut self) {
        let item = self.item;
        let Some(thing) = item.thing else {
            return self.by_name();
        };
        let grows = if item.class == Class::Pressure { PRESSURE_S } else { SLOW_S };
        self.each((Key::Thing(thing), grows), Why::Same(thing), |t, lag| same_thing(item, t, lag));
        for unit in item.hurts.iter().copied() {
            let key = (Key::Unit(unit), SLOW_S);
            self.each(key, Why::Unit(unit), |t, lag| same_unit(Class::Replicas, t.class, lag));
        }
        if matches!(item.class, Class::Advice | Class::Other | Class::Dns | Class::ControlPlane) {
            return;
        }
        if let Some(pod) = item.pod {
            self.each((Key::Thing(pod), SLOW_S), Why::Same(pod), |_, lag| {
                if within(lag, -90.0, SLOW_S) { 0.95 - lag.abs() / 3000.0 } else { 0.0 }
            });
        }
        if let Some(node) = item.node {
            self.by_node(node);
        }
        if item.daemon_set {
            self.each((Key::NodesDown, SAME_S), Why::DaemonSet, |_, lag| daemon_set(lag));
        }
        if item.class == Class::NodeDown {
            self.each((Key::DaemonSets, SAME_S), Why::DaemonSet, |_, lag| daemon_set(lag));
        }
        if let Some(unit) = item.unit {
            self.each((Key::Unit(unit), SLOW_S), Why::Unit(unit), |t, lag| same_unit(item.class, t.class, lag));
            let view = self.places.unit(unit, self.topology);
            if matches!(item.class, Class::Request | Class::Replicas) {
                self.by_nodes_of_unit(&view);
            }
            self.by_calls(unit, &view);
        }
    }

    /// Every trace of a key whose last onset is at most `back_s` before the item: what the rule says of it.
    fn each(&mut self, (key, back_s): (Key, f64), why: Why, rule: impl Fn(&Trace, f64) -> f64) {
        let onset = self.item.onset;
        for trace in self.traces.since(key, onset, back_s) {
            let lag = trace.lag(onset);
            self.found.add(Candidate { group: trace.group, score: rule(trace, lag), why, lag });
        }
    }

    /// Nothing but a name: the group of alerts of this name that began in the same minute.
    fn by_name(&mut self) {
        self.each((Key::Name(self.item.name), SAME_S), Why::Name, |_, lag| if lag.abs() <= 60.0 { 0.3 } else { 0.0 });
        if self.item.room == Some(Room::Overbooked) {
            self.each((Key::Unplaced, SAME_S), Why::Unplaced, |_, lag| if lag.abs() <= SAME_S { 0.4 } else { 0.0 });
        }
    }

    /// The item is a node, or a pod on one.
    fn by_node(&mut self, node: Thing) {
        let item = self.item;
        let lasts = matches!(item.class, Class::Pressure | Class::Evicted | Class::Replicas);
        let back_s = if lasts { PRESSURE_S } else { NEAR_S };
        self.each((Key::Node(node), back_s), Why::Node(node), |t, lag| on_one_node(item.class, t.class, lag));
        let back_s = if item.class == Class::Evicted { EVICTIONS_S } else { NEAR_S };
        let through = matches!(item.class, Class::NodeDown | Class::NodeCpu | Class::Node | Class::NotReady);
        for unit in self.places.on_node(node, self.topology).iter().copied().take(64) {
            if Some(unit) != item.unit {
                self.each((Key::Unit(unit), back_s), Why::Node(node), |t, lag| unit_on_node(item.class, t.class, lag));
            }
            if through {
                self.each((Key::Callee(unit), SAME_S), Why::Call(unit), |t, lag| through_callee(t.name, -lag));
            }
        }
    }

    /// The item is a service or workload with pods on nodes.
    fn by_nodes_of_unit(&mut self, view: &Unit) {
        let item = self.item;
        let back_s = if item.class == Class::Replicas { PRESSURE_S } else { NEAR_S };
        for node in view.nodes.iter().copied().take(NODES_MAX) {
            self.each((Key::Node(node), back_s), Why::Node(node), |t, lag| unit_on_node(t.class, item.class, -lag));
        }
        if item.class != Class::Request {
            return;
        }
        for (callee, hops) in view.callees.iter().copied().take(CALLEES_MAX).filter(|(_, h)| *h <= 2) {
            let nodes = self.places.unit(callee, self.topology);
            for node in nodes.nodes.iter().copied().take(NODES_MAX) {
                let back_s = NEAR_S + HOP_S * f64::from(hops);
                self.each((Key::Node(node), back_s), Why::Call(callee), |t, lag| match t.class {
                    Class::NodeDown | Class::NodeCpu | Class::Node | Class::NotReady => {
                        through_callee(Thing::from(hops), lag)
                    }
                    _ => 0.0,
                });
            }
        }
    }

    /// Errors and delays travel from callee to caller.
    fn by_calls(&mut self, unit: Thing, view: &Unit) {
        let item = self.item;
        if item.class == Class::Request {
            self.each((Key::OutOfMemory(unit), SLOW_S), Why::Unit(unit), |t, lag| leak(t.class, 0.0, lag));
            for (callee, hops) in view.callees.iter().copied() {
                let hops = f64::from(hops);
                let back_s = SAME_S + HOP_S * hops;
                self.each((Key::Unit(callee), back_s), Why::Call(callee), |t, lag| called(t.class, hops, lag));
                self.each((Key::OutOfMemory(callee), SLOW_S), Why::Call(callee), |t, lag| leak(t.class, hops, lag));
                if hops <= 2.0 {
                    self.each((Key::Callee(callee), SAME_S + HOP_S), Why::Call(callee), |t, lag| {
                        siblings(hops + f64::from(t.name), lag)
                    });
                }
            }
        }
        if item.class != Class::Rollout {
            let back_s = if item.class == Class::OutOfMemory { SLOW_S } else { SAME_S };
            for (caller, hops) in view.callers.iter().copied() {
                let hops = f64::from(hops);
                self.each((Key::Unit(caller), back_s), Why::Call(unit), |t, lag| match t.class {
                    Class::Request => called(item.class, hops, -lag).max(leak(item.class, hops, lag)),
                    _ => 0.0,
                });
            }
        }
    }
}

/// The same thing again: now, or later as the trouble grows.
fn same_thing(item: &Located, trace: &Trace, lag: f64) -> f64 {
    let odd = |c: Class| matches!(c, Class::Advice | Class::Other);
    let hub = |c: Class| matches!(c, Class::Dns | Class::ControlPlane);
    if hub(item.class) || (odd(item.class) || odd(trace.class)) && item.name != trace.name {
        return 0.0;
    }
    if lag.abs() <= 90.0 {
        return 1.0 - lag.abs() / 600.0;
    }
    let (low, high) = match item.class {
        Class::Pressure if trace.class == Class::Pressure => (-PRESSURE_S, PRESSURE_S),
        class if class.is_node() => return 0.0,
        Class::Request => (-90.0, 200.0),
        _ => (-90.0, SLOW_S),
    };
    if within(lag, low, high) { 0.6 } else { 0.0 }
}

fn same_unit(item: Class, trace: Class, lag: f64) -> f64 {
    if lag.abs() <= 100.0 {
        return 0.9 - lag.abs() / 1000.0;
    }
    let slow = |first: Class, second: Class| {
        matches!(first, Class::Volume | Class::OutOfMemory)
            || matches!(second, Class::OutOfMemory | Class::Rollout) && first != Class::Request
    };
    let later = within(lag, 0.0, SLOW_S) && slow(trace, item);
    let earlier = within(lag, -SLOW_S, 0.0) && slow(item, trace);
    if later || earlier { 0.56 } else { 0.0 }
}

/// Both are on one node, or are it.
fn on_one_node(item: Class, trace: Class, lag: f64) -> f64 {
    match (item.is_node(), trace.is_node()) {
        _ if !item.share_node(trace) => 0.0,
        (true, true) if lag.abs() <= SAME_S => 0.85 - lag.abs() / 1000.0,
        (true, true) if item == Class::Pressure && trace == Class::Pressure && lag.abs() <= PRESSURE_S => 0.6,
        (true, true) => 0.0,
        (false, true) => below_node(trace, item, lag, 0.85),
        (true, false) => below_node(item, trace, -lag, 0.85),
        (false, false) if lag.abs() <= SAME_S => 0.7 - lag.abs() / 1000.0,
        (false, false) if item == Class::Evicted && lag.abs() <= EVICTIONS_S => WEAK,
        (false, false) => 0.0,
    }
}

/// A node or a pod on it, and a service or workload with a pod there; `lag`: of the first after the second.
fn unit_on_node(first: Class, second: Class, lag: f64) -> f64 {
    if !matches!(second, Class::Request | Class::Replicas) || !first.share_node(second) {
        return 0.0;
    }
    if first.is_node() {
        return below_node(first, second, -lag, 0.75);
    }
    let wide = first == Class::Evicted && lag.abs() <= EVICTIONS_S;
    if lag.abs() <= SAME_S {
        WEAK - lag.abs() / 1000.0
    } else if wide {
        0.4
    } else {
        0.0
    }
}

/// An effect of a node's trouble, `lag` after it.
fn below_node(node: Class, effect: Class, lag: f64, weight: f64) -> f64 {
    let late = lag - NODE_S;
    if within(late, -80.0, 130.0) {
        weight - late.abs() / 1000.0
    } else if node == Class::Pressure
        && matches!(effect, Class::Evicted | Class::Replicas)
        && within(lag, 0.0, PRESSURE_S)
    {
        0.55
    } else {
        0.0
    }
}

/// A caller's requests `lag` after trouble of a callee.
fn called(callee: Class, hops: f64, lag: f64) -> f64 {
    let late = lag - HOP_S * hops;
    if !matches!(callee, Class::Rollout | Class::Advice) && within(late, -70.0 - 30.0 * hops, 70.0) {
        0.8 - 0.1 * hops - late.abs() / 1000.0
    } else {
        0.0
    }
}

/// Pods of one workload leak at their own pace: a kill of one says little about the time of the next.
fn leak(callee: Class, hops: f64, lag: f64) -> f64 {
    if callee == Class::OutOfMemory && lag.abs() <= SLOW_S { 0.4 - 0.05 * hops } else { 0.0 }
}

/// Two callers of one callee.
fn siblings(hops: f64, lag: f64) -> f64 {
    if lag.abs() <= SAME_S + HOP_S { 0.45 - 0.05 * hops - lag.abs() / 1000.0 } else { 0.0 }
}

/// Requests of a caller `lag` after trouble on the node of a callee.
fn through_callee(hops: Thing, lag: f64) -> f64 {
    let hops = f64::from(hops);
    let late = lag - HOP_S * hops - NODE_S;
    if within(late, -70.0 - 20.0 * hops, 70.0) { 0.42 - 0.08 * hops - late.abs() / 1000.0 } else { 0.0 }
}

fn daemon_set(lag: f64) -> f64 {
    if lag.abs() <= 70.0 { 0.4 - lag.abs() / 1000.0 } else { 0.0 }
}
