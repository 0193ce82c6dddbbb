//! The dynamic threshold: tier-0 operators on every baseline, counted per entity.
//!
//! **What it finds** an entity of which several series behave as never before within ten minutes.
//! **Why it matters** it needs no limits and no knowledge of the metric, and costs tens of nanoseconds a sample.
//! **Evidence used** the operator's score (excess over the series' own decayed record) of every baseline.
//! **How to confirm by hand** the charts of the named series.
//! **What can fool it** a million series give thousands of bits a day: one bit is never a word, three series of one thing
//! are evidence and no more. New series: no bit counts in the first day; nor in the first day after history was taught,
//! whose steps are longer than those of scrapes. Rollouts, restarts, scaling: none for an hour.
//! Recurring jobs: the operator's hour-of-week profile and record know them. Bursts: its refractory rule.
//! **Source** `analytics::stream::Tier0`; detection-and-forecasting, sections 2 and 3 (multiple testing).

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::EntityRef;

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic {
    pub enabled: bool,
    /// Scores below are no bits. 5 is worth a look, 10 is plain to the eye.
    pub score: f32,
    /// Different series of one entity that must agree.
    pub series_min: usize,
    /// Seconds within which they must.
    pub within_s: i64,
}

impl Default for Dynamic {
    fn default() -> Self {
        Dynamic { enabled: true, score: 6.0, series_min: 3, within_s: 600 }
    }
}

/// Bits kept at most; the oldest go first.
const BITS_MAX: usize = 100_000;

/// Recent bits by entity.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    by_entity: BTreeMap<EntityRef, Vec<(i64, u16, f32)>>,
    count: usize,
}

impl Bits {
    pub fn add(&mut self, entity: &EntityRef, at_s: i64, entry: u16, score: f32) {
        if self.count < BITS_MAX {
            self.by_entity.entry(entity.clone()).or_default().push((at_s, entry, score));
            self.count += 1;
        }
    }

    pub fn expire(&mut self, before_s: i64) {
        self.by_entity.retain(|_, bits| {
            bits.retain(|b| b.0 >= before_s);
            !bits.is_empty()
        });
        self.count = self.by_entity.values().map(Vec::len).sum();
    }

    /// Entities with bits of enough different series: entries, first moment, highest score.
    pub fn agreed(&self, series_min: usize) -> impl Iterator<Item = (&EntityRef, BTreeSet<u16>, i64, f32)> {
        self.by_entity.iter().filter_map(move |(entity, bits)| {
            let entries: BTreeSet<u16> = bits.iter().map(|b| b.1).collect();
            let first = bits.iter().map(|b| b.0).min()?;
            let high = bits.iter().map(|b| b.2).fold(0.0, f32::max);
            (entries.len() >= series_min).then_some((entity, entries, first, high))
        })
    }

    /// Every bit that still counts: entity, entry, score.
    pub fn scores(&self) -> impl Iterator<Item = (&EntityRef, u16, f32)> {
        self.by_entity.iter().flat_map(|(entity, bits)| bits.iter().map(move |b| (entity, b.1, b.2)))
    }
}
