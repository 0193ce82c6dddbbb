//! News for those who listen (server-sent events), with a memory for those who come back.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

use crate::problem::Problem;
use crate::words::{News, What};

/// News kept for `Last-Event-ID`; who was away for more starts over.
const KEPT: usize = 1024;
/// News that one slow listener may be behind before it starts over.
const BEHIND: usize = 256;
/// Listeners at once.
const LISTENERS: usize = 200;
/// A comment on an idle stream, so that proxies keep it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One thing told. Ids are `start-number`: the start of this process, so that ids of an earlier one are known as such.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    number: u64,
    kind: &'static str,
    data: String,
}

#[derive(Default)]
struct Memory {
    last: u64,
    kept: VecDeque<Told>,
}

pub struct Feed {
    start: String,
    memory: Mutex<Memory>,
    sender: broadcast::Sender<Told>,
    seats: Arc<Semaphore>,
}

impl Feed {
    pub fn new(start: String) -> Feed {
        Feed {
            start,
            memory: Mutex::default(),
            sender: broadcast::channel(BEHIND).0,
            seats: Arc::new(Semaphore::new(LISTENERS)),
        }
    }

    /// Passes on what the daemon tells until it ends.
    pub async fn pump(&self, mut news: broadcast::Receiver<News>) {
        loop {
            match news.recv().await {
                Ok(news) => self.tell(&news),
                Err(broadcast::error::RecvError::Lagged(_)) => self.add("reset", "{}".to_owned()),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    pub fn listeners(&self) -> usize {
        LISTENERS - self.seats.available_permits()
    }

    fn tell(&self, news: &News) {
        let at = news.at;
        match news.what {
            What::Incident { id, version } => {
                self.add(
                    "incident",
                    serde_json::json!({"id": id, "version": version, "at": at.to_string()}).to_string(),
                );
            }
            What::Silences => self.add("silences", serde_json::json!({"at": at.to_string()}).to_string()),
            What::Status => self.add("status", serde_json::json!({"at": at.to_string()}).to_string()),
        }
    }

    fn add(&self, kind: &'static str, data: String) {
        let mut memory = self.memory();
        memory.last += 1;
        let told = Told { number: memory.last, kind, data };
        if memory.kept.len() == KEPT {
            memory.kept.pop_front();
        }
        memory.kept.push_back(told.clone());
        // Sent under the lock: who subscribes misses nothing and hears nothing twice.
        let _ = self.sender.send(told);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was missed since an id, and what comes. The first word is `hello`, or `reset` for who must start over.
    fn join(&self, last: Option<&str>) -> (Vec<Told>, broadcast::Receiver<Told>) {
        let memory = self.memory();
        let receiver = self.sender.subscribe();
        let known = last.and_then(|id| {
            let (start, number) = id.rsplit_once('-')?;
            let number: u64 = number.parse().ok()?;
            let oldest = memory.kept.front().map_or(memory.last + 1, |t| t.number);
            (start == self.start && number <= memory.last && number + 1 >= oldest).then_some(number)
        });
        let first = |kind| Told { number: known.unwrap_or(memory.last), kind, data: "{}".into() };
        let missed = match (last, known) {
            (None, _) => vec![first("hello")],
            (Some(_), None) => vec![first("reset")],
            (Some(_), Some(number)) => std::iter::once(first("hello"))
                .chain(memory.kept.iter().filter(|t| t.number > number).cloned())
                .collect(),
        };
        (missed, receiver)
    }

    /// The answer to who listens. It ends when `stop` changes.
    pub fn listen(self: &Arc<Feed>, headers: &HeaderMap, stop: watch::Receiver<bool>) -> Response {
        let Ok(seat) = self.seats.clone().try_acquire_owned() else {
            return Problem::new(http::StatusCode::SERVICE_UNAVAILABLE, format!("{LISTENERS} listen already"))
                .retry_after(30)
                .into_response();
        };
        let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
        let (missed, receiver) = self.join(last);
        let events = stream::iter(missed).chain(coming(receiver)).take_until(stopped(stop));
        let start = self.start.clone();
        let events = events.map(move |told| Ok::<_, Infallible>(event(&start, told, &seat)));
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
    }
}

/// Resolves when the server stops.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error: the server is gone, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn coming(receiver: broadcast::Receiver<Told>) -> impl Stream<Item = Told> + Send {
    stream::unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Ok(told) => Some((told, receiver)),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                Some((Told { number: 0, kind: "reset", data: "{}".into() }, receiver))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    })
}

/// The seat is held as long as the stream maps events.
fn event(start: &str, told: Told, _seat: &OwnedSemaphorePermit) -> Event {
    let event = Event::default().event(told.kind).data(told.data);
    if told.number == 0 && told.kind == "reset" { event } else { event.id(format!("{start}-{}", told.number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(feed: &Feed, last: Option<&str>) -> Vec<(u64, &'static str)> {
        feed.join(last).0.iter().map(|t| (t.number, t.kind)).collect()
    }

    #[test]
    fn who_comes_back_hears_what_was_missed() {
        let feed = Feed::new("7".into());
        assert_eq!(numbers(&feed, None), [(0, "hello")]);
        for _ in 0..3 {
            feed.add("incident", String::new());
        }
        assert_eq!(numbers(&feed, Some("7-1")), [(1, "hello"), (2, "incident"), (3, "incident")]);
        assert_eq!(numbers(&feed, Some("7-3")), [(3, "hello")]);
        for unknown in ["7-4", "6-1", "x", "7-x", ""] {
            assert_eq!(numbers(&feed, Some(unknown)), [(3, "reset")], "{unknown}");
        }
    }

    #[test]
    fn who_was_away_too_long_starts_over() {
        let feed = Feed::new("7".into());
        for _ in 0..KEPT + 10 {
            feed.add("incident", String::new());
        }
        assert_eq!(numbers(&feed, Some("7-9")), [(KEPT as u64 + 10, "reset")]);
        assert_eq!(numbers(&feed, Some("7-10")).len(), KEPT + 1);
    }
}
