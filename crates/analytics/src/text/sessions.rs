//! Sessions of events (template ids of one request, block or job), normal or not, by what sessions usually hold.

use std::collections::{HashMap, HashSet};

use crate::{Error, Result};

/// Thresholds of [`SessionModel`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionConfig {
    /// A distance is usual up to this quantile of the distances that training sessions have to the others.
    pub quantile: f64,
    /// … and always up to this: a few training sessions cannot show how much is usual. .05 is one event more or less in
    /// twenty; between .02 and .1 the one labelled set at hand scores within .03 of its best.
    pub least: f64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { quantile: 0.999, least: 0.05 }
    }
}

/// What normal sessions are like.
#[derive(Debug, Clone)]
pub struct SessionModel {
    /// Column and weight of each known event.
    events: HashMap<u32, (u32, f64)>,
    /// Distinct count vectors: (column, count) in order, and their weighted sum.
    vectors: Vec<(Vec<(u32, f64)>, f64)>,
    /// Weight by column.
    weights: Vec<f64>,
    shortest: usize,
    longest: usize,
    threshold: f64,
}

/// What is unusual about a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionVerdict {
    /// Distinct events that no training session had.
    pub new_events: usize,
    /// Shorter or longer than every training session.
    pub unusual_length: bool,
    /// Least distance to a training session: Σ w·|a − b| / Σ w·(a + b) over event counts, rare events weighing more; 0..=1.
    pub distance: f64,
    /// The distance is above the threshold.
    pub unusual_counts: bool,
}

impl SessionVerdict {
    /// Any of the three.
    #[must_use]
    pub fn anomalous(&self) -> bool {
        self.new_events > 0 || self.unusual_length || self.unusual_counts
    }
}

/// Most distinct count vectors that are compared with each other for the threshold, the most frequent first.
const COMPARED: usize = 2000;

impl SessionModel {
    /// Learns from normal sessions, each a list of event ids. After Landauer et al., "A Critical Review of Common Log Data
    /// Sets Used for Evaluation of Sequence-based Anomaly Detection Techniques" (FSE 2024): event, length, count vector with
    /// weights idf = ln((1 + n) / (1 + df)) + 1. The threshold is a quantile of the leave-one-out distances of the training
    /// sessions. Anomalous sessions in training are learnt as normal. O(sessions · length + distinct count vectors², of 2000 at most).
    /// Errors without sessions and for a quantile outside 0..=1.
    pub fn fit<S: AsRef<[u32]>>(sessions: &[S], config: SessionConfig) -> Result<Self> {
        Error::at_least("sessions", 1, sessions.len())?;
        Error::parameter((0.0..=1.0).contains(&config.quantile), "quantile", config.quantile, "in 0..=1")?;
        Error::parameter(config.least >= 0.0, "least", config.least, "at least 0")?;
        let mut frequency: HashMap<u32, f64> = HashMap::new();
        for session in sessions {
            for event in session.as_ref().iter().collect::<HashSet<_>>() {
                *frequency.entry(*event).or_default() += 1.0;
            }
        }
        let mut sorted: Vec<(u32, f64)> = frequency.into_iter().collect();
        sorted.sort_unstable_by_key(|(event, _)| *event);
        let n = sessions.len() as f64;
        let weights: Vec<f64> = sorted.iter().map(|(_, df)| libm::log((1.0 + n) / (1.0 + df)) + 1.0).collect();
        let events = sorted.iter().zip(0..).zip(&weights).map(|(((event, _), c), w)| (*event, (c, *w))).collect();
        let lengths = || sessions.iter().map(|s| s.as_ref().len());
        let mut model = Self {
            events,
            vectors: Vec::new(),
            weights,
            shortest: lengths().min().unwrap_or(0),
            longest: lengths().max().unwrap_or(0),
            threshold: config.least,
        };
        let mut distinct: HashMap<Vec<(u32, u64)>, usize> = HashMap::new();
        for session in sessions {
            let key = model.counts(session.as_ref()).0.into_iter().map(|(c, n)| (c, n as u64)).collect();
            *distinct.entry(key).or_default() += 1;
        }
        let mut vectors: Vec<(Vec<(u32, u64)>, usize)> = distinct.into_iter().collect();
        vectors.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (vector, _) in &vectors {
            let vector: Vec<(u32, f64)> = vector.iter().map(|(c, n)| (*c, *n as f64)).collect();
            let sum = vector.iter().map(|(c, n)| n * model.weights[*c as usize]).sum();
            model.vectors.push((vector, sum));
        }
        let usual = model.usual(&vectors.iter().map(|(_, times)| *times).collect::<Vec<_>>(), config.quantile);
        model.threshold = config.least.max(usual);
        Ok(model)
    }

    /// The quantile of the leave-one-out distances of the training sessions.
    fn usual(&self, times: &[usize], quantile: f64) -> f64 {
        let compared = &self.vectors[..self.vectors.len().min(COMPARED)];
        let mut distances: Vec<(f64, usize)> = (0..compared.len())
            .map(|i| {
                let others = compared.iter().enumerate().filter(|(j, _)| *j != i);
                let nearest = others.map(|(_, v)| self.between(&compared[i], v)).fold(1.0, f64::min);
                // a vector that occurs twice has itself beside it
                (if times[i] > 1 { 0.0 } else { nearest }, times[i])
            })
            .collect();
        distances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let total: usize = distances.iter().map(|(_, t)| t).sum();
        let mut left = (quantile * total.saturating_sub(1) as f64).floor() as usize;
        for (distance, times) in distances {
            if left < times {
                return distance;
            }
            left -= times;
        }
        0.0
    }

    /// The threshold in use.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Judges a session. O(length + distinct training vectors · events). An empty session is as far as can be from all others.
    #[must_use]
    pub fn judge(&self, session: &[u32]) -> SessionVerdict {
        let (vector, new_events) = self.counts(session);
        let sum = vector.iter().map(|(c, n)| n * self.weights[*c as usize]).sum();
        let own = (vector, sum);
        let distance = self.vectors.iter().map(|v| self.between(&own, v)).fold(1.0, f64::min);
        SessionVerdict {
            new_events,
            unusual_length: session.len() < self.shortest || session.len() > self.longest,
            distance,
            unusual_counts: distance > self.threshold,
        }
    }

    /// Counts of known events by column, and how many distinct events are unknown.
    fn counts(&self, session: &[u32]) -> (Vec<(u32, f64)>, usize) {
        let mut columns: Vec<u32> = Vec::with_capacity(session.len());
        let mut unknown = HashSet::new();
        for event in session {
            match self.events.get(event) {
                Some((column, _)) => columns.push(*column),
                None => drop(unknown.insert(*event)),
            }
        }
        columns.sort_unstable();
        (columns.chunk_by(|a, b| a == b).map(|c| (c[0], c.len() as f64)).collect(), unknown.len())
    }

    fn between(&self, a: &(Vec<(u32, f64)>, f64), b: &(Vec<(u32, f64)>, f64)) -> f64 {
        // Σ w·|a − b| = Σ w·(a + b) − 2·Σ w·min(a, b)
        let (mut i, mut j, mut both) = (0, 0, 0.0);
        while i < a.0.len() && j < b.0.len() {
            let ((x, n), (y, m)) = (a.0[i], b.0[j]);
            if x == y {
                both += self.weights[x as usize] * n.min(m);
            }
            i += usize::from(x <= y);
            j += usize::from(y <= x);
        }
        let all = a.1 + b.1;
        if all > 0.0 { ((all - 2.0 * both) / all).max(0.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_detector_says_its_own() {
        let normal: Vec<Vec<u32>> = (0..60).map(|i| [vec![1, 2, 2, 2, 2, 3], vec![4; 14 + i % 3]].concat()).collect();
        let model = SessionModel::fit(&normal, SessionConfig::default()).unwrap();
        assert!(!model.judge(&normal[0]).anomalous());
        let new = model.judge(&[normal[0].clone(), vec![9, 9]].concat());
        assert_eq!((new.new_events, new.unusual_length), (1, false));
        assert!(model.judge(&[4; 40]).unusual_length);
        let missing = model.judge(&[vec![1, 2, 3, 3, 3, 3, 3], vec![4; 14]].concat());
        assert!(missing.unusual_counts && !missing.unusual_length && missing.new_events == 0, "{missing:?}");
        assert_eq!(model.judge(&[]).distance, 1.0);
    }

    #[test]
    fn degenerate_input() {
        assert!(SessionModel::fit::<Vec<u32>>(&[], SessionConfig::default()).is_err());
        assert!(SessionModel::fit(&[vec![1]], SessionConfig { quantile: 2.0, least: 0.0 }).is_err());
        let empty = SessionModel::fit(&[Vec::<u32>::new()], SessionConfig::default()).unwrap();
        assert!(!empty.judge(&[]).anomalous() && empty.judge(&[u32::MAX]).anomalous());
        let one = SessionModel::fit(&[vec![1, 1]], SessionConfig::default()).unwrap();
        assert!(!one.judge(&[1, 1]).anomalous() && one.judge(&[1]).anomalous());
    }
}
