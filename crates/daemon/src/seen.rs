//! Which series came last time, so that one that ends is said to have ended: Prometheus' stale markers.

use std::collections::BTreeMap;

use rootline_model::{Fingerprint, LabelSet, STALE, SeriesBatch};

/// Series of one source.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<Fingerprint, LabelSet>);

impl Seen {
    /// Adds a stale marker for every series that came last time, is among those that `covers` names, and is not in `now`.
    pub fn mark(&mut self, now: &mut Vec<SeriesBatch>, at_ms: i64, covers: impl Fn(&LabelSet) -> bool) {
        let fresh: BTreeMap<Fingerprint, LabelSet> =
            now.iter().map(|b| (b.labels.fingerprint(), b.labels.clone())).collect();
        let ended: Vec<Fingerprint> =
            self.0.iter().filter(|(f, labels)| !fresh.contains_key(f) && covers(labels)).map(|(f, _)| *f).collect();
        for fingerprint in ended {
            let Some(labels) = self.0.remove(&fingerprint) else { continue };
            now.push(SeriesBatch { labels, points: vec![(at_ms, f64::from_bits(STALE))] });
        }
        self.0.extend(fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_model::is_stale;

    fn batch(name: &str, pod: &str) -> SeriesBatch {
        SeriesBatch { labels: [("__name__", name), ("pod", pod)].into_iter().collect(), points: vec![(1, 2.0)] }
    }

    fn ended(batches: &[SeriesBatch]) -> Vec<String> {
        let stale = batches.iter().filter(|b| b.points.iter().any(|p| is_stale(p.1)));
        stale.map(|b| format!("{} {}", b.labels.value("__name__"), b.labels.value("pod"))).collect()
    }

    #[test]
    fn a_series_that_ends_is_marked_once_and_only_where_it_could_have_come() {
        let mut seen = Seen::default();
        let mut first = vec![batch("memory", "a"), batch("memory", "b"), batch("limits", "a")];
        seen.mark(&mut first, 1, |_| true);
        assert!(ended(&first).is_empty());
        let mut core = vec![batch("memory", "a")];
        seen.mark(&mut core, 2, |l| l.value("__name__") == "memory");
        assert_eq!(ended(&core), ["memory b"], "limits were not asked for");
        let mut again = vec![batch("memory", "a")];
        seen.mark(&mut again, 3, |l| l.value("__name__") == "memory");
        assert!(ended(&again).is_empty());
        let mut nothing = Vec::new();
        seen.mark(&mut nothing, 4, |_| true);
        assert_eq!(ended(&nothing).len(), 2, "a target that is gone ends all it had");
        assert!(seen.0.is_empty());
    }
}
