//! Order statistics that several detectors share and [`crate::stats::order`] has not: NaN is left out, infinities are numbers.

/// The numbers among `values`, ascending.
pub(super) fn sorted_numbers(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Median of ascending numbers; NaN for none.
pub(super) fn median_sorted(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    match n {
        0 => f64::NAN,
        _ if n % 2 == 1 => sorted[n / 2],
        // halves first, so that huge numbers do not overflow; exact unless subnormal
        _ => 0.5 * sorted[n / 2 - 1] + 0.5 * sorted[n / 2],
    }
}

/// Median of the numbers in `buffer`, which is left in another order; NaN is skipped. O(n).
pub(super) fn median_of(buffer: &mut Vec<f64>) -> f64 {
    buffer.retain(|v| !v.is_nan());
    let n = buffer.len();
    if n == 0 {
        return f64::NAN;
    }
    let (below, middle, _) = buffer.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 { middle } else { 0.5 * below.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 0.5 * middle }
}

/// Median of the distances to `centre` of ascending numbers, by walking outwards from it: O(n), no allocation.
pub(super) fn deviation_sorted(sorted: &[f64], centre: f64) -> f64 {
    let n = sorted.len();
    if n == 0 {
        return f64::NAN;
    }
    let mut right = sorted.partition_point(|v| *v < centre);
    let mut left = right;
    let (mut before, mut current) = (0.0, 0.0);
    for _ in 0..=n / 2 {
        before = current;
        let down = if left > 0 { centre - sorted[left - 1] } else { f64::INFINITY };
        let up = if right < n { sorted[right] - centre } else { f64::INFINITY };
        if down <= up {
            left = left.saturating_sub(1);
            current = down;
        } else {
            right += 1;
            current = up;
        }
    }
    if n % 2 == 1 { current } else { 0.5 * before + 0.5 * current }
}

/// A window of numbers kept in order; entering and leaving is O(log w) compares and one move of memory.
#[derive(Debug, Clone, Default)]
pub(super) struct SortedWindow {
    sorted: Vec<f64>,
}

impl SortedWindow {
    /// Adds a number; NaN is not kept.
    pub(super) fn insert(&mut self, value: f64) {
        if !value.is_nan() {
            let at = self.sorted.partition_point(|v| v.total_cmp(&value).is_lt());
            self.sorted.insert(at, value);
        }
    }

    /// Takes out a number that was inserted.
    pub(super) fn remove(&mut self, value: f64) {
        let at = self.sorted.partition_point(|v| v.total_cmp(&value).is_lt());
        if self.sorted.get(at).is_some_and(|v| v.total_cmp(&value).is_eq()) {
            self.sorted.remove(at);
        }
    }

    /// The numbers, ascending.
    pub(super) fn sorted(&self) -> &[f64] {
        &self.sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::order::quantile_sorted;

    #[test]
    fn order_statistics_agree_with_their_definitions() {
        let sorted = sorted_numbers(&[4.0, f64::NAN, 1.0, 9.0, 2.0]);
        assert_eq!(sorted, [1.0, 2.0, 4.0, 9.0]);
        assert_eq!(quantile_sorted(&sorted, 0.25), 1.75);
        assert_eq!(quantile_sorted(&sorted, 1.0), 9.0);
        assert_eq!(median_sorted(&sorted), 3.0);
        assert_eq!(median_of(&mut vec![4.0, f64::NAN, 1.0, 9.0, 2.0]), 3.0);
        for n in 1..9 {
            let values: Vec<f64> = (0..n).map(|i| f64::from(i * i) - 7.0).collect();
            let centre = median_sorted(&values);
            let mut distances: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
            assert_eq!(deviation_sorted(&values, centre), median_of(&mut distances), "{n}");
        }
        assert!(
            quantile_sorted(&[], 0.5).is_nan() && median_sorted(&[]).is_nan() && deviation_sorted(&[], 0.0).is_nan()
        );
    }

    #[test]
    fn a_window_gives_back_what_entered() {
        let mut window = SortedWindow::default();
        [3.0, f64::NAN, -0.0, 0.0, 1.0].into_iter().for_each(|v| window.insert(v));
        window.remove(0.0);
        window.remove(8.0);
        assert_eq!(window.sorted(), [-0.0, 1.0, 3.0]);
    }
}
