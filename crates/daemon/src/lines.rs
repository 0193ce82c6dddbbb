//! The last lines of containers out of what is pushed or read by query, for containers whose log the API server does not give: the
//! node is away, the pod was evicted, the account may not read logs.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::SignedDuration;
use rootline_model::{LogLevel, LogRecord, Timestamp};
use rootline_objects::{LogTail, LogWanted, Signal};

/// Lines of one container.
const LINES_MAX: usize = 40;
/// Bytes of one line; the begin of a stack trace tells most.
const LINE_MAX: usize = 2_000;
/// Bytes that a line takes beside its text.
const LINE_COST: usize = 64;
/// Bytes of all lines; what was silent for the longest time goes first, a tenth at once.
const BYTES_MAX: usize = 4 << 20;

/// Older lines tell of another trouble.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Namespace, pod, container.
type Place = (Box<str>, Box<str>, Box<str>);

#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<(Timestamp, String)>,
    bytes: usize,
    last: Timestamp,
}

/// See the module.
#[derive(Debug, Default)]
pub struct LastLines {
    tails: HashMap<Place, Tail>,
    bytes: usize,
    /// Containers whose log is wanted and not there otherwise.
    missing: HashSet<Place>,
}

impl LastLines {
    /// Keeps what may tell of trouble. True if it is about a container whose log is missing.
    pub fn take(&mut self, records: &[LogRecord]) -> bool {
        let mut is_news = false;
        for record in records.iter().filter(|r| !matches!(r.level, LogLevel::Debug | LogLevel::Info)) {
            let of = |label: &str| Box::from(record.labels.value(label));
            let place: Place = (of("namespace"), of("pod"), of("container"));
            if place.1.is_empty() {
                continue;
            }
            is_news |= self.missing.contains(&place);
            let tail = self.tails.entry(place).or_default();
            let before = tail.bytes;
            let line = &record.text[..record.text.floor_char_boundary(LINE_MAX)];
            tail.lines.push_back((record.at, line.to_owned()));
            tail.bytes += line.len() + LINE_COST;
            tail.last = tail.last.max(record.at);
            while tail.lines.len() > LINES_MAX
                && let Some((_, old)) = tail.lines.pop_front()
            {
                tail.bytes -= old.len() + LINE_COST;
            }
            self.bytes = self.bytes + tail.bytes - before;
        }
        self.shed();
        is_news
    }

    /// Logs of wanted containers that are not among `logs`.
    pub fn fill(&mut self, now: Timestamp, wanted: &[LogWanted], logs: &[Signal]) -> Vec<Signal> {
        let is_young = |at: Timestamp| now.duration_since(at) <= AGE_MAX;
        let has_log = |w: &LogWanted| {
            let of = |s: &Signal| matches!(s, Signal::Log(t) if t.namespace == w.namespace && t.pod == w.pod && t.container == w.container);
            logs.iter().any(of)
        };
        self.missing.clear();
        let mut found = Vec::new();
        for w in wanted.iter().filter(|w| !w.previous && !has_log(w)) {
            let place =
                |container: &str| -> Place { (w.namespace.as_str().into(), w.pod.as_str().into(), container.into()) };
            // not every shipper tells the container
            for place in [place(&w.container), place("")] {
                if !self.missing.insert(place.clone()) {
                    continue;
                }
                if let Some(tail) = self.tails.get(&place).filter(|t| is_young(t.last)) {
                    found.push(Signal::Log(LogTail {
                        namespace: w.namespace.clone(),
                        pod: w.pod.clone(),
                        container: place.2.clone().into(),
                        // lines of all its runs; what ended it is in the one before this
                        previous: wanted.contains(&LogWanted { previous: true, ..w.clone() }),
                        lines: tail
                            .lines
                            .iter()
                            .filter(|(at, _)| is_young(*at))
                            .map(|(_, line)| line.clone())
                            .collect(),
                    }));
                }
            }
        }
        found
    }

    fn shed(&mut self) {
        if self.bytes <= BYTES_MAX {
            return;
        }
        let mut order: Vec<(Timestamp, Place)> = self.tails.iter().map(|(place, t)| (t.last, place.clone())).collect();
        order.sort_unstable();
        for (_, place) in order {
            if self.bytes <= BYTES_MAX - BYTES_MAX / 10 {
                return;
            }
            self.bytes -= self.tails.remove(&place).map_or(0, |t| t.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use rootline_engine::{Engine, Options, Target};
    use rootline_model::LabelSet;

    use super::*;

    fn record(pod: &str, container: &str, level: LogLevel, text: &str) -> LogRecord {
        let labels = [("namespace", "shop"), ("pod", pod), ("container", container)].into_iter().collect();
        LogRecord { labels, level, text: text.to_owned(), ..LogRecord::default() }
    }

    fn wanted(pod: &str, previous: bool) -> LogWanted {
        LogWanted { namespace: "shop".into(), pod: pod.into(), container: "app".into(), previous }
    }

    fn tail(pod: &str, container: &str, previous: bool, lines: &[&str]) -> Signal {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        Signal::Log(LogTail { namespace: "shop".into(), pod: pod.into(), container: container.into(), previous, lines })
    }

    #[test]
    fn lines_stand_in_for_a_log_that_is_not_to_be_had_and_only_then() {
        let mut last = LastLines::default();
        let lines = [
            record("cart-1", "app", LogLevel::Error, "cannot open the ledger"),
            record("cart-1", "app", LogLevel::Info, "GET /"),
            record("cart-1", "app", LogLevel::Unknown, "goodbye"),
            record("cart-2", "", LogLevel::Warn, "retrying"),
        ];
        assert!(!last.take(&lines), "nothing was missing yet");
        let asked = [wanted("cart-1", false), wanted("cart-1", true), wanted("cart-2", false), wanted("cart-3", false)];
        let found = last.fill(Timestamp::UNIX_EPOCH, &asked, &[]);
        let expect = [
            tail("cart-1", "app", true, &["cannot open the ledger", "goodbye"]),
            tail("cart-2", "", false, &["retrying"]),
        ];
        assert_eq!(found, expect);
        assert!(last.take(&[record("cart-3", "app", LogLevel::Error, "no space left")]), "this one was missing");
        let there = [tail("cart-1", "app", false, &["of the API server"]), tail("cart-2", "app", false, &[])];
        assert_eq!(
            last.fill(Timestamp::UNIX_EPOCH, &asked, &there),
            [tail("cart-3", "app", false, &["no space left"])]
        );
        assert!(!last.take(&[record("cart-1", "app", LogLevel::Error, "again")]), "its log is there");
        let later = Timestamp::UNIX_EPOCH + AGE_MAX + SignedDuration::from_secs(1);
        assert_eq!(last.fill(later, &asked, &[]), [], "that was another trouble");
    }

    /// A pod that crashes because its database refuses the password, recorded with its log.
    #[test]
    fn the_cause_is_found_from_lines_that_were_pushed_where_the_log_cannot_be_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/recordings/bad-credentials.tar.zst");
        let read = rootline_sources::read_path(std::path::Path::new(path), &rootline_sources::ReadOptions::default());
        let (logs, state): (Vec<Signal>, Vec<Signal>) =
            read.expect("a recording of ours").signals.into_iter().partition(|s| matches!(s, Signal::Log(_)));
        let engine = Engine::new(Options::default()).expect("built-in rules load");
        let first = |signals: Vec<Signal>| {
            let found = engine.diagnose(signals, &Target::default());
            found.incidents.first().and_then(|i| i.causes.first()).map(|c| c.code.to_string())
        };
        let with_logs = first([state.clone(), logs.clone()].concat());
        assert_ne!(first(state.clone()), with_logs, "the log decides here");
        let mut last = LastLines::default();
        for tail in logs.iter().filter_map(|s| if let Signal::Log(tail) = s { Some(tail) } else { None }) {
            let of = [("namespace", &tail.namespace), ("pod", &tail.pod), ("container", &tail.container)];
            let labels: LabelSet = of.into_iter().map(|(n, v)| (n, v.as_str())).collect();
            let record =
                |text: &String| LogRecord { labels: labels.clone(), text: text.clone(), ..LogRecord::default() };
            last.take(&tail.lines.iter().map(record).collect::<Vec<_>>());
        }
        let filled = last.fill(Timestamp::UNIX_EPOCH, &engine.suspicious(&state), &[]);
        assert_eq!(first([state, filled].concat()), with_logs);
    }

    #[test]
    fn lines_take_bounded_room_and_the_silent_ones_go_first() {
        let mut last = LastLines::default();
        let long = "x".repeat(2 * LINE_MAX);
        for n in 0..200 {
            let at = Timestamp::from_second(n).expect("a second");
            let of = |_| LogRecord { at, ..record(&format!("p{n}"), "app", LogLevel::Error, &long) };
            last.take(&(0..2 * LINES_MAX).map(of).collect::<Vec<_>>());
            assert!(last.bytes <= BYTES_MAX);
            assert_eq!(last.bytes, last.tails.values().map(|t| t.bytes).sum::<usize>());
        }
        let known = |n: i64, last: &mut LastLines| {
            !last.fill(Timestamp::UNIX_EPOCH, &[wanted(&format!("p{n}"), false)], &[]).is_empty()
        };
        assert!(known(199, &mut last) && !known(0, &mut last));
    }
}
