//! Onset of a fault: the first abnormal row of a window, given a baseline, with an interval.

use crate::stats::autocorrelation::autocorrelation;
use crate::stats::deviation::{Baseline, DeviationParams, Direction};
use crate::{Error, Result};

/// Amplitude, in noise deviations, that a fault is expected to have: wide, so that its exact value matters little.
const AMPLITUDE: f64 = 10.0;
/// Samples of the baseline that the noise's variance is believed on at most: the noise may grow with the fault.
const FREEDOM: f64 = 20.0;
/// z is cut here: a spike of a thousand deviations must not outweigh the shape of all else.
const FAR: f64 = 30.0;
/// Strongest memory believed; a baseline with a trend would claim more.
const MEMORY: f64 = 0.9;

/// How to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnsetParams {
    /// Which departures count, and the absolute floor of the scale.
    pub deviation: DeviationParams,
    /// Probability that the interval is to hold.
    pub level: f64,
}

impl Default for OnsetParams {
    fn default() -> Self {
        Self { deviation: DeviationParams::default(), level: 0.9 }
    }
}

/// When a fault began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// The most likely first abnormal row of the window.
    pub row: usize,
    /// First row of the interval.
    pub low: usize,
    /// Last row of the interval, inclusive.
    pub high: usize,
    /// Probability that there is an onset in the window at all, half of it granted before looking.
    pub probability: f64,
}

/// The most likely first abnormal row of `window` and a credible interval.
///
/// Every row is weighed as an onset under a family of shapes: a level that is reached at once or over 2, 4, 8, … rows (slow
/// leaks, rolling restarts) and holds, and a pulse of any duration. The shape's amplitude has a wide normal prior, the
/// noise's variance comes from the baseline but may be larger (both integrated out in closed form: Bayesian linear regression
/// with one column), and memory of the noise (lag-1 autocorrelation of the baseline) thins the evidence. z as in
/// [`Baseline`]. One-sided: only amplitudes of the wanted sign count.
///
/// NaN and infinities in the window are rows that say nothing. O(w²) additions, O(w log w) logarithms. [`Error::TooFew`] below 5 numbers of baseline or
/// without a number in the window. It assumes that the window's first rows are still normal or the onset is row 0; two faults
/// in one window give the stronger one.
pub fn onset(baseline: &[f64], window: &[f64], params: &OnsetParams) -> Result<Onset> {
    Error::parameter(params.level > 0.0 && params.level < 1.0, "level", params.level, "between 0 and 1")?;
    let usual: Vec<f64> = baseline.iter().copied().filter(|v| v.is_finite()).collect();
    Error::at_least("numbers of baseline", 5, usual.len())?;
    let base = Baseline::new(&usual, params.deviation);
    let z = |v: f64| ((v - base.centre()) / base.scale()).clamp(-FAR, FAR);
    let past: Vec<f64> = usual.iter().map(|v| z(*v)).collect();
    let rows: Vec<Option<f64>> = window.iter().map(|v| v.is_finite().then(|| z(*v))).collect();
    Error::at_least("numbers in the window", 1, rows.iter().flatten().count())?;
    let memory = autocorrelation(&past, 1).get(1).copied().unwrap_or(0.0);
    let evidence = Evidence {
        sums: Sums::new(&rows),
        share: if memory > 0.0 { (1.0 - memory.min(MEMORY)) / (1.0 + memory.min(MEMORY)) } else { 1.0 },
        freedom: (past.len() as f64).min(FREEDOM),
        // a thousandth: a constant baseline still has the resolution that its scale's floor stands for
        variance: (past.iter().map(|z| z.clamp(-4.0, 4.0).powi(2)).sum::<f64>() / past.len() as f64).max(1e-3),
        direction: params.deviation.direction,
    };
    Ok(summary(&evidence.of_rows(), &rows, params.level))
}

/// Running sums over rows: count, row, row², z, row · z, and the total of z².
struct Sums {
    running: Vec<[f64; 5]>,
    squares: f64,
}

impl Sums {
    fn new(rows: &[Option<f64>]) -> Self {
        let (mut running, mut squares, mut sum) = (vec![[0.0; 5]], 0.0, [0.0; 5]);
        for (t, z) in rows.iter().enumerate() {
            if let Some(z) = z {
                let t = t as f64;
                for (s, v) in sum.iter_mut().zip([1.0, t, t * t, *z, t * z]) {
                    *s += v;
                }
                squares += z * z;
            }
            running.push(sum);
        }
        Self { running, squares }
    }

    fn over(&self, from: usize, to: usize) -> [f64; 5] {
        let last = self.running.len() - 1;
        let (from, to) = (from.min(last), to.min(last));
        std::array::from_fn(|k| self.running[to][k] - self.running[from][k])
    }
}

struct Evidence {
    sums: Sums,
    share: f64,
    freedom: f64,
    variance: f64,
    direction: Direction,
}

impl Evidence {
    /// Logarithm of the marginal likelihood of each row as onset, over that of none.
    fn of_rows(&self) -> Vec<f64> {
        let n = self.sums.running.len() - 1;
        let lengths: Vec<usize> = std::iter::successors(Some(1), |l| (*l < n).then_some(l * 2)).collect();
        // a ramp or a pulse, each of any length, equally likely beforehand
        let (ramp_prior, pulse_prior) = (-((2 * lengths.len()) as f64).ln(), -((2 * n) as f64).ln());
        let (mut logs, mut gains) = (Vec::new(), Vec::new());
        (0..n)
            .map(|onset| {
                logs.clear();
                logs.extend(lengths.iter().map(|length| ramp_prior + self.ramp(onset, *length)));
                self.pulses(onset, pulse_prior, &mut gains, &mut logs);
                log_sum(&logs)
            })
            .collect()
    }

    /// Pulses of every duration. The logarithms are taken only of those within 20 nats of the best: by the slope of
    /// ln(before / after) a gain that lies 40 before / (freedom + n) below the best one is worth less.
    fn pulses(&self, onset: usize, prior: f64, gains: &mut Vec<f64>, logs: &mut Vec<f64>) {
        let [count, _, _, z, _] = self.sums.running[onset];
        let rest = &self.sums.running[onset + 1..];
        let least = 1.0 / (self.share * AMPLITUDE * AMPLITUDE);
        gains.clear();
        gains.extend(rest.iter().map(|[n, _, _, sum, _]| (sum - z) * (sum - z) / (n - count + least)));
        let best = gains.iter().copied().fold(0.0, f64::max);
        let n = self.sums.running[self.sums.running.len() - 1][0];
        let before = self.freedom * self.variance + self.share * self.sums.squares;
        let enough = best - 40.0 * before / (self.freedom + self.share * n) / self.share;
        for (gain, [n, _, _, sum, _]) in gains.iter().zip(rest) {
            if *gain >= enough {
                logs.push(prior + self.shape(n - count, sum - z));
            }
        }
    }

    /// x = (t - onset + 1) / length up to 1.
    fn ramp(&self, onset: usize, length: usize) -> f64 {
        let [n, t, tt, z, tz] = self.sums.over(onset, onset + length);
        let [flat, _, _, flat_z, _] = self.sums.over(onset + length, usize::MAX);
        let (shift, l) = (1.0 - onset as f64, length as f64);
        let xx = (tt + 2.0 * shift * t + shift * shift * n) / (l * l) + flat;
        self.shape(xx.max(0.0), (tz + shift * z) / l + flat_z)
    }

    /// Bayesian regression on one column with Σ x² and Σ x z, against none.
    fn shape(&self, xx: f64, xz: f64) -> f64 {
        let (xx, xz) = (self.share * xx, self.share * xz);
        let precision = xx + 1.0 / (AMPLITUDE * AMPLITUDE);
        let n = self.share * self.sums.running[self.sums.running.len() - 1][0];
        let before = self.freedom * self.variance + self.share * self.sums.squares;
        let after = (before - xz * xz / precision).max(1e-12 * before);
        let spread = (after / (self.freedom + n) / precision).sqrt();
        let sign = match self.direction {
            Direction::Both => 0.0,
            // half of the prior's amplitudes are barred: twice the share of the posterior that is not
            Direction::Up => (2.0 * crate::special::normal_cdf(xz / precision / spread)).ln(),
            Direction::Down => (2.0 * crate::special::normal_cdf(-xz / precision / spread)).ln(),
        };
        0.5 * (self.freedom + n) * (before / after).ln() - 0.5 * (precision * AMPLITUDE * AMPLITUDE).ln() + sign
    }
}

fn log_sum(logs: &[f64]) -> f64 {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY { top } else { top + logs.iter().map(|l| (l - top).exp()).sum::<f64>().ln() }
}

fn summary(logs: &[f64], rows: &[Option<f64>], level: f64) -> Onset {
    let usable = |i: usize| rows[i].is_some();
    let top = (0..logs.len()).filter(|i| usable(*i)).map(|i| logs[i]).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> =
        (0..logs.len()).map(|i| if usable(i) && top.is_finite() { (logs[i] - top).exp() } else { 0.0 }).collect();
    let total: f64 = weights.iter().sum();
    let count = rows.iter().flatten().count() as f64;
    let row = (0..weights.len()).rev().max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or(0);
    // mean likelihood ratio over onsets, against none with the same prior
    let odds = top + (total / count).ln();
    let probability = if odds.is_nan() { 0.0 } else { 1.0 / (1.0 + (-odds).exp()) };
    let tail = (1.0 - level) / 2.0 * total;
    let (mut low, mut high, mut sum) = (row, row, 0.0);
    for (i, weight) in weights.iter().enumerate() {
        if sum <= tail && sum + weight > tail {
            low = i;
        }
        if sum < total - tail && sum + weight >= total - tail {
            high = i;
        }
        sum += weight;
    }
    Onset { row, low: low.min(row), high: high.max(row), probability }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn noise(r: &mut Rng, n: usize) -> Vec<f64> {
        (0..n).map(|_| 50.0 + 2.0 * r.normal()).collect()
    }

    /// (mean distance to the true row, share of intervals that hold it) over 100 windows of 60 rows.
    fn trial(shape: impl Fn(f64) -> f64, direction: Direction) -> (f64, f64) {
        let (mut off, mut held) = (0.0, 0.0);
        for seed in 0..100 {
            let mut r = Rng::new(seed);
            let base = noise(&mut r, 200);
            let mut window = noise(&mut r, 60);
            let at = 10 + r.below(40);
            for (t, v) in window[at..].iter_mut().enumerate() {
                *v += shape(t as f64);
            }
            let params = OnsetParams { deviation: DeviationParams { direction, absolute_floor: 0.0 }, level: 0.9 };
            let o = onset(&base, &window, &params).unwrap();
            off += o.row.abs_diff(at) as f64 / 100.0;
            held += f64::from(u8::from(o.low <= at && at <= o.high)) / 100.0;
        }
        (off, held)
    }

    #[test]
    fn abrupt_and_slow_onsets_are_found_and_the_interval_holds_them() {
        let step = trial(|_| 10.0, Direction::Up);
        assert!(step.0 < 0.2 && step.1 >= 0.95, "{step:?}");
        let small = trial(|_| -5.0, Direction::Down);
        assert!(small.0 < 1.2 && small.1 >= 0.85, "{small:?}");
        let ramp = trial(|t| t + 1.0, Direction::Up);
        assert!(ramp.0 < 2.5 && ramp.1 >= 0.8, "{ramp:?}");
        let leak = trial(|t| (2.0 * (t + 1.0)).min(30.0), Direction::Both);
        assert!(leak.0 < 2.0 && leak.1 >= 0.8, "{leak:?}");
        let pulse = trial(|t| if t < 5.0 { 12.0 } else { 0.0 }, Direction::Up);
        assert!(pulse.0 < 0.5 && pulse.1 >= 0.9, "{pulse:?}");
    }

    #[test]
    fn quiet_windows_have_no_onset_and_the_wrong_side_does_not_count() {
        let mut likely = 0;
        for seed in 0..50 {
            let mut r = Rng::new(1000 + seed);
            let (base, window) = (noise(&mut r, 200), noise(&mut r, 40));
            likely += usize::from(onset(&base, &window, &OnsetParams::default()).unwrap().probability > 0.9);
        }
        assert!(likely <= 2, "{likely}");
        let mut r = Rng::new(7);
        let (base, mut window) = (noise(&mut r, 200), noise(&mut r, 40));
        window[20..].iter_mut().for_each(|v| *v -= 20.0);
        let up =
            OnsetParams { deviation: DeviationParams { direction: Direction::Up, absolute_floor: 0.0 }, level: 0.9 };
        let wrong = onset(&base, &window, &up).unwrap();
        assert!(wrong.probability < 0.5, "{wrong:?}");
        assert_eq!(onset(&base, &window, &OnsetParams::default()).unwrap().row, 20);
    }

    #[test]
    fn degenerate_input() {
        let p = OnsetParams::default();
        assert!(onset(&[1.0; 4], &[1.0], &p).is_err() && onset(&[1.0; 9], &[], &p).is_err());
        assert!(onset(&[1.0; 9], &[f64::NAN], &p).is_err());
        assert!(onset(&[1.0; 9], &[1.0], &OnsetParams { level: 0.0, ..p }).is_err());
        let flat = onset(&[0.0; 60], &[0.0; 20], &p).unwrap();
        assert!(flat.probability < 0.5, "{flat:?}");
        let first = onset(&[0.0; 60], &[0.0, 0.0, f64::NAN, 1.0, 1.0, 1.0], &p).unwrap();
        assert_eq!((first.row, first.low, first.high), (3, 3, 3), "{first:?}");
        assert_eq!(onset(&[1.0; 60], &[9.0], &p).unwrap().row, 0);
        assert!(onset(&[1e300; 60], &[-1e300, 1e300, f64::INFINITY], &p).unwrap().probability.is_finite());
    }
}
