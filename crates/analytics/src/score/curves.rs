//! AUC-ROC and average precision, as scikit-learn 1.9.

use crate::{Error, Result};

/// Share of (positive, negative) pairs that the score orders rightly, ties half: `roc_auc_score`. NaN where one class is
/// absent. O(n log n). [`Error::Lengths`], [`Error::TooFew`] for nothing, [`Error::NotFinite`] for NaN scores or infinities.
pub fn auc_roc(labels: &[bool], scores: &[f64]) -> Result<f64> {
    let order = rising(labels, scores)?;
    let (mut rank_sum, mut before, mut positives) = (0.0, 0.0, 0.0);
    for run in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let hits = run.iter().filter(|i| labels[**i]).count() as f64;
        rank_sum += hits * (before + (run.len() as f64 + 1.0) / 2.0);
        positives += hits;
        before += run.len() as f64;
    }
    Ok((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * (before - positives)))
}

/// Area under the precision-recall steps: `average_precision_score`. 0 without positives. Cost and errors as [`auc_roc`].
pub fn average_precision(labels: &[bool], scores: &[f64]) -> Result<f64> {
    let order = rising(labels, scores)?;
    let positives = labels.iter().filter(|l| **l).count() as f64;
    let (mut hits, mut taken, mut area) = (0.0, 0.0, 0.0);
    for run in order.chunk_by(|a, b| scores[*a] == scores[*b]).rev() {
        let new = run.iter().filter(|i| labels[**i]).count() as f64;
        hits += new;
        taken += run.len() as f64;
        area += new * (hits / taken);
    }
    Ok(super::ratio(area, positives))
}

fn rising(labels: &[bool], scores: &[f64]) -> Result<Vec<usize>> {
    Error::same_length("labels and scores", labels.len(), scores.len())?;
    Error::at_least("scores", 1, scores.len())?;
    Error::all_finite("scores", scores)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    Ok(order)
}
