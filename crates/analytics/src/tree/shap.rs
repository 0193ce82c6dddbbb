//! TreeSHAP, path dependent: which feature moved a prediction by how much.
//!
//! A leaf of value v whose path splits on the distinct features 1..d is a product game: a coalition S is worth
//! `v Π_{j∈S} oⱼ Π_{j∉S} zⱼ`, with oⱼ = 1 where the row satisfies all conditions on j, and zⱼ the share of training cover that
//! follows the path there. Its Shapley weights are `k!(d-1-k)!/d! = ∫ tᵏ(1-t)^{d-1-k} dt`, so
//! `φᵢ = v (oᵢ - zᵢ) ∫₀¹ Π_{j≠i} (zⱼ(1-t) + oⱼ t) dt`, a polynomial that Gauss–Legendre integrates exactly: no division, no
//! unwinding. As φ depends on the row only through the bits o, it is tabled per leaf when there are many rows (the idea of
//! FastTreeSHAP v2, Yang 2021).

use super::boosted::{Ensemble, Tree};
use crate::{Error, Matrix, Result};

/// Leaves with more distinct features on their path are computed row by row: tables double with each.
const MOST_TABLED: usize = 8;
/// Bits of the pattern.
const MOST_FEATURES: usize = 64;

impl Ensemble {
    /// SHAP values of the margin of `group`: `rows × (features + 1)`, the last column the bias (expected margin); each row
    /// sums to its margin. Path-dependent TreeSHAP (Lundberg et al. 2018), as `pred_contribs` of XGBoost 3.2 and
    /// `pred_contrib` of LightGBM 4.7.
    ///
    /// O(leaves · depth) a row and tree for many rows, O(leaves · depth²) for few. NaN is "missing". Errors: another count of
    /// features than the model's, no such group, more than 64 distinct features on one path.
    pub fn contributions(&self, x: &Matrix, group: usize) -> Result<Matrix> {
        let mut out = Matrix::zeros(x.rows(), self.features + 1);
        let rows = self.rows_for(x, group)?;
        let mut bias = self.base[group];
        for tree in self.trees.iter().filter(|t| t.group == group) {
            let mut plan = Plan::new(tree)?;
            plan.fill_tables(x.rows());
            bias += plan.mean;
            let mut patterns = vec![0; tree.nodes.len()];
            for i in 0..x.rows() {
                plan.add_row(rows.row(i), &mut patterns, out.row_mut(i));
            }
        }
        for i in 0..x.rows() {
            out[(i, self.features)] = bias;
        }
        Ok(out)
    }

    /// SHAP interaction values of one row: `(features + 1)²`, symmetric; off the diagonal half of what a pair does together,
    /// on it what is left of the feature's SHAP value; the last entry is the bias. All entries sum to the margin.
    ///
    /// O(leaves · depth³) a tree. Errors as [`Ensemble::contributions`].
    pub fn interactions(&self, row: &[f64], group: usize) -> Result<Matrix> {
        let x = Matrix::new(1, row.len(), row.to_vec())?;
        let rows = self.rows_for(&x, group)?;
        let n = self.features + 1;
        let mut out = Matrix::zeros(n, n);
        let mut single = vec![0.0; n];
        let mut bias = self.base[group];
        for tree in self.trees.iter().filter(|t| t.group == group) {
            let plan = Plan::new(tree)?;
            bias += plan.mean;
            let mut patterns = vec![0; tree.nodes.len()];
            plan.walk(rows.row(0), &mut patterns);
            plan.add_row(rows.row(0), &mut patterns, &mut single);
            for leaf in &plan.leaves {
                plan.add_pairs(leaf, patterns[leaf.node], &mut out);
            }
        }
        for i in 0..self.features {
            let shared: f64 = out.row(i).iter().sum();
            out[(i, i)] = single[i] - shared;
        }
        out[(n - 1, n - 1)] = bias;
        Ok(out)
    }

    /// Approximate contributions: each step of a row's path credits its feature with the change of the mean of the leaves
    /// below (Saabas 2014; XGBoost's `approx_contribs`). `rows × (features + 1)`, the last column the bias.
    ///
    /// O(depth) a row and tree, but inconsistent: a feature near the root gets too little. Errors: another count of features
    /// than the model's, no such group.
    pub fn approximate_contributions(&self, x: &Matrix, group: usize) -> Result<Matrix> {
        let rows = self.rows_for(x, group)?;
        let mut out = Matrix::zeros(x.rows(), self.features + 1);
        let mut bias = self.base[group];
        for tree in self.trees.iter().filter(|t| t.group == group) {
            let means = tree.means();
            bias += means[0];
            for i in 0..x.rows() {
                let mut at = 0;
                while !tree.nodes[at].is_leaf() {
                    let node = &tree.nodes[at];
                    let feature = node.feature as usize;
                    let left = node.goes_left(rows[(i, feature)], &tree.sets);
                    let next = if left { at + 1 } else { node.right as usize };
                    out[(i, feature)] += means[next] - means[at];
                    at = next;
                }
            }
        }
        for i in 0..x.rows() {
            out[(i, self.features)] = bias;
        }
        Ok(out)
    }

    fn rows_for(&self, x: &Matrix, group: usize) -> Result<Matrix> {
        Error::same_length("features", x.cols(), self.features)?;
        Error::parameter(group < self.groups, "group", group as f64, "a group of the model")?;
        let mut rows = Matrix::zeros(x.rows(), x.cols());
        for i in 0..x.rows() {
            self.read_row(x.row(i), rows.row_mut(i));
        }
        Ok(rows)
    }
}

/// What a tree's paths are, once for all rows.
struct Plan<'a> {
    tree: &'a Tree,
    /// Slot of each split's feature on its path: the order in which the path meets distinct features.
    slots: Vec<u32>,
    /// Distinct features of the paths of all leaves, leaf after leaf, and `z` beside.
    features: Vec<u32>,
    shares: Vec<f64>,
    leaves: Vec<Leaf>,
    tables: Vec<f64>,
    /// Expected value.
    mean: f64,
    rules: Vec<Vec<(f64, f64)>>,
}

struct Leaf {
    node: usize,
    value: f64,
    path: std::ops::Range<usize>,
    /// Start of its table, `usize::MAX` without one.
    table: usize,
}

impl<'a> Plan<'a> {
    fn new(tree: &'a Tree) -> Result<Self> {
        let mut plan = Self {
            tree,
            slots: vec![0; tree.nodes.len()],
            features: Vec::new(),
            shares: Vec::new(),
            leaves: Vec::new(),
            tables: Vec::new(),
            mean: tree.means()[0],
            rules: Vec::new(),
        };
        // distinct features and shares on the way to the present node
        let mut pending = vec![(0usize, Vec::<(u32, f64)>::new())];
        let mut longest = 0;
        while let Some((i, path)) = pending.pop() {
            let node = &tree.nodes[i];
            if node.is_leaf() {
                let start = plan.features.len();
                plan.features.extend(path.iter().map(|p| p.0));
                plan.shares.extend(path.iter().map(|p| p.1));
                let path = start..plan.features.len();
                longest = longest.max(path.len());
                plan.leaves.push(Leaf { node: i, value: node.threshold, path, table: usize::MAX });
                continue;
            }
            let slot = path.iter().position(|p| p.0 == node.feature).unwrap_or(path.len());
            let fine = slot < MOST_FEATURES;
            Error::parameter(fine, "distinct features on a path", slot as f64 + 1.0, "at most 64")?;
            plan.slots[i] = slot as u32;
            let (left, right) = tree.shares(i);
            let with = |share: f64| {
                let mut path = path.clone();
                if slot == path.len() {
                    path.push((node.feature, 1.0));
                }
                path[slot].1 *= share;
                path
            };
            pending.push((node.right as usize, with(right)));
            pending.push((i + 1, with(left)));
        }
        plan.rules = (0..=longest / 2 + 1).map(gauss_legendre).collect();
        Ok(plan)
    }

    /// Tables where they cost less than they save.
    fn fill_tables(&mut self, rows: usize) {
        for l in 0..self.leaves.len() {
            let path = self.leaves[l].path.clone();
            let d = path.len();
            if d > MOST_TABLED || 1 << d > 2 * rows {
                continue;
            }
            self.leaves[l].table = self.tables.len();
            let mut terms = [0.0; MOST_TABLED];
            for pattern in 0..1u64 << d {
                self.terms(&self.leaves[l], pattern, &mut terms);
                self.tables.extend_from_slice(&terms[..d]);
            }
        }
    }

    /// Pattern of every node: bit s is set while the row satisfies all conditions on the feature of slot s.
    fn walk(&self, row: &[f64], patterns: &mut [u64]) {
        patterns[0] = u64::MAX;
        for (i, node) in self.tree.nodes.iter().enumerate() {
            if node.is_leaf() {
                continue;
            }
            let left = u64::from(node.goes_left(row[node.feature as usize], &self.tree.sets));
            let slot = self.slots[i];
            let pattern = patterns[i];
            patterns[i + 1] = pattern & !((1 - left) << slot);
            patterns[node.right as usize] = pattern & !(left << slot);
        }
    }

    fn add_row(&self, row: &[f64], patterns: &mut [u64], out: &mut [f64]) {
        self.walk(row, patterns);
        let mut terms = [0.0; MOST_FEATURES];
        for leaf in &self.leaves {
            let d = leaf.path.len();
            let features = &self.features[leaf.path.clone()];
            if leaf.table != usize::MAX {
                let entry = patterns[leaf.node] as usize & ((1 << d) - 1);
                let start = leaf.table + entry * d;
                for (f, term) in features.iter().zip(&self.tables[start..start + d]) {
                    out[*f as usize] += term;
                }
            } else {
                self.terms(leaf, patterns[leaf.node], &mut terms);
                for (f, term) in features.iter().zip(&terms) {
                    out[*f as usize] += term;
                }
            }
        }
    }

    /// φ of each feature on the leaf's path.
    fn terms(&self, leaf: &Leaf, pattern: u64, out: &mut [f64]) {
        let shares = &self.shares[leaf.path.clone()];
        let d = shares.len();
        let on = |j: usize| if pattern >> j & 1 == 1 { 1.0 } else { 0.0 };
        out[..d].fill(0.0);
        let mut before = [0.0; MOST_FEATURES];
        for &(t, weight) in &self.rules[d.div_ceil(2)] {
            let factor = |j: usize| shares[j] * (1.0 - t) + on(j) * t;
            let mut product = weight;
            for (j, b) in before[..d].iter_mut().enumerate() {
                *b = product;
                product *= factor(j);
            }
            let mut after = 1.0;
            for j in (0..d).rev() {
                out[j] += before[j] * after;
                after *= factor(j);
            }
        }
        for (j, o) in out[..d].iter_mut().enumerate() {
            *o *= leaf.value * (on(j) - shares[j]);
        }
    }

    /// Half of the joint effect of each pair of features on the leaf's path.
    fn add_pairs(&self, leaf: &Leaf, pattern: u64, out: &mut Matrix) {
        let shares = &self.shares[leaf.path.clone()];
        let features = &self.features[leaf.path.clone()];
        let d = shares.len();
        let on = |j: usize| if pattern >> j & 1 == 1 { 1.0 } else { 0.0 };
        for i in 0..d {
            for j in 0..i {
                let rest = |t: f64| -> f64 {
                    let others = (0..d).filter(|k| *k != i && *k != j);
                    others.map(|k| shares[k] * (1.0 - t) + on(k) * t).product()
                };
                let integral: f64 = self.rules[d / 2].iter().map(|&(t, w)| w * rest(t)).sum();
                let half = 0.5 * leaf.value * (on(i) - shares[i]) * (on(j) - shares[j]) * integral;
                out[(features[i] as usize, features[j] as usize)] += half;
                out[(features[j] as usize, features[i] as usize)] += half;
            }
        }
    }
}

/// `n` nodes and weights of Gauss–Legendre on [0, 1], exact for polynomials of degree 2n - 1: Newton on the recurrence.
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let legendre = |x: f64| {
        let (mut before, mut p) = (0.0, 1.0);
        for k in 1..=n {
            let k = k as f64;
            (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
        }
        (p, n as f64 * (x * p - before) / (x * x - 1.0))
    };
    let node = |i: usize| {
        // Tricomi's start is within Newton's reach for every n
        let mut x = libm::cos(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5));
        for _ in 0..10 {
            let (p, slope) = legendre(x);
            x -= p / slope;
        }
        let (_, slope) = legendre(x);
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::gauss_legendre;

    #[test]
    fn quadrature_is_exact_on_polynomials() {
        for n in 1..=33usize {
            for degree in 0..2 * n {
                let sum: f64 = gauss_legendre(n).iter().map(|(t, w)| w * t.powi(degree as i32)).sum();
                assert!((sum - 1.0 / (degree as f64 + 1.0)).abs() < 1e-14, "{n} {degree}");
            }
        }
    }
}
