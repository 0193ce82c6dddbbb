//! Isolation forest: rows that random cuts separate early are outliers.

use crate::{Error, Matrix, Result, Rng};

/// Rows scored side by side: in vectors at the top of a tree, with overlapping memory accesses below.
const LANES: usize = 16;
/// Levels at the top of a tree where every cut is compared for every row: more comparisons, but of whole vectors, where single steps
/// chase one address after the other. Measured: 4 and 3 are best, 5 and 6 gain nothing over single steps.
const TOP: u32 = 4;
/// Cuts of those levels.
const TOP_CUTS: usize = (1 << TOP) - 1;
/// Rows that stay in the first cache while all trees pass over them.
const BLOCK: usize = 256;

/// Parameters of [`IsolationForest::fit`]; the defaults are the paper's.
#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForestConfig {
    /// Trees. More only steadies the score.
    pub trees: usize,
    /// Rows a tree is grown on, at most 65,536 (fewer where there are fewer). Small samples keep dense clusters of
    /// outliers from hiding each other (swamping and masking, Liu et al. §2).
    pub sample: usize,
    /// Equal seeds give equal forests, bit for bit.
    pub seed: u64,
}

impl Default for IsolationForestConfig {
    fn default() -> Self {
        Self { trees: 100, sample: 256, seed: 0 }
    }
}

/// A grown isolation forest (Liu, Ting and Zhou, ICDM 2008; as scikit-learn 1.9 and PyOD 3.6 do it).
///
/// A node picks a feature at random among those that vary in it, and a threshold uniformly between the feature's least and
/// largest value; `x ≤ threshold` goes left; the height is at most ⌈log₂ sample⌉. The score is 2^(−mean path / c(sample)):
/// near 1 for outliers, about .5 for rows like all others.
///
/// Values are compared as `f32`. Rows with NaN cannot be fitted; in scoring, NaN goes left. Constant features are never
/// cut, a table of equal rows scores equal everywhere. Scoring is O(trees · height) a row without branches. For tables (a fleet's
/// snapshot); on streams it is weak (docs/internals/analytics.md).
#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForest {
    features: usize,
    height: u32,
    /// Inner nodes of all trees, each a complete binary tree in heap order; where growth ended early, all go left.
    cuts: Vec<Cut>,
    /// Path lengths at the bottom, `2^height` a tree.
    paths: Vec<f32>,
    /// `trees · c(sample)`.
    normal: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Cut {
    threshold: f32,
    feature: u32,
}

impl IsolationForest {
    /// Grows a forest on the rows of `x`. O(trees · sample · height).
    pub fn fit(x: &Matrix, config: &IsolationForestConfig) -> Result<Self> {
        Error::at_least("rows", 1, x.rows())?;
        Error::at_least("features", 1, x.cols())?;
        Error::at_least("trees", 1, config.trees)?;
        Error::all_finite("rows", x.data())?;
        let sample = config.sample.min(x.rows()).min(65_536);
        Error::parameter(sample > 0, "sample", config.sample as f64, "1 to 65,536")?;
        let height = usize::BITS - sample.max(2).saturating_sub(1).leading_zeros();
        let bottom = 1usize << height;
        let mut forest = Self {
            features: x.cols(),
            height,
            cuts: Vec::with_capacity(config.trees * (bottom - 1)),
            paths: Vec::with_capacity(config.trees * bottom),
            normal: config.trees as f64 * expected_path(sample).max(f64::MIN_POSITIVE),
        };
        let mut rng = Rng::new(config.seed);
        let mut grower = Grower { x, order: (0..x.cols()).collect(), height, cuts: Vec::new(), paths: Vec::new() };
        for _ in 0..config.trees {
            grower.cuts = vec![Cut { threshold: f32::INFINITY, feature: 0 }; bottom - 1];
            grower.paths = vec![0.0; bottom];
            let mut rows = rng.sample(x.rows(), sample);
            grower.grow(&mut rows, 0, 0, &mut rng);
            forest.cuts.extend_from_slice(&grower.cuts);
            forest.paths.extend_from_slice(&grower.paths);
        }
        Ok(forest)
    }

    /// The score of each row, in (0, 1]; larger is more isolated. Errors where the count of features is another.
    pub fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        Error::same_length("features", x.cols(), self.features)?;
        Ok(self.scores(x, pulp::Arch::new()))
    }

    /// The widest vectors of the processor only compare and choose; additions stay one by one, so the bits are the same with any.
    fn scores(&self, x: &Matrix, arch: pulp::Arch) -> Vec<f64> {
        let mut sums = vec![0.0_f32; x.rows()];
        let mut columns = Vec::new();
        for (rows, sums) in x.data().chunks(BLOCK * self.features).zip(sums.chunks_mut(BLOCK)) {
            self.transpose(rows, &mut columns);
            arch.dispatch(Pass { forest: self, columns: &columns, sums });
        }
        sums.iter().map(|s| (-f64::from(*s) / self.normal).exp2()).collect()
    }

    /// Rows as columns of [`LANES`]: all features of the first rows, then of the next. The last are filled up with zeros.
    fn transpose(&self, rows: &[f64], columns: &mut Vec<[f32; LANES]>) {
        columns.clear();
        for rows in rows.chunks(LANES * self.features) {
            let start = columns.len();
            columns.resize(start + self.features, [0.0; LANES]);
            for (lane, row) in rows.chunks_exact(self.features).enumerate() {
                for (column, value) in columns[start..].iter_mut().zip(row) {
                    column[lane] = *value as f32;
                }
            }
        }
    }
}

/// All trees over one block of rows; a struct, because a closure need not be inlined into the code for wide vectors.
struct Pass<'a> {
    forest: &'a IsolationForest,
    columns: &'a [[f32; LANES]],
    sums: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let IsolationForest { features, height, cuts, paths, .. } = self.forest;
        let (inner, bottom) = ((1usize << height) - 1, 1usize << height);
        for (cuts, paths) in cuts.chunks_exact(inner).zip(paths.chunks_exact(bottom)) {
            for (columns, sums) in self.columns.chunks_exact(*features).zip(self.sums.chunks_mut(LANES)) {
                let (mut at, below) = match cuts.first_chunk() {
                    Some(first) => (top(first, columns), height - TOP),
                    None => ([0; LANES], *height),
                };
                for _ in 0..below {
                    descend(cuts, columns, &mut at);
                }
                for (sum, leaf) in sums.iter_mut().zip(at) {
                    *sum += paths[leaf as usize - inner];
                }
            }
        }
    }
}

/// Where [`LANES`] rows are after the first [`TOP`] levels. From the lowest of them up, each cut chooses between what its two sides
/// came to.
#[inline(always)]
fn top(cuts: &[Cut; TOP_CUTS], columns: &[[f32; LANES]]) -> [u32; LANES] {
    const LOWEST: usize = 1 << (TOP - 1);
    let mut at = [[0; LANES]; LOWEST];
    for (node, at) in (LOWEST - 1..TOP_CUTS).zip(&mut at) {
        let (left, right) = (2 * node as u32 + 1, 2 * node as u32 + 2);
        *at = choose(cuts[node], columns, &[left; LANES], &[right; LANES]);
    }
    let mut width = LOWEST;
    while width > 1 {
        width /= 2;
        for k in 0..width {
            at[k] = choose(cuts[width - 1 + k], columns, &at[2 * k], &at[2 * k + 1]);
        }
    }
    at[0]
}

#[inline(always)]
fn choose(cut: Cut, columns: &[[f32; LANES]], left: &[u32; LANES], right: &[u32; LANES]) -> [u32; LANES] {
    let column = &columns[cut.feature as usize];
    let mut chosen = [0; LANES];
    for (((chosen, value), left), right) in chosen.iter_mut().zip(column).zip(left).zip(right) {
        // bits, or the compiler chooses between two addresses, lane by lane
        let goes_right = u32::from(*value > cut.threshold).wrapping_neg();
        *chosen = left ^ ((left ^ right) & goes_right);
    }
    chosen
}

/// One level down, each row by its own cut.
#[inline(always)]
fn descend(cuts: &[Cut], columns: &[[f32; LANES]], at: &mut [u32; LANES]) {
    for (lane, node) in at.iter_mut().enumerate() {
        let cut = cuts[*node as usize];
        let right = u32::from(columns[cut.feature as usize][lane] > cut.threshold);
        *node = 2 * *node + 1 + right;
    }
}

struct Grower<'a> {
    x: &'a Matrix,
    order: Vec<usize>,
    height: u32,
    cuts: Vec<Cut>,
    paths: Vec<f32>,
}

impl Grower<'_> {
    fn grow(&mut self, rows: &mut [usize], node: usize, depth: u32, rng: &mut Rng) {
        if depth == self.height || rows.len() <= 1 {
            return self.leaf(rows.len(), node, depth);
        }
        let Some((feature, threshold)) = self.cut(rows, rng) else {
            return self.leaf(rows.len(), node, depth);
        };
        self.cuts[node] = Cut { threshold, feature: feature as u32 };
        let mut left = 0;
        for i in 0..rows.len() {
            if self.x[(rows[i], feature)] as f32 <= threshold {
                rows.swap(i, left);
                left += 1;
            }
        }
        let (below, above) = rows.split_at_mut(left);
        self.grow(below, 2 * node + 1, depth + 1, rng);
        self.grow(above, 2 * node + 2, depth + 1, rng);
    }

    /// A feature that varies, in random order, and a threshold in it.
    fn cut(&mut self, rows: &[usize], rng: &mut Rng) -> Option<(usize, f32)> {
        for i in 0..self.order.len() {
            let j = i + rng.below(self.order.len() - i);
            self.order.swap(i, j);
            let feature = self.order[i];
            let values = rows.iter().map(|r| self.x[(*r, feature)] as f32);
            let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            if low < high {
                let wide = f64::from(low) + rng.uniform() * (f64::from(high) - f64::from(low));
                let threshold = wide as f32;
                return Some((feature, if threshold >= high { low } else { threshold }));
            }
        }
        None
    }

    /// All ways down from here end at one leaf: `threshold` is infinite below, so only the leftmost bottom is reached.
    fn leaf(&mut self, rows: usize, node: usize, depth: u32) {
        let bottom = (node + 1) << (self.height - depth);
        self.paths[bottom - (1 << self.height)] = (f64::from(depth) + expected_path(rows)) as f32;
    }
}

/// c(n): the mean path of an unsuccessful search in a binary search tree of n keys (paper, equation 1).
pub(super) fn expected_path(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(n: usize, seed: u64) -> Matrix {
        let mut r = Rng::new(seed);
        let mut data: Vec<f64> = (0..n * 3).map(|_| r.normal()).collect();
        for v in &mut data[..3] {
            *v = 8.0;
        }
        Matrix::new(n, 3, data).unwrap()
    }

    #[test]
    fn a_far_row_is_first_and_equal_seeds_give_equal_bits() {
        let x = cloud(1000, 1);
        let config = IsolationForestConfig::default();
        let a = IsolationForest::fit(&x, &config).unwrap().score(&x).unwrap();
        let best = (0..a.len()).max_by(|i, j| a[*i].total_cmp(&a[*j])).unwrap();
        assert_eq!(best, 0);
        assert!(a[0] > 0.7 && a.iter().all(|s| (0.0..=1.0).contains(s)));
        assert_eq!(a, IsolationForest::fit(&x, &config).unwrap().score(&x).unwrap());
    }

    #[test]
    fn rows_score_the_same_in_any_block() {
        let x = cloud(777, 2);
        let forest = IsolationForest::fit(&x, &IsolationForestConfig::default()).unwrap();
        let all = forest.score(&x).unwrap();
        for i in [0, 15, 16, 255, 256, 776] {
            let one = Matrix::new(1, 3, x.row(i).to_vec()).unwrap();
            assert_eq!(forest.score(&one).unwrap()[0], all[i]);
        }
        assert_eq!(forest.scores(&x, pulp::Arch::Scalar), all);
    }

    #[test]
    fn degenerate_tables_have_an_answer_or_an_error() {
        let config = IsolationForestConfig { trees: 10, ..Default::default() };
        for (rows, cols, value) in [(1, 1, 5.0), (50, 2, 3.0), (2, 2, 1e300)] {
            let x = Matrix::new(rows, cols, vec![value; rows * cols]).unwrap();
            let s = IsolationForest::fit(&x, &config).unwrap().score(&x).unwrap();
            assert!(s.iter().all(|v| v.is_finite() && *v == s[0]), "{s:?}");
        }
        assert!(IsolationForest::fit(&Matrix::zeros(0, 2), &config).is_err());
        assert!(IsolationForest::fit(&Matrix::zeros(3, 0), &config).is_err());
        assert!(IsolationForest::fit(&Matrix::new(1, 1, vec![f64::NAN]).unwrap(), &config).is_err());
        let f = IsolationForest::fit(&cloud(20, 3), &config).unwrap();
        assert!(f.score(&Matrix::zeros(1, 2)).is_err());
        assert!(f.score(&Matrix::new(1, 3, vec![f64::NAN; 3]).unwrap()).unwrap()[0].is_finite());
    }
}
