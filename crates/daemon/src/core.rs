//! The thread that owns the pipeline: takes inputs, ticks, commits what was decided, then lets others see it. What could not
//! be committed is shown and tried again with the next tick; messages about it wait for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rootline_engine::{Live, Query, SetBack};
use rootline_model::{Alert, CallStats, EventRecord, Fingerprint, LiveIncident, SeriesBatch};
use rootline_objects::{CallHint, LogWanted, Signal};
use rootline_sources::pull::prometheus::RuleBook;
use rootline_sources::watch::{Delta, ObjectStore, StoreLimits};
use rootline_store::{EventStore, NewMessage, SeriesStore, Store, Tick};
use tokio::sync::{mpsc, watch};

use crate::clock::Watch;
use crate::input::{Act, Input, Refused};
use crate::lake::Tap;
use crate::lines::LastLines;
use crate::reload::Settings;
use crate::tape::Tape;
use crate::view::{Published, View};
use crate::{keep, maintenance, records, silence};

mod restore;
mod strangers;

/// Learnt baselines lose at most this much to a kill.
const BASELINES_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// Conditions that hold lose at most this much.
const HOLDS_EVERY: SignedDuration = SignedDuration::from_mins(1);
const CLEANED_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Edges of the call graph kept at most.
const CALLS_MAX: usize = 20_000;
/// Inputs taken before the next look at the clock.
const BATCH_MAX: usize = 1_000;
/// After something urgent the next tick waits no longer than this, so that a storm is looked at in few pieces.
const URGENT: Duration = Duration::from_secs(2);
/// Incidents that could not be written wait in memory; above this the oldest go, and that is counted.
const UNWRITTEN_MAX: usize = 10_000;

/// Forecasts shown at most.
const OUTLOOKS_MAX: usize = 200;
/// Name of the snapshot of what people were told.
const TOLD: &str = "told";
/// Name of the snapshot of incidents that people said are over.
const BY_HAND: &str = "by_hand";
/// Name of the snapshot of incidents that are wider than their members tell.
const WIDE: &str = "wide";

/// How often things are done.
#[derive(Clone, Debug)]
pub struct Timing {
    pub tick: Duration,
    /// When the core begins.
    pub now: Timestamp,
}

/// What the core works with.
pub struct Core {
    pub live: Live,
    pub store: Arc<Store>,
    pub settings: Settings,
    pub published: Arc<Published>,
    /// Containers whose logs would help, for whoever reads logs.
    pub wanted: watch::Sender<Vec<LogWanted>>,
    /// What should be asked of Prometheus, for whoever asks.
    pub queries: watch::Sender<Vec<Query>>,
    pub tick: Duration,
    /// Copies for another database; takes without waiting.
    pub tap: Tap,
    /// Keeps what comes in.
    pub tape: Option<Tape>,
    objects: ObjectStore,
    objects_changed: bool,
    logs: Vec<Signal>,
    lines: LastLines,
    rules: Arc<RuleBook>,
    calls: BTreeSet<(String, String, String)>,
    events: Vec<EventRecord>,
    changes: Vec<rootline_model::Change>,
    /// Alerts that are in memory and could not be written: sent again they are no news to `live`, but must not be
    /// acknowledged before they are on disk.
    unkept: BTreeMap<Fingerprint, Alert>,
    /// Other clusters that were named.
    strangers: BTreeSet<String>,
    unwritten: Vec<LiveIncident>,
    unsent: Vec<NewMessage>,
    /// The snapshot of that name as it is on disk.
    wide_kept: Vec<u8>,
    baselines_kept: Timestamp,
    holds_kept: Timestamp,
    cleaned: Timestamp,
}

impl Core {
    pub fn new(
        live: Live,
        store: Arc<Store>,
        (settings, published): (Settings, Arc<Published>),
        timing: &Timing,
    ) -> Core {
        let Timing { tick, now } = timing.clone();
        Core {
            live,
            store,
            settings,
            published,
            wanted: watch::Sender::new(Vec::new()),
            tick,
            tap: Tap::default(),
            tape: None,
            objects: ObjectStore::new(StoreLimits::default()),
            lines: LastLines::default(),
            objects_changed: false,
            logs: Vec::new(),
            rules: Arc::default(),
            calls: BTreeSet::new(),
            queries: watch::Sender::new(Vec::new()),
            events: Vec::new(),
            changes: Vec::new(),
            unkept: BTreeMap::new(),
            strangers: BTreeSet::new(),
            unwritten: Vec::new(),
            unsent: Vec::new(),
            wide_kept: Vec::new(),
            baselines_kept: now,
            holds_kept: now,
            cleaned: now,
        }
    }

    /// Works until `Stop` comes or nobody can send any more.
    pub fn run(mut self, mut inputs: mpsc::Receiver<Input>, handle: &tokio::runtime::Handle, clock: fn() -> Timestamp) {
        let mut due = Instant::now() + Duration::from_secs(1);
        let mut watch = Watch::new(clock(), Instant::now());
        loop {
            let patience = due.saturating_duration_since(Instant::now());
            let mut batch = Vec::new();
            let waited = handle.block_on(async { tokio::time::timeout(patience, inputs.recv()).await });
            match waited {
                Ok(Some(first)) => {
                    batch.push(first);
                    while batch.len() < BATCH_MAX
                        && let Ok(more) = inputs.try_recv()
                    {
                        batch.push(more);
                    }
                }
                Ok(None) => break,
                Err(_) => {}
            }
            let stop = batch.iter().any(|i| matches!(i, Input::Stop));
            if let Some(by) = watch.look(clock(), Instant::now()) {
                self.clock_jumped(clock(), by);
            }
            if self.take(batch, clock()) {
                due = due.min(Instant::now() + URGENT);
            }
            if Instant::now() >= due || stop {
                let begun = Instant::now();
                self.step(clock());
                self.published.ticked(begun.elapsed(), inputs.len());
                due = begun + self.tick;
            }
            if stop {
                break;
            }
        }
        self.keep_baselines();
    }

    /// Incidents go on; set back, nothing may wait for a future that was none. What is old is judged by a clock that has been
    /// right for a while.
    fn clock_jumped(&mut self, now: Timestamp, by: SignedDuration) {
        self.published.clock_jumped();
        tracing::warn!(seconds = by.as_secs(), "the clock of this machine jumped");
        (self.cleaned, self.baselines_kept, self.holds_kept) = (now, now, now);
        if by.is_negative() {
            self.set_back(SetBack { now, by: by.abs() });
        }
    }

    fn set_back(&mut self, clock: SetBack) {
        self.live.set_back(clock);
        if let Err(error) = self.store.set_back(clock.now) {
            self.published.store_failed();
            tracing::error!(%error, "messages that wait may come late");
        }
    }

    /// Takes inputs in. True: something that should be looked at soon.
    fn take(&mut self, batch: Vec<Input>, now: Timestamp) -> bool {
        let mut urgent = false;
        let mut alerts = Vec::new();
        let mut waiting = Vec::new();
        for input in batch {
            match input {
                Input::Alerts { alerts: more, done } => {
                    alerts.extend(more);
                    waiting.push(done);
                }
                Input::Delta(delta) => self.delta(delta, now),
                Input::Logs(logs) => {
                    self.logs = logs;
                    self.objects_changed = true;
                }
                Input::Rules(rules) => self.rules = rules,
                Input::Samples { batches, is_history } => self.samples(batches, is_history, now),
                Input::Lines(mut records) => {
                    records.retain(|r| self.is_ours(&r.labels));
                    self.live.take_logs(&records);
                    self.objects_changed |= self.lines.take(&records);
                    self.tap.lines(&records);
                }
                Input::Calls(calls) => self.called(&calls),
                Input::Events(events) => self.events.extend(events),
                Input::Act { id, act, by, done } => {
                    let _ = done.send(self.act(now, id, &act, &by));
                }
                Input::Read(question) => question(&self.live),
                Input::Settings { settings, done } => {
                    self.live.reconfigure(settings.live.clone());
                    self.settings = *settings;
                    let _ = done.send(());
                }
                Input::Stop => {}
            }
        }
        if !waiting.is_empty() {
            urgent = !alerts.is_empty();
            let answer = self.alerts(alerts, now);
            for done in waiting {
                let _ = done.send(answer.clone());
            }
        }
        urgent
    }

    fn delta(&mut self, delta: Delta, now: Timestamp) {
        let applied = self.objects.apply(delta, now);
        for change in &applied.changes {
            if let Some(change) = records::series_change(change) {
                self.live.take_change(change);
            }
        }
        self.changes.extend(applied.changes);
        self.events.extend(applied.event);
        self.objects_changed = true;
    }

    fn samples(&mut self, mut batches: Vec<SeriesBatch>, is_history: bool, now: Timestamp) {
        batches.retain(|b| self.is_ours(&b.labels));
        if let Some(tape) = &self.tape {
            tape.samples(now, &batches, is_history);
        }
        self.live.take_samples(&batches, is_history);
        if is_history {
            return;
        }
        let own = keep::own(batches);
        self.tap.samples(&own);
        if !own.is_empty()
            && let Err(error) = self.store.append(&own, now)
        {
            self.published.store_failed();
            tracing::error!(%error, "could not keep samples");
        }
    }

    /// Who calls whom, as traces tell; it says which way trouble travels.
    fn called(&mut self, calls: &[CallStats]) {
        for call in calls {
            let edge = (call.caller.1.clone(), call.caller.0.clone(), call.callee.0.clone());
            if self.calls.len() < CALLS_MAX && self.calls.insert(edge) {
                self.objects_changed = true;
            }
        }
    }

    /// One write for all that came together.
    fn alerts(&mut self, mut alerts: Vec<Alert>, now: Timestamp) -> Result<(), Refused> {
        for alert in &mut alerts {
            self.rules.complete(alert);
            // alerts are taken all the same
            self.is_ours(&alert.labels);
        }
        let (mut kept, refused) = self.live.take_alerts(alerts);
        if let Some(tape) = &self.tape {
            tape.alerts(now, &kept);
        }
        if !self.unkept.is_empty() {
            self.unkept.extend(kept.drain(..).map(|a| (a.fingerprint(), a)));
            kept.extend(self.unkept.values().cloned());
        }
        if let Err(error) = self.store.put_alerts(&kept, now) {
            self.published.store_failed();
            self.unkept.extend(kept.into_iter().map(|a| (a.fingerprint(), a)));
            return Err(Refused::Store(error.to_string()));
        }
        self.unkept.clear();
        if refused > 0 { Err(Refused::Full(refused)) } else { Ok(()) }
    }

    fn act(&mut self, now: Timestamp, id: u64, act: &Act, by: &str) -> Option<LiveIncident> {
        let incident = match act {
            Act::Ack => self.live.ack(now, id, Some(by)),
            Act::Unack => self.live.ack(now, id, None),
            Act::Note(text) => self.live.note(now, id, by, text),
            Act::Resolve => self.live.resolve(now, id, by),
        }?;
        let deed = records::deed(now, by, act, id);
        let messages = self.settings.routes.streams(now, &incident);
        let incidents = vec![incident.clone()];
        let mut tick = Tick { at: now, incidents, deeds: vec![deed], messages, ..Tick::default() };
        if *act == Act::Resolve {
            let rows = serde_json::to_vec(&self.live.by_hand()).unwrap_or_default();
            tick.snapshots.push((BY_HAND.to_owned(), rows));
        }
        if let Err(error) = self.store.commit(&tick) {
            self.published.store_failed();
            tracing::error!(%error, "could not keep what a person did");
        }
        self.tap.incidents(std::slice::from_ref(&incident));
        self.publish(now, std::slice::from_ref(&incident));
        Some(incident)
    }

    /// One tick: look, decide, commit, publish.
    fn step(&mut self, now: Timestamp) {
        let changed = self.objects_changed;
        if changed {
            let mut signals = self.objects.signals(now);
            let wanted = self.live.engine().suspicious(&signals);
            signals.extend(self.logs.iter().cloned());
            signals.extend(self.lines.fill(now, &wanted, &self.logs));
            self.wanted.send_replace(wanted);
            signals.extend(self.calls.iter().map(|(namespace, caller, callee)| {
                Signal::Call(CallHint { namespace: namespace.clone(), caller: caller.clone(), callee: callee.clone() })
            }));
            self.live.take_state(signals);
            self.objects_changed = false;
        }
        if let Some(tape) = &mut self.tape {
            tape.state(now, &self.live, changed);
        }
        let silences = self.silences(now);
        let windows = self.settings.windows.clone();
        let active = windows.active(now);
        self.live.set_maintenance(windows.for_series(now));
        let held = |i: &LiveIncident| {
            silence::is_silenced(&silences, i, now) || maintenance::keeps_quiet(&active, i, now).is_some()
        };
        let outcome = self.live.tick_but(now, &held);
        let queries = self.live.wanted_queries(now);
        if !queries.is_empty() && self.settings.detects {
            self.queries.send_replace(queries);
        }
        let routes = &self.settings.routes;
        let told = outcome.notifications.iter().filter_map(|n| self.live.incident(n.incident));
        let mut messages: Vec<NewMessage> = told.flat_map(|i| routes.messages(now, i)).collect();
        messages.extend(outcome.changed.iter().flat_map(|i| routes.backfill(now, i)));
        messages.extend(outcome.changed.iter().flat_map(|i| routes.streams(now, i)));
        self.tap.incidents(&outcome.changed);
        self.unwritten.extend(outcome.changed.iter().cloned());
        self.unsent.extend(messages);
        self.commit(now);
        self.history(now);
        self.upkeep(now);
        self.publish(now, &outcome.changed);
    }

    /// Those in force. If they cannot be read, nothing is silent: a message too many is the safer mistake.
    fn silences(&self, now: Timestamp) -> Vec<silence::Active> {
        match self.store.silences() {
            Ok(kept) => silence::active(&kept, now),
            Err(error) => {
                self.published.store_failed();
                tracing::error!(%error, "silences cannot be read, so none is in force");
                Vec::new()
            }
        }
    }

    /// What could not be written stays and is tried again with the next tick.
    fn commit(&mut self, now: Timestamp) {
        let mut newest: BTreeMap<u64, LiveIncident> = BTreeMap::new();
        for incident in std::mem::take(&mut self.unwritten) {
            newest.insert(incident.id, incident);
        }
        let memberships = newest.values().flat_map(records::memberships).collect();
        let wide = self.live.wide_snapshot();
        let mut snapshots = Vec::new();
        if !self.unsent.is_empty() {
            snapshots.push((TOLD.to_owned(), self.told()));
        }
        if wide != self.wide_kept {
            snapshots.push((WIDE.to_owned(), wide.clone()));
        }
        let tick = Tick {
            at: now,
            incidents: newest.into_values().collect(),
            memberships,
            snapshots,
            messages: std::mem::take(&mut self.unsent),
            ..Tick::default()
        };
        let committed = self.store.commit(&tick);
        if committed.is_ok() && !tick.messages.is_empty() {
            self.settings.routes.wake();
        }
        if committed.is_ok() {
            self.wide_kept = wide;
        }
        if let Err(error) = committed {
            self.published.store_failed();
            tracing::error!(%error, "could not write what this tick decided, trying again with the next");
            self.unwritten = tick.incidents;
            self.unsent = tick.messages;
            let surplus = self.unwritten.len().saturating_sub(UNWRITTEN_MAX);
            self.unwritten.drain(..surplus);
            let surplus = self.unsent.len().saturating_sub(UNWRITTEN_MAX);
            self.unsent.drain(..surplus);
        }
    }

    fn told(&self) -> Vec<u8> {
        serde_json::to_vec(&self.live.told()).unwrap_or_default()
    }

    /// Events and changes to look back on: a loss here is a gap in the history, no lost incident.
    fn history(&mut self, now: Timestamp) {
        let events: Vec<_> = std::mem::take(&mut self.events).iter().map(records::event).collect();
        let changes: Vec<_> = std::mem::take(&mut self.changes).iter().map(records::change).collect();
        let kept = self.store.put_events(&events).map(|_| ());
        let kept = kept.and_then(|()| self.store.put_changes(&changes)).and_then(|()| self.store.flush(now));
        if let Err(error) = kept {
            self.published.store_failed();
            tracing::error!(%error, "could not keep events and changes");
        }
    }

    /// Now and then: baselines to disk, what is old out of the store.
    fn upkeep(&mut self, now: Timestamp) {
        if now.duration_since(self.baselines_kept) >= BASELINES_EVERY {
            self.baselines_kept = now;
            self.keep_baselines();
        } else if now.duration_since(self.holds_kept) >= HOLDS_EVERY {
            self.holds_kept = now;
            if let Err(error) = keep::keep_holds(self.store.folder(), &self.live) {
                tracing::error!(%error, "could not keep which conditions of series hold");
            }
        }
        if now.duration_since(self.cleaned) >= CLEANED_EVERY {
            self.cleaned = now;
            let (store, keep, published) = (self.store.clone(), self.settings.keep.clone(), self.published.clone());
            // a long deletion must not make incidents wait
            std::thread::spawn(move || {
                if let Err(error) = store.retention(&keep, now) {
                    published.store_failed();
                    tracing::error!(%error, "could not remove what is old");
                }
            });
        }
    }

    fn keep_baselines(&self) {
        if let Err(error) = keep::keep(self.store.folder(), &self.live) {
            tracing::error!(%error, "could not keep the baselines of series");
        }
    }

    fn publish(&self, now: Timestamp, changed: &[LiveIncident]) {
        let view = View {
            at: now,
            incidents: self.live.incidents().cloned().map(Arc::new).collect(),
            alerts: self.live.alerts().cloned().collect(),
            ready: self.objects.is_ready(),
            objects: self.objects.len(),
            series: self.live.bank().stats(),
            log_templates: self.live.log_templates(),
            outlooks: self.live.bank().forecasts(now, OUTLOOKS_MAX),
            levels: self.live.bank().levels(),
        };
        self.published.publish(view, changed);
    }
}
