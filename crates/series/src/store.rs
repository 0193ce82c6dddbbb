//! What is kept of series: names, instances, baselines, and details of some.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};
use rootline_model::LabelSet;

use crate::catalog::Subject;
use crate::window::{Ring, Window};

/// "No such thing" where a number is expected.
pub(crate) const NONE: u32 = u32::MAX;
/// Minutes of a member's window.
pub(crate) const MEMBER_MINUTES: usize = 16;

/// Subjects by number, each once; words that many of them share are one, too.
#[derive(Debug, Default)]
pub(crate) struct Names {
    list: Vec<Subject>,
    index: HashTable<u32>,
    words: HashSet<Arc<str>>,
    hasher: DefaultHashBuilder,
}

impl Names {
    pub fn number(&mut self, subject: &Subject) -> u32 {
        if let Some(number) = self.find(subject) {
            return number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(NONE);
        let mut subject = subject.clone();
        subject.entity.namespace = self.word(subject.entity.namespace);
        subject.entity.part = subject.entity.part.map(|p| self.word(p));
        subject.part = self.word(subject.part);
        let hash = self.hasher.hash_one(&subject);
        grow(&mut self.list);
        self.list.push(subject);
        let (list, hasher) = (&self.list, &self.hasher);
        self.index.insert_unique(hash, number, |i| hasher.hash_one(&list[*i as usize]));
        number
    }

    fn word(&mut self, word: Arc<str>) -> Arc<str> {
        self.words.get_or_insert(word).clone()
    }

    pub fn find(&self, subject: &Subject) -> Option<u32> {
        let same = |i: &u32| self.list[*i as usize] == *subject;
        self.index.find(self.hasher.hash_one(subject), same).copied()
    }

    pub fn get(&self, number: u32) -> Option<&Subject> {
        self.list.get(number as usize)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Subject> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }
}

/// One incoming series: a pod's, an instance's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instance {
    /// Of all its labels.
    pub fingerprint: u64,
    pub group: u32,
    pub member: u32,
}

/// A baseline: what detectors learn, shared by the pods of one workload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    /// Since the last sweep.
    pub sum: f32,
    /// Seconds since 1970 of the newest value.
    pub last_s: u32,
    pub name: u32,
    pub entry: u16,
    /// Values since the last sweep.
    pub count: u16,
    /// Hours since 1970 of the first value.
    pub first_h: u32,
    /// Another baseline of the same subject; the store's own.
    pub next: u32,
}

/// An instance with its own short window, for thresholds and peers.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub subject: Subject,
    pub group: u32,
    /// Without `__name__`.
    pub labels: LabelSet,
    pub first_s: i64,
    pub last_s: i64,
    pub value: f64,
    pub minutes: Ring,
    /// Slow mean of its distance to its peers.
    pub apart: f32,
    pub apart_n: u32,
}

impl Member {
    /// Learns its usual distance to its peers; an outlier counts as three times what is usual.
    pub fn learn_distance(&mut self, distance: f64) {
        self.apart_n = self.apart_n.saturating_add(1);
        let usual = f64::from(self.apart);
        let most = if self.apart_n > 60 { 3.0 * usual.abs().max(1.0) } else { 100.0 };
        let gain = 1.0 / f64::from(self.apart_n.min(720));
        #[allow(clippy::cast_possible_truncation, reason = "a distance of at most a hundred")]
        let next = (usual + gain * (distance.clamp(-most, most) - usual)) as f32;
        self.apart = next;
    }
}

/// A baseline with windows.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub group: u32,
    pub members: Vec<u32>,
    pub window: Window,
}

/// Everything by number.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub names: Names,
    pub groups: Vec<Group>,
    pub instances: Vec<Instance>,
    pub members: Vec<Option<Member>>,
    pub details: Vec<Detail>,
    pub detail_of: HashMap<u32, u32>,
    free_groups: Vec<u32>,
    free_instances: Vec<u32>,
    free_members: Vec<u32>,
    /// By name: a baseline of that subject, from which the others hang. They are as few as the entries of the catalogue, and
    /// asked for when something is new; a hash table would be ten bytes a baseline, and half as much again while it grows.
    first_of: Vec<u32>,
    instance_index: HashTable<u32>,
}

impl Store {
    /// Fingerprints are hashes already, but FNV's high bits are weak.
    fn spread(fingerprint: u64) -> u64 {
        fingerprint.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    }

    pub fn instance(&self, fingerprint: u64) -> Option<u32> {
        let same = |i: &u32| self.instances[*i as usize].fingerprint == fingerprint;
        self.instance_index.find(Self::spread(fingerprint), same).copied()
    }

    pub fn group(&self, entry: u16, name: u32) -> Option<u32> {
        let mut number = *self.first_of.get(name as usize)?;
        while let Some(group) = self.groups.get(number as usize) {
            if group.entry == entry {
                return Some(number);
            }
            number = group.next;
        }
        None
    }

    /// Adds a baseline that is not there yet; true where its number is a new one and not one used before.
    pub fn add_group(&mut self, group: Group) -> (u32, bool) {
        let (number, fresh) = match self.free_groups.pop() {
            Some(number) => {
                self.groups[number as usize] = group;
                (number, false)
            }
            None => {
                let number = u32::try_from(self.groups.len()).unwrap_or(NONE);
                grow(&mut self.groups);
                self.groups.push(group);
                (number, true)
            }
        };
        self.hang(number);
        (number, fresh)
    }

    /// Puts a baseline before the others of its subject.
    fn hang(&mut self, number: u32) {
        if self.first_of.len() < self.names.len() {
            grow(&mut self.first_of);
            self.first_of.resize(self.names.len(), NONE);
        }
        let group = &mut self.groups[number as usize];
        if let Some(first) = self.first_of.get_mut(group.name as usize) {
            group.next = std::mem::replace(first, number);
        }
    }

    /// Takes a baseline from among those of its subject; false where it is not there.
    fn unhang(&mut self, number: u32) -> bool {
        let Some(Group { name, next, .. }) = self.groups.get(number as usize).copied() else { return false };
        let Some(first) = self.first_of.get_mut(name as usize) else { return false };
        if *first == number {
            *first = next;
            return true;
        }
        let mut at = *first;
        while let Some(group) = self.groups.get_mut(at as usize) {
            if group.next == number {
                group.next = next;
                return true;
            }
            at = group.next;
        }
        false
    }

    pub fn add_instance(&mut self, instance: Instance) -> u32 {
        let number = match self.free_instances.pop() {
            Some(number) => {
                self.instances[number as usize] = instance;
                number
            }
            None => {
                grow(&mut self.instances);
                self.instances.push(instance);
                u32::try_from(self.instances.len() - 1).unwrap_or(NONE)
            }
        };
        let instances = &self.instances;
        let hash_of = |i: &u32| Self::spread(instances[*i as usize].fingerprint);
        self.instance_index.insert_unique(Self::spread(instance.fingerprint), number, hash_of);
        number
    }

    pub fn add_member(&mut self, member: Member) -> u32 {
        match self.free_members.pop() {
            Some(number) => {
                self.members[number as usize] = Some(member);
                number
            }
            None => {
                self.members.push(Some(member));
                u32::try_from(self.members.len() - 1).unwrap_or(NONE)
            }
        }
    }

    pub fn member(&self, number: u32) -> Option<&Member> {
        self.members.get(number as usize)?.as_ref()
    }

    pub fn detail(&self, group: u32) -> Option<&Detail> {
        self.details.get(*self.detail_of.get(&group)? as usize)
    }

    pub fn members_len(&self) -> usize {
        self.members.len() - self.free_members.len()
    }

    pub fn groups_len(&self) -> usize {
        self.groups.len() - self.free_groups.len()
    }

    /// Drops an instance with its member.
    pub fn drop_instance(&mut self, number: u32) {
        let Some(instance) = self.instances.get_mut(number as usize) else { return };
        let fingerprint = instance.fingerprint;
        let member = std::mem::replace(&mut instance.member, NONE);
        if instance.group == NONE {
            return;
        }
        instance.group = NONE;
        if let Ok(entry) = self.instance_index.find_entry(Self::spread(fingerprint), |i| *i == number) {
            entry.remove();
        }
        self.free_instances.push(number);
        if let Some(gone) = self.members.get_mut(member as usize).and_then(Option::take) {
            self.free_members.push(member);
            if let Some(detail) = self.detail_of.get(&gone.group) {
                self.details[*detail as usize].members.retain(|m| *m != member);
            }
        }
    }

    /// Rebuilds the names where most are of baselines long gone.
    pub fn shorten_names(&mut self) {
        if self.names.len() < 1000 || self.names.len() < 2 * self.groups_len() {
            return;
        }
        let old = std::mem::take(&mut self.names);
        for group in self.groups.iter_mut().filter(|g| g.name != NONE) {
            group.name = old.get(group.name).map_or(NONE, |subject| self.names.number(subject));
        }
        self.first_of.clear();
        let count = u32::try_from(self.groups.len()).unwrap_or(NONE);
        (0..count).for_each(|number| self.hang(number));
    }

    /// Drops a baseline. Its instances must be gone.
    pub fn drop_group(&mut self, number: u32) {
        if !self.unhang(number) {
            return;
        }
        self.groups[number as usize] = Group { name: NONE, ..Group::default() };
        self.free_groups.push(number);
        if let Some(place) = self.detail_of.remove(&number) {
            self.details.swap_remove(place as usize);
            if let Some(moved) = self.details.get(place as usize) {
                self.detail_of.insert(moved.group, place);
            }
        }
    }
}

/// An eighth more rather than twice as much: these lists are the memory.
fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(1024));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use rootline_model::{EntityRef, Kind};

    fn subject(number: u64) -> Subject {
        let entity = EntityRef::new(Kind::Deployment, &format!("team-{}", number % 7), &format!("app-{number}"));
        Subject { entity, part: "main".into() }
    }

    #[test]
    fn baselines_that_come_and_go_are_found_by_subject_and_entry_and_by_nothing_else() {
        let (mut store, mut known, mut state) = (Store::default(), BTreeMap::new(), 1_u64);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (number, entry, is_new) = (state >> 40 & 511, (state >> 32 & 7) as u16, state >> 61 != 0);
            let name = store.names.number(&subject(number));
            assert_eq!(store.group(entry, name), known.get(&(number, entry)).copied());
            match known.get(&(number, entry)).copied() {
                Some(group) if !is_new || state >> 60 & 1 == 0 => {
                    store.drop_group(group);
                    store.drop_group(group);
                    known.remove(&(number, entry));
                }
                Some(_) => {}
                None => {
                    let (group, is_fresh) = store.add_group(Group { name, entry, ..Group::default() });
                    assert!(!is_fresh || group as usize == store.groups.len() - 1);
                    assert!(!known.values().any(|g| *g == group));
                    known.insert((number, entry), group);
                }
            }
            assert_eq!(store.groups_len(), known.len());
        }
        assert!(known.len() > 500 && store.groups.len() < 8 * 512, "{} of {}", known.len(), store.groups.len());
    }

    #[test]
    fn names_of_baselines_long_gone_are_let_go_and_the_others_are_found_under_their_new_numbers() {
        let mut store = Store::default();
        for number in 0..1500 {
            let name = store.names.number(&subject(number));
            for entry in 0..3 {
                store.add_group(Group { name, entry, ..Group::default() });
            }
        }
        for number in (0..1500).filter(|n| n % 10 != 0) {
            let name = store.names.find(&subject(number)).unwrap();
            for entry in 0..3 {
                store.drop_group(store.group(entry, name).unwrap());
            }
        }
        store.shorten_names();
        assert_eq!(store.names.len(), 150);
        assert_eq!(store.names.find(&subject(1)), None);
        for number in (0..1500).filter(|n| n % 10 == 0) {
            let name = store.names.find(&subject(number)).unwrap();
            for entry in 0..3 {
                let group = store.group(entry, name).unwrap();
                assert_eq!((store.groups[group as usize].name, store.groups[group as usize].entry), (name, entry));
            }
            assert_eq!(store.group(3, name), None);
        }
    }
}
