//! Kafka, by librdkafka.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use crate::access::{possible, properties};
use crate::{Bus, BusError, Message, Options, Record, Subscription};

/// Ours, before the user's. What is not here is librdkafka's default.
const BOTH: &[(&str, &str)] = &[("client.id", "rootline"), ("log.connection.close", "false")];
const PRODUCER: &[(&str, &str)] = &[
    // each record once in its partition, in order, as long as this process lives
    ("enable.idempotence", "true"),
    ("compression.type", "lz4"),
    ("linger.ms", "5"),
    // the caller keeps what was not taken and tries again, so nothing need wait here for long
    ("message.timeout.ms", "20000"),
    ("queue.buffering.max.kbytes", "16384"),
];
const CONSUMER: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "earliest"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    // a member that was killed keeps its partitions for so long
    ("session.timeout.ms", "15000"),
    ("queued.max.messages.kbytes", "8192"),
];
/// Waits for room in the producer's queue.
const ROOM_EVERY: Duration = Duration::from_millis(20);
/// How long brokers are asked what they have.
const PROBE_MAX: Duration = Duration::from_secs(5);
/// How long leaving a group is waited for.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// A cluster of brokers. Connects when it is used.
pub struct Kafka {
    options: Options,
    producer: FutureProducer,
}

impl Kafka {
    /// # Errors
    /// Settings that librdkafka does not know or that do not fit.
    pub fn new(options: Options) -> Result<Kafka, BusError> {
        possible(&options, cfg!(feature = "kafka-tls"))?;
        let producer = config(&options, PRODUCER).create().map_err(settings)?;
        Ok(Kafka { options, producer })
    }

    /// Puts a record into the producer's queue, waiting for room.
    async fn queue(&self, record: &Record) -> Result<DeliveryFuture, BusError> {
        let mut record = FutureRecord::to(&record.topic).key(&record.key).payload(&record.payload);
        loop {
            match self.producer.send_result(record) {
                Ok(delivery) => return Ok(delivery),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => {
                    record = back;
                    tokio::time::sleep(ROOM_EVERY).await;
                }
                Err((error, _)) => return Err(undelivered(&error)),
            }
        }
    }
}

fn config(options: &Options, ours: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Emerg);
    config.set("bootstrap.servers", &options.brokers);
    for (name, value) in BOTH.iter().chain(ours) {
        config.set(*name, *value);
    }
    for (name, value) in properties(options) {
        config.set(name, value);
    }
    for (name, value) in &options.settings {
        config.set(name, value);
    }
    config
}

fn settings(error: KafkaError) -> BusError {
    BusError::Settings(match error {
        KafkaError::ClientConfig(_, why, name, _) => format!("setting `{name}`: {why}"),
        other => other.to_string(),
    })
}

/// What a failed delivery means.
fn undelivered(error: &KafkaError) -> BusError {
    let Some(code) = error.rdkafka_error_code() else { return BusError::Later(error.to_string()) };
    match code {
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::InvalidMessage | Code::InvalidRecord => {
            BusError::Refused(format!("the broker does not take it: {code}"))
        }
        Code::MessageTimedOut => BusError::Later("no broker took it in time".to_owned()),
        code => BusError::Later(code.to_string()),
    }
}

impl Bus for Kafka {
    fn publish<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Vec<Result<(), BusError>>> {
        Box::pin(async move {
            let mut queued = Vec::with_capacity(records.len());
            for record in records {
                queued.push(self.queue(record).await);
            }
            let mut done = Vec::with_capacity(records.len());
            for delivery in queued {
                done.push(match delivery {
                    Err(error) => Err(error),
                    Ok(delivery) => match delivery.await {
                        Ok(Ok(_)) => Ok(()),
                        Ok(Err((error, _))) => Err(undelivered(&error)),
                        Err(_) => Err(BusError::Later("the producer ended".to_owned())),
                    },
                });
            }
            done
        })
    }

    fn subscribe(&self, group: &str, topics: &[String]) -> Result<Box<dyn Subscription>, BusError> {
        let mut config = config(&self.options, CONSUMER);
        config.set("group.id", group);
        let consumer: StreamConsumer = config.create().map_err(settings)?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(settings)?;
        let topics = topics.into_iter().map(str::to_owned).collect();
        Ok(Box::new(Reader { consumer: Some(Arc::new(consumer)), topics, given: BTreeMap::new() }))
    }
}

struct Reader {
    /// `None` once it is being closed.
    consumer: Option<Arc<StreamConsumer>>,
    topics: Vec<String>,
    /// Offset behind the last message given, by partition, since the last commit.
    given: BTreeMap<(String, i32), i64>,
}

/// A consumer leaves its group when it is dropped, and waits for that without end if the group gives out its partitions at that very
/// moment: librdkafka then answers a request to an end of it that is closed. Whoever reads no more must not hang for it.
impl Drop for Reader {
    fn drop(&mut self) {
        // if it takes longer, the member's session ends by itself
        drop_within(self.consumer.take(), LEAVE_MAX);
    }
}

/// Drops a value in a thread of its own. False if that goes on after `most`: then the thread is left to itself.
fn drop_within<T: Send + 'static>(value: T, most: Duration) -> bool {
    let (done, is_done) = std::sync::mpsc::channel();
    let work = move || {
        drop(value);
        let _ = done.send(());
    };
    match std::thread::Builder::new().name("kafka-leave".to_owned()).spawn(work) {
        Ok(_) => is_done.recv_timeout(most).is_ok(),
        // the value is gone with the thread that could not be made
        Err(_) => true,
    }
}

impl Reader {
    fn consumer(&self) -> Result<Arc<StreamConsumer>, BusError> {
        self.consumer.clone().ok_or_else(|| BusError::Later("the reader is closed".to_owned()))
    }

    async fn read(&mut self, most: usize, patience: Duration) -> Result<Vec<Message>, BusError> {
        let consumer = self.consumer()?;
        let mut all = Vec::new();
        let end = tokio::time::Instant::now() + patience;
        while all.len() < most {
            // what is there already is taken along, more is not waited for
            let until = if all.is_empty() { end } else { tokio::time::Instant::now() };
            let received = match tokio::time::timeout_at(until, consumer.recv()).await {
                Err(_) => break,
                Ok(Ok(received)) => received,
                // what was read before the failure is not held back by it
                Ok(Err(_)) if !all.is_empty() => break,
                Ok(Err(error)) => return Err(BusError::Later(unread(&error))),
            };
            all.push(Message {
                topic: received.topic().to_owned(),
                partition: received.partition(),
                offset: received.offset(),
                at: received.timestamp().to_millis().and_then(|ms| Timestamp::from_millisecond(ms).ok()),
                payload: received.payload().unwrap_or_default().to_vec(),
            });
        }
        for message in &all {
            self.given.insert((message.topic.clone(), message.partition), message.offset.saturating_add(1));
        }
        Ok(all)
    }

    async fn done(&mut self) -> Result<(), BusError> {
        if self.given.is_empty() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in &self.given {
            offsets
                .add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|e| BusError::Later(e.to_string()))?;
        }
        let consumer = self.consumer()?;
        let commit = tokio::task::spawn_blocking(move || consumer.commit(&offsets, CommitMode::Sync)).await;
        match commit {
            Ok(Ok(())) => {
                self.given.clear();
                Ok(())
            }
            Ok(Err(error)) => {
                let code = error.rdkafka_error_code();
                if matches!(code, Some(Code::IllegalGeneration | Code::UnknownMemberId | Code::RebalanceInProgress)) {
                    // the partitions are another member's by now, who reads these messages again
                    self.given.clear();
                }
                Err(BusError::Later(format!("offsets are not committed: {error}")))
            }
            Err(e) => Err(BusError::Later(format!("offsets are not committed: {e}"))),
        }
    }
}

fn ask(consumer: &StreamConsumer, topics: &[String]) -> Result<(), BusError> {
    for topic in topics {
        let found = consumer.fetch_metadata(Some(topic), PROBE_MAX).map_err(|e| BusError::Later(unread(&e)))?;
        if let Some(error) = found.topics().iter().find_map(|t| t.error()) {
            let code = Code::from(error);
            return Err(BusError::Later(format!("topic `{topic}`: {code}")));
        }
    }
    Ok(())
}

fn unread(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::OperationTimedOut) => {
            "no broker can be reached".to_owned()
        }
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
            "authentication failed: the brokers refuse this name, password or mechanism".to_owned()
        }
        Some(Code::SSL) => {
            "TLS with the brokers failed: they show a certificate that is not trusted, or speak none".to_owned()
        }
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => "a topic to be read does not exist".to_owned(),
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}

impl Subscription for Reader {
    fn next(&mut self, most: usize, patience: Duration) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        Box::pin(self.read(most, patience))
    }

    fn probe(&mut self) -> BoxFuture<'_, Result<(), BusError>> {
        let (consumer, topics) = (self.consumer(), self.topics.clone());
        Box::pin(async move {
            let consumer = consumer?;
            let asked = tokio::task::spawn_blocking(move || ask(&consumer, &topics)).await;
            asked.map_err(|e| BusError::Later(e.to_string()))?
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), BusError>> {
        Box::pin(self.done())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Its drop waits for a word.
    struct Stuck(Receiver<()>);

    impl Drop for Stuck {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    #[test]
    fn what_cannot_be_closed_holds_nobody_up() {
        let (word, stuck) = channel();
        assert!(!drop_within(Stuck(stuck), Duration::from_millis(1)));
        drop(word);
        let (word, free) = channel();
        word.send(()).expect("somebody listens");
        assert!(drop_within(Stuck(free), LEAVE_MAX));
    }
}
