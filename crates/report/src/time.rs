//! Moments and ages in words.

use jiff::Timestamp;
use rootline_model::{Lang, SOME_MOMENT};

use crate::say::fill;

/// `2026-03-04 10:02:11 UTC`
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time with at most two units: `12 s`, `13 min`, `2 h 5 min`, `3 d 4 h`, `41 d`.
pub fn length(lang: Lang, seconds: i64) -> String {
    let s = seconds.unsigned_abs();
    let unit = |key: &str, n: u64| fill(lang, key, &[("n", &n.to_string())]);
    let (minutes, hours, days) = (s / 60, s / 3600, s / 86_400);
    match () {
        () if s < 120 => unit("age.s", s),
        () if minutes < 100 => unit("age.min", minutes),
        () if hours < 48 && minutes % 60 == 0 => unit("age.h", hours),
        () if hours < 48 => format!("{} {}", unit("age.h", hours), unit("age.min", minutes % 60)),
        () if days < 10 && hours % 24 != 0 => format!("{} {}", unit("age.d", days), unit("age.h", hours % 24)),
        () => unit("age.d", days),
    }
}

/// How long before `now` a moment was; clocks disagree, so it may also lie after it.
pub fn ago(lang: Lang, now: Timestamp, moment: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(moment.as_second());
    match seconds {
        0 => fill(lang, "age.now", &[]),
        1.. => fill(lang, "age.ago", &[("age", &length(lang, seconds))]),
        _ => fill(lang, "age.ahead", &[("age", &length(lang, seconds))]),
    }
}

/// Whether the state has a date at all: a text may hold nothing but ages.
pub fn is_known(now: Timestamp) -> bool {
    now != SOME_MOMENT && now != Timestamp::UNIX_EPOCH
}

/// `since 2026-03-04 10:02:11 UTC, 13 min ago`
pub fn since(lang: Lang, now: Timestamp, moment: Timestamp) -> String {
    if !is_known(now) {
        return fill(lang, "since.ago", &[("ago", &ago(lang, now, moment))]);
    }
    fill(lang, "since.at", &[("time", &stamp(moment)), ("ago", &ago(lang, now, moment))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_at_most_two_units() {
        for (seconds, en, zh) in [
            (12, "12 s", "12 秒"),
            (119, "119 s", "119 秒"),
            (780, "13 min", "13 分钟"),
            (7500, "2 h 5 min", "2 小时 5 分钟"),
            (7200, "2 h", "2 小时"),
            (273_600, "3 d 4 h", "3 天 4 小时"),
            (3_542_400, "41 d", "41 天"),
        ] {
            assert_eq!(length(Lang::En, seconds), en);
            assert_eq!(length(Lang::Zh, seconds), zh);
        }
    }

    #[test]
    fn clocks_that_disagree_are_said_so() {
        let now = Timestamp::UNIX_EPOCH;
        let later = Timestamp::from_second(5).expect("in range");
        assert_eq!(ago(Lang::En, now, later), "5 s after the state was read");
        assert_eq!(ago(Lang::En, later, now), "5 s ago");
        assert_eq!(ago(Lang::En, Timestamp::MAX, Timestamp::MIN).split(' ').nth(1), Some("d"));
    }
}
