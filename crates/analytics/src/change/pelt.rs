//! PELT: the segmentation with the least cost plus a penalty per change.

use super::cost::{Cost, Evaluator};
use crate::{Error, Matrix, Result};

/// How to segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeltParams {
    /// The model of a segment.
    pub cost: Cost,
    /// Fewest rows of a segment; the model may want more.
    pub min_size: usize,
    /// What a change costs, in the unit of the cost. For [`Cost::L2`] 2–3 σ² ln n is usual (σ² the noise), for
    /// [`Cost::Normal`] 2–3 times the columns times ln n.
    pub penalty: f64,
}

impl Default for PeltParams {
    fn default() -> Self {
        Self { cost: Cost::L2, min_size: 2, penalty: 10.0 }
    }
}

/// Ends of the segments (exclusive, rising, the last one n) of the best segmentation: Killick, Fearnhead and Eckley 2012,
/// with the pruning and the ties of ruptures 1.1.10 `Pelt(jump=1)`, so that the breakpoints are the same. As there, pruning
/// with `min_size` above 1 may in rare cases miss the very best.
///
/// About O(n) segments where changes keep coming, O(n²) on a long series without any; memory O(n). Rows of the matrix are
/// points in time. [`Error::TooFew`] below `min_size` rows, [`Error::NotFinite`] for NaN or infinities,
/// [`Error::Parameter`] for a penalty that is negative or not finite.
pub fn pelt(signal: &Matrix, params: &PeltParams) -> Result<Vec<usize>> {
    let n = signal.rows();
    let min_size = params.min_size.max(params.cost.min_size()).max(1);
    Error::at_least("rows to segment", min_size, n)?;
    Error::parameter(
        params.penalty >= 0.0 && params.penalty.is_finite(),
        "penalty",
        params.penalty,
        "not negative, finite",
    )?;
    let mut evaluator = Evaluator::new(signal, params.cost)?;
    let mut best = vec![f64::INFINITY; n + 1];
    let mut from = vec![0; n + 1];
    best[0] = 0.0;
    let mut starts: Vec<usize> = Vec::new();
    let (mut costs, mut totals) = (Vec::new(), Vec::new());
    for end in min_size..=n {
        let new = end - min_size;
        // no segmentation ends between 0 and min_size
        if new == 0 || new >= min_size {
            starts.push(new);
        }
        evaluator.costs(end, &starts, &mut costs);
        totals.clear();
        totals.extend(starts.iter().zip(&costs).map(|(t, c)| best[*t] + (c + params.penalty)));
        let (mut least, mut at) = (f64::INFINITY, 0);
        for (total, start) in totals.iter().zip(&starts) {
            if *total < least {
                (least, at) = (*total, *start);
            }
        }
        (best[end], from[end]) = (least, at);
        let mut kept = 0;
        for i in 0..starts.len() {
            starts[kept] = starts[i];
            kept += usize::from(totals[i] <= least + params.penalty);
        }
        starts.truncate(kept);
    }
    let mut ends = vec![n];
    let mut at = from[n];
    while at > 0 {
        ends.push(at);
        at = from[at];
    }
    ends.reverse();
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn degenerate_input() {
        let one = |v: Vec<f64>| Matrix::new(v.len(), 1, v).unwrap();
        let p = PeltParams::default();
        assert!(pelt(&one(vec![]), &p).is_err() && pelt(&one(vec![1.0]), &p).is_err());
        assert!(pelt(&one(vec![1.0, f64::NAN, 1.0]), &p).is_err());
        assert!(pelt(&one(vec![1.0; 9]), &PeltParams { penalty: f64::NAN, ..p }).is_err());
        assert_eq!(pelt(&Matrix::zeros(5, 0), &p), Ok(vec![5]));
        for cost in [Cost::L2, Cost::L1, Cost::Normal, Cost::Rbf { gamma: None }] {
            let zero = PeltParams { cost, penalty: 0.0, min_size: 0 };
            assert_eq!(pelt(&one(vec![3.0; 9]), &zero).unwrap().last(), Some(&9));
            assert_eq!(pelt(&one(vec![3.0; 9]), &PeltParams { cost, ..p }), Ok(vec![9]), "{cost:?}");
        }
    }

    #[test]
    fn louder_noise_is_a_change_to_the_normal_model_and_found() {
        let mut r = Rng::new(3);
        let x: Vec<f64> = (0..200).map(|i| r.normal() * if i < 120 { 1.0 } else { 6.0 }).collect();
        let m = Matrix::new(200, 1, x).unwrap();
        let ends = pelt(&m, &PeltParams { cost: Cost::Normal, min_size: 5, penalty: 15.0 }).unwrap();
        assert!(ends.len() == 2 && ends[0].abs_diff(120) < 6, "{ends:?}");
    }
}
