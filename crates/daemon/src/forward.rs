//! Kubernetes events out: read from the store in the order in which they became known or grew, sent in batches, and a kept
//! cursor moves on when the other side has them. At least once; every event carries an identity that makes twice the same as once.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rootline_bus::{Bus, BusError, Record};
use rootline_model::{EntityRef, EventRecord, Kind};
use rootline_sinks::{Bulk, ClickHouse, Document, SendError, Taken};
use rootline_sources::watch::event_router_after;
use rootline_store::{Growth, KeptEvent};
use serde_json::{Value, json};

use crate::pipes::Works;

/// Events of one batch. With notes of 1 KiB, the API server's limit, about 1 MiB.
const BATCH: usize = 500;
/// How often it is looked whether there is something new.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where events go.
pub trait EventSink: Send + Sync {
    /// Unique: name of the cursor, of the source's state and in metrics.
    fn name(&self) -> &str;

    fn kind(&self) -> &'static str;

    fn send<'a>(&'a self, events: &'a [Growth]) -> BoxFuture<'a, Result<Taken, SendError>>;
}

/// Forwards until the daemon stops.
pub async fn run(sink: Arc<dyn EventSink>, works: Works) {
    let (name, kind) = (sink.name().to_owned(), sink.kind());
    let mut failures = 0;
    loop {
        let stop = match forward(&*sink, &works).await {
            Ok(Step::Stopped) => true,
            Ok(Step::Sent) => {
                failures = 0;
                *works.stopped.borrow()
            }
            Ok(Step::Idle) => {
                failures = 0;
                // nothing waits, so nothing is wrong
                works.states.good(&name, kind, (works.clock)());
                works.pause(LOOK_EVERY).await
            }
            Err(error) => {
                failures += 1;
                works.failed((&name, kind), &error, failures, None).await
            }
        };
        if stop {
            return;
        }
    }
}

enum Step {
    Sent,
    Idle,
    Stopped,
}

/// One batch.
async fn forward(sink: &dyn EventSink, works: &Works) -> Result<Step, String> {
    let name = sink.name();
    let reader = name.to_owned();
    let (batch, waiting, oldest) = works
        .ask(move |store| {
            let cursor = store.cursor(&reader)?;
            let (waiting, oldest) = store.events_waiting(cursor)?;
            Ok((store.events_after(cursor, BATCH)?, waiting, oldest))
        })
        .await?;
    works.meters.waiting(name, waiting);
    let behind_s = oldest.map(|at| (works.clock)().duration_since(at).as_secs_f64().max(0.0));
    works.states.lag(name, sink.kind(), behind_s);
    let Some(last) = batch.last().map(|g| g.seq) else { return Ok(Step::Idle) };
    if !deliver(sink, batch, works).await {
        return Ok(Step::Stopped);
    }
    let reader = name.to_owned();
    works.ask(move |store| store.put_cursor(&reader, last)).await?;
    Ok(Step::Sent)
}

/// Sends until of each event it is known that it is there or never will be. False: the daemon stops first.
async fn deliver(sink: &dyn EventSink, batch: Vec<Growth>, works: &Works) -> bool {
    let (name, kind) = (sink.name(), sink.kind());
    // parts that were too much at once are tried in halves
    let mut parts = vec![batch];
    let mut failures = 0;
    while let Some(mut part) = parts.pop() {
        let (why, asked) = match sink.send(&part).await {
            Ok(taken) => {
                works.meters.passed(name, part.len() - taken.again.len() - taken.dropped);
                works.meters.dropped(name, "refused", taken.dropped as u64);
                if taken.dropped > 0 {
                    tracing::warn!(pipe = name, items = taken.dropped, error = taken.why, "events are not taken");
                }
                if taken.again.is_empty() {
                    works.states.good(name, kind, (works.clock)());
                    failures = 0;
                    continue;
                }
                let why = format!("{} of {} events are to be sent again", taken.again.len(), part.len());
                part = taken.again.iter().filter_map(|i| part.get(*i).cloned()).collect();
                (why, None)
            }
            Err(SendError::Rejected { why }) if part.len() <= 1 => {
                works.meters.dropped(name, "refused", part.len() as u64);
                tracing::warn!(pipe = name, error = why, "an event is not taken");
                continue;
            }
            Err(SendError::Rejected { .. }) => {
                let rest = part.split_off(part.len() / 2);
                parts.extend([rest, part]);
                continue;
            }
            Err(SendError::Retry { after, why }) => (why, after),
            // a person must mend it; nothing is lost until retention takes it
            Err(SendError::Dead { why }) => (why, None),
        };
        failures += 1;
        parts.push(part);
        if works.failed((name, kind), &why, failures, asked).await {
            return false;
        }
    }
    true
}

/// The event in the shape of EventRouter.
pub fn routed(growth: &Growth) -> Value {
    event_router_after(&record(&growth.event), growth.was, growth.was_last)
}

fn record(event: &KeptEvent) -> EventRecord {
    let entity = Kind::parse(&event.kind).map(|kind| match (kind, event.container.as_str()) {
        (Kind::Pod | Kind::Container, container) if !container.is_empty() => {
            EntityRef::container(&event.namespace, &event.name, container)
        }
        _ => EntityRef::new(kind, &event.namespace, &event.name),
    });
    let about = if event.about.is_empty() {
        let place = if event.namespace.is_empty() { "" } else { "/" };
        format!("{} {}{place}{}", event.kind, event.namespace, event.name)
    } else {
        event.about.clone()
    };
    EventRecord {
        uid: event.uid.clone(),
        namespace: event.namespace.clone(),
        name: event.event.clone(),
        entity,
        about,
        about_uid: event.object.clone(),
        warning: event.r#type == "Warning",
        reason: event.reason.clone(),
        message: event.note.clone(),
        component: event.source.clone(),
        host: event.host.clone(),
        first_at: event.first,
        last_at: event.last,
        count: event.count,
        fresh: event.count,
    }
}

/// Elasticsearch or OpenSearch.
pub struct Search {
    name: String,
    bulk: Bulk,
}

impl Search {
    pub fn new(name: &str, bulk: Bulk) -> Search {
        Search { name: name.to_owned(), bulk }
    }
}

impl EventSink for Search {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "elasticsearch"
    }

    fn send<'a>(&'a self, events: &'a [Growth]) -> BoxFuture<'a, Result<Taken, SendError>> {
        Box::pin(async move {
            let documents: Vec<Document> = events.iter().map(document).collect();
            self.bulk.send(&documents).await
        })
    }
}

/// One document for each state of an event, so that a repetition is seen; `@timestamp` is what Kibana and data streams want.
fn document(growth: &Growth) -> Document {
    let mut body = routed(growth);
    let at = growth.event.last;
    body["@timestamp"] = json!(at.to_string());
    Document { id: format!("{}-{}", growth.event.uid, growth.event.count), at, body }
}

/// A topic.
pub struct Topic {
    pub bus: Arc<dyn Bus>,
    pub topic: String,
}

impl EventSink for Topic {
    fn name(&self) -> &str {
        "kafka-out:events"
    }

    fn kind(&self) -> &'static str {
        "kafka"
    }

    fn send<'a>(&'a self, events: &'a [Growth]) -> BoxFuture<'a, Result<Taken, SendError>> {
        Box::pin(async move {
            let record = |growth: &Growth| Record {
                topic: self.topic.clone(),
                key: growth.event.uid.clone(),
                payload: routed(growth).to_string().into_bytes(),
            };
            let records: Vec<Record> = events.iter().map(record).collect();
            published(&self.bus.publish(&records).await)
        })
    }
}

/// What a bus said of each record.
fn published(answers: &[Result<(), BusError>]) -> Result<Taken, SendError> {
    let mut taken = Taken::default();
    let mut later = String::new();
    for (place, answer) in answers.iter().enumerate() {
        match answer {
            Ok(()) => {}
            Err(BusError::Refused(why)) => {
                taken.dropped += 1;
                taken.why.clone_from(why);
            }
            Err(error) => {
                taken.again.push(place);
                later = error.to_string();
            }
        }
    }
    // none was taken: that is the bus and not the records
    if taken.again.len() == answers.len() && !answers.is_empty() { Err(SendError::retry(later)) } else { Ok(taken) }
}

/// The table `events`.
pub struct Rows {
    pub house: ClickHouse,
    pub cluster: String,
}

impl EventSink for Rows {
    fn name(&self) -> &str {
        "clickhouse:events"
    }

    fn kind(&self) -> &'static str {
        "clickhouse"
    }

    fn send<'a>(&'a self, events: &'a [Growth]) -> BoxFuture<'a, Result<Taken, SendError>> {
        Box::pin(async move {
            let mut rows = String::new();
            for Growth { event: e, .. } in events {
                let row = json!({
                    "ts": e.last.to_string(), "cluster": self.cluster, "ns": e.namespace, "kind": e.kind, "name": e.name,
                    "uid": e.uid, "reason": e.reason, "type": e.r#type, "source": e.source, "host": e.host,
                    "count": e.count, "first": e.first.to_string(), "message": e.note,
                });
                rows.push_str(&row.to_string());
                rows.push('\n');
            }
            match self.house.insert("events", rows.into_bytes()).await {
                Ok(()) => Ok(Taken::default()),
                Err(SendError::Dead { why }) => {
                    // the tables may not be there yet
                    self.house.create().await?;
                    Err(SendError::retry(why))
                }
                Err(error) => Err(error),
            }
        })
    }
}
