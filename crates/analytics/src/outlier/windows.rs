//! Windows of an entity's metrics against the windows it usually shows: the detector for vectors of tens of metrics.

use crate::{Error, Matrix, Result, Rng};

/// Parameters of [`Windows::fit`]. Origin of the defaults: docs/internals/analytics.md, tuned on labelled servers.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowConfig {
    /// Rows a window holds. About the length of the shortest incident of interest.
    pub window: usize,
    /// Centres of k-means.
    pub clusters: usize,
    /// Every how many rows a window is taken for training.
    pub stride: usize,
    /// Rounds of k-means.
    pub iterations: usize,
    /// A metric's scale is at least its largest usual deviation (this quantile of absolute deviations from the median)
    /// over 3. One model a quantile; the larger score counts. A high quantile tames metrics that spike as a habit, a low
    /// one keeps rare extremes large; entities differ in which of the two they need.
    pub tails: Vec<f64>,
    /// For the first centres. Equal seeds give equal models.
    pub seed: u64,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { window: 20, clusters: 40, stride: 10, iterations: 10, tails: vec![0.99, 0.999], seed: 0 }
    }
}

/// What is usual of an entity: k-means centres of its windows, in scales that heavy tails do not dominate.
///
/// The score of a window is its distance to the nearest centre over the median of that distance in training: 1 is usual.
/// A row's score is the mean over the windows that hold it, so it is final `window − 1` rows later; [`Windows::newest`]
/// needs no later rows. NaN counts as the metric's median. Constant metrics weigh little until they move, then much.
///
/// After the sub-sequence k-means of TSB-AD's KMeansAD (Yairi et al. 2001), with tail scales and two models of our own.
/// Fit: O(rows / stride · clusters · window · metrics · iterations); score: O(rows · clusters · window · metrics), `f32` inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    metrics: usize,
    window: usize,
    models: Vec<Model>,
    usual_most: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Model {
    medians: Vec<f64>,
    scales: Vec<f64>,
    /// One after another, each `window · metrics`.
    centres: Vec<f32>,
    usual: f64,
}

impl Windows {
    /// Learns from rows (time order, equal steps) that are mostly usual. At least twice the window.
    pub fn fit(rows: &Matrix, config: &WindowConfig) -> Result<Self> {
        Error::at_least("window", 1, config.window)?;
        Error::at_least("clusters", 1, config.clusters)?;
        Error::at_least("stride", 1, config.stride)?;
        Error::at_least("tails", 1, config.tails.len())?;
        Error::at_least("metrics", 1, rows.cols())?;
        Error::at_least("rows", config.window.saturating_mul(2), rows.rows())?;
        let mut fitted = Self { metrics: rows.cols(), window: config.window, models: Vec::new(), usual_most: 0.0 };
        for tail in &config.tails {
            Error::parameter((0.0..=1.0).contains(tail), "tail", *tail, "0 to 1")?;
            let (medians, scales) = scales(rows, *tail);
            let mut model = Model { medians, scales, centres: Vec::new(), usual: 1.0 };
            let flat = model.flatten(rows);
            let length = config.window * rows.cols();
            let starts: Vec<usize> = (0..=rows.rows() - config.window).step_by(config.stride).collect();
            let samples: Vec<&[f32]> = starts.iter().map(|s| &flat[s * rows.cols()..][..length]).collect();
            model.centres = k_means(&samples, config);
            // of windows between the ones that were trained on
            let shift = config.stride / 2 * rows.cols();
            let held: Vec<&[f32]> =
                starts.iter().filter_map(|s| flat.get(s * rows.cols() + shift..)?.get(..length)).collect();
            let mut distances: Vec<f64> = held.iter().map(|w| f64::from(nearest(w, &model.centres).1).sqrt()).collect();
            distances.sort_by(f64::total_cmp);
            model.usual = distances[distances.len() / 2].max(f64::MIN_POSITIVE.sqrt());
            fitted.usual_most = fitted.usual_most.max(distances[distances.len() - 1] / model.usual);
            fitted.models.push(model);
        }
        Ok(fitted)
    }

    /// The largest score among the training part's windows: above it nothing usual was seen.
    #[must_use]
    pub fn usual_most(&self) -> f64 {
        self.usual_most
    }

    /// A score for each row: the mean over the windows that hold it. Fewer rows than a window: zeros.
    pub fn score(&self, rows: &Matrix) -> Result<Vec<f64>> {
        let windows = self.newest(rows)?;
        let mut sums = vec![0.0; rows.rows()];
        let mut counts = vec![0_u32; rows.rows()];
        for (end, score) in windows.iter().enumerate().skip(self.window - 1) {
            for i in end + 1 - self.window..=end {
                sums[i] += score;
                counts[i] += 1;
            }
        }
        Ok(sums.iter().zip(counts).map(|(s, c)| s / f64::from(c.max(1))).collect())
    }

    /// For each row the score of the window that ends there; 0 for the first `window − 1` rows.
    pub fn newest(&self, rows: &Matrix) -> Result<Vec<f64>> {
        Error::same_length("metrics", rows.cols(), self.metrics)?;
        let mut scores = vec![0.0_f64; rows.rows()];
        if rows.rows() < self.window {
            return Ok(scores);
        }
        let length = self.window * self.metrics;
        for model in &self.models {
            let flat = model.flatten(rows);
            for end in self.window - 1..rows.rows() {
                let window = &flat[(end + 1 - self.window) * self.metrics..][..length];
                let score = f64::from(nearest(window, &model.centres).1).sqrt() / model.usual;
                scores[end] = scores[end].max(score);
            }
        }
        Ok(scores)
    }
}

impl Model {
    /// Scaled rows, one after another: a window is a slice of them.
    fn flatten(&self, rows: &Matrix) -> Vec<f32> {
        // distances are sums of thousands of squares in f32
        const FAR: f64 = 1e15;
        let mut flat = Vec::with_capacity(rows.data().len());
        for row in rows.iter_rows() {
            for ((v, m), s) in row.iter().zip(&self.medians).zip(&self.scales) {
                let z = if v.is_nan() { 0.0 } else { ((v - m) / s).clamp(-FAR, FAR) };
                flat.push(z as f32);
            }
        }
        flat
    }
}

/// Median and scale of each metric.
fn scales(rows: &Matrix, tail: f64) -> (Vec<f64>, Vec<f64>) {
    let mut result = (Vec::new(), Vec::new());
    for j in 0..rows.cols() {
        let mut column: Vec<f64> = rows.column(j).into_iter().filter(|v| v.is_finite()).collect();
        if column.is_empty() {
            column.push(0.0);
        }
        let n = column.len();
        column.sort_by(f64::total_cmp);
        let median = column[n / 2];
        let mean = column.iter().map(|v| v / n as f64).sum::<f64>();
        let deviation = (column.iter().map(|v| (v - mean) * (v - mean) / n as f64).sum::<f64>()).sqrt();
        let mut distances: Vec<f64> = column.iter().map(|v| (v - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let far = distances[((n - 1) as f64 * tail).round() as usize];
        // what never moved in training is judged against a thousandth of its size
        let floor = (1e-3 * median.abs()).max(1e-3 * distances[n - 1]).max(1e-3);
        result.0.push(median);
        result.1.push(deviation.max(far / 3.0).min(f64::MAX) + floor);
    }
    result
}

/// Lloyd's algorithm from k-means++ centres.
fn k_means(samples: &[&[f32]], config: &WindowConfig) -> Vec<f32> {
    let length = samples[0].len();
    let mut centres = first_centres(samples, config);
    for _ in 0..config.iterations {
        let mut sums = vec![0.0_f32; centres.len()];
        let mut counts = vec![0_u32; centres.len() / length];
        for sample in samples {
            let (k, _) = nearest(sample, &centres);
            counts[k] += 1;
            sums[k * length..][..length].iter_mut().zip(*sample).for_each(|(s, v)| *s += v);
        }
        for (k, count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            let share = 1.0 / *count as f32;
            let new = sums[k * length..][..length].iter().map(|s| s * share);
            centres[k * length..][..length].iter_mut().zip(new).for_each(|(c, n)| *c = n);
        }
    }
    centres
}

/// k-means++ (Arthur and Vassilvitskii 2007): each next centre with probability by squared distance to those chosen.
fn first_centres(samples: &[&[f32]], config: &WindowConfig) -> Vec<f32> {
    let mut rng = Rng::new(config.seed);
    let mut centres = samples[rng.below(samples.len())].to_vec();
    let mut distances = vec![f32::INFINITY; samples.len()];
    let mut newest = centres.clone();
    for _ in 1..config.clusters.min(samples.len()) {
        for (distance, sample) in distances.iter_mut().zip(samples) {
            *distance = distance.min(squared_distance(sample, &newest));
        }
        let total: f64 = distances.iter().map(|d| f64::from(*d)).sum();
        if total <= 0.0 {
            break;
        }
        let mut rest = rng.uniform() * total;
        let chosen = distances.iter().position(|d| {
            rest -= f64::from(*d);
            rest < 0.0
        });
        newest = samples[chosen.unwrap_or(samples.len() - 1)].to_vec();
        centres.extend_from_slice(&newest);
    }
    centres
}

/// The nearest centre and the squared distance to it.
fn nearest(window: &[f32], centres: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::INFINITY);
    for (k, centre) in centres.chunks_exact(window.len()).enumerate() {
        let d = squared_distance(window, centre);
        if d < best.1 {
            best = (k, d);
        }
    }
    best
}

/// Σ (x − y)², sixteen lanes, so that the compiler vectorises; the order of sums is fixed.
fn squared_distance(x: &[f32], y: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0_f32; LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest: f32 = xs.remainder().iter().zip(ys.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    for (a, b) in xs.zip(ys) {
        for k in 0..LANES {
            let d = a[k] - b[k];
            lanes[k] += d * d;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, seed: u64, broken: std::ops::Range<usize>) -> Matrix {
        let mut r = Rng::new(seed);
        let mut data = Vec::new();
        for i in 0..n {
            let day = (i as f64 / 50.0).sin();
            let load = if broken.contains(&i) { -day } else { day };
            data.extend([day + 0.05 * r.normal(), load + 0.05 * r.normal(), 3.0]);
        }
        Matrix::new(n, 3, data).unwrap()
    }

    #[test]
    fn two_metrics_that_part_are_seen_though_each_alone_is_usual() {
        let model = Windows::fit(&rows(3000, 1, 0..0), &WindowConfig::default()).unwrap();
        let scores = model.score(&rows(2000, 2, 1000..1040)).unwrap();
        let inside = scores[1005..1035].iter().copied().fold(f64::INFINITY, f64::min);
        let outside = scores[..960].iter().chain(&scores[1080..]).copied().fold(0.0, f64::max);
        assert!(inside > outside, "{inside} {outside}");
        assert!(inside > model.usual_most());
    }

    #[test]
    fn the_newest_score_does_not_know_the_future() {
        let model = Windows::fit(&rows(1000, 1, 0..0), &WindowConfig::default()).unwrap();
        let all = rows(300, 3, 200..220);
        let part = Matrix::new(150, 3, all.data()[..450].to_vec()).unwrap();
        assert_eq!(model.newest(&all).unwrap()[..150], model.newest(&part).unwrap()[..]);
    }

    #[test]
    fn degenerate_tables_have_an_answer_or_an_error() {
        let config = WindowConfig::default();
        assert!(Windows::fit(&Matrix::zeros(10, 2), &config).is_err());
        assert!(Windows::fit(&Matrix::zeros(100, 0), &config).is_err());
        for value in [0.0, 1e300, f64::NAN, f64::INFINITY, 1e-300] {
            let x = Matrix::new(100, 2, vec![value; 200]).unwrap();
            let model = Windows::fit(&x, &config).unwrap();
            assert!(model.score(&x).unwrap().iter().all(|v| v.is_finite()), "{value}");
        }
        let model = Windows::fit(&rows(100, 1, 0..0), &config).unwrap();
        assert_eq!(model.score(&rows(5, 1, 0..0)).unwrap(), vec![0.0; 5]);
        assert!(model.score(&Matrix::zeros(50, 2)).is_err());
    }
}
