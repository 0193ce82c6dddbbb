//! Whether and when a series reaches a limit, from its own past.

use crate::{Error, Result};

/// Parameters of [`Crossing`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossingParameters {
    /// The value that counts as reached, such as .9 of a limit. Levels are compared on a scale of a tenth of it (not at all where it is 0).
    pub threshold: f64,
    /// Steps ahead that are asked about, at least 1.
    pub horizon: usize,
    /// Steps in a day, for habits of the hour.
    pub day: usize,
    /// Probability from which [`CrossingAnswer::alarm`] is set. .21 finds about 80 % of crossings (server CPU, four hours ahead).
    pub alarm: f64,
}

impl Default for CrossingParameters {
    /// 90 % of a limit within four hours of minutes.
    fn default() -> Self {
        Self { threshold: 0.9, horizon: 240, day: 1440, alarm: 0.21 }
    }
}

/// What is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossingAnswer {
    /// Probability that some of the next `horizon` values reaches the threshold, in \[0, 1\].
    pub probability: f64,
    /// In about how many steps, if it does: 1 is the next value.
    pub steps: f64,
    /// Whether the probability is high enough for an alarm.
    pub alarm: bool,
}

/// A series prepared for questions at any of its moments.
///
/// A straight line through the last hour is a bad predictor of limits: what touched a limit lately touches it again, at the hours it
/// used to, from the states it used to. So:
///
/// 1. base: logit p = -ln(s + .15) - .6, with s = time since the threshold was last reached, in horizons;
/// 2. times the ratio of crossings seen to crossings the base expected, (O + 2) / (E + 2), among past moments of this series alike in
///    s and hour, of the same weekday at about this hour, and alike in level and recent peak; weights halve in two weeks;
/// 3. times reach over its usual: U / gap, U = all upward steps within the last horizon, gap = what is missing now. From below a
///    series comes to the limit at most U / gap times (each time costs upward steps worth the gap: the bound behind Doob's upcrossing
///    inequality), so odds go with it. Usual: its mean logarithm at past moments alike in s;
/// 4. never reached so far: half the share of past rises over one horizon that would have been enough.
///
/// The evidence overlaps: weekday, state and reach count to the power .4.
///
/// Constants were chosen on five-minute CPU of servers; nothing depends on the length of a step. Causal: an answer uses nothing after
/// its moment. Memory 48 B a value, preparation O(n), an answer O(days · 6 · 8), sixteen days at most.
#[derive(Debug, Clone)]
pub struct Crossing {
    parameters: CrossingParameters,
    values: Vec<f64>,
    /// first place at or after this one that reaches the threshold
    next: Vec<usize>,
    /// horizons since the threshold was last reached, as seen after this value; infinite if never
    since: Vec<f64>,
    /// short average and recent maximum
    level: Vec<f64>,
    peak: Vec<f64>,
    /// logarithm of upward steps within the last horizon over what is missing
    reach: Vec<f64>,
    /// largest of the `horizon` values from this place on, where there are so many
    ahead: Vec<f64>,
}

/// What past moments alike tell.
#[derive(Default)]
struct Tally {
    seen: f64,
    expected: f64,
}

impl Tally {
    fn add(&mut self, weight: f64, crossed: bool, base: f64) {
        self.seen += if crossed { weight } else { 0.0 };
        self.expected += weight * base;
    }

    /// Seen against expected, shrunk.
    fn log_ratio(&self) -> f64 {
        ((self.seen + SHRINK) / (self.expected + SHRINK)).ln()
    }
}

/// Past moments alike now in waiting time and hour, in weekday, in level and peak; and in how many steps they crossed.
#[derive(Default)]
struct Alike {
    hour: Tally,
    weekday: Tally,
    state: Tally,
    usual: Usual,
    steps: f64,
}

/// Mean of what past moments alike in waiting time showed.
#[derive(Default)]
struct Usual {
    weight: f64,
    sum: f64,
}

impl Usual {
    fn add(&mut self, weight: f64, value: f64) {
        self.weight += weight;
        self.sum += weight * value;
    }

    /// How far `value` lies above the mean, shrunk as [`Tally`] is.
    fn excess(&self, value: f64) -> f64 {
        (self.weight * value - self.sum) / (self.weight + SHRINK)
    }
}

impl Crossing {
    /// Prepares `x`. Values that are not finite count as the last finite one (0 before the first). Needs a finite threshold and a horizon
    /// and day of at least 1 step.
    pub fn new(x: &[f64], parameters: CrossingParameters) -> Result<Self> {
        let p = parameters;
        Error::parameter(p.threshold.is_finite(), "threshold", p.threshold, "finite")?;
        Error::parameter(p.horizon >= 1, "horizon", p.horizon as f64, "at least 1")?;
        Error::parameter(p.day >= 1, "day", p.day as f64, "at least 1")?;
        Error::parameter(!p.alarm.is_nan(), "alarm", p.alarm, "a probability")?;
        let mut last = 0.0;
        let values: Vec<f64> = x
            .iter()
            .map(|v| {
                // beyond, squares of distances would overflow
                last = if v.is_finite() { v.clamp(-1e100, 1e100) } else { last };
                last
            })
            .collect();
        let n = values.len();
        let h = p.horizon as f64;
        let mut next = vec![usize::MAX; n + 1];
        for i in (0..n).rev() {
            next[i] = if values[i] >= p.threshold { i } else { next[i + 1] };
        }
        let gain = (8.0 / h).min(1.0);
        let (mut steps, mut average) = (f64::INFINITY, values.first().copied().unwrap_or(0.0));
        let (mut since, mut level) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for v in &values {
            steps = if *v >= p.threshold { 0.0 } else { steps + 1.0 };
            average += gain * (v - average);
            since.push(steps / h);
            level.push(average);
        }
        let peak = sliding(&values, (p.horizon / 2).max(1), f64::max);
        let trailing = sliding(&values, p.horizon, f64::max);
        let ahead = trailing.get(p.horizon - 1..).unwrap_or_default().to_vec();
        let reach = reach(&values, &p);
        Ok(Self { parameters: p, values, next, since, level, peak, reach, ahead })
    }

    /// The answer after the first `seen` values. With none seen, or with the threshold reached by the last: probability 0 and 1.
    #[must_use]
    pub fn at(&self, seen: usize) -> CrossingAnswer {
        let p = &self.parameters;
        let seen = seen.min(self.values.len());
        let half = p.horizon as f64 / 2.0;
        let answer =
            |probability: f64, steps: f64| CrossingAnswer { probability, steps, alarm: probability >= p.alarm };
        let Some(now) = seen.checked_sub(1) else { return answer(0.0, half) };
        if self.values[now] >= p.threshold {
            return answer(1.0, 1.0);
        }
        if self.since[now].is_infinite() {
            let (share, steps) = self.rises(now);
            // the base would be 0: what was never reached is half as likely as its rises say
            return answer(0.5 * share, steps);
        }
        let alike = self.alike(now);
        let overlapping = alike.weekday.log_ratio() + alike.state.log_ratio() + alike.usual.excess(self.reach[now]);
        let z = logit_base(self.since[now]) + alike.hour.log_ratio() + 0.4 * overlapping;
        answer(1.0 / (1.0 + (-z).exp()), alike.steps)
    }

    /// Past moments whose outcome is known by `now`, newest first, eight a horizon, at most sixteen days back: twice the same weekday.
    fn moments(&self, now: usize) -> impl Iterator<Item = usize> + '_ {
        let p = &self.parameters;
        let step = (p.horizon / 8).max(1);
        let newest = (now + 1).checked_sub(p.horizon);
        let oldest = now.saturating_sub(16 * p.day).max(1);
        // a moment i has seen i values; its horizon is i .. i + horizon
        let moments = newest.into_iter().flat_map(move |i| (oldest..=i).rev().step_by(step));
        moments.filter(|i| self.values[i - 1] < p.threshold)
    }

    /// Crossings after moments alike, and the usual steps to them.
    fn alike(&self, now: usize) -> Alike {
        let p = &self.parameters;
        let (h, day) = (p.horizon as f64, p.day as f64);
        // starting values: a log step of 1, .4 of a horizon, a quarter of a day, a tenth of the threshold, twenty days
        let waited = |s: f64| (s.min(170.0) + 0.06).ln();
        let scale = if p.threshold == 0.0 { 0.0 } else { (10.0 / p.threshold.abs()).min(1e50) };
        let (here, mine) = (waited(self.since[now]), (self.level[now], self.peak[now]));
        let mut alike = Alike::default();
        let (mut weights, mut steps) = (1e-3, 1e-3 * 0.5 * h);
        for i in self.moments(now) {
            let crossed = self.next[i] < i + p.horizon;
            let since = self.since[i - 1];
            let base = if since.is_infinite() { 0.0 } else { 1.0 / (1.0 + (-logit_base(since)).exp()) };
            let age = (now + 1 - i) as f64 / day;
            let turn = (age - age.round()) * day / (0.4 * h);
            let week = (age - 7.0 * (age / 7.0).round()) / 0.25;
            let wait = waited(since) - here;
            let (level, peak) = (scale * (self.level[i - 1] - mine.0), scale * (self.peak[i - 1] - mine.1));
            let weight = |distance: f64| (-age / 20.0 - 0.5 * distance).exp();
            let near = weight(wait * wait + turn * turn);
            alike.hour.add(near, crossed, base);
            alike.weekday.add(weight(week * week), crossed, base);
            alike.state.add(weight(level * level + peak * peak), crossed, base);
            alike.usual.add(weight(wait * wait), self.reach[i - 1]);
            if crossed {
                weights += near;
                steps += near * (self.next[i] + 1 - i) as f64;
            }
        }
        Alike { steps: steps / weights, ..alike }
    }

    /// Weighted share of past rises over one horizon that would reach the threshold from here, and in about how many steps: the
    /// missing part of the mean such rise.
    fn rises(&self, now: usize) -> (f64, f64) {
        let p = &self.parameters;
        let gap = p.threshold - self.values[now];
        let (mut all, mut enough, mut height) = (1e-9, 0.0, 0.0);
        for i in self.moments(now) {
            let weight = (-((now + 1 - i) as f64) / (3.0 * p.day as f64)).exp();
            let rise = self.ahead[i] - self.values[i - 1];
            all += weight;
            if rise >= gap {
                enough += weight;
                height += weight * rise;
            }
        }
        let steps = if enough > 0.0 { p.horizon as f64 * (gap * enough / height).min(1.0) } else { p.horizon as f64 };
        (enough / all, steps.max(1.0))
    }
}

/// [`Crossing`] asked once, after the last value.
pub fn crossing(x: &[f64], parameters: CrossingParameters) -> Result<CrossingAnswer> {
    Ok(Crossing::new(x, parameters)?.at(x.len()))
}

/// Crossings that were both seen and expected before anything was. Two moments' worth: neighbours tell nearly the same.
const SHRINK: f64 = 2.0;

/// Step 1 of [`Crossing`]; waiting times beyond a month differ no more.
fn logit_base(since: f64) -> f64 {
    -(since.min(170.0) + 0.15).ln() - 0.6
}

/// Logarithm of the sum of upward steps within the last horizon over what is missing to the threshold, both plus a tenth of it as the
/// size of what does not matter; 0 where the threshold is 0.
fn reach(values: &[f64], p: &CrossingParameters) -> Vec<f64> {
    let noise = 0.1 * p.threshold.abs();
    if noise == 0.0 {
        return vec![0.0; values.len()];
    }
    let before = values.first().into_iter().chain(values);
    let ups: Vec<f64> = values.iter().zip(before).map(|(v, before)| (v - before).max(0.0)).collect();
    let sums = sliding(&ups, p.horizon, |a, b| a + b);
    let reach = |(up, v): (&f64, &f64)| ((up + noise) / ((p.threshold - v).max(0.0) + noise)).ln().max(-700.0);
    sums.iter().zip(values).map(reach).collect()
}

/// `fold` of the last `width` values at each place (of those there are at the start). O(n), by blocks: running folds from both ends of
/// blocks of `width` (van Herk 1992); nothing is taken back, so sums do not lose digits to what has left the window.
fn sliding(x: &[f64], width: usize, fold: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let n = x.len();
    let width = width.min(n.max(1));
    let mut right = x.to_vec();
    for block in right.chunks_mut(width) {
        for i in (0..block.len().saturating_sub(1)).rev() {
            block[i] = fold(block[i], block[i + 1]);
        }
    }
    let mut left = 0.0;
    (0..n)
        .map(|i| {
            left = if i % width == 0 { x[i] } else { fold(left, x[i]) };
            let is_whole_block = (i + 1) % width == 0;
            if i + 1 > width && !is_whole_block { fold(right[i + 1 - width], left) } else { left }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: CrossingParameters = CrossingParameters { threshold: 0.9, horizon: 24, day: 144, alarm: 0.2 };

    #[test]
    fn a_daily_peak_is_foreseen_and_the_quiet_hours_are_not_alarmed() {
        let x: Vec<f64> = (0..144 * 8).map(|i| if i % 144 >= 100 && i % 144 < 110 { 0.95 } else { 0.3 }).collect();
        let c = Crossing::new(&x, P).unwrap();
        let (before, after) = (c.at(144 * 7 + 90), c.at(144 * 7 + 115));
        assert!(before.probability > 2.0 * after.probability, "{before:?} {after:?}");
        assert!((before.steps - 11.0).abs() < 6.0, "{before:?}");
    }

    #[test]
    fn a_steady_rise_is_foreseen_and_a_flat_series_is_not() {
        let rise: Vec<f64> = (0..400).map(|i| 0.4 + 0.00124 * f64::from(i)).collect();
        let a = crossing(&rise, P).unwrap();
        assert!(a.alarm && a.steps > 1.0 && a.steps < 12.0, "{a:?}");
        assert!(crossing(&rise[..200], P).unwrap().probability < 0.01);
        assert!(crossing(&[0.85; 400], P).unwrap().probability < 0.01);
    }

    /// Busy from hour 3 to hour 9 of each day, limit touched; afterwards as `after` says.
    fn days(after: impl Fn(usize) -> f64) -> Vec<f64> {
        let day = |i: usize| if i % 144 < 18 { 0.1 } else { 0.8 + 0.02 * (i % 7) as f64 };
        (0..144 * 6 + 56).map(|i| if i % 144 < 54 { day(i) } else { 0.1 }).chain((0..12).map(after)).collect()
    }

    #[test]
    fn upward_steps_lately_make_a_crossing_likelier_than_a_decline_to_the_same_value() {
        let drained = crossing(&days(|i| 0.7 - 0.05 * i as f64), P).unwrap();
        let restless = crossing(&days(|i| if i == 11 { 0.15 } else { 0.15 + 0.5 * (i % 2) as f64 }), P).unwrap();
        assert!(restless.probability > 1.3 * drained.probability, "{restless:?} {drained:?}");
    }

    #[test]
    fn the_length_of_a_step_matters_little() {
        let mut r = crate::Rng::new(4);
        let x: Vec<f64> = (0..144 * 9).map(|i| 0.5 + 0.25 * f64::from(i % 144 > 90) + 0.1 * r.normal()).collect();
        let fine: Vec<f64> = x.iter().flat_map(|v| [*v; 5]).collect();
        let (coarse, fine) = (
            Crossing::new(&x, P).unwrap(),
            Crossing::new(&fine, CrossingParameters { horizon: 5 * P.horizon, day: 5 * P.day, ..P }).unwrap(),
        );
        for seen in (400..x.len()).step_by(7) {
            let (a, b) = (coarse.at(seen), fine.at(5 * seen));
            assert!((a.probability - b.probability).abs() < 0.05, "{seen}: {a:?} {b:?}");
        }
    }

    #[test]
    fn answers_use_nothing_after_their_moment() {
        let mut r = crate::Rng::new(9);
        let x: Vec<f64> = (0..900).map(|_| 0.7 + 0.09 * r.normal()).collect();
        let whole = Crossing::new(&x, P).unwrap();
        for e in [0, 1, 23, 24, 25, 300, 555] {
            assert_eq!(whole.at(e), crossing(&x[..e], P).unwrap());
        }
    }

    #[test]
    fn degenerate_input() {
        assert_eq!(crossing(&[], P).unwrap().probability, 0.0);
        assert_eq!(crossing(&[1.0], P).unwrap().probability, 1.0);
        for x in [vec![f64::NAN; 50], [-1e308, 1e308, 0.1, f64::INFINITY, 0.2].repeat(60)] {
            let a = crossing(&x, P).unwrap();
            assert!((0.0..=1.0).contains(&a.probability) && a.steps >= 0.0, "{a:?}");
        }
        let odd = CrossingParameters { horizon: 1, day: 1, threshold: 0.0, alarm: 0.5 };
        assert!((0.0..=1.0).contains(&crossing(&[-1.0, 1.0, -2.0, -1.0], odd).unwrap().probability));
        for threshold in [1.7e308, -1.7e308, 5e-324] {
            let a = crossing(&[-1e308, 1e308, 0.0, -1.0].repeat(60), CrossingParameters { threshold, ..P }).unwrap();
            assert!((0.0..=1.0).contains(&a.probability), "{threshold}: {a:?}");
        }
        assert!(Crossing::new(&[1.0], CrossingParameters { horizon: 0, ..P }).is_err());
        assert!(Crossing::new(&[1.0], CrossingParameters { threshold: f64::NAN, ..P }).is_err());
        let x = [1.0, 3.0, 2.0, 0.0, 1.0];
        assert_eq!(sliding(&x, 2, f64::max), vec![1.0, 3.0, 3.0, 2.0, 1.0]);
        assert_eq!(sliding(&x, 3, |a, b| a + b), vec![1.0, 4.0, 6.0, 5.0, 3.0]);
    }
}
