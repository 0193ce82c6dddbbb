//! Mode `full`: onset, typed topology with directions and delays, and troubles wider than the topology.
//!
//! An item joins the group that explains it best, decided once when it arrives (`docs/internals/correlation.md`). Groups
//! are made one only if they opened within the last `revise_s` seconds, when it shows that a zone, or something that
//! everybody uses, is in trouble; what is older stays as it was told.

mod company;
mod links;
mod places;
mod recent;
mod table;
mod traces;
mod wide;

use std::cmp::Reverse;
use std::collections::VecDeque;

use hashbrown::HashMap;
use rootline_model::{Fingerprint, Timestamp};

use self::company::Company;
use self::links::{Candidate, Candidates, Look, WEAK, Why};
use self::places::{ClusterNo, Located, Places, Thing, Zone};
use self::recent::{Near, Recent, push, together};
use self::traces::{Key, Trace, Traces};
use self::wide::{Kind, WIDE_BEFORE_S, WIDE_S, Wide, explains};
use super::{Place, Placement};
use crate::book::Book;
use crate::subject::{Class, Room};
use crate::{GroupId, Item, Options, Pairs, Reason, Tie, Topology, WideRow};

/// Less than this is no relation.
const LEAST: f64 = 0.15;
/// Nodes of one zone with the same alert within a minute: chance does not do that.
const ZONE_NODES: usize = 4;
/// Services without a relation that began within a minute.
const BURST_GROUPS: usize = 4;
const WIDE_MAX: usize = 64;
const DOWN_MAX: usize = 16;
const STATES_MAX: usize = 200_000;

/// What is known of a group beyond its members.
#[derive(Clone, Debug, Default)]
struct State {
    wide: Option<Wide>,
    /// Has a member that is a cause by its nature.
    root: bool,
    /// Requests only.
    requests: bool,
    /// A node in it is away.
    down: bool,
    /// Number of its cluster, 0 if it is not known.
    cluster: ClusterNo,
    /// Has a member with a named cause, and that is none of a node.
    named: bool,
    /// When its first member fired, seconds.
    born: f64,
}

impl State {
    /// Can something of this cluster belong to it?
    fn is_of(&self, cluster: ClusterNo) -> bool {
        self.cluster == cluster || self.cluster == 0 || cluster == 0
    }
}

/// A node that is away, name of the alert, group.
type Away = (Thing, Thing, GroupId);

#[derive(Debug)]
pub(super) struct Full {
    revise_s: f64,
    places: Places,
    traces: Traces,
    states: HashMap<GroupId, State>,
    /// Onset and group.
    wide: VecDeque<(f64, GroupId)>,
    /// Groups of requests that have no cause yet.
    requests: Recent<GroupId>,
    /// By zone.
    nodes: HashMap<Zone, Recent<Away>>,
    located: HashMap<Fingerprint, Located>,
    company: Company,
    /// Of the item that is being placed; kept for its memory.
    found: Candidates,
    /// What comes was there before a restart and is learnt already.
    restoring: bool,
    /// Groups that were wide before it, until their members come.
    was_wide: HashMap<GroupId, Wide>,
}

impl Full {
    pub fn new(options: &Options) -> Full {
        Full {
            revise_s: f64::from(options.revise_s),
            places: Places::default(),
            traces: Traces::default(),
            states: HashMap::default(),
            wide: VecDeque::new(),
            requests: VecDeque::new(),
            nodes: HashMap::default(),
            located: HashMap::default(),
            company: Company::default(),
            found: Candidates::default(),
            restoring: false,
            was_wide: HashMap::default(),
        }
    }

    /// The group that explains an item best, by its relations and by what the state of the groups says about them.
    fn best(&mut self, item: &Located, book: &Book, topology: &Topology) -> Option<Candidate> {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let look = Look { item, places: &mut self.places, traces: &self.traces, topology, found: &mut found };
        look.run();
        found.revive(|group| book.live(group));
        for (onset, group) in &self.wide {
            if item.onset - onset < -WIDE_BEFORE_S || item.onset - onset > WIDE_S {
                continue;
            }
            if let Some(group) = book.live(*group) {
                found.consider(group);
            }
        }
        for candidate in &mut found.list {
            candidate.score = self.weigh(candidate, item, topology);
        }
        let size = |g: GroupId| book.group(g).map_or(0, |g| g.members.len());
        let best = found.list.iter().copied().filter(|c| c.score > LEAST).min_by(|a, b| {
            let larger = || size(b.group).cmp(&size(a.group));
            b.score.total_cmp(&a.score).then_with(larger).then(a.group.cmp(&b.group))
        });
        self.found = found;
        best
    }

    fn weigh(&mut self, candidate: &Candidate, item: &Located, topology: &Topology) -> f64 {
        let Some(state) = self.states.get(&candidate.group) else { return candidate.score };
        let (score, class) = (candidate.score, item.class);
        if !state.is_of(item.cluster) {
            return 0.0;
        }
        if candidate.why.is_foreign_to(item.named && !class.is_node(), state.named) {
            return 0.0;
        }
        let Some(wide) = &state.wide else {
            let taken = state.root && class != Class::Replicas || state.down && class == Class::NodeDown;
            return if score <= WEAK && taken && item.thing.is_some() { 0.0 } else { score };
        };
        if item.thing.is_none() {
            return score;
        }
        let explained = explains(wide, item, &mut self.places, topology);
        match wide.kind {
            // pods and workloads of what is in it already
            Kind::Zone(_) if score > WEAK || matches!(class, Class::Request | Class::Replicas) || item.daemon_set => {
                score.max(explained)
            }
            Kind::Zone(_) => explained,
            _ if score > WEAK && matches!(class, Class::NotReady | Class::Pod | Class::Replicas | Class::Rollout) => {
                score.max(explained)
            }
            _ => explained,
        }
    }

    /// Four nodes of a zone within a minute.
    fn zone(&mut self, item: &Located, chosen: Option<GroupId>, book: &Book, topology: &Topology) -> Option<Place> {
        if !matches!(item.class, Class::NodeDown | Class::Node) {
            return None;
        }
        let free = |s: Option<&State>| s.is_none_or(|s| s.wide.is_none() && !s.root);
        if chosen.is_some_and(|g| !free(self.states.get(&g))) {
            return None;
        }
        let (node, zone) = (item.node?, self.places.zone(item.node?, topology)?);
        let fits = |s: &State| {
            !s.root
                && s.is_of(item.cluster)
                && s.wide.as_ref().is_none_or(|w| matches!(&w.kind, Kind::Zone(z) if *z == zone))
        };
        let mut near = Near::default();
        let mut nodes = vec![node];
        for (onset, (other, name, group)) in together(self.nodes.get(&zone)?, item.onset) {
            let fits = |g| book.live(g).filter(|g| self.states.get(g).is_none_or(fits));
            if *name == item.name
                && near.add(*onset, *group, fits)
                && nodes.len() < ZONE_NODES
                && !nodes.contains(other)
            {
                nodes.push(*other);
            }
        }
        if nodes.len() < ZONE_NODES {
            return None;
        }
        let wide = Wide { onset: near.middle(item.onset), kind: Kind::Zone(zone) };
        let reason = Reason::Zone { zone: self.places.zone_name(zone) };
        Some(self.widen(near.groups(chosen), wide, item.fired, reason))
    }

    /// Several services without a relation within a minute.
    fn burst(&mut self, item: &Located, chosen: Option<GroupId>, book: &Book) -> Option<Place> {
        let plain = |s: Option<&State>| s.is_some_and(|s| s.requests && s.wide.is_none() && s.is_of(item.cluster));
        if item.class != Class::Request || chosen.is_some_and(|g| !plain(self.states.get(&g))) {
            return None;
        }
        let mut near = Near::default();
        for (onset, group) in together(&self.requests, item.onset) {
            near.add(*onset, *group, |g| book.live(g).filter(|g| plain(self.states.get(g))));
        }
        let groups = near.groups(chosen);
        let count = groups.len() + usize::from(chosen.is_none());
        if count < BURST_GROUPS {
            return None;
        }
        let wide = Wide { kind: Kind::Burst, onset: near.middle(item.onset) - 15.0 };
        Some(self.widen(groups, wide, item.fired, Reason::Burst { count: count as u32 }))
    }

    /// The group with most of these becomes wide and takes the young ones in.
    fn widen(&mut self, mut counts: Vec<(GroupId, usize)>, wide: Wide, fired: f64, reason: Reason) -> Place {
        let is_wide = |g: GroupId| self.states.get(&g).is_some_and(|s| s.wide.is_some());
        counts.sort_by_key(|(g, n)| (!is_wide(*g), Reverse(*n), *g));
        let Some((first, _)) = counts.first().copied() else { return Place::Open };
        let mut all = vec![first];
        for (other, _) in counts.into_iter().skip(1) {
            let young = self.states.get(&other).is_some_and(|s| fired - s.born <= self.revise_s && s.wide.is_none());
            if young {
                let old = self.states.remove(&other).unwrap_or_default();
                let state = self.states.entry(first).or_default();
                state.root |= old.root;
                state.down |= old.down;
                state.named |= old.named;
                state.requests &= old.requests;
                state.born = state.born.min(old.born);
                all.push(other);
            }
        }
        let state = self.states.entry(first).or_default();
        if state.wide.is_none() {
            let onset = wide.onset;
            state.wide = Some(wide);
            self.remember_wide(onset, first);
        }
        Place::Bridge(all, reason)
    }

    fn remember_wide(&mut self, onset: f64, group: GroupId) {
        if self.wide.len() == WIDE_MAX {
            self.wide.pop_front();
        }
        self.wide.push_back((onset, group));
    }

    /// Kubelets and rollouts wait for a control plane that is known to be in trouble.
    fn is_effect(&self, best: &Candidate, item: &Located) -> bool {
        let wide = self.states.get(&best.group).and_then(|s| s.wide.as_ref());
        matches!(item.class, Class::Kubelet | Class::Rollout) && wide.is_some_and(|w| w.kind == Kind::ControlPlane)
    }

    fn reason(&mut self, best: &Candidate, item: &Located) -> Reason {
        if let Some(wide) = self.states.get(&best.group).and_then(|s| s.wide.as_ref())
            && (best.score <= WEAK || matches!(best.why, Why::Name))
        {
            return match &wide.kind {
                Kind::Dns => Reason::Shared { hub: "DNS".into() },
                Kind::ControlPlane => Reason::Shared { hub: "the control plane".into() },
                Kind::Burst => Reason::Burst { count: BURST_GROUPS as u32 },
                Kind::Zone(zone) => Reason::Zone { zone: self.places.zone_name(*zone) },
            };
        }
        let mut related = |other: Thing| {
            let entity = item.thing.map_or_else(|| "".into(), |t| self.places.words(t));
            Reason::Related { entity, other: self.places.words(other) }
        };
        match best.why {
            Why::Same(thing) => Reason::SameEntity { entity: self.places.words(thing) },
            Why::Unit(unit) => related(unit),
            Why::Node(node) if item.class.is_node() => related(node),
            Why::Node(node) => Reason::OnNode { node: self.places.words(node) },
            Why::Call(callee) => Reason::Calls { callee: self.places.words(callee) },
            Why::Unplaced => Reason::NoRoom,
            Why::Name | Why::DaemonSet => Reason::SameTime,
        }
    }

    /// Leaves traces of a member.
    fn trace(&mut self, item: &Located, group: GroupId, topology: &Topology) {
        let trace = Trace { group, class: item.class, name: item.name, from: item.onset, to: item.onset };
        self.traces.add(Key::Name(item.name), trace);
        let Some(thing) = item.thing else { return };
        self.traces.add(Key::Thing(thing), trace);
        for unit in &item.hurts {
            self.traces.add(Key::Unit(*unit), Trace { class: Class::Replicas, ..trace });
        }
        if item.room == Some(Room::Lacks) {
            self.traces.add(Key::Unplaced, trace);
        }
        if matches!(item.class, Class::Advice | Class::Other) {
            return;
        }
        if let Some(pod) = item.pod.filter(|p| *p != thing) {
            self.traces.add(Key::Thing(pod), trace);
        }
        if let Some(node) = item.node {
            self.traces.add(Key::Node(node), trace);
        }
        if item.class == Class::NodeDown {
            self.traces.add(Key::NodesDown, trace);
        }
        if item.daemon_set {
            self.traces.add(Key::DaemonSets, trace);
        }
        let Some(unit) = item.unit else { return };
        self.traces.add(Key::Unit(unit), trace);
        if item.class == Class::OutOfMemory {
            self.traces.add(Key::OutOfMemory(unit), trace);
        }
        if item.class == Class::Request {
            let view = self.places.unit(unit, topology);
            for (callee, hops) in view.callees.iter().copied().take(DOWN_MAX).filter(|(_, h)| *h <= 2) {
                self.traces.add(Key::Callee(callee), Trace { name: Thing::from(hops), ..trace });
            }
        }
    }

    /// Brings the state of a group up to date with a new member.
    fn learn(&mut self, item: &Located, group: GroupId, topology: &Topology) {
        if self.states.len() >= STATES_MAX {
            self.states.clear();
        }
        if !self.states.contains_key(&group) {
            let wide = self.was_wide.remove(&group);
            if let Some(wide) = &wide {
                self.remember_wide(wide.onset, group);
            }
            self.states.insert(group, State { requests: true, born: item.fired, wide, ..State::default() });
        }
        let state = self.states.entry(group).or_default();
        state.root |= item.class.is_root();
        state.cluster = if state.cluster == 0 { item.cluster } else { state.cluster };
        state.named |= item.named && !item.class.is_node();
        state.requests &= item.class == Class::Request;
        state.down |= item.class == Class::NodeDown;
        let hub = match item.class {
            Class::Dns => Some(Kind::Dns),
            Class::ControlPlane => Some(Kind::ControlPlane),
            _ => None,
        };
        let plain = state.requests && state.wide.is_none();
        if let Some(kind) = hub {
            match &mut state.wide {
                // now it is known what all of them use
                Some(wide) if wide.kind == Kind::Burst => wide.kind = kind,
                Some(_) => {}
                None => {
                    state.wide = Some(Wide { kind, onset: item.onset });
                    self.remember_wide(item.onset, group);
                }
            }
        }
        if item.class == Class::Request && plain {
            push(&mut self.requests, item.onset, group);
        }
        if matches!(item.class, Class::NodeDown | Class::Node)
            && let Some(node) = item.node
            && let Some(zone) = self.places.zone(node, topology)
        {
            push(self.nodes.entry(zone).or_default(), item.onset, (node, item.name, group));
        }
    }
}

/// Causes are placed before what they explain.
fn order(class: Class) -> u8 {
    match class {
        Class::Dns | Class::ControlPlane => 0,
        class if class.is_node() => 1,
        Class::Volume => 1,
        class if class.is_pod() => 2,
        class if class.is_workload() => 3,
        Class::Request => 4,
        _ => 5,
    }
}

impl Placement for Full {
    fn begin(&mut self, now: Timestamp, fresh: &mut [&Item], book: &Book, topology: &Topology) {
        if self.places.begin(topology) {
            self.traces.clear();
            self.nodes.clear();
        }
        let edge = now.as_millisecond() as f64 / 1000.0 - 4.0 * 3600.0 - WIDE_S;
        self.wide.retain(|(onset, group)| *onset > edge && book.live(*group).is_some());
        self.located.clear();
        for item in fresh.iter() {
            let located = self.places.locate(item, topology);
            self.located.insert(item.id, located);
        }
        fresh.sort_by_cached_key(|i| {
            let class = self.located.get(&i.id).map_or(9, |l| order(l.class));
            (class, i.onset, i.fired, i.id)
        });
    }

    fn place(&mut self, item: &Item, book: &Book, topology: &Topology) -> Place {
        let Some(located) = self.located.get(&item.id).cloned() else { return Place::Open };
        let best = self.best(&located, book, topology);
        let chosen = best.as_ref().map(|b| b.group);
        if let Some(place) = self.zone(&located, chosen, book, topology) {
            return place;
        }
        if let Some(place) = self.burst(&located, chosen, book) {
            return place;
        }
        // what tells no place belongs where its name is expected
        if located.thing.is_none()
            && !matches!(located.class, Class::Dns | Class::ControlPlane)
            && let Some(best) = self.company.best(item, located.onset, book)
        {
            let percent = (best.share * 100.0) as u8;
            return Place::Join(best.group, Reason::GoesWith { name: best.because, percent }, Tie::Near);
        }
        match best {
            Some(best) => {
                let tie = best.tie(&located, self.is_effect(&best, &located));
                Place::Join(best.group, self.reason(&best, &located), tie)
            }
            None => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, topology: &Topology) {
        let located = match self.located.remove(&item.id) {
            Some(located) => located,
            None => self.places.locate(item, topology),
        };
        self.trace(&located, group, topology);
        self.learn(&located, group, topology);
        if located.thing.is_some() {
            self.company.add(&item.name, located.onset, group, !self.restoring);
        }
    }

    fn restoring(&mut self, on: bool) {
        self.restoring = on;
        self.was_wide.clear();
    }

    fn wide(&self) -> Vec<WideRow> {
        let rows = self.states.iter().filter_map(|(group, state)| Some(state.wide.as_ref()?.row(*group, &self.places)));
        let mut rows: Vec<WideRow> = rows.collect();
        rows.sort_by(|a, b| a.onset.total_cmp(&b.onset).then(a.group.cmp(&b.group)));
        rows
    }

    fn restore_wide(&mut self, rows: &[WideRow]) {
        let places = &mut self.places;
        self.was_wide.extend(rows.iter().filter_map(|row| Some((row.group, Wide::of(row, places)?))));
    }

    fn pairs(&self) -> Option<&Pairs> {
        Some(&self.company.pairs)
    }

    fn restore_pairs(&mut self, pairs: Pairs) {
        self.company = Company::of(pairs);
    }

    fn forgotten(&mut self, group: GroupId) {
        self.states.remove(&group);
    }
}
