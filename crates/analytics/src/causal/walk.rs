//! The skeleton of PC for Fisher-z at a thousandth of the cost: no test is made alone.
//!
//! For a variable x and a prefix of the conditioning set the covariances of x and its neighbours given the prefix are kept;
//! each last member s then tests all neighbours y at once, a few operations a pair. |r| is compared through squares with
//! tanh(z_α/√(n − k − 3)), so that no logarithm, root or tail is needed.

use super::independence::DETERMINED;
use super::skeleton::{Adjacency, Search, Separators};
use crate::Matrix;
use crate::special::normal_quantile;

/// The skeleton from correlations over `rows` rows. Levels that leave rows − k − 3 < 0 are not searched.
pub(super) fn fisher_z_skeleton(correlation: &Matrix, rows: usize, search: Search<'_>) -> (Adjacency, Separators) {
    let nodes = correlation.cols();
    let mut adjacency = Adjacency::complete(nodes);
    let mut separators = Separators::new(nodes);
    let quantile = normal_quantile(1.0 - search.alpha / 2.0);
    let mut removed = Vec::new();
    let mut level = 0;
    while search.goes_on(&adjacency, level) && rows >= level + 3 {
        let freedom = (rows - level - 3) as f64;
        let root = (quantile / freedom.sqrt()).tanh();
        // nothing is left to test with: p = 1
        let limit = if freedom == 0.0 { f64::INFINITY } else { root * root };
        removed.clear();
        if level == 0 {
            marginal(correlation, limit, &mut removed);
        } else {
            let arch = pulp::Arch::new();
            let mut walk = Walk { separators: &mut separators, removed: &mut removed, level, limit, arch };
            for x in 0..nodes {
                let around = adjacency.neighbours(x);
                if around.len() > level {
                    walk.around(correlation, x, &around);
                }
            }
        }
        if !search.knowledge.is_empty() {
            let pairs = (0..nodes).flat_map(|x| (0..x).map(move |y| (x, y)));
            removed.extend(pairs.filter(|(x, y)| search.is_banned(*x, *y)));
        }
        removed.iter().for_each(|(x, y)| adjacency.remove(*x, *y));
        level += 1;
    }
    (adjacency, separators)
}

fn marginal(correlation: &Matrix, limit: f64, removed: &mut Vec<(usize, usize)>) {
    for (x, row) in correlation.iter_rows().enumerate() {
        removed.extend(row[..x].iter().enumerate().filter(|(_, r)| *r * *r < limit).map(|(y, _)| (x, y)));
    }
}

struct Walk<'a> {
    separators: &'a mut Separators,
    removed: &'a mut Vec<(usize, usize)>,
    level: usize,
    limit: f64,
    /// The widest vectors of the processor; same bits with any.
    arch: pulp::Arch,
}

/// Covariances of x (last) and its neighbours given a prefix; the diagonal stands apart so that it is read in a row.
#[derive(Clone)]
struct Conditional {
    size: usize,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Conditional {
    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.size..(i + 1) * self.size]
    }

    /// Takes out the linear effect of `s`; false where `s` is determined already.
    #[inline(always)]
    fn condition(&self, s: usize, into: &mut Self) -> bool {
        let variance = self.variances[s];
        if variance.is_nan() || variance <= DETERMINED {
            return false;
        }
        let size = self.size;
        let effect = self.row(s);
        for ((to, from), e) in into.variances.iter_mut().zip(&self.variances).zip(effect) {
            *to = from - e / variance * e;
        }
        // later members and x alone are looked at from here on
        for i in s + 1..size {
            let factor = effect[i] / variance;
            let target = &mut into.values[i * size..(i + 1) * size];
            for ((to, from), e) in target.iter_mut().zip(self.row(i)).zip(effect) {
                *to = from - factor * e;
            }
            target[s] = 0.0;
        }
        // s is known: it varies no more and can be neither tested nor conditioned on again
        into.variances[s] = 0.0;
        true
    }
}

impl Walk<'_> {
    fn around(&mut self, correlation: &Matrix, x: usize, around: &[usize]) {
        let members: Vec<usize> = around.iter().copied().chain([x]).collect();
        let size = members.len();
        let mut start = Conditional { size, values: vec![0.0; size * size], variances: vec![0.0; size] };
        for (i, member) in members.iter().enumerate() {
            let row = correlation.row(*member);
            for (to, from) in start.values[i * size..(i + 1) * size].iter_mut().zip(&members) {
                *to = row[*from];
            }
            start.variances[i] = row[*member];
        }
        let mut stack = vec![start; self.level];
        let mut prefix = Vec::with_capacity(self.level);
        self.descend(&mut stack, &mut prefix, &members);
    }

    /// `stack[d]` holds the covariances given the first d of the prefix; the stack is as deep as prefixes get.
    fn descend(&mut self, stack: &mut [Conditional], prefix: &mut Vec<usize>, members: &[usize]) {
        let neighbours = members.len() - 1;
        let first = prefix.last().map_or(0, |s| s + 1);
        if prefix.len() + 1 == self.level {
            for s in first..neighbours {
                self.test(&mut stack[0], s, prefix, members);
            }
            return;
        }
        let (here, below) = stack.split_at_mut(1);
        // room for the rest of the set must be left
        let rest = self.level - prefix.len() - 1;
        for s in first..neighbours.saturating_sub(rest) {
            if self.arch.dispatch(|| here[0].condition(s, &mut below[0])) {
                prefix.push(s);
                self.descend(below, prefix, members);
                prefix.pop();
            }
        }
    }

    /// Tests x against all neighbours given the prefix and `s`.
    fn test(&mut self, given: &mut Conditional, s: usize, prefix: &[usize], members: &[usize]) {
        let variance = given.variances[s];
        if variance.is_nan() || variance <= DETERMINED {
            return;
        }
        let neighbours = members.len() - 1;
        // so that s is not found independent of x given itself
        given.variances[s] = 0.0;
        let (with_x, with_s) = (&given.row(neighbours)[..neighbours], &given.row(s)[..neighbours]);
        let inverse = 1.0 / variance;
        let slope = with_x[s] * inverse;
        let left = given.variances[neighbours] - slope * with_x[s];
        let bar = self.limit.min(1e300) * left;
        // what is left of a determined variable is rounding: it depends on nothing
        let floor = if left <= DETERMINED { f64::INFINITY } else { DETERMINED };
        let tests = Tests { with_x, with_s, variances: &given.variances[..neighbours], slope, inverse, bar, floor };
        if self.arch.dispatch(|| tests.any()) {
            let x = members[neighbours];
            for y in (0..neighbours).filter(|y| tests.separated(*y)).map(|y| members[y]) {
                prefix.iter().chain([&s]).for_each(|m| self.separators.add(x, y, members[*m]));
                self.removed.push((x, y));
            }
        }
        given.variances[s] = variance;
    }
}

/// The tests of x against each neighbour given one set.
struct Tests<'a> {
    with_x: &'a [f64],
    with_s: &'a [f64],
    variances: &'a [f64],
    slope: f64,
    inverse: f64,
    bar: f64,
    floor: f64,
}

impl Tests<'_> {
    /// Whether any neighbour is separated: nearly always none is, so this is the loop that counts.
    #[inline(always)]
    fn any(&self) -> bool {
        const LANES: usize = 8;
        let mut found = [0_u64; LANES];
        let whole = self.with_x.len() / LANES * LANES;
        let chunks = self.with_x.chunks_exact(LANES).zip(self.with_s.chunks_exact(LANES));
        for ((x, s), v) in chunks.zip(self.variances.chunks_exact(LANES)) {
            for k in 0..LANES {
                found[k] |= u64::from(self.holds(x[k], s[k], v[k]));
            }
        }
        found.iter().any(|f| *f != 0) || (whole..self.with_x.len()).any(|y| self.separated(y))
    }

    #[inline(always)]
    fn separated(&self, y: usize) -> bool {
        self.holds(self.with_x[y], self.with_s[y], self.variances[y])
    }

    /// Partial correlation below the limit, without a division; a neighbour that is part of the set has variance 0.
    #[inline(always)]
    fn holds(&self, x: f64, s: f64, v: f64) -> bool {
        let covariance = x - self.slope * s;
        let variance = v - s * s * self.inverse;
        let excess = self.bar * variance - covariance * covariance;
        (excess > 0.0) | ((v > 0.0) & (variance <= self.floor))
    }
}
