//! CART: classification and regression trees with pruning, importance and a readable form.

use std::fmt;

use super::prune;
use crate::{Error, Matrix, Result};

/// What a split makes smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// Gini impurity of classes.
    Gini,
    /// Shannon entropy of classes, in bits.
    Entropy,
    /// Mean squared error; the only one for regression.
    SquaredError,
}

/// How far a tree grows.
#[derive(Debug, Clone, PartialEq)]
pub struct CartParams {
    /// Gini or entropy for classes; regression always uses the squared error.
    pub criterion: Criterion,
    /// Most splits on a path.
    pub max_depth: usize,
    /// Fewest rows in a node that may be split.
    pub min_samples_split: usize,
    /// Fewest rows in a leaf.
    pub min_samples_leaf: usize,
    /// Least weighted decrease of impurity of a split.
    pub min_impurity_decrease: f64,
    /// Cost-complexity pruning strength; 0 does not prune. [`DecisionTree::pruning_path`] lists the useful values.
    pub ccp_alpha: f64,
}

impl Default for CartParams {
    /// scikit-learn's defaults: Gini, grown until pure.
    fn default() -> Self {
        Self {
            criterion: Criterion::Gini,
            max_depth: usize::MAX,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_impurity_decrease: 0.0,
            ccp_alpha: 0.0,
        }
    }
}

/// A split of a node: rows with `value <= threshold` go to `left`, others (NaN too) to `right`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Column of the rows.
    pub feature: usize,
    /// Middle between the neighbouring values seen in training.
    pub threshold: f64,
    /// Index of the child for values up to the threshold.
    pub left: usize,
    /// Index of the other child.
    pub right: usize,
}

/// A node; those without a split are leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where rows go on.
    pub split: Option<Split>,
    /// Shares of the classes, or the mean target alone.
    pub value: Vec<f64>,
    /// Gini, bits or squared error.
    pub impurity: f64,
    /// Rows that reached the node in training.
    pub samples: usize,
    /// Their summed weight.
    pub weight: f64,
}

/// A fitted tree, nodes in preorder, the root first.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionTree {
    pub(super) nodes: Vec<Node>,
    pub(super) features: usize,
}

/// One line of [`DecisionTree::lines`], to be named by the caller; its `Display` writes columns as `x0`, `x1`.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// "if column `feature` <= `threshold`" (`upper` false) or the else branch "if column > threshold" (`upper` true).
    Condition {
        /// Count of conditions above.
        depth: usize,
        /// Column.
        feature: usize,
        /// Whether this is the branch above the threshold.
        upper: bool,
        /// Border between the branches.
        threshold: f64,
    },
    /// What is said when all conditions above hold.
    Leaf {
        /// Count of conditions above.
        depth: usize,
        /// Shares of the classes, or the mean target alone.
        value: Vec<f64>,
        /// Rows of the training data behind it.
        samples: usize,
    },
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Condition { depth, feature, upper, threshold } => {
                let op = if *upper { ">" } else { "<=" };
                write!(f, "{:indent$}if x{feature} {op} {threshold}:", "", indent = depth * 2)
            }
            Self::Leaf { depth, value, samples } => {
                write!(f, "{:indent$}{value:?} ({samples})", "", indent = depth * 2)
            }
        }
    }
}

impl DecisionTree {
    /// A classification tree for rows `x` and `labels` in `0..classes`, weighted equally without `weights`.
    ///
    /// The algorithm of scikit-learn 1.9 (`DecisionTreeClassifier`, best splitter) with ties decided by the lowest feature,
    /// then the lowest threshold, where scikit-learn shuffles. O(features · rows log rows) a level. Errors: no rows, lengths
    /// that differ, NaN or infinite features, negative or non-finite weights, parameters out of range, 2²⁰ classes or more.
    /// A constant column is never split; equal labels or rows give a single leaf.
    pub fn classify(x: &Matrix, labels: &[usize], weights: Option<&[f64]>, params: &CartParams) -> Result<Self> {
        Error::same_length("labels", labels.len(), x.rows())?;
        let classes = labels.iter().max().map_or(0, |m| m.saturating_add(1));
        Error::parameter(classes <= 1 << 20, "classes", classes as f64, "at most 2^20")?;
        let fine = params.criterion != Criterion::SquaredError;
        Error::parameter(fine, "criterion", f64::NAN, "Gini or entropy for classes")?;
        let target = Target::Classes { labels, classes, criterion: params.criterion };
        Self::grow(x, target, weights, params)
    }

    /// A regression tree for rows `x` and targets `y`; otherwise as [`DecisionTree::classify`].
    pub fn regress(x: &Matrix, y: &[f64], weights: Option<&[f64]>, params: &CartParams) -> Result<Self> {
        Error::same_length("targets", y.len(), x.rows())?;
        Error::all_finite("targets", y)?;
        Self::grow(x, Target::Numbers(y), weights, params)
    }

    /// Class shares, or the mean target, of the leaf that `row` falls into; missing columns count as NaN.
    #[must_use]
    pub fn predict(&self, row: &[f64]) -> &[f64] {
        &self.nodes[self.leaf(row)].value
    }

    /// The class with the largest share (the lowest of equals); 0 of a regression tree.
    #[must_use]
    pub fn predict_class(&self, row: &[f64]) -> usize {
        let shares = self.predict(row);
        (0..shares.len()).fold(0, |best, c| if shares[c] > shares[best] { c } else { best })
    }

    /// Index of the leaf that `row` falls into.
    #[must_use]
    pub fn leaf(&self, row: &[f64]) -> usize {
        let mut at = 0;
        while let Some(split) = self.nodes[at].split {
            let value = row.get(split.feature).copied().unwrap_or(f64::NAN);
            at = if value <= split.threshold { split.left } else { split.right };
        }
        at
    }

    /// All nodes, the root first, each before its children, left before right.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Share of each feature in the decrease of impurity; sums to 1, or all zero without splits.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        let mut gains = vec![0.0; self.features];
        let weighted = |i: usize| self.nodes[i].impurity * self.nodes[i].weight;
        for (i, node) in self.nodes.iter().enumerate() {
            if let Some(s) = node.split {
                gains[s.feature] += weighted(i) - weighted(s.left) - weighted(s.right);
            }
        }
        let total: f64 = gains.iter().sum();
        if total > 0.0 {
            gains.iter_mut().for_each(|g| *g /= total);
        }
        gains
    }

    /// Strengths at which weakest-link pruning cuts the next branch off, with the total impurity of the leaves left then;
    /// starts with strength 0 and the whole tree. Breiman et al. 1984 as in scikit-learn's `cost_complexity_pruning_path`.
    #[must_use]
    pub fn pruning_path(&self) -> Vec<(f64, f64)> {
        prune::path(self)
    }

    /// The subtree that is left at strength `alpha`.
    #[must_use]
    pub fn prune(&self, alpha: f64) -> Self {
        prune::prune(self, alpha)
    }

    /// The tree as nested conditions, top to bottom.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        enum Step {
            Node(usize, usize),
            Upper(usize, Split),
        }
        let mut lines = Vec::new();
        let mut steps = vec![Step::Node(0, 0)];
        while let Some(step) = steps.pop() {
            let (depth, split, upper) = match step {
                Step::Node(i, depth) => match self.nodes[i].split {
                    Some(split) => (depth, split, false),
                    None => {
                        let node = &self.nodes[i];
                        lines.push(Line::Leaf { depth, value: node.value.clone(), samples: node.samples });
                        continue;
                    }
                },
                Step::Upper(depth, split) => (depth, split, true),
            };
            lines.push(Line::Condition { depth, feature: split.feature, upper, threshold: split.threshold });
            if upper {
                steps.push(Step::Node(split.right, depth + 1));
            } else {
                steps.push(Step::Upper(depth, split));
                steps.push(Step::Node(split.left, depth + 1));
            }
        }
        lines
    }

    fn grow(x: &Matrix, target: Target, weights: Option<&[f64]>, params: &CartParams) -> Result<Self> {
        Error::at_least("rows", 1, x.rows())?;
        Error::all_finite("features", x.data())?;
        let leaf = params.min_samples_leaf;
        Error::parameter(leaf > 0, "min_samples_leaf", leaf as f64, "at least 1")?;
        Error::parameter(params.ccp_alpha >= 0.0, "ccp_alpha", params.ccp_alpha, "at least 0")?;
        let even = vec![1.0; x.rows()];
        let weights = weights.unwrap_or(&even);
        Error::same_length("weights", weights.len(), x.rows())?;
        Error::all_finite("weights", weights)?;
        let least = weights.iter().copied().fold(0.0, f64::min);
        Error::parameter(least >= 0.0, "weight", least, "at least 0")?;
        let total: f64 = weights.iter().sum();
        Error::parameter(total > 0.0, "weights", total, "not all zero")?;
        let mut grower = Grower { x, target, weights, params, total, nodes: Vec::new() };
        grower.run();
        let tree = Self { nodes: grower.nodes, features: x.cols() };
        Ok(if params.ccp_alpha > 0.0 { tree.prune(params.ccp_alpha) } else { tree })
    }
}

enum Target<'a> {
    Classes { labels: &'a [usize], classes: usize, criterion: Criterion },
    Numbers(&'a [f64]),
}

struct Grower<'a> {
    x: &'a Matrix,
    target: Target<'a>,
    weights: &'a [f64],
    params: &'a CartParams,
    total: f64,
    nodes: Vec<Node>,
}

/// A node to be made: its rows, depth, and the slot in its parent.
struct Pending {
    rows: Vec<u32>,
    depth: usize,
    parent: Option<(usize, bool)>,
}

impl Grower<'_> {
    fn run(&mut self) {
        let all = (0..self.x.rows() as u32).collect();
        let mut pending = vec![Pending { rows: all, depth: 0, parent: None }];
        let mut sorted = Vec::with_capacity(self.x.rows());
        while let Some(Pending { rows, depth, parent }) = pending.pop() {
            let index = self.nodes.len();
            self.nodes.push(self.node(&rows));
            if let Some((p, is_left)) = parent
                && let Some(split) = &mut self.nodes[p].split
            {
                *(if is_left { &mut split.left } else { &mut split.right }) = index;
            }
            let few = rows.len() < self.params.min_samples_split.max(2 * self.params.min_samples_leaf).max(2);
            // below the rounding of its own sums a node is pure: scikit-learn's bound
            let pure = self.nodes[index].impurity <= f64::EPSILON;
            if few || pure || depth >= self.params.max_depth {
                continue;
            }
            let Some((feature, threshold)) = self.best_split(&rows, &self.nodes[index], &mut sorted) else { continue };
            let (low, high): (Vec<u32>, Vec<u32>) =
                rows.iter().partition(|r| self.x[(**r as usize, feature)] <= threshold);
            self.nodes[index].split = Some(Split { feature, threshold, left: 0, right: 0 });
            pending.push(Pending { rows: high, depth: depth + 1, parent: Some((index, false)) });
            pending.push(Pending { rows: low, depth: depth + 1, parent: Some((index, true)) });
        }
    }

    fn node(&self, rows: &[u32]) -> Node {
        let weight: f64 = rows.iter().map(|r| self.weights[*r as usize]).sum();
        let share = if weight > 0.0 { 1.0 / weight } else { 0.0 };
        let (value, impurity) = match &self.target {
            Target::Classes { labels, classes, criterion } => {
                let mut sums = vec![0.0; *classes];
                rows.iter().for_each(|r| sums[labels[*r as usize]] += self.weights[*r as usize]);
                let impurity = impurity(&sums, weight, *criterion);
                (sums.iter().map(|s| s * share).collect(), impurity)
            }
            Target::Numbers(y) => {
                let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
                    rows.iter().map(|r| self.weights[*r as usize] * f(y[*r as usize])).sum()
                };
                let mean = sum(&|v| v) * share;
                (vec![mean], sum(&|v| (v - mean) * (v - mean)) * share)
            }
        };
        Node { split: None, value, impurity, samples: rows.len(), weight }
    }

    /// The split with the least weighted impurity below; `None` where none is allowed.
    fn best_split(&self, rows: &[u32], node: &Node, sorted: &mut Vec<(f64, u32)>) -> Option<(usize, f64)> {
        let mut best: Option<(f64, usize, f64)> = None;
        for feature in 0..self.x.cols() {
            sorted.clear();
            sorted.extend(rows.iter().map(|r| (self.x[(*r as usize, feature)], *r)));
            sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            if sorted[0].0 == sorted[sorted.len() - 1].0 {
                continue;
            }
            let found = match &self.target {
                Target::Classes { labels, classes, criterion } => {
                    let mut below = ClassSums::new(labels, *classes, *criterion);
                    self.scan(sorted, node.weight, &mut below)
                }
                Target::Numbers(y) => {
                    let centre = node.value[0];
                    let mut below = NumberSums { y, centre, low: 0.0, high: 0.0 };
                    self.scan(sorted, node.weight, &mut below)
                }
            };
            if let Some((cost, threshold)) = found
                && best.is_none_or(|b| less(cost, b.0))
            {
                best = Some((cost, feature, threshold));
            }
        }
        let (cost, feature, threshold) = best?;
        let below = match self.target {
            Target::Classes { .. } => cost,
            // squares about the node's mean are left out of the cost
            Target::Numbers(_) => cost + node.impurity * node.weight,
        };
        let decrease = (node.impurity * node.weight - below) / self.total;
        (decrease + f64::EPSILON >= self.params.min_impurity_decrease).then_some((feature, threshold))
    }

    /// The best border of one sorted feature: cost and threshold.
    fn scan(&self, sorted: &[(f64, u32)], weight: f64, sums: &mut impl Sums) -> Option<(f64, f64)> {
        let fewest = self.params.min_samples_leaf;
        let mut best: Option<(f64, f64)> = None;
        let mut low = 0.0;
        sums.reset(sorted, self.weights);
        for i in 1..sorted.len() {
            let (before, row) = sorted[i - 1];
            let w = self.weights[row as usize];
            low += w;
            sums.shift(row as usize, w);
            if before == sorted[i].0 || i < fewest || sorted.len() - i < fewest {
                continue;
            }
            let high = weight - low;
            if low <= 0.0 || high <= 0.0 {
                continue;
            }
            let cost = sums.cost(low, high);
            if best.is_none_or(|b| less(cost, b.0)) {
                best = Some((cost, middle(before, sorted[i].0)));
            }
        }
        best
    }
}

/// Running sums below and above a border.
trait Sums {
    fn reset(&mut self, sorted: &[(f64, u32)], weights: &[f64]);
    /// Moves a row from above to below.
    fn shift(&mut self, row: usize, weight: f64);
    /// Weighted impurity of both sides, up to a constant of the node.
    fn cost(&self, low: f64, high: f64) -> f64;
}

struct ClassSums<'a> {
    labels: &'a [usize],
    criterion: Criterion,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl<'a> ClassSums<'a> {
    fn new(labels: &'a [usize], classes: usize, criterion: Criterion) -> Self {
        Self { labels, criterion, low: vec![0.0; classes], high: vec![0.0; classes] }
    }
}

impl Sums for ClassSums<'_> {
    fn reset(&mut self, sorted: &[(f64, u32)], weights: &[f64]) {
        sorted.iter().for_each(|(_, r)| self.high[self.labels[*r as usize]] += weights[*r as usize]);
    }

    fn shift(&mut self, row: usize, weight: f64) {
        self.low[self.labels[row]] += weight;
        self.high[self.labels[row]] -= weight;
    }

    fn cost(&self, low: f64, high: f64) -> f64 {
        low * impurity(&self.low, low, self.criterion) + high * impurity(&self.high, high, self.criterion)
    }
}

struct NumberSums<'a> {
    y: &'a [f64],
    centre: f64,
    low: f64,
    high: f64,
}

impl Sums for NumberSums<'_> {
    fn reset(&mut self, sorted: &[(f64, u32)], weights: &[f64]) {
        self.high = sorted.iter().map(|(_, r)| weights[*r as usize] * (self.y[*r as usize] - self.centre)).sum();
    }

    fn shift(&mut self, row: usize, weight: f64) {
        let part = weight * (self.y[row] - self.centre);
        self.low += part;
        self.high -= part;
    }

    fn cost(&self, low: f64, high: f64) -> f64 {
        -(self.low * self.low / low + self.high * self.high / high)
    }
}

fn impurity(sums: &[f64], weight: f64, criterion: Criterion) -> f64 {
    if weight <= 0.0 {
        return 0.0;
    }
    match criterion {
        Criterion::Entropy => {
            let shares = sums.iter().filter(|s| **s > 0.0).map(|s| s / weight);
            // never below 0 by rounding
            (-shares.map(|p| p * p.log2()).sum::<f64>()).max(0.0)
        }
        _ => 1.0 - sums.iter().map(|s| s * s).sum::<f64>() / (weight * weight),
    }
}

/// Less by more than rounding, so that equal splits stay ties.
fn less(a: f64, b: f64) -> bool {
    a < b - 1e-12 * b.abs()
}

/// Middle of two values; the lower one where rounding would reach the upper.
fn middle(low: f64, high: f64) -> f64 {
    let m = low / 2.0 + high / 2.0;
    if m < high && m >= low { m } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners() -> (Matrix, Vec<usize>) {
        let rows = [[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0], [5.0, 5.0]];
        (Matrix::from_rows(&rows).unwrap(), vec![0, 0, 1, 1, 0, 0])
    }

    #[test]
    fn a_tree_reads_as_conditions() {
        let (x, labels) = corners();
        let tree = DecisionTree::classify(&x, &labels, None, &CartParams::default()).unwrap();
        let text: Vec<String> = tree.lines().iter().map(Line::to_string).collect();
        let want = [
            "if x0 <= 1.5:",
            "  [1.0, 0.0] (2)",
            "if x0 > 1.5:",
            "  if x0 <= 3.5:",
            "    [0.0, 1.0] (2)",
            "  if x0 > 3.5:",
            "    [1.0, 0.0] (2)",
        ];
        assert_eq!(text, want);
        assert_eq!([0.0, 2.5, 9.0].map(|v| tree.predict_class(&[v, 5.0])), [0, 1, 0]);
        assert_eq!(tree.importance(), [1.0, 0.0]);
        assert_eq!(tree.predict_class(&[]), 0);
    }

    #[test]
    fn weights_count_as_repeated_rows() {
        let (x, labels) = corners();
        let weights = [1.0, 3.0, 1.0, 2.0, 1.0, 0.0];
        let repeated: Vec<usize> = (0..6).flat_map(|i| vec![i; weights[i] as usize]).collect();
        let rows: Vec<Vec<f64>> = repeated.iter().map(|i| x.row(*i).to_vec()).collect();
        let many: Vec<usize> = repeated.iter().map(|i| labels[*i]).collect();
        for max_depth in 0..4 {
            let params = CartParams { criterion: Criterion::Entropy, max_depth, ..Default::default() };
            let a = DecisionTree::classify(&x, &labels, Some(&weights), &params).unwrap();
            let b = DecisionTree::classify(&Matrix::from_rows(&rows).unwrap(), &many, None, &params).unwrap();
            assert!(x.iter_rows().take(5).all(|r| a.predict(r) == b.predict(r)), "{max_depth}");
        }
    }

    #[test]
    fn degenerate_input() {
        let params = CartParams::default();
        let (x, labels) = corners();
        assert!(DecisionTree::classify(&Matrix::zeros(0, 2), &[], None, &params).is_err());
        assert!(DecisionTree::classify(&x, &labels[1..], None, &params).is_err());
        assert!(DecisionTree::classify(&x, &[usize::MAX; 6], None, &params).is_err());
        assert!(DecisionTree::classify(&x, &labels, Some(&[0.0; 6]), &params).is_err());
        assert!(DecisionTree::classify(&x, &labels, Some(&[-1.0; 6]), &params).is_err());
        let mut nan = x.clone();
        nan[(1, 1)] = f64::NAN;
        assert!(DecisionTree::classify(&nan, &labels, None, &params).is_err());
        assert!(DecisionTree::regress(&x, &[f64::INFINITY; 6], None, &params).is_err());
        assert!(
            DecisionTree::classify(&x, &labels, None, &CartParams { min_samples_leaf: 0, ..params.clone() }).is_err()
        );
        let no_columns = DecisionTree::classify(&Matrix::zeros(6, 0), &labels, None, &params).unwrap();
        assert_eq!(no_columns.nodes().len(), 1);
        let constant = DecisionTree::regress(&Matrix::zeros(4, 3), &[1.0, 2.0, 3.0, 4.0], None, &params).unwrap();
        assert_eq!((constant.nodes().len(), constant.predict(&[0.0; 3])[0]), (1, 2.5));
        assert_eq!((constant.importance(), constant.pruning_path().len()), (vec![0.0; 3], 1));
        let huge = Matrix::from_columns(&[vec![-f64::MAX, f64::MAX, f64::MAX, 5e-324]]).unwrap();
        let tree = DecisionTree::regress(&huge, &[1.0, 2.0, 2.0, 1.0], None, &params).unwrap();
        assert_eq!([-f64::MAX, 0.0, f64::MAX].map(|v| tree.predict(&[v])[0]), [1.0, 1.0, 2.0]);
        let neighbours = Matrix::from_columns(&[vec![1.0, 1.0f64.next_up()]]).unwrap();
        let tree = DecisionTree::regress(&neighbours, &[0.0, 1.0], None, &params).unwrap();
        assert_eq!([1.0, 1.0f64.next_up()].map(|v| tree.predict(&[v])[0]), [0.0, 1.0]);
    }
}
