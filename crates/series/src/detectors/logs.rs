//! Error lines never seen before, and far more of them than usual.
//!
//! **What it finds** a template of level error or worse that a workload never wrote; five minutes with three times the
//! errors of any five minutes of the day before.
//! **Why it matters** programs often name the cause in their own words, once.
//! **Evidence used** counts per template, workload and level from the log miner.
//! **How to confirm by hand** `kubectl logs`, or the template's words in Loki.
//! **What can fool it** the first day: everything is new. A single odd line: three within ten minutes. A program that
//! writes ever new templates: beyond a bound novelty says nothing for it. Nightly jobs: their templates and their counts
//! are known from the night before. Warnings: not looked at.
//! **Source** log-anomaly practice (novel templates); the record rule of detection-and-forecasting, section 2.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Evidence, Finding, LogLevel, Timestamp};

use crate::snapshot::{Read, SnapshotError, entity, moment, put_count, put_entity, put_text};
use crate::window::Ring;

/// How often one template was written by one workload since the last report.
#[derive(Clone, Debug, PartialEq)]
pub struct LogCount {
    /// The miner's number of the template: the same words, the same number.
    pub template: u64,
    /// `reset by peer <*>`; kept only for what is reported.
    pub text: String,
    pub workload: EntityRef,
    pub level: LogLevel,
    pub count: u32,
}

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Logs {
    pub enabled: bool,
    /// Lines of a new template within ten minutes.
    pub lines_min: u32,
    /// Errors in five minutes below which a rate is no news.
    pub errors_min: f64,
    /// Times the highest five minutes of the day before.
    pub times: f64,
    /// Templates known of one workload; beyond, novelty says nothing for it.
    pub templates_max: usize,
    /// Workloads at most; beyond, new ones are not watched.
    pub workloads_max: usize,
    /// Findings of new templates of one workload at a time.
    pub findings_max: usize,
    /// Seconds a workload's log is known before anything is new.
    pub warm_s: i64,
}

impl Default for Logs {
    fn default() -> Self {
        Logs {
            enabled: true,
            lines_min: 3,
            errors_min: 20.0,
            times: 3.0,
            templates_max: 2000,
            workloads_max: 20_000,
            findings_max: 3,
            warm_s: 86_400,
        }
    }
}

/// Five-minute steps kept: a day and two hours, so that last night's job is known tonight.
const STEPS: usize = 312;
const STEP_S: i64 = 300;
/// Seconds in which a new template must come often enough, and for which its finding stays.
const NOVEL_S: i64 = 600;

#[derive(Debug)]
struct Novel {
    first_s: i64,
    last_s: i64,
    count: u32,
    text: String,
}

#[derive(Debug)]
struct Log {
    first_s: i64,
    known: BTreeSet<u64>,
    novel: BTreeMap<u64, Novel>,
    errors: Ring,
}

/// Logs of all workloads.
#[derive(Debug, Default)]
pub(crate) struct LogWatch {
    logs: BTreeMap<EntityRef, Log>,
}

impl LogWatch {
    pub fn take<'a>(&mut self, settings: &Logs, now_s: i64, counts: impl IntoIterator<Item = &'a LogCount>) {
        for count in counts {
            if !self.logs.contains_key(&count.workload) && self.logs.len() >= settings.workloads_max {
                continue;
            }
            let log = self.logs.entry(count.workload.clone()).or_insert_with(|| Log {
                first_s: now_s,
                known: BTreeSet::new(),
                novel: BTreeMap::new(),
                errors: Ring::new(STEPS),
            });
            let step = now_s.div_euclid(STEP_S);
            let before = log.errors.get(step);
            let is_error = count.level >= LogLevel::Error;
            let add = if is_error { f64::from(count.count) } else { 0.0 };
            log.errors.set(step, if before.is_finite() { before + add } else { add });
            if !is_error || log.known.len() >= settings.templates_max {
                continue;
            }
            if log.known.insert(count.template) && now_s - log.first_s >= settings.warm_s && log.novel.len() < 100 {
                let text = count.text.chars().take(300).collect();
                log.novel.insert(count.template, Novel { first_s: now_s, last_s: now_s, count: count.count, text });
            } else if let Some(novel) = log.novel.get_mut(&count.template) {
                novel.count = novel.count.saturating_add(count.count);
                novel.last_s = now_s;
            }
        }
    }

    /// Everything that is new or too much now.
    pub fn look(&mut self, settings: &Logs, now_s: i64) -> Vec<Finding> {
        let mut out = Vec::new();
        for (workload, log) in &mut self.logs {
            log.novel.retain(|_, n| now_s - n.last_s <= NOVEL_S);
            let mut new: Vec<&Novel> = log.novel.values().filter(|n| n.count >= settings.lines_min).collect();
            new.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
            for novel in new.into_iter().take(settings.findings_max) {
                let finding = Finding::new("log.new_error_template", workload.clone())
                    .nats(1.5)
                    .since(Timestamp::from_second(novel.first_s).ok())
                    .arg("subject", workload.to_string())
                    .arg("count", novel.count.to_string())
                    .arg("template", novel.text.clone())
                    .evidence(Evidence::Log {
                        container: workload.clone(),
                        line: novel.text.clone(),
                        previous: false,
                        count: novel.count,
                    });
                out.push(finding);
            }
            out.extend(rate(settings, now_s, workload, log));
        }
        out
    }

    /// All that is known; `flush` is told after each workload.
    pub fn write(&self, out: &mut Vec<u8>, flush: &mut dyn FnMut(&mut Vec<u8>)) {
        put_count(out, self.logs.len());
        for (workload, log) in &self.logs {
            put_entity(out, workload);
            out.extend(log.first_s.to_le_bytes());
            put_count(out, log.known.len());
            out.extend(log.known.iter().flat_map(|t| t.to_le_bytes()));
            put_count(out, log.novel.len());
            for (template, novel) in &log.novel {
                out.extend(template.to_le_bytes());
                [novel.first_s, novel.last_s].iter().for_each(|s| out.extend(s.to_le_bytes()));
                out.extend(novel.count.to_le_bytes());
                put_text(out, &novel.text);
            }
            log.errors.write(out);
            flush(out);
        }
    }

    /// From [`LogWatch::write`], within the bounds of the settings.
    pub fn read(read: &mut Read<'_>, settings: &Logs) -> Result<Self, SnapshotError> {
        let mut watch = LogWatch::default();
        for _ in 0..read.count(32)? {
            let workload = entity(read)?;
            let first_s = moment(read)?;
            let mut known = BTreeSet::new();
            for _ in 0..read.count(8)? {
                known.insert(read.u64()?);
            }
            let mut novel = BTreeMap::new();
            for _ in 0..read.count(32)? {
                let template = read.u64()?;
                let (first_s, last_s, count) = (moment(read)?, moment(read)?, read.u32()?);
                novel.insert(template, Novel { first_s, last_s, count, text: read.text()?.to_owned() });
            }
            let errors = Ring::read(read, STEPS)?;
            if watch.logs.len() < settings.workloads_max {
                watch.logs.insert(workload, Log { first_s, known, novel, errors });
            }
        }
        Ok(watch)
    }

    /// Forgets workloads that wrote nothing for long.
    pub fn forget(&mut self, before_s: i64) {
        self.logs.retain(|_, log| log.errors.newest() * STEP_S >= before_s);
    }
}

fn rate(settings: &Logs, now_s: i64, workload: &EntityRef, log: &Log) -> Option<Finding> {
    let step = now_s.div_euclid(STEP_S);
    if now_s - log.first_s < settings.warm_s {
        return None;
    }
    // the step that is being filled, or the last whole one
    let (at, count) = [step, step - 1].map(|s| (s, log.errors.get(s))).into_iter().max_by(|a, b| {
        let number = |v: f64| if v.is_finite() { v } else { -1.0 };
        number(a.1).total_cmp(&number(b.1))
    })?;
    // an hour back, so that the trouble itself is not what is usual
    let past = log.errors.last(step - 12, STEPS - 14);
    let most = past.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    if !(count >= settings.errors_min && count >= settings.times * most) {
        return None;
    }
    let first =
        (0..12).map(|back| at - back).take_while(|s| log.errors.get(*s) >= settings.times * most.max(1.0)).last();
    Some(
        Finding::new("log.error_rate", workload.clone())
            .nats(1.5)
            .since(Timestamp::from_second(first.unwrap_or(at) * STEP_S).ok())
            .arg("subject", workload.to_string())
            .arg("count", format!("{count:.0}"))
            .arg("usual", format!("{most:.0}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_model::Kind;

    fn count(template: u64, level: LogLevel, count: u32) -> LogCount {
        let workload = EntityRef::new(Kind::Deployment, "shop", "cart");
        LogCount { template, text: format!("template {template} <*>"), workload, level, count }
    }

    fn codes(watch: &mut LogWatch, now_s: i64) -> Vec<String> {
        watch.look(&Logs::default(), now_s).iter().map(|f| f.code.to_string()).collect()
    }

    /// Two days: one error every five minutes, a nightly job with 200 errors of its own template.
    fn two_days() -> (LogWatch, i64) {
        let mut watch = LogWatch::default();
        let mut now = 0;
        while now < 2 * 86_400 {
            watch.take(&Logs::default(), now, &[count(1, LogLevel::Error, 1), count(7, LogLevel::Info, 500)]);
            if now % 86_400 == 7200 {
                watch.take(&Logs::default(), now, &[count(2, LogLevel::Error, 200)]);
            }
            assert!(codes(&mut watch, now).is_empty(), "at {now}");
            now += 300;
        }
        (watch, now)
    }

    #[test]
    fn quiet_days_with_a_nightly_job_say_nothing_and_a_new_error_does() {
        let (mut watch, now) = two_days();
        watch.take(&Logs::default(), now, &[count(9, LogLevel::Error, 1)]);
        assert!(codes(&mut watch, now).is_empty(), "one odd line is no news");
        watch.take(&Logs::default(), now + 60, &[count(9, LogLevel::Error, 4)]);
        assert_eq!(codes(&mut watch, now + 60), ["log.new_error_template"]);
        assert!(codes(&mut watch, now + 3600).is_empty(), "it ends");
    }

    #[test]
    fn a_flood_of_known_errors_is_a_rate_and_no_novelty() {
        let (mut watch, now) = two_days();
        watch.take(&Logs::default(), now, &[count(1, LogLevel::Error, 900)]);
        assert_eq!(codes(&mut watch, now), ["log.error_rate"]);
    }

    #[test]
    fn the_first_day_and_endless_new_templates_say_nothing() {
        let mut watch = LogWatch::default();
        for step in 0..3000_u64 {
            let now = i64::try_from(step).unwrap_or(0) * 60;
            watch.take(&Logs::default(), now, &[count(1000 + step, LogLevel::Error, 3)]);
            let novel = codes(&mut watch, now).len();
            assert!(novel == 0 || (1440..2011).contains(&step), "step {step}: {novel}");
        }
    }
}
