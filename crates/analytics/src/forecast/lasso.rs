//! Minimising `x'Sx / 2 - c'x + lambda |x|` exactly: feature-sign search (Lee, Battle, Raina, Ng, NIPS 2006).

use crate::Matrix;
use crate::linalg::{dot, solve_spd};

/// Improves `x` (any start) to the minimum. `s` is symmetric positive semidefinite. A handful of small Cholesky solutions from a warm
/// start, and finite: each step lowers the cost.
pub(super) fn lasso(s: &Matrix, c: &[f64], lambda: f64, x: &mut [f64]) {
    let n = c.len();
    let slack = 1e-9 * lambda.max(1e-300) + 1e-14 * c.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let mut signs: Vec<f64> = x.iter().map(|v| if *v == 0.0 { 0.0 } else { v.signum() }).collect();
    // far above what was ever seen (about 2 n)
    for _ in 0..50 * n {
        let gradient = |i: usize, x: &[f64]| dot(s.row(i), x) - c[i];
        let unsettled = (0..n).any(|i| x[i] != 0.0 && (gradient(i, x) + lambda * signs[i]).abs() > slack);
        if !unsettled {
            let worst = (0..n)
                .filter(|i| x[*i] == 0.0)
                .map(|i| (i, gradient(i, x)))
                .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
            match worst {
                Some((i, g)) if g.abs() > lambda + slack => signs[i] = -g.signum(),
                _ => return,
            }
        }
        if !step(s, c, lambda, (&mut *x, &mut signs)) {
            return;
        }
    }
}

/// Solves for the active coefficients with their signs held, then goes to the best point on the way there. False where the active
/// system is singular or nothing moved.
fn step(s: &Matrix, c: &[f64], lambda: f64, (x, signs): (&mut [f64], &mut [f64])) -> bool {
    let active: Vec<usize> = (0..x.len()).filter(|i| signs[*i] != 0.0).collect();
    let k = active.len();
    let mut sub = Matrix::zeros(k, k);
    for (a, i) in active.iter().enumerate() {
        for (b, j) in active.iter().enumerate() {
            sub[(a, b)] = s[(*i, *j)];
        }
        sub[(a, a)] += 1e-13 * s[(*i, *i)];
    }
    let right: Vec<f64> = active.iter().map(|i| c[*i] - lambda * signs[*i]).collect();
    let Ok(goal) = solve_spd(&sub, &right) else { return false };
    let from: Vec<f64> = active.iter().map(|i| x[*i]).collect();
    let cost = |v: &[f64]| {
        let quadratic: f64 = (0..k).map(|a| v[a] * (0.5 * dot(sub.row(a), v) - c[active[a]])).sum();
        quadratic + lambda * v.iter().map(|v| v.abs()).sum::<f64>()
    };
    let start = cost(&from);
    let mut best = (cost(&goal), goal.clone());
    for a in 0..k {
        // where this coefficient passes zero
        if from[a] * goal[a] < 0.0 {
            let t = from[a] / (from[a] - goal[a]);
            let mut v: Vec<f64> = from.iter().zip(&goal).map(|(f, g)| f + t * (g - f)).collect();
            v[a] = 0.0;
            let price = cost(&v);
            if price < best.0 {
                best = (price, v);
            }
        }
    }
    // a coefficient just activated moves from 0 with its sign; anything else is rounding
    if best.0.is_nan() || best.0 >= start {
        return false;
    }
    for (i, v) in active.iter().zip(best.1) {
        x[*i] = v;
        signs[*i] = if v == 0.0 { 0.0 } else { v.signum() };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_fulfils_the_conditions_of_optimality() {
        let mut r = crate::Rng::new(5);
        let a = Matrix::new(40, 12, (0..480).map(|_| r.normal()).collect()).unwrap();
        let s = a.transpose().multiply(&a).unwrap();
        let c: Vec<f64> = (0..12).map(|_| 20.0 * r.normal()).collect();
        for lambda in [0.1, 5.0, 30.0, 1e6] {
            let mut x = vec![0.0; 12];
            x[3] = -5.0;
            lasso(&s, &c, lambda, &mut x);
            for i in 0..12 {
                let g = dot(s.row(i), &x) - c[i];
                let fine = if x[i] == 0.0 {
                    g.abs() <= lambda * 1.000_001
                } else {
                    (g + lambda * x[i].signum()).abs() < 1e-6 * lambda
                };
                assert!(fine, "{lambda} {i} {} {g}", x[i]);
            }
        }
    }
}
