//! E-divisive means: changes of a series' distribution, each held by a permutation test.

use crate::{Error, Result, Rng};

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EDivisiveParams {
    /// Fewest points of a segment, at least 2.
    pub min_size: usize,
    /// Largest p value that a change may have.
    pub alpha: f64,
    /// Permutations of a test; the p value is never below 1 / (permutations + 1).
    pub permutations: usize,
    /// Most changes looked for.
    pub max_changes: usize,
    /// Equal seeds give equal tests.
    pub seed: u64,
}

impl Default for EDivisiveParams {
    fn default() -> Self {
        Self { min_size: 5, alpha: 0.05, permutations: 199, max_changes: 100, seed: 1 }
    }
}

/// A change that was held significant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// First point after it.
    pub index: usize,
    /// The energy statistic between the parts before and after it within their segment.
    pub statistic: f64,
    /// Its permutation p value.
    pub p: f64,
}

/// Changes in rising order: Matteson and James 2014 ("A nonparametric approach for multiple change point analysis") for one
/// column and exponent 1, in the form used for performance tests (Daly et al., ICPE 2020): the segment is split where the
/// energy distance between its two parts is largest, as long as a permutation test within the segments holds.
///
/// One pass costs O(n log n) by a Fenwick tree over ranks, so a change costs O(permutations · n log n). Heavy tails and
/// changes of spread are no trouble; autocorrelation makes it see too much. [`Error::NotFinite`] for NaN or infinities,
/// [`Error::Parameter`] for `alpha` outside (0, 1) or a `min_size` below 2. Fewer than two segments' points: no change.
pub fn edivisive(x: &[f64], params: &EDivisiveParams) -> Result<Vec<Change>> {
    Error::all_finite("series", x)?;
    Error::parameter(params.alpha > 0.0 && params.alpha < 1.0, "alpha", params.alpha, "between 0 and 1")?;
    Error::parameter(params.min_size >= 2, "min_size", params.min_size as f64, "at least 2")?;
    let mut random = Rng::new(params.seed);
    let mut search = Search::new(x, params.min_size);
    let mut segments = vec![(0, x.len())];
    let mut best: Vec<Option<Split>> = vec![search.split(x)];
    let mut changes = Vec::new();
    while changes.len() < params.max_changes {
        let of = |s: &Option<Split>| s.map_or(f64::NEG_INFINITY, |s| s.statistic);
        let Some(at) = (0..best.len()).max_by(|a, b| of(&best[*a]).total_cmp(&of(&best[*b])).then(b.cmp(a))) else {
            break;
        };
        let Some(split) = best[at].filter(|s| s.statistic > 0.0) else { break };
        let (start, end) = segments[at];
        let Some(p) = test(x, &segments, split.statistic, (&mut search, &mut random, params)) else { break };
        let index = start + split.at;
        changes.push(Change { index, statistic: split.statistic, p });
        segments[at] = (start, index);
        segments.insert(at + 1, (index, end));
        best[at] = search.split(&x[start..index]);
        best.insert(at + 1, search.split(&x[index..end]));
    }
    changes.sort_by_key(|c| c.index);
    Ok(changes)
}

/// The p value of a statistic against the best splits of shuffled segments; `None` as soon as it cannot hold.
fn test(
    x: &[f64],
    segments: &[(usize, usize)],
    statistic: f64,
    (search, random, params): (&mut Search, &mut Rng, &EDivisiveParams),
) -> Option<f64> {
    let rounds = params.permutations.max(1);
    let mut reached = 0;
    let mut shuffled = x.to_vec();
    for _ in 0..rounds {
        let mut best = f64::NEG_INFINITY;
        for (start, end) in segments {
            let part = &mut shuffled[*start..*end];
            random.shuffle(part);
            best = best.max(search.split(part).map_or(f64::NEG_INFINITY, |s| s.statistic));
        }
        reached += usize::from(best >= statistic);
        if (1 + reached) as f64 / (1 + rounds) as f64 > params.alpha {
            return None;
        }
    }
    Some((1 + reached) as f64 / (1 + rounds) as f64)
}

#[derive(Debug, Clone, Copy)]
struct Split {
    at: usize,
    statistic: f64,
}

/// Work space of the search for the best split.
struct Search {
    min_size: usize,
    sorted: Vec<f64>,
    /// Fenwick tree over ranks: count and sum of what lies left of the split.
    tree: Vec<(f64, f64)>,
}

impl Search {
    fn new(x: &[f64], min_size: usize) -> Self {
        Self { min_size, sorted: Vec::with_capacity(x.len()), tree: Vec::with_capacity(x.len() + 1) }
    }

    /// Where the energy statistic n m / (n + m) (2 E|X - Y| - E|X - X'| - E|Y - Y'|) is largest.
    fn split(&mut self, x: &[f64]) -> Option<Split> {
        let n = x.len();
        if n < 2 * self.min_size {
            return None;
        }
        self.sorted.clear();
        self.sorted.extend_from_slice(x);
        self.sorted.sort_unstable_by(f64::total_cmp);
        self.tree.clear();
        self.tree.resize(n + 1, (0.0, 0.0));
        let mut running = vec![0.0; n + 1];
        for (i, v) in self.sorted.iter().enumerate() {
            running[i + 1] = running[i] + v;
        }
        let all = running[n];
        // Σ over pairs |x_i - x_j|, from the order statistics
        let total: f64 = self.sorted.iter().enumerate().map(|(i, v)| v * (2.0 * i as f64 + 1.0 - n as f64)).sum();
        let (mut within, mut cross, mut left_sum) = (0.0, 0.0, 0.0);
        let mut best: Option<Split> = None;
        for (k, v) in x.iter().enumerate() {
            let below = self.sorted.partition_point(|s| s < v);
            let to_all = v * below as f64 - running[below] + (all - running[below]) - v * (n - below) as f64;
            let (count, sum) = self.below(below);
            let to_left = v * count - sum + (left_sum - sum) - v * (k as f64 - count);
            within += to_left;
            cross += to_all - 2.0 * to_left;
            self.insert(below, *v);
            left_sum += v;
            let (a, b) = ((k + 1) as f64, (n - k - 1) as f64);
            if k + 1 < self.min_size || n - k - 1 < self.min_size {
                continue;
            }
            let after = total - within - cross;
            let energy = 2.0 * cross / (a * b) - 2.0 * within / (a * (a - 1.0)) - 2.0 * after / (b * (b - 1.0));
            let statistic = a * b / (a + b) * energy;
            if best.is_none_or(|s| statistic > s.statistic) {
                best = Some(Split { at: k + 1, statistic });
            }
        }
        best
    }

    /// Count and sum of the inserted values of a rank below `rank`.
    fn below(&self, mut rank: usize) -> (f64, f64) {
        let (mut count, mut sum) = (0.0, 0.0);
        while rank > 0 {
            let (c, s) = self.tree[rank];
            count += c;
            sum += s;
            rank &= rank - 1;
        }
        (count, sum)
    }

    fn insert(&mut self, rank: usize, value: f64) {
        let mut i = rank + 1;
        while i < self.tree.len() {
            self.tree[i].0 += 1.0;
            self.tree[i].1 += value;
            i += i & i.wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(x: &[f64], at: usize) -> f64 {
        let mean = |a: &[f64], b: &[f64], pairs: f64| {
            a.iter().map(|p| b.iter().map(|q| (p - q).abs()).sum::<f64>()).sum::<f64>() / pairs
        };
        let (l, r) = x.split_at(at);
        let (n, m) = (l.len() as f64, r.len() as f64);
        n * m / (n + m) * (2.0 * mean(l, r, n * m) - mean(l, l, n * (n - 1.0)) - mean(r, r, m * (m - 1.0)))
    }

    #[test]
    fn the_statistic_is_its_definition() {
        let mut r = Rng::new(1);
        let x: Vec<f64> = (0..60).map(|i| (2.0 * r.normal()).round() + if i < 25 { 0.0 } else { 3.0 }).collect();
        let s = Search::new(&x, 2).split(&x).unwrap();
        let (best, at) = (2..59).map(|k| (direct(&x, k), k)).fold((0.0, 0), |b, c| if c.0 > b.0 { c } else { b });
        assert_eq!(s.at, at);
        assert!((s.statistic - best).abs() < 1e-9);
    }

    #[test]
    fn levels_and_spread_are_found_and_noise_is_not() {
        let mut r = Rng::new(2);
        let x: Vec<f64> =
            (0..300).map(|i| r.normal() * if i < 200 { 1.0 } else { 8.0 } + if i < 100 { 0.0 } else { 5.0 }).collect();
        let found = edivisive(&x, &EDivisiveParams::default()).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].index.abs_diff(100) < 4 && found[1].index.abs_diff(200) < 12, "{found:?}");
        assert!(found.iter().all(|c| c.p <= 0.05));
        let quiet = (0..10).filter(|seed| {
            let mut r = Rng::new(100 + seed);
            let x: Vec<f64> = (0..100).map(|_| r.normal()).collect();
            !edivisive(&x, &EDivisiveParams::default()).unwrap().is_empty()
        });
        assert!(quiet.count() <= 2);
    }

    #[test]
    fn degenerate_input() {
        let p = EDivisiveParams::default();
        assert_eq!(edivisive(&[], &p), Ok(vec![]));
        assert_eq!(edivisive(&[3.0; 50], &p), Ok(vec![]));
        assert!(
            edivisive(&[f64::NAN], &p).is_err() && edivisive(&[1.0], &EDivisiveParams { alpha: 0.0, ..p }).is_err()
        );
        assert!(edivisive(&[1.0], &EDivisiveParams { min_size: 1, ..p }).is_err());
        assert!(edivisive(&[1.0, 2.0, 3.0], &p).unwrap().is_empty());
    }
}
