//! The state of the cluster as the watches have told it. No clock, no socket: the same deltas give the same state.

use std::collections::BTreeMap;

use rootline_model::{Change, EventRecord, GapKind, Kind, Timestamp};
use rootline_objects::{Object, Signal, Time};

use super::changes::{changes, content};
use super::delta::{Delta, Item, ResourceId, Trouble};
use super::events::EventBook;
use crate::gaps::{Gaps, gap};

/// How much is kept of one resource. Beyond it events lose their oldest, anything else its newest; that is named as a gap,
/// and then nothing is proof of absence.
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
    book: EventBook,
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
        ObjectStore {
            shelves: ResourceId::all().map(shelf).collect(),
            version: None,
            limits,
            book: EventBook::default(),
        }
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
                if shelf.namespace != namespace {
                    // the account may see less or more than before: what is out of sight was not deleted
                    shelf.clear();
                    shelf.standing = Standing::Unknown;
                }
                shelf.reading = shelf.reading.wrapping_add(1);
                shelf.namespace = namespace;
                shelf.dropped = 0;
            }
            Delta::Put { resource, item } => {
                let room = if resource.resource().kind == "Event" { limits.events } else { limits.objects };
                let event = match &item.object {
                    Object::Event(event) => self.book.take(event, now),
                    _ => None,
                };
                return Applied { changes: shelf.put(*item, room, now), event };
            }
            Delta::Gone { key, .. } => {
                shelf.bad.remove(&key);
                let old = shelf.objects.remove(&key);
                if old.is_none() {
                    // one that there was no room for
                    shelf.dropped = shelf.dropped.saturating_sub(1);
                }
                let changes = old.map(|old| changes(Some(&old.object), None, now)).unwrap_or_default();
                return Applied { changes, event: None };
            }
            Delta::Bad { key, detail, .. } => {
                shelf.objects.remove(&key);
                shelf.bad.insert(key, detail);
            }
            Delta::Listed { .. } => {
                let changes = shelf.sweep(now);
                shelf.standing = Standing::Listed;
                return Applied { changes, event: None };
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

    /// Remembers an event that was kept in an earlier life, so that it is not told again.
    pub fn remember(&mut self, record: &EventRecord) {
        self.book.remember(record);
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
    fn put(&mut self, item: Item, room: usize, now: Timestamp) -> Vec<Change> {
        self.bad.remove(&item.key);
        let Item { key, version, written, object } = item;
        let mut kept = Kept { version, reading: self.reading, written, object };
        let Some(old) = self.objects.get_mut(&key) else {
            if self.objects.len() >= room {
                if !matches!(kept.object, Object::Event(_)) {
                    self.dropped += 1;
                    return Vec::new();
                }
                self.forget_oldest();
            }
            // before the first reading is complete nothing is new
            let news = if self.is_known() { changes(None, Some(&kept.object), now) } else { Vec::new() };
            self.objects.insert(key, kept);
            return news;
        };
        let following = old.reading == self.reading;
        if old.version == kept.version && !kept.version.is_empty() {
            old.reading = self.reading;
            return Vec::new();
        }
        // on one stream versions only grow; what a new reading says counts even if the server was set back
        let late = matches!((kept.version.parse::<u64>(), old.version.parse::<u64>()), (Ok(n), Ok(o)) if n < o);
        if late && following {
            return Vec::new();
        }
        std::mem::swap(old, &mut kept);
        let (new, old) = (&*old, kept);
        let mut news = changes(Some(&old.object), Some(&new.object), now);
        if content_differs(&old, new) {
            news.extend(content(&new.object, new.written.unwrap_or(now)));
        }
        news
    }

    /// Makes room for news: an eighth of the events, those that were not repeated for the longest time.
    fn forget_oldest(&mut self) {
        let seen = |kept: &Kept| match &kept.object {
            Object::Event(event) => event.last_seen(),
            _ => Time::default(),
        };
        let mut times: Vec<Time> = self.objects.values().map(seen).collect();
        let nth = times.len() / 8;
        if times.is_empty() {
            return;
        }
        let (_, limit, _) = times.select_nth_unstable(nth);
        let limit = *limit;
        let before = self.objects.len();
        self.objects.retain(|_, kept| seen(kept) > limit);
        self.dropped += before - self.objects.len();
    }

    /// Takes away what the reading that just ended did not name.
    fn sweep(&mut self, now: Timestamp) -> Vec<Change> {
        let reading = self.reading;
        let gone = self.objects.extract_if(.., |_, kept| kept.reading != reading);
        gone.flat_map(|(_, old)| changes(Some(&old.object), None, now)).collect()
    }

    /// True once everything was read.
    fn is_known(&self) -> bool {
        matches!(self.standing, Standing::Listed | Standing::Stale { .. })
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

/// Of config maps and secrets read without their data: another writing of `data`, or, where managed fields do not tell,
/// another version.
fn content_differs(old: &Kept, new: &Kept) -> bool {
    match &new.object {
        Object::ConfigMap(map) if map.data.is_some() => false,
        Object::ConfigMap(_) | Object::Secret(_) => match (old.written, new.written) {
            (Some(before), Some(after)) => before != after,
            _ => old.version != new.version,
        },
        _ => false,
    }
}

fn is_stale(since: Timestamp, now: Timestamp, limits: StoreLimits) -> bool {
    now.as_second() - since.as_second() >= limits.stale_after_s
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: &str = "pods";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("small")
    }

    fn id(name: &str) -> ResourceId {
        ResourceId::of(name).expect("listed")
    }

    fn put(resource: &str, name: &str, version: u32, written: Option<i64>) -> Delta {
        let resource = id(resource);
        let json = format!(r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"{name}"}}}}"#);
        let object = Object::from_json(resource.resource().kind, &json).expect("known").expect("JSON");
        let (key, version) = (format!("shop/{name}").into(), version.to_string().into());
        Delta::Put { resource, item: Box::new(Item { key, version, written: written.map(at), object }) }
    }

    fn list(store: &mut ObjectStore, resource: &str, deltas: Vec<Delta>, now: i64) -> Vec<String> {
        let resource = id(resource);
        let whole = [Delta::Began { resource, namespace: None }].into_iter().chain(deltas);
        let whole = whole.chain([Delta::Listed { resource }]);
        whole.flat_map(|d| store.apply(d, at(now)).changes).map(|c| c.words().en).collect()
    }

    fn is_listed(store: &ObjectStore, now: i64) -> bool {
        store.signals(at(now)).contains(&Signal::Listed { kind: Kind::Pod, namespace: None })
    }

    fn gaps(store: &ObjectStore, now: i64) -> Vec<String> {
        let of = |s| match s {
            Signal::Gap(gap) if gap.subject == PODS => Some(format!("{:?} {:?}", gap.kind, gap.detail.key)),
            _ => None,
        };
        store.signals(at(now)).into_iter().filter_map(of).collect()
    }

    #[test]
    fn what_was_not_read_to_its_end_proves_nothing() {
        let mut store = ObjectStore::default();
        assert!(!is_listed(&store, 0) && !store.is_ready());
        assert_eq!(gaps(&store, 0), ["Absent \"gap.not_yet\""]);
        store.apply(Delta::Began { resource: id(PODS), namespace: None }, at(0));
        store.apply(put(PODS, "a", 1, None), at(0));
        assert!(!is_listed(&store, 0));
        store.apply(Delta::Listed { resource: id(PODS) }, at(0));
        assert!(is_listed(&store, 0) && gaps(&store, 0).is_empty());
    }

    #[test]
    fn a_server_that_is_gone_for_long_proves_nothing_either() {
        let mut store = ObjectStore::default();
        list(&mut store, PODS, vec![put(PODS, "a", 1, None)], 0);
        let failing = |detail: &str| Delta::Trouble {
            resource: id(PODS),
            trouble: Trouble::Failing { detail: detail.to_owned() },
        };
        store.apply(failing("refused"), at(100));
        store.apply(failing("refused"), at(130));
        assert!(is_listed(&store, 150), "a short break is nothing");
        assert!(!is_listed(&store, 161));
        assert_eq!(gaps(&store, 161), ["Stale \"gap.stale\""]);
        assert_eq!(store.len(), 1, "what is known is kept");
        store.apply(Delta::Following { resource: id(PODS) }, at(170));
        assert!(is_listed(&store, 500) && gaps(&store, 500).is_empty());
    }

    #[test]
    fn a_new_reading_tells_exactly_what_went_and_what_came() {
        let mut store = ObjectStore::default();
        let put = |name: &str, version| put("services", name, version, None);
        assert!(list(&mut store, "services", vec![put("a", 1), put("b", 2)], 0).is_empty(), "the first is no news");
        let news = list(&mut store, "services", vec![put("b", 2), put("c", 9)], 10);
        assert_eq!(news, ["service/shop/c was created", "service/shop/a was deleted"]);
        // a reading that breaks off takes nothing away
        store.apply(Delta::Began { resource: id("services"), namespace: None }, at(20));
        assert_eq!(store.len(), 2);
        // a server set back to an older state counts all the same
        let back = list(&mut store, "services", vec![put("b", 1), put("c", 3)], 30);
        assert!(back.is_empty() && store.len() == 2, "{back:?}");
    }

    #[test]
    fn what_an_account_may_no_longer_see_was_not_deleted() {
        let mut store = ObjectStore::default();
        list(&mut store, "services", vec![put("services", "a", 1, None), put("services", "b", 2, None)], 0);
        let (resource, namespace) = (id("services"), Some("shop".to_owned()));
        let narrow = [Delta::Began { resource, namespace }, put("services", "a", 1, None), Delta::Listed { resource }];
        assert!(narrow.into_iter().all(|d| store.apply(d, at(10)).changes.is_empty()));
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn only_a_writing_of_data_is_a_change_of_content() {
        let mut store = ObjectStore::default();
        list(&mut store, "configmaps", vec![put("configmaps", "c", 1, Some(5))], 0);
        let mut news = |version, written| -> Vec<String> {
            store
                .apply(put("configmaps", "c", version, written), at(9))
                .changes
                .iter()
                .map(|c| c.at.to_string())
                .collect()
        };
        assert!(news(2, Some(5)).is_empty(), "an annotation");
        assert_eq!(news(3, Some(8)), ["1970-01-01T00:00:08Z"]);
        assert_eq!(news(4, None).len(), 1, "without managed fields any new version counts");
    }

    #[test]
    fn what_there_is_no_room_for_is_named() {
        let mut store = ObjectStore::new(StoreLimits { objects: 2, ..StoreLimits::default() });
        list(&mut store, PODS, (0..5).map(|i| put(PODS, &format!("p{i}"), i + 1, None)).collect(), 0);
        assert_eq!(store.len(), 2);
        assert!(!is_listed(&store, 0));
        assert_eq!(gaps(&store, 0), ["Truncated \"gap.limit\""]);
    }

    #[test]
    fn a_flood_of_events_pushes_out_the_oldest() {
        let mut store = ObjectStore::new(StoreLimits { events: 80, ..StoreLimits::default() });
        let resource = id("events.events.k8s.io");
        let event = |n: u32| {
            let time = at(i64::from(n));
            let json =
                format!(r#"{{"metadata":{{"name":"e{n}","namespace":"shop","uid":"e{n}"}},"eventTime":"{time}"}}"#);
            let object = Object::from_json("Event", &json).expect("known").expect("JSON");
            let (key, version) = (format!("shop/e{n}").into(), n.to_string().into());
            Delta::Put { resource, item: Box::new(Item { key, version, written: None, object }) }
        };
        let told = (1..=1000).filter(|n| store.apply(event(*n), at(0)).event.is_some()).count();
        assert_eq!(told, 1000, "each is handed on all the same");
        assert!(store.len() <= 80 && store.len() >= 60, "{}", store.len());
        assert!(store.objects().any(|o| o.metadata().name == "e1000"));
        assert!(store.objects().all(|o| o.metadata().name != "e1"));
    }
}
