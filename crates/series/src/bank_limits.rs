//! Thresholds at a tick: the catalogue's, as the user set them, and the user's own.

use rootline_model::Evidence;

use crate::bank::Bank;
use crate::bank_work::THRESHOLD;
use crate::catalog::{Limit, OWN_LIMIT, Series};
use crate::codes::Strength;
use crate::context::Context;
use crate::detectors::threshold;
use crate::detectors::view::{describe, matchers};
use crate::options::LimitSetting;

/// The variant of a user's own threshold; those of the catalogue are numbered from 0.
const OWN: u8 = u8::MAX;

/// The threshold that a user gave a series beside those of the catalogue. Where no setting fits it is never reached.
fn own(series: &Series, settings: &[LimitSetting]) -> Option<Limit> {
    let never = series.bad.sign() * f64::INFINITY;
    let limit = Limit { code: OWN_LIMIT, at: never, clear: never, hold_s: 0, strength: Strength::Evidence };
    settings.iter().any(|s| s.code == OWN_LIMIT && s.series == series.id).then_some(limit)
}

impl Bank {
    pub(crate) fn thresholds(&mut self, now_s: i64, context: &Context<'_>) {
        let detector = self.options.detectors.threshold.clone();
        if !detector.enabled {
            return;
        }
        let Bank { store, holds, entries, options, .. } = self;
        let mut limits_of: Vec<Vec<(Limit, u8)>> = Vec::with_capacity(entries.len());
        for series in entries.iter() {
            let known = series.limits.iter().copied().zip(0_u8..);
            limits_of.push(known.chain(own(series, &options.limits).map(|l| (l, OWN))).collect());
        }
        for detail in &store.details {
            let group = &store.groups[detail.group as usize];
            let series = entries[usize::from(group.entry)];
            let limits = &limits_of[usize::from(group.entry)];
            let Some(name) = store.names.get(group.name).filter(|_| !limits.is_empty()) else { continue };
            for number in &detail.members {
                let Some(m) = store.member(*number) else { continue };
                if now_s - m.last_s > options.lookback_s || !m.value.is_finite() {
                    continue;
                }
                for (limit, which) in limits {
                    let key = (THRESHOLD, *which, detail.group, *number);
                    let namespace = &m.subject.entity.namespace;
                    let Some(limit) = threshold::effective(series, limit, namespace, &options.limits) else { continue };
                    if !context.maintenance.is_empty()
                        && context.is_maintained(now_s, &[&m.subject.entity, &name.entity])
                    {
                        holds.remove(key);
                        continue;
                    }
                    let sample = (m.last_s, m.value, series.bad.sign());
                    detector.take((holds, key), sample, &limit, || {
                        let query = series.promql_of(&matchers(series, m));
                        describe(limit.code, series, &m.subject)
                            .arg("value", series.unit.show(m.value))
                            .arg("limit", series.unit.show(limit.at))
                            .evidence(Evidence::Sample { query, value: series.unit.show(m.value) })
                    });
                }
            }
        }
    }
}
