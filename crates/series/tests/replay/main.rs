//! Whole days through the bank: quiet ones give no incident, faults are found within a stated time.

mod signals;

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Finding, Kind, Timestamp};
use rootline_series::catalog::workload_by_name;
use rootline_series::{Bank, ByName, Context, Options, corroborated};
use signals::{Cluster, DAY, Faults, HOUR, START_S};

/// Pods and containers count for their workload.
fn counted_under(entity: &EntityRef) -> EntityRef {
    let whole = entity.whole();
    if whole.kind == Kind::Pod { workload_by_name(&whole.namespace, &whole.name) } else { whole }
}

/// What a day's replay said.
#[derive(Default)]
struct Said {
    /// First time each (code, subject) was said, with its onset.
    first: BTreeMap<(String, String), (i64, i64)>,
    /// Entities that could have opened an incident, with codes.
    incidents: BTreeSet<(EntityRef, String)>,
    series: usize,
}

impl Said {
    /// Minutes after `hour` of the day of faults until a code was said of a subject that contains a text.
    fn delay_min(&self, code: &str, subject: &str, start_s: i64) -> Option<(i64, i64)> {
        let hits = self.first.iter().filter(|((c, s), _)| c == code && s.contains(subject));
        hits.map(|(_, (at, onset))| ((at - start_s) / 60, (onset - start_s) / 60)).filter(|d| d.0 >= 0).min()
    }
}

/// A week of history by slots, then `hours` in minutes.
fn replay(cluster: &Cluster, hours: i64) -> Said {
    let mut bank = Bank::new(Options::default());
    let from = START_S + 7 * DAY;
    bank.backfill(&cluster.batches((START_S..from).step_by(600)), &ByName, &Context::default());
    let mut said = Said::default();
    for now in (from..from + hours * HOUR).step_by(60) {
        bank.ingest(&cluster.batches(std::iter::once(now)), &ByName);
        let changes = cluster.changes(now);
        let context = Context { changes: &changes, maintenance: &[] };
        let at = Timestamp::from_second(now).expect("a moment of this century");
        let findings = bank.tick(at, &context);
        note(&mut said, now, &findings);
    }
    said.series = bank.stats().baselines;
    said
}

fn note(said: &mut Said, now: i64, findings: &[Finding]) {
    let mut by_entity: BTreeMap<EntityRef, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        let key = (finding.code.to_string(), finding.args.get("subject").unwrap_or_default().to_owned());
        let onset = finding.onset.map_or(now, |o| o.as_second());
        said.first.entry(key).or_insert((now, onset));
        by_entity.entry(counted_under(&finding.entity)).or_default().push(finding.clone());
    }
    for (entity, of) in by_entity {
        if corroborated(&of) {
            let codes: BTreeSet<String> = of.iter().map(|f| f.code.to_string()).collect();
            said.incidents.insert((entity, codes.into_iter().collect::<Vec<_>>().join(" ")));
        }
    }
}

#[test]
fn a_quiet_day_opens_no_incident_whatever_happens_in_it() {
    for seed in [1, 2] {
        let cluster = Cluster { seed, faults: Faults::default() };
        let said = replay(&cluster, 28);
        assert!(said.series > 60, "{} series", said.series);
        assert!(said.incidents.is_empty(), "seed {seed}: {:#?}", said.incidents);
        eprintln!("seed {seed}: {} series, {} words in 28 h: {:#?}", said.series, said.first.len(), said.first.keys());
        assert!(said.first.len() <= 6, "seed {seed}: evidence is cheap but not free: {:#?}", said.first);
    }
}

#[test]
fn faults_are_found_within_their_time_and_dated_by_their_onset() {
    let cluster = Cluster { seed: 7, faults: Faults { day: Some(7) } };
    let said = replay(&cluster, 18);
    let start = |hour: i64| START_S + 7 * DAY + hour * HOUR;
    let mut wrong = Vec::new();
    // code, subject, hour of the fault, found within minutes, onset off by at most
    for (code, subject, hour, within, off) in [
        ("series.slow_climb", "leaky", 6, 300, 300),
        ("series.forecast_breach", "leaky", 6, 7 * 60, 9000),
        ("series.memory_near_limit", "leaky", 6, 8 * 60 + 40, 9000),
        ("series.forecast_breach", "node/n2", 7, 4 * 60, 9000),
        ("series.disk_nearly_full", "node/n2", 7, 5 * 60, 9000),
        ("series.level_shift", "service/shop/pay", 8, 18, 3),
        ("series.disk_io_saturated", "node/n3", 9, 6, 1),
        ("series.peer_disagrees", "web", 10, 14, 5),
        // a burn of 20 fills an hour's window to 14.4 after 43 minutes
        ("slo.burn_fast", "deployment/shop/web", 12, 44, 3),
        ("series.error_share", "web", 12, 7, 1),
        ("series.absent", "node/n4", 14, 13, 2),
        ("series.restarts", "ill", 16, 1, 1),
    ] {
        match said.delay_min(code, subject, start(hour)) {
            Some((delay, onset)) if delay <= within && onset.abs() <= off => {
                eprintln!("{code} {subject}: after {delay} min, onset off by {onset} min");
            }
            other => wrong.push(format!("{code} {subject}: {other:?}, wanted within {within} min, onset within {off}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\nsaid: {:#?}", said.first);
    let opened: BTreeSet<String> = said.incidents.iter().map(|(e, _)| e.to_string()).collect();
    for entity in ["deployment/shop/web", "deployment/shop/ill"] {
        assert!(opened.contains(entity), "{opened:?}");
    }
}
