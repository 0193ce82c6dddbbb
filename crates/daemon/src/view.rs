//! What others see of the core: the state after the last commit, and news of what changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use rootline_api::{News, What};
use rootline_engine::{Outlook, SeriesLevel, SeriesStats};
use rootline_model::{Alert, LiveIncident};
use tokio::sync::broadcast;

/// News kept for readers that are slow.
const NEWS_MAX: usize = 1_024;

/// The state after a commit.
#[derive(Debug, Default)]
pub struct View {
    pub at: Timestamp,
    pub incidents: Vec<Arc<LiveIncident>>,
    pub alerts: Vec<Alert>,
    /// Every kind that the cluster shows was read once.
    pub ready: bool,
    pub objects: usize,
    pub series: SeriesStats,
    pub log_templates: usize,
    pub outlooks: Vec<Outlook>,
    pub levels: Vec<SeriesLevel>,
}

/// Counters of the core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub ticks: u64,
    pub tick_s_sum: f64,
    pub tick_s_max: f64,
    pub queue: u64,
    pub store_errors: u64,
    pub clock_jumps: u64,
}

/// Where the core publishes.
#[derive(Debug)]
pub struct Published {
    view: RwLock<Arc<View>>,
    counts: RwLock<Counts>,
    store_errors: AtomicU64,
    clock_jumps: AtomicU64,
    news: broadcast::Sender<News>,
}

impl Default for Published {
    fn default() -> Self {
        Published {
            view: RwLock::default(),
            counts: RwLock::default(),
            store_errors: AtomicU64::new(0),
            clock_jumps: AtomicU64::new(0),
            news: broadcast::Sender::new(NEWS_MAX),
        }
    }
}

impl Published {
    pub fn view(&self) -> Arc<View> {
        // a reader cannot leave a half-made view behind, so a poisoned lock holds a whole one
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn counts(&self) -> Counts {
        let counts = *self.counts.read().unwrap_or_else(PoisonError::into_inner);
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Counts { store_errors: read(&self.store_errors), clock_jumps: read(&self.clock_jumps), ..counts }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    pub fn tell(&self, at: Timestamp, what: What) {
        // nobody listening is fine
        let _ = self.news.send(News { at, what });
    }

    pub(crate) fn publish(&self, view: View, changed: &[LiveIncident]) {
        let at = view.at;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        for incident in changed {
            self.tell(at, What::Incident { id: incident.id, version: incident.version });
        }
    }

    pub(crate) fn ticked(&self, took: Duration, queue: usize) {
        let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
        counts.ticks += 1;
        counts.tick_s_sum += took.as_secs_f64();
        // the slowest of late: an old peak fades within some minutes
        counts.tick_s_max = (counts.tick_s_max * 0.98).max(took.as_secs_f64());
        counts.queue = u64::try_from(queue).unwrap_or(u64::MAX);
    }

    pub(crate) fn clock_jumped(&self) {
        self.clock_jumps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn store_failed(&self) {
        self.store_errors.fetch_add(1, Ordering::Relaxed);
    }
}
