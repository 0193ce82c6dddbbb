//! Rules made of detectors: all must agree, or any is enough.

use crate::outlier::Labels;
use crate::{Error, Result};

/// Outlier where every detector says so. Three-valued: one "no" decides, else an undecided one leaves it undecided. ADTK's
/// AndAggregator. Errors where lengths differ; no detectors: an empty answer. Custom rules nest this and [`any_of`].
pub fn all_of(detectors: &[&[Option<bool>]]) -> Result<Labels> {
    each(detectors, |column| and(column.iter().copied()))
}

/// Outlier where any detector says so. One "yes" decides, else an undecided one leaves it undecided. ADTK's OrAggregator.
pub fn any_of(detectors: &[&[Option<bool>]]) -> Result<Labels> {
    each(detectors, |column| and(column.iter().map(|l| l.map(|l| !l))).map(|l| !l))
}

/// Kleene's conjunction.
pub(super) fn and(labels: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for label in labels {
        match label {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

fn each(detectors: &[&[Option<bool>]], rule: impl Fn(&[Option<bool>]) -> Option<bool>) -> Result<Labels> {
    let length = detectors.first().map_or(0, |d| d.len());
    for detector in detectors {
        Error::same_length("labels of detectors", detector.len(), length)?;
    }
    let mut column = Vec::with_capacity(detectors.len());
    Ok((0..length)
        .map(|i| {
            column.clear();
            column.extend(detectors.iter().map(|d| d[i]));
            rule(&column)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ADTK 0.6.2 on the same columns.
    #[test]
    fn logic_is_that_of_the_aggregators() {
        let (yes, no) = (Some(true), Some(false));
        let a = [yes, yes, no, None, None, no];
        let b = [yes, no, no, yes, no, None];
        assert_eq!(all_of(&[&a, &b]).unwrap(), [yes, no, no, None, no, no]);
        assert_eq!(any_of(&[&a, &b]).unwrap(), [yes, yes, no, yes, None, None]);
        assert_eq!(all_of(&[]).unwrap(), []);
        assert!(any_of(&[&a, &b[..2]]).is_err());
    }
}
