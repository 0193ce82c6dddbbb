//! The bank: everything known of series, what is asked for, and what is found.

use hashbrown::HashMap;
use rootline_model::{EntityRef, Evidence, Finding, SeriesBatch, Timestamp, is_stale};

use crate::catalog::{self, Fold, PREFIX, Series, Subject};
use crate::codes::{Strength, doc_of};
use crate::context::{Context, Owners};
use crate::detectors::threshold;
use crate::holds::Holds;
use crate::options::Options;
use crate::store::{Detail, Group, Instance, MEMBER_MINUTES, Member, NONE, Store};
use crate::tiers::Tiers;
use crate::window::{Ring, Window};

/// Number of the threshold detector in [`crate::holds::Key`].
const THRESHOLD: u8 = 0;

/// What one call of [`Bank::ingest`] did with its points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    pub taken: u64,
    /// Of families that nothing is computed from.
    pub unknown: u64,
    /// Labels that do not name a thing, values that are no numbers.
    pub useless: u64,
    /// Not newer than what was seen.
    pub late: u64,
    /// Beyond a bound.
    pub refused: u64,
}

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

/// Sizes and counts for the program's own metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub baselines: usize,
    pub details: usize,
    pub members: usize,
    pub refused: u64,
    /// Tier-0 scores of the last tick.
    pub bits: u64,
    /// Findings left out for [`Options::findings_max`].
    pub findings_dropped: u64,
}

/// All state. One value; `Live` owns it.
#[derive(Debug)]
pub struct Bank {
    options: Options,
    entries: Vec<&'static Series>,
    by_name: HashMap<String, u16>,
    store: Store,
    tiers: Tiers,
    holds: Holds,
    /// Second of the last sweep; values up to it are done.
    swept_s: i64,
    stats: Stats,
}

impl Bank {
    pub fn new(options: Options) -> Self {
        let entries: Vec<&'static Series> =
            catalog::all().filter(|s| !options.disabled.iter().any(|d| d == s.id)).collect();
        let by_name = entries.iter().zip(0_u16..).map(|(s, number)| (s.metric_name(), number)).collect();
        Bank {
            options,
            entries,
            by_name,
            store: Store::default(),
            tiers: Tiers::default(),
            holds: Holds::default(),
            swept_s: 0,
            stats: Stats::default(),
        }
    }

    /// Takes points in; they are looked at by the next [`Bank::tick`]. `owners` is asked once for each new pod.
    pub fn ingest(&mut self, batches: &[SeriesBatch], owners: &dyn Owners) -> Ingested {
        let mut done = Ingested::default();
        for batch in batches {
            let name = batch.labels.value("__name__");
            let count = batch.points.len() as u64;
            let entry = if name.starts_with(PREFIX) { self.by_name.get(name).copied() } else { None };
            let Some(entry) = entry else {
                done.unknown += count;
                continue;
            };
            match self.instance(entry, batch, owners) {
                Ok(instance) => self.points(instance, batch, &mut done),
                Err(Refusal::Useless) => done.useless += count,
                Err(Refusal::Full) => {
                    done.refused += count;
                    self.stats.refused += count;
                }
            }
        }
        done
    }

    fn instance(&mut self, entry: u16, batch: &SeriesBatch, owners: &dyn Owners) -> Result<u32, Refusal> {
        let fingerprint = batch.labels.fingerprint().0;
        if let Some(known) = self.store.instance(fingerprint) {
            return Ok(known);
        }
        let scope = self.entries[usize::from(entry)].scope;
        let subject = scope.subject(&batch.labels).ok_or(Refusal::Useless)?;
        let baseline = scope.baseline(&subject, |namespace, pod| owners.workload(namespace, pod));
        let first_s = batch.points.first().map_or(0, |p| p.0.div_euclid(1000));
        let group = self.group(entry, &baseline, first_s)?;
        let mut member = NONE;
        if let Some(detail) = self.store.detail_of.get(&group).copied()
            && self.store.members_len() < self.options.members_max
        {
            member = self.store.add_member(Member {
                subject,
                group,
                labels: batch.labels.without(&["__name__"]),
                fingerprint,
                first_s,
                last_s: 0,
                value: f64::NAN,
                minutes: Ring::new(MEMBER_MINUTES),
                apart: 0.0,
                apart_n: 0,
            });
            self.store.details[detail as usize].members.push(member);
        }
        Ok(self.store.add_instance(Instance { fingerprint, group, member }))
    }

    fn group(&mut self, entry: u16, baseline: &Subject, first_s: i64) -> Result<u32, Refusal> {
        let name = self.store.names.number(baseline);
        if let Some(group) = self.store.group(entry, name) {
            return Ok(group);
        }
        if self.store.groups_len() >= self.options.series_max {
            return Err(Refusal::Full);
        }
        let first_h = u32::try_from(first_s / 3600).unwrap_or(0);
        let (group, is_new) = self.store.add_group(Group { name, entry, first_h, ..Group::default() });
        if is_new {
            self.tiers.push();
        } else {
            self.tiers.set(group as usize, rootline_analytics::stream::Tier0::default());
        }
        if self.store.details.len() < self.options.details_max {
            let place = u32::try_from(self.store.details.len()).unwrap_or(NONE);
            self.store.details.push(Detail { group, members: Vec::new(), window: Window::new(), reset_s: 0 });
            self.store.detail_of.insert(group, place);
        }
        Ok(group)
    }

    fn points(&mut self, instance: u32, batch: &SeriesBatch, done: &mut Ingested) {
        let Instance { group, member, .. } = self.store.instances[instance as usize];
        for (at_ms, value) in &batch.points {
            let at_s = at_ms.div_euclid(1000);
            if !value.is_finite() {
                if is_stale(*value)
                    && let Some(Some(m)) = self.store.members.get_mut(member as usize)
                {
                    m.value = f64::NAN;
                }
                done.useless += u64::from(!is_stale(*value));
                continue;
            }
            if at_s <= self.swept_s {
                done.late += 1;
                continue;
            }
            if let Some(Some(m)) = self.store.members.get_mut(member as usize) {
                if at_s <= m.last_s {
                    done.late += 1;
                    continue;
                }
                (m.value, m.last_s) = (*value, at_s);
                m.minutes.set(at_s.div_euclid(60), *value);
            }
            let g = &mut self.store.groups[group as usize];
            #[allow(clippy::cast_possible_truncation, reason = "a mean of few values")]
            let small = *value as f32;
            g.sum += small;
            g.count = g.count.saturating_add(1);
            g.last_s = g.last_s.max(u32::try_from(at_s).unwrap_or(0));
            done.taken += 1;
        }
    }

    /// Works on what came since the last tick and returns everything that holds now, in a fixed order: the same finding
    /// again at every tick while it holds, with the same onset, and no more once it has ended.
    pub fn tick(&mut self, now: Timestamp, context: &Context<'_>) -> Vec<Finding> {
        let now_s = now.as_second();
        self.sweep(now_s);
        self.thresholds(now_s, context);
        self.holds.expire(now_s);
        self.findings()
    }

    fn sweep(&mut self, now_s: i64) {
        let Bank { store, tiers, entries, options, .. } = self;
        for detail in &mut store.details {
            let g = &mut store.groups[detail.group as usize];
            if g.count == 0 {
                continue;
            }
            let series = entries[usize::from(g.entry)];
            let live = detail.members.iter().filter_map(|m| store.members.get(*m as usize)?.as_ref());
            let fresh = live.filter(|m| now_s - m.last_s <= options.lookback_s && m.value.is_finite());
            let value = fold(series.fold, fresh.map(|m| m.value));
            detail.window.take(now_s, value, series.bad.sign());
        }
        let groups = &store.groups;
        let value = |i: usize| match groups.get(i) {
            Some(g) if g.count > 0 => f64::from(g.sum) / f64::from(g.count),
            _ => f64::NAN,
        };
        let mut bits = 0;
        tiers.sweep(now_s, value, |_, _| bits += 1);
        self.stats.bits = bits;
        for g in &mut self.store.groups {
            (g.sum, g.count) = (0.0, 0);
        }
        self.swept_s = self.swept_s.max(now_s);
    }

    fn thresholds(&mut self, now_s: i64, context: &Context<'_>) {
        let detector = self.options.detectors.threshold.clone();
        if !detector.enabled {
            return;
        }
        let Bank { store, holds, entries, options, .. } = self;
        for detail in &store.details {
            let group = &store.groups[detail.group as usize];
            let series = entries[usize::from(group.entry)];
            let Some(name) = store.names.get(group.name).filter(|_| !series.limits.is_empty()) else { continue };
            for number in &detail.members {
                let Some(m) = store.members.get(*number as usize).and_then(Option::as_ref) else { continue };
                if now_s - m.last_s > options.lookback_s || !m.value.is_finite() {
                    continue;
                }
                for (limit, which) in series.limits.iter().zip(0_u8..) {
                    let key = (THRESHOLD, which, detail.group, *number);
                    let Some(limit) = threshold::effective(series, limit, &m.subject.entity.namespace, &options.limits)
                    else {
                        continue;
                    };
                    if context.is_maintained(now_s, &[&m.subject.entity, &name.entity]) {
                        holds.remove(key);
                        continue;
                    }
                    let sample = (m.last_s, m.value, series.bad.sign());
                    detector.take(holds, key, sample, &limit, || {
                        describe(limit.code, series, &m.subject)
                            .arg("value", series.unit.show(m.value))
                            .arg("limit", series.unit.show(limit.at))
                            .evidence(evidence(series, m, m.value))
                    });
                }
            }
        }
    }

    fn findings(&mut self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.holds.firing().map(|(_, hold)| hold.finding.clone()).collect();
        all.sort_by(|a, b| {
            (&a.entity, &a.code, a.args.get("subject")).cmp(&(&b.entity, &b.code, b.args.get("subject")))
        });
        if all.len() > self.options.findings_max {
            self.stats.findings_dropped += (all.len() - self.options.findings_max) as u64;
            all.sort_by(|a, b| b.strength.get().total_cmp(&a.strength.get()));
            all.truncate(self.options.findings_max);
        }
        all
    }

    /// Sizes and counts.
    pub fn stats(&self) -> Stats {
        Stats {
            baselines: self.store.groups_len(),
            details: self.store.details.len(),
            members: self.store.members_len(),
            ..self.stats
        }
    }
}

enum Refusal {
    Useless,
    Full,
}

fn fold(fold: Fold, values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count, mut high, mut low) = (0.0, 0.0, f64::NEG_INFINITY, f64::INFINITY);
    for value in values {
        sum += value;
        count += 1.0;
        high = value.max(high);
        low = value.min(low);
    }
    match fold {
        _ if count == 0.0 => f64::NAN,
        Fold::Mean => sum / count,
        Fold::Sum => sum,
        Fold::Max => high,
        Fold::Min => low,
    }
}

/// A finding of a code with the words every title needs.
pub(crate) fn describe(code: &'static str, series: &Series, subject: &Subject) -> Finding {
    let strength = doc_of(code).map_or(Strength::Evidence, |d| d.strength);
    let nats = if strength == Strength::Fact { 3.0 } else { 1.0 };
    Finding::new(code, about(subject))
        .nats(nats)
        .arg("subject", subject.to_string())
        .arg("series", series.id)
        .arg("what", series.en)
        .arg("what_zh", series.zh)
}

/// The entity a finding is attached to.
fn about(subject: &Subject) -> EntityRef {
    subject.entity.clone()
}

fn evidence(series: &Series, member: &Member, value: f64) -> Evidence {
    let labels = series.scope.labels();
    let matchers: Vec<String> =
        member.labels.iter().filter(|(n, _)| labels.contains(n)).map(|(n, v)| format!("{n}={v:?}")).collect();
    Evidence::Sample { query: series.promql_of(&matchers), value: series.unit.show(value) }
}
