//! Rankings of causes: AC@k, Avg@k, MRR.
//!
//! A ranking is strict: one item a place, best first. Equal scores must have been put in order by whoever ranks.

use std::collections::HashSet;
use std::hash::Hash;

/// 1-based rank of the first of the truths in a ranking; 0 if absent.
#[must_use]
pub fn rank_of<T: PartialEq>(truth: &[T], ranking: &[T]) -> usize {
    ranking.iter().position(|item| truth.contains(item)).map_or(0, |at| at + 1)
}

/// AC@k of one case: how many of the truths stand within the first k places, over min(k, truths). 0 for no truth or k = 0.
/// A truth or an answer given twice counts once.
#[must_use]
pub fn ac_at_k<T: Eq + Hash>(truth: &[T], ranking: &[T], k: usize) -> f64 {
    let truth: HashSet<&T> = truth.iter().collect();
    let found = ranking.iter().take(k).collect::<HashSet<_>>().intersection(&truth).count();
    super::ratio(found as f64, k.min(truth.len()) as f64)
}

/// Avg@k of one case: mean of AC@1 ..= AC@k.
#[must_use]
pub fn avg_at_k<T: Eq + Hash>(truth: &[T], ranking: &[T], k: usize) -> f64 {
    super::ratio((1..=k).map(|j| ac_at_k(truth, ranking, j)).sum(), k as f64)
}

/// 1 / rank of the first truth, 0 if absent: its mean over cases is the MRR.
#[must_use]
pub fn reciprocal_rank<T: PartialEq>(truth: &[T], ranking: &[T]) -> f64 {
    match rank_of(truth, ranking) {
        0 => 0.0,
        rank => 1.0 / rank as f64,
    }
}

/// AC@k of a random order of `candidates` with one truth: min(k, n) / n. 0 without candidates.
#[must_use]
pub fn chance(k: usize, candidates: usize) -> f64 {
    super::ratio(k.min(candidates) as f64, candidates as f64)
}

/// Mean over cases of a figure; 0 of none, so that an empty run scores nothing.
#[must_use]
pub fn mean_over_cases(figures: &[f64]) -> f64 {
    super::ratio(figures.iter().sum(), figures.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_case() {
        let (truth, ranking) = (["b"], ["a", "b", "c"]);
        assert_eq!((ac_at_k(&truth, &ranking, 1), ac_at_k(&truth, &ranking, 2)), (0.0, 1.0));
        assert_eq!(avg_at_k(&truth, &ranking, 5), 0.8);
        assert_eq!(reciprocal_rank(&truth, &ranking), 0.5);
        assert_eq!(ac_at_k(&["a", "c"], &ranking, 2), 0.5);
        assert_eq!(ac_at_k(&["a", "c"], &["a", "a", "c"], 1), 1.0);
        assert_eq!(
            (ac_at_k::<&str>(&[], &ranking, 2), avg_at_k(&truth, &ranking, 0), rank_of(&["x"], &ranking)),
            (0.0, 0.0, 0)
        );
        assert_eq!((chance(5, 20), chance(5, 3), chance(5, 0), mean_over_cases(&[])), (0.25, 1.0, 0.0, 0.0));
    }
}
