//! The state of the cluster as the watches have told it. No clock, no socket: the same deltas give the same state.

use std::collections::BTreeMap;

use rootline_model::{Change, EventRecord, GapKind, Kind, Timestamp};
use rootline_objects::{Object, Signal};

use super::delta::{Delta, Item, ResourceId, Trouble};
use crate::gaps::{Gaps, gap};

/// How much is kept of one resource. What is beyond is dropped and named as a gap; then nothing is proof of absence.
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits {
    pub objects: usize,
    /// Of events.
    pub events: usize,
    /// After this many seconds without an answer a resource is told as stale.
    pub stale_after_s: i64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        StoreLimits { objects: 500_000, events: 50_000, stale_after_s: 60 }
    }
}

/// What came of one delta.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    pub changes: Vec<Change>,
    pub event: Option<EventRecord>,
}

/// The objects of a cluster.
#[derive(Debug)]
pub struct ObjectStore {
    shelves: Vec<Shelf>,
    version: Option<String>,
    limits: StoreLimits,
}

/// What can be said about a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Not read to its end yet: nothing is proof of absence. Becomes any other.
    Unknown,
    /// Everything was read and is followed.
    Listed,
    /// Everything was read once; since a moment the server does not answer. Becomes `Listed` when it does.
    Stale {
        since: Timestamp,
        detail: String,
    },
    /// Never read, and the last try failed.
    Failing {
        detail: String,
    },
    Forbidden {
        detail: String,
        namespace: Option<String>,
    },
    Absent,
}

/// Objects of one resource.
#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Box<str>, Kept>,
    bad: BTreeMap<Box<str>, String>,
    standing: Standing,
    /// Of the reading that is going on or was the last.
    namespace: Option<String>,
    /// Counts readings; what carries an older one at the end of a reading is gone.
    reading: u32,
    /// Objects that were not kept for want of room.
    dropped: usize,
}

#[derive(Debug)]
struct Kept {
    version: Box<str>,
    reading: u32,
    written: Option<Timestamp>,
    object: Object,
}

impl Default for ObjectStore {
    fn default() -> Self {
        ObjectStore::new(StoreLimits::default())
    }
}

impl ObjectStore {
    pub fn new(limits: StoreLimits) -> ObjectStore {
        let shelf = |_| Shelf {
            objects: BTreeMap::new(),
            bad: BTreeMap::new(),
            standing: Standing::Unknown,
            namespace: None,
            reading: 0,
            dropped: 0,
        };
        ObjectStore { shelves: ResourceId::all().map(shelf).collect(), version: None, limits }
    }

    /// Takes one step. `now` by the clock of the cluster.
    pub fn apply(&mut self, delta: Delta, now: Timestamp) -> Applied {
        let limits = self.limits;
        let Some(shelf) = delta.resource().and_then(|r| self.shelves.get_mut(r.index())) else {
            if let Delta::Version(version) = delta {
                self.version = Some(version);
            }
            return Applied::default();
        };
        match delta {
            Delta::Version(_) => {}
            Delta::Began { namespace, .. } => {
                shelf.reading = shelf.reading.wrapping_add(1);
                shelf.namespace = namespace;
                shelf.dropped = 0;
            }
            Delta::Put { resource, item } => {
                let room = if resource.resource().kind == "Event" { limits.events } else { limits.objects };
                shelf.put(*item, room);
            }
            Delta::Gone { key, .. } => {
                shelf.bad.remove(&key);
                shelf.objects.remove(&key);
            }
            Delta::Bad { key, detail, .. } => {
                shelf.objects.remove(&key);
                shelf.bad.insert(key, detail);
            }
            Delta::Listed { .. } => {
                let reading = shelf.reading;
                shelf.objects.retain(|_, kept| kept.reading == reading);
                shelf.standing = Standing::Listed;
            }
            Delta::Following { .. } => {
                if matches!(shelf.standing, Standing::Stale { .. }) {
                    shelf.standing = Standing::Listed;
                }
            }
            Delta::Trouble { trouble, .. } => shelf.trouble(trouble, now),
        }
        Applied::default()
    }

    /// True once every resource was read, or is known not to be readable.
    pub fn is_ready(&self) -> bool {
        self.shelves.iter().all(|s| !matches!(s.standing, Standing::Unknown | Standing::Failing { .. }))
    }

    pub fn len(&self) -> usize {
        self.shelves.iter().map(|s| s.objects.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In the order of resources and keys.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.shelves.iter().flat_map(|s| s.objects.values().map(|k| &k.object))
    }

    /// What a one-shot reading at this moment would give: clock, version, objects, what is complete, gaps.
    pub fn signals(&self, now: Timestamp) -> Vec<Signal> {
        let mut signals = Vec::with_capacity(self.len() + 64);
        signals.push(Signal::Clock(now));
        signals.extend(self.version.clone().map(Signal::Version));
        signals.extend(self.objects().cloned().map(Signal::Object));
        let mut gaps = Gaps::default();
        let mut inside: Option<&str> = None;
        for (resource, shelf) in ResourceId::all().zip(&self.shelves) {
            shelf.gaps(resource, now, self.limits, &mut gaps);
            if shelf.is_complete(now, self.limits) {
                inside = inside.or(shelf.namespace.as_deref());
                let kind = Kind::parse(resource.resource().kind);
                signals.extend(kind.map(|kind| Signal::Listed { kind, namespace: shelf.namespace.clone() }));
            }
        }
        if let Some(namespace) = inside {
            let subject = format!("namespaces other than {namespace}");
            let detail = format!("only namespace {namespace} was read");
            gaps.push(gap(GapKind::Forbidden, subject, "gap.forbidden", &[("detail", detail.as_str())]));
        }
        signals.extend(gaps.into_signals());
        signals
    }
}

impl Shelf {
    fn put(&mut self, item: Item, room: usize) {
        self.bad.remove(&item.key);
        if self.objects.len() >= room && !self.objects.contains_key(&item.key) {
            self.dropped += 1;
            return;
        }
        let kept = Kept { version: item.version, reading: self.reading, written: item.written, object: item.object };
        self.objects.insert(item.key, kept);
    }

    fn trouble(&mut self, trouble: Trouble, now: Timestamp) {
        self.standing = match trouble {
            Trouble::Forbidden { detail, namespace } => {
                self.clear();
                Standing::Forbidden { detail, namespace }
            }
            Trouble::Absent => {
                self.clear();
                Standing::Absent
            }
            Trouble::Failing { detail } => match &self.standing {
                Standing::Listed => Standing::Stale { since: now, detail },
                Standing::Stale { since, .. } => Standing::Stale { since: *since, detail },
                _ => Standing::Failing { detail },
            },
        };
    }

    fn clear(&mut self) {
        self.objects.clear();
        self.bad.clear();
        self.dropped = 0;
    }

    fn is_complete(&self, now: Timestamp, limits: StoreLimits) -> bool {
        let fresh = match &self.standing {
            Standing::Listed => true,
            Standing::Stale { since, .. } => !is_stale(*since, now, limits),
            _ => false,
        };
        fresh && self.dropped == 0
    }

    fn gaps(&self, resource: ResourceId, now: Timestamp, limits: StoreLimits, gaps: &mut Gaps) {
        let known = resource.resource();
        let subject = |namespace: &Option<String>| match namespace {
            Some(namespace) => format!("{} in {namespace}", known.plural),
            None => known.plural.to_owned(),
        };
        for detail in self.bad.values() {
            gaps.push(gap(GapKind::Unreadable, known.full_name(), "gap.object", &[("detail", detail.as_str())]));
        }
        let whole = subject(&self.namespace);
        match &self.standing {
            Standing::Unknown => gaps.push(gap(GapKind::Absent, whole, "gap.not_yet", &[])),
            Standing::Failing { detail } => {
                gaps.push(gap(GapKind::Unreadable, whole, "gap.server", &[("detail", detail.as_str())]));
            }
            Standing::Forbidden { detail, namespace } => {
                let args = [("detail", detail.as_str())];
                gaps.push(gap(GapKind::Forbidden, subject(namespace), "gap.forbidden", &args));
            }
            Standing::Stale { since, detail } if is_stale(*since, now, limits) => {
                let time = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let args = [("time", time.as_str()), ("detail", detail.as_str())];
                gaps.push(gap(GapKind::Stale, whole.clone(), "gap.stale", &args));
            }
            Standing::Stale { .. } | Standing::Listed | Standing::Absent => {}
        }
        if self.dropped > 0 {
            let count = self.objects.len().to_string();
            gaps.push(gap(GapKind::Truncated, subject(&self.namespace), "gap.limit", &[("count", count.as_str())]));
        }
    }
}

fn is_stale(since: Timestamp, now: Timestamp, limits: StoreLimits) -> bool {
    now.as_second() - since.as_second() >= limits.stale_after_s
}
