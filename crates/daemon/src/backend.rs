//! The daemon as the API sees it: reads from what the core published and from the store, acts through the core.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use rootline_api::{
    Accepted, Action, AlertPair, AlertState, Answered, Backend, ChangeQuery, ChangeRow, Chart, DeadLetter, EventQuery,
    EventRow, Fault, Gauges, IncidentQuery, Intake, News, OutboxGauge, Page, Paging, PushedEvent, Recording, Refusal,
    Reloaded, Silence, Status, What, Why, Window,
};
use rootline_engine::Live;
use rootline_model::{Alert, CallStats, Fingerprint, LiveIncident, LogRecord, Role, SeriesBatch, Severity, Stage};
use rootline_store::{EventStore, IncidentFilter, Store, StoreError};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::input::{Act, Input, Refused};
use crate::pipes::PipeMeters;
use crate::posts::{self, Attempts, Held};
use crate::recording::{self, Past, Seen};
use crate::reload::{Current, Reloader};
use crate::rows::{alert_pair, change_row, event_row};
use crate::sources::States;
use crate::view::Published;
use crate::{charts, derived, maintenance, records, silence};

/// What the API needs to work.
pub struct Desk {
    pub store: Arc<Store>,
    pub published: Arc<Published>,
    pub inputs: mpsc::Sender<Input>,
    pub states: Arc<States>,
    pub meters: Arc<PipeMeters>,
    pub clock: fn() -> Timestamp,
    pub started: Timestamp,
    pub cluster: String,
    pub attempts: Arc<Attempts>,
    /// Name of this replica.
    pub replica: String,
    pub current: Arc<Current>,
    pub held: Arc<Held>,
    /// One at a time: each holds the whole state in memory.
    pub recording: tokio::sync::Mutex<()>,
    /// Set once everything runs.
    pub reloader: OnceLock<Arc<Reloader>>,
    /// Whether there is a cluster to be listed before answers are whole.
    pub watches: bool,
}

impl Desk {
    /// The objects are listed, if there are any to list.
    fn is_ready(&self) -> bool {
        !self.watches || self.published.view().ready
    }

    fn windows(&self) -> Vec<Window> {
        let windows = self.current.windows();
        let active = windows.active((self.clock)());
        active.into_iter().map(|a| Window { name: a.name.to_owned(), from: a.from, until: a.until }).collect()
    }

    /// Runs a question to the store where waiting hurts nobody.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Answered<'static, T> {
        let store = self.store.clone();
        Box::pin(async move {
            let answer = tokio::task::spawn_blocking(move || question(&store)).await;
            answer.map_err(|e| Fault::Internal(e.to_string()))?.map_err(fault)
        })
    }

    /// Hands on what need not be durable; a full queue is the sender's to wait for.
    fn queue(&self, input: Input) -> Accepted<'static> {
        let taken = self.inputs.try_send(input);
        Box::pin(async move { taken.map_err(|_| Refusal::later(Why::Full, "the daemon has more to do than it can")) })
    }

    fn act_on(&self, id: u64, act: Act, by: String) -> Answered<'_, LiveIncident> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            let sent = self.inputs.send(Input::Act { id, act, by, done }).await;
            sent.map_err(|_| stopping())?;
            answer.await.map_err(|_| stopping())?.ok_or_else(|| missing(id))
        })
    }
}

fn stopping() -> Fault {
    Fault::Unavailable { reason: "the daemon is stopping".to_owned(), retry_after_s: 5 }
}

fn missing(id: u64) -> Fault {
    Fault::NotFound(format!("there is no incident {id}, or it was resolved long ago"))
}

fn fault(error: StoreError) -> Fault {
    Fault::Internal(error.to_string())
}

fn page<A, B>(page: rootline_store::Page<A>, f: impl Fn(A) -> B) -> Page<B> {
    Page { items: page.items.into_iter().map(f).collect(), next: page.next }
}

impl Backend for Desk {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn incidents(&self, query: IncidentQuery) -> Answered<'_, Page<LiveIncident>> {
        // the store knows one text; where both are asked for it finds the text, and the namespace is looked at here
        let namespace = query.namespace.map(|n| format!("/{n}/"));
        let both = namespace.clone().filter(|_| query.text.is_some());
        let text = query.text.or(namespace);
        let filter = IncidentFilter { stage: query.stage, severity: query.severity, text, ..IncidentFilter::default() };
        let Paging { limit, after } = query.paging;
        self.ask(move |s| {
            let mut found = page(s.incidents(&filter, after.as_deref(), limit)?, |i| i);
            let touches = |i: &LiveIncident, n: &str| {
                i.affected.iter().chain(i.members.iter().map(|m| &m.entity)).any(|e| e.contains(n))
            };
            found.items.retain(|i| both.as_deref().is_none_or(|n| touches(i, n)));
            Ok(found)
        })
    }

    fn incident(&self, id: u64) -> Answered<'_, LiveIncident> {
        let answer = self.ask(move |s| s.incident(id));
        Box::pin(async move { answer.await?.ok_or_else(|| missing(id)) })
    }

    fn act(&self, id: u64, action: Action, by: String) -> Answered<'_, LiveIncident> {
        let act = match action {
            Action::Ack => Act::Ack,
            Action::Unack => Act::Unack,
            Action::Resolve => Act::Resolve,
            Action::Note(text) => Act::Note(text),
        };
        self.act_on(id, act, by)
    }

    fn charts(&self, id: u64) -> Answered<'_, Vec<Chart>> {
        let now = (self.clock)();
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            let question = Box::new(move |live: &Live| {
                let _ = done.send(live.incident(id).map(|incident| charts::of(live.bank(), incident, now)));
            });
            self.inputs.send(Input::Read(question)).await.map_err(|_| stopping())?;
            // one that is only in the store has no series in memory any more
            Ok(answer.await.map_err(|_| stopping())?.unwrap_or_default())
        })
    }

    fn record(&self, id: u64) -> Answered<'_, Recording> {
        let (answer, now) = (self.incident(id), (self.clock)());
        Box::pin(async move {
            let busy =
                |_| Fault::Unavailable { reason: "another recording is being made".to_owned(), retry_after_s: 5 };
            let _turn = self.recording.try_lock().map_err(busy)?;
            let incident = answer.await?;
            let about = incident.clone();
            let past = self.ask(move |s| Past::of(s, &about, now)).await?;
            let (done, seen) = oneshot::channel();
            let question = Box::new(move |live: &Live| drop(done.send(Seen::of(live, incident, now))));
            self.inputs.send(Input::Read(question)).await.map_err(|_| stopping())?;
            let seen = seen.await.map_err(|_| stopping())?;
            let patterns = self.current.patterns();
            let packed = tokio::task::spawn_blocking(move || recording::pack(seen, &past, &patterns)).await;
            packed.map_err(|e| Fault::Internal(e.to_string()))?
        })
    }

    fn alerts(&self) -> Answered<'_, Vec<AlertState>> {
        let view = self.published.view();
        let channels = self.current.channels();
        let silences = self.ask(|s| s.silences());
        let now = (self.clock)();
        Box::pin(async move {
            let silences = silence::active(&silences.await?, now);
            let mut homes: BTreeMap<Fingerprint, (&LiveIncident, Role)> = BTreeMap::new();
            for incident in &view.incidents {
                homes.extend(incident.members.iter().map(|m| (m.alert.fingerprint(), (incident.as_ref(), m.role))));
            }
            let state = |alert: &Alert| {
                let home = homes.get(&alert.fingerprint());
                let core = home.filter(|(_, role)| *role == Role::Folded).and_then(|(i, _)| i.core());
                AlertState {
                    alert: alert.clone(),
                    updated: view.at,
                    incident: home.map(|(i, _)| i.id),
                    role: home.map(|(_, role)| *role),
                    silenced_by: silences.iter().filter(|s| s.mutes(&alert.labels)).map(|s| s.id.clone()).collect(),
                    inhibited_by: core.map(|c| c.alert.fingerprint().to_string()).into_iter().collect(),
                    receivers: channels.clone(),
                }
            };
            Ok(view.alerts.iter().map(state).collect())
        })
    }

    fn pairs(&self) -> Answered<'_, Vec<AlertPair>> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            let question = Box::new(move |live: &Live| drop(done.send(live.learnt_pairs())));
            self.inputs.send(Input::Read(question)).await.map_err(|_| stopping())?;
            Ok(answer.await.map_err(|_| stopping())?.into_iter().map(alert_pair).collect())
        })
    }

    fn silences(&self) -> Answered<'_, Vec<Silence>> {
        self.ask(|s| Ok(s.silences()?.into_iter().map(silence::from_store).collect()))
    }

    fn silence_set(&self, silence: Silence) -> Answered<'_, String> {
        let now = (self.clock)();
        let published = self.published.clone();
        self.ask(move |s| {
            let kept = silence::to_store(silence, now);
            let id = kept.id.clone();
            s.put_silence(&kept)?;
            published.tell(now, What::Silences);
            Ok(id)
        })
    }

    fn silence_expire(&self, id: String) -> Answered<'_, ()> {
        let now = (self.clock)();
        let published = self.published.clone();
        let wanted = id.clone();
        let found = self.ask(move |s| {
            let Some(mut silence) = s.silence(&wanted)? else { return Ok(false) };
            silence.ends_at = silence.ends_at.min(now);
            silence.updated_at = now;
            s.put_silence(&silence)?;
            published.tell(now, What::Silences);
            Ok(true)
        });
        Box::pin(async move {
            if found.await? { Ok(()) } else { Err(Fault::NotFound(format!("there is no silence {id}"))) }
        })
    }

    fn events(&self, query: EventQuery) -> Answered<'_, Page<EventRow>> {
        let mut parts = query.entity.as_deref().unwrap_or_default().split('/');
        let kind = parts.next().unwrap_or_default().to_owned();
        let name = parts.next_back().unwrap_or_default().to_owned();
        let filter = rootline_store::EventQuery {
            from: query.since,
            to: query.until,
            namespace: query.namespace.unwrap_or_default(),
            kind,
            name,
            reason: query.reason.unwrap_or_default(),
            text: query.text.unwrap_or_default(),
            ..rootline_store::EventQuery::default()
        };
        let Paging { limit, after } = query.paging;
        self.ask(move |s| Ok(page(EventStore::events(s, &filter, after.as_deref(), limit)?, event_row)))
    }

    fn changes(&self, query: ChangeQuery) -> Answered<'_, Page<ChangeRow>> {
        let now = (self.clock)();
        let since = query.since.unwrap_or(now - SignedDuration::from_hours(24 * 7));
        let until = query.until.unwrap_or(now + SignedDuration::from_hours(1));
        let limit = query.paging.limit;
        self.ask(move |s| {
            let rows = s.changes(query.entity.as_deref(), since, until, limit)?;
            let fits = |c: &rootline_store::Change| {
                query.namespace.as_ref().is_none_or(|n| c.entity.split('/').nth(1) == Some(n.as_str()))
            };
            let items = rows.into_iter().filter(fits).enumerate().map(|(i, c)| change_row(i, c)).collect();
            Ok(Page { items, next: None })
        })
    }

    fn status(&self) -> Answered<'_, Status> {
        let view = self.published.view();
        let mut open = [0; 3];
        for incident in view.incidents.iter().filter(|i| i.stage == Stage::Open) {
            open[match incident.severity {
                Severity::Warning => 0,
                Severity::Error => 1,
                Severity::Critical => 2,
            }] += 1;
        }
        let counts = self.ask(|s| s.outbox_counts());
        let firing = view.alerts.iter().filter(|a| a.is_firing(view.at)).count();
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            cluster: self.cluster.clone(),
            leader: true,
            leader_name: self.replica.clone(),
            ready: self.is_ready(),
            sources: self.states.list(),
            open,
            alerts: u32::try_from(firing).unwrap_or(u32::MAX),
            series: u64::try_from(view.series.baselines).unwrap_or(u64::MAX),
            config: self.current.state(),
            maintenance: self.windows(),
            ..Status::default()
        };
        Box::pin(async move {
            let dead_letters = counts.await?.iter().map(|c| c.dead).sum();
            Ok(Status { dead_letters, ..status })
        })
    }

    fn dead_letters(&self, paging: Paging) -> Answered<'_, Page<DeadLetter>> {
        self.ask(move |s| {
            let letters = s.dead_letters(paging.limit)?;
            Ok(Page { items: letters.into_iter().map(dead_letter).collect(), next: None })
        })
    }

    fn dead_letter_retry(&self, id: u64) -> Answered<'_, ()> {
        let now = (self.clock)();
        let channels = self.current.channels();
        let done = self.ask(move |s| {
            let letter = s.dead_letters(DEAD_LETTERS_MAX)?.into_iter().find(|m| number(&m.key) == id);
            match letter {
                Some(m) if posts::is_known(&channels, &m.channel) => Ok(Ok(s.retry(&m.key, now)?)),
                Some(m) => Ok(Err(m.channel)),
                None => Ok(Ok(false)),
            }
        });
        Box::pin(async move {
            match done.await? {
                Ok(true) => Ok(()),
                Ok(false) => Err(Fault::NotFound(format!("there is no dead letter {id}"))),
                Err(channel) => Err(Fault::Conflict(format!("there is no channel `{channel}` to send it through"))),
            }
        })
    }

    fn gauges(&self) -> Gauges {
        let view = self.published.view();
        let counts = self.published.counts();
        let open = view.incidents.iter().filter(|i| i.stage == Stage::Open);
        Gauges {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: self.is_ready(),
            leader: true,
            started_s: self.started.as_second() as f64,
            queue: counts.queue,
            queue_capacity: u64::try_from(self.inputs.max_capacity()).unwrap_or(u64::MAX),
            ticks: counts.ticks,
            tick_s_sum: counts.tick_s_sum,
            tick_s_max: counts.tick_s_max,
            store_errors: counts.store_errors,
            clock_jumps: counts.clock_jumps,
            store_writes: self.store.counters().writes,
            entities: u64::try_from(view.objects).unwrap_or(u64::MAX),
            alerts_firing: u64::try_from(view.alerts.iter().filter(|a| a.is_firing(view.at)).count())
                .unwrap_or(u64::MAX),
            outbox: self.store.outbox_counts().unwrap_or_default().into_iter().map(|c| self.outbox(c)).collect(),
            sources: self.states.list(),
            pipes: self.meters.gauges(),
            incidents: open.map(|i| derived::gauge(i)).collect(),
            series: u64::try_from(view.series.baselines).unwrap_or(u64::MAX),
            series_limit_hits: view.series.refused,
            log_templates: u64::try_from(view.log_templates).unwrap_or(u64::MAX),
            anomalies: view.levels.iter().map(derived::level).collect(),
            forecasts: view.outlooks.iter().filter_map(derived::forecast).collect(),
            counted: self.states.meters.rows(),
            config: self.current.state(),
            ..Gauges::default()
        }
    }

    fn maintenance(&self, incident: &LiveIncident) -> Option<String> {
        let now = (self.clock)();
        let windows = self.current.windows();
        maintenance::keeps_quiet(&windows.active(now), incident, now).map(|a| a.name.to_owned())
    }

    fn reload(&self) -> Answered<'_, Reloaded> {
        let reloader = self.reloader.get().cloned();
        let published = self.published.clone();
        Box::pin(async move {
            let reloader = reloader.ok_or_else(stopping)?;
            let done = reloader.reload().await.map_err(Fault::Conflict);
            published.tell((self.clock)(), What::Status);
            done
        })
    }

    fn subscribe(&self) -> broadcast::Receiver<News> {
        self.published.subscribe()
    }
}

/// Dead letters looked through for one to retry.
const DEAD_LETTERS_MAX: usize = 1_000;

/// A number for a key that stays the same, small enough for JavaScript (53 bits).
fn number(key: &str) -> u64 {
    let label: rootline_model::LabelSet = [("key", key)].into_iter().collect();
    label.fingerprint().0 >> 11
}

fn dead_letter(message: rootline_store::Message) -> DeadLetter {
    DeadLetter {
        id: number(&message.key),
        channel: message.channel,
        key: message.key,
        incident: message.incident.unwrap_or_default(),
        created: message.created,
        attempts: message.attempts,
        error: message.error.unwrap_or_default(),
    }
}

impl Desk {
    fn outbox(&self, counts: rootline_store::ChannelCounts) -> OutboxGauge {
        let failed = self.attempts.failed(&counts.channel);
        OutboxGauge { channel: counts.channel, waiting: counts.pending, sent: counts.sent, failed, dead: counts.dead }
    }
}

impl Intake for Desk {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn alerts(&self, alerts: Vec<Alert>) -> Accepted<'_> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            let taken = if self.held.is_on() { alerts.clone() } else { Vec::new() };
            let input = Input::Alerts { alerts, done };
            self.inputs
                .try_send(input)
                .map_err(|_| Refusal::later(Why::Full, "the daemon has more to do than it can"))?;
            match answer.await {
                Ok(Ok(())) => {
                    self.held.take(&taken);
                    Ok(())
                }
                Ok(Err(why @ Refused::Store(_))) => Err(Refusal::later(Why::Store, why.to_string())),
                Ok(Err(why @ Refused::Full(_))) => Err(Refusal::later(Why::Limit, why.to_string())),
                Err(_) => Err(Refusal::later(Why::NotReady, "the daemon is stopping")),
            }
        })
    }

    fn samples(&self, batches: Vec<SeriesBatch>) -> Accepted<'_> {
        self.queue(Input::Samples { batches, is_history: false })
    }

    fn logs(&self, records: Vec<LogRecord>) -> Accepted<'_> {
        self.queue(Input::Lines(records))
    }

    fn calls(&self, calls: Vec<CallStats>) -> Accepted<'_> {
        self.queue(Input::Calls(calls))
    }

    fn events(&self, events: Vec<PushedEvent>) -> Accepted<'_> {
        let now = (self.clock)();
        let kept: Vec<_> = events.iter().filter_map(|e| records::pushed(&e.object, now)).collect();
        if kept.len() < events.len() {
            let n = events.len() - kept.len();
            return Box::pin(async move { Err(Refusal::malformed(format!("{n} of the objects are no events"))) });
        }
        self.queue(Input::Events(kept))
    }
}
