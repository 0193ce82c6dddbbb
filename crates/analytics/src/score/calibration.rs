//! Do probabilities mean what they say: expected calibration error, Brier score.

use crate::{Error, Result};

/// ECE (Naeini et al. 2015): over `bins` of equal width, (i/n, (i+1)/n] and the first with 0, the sum of |share of true labels −
/// mean probability| times the bin's share. 0 is honest. Few points per bin make it large by chance.
/// [`Error::Lengths`], [`Error::TooFew`] for nothing, [`Error::Parameter`] for no bins or probabilities outside 0..=1.
pub fn expected_calibration_error(probabilities: &[f64], labels: &[bool], bins: usize) -> Result<f64> {
    check(probabilities, labels)?;
    Error::parameter(bins > 0, "bins", bins as f64, "at least 1")?;
    let mut sums = vec![0.0; bins];
    // edges as i / bins: a product would put .3 above 3 / 10
    let edges: Vec<f64> = (1..bins).map(|i| i as f64 / bins as f64).collect();
    for (p, label) in probabilities.iter().zip(labels) {
        sums[edges.partition_point(|e| e < p)] += f64::from(u8::from(*label)) - p;
    }
    Ok(sums.iter().map(|s: &f64| s.abs()).sum::<f64>() / labels.len() as f64)
}

/// Brier 1950: mean (p − y)². Errors as [`expected_calibration_error`].
pub fn brier(probabilities: &[f64], labels: &[bool]) -> Result<f64> {
    check(probabilities, labels)?;
    let each = probabilities.iter().zip(labels).map(|(p, l)| (p - f64::from(u8::from(*l))).powi(2));
    Ok(each.sum::<f64>() / labels.len() as f64)
}

fn check(probabilities: &[f64], labels: &[bool]) -> Result<()> {
    Error::same_length("probabilities and labels", probabilities.len(), labels.len())?;
    Error::at_least("probabilities", 1, labels.len())?;
    match probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        Some(p) => Error::parameter(false, "probability", *p, "0 to 1"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        assert!(brier(&[], &[]).is_err() && brier(&[1.5], &[true]).is_err() && brier(&[f64::NAN], &[true]).is_err());
        assert!(expected_calibration_error(&[0.5], &[true], 0).is_err());
        assert_eq!(expected_calibration_error(&[1.0, 0.0], &[true, false], 10), Ok(0.0));
    }
}
