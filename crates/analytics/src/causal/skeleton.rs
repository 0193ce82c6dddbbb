//! The skeleton of PC: which pairs stay adjacent, and what separated the others. For any test.

use super::independence::IndependenceTest;
use super::knowledge::Knowledge;

/// Sets that separated pairs: for each pair the union of all that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separators {
    nodes: usize,
    words: usize,
    bits: Vec<u64>,
}

impl Separators {
    pub(super) fn new(nodes: usize) -> Self {
        let words = nodes.div_ceil(64);
        Self { nodes, words, bits: vec![0; nodes * nodes / 2 * words + words] }
    }

    fn at(&self, x: usize, y: usize) -> usize {
        let (low, high) = (x.min(y), x.max(y));
        // rows of a lower triangle
        high * (high - 1) / 2 * self.words + low * self.words
    }

    /// Whether `middle` is in a set that separated `x` and `y`. False for pairs that were never separated.
    #[must_use]
    pub fn contains(&self, x: usize, y: usize, middle: usize) -> bool {
        x != y && self.bits[self.at(x, y) + middle / 64] >> (middle % 64) & 1 == 1
    }

    /// All that is in a set that separated `x` and `y`, ascending.
    #[must_use]
    pub fn union(&self, x: usize, y: usize) -> Vec<usize> {
        (0..self.nodes).filter(|m| self.contains(x, y, *m)).collect()
    }

    pub(super) fn add(&mut self, x: usize, y: usize, middle: usize) {
        let at = self.at(x, y);
        self.bits[at + middle / 64] |= 1 << (middle % 64);
    }
}

/// Which pairs are adjacent.
#[derive(Debug, Clone)]
pub(super) struct Adjacency {
    pub nodes: usize,
    pub is: Vec<bool>,
}

impl Adjacency {
    pub fn complete(nodes: usize) -> Self {
        let mut is = vec![true; nodes * nodes];
        (0..nodes).for_each(|i| is[i * nodes + i] = false);
        Self { nodes, is }
    }

    pub fn remove(&mut self, x: usize, y: usize) {
        self.is[x * self.nodes + y] = false;
        self.is[y * self.nodes + x] = false;
    }

    pub fn neighbours(&self, x: usize) -> Vec<usize> {
        let row = &self.is[x * self.nodes..(x + 1) * self.nodes];
        (0..self.nodes).filter(|y| row[*y]).collect()
    }

    pub fn largest_degree(&self) -> usize {
        self.is.chunks(self.nodes.max(1)).map(|row| row.iter().filter(|b| **b).count()).max().unwrap_or(0)
    }
}

/// How the skeleton is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub alpha: f64,
    /// Edges leave at the end of a level, so that the order of variables does not matter.
    pub stable: bool,
    pub max_k: Option<usize>,
    pub knowledge: &'a Knowledge,
}

impl Search<'_> {
    /// Whether the pair is forbidden both ways.
    pub fn is_banned(&self, x: usize, y: usize) -> bool {
        !self.knowledge.is_empty() && self.knowledge.is_forbidden(x, y) && self.knowledge.is_forbidden(y, x)
    }

    pub fn goes_on(&self, adjacency: &Adjacency, level: usize) -> bool {
        // causal-learn: while max_degree - 1 > level - 1
        adjacency.largest_degree() > level && self.max_k.is_none_or(|k| level <= k)
    }
}

/// Level by level, every subset of x's neighbours. Each test is made anew for x and for y.
pub(super) fn skeleton(test: &mut dyn IndependenceTest, search: Search<'_>) -> (Adjacency, Separators) {
    let nodes = test.variables();
    let mut adjacency = Adjacency::complete(nodes);
    let mut separators = Separators::new(nodes);
    let mut level = 0;
    while search.goes_on(&adjacency, level) {
        let mut removed = Vec::new();
        for x in 0..nodes {
            let around = adjacency.neighbours(x);
            for y in around.iter().copied() {
                if search.is_banned(x, y) {
                    removed.push((x, y));
                    if !search.stable {
                        adjacency.remove(x, y);
                        // causal-learn leaves the loop over neighbours here
                        break;
                    }
                }
                let others: Vec<usize> = around.iter().copied().filter(|s| *s != y).collect();
                each_subset(&others, level, &mut |given| {
                    let p = test.p_value(x.min(y), x.max(y), given);
                    if p > search.alpha {
                        given.iter().for_each(|s| separators.add(x, y, *s));
                        removed.push((x, y));
                        if !search.stable {
                            adjacency.remove(x, y);
                            return false;
                        }
                    }
                    true
                });
            }
        }
        removed.iter().for_each(|(x, y)| adjacency.remove(*x, *y));
        level += 1;
    }
    (adjacency, separators)
}

/// Calls `each` with every subset of that size in lexical order until it says false.
pub(super) fn each_subset(items: &[usize], size: usize, each: &mut dyn FnMut(&[usize]) -> bool) {
    if size > items.len() {
        return;
    }
    let mut at: Vec<usize> = (0..size).collect();
    let mut subset: Vec<usize> = items[..size].to_vec();
    loop {
        if !each(&subset) {
            return;
        }
        let Some(place) = (0..size).rev().find(|k| at[*k] < items.len() - size + k) else { return };
        at[place] += 1;
        for k in place + 1..size {
            at[k] = at[k - 1] + 1;
        }
        for k in place..size {
            subset[k] = items[at[k]];
        }
    }
}
