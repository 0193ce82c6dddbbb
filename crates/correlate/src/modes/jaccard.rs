//! Mode `jaccard`: label sets that are alike, within five minutes.

use std::collections::VecDeque;

use hashbrown::HashMap;
use rootline_model::Timestamp;

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

/// Items compared with; the oldest go first, so that a flood does not become quadratic.
const WINDOW_MAX: usize = 4096;
/// Labels that every alert has.
const COMMON: &[&str] = &["cluster", "severity", "prometheus"];

#[derive(Debug)]
pub(crate) struct Jaccard {
    window_ms: i64,
    least: f64,
    /// `name=value` → number.
    tokens: HashMap<Box<str>, u32>,
    window: VecDeque<(Timestamp, Vec<u32>, GroupId)>,
    current: Vec<u32>,
}

/// Tokens known; the window starts anew above it.
const TOKENS_MAX: usize = 500_000;

impl Jaccard {
    pub fn new(options: &Options) -> Jaccard {
        Jaccard {
            window_ms: i64::from(options.window_s) * 1000,
            least: options.similarity,
            tokens: HashMap::default(),
            window: VecDeque::new(),
            current: Vec::new(),
        }
    }

    fn set(&mut self, item: &Item) -> Vec<u32> {
        if self.tokens.len() >= TOKENS_MAX {
            self.tokens.clear();
            self.window.clear();
        }
        let mut set: Vec<u32> = Vec::new();
        for (name, value) in item.labels.iter().filter(|(n, _)| !COMMON.contains(n)) {
            let token = format!("{name}={value}").into_boxed_str();
            let next = self.tokens.len() as u32;
            set.push(*self.tokens.entry(token).or_insert(next));
        }
        set.sort_unstable();
        set
    }
}

/// |a ∩ b| / |a ∪ b| of sorted sets.
fn similarity(a: &[u32], b: &[u32]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    let all = a.len() + b.len() - both;
    if all == 0 { 1.0 } else { f64::from(both as u32) / all as f64 }
}

impl Placement for Jaccard {
    fn place(&mut self, item: &Item, book: &Book, _topology: &Topology) -> Place {
        self.current = self.set(item);
        let at = item.fired.as_millisecond();
        while self.window.front().is_some_and(|(t, ..)| at.saturating_sub(t.as_millisecond()) > self.window_ms) {
            self.window.pop_front();
        }
        let mut best: Option<(f64, GroupId)> = None;
        for (_, set, group) in &self.window {
            let alike = similarity(&self.current, set);
            if alike >= self.least
                && let Some(group) = book.live(*group).filter(|g| book.is_of_one_cluster(*g, item))
                && best.is_none_or(|(b, g)| alike > b || alike == b && group < g)
            {
                best = Some((alike, group));
            }
        }
        match best {
            Some((alike, group)) => Place::Join(group, Reason::Alike { percent: (alike * 100.0) as u8 }, Tie::Close),
            None => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, _topology: &Topology) {
        let set = if self.current.is_empty() { self.set(item) } else { std::mem::take(&mut self.current) };
        if self.window.len() == WINDOW_MAX {
            self.window.pop_front();
        }
        self.window.push_back((item.fired, set, group));
    }
}
