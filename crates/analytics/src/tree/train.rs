//! Gradient boosting: our own trainer, exact or by histograms, with models that XGBoost reads.

use super::boosted::{Ensemble, Link};
use super::exact::Exact;
use super::grow::{self, Penalty};
use super::hist::Histograms;
use super::objective::{self, Pair};
use crate::{Error, Matrix, Result, Rng};

/// What boosting makes smaller.
#[derive(Debug, Clone, PartialEq)]
pub enum Objective {
    /// `reg:squarederror`.
    SquaredError,
    /// `binary:logistic`; targets in [0, 1].
    Logistic,
    /// `rank:ndcg`: LambdaMART over groups of rows that follow each other; targets are relevances in [0, 31].
    RankNdcg {
        /// Rows of each group in order; together all rows.
        group_sizes: Vec<usize>,
        /// Best placed rows of a group that are compared with all below (XGBoost's `lambdarank_num_pair_per_sample`).
        pairs: usize,
    },
}

/// How splits are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Every border between two values: XGBoost's `exact`, to its rounding. O(rows · features) a level.
    Exact,
    /// Borders between at most `max_bin` quantiles a feature (2 to 255; 255 where it is more).
    Histogram {
        /// Bins of a feature.
        max_bin: usize,
    },
}

/// How an ensemble is trained; names and defaults are XGBoost's.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainParams {
    /// The loss.
    pub objective: Objective,
    /// Exact or histograms.
    pub method: Method,
    /// Trees.
    pub rounds: usize,
    /// Shrinkage of each tree.
    pub eta: f64,
    /// Most splits on a path.
    pub max_depth: usize,
    /// L2 penalty of leaf values.
    pub lambda: f64,
    /// L1 penalty of leaf values.
    pub alpha: f64,
    /// Least gain of a split that is kept.
    pub gamma: f64,
    /// Least summed second derivative of a child.
    pub min_child_weight: f64,
    /// Share of rows that each tree sees.
    pub subsample: f64,
    /// Share of features that each tree sees.
    pub colsample: f64,
    /// Prediction before the first tree; `None` takes the mean target (0 for ranking).
    pub base_score: Option<f64>,
    /// Seed of the two samples.
    pub seed: u64,
}

impl Default for TrainParams {
    fn default() -> Self {
        Self {
            objective: Objective::SquaredError,
            method: Method::Histogram { max_bin: 255 },
            rounds: 100,
            eta: 0.3,
            max_depth: 6,
            lambda: 1.0,
            alpha: 0.0,
            gamma: 0.0,
            min_child_weight: 1.0,
            subsample: 1.0,
            colsample: 1.0,
            base_score: None,
            seed: 0,
        }
    }
}

impl Ensemble {
    /// Trains on rows `x` (NaN is "missing"; values are rounded to `f32`) and targets `y`, weighted equally without
    /// `weights`; of a ranking group the weight of its first row counts. Chen and Guestrin 2016.
    ///
    /// The exact method gives XGBoost 3.2's trees; histograms choose other borders than XGBoost's sketch with equal quality.
    /// Deterministic for a seed. Constant features are never split; equal targets give trees without splits. Errors: no
    /// rows, lengths that differ, non-finite or out-of-range targets, weights or parameters, groups that do not add up,
    /// infinite features.
    pub fn train(x: &Matrix, y: &[f64], weights: Option<&[f64]>, params: &TrainParams) -> Result<Self> {
        check(x, y, weights, params)?;
        let single: Vec<f32> = weights.map_or(vec![1.0; y.len()], |w| w.iter().map(|w| *w as f32).collect());
        let base = base_margin(y, &single, params);
        let mut model = Self {
            features: x.cols(),
            groups: 1,
            trees: Vec::with_capacity(params.rounds),
            base: vec![f64::from(base)],
            single: true,
            divisor: 1.0,
            link: if params.objective == Objective::Logistic { Link::Logistic { slope: 1.0 } } else { Link::Identity },
            objective: name(&params.objective).to_owned(),
            names: Vec::new(),
        };
        let mut grower = match params.method {
            Method::Exact => Grower::Exact(Exact::new(x)),
            Method::Histogram { max_bin } => Grower::Histograms(Histograms::new(x, max_bin)),
        };
        let mut rng = Rng::new(params.seed);
        let mut margins = vec![base; y.len()];
        let mut gradients: Vec<Pair> = vec![[0.0; 2]; y.len()];
        let penalty = Penalty::new(params);
        for _ in 0..params.rounds {
            objective::gradients(&params.objective, &margins, y, &single, &mut gradients);
            if params.subsample < 1.0 {
                let dropped = gradients.iter_mut().filter(|_| rng.uniform() >= params.subsample);
                dropped.for_each(|g| *g = [0.0; 2]);
            }
            let features = sample_features(x.cols(), params.colsample, &mut rng);
            let nodes = match &mut grower {
                Grower::Exact(g) => g.grow(&gradients, &features, &penalty, params.max_depth),
                Grower::Histograms(g) => g.grow(&gradients, &features, &penalty, params.max_depth),
            };
            let (tree, values) = grow::finish(&nodes, params);
            match &grower {
                Grower::Exact(g) => g.add_to(&values, &mut margins),
                Grower::Histograms(g) => g.add_to(&values, &mut margins),
            }
            model.trees.push(tree);
        }
        Ok(model)
    }
}

enum Grower {
    Exact(Exact),
    Histograms(Histograms),
}

fn name(objective: &Objective) -> &'static str {
    match objective {
        Objective::SquaredError => "reg:squarederror",
        Objective::Logistic => "binary:logistic",
        Objective::RankNdcg { .. } => "rank:ndcg",
    }
}

fn sample_features(features: usize, share: f64, rng: &mut Rng) -> Vec<u32> {
    if share >= 1.0 {
        return (0..features as u32).collect();
    }
    let kept = ((features as f64 * share) as usize).max(1);
    let mut sampled: Vec<u32> = rng.sample(features, kept).iter().map(|f| *f as u32).collect();
    sampled.sort_unstable();
    sampled
}

fn base_margin(y: &[f64], weights: &[f32], params: &TrainParams) -> f32 {
    let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
    let mean = y.iter().zip(weights).map(|(y, w)| y * f64::from(*w)).sum::<f64>() / total;
    match params.objective {
        Objective::RankNdcg { .. } => params.base_score.unwrap_or(0.0) as f32,
        Objective::SquaredError => params.base_score.unwrap_or(mean) as f32,
        Objective::Logistic => {
            // one class alone has no finite margin
            let score = params.base_score.unwrap_or_else(|| mean.clamp(1e-6, 1.0 - 1e-6));
            -libm::logf(1.0 / score as f32 - 1.0)
        }
    }
}

fn check(x: &Matrix, y: &[f64], weights: Option<&[f64]>, params: &TrainParams) -> Result<()> {
    Error::at_least("rows", 1, x.rows())?;
    Error::same_length("targets", y.len(), x.rows())?;
    Error::all_finite("targets", y)?;
    let fits = u32::try_from(x.rows()).is_ok() && u32::try_from(x.cols()).is_ok();
    Error::parameter(fits, "rows", x.rows() as f64, "below 2^32")?;
    if let Some(index) = x.data().iter().position(|v| (*v as f32).is_infinite()) {
        return Err(Error::NotFinite { what: "features", index });
    }
    if let Some(weights) = weights {
        Error::same_length("weights", weights.len(), y.len())?;
        Error::all_finite("weights", weights)?;
        let least = weights.iter().copied().fold(0.0, f64::min);
        let total: f64 = weights.iter().sum();
        let fine = least >= 0.0 && total > 0.0 && total < 1e30;
        Error::parameter(fine, "weights", if least < 0.0 { least } else { total }, "at least 0 and not all")?;
    }
    let (low, high) = y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    match &params.objective {
        // squares of sums must stay finite
        Objective::SquaredError => Error::parameter(high.max(-low) < 1e30, "target", high.max(-low), "below 1e30")?,
        Objective::Logistic => {
            Error::parameter(low >= 0.0, "target", low, "in [0, 1]")?;
            Error::parameter(high <= 1.0, "target", high, "in [0, 1]")?;
            let base = params.base_score.unwrap_or(0.5);
            Error::parameter(base > 0.0 && base < 1.0, "base_score", base, "between 0 and 1")?;
        }
        Objective::RankNdcg { group_sizes, .. } => {
            Error::parameter(low >= 0.0, "relevance", low, "in [0, 31]")?;
            Error::parameter(high <= 31.0, "relevance", high, "in [0, 31]")?;
            let sum = group_sizes.iter().fold(0usize, |s, g| s.saturating_add(*g));
            Error::same_length("group sizes", sum, y.len())?;
        }
    }
    let positive = |name, value: f64| Error::parameter(value > 0.0 && value <= 1.0, name, value, "above 0, at most 1");
    positive("subsample", params.subsample)?;
    positive("colsample", params.colsample)?;
    let sizes = [params.eta, params.lambda, params.alpha, params.gamma, params.min_child_weight];
    for (name, value) in ["eta", "lambda", "alpha", "gamma", "min_child_weight"].into_iter().zip(sizes) {
        Error::parameter((0.0..1e30).contains(&value), name, value, "at least 0")?;
    }
    let base = params.base_score.unwrap_or(0.0);
    Error::parameter(base.abs() < 1e30, "base_score", base, "a finite number")
}
