//! The search behind maximal information: one axis in equal parts, the other divided as well as can be.
//!
//! Reshef et al. 2011, supplement §3 (EquipartitionYAxis, GetClumpsPartition, GetSuperclumpsPartition, OptimizeXAxis). The
//! dynamic programme is put as a sum of costs: a column's cost is n·H(rows | column) = N ln N − Σ nᵣ ln nᵣ, from a table of
//! k ln k; the best division into l columns is then a min-plus step over its last border, for eight l at once.

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
    ends: Vec<u32>,
    /// `counts[r][t]`: points of row r before the end of clump t.
    counts: Vec<Vec<u32>>,
    /// `least[v]`: for t = 0, 1, … the least costs of the first t clumps in 1 + 8v, 2 + 8v, … columns, as far as `last`.
    least: Vec<Vec<f64>>,
    /// The same for the columns before the most.
    last: Vec<f64>,
    /// Least cost of all clumps in 0, 1, … columns.
    best: Vec<f64>,
    cost: Vec<f64>,
}

const LANES: usize = 8;

impl<'a> Board<'a> {
    pub fn new(grids: &'a Grids) -> Self {
        Self {
            grids,
            arch: pulp::Arch::new(),
            ends: Vec::new(),
            counts: Vec::new(),
            least: Vec::new(),
            last: Vec::new(),
            best: Vec::new(),
            cost: Vec::new(),
        }
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
            let sizes: Vec<usize> =
                self.ends.iter().map(|e| (e - std::mem::replace(&mut start, *e)) as usize).collect();
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
        (2..=most).map(|l| (entropy - self.best[l.min(clumps)] / n).max(0.0)).collect()
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
                self.ends.push(group[0]);
            }
            before = Some(label);
        }
        self.ends.push(self.grids.n as u32);
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
            axis.order[start..*end as usize].iter().for_each(|i| self.counts[row_of[*i as usize] as usize][t + 1] += 1);
            start = *end as usize;
        }
    }

    /// Fills `best` for 1 to `most` columns.
    fn programme(&mut self, most: usize) {
        let clumps = self.ends.len();
        let columns = most.min(clumps);
        let vectors = columns.saturating_sub(2).div_ceil(LANES);
        self.least.resize_with(self.least.len().max(vectors), Vec::new);
        for least in &mut self.least[..vectors] {
            // no clumps do not make a column; the last t overflows by one place, and the first is put on a cache line
            least.resize(least.len().max((clumps + 2) * LANES), 0.0);
            let from = start(least);
            least[from..from + LANES].fill(f64::INFINITY);
        }
        self.last.clear();
        self.last.push(f64::INFINITY);
        self.best.clear();
        self.best.push(f64::INFINITY);
        let arch = self.arch;
        arch.dispatch(Programme { board: self, clumps, columns, vectors });
    }

    /// The costs of a column from clump s = 0, 1, … `starts` − 1 to t.
    #[inline(always)]
    fn costs(&mut self, t: usize, starts: usize) {
        let Self { grids, ends, counts, cost, .. } = self;
        let end = ends[t - 1];
        cost.clear();
        cost.resize(starts, grids.table[end as usize]);
        look_up(&mut cost[1..], &ends[..starts - 1], end, &grids.table, |_, whole| whole);
        for counts in counts.iter() {
            look_up(cost, &counts[..starts], counts[t], &grids.table, |cost, part| cost - part);
        }
    }
}

struct Programme<'a, 'b> {
    board: &'a mut Board<'b>,
    clumps: usize,
    columns: usize,
    vectors: usize,
}

impl pulp::NullaryFnOnce for Programme<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { board, clumps, columns, vectors } = self;
        for t in 1..clumps {
            // up to two columns only those matter that begin with the first clump
            board.costs(t, if columns > 2 { t } else { 1 });
            let mut fewer = board.cost[0];
            for least in &mut board.least[..vectors] {
                let from = start(least);
                let sums = least_sums(&least[from..], &board.cost);
                // one column more than the places they come from; what overflows is written again for the next t
                let at = from + t * LANES;
                least[at] = fewer;
                least[at + 1..=at + LANES].copy_from_slice(&sums);
                fewer = sums[LANES - 1];
            }
            if columns > 2 {
                let least = &board.least[vectors - 1];
                fewer = least[start(least) + t * LANES + (columns - 3) % LANES + 1];
            }
            board.last.push(fewer);
        }
        board.costs(clumps, clumps);
        board.best.push(board.cost[0]);
        for v in 0..vectors {
            let least = &board.least[v];
            let sums = least_sums(&least[start(least)..], &board.cost);
            board.best.extend_from_slice(&sums[..(columns - 2 - v * LANES).min(LANES)]);
        }
        if columns > 1 {
            let sums = board.last.iter().zip(&board.cost).map(|(f, c)| f + c);
            board.best.push(sums.fold(f64::INFINITY, |m, v| if v < m { v } else { m }));
        }
    }
}

/// Information over its largest value for that many parts of the shorter axis.
fn normalised(information: f64, parts: usize) -> f64 {
    if parts > 1 { information / (parts as f64).ln() } else { 0.0 }
}

/// Changes each cost by the table's value for the points between `before` and `here`. A function of its own, so that the
/// compiler knows that cost and table are apart; with the bound that is never reached it looks up eight at once.
#[inline(always)]
fn look_up(cost: &mut [f64], before: &[u32], here: u32, table: &[f64], change: impl Fn(f64, f64) -> f64) {
    if table.is_empty() {
        return;
    }
    let most = table.len() - 1;
    for (cost, before) in cost.iter_mut().zip(before) {
        *cost = change(*cost, table[(here.wrapping_sub(*before) as usize).min(most)]);
    }
}

/// The first place on a line of the cache.
fn start(values: &[f64]) -> usize {
    values.as_ptr().align_offset(64) % LANES
}

/// For each of eight lanes the least f[s] + c[s]; minima do not depend on their order.
#[inline(always)]
fn least_sums(f: &[f64], c: &[f64]) -> [f64; LANES] {
    // that many minima at once hide how long each takes
    const ABREAST: usize = 4;
    let mut least = [[f64::INFINITY; LANES]; ABREAST];
    let f = &f.as_chunks::<LANES>().0[..c.len()];
    let ((fs, f_rest), (cs, c_rest)) = (f.as_chunks::<ABREAST>(), c.as_chunks::<ABREAST>());
    for (f, c) in f_rest.iter().zip(c_rest) {
        lower(&mut least[0], f, *c);
    }
    for (f, c) in fs.iter().zip(cs) {
        for k in 0..ABREAST {
            lower(&mut least[k], &f[k], c[k]);
        }
    }
    let [mut first, second, third, fourth] = least;
    for other in [second, third, fourth] {
        lower(&mut first, &other, 0.0);
    }
    first
}

#[inline(always)]
fn lower(least: &mut [f64; LANES], f: &[f64; LANES], c: f64) {
    for (least, f) in least.iter_mut().zip(f) {
        let sum = f + c;
        *least = if sum < *least { sum } else { *least };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    /// The division as the paper writes it, one count of columns after the other.
    fn plain(board: &Board<'_>, most: usize) -> Vec<f64> {
        let clumps = board.ends.len();
        let places: Vec<usize> = [0].into_iter().chain(board.ends.iter().map(|e| *e as usize)).collect();
        let table = &board.grids.table;
        let cost = |s: usize, t: usize| {
            let parts = board.counts.iter().map(|c| table[(c[t] - c[s]) as usize]);
            table[places[t] - places[s]] - parts.sum::<f64>()
        };
        let mut least = vec![f64::INFINITY; clumps + 1];
        least[0] = 0.0;
        let mut all = Vec::new();
        for _ in 0..most {
            let step = |t: usize| (0..t).map(|s| least[s] + cost(s, t)).fold(f64::INFINITY, f64::min);
            least = (0..=clumps).map(step).collect();
            all.push(least[clumps]);
        }
        all
    }

    #[test]
    fn every_count_of_columns_is_divided_as_well_as_can_be() {
        let mut rng = Rng::new(5);
        for n in [1_usize, 2, 3, 9, 60, 130] {
            let grids = Grids::new(n, 60.0, 2.0);
            let values = |rng: &mut Rng| (0..n).map(|_| (rng.normal() * 20.0).round()).collect::<Vec<f64>>();
            let (x, y) = (Axis::new(&values(&mut rng), &grids), Axis::new(&values(&mut rng), &grids));
            let mut board = Board::new(&grids);
            for most in [2, 3, 4, 9, 10, 11, 12, 18, 19, 27] {
                for rows in [2, 5] {
                    board.divide(&x, &y.parts[rows - 2], (rows, most, most));
                    let columns = most.min(board.ends.len());
                    let wanted = plain(&board, columns);
                    assert_eq!(board.best.len(), columns + 1);
                    for (found, wanted) in board.best[1..].iter().zip(wanted) {
                        assert!((found - wanted).abs() < 1e-9, "{n} points, {most} columns: {found} for {wanted}");
                    }
                }
            }
        }
    }
}
