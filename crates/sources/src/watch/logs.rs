//! Which logs to fetch now, and what was fetched: a daemon looks every few seconds at containers that fail for hours. Pure.

use std::collections::BTreeMap;

use rootline_model::{Gap, Timestamp};
use rootline_objects::{LogTail, LogWanted, Signal};

/// How often, and how much is kept. Starting values, see ADR-0008.
#[derive(Clone, Copy, Debug)]
pub struct LogRates {
    /// Of one container's run, seconds between two fetches; doubles while nothing new comes, up to `again_max_s`.
    pub again_s: i64,
    pub again_max_s: i64,
    /// Fetches a minute, over all containers.
    pub per_minute: usize,
    /// Bytes of all tails that are kept; the longest unwanted go first.
    pub kept_bytes: usize,
}

impl Default for LogRates {
    fn default() -> Self {
        LogRates { again_s: 30, again_max_s: 600, per_minute: 60, kept_bytes: 32 << 20 }
    }
}

/// Logs of suspicious containers over time.
#[derive(Debug, Default)]
pub struct LogBook {
    rates: LogRates,
    runs: BTreeMap<LogWanted, Run>,
    /// Start of the current minute and what was fetched in it.
    minute: Option<(Timestamp, usize)>,
    gaps: Vec<Gap>,
}

#[derive(Debug)]
struct Run {
    fetched: Timestamp,
    again_s: i64,
    tail: Option<LogTail>,
}

impl LogBook {
    pub fn new(rates: LogRates) -> LogBook {
        LogBook { rates, ..LogBook::default() }
    }

    /// What to fetch now of what is wanted. Those never fetched come first; what is not wanted any more is forgotten.
    pub fn due(&mut self, wanted: &[LogWanted], now: Timestamp) -> Vec<LogWanted> {
        self.runs.retain(|run, _| wanted.contains(run));
        let used = match self.minute {
            Some((start, used)) if now.as_second() - start.as_second() < 60 => used,
            _ => {
                self.minute = Some((now, 0));
                0
            }
        };
        let mut due: Vec<(Option<Timestamp>, &LogWanted)> = wanted
            .iter()
            .filter_map(|w| match self.runs.get(w) {
                None => Some((None, w)),
                Some(run) => {
                    let over = now.as_second() - run.fetched.as_second() >= run.again_s;
                    over.then_some((Some(run.fetched), w))
                }
            })
            .collect();
        due.sort();
        due.truncate(self.rates.per_minute.saturating_sub(used));
        if let Some((_, used)) = &mut self.minute {
            *used += due.len();
        }
        due.into_iter().map(|(_, w)| w.clone()).collect()
    }

    /// What came of fetching `asked`: tails and gaps, as `Watch::logs` gives them.
    pub fn take(&mut self, asked: &[LogWanted], signals: Vec<Signal>, now: Timestamp) {
        let mut tails: BTreeMap<LogWanted, LogTail> = BTreeMap::new();
        self.gaps.clear();
        for signal in signals {
            match signal {
                Signal::Log(tail) => {
                    let (namespace, pod) = (tail.namespace.clone(), tail.pod.clone());
                    let key = LogWanted { namespace, pod, container: tail.container.clone(), previous: tail.previous };
                    tails.insert(key, tail);
                }
                Signal::Gap(gap) => self.gaps.push(gap),
                _ => {}
            }
        }
        for wanted in asked {
            let tail = tails.remove(wanted);
            let rates = self.rates;
            let run = self.runs.entry(wanted.clone()).or_insert(Run { fetched: now, again_s: 0, tail: None });
            let news = tail.is_some() && tail != run.tail;
            run.again_s = if news { rates.again_s } else { (run.again_s * 2).clamp(rates.again_s, rates.again_max_s) };
            run.fetched = now;
            // a log that cannot be read now does not undo what was read before
            run.tail = tail.or(run.tail.take());
        }
        self.shed();
    }

    /// Everything that is kept, for a diagnosis.
    pub fn signals(&self) -> impl Iterator<Item = Signal> {
        let tails = self.runs.values().filter_map(|run| run.tail.clone().map(Signal::Log));
        tails.chain(self.gaps.iter().cloned().map(Signal::Gap))
    }

    /// Keeps within the bytes: the oldest tails go first.
    fn shed(&mut self) {
        let size = |run: &Run| run.tail.iter().flat_map(|t| &t.lines).map(String::len).sum::<usize>();
        let mut total: usize = self.runs.values().map(size).sum();
        if total <= self.rates.kept_bytes {
            return;
        }
        let mut oldest: Vec<&mut Run> = self.runs.values_mut().collect();
        oldest.sort_by_key(|run| run.fetched);
        for run in oldest {
            if total <= self.rates.kept_bytes {
                return;
            }
            total -= size(run);
            run.tail = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("small")
    }

    fn wanted(n: usize) -> Vec<LogWanted> {
        let one = |i| LogWanted {
            namespace: "shop".into(),
            pod: format!("cart-{i}"),
            container: "app".into(),
            previous: false,
        };
        (0..n).map(one).collect()
    }

    fn tail(of: &LogWanted, line: &str) -> Signal {
        let (namespace, pod, container) = (of.namespace.clone(), of.pod.clone(), of.container.clone());
        Signal::Log(LogTail { namespace, pod, container, previous: of.previous, lines: vec![line.to_owned()] })
    }

    #[test]
    fn a_log_without_news_is_fetched_less_and_less() {
        let mut book = LogBook::default();
        let all = wanted(1);
        let mut fetched = Vec::new();
        for second in (0..3600).step_by(15) {
            let due = book.due(&all, at(second));
            if !due.is_empty() {
                fetched.push(second);
            }
            let signals = due.iter().map(|w| tail(w, "the same")).collect();
            book.take(&due, signals, at(second));
        }
        assert_eq!(&fetched[..5], [0, 30, 90, 210, 450]);
        assert!(fetched.len() < 12, "{fetched:?}");
        assert_eq!(book.signals().count(), 1, "and it is there all the time");
        // news make it lively again
        let due = book.due(&all, at(4200));
        book.take(&due, vec![tail(&all[0], "another")], at(4200));
        assert_eq!(book.due(&all, at(4230)).len(), 1);
    }

    #[test]
    fn many_failing_containers_take_turns() {
        let mut book = LogBook::new(LogRates { per_minute: 10, ..LogRates::default() });
        let all = wanted(25);
        let mut seen = std::collections::BTreeSet::new();
        for minute in 0..3 {
            let due = book.due(&all, at(minute * 60));
            assert!(due.len() <= 10);
            assert!(book.due(&all, at(minute * 60 + 1)).is_empty(), "the minute is used up");
            seen.extend(due.iter().map(|w| w.pod.clone()));
            book.take(&due, Vec::new(), at(minute * 60));
        }
        assert_eq!(seen.len(), 25);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_not_wanted_is_forgotten() {
        let mut book = LogBook::new(LogRates { kept_bytes: 100, ..LogRates::default() });
        let all = wanted(3);
        for (i, one) in all.iter().enumerate() {
            let now = at(i64::try_from(i).expect("small"));
            book.take(std::slice::from_ref(one), vec![tail(one, &"x".repeat(45))], now);
        }
        assert_eq!(book.signals().count(), 2, "the oldest went");
        book.due(&all[..1], at(5));
        assert_eq!(book.signals().count(), 0);
    }
}
