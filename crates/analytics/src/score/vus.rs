//! VUS-PR: the volume under range-aware precision-recall curves (Paparrizos et al., PVLDB 2022).

use crate::{Error, Result, Rng};

/// How fine to integrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VusParams {
    /// Largest buffer length; all from 0 are averaged.
    pub max_window: usize,
    /// Score quantiles used as thresholds.
    pub thresholds: usize,
}

impl Default for VusParams {
    /// 100 and 100, those of the measured tables.
    fn default() -> Self {
        Self { max_window: 100, thresholds: 100 }
    }
}

/// VUS-PR. For a buffer of length w a row at distance d ≤ w/2 from an anomaly has the label √(1 − d/w), 1 inside (added up
/// between two anomalies, at most 1). TP = Σ labels of predicted rows, precision = TP / predicted rows, recall =
/// min(1, TP / ((P + P_p)/2)) times the share of the widened, merged anomalies that are hit; P anomalous rows, P_p = P +
/// soft labels predicted. Area under the steps over `thresholds` score quantiles, averaged over w = 0 ..= `max_window`.
///
/// NaN without an anomaly. O(n log n + `max_window` · (rows near anomalies + anomalies + thresholds)): only soft rows are
/// visited per w. [`Error::Lengths`], [`Error::NotFinite`], [`Error::Parameter`] without thresholds. Never compare it with a
/// point-adjusted F1, under which random scores win (Kim et al., AAAI 2022).
pub fn vus_pr(labels: &[bool], scores: &[f64], params: &VusParams) -> Result<f64> {
    Error::same_length("labels and scores", labels.len(), scores.len())?;
    Error::all_finite("scores", scores)?;
    Error::parameter(params.thresholds > 0, "thresholds", params.thresholds as f64, "at least 1")?;
    let segments = segments(labels);
    if segments.is_empty() {
        return Ok(f64::NAN);
    }
    let levels = levels(scores, params.thresholds);
    let mut taken = vec![0.0; params.thresholds];
    let mut inside = vec![0.0; params.thresholds];
    for (level, label) in levels.iter().zip(labels) {
        if let Some(count) = taken.get_mut(*level) {
            *count += 1.0;
            inside[*level] += f64::from(u8::from(*label));
        }
    }
    cumulate(&mut taken);
    cumulate(&mut inside);
    let near = Near::new(labels, &segments, params.max_window / 2);
    let positive = labels.iter().filter(|l| **l).count() as f64;
    // least level of each anomaly as it widens
    let mut least: Vec<usize> =
        segments.iter().map(|(s, e)| levels[*s..=*e].iter().copied().min().unwrap_or(usize::MAX)).collect();
    let (mut area, mut widened) = (0.0, 0);
    for w in 0..=params.max_window {
        if w / 2 > widened {
            widened = w / 2;
            for (l, (s, e)) in least.iter_mut().zip(&segments) {
                let left = s.checked_sub(widened).map_or(usize::MAX, |i| levels[i]);
                let right = levels.get(e + widened).copied().unwrap_or(usize::MAX);
                *l = left.min(right).min(*l);
            }
        }
        let extra = near.extra(&levels, w, params.thresholds);
        let existence = existence(&segments, &least, widened, params.thresholds);
        let mut before = 0.0;
        for k in 0..params.thresholds {
            let tp = inside[k] + extra[k];
            let recall = (tp / ((2.0 * positive + extra[k]) / 2.0)).min(1.0) * existence[k];
            area += (recall - before) * tp / taken[k];
            before = recall;
        }
    }
    Ok(area / (params.max_window + 1) as f64)
}

/// VUS-PR of random scores, the mean of `rounds`: what any detector must beat. Errors as [`vus_pr`].
pub fn random_vus_pr(labels: &[bool], params: &VusParams, rounds: usize, seed: u64) -> Result<f64> {
    let mut random = Rng::new(seed);
    let mut sum = 0.0;
    for _ in 0..rounds.max(1) {
        let scores: Vec<f64> = labels.iter().map(|_| random.uniform()).collect();
        sum += vus_pr(labels, &scores, params)?;
    }
    Ok(sum / rounds.max(1) as f64)
}

/// Runs of true: (first, last).
#[must_use]
pub fn segments(labels: &[bool]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (i, label) in labels.iter().enumerate() {
        match found.last_mut() {
            Some((_, end)) if *label && *end + 1 == i => *end = i,
            _ if *label => found.push((i, i)),
            _ => {}
        }
    }
    found
}

/// Per row the index of the first, highest threshold that takes it in.
fn levels(scores: &[f64], thresholds: usize) -> Vec<usize> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    // numpy's linspace, cut to whole numbers
    let n = (sorted.len() - 1) as f64;
    let step = n / (thresholds.max(2) - 1) as f64;
    let at = |k: usize| if k > 0 && k + 1 == thresholds { n } else { k as f64 * step };
    let cuts: Vec<f64> = (0..thresholds).map(|k| sorted[at(k) as usize]).collect();
    scores.iter().map(|s| cuts.partition_point(|c| c > s)).collect()
}

fn cumulate(values: &mut [f64]) {
    let mut sum = 0.0;
    for v in values {
        sum += *v;
        *v = sum;
    }
}

/// Rows outside anomalies and their distances to those within reach.
struct Near {
    /// Row, and its range in `distances`.
    rows: Vec<(usize, std::ops::Range<usize>)>,
    distances: Vec<usize>,
}

impl Near {
    fn new(labels: &[bool], segments: &[(usize, usize)], reach: usize) -> Self {
        let mut pairs = Vec::new();
        for (s, e) in segments {
            pairs.extend((e + 1..=e.saturating_add(reach).min(labels.len() - 1)).map(|i| (i, i - e)));
            pairs.extend((s.saturating_sub(reach)..*s).map(|i| (i, s - i)));
        }
        pairs.retain(|(i, _)| !labels[*i]);
        pairs.sort_unstable();
        let (mut rows, mut distances) = (Vec::new(), Vec::with_capacity(pairs.len()));
        for run in pairs.chunk_by(|a, b| a.0 == b.0) {
            rows.push((run[0].0, distances.len()..distances.len() + run.len()));
            distances.extend(run.iter().map(|p| p.1));
        }
        Self { rows, distances }
    }

    /// Soft labels predicted at each threshold.
    fn extra(&self, levels: &[usize], w: usize, thresholds: usize) -> Vec<f64> {
        let half = w / 2;
        let weights: Vec<f64> = (0..=half).map(|d| (1.0 - d as f64 / w as f64).sqrt()).collect();
        let mut extra = vec![0.0; thresholds];
        if half > 0 {
            for (row, range) in &self.rows {
                let soft: f64 = self.distances[range.clone()].iter().filter_map(|d| weights.get(*d)).sum();
                if let Some(sum) = extra.get_mut(levels[*row]) {
                    *sum += soft.min(1.0);
                }
            }
        }
        cumulate(&mut extra);
        extra
    }
}

/// Share of the anomalies, widened by `half` and merged where they then touch, that each threshold hits.
fn existence(segments: &[(usize, usize)], least: &[usize], half: usize, thresholds: usize) -> Vec<f64> {
    let mut hit = vec![0.0; thresholds];
    let mut count = 0.0;
    let mut add = |level: usize| {
        count += 1.0;
        if let Some(h) = hit.get_mut(level) {
            *h += 1.0;
        }
    };
    let mut level = least[0];
    for k in 1..segments.len() {
        if segments[k - 1].1 + half + half < segments[k].0 {
            add(level);
            level = usize::MAX;
        }
        level = level.min(least[k]);
    }
    add(level);
    cumulate(&mut hit);
    hit.iter_mut().for_each(|h| *h /= count);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_scores_beat_random_ones_by_far() {
        let labels: Vec<bool> = (0..2000).map(|i| i % 500 > 480).collect();
        let scores: Vec<f64> = labels.iter().map(|l| f64::from(u8::from(*l))).collect();
        let p = VusParams::default();
        assert!(vus_pr(&labels, &scores, &p).unwrap() > 0.5);
        let random = random_vus_pr(&labels, &p, 3, 1).unwrap();
        assert!(random < 0.15 && random > 0.02, "{random}");
    }

    #[test]
    fn degenerate_input() {
        let p = VusParams::default();
        assert!(vus_pr(&[], &[], &p).unwrap().is_nan() && vus_pr(&[false; 3], &[1.0; 3], &p).unwrap().is_nan());
        assert!(vus_pr(&[true], &[f64::NAN], &p).is_err() && vus_pr(&[true], &[], &p).is_err());
        assert!(vus_pr(&[true], &[1.0], &VusParams { thresholds: 0, ..p }).is_err());
        assert!(vus_pr(&[true], &[1.0], &p).unwrap() > 0.99);
        assert!(vus_pr(&[true, false], &[1.0; 2], &VusParams { thresholds: 1, max_window: 0 }).unwrap().is_finite());
    }
}
