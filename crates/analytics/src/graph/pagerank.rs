//! PageRank, personalised PageRank and random walks with restart.

use super::Csr;
use crate::{Error, Result};

/// How [`pagerank`] walks and when it stops.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRankParams {
    /// Probability of following an edge, in [0, 1). .85 is Brin and Page's own and networkx's and igraph's default.
    pub damping: f64,
    /// Stop when the sum of absolute errors is certainly below this. The error is at most `damping / (1 - damping)` times
    /// the last change, so a damping near 1 is not stopped too early.
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

/// PageRank by power iteration: `x = d (Pᵀ x + dangling(x) v) + (1 - d) v`, rows of `P` normalised by weight, the mass of
/// vertices without outgoing weight goes to `v`; `v` is the normalised `restart`, or uniform without one.
///
/// The semantics of networkx 3.6 `pagerank` and of igraph's `prpack`. Brin and Page 1998; Haveliwala 2002 for `restart`.
/// O(edges) a sweep, about ln(tolerance) / ln(damping) sweeps at most, fewer on well-mixed graphs.
/// No vertices: no scores. Errors: damping outside [0, 1); a negative weight; `restart` not as long as the graph, negative,
/// not finite or all zero.
pub fn pagerank(graph: &Csr, restart: Option<&[f64]>, params: &PageRankParams) -> Result<Ranking> {
    let d = params.damping;
    Error::parameter((0.0..1.0).contains(&d), "damping", d, "at least 0 and below 1")?;
    Error::parameter(params.tolerance >= 0.0, "tolerance", params.tolerance, "at least 0")?;
    graph.no_negative_weight()?;
    let n = graph.len();
    let home = restart_distribution(n, restart)?;
    if n == 0 {
        return Ok(Ranking { scores: Vec::new(), iterations: 0, error: 0.0 });
    }
    let (walk, dangling) = Walk::new(graph);
    let amplification = d / (1.0 - d);
    let mut x = home.clone();
    let mut next = vec![0.0; n];
    let (mut iterations, mut error) = (0, f64::INFINITY);
    while iterations < params.max_iterations && error > params.tolerance {
        let lost: f64 = dangling.iter().map(|&v| x[v as usize]).sum();
        let change = walk.sweep(&x, &mut next, &home, (d, d * lost + (1.0 - d)));
        std::mem::swap(&mut x, &mut next);
        iterations += 1;
        error = change * amplification;
    }
    Ok(Ranking { scores: x, iterations, error })
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

/// Incoming edges with the probability of each: the rows of `Pᵀ`.
struct Walk {
    offsets: Vec<usize>,
    sources: Vec<u32>,
    probabilities: Vec<f64>,
}

impl Walk {
    /// The walk on `graph` and the vertices it cannot leave.
    fn new(graph: &Csr) -> (Self, Vec<u32>) {
        let n = graph.len();
        let offsets_out = graph.offsets();
        let mut offsets = vec![0usize; n + 1];
        for &v in graph.all_targets() {
            offsets[v as usize + 1] += 1;
        }
        for v in 0..n {
            offsets[v + 1] += offsets[v];
        }
        let mut at = offsets[..n].to_vec();
        let mut sources = vec![0u32; graph.edge_count()];
        let mut probabilities = vec![0.0; graph.edge_count()];
        let mut dangling = Vec::new();
        for u in 0..n {
            let row = offsets_out[u]..offsets_out[u + 1];
            let weights = &graph.all_weights()[row.clone()];
            let (scale, total) = row_total(weights);
            if total <= 0.0 {
                dangling.push(u as u32);
            }
            let factor = if total > 0.0 { 1.0 / total } else { 0.0 };
            for (&v, &w) in graph.all_targets()[row].iter().zip(weights) {
                let slot = at[v as usize];
                at[v as usize] = slot + 1;
                sources[slot] = u as u32;
                probabilities[slot] = w / scale * factor;
            }
        }
        (Self { offsets, sources, probabilities }, dangling)
    }

    /// `next = damping Pᵀ x + back home`; returns the summed absolute change.
    fn sweep(&self, x: &[f64], next: &mut [f64], home: &[f64], (damping, back): (f64, f64)) -> f64 {
        let mut change = 0.0;
        let mut start = 0;
        for (v, slot) in next.iter_mut().enumerate() {
            let end = self.offsets[v + 1];
            let mut sum = 0.0;
            for (&u, &p) in self.sources[start..end].iter().zip(&self.probabilities[start..end]) {
                sum += p * x[u as usize];
            }
            start = end;
            let value = damping * sum + back * home[v];
            change += (value - x[v]).abs();
            *slot = value;
        }
        change
    }
}

/// A divisor and the sum after it, so that neither huge weights overflow nor subnormal ones lose their reciprocal.
fn row_total(weights: &[f64]) -> (f64, f64) {
    let plain: f64 = weights.iter().sum();
    if plain == 0.0 || (plain.is_finite() && plain > 1e-290) {
        return (1.0, plain);
    }
    let largest = weights.iter().copied().fold(0.0, f64::max);
    (largest, weights.iter().map(|w| w / largest).sum())
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
