//! Weakest-link pruning of [`super::cart`] trees.

use super::cart::DecisionTree;

/// Strengths and the impurity left, the whole tree first.
pub(super) fn path(tree: &DecisionTree) -> Vec<(f64, f64)> {
    let mut links = Links::new(tree);
    let mut path = vec![(0.0, links.branch[0])];
    while let Some((node, alpha)) = links.weakest() {
        links.cut(node);
        path.push((alpha, links.branch[0]));
    }
    path
}

/// Cuts while the weakest link is not stronger than `alpha`.
pub(super) fn prune(tree: &DecisionTree, alpha: f64) -> DecisionTree {
    let mut links = Links::new(tree);
    while let Some((node, strength)) = links.weakest() {
        if strength > alpha {
            break;
        }
        links.cut(node);
    }
    let mut nodes = Vec::new();
    let mut pending = vec![(0, None)];
    while let Some((old, parent)) = pending.pop() {
        let index = nodes.len();
        let mut node = tree.nodes[old].clone();
        if links.leaves[old] <= 1 {
            node.split = None;
        }
        if let Some(split) = node.split {
            pending.push((split.right, Some((index, false))));
            pending.push((split.left, Some((index, true))));
        }
        nodes.push(node);
        if let Some((p, is_left)) = parent {
            let parent: &mut super::cart::Node = &mut nodes[p];
            if let Some(split) = &mut parent.split {
                *(if is_left { &mut split.left } else { &mut split.right }) = index;
            }
        }
    }
    DecisionTree { nodes, features: tree.features }
}

/// Impurity and leaves below every node of the tree as pruned so far.
struct Links<'a> {
    tree: &'a DecisionTree,
    parent: Vec<usize>,
    /// Share of all weight times impurity.
    own: Vec<f64>,
    branch: Vec<f64>,
    leaves: Vec<usize>,
    gone: Vec<bool>,
}

impl<'a> Links<'a> {
    fn new(tree: &'a DecisionTree) -> Self {
        let nodes = &tree.nodes;
        let total = nodes[0].weight;
        let own: Vec<f64> = nodes.iter().map(|n| n.impurity * n.weight / total).collect();
        let mut links = Self {
            tree,
            parent: vec![0; nodes.len()],
            branch: own.clone(),
            own,
            leaves: vec![1; nodes.len()],
            gone: vec![false; nodes.len()],
        };
        // children come after their parents
        for i in (0..nodes.len()).rev() {
            if let Some(s) = nodes[i].split {
                links.parent[s.left] = i;
                links.parent[s.right] = i;
                links.branch[i] = links.branch[s.left] + links.branch[s.right];
                links.leaves[i] = links.leaves[s.left] + links.leaves[s.right];
            }
        }
        links
    }

    /// The inner node whose branch pays least for each of its leaves; the first of equals.
    fn weakest(&self) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for i in (0..self.own.len()).filter(|i| self.leaves[*i] > 1 && !self.gone[*i]) {
            let strength = (self.own[i] - self.branch[i]) / (self.leaves[i] - 1) as f64;
            if best.is_none_or(|b| strength < b.1) {
                best = Some((i, strength));
            }
        }
        best
    }

    fn cut(&mut self, node: usize) {
        let (impurity, leaves) = (self.own[node] - self.branch[node], self.leaves[node] - 1);
        let mut below = vec![node];
        while let Some(i) = below.pop() {
            if i != node {
                self.gone[i] = true;
            }
            if let Some(s) = self.tree.nodes[i].split.filter(|s| !self.gone[s.left]) {
                below.extend([s.left, s.right]);
            }
        }
        let mut at = node;
        loop {
            self.branch[at] += impurity;
            self.leaves[at] -= leaves;
            if at == 0 {
                break;
            }
            at = self.parent[at];
        }
        self.branch[node] = self.own[node];
    }
}
