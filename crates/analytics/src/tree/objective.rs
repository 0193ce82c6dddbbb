//! What boosting makes smaller: gradients in `f32`, as XGBoost has them.

use super::train::Objective;

/// First and second derivative of the loss of a row.
pub(super) type Pair = [f32; 2];

/// Writes the gradients of all rows at the present margins.
pub(super) fn gradients(objective: &Objective, margins: &[f32], y: &[f64], weights: &[f32], out: &mut [Pair]) {
    match objective {
        Objective::SquaredError => {
            for (((o, m), y), w) in out.iter_mut().zip(margins).zip(y).zip(weights) {
                *o = [(m - *y as f32) * w, *w];
            }
        }
        Objective::Logistic => {
            for (((o, m), y), w) in out.iter_mut().zip(margins).zip(y).zip(weights) {
                let p = sigmoid(*m);
                // XGBoost's floor of the second derivative
                *o = [(p - *y as f32) * w, (p * (1.0 - p)).max(1e-16) * w];
            }
        }
        Objective::RankNdcg { group_sizes, pairs } => {
            let mut start = 0;
            for &size in group_sizes {
                let rows = start..start + size;
                start += size;
                ndcg(&margins[rows.clone()], &y[rows.clone()], *pairs, &mut out[rows.clone()]);
                let weight = weights.get(rows.start).copied().unwrap_or(1.0);
                out[rows].iter_mut().for_each(|o| *o = [o[0] * weight, o[1] * weight]);
            }
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    // the exponent is bounded as in XGBoost, so that it stays finite
    1.0 / (libm::expf((-x).min(88.7)) + 1.0 + 1e-16)
}

/// LambdaMART (Burges 2010) as XGBoost's `rank:ndcg` with `topk` pairs: each of the `pairs` best placed rows against all
/// below it, weighted by what swapping them would change in NDCG.
fn ndcg(margins: &[f32], relevance: &[f64], pairs: usize, out: &mut [Pair]) {
    out.fill([0.0; 2]);
    let n = margins.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| margins[*b].total_cmp(&margins[*a]));
    let gain = |i: usize| libm::exp2(relevance[i]) - 1.0;
    let discount = |rank: usize| 1.0 / libm::log2(rank as f64 + 2.0);
    let mut best: Vec<f64> = (0..n).map(gain).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal: f64 = best.iter().take(pairs).enumerate().map(|(r, g)| g * discount(r)).sum();
    if ideal <= 0.0 {
        return;
    }
    let spread = order.first().zip(order.last()).is_some_and(|(a, b)| margins[*a] != margins[*b]);
    let mut total = 0.0;
    let mut sums = vec![[0.0f64; 2]; n];
    for i in 0..n.min(pairs) {
        for j in i + 1..n {
            let (mut high, mut low) = ((order[i], i), (order[j], j));
            if relevance[high.0] == relevance[low.0] {
                continue;
            }
            if relevance[high.0] < relevance[low.0] {
                std::mem::swap(&mut high, &mut low);
            }
            let apart = f64::from(margins[high.0]) - f64::from(margins[low.0]);
            let mut delta = (gain(high.0) - gain(low.0)) * (discount(high.1) - discount(low.1)).abs() / ideal;
            if spread {
                // XGBoost's normalisation by the distance of the scores
                delta /= apart.abs() + 0.01;
            }
            let p = f64::from(sigmoid(apart as f32));
            let slope = (p - 1.0) * delta;
            let curve = (p * (1.0 - p)).max(1e-16) * delta * 2.0;
            sums[high.0] = [sums[high.0][0] + slope, sums[high.0][1] + curve];
            sums[low.0] = [sums[low.0][0] - slope, sums[low.0][1] + curve];
            total -= 2.0 * slope;
        }
    }
    let scale = if total > 0.0 { libm::log2(1.0 + total) / total } else { 1.0 };
    for (o, s) in out.iter_mut().zip(&sums) {
        *o = [(s[0] * scale) as f32, (s[1] * scale) as f32];
    }
}
