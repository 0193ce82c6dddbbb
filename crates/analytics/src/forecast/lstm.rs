//! A small recurrent network, trained in process.

use crate::{Error, Result, Rng};

/// Parameters of [`Lstm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LstmParameters {
    /// Units of the one hidden layer, 1 to 64.
    pub units: usize,
    /// Steps of a season; the network sees the phase as sine and cosine.
    pub period: usize,
    /// Length of the windows that errors are carried back through, 2 to 512.
    pub window: usize,
    /// Passes over the series.
    pub epochs: usize,
    /// Step size of Adam.
    pub rate: f64,
    /// Seed of the first weights and of the order of windows.
    pub seed: u64,
}

impl Default for LstmParameters {
    /// Starting values: small enough to train in about a tenth of a second on two weeks of hours.
    fn default() -> Self {
        Self { units: 12, period: 24, window: 24, epochs: 40, rate: 0.01, seed: 1 }
    }
}

/// Inputs: last value, sine and cosine of the phase, one.
const INPUTS: usize = 4;

/// A long short-term memory (Hochreiter and Schmidhuber 1997) of one layer with a linear output that predicts the change to the next
/// value; trained on the standardised series by Adam (Kingma and Ba 2015) over shuffled windows, gradients cut at length 1.
///
/// It did not beat the closed-form pool on server series; it is here for comparison and for series with long nonlinear memory. Equal
/// seeds give equal results.
#[derive(Debug, Clone, PartialEq)]
pub struct Lstm {
    p: LstmParameters,
    /// gates (input, forget, cell, output) × units × (inputs + units), then output weights and its constant
    weights: Vec<f64>,
    mean: f64,
    spread: f64,
    series: Vec<f64>,
}

/// One step as it was computed, for the way back.
struct Step {
    input: Vec<f64>,
    gates: Vec<f64>,
    cell: Vec<f64>,
    hidden: Vec<f64>,
    error: f64,
}

impl Lstm {
    /// Trains on `x`: at least two windows, finite. O(epochs · n · units · (units + 4)).
    pub fn fit(x: &[f64], parameters: &LstmParameters) -> Result<Self> {
        let p = *parameters;
        Error::parameter((1..=64).contains(&p.units), "units", p.units as f64, "1 to 64")?;
        Error::parameter((2..=512).contains(&p.window), "window", p.window as f64, "2 to 512")?;
        Error::parameter(p.period >= 1, "period", p.period as f64, "at least 1")?;
        Error::parameter(p.rate > 0.0 && p.rate <= 1.0, "rate", p.rate, "in (0, 1]")?;
        Error::at_least("values for a network", 2 * p.window + 1, x.len())?;
        Error::all_finite("values", x)?;
        let largest = x.iter().fold(0.0f64, |a, v| a.max(v.abs())).max(f64::MIN_POSITIVE);
        let n = x.len() as f64;
        let mean = x.iter().map(|v| v / largest / n).sum::<f64>();
        let variance = x.iter().map(|v| (v / largest - mean).powi(2)).sum::<f64>() / n;
        let spread = if variance > 1e-24 { variance.sqrt() } else { 1.0 };
        let series = x.iter().map(|v| (v / largest - mean) / spread).collect();
        let mut rng = Rng::new(p.seed);
        let row = INPUTS + p.units;
        let size = 1.0 / (row as f64).sqrt();
        let mut weights: Vec<f64> = (0..4 * p.units * row).map(|_| size * rng.normal()).collect();
        for u in 0..p.units {
            // the forget gate starts open (Gers et al. 2000)
            weights[(p.units + u) * row + INPUTS - 1] += 1.0;
        }
        weights.extend((0..=p.units).map(|_| 0.01 * rng.normal()));
        let mut net = Self { p, weights, mean: mean * largest, spread: spread * largest, series };
        net.train(&mut rng);
        Ok(net)
    }

    /// The next `horizon` values, each fed back as the last.
    #[must_use]
    pub fn forecast(&self, horizon: usize) -> Vec<f64> {
        let n = self.series.len();
        let (mut hidden, mut cell) = (vec![0.0; self.p.units], vec![0.0; self.p.units]);
        let mut last = self.series[n - 1];
        // warmed up over the last windows, as in training
        for i in n.saturating_sub(2 * self.p.window)..n - 1 {
            let s = self.step(self.series[i], i, &hidden, &cell);
            (hidden, cell) = (s.hidden, s.cell);
        }
        let (low, high) =
            self.series.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        (0..horizon)
            .map(|h| {
                let s = self.step(last, n - 1 + h, &hidden, &cell);
                last = (last + self.output(&s.hidden)).clamp(low - 0.5 * (high - low), high + 0.5 * (high - low));
                (hidden, cell) = (s.hidden, s.cell);
                self.mean + self.spread * last
            })
            .collect()
    }

    fn train(&mut self, rng: &mut Rng) {
        let (n, w) = (self.series.len(), self.p.window);
        let mut starts: Vec<usize> = (0..n - w).step_by(w / 2).collect();
        let (mut first, mut second) = (vec![0.0; self.weights.len()], vec![0.0; self.weights.len()]);
        let mut gradient = vec![0.0; self.weights.len()];
        let mut time = 0;
        for _ in 0..self.p.epochs {
            rng.shuffle(&mut starts);
            for start in &starts {
                gradient.fill(0.0);
                let steps = self.forward(*start);
                self.backward(&steps, &mut gradient);
                let length = crate::linalg::norm(&gradient);
                let cut = if length > 1.0 { 1.0 / length } else { 1.0 };
                time += 1;
                let (b1, b2) = (1.0 - 0.9f64.powi(time), 1.0 - 0.999f64.powi(time));
                for (k, g) in gradient.iter().enumerate() {
                    let g = g * cut;
                    first[k] += 0.1 * (g - first[k]);
                    second[k] += 0.001 * (g * g - second[k]);
                    self.weights[k] -= self.p.rate * (first[k] / b1) / ((second[k] / b2).sqrt() + 1e-8);
                }
            }
        }
    }

    fn forward(&self, start: usize) -> Vec<Step> {
        let zero = vec![0.0; self.p.units];
        let mut steps: Vec<Step> = Vec::with_capacity(self.p.window);
        for i in start..start + self.p.window {
            let (hidden, cell) = steps.last().map_or((&zero, &zero), |s| (&s.hidden, &s.cell));
            let mut s = self.step(self.series[i], i, hidden, cell);
            s.error = self.series[i] + self.output(&s.hidden) - self.series[i + 1];
            steps.push(s);
        }
        steps
    }

    fn step(&self, value: f64, at: usize, hidden: &[f64], cell: &[f64]) -> Step {
        let u = self.p.units;
        let turn = 2.0 * std::f64::consts::PI * (at % self.p.period) as f64 / self.p.period as f64;
        let mut input = vec![value, turn.sin(), turn.cos(), 1.0];
        input.extend_from_slice(hidden);
        let row = input.len();
        let gates: Vec<f64> = (0..4 * u)
            .map(|g| {
                let z = crate::linalg::dot(&self.weights[g * row..(g + 1) * row], &input);
                if g / u == 2 { z.tanh() } else { 1.0 / (1.0 + (-z).exp()) }
            })
            .collect();
        let cell: Vec<f64> = (0..u).map(|k| gates[u + k] * cell[k] + gates[k] * gates[2 * u + k]).collect();
        let hidden = (0..u).map(|k| gates[3 * u + k] * cell[k].tanh()).collect();
        Step { input, gates, cell, hidden, error: 0.0 }
    }

    fn output(&self, hidden: &[f64]) -> f64 {
        let out = &self.weights[self.weights.len() - self.p.units - 1..];
        crate::linalg::dot(&out[..self.p.units], hidden) + out[self.p.units]
    }

    /// Adds the gradient of half the mean squared error of a window.
    fn backward(&self, steps: &[Step], gradient: &mut [f64]) {
        let u = self.p.units;
        let row = INPUTS + u;
        let out = self.weights.len() - u - 1;
        let (mut to_hidden, mut to_cell) = (vec![0.0; u], vec![0.0; u]);
        let mut to_gates = vec![0.0; 4 * u];
        for (t, s) in steps.iter().enumerate().rev() {
            let e = s.error / steps.len() as f64;
            gradient[out + u] += e;
            for k in 0..u {
                gradient[out + k] += e * s.hidden[k];
                let dh = to_hidden[k] + e * self.weights[out + k];
                let (i, f, c, o) = (s.gates[k], s.gates[u + k], s.gates[2 * u + k], s.gates[3 * u + k]);
                let bent = s.cell[k].tanh();
                let dc = to_cell[k] + dh * o * (1.0 - bent * bent);
                let before = if t > 0 { steps[t - 1].cell[k] } else { 0.0 };
                to_gates[k] = dc * c * i * (1.0 - i);
                to_gates[u + k] = dc * before * f * (1.0 - f);
                to_gates[2 * u + k] = dc * i * (1.0 - c * c);
                to_gates[3 * u + k] = dh * bent * o * (1.0 - o);
                to_cell[k] = dc * f;
            }
            to_hidden.fill(0.0);
            for (g, d) in to_gates.iter().enumerate() {
                let weights = &self.weights[g * row + INPUTS..(g + 1) * row];
                to_hidden.iter_mut().zip(weights).for_each(|(h, w)| *h += d * w);
                gradient[g * row..(g + 1) * row].iter_mut().zip(&s.input).for_each(|(x, v)| *x += d * v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_pattern_is_learnt_and_seeds_decide() {
        let x: Vec<f64> = (0..336).map(|i| 50.0 + 10.0 * (f64::from(i) * 0.261_799).sin()).collect();
        let net = Lstm::fit(&x, &LstmParameters::default()).unwrap();
        let error: f64 = net
            .forecast(24)
            .iter()
            .enumerate()
            .map(|(h, f)| (f - 50.0 - 10.0 * ((336 + h) as f64 * 0.261_799).sin()).abs())
            .sum::<f64>()
            / 24.0;
        // the mean alone would be 6.4 off
        assert!(error < 2.0, "{error}");
        assert_eq!(net, Lstm::fit(&x, &LstmParameters::default()).unwrap());
    }

    #[test]
    fn the_gradient_is_that_of_the_error() {
        let x: Vec<f64> = (0..30).map(|i| f64::from(i * i % 7)).collect();
        let p = LstmParameters { units: 3, period: 7, window: 6, epochs: 0, ..LstmParameters::default() };
        let mut net = Lstm::fit(&x, &p).unwrap();
        let mut gradient = vec![0.0; net.weights.len()];
        net.backward(&net.forward(4), &mut gradient);
        let cost = |net: &Lstm| net.forward(4).iter().map(|s| 0.5 * s.error * s.error).sum::<f64>() / 6.0;
        for (k, g) in gradient.iter().enumerate() {
            let w = net.weights[k];
            net.weights[k] = w + 1e-6;
            let up = cost(&net);
            net.weights[k] = w - 1e-6;
            let down = cost(&net);
            net.weights[k] = w;
            assert!(((up - down) / 2e-6 - g).abs() < 1e-6, "{k}");
        }
    }

    #[test]
    fn degenerate_input() {
        let p = LstmParameters { epochs: 2, ..LstmParameters::default() };
        for v in [0.0, 3.0, -1e300] {
            assert!(Lstm::fit(&[v; 60], &p).unwrap().forecast(3).iter().all(|f| (f - v).abs() <= 1e-9 * v.abs()));
        }
        assert!(Lstm::fit(&[1.0; 10], &p).is_err() && Lstm::fit(&[f64::NAN; 60], &p).is_err());
        assert!(Lstm::fit(&[1.0; 60], &LstmParameters { units: 0, ..p }).is_err());
    }
}
