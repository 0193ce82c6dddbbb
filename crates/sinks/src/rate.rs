//! Token bucket and waiting times; pure, the moment is an argument.

use jiff::{SignedDuration, Timestamp};

use crate::RateLimit;

/// Parts of one token: the milliseconds of a minute.
const TOKEN: u64 = 60_000;

/// A bucket of tokens, one per message.
#[derive(Clone, Debug)]
pub struct Bucket {
    limit: RateLimit,
    /// In parts of a token, as of `at`; a millisecond adds `per_minute` of them, so that nothing is rounded.
    parts: u64,
    at: Option<Timestamp>,
}

impl Bucket {
    /// Starts with one token: the process before this one may have used the others a moment ago.
    pub fn new(limit: RateLimit) -> Bucket {
        let limit = RateLimit { burst: limit.burst.max(1), per_minute: limit.per_minute.max(1) };
        Bucket { limit, parts: TOKEN, at: None }
    }

    /// Whole tokens at this moment.
    pub fn available(&mut self, now: Timestamp) -> usize {
        let at = *self.at.get_or_insert(now);
        // a clock that was set back fills nothing
        let passed_ms = u64::try_from(now.duration_since(at).as_millis()).unwrap_or(0);
        if passed_ms > 0 || now < at {
            let filled = passed_ms.saturating_mul(u64::from(self.limit.per_minute));
            self.parts = self.parts.saturating_add(filled).min(u64::from(self.limit.burst) * TOKEN);
            self.at = Some(now);
        }
        usize::try_from(self.parts / TOKEN).unwrap_or(usize::MAX)
    }

    pub fn take(&mut self) {
        self.parts = self.parts.saturating_sub(TOKEN);
    }

    /// When the next token is there, at the latest.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let missing = TOKEN.saturating_sub(self.parts);
        let ms = missing.div_ceil(u64::from(self.limit.per_minute));
        later(self.at.unwrap_or(now).max(now), SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)))
    }
}

/// How long to wait after failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    pub first: SignedDuration,
    pub longest: SignedDuration,
    /// Makes waits differ between channels and processes, and the same in a test.
    pub seed: u64,
}

impl Backoff {
    /// The wait after the `failures`-th failure in a row: doubled each time, half of it by chance.
    pub fn wait(&self, failures: u32, what: &str) -> SignedDuration {
        let doubled = self.first.as_millis().saturating_mul(1_i128 << failures.saturating_sub(1).min(40));
        let whole = i64::try_from(doubled.min(self.longest.as_millis())).unwrap_or(i64::MAX).max(2);
        let salt = what.bytes().fold(self.seed ^ u64::from(failures), |h, b| mixed(h ^ u64::from(b)));
        let half = whole / 2;
        let chance = i64::try_from(mixed(salt) % half.unsigned_abs().max(1)).unwrap_or(0);
        SignedDuration::from_millis(half + chance)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("in range")
    }

    #[test]
    fn a_bucket_never_lets_more_out_in_a_minute_than_it_says() {
        let limit = RateLimit { burst: 5, per_minute: 15 };
        let mut bucket = Bucket::new(limit);
        let mut sent: Vec<i64> = Vec::new();
        // asked every 7 ms for five minutes, always with something to send
        for ms in (0..300_000).step_by(7) {
            if bucket.available(at(ms)) > 0 {
                bucket.take();
                sent.push(ms);
            }
        }
        for (i, first) in sent.iter().enumerate() {
            let minute = sent[i..].iter().take_while(|ms| **ms < first + 60_000).count();
            assert!(minute <= 20, "{minute} messages from {first} ms on");
        }
        assert!(sent.len() >= 70, "the rate is used: {}", sent.len());
    }

    #[test]
    fn the_next_token_is_there_when_it_was_promised() {
        let mut bucket = Bucket::new(RateLimit { burst: 3, per_minute: 7 });
        assert_eq!(bucket.available(at(0)), 1);
        bucket.take();
        let next = bucket.next(at(0));
        assert_eq!(bucket.available(at(next.as_millisecond() - 2)), 0);
        assert_eq!(bucket.available(next), 1);
        // a day later it is full and no fuller
        assert_eq!(bucket.available(at(86_400_000)), 3);
        // a clock set back gives nothing and stops nothing
        assert_eq!(bucket.available(at(1_000)), 3);
        bucket.take();
        assert_eq!(bucket.available(at(10_000)), 3, "and goes on from there");
    }

    #[test]
    fn waits_double_up_to_a_bound_and_differ() {
        let backoff = Backoff { first: SignedDuration::from_secs(2), longest: SignedDuration::from_secs(600), seed: 7 };
        for failures in 1..60 {
            let whole = (2_000_i128 << (failures - 1).min(30)).min(600_000);
            let wait = backoff.wait(failures, "a").as_millis();
            assert!(wait >= whole / 2 && wait <= whole, "{failures}: {wait} of {whole}");
        }
        assert_eq!(backoff.wait(3, "a"), backoff.wait(3, "a"));
        assert_ne!(backoff.wait(9, "a"), backoff.wait(9, "b"));
    }
}
