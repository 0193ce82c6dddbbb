//! The graph that causal discovery makes: edges directed, undirected or bidirected.

/// Marks at the ends of edges, as in causal-learn: `end(i, j)` is the mark at i of the edge between i and j.
#[derive(Debug, Clone)]
pub struct MixedGraph {
    nodes: usize,
    ends: Vec<i8>,
    /// Bit j of row i: j is known to be i itself or an ancestor of i.
    above: Vec<u64>,
    words: usize,
    /// `above` must be made anew before it is read: from all i → j but those of `later`, then those in their order.
    stale: bool,
    /// Edges directed since `above` became stale.
    later: Vec<(usize, usize)>,
}

impl PartialEq for MixedGraph {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes && self.ends == other.ends
    }
}

impl Eq for MixedGraph {}

/// The mark of an edge's tail.
pub const TAIL: i8 = -1;
/// The mark of an edge's arrowhead.
pub const ARROW: i8 = 1;

impl MixedGraph {
    /// No edges.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        let words = nodes.div_ceil(64);
        let (ends, above) = (vec![0; nodes * nodes], vec![0; nodes * words]);
        Self { nodes, ends, above, words, stale: true, later: Vec::new() }
    }

    /// Count of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The mark at `i` of the edge between `i` and `j`: 0 no edge, −1 tail, 1 arrowhead. i → j is `end(i, j) == -1` and
    /// `end(j, i) == 1`.
    #[must_use]
    pub fn end(&self, i: usize, j: usize) -> i8 {
        self.ends[i * self.nodes + j]
    }

    /// Whether there is an edge of any kind.
    #[must_use]
    pub fn adjacent(&self, i: usize, j: usize) -> bool {
        self.end(i, j) != 0
    }

    /// Whether i — j.
    #[must_use]
    pub fn is_undirected(&self, i: usize, j: usize) -> bool {
        self.end(i, j) == TAIL && self.end(j, i) == TAIL
    }

    /// Whether i → j.
    #[must_use]
    pub fn is_directed(&self, i: usize, j: usize) -> bool {
        self.end(i, j) == TAIL && self.end(j, i) == ARROW
    }

    /// Whether i ↔ j.
    #[must_use]
    pub fn is_bidirected(&self, i: usize, j: usize) -> bool {
        self.end(i, j) == ARROW && self.end(j, i) == ARROW
    }

    /// All i → j, ascending.
    #[must_use]
    pub fn directed(&self) -> Vec<(usize, usize)> {
        self.pairs(|g, i, j| g.is_directed(i, j))
    }

    /// All i — j with i < j, ascending.
    #[must_use]
    pub fn undirected(&self) -> Vec<(usize, usize)> {
        self.pairs(|g, i, j| i < j && g.is_undirected(i, j))
    }

    /// All i ↔ j with i < j, ascending.
    #[must_use]
    pub fn bidirected(&self) -> Vec<(usize, usize)> {
        self.pairs(|g, i, j| i < j && g.is_bidirected(i, j))
    }

    /// Nodes with an edge to `i`, ascending.
    #[must_use]
    pub fn neighbours(&self, i: usize) -> Vec<usize> {
        (0..self.nodes).filter(|j| self.adjacent(i, *j)).collect()
    }

    fn pairs(&self, is: impl Fn(&Self, usize, usize) -> bool) -> Vec<(usize, usize)> {
        let nodes = self.nodes;
        (0..nodes).flat_map(|i| (0..nodes).map(move |j| (i, j))).filter(|(i, j)| is(self, *i, *j)).collect()
    }

    /// The marks at `i` of its edges with 0, 1, …
    pub(super) fn ends_at(&self, i: usize) -> &[i8] {
        &self.ends[i * self.nodes..(i + 1) * self.nodes]
    }

    pub(crate) fn set_undirected(&mut self, i: usize, j: usize) {
        if self.is_directed(i, j) || self.is_directed(j, i) {
            // what lies above what is not forgotten
            self.refresh();
        }
        self.set(i, j, TAIL, TAIL);
    }

    /// Makes the edge i → j, whatever it was.
    pub(crate) fn direct(&mut self, i: usize, j: usize) {
        let was_directed = self.is_directed(i, j) || self.is_directed(j, i);
        self.set(i, j, TAIL, ARROW);
        if was_directed {
            // causal-learn removes the edge, rebuilds what lies above what, then adds the edge
            self.stale = true;
            self.later.clear();
        }
        if self.stale {
            self.later.push((i, j));
        } else {
            self.add_ancestor(i, j);
        }
    }

    /// Makes the edge i ↔ j.
    pub(crate) fn set_bidirected(&mut self, i: usize, j: usize) {
        self.set(i, j, ARROW, ARROW);
        self.stale = true;
        self.later.clear();
    }

    /// Whether a path i → … → j is known.
    pub(crate) fn is_above(&mut self, i: usize, j: usize) -> bool {
        self.refresh();
        self.above[j * self.words + i / 64] >> (i % 64) & 1 == 1
    }

    fn set(&mut self, i: usize, j: usize, at_i: i8, at_j: i8) {
        self.ends[i * self.nodes + j] = at_i;
        self.ends[j * self.nodes + i] = at_j;
    }

    fn refresh(&mut self) {
        if !self.stale {
            return;
        }
        self.stale = false;
        let later = std::mem::take(&mut self.later);
        later.iter().for_each(|(i, j)| self.set(*i, *j, 0, 0));
        self.rebuild_ancestors();
        for (i, j) in later {
            self.set(i, j, TAIL, ARROW);
            self.add_ancestor(i, j);
        }
    }

    fn rebuild_ancestors(&mut self) {
        self.above.fill(0);
        for i in 0..self.nodes {
            self.above[i * self.words + i / 64] |= 1 << (i % 64);
        }
        // last edge first, as causal-learn does: the closure below is not complete, so the order shows
        for i in (0..self.nodes).rev() {
            for j in (i + 1..self.nodes).rev() {
                if !self.adjacent(i, j) {
                    continue;
                }
                if self.is_directed(i, j) {
                    self.add_ancestor(i, j);
                } else if self.is_directed(j, i) {
                    self.add_ancestor(j, i);
                }
            }
        }
    }

    /// What lies above i lies above j too; i lies above all below j. As in causal-learn, what lies above i is not told to
    /// those below j, so that a long cycle can escape the check.
    fn add_ancestor(&mut self, i: usize, j: usize) {
        let words = self.words;
        for w in 0..words {
            self.above[j * words + w] |= self.above[i * words + w];
        }
        for k in 0..self.nodes {
            if self.above[k * words + j / 64] >> (j % 64) & 1 == 1 {
                self.above[k * words + i / 64] |= 1 << (i % 64);
            }
        }
    }
}
