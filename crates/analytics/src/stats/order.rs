//! Quantiles, median, MAD, IQR and robust z, by selection instead of a full sort: O(n).
//!
//! Quantiles as numpy's `linear` method (Hyndman and Fan's type 7), with numpy's interpolation, so that the bits agree.
//! NaN anywhere gives NaN, as numpy; so does an empty slice.

/// Makes the MAD of a normal distribution its standard deviation: 1 / Φ⁻¹(3/4).
pub const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;

/// Makes the IQR of a normal distribution its standard deviation: 2 Φ⁻¹(3/4).
pub const IQR_OF_NORMAL: f64 = 1.348_979_500_392_163_3;

/// The `q`-quantile, 0 ≤ q ≤ 1; NaN for other q. Copies the values.
#[must_use]
pub fn quantile(x: &[f64], q: f64) -> f64 {
    quantile_in_place(&mut x.to_vec(), q)
}

/// As [`quantile`], without the copy: the values are reordered.
pub fn quantile_in_place(x: &mut [f64], q: f64) -> f64 {
    if x.is_empty() || !(0.0..=1.0).contains(&q) || x.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    select(x, q)
}

/// Several quantiles of the same values, in the order asked: one selection within what the one before left.
#[must_use]
pub fn quantiles(x: &[f64], qs: &[f64]) -> Vec<f64> {
    if x.is_empty() || x.iter().any(|v| v.is_nan()) {
        return vec![f64::NAN; qs.len()];
    }
    let mut work = x.to_vec();
    let mut order: Vec<usize> = (0..qs.len()).collect();
    order.sort_by(|a, b| qs[*a].total_cmp(&qs[*b]));
    let mut found = vec![f64::NAN; qs.len()];
    let (n, mut start) = (work.len(), 0);
    for i in order {
        if !(0.0..=1.0).contains(&qs[i]) {
            continue;
        }
        let at = position(n, qs[i]);
        // everything before `start` is at most as large as what follows
        let rest = &mut work[start..];
        found[i] = pick(rest, at.whole - start, at.part);
        start = at.whole;
    }
    found
}

/// The quantile of values that are sorted already; O(1). NaN for no values or q outside 0..=1.
#[must_use]
pub fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() || !(0.0..=1.0).contains(&q) {
        return f64::NAN;
    }
    let at = position(sorted.len(), q);
    let low = sorted[at.whole];
    lerp(low, sorted[(at.whole + 1).min(sorted.len() - 1)], at.part)
}

/// The median.
#[must_use]
pub fn median(x: &[f64]) -> f64 {
    quantile(x, 0.5)
}

/// As [`median`], without the copy: the values are reordered.
pub fn median_in_place(x: &mut [f64]) -> f64 {
    quantile_in_place(x, 0.5)
}

/// Median of the absolute distances to the median, not scaled: times [`MAD_TO_DEVIATION`] it estimates σ of normal values.
/// 0 where more than half of the values are equal.
#[must_use]
pub fn mad(x: &[f64]) -> f64 {
    let mut work = x.to_vec();
    let m = median_in_place(&mut work);
    mad_about(&mut work, m)
}

/// Third minus first quartile.
#[must_use]
pub fn iqr(x: &[f64]) -> f64 {
    let q = quantiles(x, &[0.25, 0.75]);
    q[1] - q[0]
}

/// (x − median) / (1.4826 MAD) of each value. Where the MAD is 0 (more than half are equal) the mean absolute distance
/// times √(π/2) stands in (Iglewicz and Hoaglin 1993); where that is 0 too, all are 0.
#[must_use]
pub fn robust_z(x: &[f64]) -> Vec<f64> {
    let mut work = x.to_vec();
    let m = median_in_place(&mut work);
    let mut scale = MAD_TO_DEVIATION * mad_about(&mut work, m);
    if scale == 0.0 {
        scale = std::f64::consts::FRAC_PI_2.sqrt() * super::moments::sum_of(x, |v| (v - m).abs()) / x.len() as f64;
    }
    x.iter().map(|v| if scale == 0.0 { 0.0 } else { (v - m) / scale }).collect()
}

/// Median distance to `centre`; the work space is overwritten.
pub(crate) fn mad_about(work: &mut [f64], centre: f64) -> f64 {
    work.iter_mut().for_each(|v| *v = (*v - centre).abs());
    median_in_place(work)
}

struct Position {
    whole: usize,
    part: f64,
}

fn position(n: usize, q: f64) -> Position {
    let h = q * (n - 1) as f64;
    let whole = (h.floor() as usize).min(n - 1);
    Position { whole, part: h - h.floor() }
}

fn select(x: &mut [f64], q: f64) -> f64 {
    let at = position(x.len(), q);
    pick(x, at.whole, at.part)
}

/// Value at rank `whole` and a `part` of the way to the next.
fn pick(x: &mut [f64], whole: usize, part: f64) -> f64 {
    let (_, low, above) = x.select_nth_unstable_by(whole, f64::total_cmp);
    let low = *low;
    if part == 0.0 || above.is_empty() {
        return low;
    }
    lerp(low, above.iter().copied().fold(f64::INFINITY, f64::min), part)
}

/// numpy's: from the nearer end, so that both ends come out exactly.
fn lerp(a: f64, b: f64, t: f64) -> f64 {
    let d = b - a;
    if d == 0.0 || t == 0.0 {
        a
    } else if t >= 0.5 {
        b - d * (1.0 - t)
    } else {
        a + d * t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_in_the_order_asked() {
        let x = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantiles(&x, &[1.0, 0.0, 0.5, 0.5, 0.125]), [5.0, 1.0, 3.0, 3.0, 1.5]);
        assert_eq!(quantile_sorted(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.125), 1.5);
        assert!(quantiles(&x, &[2.0])[0].is_nan() && quantile(&x, -0.1).is_nan() && quantile(&[], 0.5).is_nan());
        assert!(median(&[1.0, f64::NAN]).is_nan());
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY, 1.0]), f64::INFINITY);
    }

    #[test]
    fn robust_z_survives_equal_values() {
        assert_eq!(robust_z(&[3.0; 5]), [0.0; 5]);
        let z = robust_z(&[1.0, 1.0, 1.0, 1.0, 9.0]);
        assert!(z[..4].iter().all(|v| *v == 0.0) && z[4] > 3.0 && z[4].is_finite(), "{z:?}");
        assert!(robust_z(&[]).is_empty());
    }
}
