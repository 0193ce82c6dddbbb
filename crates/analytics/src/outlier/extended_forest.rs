//! Extended isolation forest: cuts by random slopes instead of along axes.

use super::isolation_forest::expected_path;
use crate::{Error, Matrix, Result, Rng};

/// Parameters of [`ExtendedForest::fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedForestConfig {
    /// Trees.
    pub trees: usize,
    /// Rows a tree is grown on.
    pub sample: usize,
    /// Features a cut may mix, less one: 0 cuts along axes, `features − 1` (or more) is the paper's full extension.
    pub extension: usize,
    /// Equal seeds give equal forests.
    pub seed: u64,
}

impl Default for ExtendedForestConfig {
    fn default() -> Self {
        Self { trees: 100, sample: 256, extension: usize::MAX, seed: 0 }
    }
}

/// A grown extended isolation forest (Hariri, Carrasco Kind and Brunner, TKDE 2021).
///
/// A node draws a normal direction over `extension + 1` features and a point in the bounding box of its rows, and sends a
/// row left where (row − point) · direction ≤ 0. No bias along axes, at `features` times the cost. Features should have
/// like scales. NaN cannot be fitted and goes right in scoring.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedForest {
    features: usize,
    trees: Vec<Vec<Node>>,
    normal: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Leaf {
        path: f64,
    },
    /// The left child follows; the right one is named.
    Cut {
        direction: Vec<(usize, f64)>,
        offset: f64,
        right: usize,
    },
}

impl ExtendedForest {
    /// Grows a forest on the rows of `x`.
    pub fn fit(x: &Matrix, config: &ExtendedForestConfig) -> Result<Self> {
        Error::at_least("rows", 1, x.rows())?;
        Error::at_least("features", 1, x.cols())?;
        Error::at_least("trees", 1, config.trees)?;
        Error::at_least("sample", 1, config.sample)?;
        Error::all_finite("rows", x.data())?;
        let sample = config.sample.min(x.rows());
        let height = usize::BITS - sample.max(2).saturating_sub(1).leading_zeros();
        let mixed = config.extension.saturating_add(1).min(x.cols());
        let mut rng = Rng::new(config.seed);
        let mut trees = Vec::with_capacity(config.trees);
        for _ in 0..config.trees {
            let mut nodes = Vec::new();
            let mut rows = rng.sample(x.rows(), sample);
            grow(&mut Tree { x, mixed, height, nodes: &mut nodes }, &mut rows, 0, &mut rng);
            trees.push(nodes);
        }
        Ok(Self {
            features: x.cols(),
            trees,
            normal: config.trees as f64 * expected_path(sample).max(f64::MIN_POSITIVE),
        })
    }

    /// The score of each row, in (0, 1]; larger is more isolated.
    pub fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        Error::same_length("features", x.cols(), self.features)?;
        Ok(x.iter_rows()
            .map(|row| (-self.trees.iter().map(|t| path(t, row)).sum::<f64>() / self.normal).exp2())
            .collect())
    }
}

fn path(nodes: &[Node], row: &[f64]) -> f64 {
    let mut at = 0;
    loop {
        match &nodes[at] {
            Node::Leaf { path } => return *path,
            Node::Cut { direction, offset, right } => {
                let side: f64 = direction.iter().map(|(f, w)| row[*f] * w).sum::<f64>() - offset;
                at = if side <= 0.0 { at + 1 } else { *right };
            }
        }
    }
}

struct Tree<'a> {
    x: &'a Matrix,
    mixed: usize,
    height: u32,
    nodes: &'a mut Vec<Node>,
}

fn grow(tree: &mut Tree, rows: &mut [usize], depth: u32, rng: &mut Rng) {
    let cut = if depth == tree.height || rows.len() <= 1 { None } else { cut(tree, rows, rng) };
    let Some((direction, offset)) = cut else {
        tree.nodes.push(Node::Leaf { path: f64::from(depth) + expected_path(rows.len()) });
        return;
    };
    let mut left = 0;
    for i in 0..rows.len() {
        let side: f64 = direction.iter().map(|(f, w)| tree.x[(rows[i], *f)] * w).sum::<f64>() - offset;
        if side <= 0.0 {
            rows.swap(i, left);
            left += 1;
        }
    }
    let at = tree.nodes.len();
    tree.nodes.push(Node::Cut { direction, offset, right: 0 });
    let (below, above) = rows.split_at_mut(left);
    grow(tree, below, depth + 1, rng);
    let next = tree.nodes.len();
    if let Node::Cut { right, .. } = &mut tree.nodes[at] {
        *right = next;
    }
    grow(tree, above, depth + 1, rng);
}

/// A direction and the offset of its plane, or `None` where all rows are equal.
fn cut(tree: &Tree, rows: &[usize], rng: &mut Rng) -> Option<(Vec<(usize, f64)>, f64)> {
    let bounds = |f: usize| {
        rows.iter().map(|r| tree.x[(*r, f)]).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
    };
    let varying: Vec<(usize, f64, f64)> =
        (0..tree.x.cols()).map(|f| (f, bounds(f))).filter(|(_, b)| b.0 < b.1).map(|(f, b)| (f, b.0, b.1)).collect();
    if varying.is_empty() {
        return None;
    }
    let chosen = rng.sample(varying.len(), tree.mixed);
    let mut offset = 0.0;
    let direction: Vec<(usize, f64)> = chosen
        .into_iter()
        .map(|i| {
            let (feature, low, high) = varying[i];
            let weight = rng.normal();
            offset += weight * (low + rng.uniform() * (high - low));
            (feature, weight)
        })
        .collect();
    offset.is_finite().then_some((direction, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clusters on a diagonal: along axes, the empty corners look as usual as the clusters (paper, figure 2).
    #[test]
    fn an_empty_corner_between_clusters_is_isolated() {
        let mut r = Rng::new(1);
        let mut data = Vec::new();
        for i in 0..600 {
            let centre = if i % 2 == 0 { 0.0 } else { 10.0 };
            data.extend([centre + r.normal(), 10.0 - centre + r.normal()]);
        }
        let x = Matrix::new(600, 2, data).unwrap();
        let forest = ExtendedForest::fit(&x, &ExtendedForestConfig::default()).unwrap();
        let s = forest.score(&Matrix::new(3, 2, vec![0.0, 10.0, 10.0, 0.0, 0.0, 0.0]).unwrap()).unwrap();
        assert!(s[2] > s[0] + 0.1 && s[2] > s[1] + 0.1, "{s:?}");
    }

    #[test]
    fn degenerate_tables_have_an_answer_or_an_error() {
        let config = ExtendedForestConfig { trees: 5, ..Default::default() };
        for (rows, cols, value) in [(1, 1, 5.0), (50, 2, 3.0), (2, 2, 1e300)] {
            let x = Matrix::new(rows, cols, vec![value; rows * cols]).unwrap();
            let s = ExtendedForest::fit(&x, &config).unwrap().score(&x).unwrap();
            assert!(s.iter().all(|v| v.is_finite()), "{s:?}");
        }
        assert!(ExtendedForest::fit(&Matrix::zeros(0, 2), &config).is_err());
        assert!(ExtendedForest::fit(&Matrix::new(1, 1, vec![f64::NAN]).unwrap(), &config).is_err());
    }
}
