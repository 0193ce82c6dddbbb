//! The worker of one channel: takes messages out of the outbox, sends them, says what became of them.
//!
//! - **Nothing is lost.** A message leaves the outbox only as sent, superseded by a newer one, or as a visible dead letter.
//! - **At least once, under one key.** Before the first try the outbox learns under which key a message goes
//!   ([`Outbox::bind`]); every later try has the same key and the same content.
//! - **One message per incident.** Of several versions that wait only the newest goes out.
//! - **A full channel** gets the worst incidents alone and everything else in one digest.
//! - **A channel that is down** is asked again after 2 s, 4 s, … 10 min, or when it says so itself, and by one message at
//!   a time. Messages that were tried less go first, so that one that never passes does not stop the others.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_model::Lang;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};

use crate::outbox::{Due, Outbox, OutboxError, Outcome};
use crate::rate::{Backoff, Bucket, later};
use crate::webhook::hex;
use crate::{Delivery, Receipt, SendError, Sink};

/// Messages sent between two looks at the outbox. Claims last as long as these may take, so few: a claim that cannot be
/// given back because the store fails delays a message by that much.
const ROUND: usize = 8;

/// Knobs of a courier.
#[derive(Clone, Debug)]
pub struct CourierOptions {
    pub lang: Lang,
    /// Where people look: an address with `{id}`.
    pub link: Option<String>,
    /// Tries before a message becomes a dead letter; with the waits below about an hour.
    pub attempts: u32,
    pub backoff: Backoff,
    /// How long one try may take.
    pub timeout: Duration,
    /// Messages looked at in one round.
    pub most: usize,
    /// How often the outbox is looked at when nobody says that there is something.
    pub poll: SignedDuration,
}

impl Default for CourierOptions {
    fn default() -> Self {
        CourierOptions {
            lang: Lang::En,
            link: None,
            // a chat that is back is told within a minute
            attempts: 64,
            backoff: Backoff { first: SignedDuration::from_secs(2), longest: SignedDuration::from_secs(60), seed: 0 },
            timeout: Duration::from_secs(30),
            most: 200,
            poll: SignedDuration::from_secs(10),
        }
    }
}

/// What a courier has done since it began, for `/metrics` and people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourierStats {
    /// Messages the channel took.
    pub sent: u64,
    /// Incidents told in them.
    pub incidents: u64,
    /// Messages that were several incidents.
    pub digests: u64,
    pub superseded: u64,
    /// Tries that failed and are repeated.
    pub retried: u64,
    pub dead: u64,
    /// Rounds that ended because the channel was full.
    pub full: u64,
    pub outbox_errors: u64,
    /// The last failure in words, until something passes again.
    pub trouble: Option<String>,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    incidents: AtomicU64,
    digests: AtomicU64,
    superseded: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
    full: AtomicU64,
    outbox_errors: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Counters {
    fn trouble(&self, words: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// A view on a courier that works elsewhere.
#[derive(Clone, Debug)]
pub struct CourierHandle(Arc<Counters>);

impl CourierHandle {
    pub fn stats(&self) -> CourierStats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CourierStats {
            sent: of(&self.0.sent),
            incidents: of(&self.0.incidents),
            digests: of(&self.0.digests),
            superseded: of(&self.0.superseded),
            retried: of(&self.0.retried),
            dead: of(&self.0.dead),
            full: of(&self.0.full),
            outbox_errors: of(&self.0.outbox_errors),
            trouble: self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// The worker of one channel.
pub struct Courier {
    outbox: Arc<dyn Outbox>,
    sink: Arc<dyn Sink>,
    options: CourierOptions,
    bucket: Bucket,
    /// Failures in a row, and until when the channel is left alone.
    failures: u32,
    quiet_until: Option<Timestamp>,
    counters: Arc<Counters>,
}

/// Messages that go out as one.
#[derive(Debug)]
struct Parcel {
    key: String,
    dues: Vec<Due>,
    is_bound: bool,
}

impl Parcel {
    fn keys(&self) -> Vec<String> {
        self.dues.iter().map(|due| due.key.clone()).collect()
    }

    fn attempts(&self) -> u32 {
        self.dues.iter().map(|due| due.attempts).max().unwrap_or(0)
    }
}

/// What a round means to do with what it claimed.
#[derive(Debug, Default)]
struct Plan {
    parcels: Vec<Parcel>,
    superseded: Vec<String>,
    /// For which there is no token now.
    waiting: Vec<String>,
}

impl Courier {
    pub fn new(outbox: Arc<dyn Outbox>, sink: Arc<dyn Sink>, options: CourierOptions) -> Courier {
        let bucket = Bucket::new(sink.limits());
        Courier { outbox, sink, options, bucket, failures: 0, quiet_until: None, counters: Arc::default() }
    }

    pub fn handle(&self) -> CourierHandle {
        CourierHandle(self.counters.clone())
    }

    /// Works until `stop` becomes true or its sender is gone; what is being sent then is finished. `wake`: there is
    /// something new. `now`: the clock.
    pub async fn run(mut self, now: impl Fn() -> Timestamp, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let next = self.round(now()).await;
            let wait = Duration::try_from(next.duration_since(now())).unwrap_or(Duration::ZERO);
            tokio::select! {
                () = tokio::time::sleep(wait.max(Duration::from_millis(10))) => {}
                () = wake.notified() => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Does everything that can be done at this moment and says when to look again.
    pub async fn round(&mut self, now: Timestamp) -> Timestamp {
        match self.quiet_until {
            Some(until) if until > now => return until,
            _ => self.quiet_until = None,
        }
        let tokens = self.bucket.available(now);
        if tokens == 0 {
            return self.bucket.next(now);
        }
        match self.work(now, tokens).await {
            Ok(next) => next,
            Err(e) => {
                self.counters.outbox_errors.fetch_add(1, Ordering::Relaxed);
                self.counters.trouble(Some(e.to_string()));
                tracing::error!(channel = self.sink.name(), "{e}");
                later(now, self.options.poll)
            }
        }
    }

    async fn work(&mut self, now: Timestamp, tokens: usize) -> Result<Timestamp, OutboxError> {
        // longer than all tries of a round can take
        let lease = self.options.timeout * u32::try_from(ROUND + 2).unwrap_or(u32::MAX);
        let until = later(now, SignedDuration::try_from(lease).unwrap_or(SignedDuration::MAX));
        let claimed = self.outbox.claim(self.sink.name(), now, until, self.options.most).await?;
        if claimed.is_empty() {
            return Ok(later(now, self.options.poll));
        }
        let plan = plan(claimed, tokens, self.sink.name());
        if !plan.superseded.is_empty() {
            self.outbox.settle(&plan.superseded, &Outcome::Superseded { at: now }).await?;
            self.counters.superseded.fetch_add(plan.superseded.len() as u64, Ordering::Relaxed);
        }
        let mut waiting = plan.waiting;
        if !waiting.is_empty() {
            self.counters.full.fetch_add(1, Ordering::Relaxed);
        }
        let mut result = Ok(());
        let mut parcels = plan.parcels.into_iter();
        for parcel in parcels.by_ref().take(ROUND) {
            result = self.deliver(&parcel, now).await;
            if result.is_err() || self.quiet_until.is_some() {
                break;
            }
        }
        waiting.extend(parcels.flat_map(|parcel| parcel.keys()));
        let next = self.quiet_until.unwrap_or_else(|| match self.bucket.available(now) {
            0 => self.bucket.next(now),
            // there may be more than was claimed
            _ => now,
        });
        if !waiting.is_empty() {
            let back = Outcome::Later { at: next, tried: false, why: String::new() };
            let given_back = self.outbox.settle(&waiting, &back).await;
            result = result.and(given_back);
        }
        result.map(|()| next)
    }

    async fn deliver(&mut self, parcel: &Parcel, now: Timestamp) -> Result<(), OutboxError> {
        let keys = parcel.keys();
        if !parcel.is_bound {
            self.outbox.bind(&keys, &parcel.key).await?;
        }
        self.bucket.take();
        let delivery = Delivery {
            key: parcel.key.clone(),
            incidents: parcel.dues.iter().map(|due| due.incident.clone()).collect(),
            lang: self.options.lang,
            link: self.options.link.clone(),
            reference: parcel.dues.first().filter(|_| parcel.dues.len() == 1).and_then(|due| due.reference.clone()),
            now,
        };
        let sent = tokio::time::timeout(self.options.timeout, self.sink.send(&delivery)).await;
        let sent = sent.unwrap_or_else(|_| Err(SendError::retry("the channel did not answer in time")));
        let outcome = self.judge(sent, parcel, now);
        self.outbox.settle(&keys, &outcome).await
    }

    /// What an answer means for the message and for the channel.
    fn judge(&mut self, sent: Result<Receipt, SendError>, parcel: &Parcel, now: Timestamp) -> Outcome {
        let count = |counter: &AtomicU64, by: usize| counter.fetch_add(by as u64, Ordering::Relaxed);
        let why = match sent {
            Ok(receipt) => {
                self.failures = 0;
                self.quiet_until = None;
                self.counters.trouble(None);
                count(&self.counters.sent, 1);
                count(&self.counters.incidents, parcel.dues.len());
                count(&self.counters.digests, usize::from(parcel.dues.len() > 1));
                return Outcome::Sent { at: now, reference: receipt.reference };
            }
            Err(e) => e,
        };
        tracing::warn!(channel = self.sink.name(), key = parcel.key, attempt = parcel.attempts() + 1, "{why}");
        self.counters.trouble(Some(why.to_string()));
        let tried = parcel.attempts().saturating_add(1);
        let (after, is_over) = match &why {
            // this message alone is at fault: the channel works
            SendError::Rejected { .. } => (None, true),
            SendError::Dead { .. } => (Some(self.pause(None, now)), true),
            SendError::Retry { after, .. } => (Some(self.pause(*after, now)), tried >= self.options.attempts),
        };
        if is_over {
            count(&self.counters.dead, parcel.dues.len());
            return Outcome::Dead { at: now, why: why.to_string() };
        }
        count(&self.counters.retried, 1);
        let own = later(now, self.options.backoff.wait(tried, &parcel.key));
        Outcome::Later { at: own.max(after.unwrap_or(own)), tried: true, why: why.to_string() }
    }

    fn pause(&mut self, after: Option<Duration>, now: Timestamp) -> Timestamp {
        self.failures = self.failures.saturating_add(1);
        let own = self.options.backoff.wait(self.failures, self.sink.name());
        let asked = after.and_then(|after| SignedDuration::try_from(after).ok()).unwrap_or(SignedDuration::ZERO);
        let until = later(now, own.max(asked));
        self.quiet_until = Some(until);
        until
    }
}

/// Shares tokens out: first what was sent before under its key, then the worst alone, the rest in one digest.
fn plan(claimed: Vec<Due>, tokens: usize, channel: &str) -> Plan {
    let mut plan = Plan::default();
    let mut newest: BTreeMap<u64, u32> = BTreeMap::new();
    for due in &claimed {
        let version = newest.entry(due.incident.id).or_insert(0);
        *version = (*version).max(due.incident.version).max(due.told.unwrap_or(0));
    }
    let mut bound: BTreeMap<String, Vec<Due>> = BTreeMap::new();
    let mut free = Vec::new();
    for due in claimed {
        let is_old = due.incident.version < newest.get(&due.incident.id).copied().unwrap_or(0);
        match &due.sent_as {
            Some(key) if *key != due.key => bound.entry(key.clone()).or_default().push(due),
            _ if is_old => plan.superseded.push(due.key),
            Some(key) => bound.entry(key.clone()).or_default().push(due),
            None => free.push(due),
        }
    }
    let mut parcels = Vec::new();
    for (key, mut dues) in bound {
        dues.sort_by_key(order);
        // with a part missing the same key would mean something else
        let is_alone = dues.len() == 1 && dues[0].key == key;
        if !is_alone && key != digest_key(&dues, channel) {
            plan.waiting.extend(dues.into_iter().map(|due| due.key));
        } else {
            parcels.push(Parcel { key, dues, is_bound: true });
        }
    }
    parcels.sort_by_key(|parcel| parcel.attempts());
    let room = tokens.saturating_sub(parcels.len());
    plan.waiting.extend(parcels.split_off(tokens.min(parcels.len())).iter().flat_map(Parcel::keys));
    free.sort_by_key(order);
    let alone = if free.len() <= room { free.len() } else { room.saturating_sub(1) };
    let rest = free.split_off(alone);
    let single = |due: Due| Parcel { key: due.key.clone(), dues: vec![due], is_bound: false };
    // what was never tried goes before what failed
    let mut all: Vec<Parcel> = free.into_iter().map(single).collect();
    match rest.len() {
        0 => {}
        _ if room == 0 => plan.waiting.extend(rest.into_iter().map(|due| due.key)),
        1 => all.extend(rest.into_iter().map(single)),
        _ => all.push(Parcel { key: digest_key(&rest, channel), dues: rest, is_bound: false }),
    }
    all.extend(parcels);
    plan.parcels = all;
    plan
}

/// The worst first, then by number.
fn order(due: &Due) -> (std::cmp::Reverse<rootline_model::Severity>, u64, u32) {
    (std::cmp::Reverse(due.incident.severity), due.incident.id, due.incident.version)
}

/// The same messages have the same key.
fn digest_key(dues: &[Due], channel: &str) -> String {
    let mut keys: Vec<&str> = dues.iter().map(|due| due.key.as_str()).collect();
    keys.sort_unstable();
    let mut hash = Sha256::new();
    for key in &keys {
        hash.update(key.as_bytes());
        hash.update([0]);
    }
    format!("digest.{}.{}/{channel}", keys.len(), hex(&hash.finalize()[..8]))
}

#[cfg(test)]
mod tests;
