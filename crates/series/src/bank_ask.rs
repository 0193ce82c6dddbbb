//! What the bank asks for, and what it can show.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, SeriesBatch, Timestamp};

use crate::bank::{Bank, Ingested};
use crate::catalog::{self, Series, Subject};
use crate::context::{Context, Owners};
use crate::detectors::forecast;
use crate::detectors::view::group_query;
use crate::store::{Detail, NONE};
use crate::window::{MINUTES, SLOT_S, SLOTS};

/// One question to Prometheus. The poller sets the label `__name__` of every series it gets to [`Query::name`].
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Catalogue id.
    pub id: &'static str,
    /// `rootline:container_memory_share`.
    pub name: String,
    pub promql: String,
    pub start: Timestamp,
    pub end: Timestamp,
    pub step_s: i64,
    /// History for baselines: many points once, to be given to [`Bank::backfill`].
    pub is_backfill: bool,
}

/// Points the way to one series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesId {
    pub series: &'static str,
    pub subject: Subject,
}

/// Points of one series with what a chart says beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub id: SeriesId,
    pub query: String,
    pub unit: catalog::Unit,
    /// Seconds since 1970, value; gaps are left out.
    pub points: Vec<(i64, f64)>,
    /// The catalogue's first threshold.
    pub limit: Option<f64>,
}

/// What is expected of one series with a limit: a row of the capacity page.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    pub id: SeriesId,
    pub unit: catalog::Unit,
    pub limit: f64,
    pub now: f64,
    /// Probability that the limit is reached within twelve hours, and in about how many seconds.
    pub breach: Option<(f64, i64)>,
    /// The next day: seconds since 1970, expected, lower and upper end of the 90 % band.
    pub band: Vec<(i64, f64, f64, f64)>,
}

/// A candidate of the capacity page.
struct Row<'a> {
    probability: f64,
    now: f64,
    detail: &'a Detail,
    series: &'static Series,
    limit: f64,
}

/// Seconds of history asked for once: as far back as windows reach.
pub const MEMORY_S: i64 = 7 * 86_400;
/// Seconds without raw values after which an entry is polled.
const PUSH_S: i64 = 300;

impl Bank {
    /// What to ask Prometheus now: entries that are due and that nobody pushes. Each entry's history is asked for once,
    /// before its first value. A question whose answer does not come is asked again, five minutes back at most.
    pub fn wanted_queries(&mut self, now: Timestamp) -> Vec<Query> {
        let now_s = now.as_second();
        let mut out = Vec::new();
        for (series, fed) in self.entries.iter().zip(&mut self.fed) {
            let step_s = self.options.step_s(series);
            let end_s = now_s.div_euclid(step_s) * step_s;
            if now_s - fed.pushed_s < PUSH_S || end_s <= fed.polled_s {
                continue;
            }
            if !fed.is_filled {
                fed.is_filled = true;
                let end_s = now_s.div_euclid(SLOT_S) * SLOT_S;
                out.extend(query(series, end_s - MEMORY_S, end_s, SLOT_S));
            }
            let start_s = (fed.polled_s + step_s).max(end_s - 300 + step_s);
            out.extend(query(series, start_s, end_s, step_s));
        }
        out
    }

    /// Raw families that something is computed from, for whoever scrapes; true: every [`crate::Options::core_s`] seconds.
    pub fn families(&self) -> BTreeMap<&'static str, bool> {
        let mut all = BTreeMap::new();
        for series in &self.entries {
            for input in series.recipe.inputs() {
                *all.entry(input.family).or_insert(false) |= series.step == catalog::Step::Core;
            }
        }
        all
    }

    /// Takes the answers to history questions in, moment by moment and without findings: baselines and windows learn, so
    /// that detectors need no day of waiting. Points of other series at the same moments may be given together. Times of
    /// maintenance are passed over.
    pub fn backfill(&mut self, batches: &[SeriesBatch], owners: &dyn Owners, context: &Context<'_>) -> Ingested {
        let mut done = Ingested::default();
        let mut moments: Vec<(i64, u32, f64)> = Vec::new();
        for batch in batches {
            let count = batch.points.len() as u64;
            let Some(entry) = self.entry_of(batch.labels.value("__name__")) else {
                done.unknown += count;
                continue;
            };
            let first_s = batch.points.first().map_or(0, |p| p.0.div_euclid(1000));
            match self.instance(entry, &batch.labels, first_s, owners) {
                Ok(instance) => {
                    let fresh = batch.points.iter().filter(|p| p.1.is_finite());
                    moments.extend(fresh.map(|(at_ms, value)| (at_ms.div_euclid(1000), instance, *value)));
                }
                Err(_) => done.refused += count,
            }
        }
        moments.sort_by_key(|m| (m.0, m.1));
        let swept_s = self.swept_s;
        for moment in moments.chunk_by(|a, b| a.0.div_euclid(60) == b.0.div_euclid(60)) {
            self.swept_s = 0;
            for (at_s, instance, value) in moment {
                self.points(*instance, &[(at_s * 1000, *value)], &mut done);
            }
            if let Some((at_s, ..)) = moment.last() {
                self.sweep(*at_s, context);
            }
        }
        self.taught_s = moments.last().map_or(self.taught_s, |m| m.0.max(self.taught_s));
        self.swept_s = self.swept_s.max(swept_s);
        done
    }

    /// The minutes of the last four hours and the ten-minute slots before them; `None` for a series without a window.
    pub fn chart(&self, id: &SeriesId, from: Timestamp, until: Timestamp) -> Option<Chart> {
        let (series, detail) = self.find(id)?;
        let window = &detail.window;
        let (from_s, until_s) = (from.as_second(), until.as_second());
        let newest = window.minutes.newest();
        let minutes_from = (newest - i64::try_from(MINUTES).unwrap_or(0) + 1) * 60;
        let slots = (from_s.div_euclid(SLOT_S)..=until_s.div_euclid(SLOT_S))
            .filter(|s| (s + 1) * SLOT_S <= minutes_from)
            .take(SLOTS)
            .map(|s| (s * SLOT_S, window.slots.get(s)));
        let minutes = (from_s.max(minutes_from).div_euclid(60)..=until_s.div_euclid(60).min(newest))
            .map(|m| (m * 60, window.minutes.get(m)));
        let member = detail.members.first().and_then(|m| self.store.member(*m));
        Some(Chart {
            id: id.clone(),
            query: group_query(series, &id.subject, member),
            unit: series.unit,
            points: slots.chain(minutes).filter(|p| p.1.is_finite()).collect(),
            limit: series.limits.first().map(|l| l.at),
        })
    }

    fn find(&self, id: &SeriesId) -> Option<(&'static Series, &Detail)> {
        let entry = self.entries.iter().position(|s| s.id == id.series)?;
        let name = self.store.names.find(&id.subject)?;
        let group = self.store.group(u16::try_from(entry).ok()?, name)?;
        Some((self.entries[entry], self.store.detail(group)?))
    }

    /// Series with windows that are about an entity (a workload, a node), for its charts.
    pub fn series_of(&self, entity: &EntityRef) -> Vec<SeriesId> {
        let ids = self.store.details.iter().filter_map(|d| {
            let group = self.store.groups.get(d.group as usize)?;
            let subject = self.store.names.get(group.name).filter(|s| s.entity == *entity)?;
            Some(SeriesId { series: self.entries[usize::from(group.entry)].id, subject: subject.clone() })
        });
        let mut ids: Vec<SeriesId> = ids.collect();
        ids.sort();
        ids
    }

    /// The capacity page: series with a limit, the most likely to reach it first, then the fullest; at most `most`. Each
    /// costs about a millisecond, for its band.
    pub fn forecasts(&self, now: Timestamp, most: usize) -> Vec<Outlook> {
        let now_s = now.as_second();
        let mut rows: Vec<Row<'_>> = Vec::new();
        for detail in &self.store.details {
            let Some(group) = self.store.groups.get(detail.group as usize).filter(|g| g.name != NONE) else { continue };
            let series = self.entries[usize::from(group.entry)];
            let Some(limit) = series.forecast else { continue };
            let value = detail.window.minutes.get(detail.window.minutes.newest());
            if !value.is_finite() || now_s - i64::from(group.last_s) > 3600 {
                continue;
            }
            let seen = self.outlooks.get(&detail.group).and_then(|o| o.1);
            let probability = seen.map_or(0.0, |e| e.probability);
            rows.push(Row { probability, now: value, detail, series, limit });
        }
        let fullest = |a: &Row<'_>, b: &Row<'_>| b.probability.total_cmp(&a.probability).then(b.now.total_cmp(&a.now));
        rows.sort_by(|a, b| fullest(a, b).then(a.detail.group.cmp(&b.detail.group)));
        rows.truncate(most);
        rows.iter().filter_map(|row| self.outlook(now_s, row)).collect()
    }

    fn outlook(&self, now_s: i64, row: &Row<'_>) -> Option<Outlook> {
        let Row { now, detail, series, limit, .. } = *row;
        let group = self.store.groups.get(detail.group as usize)?;
        let slot = now_s.div_euclid(SLOT_S);
        let band = forecast::band(&detail.window.slots.last(slot - 1, SLOTS)).map_or_else(Vec::new, |f| {
            let steps = f.point.iter().zip(&f.lower).zip(&f.upper).zip(slot..);
            steps.map(|(((p, l), u), s)| (s * SLOT_S, *p, *l, *u)).collect()
        });
        let seen = self.outlooks.get(&detail.group).and_then(|o| o.1);
        #[allow(clippy::cast_possible_truncation, reason = "at most twelve hours")]
        let breach = seen.map(|e| (e.probability, (e.slots * 600.0) as i64));
        let subject = self.store.names.get(group.name)?.clone();
        Some(Outlook { id: SeriesId { series: series.id, subject }, unit: series.unit, limit, now, breach, band })
    }
}

fn query(series: &Series, start_s: i64, end_s: i64, step_s: i64) -> Option<Query> {
    Some(Query {
        id: series.id,
        name: series.metric_name(),
        promql: series.promql(),
        start: Timestamp::from_second(start_s).ok()?,
        end: Timestamp::from_second(end_s).ok()?,
        step_s,
        is_backfill: step_s == SLOT_S,
    })
}
