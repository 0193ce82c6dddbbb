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
