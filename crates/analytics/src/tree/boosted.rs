//! Ensembles of boosted trees: one model for what XGBoost, LightGBM and our own trainer make.

use crate::{Error, Matrix, Result};

/// From margins to what the objective predicts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// Margins are the prediction (regression, ranking).
    Identity,
    /// `1 / (1 + exp(-slope · margin))`.
    Logistic {
        /// 1, or LightGBM's `sigmoid`.
        slope: f64,
    },
    /// Class probabilities over the groups.
    Softmax,
    /// `exp(margin)` (Poisson, gamma, Tweedie).
    Exponential,
}

/// What [`Ensemble::importance`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Splits on the feature.
    Weight,
    /// Mean gain of these.
    Gain,
    /// Summed gain.
    TotalGain,
    /// Mean cover (summed Hessian, or rows in LightGBM models).
    Cover,
    /// Summed cover.
    TotalCover,
}

/// A boosted ensemble: flat trees, one margin per group (class or target).
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    pub(super) features: usize,
    pub(super) groups: usize,
    pub(super) trees: Vec<Tree>,
    /// Margin of each group before the first tree.
    pub(super) base: Vec<f64>,
    /// XGBoost's arithmetic: inputs and sums in `f32`.
    pub(super) single: bool,
    /// Margins are divided by this before the link: the rounds of a random forest, otherwise 1.
    pub(super) divisor: f64,
    pub(super) link: Link,
    /// The model file's word for what was trained.
    pub(super) objective: String,
    /// Empty, or one for each feature.
    pub(super) names: Vec<String>,
}

/// One tree: nodes in preorder, so that a left child follows its parent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tree {
    pub group: usize,
    pub nodes: Vec<Node>,
    pub stats: Vec<Stats>,
    /// Categories of categorical splits, ascending: `sets[threshold as usize]`.
    pub sets: Vec<Vec<u32>>,
}

/// A split, or a leaf where `flags` has [`LEAF`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Node {
    /// Values below go left; of a leaf its value; of a categorical split the index of its set.
    pub threshold: f64,
    pub feature: u32,
    pub right: u32,
    pub flags: u32,
}

/// What prediction does not need.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Stats {
    pub gain: f64,
    pub cover: f64,
    /// What the node would predict as a leaf, before shrinkage where the format says so.
    pub weight: f64,
}

pub(super) const LEAF: u32 = 1;
/// Missing values go left.
pub(super) const DEFAULT_LEFT: u32 = 2;
/// Values in the set go left.
pub(super) const SET_LEFT: u32 = 4;
/// Values in the set go right.
pub(super) const SET_RIGHT: u32 = 8;
/// NaN is a value of its own and goes the default way; otherwise it counts as 0.
pub(super) const NAN_MISSING: u32 = 16;
/// Zero (and NaN) goes the default way.
pub(super) const ZERO_MISSING: u32 = 32;

/// Rows that pass a tree together, while it is in the cache.
const ROWS: usize = 64;
/// LightGBM's bound of zero.
const ZERO: f64 = 1e-35f32 as f64;

impl Node {
    pub(super) fn is_leaf(&self) -> bool {
        self.flags & LEAF != 0
    }

    /// Whether `x` goes to the left child.
    pub(super) fn goes_left(&self, x: f64, sets: &[Vec<u32>]) -> bool {
        if self.flags & (SET_LEFT | SET_RIGHT | ZERO_MISSING) == 0 {
            let default = self.flags & DEFAULT_LEFT != 0;
            let missing_left = if self.flags & NAN_MISSING != 0 { default } else { 0.0 < self.threshold };
            // no short circuit: what a branch would depend on is random
            return (x < self.threshold) | (x.is_nan() & missing_left);
        }
        self.goes_left_by_rule(x, sets)
    }

    fn goes_left_by_rule(&self, x: f64, sets: &[Vec<u32>]) -> bool {
        let default = self.flags & DEFAULT_LEFT != 0;
        if self.flags & ZERO_MISSING != 0 {
            return if x.is_nan() || x.abs() <= ZERO { default } else { x < self.threshold };
        }
        let set = sets.get(self.threshold as usize).map_or(&[][..], |s| s);
        // a category is the whole part of a value; beyond 2^24 neither library stores one exactly
        let inside = x > -1.0 && x < 16_777_216.0 && set.binary_search(&(x as u32)).is_ok();
        if self.flags & SET_LEFT != 0 {
            return inside;
        }
        if x.is_nan() { default } else { !inside }
    }
}

impl Tree {
    /// Value of the leaf that `row` falls into.
    pub(super) fn value(&self, row: &[f64]) -> f64 {
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            if node.is_leaf() {
                return node.threshold;
            }
            let left = node.goes_left(row[node.feature as usize], &self.sets);
            // chosen without a branch: which way rows go is what branch predictors cannot know
            at = std::hint::select_unpredictable(left, at + 1, node.right as usize);
        }
    }

    /// Mean of the leaves below each node by cover.
    pub(super) fn means(&self) -> Vec<f64> {
        let mut means: Vec<f64> = self.nodes.iter().map(|n| n.threshold).collect();
        for i in (0..self.nodes.len()).rev().filter(|i| !self.nodes[*i].is_leaf()) {
            let (left, right) = (i + 1, self.nodes[i].right as usize);
            let (a, b) = self.shares(i);
            means[i] = a * means[left] + b * means[right];
        }
        means
    }

    /// Shares of the children in a node's cover; even where there is none.
    pub(super) fn shares(&self, i: usize) -> (f64, f64) {
        let right = self.nodes[i].right as usize;
        let (a, b, all) = (self.stats[i + 1].cover, self.stats[right].cover, self.stats[i].cover);
        if all > 0.0 && a >= 0.0 && b >= 0.0 { (a / all, b / all) } else { (0.5, 0.5) }
    }
}

impl Ensemble {
    /// Count of features that a row must have.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Count of margins a row gets: classes of a multi-class model, otherwise 1.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Count of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Names of the features; empty where the model has none.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The model file's word for what was trained, such as `binary:logistic`.
    #[must_use]
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// How [`Ensemble::predict`] turns margins.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// Raw scores, `rows × groups`: base plus leaves in the order of the trees. XGBoost models sum in `f32`, LightGBM's in
    /// `f64`, each to the bit of its library. NaN is "missing" and goes the way each split learnt. O(trees · depth) a row.
    ///
    /// Errors: rows with another count of features than the model.
    pub fn margins(&self, x: &Matrix) -> Result<Matrix> {
        Error::same_length("features", x.cols(), self.features)?;
        let mut margins = Matrix::zeros(x.rows(), self.groups);
        let mut rows = vec![0.0; self.features * ROWS];
        for start in (0..x.rows()).step_by(ROWS) {
            let block = start..x.rows().min(start + ROWS);
            for i in block.clone() {
                let at = (i - start) * self.features;
                self.read_row(x.row(i), &mut rows[at..at + self.features]);
                margins.row_mut(i).copy_from_slice(&self.base);
            }
            for tree in &self.trees {
                for i in block.clone() {
                    let at = (i - start) * self.features;
                    self.add(&mut margins[(i, tree.group)], tree.value(&rows[at..at + self.features]));
                }
            }
        }
        Ok(margins)
    }

    /// Raw scores of one row; errors as [`Ensemble::margins`].
    pub fn margin(&self, row: &[f64]) -> Result<Vec<f64>> {
        Error::same_length("features", row.len(), self.features)?;
        let mut read = vec![0.0; self.features];
        self.read_row(row, &mut read);
        let mut margins = self.base.clone();
        for tree in &self.trees {
            self.add(&mut margins[tree.group], tree.value(&read));
        }
        Ok(margins)
    }

    /// What the objective predicts (probabilities, values, ranking scores), `rows × groups`; errors as
    /// [`Ensemble::margins`]. Within `f32` rounding of XGBoost's own.
    pub fn predict(&self, x: &Matrix) -> Result<Matrix> {
        let mut values = self.margins(x)?;
        for i in 0..values.rows() {
            let row = values.row_mut(i);
            row.iter_mut().for_each(|m| *m /= self.divisor);
            match self.link {
                Link::Identity => {}
                Link::Logistic { slope } => row.iter_mut().for_each(|m| *m = 1.0 / (1.0 + libm::exp(-slope * *m))),
                Link::Exponential => row.iter_mut().for_each(|m| *m = libm::exp(*m)),
                Link::Softmax => {
                    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    row.iter_mut().for_each(|m| *m = libm::exp(*m - largest));
                    let total: f64 = row.iter().sum();
                    row.iter_mut().for_each(|m| *m /= total);
                }
            }
        }
        Ok(values)
    }

    /// Importance of each feature over all trees; 0 for features that no tree splits on.
    #[must_use]
    pub fn importance(&self, kind: Importance) -> Vec<f64> {
        let mut sums = vec![0.0; self.features];
        let mut counts = vec![0.0; self.features];
        for tree in &self.trees {
            for (node, stats) in tree.nodes.iter().zip(&tree.stats).filter(|(n, _)| !n.is_leaf()) {
                counts[node.feature as usize] += 1.0;
                sums[node.feature as usize] += match kind {
                    Importance::Weight => 1.0,
                    Importance::Gain | Importance::TotalGain => stats.gain,
                    Importance::Cover | Importance::TotalCover => stats.cover,
                };
            }
        }
        if matches!(kind, Importance::Gain | Importance::Cover) {
            sums.iter_mut().zip(&counts).filter(|(_, c)| **c > 0.0).for_each(|(s, c)| *s /= c);
        }
        sums
    }

    /// A row as the model's arithmetic sees it.
    pub(super) fn read_row(&self, row: &[f64], out: &mut [f64]) {
        if self.single {
            out.iter_mut().zip(row).for_each(|(o, x)| *o = f64::from(*x as f32));
        } else {
            out.copy_from_slice(row);
        }
    }

    /// One addition in the model's arithmetic.
    fn add(&self, sum: &mut f64, value: f64) {
        *sum = if self.single { f64::from(*sum as f32 + value as f32) } else { *sum + value };
    }
}

/// A tree as a model file lists it: any numbering, leaves inline; [`Listed::tree`] checks and renumbers it.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub group: usize,
    /// `node.right` and `left` are ids of the file.
    pub nodes: Vec<Node>,
    pub left: Vec<usize>,
    pub stats: Vec<Stats>,
    pub sets: Vec<Vec<u32>>,
}

impl Listed {
    /// In preorder, without nodes that the root does not reach; the text says what is wrong with the file's numbers.
    pub(super) fn tree(self, features: usize, groups: usize) -> std::result::Result<Tree, String> {
        let Self { group, nodes, left, stats, sets } = self;
        if group >= groups {
            return Err(format!("group {group} of {groups}"));
        }
        let mut tree = Tree { group, sets, ..Tree::default() };
        let mut seen = vec![false; nodes.len()];
        let mut pending = vec![(0usize, None)];
        while let Some((id, parent)) = pending.pop() {
            let Some(node) = nodes.get(id) else { return Err(format!("child {id} of {} nodes", nodes.len())) };
            if std::mem::replace(&mut seen[id], true) {
                return Err(format!("node {id} has two parents"));
            }
            let index = tree.nodes.len();
            if let Some(parent) = parent {
                let parent: &mut Node = &mut tree.nodes[parent];
                parent.right = index as u32;
            }
            if node.is_leaf() {
                if !node.threshold.is_finite() {
                    return Err(format!("leaf {id} is not a finite number"));
                }
            } else {
                if node.feature as usize >= features {
                    return Err(format!("node {id} splits on feature {} of {features}", node.feature));
                }
                if node.threshold.is_nan() {
                    return Err(format!("node {id} has no threshold"));
                }
                pending.push((node.right as usize, Some(index)));
                pending.push((left[id], None));
            }
            tree.nodes.push(*node);
            tree.stats.push(stats[id]);
        }
        Ok(tree)
    }
}
