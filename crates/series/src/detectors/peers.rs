//! One replica that differs from its peers.
//!
//! **What it finds** a pod whose cpu, memory, latency or errors lie far from the median of the workload's other pods.
//! **Why it matters** replicas share load, release and hour of the day; what is left is the pod's own: its node, its
//! volume, a stuck thread. Works from the first hour on, without any history.
//! **Evidence used** ten minutes of all pods of the workload; how far this pod usually is from the others.
//! **How to confirm by hand** the finding's query without the pod, side by side.
//! **What can fool it** roles (a leader, a shard's owner): a difference that was always there is no news; two pods: nobody
//! can say who is wrong, so three are needed; young pods: a quarter of an hour to warm up; uneven balancing: a floor of a
//! quarter of the peers' level.
//! **Source** `analytics::outlier::disagreement`.

use rootline_analytics::Matrix;
use rootline_analytics::outlier::peers::{Peers as Floors, disagreement};
use rootline_analytics::stats::order::median;

use super::view::{Sighting, View, numbers};

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Peers {
    pub enabled: bool,
    /// Robust deviations from the others.
    pub deviations: f64,
    /// Minutes looked at; most of them must differ.
    pub minutes: usize,
    /// Seconds until a new pod is compared.
    pub settle_s: i64,
    /// Minutes for which a pod's distance is learnt before it can be news: a leader differs from its first minute on.
    pub learn_minutes: u32,
    /// Floor of the spread as a share of the peers' median.
    pub share: f64,
    /// Pods of one workload compared at most: the work grows with their square. Beyond: the first.
    pub pods_max: usize,
}

impl Default for Peers {
    fn default() -> Self {
        Peers {
            enabled: true,
            deviations: 6.0,
            minutes: 10,
            settle_s: 900,
            learn_minutes: 30,
            share: 0.1,
            pods_max: 100,
        }
    }
}

/// What a look says of one member: its distance now (for the slow mean), and a sighting if it is news.
pub(crate) struct Apart {
    pub member: u32,
    pub distance: f64,
    pub sighting: Option<Sighting>,
}

impl Peers {
    pub(crate) fn look(&self, view: &View<'_>) -> Vec<Apart> {
        if !self.enabled || !view.series.peers || view.is_settling(self.settle_s, self.settle_s) {
            return Vec::new();
        }
        let settled = view.members.iter().filter(|(_, m)| {
            view.now_s - m.first_s >= self.settle_s && view.now_s - m.last_s <= 120 && m.value.is_finite()
        });
        let settled: Vec<_> = settled.take(self.pods_max).collect();
        if settled.len() < 3 {
            return Vec::new();
        }
        let mut table = Matrix::zeros(self.minutes, settled.len());
        for (column, (_, m)) in settled.iter().enumerate() {
            for (row, value) in m.minutes.last(view.minute(), self.minutes).into_iter().enumerate() {
                table[(row, column)] = view.sign() * value;
            }
        }
        let floors = Floors { least: 3, relative_floor: self.share, floor: view.series.unit.floor() / 2.0 };
        let Ok(apart) = disagreement(&table, &floors) else { return Vec::new() };
        let columns = (0..settled.len()).map(|c| (0..self.minutes).map(|r| apart[(r, c)]).collect::<Vec<f64>>());
        let mut out = Vec::new();
        for (distances, (number, m)) in columns.zip(&settled) {
            let known = numbers(&distances);
            if known.len() * 5 < self.minutes * 4 {
                continue;
            }
            let distance = median(&known).clamp(-100.0, 100.0);
            let is_known = m.apart_n >= self.learn_minutes;
            let is_far = is_known && distance > self.deviations && distance > 3.0 * f64::from(m.apart).abs();
            let others: Vec<f64> = settled.iter().filter(|(n, _)| n != number).map(|(_, o)| o.value).collect();
            let sighting = is_far.then(|| Sighting {
                code: "series.peer_disagrees",
                onset_s: self.onset(view, &distances),
                nats: 1.5,
                args: vec![
                    ("value", view.series.unit.show(m.value)),
                    ("peers", view.series.unit.show(median(&others))),
                ],
                linger_s: 600,
            });
            out.push(Apart { member: *number, distance, sighting });
        }
        out
    }

    fn onset(&self, view: &View<'_>, distances: &[f64]) -> i64 {
        let row = distances.iter().position(|d| *d > self.deviations).unwrap_or(0);
        let ago = self.minutes - 1 - row;
        (view.minute() - i64::try_from(ago).unwrap_or(0)) * 60
    }
}
