//! The operator that watches every series: five hundred bytes, tens of nanoseconds a sample.

use super::WeekProfile;

/// Detectors that vote, in the order of [`Part`], and one empty lane: eight lanes are two or one vector registers.
pub(super) const LANES: usize = 8;
pub(super) const VOLATILITY: usize = 4;
pub(super) const DRIFT: usize = 6;
const SPARE: usize = 7;
/// Weight of each detector in the sum. Measured on labelled streams in steps of .25 (docs/internals/analytics.md).
pub(super) const WEIGHTS: [f32; LANES] = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.0];
/// Slowest gain of each detector's own mean and variance; 0 where the lane holds something else.
pub(super) const GAINS: [f32; LANES] = [0.001, 0.002, 0.0, 0.002, 0.0, 0.005, 0.0, 0.0];
/// Slowest gain of the long mean's statistics, a step every fourth sample.
pub(super) const LONG_GAIN: f32 = 0.008;
/// Added to distances before their logarithm; the volatility's two mean squares only must not be 0.
pub(super) const ONES: [f32; LANES] = [1.0, 1.0, 1.0, 1.0, f32::MIN_POSITIVE, 1.0, 1.0, f32::MIN_POSITIVE];
/// Samples before a detector speaks.
pub(super) const WARM_UP: [u32; LANES] = [50, 50, 100, 50, 100, 50, 50, 0];
const ALL_WARM: u32 = 100;
/// Length of a block whose largest value calibrates a detector, in samples.
pub(super) const BLOCK: u8 = 50;
/// Blocks seen before anything is said.
pub(super) const BLOCKS_WARM: u8 = 5;
/// Slowest gain of the calibration over blocks.
pub(super) const BLOCK_GAIN: f32 = 0.1;
/// Least deviation of block maxima, in log units: a detector whose maxima never vary is not that sure.
pub(super) const BLOCK_FLOOR: f32 = 0.4;
/// Calibration is kept in steps of a 4,096th in 16 bits, so below 16. A logarithm of z is at most 10: the band floor bounds z.
pub(super) const FINE: f32 = 4096.0;
/// Samples for which a score is held against smaller ones.
pub(super) const HOLD: u16 = 100;
/// Band floor: a thousandth of the range seen. Constant stretches have no spread, and would make the next step infinite.
pub(super) const RANGE_FLOOR: f32 = 1e-3;
/// Samples away from the first one are cut here, so that squares stay finite in `f32`.
pub(super) const FAR: f64 = 1e18;

/// The detectors of [`Tier0`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The sample against the slow mean.
    Level,
    /// The mean of about the last 12 samples against what that mean usually is.
    ShortMean,
    /// The mean of the last 48 samples against what that mean usually is.
    LongMean,
    /// The sample against what is usual at this hour of the day and the week.
    Hour,
    /// The variance of differences lately against long ago.
    Volatility,
    /// The step from the sample before.
    Difference,
    /// The sum of small deviations in one direction: a slow climb.
    Drift,
}

pub(super) const PARTS: [Part; LANES] = [
    Part::Level,
    Part::ShortMean,
    Part::LongMean,
    Part::Hour,
    Part::Volatility,
    Part::Difference,
    Part::Drift,
    // the empty lane never gives most
    Part::Drift,
];

/// What the operator says of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// Surprise after the refractory rule, 0 for nearly all samples. About 5 is worth a look, 10 is plain to the eye.
    pub score: f32,
    /// Surprise before the refractory rule.
    pub surprise: f32,
    /// The detector that contributed most to a score above 0.
    pub part: Part,
}

impl Sight {
    pub(super) const NOTHING: Self = Self { score: 0.0, surprise: 0.0, part: Part::Level };
}

/// One series' state.
///
/// Each detector turns a sample into a distance z ≥ 0. The surprise of a detector is how far ln(1 + z) lies above the
/// mean of the largest ln(1 + z) of blocks of 50 samples, in their deviations: a series that spikes every hour has large
/// block maxima, so its next spike is no surprise. Surprises are summed over the detectors, and a score passes only if none
/// within the last 100 samples was larger. **Never an alert by itself.**
///
/// Updates of means are winsorised at 4 deviations, so that an incident does not teach. NaN and infinite samples are
/// ignored. Irregular steps are allowed; blocks and windows count samples. O(1), no allocation.
///
/// Sources: block maxima of extreme-value practice (Coles 2001, ch. 3), with location and scale of logarithms in place of
/// a fitted distribution; refractory rule and winsorised updates as measured in docs/internals/analytics.md.
#[derive(Debug, Clone, PartialEq)]
// seven cache lines; a sample touches the first three, one or two of the profile, and every fourth sample that of the quads
#[repr(C, align(64))]
pub struct Tier0 {
    pub(super) mean: [f32; LANES],
    pub(super) variance: [f32; LANES],
    /// The first sample; everything else is relative to it, in `f32`.
    pub(super) origin: f64,
    pub(super) samples: u32,
    pub(super) low: f32,
    pub(super) high: f32,
    pub(super) last: f32,
    pub(super) short: f32,
    pub(super) held: f32,
    /// Largest ln(1 + z) of the block; mean and deviation of blocks before. In steps of [`FINE`].
    pub(super) block_max: [u16; LANES],
    pub(super) block_mean: [u16; LANES],
    pub(super) block_deviation: [u16; LANES],
    /// Means of the last twelve quads of samples.
    pub(super) quads: [f32; 12],
    /// Sum of the quad that is being filled.
    pub(super) quad: f32,
    pub(super) age: u16,
    pub(super) in_block: u8,
    pub(super) blocks: u8,
    pub(super) profile: WeekProfile,
}

impl Default for Tier0 {
    fn default() -> Self {
        Self {
            origin: 0.0,
            mean: [0.0; LANES],
            variance: [0.0; LANES],
            block_mean: [0; LANES],
            block_deviation: [0; LANES],
            block_max: [0; LANES],
            samples: 0,
            low: 0.0,
            high: 0.0,
            last: 0.0,
            short: 0.0,
            quad: 0.0,
            quads: [0.0; 12],
            held: 0.0,
            age: u16::MAX,
            in_block: 0,
            blocks: 0,
            profile: WeekProfile::default(),
        }
    }
}

impl Tier0 {
    /// One sample for each of many series at one moment, as a scrape brings them: `each` is told index and sight of every
    /// sample. The same bits as [`Tier0::observe`], with the widest vector instructions the processor has. Stops at the
    /// shorter of the two slices.
    pub fn sweep(operators: &mut [Self], time_s: i64, values: &[f64], each: impl FnMut(usize, Sight)) {
        pulp::Arch::new().dispatch(Sweep { operators, time_s, values, each });
    }

    /// Takes a sample at `time_s` (seconds since the epoch) in.
    pub fn observe(&mut self, time_s: i64, value: f64) -> Sight {
        self.observe_in(WeekProfile::hour(time_s), value)
    }

    #[inline(always)]
    fn observe_in(&mut self, hour: usize, value: f64) -> Sight {
        if !value.is_finite() {
            return Sight::NOTHING;
        }
        if self.samples == 0 {
            self.origin = value;
        }
        let x = (value - self.origin).clamp(-FAR, FAR) as f32;
        self.low = smaller(self.low, x);
        self.high = larger(self.high, x);
        let floor = larger((self.high - self.low) * RANGE_FLOOR, f32::MIN_POSITIVE);
        let z = self.distances(hour, x, floor);
        self.last = x;
        self.samples = self.samples.saturating_add(1);
        let parts = self.surprises(&z);
        let surprise = sum(&parts);
        let score = self.pass(surprise);
        // nearly all samples end here
        let part = if score > 0.0 { largest(&parts) } else { Part::Level };
        Sight { score, surprise, part }
    }

    /// The distance of each detector, and its learning. Loops over all lanes, so that they become vector instructions.
    #[inline(always)]
    fn distances(&mut self, hour: usize, x: f32, floor: f32) -> [f32; LANES] {
        let share = 1.0 / (self.samples as f32 + 1.0);
        self.short += larger(share, 2.0 / 13.0) * (x - self.short);
        let step = if self.samples == 0 { 0.0 } else { x - self.last };
        let usual = self.profile.usual_at(hour);
        let long_mean = self.long_mean(x);
        let mut d = [0.0; LANES];
        d[0] = x - self.mean[0];
        d[1] = self.short - self.mean[1];
        d[2] = long_mean.map_or(0.0, |m| m - self.mean[2]);
        d[3] = usual.map_or(0.0, |u| x - u);
        d[5] = step - self.mean[5];

        let unlimited = if self.samples >= WARM_UP[0] { 0.0 } else { f32::INFINITY };
        let (mut z, mut cut, mut gain) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for k in 0..LANES {
            let deviation = larger(self.variance[k].sqrt(), floor);
            let limit = 4.0 * deviation + unlimited;
            z[k] = d[k].abs() / deviation;
            cut[k] = smaller(larger(d[k], -limit), limit);
            gain[k] = if GAINS[k] > 0.0 { larger(share, GAINS[k]) } else { 0.0 };
        }
        if long_mean.is_some() {
            gain[2] = (1.0 / (self.samples as f32 / 4.0 - 11.0).max(1.0)).max(LONG_GAIN);
        }
        (z[VOLATILITY], z[SPARE]) = self.volatility(step, share);
        let signed = if d[0] < 0.0 { -z[0] } else { z[0] };
        z[DRIFT] = self.drift(signed);
        self.profile.learn_at(hour, if usual.is_some() { cut[3] } else { x }, 0.05);
        for k in 0..LANES {
            self.mean[k] += gain[k] * cut[k];
            self.variance[k] = (1.0 - gain[k]) * (self.variance[k] + gain[k] * cut[k] * cut[k]);
        }
        if self.samples < ALL_WARM {
            for (value, warm_up) in z.iter_mut().zip(WARM_UP) {
                *value = if self.samples < warm_up { 0.0 } else { *value };
            }
        }
        z
    }

    /// Every fourth sample, once there are 48: the mean of the last 48.
    #[inline(always)]
    fn long_mean(&mut self, x: f32) -> Option<f32> {
        self.quad += x;
        if self.samples % 4 != 3 {
            return None;
        }
        let at = (self.samples / 4) as usize % self.quads.len();
        self.quads[at] = self.quad / 4.0;
        self.quad = 0.0;
        (self.samples >= 47).then(|| self.quads.iter().sum::<f32>() / self.quads.len() as f32)
    }

    /// Short and long mean square of steps; both live in this lane's mean and variance.
    #[inline(always)]
    fn volatility(&mut self, step: f32, share: f32) -> (f32, f32) {
        let square = step * step;
        let (short, long) = (&mut self.mean[VOLATILITY], &mut self.variance[VOLATILITY]);
        *short += larger(share, 0.01) * (square - *short);
        let pair = (*short, *long);
        *long += larger(share, 0.001) * (square - *long);
        pair
    }

    /// CUSUM of the level's z; its two sums live in this lane's mean and variance.
    #[inline(always)]
    fn drift(&mut self, z: f32) -> f32 {
        let z = if self.samples >= WARM_UP[DRIFT] { z.clamp(-4.0, 4.0) } else { 0.0 };
        let (up, down) = (&mut self.mean[DRIFT], &mut self.variance[DRIFT]);
        *up = (*up + z - 0.5).clamp(0.0, 50.0);
        *down = (*down - z - 0.5).clamp(0.0, 50.0);
        larger(*up, *down)
    }

    /// The weighted surprises of the detectors; then the calibration takes them in.
    #[inline(always)]
    fn surprises(&mut self, z: &[f32; LANES]) -> [f32; LANES] {
        let (mut parts, mut logs) = ([0.0; LANES], [0.0; LANES]);
        for k in 0..LANES {
            logs[k] = ln(z[k] + ONES[k]);
        }
        // the logarithm of a ratio as it is: |ln(short / long)| / 2, of deviations rather than variances
        logs[VOLATILITY] = if self.samples > WARM_UP[VOLATILITY] {
            smaller(0.5 * (logs[VOLATILITY] - logs[SPARE]).abs(), 10.0)
        } else {
            0.0
        };
        logs[SPARE] = 0.0;
        for k in 0..LANES {
            let l = logs[k];
            let over = (l - from_fine(self.block_mean[k])) / larger(from_fine(self.block_deviation[k]), BLOCK_FLOOR);
            parts[k] = WEIGHTS[k] * larger(over, 0.0);
            self.block_max[k] = self.block_max[k].max(to_fine(l));
        }
        let warm = self.blocks >= BLOCKS_WARM;
        self.in_block += 1;
        if self.in_block == BLOCK {
            self.end_block();
        }
        if warm { parts } else { [0.0; LANES] }
    }

    #[inline(never)]
    fn end_block(&mut self) {
        self.in_block = 0;
        self.blocks = self.blocks.saturating_add(1);
        let gain = (1.0 / f32::from(self.blocks)).max(BLOCK_GAIN);
        for k in 0..LANES {
            let (most, mean) = (from_fine(self.block_max[k]), from_fine(self.block_mean[k]));
            let deviation = from_fine(self.block_deviation[k]);
            let mut d = most - mean;
            if self.blocks > BLOCKS_WARM {
                let limit = 3.0 * deviation.max(BLOCK_FLOOR);
                d = d.clamp(-limit, limit);
            }
            self.block_mean[k] = to_fine(mean + gain * d);
            self.block_deviation[k] = to_fine(((1.0 - gain) * (deviation * deviation + gain * d * d)).sqrt());
            self.block_max[k] = 0;
        }
    }

    /// The refractory rule.
    #[inline(always)]
    fn pass(&mut self, surprise: f32) -> f32 {
        self.age = self.age.saturating_add(1);
        let over = self.age > HOLD;
        let passed = if surprise > 0.0 && (over || surprise > self.held) { surprise } else { 0.0 };
        if over || surprise >= self.held {
            (self.held, self.age) = (surprise, 0);
        }
        passed
    }

    /// Samples taken in.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.samples
    }
}

/// The larger of two numbers that are not NaN: one instruction, where `f32::max` needs four for its promise about NaN.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller of two numbers that are not NaN.
#[inline(always)]
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// A number in steps of [`FINE`], cut to what 16 bits hold. Adding 2²³ leaves the whole number in the low bits.
#[inline(always)]
pub(super) fn to_fine(x: f32) -> u16 {
    (smaller(larger(x * FINE, 0.0), 65_535.0) + 8_388_608.0).to_bits() as u16
}

#[inline(always)]
pub(super) fn from_fine(x: u16) -> f32 {
    f32::from(x) * (1.0 / FINE)
}

/// Sum by halves: a chain of additions would wait for each.
#[inline(always)]
fn sum(parts: &[f32; LANES]) -> f32 {
    let half: [f32; 4] = std::array::from_fn(|k| parts[k] + parts[k + 4]);
    (half[0] + half[2]) + (half[1] + half[3])
}

#[cold]
fn largest(parts: &[f32; LANES]) -> Part {
    PARTS[(1..LANES).fold(0, |best, k| if parts[k] > parts[best] { k } else { best })]
}

/// [`Tier0::sweep`] as the dispatcher wants it: a call that is always inlined, so that it is compiled for wide vectors.
struct Sweep<'a, F> {
    operators: &'a mut [Tier0],
    time_s: i64,
    values: &'a [f64],
    each: F,
}

impl<F: FnMut(usize, Sight)> pulp::NullaryFnOnce for Sweep<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let hour = WeekProfile::hour(self.time_s);
        for (index, (operator, value)) in self.operators.iter_mut().zip(self.values).enumerate() {
            (self.each)(index, operator.observe_in(hour, *value));
        }
    }
}

/// Natural logarithm of a positive, normal `f32` to about 1e-7: exponent and Cephes' polynomial of the mantissa (logf,
/// Moshier). Own arithmetic only, so that the bits are equal on every machine and loops over it vectorise.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    // mantissa to [√½, √2)
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i32 >> 23) as f32;
    let t = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    // Estrin's scheme: Horner's waits for each step
    let t2 = t * t;
    let t4 = t2 * t2;
    let low = (0.333_333_3 - 0.249_999_94 * t) + (0.200_007_14 - 0.166_680_58 * t) * t2;
    let high = (0.142_493_23 - 0.124_201_41 * t) + (0.116_769_984 - 0.115_146_1 * t) * t2;
    let p = low + (high + 7.037_683_6e-2 * t4) * t4;
    exponent * std::f32::consts::LN_2 + (t - 0.5 * t * t + t * t * t * p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    const STEP_S: i64 = 300;

    fn feed(op: &mut Tier0, from: i64, values: impl Iterator<Item = f64>) -> Vec<Sight> {
        (from..).zip(values).map(|(i, v)| op.observe(i * STEP_S, v)).collect()
    }

    #[test]
    fn the_state_is_at_most_512_bytes() {
        assert!(std::mem::size_of::<Tier0>() <= 512, "{}", std::mem::size_of::<Tier0>());
    }

    #[test]
    fn the_logarithm_is_one() {
        for x in [1e-30_f32, 1e-3, 0.5, 0.74, 0.76, 1.0, 1.4999, 1.5001, 2.0, 7.0, 1e9, 1e38] {
            assert!((ln(x) - x.ln()).abs() < 3e-5 * x.ln().abs().max(1.0), "{x} {} {}", ln(x), x.ln());
        }
    }

    #[test]
    fn a_sweep_says_the_same_bits_as_single_samples() {
        let mut r = Rng::new(5);
        let (mut one, mut many) = (vec![Tier0::default(); 7], vec![Tier0::default(); 7]);
        for i in 0..600 {
            let values: Vec<f64> = (0..7).map(|k| f64::from(k) * r.normal().exp()).collect();
            let single: Vec<Sight> = one.iter_mut().zip(&values).map(|(o, v)| o.observe(i * STEP_S, *v)).collect();
            Tier0::sweep(&mut many, i * STEP_S, &values, |k, sight| assert_eq!(sight, single[k]));
        }
        assert_eq!(one, many);
    }

    #[test]
    fn a_spike_in_noise_is_seen_and_noise_is_not() {
        let mut r = Rng::new(1);
        let mut op = Tier0::default();
        let calm = feed(&mut op, 0, (0..4000).map(|_| 50.0 + r.normal()));
        assert!(calm.iter().all(|s| s.score < 12.0), "{:?}", calm.iter().map(|s| s.score).fold(0.0, f32::max));
        let spike = op.observe(4000 * STEP_S, 90.0);
        assert!(spike.score > 15.0, "{spike:?}");
    }

    #[test]
    fn spikes_that_always_come_are_no_surprise_but_a_fall_to_zero_is() {
        let mut r = Rng::new(2);
        let mut op = Tier0::default();
        let value = |i: i64, r: &mut Rng| if i % 24 == 0 { 500.0 } else { 50.0 } + r.normal();
        let seen = feed(&mut op, 0, (0..4000).map(|i| value(i, &mut r)));
        let late = seen[1000..].iter().map(|s| s.score).fold(0.0, f32::max);
        let fall = feed(&mut op, 4000, (0..30).map(|_| 0.0)).iter().map(|s| s.score).fold(0.0, f32::max);
        assert!(fall > 1.5 * late, "usual spikes {late}, fall {fall}");
    }

    #[test]
    fn a_constant_series_that_moves_is_seen_and_nothing_overflows() {
        let mut op = Tier0::default();
        let calm = feed(&mut op, 0, std::iter::repeat_n(7.0, 1000));
        assert!(calm.iter().all(|s| s.score == 0.0));
        assert!(op.observe(1000 * STEP_S, 7.5).score > 5.0);
        for v in [f64::NAN, f64::INFINITY, 1e300, -1e300, 1e-300, 0.0] {
            let s = op.observe(0, v);
            assert!(s.score.is_finite() && s.surprise.is_finite(), "{v}: {s:?}");
        }
    }

    #[test]
    fn calibration_in_sixteen_bits_is_cut_and_never_wraps() {
        for (x, kept) in [
            (0.0, 0.0),
            (-1e-9, 0.0),
            (0.4, 0.4),
            (9.99, 9.99),
            (50.0, 15.9998),
            (f32::INFINITY, 15.9998),
            (f32::NAN, 0.0),
        ] {
            assert!((from_fine(to_fine(x)) - kept).abs() <= 0.5 / FINE, "{x}: {}", from_fine(to_fine(x)));
        }
    }
}
