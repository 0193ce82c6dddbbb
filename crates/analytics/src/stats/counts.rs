//! Exact tests of counts: binomial, Poisson, and whether two rates differ.

use crate::special::{beta_inc, gamma_inc, gamma_inc_upper, ln_gamma};
use crate::{Error, Result};

/// Which departures from the null hypothesis count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alternative {
    /// All outcomes that are not likelier than the one seen.
    TwoSided,
    /// At most as many.
    Less,
    /// At least as many.
    Greater,
}

/// P(X ≥ k) of n trials with probability p.
#[must_use]
pub fn binomial_at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        1.0
    } else if k > n {
        0.0
    } else {
        beta_inc(k as f64, (n - k + 1) as f64, p)
    }
}

/// P(X ≤ k) of n trials with probability p.
#[must_use]
pub fn binomial_at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { beta_inc((n - k) as f64, (k + 1) as f64, 1.0 - p) }
}

/// The exact p value of `k` successes in `n` trials against probability `p`, as scipy 1.13 `binomtest`. O(log n).
/// [`Error::Parameter`] where k > n, n = 0 or p lies outside 0..=1. About 1e-10 relative at n = 100,000.
pub fn binomial_test(k: u64, n: u64, p: f64, alternative: Alternative) -> Result<f64> {
    Error::parameter(n > 0, "n", n as f64, "at least 1")?;
    Error::parameter(k <= n, "k", k as f64, "at most n")?;
    Error::parameter((0.0..=1.0).contains(&p), "p", p, "0 to 1")?;
    let expected = n as f64 * p;
    let value = match alternative {
        Alternative::Less => binomial_at_most(k, n, p),
        Alternative::Greater => binomial_at_least(k, n, p),
        Alternative::TwoSided if k as f64 == expected => 1.0,
        Alternative::TwoSided => {
            // scipy's slack for outcomes that are equally likely up to rounding
            let limit = ln_binomial(k, n, p) + 1e-7_f64.ln_1p();
            if (k as f64) < expected {
                let first = (expected.ceil() as u64).min(n);
                let other = first_where(first, n + 1, |i| ln_binomial(i, n, p) <= limit);
                binomial_at_most(k, n, p) + binomial_at_least(other, n, p)
            } else {
                let end = expected.floor() as u64 + 1;
                let other = first_where(0, end, |i| ln_binomial(i, n, p) > limit);
                binomial_at_least(k, n, p) + if other == 0 { 0.0 } else { binomial_at_most(other - 1, n, p) }
            }
        }
    };
    Ok(value.min(1.0))
}

/// P(X ≥ k) of a Poisson count with the given mean. Means beyond about 1e6 lose digits near the middle.
#[must_use]
pub fn poisson_at_least(k: u64, mean: f64) -> f64 {
    if k == 0 { if mean >= 0.0 { 1.0 } else { f64::NAN } } else { gamma_inc(k as f64, mean) }
}

/// P(X ≤ k) of a Poisson count with the given mean.
#[must_use]
pub fn poisson_at_most(k: u64, mean: f64) -> f64 {
    gamma_inc_upper(k as f64 + 1.0, mean)
}

/// Two rates: `first` events in `first_time` and `second` in `second_time`, any unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Events of the first part.
    pub first: u64,
    /// How long the first part was watched.
    pub first_time: f64,
    /// Events of the second part.
    pub second: u64,
    /// How long the second part was watched.
    pub second_time: f64,
}

impl Rates {
    /// First rate over second; ∞ where only the first has events, NaN where none has.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        (self.first as f64 / self.first_time) / (self.second as f64 / self.second_time)
    }

    /// The exact conditional p value (Przyborowski and Wilenski 1940): given the sum, the first count is binomial with the
    /// first's share of the time. 1 where nothing happened. [`Error::Parameter`] unless both times are positive.
    pub fn compare(&self, alternative: Alternative) -> Result<f64> {
        for (name, time) in [("first_time", self.first_time), ("second_time", self.second_time)] {
            Error::parameter(time > 0.0 && time.is_finite(), name, time, "above 0")?;
        }
        let n = self.first.saturating_add(self.second);
        if n == 0 {
            return Ok(1.0);
        }
        // shares of the larger: the sum of two huge times is not finite
        let top = self.first_time.max(self.second_time);
        let (a, b) = (self.first_time / top, self.second_time / top);
        binomial_test(self.first, n, a / (a + b), alternative)
    }
}

fn ln_binomial(k: u64, n: u64, p: f64) -> f64 {
    let (k, n) = (k as f64, n as f64);
    let power = |count: f64, log: f64| if count == 0.0 { 0.0 } else { count * log };
    ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) + power(k, p.ln()) + power(n - k, (-p).ln_1p())
}

/// First of from..to where a condition that stays true once true holds; `to` where nowhere.
fn first_where(mut from: u64, mut to: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_range() {
        assert_eq!(
            (binomial_at_least(0, 5, 0.3), binomial_at_least(6, 5, 0.3), binomial_at_most(5, 5, 0.3)),
            (1.0, 0.0, 1.0)
        );
        assert!(binomial_test(5, 4, 0.5, Alternative::Less).is_err());
        assert!(binomial_test(1, 4, f64::NAN, Alternative::Less).is_err());
        assert_eq!((poisson_at_least(0, 3.0), poisson_at_most(0, 0.0)), (1.0, 1.0));
        assert!(poisson_at_least(0, f64::NAN).is_nan());
        let none = Rates { first: 0, first_time: 1.0, second: 0, second_time: 2.0 };
        assert_eq!(none.compare(Alternative::TwoSided), Ok(1.0));
        assert!(none.ratio().is_nan() && Rates { first_time: 0.0, ..none }.compare(Alternative::Less).is_err());
    }
}
