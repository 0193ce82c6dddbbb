//! Intervals that cover by construction: split, weighted and adaptive conformal prediction.
//!
//! A score is how wrong a forecast was: |y − ŷ|, or (y − ŷ) for one side. The next score lies below the quantile given here
//! with the wanted probability, whatever the distribution, where scores are exchangeable; with fading weights nearly so
//! under drift.

use std::collections::VecDeque;

use crate::{Error, Result};

/// The ⌈(n + 1)(1 − α)⌉-th smallest score (Vovk 2005; Lei et al. 2018): the next score is at most this with probability
/// ≥ 1 − α. Infinite where n is too small for α, and for no scores. NaN scores are [`Error::NotFinite`]. O(n).
pub fn split_quantile(scores: &[f64], alpha: f64) -> Result<f64> {
    check(scores, alpha)?;
    let n = scores.len();
    // a rounding slack: (9 + 1)(1 - 0.1) is the ninth, not the tenth
    let rank = ((n + 1) as f64 * (1.0 - alpha) - 1e-9).ceil() as usize;
    if rank > n {
        return Ok(f64::INFINITY);
    }
    let mut work = scores.to_vec();
    Ok(*work.select_nth_unstable_by(rank.saturating_sub(1), f64::total_cmp).1)
}

/// The weighted quantile of Barber et al. 2023 ("Conformal prediction beyond exchangeability"): the smallest score at which
/// the weights of the scores up to it reach (1 − α)(Σ w + 1); the next one weighs 1. Infinite where they do not.
/// Weights from 0 to 1; errors where lengths differ or a weight is negative or not finite. O(n log n).
pub fn weighted_quantile(scores: &[f64], weights: &[f64], alpha: f64) -> Result<f64> {
    check(scores, alpha)?;
    Error::same_length("scores and weights", scores.len(), weights.len())?;
    Error::all_finite("weights", weights)?;
    let least = weights.iter().copied().fold(0.0, f64::min);
    Error::parameter(least >= 0.0, "weight", least, "not negative")?;
    let mut pairs: Vec<(f64, f64)> = scores.iter().copied().zip(weights.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = (1.0 - alpha) * (weights.iter().sum::<f64>() + 1.0) - 1e-9;
    let mut sum = 0.0;
    for (score, weight) in pairs {
        sum += weight;
        if sum >= wanted {
            return Ok(score);
        }
    }
    Ok(f64::INFINITY)
}

/// How a stream of scores is remembered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConformalParams {
    /// Wanted share of misses, in (0, 1).
    pub alpha: f64,
    /// Scores kept.
    pub capacity: usize,
    /// Samples in which a score's weight halves; infinite for equal weights.
    pub half_life: f64,
    /// Step by which a miss widens the interval (adaptive conformal inference); 0 keeps α fixed. .005–.05 (Gibbs and Candès).
    pub gain: f64,
}

impl Default for ConformalParams {
    fn default() -> Self {
        Self { alpha: 0.1, capacity: 500, half_life: f64::INFINITY, gain: 0.005 }
    }
}

/// A stream's conformal quantile: fading weights (Barber et al. 2023) and an α that follows the misses (adaptive conformal
/// inference, Gibbs and Candès 2021). In the long run the share of misses is `alpha` for any sequence, even under drift.
///
/// Fixed memory (16 bytes per score kept); O(capacity) a sample. NaN and infinities are ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptiveConformal {
    params: ConformalParams,
    alpha: f64,
    /// Oldest first.
    ring: VecDeque<f64>,
    sorted: Vec<(f64, u64)>,
    now: u64,
    misses: u64,
}

impl AdaptiveConformal {
    /// [`Error::Parameter`] for values outside the ranges named at the parameters.
    pub fn new(params: ConformalParams) -> Result<Self> {
        Error::parameter(params.alpha > 0.0 && params.alpha < 1.0, "alpha", params.alpha, "between 0 and 1")?;
        Error::parameter(params.capacity > 0, "capacity", params.capacity as f64, "at least 1")?;
        Error::parameter(params.half_life > 0.0, "half_life", params.half_life, "above 0")?;
        Error::parameter(params.gain >= 0.0 && params.gain.is_finite(), "gain", params.gain, "not negative")?;
        let (ring, sorted) = (VecDeque::with_capacity(params.capacity), Vec::with_capacity(params.capacity));
        Ok(Self { params, alpha: params.alpha, ring, sorted, now: 0, misses: 0 })
    }

    /// The bound for the next score. Infinite while there are too few scores for the current α.
    #[must_use]
    pub fn bound(&self) -> f64 {
        if self.alpha >= 1.0 {
            return f64::NEG_INFINITY;
        }
        if self.alpha <= 0.0 {
            return f64::INFINITY;
        }
        let fade = (-1.0 / self.params.half_life).exp2();
        let n = self.ring.len();
        let total = if fade == 1.0 { n as f64 } else { fade * (1.0 - fade.powi(n as i32)) / (1.0 - fade) };
        let wanted = (1.0 - self.alpha) * (total + 1.0) - 1e-9;
        if fade == 1.0 {
            return self.sorted.get((wanted.ceil() as usize).saturating_sub(1)).map_or(f64::INFINITY, |s| s.0);
        }
        let log = fade.ln();
        let mut sum = 0.0;
        for (score, at) in &self.sorted {
            sum += ((self.now - at) as f64 * log).exp();
            if sum >= wanted {
                return *score;
            }
        }
        f64::INFINITY
    }

    /// Takes the score in; returns whether it missed the bound before it.
    pub fn observe(&mut self, score: f64) -> bool {
        if !score.is_finite() {
            return false;
        }
        let missed = score > self.bound();
        self.misses += u64::from(missed);
        self.alpha += self.params.gain * (self.params.alpha - f64::from(u8::from(missed)));
        if self.ring.len() == self.params.capacity
            && let Some(old) = self.ring.pop_front()
        {
            let first = self.now - self.params.capacity as u64;
            let from = self.sorted.partition_point(|s| s.0.total_cmp(&old).then(s.1.cmp(&first)).is_lt());
            self.sorted.remove(from);
        }
        let to = self.sorted.partition_point(|s| s.0.total_cmp(&score).then(s.1.cmp(&self.now)).is_lt());
        self.sorted.insert(to, (score, self.now));
        self.ring.push_back(score);
        self.now += 1;
        missed
    }

    /// Share of scores that missed; NaN before the first.
    #[must_use]
    pub fn miss_rate(&self) -> f64 {
        self.misses as f64 / self.now as f64
    }
}

fn check(scores: &[f64], alpha: f64) -> Result<()> {
    Error::parameter(alpha > 0.0 && alpha < 1.0, "alpha", alpha, "between 0 and 1")?;
    Error::all_finite("scores", scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn split_and_weighted_agree_where_all_weigh_the_same() {
        let scores: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(split_quantile(&scores, 0.1), Ok(9.0));
        assert_eq!(split_quantile(&scores, 0.05), Ok(f64::INFINITY));
        assert_eq!(split_quantile(&[], 0.5), Ok(f64::INFINITY));
        for alpha in [0.1, 0.2, 0.33, 0.5, 0.9] {
            assert_eq!(split_quantile(&scores, alpha), weighted_quantile(&scores, &[1.0; 9], alpha), "{alpha}");
        }
        assert!(split_quantile(&[f64::NAN], 0.1).is_err() && split_quantile(&scores, 0.0).is_err());
        assert!(weighted_quantile(&scores, &[-1.0; 9], 0.1).is_err());
    }

    #[test]
    fn misses_keep_their_share_under_drift() {
        let mut r = Rng::new(4);
        for half_life in [f64::INFINITY, 100.0] {
            let mut c =
                AdaptiveConformal::new(ConformalParams { half_life, gain: 0.02, ..Default::default() }).unwrap();
            for i in 0..5000 {
                c.observe(r.normal().abs() * (1.0 + f64::from(i) / 500.0));
            }
            assert!((c.miss_rate() - 0.1).abs() < 0.015, "{half_life}: {}", c.miss_rate());
        }
    }

    #[test]
    fn constant_scores_and_nan() {
        let mut c = AdaptiveConformal::new(ConformalParams { capacity: 20, ..Default::default() }).unwrap();
        assert_eq!(c.bound(), f64::INFINITY);
        assert!(!c.observe(f64::NAN) && c.miss_rate().is_nan());
        assert_eq!((0..50).filter(|_| c.observe(2.0)).count(), 0);
        assert_eq!(c.bound(), 2.0);
        assert!(c.observe(2.1));
        assert!(AdaptiveConformal::new(ConformalParams { alpha: 1.0, ..Default::default() }).is_err());
        assert!(AdaptiveConformal::new(ConformalParams { capacity: 0, ..Default::default() }).is_err());
    }
}
