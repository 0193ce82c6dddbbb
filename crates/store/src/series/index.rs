//! Which series there are: labels to numbers and postings by label, in memory.

use std::collections::{BTreeMap, HashMap};

use rootline_model::{Fingerprint, LabelSet};

/// A condition on one label; a label that is not there has the empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    Is(String, String),
    Not(String, String),
    /// Any of these values; who wants a regular expression runs it over `label_values`.
    In(String, Vec<String>),
}

impl Matcher {
    fn holds(&self, labels: &LabelSet) -> bool {
        match self {
            Matcher::Is(name, value) => labels.value(name) == value,
            Matcher::Not(name, value) => labels.value(name) != value,
            Matcher::In(name, values) => values.iter().any(|v| labels.value(name) == v),
        }
    }

    /// Label and values of which a matching series has one.
    fn values(&self) -> Option<(&str, &[String])> {
        match self {
            Matcher::Is(name, value) if !value.is_empty() => Some((name, std::slice::from_ref(value))),
            Matcher::In(name, values) if values.iter().all(|v| !v.is_empty()) => Some((name, values)),
            _ => None,
        }
    }
}

#[derive(Default)]
pub(crate) struct Index {
    labels: BTreeMap<u32, LabelSet>,
    /// Two label sets can share a fingerprint.
    by_fingerprint: HashMap<Fingerprint, Vec<u32>>,
    /// Name → value → series in ascending order.
    postings: BTreeMap<Box<str>, BTreeMap<Box<str>, Vec<u32>>>,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn find(&self, labels: &LabelSet) -> Option<u32> {
        let same = self.by_fingerprint.get(&labels.fingerprint())?;
        same.iter().copied().find(|id| self.labels.get(id) == Some(labels))
    }

    pub(crate) fn labels(&self, id: u32) -> Option<&LabelSet> {
        self.labels.get(&id)
    }

    /// Above every number in use.
    pub(crate) fn next(&self) -> u32 {
        self.labels.last_key_value().map_or(1, |(id, _)| id.saturating_add(1))
    }

    pub(crate) fn insert(&mut self, id: u32, labels: LabelSet) {
        self.by_fingerprint.entry(labels.fingerprint()).or_default().push(id);
        for (name, value) in labels.iter() {
            let ids = self.postings.entry(name.into()).or_default().entry(value.into()).or_default();
            if let Err(place) = ids.binary_search(&id) {
                ids.insert(place, id);
            }
        }
        self.labels.insert(id, labels);
    }

    pub(crate) fn remove(&mut self, id: u32) {
        let Some(labels) = self.labels.remove(&id) else { return };
        let fingerprint = labels.fingerprint();
        if let Some(same) = self.by_fingerprint.get_mut(&fingerprint) {
            same.retain(|other| *other != id);
            if same.is_empty() {
                self.by_fingerprint.remove(&fingerprint);
            }
        }
        for (name, value) in labels.iter() {
            let Some(values) = self.postings.get_mut(name) else { continue };
            if let Some(ids) = values.get_mut(value) {
                if let Ok(place) = ids.binary_search(&id) {
                    ids.remove(place);
                }
                if ids.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.postings.remove(name);
            }
        }
    }

    /// In ascending order.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        let smallest = matchers.iter().filter_map(Matcher::values).map(|(name, values)| self.posted(name, values));
        let candidates = smallest.min_by_key(Vec::len).unwrap_or_else(|| self.labels.keys().copied().collect());
        let holds = |id: &u32| self.labels.get(id).is_some_and(|l| matchers.iter().all(|m| m.holds(l)));
        candidates.into_iter().filter(holds).collect()
    }

    fn posted(&self, name: &str, values: &[String]) -> Vec<u32> {
        let Some(known) = self.postings.get(name) else { return Vec::new() };
        let mut ids: Vec<u32> = values.iter().filter_map(|v| known.get(v.as_str())).flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.postings.keys().map(ToString::to_string).collect()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        self.postings.get(name).into_iter().flat_map(BTreeMap::keys).map(ToString::to_string).collect()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.labels.keys().copied()
    }
}
