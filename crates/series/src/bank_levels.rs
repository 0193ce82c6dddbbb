//! How abnormal series are now, as numbers for charts: 0 to 1, by detector.

use std::collections::BTreeMap;

use crate::bank::Bank;
use crate::catalog::Subject;
use crate::store::NONE;

/// Names of the detectors by the first part of [`crate::holds::Key`].
const DETECTORS: [&str; 8] = ["threshold", "sigma", "shift", "climb", "peers", "burn", "forecast", "absent"];
const DYNAMIC: &str = "dynamic";

/// One series that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    pub detector: &'static str,
    /// Catalogue id.
    pub series: &'static str,
    /// Of a pod or instance where it alone is abnormal, else of its workload.
    pub subject: Subject,
    /// 1 − e^−s. `s` is the strength of what a detector found in nats; of the dynamic threshold its score over six, so
    /// that a score of ten, which is plain to the eye, is 0.8.
    pub level: f64,
}

impl Bank {
    /// Everything that is abnormal now, by series, thing and detector; each once, as abnormal as its worst variant.
    pub fn levels(&self) -> Vec<Level> {
        let mut all: BTreeMap<(&'static str, Subject, &'static str), f64> = BTreeMap::new();
        let mut take = |series: &'static str, subject: &Subject, detector: &'static str, s: f64| {
            let level = all.entry((series, subject.clone(), detector)).or_default();
            *level = level.max(1.0 - (-s).exp());
        };
        for ((detector, _, group, member), hold) in self.holds.firing() {
            let Some(group) = self.store.groups.get(*group as usize).filter(|g| g.name != NONE) else { continue };
            let Some(name) = self.store.names.get(group.name) else { continue };
            let subject = self.store.member(*member).map_or(name, |m| &m.subject);
            let Some(detector) = DETECTORS.get(usize::from(*detector)) else { continue };
            take(self.entries[usize::from(group.entry)].id, subject, detector, hold.finding.strength.get().max(0.0));
        }
        for (entity, entry, score) in self.bits.scores() {
            let subject = Subject { entity: entity.clone(), part: "".into() };
            take(self.entries[usize::from(entry)].id, &subject, DYNAMIC, f64::from(score) / 6.0);
        }
        let level = |((series, subject, detector), level)| Level { detector, series, subject, level };
        all.into_iter().map(level).collect()
    }
}
