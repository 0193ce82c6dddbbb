//! What recent members left behind, by thing: which group, which class, when it began.

use super::places::Thing;
use super::table::Table;
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
    /// Its sort, and the thing.
    fn parts(self) -> (usize, Thing) {
        match self {
            Key::Thing(t) => (0, t),
            Key::Unit(t) => (1, t),
            Key::OutOfMemory(t) => (2, t),
            Key::Node(t) => (3, t),
            Key::Callee(t) => (4, t),
            Key::Name(t) => (5, t),
            Key::NodesDown => (6, 0),
            Key::DaemonSets => (6, 1),
            Key::Unplaced => (6, 2),
        }
    }
}

const SORTS: usize = 7;
/// Traces of one key, by last onset; the oldest goes.
const PER_KEY_MAX: usize = 24;
/// Keys; above it those without a recent onset go.
const KEYS_MAX: usize = 400_000;
/// Members farther apart than this are traces of their own.
const APART_S: f64 = 120.0;
/// No rule looks farther back.
const BACK_S: f64 = 1800.0;

/// Traces of one key, by last onset, so that a look ends where it gets too old.
type Trail = Vec<Trace>;

fn add_to(trail: &mut Trail, mut new: Trace) {
    let same = trail.iter().rposition(|t| {
        t.group == new.group && t.class == new.class && t.name == new.name && t.lag(new.from).abs() <= APART_S
    });
    if let Some(place) = same {
        let old = trail.remove(place);
        new.from = old.from.min(new.from);
        new.to = old.to.max(new.to);
    } else if trail.len() == PER_KEY_MAX {
        trail.remove(0);
    }
    let place = trail.iter().rposition(|t| t.to <= new.to).map_or(0, |p| p + 1);
    trail.insert(place, new);
}

#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Where the trail of a key is, by its parts.
    places: [Table<u32>; SORTS],
    trails: Vec<Trail>,
    /// The greatest last onset of each trail: most looks find that it is too old already, and need not go where the trail is.
    latest: Vec<f64>,
}

impl Traces {
    fn place(&self, key: Key) -> Option<usize> {
        let (sort, thing) = key.parts();
        self.places[sort].get(thing).map(|place| *place as usize)
    }

    /// Those whose last onset is at most `back_s` before `onset`, the latest first.
    pub fn since(&self, key: Key, onset: f64, back_s: f64) -> impl Iterator<Item = &Trace> {
        let edge = onset - back_s;
        let place = self.place(key).filter(|place| self.latest[*place] >= edge);
        place.map_or(&[][..], |place| &self.trails[place]).iter().rev().take_while(move |t| t.to >= edge)
    }

    pub fn add(&mut self, key: Key, new: Trace) {
        let place = self.place(key).unwrap_or_else(|| {
            if self.trails.len() >= KEYS_MAX {
                self.make_room(new.to);
            }
            let (sort, thing) = key.parts();
            self.places[sort].insert(thing, self.trails.len() as u32);
            self.trails.push(Trail::new());
            self.latest.push(new.to);
            self.trails.len() - 1
        });
        let trail = &mut self.trails[place];
        add_to(trail, new);
        self.latest[place] = trail.last().map_or(new.to, |t| t.to);
    }

    /// Lets go of trails without a recent onset; of all, if none is old.
    fn make_room(&mut self, now: f64) {
        let newest = self.latest.iter().copied().fold(now, f64::max);
        let edge = newest - 4.0 * BACK_S;
        let old = std::mem::take(self);
        if old.latest.iter().all(|latest| *latest > edge) {
            return;
        }
        let mut trails: Vec<Option<Trail>> = old.trails.into_iter().map(Some).collect();
        for (sort, table) in old.places.iter().enumerate() {
            for (thing, place) in table.iter() {
                if old.latest[*place as usize] > edge
                    && let Some(trail) = trails[*place as usize].take()
                {
                    self.places[sort].insert(thing, self.trails.len() as u32);
                    self.trails.push(trail);
                    self.latest.push(old.latest[*place as usize]);
                }
            }
        }
    }

    pub fn clear(&mut self) {
        *self = Traces::default();
    }
}
