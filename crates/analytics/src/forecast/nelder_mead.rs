//! Minimising without derivatives inside a box: Nelder and Mead (1965), the vertices clipped into the box.

/// Where and how long to search.
pub(crate) struct Search {
    pub start: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    /// At most so many evaluations (at least one simplex is always evaluated).
    pub evaluations: usize,
    /// Stops where the simplex' costs differ by less than this share.
    pub tolerance: f64,
}

/// The best point and its cost. A cost of NaN counts as infinite. Deterministic.
pub(crate) fn nelder_mead(search: &Search, mut cost: impl FnMut(&[f64]) -> f64) -> (Vec<f64>, f64) {
    let n = search.start.len();
    let mut count = 0;
    let mut eval = |v: &[f64]| {
        count += 1;
        let c = cost(v);
        (if c.is_nan() { f64::INFINITY } else { c }, count)
    };
    let clip = |v: &mut [f64]| {
        for (x, (lo, hi)) in v.iter_mut().zip(search.lower.iter().zip(&search.upper)) {
            *x = x.max(*lo).min(*hi);
        }
    };
    let mut simplex: Vec<(Vec<f64>, f64)> = Vec::with_capacity(n + 1);
    for k in 0..=n {
        let mut v = search.start.clone();
        clip(&mut v);
        if k > 0 {
            let i = k - 1;
            let room = search.upper[i] - search.lower[i];
            let step = if room.is_finite() { 0.2 * room } else { 0.1 * v[i].abs().max(1e-3) };
            v[i] = if v[i] + step <= search.upper[i] { v[i] + step } else { v[i] - step };
        }
        let c = eval(&v).0;
        simplex.push((v, c));
    }
    loop {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (simplex[0].1, simplex[n].1);
        if n == 0 || (worst - best).abs() <= search.tolerance * (best.abs() + search.tolerance) {
            break;
        }
        let centre: Vec<f64> = (0..n).map(|i| simplex[..n].iter().map(|(v, _)| v[i]).sum::<f64>() / n as f64).collect();
        let along = |t: f64| {
            let mut v: Vec<f64> = centre.iter().zip(&simplex[n].0).map(|(c, w)| c + t * (w - c)).collect();
            clip(&mut v);
            v
        };
        let reflected = along(-1.0);
        let (r, mut used) = eval(&reflected);
        let (candidate, c) = if r < best {
            let further = along(-2.0);
            let (e, u) = eval(&further);
            used = u;
            if e < r { (further, e) } else { (reflected, r) }
        } else if r < simplex[n - 1].1 {
            (reflected, r)
        } else {
            let nearer = along(if r < worst { -0.5 } else { 0.5 });
            let (k, u) = eval(&nearer);
            used = u;
            (nearer, k)
        };
        if c < worst && (c < simplex[n - 1].1 || c < r) || r < simplex[n - 1].1 {
            simplex[n] = (candidate, c);
        } else {
            let anchor = simplex[0].0.clone();
            for (v, cost) in &mut simplex[1..] {
                v.iter_mut().zip(&anchor).for_each(|(x, a)| *x = a + 0.5 * (*x - a));
                (*cost, used) = eval(v);
            }
        }
        if used >= search.evaluations {
            simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
            break;
        }
    }
    simplex.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_valley_is_found_inside_the_box() {
        let search = Search {
            start: vec![-1.0, 1.0],
            lower: vec![-2.0; 2],
            upper: vec![2.0; 2],
            evaluations: 2000,
            tolerance: 1e-14,
        };
        let (v, c) = nelder_mead(&search, |v| 100.0 * (v[1] - v[0] * v[0]).powi(2) + (1.0 - v[0]).powi(2));
        assert!(c < 1e-8 && (v[0] - 1.0).abs() < 1e-3, "{v:?} {c}");
        let edge = Search { upper: vec![0.5; 2], ..search };
        let (v, _) = nelder_mead(&edge, |v| (v[0] - 3.0).powi(2) + (v[1] - 0.1).powi(2));
        assert!((v[0] - 0.5).abs() < 1e-3 && (v[1] - 0.1).abs() < 1e-2, "{v:?}");
    }
}
