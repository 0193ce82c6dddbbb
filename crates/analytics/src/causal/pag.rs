//! What can be known of causes when some are hidden: a partial ancestral graph, and the rules that find its marks.
//!
//! J. Zhang, On the completeness of orientation rules for causal discovery in the presence of latent confounders and
//! selection bias, Artificial Intelligence 172, 2008: rules 1 to 4 and 8 to 10. Rules 5 to 7 serve selection bias only,
//! which is taken to be absent.

use super::knowledge::Knowledge;
use super::skeleton::{Adjacency, Separators};

/// The mark at one end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Open: the data allow both.
    Circle,
    /// This end does not drive the other, not even through others.
    Arrow,
    /// This end drives the other, maybe through others.
    Tail,
}

/// Edges with a [`Mark`] at either end.
///
/// | edge | meaning |
/// |---|---|
/// | a → b | a drives b |
/// | a ↔ b | neither drives the other: something hidden drives both |
/// | a o→ b | b does not drive a; a drives b, or something hidden drives both |
/// | a o–o b | nothing is known of the direction |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pag {
    nodes: usize,
    ends: Vec<Option<Mark>>,
}

impl Pag {
    /// No edges.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Self { nodes, ends: vec![None; nodes * nodes] }
    }

    /// All edges o–o.
    pub(super) fn open(adjacency: &Adjacency) -> Self {
        let ends = adjacency.is.iter().map(|is| is.then_some(Mark::Circle)).collect();
        Self { nodes: adjacency.nodes, ends }
    }

    /// Count of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The mark at `i` of the edge between `i` and `j`; `None` without an edge.
    #[must_use]
    pub fn end(&self, i: usize, j: usize) -> Option<Mark> {
        self.ends[i * self.nodes + j]
    }

    /// Whether there is an edge of any kind.
    #[must_use]
    pub fn adjacent(&self, i: usize, j: usize) -> bool {
        self.end(i, j).is_some()
    }

    /// Nodes with an edge to `i`, ascending.
    #[must_use]
    pub fn neighbours(&self, i: usize) -> Vec<usize> {
        (0..self.nodes).filter(|j| self.adjacent(i, *j)).collect()
    }

    /// Whether i → j.
    #[must_use]
    pub fn is_directed(&self, i: usize, j: usize) -> bool {
        self.end(i, j) == Some(Mark::Tail) && self.is_into(i, j)
    }

    /// Edges (i, j, mark at i, mark at j) with i < j, ascending.
    #[must_use]
    pub fn edges(&self) -> Vec<(usize, usize, Mark, Mark)> {
        let pairs = (0..self.nodes).flat_map(|i| (i + 1..self.nodes).map(move |j| (i, j)));
        pairs.filter_map(|(i, j)| Some((i, j, self.end(i, j)?, self.end(j, i)?))).collect()
    }

    /// Sets both marks, whatever they were.
    pub(super) fn set(&mut self, i: usize, j: usize, at_i: Mark, at_j: Mark) {
        self.ends[i * self.nodes + j] = Some(at_i);
        self.ends[j * self.nodes + i] = Some(at_j);
    }

    /// Whether i *→ j.
    fn is_into(&self, i: usize, j: usize) -> bool {
        self.end(j, i) == Some(Mark::Arrow)
    }

    fn is_open(&self, i: usize, j: usize) -> bool {
        self.end(i, j) == Some(Mark::Circle)
    }

    /// Sets the mark at `i` if it is open.
    fn close(&mut self, i: usize, j: usize, mark: Mark) -> bool {
        let is_open = self.is_open(i, j);
        if is_open {
            self.ends[i * self.nodes + j] = Some(mark);
        }
        is_open
    }

    /// Makes i o–* j to i → j, but never into a line without arrowheads.
    fn direct(&mut self, i: usize, j: usize) -> bool {
        if self.end(j, i) == Some(Mark::Tail) {
            return false;
        }
        // both, not the first that changes
        self.close(j, i, Mark::Arrow) | self.close(i, j, Mark::Tail)
    }

    /// What is known: an arrowhead at what does not drive the other, an arrow where it must.
    pub(super) fn apply_knowledge(&mut self, knowledge: &Knowledge) {
        for i in 0..self.nodes {
            for j in self.neighbours(i) {
                if knowledge.is_required(i, j) {
                    self.set(i, j, Mark::Tail, Mark::Arrow);
                } else if knowledge.is_forbidden(i, j) {
                    self.close(i, j, Mark::Arrow);
                }
            }
        }
    }

    /// Arrowheads at the middle of unshielded triples where no set that separated the ends holds it.
    pub(super) fn collide(&mut self, separators: &Separators) {
        for middle in 0..self.nodes {
            let around = self.neighbours(middle);
            for (k, x) in around.iter().enumerate() {
                for y in around[k + 1..].iter().filter(|y| !self.adjacent(*x, **y)).copied().collect::<Vec<_>>() {
                    if !separators.contains(*x, y, middle) {
                        self.close(middle, *x, Mark::Arrow);
                        self.close(middle, y, Mark::Arrow);
                    }
                }
            }
        }
    }

    /// The rules, until none applies. Each application closes a mark, so at most nodes² rounds.
    pub(super) fn orient(&mut self, separators: &Separators) {
        loop {
            let mut changed = false;
            for i in 0..self.nodes {
                for j in self.neighbours(i) {
                    changed |= self.rule_1(i, j) | self.rule_2(i, j) | self.rule_3(i, j);
                    changed |= self.rule_4(i, j, separators);
                    changed |= self.rules_8_to_10(i, j);
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// a *→ i o–* j, a and j not adjacent: i → j.
    fn rule_1(&mut self, i: usize, j: usize) -> bool {
        let is_between = |a: &usize| *a != j && self.is_into(*a, i) && !self.adjacent(*a, j);
        self.is_open(i, j) && self.neighbours(i).iter().any(is_between) && self.direct(i, j)
    }

    /// i → b *→ j or i *→ b → j, and i *–o j: i *→ j.
    fn rule_2(&mut self, i: usize, j: usize) -> bool {
        let is_path = |b: &usize| {
            self.is_into(i, *b) && self.is_into(*b, j) && (self.is_directed(i, *b) || self.is_directed(*b, j))
        };
        self.is_open(j, i) && self.neighbours(i).iter().any(is_path) && self.close(j, i, Mark::Arrow)
    }

    /// a *→ j ←* c, a *–o i o–* c, a and c not adjacent, i *–o j: i *→ j.
    fn rule_3(&mut self, i: usize, j: usize) -> bool {
        if !self.is_open(j, i) {
            return false;
        }
        let sides: Vec<usize> =
            self.neighbours(i).into_iter().filter(|a| self.is_open(i, *a) && self.is_into(*a, j)).collect();
        let apart = sides.iter().enumerate().any(|(k, a)| sides[k + 1..].iter().any(|c| !self.adjacent(*a, *c)));
        apart && self.close(j, i, Mark::Arrow)
    }

    /// i o–* j at the end of a path that discriminates i: i → j where i separated its ends, a ↔ i ↔ j where it did not.
    fn rule_4(&mut self, i: usize, j: usize, separators: &Separators) -> bool {
        if !self.is_open(i, j) {
            return false;
        }
        let before = |a: &usize| self.is_directed(*a, j) && self.is_into(i, *a);
        for a in self.neighbours(i).into_iter().filter(before).collect::<Vec<_>>() {
            let Some(start) = self.discriminating(a, i, j) else { continue };
            if separators.contains(start, j, i) {
                return self.direct(i, j);
            }
            let more = self.close(i, a, Mark::Arrow) | self.close(j, i, Mark::Arrow);
            return self.close(i, j, Mark::Arrow) | more;
        }
        false
    }

    /// The start of a path start *→ … ↔ a ←* i *–* j on which all between start and `i` are colliders and drive `j`, and
    /// start is not adjacent to `j`. The nearest such start.
    fn discriminating(&self, a: usize, i: usize, j: usize) -> Option<usize> {
        let mut seen = vec![false; self.nodes];
        [a, i, j].iter().for_each(|v| seen[*v] = true);
        let mut queue = vec![a];
        let mut at = 0;
        while let Some(v) = queue.get(at).copied() {
            at += 1;
            for p in self.neighbours(v) {
                if seen[p] || !self.is_into(p, v) {
                    continue;
                }
                if !self.adjacent(p, j) {
                    return Some(p);
                }
                if self.is_directed(p, j) && self.is_into(v, p) {
                    seen[p] = true;
                    queue.push(p);
                }
            }
        }
        None
    }

    /// i o→ j becomes i → j: (8) i → b → j; (9) an uncovered path from i that may lead to j begins with something not
    /// adjacent to j; (10) two uncovered paths that part at i may lead to two nodes that drive j.
    fn rules_8_to_10(&mut self, i: usize, j: usize) -> bool {
        if !self.is_open(i, j) || !self.is_into(i, j) {
            return false;
        }
        let around = self.neighbours(i);
        let through = |b: &usize| self.is_directed(*b, j) && self.end(i, *b) == Some(Mark::Tail);
        let is_certain = around.iter().any(through) || self.leads(i, j, &around);
        is_certain && self.close(i, j, Mark::Tail)
    }

    fn leads(&self, i: usize, j: usize, around: &[usize]) -> bool {
        let firsts: Vec<usize> = around.iter().copied().filter(|b| *b != j && self.may_lead(i, *b)).collect();
        let reached: Vec<Vec<bool>> = firsts.iter().map(|b| self.uncovered(i, *b, j)).collect();
        if firsts.iter().zip(&reached).any(|(b, to)| !self.adjacent(*b, j) && to[j]) {
            return true;
        }
        let parents: Vec<usize> = (0..self.nodes).filter(|p| self.is_directed(*p, j)).collect();
        let part = |k: usize, l: usize| {
            let (first, second) = (&reached[k], &reached[l]);
            let is_pair = |p: &usize| first[*p] && parents.iter().any(|q| q != p && second[*q]);
            !self.adjacent(firsts[k], firsts[l]) && parents.iter().any(is_pair)
        };
        (0..firsts.len()).any(|k| (k + 1..firsts.len()).any(|l| part(k, l)))
    }

    /// Whether i → j is not excluded by the marks.
    fn may_lead(&self, i: usize, j: usize) -> bool {
        self.adjacent(i, j) && !self.is_into(j, i) && self.end(j, i) != Some(Mark::Tail)
    }

    /// What uncovered paths from `i` by way of `first` may lead to; nothing goes on from `last`. Uncovered: no two nodes two
    /// steps apart are adjacent. O(edges · degree).
    fn uncovered(&self, i: usize, first: usize, last: usize) -> Vec<bool> {
        let n = self.nodes;
        let mut seen = vec![false; n * n];
        let mut reached = vec![false; n];
        reached[first] = true;
        let mut stack = vec![(i, first)];
        while let Some((before, v)) = stack.pop() {
            for next in self.neighbours(v) {
                let is_new = next != i && next != before && !seen[v * n + next];
                if is_new && self.may_lead(v, next) && !self.adjacent(before, next) {
                    seen[v * n + next] = true;
                    reached[next] = true;
                    if next != last {
                        stack.push((v, next));
                    }
                }
            }
        }
        reached
    }

    /// Possible-D-SEP of `x`: what a path reaches on which each inner node is a collider or closes a triangle. Ascending.
    /// O(edges · degree).
    pub(super) fn possible_d_sep(&self, x: usize) -> Vec<usize> {
        let n = self.nodes;
        let mut seen = vec![false; n * n];
        let mut reached = vec![false; n];
        let mut stack: Vec<(usize, usize)> = self.neighbours(x).into_iter().map(|v| (x, v)).collect();
        while let Some((before, v)) = stack.pop() {
            reached[v] = true;
            for next in self.neighbours(v) {
                let is_collider = self.is_into(before, v) && self.is_into(next, v);
                let is_new = next != x && next != before && !seen[v * n + next];
                if is_new && (is_collider || self.adjacent(before, next)) {
                    seen[v * n + next] = true;
                    stack.push((v, next));
                }
            }
        }
        (0..n).filter(|v| *v != x && reached[*v]).collect()
    }
}
