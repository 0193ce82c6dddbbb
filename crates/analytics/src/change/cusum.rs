//! CUSUM and Page–Hinkley over a whole series.
//!
//! One sample at a time, standardised and capped: [`crate::stream::pieces::Cusum`].

/// What [`cusum`] found; as long as the series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CusumTrace {
    /// Sum upwards after each value, before a restart.
    pub up: Vec<f64>,
    /// Sum downwards after each value.
    pub down: Vec<f64>,
    /// Where a sum went beyond the threshold; both start again from 0 after it.
    pub alarms: Vec<usize>,
}

/// What is usual and what is not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CusumParams {
    /// The mean in control.
    pub mean: f64,
    /// The standard deviation in control; with 0 every departure is an alarm.
    pub deviation: f64,
    /// Slack in standard deviations: half of the smallest shift worth seeing.
    pub slack: f64,
    /// Threshold in standard deviations: 5 with a slack of .5 gives a false alarm every 465 samples (Montgomery, ch. 9).
    pub threshold: f64,
}

impl Default for CusumParams {
    fn default() -> Self {
        Self { mean: 0.0, deviation: 1.0, slack: 0.5, threshold: 5.0 }
    }
}

/// Two-sided tabular CUSUM (Page 1954; Montgomery, Statistical Quality Control, ch. 9). NaN and infinities leave the sums.
/// O(n).
#[must_use]
pub fn cusum(x: &[f64], params: &CusumParams) -> CusumTrace {
    let CusumParams { mean, deviation, slack, threshold } = *params;
    let mut trace = CusumTrace::default();
    let (mut up, mut down) = (0.0_f64, 0.0_f64);
    for (i, value) in x.iter().enumerate() {
        if value.is_finite() {
            up = (up + value - mean - slack * deviation).max(0.0);
            down = (down + mean - value - slack * deviation).max(0.0);
        }
        trace.up.push(up);
        trace.down.push(down);
        if up > threshold * deviation || down > threshold * deviation {
            trace.alarms.push(i);
            (up, down) = (0.0, 0.0);
        }
    }
    trace
}

/// Page–Hinkley one sample at a time: a rise of the mean against the mean so far (Page 1954, Hinkley 1971). For a fall give
/// the negative. O(1); NaN and infinities are ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct PageHinkley {
    delta: f64,
    lambda: f64,
    n: f64,
    mean: f64,
    sum: f64,
    low: f64,
}

impl PageHinkley {
    /// `delta`: rise that is tolerated; `lambda`: the statistic that alarms. Both in the series' unit.
    #[must_use]
    pub fn new(delta: f64, lambda: f64) -> Self {
        Self { delta, lambda, n: 0.0, mean: 0.0, sum: 0.0, low: 0.0 }
    }

    /// Takes a sample; returns the statistic and whether it alarmed. After an alarm all starts again.
    pub fn observe(&mut self, x: f64) -> (f64, bool) {
        if x.is_finite() {
            self.n += 1.0;
            self.mean += (x - self.mean) / self.n;
            self.sum += x - self.mean - self.delta;
            self.low = self.low.min(self.sum);
        }
        let statistic = self.sum - self.low;
        let alarm = statistic > self.lambda;
        if alarm {
            *self = Self::new(self.delta, self.lambda);
        }
        (statistic, alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_leave_the_sums() {
        let t = cusum(&[3.0, f64::NAN, 3.0, 3.0], &CusumParams::default());
        assert_eq!((t.up, t.alarms), (vec![2.5, 2.5, 5.0, 7.5], vec![3]));
        let mut p = PageHinkley::new(0.0, 2.0);
        assert_eq!(p.observe(f64::NAN), (0.0, false));
        assert!(cusum(&[], &CusumParams::default()).alarms.is_empty());
    }
}
