//! A live cluster followed for as long as the daemon runs: one list and one watch per kind, read straight into lite
//! objects, on few connections and in bounded memory.
//!
//! ```text
//! API server ─► Watch (sockets, one task a kind) ─► Delta ─► ObjectStore (sync) ─► signals, changes, events
//! ```
//! `ObjectStore::signals` gives what one-shot reading (`live`) would give, so that a diagnosis is the same either way.

mod changes;
mod delta;
mod election;
mod events;
mod item;
mod keep;
mod lease;
mod logs;
mod machine;
mod options;
mod review;
mod run;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rootline_objects::{LogWanted, Signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

pub use changes::changes;
pub use delta::{Delta, Item, ResourceId, Trouble};
pub use election::ElectionTimes;
pub use events::{EventBook, event_record, event_router, event_router_after};
pub use keep::keep;
pub use lease::{Lease, LeaseOptions};
pub use logs::{LogBook, LogRates};
pub use options::WatchOptions;
pub use review::{Holder, Reviews};
pub use run::Counters;
pub use store::{Applied, ObjectStore, StoreLimits};

use crate::live::logs::read as read_logs;
use crate::live::session::Session;
use crate::live::{LiveError, LogLimits};
use machine::Machine;
use run::{Runner, Shared};

/// The version of the server is asked for this often once it is known: an upgrade shows.
const VERSION_AGAIN: Duration = Duration::from_secs(600);

/// A cluster being watched. Ends when this is dropped.
pub struct Watch {
    shared: Arc<Shared>,
    /// End when this is dropped.
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Begins to watch. The server need not be there yet: what cannot be read is told as `Delta::Trouble` and tried again.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn start(options: &WatchOptions) -> Result<(Watch, mpsc::Receiver<Delta>), LiveError> {
        Ok(Watch::with_sessions(Session::stay_twice(&options.live).await?, options))
    }

    pub(crate) fn with_sessions(
        (session, aside): (Session, Session),
        options: &WatchOptions,
    ) -> (Watch, mpsc::Receiver<Delta>) {
        let (sender, receiver) = mpsc::channel(options.queue.max(1));
        let own = options.live.namespace.clone().unwrap_or_else(|| session.default_namespace.clone());
        let shared = Arc::new(Shared {
            session,
            aside,
            options: options.clone(),
            lists: Semaphore::new(options.lists_at_once.max(1)),
            skew_ms: AtomicI64::new(0),
            counters: ResourceId::all().map(|_| Counters::default()).collect(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(version(shared.clone(), sender.clone()));
        for resource in ResourceId::all() {
            let machine = Machine::new(resource, options, &own, seed());
            let runner = Runner { shared: shared.clone(), resource, machine, deltas: sender.clone() };
            tasks.spawn(runner.run());
        }
        (Watch { shared, _tasks: tasks }, receiver)
    }

    /// Address of the API server.
    pub fn server(&self) -> &str {
        &self.shared.session.server
    }

    /// The server's clock minus ours: times in the cluster's state are the server's, so this is to be added to our clock
    /// for `ObjectStore`. HTTP tells whole seconds: less than two are none.
    pub fn skew(&self) -> jiff::SignedDuration {
        let skew = jiff::SignedDuration::from_millis(self.shared.skew_ms.load(Ordering::Relaxed));
        if skew.abs() < jiff::SignedDuration::from_secs(2) { jiff::SignedDuration::ZERO } else { skew }
    }

    /// What each watch has done so far.
    pub fn counters(&self) -> impl Iterator<Item = (ResourceId, &Counters)> {
        ResourceId::all().zip(&self.shared.counters)
    }

    /// Logs of a few containers, as a one-shot reading fetches them. `LogBook` says which, and how often.
    pub async fn logs(&self, wanted: &[LogWanted], limits: LogLimits) -> Vec<Signal> {
        self.shared.aside.refill(self.shared.options.live.retry_budget);
        read_logs(&self.shared.aside, wanted, limits, self.shared.options.live.concurrency).await
    }
}

/// Asks for the version until it is known, and again from time to time.
async fn version(shared: Arc<Shared>, deltas: mpsc::Sender<Delta>) {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    loop {
        let answer = shared.aside.get_once("/version").await.ok();
        let version = answer.and_then(|a| serde_json::from_slice::<Version>(&a.body).ok());
        let pause = if version.is_some() { VERSION_AGAIN } else { shared.options.pause_max };
        if let Some(version) = version
            && deltas.send(Delta::Version(version.git_version)).await.is_err()
        {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Chance for pauses: the keys of the standard library's hash maps are random.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
