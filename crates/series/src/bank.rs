//! The bank: everything known of series, what is asked for, and what is found.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rootline_model::{LabelSet, SeriesBatch, Timestamp, is_stale};

use crate::catalog::{self, Fold, PREFIX, Series, Subject};
use crate::context::{ByName, Context, Owners};
use crate::detectors::burn::Budget;
use crate::detectors::dynamic::Bits;
use crate::detectors::forecast::Expected;
use crate::detectors::logs::{LogCount, LogWatch};
use crate::holds::Holds;
use crate::intake::{Fate, Intake};
use crate::options::Options;
use crate::store::{Detail, Group, Instance, MEMBER_MINUTES, Member, NONE, Store};
use crate::tiers::Tiers;
use crate::window::{Ring, Window};

/// Seconds by which a value may come after its tick: a poll takes its time.
const LATE_S: i64 = 120;

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

impl Ingested {
    fn add(&mut self, more: Ingested) {
        self.taken += more.taken;
        self.unknown += more.unknown;
        self.useless += more.useless;
        self.late += more.late;
        self.refused += more.refused;
    }
}

/// Sizes and counts for the program's own metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub baselines: usize,
    pub details: usize,
    pub members: usize,
    pub raw: usize,
    pub refused: u64,
    /// Tier-0 scores of the last tick.
    pub bits: u64,
    /// Findings left out for [`Options::findings_max`].
    pub findings_dropped: u64,
}

/// All state. One value; `Live` owns it.
#[derive(Debug)]
pub struct Bank {
    pub(crate) options: Options,
    pub(crate) entries: Vec<&'static Series>,
    by_name: HashMap<String, u16>,
    pub(crate) store: Store,
    pub(crate) tiers: Tiers,
    pub(crate) holds: Holds,
    pub(crate) bits: Bits,
    pub(crate) logs: LogWatch,
    pub(crate) budgets: BTreeMap<(u8, Subject), Budget>,
    /// Per baseline: when it was last looked ahead for, what is expected.
    pub(crate) outlooks: BTreeMap<u32, (i64, Option<Expected>)>,
    intake: Intake,
    /// Per entry: newest second taken from polls, newest computed from raw families, whether history was asked for.
    pub(crate) fed: Vec<Fed>,
    /// Second of the last sweep.
    pub(crate) swept_s: i64,
    /// Newest second of history that was taught. Its steps are ten minutes, a scrape's are not: operators count samples, and
    /// must see a day of scrapes before their bits count.
    pub(crate) taught_s: i64,
    /// After a restart, until the first tick: when conditions were last looked at.
    pub(crate) stopped_s: Option<i64>,
    /// Minute the window detectors last ran in.
    pub(crate) minute: i64,
    pub(crate) forgot_s: i64,
    /// Newest value of all and how many series fell silent with it.
    pub(crate) silent: Option<(i64, usize)>,
    pub(crate) stats: Stats,
}

/// Where an entry's values come from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fed {
    pub polled_s: i64,
    pub pushed_s: i64,
    pub is_filled: bool,
}

impl Bank {
    pub fn new(options: Options) -> Self {
        let entries: Vec<&'static Series> =
            catalog::all().filter(|s| !options.disabled.iter().any(|d| d == s.id)).collect();
        let by_name = entries.iter().zip(0_u16..).map(|(s, number)| (s.metric_name(), number)).collect();
        Bank {
            by_name,
            intake: Intake::new(&entries, [options.core_s, options.rest_s]),
            fed: vec![Fed::default(); entries.len()],
            entries,
            store: Store::default(),
            tiers: Tiers::default(),
            holds: Holds::default(),
            bits: Bits::default(),
            logs: LogWatch::default(),
            budgets: BTreeMap::new(),
            outlooks: BTreeMap::new(),
            swept_s: 0,
            taught_s: 0,
            stopped_s: None,
            minute: 0,
            forgot_s: 0,
            silent: None,
            stats: Stats::default(),
            options,
        }
    }

    /// Other settings from now on; the selection of the catalogue (`disabled`) stays as it was at the start.
    pub fn set_options(&mut self, options: Options) {
        self.intake.set_steps([options.core_s, options.rest_s]);
        self.options = Options { disabled: std::mem::take(&mut self.options.disabled), ..options };
    }

    /// Takes points in; they are looked at by the next [`Bank::tick`]. Polled series carry the name of their query, all
    /// others are raw families as exporters write them. `owners` is asked once for each new pod of a polled series.
    pub fn ingest(&mut self, batches: &[SeriesBatch], owners: &dyn Owners) -> Ingested {
        let mut done = Ingested::default();
        for batch in batches {
            let name = batch.labels.value("__name__");
            if let Some(entry) = self.entry_of(name) {
                if let Some(last) = batch.points.iter().map(|p| p.0.div_euclid(1000)).max() {
                    let fed = &mut self.fed[usize::from(entry)];
                    fed.polled_s = fed.polled_s.max(last);
                }
                done.add(self.feed(entry, &batch.labels, &batch.points, owners));
                continue;
            }
            let count = batch.points.len() as u64;
            match self.intake.take(&self.entries, &batch.labels, &batch.points, self.options.raw_max) {
                Fate::Taken => done.taken += count,
                Fate::Unknown => done.unknown += count,
                Fate::Useless => done.useless += count,
                Fate::Full => {
                    done.refused += count;
                    self.stats.refused += count;
                }
            }
        }
        done
    }

    /// Counts of log templates since the last call; findings come with the next tick. What a workload writes under
    /// maintenance is neither known nor usual afterwards.
    pub fn ingest_logs(&mut self, now: Timestamp, counts: &[LogCount], context: &Context<'_>) {
        let (settings, covered) = (&self.options.detectors.logs, context.covered(now.as_second()));
        if settings.enabled {
            let counted = counts.iter().filter(|c| covered.is_empty() || !covered.has(&c.workload));
            self.logs.take(settings, now.as_second(), counted);
        }
    }

    /// Owners of the pods of raw families, asked at the tick after they were pushed.
    pub fn derive_with(&mut self, now: Timestamp, owners: &dyn Owners) {
        let now_s = now.as_second();
        for (entry, labels, value) in self.intake.due(&self.entries, now_s, self.options.lookback_s) {
            self.fed[usize::from(entry)].pushed_s = now_s;
            self.feed(entry, &labels, &[(now_s * 1000, value)], owners);
        }
    }

    /// As [`Bank::derive_with`], for whoever did not call that: pods' owners by name.
    pub(crate) fn derive(&mut self, now_s: i64) {
        if let Ok(now) = Timestamp::from_second(now_s) {
            self.derive_with(now, &ByName);
        }
    }

    pub(crate) fn entry_of(&self, name: &str) -> Option<u16> {
        if name.starts_with(PREFIX) { self.by_name.get(name).copied() } else { None }
    }

    fn feed(&mut self, entry: u16, labels: &LabelSet, points: &[(i64, f64)], owners: &dyn Owners) -> Ingested {
        let first_s = points.first().map_or(0, |p| p.0.div_euclid(1000));
        let mut done = Ingested::default();
        match self.instance(entry, labels, first_s, owners) {
            Ok(instance) => self.points(instance, points, &mut done),
            Err(Refusal::Useless) => done.useless += points.len() as u64,
            Err(Refusal::Full) => {
                done.refused += points.len() as u64;
                self.stats.refused += points.len() as u64;
            }
        }
        done
    }

    pub(crate) fn instance(
        &mut self,
        entry: u16,
        labels: &LabelSet,
        first_s: i64,
        owners: &dyn Owners,
    ) -> Result<u32, Refusal> {
        let fingerprint = labels.fingerprint().0;
        if let Some(known) = self.store.instance(fingerprint) {
            return Ok(known);
        }
        let scope = self.entries[usize::from(entry)].scope;
        let subject = scope.subject(labels).ok_or(Refusal::Useless)?;
        let baseline = scope.baseline(&subject, |namespace, pod| owners.workload(namespace, pod));
        let group = self.group(entry, &baseline, first_s)?;
        let mut member = NONE;
        if let Some(detail) = self.store.detail_of.get(&group).copied()
            && self.store.members_len() < self.options.members_max
        {
            member = self.store.add_member(Member {
                subject,
                group,
                labels: labels.without(&["__name__"]),
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

    pub(crate) fn group(&mut self, entry: u16, baseline: &Subject, first_s: i64) -> Result<u32, Refusal> {
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
            self.tiers.set(group as usize, &rootline_analytics::stream::Tier0::default());
        }
        if self.store.details.len() < self.options.details_max {
            let place = u32::try_from(self.store.details.len()).unwrap_or(NONE);
            self.store.details.push(Detail { group, members: Vec::new(), window: Window::new() });
            self.store.detail_of.insert(group, place);
        }
        Ok(group)
    }

    pub(crate) fn points(&mut self, instance: u32, points: &[(i64, f64)], done: &mut Ingested) {
        let Instance { group, member, .. } = self.store.instances[instance as usize];
        for (at_ms, value) in points {
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
            if at_s <= self.swept_s - LATE_S {
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

    /// Sizes and counts.
    pub fn stats(&self) -> Stats {
        Stats {
            baselines: self.store.groups_len(),
            details: self.store.details.len(),
            members: self.store.members_len(),
            raw: self.intake.len(),
            ..self.stats
        }
    }
}

pub(crate) enum Refusal {
    Useless,
    Full,
}

pub(crate) fn fold(fold: Fold, values: impl Iterator<Item = f64>) -> f64 {
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
