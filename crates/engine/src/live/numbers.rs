//! Samples and log lines on their way to findings: who owns a pod, the series' bank, the template miner.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use jiff::SignedDuration;
use rootline_analytics::text::{Miner, MinerConfig};
use rootline_model::{EntityRef, Finding, LabelSet, LogLevel, LogRecord, SeriesBatch, Timestamp};
use rootline_series::{Bank, Change, Context, Ingested, LogCount, Maintenance, Options, Query};
use rootline_world::World;

/// Changes that detectors look back on.
const CHANGES_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Changes kept at most; a rollout of everything is described by these.
const CHANGES_MAX: usize = 10_000;
/// Bytes of a line kept as a template's example.
const EXAMPLE_BYTES: usize = 300;
/// Different templates counted between two ticks; what is above is counted under no template.
const COUNTS_MAX: usize = 50_000;

type LogKey = (EntityRef, u64, LogLevel);

#[derive(Debug)]
pub struct Numbers {
    bank: Bank,
    miner: Miner,
    counts: BTreeMap<LogKey, (u32, String)>,
    changes: Vec<Change>,
    maintenance: Vec<Maintenance>,
    owners: HashMap<(String, String), EntityRef>,
}

impl Numbers {
    pub fn new(options: Options) -> Numbers {
        Numbers {
            bank: Bank::new(options),
            miner: Miner::new(MinerConfig::default()),
            counts: BTreeMap::new(),
            changes: Vec::new(),
            maintenance: Vec::new(),
            owners: HashMap::new(),
        }
    }

    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    pub fn templates(&self) -> usize {
        self.miner.live()
    }

    /// The templates of log lines as bytes.
    pub fn templates_snapshot(&self) -> Vec<u8> {
        self.miner.snapshot()
    }

    /// Takes back what `templates_snapshot` gave; says why it cannot.
    pub fn restore_templates(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.miner = Miner::restore(bytes).map_err(|e| e.to_string())?;
        Ok(())
    }

    pub fn set_options(&mut self, options: Options) {
        self.bank.set_options(options);
    }

    pub fn set_maintenance(&mut self, windows: Vec<Maintenance>) {
        self.maintenance = windows;
    }

    pub fn put_back(&mut self, bank: Bank) {
        self.bank = bank;
    }

    pub fn queries(&mut self, now: Timestamp) -> Vec<Query> {
        self.bank.wanted_queries(now)
    }

    pub fn samples(&mut self, batches: &[SeriesBatch], is_history: bool) -> Ingested {
        let owners = &self.owners;
        let known = |namespace: &str, pod: &str| owners.get(&(namespace.to_owned(), pod.to_owned())).cloned();
        let context = Context { changes: &self.changes, maintenance: &self.maintenance };
        if is_history { self.bank.backfill(batches, &known, &context) } else { self.bank.ingest(batches, &known) }
    }

    /// Counts lines by workload and template. Lines of unknown workloads are counted for their namespace.
    pub fn logs(&mut self, records: &[LogRecord]) {
        for record in records {
            let workload = self.workload(&record.labels);
            let template = self.miner.observe(record.text.as_bytes()).0;
            let full = self.counts.len() >= COUNTS_MAX;
            match self.counts.get_mut(&(workload.clone(), template, record.level)) {
                Some((count, _)) => *count = count.saturating_add(1),
                None if full => {}
                None => {
                    self.counts.insert((workload, template, record.level), (1, example(&record.text)));
                }
            }
        }
    }

    fn workload(&self, labels: &LabelSet) -> EntityRef {
        let (namespace, pod) = (labels.value("namespace"), labels.value("pod"));
        match self.owners.get(&(namespace.to_owned(), pod.to_owned())) {
            Some(owner) => owner.clone(),
            None if !pod.is_empty() => EntityRef::pod(namespace, pod),
            None if !labels.value("node").is_empty() => EntityRef::node(labels.value("node")),
            None => EntityRef::wide(rootline_model::Kind::Namespace, namespace),
        }
    }

    pub fn changed(&mut self, change: Change) {
        if self.changes.len() >= CHANGES_MAX {
            self.changes.remove(0);
        }
        self.changes.push(change);
    }

    pub fn tick(&mut self, now: Timestamp, world: &World) -> Vec<Finding> {
        self.owners = world
            .pods
            .iter()
            .map(|p| ((p.namespace().to_owned(), p.name().to_owned()), world.workload_of(p)))
            .collect();
        let counts: Vec<LogCount> = std::mem::take(&mut self.counts)
            .into_iter()
            .map(|((workload, template, level), (count, text))| LogCount { template, text, workload, level, count })
            .collect();
        self.changes.retain(|c| now.duration_since(c.at) <= CHANGES_FOR);
        let context = Context { changes: &self.changes, maintenance: &self.maintenance };
        self.bank.ingest_logs(now, &counts, &context);
        let owners = &self.owners;
        let known = |namespace: &str, pod: &str| owners.get(&(namespace.to_owned(), pod.to_owned())).cloned();
        self.bank.derive_with(now, &known);
        self.bank.tick(now, &context)
    }
}

fn example(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let mut end = first.len().min(EXAMPLE_BYTES);
    while !first.is_char_boundary(end) {
        end -= 1;
    }
    first[..end].to_owned()
}
