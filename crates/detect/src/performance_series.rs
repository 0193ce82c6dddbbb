//! A metric over time → did it rise, from what to what?
//!
//! No clean baseline is given: a trouble may fill nearly half of what was recorded. Load, delay, throttling and loss only
//! push their metrics up, so the lower half of the values is the baseline. For a normal distribution the lower half has its
//! median at μ − 0.674 σ and a median deviation of 0.40 σ around it; from these the level and the spread of the whole are
//! computed back. Steps between neighbouring values are a second measure of the spread, for metrics that take few values.
//! Floors keep constant series from making any change infinitely strange.

use rootline_model::Timestamp;

/// Fewer points show no baseline. Starting value, see ADR-0006.
const POINTS_MIN: usize = 12;
/// Deviations from the baseline that noise does not reach. Starting value, see ADR-0006.
const Z_MIN: f64 = 6.0;
/// A shift lasts: single spikes and the start of a recording are none. Starting values, see ADR-0006.
const RUN_MIN: usize = 4;
const RUN_SHARE: f64 = 0.1;
/// The spread is at least this share of the level.
const SPREAD_SHARE: f64 = 0.05;

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    Cpu,
    /// Share of time, or seconds per second, that a container was held back by its cpu limit.
    Throttled,
    /// In milliseconds.
    Median,
    Tail,
    Retransmitted,
}

impl Metric {
    /// What a metric's name says, by its parts; `None` for what is not used here.
    pub(crate) fn of(name: &str) -> Option<Metric> {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
        match () {
            () if has(&["cfs", "throttl"]) => Some(Metric::Throttled),
            // node exporter says RetransSegs; people write it in several ways
            () if has(&["retrans", "retans", "packet_loss", "packet loss"]) => Some(Metric::Retransmitted),
            () if has(&["latency", "duration", "response_time", "response time"]) => {
                let median = has(&["p50", "median", "0.5", "q50"]);
                Some(if median { Metric::Median } else { Metric::Tail })
            }
            () if has(&["cpu"]) && !has(&["limit", "request", "quota", "core_count"]) => Some(Metric::Cpu),
            () => None,
        }
    }

    /// Spread below which nothing is said, in the metric's unit: a hundredth of a core, 2 % of the time, a millisecond,
    /// a fifth of a segment per second. Starting values, see ADR-0006.
    const fn spread_floor(self) -> f64 {
        match self {
            Metric::Cpu => 0.01,
            Metric::Throttled => 0.02,
            Metric::Median | Metric::Tail => 1.0,
            Metric::Retransmitted => 0.2,
        }
    }

    /// A value as people read it.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Metric::Cpu => format!("{value:.2} cores"),
            Metric::Throttled => format!("throttled {value:.2} s/s"),
            Metric::Median | Metric::Tail => format!("{value:.0} ms"),
            Metric::Retransmitted => format!("{value:.1}/s"),
        }
    }
}

/// A lasting rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    pub base: f64,
    pub level: f64,
    /// Distance in spreads of the baseline.
    pub z: f64,
    pub since: Option<Timestamp>,
}

impl Shift {
    pub(crate) fn rise(&self) -> f64 {
        self.level - self.base
    }
}

/// The longest lasting rise of a series, if there is one.
pub(crate) fn shift(metric: Metric, name: &str, points: &[(Timestamp, f64)]) -> Option<Shift> {
    let points = prepare(name, points);
    if points.len() < POINTS_MIN {
        return None;
    }
    let mut sorted: Vec<f64> = points.iter().map(|p| p.1).collect();
    sorted.sort_by(f64::total_cmp);
    let lower = sorted.get(..sorted.len() / 2)?;
    let quarter = median(lower);
    let mut deviations: Vec<f64> = lower.iter().map(|v| (v - quarter).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    let sigma = (median(&deviations) / 0.40).max(jitter(&points, median(&sorted)));
    let base = quarter + 0.674 * sigma;
    let spread = sigma.max(SPREAD_SHARE * base.abs()).max(metric.spread_floor());
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let needed = RUN_MIN.max((RUN_SHARE * points.len() as f64).ceil() as usize);
    let run = longest_run(&points, base + Z_MIN * spread);
    if run.len() < needed {
        return None;
    }
    let mut values: Vec<f64> = run.iter().map(|p| p.1).collect();
    values.sort_by(f64::total_cmp);
    let level = median(&values);
    Some(Shift { base: base.max(0.0), level, z: (level - base) / spread, since: run.first().map(|p| p.0) })
}

/// Finite points in the order of time; counters become rates, seconds become milliseconds.
fn prepare(name: &str, points: &[(Timestamp, f64)]) -> Vec<(Timestamp, f64)> {
    let name = name.to_ascii_lowercase();
    let mut points: Vec<(Timestamp, f64)> = points.iter().copied().filter(|p| p.1.is_finite()).collect();
    points.sort_by_key(|p| p.0);
    if name.contains("_total") {
        let rate = |w: &[(Timestamp, f64)]| {
            let [a, b] = w else { return None };
            let seconds = b.0.duration_since(a.0).as_secs_f64();
            // a smaller value is a restarted counter
            (seconds > 0.0 && b.1 >= a.1).then(|| (b.0, (b.1 - a.1) / seconds))
        };
        points = points.windows(2).filter_map(rate).collect();
    }
    let time = matches!(Metric::of(&name), Some(Metric::Median | Metric::Tail));
    let factor = match () {
        () if !time => 1.0,
        () if name.contains("milli") || name.contains("_ms") => 1.0,
        () if name.contains("micro") || name.contains("_us") => 1e-3,
        () if name.contains("second") || name.ends_with("_s") => 1e3,
        () => 1.0,
    };
    points.iter_mut().for_each(|p| p.1 *= factor);
    points
}

/// Spread by the steps between neighbours, both in the lower half: a rise and its slopes do not count as noise. The median
/// of |x − y| of two normal values is 0.954 σ.
fn jitter(points: &[(Timestamp, f64)], half: f64) -> f64 {
    let step = |w: &[(Timestamp, f64)]| match w {
        [a, b] if a.1 <= half && b.1 <= half => Some((b.1 - a.1).abs()),
        _ => None,
    };
    let mut steps: Vec<f64> = points.windows(2).filter_map(step).collect();
    steps.sort_by(f64::total_cmp);
    median(&steps) / 0.954
}

/// The longest stretch above a bound; one point below does not end it.
fn longest_run(points: &[(Timestamp, f64)], bound: f64) -> Vec<(Timestamp, f64)> {
    let mut best: Vec<(Timestamp, f64)> = Vec::new();
    let mut run: Vec<(Timestamp, f64)> = Vec::new();
    let mut below = 0;
    for &point in points {
        if point.1 > bound {
            run.push(point);
            below = 0;
        } else {
            below += 1;
            if below > 1 {
                run.clear();
            }
        }
        if run.len() > best.len() {
            best.clone_from(&run);
        }
    }
    best
}

/// Of sorted values.
fn median(sorted: &[f64]) -> f64 {
    match (sorted.len(), sorted.get(sorted.len() / 2)) {
        (0, _) | (_, None) => 0.0,
        (n, Some(high)) if n % 2 == 1 => *high,
        (n, Some(high)) => f64::midpoint(sorted.get(n / 2 - 1).copied().unwrap_or(*high), *high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(values: &[f64]) -> Vec<(Timestamp, f64)> {
        (0..).zip(values).filter_map(|(i, v)| Some((Timestamp::from_second(1_700_000_000 + i * 5).ok()?, *v))).collect()
    }

    /// Deterministic noise around a level.
    fn noise(n: usize, level: f64, spread: f64) -> Vec<f64> {
        let mut x: u32 = 7;
        (0..n)
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                level + spread * (f64::from(x >> 8) / f64::from(1u32 << 24) - 0.5)
            })
            .collect()
    }

    #[test]
    fn lasting_rises_are_found_and_nothing_else() {
        let check = |what: &str, metric: Metric, values: Vec<f64>, want: bool| {
            assert_eq!(shift(metric, "x", &at(&values)).is_some(), want, "{what}");
        };
        let join = |parts: [Vec<f64>; 3]| parts.concat();
        check("noise", Metric::Tail, noise(50, 20.0, 10.0), false);
        check("rise", Metric::Tail, join([noise(15, 20.0, 5.0), noise(20, 200.0, 50.0), noise(15, 20.0, 5.0)]), true);
        check("spike", Metric::Tail, join([noise(25, 20.0, 5.0), vec![900.0, 900.0], noise(23, 20.0, 5.0)]), false);
        check(
            "warm-up",
            Metric::Tail,
            join([vec![140.0, 120.0, 90.0], noise(25, 20.0, 5.0), noise(22, 20.0, 5.0)]),
            false,
        );
        check("from zero", Metric::Throttled, join([vec![0.0; 20], vec![0.7; 15], vec![0.0; 15]]), true);
        check("always throttled", Metric::Throttled, noise(50, 0.7, 0.2), false);
        check("constant", Metric::Cpu, vec![0.3; 50], false);
        check("few values", Metric::Cpu, [0.05, 1.05, 2.05].repeat(15), false);
        check(
            "ramps",
            Metric::Throttled,
            [
                vec![0.0; 13],
                (0..10).map(|i| f64::from(i) * 0.08).collect(),
                vec![0.75; 14],
                vec![0.4, 0.2, 0.1, 0.1],
                vec![0.0; 4],
            ]
            .concat(),
            true,
        );
        check("too short", Metric::Cpu, vec![0.1, 0.1, 0.1, 0.9, 0.9, 0.9], false);
        check("not a number", Metric::Cpu, vec![f64::NAN; 50], false);
    }

    #[test]
    fn names_are_understood_by_their_parts() {
        for (name, want) in [
            ("container_cpu_cfs_throttled_seconds_total", Some(Metric::Throttled)),
            ("cpu_cfs", Some(Metric::Throttled)),
            ("container_cpu_usage_seconds_total", Some(Metric::Cpu)),
            ("p50latency", Some(Metric::Median)),
            ("request_duration_p99", Some(Metric::Tail)),
            ("node_netstat_Tcp_RetransSegs", Some(Metric::Retransmitted)),
            ("kube_pod_container_resource_limits_cpu", None),
            ("mem", None),
            ("rps", None),
        ] {
            assert_eq!(Metric::of(name), want, "{name}");
        }
    }

    #[test]
    fn counters_become_rates() {
        let counter: Vec<f64> = (0..40)
            .scan(0.0, |sum, i| {
                *sum += if (15..30).contains(&i) { 5.0 } else { 0.05 };
                Some(*sum)
            })
            .collect();
        let found = shift(Metric::Cpu, "cpu_seconds_total", &at(&counter));
        assert!(found.is_some_and(|s| (s.level - 1.0).abs() < 0.01 && s.base < 0.05), "{found:?}");
    }
}
