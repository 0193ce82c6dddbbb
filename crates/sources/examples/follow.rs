//! Follows a cluster and answers questions about what it knows: the probe of `testbed/watch.sh`.
//!
//! usage: follow KUBECONFIG [--namespace NS] [--lists] [--lease NAME IDENTITY]
//!
//! Changes and warnings are printed as they come. Commands on standard input, one a line:
//! - `ready`: waits until everything is read
//! - `compare`: reads the cluster anew and compares signals and diagnosis with what was followed
//! - `stats`: memory, time, counters
//! - `gaps`: what could not be seen

#![allow(clippy::disallowed_methods, reason = "a probe has a clock and looks at itself")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rootline_engine::{Engine, Options, Target};
use rootline_model::{Gap, Lang, Timestamp};
use rootline_objects::Signal;
use rootline_sources::gap_text;
use rootline_sources::live::{LiveOptions, Quiet, read_cluster};
use rootline_sources::watch::{Counters, Delta, ElectionTimes, Lease, LeaseOptions, ObjectStore, Watch, WatchOptions};

type Failure = Box<dyn std::error::Error>;

/// Things move while they are compared: so many tries.
const COMPARISONS: usize = 40;

struct Probe {
    options: WatchOptions,
    watch: Watch,
    deltas: tokio::sync::mpsc::Receiver<Delta>,
    store: ObjectStore,
    engine: Engine,
    taken: u64,
    changes: u64,
    events: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str, n: usize| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + n).cloned()
    };
    let live = LiveOptions {
        kubeconfig: arguments.first().map(Into::into),
        namespace: after("--namespace", 1),
        ..LiveOptions::default()
    };
    if let (Some(name), Some(identity)) = (after("--lease", 1), after("--lease", 2)) {
        return elect(live, name, identity).await;
    }
    let options = WatchOptions {
        live,
        streaming_lists: !arguments.iter().any(|a| a == "--lists"),
        pause_max: Duration::from_secs(5),
        poll: Duration::from_secs(5),
        ..WatchOptions::default()
    };
    let (watch, deltas) = Watch::start(&options).await?;
    let engine = Engine::new(Options::default())?;
    let (store, taken, changes, events) = (ObjectStore::default(), 0, 0, 0);
    let mut probe = Probe { options, watch, deltas, store, engine, taken, changes, events };
    let mut lines = commands();
    loop {
        tokio::select! {
            delta = probe.deltas.recv() => match delta {
                Some(delta) => probe.take(delta),
                None => return Ok(()),
            },
            line = lines.recv() => match line.as_deref() {
                Some("ready") => probe.ready().await,
                Some("compare") => probe.compare().await,
                Some("stats") => probe.stats(),
                Some("gaps") => probe.gaps(),
                Some(other) => println!("unknown command {other}"),
                None => return Ok(()),
            },
        }
    }
}

/// Lines of standard input, read by a thread of their own.
fn commands() -> tokio::sync::mpsc::Receiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Prints a line whenever leadership comes or goes, and while it is there one for every act.
async fn elect(live: LiveOptions, name: String, identity: String) -> Result<(), Failure> {
    let (namespace, times) = ("default".to_owned(), ElectionTimes::default());
    let lease = Lease::start(LeaseOptions { live, namespace, name, identity: identity.clone(), times }).await?;
    let mut led = false;
    loop {
        let leads = lease.leads();
        if leads != led {
            println!("{} {identity} {}", Timestamp::now(), if leads { "leads" } else { "follows" });
        }
        if leads {
            println!("{} {identity} acts", Timestamp::now());
        }
        led = leads;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Probe {
    fn take(&mut self, delta: Delta) {
        self.taken += 1;
        let applied = self.store.apply(delta, Timestamp::now());
        for change in applied.changes {
            self.changes += 1;
            println!("change {} {}", change.what.code(), change.words().en);
        }
        if let Some(event) = applied.event {
            self.events += 1;
            if event.warning {
                println!("event {} {} x{}", event.reason, event.about, event.count);
            }
        }
    }

    /// Takes what comes for a while.
    async fn settle(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while let Ok(Some(delta)) = tokio::time::timeout_at(end, self.deltas.recv()).await {
            self.take(delta);
        }
    }

    async fn ready(&mut self) {
        let began = Instant::now();
        while !self.store.is_ready() {
            self.settle(Duration::from_millis(20)).await;
        }
        println!("ready {} objects after {} ms", self.store.len(), began.elapsed().as_millis());
    }

    async fn compare(&mut self) {
        let mut last = String::new();
        for _ in 0..COMPARISONS {
            let options = self.options.live.clone();
            let reading = read_cluster(&options, &Quiet);
            tokio::pin!(reading);
            // what is followed must not fall behind while the other is read
            let read = loop {
                tokio::select! {
                    read = &mut reading => break read,
                    Some(delta) = self.deltas.recv() => self.take(delta),
                }
            };
            match read {
                Err(e) => last = e.to_string(),
                Ok(input) => {
                    self.settle(Duration::from_millis(150)).await;
                    match self.differences(input.signals) {
                        Ok(words) => {
                            println!("{words}");
                            return;
                        }
                        Err(words) => last = words,
                    }
                }
            }
            self.settle(Duration::from_millis(300)).await;
        }
        println!("differs {last}");
    }

    fn differences(&self, mut read: Vec<Signal>) -> Result<String, String> {
        let now = Timestamp::now();
        let followed = self.store.signals(now);
        let (a, b) = (lines(&followed), lines(&read));
        let differing: Vec<&String> = a.symmetric_difference(&b).collect();
        if let Some(first) = differing.first() {
            return Err(format!("{} differ, such as {first:.600}", differing.len()));
        }
        read.retain(|s| !matches!(s, Signal::Clock(_)));
        read.push(Signal::Clock(now));
        let one = format!("{:?}", self.engine.diagnose(followed, &Target::default()));
        let other = format!("{:?}", self.engine.diagnose(read, &Target::default()));
        let same = if one == other { "same diagnosis" } else { "ANOTHER DIAGNOSIS" };
        Ok(format!("equal {} signals, {same} of {} bytes", a.len(), one.len()))
    }

    fn stats(&self) {
        let resident = memory_kb();
        let began = Instant::now();
        let signals = self.store.signals(Timestamp::now());
        let cloned = began.elapsed();
        let count = signals.len();
        let began = Instant::now();
        let diagnosis = self.engine.diagnose(signals, &Target::default());
        let diagnosed = began.elapsed();
        let sum =
            |of: fn(&Counters) -> &AtomicU64| -> u64 { self.watch.counters().map(|(_, c)| of(c).load(Relaxed)).sum() };
        println!(
            "stats rss_kb={resident} cpu_ms={} objects={} signals={count} signals_us={} diagnose_us={} incidents={} deltas={} changes={} events={} lists={} streams={} lines={} bytes={} failures={} stalls={} skew_ms={}",
            cpu_ms(),
            self.store.len(),
            cloned.as_micros(),
            diagnosed.as_micros(),
            diagnosis.incidents.len(),
            self.taken,
            self.changes,
            self.events,
            sum(|c| &c.lists),
            sum(|c| &c.streams),
            sum(|c| &c.lines),
            sum(|c| &c.bytes),
            sum(|c| &c.failures),
            sum(|c| &c.stalls),
            self.watch.skew().as_millis(),
        );
    }

    fn gaps(&self) {
        let all = self.store.signals(Timestamp::now());
        let gaps: Vec<&Gap> = all
            .iter()
            .filter_map(|s| match s {
                Signal::Gap(gap) => Some(gap),
                _ => None,
            })
            .collect();
        for gap in &gaps {
            println!("gap {:?} {}: {}", gap.kind, gap.subject, gap_text(gap, Lang::En));
        }
        println!("gaps {}", gaps.len());
    }
}

/// Signals as text without the clock; their order says nothing.
fn lines(signals: &[Signal]) -> BTreeSet<String> {
    let all = signals.iter().filter(|s| !matches!(s, Signal::Clock(_)));
    all.map(|s| format!("{s:?}")).collect()
}

fn memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// User and system time of this process; the kernel counts in hundredths.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let of = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    (of(11) + of(12)) * 10
}
