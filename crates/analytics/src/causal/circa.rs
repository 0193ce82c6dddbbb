//! CIRCA: how far each node of an incident is from what its causes explain.
//!
//! M. Li et al., Causal inference-based root cause analysis for online service systems with intervention recognition (KDD
//! 2022); adjustment by descendants also as PyRCA does it.

use crate::linalg::least_squares;
use crate::{Error, Matrix, Result};

/// Scores above this (in standard deviations) are anomalous; 3 as in the paper.
const ANOMALOUS: f64 = 3.0;

/// The regression hypothesis test: for each column the largest |z| during the incident of its residual, after a regression
/// (with intercept, on rows before) on its parents. `parents[i]` are columns. O(rows · parents²) a column.
///
/// Errors: [`Error::Lengths`], [`Error::NotFinite`], [`Error::Parameter`] for a parent that is no column or the node
/// itself, [`Error::TooFew`] unless the rows before exceed the parents by 2. Where parents are collinear or constant before,
/// those that cause it are left out, the last first. A residual that does not vary before is scored in raw units.
pub fn regression_scores(before: &Matrix, during: &Matrix, parents: &[Vec<usize>]) -> Result<Vec<f64>> {
    Error::same_length("columns before and during", before.cols(), during.cols())?;
    Error::same_length("columns and parents", before.cols(), parents.len())?;
    Error::all_finite("rows before", before.data())?;
    Error::all_finite("rows during", during.data())?;
    let mut scores = Vec::with_capacity(parents.len());
    for (node, causes) in parents.iter().enumerate() {
        for c in causes {
            Error::parameter(*c < before.cols() && *c != node, "parent", *c as f64, "another column")?;
        }
        Error::at_least("rows before", causes.len() + 2, before.rows())?;
        scores.push(score(before, during, node, causes)?);
    }
    Ok(scores)
}

fn score(before: &Matrix, during: &Matrix, node: usize, causes: &[usize]) -> Result<f64> {
    let n = before.rows() as f64;
    let mean = |j: usize| before.iter_rows().map(|r| r[j]).sum::<f64>() / n;
    let means: Vec<f64> = causes.iter().map(|j| mean(*j)).collect();
    let centre = mean(node);
    let target: Vec<f64> = before.iter_rows().map(|r| r[node] - centre).collect();
    let mut used = causes.len();
    let slopes = loop {
        let rows: Vec<Vec<f64>> =
            before.iter_rows().map(|r| (0..used).map(|k| r[causes[k]] - means[k]).collect()).collect();
        if used == 0 {
            break Vec::new();
        }
        match least_squares(&Matrix::from_rows(&rows)?, &target) {
            Ok(slopes) => break slopes,
            Err(Error::Singular { .. }) => used -= 1,
            Err(other) => return Err(other),
        }
    };
    let residual = |row: &[f64]| {
        let explained: f64 = slopes.iter().zip(causes).zip(&means).map(|((b, j), m)| b * (row[*j] - m)).sum();
        row[node] - centre - explained
    };
    let normal: Vec<f64> = before.iter_rows().map(residual).collect();
    let mean = normal.iter().sum::<f64>() / n;
    let spread = (normal.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / n).sqrt();
    let scale = if spread < 10.0 * f64::EPSILON * centre.abs().max(1.0) { 1.0 } else { spread };
    Ok(during.iter_rows().map(|row| ((residual(row) - mean) / scale).abs()).fold(0.0, f64::max))
}

/// How scores of effects are read while they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DescendantAdjustment {
    /// As the paper: effects are read as they were.
    #[default]
    Clean,
    /// As PyRCA: in the order of nodes, effects that came earlier are read with what was added to them.
    InPlace,
}

/// Adds to each anomalous score (above 3) the largest score among its effects; an effect that is not anomalous itself hands
/// on to its own effects. So a cause is ranked above what it causes. O(nodes · edges). NaN scores add nothing.
/// [`Error::Lengths`] where scores and parents differ in count, [`Error::Parameter`] for a parent that is no node.
pub fn adjust_by_descendants(
    scores: &[f64],
    parents: &[Vec<usize>],
    adjustment: DescendantAdjustment,
) -> Result<Vec<f64>> {
    Error::same_length("scores and parents", scores.len(), parents.len())?;
    let mut effects: Vec<Vec<usize>> = vec![Vec::new(); scores.len()];
    for (node, causes) in parents.iter().enumerate() {
        for c in causes {
            Error::parameter(*c < scores.len(), "parent", *c as f64, "a node")?;
            effects[*c].push(node);
        }
    }
    let mut adjusted = scores.to_vec();
    for node in 0..scores.len() {
        let read = if adjustment == DescendantAdjustment::InPlace { &adjusted[..] } else { scores };
        if read[node] > ANOMALOUS {
            let mut seen = vec![false; scores.len()];
            let mut waiting = effects[node].clone();
            let mut largest: Option<f64> = None;
            while let Some(effect) = waiting.pop() {
                if std::mem::replace(&mut seen[effect], true) {
                    continue;
                }
                largest = Some(largest.map_or(read[effect], |l| l.max(read[effect])));
                if read[effect] < ANOMALOUS {
                    waiting.extend(&effects[effect]);
                }
            }
            adjusted[node] += largest.filter(|l| !l.is_nan()).unwrap_or(0.0);
        }
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_parents_do_no_harm() {
        let before = Matrix::from_rows(&[[1.0, 2.0, 7.0], [2.0, 4.0, 7.0], [3.0, 6.5, 7.0], [4.0, 8.0, 7.0]]).unwrap();
        let during = Matrix::from_rows(&[[2.0, 9.0, 8.0]]).unwrap();
        let scores = regression_scores(&before, &during, &[vec![], vec![0, 2], vec![]]).unwrap();
        assert!(scores[1] > 3.0 && scores[0] < 1.0 && scores[2] == 1.0);
        assert!(matches!(
            regression_scores(&before, &during, &[vec![], vec![1], vec![]]),
            Err(Error::Parameter { .. })
        ));
        assert!(matches!(regression_scores(&before, &during, &[vec![]]), Err(Error::Lengths { .. })));
        assert!(matches!(
            regression_scores(&Matrix::zeros(1, 1), &Matrix::zeros(1, 1), &[vec![]]),
            Err(Error::TooFew { .. })
        ));
    }

    #[test]
    fn quiet_effects_hand_on_and_cycles_end() {
        // 0 → 1 → 2 → 0
        let parents = [vec![2], vec![0], vec![1]];
        let found = adjust_by_descendants(&[5.0, 1.0, 9.0], &parents, DescendantAdjustment::Clean).unwrap();
        assert_eq!(found, [14.0, 1.0, 14.0]);
        let found = adjust_by_descendants(&[5.0, 1.0, 9.0], &parents, DescendantAdjustment::InPlace).unwrap();
        assert_eq!(found, [14.0, 1.0, 23.0]);
    }
}
