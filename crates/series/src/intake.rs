//! Raw families pushed by remote write → the catalogue's series, computed here instead of by PromQL.
//!
//! Counters become rates over the last four minutes as they are: a value below the one before is a restart and counts from
//! zero; a gap longer than the lookback gives no rate, since nobody knows what happened in it; nothing is extrapolated.

use hashbrown::HashMap;
use rootline_model::{LabelSet, is_stale};

use crate::catalog::{Fold, How, Input, Recipe, Series, Step};

/// Seconds of a rate, as in the PromQL of the catalogue.
const RATE_S: i64 = 240;
/// Seconds after which a raw series is forgotten.
const FORGET_S: i64 = 3600;

/// One raw series.
#[derive(Debug)]
struct Raw {
    value: f64,
    last_s: i64,
    is_stale: bool,
    /// (second, increase since the first value), thinned, oldest first; empty for gauges.
    counts: Vec<(i64, f64)>,
    /// Seconds of counts that are wanted; 0 for gauges.
    keep_s: i64,
    /// Upper bound of a histogram's bucket; NaN elsewhere.
    le: f64,
}

/// One series of the catalogue computed from raw ones.
#[derive(Debug)]
struct Derived {
    entry: u16,
    /// The scope's labels with the catalogue's metric name.
    labels: LabelSet,
    inputs: [Vec<u64>; 2],
    done_s: i64,
}

#[derive(Clone, Copy, Debug)]
struct Use {
    entry: u16,
    input: usize,
}

/// All raw series that something is computed from.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    uses: HashMap<&'static str, Vec<Use>>,
    raw: HashMap<u64, Raw>,
    derived: Vec<Derived>,
    index: HashMap<u64, usize>,
    cleaned_s: i64,
    /// Seconds between two values of core series, of others.
    steps_s: [i64; 2],
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Taken,
    Unknown,
    Useless,
    Full,
}

impl Intake {
    pub fn new(entries: &[&'static Series], steps_s: [i64; 2]) -> Self {
        let mut uses: HashMap<&'static str, Vec<Use>> = HashMap::new();
        for (series, entry) in entries.iter().zip(0_u16..) {
            for (input, at) in series.recipe.inputs().zip(0..) {
                uses.entry(input.family).or_default().push(Use { entry, input: at });
            }
        }
        Intake { uses, steps_s, ..Intake::default() }
    }

    pub fn set_steps(&mut self, steps_s: [i64; 2]) {
        self.steps_s = steps_s;
    }

    pub fn len(&self) -> usize {
        self.raw.len()
    }

    pub fn take(&mut self, entries: &[&'static Series], labels: &LabelSet, points: &[(i64, f64)], most: usize) -> Fate {
        let Some(uses) = self.uses.get(labels.value("__name__")) else { return Fate::Unknown };
        let fingerprint = labels.fingerprint().0;
        if !self.raw.contains_key(&fingerprint) {
            if self.raw.len() >= most {
                return Fate::Full;
            }
            let mut keep_s = 0;
            let mut is_used = false;
            for usage in uses.clone() {
                let series = entries[usize::from(usage.entry)];
                let Some(input) = series.recipe.inputs().nth(usage.input) else { continue };
                if !input.filter.iter().all(|f| f.holds(labels)) || series.scope.subject(labels).is_none() {
                    continue;
                }
                keep_s = keep_s.max(wanted_s(input));
                is_used = true;
                self.join(series, usage, labels, fingerprint);
            }
            if !is_used {
                return Fate::Useless;
            }
            let le = labels.get("le").map_or(f64::NAN, |le| le.parse().unwrap_or(f64::INFINITY));
            self.raw
                .insert(fingerprint, Raw { value: f64::NAN, last_s: 0, is_stale: false, counts: vec![], keep_s, le });
        }
        if let Some(raw) = self.raw.get_mut(&fingerprint) {
            points.iter().for_each(|(at_ms, value)| raw.take(at_ms.div_euclid(1000), *value));
        }
        Fate::Taken
    }

    fn join(&mut self, series: &'static Series, usage: Use, labels: &LabelSet, fingerprint: u64) {
        let name = series.metric_name();
        let narrow = series.scope.labels().iter().map(|l| (*l, labels.value(l)));
        let key: LabelSet = narrow.chain([("__name__", name.as_str())]).collect();
        let place = *self.index.entry(key.fingerprint().0).or_insert_with(|| {
            let inputs = [Vec::new(), Vec::new()];
            self.derived.push(Derived { entry: usage.entry, labels: key, inputs, done_s: 0 });
            self.derived.len() - 1
        });
        self.derived[place].inputs[usage.input].push(fingerprint);
    }

    /// Values of everything that is due: entry, labels, value. `lookback_s` as in PromQL.
    pub fn due(&mut self, entries: &[&'static Series], now_s: i64, lookback_s: i64) -> Vec<(u16, LabelSet, f64)> {
        if now_s - self.cleaned_s > FORGET_S {
            self.clean(now_s);
        }
        let Intake { raw, derived, steps_s, .. } = self;
        let mut out = Vec::new();
        for d in derived.iter_mut() {
            let series = entries[usize::from(d.entry)];
            let step_s = match series.step {
                Step::Core => steps_s[0],
                Step::Minute => steps_s[1],
            };
            if now_s - d.done_s < step_s {
                continue;
            }
            d.done_s = now_s;
            let fresh = |ids: &[u64]| -> Vec<f64> { Vec::with_capacity(ids.len()) };
            let mut values = [fresh(&d.inputs[0]), fresh(&d.inputs[1])];
            let mut buckets: Vec<(f64, f64)> = Vec::new();
            for (at, input) in series.recipe.inputs().enumerate() {
                for id in &d.inputs[at] {
                    let Some(r) = raw.get(id).filter(|r| !r.is_stale && now_s - r.last_s <= lookback_s) else {
                        continue;
                    };
                    let Some(value) = r.now(input, now_s) else { continue };
                    if matches!(series.recipe, Recipe::Quantile(..)) {
                        buckets.push((r.le, value));
                    }
                    values[at].push(value);
                }
            }
            let value = evaluate(&series.recipe, &values, &mut buckets);
            if value.is_finite() {
                out.push((d.entry, d.labels.clone(), value));
            }
        }
        out
    }

    /// Forgets raw series that ended, and what nothing is left of.
    fn clean(&mut self, now_s: i64) {
        self.cleaned_s = now_s;
        self.raw.retain(|_, r| now_s - r.last_s <= FORGET_S);
        for d in &mut self.derived {
            d.inputs.iter_mut().for_each(|ids| ids.retain(|id| self.raw.contains_key(id)));
        }
        self.derived.retain(|d| d.inputs.iter().any(|ids| !ids.is_empty()));
        self.index = self.derived.iter().enumerate().map(|(i, d)| (d.labels.fingerprint().0, i)).collect();
    }
}

fn wanted_s(input: &Input) -> i64 {
    match input.how {
        How::Gauge => 0,
        How::Rate => RATE_S,
        How::Increase(over_s) => i64::from(over_s),
    }
}

impl Raw {
    fn take(&mut self, at_s: i64, value: f64) {
        if is_stale(value) {
            self.is_stale = true;
            return;
        }
        if !value.is_finite() || at_s <= self.last_s {
            return;
        }
        if self.keep_s > 0 {
            self.count(at_s, value);
        }
        (self.value, self.last_s, self.is_stale) = (value, at_s, false);
    }

    fn count(&mut self, at_s: i64, value: f64) {
        let total = match self.counts.last() {
            // what happened in a long gap is not known: begin anew
            Some((before_s, _)) if at_s - before_s > 300 => {
                self.counts.clear();
                0.0
            }
            Some((_, total)) => total + if value >= self.value { value - self.value } else { value },
            None => 0.0,
        };
        // sixteen points at most span what is wanted
        let thin = self.keep_s / 15;
        match self.counts[..] {
            [.., (a, _), ref mut last] if at_s - a < thin => *last = (at_s, total),
            _ => self.counts.push((at_s, total)),
        }
        let oldest = at_s - self.keep_s;
        // one point at or before the range stays as its start
        let first = self.counts.iter().rposition(|(s, _)| *s <= oldest).unwrap_or(0);
        self.counts.drain(..first);
    }

    fn now(&self, input: &Input, now_s: i64) -> Option<f64> {
        let range = match input.how {
            How::Gauge => return Some(self.value),
            How::Rate => RATE_S,
            How::Increase(over_s) => i64::from(over_s),
        };
        let (last_s, total) = *self.counts.last()?;
        let start = self.counts.iter().rfind(|(s, _)| *s <= now_s - range).or(self.counts.first())?;
        #[allow(clippy::cast_precision_loss, reason = "minutes")]
        let seconds = (last_s - start.0) as f64;
        match input.how {
            How::Rate if seconds <= 0.0 => None,
            How::Rate => Some((total - start.1) / seconds),
            _ => Some(total - start.1),
        }
    }
}

fn folded(input: &Input, values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    match input.fold {
        Fold::Sum => values.iter().sum(),
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        Fold::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Fold::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Fold::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
    }
}

fn evaluate(recipe: &Recipe, values: &[Vec<f64>; 2], buckets: &mut Vec<(f64, f64)>) -> f64 {
    let over = |a: &Input, b: &Input| {
        let (a, b) = (folded(a, &values[0]), folded(b, &values[1]));
        if b > 0.0 { a / b } else { f64::NAN }
    };
    match recipe {
        Recipe::Value(a) => folded(a, &values[0]),
        Recipe::Rest(a) => 1.0 - folded(a, &values[0]),
        Recipe::Share(a, b) => over(a, b),
        Recipe::RestOfShare(a, b) => 1.0 - over(a, b),
        Recipe::Difference(a, b) => folded(a, &values[0]) - folded(b, &values[1]),
        Recipe::Quantile(q, _) => histogram_quantile(*q, buckets),
    }
}

/// Prometheus' `histogram_quantile` on classic buckets: linear inside a bucket; in the last, its lower bound. NaN without
/// requests or without the bucket `+Inf`.
fn histogram_quantile(q: f64, buckets: &mut Vec<(f64, f64)>) -> f64 {
    buckets.retain(|b| !b.0.is_nan());
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(buckets.len());
    for (le, count) in buckets.iter() {
        match merged.last_mut() {
            Some(last) if last.0 == *le => last.1 += count,
            _ => merged.push((*le, *count)),
        }
    }
    // scrapes in the middle of an update may make a count fall
    let mut most = 0.0_f64;
    for bucket in &mut merged {
        most = most.max(bucket.1);
        bucket.1 = most;
    }
    let Some((last, all)) = merged.last().copied().filter(|(le, all)| *le == f64::INFINITY && *all > 0.0) else {
        return f64::NAN;
    };
    let rank = q * all;
    let at = merged.iter().position(|b| b.1 >= rank).unwrap_or(merged.len() - 1);
    let (low, below) = at.checked_sub(1).map_or((0.0, 0.0), |i| merged[i]);
    let (high, count) = merged[at];
    match high {
        _ if high == last => low,
        _ if at == 0 && high <= 0.0 => high,
        _ if count <= below => high,
        _ => low + (high - low) * (rank - below) / (count - below),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    fn labels(pairs: &[(&str, &str)]) -> LabelSet {
        pairs.iter().copied().collect()
    }

    fn entries() -> Vec<&'static Series> {
        catalog::all().collect()
    }

    fn value_of(intake: &mut Intake, id: &str, now_s: i64) -> Option<f64> {
        let all = entries();
        let due = intake.due(&all, now_s, 300);
        due.into_iter().find(|(entry, ..)| all[usize::from(*entry)].id == id).map(|d| d.2)
    }

    #[test]
    fn memory_is_joined_with_its_limit() {
        let (all, mut intake) = (entries(), Intake::new(&entries(), [15, 60]));
        let pod = [("namespace", "shop"), ("pod", "cart-1"), ("container", "app")];
        let used = labels(&[&pod[..], &[("__name__", "container_memory_working_set_bytes"), ("id", "/x")]].concat());
        let limit = labels(
            &[&pod[..], &[("__name__", "kube_pod_container_resource_limits"), ("resource", "memory"), ("uid", "u")]]
                .concat(),
        );
        assert_eq!(intake.take(&all, &used, &[(1_000_000, 930.0)], 100), Fate::Taken);
        assert_eq!(value_of(&mut intake, "container_memory_share", 1000), None, "no limit yet");
        assert_eq!(intake.take(&all, &limit, &[(1_010_000, 1000.0)], 100), Fate::Taken);
        assert_eq!(value_of(&mut intake, "container_memory_share", 1020), Some(0.93));
        let pause = used.with("container", "");
        assert_eq!(intake.take(&all, &pause, &[(1_000_000, 1.0)], 100), Fate::Useless);
        assert_eq!(intake.take(&all, &labels(&[("__name__", "my_metric")]), &[], 100), Fate::Unknown);
        assert_eq!(intake.take(&all, &used.with("pod", "cart-2"), &[], 2), Fate::Full);
    }

    #[test]
    fn a_restarted_counter_counts_from_zero_and_a_long_gap_gives_no_rate() {
        let (all, mut intake) = (entries(), Intake::new(&entries(), [15, 60]));
        let cpu = labels(&[
            ("__name__", "container_cpu_usage_seconds_total"),
            ("namespace", "shop"),
            ("pod", "cart-1"),
            ("container", "app"),
        ]);
        let points: Vec<(i64, f64)> = (0..20).map(|i| (i * 15_000, i as f64 * 7.5)).collect();
        intake.take(&all, &cpu, &points[..15], 100);
        assert_eq!(value_of(&mut intake, "container_cpu", 210), Some(0.5));
        let restarted: Vec<(i64, f64)> = (1..=4).map(|i| (210_000 + i * 15_000, i as f64 * 7.5)).collect();
        intake.take(&all, &cpu, &restarted, 100);
        assert_eq!(value_of(&mut intake, "container_cpu", 270), Some(0.5));
        intake.take(&all, &cpu, &[(1_270_000, 5000.0)], 100);
        assert_eq!(value_of(&mut intake, "container_cpu", 1270), None, "a jump over a gap is no rate");
    }

    #[test]
    fn restarts_are_counted_over_ten_minutes_and_stale_series_end() {
        let (all, mut intake) = (entries(), Intake::new(&entries(), [15, 60]));
        let restarts = labels(&[
            ("__name__", "kube_pod_container_status_restarts_total"),
            ("namespace", "shop"),
            ("pod", "cart-1"),
            ("container", "app"),
        ]);
        let points: Vec<(i64, f64)> = (0..60)
            .map(|i| {
                (
                    i * 30_000,
                    if i >= 55 {
                        9.0
                    } else if i >= 50 {
                        7.0
                    } else {
                        5.0
                    },
                )
            })
            .collect();
        intake.take(&all, &restarts, &points, 100);
        assert_eq!(value_of(&mut intake, "container_restarts", 59 * 30), Some(4.0));
        intake.take(&all, &restarts, &[(1_800_000, f64::from_bits(rootline_model::STALE))], 100);
        assert_eq!(value_of(&mut intake, "container_restarts", 1830), None);
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let mut b = vec![(0.1, 50.0), (0.5, 90.0), (1.0, 100.0), (f64::INFINITY, 100.0)];
        assert!((histogram_quantile(0.9, &mut b) - 0.5).abs() < 1e-12);
        assert!((histogram_quantile(0.95, &mut b) - 0.75).abs() < 1e-12);
        assert!((histogram_quantile(0.25, &mut b) - 0.05).abs() < 1e-12);
        let mut last = vec![(0.1, 1.0), (f64::INFINITY, 10.0)];
        assert_eq!(histogram_quantile(0.99, &mut last), 0.1);
        assert!(histogram_quantile(0.99, &mut vec![(0.1, 1.0)]).is_nan());
    }
}
