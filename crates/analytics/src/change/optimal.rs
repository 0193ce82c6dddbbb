//! The best segmentation with a given number of changes, by dynamic programming.

use super::cost::{Cost, Evaluator};
use crate::{Error, Matrix, Result};

/// Ends of the segments (exclusive, rising, the last one n) of the segmentation with exactly `changes` changes and the least
/// cost; among equals the earliest last change. ruptures 1.1.10 `Dynp(jump=1)`.
///
/// O(n²) segment costs, O(changes · n²) additions, O(changes · n) memory. [`Error::TooFew`] where `changes` + 1 segments of
/// `min_size` do not fit, [`Error::NotFinite`] for NaN or infinities.
pub fn optimal_changes(signal: &Matrix, changes: usize, cost: Cost, min_size: usize) -> Result<Vec<usize>> {
    let n = signal.rows();
    let min_size = min_size.max(cost.min_size()).max(1);
    Error::at_least("rows to segment", (changes.saturating_add(1)).saturating_mul(min_size), n)?;
    let mut evaluator = Evaluator::new(signal, cost)?;
    // best[k][e]: least cost of rows 0..e with k changes
    let mut best = vec![vec![f64::INFINITY; n + 1]; changes + 1];
    let mut from = vec![vec![0_usize; n + 1]; changes + 1];
    let starts: Vec<usize> = (0..n).collect();
    let mut costs = Vec::new();
    for end in min_size..=n {
        evaluator.costs(end, &starts[..=end - min_size], &mut costs);
        best[0][end] = costs[0];
        for k in 1..=changes {
            let first = k * min_size;
            let (mut least, mut at) = (f64::INFINITY, 0);
            for start in first..=end - min_size {
                let total = best[k - 1][start] + costs[start];
                if total < least {
                    (least, at) = (total, start);
                }
            }
            (best[k][end], from[k][end]) = (least, at);
        }
    }
    let mut ends = vec![n];
    let mut at = n;
    for k in (1..=changes).rev() {
        at = from[k][at];
        ends.push(at);
    }
    ends.reverse();
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found_and_too_many_changes_refused() {
        let x: Vec<f64> = [0.0, 5.0, 1.0].iter().flat_map(|v| std::iter::repeat_n(*v, 7)).collect();
        let m = Matrix::new(21, 1, x).unwrap();
        for cost in [Cost::L2, Cost::L1, Cost::Normal, Cost::Rbf { gamma: None }] {
            assert_eq!(optimal_changes(&m, 2, cost, 2), Ok(vec![7, 14, 21]), "{cost:?}");
        }
        assert_eq!(optimal_changes(&m, 0, Cost::L2, 1), Ok(vec![21]));
        assert!(optimal_changes(&m, 21, Cost::L2, 1).is_err() && optimal_changes(&m, usize::MAX, Cost::L2, 3).is_err());
    }
}
