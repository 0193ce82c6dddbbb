//! Mode `text`: words weighed by TF-IDF, DBSCAN over what arrived in the last half hour.
//!
//! Words as measured in `logs-and-alerts`: name, sorted labels without `cluster` and `severity`, summary. An item stays
//! where its cluster put it first; later windows only place what is new.

use std::collections::{BTreeSet, VecDeque};

use hashbrown::HashMap;
use rootline_analytics::cluster::dbscan::DbscanConfig;
use rootline_analytics::cluster::sparse_dbscan::sparse_cosine_dbscan;
use rootline_analytics::text::tfidf::TfIdf;
use rootline_model::{Fingerprint, Timestamp};

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

const WINDOW_MS: i64 = 30 * 60 * 1000;
/// Texts of one window; the oldest go first.
const TEXTS_MAX: usize = 2048;
/// Words of one text.
const WORDS_MAX: usize = 128;

#[derive(Debug)]
pub(crate) struct Text {
    eps: f64,
    window: VecDeque<(Timestamp, Vec<String>, GroupId)>,
    /// Cluster of each item about to be placed; −1: like none.
    cluster: HashMap<Fingerprint, (i32, Vec<String>)>,
    /// Groups of each cluster of texts; more than one where clusters of Kubernetes keep them apart.
    groups: HashMap<i32, BTreeSet<GroupId>>,
}

impl Text {
    pub fn new(options: &Options) -> Text {
        Text { eps: options.distance, window: VecDeque::new(), cluster: HashMap::default(), groups: HashMap::default() }
    }
}

fn words(item: &Item) -> Vec<String> {
    let mut text = item.name.to_string();
    for (name, value) in item.labels.iter().filter(|(n, _)| !matches!(*n, "alertname" | "cluster" | "severity")) {
        text.push_str(&format!(" {name}={value}"));
    }
    text.push(' ');
    text.push_str(&item.text);
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-')))
        .filter(|w| !w.is_empty())
        .take(WORDS_MAX)
        .map(str::to_lowercase)
        .collect()
}

impl Placement for Text {
    fn begin(&mut self, now: Timestamp, fresh: &mut [&Item], book: &Book, _topology: &Topology) {
        self.cluster.clear();
        self.groups.clear();
        if fresh.is_empty() {
            return;
        }
        let edge = now.as_millisecond() - WINDOW_MS;
        while self.window.front().is_some_and(|(t, ..)| t.as_millisecond() < edge) {
            self.window.pop_front();
        }
        while !self.window.is_empty() && self.window.len() + fresh.len() > TEXTS_MAX {
            self.window.pop_front();
        }
        // what does not fit is like nothing
        let new: Vec<(Fingerprint, Vec<String>)> = fresh.iter().take(TEXTS_MAX).map(|i| (i.id, words(i))).collect();
        let texts = self.window.iter().map(|(_, w, _)| w).chain(new.iter().map(|(_, w)| w));
        let (_, rows) = TfIdf::fit_transform(texts.map(|w| w.iter()));
        let config = DbscanConfig { eps: self.eps, min_samples: 2 };
        let labels = sparse_cosine_dbscan(&rows, config).unwrap_or_else(|_| vec![-1; self.window.len() + new.len()]);
        for ((_, _, group), label) in self.window.iter().zip(&labels) {
            if let Some(group) = book.live(*group).filter(|_| *label >= 0) {
                self.groups.entry(*label).or_default().insert(group);
            }
        }
        let old = self.window.len();
        self.cluster = new.into_iter().zip(&labels[old..]).map(|((id, w), label)| (id, (*label, w))).collect();
    }

    fn place(&mut self, item: &Item, book: &Book, _topology: &Topology) -> Place {
        let cluster = self.cluster.get(&item.id).map_or(-1, |(label, _)| *label);
        let alike = self.groups.get(&cluster).into_iter().flatten();
        match alike.filter_map(|g| book.live(*g)).find(|g| book.is_of_one_cluster(*g, item)) {
            Some(group) => Place::Join(group, Reason::Alike { percent: ((1.0 - self.eps) * 100.0) as u8 }, Tie::Close),
            None => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, _topology: &Topology) {
        let (label, words) = self.cluster.remove(&item.id).unwrap_or_else(|| (-1, words(item)));
        if label >= 0 {
            self.groups.entry(label).or_default().insert(group);
        }
        if self.window.len() == TEXTS_MAX {
            self.window.pop_front();
        }
        self.window.push_back((item.fired, words, group));
    }
}
