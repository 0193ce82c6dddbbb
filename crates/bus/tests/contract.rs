//! What a bus promises, held against librdkafka's own mock brokers.

use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rootline_bus::{Bus, BusError, Kafka, Mechanism, Message, Options, Record, Sasl, Subscription, Tls};

const BOUND: Duration = Duration::from_secs(60);

fn brokers() -> (MockCluster<'static, DefaultProducerContext>, Kafka) {
    let cluster = MockCluster::new(1).expect("mock brokers");
    cluster.create_topic("in", 3, 1).expect("a topic");
    let settings = vec![("message.timeout.ms".to_owned(), "3000".to_owned())];
    let kafka = Kafka::new(Options { brokers: cluster.bootstrap_servers(), settings, ..Options::default() })
        .expect("settings fit");
    (cluster, kafka)
}

fn records(numbers: std::ops::Range<u32>) -> Vec<Record> {
    let record =
        |n: u32| Record { topic: "in".to_owned(), key: format!("k{}", n % 7), payload: n.to_string().into_bytes() };
    numbers.map(record).collect()
}

fn number(message: &Message) -> u32 {
    String::from_utf8_lossy(&message.payload).parse().expect("a number")
}

/// Reads until that many came.
async fn read(reader: &mut Box<dyn Subscription>, many: usize) -> Vec<Message> {
    let mut all = Vec::new();
    let work = async {
        while all.len() < many {
            all.extend(reader.next(100, Duration::from_millis(500)).await.expect("readable"));
        }
    };
    tokio::time::timeout(BOUND, work).await.expect("messages come");
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_is_read_once_by_a_group_that_commits() {
    let (_cluster, kafka) = brokers();
    assert!(kafka.publish(&records(0..200)).await.iter().all(Result::is_ok));
    let topics = ["in".to_owned()];
    let mut reader = kafka.subscribe("g", &topics).expect("subscribed");
    assert_eq!(reader.probe().await, Ok(()));
    let first = read(&mut reader, 200).await;
    let mut numbers: Vec<u32> = first.iter().map(number).collect();
    // of one key in its order
    for key in 0..7 {
        let of: Vec<u32> = numbers.iter().copied().filter(|n| n % 7 == key).collect();
        assert!(of.is_sorted(), "{of:?}");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert!(first.iter().all(|m| m.at.is_some()));
    reader.commit().await.expect("committed");
    drop(reader);
    kafka.publish(&records(200..201)).await;
    let mut reader = kafka.subscribe("g", &topics).expect("subscribed");
    assert_eq!(read(&mut reader, 1).await.iter().map(number).collect::<Vec<_>>(), [200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_committed_comes_again() {
    let (_cluster, kafka) = brokers();
    kafka.publish(&records(0..20)).await;
    let topics = ["in".to_owned()];
    let mut reader = kafka.subscribe("g", &topics).expect("subscribed");
    assert_eq!(read(&mut reader, 20).await.len(), 20);
    drop(reader);
    let mut reader = kafka.subscribe("g", &topics).expect("subscribed");
    let mut again: Vec<u32> = read(&mut reader, 20).await.iter().map(number).collect();
    again.sort_unstable();
    assert_eq!(again, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_takes_nothing_and_says_so_and_takes_it_later() {
    let (cluster, kafka) = brokers();
    assert_eq!(kafka.publish(&records(0..1)).await, [Ok(())]);
    let mut reader = kafka.subscribe("g", &["in".to_owned()]).expect("subscribed");
    cluster.broker_down(1).expect("down");
    assert!(matches!(reader.probe().await, Err(BusError::Later(_))));
    let away = kafka.publish(&records(1..3)).await;
    assert!(away.iter().all(|r| matches!(r, Err(BusError::Later(_)))), "{away:?}");
    cluster.broker_up(1).expect("up");
    let again = async { while kafka.publish(&records(1..3)).await != [Ok(()), Ok(())] {} };
    tokio::time::timeout(BOUND, again).await.expect("it takes records again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_does_not_hold_up_the_others() {
    let (_cluster, kafka) = brokers();
    let mut three = records(0..3);
    three[1].payload = vec![b'x'; 2 << 20];
    let answers = kafka.publish(&three).await;
    assert!(matches!(&answers[..], [Ok(()), Err(BusError::Refused(_)), Ok(())]), "{answers:?}");
}

#[test]
fn a_setting_that_nobody_knows_is_named() {
    let settings = vec![("compresion.type".to_owned(), "lz4".to_owned())];
    let error = Kafka::new(Options { brokers: "127.0.0.1:1".to_owned(), settings, ..Options::default() }).err();
    assert!(matches!(&error, Some(BusError::Settings(why)) if why.contains("compresion.type")), "{error:?}");
}

/// What a build takes of TLS and SCRAM, without any broker: librdkafka looks at names, mechanisms and files at once.
#[test]
fn tls_and_scram_are_taken_by_a_build_that_has_them_and_named_by_one_that_has_not() {
    let sasl = Sasl { mechanism: Mechanism::ScramSha512, username: "rootline".into(), password: "secret".into() };
    let of = |tls: Option<Tls>, sasl: Option<Sasl>| {
        let made = Kafka::new(Options { brokers: "127.0.0.1:1".to_owned(), tls, sasl, ..Options::default() });
        made.err().map(|e| e.to_string())
    };
    assert_eq!(of(None, Some(Sasl { mechanism: Mechanism::Plain, ..sasl.clone() })), None, "PLAIN needs no OpenSSL");
    let secure = of(Some(Tls::default()), Some(sasl));
    if cfg!(feature = "kafka-tls") {
        assert_eq!(secure, None);
        let gone = Tls { ca_file: "/nowhere/ca.pem".to_owned(), ..Tls::default() };
        let said = of(Some(gone), None).unwrap_or_default();
        assert!(said.contains("ssl.ca.location"), "{said}");
    } else {
        assert!(secure.is_some_and(|said| said.contains("without TLS for Kafka")));
    }
}
