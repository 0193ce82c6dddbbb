//! Incidents out to a topic: every version that the core commits goes into the outbox with it, and out of it under the
//! incident's number. Of versions that wait while no broker takes them, the newest of each incident is left, as in the
//! outbox of any channel.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_bus::{Bus, BusError, Record};
use rootline_model::LiveIncident;
use rootline_store::{Message, Outcome, Store, StoreError};

use crate::pipes::{INCIDENTS, Works};

const KIND: &str = "kafka";
/// Incidents of one batch.
const BATCH: usize = 100;
/// Longer than the bus takes to give a batch up.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Publishes until the daemon stops.
pub async fn run(bus: Arc<dyn Bus>, topic: String, works: Works) {
    works.meters.waiting(INCIDENTS, 0);
    let mut failures = 0;
    loop {
        let stop = match round(&*bus, &topic, &works).await {
            Ok(sent) => {
                failures = 0;
                if sent == 0 { works.pause(LOOK_EVERY).await } else { *works.stopped.borrow() }
            }
            Err(why) => {
                failures += 1;
                works.failed((INCIDENTS, KIND), &why, failures, None).await
            }
        };
        if stop {
            return;
        }
    }
}

/// One batch; how many went.
async fn round(bus: &dyn Bus, topic: &str, works: &Works) -> Result<usize, String> {
    let now = (works.clock)();
    let claimed = works.ask(move |store| store.claim(INCIDENTS, now, LEASE, BATCH)).await?;
    if claimed.is_empty() {
        // nothing waits, so nothing is wrong
        works.states.good(INCIDENTS, KIND, now);
        return Ok(0);
    }
    let records: Vec<Record> = claimed.iter().map(|m| record(topic, m)).collect();
    let answers = bus.publish(&records).await;
    let many = claimed.len();
    let failed = answers.iter().find_map(|a| a.as_ref().err().filter(|e| !matches!(e, BusError::Refused(_)))).cloned();
    let sent = answers.iter().filter(|a| a.is_ok()).count();
    let refused = answers.iter().filter(|a| matches!(a, Err(BusError::Refused(_)))).count();
    works.ask(move |store| settle(store, &claimed, &answers, now)).await?;
    works.meters.passed(INCIDENTS, sent);
    works.meters.dropped(INCIDENTS, "refused", refused as u64);
    works.meters.waiting(INCIDENTS, (many - sent - refused) as u64);
    match failed {
        Some(error) => Err(error.to_string()),
        None => {
            works.states.good(INCIDENTS, KIND, (works.clock)());
            Ok(many)
        }
    }
}

/// As the API shows an incident.
fn record(topic: &str, message: &Message) -> Record {
    let incident: Result<LiveIncident, _> = serde_json::from_value(message.body.clone());
    let payload = match incident {
        Ok(incident) => rootline_api::incident_json(incident).to_string(),
        // written by another version of this program; better as it is than not at all
        Err(_) => message.body.to_string(),
    };
    let key = message.incident.map(|id| id.to_string()).unwrap_or_default();
    Record { topic: topic.to_owned(), key, payload: payload.into_bytes() }
}

fn settle(
    store: &Store,
    claimed: &[Message],
    answers: &[Result<(), BusError>],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (mut sent, mut later) = (Vec::new(), Vec::new());
    let mut why = String::new();
    for (message, answer) in claimed.iter().zip(answers) {
        match answer {
            Ok(()) => sent.push(message.key.clone()),
            Err(BusError::Refused(error)) => {
                store.settle(std::slice::from_ref(&message.key), &Outcome::Dead { error: error.clone() }, now)?;
            }
            Err(error) => {
                later.push(message.key.clone());
                why = error.to_string();
            }
        }
    }
    store.settle(&sent, &Outcome::Sent { receipt: None }, now)?;
    store.settle(&later, &Outcome::Later { due: now, tried: true, error: why }, now)?;
    Ok(())
}
