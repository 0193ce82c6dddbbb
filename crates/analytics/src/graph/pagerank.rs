//! PageRank, personalised PageRank and random walks with restart.

use super::Csr;
use super::csr::{check_count, check_edge};
use crate::{Error, Result};

/// How [`pagerank`] walks and when it stops.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRankParams {
    /// Probability of following an edge, in [0, 1). .85 is Brin and Page's own and networkx's and igraph's default.
    pub damping: f64,
    /// Stop when the sum of absolute errors is certainly below this (but for rounding); a damping near 1 is not stopped
    /// too early.
    pub tolerance: f64,
    /// Stop after so many sweeps in any case.
    pub max_iterations: usize,
}

impl Default for PageRankParams {
    fn default() -> Self {
        Self { damping: 0.85, tolerance: 1e-12, max_iterations: 10_000 }
    }
}

/// Scores of all vertices.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// One score a vertex; they sum to 1.
    pub scores: Vec<f64>,
    /// Sweeps made.
    pub iterations: usize,
    /// Bound of the summed absolute error (without rounding); above the tolerance where `max_iterations` stopped the walk.
    pub error: f64,
}

impl Ranking {
    /// Vertices from the highest score down; ties to the lower id.
    #[must_use]
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.scores.len() as u32).collect();
        order.sort_by(|&a, &b| self.scores[b as usize].total_cmp(&self.scores[a as usize]));
        order
    }
}

/// PageRank: `x = d (Pᵀ x + dangling(x) v) + (1 - d) v`, rows of `P` normalised by weight, the mass of vertices without
/// outgoing weight goes to `v`; `v` is the normalised `restart`, or uniform without one. One [`RandomWalk::rank`].
///
/// The semantics of networkx 3.6 `pagerank` and of igraph's `prpack`. Brin and Page 1998; Haveliwala 2002 for `restart`.
/// No vertices: no scores. Errors: damping outside [0, 1); a negative weight; `restart` not as long as the graph, negative,
/// not finite or all zero.
pub fn pagerank(graph: &Csr, restart: Option<&[f64]>, params: &PageRankParams) -> Result<Ranking> {
    RandomWalk::new(graph)?.rank(restart, params)
}

/// Random walk with restart: [`pagerank`] that goes back to `seeds` (equal shares) with probability `restart_probability`
/// at each step, default parameters otherwise. A seed named twice counts twice.
///
/// Errors: no seed, a seed that is no vertex, a probability outside (0, 1].
pub fn random_walk_with_restart(graph: &Csr, seeds: &[u32], restart_probability: f64) -> Result<Ranking> {
    Error::at_least("seeds", 1, seeds.len())?;
    let inside = restart_probability > 0.0 && restart_probability <= 1.0;
    Error::parameter(inside, "restart probability", restart_probability, "above 0 and at most 1")?;
    let mut home = vec![0.0; graph.len()];
    for &seed in seeds {
        graph.vertex("seed", seed)?;
        home[seed as usize] += 1.0;
    }
    let params = PageRankParams { damping: 1.0 - restart_probability, ..Default::default() };
    pagerank(graph, Some(&home), &params)
}

/// A graph prepared for ranking: incoming edges with the probability of each. Worth keeping for several restarts.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomWalk {
    /// Place in `sources` of the first four of each vertex, and the end of the last.
    starts: Vec<usize>,
    /// Where the edges into each vertex come from, in fours; the last four is filled up with the id after the last vertex, from
    /// which nothing comes. So there is no rest whose length the processor would have to guess, vertex by vertex.
    sources: Vec<[u32; 4]>,
    /// Probability of each edge; empty where every vertex leaves by all its edges alike, then `leave` says it all.
    probabilities: Vec<[f64; 4]>,
    /// What a vertex's score is multiplied by before its edges carry it on.
    leave: Vec<f64>,
    dangling: Vec<u32>,
}

impl RandomWalk {
    /// The walk on `graph`. O(n + edges). Errors: a negative weight.
    pub fn new(graph: &Csr) -> Result<Self> {
        graph.no_negative_weight()?;
        let ends = graph.offsets();
        let rows = (0..graph.len()).map(|u| &graph.all_weights()[ends[u]..ends[u + 1]]);
        let leave: Vec<f64> = rows.clone().map(even_share).collect();
        if leave.iter().all(|l| !l.is_nan()) {
            return Ok(Self::build(leave, None, incoming(graph), graph.edges()));
        }
        let scales: Vec<_> = rows.map(row_scale).collect();
        let leave = scales.iter().map(|s| if s.1 > 0.0 { 1.0 } else { 0.0 }).collect();
        Ok(Self::build(leave, Some(&scales), incoming(graph), graph.edges()))
    }

    /// The walk straight from `(source, target, weight)`, without a [`Csr`] between: parallel edges add, self-loops count.
    /// O(n + edges). Errors as [`Csr::from_edges`], and a negative weight.
    pub fn from_edges(n: usize, edges: &[(u32, u32, f64)]) -> Result<Self> {
        check_count(n)?;
        let first = edges.first().map_or(1.0, |e| e.2);
        let mut is_even = first > 0.0;
        let (mut outgoing, mut incoming) = (vec![0u32; n], vec![0usize; n]);
        let (mut is_counts, mut more) = (true, 0.0);
        // one pass for all: the list is larger than the caches
        for (index, edge) in edges.iter().enumerate() {
            check_edge(n, index, *edge)?;
            outgoing[edge.0 as usize] += 1;
            incoming[edge.1 as usize] += 1;
            is_even &= edge.2 == first;
            is_counts &= edge.2 >= 1.0 && edge.2 == edge.2.trunc();
            more += edge.2 - 1.0;
        }
        let share = |c: &u32| if *c > 0 { 1.0 / f64::from(*c) } else { 0.0 };
        if is_even {
            let leave = outgoing.iter().map(share).collect();
            return Ok(Self::build(leave, None, incoming, edges.iter().copied()));
        }
        // few parallel edges that were added up are cheaper apart than a probability on every edge
        if !is_counts || more > edges.len() as f64 / 8.0 {
            return Self::from_weighted_edges(n, edges, incoming);
        }
        for (u, v, w) in edges.iter().filter(|e| e.2 > 1.0) {
            outgoing[*u as usize] += *w as u32 - 1;
            incoming[*v as usize] += *w as usize - 1;
        }
        let leave = outgoing.iter().map(share).collect();
        let apart = edges.iter().flat_map(|e| std::iter::repeat_n(*e, e.2 as usize));
        Ok(Self::build(leave, None, incoming, apart))
    }

    /// Parallel edges stay apart: their shares add in the sweep.
    fn from_weighted_edges(n: usize, edges: &[(u32, u32, f64)], incoming: Vec<usize>) -> Result<Self> {
        let mut totals = vec![0.0; n];
        edges.iter().for_each(|e| totals[e.0 as usize] += e.2);
        if edges.iter().any(|e| e.2 < 0.0) || totals.iter().any(|t| *t != 0.0 && !plain(*t)) {
            return Self::new(&Csr::from_edges(n, edges)?);
        }
        let scales: Vec<_> = totals.iter().map(|t| (1.0, if *t > 0.0 { 1.0 / t } else { 0.0 })).collect();
        let leave = totals.iter().map(|t| if *t > 0.0 { 1.0 } else { 0.0 }).collect();
        Ok(Self::build(leave, Some(&scales), incoming, edges.iter().copied()))
    }

    /// Scores of all vertices; semantics and errors of [`pagerank`].
    ///
    /// The mass that dangling vertices send home only scales the solution, so `y = d Pᵀ y + v` is solved by Gauss–Seidel and
    /// normalised; after each sweep `y` is scaled to the mass balance, without which the total would converge as slowly as
    /// dᵏ. O(edges) a sweep. A sweep that changed `y` by δ leaves a residual of at most d·δ, which bounds the error.
    pub fn rank(&self, restart: Option<&[f64]>, params: &PageRankParams) -> Result<Ranking> {
        let d = params.damping;
        Error::parameter((0.0..1.0).contains(&d), "damping", d, "at least 0 and below 1")?;
        Error::parameter(params.tolerance >= 0.0, "tolerance", params.tolerance, "at least 0")?;
        let home = restart_distribution(self.leave.len(), restart)?;
        if home.is_empty() {
            return Ok(Ranking { scores: Vec::new(), iterations: 0, error: 0.0 });
        }
        let mut y = home.clone();
        let mut leaving: Vec<f64> = y.iter().zip(&self.leave).map(|(y, l)| y * l).collect();
        // nothing leaves nowhere
        leaving.push(0.0);
        // y stands as it came, and home is scaled instead: that saves two passes a sweep
        let mut unit = 1.0;
        let (mut iterations, mut error) = (0, f64::INFINITY);
        while iterations < params.max_iterations && error > params.tolerance {
            let (change, total) = self.sweep(&mut y, &mut leaving, (&home, unit), d);
            iterations += 1;
            let lost: f64 = self.dangling.iter().map(|v| y[*v as usize]).sum();
            let balance = total * (1.0 - d) + d * lost;
            let residual = d * change + (balance - unit).abs();
            unit = balance;
            // twice: normalising can double it
            error = 2.0 * residual / ((1.0 - d) * total);
        }
        let total: f64 = y.iter().sum();
        y.iter_mut().for_each(|s| *s /= total);
        Ok(Ranking { scores: y, iterations, error })
    }

    /// `y = damping Pᵀ y + unit · home` in place; returns the summed absolute change and the sum.
    fn sweep(&self, y: &mut [f64], leaving: &mut [f64], (home, unit): (&[f64], f64), damping: f64) -> (f64, f64) {
        let (mut change, mut total) = (0.0, 0.0);
        let even = self.probabilities.is_empty();
        for (v, ends) in self.starts.windows(2).enumerate() {
            let sources = &self.sources[ends[0]..ends[1]];
            let sum = if even {
                gather(sources, leaving)
            } else {
                gather_weighted(sources, &self.probabilities[ends[0]..ends[1]], leaving)
            };
            let value = damping * sum + unit * home[v];
            change += (value - y[v]).abs();
            total += value;
            y[v] = value;
            leaving[v] = value * self.leave[v];
        }
        (change, total)
    }

    /// `scales` holds a divisor and a factor of each vertex's weights; without them all its edges are alike. `incoming` counts the
    /// edges into each vertex.
    fn build(
        leave: Vec<f64>,
        scales: Option<&[(f64, f64)]>,
        incoming: Vec<usize>,
        edges: impl Iterator<Item = (u32, u32, f64)>,
    ) -> Self {
        let n = leave.len();
        // where the next edge into each vertex goes: counts made to places in place
        let mut at = incoming;
        let mut starts = Vec::with_capacity(n + 1);
        let mut fours = 0;
        for slot in &mut at {
            starts.push(fours);
            fours += std::mem::replace(slot, 4 * fours).div_ceil(4);
        }
        starts.push(fours);
        let mut sources = vec![[n as u32; 4]; fours];
        let mut probabilities = vec![[0.0; 4]; if scales.is_some() { fours } else { 0 }];
        let (places, shares) = (sources.as_flattened_mut(), probabilities.as_flattened_mut());
        edges.for_each(|(u, v, w)| {
            let slot = at[v as usize];
            at[v as usize] = slot + 1;
            places[slot] = u;
            if let Some(scales) = scales {
                let (divisor, factor) = scales[u as usize];
                shares[slot] = w / divisor * factor;
            }
        });
        let dangling = (0..n as u32).filter(|v| leave[*v as usize] == 0.0).collect();
        Self { starts, sources, probabilities, leave, dangling }
    }
}

/// Count of edges into each vertex.
fn incoming(graph: &Csr) -> Vec<usize> {
    let mut counts = vec![0; graph.len()];
    graph.edges().for_each(|(_, v, _)| counts[v as usize] += 1);
    counts
}

/// Sum of what leaves `sources`, in four chains: one would wait for each addition.
fn gather(sources: &[[u32; 4]], leaving: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    for four in sources {
        for (sum, u) in sums.iter_mut().zip(four) {
            *sum += leaving[*u as usize];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// The same where each edge has its own probability.
fn gather_weighted(sources: &[[u32; 4]], probabilities: &[[f64; 4]], leaving: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    for (four, shares) in sources.iter().zip(probabilities) {
        for ((sum, u), p) in sums.iter_mut().zip(four).zip(shares) {
            *sum += p * leaving[*u as usize];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// One over the count of edges where all weights of a row are equal, 0 without weight, NaN where they differ.
fn even_share(weights: &[f64]) -> f64 {
    match weights.first() {
        None => 0.0,
        Some(first) if weights.iter().any(|w| w != first) => f64::NAN,
        Some(0.0) => 0.0,
        Some(_) => 1.0 / weights.len() as f64,
    }
}

/// Whether a sum of weights and its reciprocal are ordinary numbers.
fn plain(total: f64) -> bool {
    (1e-290..1e290).contains(&total)
}

/// A divisor and then a factor that make weights sum to 1, so that neither huge weights overflow nor subnormal ones lose
/// their reciprocal; factor 0 where all are zero.
fn row_scale(weights: &[f64]) -> (f64, f64) {
    let total: f64 = weights.iter().sum();
    if plain(total) {
        return (1.0, 1.0 / total);
    }
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return (1.0, 0.0);
    }
    (largest, 1.0 / weights.iter().map(|w| w / largest).sum::<f64>())
}

fn restart_distribution(n: usize, restart: Option<&[f64]>) -> Result<Vec<f64>> {
    let Some(restart) = restart else { return Ok(vec![1.0 / n.max(1) as f64; n]) };
    Error::same_length("restart weights", restart.len(), n)?;
    Error::all_finite("restart weights", restart)?;
    let least = restart.iter().copied().fold(0.0, f64::min);
    Error::parameter(least >= 0.0, "restart weight", least, "at least 0")?;
    let largest = restart.iter().copied().fold(0.0, f64::max);
    Error::parameter(n == 0 || largest > 0.0, "restart weights", largest, "not all zero")?;
    let total: f64 = restart.iter().map(|w| w / largest).sum();
    Ok(restart.iter().map(|w| w / largest / total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_ranks_what_is_near_the_seed() {
        let g = Csr::undirected(5, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 4, 1.0)]).unwrap();
        let r = random_walk_with_restart(&g, &[0], 0.3).unwrap();
        assert!(r.scores.windows(2).skip(1).all(|w| w[0] > w[1]), "{:?}", r.scores);
        assert!((r.scores.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(r.order()[4], 4);
        let all_home = random_walk_with_restart(&g, &[3], 1.0).unwrap();
        assert_eq!(all_home.scores, [0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn edges_that_count_parallel_ones_are_those_edges() {
        // every source's edges in one order, most once, some several times: added up, apart, and with weights that are no counts
        let mut r = crate::Rng::new(3);
        let pairs: Vec<(u32, u32)> = (0..400).map(|i| (i / 10, r.below(43) as u32)).collect();
        let times = |i: usize| if i.is_multiple_of(20) { 1 + i / 100 } else { 1 };
        let summed: Vec<_> = pairs.iter().enumerate().map(|(i, (u, v))| (*u, *v, times(i) as f64)).collect();
        let apart: Vec<_> = summed.iter().flat_map(|e| std::iter::repeat_n((e.0, e.1, 1.0), e.2 as usize)).collect();
        let scaled: Vec<_> = summed.iter().map(|e| (e.0, e.1, 0.3 * e.2)).collect();
        let rank = |edges: &[_]| RandomWalk::from_edges(43, edges).unwrap().rank(None, &Default::default()).unwrap();
        let (summed, apart, scaled) = (rank(&summed), rank(&apart), rank(&scaled));
        assert_eq!(summed, apart);
        assert!(summed.scores.iter().zip(&scaled.scores).all(|(a, b)| (a - b).abs() < 1e-14));
    }

    #[test]
    fn degenerate_input() {
        let params = PageRankParams::default();
        let empty = Csr::from_edges(0, &[]).unwrap();
        assert!(pagerank(&empty, None, &params).unwrap().scores.is_empty());
        assert!(random_walk_with_restart(&empty, &[0], 0.5).is_err());
        let g = Csr::from_edges(3, &[(0, 1, 0.0), (1, 2, 1.0)]).unwrap();
        let zero_weight = pagerank(&g, None, &params).unwrap();
        let without = pagerank(&Csr::from_edges(3, &[(1, 2, 1.0)]).unwrap(), None, &params).unwrap();
        assert_eq!(zero_weight.scores, without.scores);
        assert!(pagerank(&g, Some(&[0.0, 0.0, 0.0]), &params).is_err());
        assert!(pagerank(&g, Some(&[1.0, 0.0]), &params).is_err());
        assert!(pagerank(&g, Some(&[1.0, f64::NAN, 0.0]), &params).is_err());
        assert!(pagerank(&g, None, &PageRankParams { damping: 1.0, ..params.clone() }).is_err());
        assert!(pagerank(&g, None, &PageRankParams { damping: f64::NAN, ..params.clone() }).is_err());
        let negative = Csr::from_edges(2, &[(0, 1, -1.0)]).unwrap();
        assert!(pagerank(&negative, None, &params).is_err());
        let huge = Csr::from_edges(3, &[(0, 1, f64::MAX), (0, 2, f64::MAX), (1, 0, 5e-324)]).unwrap();
        let scores = pagerank(&huge, Some(&[f64::MAX, f64::MAX, 0.0]), &params).unwrap().scores;
        assert!(scores.iter().all(|s| s.is_finite()) && (scores.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let stopped = pagerank(&g, None, &PageRankParams { max_iterations: 1, ..params }).unwrap();
        assert!(stopped.iterations == 1 && stopped.error > 1e-12);
    }
}
