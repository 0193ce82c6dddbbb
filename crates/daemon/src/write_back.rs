//! Derived series to a remote write receiver: what `/metrics` says of incidents, anomalies and forecasts, kept by whoever
//! keeps metrics. Oldest first, so that nothing comes out of order; what cannot be sent waits in a bounded queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rootline_config::{Config, named};
use rootline_model::{LabelSet, SeriesBatch};
use rootline_sinks::{Client, ClientOptions, Endpoint, RemoteWrite, SendError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::pull::Edge;
use crate::seen::Seen;
use crate::view::Published;
use crate::{DaemonError, derived, meters};

/// Rounds that wait: an hour of minutes. The oldest go first.
const ROUNDS_MAX: usize = 60;
/// Samples that wait in all rounds together.
const SAMPLES_MAX: usize = 200_000;
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const KIND: &str = "remote_write";

/// Rounds that wait.
#[derive(Debug, Default)]
struct Queue {
    rounds: VecDeque<Vec<SeriesBatch>>,
    samples: usize,
}

impl Queue {
    /// Adds a round; how many samples had to go for it.
    fn push(&mut self, round: Vec<SeriesBatch>) -> usize {
        self.samples += round.len();
        self.rounds.push_back(round);
        let mut dropped = 0;
        while self.rounds.len() > 1 && (self.rounds.len() > ROUNDS_MAX || self.samples > SAMPLES_MAX) {
            dropped += self.pop();
        }
        dropped
    }

    fn pop(&mut self) -> usize {
        let count = self.rounds.pop_front().map_or(0, |r| r.len());
        self.samples -= count;
        count
    }
}

struct WriteBack {
    edge: Edge,
    published: Arc<Published>,
    remote: RemoteWrite,
    name: String,
    own: LabelSet,
    every: Duration,
}

/// Starts, where a receiver is named.
///
/// # Errors
/// An address that is none, a name that the environment does not have.
pub fn start(
    config: &Config,
    published: &Arc<Published>,
    edge: &Edge,
    stopped: &watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    const WHAT: &str = "remote_write";
    let Some(url) = named(config.remote_write.url.as_ref()) else { return Ok(()) };
    let failed = |e: rootline_sinks::EndpointError| DaemonError::Pull { what: WHAT.to_owned(), why: e.to_string() };
    let endpoint = Endpoint::parse(&url.value).map_err(failed)?;
    let name = endpoint.to_string();
    let client = Client::new(&ClientOptions::default()).map_err(failed)?;
    let bearer = edge.filled(WHAT, &config.remote_write.bearer)?;
    let own = [("job", "rootline"), ("instance", &config.daemon.listen), ("cluster", &config.daemon.cluster)];
    let back = WriteBack {
        edge: edge.clone(),
        published: published.clone(),
        remote: RemoteWrite::new(endpoint, &bearer, client),
        name,
        own: own.into_iter().filter(|(_, v)| !v.is_empty()).collect(),
        every: Duration::from_secs(u64::from(config.remote_write.interval_s)),
    };
    tokio::spawn(back.run(stopped.clone()));
    Ok(())
}

impl WriteBack {
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut queue = Queue::default();
        let mut seen = Seen::default();
        let mut pace = tokio::time::interval(self.every);
        let (mut again, mut pause) = (None::<Instant>, PAUSE);
        loop {
            let waited = async {
                match again {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = pace.tick() => {
                    let round = self.round(&mut seen);
                    self.count("dropped", queue.push(round));
                    if again.is_some() {
                        continue;
                    }
                }
                () = waited => {}
                _ = stopped.changed() => return,
            }
            again = None;
            if let Some(asked) = self.send(&mut queue).await {
                again = Some(Instant::now() + asked.unwrap_or(pause).max(pause));
                pause = (pause * 2).min(PAUSE_MAX);
            } else {
                pause = PAUSE;
            }
        }
    }

    fn round(&self, seen: &mut Seen) -> Vec<SeriesBatch> {
        let at_ms = (self.edge.clock)().as_millisecond();
        let mut round = derived::series(&self.published.view(), at_ms, &self.own);
        seen.mark(&mut round, at_ms, |_| true);
        round
    }

    fn count(&self, result: &str, samples: usize) {
        self.edge.states.meters.add(meters::WRITTEN, &[("result", result)], samples);
    }

    /// Sends what waits, oldest first. `Some`: it must be tried again, after the time that was asked for.
    async fn send(&self, queue: &mut Queue) -> Option<Option<Duration>> {
        while let Some(round) = queue.rounds.front() {
            match self.remote.write(round).await {
                Ok(()) => {
                    self.edge.states.good(&self.name, KIND, (self.edge.clock)());
                    self.count("sent", queue.pop());
                }
                Err(SendError::Retry { after, why }) => {
                    self.edge.states.bad(&self.name, KIND, &why);
                    return Some(after);
                }
                // the same again would be refused again
                Err(SendError::Rejected { why } | SendError::Dead { why }) => {
                    self.edge.states.bad(&self.name, KIND, &why);
                    self.count("refused", queue.pop());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_loses_the_oldest() {
        let round = |n: usize| vec![SeriesBatch::default(); n];
        let mut queue = Queue::default();
        for _ in 0..ROUNDS_MAX {
            assert_eq!(queue.push(round(3)), 0);
        }
        assert_eq!((queue.push(round(1)), queue.rounds.len()), (3, ROUNDS_MAX));
        assert_eq!(queue.push(round(SAMPLES_MAX)), 3 * (ROUNDS_MAX - 1) + 1);
        assert_eq!((queue.rounds.len(), queue.samples), (1, SAMPLES_MAX));
        assert_eq!((queue.pop(), queue.samples), (SAMPLES_MAX, 0));
    }
}
