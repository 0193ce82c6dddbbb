//! A daemon in memory that keeps its word: ids count up, versions grow, pages follow each other, news is told.

use std::sync::{Mutex, MutexGuard};

use futures::StreamExt;
use futures::future::{BoxFuture, ready};
use jiff::{SignedDuration, Timestamp};
use rootline_model::{
    Ack, Alert, Answer, Both, CallStats, LiveIncident, LogRecord, Member, Moment, Origin, Role, SeriesBatch, Severity,
    Stage,
};
use tokio::sync::broadcast;

use crate::{
    Accepted, Action, AlertState, Answered, Backend, ChangeQuery, ChangeRow, Chart, DeadLetter, EventQuery, EventRow,
    Fault, Gauges, IncidentQuery, Intake, News, Page, Paging, PushedEvent, Recording, Refusal, Silence, Status, What,
};

#[derive(Default)]
pub struct Kept {
    pub incidents: Vec<LiveIncident>,
    pub alerts: Vec<AlertState>,
    pub pairs: Vec<crate::AlertPair>,
    pub silences: Vec<Silence>,
    pub events: Vec<EventRow>,
    pub changes: Vec<ChangeRow>,
    pub charts: Vec<Chart>,
    pub dead: Vec<DeadLetter>,
    pub status: Status,
    pub gauges: Gauges,
    pub pushed_alerts: Vec<Alert>,
    pub samples: Vec<SeriesBatch>,
    pub logs: Vec<LogRecord>,
    pub calls: Vec<CallStats>,
    pub pushed_events: Vec<PushedEvent>,
    /// What the intake says to everything.
    pub refusal: Option<Refusal>,
}

pub struct Fake {
    kept: Mutex<Kept>,
    news: broadcast::Sender<News>,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub fn now() -> Timestamp {
    at("2026-03-01T12:00:00Z")
}

impl Fake {
    pub fn empty() -> Fake {
        let status = Status {
            version: "0.1.0".into(),
            started: at("2026-03-01T10:00:00Z"),
            cluster: "prod".into(),
            leader: true,
            ready: true,
            ..Status::default()
        };
        Fake { kept: Mutex::new(Kept { status, ..Kept::default() }), news: broadcast::channel(64).0 }
    }

    /// With so many incidents, ids from 1.
    pub fn with_incidents(count: u64) -> Fake {
        let fake = Fake::empty();
        fake.kept().incidents = (1..=count).map(incident).collect();
        fake
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no test panics while it holds this")
    }

    pub fn tell(&self, what: What) {
        let _ = self.news.send(News { at: now(), what });
    }

    fn accepted(&self, keep: impl FnOnce(&mut Kept)) -> Accepted<'_> {
        let mut kept = self.kept();
        let answer = match kept.refusal.clone() {
            Some(refusal) => Err(refusal),
            None => {
                keep(&mut kept);
                Ok(())
            }
        };
        Box::pin(ready(answer))
    }
}

/// An incident with everything that one can have.
pub fn incident(id: u64) -> LiveIncident {
    let onset = now().checked_sub(SignedDuration::from_mins(30)).expect("in range");
    let alert = |name: &str, pod: &str, severity: &str| Alert {
        labels: [("alertname", name), ("namespace", "shop"), ("pod", pod), ("severity", severity)]
            .into_iter()
            .collect(),
        annotations: [("summary", format!("{name} on {pod}"))].into_iter().collect(),
        starts_at: onset,
        hold_s: Some(60),
        ..Alert::default()
    };
    let member = |alert: Alert, role, reason: Both| Member {
        origin: Origin::Alert,
        entity: format!("pod/shop/{}", alert.labels.value("pod")),
        alert,
        role,
        reason,
    };
    let both = |en: &str, zh: &str| Both { en: en.into(), zh: zh.into() };
    LiveIncident {
        id,
        version: 1,
        stage: if id.is_multiple_of(4) { Stage::Resolved } else { Stage::Open },
        severity: [Severity::Warning, Severity::Error, Severity::Critical][(id % 3) as usize],
        title: both(&format!("cart {id} is killed for memory"), &format!("cart {id} 因内存不足被杀")),
        onset,
        opened: onset,
        updated: onset,
        resolved: id.is_multiple_of(4).then(now),
        acked: None,
        members: vec![
            member(
                alert("KubePodCrashLooping", "cart-1", "critical"),
                Role::Core,
                both("worst and first", "最早且最严重"),
            ),
            member(
                alert("KubeDeploymentReplicasMismatch", "cart-2", "warning"),
                Role::Folded,
                both("follows from the core alert", "由核心告警引起"),
            ),
        ],
        causes: vec![Answer {
            code: "container.oom_killed".into(),
            entity: "container/shop/cart-1/app".into(),
            confidence: 0.92,
            title: both("container killed for memory", "容器因内存不足被杀"),
            why: both("exit code 137 at the limit of 256 MiB", "达到 256 MiB 上限后以 137 退出"),
            evidence: vec![both("lastState.terminated.reason = OOMKilled", "lastState.terminated.reason = OOMKilled")],
            next: vec![
                both("Raise the memory limit", "提高内存上限"),
                Both::same("kubectl -n shop set resources deployment/cart --limits=memory=512Mi"),
            ],
        }],
        affected: vec!["deployment/shop/cart".into(), "service/shop/cart".into()],
        edges: vec![
            ("deployment/shop/cart".into(), "owned_by".into(), "pod/shop/cart-1".into()),
            ("service/shop/cart".into(), "selects".into(), "pod/shop/cart-1".into()),
        ],
        gaps: vec![both("no logs of cart", "没有 cart 的日志")],
        timeline: vec![Moment { at: onset, what: both("opened", "已创建") }],
    }
}

/// Newest first by id, then the page after the cursor, which is the last id given.
fn paged<T: Clone>(mut all: Vec<T>, id: impl Fn(&T) -> u64, paging: &Paging) -> Result<Page<T>, Fault> {
    let after = match &paging.after {
        None => u64::MAX,
        Some(text) => text.parse().map_err(|_| Fault::Invalid(format!("no such cursor: {text}")))?,
    };
    all.sort_by_key(|t| std::cmp::Reverse(id(t)));
    let mut rest = all.into_iter().filter(|t| id(t) < after);
    let items: Vec<T> = rest.by_ref().take(paging.limit).collect();
    let next = rest.next().and_then(|_| items.last().map(|t| id(t).to_string()));
    Ok(Page { items, next })
}

fn done<'a, T: Send + 'a>(answer: Result<T, Fault>) -> Answered<'a, T> {
    Box::pin(ready(answer))
}

impl Backend for Fake {
    fn now(&self) -> Timestamp {
        now()
    }

    fn incidents(&self, query: IncidentQuery) -> Answered<'_, Page<LiveIncident>> {
        let found = self
            .kept()
            .incidents
            .iter()
            .filter(|i| query.stage.is_none_or(|s| i.stage == s))
            .filter(|i| query.severity.is_none_or(|s| i.severity >= s))
            .filter(|i| {
                query.namespace.as_ref().is_none_or(|n| {
                    i.members.iter().any(|m| m.alert.labels.value("namespace") == n)
                        || i.affected.iter().any(|a| a.split('/').nth(1) == Some(n))
                })
            })
            .filter(|i| query.text.as_ref().is_none_or(|t| i.title.en.contains(t.as_str())))
            .cloned()
            .collect();
        done(paged(found, |i: &LiveIncident| i.id, &query.paging))
    }

    fn incident(&self, id: u64) -> Answered<'_, LiveIncident> {
        let found = self.kept().incidents.iter().find(|i| i.id == id).cloned();
        done(found.ok_or_else(|| Fault::NotFound(format!("no incident {id}"))))
    }

    fn act(&self, id: u64, action: Action, by: String) -> Answered<'_, LiveIncident> {
        let mut kept = self.kept();
        let Some(incident) = kept.incidents.iter_mut().find(|i| i.id == id) else {
            return done(Err(Fault::NotFound(format!("no incident {id}"))));
        };
        let what = match action {
            Action::Ack => {
                incident.acked = Some(Ack { by: by.clone(), at: now() });
                format!("acknowledged by {by}")
            }
            Action::Unack => {
                incident.acked = None;
                format!("given back by {by}")
            }
            Action::Resolve if incident.stage == Stage::Resolved => {
                return done(Err(Fault::Conflict(format!("incident {id} is resolved already"))));
            }
            Action::Resolve => {
                incident.stage = Stage::Resolved;
                incident.resolved = Some(now());
                format!("resolved by {by}")
            }
            Action::Note(text) => format!("{by}: {text}"),
        };
        incident.timeline.push(Moment { at: now(), what: Both::same(what) });
        incident.version += 1;
        incident.updated = now();
        let (changed, version) = (incident.clone(), incident.version);
        drop(kept);
        self.tell(What::Incident { id, version });
        done(Ok(changed))
    }

    fn charts(&self, _id: u64) -> Answered<'_, Vec<Chart>> {
        done(Ok(self.kept().charts.clone()))
    }

    fn record(&self, id: u64) -> Answered<'_, Recording> {
        let parts = (0..4).map(|i| Ok(vec![i; 1000]));
        let bytes = futures::stream::iter(parts.collect::<Vec<_>>()).boxed();
        done(Ok(Recording { name: format!("incident-{id}.rootline"), bytes }))
    }

    fn alerts(&self) -> Answered<'_, Vec<AlertState>> {
        let mut alerts = self.kept().alerts.clone();
        let silences = self.kept().silences.clone();
        for alert in &mut alerts {
            let mutes = |s: &&Silence| {
                s.starts_at <= now() && s.ends_at > now() && crate::matches_all(&s.matchers, alert.labels())
            };
            alert.silenced_by = silences.iter().filter(mutes).map(|s| s.id.clone()).collect();
        }
        done(Ok(alerts))
    }

    fn pairs(&self) -> Answered<'_, Vec<crate::AlertPair>> {
        done(Ok(self.kept().pairs.clone()))
    }

    fn silences(&self) -> Answered<'_, Vec<Silence>> {
        done(Ok(self.kept().silences.clone()))
    }

    fn silence_set(&self, mut silence: Silence) -> Answered<'_, String> {
        let mut kept = self.kept();
        if silence.id.is_empty() {
            silence.id = format!("00000000-0000-4000-8000-{:012}", kept.silences.len() + 1);
        } else if !kept.silences.iter().any(|s| s.id == silence.id) {
            return done(Err(Fault::NotFound(format!("no silence {}", silence.id))));
        }
        kept.silences.retain(|s| s.id != silence.id);
        let id = silence.id.clone();
        kept.silences.push(silence);
        drop(kept);
        self.tell(What::Silences);
        done(Ok(id))
    }

    fn silence_expire(&self, id: String) -> Answered<'_, ()> {
        let mut kept = self.kept();
        let Some(silence) = kept.silences.iter_mut().find(|s| s.id == id) else {
            return done(Err(Fault::NotFound(format!("no silence {id}"))));
        };
        silence.ends_at = now();
        silence.updated_at = now();
        done(Ok(()))
    }

    fn events(&self, query: EventQuery) -> Answered<'_, Page<EventRow>> {
        let found = self
            .kept()
            .events
            .iter()
            .filter(|e| query.namespace.as_ref().is_none_or(|n| e.namespace == *n))
            .filter(|e| query.reason.as_ref().is_none_or(|r| e.reason == *r))
            .filter(|e| query.since.is_none_or(|t| e.at >= t) && query.until.is_none_or(|t| e.at < t))
            .cloned()
            .collect();
        done(paged(found, |e: &EventRow| e.id, &query.paging))
    }

    fn changes(&self, query: ChangeQuery) -> Answered<'_, Page<ChangeRow>> {
        let found = self.kept().changes.clone();
        done(paged(found, |c: &ChangeRow| c.id, &query.paging))
    }

    fn status(&self) -> Answered<'_, Status> {
        done(Ok(self.kept().status.clone()))
    }

    fn dead_letters(&self, paging: Paging) -> Answered<'_, Page<DeadLetter>> {
        let found = self.kept().dead.clone();
        done(paged(found, |d: &DeadLetter| d.id, &paging))
    }

    fn dead_letter_retry(&self, id: u64) -> Answered<'_, ()> {
        let mut kept = self.kept();
        let before = kept.dead.len();
        kept.dead.retain(|d| d.id != id);
        done(if kept.dead.len() < before { Ok(()) } else { Err(Fault::NotFound(format!("no dead letter {id}"))) })
    }

    fn gauges(&self) -> Gauges {
        self.kept().gauges.clone()
    }

    fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }
}

impl Intake for Fake {
    fn now(&self) -> Timestamp {
        now()
    }

    fn alerts(&self, alerts: Vec<Alert>) -> Accepted<'_> {
        self.accepted(|kept| {
            for alert in alerts {
                kept.alerts.retain(|a| a.alert.fingerprint() != alert.fingerprint());
                kept.alerts.push(AlertState {
                    alert: alert.clone(),
                    updated: now(),
                    incident: None,
                    role: None,
                    silenced_by: Vec::new(),
                    inhibited_by: Vec::new(),
                    receivers: vec!["oncall".into()],
                });
                kept.pushed_alerts.push(alert);
            }
        })
    }

    fn samples(&self, batches: Vec<SeriesBatch>) -> Accepted<'_> {
        self.accepted(|kept| kept.samples.extend(batches))
    }

    fn logs(&self, records: Vec<LogRecord>) -> Accepted<'_> {
        self.accepted(|kept| kept.logs.extend(records))
    }

    fn calls(&self, calls: Vec<CallStats>) -> Accepted<'_> {
        self.accepted(|kept| kept.calls.extend(calls))
    }

    fn events(&self, events: Vec<PushedEvent>) -> Accepted<'_> {
        self.accepted(|kept| kept.pushed_events.extend(events))
    }
}

/// Awaits a condition, at most ten seconds.
pub async fn until(mut holds: impl FnMut() -> bool) -> bool {
    let patience: BoxFuture<'_, ()> = Box::pin(tokio::time::sleep(std::time::Duration::from_secs(10)));
    let mut patience = patience;
    loop {
        if holds() {
            return true;
        }
        let step = tokio::time::sleep(std::time::Duration::from_millis(5));
        tokio::select! {
            () = &mut patience => return false,
            () = step => {}
        }
    }
}
