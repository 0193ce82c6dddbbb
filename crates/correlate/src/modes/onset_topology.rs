//! Mode `onset-topology`: onsets close together on things a few hops apart, hubs join everything.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use rootline_model::{EntityRef, Kind, Relation, Timestamp};

use super::{Place, Placement};
use crate::book::Book;
use crate::{EntityId, GroupId, Item, Options, Reason, Tie, Topology};

/// Members with recent onsets, by entity.
#[derive(Debug)]
pub(crate) struct OnsetTopology {
    hops: u32,
    window_ms: i64,
    recent: HashMap<EntityRef, VecDeque<(i64, GroupId)>>,
    hubs: VecDeque<(i64, GroupId, Arc<str>)>,
}

/// Members remembered for one entity.
const PER_ENTITY_MAX: usize = 32;
/// Entities looked at around one.
const AROUND_MAX: usize = 512;
/// Entities remembered; all are dropped above it.
const ENTITIES_MAX: usize = 200_000;

impl OnsetTopology {
    pub fn new(options: &Options) -> OnsetTopology {
        OnsetTopology {
            hops: options.hops,
            window_ms: i64::from(options.onset_s) * 1000,
            recent: HashMap::default(),
            hubs: VecDeque::new(),
        }
    }

    /// Entities within some hops, nearest first.
    fn around(&self, entity: &EntityRef, topology: &Topology) -> Vec<EntityRef> {
        let Some(start) = topology.id(entity) else { return vec![entity.clone()] };
        let mut seen: HashSet<EntityId> = HashSet::default();
        seen.insert(start);
        let mut list = vec![(start, 0)];
        let mut next = 0;
        while next < list.len() && list.len() < AROUND_MAX {
            let (at, hops) = list[next];
            next += 1;
            if hops == self.hops {
                continue;
            }
            for link in topology.links(at).iter().filter(|l| l.relation != Relation::InNamespace) {
                if seen.insert(link.to) {
                    list.push((link.to, hops + 1));
                }
            }
        }
        list.into_iter().map(|(id, _)| topology.entity(id).clone()).collect()
    }
}

fn is_hub(entity: &EntityRef) -> bool {
    entity.kind == Kind::Component && entity.name.is_empty()
}

impl Placement for OnsetTopology {
    fn place(&mut self, item: &Item, book: &Book, topology: &Topology) -> Place {
        let onset = item.onset.as_millisecond();
        let near = |at: i64| (at - onset).abs() <= self.window_ms;
        let Some(entity) = item.entities.first() else { return Place::Open };
        let mut found: Vec<(GroupId, Reason)> = Vec::new();
        for other in self.around(entity, topology) {
            for (at, group) in self.recent.get(&other).into_iter().flatten() {
                if near(*at)
                    && let Some(group) = book.live(*group)
                    && !found.iter().any(|(g, _)| *g == group)
                {
                    let names = (entity.to_string().into(), other.to_string().into());
                    found.push((group, Reason::Related { entity: names.0, other: names.1 }));
                }
            }
        }
        for (at, group, hub) in &self.hubs {
            if near(*at)
                && let Some(group) = book.live(*group)
                && !found.iter().any(|(g, _)| *g == group)
            {
                found.push((group, Reason::Shared { hub: hub.clone() }));
            }
        }
        let Some((first, reason)) = found.first().cloned() else { return Place::Open };
        if found.len() == 1 {
            return Place::Join(first, reason, Tie::Close);
        }
        let mut groups: Vec<GroupId> = found.into_iter().map(|(g, _)| g).collect();
        groups.sort_unstable();
        Place::Bridge(groups, reason)
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, _topology: &Topology) {
        let Some(entity) = item.entities.first() else { return };
        if self.recent.len() >= ENTITIES_MAX {
            self.recent.clear();
        }
        let onset: Timestamp = item.onset;
        let list = self.recent.entry(entity.clone()).or_default();
        if list.len() == PER_ENTITY_MAX {
            list.pop_front();
        }
        list.push_back((onset.as_millisecond(), group));
        if is_hub(entity) {
            if self.hubs.len() == PER_ENTITY_MAX {
                self.hubs.pop_front();
            }
            self.hubs.push_back((onset.as_millisecond(), group, entity.to_string().into()));
        }
    }
}
