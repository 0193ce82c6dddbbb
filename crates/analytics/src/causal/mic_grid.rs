//! The search behind maximal information: one axis in equal parts, the other divided as well as can be.
//!
//! Reshef et al. 2011, supplement §3 (EquipartitionYAxis, GetClumpsPartition, GetSuperclumpsPartition, OptimizeXAxis). The
//! dynamic programme is put as a sum of costs: a column's cost is n·H(rows | column) = N ln N − Σ nᵣ ln nᵣ, from a table of
//! k ln k; the best division into l columns is then a min-plus step over its last border, in memory order.

use super::mic::MicEstimator;

/// What all pairs of one length share.
#[derive(Debug)]
pub(super) struct Grids {
    n: usize,
    cells: f64,
    c: f64,
    /// k ln k.
    table: Vec<f64>,
}

impl Grids {
    pub fn new(n: usize, cells: f64, c: f64) -> Self {
        let table = (0..=n).map(|k| if k == 0 { 0.0 } else { k as f64 * (k as f64).ln() }).collect();
        Self { n, cells, c, table }
    }

    /// The most parts an axis is divided into.
    fn parts(&self) -> usize {
        (self.cells / 2.0) as usize
    }

    /// The most parts of the other axis where one has `parts`.
    fn other(&self, parts: usize) -> usize {
        (self.cells / parts as f64) as usize
    }
}

/// One series, sorted once.
#[derive(Debug)]
pub(super) struct Axis {
    /// Points by ascending value.
    order: Vec<u32>,
    /// First places, in that order, of groups of equal values, and the end.
    groups: Vec<u32>,
    /// For 2, 3, … parts the part of each point.
    parts: Vec<Vec<u16>>,
    /// How many of 2, 3, … parts hold points: fewer where equal values must stay together.
    used: Vec<usize>,
}

impl Axis {
    pub fn new(values: &[f64], grids: &Grids) -> Self {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
        let mut groups = vec![0];
        for k in 1..order.len() {
            // −0 equals 0 here
            if values[order[k] as usize] != values[order[k - 1] as usize] {
                groups.push(k as u32);
            }
        }
        groups.push(order.len() as u32);
        let sizes: Vec<usize> = groups.windows(2).map(|w| (w[1] - w[0]) as usize).collect();
        let parts = (2..=grids.parts()).map(|count| {
            let mut part = vec![0; values.len()];
            for (group, label) in groups.windows(2).zip(equal_parts(&sizes, values.len(), count)) {
                order[group[0] as usize..group[1] as usize].iter().for_each(|i| part[*i as usize] = label as u16);
            }
            part
        });
        let parts: Vec<Vec<u16>> = parts.collect();
        let used = parts.iter().map(|p| p.iter().max().map_or(0, |m| usize::from(*m) + 1)).collect();
        Self { order, groups, parts, used }
    }
}

/// The part of each group, where groups of these sizes are put into `count` parts of about equal size in order. A new part
/// begins where that comes nearer to the size wanted; what is wanted is made anew from the points left.
fn equal_parts(sizes: &[usize], points: usize, count: usize) -> Vec<usize> {
    let (mut part, mut held, mut done) = (0, 0_usize, 0);
    let mut wanted = points as f64 / count as f64;
    let mut labels = Vec::with_capacity(sizes.len());
    for size in sizes {
        let (with, without) = ((held + size) as f64 - wanted, held as f64 - wanted);
        if held != 0 && with.abs() >= without.abs() && part + 1 < count {
            part += 1;
            held = 0;
            wanted = (points - done) as f64 / (count - part) as f64;
        }
        labels.push(part);
        held += size;
        done += size;
    }
    labels
}

/// Room for the search, kept from pair to pair.
#[derive(Debug)]
pub(super) struct Board<'a> {
    grids: &'a Grids,
    arch: pulp::Arch,
    /// Ends of clumps among the sorted points.
    ends: Vec<usize>,
    /// `counts[r][t]`: points of row r before the end of clump t.
    counts: Vec<Vec<u32>>,
    /// `least[l][t]`: least cost of the first t clumps in l columns.
    least: Vec<Vec<f64>>,
    cost: Vec<f64>,
}

impl<'a> Board<'a> {
    pub fn new(grids: &'a Grids) -> Self {
        let empty = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { grids, arch: pulp::Arch::new(), ends: empty.0, counts: empty.1, least: empty.2, cost: empty.3 }
    }

    /// `[y - 2][x - 2]` for x columns and y rows.
    pub fn characteristic(&mut self, x: &Axis, y: &Axis, estimator: MicEstimator) -> Vec<Vec<f64>> {
        let parts = self.grids.parts();
        let mut rows: Vec<Vec<f64>> = (2..=parts).map(|y| vec![0.0; self.grids.other(y).saturating_sub(1)]).collect();
        for equal in 2..=parts {
            let whole = self.grids.other(equal);
            let most = if estimator == MicEstimator::Equitable { whole.min(equal) } else { whole };
            let across = self.divide(x, &y.parts[equal - 2], (equal, most, whole));
            let along = self.divide(y, &x.parts[equal - 2], (equal, most, whole));
            for (k, (a, b)) in across.iter().zip(&along).enumerate() {
                let divided = k + 2;
                if estimator == MicEstimator::Approx || divided < equal {
                    let cell = &mut rows[equal - 2][divided - 2];
                    *cell = cell.max(normalised(*a, divided.min(y.used[equal - 2])));
                }
                let cell = &mut rows[divided - 2][equal - 2];
                *cell = cell.max(normalised(*b, divided.min(x.used[equal - 2])));
            }
        }
        rows
    }

    /// Information of the rows with 2, 3, … `most` columns of `axis`. Candidates for borders go by `whole` columns.
    fn divide(&mut self, axis: &Axis, row_of: &[u16], (rows, most, whole): (usize, usize, usize)) -> Vec<f64> {
        self.clumps(axis, row_of);
        let room = ((self.grids.c * whole as f64) as usize).max(1);
        if self.ends.len() > room {
            let mut start = 0;
            let sizes: Vec<usize> = self.ends.iter().map(|e| e - std::mem::replace(&mut start, *e)).collect();
            let labels = equal_parts(&sizes, self.grids.n, room);
            let last = |k: usize| labels.get(k + 1).is_none_or(|next| *next != labels[k]);
            let ends = self.ends.iter().enumerate().filter(|(k, _)| last(*k)).map(|(_, e)| *e).collect();
            self.ends = ends;
        }
        self.count(axis, row_of, rows);
        self.programme(most);
        let clumps = self.ends.len();
        let n = self.grids.n as f64;
        let entropy = n.ln() - self.counts.iter().map(|c| self.grids.table[c[clumps] as usize]).sum::<f64>() / n;
        (2..=most).map(|l| (entropy - self.least[l.min(clumps)][clumps] / n).max(0.0)).collect()
    }

    /// Runs of points of one row; points of equal value in different rows are a clump of their own.
    fn clumps(&mut self, axis: &Axis, row_of: &[u16]) {
        self.ends.clear();
        // u32::MAX: of several rows
        let mut before: Option<u32> = None;
        for group in axis.groups.windows(2) {
            let points = &axis.order[group[0] as usize..group[1] as usize];
            let first = row_of[points[0] as usize];
            let mixed = points.iter().any(|i| row_of[*i as usize] != first);
            let label = if mixed { u32::MAX } else { u32::from(first) };
            if before.is_some_and(|b| mixed || b != label) {
                self.ends.push(group[0] as usize);
            }
            before = Some(label);
        }
        self.ends.push(self.grids.n);
    }

    fn count(&mut self, axis: &Axis, row_of: &[u16], rows: usize) {
        self.counts.resize_with(rows, Vec::new);
        let clumps = self.ends.len();
        self.counts.iter_mut().for_each(|c| {
            c.clear();
            c.resize(clumps + 1, 0);
        });
        let mut start = 0;
        for (t, end) in self.ends.iter().enumerate() {
            for counts in &mut self.counts {
                counts[t + 1] = counts[t];
            }
            axis.order[start..*end].iter().for_each(|i| self.counts[row_of[*i as usize] as usize][t + 1] += 1);
            start = *end;
        }
    }

    /// Fills `least` for 1 to `most` columns.
    fn programme(&mut self, most: usize) {
        let clumps = self.ends.len();
        let columns = most.min(clumps);
        self.least.resize_with(self.least.len().max(columns + 1), Vec::new);
        self.least[..=columns].iter_mut().for_each(|l| {
            l.clear();
            l.resize(clumps + 1, f64::INFINITY);
        });
        let arch = self.arch;
        arch.dispatch(Programme { board: self, clumps, columns });
    }
}

struct Programme<'a, 'b> {
    board: &'a mut Board<'b>,
    clumps: usize,
    columns: usize,
}

impl pulp::NullaryFnOnce for Programme<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Board { grids, ends, counts, least, cost, .. } = self.board;
        let table = &grids.table[..];
        for t in 1..=self.clumps {
            cost.clear();
            let end = ends[t - 1];
            // cost of a column from clump s to t
            cost.push(table[end]);
            cost.extend(ends[..t - 1].iter().map(|start| table[end - start]));
            for counts in counts.iter() {
                let here = counts[t];
                for (cost, before) in cost.iter_mut().zip(&counts[..t]) {
                    *cost -= table[(here - before) as usize];
                }
            }
            least[1][t] = cost[0];
            for l in 2..=self.columns.min(t) {
                // all clumps matter for the next count of columns only
                if l == self.columns && t < self.clumps {
                    break;
                }
                let value = least_sum(&least[l - 1][l - 1..t], &cost[l - 1..t]);
                least[l][t] = value;
            }
        }
    }
}

/// Information over its largest value for that many parts of the shorter axis.
fn normalised(information: f64, parts: usize) -> f64 {
    if parts > 1 { information / (parts as f64).ln() } else { 0.0 }
}

/// The least f[s] + c[s]; minima do not depend on their order.
#[inline(always)]
fn least_sum(f: &[f64], c: &[f64]) -> f64 {
    let mut lanes = [f64::INFINITY; 16];
    let (fs, cs) = (f.chunks_exact(16), c.chunks_exact(16));
    for (lane, (a, b)) in lanes.iter_mut().zip(fs.remainder().iter().zip(cs.remainder())) {
        *lane = a + b;
    }
    for (a, b) in fs.zip(cs) {
        for k in 0..16 {
            let sum = a[k] + b[k];
            lanes[k] = if sum < lanes[k] { sum } else { lanes[k] };
        }
    }
    lanes.iter().fold(f64::INFINITY, |m, v| if *v < m { *v } else { m })
}
