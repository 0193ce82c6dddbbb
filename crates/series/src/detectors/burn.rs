//! Error budgets that burn too fast.
//!
//! **What it finds** a service that fails so large a share of its requests that its objective is lost in days.
//! **Why it matters** it is what users feel, whatever the cause; the one anomaly that may page by itself.
//! **Evidence used** requests and failed requests of a day in minutes; both a long and a short window must burn.
//! **How to confirm by hand** failed / all requests over the named window, divided by 1 − objective.
//! **What can fool it** a service with a request a minute: ten failures at least; errors that are over: the short window
//! must burn too; missing data: half of each window must be there; no series of failures because none ever failed: counts
//! as none.
//! **Source** Google's SRE workbook, ch. 5 (14.4 over 1 h and 5 min, 6 over 6 h and 30 min, 3 over 24 h and 2 h), as Coroot.

use crate::snapshot::{Read, SnapshotError};
use crate::window::Ring;

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Burn {
    pub enabled: bool,
    /// Failures in the long window below which nothing is said.
    pub failures_min: f64,
    /// Requests in the long window below which nothing is said.
    pub requests_min: f64,
    /// Services watched at most (8 KB each). Beyond: new ones are not watched.
    pub budgets_max: usize,
}

impl Default for Burn {
    fn default() -> Self {
        Burn { enabled: true, failures_min: 10.0, requests_min: 100.0, budgets_max: 5000 }
    }
}

/// (burn rate, long window, short window in minutes, code), the fastest first.
const WINDOWS: [(f64, i64, i64, &str); 3] =
    [(14.4, 60, 5, "slo.burn_fast"), (6.0, 360, 30, "slo.burn_fast"), (3.0, 1440, 120, "slo.burn_slow")];
/// Minutes kept singly.
const SINGLE: usize = 130;
/// Minutes of a block.
const BLOCK: i64 = 10;
/// Blocks kept.
const BLOCKS: usize = 150;

/// Requests and failures of a service over a day.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    minutes: [Ring; 2],
    blocks: [Ring; 2],
}

/// What burns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Burning {
    pub code: &'static str,
    pub burn: f64,
    pub failed: f64,
    pub window_min: i64,
    pub onset_min: i64,
    pub which: u8,
}

impl Budget {
    pub fn new() -> Self {
        Budget { minutes: [Ring::new(SINGLE), Ring::new(SINGLE)], blocks: [Ring::new(BLOCKS), Ring::new(BLOCKS)] }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        self.minutes.iter().chain(&self.blocks).for_each(|ring| ring.write(out));
    }

    pub fn read(read: &mut Read<'_>) -> Result<Self, SnapshotError> {
        let mut ring = |length| Ring::read(read, length);
        Ok(Budget { minutes: [ring(SINGLE)?, ring(SINGLE)?], blocks: [ring(BLOCKS)?, ring(BLOCKS)?] })
    }

    /// One minute's requests and failures (counts).
    pub fn take(&mut self, minute: i64, requests: f64, failures: f64) {
        if !requests.is_finite() || minute <= self.minutes[0].newest() {
            return;
        }
        for (k, value) in [requests, failures].into_iter().enumerate() {
            self.minutes[k].set(minute, value);
            let block = minute.div_euclid(BLOCK);
            let before = self.blocks[k].get(block);
            self.blocks[k].set(block, if before.is_finite() { before + value } else { value });
        }
    }

    /// Requests, failures and the share of the window that has data.
    fn over(&self, minute: i64, window: i64) -> (f64, f64, f64) {
        let (rings, to, unit) =
            if window <= 120 { (&self.minutes, minute, 1) } else { (&self.blocks, minute.div_euclid(BLOCK), BLOCK) };
        let steps = window / unit;
        let (mut requests, mut failures, mut there) = (0.0, 0.0, 0_i64);
        for step in to - steps + 1..=to {
            let all = rings[0].get(step);
            if all.is_finite() {
                requests += all;
                failures += rings[1].get(step);
                there += 1;
            }
        }
        #[allow(clippy::cast_precision_loss, reason = "at most 144 steps")]
        let share = there as f64 / steps as f64;
        (requests, failures, share)
    }

    /// The fastest burn that holds in both of its windows.
    pub fn look(&self, settings: &Burn, minute: i64, objective: f64) -> Option<Burning> {
        let allowed = (1.0 - objective).max(1e-6);
        WINDOWS.iter().zip(0_u8..).find_map(|((factor, long, short, code), which)| {
            let (requests, failures, there) = self.over(minute, *long);
            let (short_requests, short_failures, short_there) = self.over(minute, *short);
            let is_enough = failures >= settings.failures_min && requests >= settings.requests_min;
            let burn = failures / requests.max(1e-9) / allowed;
            let now = short_failures / short_requests.max(1e-9) / allowed;
            let burns = is_enough && there >= 0.5 && short_there >= 0.5 && burn >= *factor && now >= *factor;
            burns.then(|| Burning {
                code,
                burn,
                failed: failures / requests,
                window_min: *long,
                onset_min: self.onset(minute, allowed),
                which,
            })
        })
    }

    /// The first minute of the run of minutes, up to now, that failed more than allowed; two good ones in it are forgiven.
    fn onset(&self, minute: i64, allowed: f64) -> i64 {
        let (mut first, mut good) = (minute, 0);
        for step in (minute - 120..=minute).rev() {
            let (all, failed) = (self.minutes[0].get(step), self.minutes[1].get(step));
            if all.is_finite() && failed > allowed * all {
                (first, good) = (step, 0);
            } else {
                good += 1;
            }
            if good > 2 {
                break;
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(minutes: i64, failing: impl Fn(i64) -> f64) -> Option<Burning> {
        let mut b = Budget::new();
        for m in 0..minutes {
            b.take(m, 600.0, 600.0 * failing(m));
        }
        b.look(&Burn::default(), minutes - 1, 0.99)
    }

    #[test]
    fn a_fifth_of_requests_failing_for_an_hour_burns_fast_and_the_onset_is_the_first_bad_minute() {
        let found = budget(1440, |m| if m >= 1380 { 0.2 } else { 0.001 }).expect("burns");
        assert_eq!((found.code, found.onset_min, found.window_min), ("slo.burn_fast", 1380, 60));
    }

    #[test]
    fn errors_that_are_over_few_requests_and_missing_data_do_not_burn() {
        assert_eq!(budget(1440, |m| if (1340..1430).contains(&m) { 0.2 } else { 0.0 }), None);
        let mut rare = Budget::new();
        (0..1440).for_each(|m| rare.take(m, 0.5, if m > 1400 { 0.1 } else { 0.0 }));
        assert_eq!(rare.look(&Burn::default(), 1439, 0.99), None);
        let mut holes = Budget::new();
        (1400..1440).step_by(3).for_each(|m| holes.take(m, 600.0, 300.0));
        assert_eq!(holes.look(&Burn::default(), 1439, 0.99), None);
    }

    #[test]
    fn a_small_leak_of_errors_over_a_day_burns_slowly() {
        let found = budget(1500, |_| 0.04).expect("burns");
        assert_eq!(found.code, "slo.burn_slow");
    }
}
