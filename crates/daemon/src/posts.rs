//! The couriers of the channels, and how they change while the daemon runs: one worker for each channel, one for the
//! copies at Alertmanager.
//!
//! A change loses nothing and doubles nothing: the old courier finishes what it is sending, then the new one takes up what
//! waits. What waits for a channel that is gone becomes a dead letter that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rootline_config::Config;
use rootline_model::{Alert, Lang};
use rootline_sinks::{
    Alertmanager, Client, ClientOptions, CopiesOptions, Courier, CourierHandle, CourierOptions, Endpoint, Sink,
};
use rootline_store::{Store, StoreError};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::channels::{self, Ready};
use crate::outbox::StoreOutbox;
use crate::route::{BACKFILL, Route, Routes};
use crate::words::Cards;
use crate::{DaemonError, clock};

/// Batches of alerts that wait for their held copies; what is above has none, so that Alertmanager pages by itself.
const HELD_WAITING: usize = 64;

/// Raw alerts on their way to Alertmanager's held copies.
#[derive(Debug, Default)]
pub struct Held(Mutex<Option<mpsc::Sender<Vec<Alert>>>>);

impl Held {
    pub fn is_on(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Says that these were taken in.
    pub fn take(&self, alerts: &[Alert]) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = sender.as_ref()
            && !alerts.is_empty()
        {
            // a full queue: loud is the safe side
            let _ = sender.try_send(alerts.to_vec());
        }
    }

    fn set(&self, sender: Option<mpsc::Sender<Vec<Alert>>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }
}

/// Who sends on which channel, to be asked how it goes.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<BTreeMap<String, CourierHandle>>);

impl Attempts {
    /// Attempts on a channel that failed, since its courier began.
    pub fn failed(&self, channel: &str) -> u64 {
        let handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        handles.get(channel).map(|h| h.stats()).map_or(0, |s| s.retried + s.dead)
    }

    fn set(&self, channel: &str, handle: CourierHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.to_owned(), handle);
    }
}

/// A courier at work.
struct Post {
    name: String,
    /// What it was made from; another one means another courier.
    print: String,
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Post {
    async fn end(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
    }
}

enum Work {
    Channel(Ready),
    Copies(Endpoint),
}

/// A courier that is to be.
struct Wanted {
    name: String,
    print: String,
    wake: Arc<Notify>,
    /// `None`: the one that works stays.
    work: Option<Work>,
}

/// What the configuration asks for, all of it found good.
pub struct Plan {
    pub routes: Routes,
    link: Option<String>,
    client: Client,
    wanted: Vec<Wanted>,
}

/// See the module.
pub struct Posts {
    store: Arc<Store>,
    outbox: Arc<StoreOutbox>,
    env: fn(&str) -> Option<String>,
    held: Arc<Held>,
    attempts: Arc<Attempts>,
    /// Channels that get every version of every incident; others send on them, and they stay as they are.
    pub streams: Vec<String>,
    running: Vec<Post>,
}

impl Posts {
    pub fn new(
        store: Arc<Store>,
        env: fn(&str) -> Option<String>,
        (held, attempts): (Arc<Held>, Arc<Attempts>),
    ) -> Posts {
        let outbox = Arc::new(StoreOutbox(store.clone()));
        Posts { store, outbox, env, held, attempts, streams: Vec::new(), running: Vec::new() }
    }

    /// Makes everything ready and changes nothing yet. `values` is the file as it is written: what of a channel differs
    /// there makes it another one.
    ///
    /// # Errors
    /// A channel that cannot be.
    pub fn plan(&self, config: &Config, values: &Value) -> Result<Plan, DaemonError> {
        let broken = |name: &str| {
            let name = name.to_owned();
            move |e: rootline_sinks::EndpointError| DaemonError::Channel { name, why: e.to_string() }
        };
        let client = Client::new(&ClientOptions::default()).map_err(broken("http"))?;
        let base = config.daemon.external_url.trim_end_matches('/');
        let link = (!base.is_empty()).then(|| format!("{base}/#/{{id}}"));
        let mut plan = Plan { routes: Routes::default(), link, client, wanted: Vec::new() };
        for (place, channel) in config.notify.iter().enumerate() {
            let words = Arc::new(Cards { receiver: channel.name.clone() });
            // everything is made, so that a mistake shows before anything changes
            let ready = channels::ready(channel, &plan.client, words, &self.env)?;
            plan.routes.channels.push(ready.route.clone());
            let written = values.pointer(&format!("/notify/{place}")).map(Value::to_string);
            self.want(&mut plan, &channel.name, &written.unwrap_or_default(), Work::Channel(ready));
        }
        if let Some(url) = config.alertmanager.url.as_ref().filter(|_| config.alertmanager.enabled) {
            let endpoint = Endpoint::parse(&url.value).map_err(broken(BACKFILL))?;
            plan.routes.backfill = true;
            self.want(&mut plan, BACKFILL, &url.value, Work::Copies(endpoint));
        }
        plan.routes.streams.clone_from(&self.streams);
        plan.routes.couriers = plan.wanted.iter().map(|w| w.wake.clone()).collect();
        Ok(plan)
    }

    fn want(&self, plan: &mut Plan, name: &str, written: &str, work: Work) {
        let print = format!("{written} {:?}", plan.link);
        let same = self.running.iter().find(|p| p.name == name && p.print == print);
        let wake = same.map_or_else(|| Arc::new(Notify::new()), |p| p.wake.clone());
        let work = if same.is_some() { None } else { Some(work) };
        plan.wanted.push(Wanted { name: name.to_owned(), print, wake, work });
    }

    /// Ends couriers that are not wanted any more, starts the new ones. Nobody may queue messages for a channel that goes
    /// when this is called. What the store cannot do is said in the log and hinders no courier.
    pub async fn carry_out(&mut self, plan: Plan) {
        let stay: BTreeSet<&str> = plan.wanted.iter().filter(|w| w.work.is_none()).map(|w| w.name.as_str()).collect();
        let (stays, goes): (Vec<Post>, Vec<Post>) =
            self.running.drain(..).partition(|p| stay.contains(p.name.as_str()));
        if goes.iter().any(|p| p.name == BACKFILL) {
            self.held.set(None);
        }
        futures::future::join_all(goes.into_iter().map(Post::end)).await;
        self.running = stays;
        if let Err(error) = self.give_up(&plan) {
            tracing::error!(%error, "what waits for channels that are gone could not be given up");
        }
        for Wanted { name, print, wake, work } in plan.wanted {
            let Some(work) = work else { continue };
            let (stop, stopped) = watch::channel(false);
            let tasks = match work {
                Work::Channel(ready) => vec![self.courier(ready.sink, ready.lang, &plan.link, (&wake, stopped))],
                Work::Copies(endpoint) => self.copies(endpoint, plan.client.clone(), &plan.link, (&wake, stopped)),
            };
            self.running.push(Post { name, print, wake, stop, tasks });
        }
    }

    /// What waits for nobody.
    fn give_up(&self, plan: &Plan) -> Result<(), StoreError> {
        for counts in self.store.outbox_counts()? {
            let is_served = plan.wanted.iter().map(|w| &w.name).chain(&self.streams).any(|c| *c == counts.channel);
            if counts.pending > 0 && !is_served {
                let reason = format!("channel `{}` is not in the configuration any more", counts.channel);
                let n = self.store.abandon(&counts.channel, &reason, clock())?;
                tracing::warn!(channel = counts.channel, messages = n, "not sent: {reason}");
            }
        }
        Ok(())
    }

    fn courier(
        &self,
        sink: Arc<dyn Sink>,
        lang: Lang,
        link: &Option<String>,
        (wake, stopped): (&Arc<Notify>, watch::Receiver<bool>),
    ) -> JoinHandle<()> {
        let options = CourierOptions { lang, link: link.clone(), ..CourierOptions::default() };
        let name = sink.name().to_owned();
        let courier = Courier::new(self.outbox.clone(), sink, options);
        self.attempts.set(&name, courier.handle());
        tokio::spawn(courier.run(clock, wake.clone(), stopped))
    }

    fn copies(
        &self,
        endpoint: Endpoint,
        client: Client,
        link: &Option<String>,
        (wake, stopped): (&Arc<Notify>, watch::Receiver<bool>),
    ) -> Vec<JoinHandle<()>> {
        let sink = Arc::new(Alertmanager::new(BACKFILL, vec![endpoint], CopiesOptions::default(), client));
        let open = self.store.open_incidents().unwrap_or_else(|error| {
            tracing::error!(%error, "copies of open incidents come with their next change");
            Vec::new()
        });
        sink.resume(&open, link.as_deref(), clock());
        let (held, mut taken) = mpsc::channel::<Vec<Alert>>(HELD_WAITING);
        self.held.set(Some(held));
        let courier = self.courier(sink.clone(), Lang::En, link, (wake, stopped.clone()));
        let mut until = stopped;
        let pace = tokio::spawn(async move {
            let mut pace = tokio::time::interval(rootline_sinks::TICK);
            let say = |result: Result<(), rootline_sinks::SendError>| {
                if let Err(error) = result {
                    tracing::warn!(%error, "alertmanager does not take its copies");
                }
            };
            loop {
                tokio::select! {
                    _ = pace.tick() => say(sink.tick(clock()).await),
                    Some(alerts) = taken.recv() => say(sink.hold(&alerts, clock()).await),
                    _ = until.changed() => return,
                }
            }
        });
        vec![courier, pace]
    }

    /// Finishes what is being sent.
    pub async fn stop(&mut self) {
        self.held.set(None);
        futures::future::join_all(self.running.drain(..).map(Post::end)).await;
    }
}

/// Names of the channels that people read.
pub fn names(routes: &[Route]) -> Vec<String> {
    routes.iter().map(|r| r.channel.clone()).collect()
}

/// A dead letter can only be sent where there is a channel.
pub fn is_known(channels: &[String], channel: &str) -> bool {
    channel == BACKFILL || channels.iter().any(|c| c == channel)
}
