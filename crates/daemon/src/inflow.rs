//! Topics in: alerts, logs and events that others put on a bus, read by the same decoders as pushed ones. Offsets are
//! committed when the core has the batch; of alerts, when they are on disk. A message that cannot be read is counted, shown
//! and passed over, or nothing behind it would ever come in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_bus::{Message, Subscription};
use rootline_model::{Alert, LogRecord};
use rootline_objects::Object;
use rootline_sources::intake::{Intake, Line};
use rootline_sources::receive::{Limits, Refused as Unread, Taken, topics};
use tokio::sync::{mpsc, oneshot};

use crate::input::Input;
use crate::pipes::Works;
use crate::records;

const KIND: &str = "kafka";
/// Messages of one batch: with 64 KiB each, which is much, 16 MiB.
const BATCH: usize = 256;
/// How long messages are waited for before joined log lines are given on.
const PATIENCE: Duration = Duration::from_secs(1);
/// An idle topic is asked after so often.
const PROBE_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// How long a message that cannot be read is shown; shorter than what `RootlineSourceSilent` waits for.
const SHOWN: SignedDuration = SignedDuration::from_mins(5);
/// As Alertmanager's `resolve_timeout`, and as the receivers have it.
const RESOLVE_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

/// What a topic carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Alerts,
    Logs,
    Events,
}

impl Kind {
    /// End of the group's name.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Alerts => "alerts",
            Kind::Logs => "logs",
            Kind::Events => "events",
        }
    }

    /// Of the pipe.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Alerts => "kafka-in:alerts",
            Kind::Logs => "kafka-in:logs",
            Kind::Events => "kafka-in:events",
        }
    }
}

/// One reader.
pub struct Inflow {
    kind: Kind,
    inputs: mpsc::Sender<Input>,
    works: Works,
    limits: Limits,
    joiner: Intake,
    /// Said of the last message that could not be read, and until when it is shown.
    poison: Option<(String, Timestamp)>,
    heard: Timestamp,
}

/// The daemon stops.
struct Stopped;

impl Inflow {
    pub fn new(kind: Kind, inputs: mpsc::Sender<Input>, works: Works) -> Inflow {
        Inflow {
            kind,
            inputs,
            works,
            limits: Limits::default(),
            joiner: Intake::default(),
            poison: None,
            heard: Timestamp::MIN,
        }
    }

    /// Reads until the daemon stops.
    pub async fn run(mut self, mut reader: Box<dyn Subscription>) {
        let (name, works) = (self.kind.name(), self.works.clone());
        let mut stopped = works.stopped.clone();
        let mut failures = 0;
        loop {
            let round = tokio::select! {
                round = self.round(&mut *reader) => round,
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            match round {
                Ok(Ok(())) => failures = 0,
                Ok(Err(why)) => {
                    failures += 1;
                    if works.failed((name, KIND), &why, failures, None).await {
                        return;
                    }
                }
                Err(Stopped) => return,
            }
        }
    }

    /// One batch. Stopping in the middle leaves it uncommitted, so it comes again.
    async fn round(&mut self, reader: &mut dyn Subscription) -> Result<Result<(), String>, Stopped> {
        let messages = match reader.next(BATCH, PATIENCE).await {
            Ok(messages) => messages,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let now = (self.works.clock)();
        if messages.is_empty() {
            if self.kind == Kind::Logs {
                let mut records = Vec::new();
                self.joiner.flush(now, &mut records);
                self.give_lines(records).await?;
            }
            if self.heard.checked_add(PROBE_EVERY).is_ok_and(|at| at > now) {
                return Ok(Ok(()));
            }
            let answer = reader.probe().await;
            return Ok(answer.map(|()| self.good(now)).map_err(|e| e.to_string()));
        }
        match self.kind {
            Kind::Alerts => self.alerts(&messages, now).await?,
            Kind::Logs => self.logs(&messages, now).await?,
            Kind::Events => self.events(&messages, now).await?,
        }
        if let Err(error) = reader.commit().await {
            return Ok(Err(error.to_string()));
        }
        self.works.meters.passed(self.kind.name(), messages.len());
        self.good(now);
        Ok(Ok(()))
    }

    /// The state of the source after something went well.
    fn good(&mut self, now: Timestamp) {
        self.heard = now;
        let (name, states) = (self.kind.name(), &self.works.states);
        states.good(name, KIND, now);
        self.poison = self.poison.take().filter(|(_, until)| *until > now);
        if let Some((said, _)) = &self.poison {
            states.bad(name, KIND, said);
        }
    }

    /// What a message holds, or a note that it cannot be read.
    fn read<T: Default>(&mut self, message: &Message, decoded: Result<Taken<T>, Unread>) -> T {
        let name = self.kind.name();
        match decoded {
            Ok(taken) => {
                for (reason, items) in taken.dropped {
                    self.works.meters.dropped(name, reason, items);
                }
                taken.data
            }
            // a tombstone says nothing and is no mistake
            Err(_) if message.payload.is_empty() => T::default(),
            Err(error) => {
                self.works.meters.dropped(name, "unreadable_message", 1);
                let said = format!("a message was passed over: {}: {error}", message.place());
                let until = (self.works.clock)().checked_add(SHOWN).unwrap_or(Timestamp::MAX);
                self.poison = Some((said, until));
                tracing::warn!(pipe = name, place = message.place(), %error, "a message cannot be read and is passed over");
                T::default()
            }
        }
    }

    async fn alerts(&mut self, messages: &[Message], now: Timestamp) -> Result<(), Stopped> {
        let mut alerts: Vec<Alert> = Vec::new();
        for message in messages {
            let at = message.at.unwrap_or(now);
            let decoded = topics::alerts(&message.payload, &self.limits, at, RESOLVE_TIMEOUT);
            alerts.extend(self.read(message, decoded));
        }
        if alerts.is_empty() {
            return Ok(());
        }
        let mut failures = 0;
        loop {
            let (done, answer) = oneshot::channel();
            let input = Input::Alerts { alerts: alerts.clone(), done };
            self.inputs.send(input).await.map_err(|_| Stopped)?;
            let Err(refused) = answer.await.map_err(|_| Stopped)? else { return Ok(()) };
            failures += 1;
            if self.works.failed((self.kind.name(), KIND), &refused.to_string(), failures, None).await {
                return Err(Stopped);
            }
        }
    }

    async fn logs(&mut self, messages: &[Message], now: Timestamp) -> Result<(), Stopped> {
        let mut records = Vec::new();
        for message in messages {
            let decoded = topics::logs(&message.payload, &self.limits);
            let lines: Vec<Line> = self.read(message, decoded);
            for line in lines {
                self.joiner.take(line, message.at.unwrap_or(now), &mut records);
            }
        }
        self.joiner.flush(now, &mut records);
        self.give_lines(records).await
    }

    async fn give_lines(&self, records: Vec<LogRecord>) -> Result<(), Stopped> {
        if records.is_empty() {
            return Ok(());
        }
        self.give(Input::Lines(records)).await
    }

    async fn events(&mut self, messages: &[Message], now: Timestamp) -> Result<(), Stopped> {
        let mut events = Vec::new();
        for message in messages {
            let decoded = topics::events(&message.payload, &self.limits);
            let objects: Vec<Object> = self.read(message, decoded);
            events.extend(objects.iter().filter_map(|o| records::pushed(o, message.at.unwrap_or(now))));
        }
        if events.is_empty() { Ok(()) } else { self.give(Input::Events(events)).await }
    }

    /// Done when the core has taken it in.
    async fn give(&self, input: Input) -> Result<(), Stopped> {
        self.inputs.send(input).await.map_err(|_| Stopped)?;
        let (done, answer) = oneshot::channel();
        // inputs are taken in their order, so this question is answered after that input
        let question = Box::new(move |_: &rootline_engine::Live| {
            let _ = done.send(());
        });
        self.inputs.send(Input::Read(question)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}
