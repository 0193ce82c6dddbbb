//! The Numenta benchmark's score (Lavin and Ahmad 2015): early detections in a window are worth more, one threshold for all.
//!
//! In a window of W rows, row i before its last row R is worth tp · σ(−(R − i + 1)/W) / σ(−1); only the best detection of a
//! window counts, and a window without any costs fn. A detection outside costs fp · σ((i − R)/(W − 1)) after the window
//! before it, and fp before the first window. The first min(15 % of the file, 750) rows are never scored.
//! σ(x) = 2 / (1 + e^5x) − 1, −1 beyond 3.

use crate::{Error, Result};

/// Rows that are never scored, at most: 15 % of 5,000.
const PROBATION: f64 = 750.0;

/// What a profile pays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Best detection of a window.
    pub true_positive: f64,
    /// Window without a detection.
    pub false_negative: f64,
    /// Detection outside the windows.
    pub false_positive: f64,
}

impl Costs {
    /// The benchmark's `standard` profile.
    pub const STANDARD: Self = Self { true_positive: 1.0, false_negative: 1.0, false_positive: 0.11 };
    /// `reward_low_FP_rate`.
    pub const LOW_FALSE_POSITIVES: Self = Self { false_positive: 0.22, ..Self::STANDARD };
    /// `reward_low_FN_rate`.
    pub const LOW_FALSE_NEGATIVES: Self = Self { false_negative: 2.0, ..Self::STANDARD };
}

/// A file's rows, valued once for all detectors and profiles.
#[derive(Debug, Clone, PartialEq)]
pub struct NabFile {
    /// Per scored row: value before the costs and window, or none.
    rows: Vec<(f64, Option<u32>)>,
    /// Rows that are not scored.
    probation: usize,
    windows: usize,
    /// Windows with a scored row.
    scored_windows: usize,
}

/// Figures of one file at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NabCounts {
    /// Raw score.
    pub raw: f64,
    /// Detected rows inside windows.
    pub true_positives: usize,
    /// Detected rows outside.
    pub false_positives: usize,
    /// Rows of windows that were not detected.
    pub false_negatives: usize,
    /// Rows outside that were not detected.
    pub true_negatives: usize,
}

/// Score of a corpus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NabScore {
    /// 100 (raw − raw of no detection) / (raw of perfect detection − raw of none).
    pub normalised: f64,
    /// Sum of the files' raw scores at the threshold.
    pub raw: f64,
    /// The threshold with the highest raw score; scores at least as high are detections. 1.1 where none pays.
    pub threshold: f64,
}

impl NabFile {
    /// A file of `rows` rows with labelled windows (first and last row, inclusive), in rising order.
    ///
    /// [`Error::Parameter`] where a window ends before it begins or begins before the last one ended. Rows beyond the file
    /// are cut off.
    pub fn new(rows: usize, windows: &[(usize, usize)]) -> Result<Self> {
        let probation = (0.15 * rows as f64).floor().min(PROBATION) as usize;
        let mut valued = vec![(-1.0, None); rows];
        let (mut start, mut before): (usize, Option<(usize, f64)>) = (0, None);
        let tail = |i: usize, before: Option<(usize, f64)>| match before {
            Some((end, width)) => sigma((i - end) as f64 / (width - 1.0)),
            None => -1.0,
        };
        for (j, (first, last)) in windows.iter().enumerate() {
            Error::parameter(
                first <= last && *first >= start,
                "window",
                *first as f64,
                "rising, first row to last row",
            )?;
            for (i, row) in valued.iter_mut().enumerate().take(*first).skip(start) {
                row.0 = tail(i, before);
            }
            let width = (last - first + 1) as f64;
            for (i, row) in valued.iter_mut().enumerate().take(last.saturating_add(1)).skip(*first) {
                *row = (sigma(-((last - i + 1) as f64) / width) / sigma(-1.0), Some(j as u32));
            }
            (start, before) = (last.saturating_add(1), Some((*last, width)));
        }
        for (i, row) in valued.iter_mut().enumerate().skip(start) {
            row.0 = tail(i, before);
        }
        valued.drain(..probation);
        let mut scored: Vec<u32> = valued.iter().filter_map(|r| r.1).collect();
        scored.dedup();
        Ok(Self { rows: valued, probation, windows: windows.len(), scored_windows: scored.len() })
    }

    /// Rows of the file.
    #[must_use]
    pub fn len(&self) -> usize {
        self.probation + self.rows.len()
    }

    /// A file without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Figures where rows with a score of at least `threshold` are detections. [`Error::Lengths`] where there is not a score
    /// for each row. NaN is no detection. O(n).
    pub fn at_threshold(&self, scores: &[f64], threshold: f64, costs: &Costs) -> Result<NabCounts> {
        Error::same_length("rows and scores", self.len(), scores.len())?;
        let mut best = vec![f64::NAN; self.windows];
        let mut counts = NabCounts::default();
        for ((value, window), score) in self.rows.iter().zip(&scores[self.probation..]) {
            match (*score >= threshold, window) {
                (true, Some(j)) => {
                    counts.true_positives += 1;
                    best[*j as usize] = best[*j as usize].max(value * costs.true_positive);
                }
                (true, None) => {
                    counts.false_positives += 1;
                    counts.raw += value * costs.false_positive;
                }
                (false, Some(_)) => counts.false_negatives += 1,
                (false, None) => counts.true_negatives += 1,
            }
        }
        let hit = best.iter().filter(|b| !b.is_nan());
        counts.raw += hit.clone().map(|b| b.max(-costs.false_negative)).sum::<f64>();
        counts.raw -= costs.false_negative * (self.scored_windows - hit.count()) as f64;
        Ok(counts)
    }
}

/// 100 (raw − null) / (perfect − null) of files whose raw scores add up to `raw`. 0 without windows.
#[must_use]
pub fn normalised(files: &[NabFile], raw: f64, costs: &Costs) -> f64 {
    let null = -costs.false_negative * files.iter().map(|f| f.scored_windows).sum::<usize>() as f64;
    let perfect = costs.true_positive * files.iter().map(|f| f.windows).sum::<usize>() as f64;
    100.0 * super::ratio(raw - null, perfect - null)
}

/// Score of a detector on a corpus: the one threshold that pays most over all files, found in one pass over the sorted scores.
/// `scores[f]` belongs to `files[f]`. O(n log n). [`Error::Lengths`], and [`Error::NotFinite`] for NaN.
pub fn corpus(files: &[NabFile], scores: &[&[f64]], costs: &Costs) -> Result<NabScore> {
    Error::same_length("files and scores", files.len(), scores.len())?;
    let (mut rows, mut offset, mut scored) = (Vec::new(), 0, 0);
    for (file, scores) in files.iter().zip(scores) {
        Error::same_length("rows and scores", file.len(), scores.len())?;
        if let Some(index) = scores.iter().position(|s| s.is_nan()) {
            return Err(Error::NotFinite { what: "scores", index });
        }
        let valued = file.rows.iter().zip(&scores[file.probation..]);
        rows.extend(valued.map(|((value, window), score)| (*score, *value, window.map(|j| offset + j as usize))));
        offset += file.windows;
        scored += file.scored_windows;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best_of = vec![-costs.false_negative; offset];
    let mut total = -costs.false_negative * scored as f64;
    let (mut raw, mut threshold) = (total, 1.1);
    // -0 and 0 are one score
    for run in rows.chunk_by(|a, b| a.0 == b.0) {
        for (_, value, window) in run {
            match window {
                None => total += value * costs.false_positive,
                Some(j) => {
                    let worth = value * costs.true_positive;
                    if worth > best_of[*j] {
                        total += worth - best_of[*j];
                        best_of[*j] = worth;
                    }
                }
            }
        }
        if total > raw || total == raw && threshold == 1.1 {
            (raw, threshold) = (total, run[0].0);
        }
    }
    Ok(NabScore { normalised: normalised(files, raw, costs), raw, threshold })
}

fn sigma(x: f64) -> f64 {
    if x > 3.0 || x.is_nan() { -1.0 } else { 2.0 / (1.0 + (5.0 * x).exp()) - 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_by_hand() {
        let f = NabFile::new(100, &[(50, 59)]).unwrap();
        let fired = |rows: &[usize]| -> Vec<f64> { (0..100).map(|i| f64::from(u8::from(rows.contains(&i)))).collect() };
        let first = f.at_threshold(&fired(&[3, 50]), 0.5, &Costs::STANDARD).unwrap();
        assert!((first.raw - 1.0).abs() < 1e-12, "{first:?}");
        assert_eq!(
            (first.true_positives, first.false_negatives, first.false_positives, first.true_negatives),
            (1, 9, 0, 75)
        );
        let none = f.at_threshold(&fired(&[]), 0.5, &Costs::LOW_FALSE_NEGATIVES).unwrap();
        assert_eq!(none.raw, -2.0);
        let early = f.at_threshold(&fired(&[20]), 0.5, &Costs::STANDARD).unwrap();
        assert_eq!(early.raw, -1.11);
        let c = corpus(std::slice::from_ref(&f), &[&fired(&[50])], &Costs::STANDARD).unwrap();
        assert_eq!((c.normalised, c.threshold), (100.0, 1.0));
        let silent = corpus(&[f], &[&[0.0; 100]], &Costs::LOW_FALSE_POSITIVES).unwrap();
        assert_eq!((silent.normalised, silent.threshold), (0.0, 1.1));
    }

    #[test]
    fn degenerate_input() {
        assert!(NabFile::new(10, &[(5, 4)]).is_err() && NabFile::new(10, &[(2, 5), (5, 6)]).is_err());
        let f = NabFile::new(10, &[(8, 30)]).unwrap();
        assert!(f.at_threshold(&[1.0], 0.5, &Costs::STANDARD).is_err());
        assert!(corpus(&[f], &[&[f64::NAN; 10]], &Costs::STANDARD).is_err());
        let empty = NabFile::new(0, &[]).unwrap();
        assert!(empty.is_empty() && corpus(&[empty], &[&[]], &Costs::STANDARD).unwrap().normalised == 0.0);
        let one = NabFile::new(10, &[(5, 5)]).unwrap();
        assert!(one.at_threshold(&[1.0; 10], 0.5, &Costs::STANDARD).unwrap().raw.is_finite());
    }
}
