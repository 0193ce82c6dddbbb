//! The report knows the words of every stage.

use rootline_model::{Gap, GapKind, Lang, Message};
use rootline_report::{message, words};

#[test]
fn every_check_has_a_chinese_name() {
    let nameless: Vec<&str> = rootline_detect::catalog()
        .iter()
        .map(|d| d.name())
        .filter(|name| words::word(Lang::Zh, &format!("check.{name}")).is_none())
        .collect();
    assert!(nameless.is_empty(), "crates/report/src/words.rs has no `check.NAME` row for {nameless:?}");
}

#[test]
fn gaps_of_sources_are_said_as_the_source_says_them() {
    for (key, en, zh) in rootline_sources::GAP_TEXTS {
        assert_eq!(words::word(Lang::En, key), Some(*en), "{key}");
        assert_eq!(words::word(Lang::Zh, key), Some(*zh), "{key}");
    }
    let gap =
        Gap { kind: GapKind::Unreadable, subject: "x".into(), detail: Message::new("gap.more").arg("count", "3") };
    assert_eq!(message(Lang::En, &gap.detail), "3 more like these");
}
