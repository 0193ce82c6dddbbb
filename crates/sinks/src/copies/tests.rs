//! Copies over a simulated hour.

use rootline_model::{Both, Severity};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("in range")
}

fn alert(name: &str, ends_at: Option<Timestamp>) -> Alert {
    Alert {
        labels: [("alertname", name), ("severity", "critical")].into_iter().collect(),
        starts_at: at(0),
        ends_at,
        ..Alert::default()
    }
}

fn incident(id: u64, version: u32, members: &[(&str, Role)]) -> LiveIncident {
    let member = |(name, role): &(&str, Role)| Member {
        origin: Origin::Alert,
        alert: alert(name, None),
        entity: String::new(),
        role: *role,
        reason: Both::default(),
    };
    LiveIncident {
        id,
        version,
        stage: Stage::Open,
        severity: Severity::Critical,
        title: Both::same("t"),
        onset: at(0),
        opened: at(0),
        updated: at(0),
        resolved: None,
        acked: None,
        members: members.iter().map(member).collect(),
        causes: Vec::new(),
        affected: Vec::new(),
        edges: Vec::new(),
        gaps: Vec::new(),
        timeline: Vec::new(),
    }
}

/// `name role incident`, with `!` where it is resolved.
fn due(copies: &mut Copies, now: Timestamp) -> Vec<String> {
    let due = copies.due(now);
    copies.sent(now);
    due.iter()
        .map(|p| {
            let over = if p.ends_at <= now { "!" } else { "" };
            let text =
                format!("{over}{} {} {}", p.labels.value("alertname"), p.labels.value(ROLE), p.labels.value(INCIDENT));
            text.trim_end().to_owned()
        })
        .collect()
}

use Role::{Core, Folded};

#[test]
fn copies_are_repeated_each_minute_and_end_four_minutes_ahead() {
    let mut copies = Copies::new(CopiesOptions::default());
    copies.take(&incident(1, 1, &[("A", Core), ("B", Folded)]), None, at(0));
    let first = copies.due(at(0));
    assert!(first.iter().all(|p| p.ends_at == at(240) && p.starts_at == at(0)));
    copies.sent(at(0));
    assert_eq!(due(&mut copies, at(59)), Vec::<String>::new());
    let again = copies.due(at(60));
    assert_eq!((again.len(), again[0].ends_at), (2, at(300)));
    // not told that it arrived: it is due still
    assert_eq!(due(&mut copies, at(61)).len(), 2);
}

#[test]
fn what_is_over_is_told_for_a_quarter_of_an_hour() {
    let mut copies = Copies::new(CopiesOptions::default());
    copies.take(&incident(1, 1, &[("A", Core), ("B", Folded)]), None, at(0));
    due(&mut copies, at(0));
    let over = LiveIncident {
        stage: Stage::Resolved,
        resolved: Some(at(100)),
        ..incident(1, 2, &[("A", Core), ("B", Folded)])
    };
    copies.take(&over, None, at(100));
    assert_eq!(due(&mut copies, at(100)).len(), 2);
    let mut told = 1;
    for second in (101..3_600).step_by(5) {
        let all = due(&mut copies, at(second));
        assert!(all.iter().all(|a| a.starts_with('!')), "{all:?}");
        told += all.len() / 2;
    }
    assert_eq!((told, copies.len()), (15, 0));
    // a message of before that comes late brings nothing back
    copies.take(&incident(1, 1, &[("A", Core)]), None, at(3_600));
    assert_eq!(due(&mut copies, at(3_600)), Vec::<String>::new());
}

#[test]
fn another_core_or_incident_resolves_the_old_copy_first() {
    let mut copies = Copies::new(CopiesOptions::default());
    copies.take(&incident(1, 1, &[("A", Core), ("B", Folded)]), None, at(0));
    due(&mut copies, at(0));
    copies.take(&incident(1, 2, &[("B", Core), ("A", Folded)]), None, at(10));
    let mut all = due(&mut copies, at(10));
    all[..2].sort();
    all[2..].sort();
    assert_eq!(all, ["!A core 1", "!B folded 1", "A folded 1", "B core 1"]);
    // an older version that comes late changes nothing
    copies.take(&incident(1, 1, &[("A", Core), ("B", Folded)]), None, at(11));
    assert_eq!(due(&mut copies, at(11)), Vec::<String>::new());
    // B goes over to another incident, A stays behind as the core
    copies.take(&incident(2, 1, &[("B", Core)]), None, at(20));
    copies.take(&incident(1, 3, &[("A", Core)]), None, at(20));
    let mut all = due(&mut copies, at(20));
    all.sort();
    assert_eq!(all, ["!A folded 1", "!B core 1", "A core 1", "B core 2"]);
}

#[test]
fn the_core_fires_as_long_as_its_incident_and_a_folded_copy_as_its_alert() {
    let mut copies = Copies::new(CopiesOptions::default());
    let mut it = incident(1, 1, &[("A", Core), ("B", Folded), ("C", Folded)]);
    copies.take(&it, None, at(0));
    due(&mut copies, at(0));
    it.version = 2;
    it.members[0].alert.ends_at = Some(at(30));
    it.members[1].alert.ends_at = Some(at(30));
    copies.take(&it, None, at(40));
    let mut all = due(&mut copies, at(40));
    all.sort();
    assert_eq!(all, ["!B folded 1", "A core 1", "C folded 1"]);
}

#[test]
fn a_lease_is_given_once_and_ends() {
    let mut copies = Copies::new(CopiesOptions::default());
    let mut switch = alert("Watchdog", None);
    switch.labels = switch.labels.with("severity", "none");
    let held = [alert("A", None), switch];
    copies.hold(&held, at(0));
    assert_eq!(due(&mut copies, at(0)), ["A held"]);
    // Prometheus repeats it each minute; nobody takes it: the raw alert pages from the third minute on
    for minute in 1..100 {
        copies.hold(&held, at(minute * 60));
        assert_eq!(due(&mut copies, at(minute * 60)), Vec::<String>::new());
    }
    assert!(copies.is_empty());
    // it ended and fires anew
    copies.hold(&[alert("A", Some(at(7_000)))], at(7_000));
    let again = Alert { starts_at: at(8_000), ..alert("A", None) };
    copies.hold(&[again], at(8_000));
    assert_eq!(due(&mut copies, at(8_000)), ["A held"]);
    // a place in an incident ends the lease
    copies.take(&incident(1, 1, &[("A", Core)]), None, at(8_010));
    assert_eq!(due(&mut copies, at(8_010)), ["!A held", "A core 1"]);
}

#[test]
fn facts_are_copied_as_the_core_alone_and_copies_never() {
    let mut copies = Copies::new(CopiesOptions::default());
    let mut it = incident(1, 1, &[("container.oom_killed", Core), ("B", Folded), ("C", Folded)]);
    it.members[0].origin = Origin::Fact;
    it.members[1].origin = Origin::Anomaly;
    // Alertmanager's webhook points at us: what we sent comes back
    it.members[2].alert.labels = it.members[2].alert.labels.with(ROLE, "folded");
    copies.take(&it, Some("https://r.example/1"), at(0));
    let all = copies.due(at(0));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].generator_url, "https://r.example/1");
}

#[test]
fn too_many_are_left_loud() {
    let mut copies = Copies::new(CopiesOptions { most: 2, ..CopiesOptions::default() });
    copies.take(&incident(1, 1, &[("A", Core), ("B", Folded), ("C", Folded)]), None, at(0));
    assert_eq!((copies.len(), copies.refused()), (2, 1));
    copies.hold(&[alert("D", None)], at(0));
    assert_eq!(copies.len(), 2);
}

#[test]
fn clocks_that_disagree_give_alerts_that_are_taken() {
    let mut copies = Copies::new(CopiesOptions::default());
    let mut it = incident(1, 1, &[("A", Core), ("B", Folded)]);
    // Prometheus is an hour ahead
    for member in &mut it.members {
        member.alert.starts_at = at(3_600);
    }
    copies.take(&it, None, at(0));
    it.stage = Stage::Resolved;
    it.version = 2;
    it.resolved = Some(at(-100));
    let first = copies.due(at(0));
    copies.take(&it, None, at(1));
    for posted in first.into_iter().chain(copies.due(at(1))) {
        assert!(posted.starts_at <= posted.ends_at, "{posted:?}");
    }
}
