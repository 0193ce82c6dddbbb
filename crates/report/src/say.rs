//! Keys, messages and evidence as sentences.

use jiff::Timestamp;
use rootline_model::{Args, Evidence, GapKind, Lang, Message};

use crate::names::shown;
use crate::{plain, time, words};

/// A fixed word. A key without a row is shown as it is, so that a slip is seen and nothing fails.
pub fn word(lang: Lang, key: &'static str) -> &'static str {
    words::word(lang, key).unwrap_or(key)
}

/// A text of the catalogue with its places filled.
pub fn fill(lang: Lang, key: &str, args: &[(&'static str, &str)]) -> String {
    let args: Args = args.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    filled(lang, key, &args).unwrap_or_else(|| joined(lang, &args))
}

/// `fill` with a number: `1 event`, `1,204 events`.
pub fn count(lang: Lang, key: &str, number: usize) -> String {
    fill(lang, key, &[("count", &plain::thousands(number))])
}

/// A message in a language: the filled text of its key, or its arguments where the key is unknown.
pub fn message(lang: Lang, message: &Message) -> String {
    let text = if message.key.is_empty() { None } else { filled(lang, message.key, &message.args) };
    plain::line(&text.unwrap_or_else(|| joined(lang, &message.args)))
}

fn filled(lang: Lang, key: &str, args: &Args) -> Option<String> {
    let single = if args.get("count") == Some("1") { words::word(lang, &format!("{key}.one")) } else { None };
    Some(args.fill(single.or_else(|| words::word(lang, key))?))
}

fn joined(lang: Lang, args: &Args) -> String {
    args.iter().map(|(_, v)| v).filter(|v| !v.is_empty()).collect::<Vec<_>>().join(word(lang, "list.join"))
}

/// Why something was not seen, in general words.
pub fn gap_kind(lang: Lang, kind: GapKind) -> &'static str {
    word(
        lang,
        match kind {
            GapKind::Forbidden => "gap_kind.forbidden",
            GapKind::Absent => "gap_kind.absent",
            GapKind::Unreadable => "gap_kind.unreadable",
            GapKind::Truncated => "gap_kind.truncated",
            GapKind::Stale => "gap_kind.stale",
        },
    )
}

/// One line of evidence, taken apart so that each format can lay it out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// What sort of thing it is: `event`, `log`, `field`.
    pub word: &'static str,
    /// What was seen there.
    pub text: String,
    /// Counts, ages, where.
    pub details: Vec<String>,
    /// The thing to look up; empty where `text` names it.
    pub object: String,
    /// Words of the cluster, as they were.
    pub quote: String,
    /// What was seen without its count: the same on two replicas is said once.
    pub same: String,
}

impl Seen {
    /// Everything in one line.
    pub fn sentence(&self, lang: Lang) -> String {
        let mut parts = vec![self.text.as_str()];
        parts.extend(self.details.iter().map(String::as_str));
        parts.push(&self.object);
        parts.retain(|p| !p.is_empty());
        let mut out = parts.join(" · ");
        if !self.quote.is_empty() {
            if !out.is_empty() {
                out.push_str(word(lang, "list.clause"));
            }
            out.push_str(&quoted(lang, &self.quote));
        }
        out
    }
}

pub fn quoted(lang: Lang, text: &str) -> String {
    format!("{}{text}{}", word(lang, "quote.open"), word(lang, "quote.close"))
}

/// Columns of a quoted line or message at most; machine-readable formats hold it whole.
const LONGEST_QUOTE: usize = 2_000;

/// The words for one piece of evidence.
pub fn seen(lang: Lang, now: Timestamp, evidence: &Evidence) -> Seen {
    let mut line = said(lang, now, evidence);
    line.text = plain::line(&line.text);
    line.quote = plain::shorten_middle(&plain::line(&line.quote), LONGEST_QUOTE);
    if line.same.is_empty() {
        line.same.clone_from(&line.text);
    }
    for detail in &mut line.details {
        *detail = plain::line(detail);
    }
    line
}

fn said(lang: Lang, now: Timestamp, evidence: &Evidence) -> Seen {
    let of = |key: &'static str, object: String, text: String| Seen {
        word: word(lang, key),
        text,
        object,
        ..Seen::default()
    };
    let age =
        |at: &Option<Timestamp>, key: &'static str| at.map(|at| fill(lang, key, &[("ago", &time::ago(lang, now, at))]));
    match evidence {
        Evidence::Field { object, path, value } => {
            of("kind.field", shown(object), fill(lang, "seen.field", &[("path", path), ("value", value)]))
        }
        Evidence::Condition { object, condition, status, reason, message, since } => Seen {
            quote: message.clone(),
            details: [Some(reason.clone()), age(since, "seen.since")].into_iter().flatten().collect(),
            ..of(
                "kind.condition",
                shown(object),
                fill(lang, "seen.condition", &[("condition", condition), ("status", status)]),
            )
        },
        Evidence::State { container, state, reason, exit_code, message, at } => Seen {
            quote: message.clone(),
            details: [
                Some(reason.clone()),
                exit_code.map(|code| fill(lang, "seen.exit_code", &[("code", &code.to_string())])),
                at.map(|at| time::ago(lang, now, at)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            ..of("kind.state", shown(container), state.clone())
        },
        Evidence::Event { object, reason, message, count, last } => Seen {
            quote: message.clone(),
            same: reason.clone(),
            details: age(last, "seen.last").into_iter().collect(),
            ..of("kind.event", shown(object), times(lang, reason, *count))
        },
        Evidence::Log { container, line, previous, count } => Seen {
            quote: line.clone(),
            same: "log".to_owned(),
            details: previous.then(|| word(lang, "seen.previous").to_owned()).into_iter().collect(),
            ..of("kind.log", shown(container), times(lang, "", *count))
        },
        Evidence::Absent { object, referred_by } => {
            let text = fill(lang, "seen.absent", &[("object", &shown(object)), ("by", &shown(referred_by))]);
            of("kind.absent", String::new(), text)
        }
        Evidence::Arithmetic { object, what, left, relation, right } => {
            let sum = format!("{what}{}{left} {relation} {right}", word(lang, "list.clause"));
            of("kind.arithmetic", shown(object), sum)
        }
        Evidence::Sample { query, value } => {
            of("kind.sample", String::new(), fill(lang, "seen.field", &[("path", query), ("value", value)]))
        }
        Evidence::Quote { object, source, text } => {
            Seen { quote: text.clone(), ..of("kind.quote", shown(object), source.clone()) }
        }
        Evidence::Alert { name, object, since } => Seen {
            details: [Some(word(lang, "seen.firing").to_owned()), age(since, "seen.since")]
                .into_iter()
                .flatten()
                .collect(),
            ..of("kind.alert", shown(object), name.clone())
        },
    }
}

/// `FailedMount ×14`; a single one has no number.
fn times(lang: Lang, what: &str, count: u32) -> String {
    if count < 2 {
        return what.to_owned();
    }
    let times = fill(lang, "list.times", &[("count", &plain::thousands(count as usize))]);
    if what.is_empty() { times } else { format!("{what} {times}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_worded_and_never_fail() {
        let explains = |n: &str| Message::new("why.explains").arg("count", n);
        for (message_, en, zh) in [
            (explains("40"), "explains 40 other findings", "可解释另外 40 个异常"),
            (explains("1"), "explains 1 other finding", "可解释另外 1 个异常"),
            (Message::plain("dial tcp: \u{1b}[1mno"), "dial tcp: no", "dial tcp: no"),
            (Message::new("no.such").arg("a", "x").arg("b", "y"), "x, y", "x、y"),
            (Message::new("no.such"), "", ""),
            (Message::new("why.explains"), "explains {count} other findings", "可解释另外 {count} 个异常"),
        ] {
            assert_eq!(message(Lang::En, &message_), en);
            assert_eq!(message(Lang::Zh, &message_), zh);
        }
    }

    #[test]
    fn evidence_points_at_a_thing() {
        let pod = rootline_model::EntityRef::pod("shop", "cart-1");
        let event = Evidence::Event {
            object: pod,
            reason: "FailedMount".into(),
            message: "secret \"db\"\n not found".into(),
            count: 14,
            last: Some(Timestamp::UNIX_EPOCH),
        };
        let now = Timestamp::from_second(12).expect("in range");
        assert_eq!(
            seen(Lang::En, now, &event).sentence(Lang::En),
            "FailedMount ×14 · last 12 s ago · pod/shop/cart-1: “secret \"db\" not found”"
        );
    }
}
