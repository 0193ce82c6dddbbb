//! The daemon's core: one value that takes signals in and gives incidents out, tick by tick.
//!
//! Synchronous, without clock, I/O or threads: `rootline run` and `rootline replay` drive the same value, and the same
//! inputs at the same moments give the same incidents (ADR-0008).

mod draft;
mod facts;
mod keep;
mod numbers;
mod pairs;
mod table;
mod topology;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use hashbrown::HashMap;
use jiff::SignedDuration;
use rootline_correlate::{
    Change, Correlator, Group, GroupId, Item, Mode, NAMED, Notices, Options as CorrelateOptions, correlator,
};
use rootline_model::{
    Alert, Both, EntityRef, Fingerprint, Kind, LabelSet, LiveIncident, LogRecord, Origin, SeriesBatch, Stage, Timestamp,
};
use rootline_objects::{Alert as AlertSignal, Signal};

use crate::{Engine, pipeline};
use facts::{Facts, Seen};
use numbers::Numbers;
use table::Table;
use topology::Map;

pub use rootline_correlate::{LearntPair, Mode as CorrelationMode, NoticeKind, NoticePolicy, SetBack, ToldRow};
pub use rootline_series::{
    Bank, Change as SeriesChange, ChangeKind as SeriesChangeKind, Chart as SeriesChart, Covers, Ingested,
    Level as SeriesLevel, LimitSetting, MEMORY_S as SERIES_MEMORY_S, Maintenance as SeriesMaintenance,
    Options as SeriesOptions, Outlook, Query, Stats as SeriesStats, catalog as series_catalog,
};

/// Alerts kept at most; above it new ones are refused (`Live::take_alerts` tells how many).
const ALERTS_MAX: usize = 200_000;

/// How the live pipeline works.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// The name of this cluster as the label `cluster` has it; empty if everything is of this one. What names another is kept apart.
    pub cluster: String,
    pub mode: Mode,
    pub notices: NoticePolicy,
    /// A fact must hold so long before it counts.
    pub settle: SignedDuration,
    pub series: SeriesOptions,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions {
            cluster: String::new(),
            mode: Mode::Full,
            notices: NoticePolicy::default(),
            settle: SignedDuration::from_secs(20),
            series: SeriesOptions::default(),
        }
    }
}

/// A message that people should get.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub incident: u64,
    pub kind: NoticeKind,
}

/// What one tick decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Incidents as they are now, those that changed.
    pub changed: Vec<LiveIncident>,
    pub notifications: Vec<Notification>,
}

/// See the module.
#[derive(Debug)]
pub struct Live {
    engine: Engine,
    options: LiveOptions,
    signals: Vec<Signal>,
    alerts: BTreeMap<Fingerprint, Alert>,
    /// Arrived since the last tick.
    fresh: Vec<Fingerprint>,
    /// Of which kinds, and where, everything is known.
    listed: BTreeSet<(Kind, Option<String>)>,
    facts: Facts,
    numbers: Numbers,
    map: Map,
    correlator: Box<dyn Correlator>,
    notices: Notices,
    table: Table,
}

impl Live {
    pub fn new(engine: Engine, options: LiveOptions) -> Live {
        let mut map = Map::default();
        map.topology.set_cluster(&options.cluster);
        Live {
            correlator: correlator(CorrelateOptions::of(options.mode)),
            notices: Notices::new(options.notices.clone()),
            numbers: Numbers::new(options.series.clone()),
            engine,
            options,
            signals: Vec::new(),
            alerts: BTreeMap::new(),
            fresh: Vec::new(),
            listed: BTreeSet::new(),
            facts: Facts::default(),
            map,
            table: Table::default(),
        }
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Other settings from now on. Those of the correlation and the cluster's name stay as they were at the start: groups are
    /// made by them.
    pub fn reconfigure(&mut self, options: LiveOptions) {
        self.notices.set_policy(options.notices.clone());
        self.numbers.set_options(options.series.clone());
        self.options =
            LiveOptions { mode: self.options.mode, cluster: std::mem::take(&mut self.options.cluster), ..options };
    }

    /// Times in which detectors keep silent about certain things and learn nothing of them; those that are over too, as far
    /// back as [`SERIES_MEMORY_S`].
    pub fn set_maintenance(&mut self, windows: Vec<SeriesMaintenance>) {
        self.numbers.set_maintenance(windows);
    }

    /// The clock was set back: incidents, facts and what was told go on from there.
    pub fn set_back(&mut self, clock: SetBack) {
        self.facts.set_back(clock);
        self.map.set_back(clock);
        self.correlator.set_back(clock, &self.map.topology);
        self.notices.set_back(clock);
    }

    /// The state of the cluster as it was last given.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The state of the cluster, whole; it replaces what was known.
    pub fn take_state(&mut self, signals: Vec<Signal>) {
        self.signals = signals;
    }

    /// Alerts as they came, merged with what is known. Gives those that are new or changed, as
    /// they are now, to be kept before the sender is told that all is well; and how many were refused for want of room.
    pub fn take_alerts(&mut self, alerts: Vec<Alert>) -> (Vec<Alert>, usize) {
        let mut kept = Vec::with_capacity(alerts.len());
        let mut refused = 0;
        for alert in alerts {
            let key = alert.fingerprint();
            let full = self.alerts.len() >= ALERTS_MAX;
            match self.alerts.get_mut(&key) {
                Some(known) => {
                    let merged = merged(known, alert);
                    if *known != merged {
                        *known = merged.clone();
                        kept.push(merged);
                    }
                }
                None if full => {
                    refused += 1;
                    continue;
                }
                None => {
                    self.alerts.insert(key, alert.clone());
                    kept.push(alert);
                }
            }
            self.fresh.push(key);
        }
        (kept, refused)
    }

    /// Samples that were pushed or asked for. `is_history`: an answer to a query that asked for history.
    pub fn take_samples(&mut self, batches: &[SeriesBatch], is_history: bool) -> Ingested {
        self.numbers.samples(batches, is_history)
    }

    pub fn take_logs(&mut self, records: &[LogRecord]) {
        self.numbers.logs(records);
    }

    /// The other cluster that labels name.
    pub fn other_cluster<'a>(&self, labels: &'a LabelSet) -> Option<&'a str> {
        self.map.topology.other_cluster(labels)
    }

    /// Templates of log lines that are known.
    pub fn log_templates(&self) -> usize {
        self.numbers.templates()
    }

    /// Rollouts, restarts and the like: what was usual may differ from now on.
    pub fn take_change(&mut self, change: SeriesChange) {
        self.numbers.changed(change);
    }

    /// What should be asked of Prometheus now.
    pub fn wanted_queries(&mut self, now: Timestamp) -> Vec<Query> {
        self.numbers.queries(now)
    }

    /// The series' memory: charts, forecasts, sizes.
    pub fn bank(&self) -> &Bank {
        self.numbers.bank()
    }

    /// Looks at everything.
    pub fn tick(&mut self, now: Timestamp) -> Outcome {
        self.tick_but(now, &|_| false)
    }

    /// Looks at everything; of incidents that are `held` nobody is told for now, and what is due about them stays due.
    pub fn tick_but(&mut self, now: Timestamp, held: &dyn Fn(&LiveIncident) -> bool) -> Outcome {
        let mut signals = self.signals.clone();
        signals.retain(|s| !matches!(s, Signal::Clock(_)));
        signals.push(Signal::Clock(now));
        signals.extend(
            self.alerts
                .values()
                .filter(|a| a.is_firing(now) && self.other_cluster(&a.labels).is_none())
                .map(alert_signal),
        );
        let listed = listed(&signals);
        let (world, diagnosis) = pipeline::run(signals, self.engine.rules());
        self.map.update(now, &world);
        if !listed.is_subset(&self.listed) {
            // after a start the cluster is read piece by piece, and members came before it
            self.listed.extend(listed);
            self.correlator.relocate(&self.map.topology);
        }
        let seen = Seen { world: &world, diagnosis: &diagnosis, knowledge: self.engine.knowledge() };
        let mut facts = facts::of_diagnosis(now, &seen);
        let mut findings = self.numbers.tick(now, &world);
        // windows of ten minutes go on about pods that are no longer there
        findings.retain(|f| self.map.owner_of_gone(&f.entity).is_none());
        facts.extend(facts::of_findings(now, &world, &findings));
        self.facts.update(now, facts);

        let items = self.items(now);
        let changes = self.correlator.observe(now, &items, &self.map.topology);
        let mut outcome = Outcome::default();
        self.apply(now, &changes, &mut outcome);
        // over by somebody's word, though it goes on
        let is_over = |g: &&Group| g.stage == Stage::Open && self.table.is_by_hand(g.id.0);
        let is_held = |g: &&Group| is_over(g) || self.table.get(g.id.0).is_some_and(held);
        let due = self.notices.due(now, self.correlator.groups().filter(|g| !is_held(g)));
        outcome.notifications = due.into_iter().map(|n| Notification { incident: n.group.0, kind: n.kind }).collect();
        self.forget(now, &changes);
        outcome
    }

    /// Alerts that arrived, and all facts that hold or have ended.
    fn items(&mut self, now: Timestamp) -> Vec<Item> {
        let mut keys = std::mem::take(&mut self.fresh);
        keys.sort_unstable();
        keys.dedup();
        let topology = &self.map.topology;
        let hurt = self.hurt();
        let mut items = Vec::with_capacity(keys.len());
        let mut held = Vec::new();
        for key in keys {
            let Some(alert) = self.alerts.get(&key) else { continue };
            let mut item = Item::from_alert(alert, Origin::Alert, topology);
            // a sender whose clock runs ahead must not make people wait for its time to come
            item.fired = item.fired.min(now);
            item.onset = item.onset.min(now);
            let owner = item.entities.first().and_then(|e| self.map.owner_of_gone(e));
            match owner.filter(|_| self.correlator.group_of(key).is_none()) {
                // a rule still sees a pod that is gone: part of what its workload has, else nothing that anybody could look at
                Some(owner) if hurt.contains_key(owner) => {
                    item.entities = iter::once(owner).chain(item.entities.iter()).cloned().collect();
                }
                Some(_) => {
                    held.push(key);
                    continue;
                }
                None => {}
            }
            items.push(item);
        }
        for fact in self.facts.settled(self.options.settle) {
            let mut item = Item::from_alert(&fact.alert, fact.origin, topology);
            // an anomaly joins what hurts now; alone it is nobody's business, and it keeps nothing open that is over else
            if fact.origin == Origin::Anomaly && !fact.entities.iter().any(|e| hurt.get(e) == Some(&true)) {
                if self.correlator.group_of(item.id).is_none() {
                    continue;
                }
                item.ends = item.ends.or(Some(now));
            }
            item.entities = fact.entities.as_slice().into();
            item.severity = Some(fact.severity);
            // a named cause stands nearer to the root than any alert about its effects
            item.rank = if fact.answer().is_some() { item.rank.max(NAMED) } else { item.rank.min(40) };
            items.push(item);
        }
        drop(hurt);
        self.fresh = held;
        items
    }

    /// Things that open incidents are about; true: an alert or fact about it holds now.
    fn hurt(&self) -> HashMap<&EntityRef, bool> {
        let open = self.correlator.groups().filter(|g| g.stage == Stage::Open);
        let mut hurt = HashMap::new();
        for member in open.flat_map(|g| &g.members) {
            let holds = member.firing && member.item.origin != Origin::Anomaly;
            for entity in member.item.entities.iter() {
                *hurt.entry(entity).or_insert(false) |= holds;
            }
        }
        hurt
    }

    /// Brings the incidents up to date whose groups changed or hold facts, which change without the correlator.
    fn apply(&mut self, now: Timestamp, changes: &[Change], outcome: &mut Outcome) {
        let mut touched: Vec<GroupId> = changes.iter().map(Change::group).collect();
        let holds_fact = |g: &&Group| g.stage == Stage::Open && g.members.iter().any(|m| m.item.origin == Origin::Fact);
        touched.extend(self.correlator.groups().filter(holds_fact).map(|g| g.id));
        touched.sort_unstable();
        touched.dedup();
        for change in changes {
            if let Change::Merged { from, into, .. } = change
                && let Some(row) = self.table.merged(now, from.0, into.0)
            {
                outcome.changed.push(row.clone());
            }
        }
        for id in touched {
            let Some(group) = self.correlator.group(id) else { continue };
            // what nobody would call an incident (information, a single anomaly) gets no row before it is one
            if !group.stands() && self.table.get(id.0).is_none() {
                continue;
            }
            let draft = draft::draft(group, &self.alerts, &self.facts);
            if let Some(row) = self.table.apply(now, id.0, draft) {
                outcome.changed.push(row.clone());
            }
        }
    }

    /// Alerts that ended and belong to no group any more leave memory.
    fn forget(&mut self, now: Timestamp, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Forgotten { group } => self.notices.forget(*group),
                Change::Merged { from, .. } => self.notices.forget(*from),
                _ => {}
            }
        }
        let correlator = &self.correlator;
        self.alerts.retain(|key, alert| alert.is_firing(now) || correlator.group_of(*key).is_some());
        self.table.shrink();
    }

    pub fn incident(&self, id: u64) -> Option<&LiveIncident> {
        self.table.get(id)
    }

    /// All that are in memory, oldest first.
    pub fn incidents(&self) -> impl DoubleEndedIterator<Item = &LiveIncident> {
        self.table.iter()
    }

    /// All that are known, those that fire and those that ended not long ago.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// Somebody takes an incident, or (`None`) gives it back.
    pub fn ack(&mut self, now: Timestamp, id: u64, by: Option<&str>) -> Option<LiveIncident> {
        self.table.ack(now, id, by).cloned()
    }

    /// Somebody says that it is over. Its alerts may go on; only new ones open it again.
    pub fn resolve(&mut self, now: Timestamp, id: u64, by: &str) -> Option<LiveIncident> {
        self.table.resolve(now, id, by).cloned()
    }

    pub fn note(&mut self, now: Timestamp, id: u64, by: &str, text: &str) -> Option<LiveIncident> {
        self.table.note(now, id, by, text).cloned()
    }
}

/// Two reports of one alert: the earlier start counts (`types.Alert.Merge` of Alertmanager), of everything else the newest
/// report, so that a resolve ends it before its time.
fn merged(known: &Alert, new: Alert) -> Alert {
    // fired anew after its end: another episode of the same alert
    let again = known.ends_at.is_some_and(|end| new.starts_at >= end);
    let starts_at = if again { new.starts_at } else { known.starts_at.min(new.starts_at) };
    Alert { starts_at, hold_s: new.hold_s.or(known.hold_s), ..new }
}

fn listed(signals: &[Signal]) -> BTreeSet<(Kind, Option<String>)> {
    let one = |s: &Signal| match s {
        Signal::Listed { kind, namespace } => Some((*kind, namespace.clone())),
        _ => None,
    };
    signals.iter().filter_map(one).collect()
}

fn alert_signal(alert: &Alert) -> Signal {
    let text = ["summary", "description", "message"].into_iter().find_map(|k| alert.annotations.get(k));
    Signal::Alert(AlertSignal {
        name: alert.name().to_owned(),
        labels: alert.labels.iter().collect(),
        text: text.unwrap_or_default().to_owned(),
        since: Some(alert.onset()),
    })
}

/// What a series of the catalogue is called.
pub fn series_title(id: &str) -> Option<Both> {
    rootline_series::catalog::by_id(id).map(|s| Both { en: s.en.to_owned(), zh: s.zh.to_owned() })
}
