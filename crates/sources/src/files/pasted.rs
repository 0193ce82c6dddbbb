//! Texts that people pasted: kept back until it is known whether the same state is there as objects.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use rootline_model::Timestamp;
use rootline_objects::{LogTail, Object, Pod, Signal};

use super::layout::file_name;
use crate::container_log::{Whose, tail};
use crate::text::TextReader;

/// A text with the path of its file.
pub(super) struct Text {
    pub path: String,
    pub text: String,
}

/// Hands texts to the reader of kubectl output.
pub(super) fn read(texts: &[Text], now: Timestamp) -> Vec<Signal> {
    let mut reader = TextReader::new(now);
    for text in texts {
        reader.paste(&text.text, Some(file_name(&text.path)).filter(|n| *n != "-"));
    }
    reader.finish()
}

/// Logs that lie beside objects under the name of a pod: `cart-1.log`, `logs-previous-cart-1.txt`, `cart-1-app.log`.
/// The objects tell whether there is such a pod, and only one.
pub(super) fn logs_of_pods(texts: &[Text], signals: &[Signal]) -> Vec<LogTail> {
    let mut pods: BTreeMap<&str, Option<&Pod>> = BTreeMap::new();
    for signal in signals {
        let Signal::Object(Object::Pod(pod)) = signal else { continue };
        let known = pods.entry(pod.name()).or_insert(Some(pod));
        if known.is_some_and(|k| k.namespace() != pod.namespace()) {
            *known = None; // two pods of this name: whose log it is cannot be told
        }
    }
    let has_log = |whose: &Whose| {
        signals.iter().any(|s| match s {
            Signal::Log(l) => {
                l.pod == whose.pod
                    && l.namespace == whose.namespace
                    && l.previous == whose.previous
                    && (whose.container.is_empty() || l.container == whose.container)
            }
            _ => false,
        })
    };
    texts
        .iter()
        .filter_map(|t| Some((pod_of_name(file_name(&t.path), &pods)?, t)))
        .filter(|(whose, _)| !has_log(whose))
        .filter_map(|(whose, t)| tail(whose, &t.text))
        .collect()
}

fn pod_of_name(name: &str, pods: &BTreeMap<&str, Option<&Pod>>) -> Option<Whose> {
    let stem = name.strip_suffix(".log").or_else(|| name.strip_suffix(".txt"))?;
    let stem = ["logs-", "log-"].iter().find_map(|p| stem.strip_prefix(p)).unwrap_or(stem);
    let earlier = ["-previous", ".previous", "_previous"].iter().find_map(|e| stem.strip_suffix(e));
    let earlier = earlier.or_else(|| stem.strip_prefix("previous-"));
    let stem = earlier.unwrap_or(stem);
    let whose = |pod: &Pod, container: &str| Whose {
        namespace: pod.namespace().to_owned(),
        pod: pod.name().to_owned(),
        container: container.to_owned(),
        previous: earlier.is_some(),
    };
    if let Some(pod) = pods.get(stem) {
        return pod.map(|p| whose(p, ""));
    }
    // `<pod>-<container>`: every place where the name may end
    stem.match_indices(['-', '_', '.']).find_map(|(at, _)| {
        let pod = (*pods.get(stem.get(..at)?)?)?;
        let container = stem.get(at + 1..)?;
        pod.containers().any(|(c, ..)| c.name == container).then(|| whose(pod, container))
    })
}

/// Times as kubectl writes them: `2026-01-02T03:04:05Z` and `Fri, 02 Jan 2026 03:04:05 +0000`.
static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
    )
    .expect("a constant pattern that the tests compile")
});

/// The latest time that a text tells, as far as it is one that happened: an expiry date has not.
pub(super) fn latest(texts: &[Text]) -> Option<Timestamp> {
    let lines = texts.iter().flat_map(|t| t.text.lines());
    let past = lines.filter(|l| !["expir", "notAfter", "not after", "valid until"].iter().any(|w| l.contains(w)));
    past.flat_map(|l| TIMES.find_iter(l)).filter_map(|m| parse(m.as_str())).max()
}

fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_the_latest_time_that_has_happened() {
        let text = "Start Time:  Fri, 02 Jan 2026 03:04:05 +0000\n  Started: 2026-01-02T05:04:05+01:00\nexpires 2027-01-01T00:00:00Z\n";
        let texts = [Text { path: "-".into(), text: text.into() }];
        assert_eq!(latest(&texts).map(|t| t.to_string()).as_deref(), Some("2026-01-02T04:04:05Z"));
        assert_eq!(latest(&[]), None);
    }
}
