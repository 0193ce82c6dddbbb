//! Histogram growth: values in at most 255 bins, sums a bin; the larger child of a split is its parent minus the smaller.

use super::grow::{Best, Grown, LEAST_GAIN, Penalty, Sums, minus, plus};
use super::objective::Pair;
use crate::Matrix;

/// Features whose histograms are filled together: eight of 256 bins are 32 kB, what a first-level cache holds.
const BLOCK: usize = 8;
/// Rows whose bins are collected before they are counted: their lines are fetched at once instead of one by one, and each
/// block of histograms is fetched once for all of them.
const CHUNK: usize = 1024;
const BINS: usize = 256;
/// The bin of missing values.
const MISSING: usize = BINS - 1;

type Histogram = Vec<Sums>;

/// Binned rows and where each row is.
pub(super) struct Histograms {
    /// Upper borders of the bins of each feature; a value is in the first bin whose border is above it.
    borders: Vec<Vec<f32>>,
    missing: Vec<bool>,
    /// Row after row, block after block.
    bins: Vec<[u8; BLOCK]>,
    blocks: usize,
    /// The same, feature after feature, for parting rows.
    columns: Vec<u8>,
    /// Rows of each node lie together.
    rows: Vec<u32>,
    moved: Vec<u32>,
    /// Gradients and bins of the chunk at work; the bins block after block.
    chunk_gradients: Vec<Sums>,
    chunk_bins: Vec<[u8; BLOCK]>,
    /// Nodes and their rows, as grown last.
    spans: Vec<(usize, std::ops::Range<usize>)>,
    spare: Vec<Histogram>,
}

/// A node with its histogram, still to be split.
struct Pending {
    node: usize,
    depth: usize,
    span: std::ops::Range<usize>,
    histogram: Histogram,
}

/// What stays the same while a tree grows.
struct Round<'a> {
    gradients: &'a [Pair],
    features: &'a [u32],
    penalty: &'a Penalty,
    max_depth: usize,
}

impl Histograms {
    pub(super) fn new(x: &Matrix, max_bin: usize) -> Self {
        let rows = x.rows();
        let blocks = x.cols().div_ceil(BLOCK);
        let mut bins = vec![[0u8; BLOCK]; blocks * rows];
        let (mut borders, mut missing) = (Vec::new(), Vec::new());
        let mut columns = Vec::with_capacity(x.cols() * rows);
        for feature in 0..x.cols() {
            let column: Vec<f32> = (0..rows).map(|i| x[(i, feature)] as f32).collect();
            let cuts = cut(&column, max_bin.clamp(2, MISSING));
            let block = bins.iter_mut().skip(feature / BLOCK).step_by(blocks);
            for (bin, value) in block.zip(&column) {
                let b = if value.is_nan() { MISSING } else { cuts.partition_point(|c| c <= value) };
                bin[feature % BLOCK] = b as u8;
                columns.push(b as u8);
            }
            let absent = column.iter().any(|v| v.is_nan());
            let mut cuts = cuts;
            // a border above all values parts them from the missing ones
            let highest = column.iter().copied().fold(f32::MIN, f32::max);
            if absent && highest < f32::MAX {
                cuts.push(highest.next_up());
            }
            missing.push(absent);
            borders.push(cuts);
        }
        Self {
            borders,
            missing,
            bins,
            blocks,
            columns,
            rows: (0..rows as u32).collect(),
            moved: Vec::new(),
            chunk_gradients: Vec::new(),
            chunk_bins: vec![[0; BLOCK]; blocks * CHUNK],
            spans: Vec::new(),
            spare: Vec::new(),
        }
    }

    pub(super) fn add_to(&self, values: &[f32], margins: &mut [f32]) {
        for (node, span) in &self.spans {
            self.rows[span.clone()].iter().for_each(|r| margins[*r as usize] += values[*node]);
        }
    }

    /// Grows one tree on `features`.
    pub(super) fn grow(
        &mut self,
        gradients: &[Pair],
        features: &[u32],
        penalty: &Penalty,
        max_depth: usize,
    ) -> Vec<Grown> {
        let round = Round { gradients, features, penalty, max_depth };
        let all = 0..self.rows.len();
        self.spans.clear();
        let mut sums = [0.0; 2];
        for g in gradients {
            sums = plus(sums, [f64::from(g[0]), f64::from(g[1])]);
        }
        let mut nodes = vec![Grown::new(sums, penalty)];
        if max_depth == 0 {
            self.spans.push((0, all));
            return nodes;
        }
        let histogram = self.build(&round, all.clone());
        let mut pending = vec![Pending { node: 0, depth: 0, span: all, histogram }];
        while let Some(work) = pending.pop() {
            self.split(&round, work, &mut nodes, &mut pending);
        }
        nodes
    }

    /// Splits a node if that pays and prepares its children.
    fn split(&mut self, round: &Round, work: Pending, nodes: &mut Vec<Grown>, pending: &mut Vec<Pending>) {
        let Pending { node, depth, span, mut histogram } = work;
        let best = self.best(round, &histogram, nodes[node].sums);
        if best.gain <= LEAST_GAIN {
            self.spans.push((node, span));
            self.spare.push(histogram);
            return;
        }
        let middle = span.start + self.part(&best, span.clone());
        let children = [(nodes.len(), span.start..middle), (nodes.len() + 1, middle..span.end)];
        nodes[node].split = Some((best, children[0].0, children[1].0));
        nodes.extend([Grown::new(best.left, round.penalty), Grown::new(best.right, round.penalty)]);
        // a child whose halves would both be too light is a leaf
        let open = |n: usize| depth + 1 < round.max_depth && nodes[n].sums[1] >= 2.0 * round.penalty.min_child_weight;
        let [left, right] = children;
        let (small, large) = if left.1.len() <= right.1.len() { (left, right) } else { (right, left) };
        let (open_small, open_large) = (open(small.0), open(large.0));
        let mut wait = |(node, span): (usize, std::ops::Range<usize>), histogram| {
            pending.push(Pending { node, depth: depth + 1, span, histogram });
        };
        if !open_small && !open_large {
            self.spans.extend([small, large]);
            self.spare.push(histogram);
            return;
        }
        let few = self.build(round, small.1.clone());
        if open_large {
            histogram.iter_mut().zip(&few).for_each(|(h, f)| *h = minus(*h, *f));
            wait(large, histogram);
        } else {
            self.spans.push(large);
            self.spare.push(histogram);
        }
        if open_small {
            wait(small, few);
        } else {
            self.spans.push(small);
            self.spare.push(few);
        }
    }

    /// Sums of each bin of each feature over a span of rows.
    fn build(&mut self, round: &Round, span: std::ops::Range<usize>) -> Histogram {
        let mut histogram = self.spare.pop().unwrap_or_default();
        histogram.clear();
        histogram.resize(self.blocks * BLOCK * BINS, [0.0; 2]);
        let used = |block: usize| round.features.iter().any(|f| *f as usize / BLOCK == block);
        let used: Vec<bool> = (0..self.blocks).map(used).collect();
        for rows in self.rows[span].chunks(CHUNK) {
            self.chunk_gradients.clear();
            self.chunk_gradients.extend(rows.iter().map(|r| round.gradients[*r as usize].map(f64::from)));
            for (i, &row) in rows.iter().enumerate() {
                let start = row as usize * self.blocks;
                for (block, bin) in self.bins[start..start + self.blocks].iter().enumerate() {
                    self.chunk_bins[block * CHUNK + i] = *bin;
                }
            }
            let blocks = histogram.as_chunks_mut::<{ BLOCK * BINS }>().0.iter_mut();
            for ((sums, bins), _) in blocks.zip(self.chunk_bins.chunks(CHUNK)).zip(&used).filter(|(_, used)| **used) {
                count(sums, bins, &self.chunk_gradients);
            }
        }
        histogram
    }

    /// The best split of a node.
    fn best(&self, round: &Round, histogram: &[Sums], all: Sums) -> Best {
        let mut best = Best::default();
        let own = round.penalty.gain(all);
        for &feature in round.features {
            let f = feature as usize;
            let sums = &histogram[f * BINS..(f + 1) * BINS];
            let absent = sums[MISSING];
            let mut low = [0.0; 2];
            for (sum, &threshold) in sums.iter().zip(&self.borders[f]) {
                low = plus(low, *sum);
                let mut propose = |left: Sums, default_left: bool| {
                    let right = minus(all, left);
                    if round.penalty.allows(left) && round.penalty.allows(right) {
                        let gain = (round.penalty.gain(left) + round.penalty.gain(right) - own) as f32;
                        if gain > best.gain {
                            best = Best { gain, feature, threshold, default_left, left, right };
                        }
                    }
                };
                if self.missing[f] {
                    propose(low, false);
                    propose(plus(low, absent), true);
                } else {
                    propose(low, true);
                }
            }
        }
        best
    }

    /// Moves rows of a span that go left to its front, in their order; returns their count.
    fn part(&mut self, best: &Best, span: std::ops::Range<usize>) -> usize {
        let f = best.feature as usize;
        let border = self.borders[f].partition_point(|c| *c <= best.threshold);
        let count = self.rows.len();
        let column = &self.columns[f * count..(f + 1) * count];
        let rows = &mut self.rows[span];
        self.moved.clear();
        self.moved.resize(rows.len(), 0);
        let (mut left, mut right) = (0, 0);
        for i in 0..rows.len() {
            let row = rows[i];
            let bin = usize::from(column[row as usize]);
            let goes_left = if bin == MISSING { best.default_left } else { bin < border };
            // both are written, one is kept: no branch to mispredict
            rows[left] = row;
            self.moved[right] = row;
            left += usize::from(goes_left);
            right += usize::from(!goes_left);
        }
        rows[left..].copy_from_slice(&self.moved[..right]);
        left
    }
}

/// Adds the gradients of rows to the bins they are in.
fn count(sums: &mut [Sums; BLOCK * BINS], bins: &[[u8; BLOCK]], gradients: &[Sums]) {
    for (bin, g) in bins.iter().zip(gradients) {
        for (k, b) in bin.iter().enumerate() {
            let sum = &mut sums[k * BINS + usize::from(*b)];
            *sum = plus(*sum, *g);
        }
    }
}

/// Borders between at most `max_bin` groups of equally many values: in the middle of neighbouring values.
fn cut(column: &[f32], max_bin: usize) -> Vec<f32> {
    let mut values: Vec<f32> = column.iter().copied().filter(|v| !v.is_nan()).collect();
    values.sort_unstable_by(f32::total_cmp);
    let distinct = values.windows(2).filter(|w| w[0] != w[1]).count() + 1;
    let mut borders = Vec::new();
    let mut first = 0;
    for i in 1..values.len() {
        let (low, high) = (values[i - 1], values[i]);
        if low == high {
            continue;
        }
        // what is left is shared out evenly, so that a heavy value takes no other bin's share
        let left = max_bin - borders.len();
        let full = (i - first) * left >= values.len() - first;
        if distinct <= max_bin || (full && left > 1) {
            let middle = low / 2.0 + high / 2.0;
            borders.push(if middle > low { middle } else { high });
            first = i;
        }
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn borders_lie_between_values() {
        assert_eq!(cut(&[3.0, 1.0, 2.0, 2.0, f32::NAN], 255), [1.5, 2.5]);
        assert!(cut(&[5.0; 9], 255).is_empty() && cut(&[], 255).is_empty() && cut(&[f32::NAN], 2).is_empty());
        let many: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let borders = cut(&many, 4);
        assert_eq!(borders, [249.5, 499.5, 749.5]);
        // half of all values are one
        let heavy: Vec<f32> = (0..1000).map(|i| if i < 500 { 0.0 } else { i as f32 }).collect();
        assert_eq!(cut(&heavy, 255).len(), 254);
        let next = 1.0f32.next_up();
        assert_eq!(cut(&[1.0, next], 255), [next]);
        assert_eq!(cut(&[f32::MIN, f32::MAX], 2), [0.0]);
    }
}
