//! What the two ways of growing a boosted tree share: sums, gains, the grown nodes and their pruning.

use super::boosted::{DEFAULT_LEFT, LEAF, Listed, NAN_MISSING, Node, Stats, Tree};
use super::train::TrainParams;

/// Least gain of a split, XGBoost's `kRtEps`.
pub(super) const LEAST_GAIN: f32 = 1e-6;

/// Summed first and second derivatives.
pub(super) type Sums = [f64; 2];

pub(super) fn minus(a: Sums, b: Sums) -> Sums {
    [a[0] - b[0], a[1] - b[1]]
}

pub(super) fn plus(a: Sums, b: Sums) -> Sums {
    [a[0] + b[0], a[1] + b[1]]
}

/// The regularised objective of a set of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Penalty {
    pub lambda: f64,
    pub alpha: f64,
    pub min_child_weight: f64,
}

impl Penalty {
    pub(super) fn new(params: &TrainParams) -> Self {
        let single = |x: f64| f64::from(x as f32);
        Self {
            lambda: single(params.lambda),
            alpha: single(params.alpha),
            min_child_weight: single(params.min_child_weight),
        }
    }

    /// Enough rows for a child.
    pub(super) fn allows(&self, sums: Sums) -> bool {
        sums[1] >= self.min_child_weight && sums[1] > 0.0
    }

    pub(super) fn gain(&self, sums: Sums) -> f64 {
        if sums[1] <= 0.0 {
            return 0.0;
        }
        let g = self.shrunk(sums[0]);
        g * g / (sums[1] + self.lambda)
    }

    pub(super) fn weight(&self, sums: Sums) -> f32 {
        if sums[1] < self.min_child_weight || sums[1] <= 0.0 {
            return 0.0;
        }
        (-self.shrunk(sums[0]) / (sums[1] + self.lambda)) as f32
    }

    fn shrunk(&self, g: f64) -> f64 {
        if self.alpha == 0.0 { g } else { g.signum() * (g.abs() - self.alpha).max(0.0) }
    }
}

/// The best split of a node so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Best {
    pub gain: f32,
    pub feature: u32,
    pub threshold: f32,
    pub default_left: bool,
    pub left: Sums,
    pub right: Sums,
}

impl Best {
    /// Takes `other` where it gains more, or as much with a lower feature.
    pub(super) fn update(&mut self, other: Self) {
        if !other.gain.is_finite() {
            return;
        }
        let better = if self.feature <= other.feature { other.gain > self.gain } else { other.gain >= self.gain };
        if better {
            *self = other;
        }
    }
}

/// A node while the tree grows; children come after their parents.
#[derive(Debug, Clone, Default)]
pub(super) struct Grown {
    pub sums: Sums,
    pub weight: f32,
    /// Split, left and right child.
    pub split: Option<(Best, usize, usize)>,
}

impl Grown {
    pub(super) fn new(sums: Sums, penalty: &Penalty) -> Self {
        Self { sums, weight: penalty.weight(sums), split: None }
    }
}

/// Cuts off splits that gain less than `gamma` from the bottom up, shrinks leaves by `eta`; the tree, and the value of the
/// leaf that each grown node's rows end in.
pub(super) fn finish(nodes: &[Grown], params: &TrainParams) -> (Tree, Vec<f32>) {
    let gamma = params.gamma as f32;
    let mut leaf: Vec<bool> = nodes.iter().map(|n| n.split.is_none()).collect();
    for i in (0..nodes.len()).rev() {
        if let Some((best, left, right)) = nodes[i].split {
            leaf[i] = best.gain < gamma && leaf[left] && leaf[right];
        }
    }
    let eta = params.eta as f32;
    let mut values: Vec<f32> = nodes.iter().map(|n| n.weight * eta).collect();
    let mut listed = Listed::default();
    for (i, node) in nodes.iter().enumerate() {
        let mut stats = Stats { gain: 0.0, cover: f64::from(node.sums[1] as f32), weight: f64::from(node.weight) };
        match node.split {
            Some((best, left, right)) if !leaf[i] => {
                let default = if best.default_left { DEFAULT_LEFT } else { 0 };
                let flags = NAN_MISSING | default;
                let threshold = f64::from(best.threshold);
                stats.gain = f64::from(best.gain);
                listed.nodes.push(Node { threshold, feature: best.feature, right: right as u32, flags });
                listed.left.push(left);
            }
            split => {
                listed.nodes.push(Node { threshold: f64::from(values[i]), flags: LEAF, ..Node::default() });
                listed.left.push(0);
                // rows below a split that was cut off count as this node's
                for child in split.into_iter().flat_map(|(_, l, r)| [l, r]) {
                    values[child] = values[i];
                }
            }
        }
        listed.stats.push(stats);
    }
    // made here, so it is a tree
    (listed.tree(usize::MAX, 1).unwrap_or_default(), values)
}
