//! Prometheus asked: the series that detectors want, and its rules, which tell when a condition began.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use rootline_engine::Query;
use rootline_model::SeriesBatch;
use rootline_sources::pull::PullError;
use rootline_sources::pull::prometheus::Prometheus;
use tokio::sync::{mpsc, watch};

use crate::input::Input;
use crate::sources::States;

/// Questions at the same time: Prometheus serves people too.
const AT_ONCE: usize = 3;
/// How often rules are read.
const RULES_EVERY: Duration = Duration::from_secs(60);

/// A Prometheus server and where its answers go.
pub struct Poller {
    pub prometheus: Prometheus,
    pub name: String,
    pub inputs: mpsc::Sender<Input>,
    pub states: Arc<States>,
    pub clock: fn() -> Timestamp,
}

impl Poller {
    /// Asks what the core wants to know, whenever it wants something new.
    pub async fn series(self: Arc<Self>, mut wanted: watch::Receiver<Vec<Query>>) {
        while wanted.changed().await.is_ok() {
            let queries = wanted.borrow_and_update().clone();
            let mut answers =
                futures::stream::iter(queries.into_iter().map(|q| self.clone().ask(q))).buffer_unordered(AT_ONCE);
            while let Some((query, answer)) = answers.next().await {
                let batches = match answer {
                    Ok(batches) => batches,
                    Err(error) => {
                        self.states.bad(&self.name, "prometheus", &format!("{}: {error}", query.id));
                        continue;
                    }
                };
                self.states.good(&self.name, "prometheus", (self.clock)());
                let input = Input::Samples { batches, is_history: query.is_backfill };
                if self.inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn ask(self: Arc<Self>, query: Query) -> (Query, Result<Vec<SeriesBatch>, PullError>) {
        let step = u32::try_from(query.step_s).unwrap_or(u32::MAX).max(1);
        let found = self.prometheus.query_range(&query.promql, (query.start, query.end), step).await;
        let named = found.map(|f| {
            let name = |b: SeriesBatch| SeriesBatch { labels: b.labels.with("__name__", &query.name), ..b };
            f.series.into_iter().map(name).collect()
        });
        (query, named)
    }

    /// Reads the rules now and then.
    pub async fn rules(self: Arc<Self>) {
        loop {
            match self.prometheus.rules().await {
                Ok(rules) => {
                    self.states.good(&self.name, "prometheus", (self.clock)());
                    if self.inputs.send(Input::Rules(Arc::new(rules))).await.is_err() {
                        return;
                    }
                }
                Err(error) => self.states.bad(&self.name, "prometheus", &format!("rules: {error}")),
            }
            tokio::time::sleep(RULES_EVERY).await;
        }
    }
}
