//! How alike two groupings are: adjusted Rand index, pair precision and recall, template figures.

use std::collections::HashMap;
use std::hash::Hash;

use super::{f1, ratio};
use crate::{Error, Result};

/// Pairs of items that two groupings put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairCounts {
    /// Together in both.
    pub both: u64,
    /// Together in the predicted grouping.
    pub predicted: u64,
    /// Together in the true one.
    pub truth: u64,
    /// All pairs.
    pub all: u64,
}

impl PairCounts {
    /// Counts pairs by the sizes of the groups; O(n). [`Error::Lengths`]. A label for noise is a group like others.
    pub fn new<T: Eq + Hash, P: Eq + Hash>(truth: &[T], predicted: &[P]) -> Result<Self> {
        Error::same_length("true and predicted groups", truth.len(), predicted.len())?;
        let pairs = |n: u64| n * n.saturating_sub(1) / 2;
        Ok(Self {
            both: sizes(truth.iter().zip(predicted)).into_values().map(pairs).sum(),
            predicted: sizes(predicted.iter()).into_values().map(pairs).sum(),
            truth: sizes(truth.iter()).into_values().map(pairs).sum(),
            all: pairs(truth.len() as u64),
        })
    }

    /// Share of the predicted pairs that are true; 0 where none is predicted.
    #[must_use]
    pub fn precision(&self) -> f64 {
        ratio(self.both as f64, self.predicted as f64)
    }

    /// Share of the true pairs that are predicted; 0 where none is true.
    #[must_use]
    pub fn recall(&self) -> f64 {
        ratio(self.both as f64, self.truth as f64)
    }

    /// F1 of the two.
    #[must_use]
    pub fn f1(&self) -> f64 {
        f1(self.precision(), self.recall())
    }

    /// Hubert and Arabie 1985: agreement beyond chance, 1 for the same grouping (also where both are all one or all apart,
    /// or empty), about 0 for a random one. scikit-learn 1.9 `adjusted_rand_score`.
    #[must_use]
    pub fn adjusted_rand(&self) -> f64 {
        let wrong = (self.predicted - self.both, self.truth - self.both);
        if wrong == (0, 0) {
            return 1.0;
        }
        let (p, t, all) = (self.predicted as f64, self.truth as f64, self.all as f64);
        let expected = p * t / all;
        (self.both as f64 - expected) / (0.5 * (p + t) - expected)
    }
}

/// How well log lines were turned into templates (Loghub-2.0's definitions).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemplateFigures {
    /// GA: share of lines in a predicted group that holds exactly the lines of a true one.
    pub grouping_accuracy: f64,
    /// FGA: F1 of the groups themselves.
    pub grouping_f1: f64,
    /// PA: share of lines with the exact template.
    pub parsing_accuracy: f64,
    /// FTA: F1 of templates that hold lines of one true template only, and its exact text.
    pub template_f1: f64,
}

/// Figures of one template per line against the true ones. A group is the set of lines with one template. All 0 for no lines.
/// O(n). [`Error::Lengths`].
pub fn template_figures<T: Eq + Hash + AsRef<str>>(truth: &[T], predicted: &[T]) -> Result<TemplateFigures> {
    Error::same_length("true and predicted templates", truth.len(), predicted.len())?;
    let n = truth.len() as f64;
    let (of_truth, of_predicted) = (sizes(truth.iter()), sizes(predicted.iter()));
    let both = sizes(predicted.iter().zip(truth));
    let (mut right_lines, mut right, mut exact) = (0.0, 0.0, 0.0);
    for ((p, t), count) in &both {
        if *count == of_predicted[p] {
            if *count == of_truth[t] {
                right_lines += *count as f64;
                right += 1.0;
            }
            exact += f64::from(u8::from(p == t));
        }
    }
    let same = truth.iter().zip(predicted).filter(|(t, p)| t == p).count() as f64;
    let (np, nt) = (of_predicted.len() as f64, of_truth.len() as f64);
    Ok(TemplateFigures {
        grouping_accuracy: ratio(right_lines, n),
        grouping_f1: f1(ratio(right, np), ratio(right, nt)),
        parsing_accuracy: ratio(same, n),
        template_f1: f1(ratio(exact, np), ratio(exact, nt)),
    })
}

fn sizes<K: Eq + Hash>(items: impl Iterator<Item = K>) -> HashMap<K, u64> {
    let mut sizes = HashMap::new();
    for item in items {
        *sizes.entry(item).or_insert(0) += 1;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_figures_by_hand() {
        // "b" swallows the true "b" and "c"; "a" is right; "e" groups rightly under another text
        let truth = ["a", "a", "b", "c", "d", "d", "d", "d"];
        let found = ["a", "a", "b", "b", "e", "e", "e", "e"];
        let f = template_figures(&truth, &found).unwrap();
        assert_eq!((f.grouping_accuracy, f.parsing_accuracy), (0.75, 0.375));
        assert!(
            (f.grouping_f1 - f1(2.0 / 3.0, 0.5)).abs() < 1e-15 && (f.template_f1 - f1(1.0 / 3.0, 0.25)).abs() < 1e-15
        );
        assert_eq!(template_figures::<&str>(&[], &[]).unwrap().grouping_accuracy, 0.0);
        assert!(template_figures(&["a"], &[]).is_err() && PairCounts::new(&[1], &[1, 2]).is_err());
    }
}
