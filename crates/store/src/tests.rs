//! What the daemon relies on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, Both, LabelSet, LiveIncident, Member, Moment, Origin, Role, Severity, Stage};
use serde_json::json;

use crate::*;

/// A folder of its own that goes away with the test.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rootline-store-{name}-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.0, &Options::default()).expect("a store of our own")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("in range")
}

pub(crate) fn alert(name: &str, pod: &str) -> Alert {
    Alert {
        labels: [("alertname", name), ("pod", pod)].into_iter().collect(),
        annotations: [("summary", "it \"hurts\"\n此处")].into_iter().collect(),
        starts_at: at(0),
        ends_at: Some(at(240)),
        hold_s: Some(300),
        generator_url: "http://prometheus/graph?g0".to_owned(),
    }
}

pub(crate) fn incident(id: u64, version: u32) -> LiveIncident {
    LiveIncident {
        id,
        version,
        stage: Stage::Open,
        severity: Severity::Error,
        title: Both { en: format!("Cart {id} down"), zh: format!("购物车 {id} 不可用") },
        onset: at(0),
        opened: at(10),
        updated: at(i64::from(version) * 10),
        resolved: None,
        acked: None,
        members: vec![Member {
            origin: Origin::Alert,
            alert: alert("CartDown", &format!("cart-{id}")),
            entity: format!("pod/shop/cart-{id}"),
            role: Role::Core,
            reason: Both::same("first"),
        }],
        causes: Vec::new(),
        affected: vec!["deployment/shop/cart".to_owned()],
        edges: Vec::new(),
        gaps: Vec::new(),
        timeline: vec![Moment { at: at(i64::from(version)), what: Both::same(format!("v{version}")) }],
    }
}

pub(crate) fn message(incident: u64, version: u32, due: i64) -> NewMessage {
    NewMessage {
        key: format!("{incident}.{version}/chat"),
        channel: "chat".to_owned(),
        incident: Some(incident),
        version,
        body: json!({ "text": format!("v{version}") }),
        due: at(due),
    }
}

fn tick(seconds: i64, messages: Vec<NewMessage>) -> Tick {
    Tick { at: at(seconds), messages, ..Tick::default() }
}

const LEASE: SignedDuration = SignedDuration::from_secs(30);

#[test]
fn messages_do_not_wait_for_a_future_that_was_none() {
    let folder = Folder::new("set-back");
    let store = folder.open();
    let day = 86_400;
    store.commit(&tick(day, vec![message(1, 1, day), message(2, 1, day + 600), message(3, 1, 5)])).unwrap();
    // one is on its way, with a lease till the day after
    assert_eq!(store.claim("chat", at(day), LEASE, 1).unwrap().len(), 1);
    assert_eq!(store.set_back(at(20)).unwrap(), 3);
    let mut due: Vec<_> = store.claim("chat", at(20), LEASE, 10).unwrap().into_iter().map(|m| m.key).collect();
    due.sort();
    assert_eq!(due, ["1.1/chat", "2.1/chat", "3.1/chat"]);
    assert_eq!(store.set_back(at(60)).unwrap(), 0, "those are with their sender");
}

#[test]
fn alerts_and_their_incidents_are_there_after_a_restart() {
    let folder = Folder::new("alerts");
    let (a, b) = (alert("A", "1"), alert("B", "2"));
    {
        let store = folder.open();
        store.put_alerts(&[a.clone(), b.clone()], at(1)).unwrap();
        let later = Alert { ends_at: Some(at(500)), ..a.clone() };
        store.put_alerts(&[later], at(2)).unwrap();
        let memberships = vec![(a.fingerprint(), Some(1)), (b.fingerprint(), Some(1))];
        store.commit(&Tick { at: at(3), incidents: vec![incident(1, 1)], memberships, ..Tick::default() }).unwrap();
        let out = vec![(b.fingerprint(), None)];
        store.commit(&Tick { at: at(4), memberships: out, ..Tick::default() }).unwrap();
    }
    let store = folder.open();
    let kept = store.alert(a.fingerprint()).unwrap().unwrap();
    assert_eq!((kept.alert.ends_at, kept.updated, kept.incident), (Some(at(500)), at(2), Some(1)));
    assert_eq!(kept.alert.annotations, a.annotations);
    assert_eq!(store.alerts().unwrap().len(), 2);
    assert_eq!(store.alert(b.fingerprint()).unwrap().unwrap().incident, None);
    assert_eq!(store.clock().unwrap(), Some(at(4)));
    assert_eq!(store.alert(LabelSet::default().fingerprint()).unwrap(), None);
}

#[test]
fn incidents_are_listed_by_filter_and_page() {
    let folder = Folder::new("incidents");
    let store = folder.open();
    let mut incidents: Vec<LiveIncident> = (1..=7).map(|id| incident(id, 1)).collect();
    incidents[1].severity = Severity::Critical;
    incidents[2].stage = Stage::Resolved;
    incidents[2].resolved = Some(at(60));
    store.commit(&Tick { at: at(1), incidents: incidents.clone(), ..Tick::default() }).unwrap();
    let ids = |filter: &IncidentFilter| -> Vec<u64> {
        let (mut all, mut page) = (Vec::new(), None);
        loop {
            let answer = store.incidents(filter, page.as_deref(), 2).unwrap();
            all.extend(answer.items.iter().map(|i| i.id));
            page = answer.next;
            if page.is_none() {
                return all;
            }
        }
    };
    assert_eq!(ids(&IncidentFilter::default()), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(ids(&IncidentFilter { stage: Some(Stage::Resolved), ..Default::default() }), [3]);
    assert_eq!(ids(&IncidentFilter { severity: Some(Severity::Critical), ..Default::default() }), [2]);
    assert_eq!(ids(&IncidentFilter { text: Some("CART 4".into()), ..Default::default() }), [4]);
    assert_eq!(ids(&IncidentFilter { text: Some("购物车 5".into()), ..Default::default() }), [5]);
    assert_eq!(
        ids(&IncidentFilter { since: Some(at(61)), acked: Some(false), ..Default::default() }),
        [7, 6, 5, 4, 2, 1]
    );
    assert_eq!(ids(&IncidentFilter { until: Some(at(10)), ..Default::default() }), [0_u64; 0]);
    assert_eq!(store.incident(2).unwrap().as_ref(), Some(&incidents[1]));
    assert_eq!(store.open_incidents().unwrap().len(), 6);
    assert!(matches!(store.incidents(&IncidentFilter::default(), Some("x"), 2), Err(StoreError::Cursor(_))));
}

#[test]
fn a_tick_is_kept_whole_or_not_at_all() {
    let folder = Folder::new("whole");
    let store = folder.open();
    store.commit(&Tick { at: at(1), incidents: vec![incident(1, 5)], ..Tick::default() }).unwrap();
    let bad = Tick {
        at: at(2),
        incidents: vec![incident(2, 1), incident(1, 4)],
        messages: vec![message(2, 1, 0)],
        ..Tick::default()
    };
    let error = store.commit(&bad).unwrap_err();
    assert_eq!(error.to_string(), "incident 1: version 4 after version 5");
    assert_eq!(store.incident(2).unwrap(), None);
    assert_eq!((store.clock().unwrap(), store.next_incident_id().unwrap()), (Some(at(1)), 2));
    assert!(store.outbox_counts().unwrap().is_empty());
}

#[test]
fn the_same_tick_twice_tells_people_once() {
    let folder = Folder::new("twice");
    let store = folder.open();
    let tick = Tick { at: at(1), incidents: vec![incident(3, 1)], messages: vec![message(3, 1, 1)], ..Tick::default() };
    store.commit(&tick).unwrap();
    assert_eq!(store.claim("chat", at(1), LEASE, 9).unwrap().len(), 1);
    assert!(store.mark_sent("3.1/chat", at(2)).unwrap());
    store.commit(&tick).unwrap();
    assert!(store.claim("chat", at(100), LEASE, 9).unwrap().is_empty());
    assert_eq!(store.timeline(3).unwrap().len(), 1);
    assert_eq!(store.next_incident_id().unwrap(), 4);
    assert_eq!(store.last_sent("chat", 3).unwrap().unwrap().version, 1);
}

#[test]
fn a_claimed_message_is_nobody_elses_until_the_lease_is_over_or_the_process_died() {
    let folder = Folder::new("lease");
    let keys = |m: Vec<Message>| m.into_iter().map(|m| m.key).collect::<Vec<_>>();
    {
        let store = folder.open();
        store.commit(&tick(1, vec![message(1, 1, 5), message(2, 1, 4)])).unwrap();
        assert!(store.claim("chat", at(3), LEASE, 9).unwrap().is_empty(), "not due");
        assert!(store.claim("mail", at(9), LEASE, 9).unwrap().is_empty(), "another channel");
        assert_eq!(keys(store.claim("chat", at(9), LEASE, 1).unwrap()), ["2.1/chat"]);
        assert_eq!(keys(store.claim("chat", at(9), LEASE, 9).unwrap()), ["1.1/chat"]);
        assert!(store.claim("chat", at(38), LEASE, 9).unwrap().is_empty());
        assert_eq!(keys(store.claim("chat", at(39), LEASE, 9).unwrap()), ["2.1/chat", "1.1/chat"]);
    }
    assert_eq!(keys(folder.open().claim("chat", at(40), LEASE, 9).unwrap()), ["2.1/chat", "1.1/chat"]);
}

#[test]
fn failures_wait_then_die_and_can_be_brought_back() {
    let folder = Folder::new("dead");
    let store = folder.open();
    store.commit(&tick(1, vec![message(1, 1, 1)])).unwrap();
    store.claim("chat", at(1), LEASE, 9).unwrap();
    assert!(store.mark_failed("1.1/chat", "HTTP 502", Some(at(60)), at(2)).unwrap());
    assert!(store.claim("chat", at(59), LEASE, 9).unwrap().is_empty());
    let again = store.claim("chat", at(60), LEASE, 9).unwrap();
    assert_eq!((again[0].attempts, again[0].error.as_deref()), (1, Some("HTTP 502")));
    assert!(store.mark_failed("1.1/chat", &"错".repeat(9000), None, at(61)).unwrap());
    let dead = store.dead_letters(9).unwrap();
    assert_eq!((dead.len(), dead[0].attempts, dead[0].state), (1, 2, MessageState::Dead));
    assert!(dead[0].error.as_ref().unwrap().len() <= 1000);
    assert_eq!(store.outbox_counts().unwrap()[0].dead, 1);
    assert!(store.retry("1.1/chat", at(70)).unwrap());
    assert!(!store.retry("1.1/chat", at(70)).unwrap());
    assert_eq!(store.claim("chat", at(70), LEASE, 9).unwrap()[0].attempts, 0);
    assert!(!store.mark_sent("nothing", at(71)).unwrap());
}

#[test]
fn a_newer_version_takes_the_place_of_an_unsent_older_one() {
    let folder = Folder::new("supersede");
    let store = folder.open();
    store.commit(&tick(1, vec![message(1, 1, 30)])).unwrap();
    // a change with every tick must not push the first notice away for ever
    store.commit(&tick(2, vec![message(1, 2, 32)])).unwrap();
    store.commit(&tick(3, vec![message(1, 3, 33)])).unwrap();
    let due = store.claim("chat", at(30), LEASE, 9).unwrap();
    assert_eq!(due.iter().map(|m| m.version).collect::<Vec<_>>(), [3]);
    // in a sender's hand: not replaced, and the newer one waits beside it
    store.commit(&tick(31, vec![message(1, 4, 31)])).unwrap();
    assert_eq!(store.message("1.3/chat").unwrap().unwrap().state, MessageState::Pending);
    assert!(store.mark_failed("1.3/chat", "timeout", Some(at(90)), at(32)).unwrap());
    assert_eq!(store.message("1.3/chat").unwrap().unwrap().state, MessageState::Superseded);
    let next = store.claim("chat", at(32), LEASE, 9).unwrap();
    assert_eq!(next.iter().map(|m| m.version).collect::<Vec<_>>(), [4]);
    // a dead channel is not tried faster because the incident changes
    assert!(store.mark_failed("1.4/chat", "timeout", Some(at(500)), at(33)).unwrap());
    store.commit(&tick(34, vec![message(1, 5, 34)])).unwrap();
    assert!(store.claim("chat", at(499), LEASE, 9).unwrap().is_empty());
    let last = store.claim("chat", at(500), LEASE, 9).unwrap();
    assert_eq!((last[0].version, last[0].attempts), (5, 1));
    // an older version that comes late is not told
    store.commit(&tick(501, vec![message(1, 2, 0)])).unwrap();
    assert_eq!(store.outbox_counts().unwrap()[0].pending, 1);
}

#[test]
fn snapshots_and_findings_come_back() {
    let folder = Folder::new("snapshots");
    let finding = |seconds: i64, entity: &str, score: f64| KeptFinding {
        at: at(seconds),
        code: "series.level_shift".to_owned(),
        entity: entity.to_owned(),
        score,
        incident: None,
        body: json!({ "series": "memory" }),
    };
    {
        let store = folder.open();
        let findings = vec![finding(1, "pod/a/b", 3.5), finding(1, "pod/a/b", 4.5), finding(2, "pod/a/c", f64::NAN)];
        let snapshots = vec![("baselines".to_owned(), vec![0, 255, 7]), ("empty".to_owned(), Vec::new())];
        store.commit(&Tick { at: at(2), findings, snapshots, ..Tick::default() }).unwrap();
    }
    let store = folder.open();
    assert_eq!(store.snapshot("baselines").unwrap(), Some((at(2), vec![0, 255, 7])));
    assert_eq!(store.snapshot("empty").unwrap(), Some((at(2), Vec::new())));
    assert_eq!(store.snapshot("other").unwrap(), None);
    assert_eq!(store.findings(Some("pod/a/b"), at(0), 9).unwrap(), [finding(1, "pod/a/b", 4.5)]);
    assert_eq!(store.findings(None, at(2), 9).unwrap(), [finding(2, "pod/a/c", 0.0)]);
}

#[test]
fn a_second_process_is_told_that_the_folder_is_in_use() {
    let folder = Folder::new("lock");
    let store = folder.open();
    assert!(matches!(Store::open(&folder.0, &Options::default()), Err(StoreError::InUse { .. })));
    drop(store);
    folder.open();
}

#[test]
fn threads_write_and_read_at_once() {
    let folder = Folder::new("threads");
    let store = folder.open();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..20 {
                    store.put_alerts(&[alert("A", &format!("{thread}-{n}"))], at(n)).unwrap();
                    assert!(store.alerts().unwrap().len() > usize::try_from(n).unwrap());
                }
            });
        }
    });
    assert_eq!(store.alerts().unwrap().len(), 80);
}

/// The schema after all migrations, as SQLite tells it. A change of a released schema is a new migration, not an edit of the old.
#[test]
fn the_schema_is_as_it_was_released() {
    let folder = Folder::new("schema");
    let store = folder.open();
    let mut text = String::new();
    for database in [&store.state, &store.history] {
        text.push_str(&format!("-- {}\n", database.kind.file));
        let lines: Vec<String> = database
            .read(|db| {
                let mut query =
                    db.prepare("SELECT sql || ';' FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")?;
                Ok(query.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
            })
            .unwrap();
        text.push_str(&lines.join("\n"));
        text.push('\n');
    }
    let golden = include_str!("../schema/golden.sql");
    if text != golden {
        let made = std::env::temp_dir().join("golden.sql");
        std::fs::write(&made, text).unwrap();
        panic!("the schema differs from schema/golden.sql; as it is now: {}", made.display());
    }
}

fn event(uid: &str, seconds: i64, count: u32) -> KeptEvent {
    KeptEvent {
        uid: uid.to_owned(),
        cluster: "prod".to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: format!("cart-{uid}"),
        object: "o".to_owned(),
        reason: "BackOff".to_owned(),
        r#type: "Warning".to_owned(),
        source: "kubelet".to_owned(),
        note: format!("Back-off restarting failed container, {uid}, 镜像"),
        count,
        first: at(0),
        last: at(seconds),
        event: format!("cart-{uid}.17a2"),
        about: format!("Pod shop/cart-{uid}"),
        container: "app".to_owned(),
        host: "w1".to_owned(),
    }
}

#[test]
fn a_reader_of_events_gets_each_change_and_goes_on_where_it_was() {
    let folder = Folder::new("after");
    let store = folder.open();
    store.put_events(&[event("a", 1, 1), event("b", 2, 1)]).unwrap();
    let uids = |from: u64| -> Vec<(String, u32, u32)> {
        store.events_after(from, 9).unwrap().into_iter().map(|g| (g.event.uid, g.event.count, g.was)).collect()
    };
    assert_eq!(uids(0), [("a".to_owned(), 1, 0), ("b".to_owned(), 1, 0)]);
    let first = store.events_after(0, 1).unwrap().remove(0);
    assert_eq!((first.event, store.events_waiting(first.seq).unwrap()), (event("a", 1, 1), (1, Some(at(2)))));
    store.put_cursor("search", 2).unwrap();
    // an old state changes nothing, a repetition is news again and says what was before
    store.put_events(&[event("b", 2, 1), event("a", 9, 4)]).unwrap();
    assert_eq!(uids(store.cursor("search").unwrap()), [("a".to_owned(), 4, 1)]);
    assert_eq!(store.events_after(2, 9).unwrap()[0].was_last, at(1));
    // what retention removes does not make numbers start again
    store.retention(&Keep::default(), at(60 * 86_400)).unwrap();
    store.put_events(&[event("c", 60 * 86_400, 1)]).unwrap();
    drop(store);
    let store = folder.open();
    let after: Vec<String> = store.events_after(3, 9).unwrap().into_iter().map(|g| g.event.uid).collect();
    assert_eq!((after, store.cursor("search").unwrap(), store.cursor("other").unwrap()), (vec!["c".to_owned()], 2, 0));
}

#[test]
fn a_repeated_event_is_one_row_with_its_latest_count() {
    let folder = Folder::new("events");
    let store = folder.open();
    assert_eq!(store.put_events(&[event("a", 1, 1), event("b", 2, 1)]).unwrap(), 2);
    // resent by a watch that starts again, then repeated, then an old state comes late
    assert_eq!(store.put_events(&[event("a", 1, 1)]).unwrap(), 0);
    assert_eq!(store.put_events(&[event("a", 9, 4)]).unwrap(), 1);
    assert_eq!(store.put_events(&[event("a", 5, 3)]).unwrap(), 0);
    let all = store.events(&EventQuery::default(), None, 9).unwrap();
    assert_eq!(all.items, [event("a", 9, 4), event("b", 2, 1)]);
}

#[test]
fn events_are_found_by_time_object_reason_and_text_page_by_page() {
    let folder = Folder::new("find");
    let store = folder.open();
    let mut events: Vec<KeptEvent> = (0..25).map(|n| event(&format!("{n:02}"), n, 1)).collect();
    events[3].reason = "FailedMount".to_owned();
    events[3].namespace = "other".to_owned();
    store.put_events(&events).unwrap();
    let find = |query: &EventQuery| -> Vec<String> {
        let (mut all, mut page) = (Vec::new(), None);
        loop {
            let answer = store.events(query, page.as_deref(), 4).unwrap();
            all.extend(answer.items.into_iter().map(|e| e.uid));
            page = answer.next;
            if page.is_none() {
                return all;
            }
        }
    };
    assert_eq!(find(&EventQuery::default()).len(), 25);
    assert_eq!(find(&EventQuery { from: Some(at(22)), ..Default::default() }), ["24", "23", "22"]);
    assert_eq!(find(&EventQuery { to: Some(at(0)), ..Default::default() }), [""; 0]);
    assert_eq!(find(&EventQuery { reason: "FailedMount".into(), ..Default::default() }), ["03"]);
    assert_eq!(find(&EventQuery { namespace: "other".into(), kind: "Pod".into(), ..Default::default() }), ["03"]);
    assert_eq!(find(&EventQuery { name: "cart-07".into(), cluster: "prod".into(), ..Default::default() }), ["07"]);
    assert_eq!(
        find(&EventQuery { text: "CONTAINER, 11, 镜像".into(), r#type: "Warning".into(), ..Default::default() }),
        ["11"]
    );
    assert!(matches!(store.events(&EventQuery::default(), Some("7"), 4), Err(StoreError::Cursor(_))));
}

#[test]
fn thirty_days_of_events_are_kept_and_not_more() {
    let folder = Folder::new("thirty");
    let store = folder.open();
    const DAY: i64 = 86_400;
    let events: Vec<KeptEvent> = (0..60 * 24).map(|h| event(&h.to_string(), h * 3600, 1)).collect();
    store.put_events(&events).unwrap();
    let removed = store.retention(&Keep::default(), at(60 * DAY)).unwrap();
    assert_eq!(removed.events, 30 * 24);
    let first = EventQuery { to: Some(at(60 * DAY)), ..EventQuery::default() };
    let mut page = None;
    let mut oldest = at(60 * DAY);
    loop {
        let answer = store.events(&first, page.as_deref(), 500).unwrap();
        oldest = answer.items.last().map_or(oldest, |e| e.last);
        page = answer.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(oldest, at(30 * DAY));
}

#[test]
fn changes_are_kept_once_and_found_by_entity_and_time() {
    let folder = Folder::new("changes");
    let store = folder.open();
    let change = |seconds: i64, to: &str| Change {
        at: at(seconds),
        entity: "deployment/shop/cart".to_owned(),
        what: "image".to_owned(),
        from: "cart:1".to_owned(),
        to: to.to_owned(),
        actor: "argocd".to_owned(),
    };
    store.put_changes(&[change(1, "cart:2"), change(1, "cart:2"), change(5, "cart:3")]).unwrap();
    store
        .put_changes(&[Change { entity: "node//n1".to_owned(), what: "cordon".to_owned(), ..change(3, "true") }])
        .unwrap();
    assert_eq!(
        store.changes(Some("deployment/shop/cart"), at(0), at(9), 9).unwrap(),
        [change(5, "cart:3"), change(1, "cart:2")]
    );
    assert_eq!(store.changes(None, at(1), at(5), 9).unwrap().len(), 2);
}

#[test]
fn a_silence_is_kept_120_hours_after_its_end() {
    let folder = Folder::new("silences");
    let wire = r#"{"id":"c1","matchers":[{"name":"alertname","value":"Cart.*","isRegex":true}],
      "startsAt":"2023-11-14T22:13:20Z","endsAt":"2023-11-14T23:13:20Z","updatedAt":"2023-11-14T22:13:20Z",
      "createdBy":"ann","comment":"rollout"}"#;
    let silence: Silence = serde_json::from_str(wire).unwrap();
    assert!(silence.matchers[0].is_equal, "as in Alertmanager's API");
    {
        let store = folder.open();
        store.put_silence(&silence).unwrap();
        store.put_silence(&Silence { comment: "longer".to_owned(), ..silence.clone() }).unwrap();
    }
    let store = folder.open();
    assert_eq!(store.silences().unwrap()[0].comment, "longer");
    store.retention(&Keep::default(), at(3600 + 120 * 3600)).unwrap();
    assert!(store.silence("c1").unwrap().is_some());
    store.retention(&Keep::default(), at(3600 + 120 * 3600 + 1)).unwrap();
    assert!(store.silence("c1").unwrap().is_none());
}

#[test]
fn retention_leaves_what_is_alive_and_ids_are_never_given_again() {
    let folder = Folder::new("old");
    let store = folder.open();
    let resolved = LiveIncident { stage: Stage::Resolved, resolved: Some(at(60)), ..incident(2, 3) };
    let (of_open, of_none) = (alert("A", "open"), alert("B", "none"));
    store.put_alerts(&[of_open.clone(), of_none], at(1)).unwrap();
    store
        .commit(&Tick {
            at: at(60),
            incidents: vec![incident(1, 1), resolved],
            memberships: vec![(of_open.fingerprint(), Some(1)), (alert("C", "x").fingerprint(), Some(2))],
            messages: vec![message(1, 1, 0), message(2, 3, 0)],
            ..Tick::default()
        })
        .unwrap();
    assert!(store.mark_sent("2.3/chat", at(61)).unwrap());
    let removed = store.retention(&Keep::default(), at(100 * 86_400)).unwrap();
    assert_eq!((removed.incidents, removed.alerts, removed.messages), (1, 1, 1));
    assert_eq!(store.alerts().unwrap()[0].alert, of_open);
    assert_eq!(store.open_incidents().unwrap().len(), 1);
    assert_eq!(store.outbox_counts().unwrap()[0].pending, 1, "an unsent message waits however old");
    assert!(store.timeline(2).unwrap().is_empty());
    assert!(store.verify().unwrap().is_sound());
    drop(store);
    assert_eq!(folder.open().next_incident_id().unwrap(), 3);
}

#[test]
fn a_confidence_that_is_no_number_does_not_make_an_incident_unreadable() {
    let folder = Folder::new("nan");
    let store = folder.open();
    let answer = rootline_model::Answer { confidence: f64::NAN, ..Default::default() };
    let odd = LiveIncident { causes: vec![answer], ..incident(1, 1) };
    store.commit(&Tick { at: at(1), incidents: vec![odd], ..Tick::default() }).unwrap();
    assert_eq!(store.incident(1).unwrap().unwrap().causes[0].confidence, 0.0);
}

#[test]
fn incidents_wait_for_the_disk_and_history_for_the_operating_system() {
    let folder = Folder::new("pragma");
    let store = folder.open();
    let get = |database: &crate::database::Database, name: &str| {
        database.writer().pragma_query_value(None, name, |r| r.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((get(&store.state, "synchronous"), get(&store.history, "synchronous")), (2, 1), "FULL and NORMAL");
    assert_eq!((get(&store.state, "foreign_keys"), get(&store.history, "auto_vacuum")), (1, 2));
}

#[test]
fn messages_bound_together_are_claimed_together_and_settled_at_once() {
    let folder = Folder::new("bind");
    let store = folder.open();
    store.commit(&tick(1, vec![message(1, 1, 1), message(2, 1, 2), message(3, 1, 3)])).unwrap();
    let claimed: Vec<String> = store.claim("chat", at(5), LEASE, 2).unwrap().into_iter().map(|m| m.key).collect();
    store.bind(&claimed, "joined-7").unwrap();
    let later = Outcome::Later { due: at(20), tried: true, error: "HTTP 500".to_owned() };
    assert_eq!(store.settle(&claimed, &later, at(6)).unwrap(), 2);
    drop(store);
    let store = folder.open();
    assert_eq!(store.claim("chat", at(6), LEASE, 9).unwrap()[0].key, "3.1/chat");
    // one asked for, both come: the receiver may have them under that key
    let again = store.claim("chat", at(20), LEASE, 1).unwrap();
    assert_eq!(
        again.iter().map(|m| (m.key.as_str(), m.attempts)).collect::<Vec<_>>(),
        [("1.1/chat", 1), ("2.1/chat", 1)]
    );
    assert!(again.iter().all(|m| m.sent_as.as_deref() == Some("joined-7")));
    let sent = Outcome::Sent { receipt: Some("thread-1".to_owned()) };
    assert_eq!(store.settle(&claimed, &sent, at(21)).unwrap(), 2);
    assert_eq!(store.last_sent("chat", 2).unwrap().unwrap().receipt.as_deref(), Some("thread-1"));
    assert_eq!(store.settle(&["3.1/chat".to_owned()], &Outcome::Superseded, at(22)).unwrap(), 1);
    assert_eq!(store.message("3.1/chat").unwrap().unwrap().state, MessageState::Superseded);
    assert_eq!(store.settle(&["3.1/chat".to_owned()], &later, at(23)).unwrap(), 0);
    let counts = &store.outbox_counts().unwrap()[0];
    assert_eq!((counts.pending, counts.sent, counts.dead, counts.superseded), (0, 2, 0, 1));
    assert!(store.counters().writes >= 5 && store.counters().errors == 0);
}
