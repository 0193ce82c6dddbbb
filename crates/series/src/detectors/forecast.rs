//! When a limit is reached.
//!
//! **What it finds** memory, disks, volumes, quotas that will reach their limit: "in about 3 h, 80 %".
//! **Why it matters** the only warning that comes before anybody is hurt.
//! **Evidence used** a week of ten-minute slots. On ground seen before, the series' own habit: how often it reached the
//! limit from alike states at this hour ([`Crossing`]). On new ground, its own rises over the very horizon asked for, the
//! latest counting most. The band for charts is that of the forecast pool.
//! **How to confirm by hand** the finding's query over two days.
//! **What can fool it** a straight line: none is drawn; a rise counts only over a time as long as the one foretold. Saw-teeth
//! of collectors and of rotated logs: on ground seen before, habit decides. Caches that fill after a restart: mute for two
//! hours, and a rise that slows down is none. Short histories: a day at least.
//! **Source** detection-and-forecasting, section 7: `predict_linear` finds 28 % of crossings at a precision of .36.

use rootline_analytics::forecast::{Crossing, CrossingParameters, Forecast, Pool, pool};
use rootline_analytics::stats::order::mad;

use crate::window::SLOTS_DAY;

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlooks {
    pub enabled: bool,
    /// From this probability on a finding is made.
    pub probability: f64,
    /// Longest time ahead, in slots of ten minutes.
    pub horizon: usize,
    /// Seconds between two looks at one series.
    pub every_s: i64,
    /// Series looked at in one tick at most; the rest waits for the next.
    pub per_tick: usize,
}

impl Default for Outlooks {
    fn default() -> Self {
        Outlooks { enabled: true, probability: 0.8, horizon: 72, every_s: 600, per_tick: 200 }
    }
}

/// Times ahead that are asked about, in slots.
const HORIZONS: [usize; 6] = [6, 12, 18, 24, 36, 72];
/// No forecast is surer than this.
const SUREST: f64 = 0.95;

/// What is expected of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expected {
    pub probability: f64,
    /// In about how many slots.
    pub slots: f64,
}

/// When `values` (slots, oldest first, gaps as NaN) reach `limit`. `None` where nothing can be said or nothing is expected.
pub(crate) fn expected(values: &[f64], limit: f64, horizon: usize) -> Option<Expected> {
    let values = whole(values);
    let now = *values.last()?;
    if values.len() < SLOTS_DAY || now >= limit || limit <= 0.0 {
        return None;
    }
    let recent = values.len() - 36;
    let seen = values[..recent].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if now <= seen + 0.01 * limit {
        return habit(&values, limit);
    }
    // ten minutes ago it must have looked the same: one noisy slot is not a rise
    let (before, now) =
        (new_ground(&values[..values.len() - 1], limit, horizon)?, new_ground(&values, limit, horizon)?);
    Some(Expected { probability: now.probability.min(before.probability), ..now })
}

/// Gaps of at most an hour hold the last value; before a longer one nothing counts.
fn whole(values: &[f64]) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::with_capacity(values.len());
    let mut gap = 0;
    for value in values {
        match (value.is_finite(), out.last().copied()) {
            (true, _) => {
                out.push(*value);
                gap = 0;
            }
            (false, Some(last)) => {
                gap += 1;
                out.push(last);
            }
            (false, None) => {}
        }
        if gap > 6 {
            out.clear();
        }
    }
    out
}

fn habit(values: &[f64], limit: f64) -> Option<Expected> {
    let parameters =
        CrossingParameters { threshold: limit, horizon: 24, day: SLOTS_DAY, ..CrossingParameters::default() };
    let answer = Crossing::new(values, parameters).ok()?.at(values.len());
    (answer.probability > 0.05)
        .then_some(Expected { probability: answer.probability.min(SUREST), slots: answer.steps.max(1.0) })
}

/// The share of own rises over a horizon that would be enough, newest first in weight; the shortest horizon that is likely.
#[allow(clippy::cast_precision_loss, reason = "at most a thousand slots")]
fn new_ground(values: &[f64], limit: f64, horizon: usize) -> Option<Expected> {
    let last = values.len() - 1;
    let gap = limit - values[last];
    let mut best: Option<Expected> = None;
    for ahead in HORIZONS.into_iter().filter(|h| *h <= horizon && 2 * h <= last) {
        let (mut all, mut enough, mut mean) = (0.0, 0.0, 0.0);
        // moments whose rise lies within the last two horizons, at least three hours
        let oldest = last.saturating_sub((ahead + ahead / 2).max(18).max(ahead));
        for start in oldest..=last - ahead {
            let weight = 0.5_f64.powf((last - ahead - start) as f64 / ahead as f64);
            let rise = values[start + ahead] - values[start];
            all += weight;
            mean += weight * rise;
            enough += if rise >= gap { weight } else { 0.0 };
        }
        let third = (ahead / 3).max(1);
        let (latest, whole) = (values[last] - values[last - third], values[last] - values[last - ahead]);
        let is_over = latest < 0.6 * whole * third as f64 / ahead as f64;
        let is_slowing = is_over || slowing(values, ahead).is_some_and(|more| more < gap);
        if all <= 0.0 || mean <= 0.0 || is_slowing {
            continue;
        }
        let probability = (SUREST * enough / all).min(SUREST);
        if best.is_none_or(|b| probability > b.probability + 0.05) {
            let slots = (ahead as f64 * (gap * all / mean).min(1.0)).max(1.0);
            best = Some(Expected { probability, slots });
        }
    }
    best.filter(|b| b.probability > 0.05)
}

/// Slots of one block of [`slowing`].
const BLOCK: usize = 6;

/// What a rise that slows down will still add within `ahead`: the last hour's rise times the sum of its ratio to the hour
/// before (Aitken's extrapolation of a geometric approach), the noise of one value granted; `None` for a rise that does not
/// slow down. Hours, however long the time asked about: a longer block would straddle the start of the rise.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 72 slots")]
fn slowing(values: &[f64], ahead: usize) -> Option<f64> {
    let last = values.len() - 1;
    let start = last.checked_sub(2 * BLOCK)?;
    let steps: Vec<f64> = values[start..].windows(2).map(|w| w[1] - w[0]).collect();
    let noise = mad(&steps);
    let (late, early) = (values[last] - values[last - BLOCK] + noise, values[last - BLOCK] - values[start]);
    let ratio = if early > 0.0 { (late / early).max(0.0) } else { 1.0 };
    let blocks = ahead.div_ceil(BLOCK) as i32;
    (ratio < 0.95).then(|| late * ratio * (1.0 - ratio.powi(blocks)) / (1.0 - ratio))
}

/// The pool's forecast of the next day for charts; `None` below two hours of values.
pub(crate) fn band(values: &[f64]) -> Option<Forecast> {
    let values = whole(values);
    if values.len() < 12 {
        return None;
    }
    pool(&values, &Pool { period: SLOTS_DAY, horizon: SLOTS_DAY, ..Pool::default() }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: usize) -> f64 {
        // a fixed wobble of ±.5 %
        ((i * 7919 % 101) as f64 / 101.0 - 0.5) * 0.01
    }

    #[test]
    fn a_leak_is_foretold_hours_before_with_about_the_right_time() {
        // a day and a half flat, then 4 % of the limit an hour: 95 % is reached 8.75 h after the start
        let leak = |i: usize| 0.6 + if i > 216 { 0.04 / 6.0 * (i - 216) as f64 } else { 0.0 } + noise(i);
        let found = (217..270).find_map(|n| {
            let values: Vec<f64> = (0..n).map(leak).collect();
            expected(&values, 0.95, 72).filter(|e| e.probability >= 0.8).map(|e| (n, e))
        });
        let (n, e) = found.expect("foretold");
        let truth = 216.0 + 0.35 / 0.04 * 6.0 - n as f64;
        assert!(truth >= 12.0, "two hours ahead at least, was {truth} slots");
        assert!((e.slots - truth).abs() <= 0.4 * truth + 2.0, "said {} slots, true {truth}", e.slots);
    }

    #[test]
    fn saw_teeth_flat_series_and_slowing_rises_are_not_foretold() {
        let saw = |i: usize| 0.5 + 0.4 * ((i % 40) as f64 / 40.0) + noise(i);
        let flat = |i: usize| 0.9 + noise(i);
        let cache =
            |i: usize| 0.5 + if i > 200 { 0.4 * (1.0 - (-((i - 200) as f64) / 12.0).exp()) } else { 0.0 } + noise(i);
        for (name, shape) in [("saw", &saw as &dyn Fn(usize) -> f64), ("flat", &flat), ("cache", &cache)] {
            let likely = (150..400).filter(|n| {
                let values: Vec<f64> = (0..*n).map(shape).collect();
                expected(&values, 0.95, 72).is_some_and(|e| e.probability >= 0.8)
            });
            let said: Vec<usize> = likely.collect();
            assert!(said.is_empty(), "{name}: {said:?}");
        }
    }

    #[test]
    fn gaps_and_short_histories_say_nothing() {
        assert_eq!(expected(&[f64::NAN; 300], 0.9, 72), None);
        let rising: Vec<f64> = (0..100).map(|i| i as f64 / 120.0).collect();
        assert_eq!(expected(&rising, 0.9, 72), None);
        let mut holed: Vec<f64> = (0..400).map(|i| 0.5 + i as f64 / 1000.0).collect();
        holed[330..345].fill(f64::NAN);
        assert_eq!(expected(&holed, 0.95, 72), None);
    }
}
