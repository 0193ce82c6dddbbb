//! Latent Dirichlet allocation by online variational Bayes: topics of texts, for *naming* groups, not for making them.

use crate::special::digamma;
use crate::text::sparse::SparseRows;
use crate::{Error, Matrix, Result, Rng};

/// Parameters of LDA, with scikit-learn's defaults of online learning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LdaConfig {
    /// Topics wanted.
    pub topics: usize,
    /// Passes over all texts.
    pub passes: usize,
    /// Texts a step.
    pub batch: usize,
    /// Weight of early steps: larger means less.
    pub tau: f64,
    /// Forgetting in (0.5, 1].
    pub kappa: f64,
    /// Seed of the first topics.
    pub seed: u64,
}

impl Default for LdaConfig {
    fn default() -> Self {
        Self { topics: 10, passes: 10, batch: 128, tau: 10.0, kappa: 0.7, seed: 1 }
    }
}

/// Topics learnt from counts.
#[derive(Debug, Clone)]
pub struct Lda {
    /// Variational weights of words: topics × words.
    lambda: Matrix,
    /// exp E[log β], words × topics: a word's topics lie together.
    beta: Matrix,
    /// Prior of a text's topics and of a topic's words: 1 / topics each.
    prior: f64,
}

/// Most steps for one text, and the mean change that ends them: scikit-learn's values.
const STEPS: usize = 100;
const CHANGE: f64 = 1e-3;

impl Lda {
    /// Online variational Bayes (Hoffman, Blei, Bach, NeurIPS 2010), as scikit-learn 1.9's
    /// `LatentDirichletAllocation(learning_method="online")` with other random numbers: equal in perplexity, not in bits.
    /// `counts`: texts × words, values at least 0. O(passes · entries · topics · steps). Errors without texts or words, for
    /// negative counts and parameters out of range.
    pub fn fit(counts: &SparseRows, config: LdaConfig) -> Result<Self> {
        Error::parameter(config.topics >= 1, "topics", config.topics as f64, "at least 1")?;
        Error::parameter(config.batch >= 1, "batch", config.batch as f64, "at least 1")?;
        Error::parameter(config.kappa > 0.5 && config.kappa <= 1.0, "kappa", config.kappa, "in (0.5, 1]")?;
        Error::parameter(config.tau >= 1.0, "tau", config.tau, "at least 1")?;
        Error::at_least("texts", 1, counts.rows())?;
        Error::at_least("words", 1, counts.width())?;
        not_negative(counts)?;
        let (k, words, n) = (config.topics, counts.width(), counts.rows());
        let mut rng = Rng::new(config.seed);
        let mut lambda = Matrix::zeros(k, words);
        // near 1 and uneven, as a gamma of shape 100 would be
        lambda.data_mut().iter_mut().for_each(|v| *v = (1.0 + 0.1 * rng.normal()).max(0.1));
        let mut model = Self { beta: Matrix::zeros(words, k), lambda, prior: 1.0 / k as f64 };
        model.refresh();
        let (mut step, mut gamma) = (0.0, vec![0.0; k]);
        for _ in 0..config.passes {
            for from in (0..n).step_by(config.batch) {
                let to = (from + config.batch).min(n);
                let mut found = Matrix::zeros(words, k);
                for i in from..to {
                    let (columns, values) = counts.row(i);
                    model.infer((columns, values), &mut gamma, Some(&mut found));
                }
                let rho = libm::pow(config.tau + step, -config.kappa);
                let scale = n as f64 / (to - from) as f64;
                for t in 0..k {
                    for w in 0..words {
                        let target = model.prior + scale * found[(w, t)] * model.beta[(w, t)];
                        let old = model.lambda[(t, w)];
                        model.lambda[(t, w)] = old + rho * (target - old);
                    }
                }
                model.refresh();
                step += 1.0;
            }
        }
        Ok(model)
    }

    fn refresh(&mut self) {
        for t in 0..self.lambda.rows() {
            let row = self.lambda.row(t);
            let all = digamma(row.iter().sum());
            for (w, value) in row.iter().enumerate() {
                self.beta[(w, t)] = libm::exp(digamma(*value) - all);
            }
        }
    }

    /// Weights of a text's topics into `gamma`; adds its share of words to topics into `found`, without the factor β.
    fn infer(&self, (columns, values): (&[u32], &[f64]), gamma: &mut [f64], found: Option<&mut Matrix>) {
        let k = gamma.len();
        gamma.fill(1.0);
        let mut theta = vec![0.0; k];
        let mut next = vec![0.0; k];
        expectation(gamma, &mut theta);
        for _ in 0..STEPS {
            next.fill(0.0);
            for (w, n) in columns.iter().zip(values) {
                let beta = self.beta.row(*w as usize);
                let share = n / (dot(&theta, beta) + 1e-100);
                next.iter_mut().zip(beta).for_each(|(s, b)| *s += share * b);
            }
            let mut change = 0.0;
            for t in 0..k {
                let new = self.prior + theta[t] * next[t];
                change += (new - gamma[t]).abs();
                gamma[t] = new;
            }
            expectation(gamma, &mut theta);
            if change / (k as f64) < CHANGE {
                break;
            }
        }
        if let Some(found) = found {
            for (w, n) in columns.iter().zip(values) {
                let share = n / (dot(&theta, self.beta.row(*w as usize)) + 1e-100);
                found.row_mut(*w as usize).iter_mut().zip(&theta).for_each(|(s, t)| *s += share * t);
            }
        }
    }

    /// Topic × word weights, each topic summing to 1.
    #[must_use]
    pub fn topics(&self) -> Matrix {
        let mut topics = self.lambda.clone();
        for t in 0..topics.rows() {
            let sum: f64 = topics.row(t).iter().sum();
            topics.row_mut(t).iter_mut().for_each(|v| *v /= sum);
        }
        topics
    }

    /// The `n` heaviest words of each topic, heaviest first.
    #[must_use]
    pub fn top_words(&self, n: usize) -> Vec<Vec<usize>> {
        let heaviest = |row: &[f64]| {
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
            order.truncate(n);
            order
        };
        self.lambda.iter_rows().map(heaviest).collect()
    }

    /// Text × topic weights, each text summing to 1; equal weights for a text without words. Errors for negative counts and another width.
    pub fn transform(&self, counts: &SparseRows) -> Result<Matrix> {
        self.check(counts)?;
        let k = self.lambda.rows();
        let mut all = Matrix::zeros(counts.rows(), k);
        for i in 0..counts.rows() {
            self.infer(counts.row(i), all.row_mut(i), None);
            let sum: f64 = all.row(i).iter().sum();
            all.row_mut(i).iter_mut().for_each(|v| *v /= sum);
        }
        Ok(all)
    }

    /// exp(−bound / words) with the variational bound of the log likelihood, as scikit-learn's `perplexity`: less is better. Errors as
    /// [`Lda::transform`], and for no words at all.
    pub fn perplexity(&self, counts: &SparseRows) -> Result<f64> {
        self.check(counts)?;
        let k = self.lambda.rows();
        let total: f64 = counts.iter().map(|(_, v)| v.iter().sum::<f64>()).sum();
        Error::at_least("words", 1, total as usize)?;
        let (mut bound, mut gamma, mut theta) = (0.0, vec![0.0; k], vec![0.0; k]);
        for row in counts.iter() {
            self.infer(row, &mut gamma, None);
            expectation(&gamma, &mut theta);
            for (w, n) in row.0.iter().zip(row.1) {
                bound += n * libm::log(dot(&theta, self.beta.row(*w as usize)) + 1e-300);
            }
            let log: Vec<f64> = theta.iter().map(|t| libm::log(*t + 1e-300)).collect();
            bound += dirichlet(self.prior, &gamma, &log);
        }
        for t in 0..k {
            let log: Vec<f64> = (0..self.beta.rows()).map(|w| libm::log(self.beta[(w, t)] + 1e-300)).collect();
            bound += dirichlet(self.prior, self.lambda.row(t), &log);
        }
        Ok(libm::exp(-bound / total))
    }

    fn check(&self, counts: &SparseRows) -> Result<()> {
        Error::same_length("words", counts.width(), self.lambda.cols())?;
        not_negative(counts)
    }
}

fn not_negative(counts: &SparseRows) -> Result<()> {
    let negative = counts.iter().flat_map(|(_, v)| v).find(|v| **v < 0.0);
    negative.map_or(Ok(()), |v| Error::parameter(false, "counts", *v, "at least 0"))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// exp E[log θ] of a Dirichlet.
fn expectation(gamma: &[f64], theta: &mut [f64]) {
    let all = digamma(gamma.iter().sum());
    theta.iter_mut().zip(gamma).for_each(|(t, g)| *t = libm::exp(digamma(*g) - all));
}

/// E[log p] − E[log q] of a Dirichlet with an even prior.
fn dirichlet(prior: f64, posterior: &[f64], log: &[f64]) -> f64 {
    let n = posterior.len() as f64;
    let spread: f64 =
        posterior.iter().zip(log).map(|(g, l)| (prior - g) * l + libm::lgamma(*g) - libm::lgamma(prior)).sum();
    spread + libm::lgamma(prior * n) - libm::lgamma(posterior.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        let config = LdaConfig { topics: 2, ..LdaConfig::default() };
        assert!(Lda::fit(&SparseRows::new(3), config).is_err());
        let mut rows = SparseRows::new(3);
        rows.push(&[]).unwrap();
        let model = Lda::fit(&rows, config).unwrap();
        assert_eq!(model.transform(&rows).unwrap().data(), [0.5, 0.5]);
        assert!(model.perplexity(&rows).is_err() && model.transform(&SparseRows::new(4)).is_err());
        rows.push(&[(0, -1.0)]).unwrap();
        assert!(Lda::fit(&rows, config).is_err());
        let mut huge = SparseRows::new(2);
        huge.push(&[(0, 1e12), (1, 1e-12)]).unwrap();
        assert!(Lda::fit(&huge, config).unwrap().perplexity(&huge).unwrap().is_finite());
    }
}
