//! Tier-0 operators of very many series: sixteen side by side, so that one vector instruction serves sixteen series.
#![allow(clippy::needless_range_loop, reason = "one index over many arrays is what vectorises")]

use super::profile::{COARSE, HOURS_DAY, HOURS_WEEK, nearest};
use super::tier0::{
    BLOCK, BLOCK_FLOOR, BLOCK_GAIN, BLOCKS_WARM, DRIFT, FAR, GAINS, HOLD, LONG_GAIN, ONES, PARTS, RANGE_FLOOR,
    VOLATILITY, WARM_UP, WEIGHTS, larger, ln, smaller,
};
use super::{Part, Sight, Tier0, WeekProfile};

/// Series of a tile: one register of the widest vectors, two or four of narrower ones.
const WIDE: usize = 16;
/// Detectors; the empty lane of [`Tier0`] is not kept.
const PARTS_KEPT: usize = 7;
/// Detectors with a mean and a variance of their own.
const MEASURED: [usize; 5] = [0, 1, 2, 3, 5];

/// A number of each series of a tile.
type Lane = [f32; WIDE];
type Mask = [bool; WIDE];

/// The state of sixteen series, field by field as in [`Tier0`]: 448 bytes a series.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Tile {
    mean: [Lane; PARTS_KEPT],
    variance: [Lane; PARTS_KEPT],
    block_max: [Lane; PARTS_KEPT],
    block_mean: [Lane; PARTS_KEPT],
    block_deviation: [Lane; PARTS_KEPT],
    low: Lane,
    high: Lane,
    last: Lane,
    short: Lane,
    held: Lane,
    quad: Lane,
    quads: [Lane; 12],
    origin: [f64; WIDE],
    samples: [u32; WIDE],
    age: [u16; WIDE],
    in_block: [u8; WIDE],
    blocks: [u8; WIDE],
    step: Lane,
    day: [[i16; WIDE]; HOURS_DAY],
    week: [[i8; WIDE]; HOURS_WEEK],
}

impl Tile {
    fn new() -> Self {
        const NONE: [Lane; PARTS_KEPT] = [[0.0; WIDE]; PARTS_KEPT];
        const ZERO: Lane = [0.0; WIDE];
        Self {
            mean: NONE,
            variance: NONE,
            block_max: NONE,
            block_mean: NONE,
            block_deviation: NONE,
            low: ZERO,
            high: ZERO,
            last: ZERO,
            short: ZERO,
            held: ZERO,
            quad: ZERO,
            quads: [ZERO; 12],
            origin: [0.0; WIDE],
            samples: [0; WIDE],
            age: [u16::MAX; WIDE],
            in_block: [0; WIDE],
            blocks: [0; WIDE],
            step: ZERO,
            day: [[i16::MIN; WIDE]; HOURS_DAY],
            week: [[0; WIDE]; HOURS_WEEK],
        }
    }
}

/// Very many [`Tier0`] operators by number: 448 bytes and about half the time each, and the same bits.
///
/// A sample may be missing (NaN): that series stays as it is. Grows by [`Tier0Bank::push`]; O(1) a sample, no allocation in
/// a sweep.
#[derive(Debug, Clone, Default)]
pub struct Tier0Bank {
    tiles: Vec<Box<Tile>>,
    len: usize,
}

impl Tier0Bank {
    /// Bytes of one operator.
    pub const BYTES: usize = size_of::<Tile>() / WIDE;

    /// Operators held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing held yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an operator that has seen nothing; its number is the length before.
    pub fn push(&mut self) {
        if self.len == self.tiles.len() * WIDE {
            self.tiles.push(Box::new(Tile::new()));
        }
        self.len += 1;
    }

    /// A copy of one operator.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Tier0> {
        let (t, k) = (self.tiles.get(index / WIDE).filter(|_| index < self.len)?, index % WIDE);
        let mut one = Tier0::default();
        for p in 0..PARTS_KEPT {
            one.mean[p] = t.mean[p][k];
            one.variance[p] = t.variance[p][k];
            one.block_max[p] = t.block_max[p][k];
            one.block_mean[p] = t.block_mean[p][k];
            one.block_deviation[p] = t.block_deviation[p][k];
        }
        (one.low, one.high, one.last, one.short) = (t.low[k], t.high[k], t.last[k], t.short[k]);
        (one.held, one.quad, one.origin) = (t.held[k], t.quad[k], t.origin[k]);
        (one.samples, one.age, one.in_block, one.blocks) = (t.samples[k], t.age[k], t.in_block[k], t.blocks[k]);
        one.quads = std::array::from_fn(|i| t.quads[i][k]);
        one.profile.step = t.step[k];
        one.profile.day = std::array::from_fn(|i| t.day[i][k]);
        one.profile.week = std::array::from_fn(|i| t.week[i][k]);
        Some(one)
    }

    /// Puts an operator in the place of one held; a number beyond the length does nothing.
    pub fn set(&mut self, index: usize, one: &Tier0) {
        let k = index % WIDE;
        let Some(t) = self.tiles.get_mut(index / WIDE).filter(|_| index < self.len) else { return };
        for p in 0..PARTS_KEPT {
            t.mean[p][k] = one.mean[p];
            t.variance[p][k] = one.variance[p];
            t.block_max[p][k] = one.block_max[p];
            t.block_mean[p][k] = one.block_mean[p];
            t.block_deviation[p][k] = one.block_deviation[p];
        }
        (t.low[k], t.high[k], t.last[k], t.short[k]) = (one.low, one.high, one.last, one.short);
        (t.held[k], t.quad[k], t.origin[k]) = (one.held, one.quad, one.origin);
        (t.samples[k], t.age[k], t.in_block[k], t.blocks[k]) = (one.samples, one.age, one.in_block, one.blocks);
        (0..12).for_each(|i| t.quads[i][k] = one.quads[i]);
        t.step[k] = one.profile.step;
        (0..HOURS_DAY).for_each(|i| t.day[i][k] = one.profile.day[i]);
        (0..HOURS_WEEK).for_each(|i| t.week[i][k] = one.profile.week[i]);
    }

    /// One sample for each operator at one moment (seconds since the epoch): `value` gives it by number, NaN where none
    /// came; `each` is told number and sight of every sample whose score is above 0.
    pub fn sweep(&mut self, time_s: i64, value: impl Fn(usize) -> f64, each: impl FnMut(usize, Sight)) {
        pulp::Arch::new().dispatch(Sweep { bank: self, time_s, value, each });
    }
}

/// [`Tier0Bank::sweep`] as the dispatcher wants it: always inlined, so that it is compiled for wide vectors.
struct Sweep<'a, V, E> {
    bank: &'a mut Tier0Bank,
    time_s: i64,
    value: V,
    each: E,
}

impl<V: Fn(usize) -> f64, E: FnMut(usize, Sight)> pulp::NullaryFnOnce for Sweep<'_, V, E> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let hour = WeekProfile::hour(self.time_s);
        let len = self.bank.len;
        for (number, tile) in self.bank.tiles.iter_mut().enumerate() {
            let first = number * WIDE;
            let here = (len - first).min(WIDE);
            let (mut values, mut there) = ([0.0; WIDE], [false; WIDE]);
            for k in 0..here {
                values[k] = (self.value)(first + k);
                there[k] = values[k].is_finite();
            }
            if there.iter().any(|t| *t) {
                let (score, surprise, parts) = tile.observe(hour, &values, &there);
                for k in 0..here {
                    if score[k] > 0.0 && there[k] {
                        let sight = Sight { score: score[k], surprise: surprise[k], part: largest(&parts, k) };
                        (self.each)(first + k, sight);
                    }
                }
            }
        }
    }
}

#[cold]
fn largest(parts: &[Lane; PARTS_KEPT], k: usize) -> Part {
    PARTS[(1..PARTS_KEPT).fold(0, |best, p| if parts[p][k] > parts[best][k] { p } else { best })]
}

/// Takes what is new where a sample came.
#[inline(always)]
fn put(old: &mut Lane, new: &Lane, there: &Mask) {
    for k in 0..WIDE {
        old[k] = if there[k] { new[k] } else { old[k] };
    }
}

/// What one sample of each series is at, for the steps of [`Tile::observe`].
struct Now {
    x: Lane,
    step: Lane,
    share: Lane,
    floor: Lane,
    /// What is usual at this hour, and whether that is known.
    usual: Lane,
    is_usual: Mask,
    long_mean: Lane,
    is_long: Mask,
}

impl Tile {
    /// Score, surprise and its parts, as [`Tier0::observe`].
    #[inline(always)]
    fn observe(&mut self, hour: usize, values: &[f64; WIDE], there: &Mask) -> (Lane, Lane, [Lane; PARTS_KEPT]) {
        let now = self.now(hour, values, there);
        let z = self.distances(hour, &now, there);
        put(&mut self.last, &now.x, there);
        for k in 0..WIDE {
            self.samples[k] = if there[k] { self.samples[k].saturating_add(1) } else { self.samples[k] };
        }
        let parts = self.surprises(&z, there);
        let mut surprise = [0.0; WIDE];
        for k in 0..WIDE {
            let (a, b) = (parts[0][k] + parts[4][k], parts[1][k] + parts[5][k]);
            let (c, d) = (parts[2][k] + parts[6][k], parts[3][k] + 0.0);
            surprise[k] = (a + c) + (b + d);
        }
        (self.pass(&surprise, there), surprise, parts)
    }

    #[inline(always)]
    fn now(&mut self, hour: usize, values: &[f64; WIDE], there: &Mask) -> Now {
        let mut now = Now {
            x: [0.0; WIDE],
            step: [0.0; WIDE],
            share: [0.0; WIDE],
            floor: [0.0; WIDE],
            usual: [0.0; WIDE],
            is_usual: [false; WIDE],
            long_mean: [0.0; WIDE],
            is_long: [false; WIDE],
        };
        for k in 0..WIDE {
            self.origin[k] = if there[k] && self.samples[k] == 0 { values[k] } else { self.origin[k] };
            now.x[k] = (values[k] - self.origin[k]).clamp(-FAR, FAR) as f32;
        }
        for k in 0..WIDE {
            let (x, is_first) = (now.x[k], self.samples[k] == 0);
            let (low, high) = (smaller(self.low[k], x), larger(self.high[k], x));
            self.low[k] = if there[k] { low } else { self.low[k] };
            self.high[k] = if there[k] { high } else { self.high[k] };
            now.floor[k] = larger((high - low) * RANGE_FLOOR, f32::MIN_POSITIVE);
            now.share[k] = 1.0 / (self.samples[k] as f32 + 1.0);
            now.step[k] = if is_first { 0.0 } else { x - self.last[k] };
            let short = self.short[k] + larger(now.share[k], 2.0 / 13.0) * (x - self.short[k]);
            self.short[k] = if there[k] { short } else { self.short[k] };
        }
        let (day, week) = (&self.day[hour % HOURS_DAY], &self.week[hour]);
        for k in 0..WIDE {
            now.is_usual[k] = day[k] != i16::MIN;
            now.usual[k] = f32::from(day[k]) * self.step[k] + f32::from(week[k]) * self.step[k] * COARSE;
        }
        self.long_mean(&mut now, there);
        now
    }

    /// Every fourth sample of a series, once there are 48: the mean of the last 48.
    #[inline(always)]
    fn long_mean(&mut self, now: &mut Now, there: &Mask) {
        let mut full = [false; WIDE];
        for k in 0..WIDE {
            self.quad[k] = if there[k] { self.quad[k] + now.x[k] } else { self.quad[k] };
            full[k] = there[k] && self.samples[k] % 4 == 3;
        }
        if !full.iter().any(|f| *f) {
            return;
        }
        for k in 0..WIDE {
            if full[k] {
                self.quads[(self.samples[k] / 4) as usize % 12][k] = self.quad[k] / 4.0;
                self.quad[k] = 0.0;
            }
            now.is_long[k] = full[k] && self.samples[k] >= 47;
        }
        let mut sum = [0.0; WIDE];
        for quad in &self.quads {
            (0..WIDE).for_each(|k| sum[k] += quad[k]);
        }
        (0..WIDE).for_each(|k| now.long_mean[k] = sum[k] / 12.0);
    }

    /// The distance of each detector, and its learning; the last lane is the long volatility.
    #[inline(always)]
    fn distances(&mut self, hour: usize, now: &Now, there: &Mask) -> [Lane; PARTS_KEPT + 1] {
        let (mut d, mut z, mut cut) =
            ([[0.0; WIDE]; PARTS_KEPT], [[0.0; WIDE]; PARTS_KEPT + 1], [[0.0; WIDE]; PARTS_KEPT]);
        for k in 0..WIDE {
            d[0][k] = now.x[k] - self.mean[0][k];
            d[1][k] = self.short[k] - self.mean[1][k];
            d[2][k] = if now.is_long[k] { now.long_mean[k] - self.mean[2][k] } else { 0.0 };
            d[3][k] = if now.is_usual[k] { now.x[k] - now.usual[k] } else { 0.0 };
            d[5][k] = now.step[k] - self.mean[5][k];
        }
        for p in MEASURED {
            for k in 0..WIDE {
                let unlimited = if self.samples[k] >= WARM_UP[0] { 0.0 } else { f32::INFINITY };
                let deviation = larger(self.variance[p][k].sqrt(), now.floor[k]);
                let limit = 4.0 * deviation + unlimited;
                z[p][k] = d[p][k].abs() / deviation;
                cut[p][k] = smaller(larger(d[p][k], -limit), limit);
            }
        }
        self.volatility(now, there, &mut z);
        self.drift(&d[0], there, &mut z);
        self.learn_hour(hour, now, &cut[3], there);
        for p in MEASURED {
            for k in 0..WIDE {
                let mut gain = if GAINS[p] > 0.0 { larger(now.share[k], GAINS[p]) } else { 0.0 };
                if p == 2 {
                    let slow = larger(1.0 / larger(self.samples[k] as f32 / 4.0 - 11.0, 1.0), LONG_GAIN);
                    gain = if now.is_long[k] { slow } else { 0.0 };
                }
                let c = cut[p][k];
                let mean = self.mean[p][k] + gain * c;
                let variance = (1.0 - gain) * (self.variance[p][k] + gain * c * c);
                self.mean[p][k] = if there[k] { mean } else { self.mean[p][k] };
                self.variance[p][k] = if there[k] { variance } else { self.variance[p][k] };
            }
        }
        for p in 0..PARTS_KEPT {
            for k in 0..WIDE {
                z[p][k] = if self.samples[k] < WARM_UP[p] { 0.0 } else { z[p][k] };
            }
        }
        z
    }

    /// Short and long mean square of steps.
    #[inline(always)]
    fn volatility(&mut self, now: &Now, there: &Mask, z: &mut [Lane; PARTS_KEPT + 1]) {
        let (short, long) = (&mut self.mean[VOLATILITY], &mut self.variance[VOLATILITY]);
        for k in 0..WIDE {
            let square = now.step[k] * now.step[k];
            let next = short[k] + larger(now.share[k], 0.01) * (square - short[k]);
            z[VOLATILITY][k] = next;
            z[PARTS_KEPT][k] = long[k];
            short[k] = if there[k] { next } else { short[k] };
            let next = long[k] + larger(now.share[k], 0.001) * (square - long[k]);
            long[k] = if there[k] { next } else { long[k] };
        }
    }

    /// CUSUM of the level's z.
    #[inline(always)]
    fn drift(&mut self, level: &Lane, there: &Mask, z: &mut [Lane; PARTS_KEPT + 1]) {
        let (up, down) = (&mut self.mean[DRIFT], &mut self.variance[DRIFT]);
        for k in 0..WIDE {
            let signed = if level[k] < 0.0 { -z[0][k] } else { z[0][k] };
            let cut = smaller(larger(signed, -4.0), 4.0);
            let cut = if self.samples[k] >= WARM_UP[DRIFT] { cut } else { 0.0 };
            let (u, d) = (bounded(up[k] + cut - 0.5), bounded(down[k] - cut - 0.5));
            up[k] = if there[k] { u } else { up[k] };
            down[k] = if there[k] { d } else { down[k] };
            z[DRIFT][k] = larger(u, d);
        }
    }

    /// [`WeekProfile::learn`] of sixteen.
    #[inline(always)]
    fn learn_hour(&mut self, hour: usize, now: &Now, cut: &Lane, there: &Mask) {
        const GAIN: f32 = 0.05;
        let d = hour % HOURS_DAY;
        let (mut day, mut week, mut wide) = ([0.0; WIDE], [0.0; WIDE], [false; WIDE]);
        for k in 0..WIDE {
            let deviation = if now.is_usual[k] { cut[k] } else { now.x[k] };
            let moved = GAIN * deviation;
            day[k] = if now.is_usual[k] { f32::from(self.day[d][k]) * self.step[k] + moved } else { deviation };
            let add = if now.is_usual[k] { moved } else { 0.0 };
            week[k] = f32::from(self.week[hour][k]) * self.step[k] * COARSE + add;
            let room = larger(day[k].abs(), week[k].abs() * (32_767.0 / (127.0 * COARSE)));
            wide[k] = there[k] && room > 32_767.0 * self.step[k] && room > 0.0 && room.is_finite();
        }
        if wide.iter().any(|w| *w) {
            self.widen(&day, &week, &wide);
        }
        for k in 0..WIDE {
            let is_known = there[k] && day[k].is_finite() && week[k].is_finite();
            let is_scaled = self.step[k] > 0.0;
            let steps = if is_scaled { 1.0 / self.step[k] } else { 0.0 };
            let (new_day, new_week) = (nearest(day[k] * steps) as i16, nearest(week[k] * steps * (1.0 / COARSE)) as i8);
            self.day[d][k] = if is_known { new_day } else { self.day[d][k] };
            self.week[hour][k] = if is_known && is_scaled { new_week } else { self.week[hour][k] };
        }
    }

    /// Where a value does not fit: a step with which it takes half of the range of a day's slot.
    #[cold]
    #[inline(never)]
    fn widen(&mut self, day: &Lane, week: &Lane, wide: &Mask) {
        for k in (0..WIDE).filter(|k| wide[*k]) {
            let value = larger(day[k].abs(), week[k].abs() * (32_767.0 / (127.0 * COARSE)));
            let step = value / 16_384.0;
            let shrink = self.step[k] / step;
            for slot in self.day.iter_mut().filter(|s| s[k] != i16::MIN) {
                slot[k] = nearest(f32::from(slot[k]) * shrink) as i16;
            }
            for slot in &mut self.week {
                slot[k] = nearest(f32::from(slot[k]) * shrink) as i8;
            }
            self.step[k] = step;
        }
    }

    /// The weighted surprises; then the calibration takes them in.
    #[inline(always)]
    fn surprises(&mut self, z: &[Lane; PARTS_KEPT + 1], there: &Mask) -> [Lane; PARTS_KEPT] {
        let mut parts = [[0.0; WIDE]; PARTS_KEPT];
        let mut ended = [false; WIDE];
        for p in 0..PARTS_KEPT {
            for k in 0..WIDE {
                let mut l = ln(z[p][k] + ONES[p]);
                if p == VOLATILITY {
                    let ratio = smaller(0.5 * (l - ln(z[PARTS_KEPT][k] + f32::MIN_POSITIVE)).abs(), 10.0);
                    l = if self.samples[k] > WARM_UP[VOLATILITY] { ratio } else { 0.0 };
                }
                let over = (l - self.block_mean[p][k]) / larger(self.block_deviation[p][k], BLOCK_FLOOR);
                let part = WEIGHTS[p] * larger(over, 0.0);
                parts[p][k] = if self.blocks[k] >= BLOCKS_WARM { part } else { 0.0 };
                let most = larger(self.block_max[p][k], l);
                self.block_max[p][k] = if there[k] { most } else { self.block_max[p][k] };
            }
        }
        for k in 0..WIDE {
            self.in_block[k] += u8::from(there[k]);
            ended[k] = self.in_block[k] >= BLOCK;
        }
        if ended.iter().any(|e| *e) {
            (0..WIDE).filter(|k| ended[*k]).for_each(|k| self.end_block(k));
        }
        parts
    }

    #[inline(never)]
    fn end_block(&mut self, k: usize) {
        self.in_block[k] = 0;
        self.blocks[k] = self.blocks[k].saturating_add(1);
        let gain = (1.0 / f32::from(self.blocks[k])).max(BLOCK_GAIN);
        for p in 0..PARTS_KEPT {
            let deviation = self.block_deviation[p][k];
            let mut d = self.block_max[p][k] - self.block_mean[p][k];
            if self.blocks[k] > BLOCKS_WARM {
                let limit = 3.0 * deviation.max(BLOCK_FLOOR);
                d = d.clamp(-limit, limit);
            }
            self.block_mean[p][k] += gain * d;
            self.block_deviation[p][k] = ((1.0 - gain) * (deviation * deviation + gain * d * d)).sqrt();
            self.block_max[p][k] = 0.0;
        }
    }

    /// The refractory rule.
    #[inline(always)]
    fn pass(&mut self, surprise: &Lane, there: &Mask) -> Lane {
        let mut passed = [0.0; WIDE];
        for k in 0..WIDE {
            let age = self.age[k].saturating_add(1);
            let over = age > HOLD;
            let s = surprise[k];
            passed[k] = if s > 0.0 && (over || s > self.held[k]) { s } else { 0.0 };
            let is_held = over || s >= self.held[k];
            self.age[k] = if !there[k] {
                self.age[k]
            } else if is_held {
                0
            } else {
                age
            };
            self.held[k] = if there[k] && is_held { s } else { self.held[k] };
        }
        passed
    }
}

#[inline(always)]
fn bounded(x: f32) -> f32 {
    smaller(larger(x, 0.0), 50.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_series_takes_448_bytes() {
        assert_eq!(size_of::<Tile>(), 448 * WIDE);
    }

    #[test]
    fn a_bank_says_and_holds_the_same_bits_as_single_operators_with_gaps_and_wild_values() {
        let mut r = Rng::new(11);
        let n = 37;
        let mut single = vec![Tier0::default(); n];
        let mut bank = Tier0Bank::default();
        (0..n).for_each(|_| bank.push());
        let mut said = 0;
        for i in 0..3000_i64 {
            let values: Vec<f64> = (0..n)
                .map(|k| match k {
                    // some are absent, half of the time or always
                    _ if k % 5 == 4 && r.uniform() < 0.5 => f64::NAN,
                    11 => f64::NAN,
                    12 => 7.0,
                    13 => r.normal() * 1e30,
                    14 => [1e300, -1e300, f64::INFINITY, 1e-300][i as usize % 4],
                    _ if r.uniform() < 0.002 => 500.0,
                    _ => 50.0 + (i as f64 / 40.0).sin() + r.normal() * (k + 1) as f64,
                })
                .collect();
            let mut sights = vec![Sight::NOTHING; n];
            bank.sweep(i * 300, |k| values[k], |k, sight| sights[k] = sight);
            for (k, operator) in single.iter_mut().enumerate() {
                let sight = operator.observe(i * 300, values[k]);
                assert_eq!(sights[k].score, sight.score, "series {k}, sample {i}");
                if sight.score > 0.0 {
                    assert_eq!(sights[k], sight, "series {k}, sample {i}");
                    said += 1;
                }
            }
        }
        assert!(said > 20, "{said}");
        for (k, operator) in single.iter().enumerate() {
            assert_eq!(bank.get(k).as_ref(), Some(operator), "series {k}");
        }
        let copy = bank.get(3).unwrap();
        bank.set(5, &copy);
        assert_eq!(bank.get(5), Some(copy));
        assert_eq!(bank.get(n), None);
    }
}
