//! Exact greedy growth: every border of every feature, level by level, in the order and rounding of XGBoost's `exact`.

use super::grow::{Best, Grown, LEAST_GAIN, Penalty, Sums, minus, plus};
use super::objective::Pair;
use crate::Matrix;

/// XGBoost's `kRtEps`: how far beyond the last value the border between all values and the missing ones lies.
const GAP: f32 = 1e-6;

/// Sorted columns and where each row is.
pub(super) struct Exact {
    /// Values of each feature that are there, ascending.
    sorted: Vec<Vec<(f32, u32)>>,
    /// All values, feature after feature.
    dense: Vec<f32>,
    rows: usize,
    /// Node of each row.
    position: Vec<u32>,
}

/// The scan of one column at one node.
#[derive(Clone, Copy, Default)]
struct Scan {
    sums: Sums,
    last: f32,
    started: bool,
}

/// One pass over a column.
struct Pass<'a> {
    gradients: &'a [Pair],
    penalty: &'a Penalty,
    feature: u32,
    backward: bool,
}

impl Exact {
    pub(super) fn new(x: &Matrix) -> Self {
        let rows = x.rows();
        let mut dense = Vec::with_capacity(rows * x.cols());
        let mut sorted = Vec::with_capacity(x.cols());
        for feature in 0..x.cols() {
            let start = dense.len();
            dense.extend((0..rows).map(|i| x[(i, feature)] as f32));
            let values = dense[start..].iter().zip(0u32..);
            let mut column: Vec<(f32, u32)> = values.filter(|(v, _)| !v.is_nan()).map(|(v, i)| (*v, i)).collect();
            column.sort_by(|a, b| a.0.total_cmp(&b.0));
            sorted.push(column);
        }
        Self { sorted, dense, rows, position: vec![0; rows] }
    }

    pub(super) fn add_to(&self, values: &[f32], margins: &mut [f32]) {
        margins.iter_mut().zip(&self.position).for_each(|(m, p)| *m += values[*p as usize]);
    }

    /// Grows one tree on `features`.
    pub(super) fn grow(
        &mut self,
        gradients: &[Pair],
        features: &[u32],
        penalty: &Penalty,
        max_depth: usize,
    ) -> Vec<Grown> {
        self.position.fill(0);
        let mut nodes = vec![Grown::new(self.sums(gradients, 0, 1)[0], penalty)];
        let mut level = 0..1;
        for _ in 0..max_depth {
            let bests = self.level(gradients, features, penalty, (&nodes, level.clone()));
            let end = nodes.len();
            for (i, best) in level.clone().zip(bests) {
                if best.gain > LEAST_GAIN {
                    let left = nodes.len();
                    nodes[i].split = Some((best, left, left + 1));
                    nodes.extend([Grown::default(), Grown::default()]);
                }
            }
            if nodes.len() == end {
                break;
            }
            self.part(&nodes);
            for (i, sums) in self.sums(gradients, end, nodes.len()).into_iter().enumerate() {
                nodes[end + i] = Grown::new(sums, penalty);
            }
            level = end..nodes.len();
        }
        nodes
    }

    /// Sums of the nodes `from..to`, row after row.
    fn sums(&self, gradients: &[Pair], from: usize, to: usize) -> Vec<Sums> {
        let mut sums = vec![[0.0; 2]; to - from];
        for (p, g) in self.position.iter().zip(gradients) {
            if let Some(sum) = (*p as usize).checked_sub(from).and_then(|i| sums.get_mut(i)) {
                *sum = plus(*sum, [f64::from(g[0]), f64::from(g[1])]);
            }
        }
        sums
    }

    /// Sends rows of split nodes to their children.
    fn part(&mut self, nodes: &[Grown]) {
        for (i, position) in self.position.iter_mut().enumerate() {
            if let Some((best, left, right)) = nodes[*position as usize].split {
                let value = self.dense[best.feature as usize * self.rows + i];
                let goes_left = if value.is_nan() { best.default_left } else { value < best.threshold };
                *position = if goes_left { left as u32 } else { right as u32 };
            }
        }
    }

    /// The best split of each node of a level.
    fn level(
        &self,
        gradients: &[Pair],
        features: &[u32],
        penalty: &Penalty,
        (nodes, level): (&[Grown], std::ops::Range<usize>),
    ) -> Vec<Best> {
        let mut bests = vec![Best::default(); level.len()];
        let level = &nodes[level.clone()];
        // nodes of a level are the last ones
        let first = nodes.len() - level.len();
        let mut scans = vec![Scan::default(); level.len()];
        for &feature in features {
            let column = &self.sorted[feature as usize];
            let (Some(low), Some(high)) = (column.first(), column.last()) else { continue };
            // with missing values the missing may also go right
            let forward = column.len() < self.rows && low.0 != high.0;
            for backward in [false, true].into_iter().filter(|b| *b || forward) {
                let pass = Pass { gradients, penalty, feature, backward };
                scans.fill(Scan::default());
                let mut step = |(value, row): (f32, u32)| {
                    if let Some(i) = (self.position[row as usize] as usize).checked_sub(first) {
                        pass.step(&mut scans[i], &level[i], (value, row), &mut bests[i]);
                    }
                };
                if backward {
                    column.iter().rev().copied().for_each(&mut step);
                } else {
                    column.iter().copied().for_each(&mut step);
                }
                for ((scan, node), best) in scans.iter().zip(level).zip(&mut bests) {
                    let gap = scan.last.abs() + GAP;
                    let border = if backward { scan.last - gap } else { scan.last + gap };
                    pass.propose(scan, node, border, best);
                }
            }
        }
        bests
    }
}

impl Pass<'_> {
    fn step(&self, scan: &mut Scan, node: &Grown, (value, row): (f32, u32), best: &mut Best) {
        if scan.started && value != scan.last {
            let middle = (value + scan.last) * 0.5;
            // rounding may take the middle of neighbours to either
            let border = if middle == value && self.backward { scan.last } else { middle };
            self.propose(scan, node, border, best);
        }
        let g = self.gradients[row as usize];
        scan.sums = plus(scan.sums, [f64::from(g[0]), f64::from(g[1])]);
        scan.last = value;
        scan.started = true;
    }

    /// The split between what was scanned and the rest of the node.
    fn propose(&self, scan: &Scan, node: &Grown, threshold: f32, best: &mut Best) {
        let rest = minus(node.sums, scan.sums);
        if !scan.started || !self.penalty.allows(scan.sums) || !self.penalty.allows(rest) {
            return;
        }
        let gain =
            self.penalty.gain(scan.sums) + self.penalty.gain(rest) - f64::from(self.penalty.gain(node.sums) as f32);
        let (left, right) = if self.backward { (rest, scan.sums) } else { (scan.sums, rest) };
        let default_left = self.backward;
        best.update(Best { gain: gain as f32, feature: self.feature, threshold, default_left, left, right });
    }
}
