//! What recent members left behind, by thing: which group, which class, when it began.

use hashbrown::HashMap;

use super::places::Thing;
use crate::GroupId;
use crate::subject::Class;

/// Members of one group and class at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    pub group: GroupId,
    pub class: Class,
    pub name: Thing,
    /// First and last onset, seconds.
    pub from: f64,
    pub to: f64,
}

impl Trace {
    /// Seconds by which an onset is later than the nearest of this trace; negative if it is earlier.
    pub fn lag(&self, onset: f64) -> f64 {
        if onset < self.from {
            onset - self.from
        } else if onset > self.to {
            onset - self.to
        } else {
            0.0
        }
    }
}

/// Where a trace is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// The very thing, or a pod.
    Thing(Thing),
    /// Pods, services and workloads of a unit.
    Unit(Thing),
    /// Memory kills of a unit: they tell of its trouble for longer than others.
    OutOfMemory(Thing),
    /// Things on a node, and the node.
    Node(Thing),
    /// Requests of units that call this one.
    Callee(Thing),
    /// Alerts of this name that tell no place.
    Name(Thing),
    /// Nodes that are away, wherever.
    NodesDown,
    /// Daemon sets, wherever.
    DaemonSets,
    /// Pods that find no node.
    Unplaced,
}

impl Key {
    /// One number, which hashes in one step: a look asks for a hundred keys.
    fn code(self) -> u64 {
        let (sort, thing) = match self {
            Key::Thing(t) => (0, t),
            Key::Unit(t) => (1, t),
            Key::OutOfMemory(t) => (2, t),
            Key::Node(t) => (3, t),
            Key::Callee(t) => (4, t),
            Key::Name(t) => (5, t),
            Key::NodesDown => (6, 0),
            Key::DaemonSets => (7, 0),
            Key::Unplaced => (8, 0),
        };
        sort << 32 | u64::from(thing)
    }
}

/// Traces of one key, by last onset; the oldest goes.
const PER_KEY_MAX: usize = 24;
/// Keys; above it those without a recent onset go.
const KEYS_MAX: usize = 400_000;
/// Members farther apart than this are traces of their own.
const APART_S: f64 = 120.0;
/// No rule looks farther back.
const BACK_S: f64 = 1800.0;

/// Traces of one key. Most looks find that the latest is too old already, and need not go where the list is.
#[derive(Debug, Default)]
struct Trail {
    /// The greatest last onset in the list.
    latest: f64,
    /// By last onset, so that a look ends where it gets too old.
    list: Vec<Trace>,
}

impl Trail {
    fn add(&mut self, mut new: Trace) {
        let same = self.list.iter().rposition(|t| {
            t.group == new.group && t.class == new.class && t.name == new.name && t.lag(new.from).abs() <= APART_S
        });
        if let Some(place) = same {
            let old = self.list.remove(place);
            new.from = old.from.min(new.from);
            new.to = old.to.max(new.to);
        } else if self.list.len() == PER_KEY_MAX {
            self.list.remove(0);
        }
        let place = self.list.iter().rposition(|t| t.to <= new.to).map_or(0, |p| p + 1);
        self.list.insert(place, new);
        self.latest = self.list.last().map_or(new.to, |t| t.to);
    }
}

#[derive(Debug, Default)]
pub(super) struct Traces {
    /// By [`Key::code`].
    keys: HashMap<u64, Trail>,
    latest: f64,
}

impl Traces {
    /// Those whose last onset is at most `back_s` before `onset`, the latest first.
    pub fn since(&self, key: Key, onset: f64, back_s: f64) -> impl Iterator<Item = &Trace> {
        let edge = onset - back_s;
        let trail = self.keys.get(&key.code()).filter(|trail| trail.latest >= edge);
        trail.map_or(&[][..], |trail| &trail.list).iter().rev().take_while(move |t| t.to >= edge)
    }

    pub fn add(&mut self, key: Key, new: Trace) {
        self.latest = self.latest.max(new.to);
        if self.keys.len() >= KEYS_MAX {
            let edge = self.latest - 4.0 * BACK_S;
            self.keys.retain(|_, trail| trail.latest > edge);
            if self.keys.len() >= KEYS_MAX {
                self.keys.clear();
            }
        }
        self.keys.entry(key.code()).or_default().add(new);
    }

    pub fn clear(&mut self) {
        self.keys.clear();
    }
}
