//! What the daemon reads by itself: the cluster, logs of suspicious containers, rules and alerts of Prometheus.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rootline_api::SourceState;
use rootline_config::Logs;
use rootline_objects::{LogWanted, Signal};
use rootline_sources::live::LogLimits;
use rootline_sources::watch::{Delta, Trouble, Watch};
use tokio::sync::{mpsc, watch};

use crate::input::Input;
use crate::meters::Meters;

/// How often logs are read.
const LOGS_EVERY: Duration = Duration::from_secs(30);

/// How each source does, and what was counted of it.
#[derive(Debug, Default)]
pub struct States {
    all: Mutex<BTreeMap<String, SourceState>>,
    pub meters: Meters,
}

impl States {
    pub fn good(&self, name: &str, kind: &str, at: Timestamp) {
        self.set(name, kind, |s| {
            s.last_success = Some(at);
            s.error.clear();
        });
    }

    pub fn bad(&self, name: &str, kind: &str, error: &str) {
        self.set(name, kind, |s| error.clone_into(&mut s.error));
    }

    /// How far its data is behind, seconds.
    pub fn lag(&self, name: &str, kind: &str, lag_s: Option<f64>) {
        self.set(name, kind, |s| s.lag_s = lag_s);
    }

    fn set(&self, name: &str, kind: &str, f: impl FnOnce(&mut SourceState)) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || SourceState { name: name.to_owned(), kind: kind.to_owned(), ..SourceState::default() };
        f(all.entry(name.to_owned()).or_insert_with(new));
    }

    pub fn list(&self) -> Vec<SourceState> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Hands everything that a watch tells to the core, as long as both live.
pub async fn cluster(
    watch: &Watch,
    mut deltas: mpsc::Receiver<Delta>,
    inputs: mpsc::Sender<Input>,
    (states, clock): (&States, fn() -> Timestamp),
) {
    let name = watch.server().to_owned();
    while let Some(delta) = deltas.recv().await {
        match &delta {
            Delta::Trouble { resource, trouble } => {
                states.bad(&name, "kubernetes", &format!("{}: {}", resource.name(), words(trouble)));
            }
            _ => states.good(&name, "kubernetes", clock()),
        }
        if inputs.send(Input::Delta(delta)).await.is_err() {
            return;
        }
    }
}

fn words(trouble: &Trouble) -> &str {
    match trouble {
        Trouble::Forbidden { detail, .. } | Trouble::Failing { detail } => detail,
        Trouble::Absent => "the server does not know it",
    }
}

/// Which logs are read, and how much of each.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    containers: usize,
    limits: LogLimits,
}

impl Reading {
    /// `None`: none at all.
    pub fn of(config: &Logs) -> Option<Reading> {
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let limits = LogLimits { tail_lines: number(config.lines), ..LogLimits::default() };
        config.enabled.then_some(Reading { containers: number(config.containers), limits })
    }
}

/// Reads the logs of containers that do not do what they should, now and then.
pub async fn logs(
    watch: &Watch,
    reading: Reading,
    mut wanted: watch::Receiver<Vec<LogWanted>>,
    inputs: mpsc::Sender<Input>,
) {
    let mut last: Vec<LogWanted> = Vec::new();
    while wanted.changed().await.is_ok() {
        let now = wanted.borrow_and_update().clone();
        if now.is_empty() && last.is_empty() {
            continue;
        }
        let most = now.len().min(reading.containers);
        let signals: Vec<Signal> = watch.logs(&now[..most], reading.limits).await;
        last = now;
        if inputs.send(Input::Logs(signals)).await.is_err() {
            return;
        }
        tokio::time::sleep(LOGS_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_read_as_the_configuration_says_or_not_at_all() {
        assert!(Reading::of(&Logs { enabled: false, ..Logs::default() }).is_none());
        let some = Reading::of(&Logs { enabled: true, lines: 7, containers: 3 }).expect("they are read");
        assert_eq!((some.containers, some.limits.tail_lines), (3, 7));
    }
}
