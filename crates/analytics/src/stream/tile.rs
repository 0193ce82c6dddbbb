//! Sixteen tier-0 operators side by side, so that one vector instruction serves sixteen series.
//!
//! Written for the compiler: loops over all lanes without branches, masks as whole words (a choice between two places in
//! memory becomes sixteen jumps), numbers of detectors known where a step is inlined.
#![allow(clippy::needless_range_loop, reason = "one index over many arrays is what vectorises")]

use super::lanes::{
    Fine, Lane, Mask, NOWHERE, WIDE, ZERO, any, bounded, log, mask, only, pick, pick_bits, smaller_u32,
};
use super::profile::{COARSE, HOURS_DAY, HOURS_WEEK, nearest};
use super::tier0::{
    BLOCK, BLOCK_FLOOR, BLOCK_GAIN, BLOCKS_WARM, DRIFT, FAR, GAINS, HOLD, LONG_GAIN, PARTS, RANGE_FLOOR, VOLATILITY,
    WARM_UP, WEIGHTS, from_fine, larger, smaller, to_fine,
};
use super::{Part, Tier0};

/// Detectors; the empty lane of [`Tier0`] is not kept.
const KEPT: usize = 7;

/// The state of sixteen series, field by field as in [`Tier0`], in the order of use.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Tile {
    origin: [f64; WIDE],
    samples: [u32; WIDE],
    low: Lane,
    high: Lane,
    last: Lane,
    short: Lane,
    quad: Lane,
    step: Lane,
    mean: [Lane; KEPT],
    variance: [Lane; KEPT],
    block_max: [Fine; KEPT],
    block_mean: [Fine; KEPT],
    block_deviation: [Fine; KEPT],
    age: [u16; WIDE],
    in_block: [u8; WIDE],
    blocks: [u8; WIDE],
    held: Lane,
    quads: [Lane; 12],
    day: [[i16; WIDE]; HOURS_DAY],
    week: [[i8; WIDE]; HOURS_WEEK],
}

/// What [`Tile::observe`] says of each series.
pub(super) struct Said {
    pub score: Lane,
    pub surprise: Lane,
    parts: [Lane; KEPT],
}

impl Said {
    #[cold]
    pub fn largest(&self, k: usize) -> Part {
        PARTS[(1..KEPT).fold(0, |best, p| if self.parts[p][k] > self.parts[best][k] { p } else { best })]
    }
}

/// What one sample of each series is at, for the steps of [`Tile::observe`].
struct Now<'a> {
    hour: usize,
    there: &'a Mask,
    x: Lane,
    step: Lane,
    share: Lane,
    floor: Lane,
    /// Infinite where deviations are not limited yet.
    unlimited: Lane,
    /// What is usual at this hour, and whether that is known.
    usual: Lane,
    is_usual: Mask,
    long_mean: Lane,
    is_long: Mask,
}

impl Tile {
    pub fn new() -> Self {
        Self {
            origin: [0.0; WIDE],
            samples: [0; WIDE],
            low: ZERO,
            high: ZERO,
            last: ZERO,
            short: ZERO,
            quad: ZERO,
            step: ZERO,
            mean: [ZERO; KEPT],
            variance: [ZERO; KEPT],
            block_max: [[0; WIDE]; KEPT],
            block_mean: [[0; WIDE]; KEPT],
            block_deviation: [[0; WIDE]; KEPT],
            age: [u16::MAX; WIDE],
            in_block: [0; WIDE],
            blocks: [0; WIDE],
            held: ZERO,
            quads: [ZERO; 12],
            day: [[i16::MIN; WIDE]; HOURS_DAY],
            week: [[0; WIDE]; HOURS_WEEK],
        }
    }

    /// A copy of one operator.
    pub fn get(&self, k: usize) -> Tier0 {
        let mut one = Tier0::default();
        for p in 0..KEPT {
            one.mean[p] = self.mean[p][k];
            one.variance[p] = self.variance[p][k];
            one.block_max[p] = self.block_max[p][k];
            one.block_mean[p] = self.block_mean[p][k];
            one.block_deviation[p] = self.block_deviation[p][k];
        }
        (one.low, one.high, one.last, one.short) = (self.low[k], self.high[k], self.last[k], self.short[k]);
        (one.held, one.quad, one.origin) = (self.held[k], self.quad[k], self.origin[k]);
        (one.samples, one.age) = (self.samples[k], self.age[k]);
        (one.in_block, one.blocks) = (self.in_block[k], self.blocks[k]);
        one.quads = std::array::from_fn(|i| self.quads[i][k]);
        one.profile.step = self.step[k];
        one.profile.day = std::array::from_fn(|i| self.day[i][k]);
        one.profile.week = std::array::from_fn(|i| self.week[i][k]);
        one
    }

    /// Puts an operator in the place of one held.
    pub fn set(&mut self, k: usize, one: &Tier0) {
        for p in 0..KEPT {
            self.mean[p][k] = one.mean[p];
            self.variance[p][k] = one.variance[p];
            self.block_max[p][k] = one.block_max[p];
            self.block_mean[p][k] = one.block_mean[p];
            self.block_deviation[p][k] = one.block_deviation[p];
        }
        (self.low[k], self.high[k], self.last[k], self.short[k]) = (one.low, one.high, one.last, one.short);
        (self.held[k], self.quad[k], self.origin[k]) = (one.held, one.quad, one.origin);
        (self.samples[k], self.age[k]) = (one.samples, one.age);
        (self.in_block[k], self.blocks[k]) = (one.in_block, one.blocks);
        (0..12).for_each(|i| self.quads[i][k] = one.quads[i]);
        self.step[k] = one.profile.step;
        (0..HOURS_DAY).for_each(|i| self.day[i][k] = one.profile.day[i]);
        (0..HOURS_WEEK).for_each(|i| self.week[i][k] = one.profile.week[i]);
    }

    /// One sample of each series that is there, as [`Tier0::observe`].
    #[inline(always)]
    pub fn observe(&mut self, hour: usize, values: &[f64; WIDE], there: &Mask) -> Said {
        let mut now = self.now(hour, values, there);
        self.usual(&mut now);
        self.long_mean(&mut now);
        let is_long = any(&now.is_long);
        let mut z = [ZERO; KEPT + 1];
        self.distances(&now, is_long, &mut z);
        for k in 0..WIDE {
            self.last[k] = pick(there[k], now.x[k], self.last[k]);
            self.samples[k] = self.samples[k].saturating_add(there[k] & 1);
        }
        let parts = self.surprises(&z, is_long, there);
        self.count_block(there);
        let mut surprise = ZERO;
        for k in 0..WIDE {
            let (a, b) = (parts[0][k] + parts[4][k], parts[1][k] + parts[5][k]);
            let (c, d) = (parts[2][k] + parts[6][k], parts[3][k] + 0.0);
            surprise[k] = (a + c) + (b + d);
        }
        Said { score: self.pass(&surprise, there), surprise, parts }
    }

    #[inline(always)]
    fn now<'a>(&mut self, hour: usize, values: &[f64; WIDE], there: &'a Mask) -> Now<'a> {
        let mut now = Now {
            hour,
            there,
            x: ZERO,
            step: ZERO,
            share: ZERO,
            floor: ZERO,
            unlimited: ZERO,
            usual: ZERO,
            is_usual: NOWHERE,
            long_mean: ZERO,
            is_long: NOWHERE,
        };
        let (mut is_first, mut is_beyond) = (NOWHERE, NOWHERE);
        for k in 0..WIDE {
            is_first[k] = there[k] & mask(self.samples[k] == 0);
        }
        if any(&is_first) {
            (0..WIDE).filter(|k| is_first[*k] != 0).for_each(|k| self.origin[k] = values[k]);
        }
        for k in 0..WIDE {
            now.x[k] = (values[k] - self.origin[k]).clamp(-FAR, FAR) as f32;
        }
        for k in 0..WIDE {
            is_beyond[k] = there[k] & (mask(now.x[k] < self.low[k]) | mask(now.x[k] > self.high[k]));
        }
        // seldom, and what is not written need not go back to memory
        if any(&is_beyond) {
            for k in 0..WIDE {
                self.low[k] = pick(there[k], smaller(self.low[k], now.x[k]), self.low[k]);
                self.high[k] = pick(there[k], larger(self.high[k], now.x[k]), self.high[k]);
            }
        }
        for k in 0..WIDE {
            let x = now.x[k];
            now.floor[k] = larger((self.high[k] - self.low[k]) * RANGE_FLOOR, f32::MIN_POSITIVE);
            now.share[k] = 1.0 / (self.samples[k] as f32 + 1.0);
            now.unlimited[k] = only(mask(self.samples[k] < WARM_UP[0]), f32::INFINITY);
            now.step[k] = only(!is_first[k], x - self.last[k]);
            let short = self.short[k] + larger(now.share[k], 2.0 / 13.0) * (x - self.short[k]);
            self.short[k] = pick(there[k], short, self.short[k]);
        }
        now
    }

    #[inline(always)]
    fn usual(&self, now: &mut Now<'_>) {
        let (day, week) = (&self.day[now.hour % HOURS_DAY], &self.week[now.hour]);
        for k in 0..WIDE {
            now.is_usual[k] = mask(day[k] != i16::MIN);
            now.usual[k] = f32::from(day[k]) * self.step[k] + f32::from(week[k]) * self.step[k] * COARSE;
        }
    }

    /// Every fourth sample of a series, once there are 48: the mean of the last 48.
    #[inline(always)]
    fn long_mean(&mut self, now: &mut Now<'_>) {
        let mut full = NOWHERE;
        for k in 0..WIDE {
            self.quad[k] = pick(now.there[k], self.quad[k] + now.x[k], self.quad[k]);
            full[k] = now.there[k] & mask(self.samples[k] % 4 == 3);
        }
        if !any(&full) {
            return;
        }
        let mut at = NOWHERE;
        for k in 0..WIDE {
            at[k] = self.samples[k] / 4 % 12;
            now.is_long[k] = full[k] & mask(self.samples[k] >= 47);
        }
        let mut sum = ZERO;
        for (place, quad) in (0_u32..).zip(&mut self.quads) {
            let mut here = NOWHERE;
            for k in 0..WIDE {
                here[k] = full[k] & mask(at[k] == place);
            }
            if any(&here) {
                for k in 0..WIDE {
                    quad[k] = pick(here[k], self.quad[k] / 4.0, quad[k]);
                }
            }
            (0..WIDE).for_each(|k| sum[k] += quad[k]);
        }
        for k in 0..WIDE {
            now.long_mean[k] = sum[k] / 12.0;
            self.quad[k] = only(!full[k], self.quad[k]);
        }
    }

    /// The distance of each detector, and its learning; the last lane is the long volatility.
    #[inline(always)]
    fn distances(&mut self, now: &Now<'_>, is_long: bool, z: &mut [Lane; KEPT + 1]) {
        let mut d = ZERO;
        (0..WIDE).for_each(|k| d[k] = now.x[k] - self.mean[0][k]);
        self.measure::<0>(now, &d, &mut z[0]);
        self.drift(now, &d, z);
        (0..WIDE).for_each(|k| d[k] = self.short[k] - self.mean[1][k]);
        self.measure::<1>(now, &d, &mut z[1]);
        if is_long {
            (0..WIDE).for_each(|k| d[k] = only(now.is_long[k], now.long_mean[k] - self.mean[2][k]));
            self.measure::<2>(now, &d, &mut z[2]);
        }
        (0..WIDE).for_each(|k| d[k] = only(now.is_usual[k], now.x[k] - now.usual[k]));
        let cut = self.measure::<3>(now, &d, &mut z[3]);
        self.learn_hour(now, &cut);
        (0..WIDE).for_each(|k| d[k] = now.step[k] - self.mean[5][k]);
        self.measure::<5>(now, &d, &mut z[5]);
        self.volatility(now, z);
        for p in 0..KEPT {
            for k in 0..WIDE {
                z[p][k] = only(mask(self.samples[k] >= WARM_UP[p]), z[p][k]);
            }
        }
    }

    /// A detector with a mean and a variance of its own: distance and learning. Returns how far it learns.
    #[inline(always)]
    fn measure<const P: usize>(&mut self, now: &Now<'_>, d: &Lane, z: &mut Lane) -> Lane {
        let mut cut = ZERO;
        let (means, variances) = (&mut self.mean[P], &mut self.variance[P]);
        for k in 0..WIDE {
            let (mean, variance) = (means[k], variances[k]);
            let deviation = larger(variance.sqrt(), now.floor[k]);
            let limit = 4.0 * deviation + now.unlimited[k];
            z[k] = d[k].abs() / deviation;
            let c = smaller(larger(d[k], -limit), limit);
            let gain = if P == 2 {
                let slow = larger(1.0 / larger(self.samples[k] as f32 / 4.0 - 11.0, 1.0), LONG_GAIN);
                only(now.is_long[k], slow)
            } else {
                larger(now.share[k], GAINS[P])
            };
            means[k] = pick(now.there[k], mean + gain * c, mean);
            variances[k] = pick(now.there[k], (1.0 - gain) * (variance + gain * c * c), variance);
            cut[k] = c;
        }
        cut
    }

    /// Short and long mean square of steps.
    #[inline(always)]
    fn volatility(&mut self, now: &Now<'_>, z: &mut [Lane; KEPT + 1]) {
        let (short, long) = (&mut self.mean[VOLATILITY], &mut self.variance[VOLATILITY]);
        for k in 0..WIDE {
            let square = now.step[k] * now.step[k];
            let next = short[k] + larger(now.share[k], 0.01) * (square - short[k]);
            z[VOLATILITY][k] = next;
            z[KEPT][k] = long[k];
            short[k] = pick(now.there[k], next, short[k]);
            let next = long[k] + larger(now.share[k], 0.001) * (square - long[k]);
            long[k] = pick(now.there[k], next, long[k]);
        }
    }

    /// CUSUM of the level's z.
    #[inline(always)]
    fn drift(&mut self, now: &Now<'_>, level: &Lane, z: &mut [Lane; KEPT + 1]) {
        let (up, down) = (&mut self.mean[DRIFT], &mut self.variance[DRIFT]);
        for k in 0..WIDE {
            let signed = z[0][k].copysign(level[k]);
            let cut = smaller(larger(signed, -4.0), 4.0);
            let cut = only(mask(self.samples[k] >= WARM_UP[DRIFT]), cut);
            let (u, d) = (bounded(up[k] + cut - 0.5), bounded(down[k] - cut - 0.5));
            up[k] = pick(now.there[k], u, up[k]);
            down[k] = pick(now.there[k], d, down[k]);
            z[DRIFT][k] = larger(u, d);
        }
    }

    /// [`super::WeekProfile::learn`] of sixteen.
    #[inline(always)]
    fn learn_hour(&mut self, now: &Now<'_>, cut: &Lane) {
        const GAIN: f32 = 0.05;
        let d = now.hour % HOURS_DAY;
        let (mut day, mut week, mut is_wide) = (ZERO, ZERO, NOWHERE);
        for k in 0..WIDE {
            let is_usual = now.is_usual[k];
            let moved = GAIN * cut[k];
            day[k] = pick(is_usual, f32::from(self.day[d][k]) * self.step[k] + moved, now.x[k]);
            week[k] = f32::from(self.week[now.hour][k]) * self.step[k] * COARSE + only(is_usual, moved);
            let room = larger(day[k].abs(), week[k].abs() * (32_767.0 / (127.0 * COARSE)));
            let is_room = mask(room > 32_767.0 * self.step[k]) & mask(room > 0.0) & mask(room < f32::INFINITY);
            is_wide[k] = now.there[k] & is_room;
        }
        if any(&is_wide) {
            (0..WIDE).filter(|k| is_wide[*k] != 0).for_each(|k| self.widen(k, day[k], week[k]));
        }
        for k in 0..WIDE {
            let is_finite = mask(day[k].abs() < f32::INFINITY) & mask(week[k].abs() < f32::INFINITY);
            let is_known = now.there[k] & is_finite;
            let is_scaled = mask(self.step[k] > 0.0);
            let steps = only(is_scaled, 1.0 / self.step[k]);
            let (old_day, old_week) = (self.day[d][k] as u32, self.week[now.hour][k] as u32);
            let new_day = pick_bits(is_known, nearest(day[k] * steps), old_day);
            let new_week = pick_bits(is_known & is_scaled, nearest(week[k] * steps * (1.0 / COARSE)), old_week);
            self.day[d][k] = new_day as i16;
            self.week[now.hour][k] = new_week as i8;
        }
    }

    /// Where a value does not fit: a step with which it takes half of the range of a day's slot.
    #[cold]
    #[inline(never)]
    fn widen(&mut self, k: usize, day: f32, week: f32) {
        let value = larger(day.abs(), week.abs() * (32_767.0 / (127.0 * COARSE)));
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

    /// The weighted surprises; the calibration takes them in.
    #[inline(always)]
    fn surprises(&mut self, z: &[Lane; KEPT + 1], is_long: bool, there: &Mask) -> [Lane; KEPT] {
        let mut parts = [ZERO; KEPT];
        parts[0] = self.surprise::<0>(&log::<0>(&z[0]), there);
        parts[1] = self.surprise::<1>(&log::<1>(&z[1]), there);
        if is_long {
            parts[2] = self.surprise::<2>(&log::<2>(&z[2]), there);
        }
        parts[3] = self.surprise::<3>(&log::<3>(&z[3]), there);
        let (short, long) = (log::<VOLATILITY>(&z[VOLATILITY]), log::<VOLATILITY>(&z[KEPT]));
        let mut ratio = ZERO;
        for k in 0..WIDE {
            let l = smaller(0.5 * (short[k] - long[k]).abs(), 10.0);
            ratio[k] = only(mask(self.samples[k] > WARM_UP[VOLATILITY]), l);
        }
        parts[VOLATILITY] = self.surprise::<VOLATILITY>(&ratio, there);
        parts[5] = self.surprise::<5>(&log::<5>(&z[5]), there);
        parts[DRIFT] = self.surprise::<DRIFT>(&log::<DRIFT>(&z[DRIFT]), there);
        parts
    }

    #[inline(always)]
    fn surprise<const P: usize>(&mut self, l: &Lane, there: &Mask) -> Lane {
        let mut part = ZERO;
        let most = &mut self.block_max[P];
        for k in 0..WIDE {
            let deviation = larger(from_fine(self.block_deviation[P][k]), BLOCK_FLOOR);
            let over = (l[k] - from_fine(self.block_mean[P][k])) / deviation;
            part[k] = only(mask(self.blocks[k] >= BLOCKS_WARM), WEIGHTS[P] * larger(over, 0.0));
            most[k] = most[k].max(to_fine(l[k]) & there[k] as u16);
        }
        part
    }

    #[inline(always)]
    fn count_block(&mut self, there: &Mask) {
        let mut most = 0;
        for k in 0..WIDE {
            self.in_block[k] += there[k] as u8 & 1;
            most = most.max(self.in_block[k]);
        }
        if most >= BLOCK {
            for k in 0..WIDE {
                if self.in_block[k] >= BLOCK {
                    self.end_block(k);
                }
            }
        }
    }

    /// One by one and out of line: all side by side here made every sample dearer by three nanoseconds.
    #[inline(never)]
    fn end_block(&mut self, k: usize) {
        self.in_block[k] = 0;
        self.blocks[k] = self.blocks[k].saturating_add(1);
        let gain = (1.0 / f32::from(self.blocks[k])).max(BLOCK_GAIN);
        for p in 0..KEPT {
            let (most, mean) = (from_fine(self.block_max[p][k]), from_fine(self.block_mean[p][k]));
            let deviation = from_fine(self.block_deviation[p][k]);
            let mut d = most - mean;
            if self.blocks[k] > BLOCKS_WARM {
                let limit = 3.0 * deviation.max(BLOCK_FLOOR);
                d = d.clamp(-limit, limit);
            }
            self.block_mean[p][k] = to_fine(mean + gain * d);
            self.block_deviation[p][k] = to_fine(((1.0 - gain) * (deviation * deviation + gain * d * d)).sqrt());
            self.block_max[p][k] = 0;
        }
    }

    /// The refractory rule.
    #[inline(always)]
    fn pass(&mut self, surprise: &Lane, there: &Mask) -> Lane {
        let mut passed = ZERO;
        for k in 0..WIDE {
            let age = smaller_u32(u32::from(self.age[k]) + 1, u32::from(u16::MAX));
            let over = mask(age > u32::from(HOLD));
            let (s, held) = (surprise[k], self.held[k]);
            passed[k] = only(there[k] & mask(s > 0.0) & (over | mask(s > held)), s);
            let is_held = over | mask(s >= held);
            self.age[k] = pick_bits(there[k], age & !is_held, u32::from(self.age[k])) as u16;
            self.held[k] = pick(there[k] & is_held, s, held);
        }
        passed
    }
}
