//! The daemon's core on recorded states: what people are told, when, and what a restart changes.
#![allow(clippy::disallowed_methods, reason = "tests read files")]

use std::path::Path;

use jiff::SignedDuration;
use rootline_engine::{Engine, Live, LiveOptions, Options, Outcome};
use rootline_model::{Alert, Kind, LabelSet, LiveIncident, Origin, Role, SeriesBatch, Stage, Timestamp};
use rootline_objects::{Object, Signal};
use rootline_sources::{ReadOptions, read_path};

fn recorded(name: &str) -> (Vec<Signal>, Timestamp) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/recordings").join(format!("{name}.tar.zst"));
    let signals = read_path(&path, &ReadOptions::default()).expect("a recording of ours").signals;
    let at = signals.iter().find_map(|s| if let Signal::Clock(at) = s { Some(*at) } else { None });
    (signals, at.expect("recordings know their time"))
}

fn live() -> Live {
    Live::new(Engine::new(Options::default()).expect("built-in rules load"), LiveOptions::default())
}

fn after(start: Timestamp, s: i64) -> Timestamp {
    start + SignedDuration::from_secs(s)
}

/// Ticks every 15 s from the start, `n` times.
fn ticks(live: &mut Live, start: Timestamp, n: i64) -> Vec<Outcome> {
    (0..n).map(|i| live.tick(after(start, 15 * i))).collect()
}

fn told(outcomes: &[Outcome]) -> usize {
    outcomes.iter().map(|o| o.notifications.len()).sum()
}

fn alert(labels: &[(&str, &str)], starts_at: Timestamp) -> Alert {
    Alert { labels: labels.iter().copied().collect::<LabelSet>(), starts_at, hold_s: Some(60), ..Alert::default() }
}

fn only(live: &Live) -> &LiveIncident {
    let all: Vec<_> = live.incidents().collect();
    let [one] = all.as_slice() else { panic!("{} incidents", all.len()) };
    one
}

#[test]
fn a_fault_without_any_alert_is_one_incident_with_its_cause_told_once() {
    let (signals, start) = recorded("oom");
    let mut live = live();
    live.take_state(signals);
    let outcomes = ticks(&mut live, start, 8);
    assert_eq!(told(&outcomes), 1);
    let incident = only(&live);
    let cause = incident.causes.first().expect("a named cause");
    assert_eq!(cause.code, "container.oom_killed");
    assert!(!cause.evidence.is_empty() && !cause.next.is_empty());
    assert!(incident.title.zh != incident.title.en, "{:?}", incident.title);
}

#[test]
fn a_healthy_cluster_stays_silent() {
    let (signals, start) = recorded("healthy");
    let mut live = live();
    live.take_state(signals);
    let outcomes = ticks(&mut live, start, 20);
    assert_eq!((told(&outcomes), live.incidents().count()), (0, 0));
}

/// The pod that is killed in the recording `oom`, and an alert about it from a cluster that it names, or from none.
fn crash_of(signals: &[Signal], cluster: &str, starts_at: Timestamp) -> Alert {
    let (namespace, pod) = pod_of(signals, "statement-export");
    let labels = [
        ("alertname", "KubePodCrashLooping"),
        ("severity", "warning"),
        ("namespace", &namespace),
        ("pod", &pod),
        ("job", "kube-state-metrics"),
        ("cluster", cluster),
    ];
    alert(&labels, starts_at)
}

#[test]
fn an_alert_of_another_cluster_is_an_incident_of_its_own_without_a_cause() {
    let (signals, start) = recorded("oom");
    let options = LiveOptions { cluster: "east".into(), ..LiveOptions::default() };
    let mut live = Live::new(Engine::new(Options::default()).expect("built-in rules load"), options);
    live.take_state(signals.clone());
    ticks(&mut live, start, 4);
    live.take_alerts(["east", "west"].map(|c| crash_of(&signals, c, after(start, 60))).to_vec());
    live.tick(after(start, 75));
    let incidents: Vec<&LiveIncident> = live.incidents().collect();
    let [here, there] = incidents.as_slice() else { panic!("{} incidents", incidents.len()) };
    let clusters = |i: &LiveIncident| -> Vec<String> {
        i.members.iter().map(|m| m.alert.labels.value("cluster").to_owned()).collect()
    };
    assert_eq!(clusters(here), ["", "east"], "the fact and its alert");
    assert_eq!(clusters(there), ["west"]);
    assert!(
        !here.causes.is_empty() && there.causes.is_empty(),
        "nothing is known of the other cluster: {:?}",
        there.causes
    );
    assert!(there.members[0].entity.starts_with("pod/west:"), "{}", there.members[0].entity);
}

#[test]
fn an_alert_about_the_same_trouble_is_folded_under_the_fact() {
    let (signals, start) = recorded("oom");
    let crash = crash_of(&signals, "", after(start, 60));
    let mut live = live();
    live.take_state(signals);
    ticks(&mut live, start, 4);
    live.take_alerts(vec![crash]);
    live.tick(after(start, 75));
    let incident = only(&live);
    let origins: Vec<(Origin, Role)> = incident.members.iter().map(|m| (m.origin, m.role)).collect();
    assert_eq!(origins, [(Origin::Fact, Role::Core), (Origin::Alert, Role::Folded)]);
    assert!(!incident.members[1].reason.en.is_empty());
}

#[test]
fn when_the_trouble_is_gone_the_incident_ends_and_keeps_its_cause() {
    let (signals, start) = recorded("oom");
    let (healthy, _) = recorded("healthy");
    let mut live = live();
    live.take_state(signals);
    ticks(&mut live, start, 4);
    live.take_state(healthy);
    ticks(&mut live, after(start, 60), 40);
    let incident = only(&live);
    assert_eq!(incident.stage, Stage::Resolved);
    assert_eq!(incident.causes.first().map(|c| c.code.as_str()), Some("container.oom_killed"));
}

#[test]
fn a_restart_neither_repeats_nor_renumbers_anything() {
    let (signals, start) = recorded("oom");
    let mut first = live();
    first.take_state(signals.clone());
    ticks(&mut first, start, 4);
    let kept: Vec<LiveIncident> = first.incidents().cloned().collect();
    let alerts: Vec<Alert> = first.alerts().cloned().collect();

    let mut second = live();
    second.restore(after(start, 60), kept.clone(), alerts, 2);
    second.restore_told(first.told());
    second.take_state(signals);
    let outcomes = ticks(&mut second, after(start, 75), 8);
    assert_eq!(told(&outcomes), 0, "{outcomes:?}");
    assert_eq!(only(&second).id, kept[0].id);
}

#[test]
fn an_alert_from_a_clock_that_runs_ahead_is_told_now() {
    let (_, start) = recorded("healthy");
    let mut live = live();
    let ahead = alert(
        &[("alertname", "A"), ("severity", "critical"), ("namespace", "shop"), ("service", "cart")],
        after(start, 86_400),
    );
    live.take_alerts(vec![ahead]);
    let outcomes = ticks(&mut live, start, 3);
    assert_eq!(told(&outcomes), 1);
}

/// The first pod whose name begins so.
fn pod_of(signals: &[Signal], name: &str) -> (String, String) {
    let found = signals.iter().find_map(|s| match s {
        Signal::Object(Object::Pod(p)) if p.name().starts_with(name) => {
            Some((p.namespace().to_owned(), p.name().to_owned()))
        }
        _ => None,
    });
    found.expect("the recording holds the pod")
}

/// As kube-state-metrics' rules say it.
fn about_pod(name: &str, (namespace, pod): &(String, String), starts_at: Timestamp) -> Alert {
    let labels = [
        ("alertname", name),
        ("severity", "warning"),
        ("namespace", namespace.as_str()),
        ("pod", pod.as_str()),
        ("job", "kube-state-metrics"),
    ];
    alert(&labels, starts_at)
}

#[test]
fn an_alert_about_a_pod_that_is_gone_belongs_to_what_its_workload_has() {
    let (signals, start) = recorded("image-not-found");
    let pod = pod_of(&signals, "cart-");
    let (healthy, _) = recorded("healthy");
    let mut live = live();
    live.take_state(signals);
    ticks(&mut live, start, 4);
    assert_eq!(only(&live).members.len(), 1);
    live.take_state(healthy);
    live.tick(after(start, 60));
    live.take_alerts(vec![about_pod("KubePodNotReady", &pod, after(start, 65))]);
    let outcomes = ticks(&mut live, after(start, 75), 8);
    assert_eq!(told(&outcomes), 0, "{outcomes:?}");
    assert_eq!(only(&live).members.len(), 2);
}

#[test]
fn an_alert_about_a_pod_that_went_without_trouble_waits_and_is_told_if_it_stays() {
    let (signals, start) = recorded("healthy");
    let pod = pod_of(&signals, "gateway-");
    let mut live = live();
    let rest = signals.iter().filter(|s| !matches!(s, Signal::Object(Object::Pod(p)) if p.name() == pod.1));
    let rest: Vec<Signal> = rest.cloned().collect();
    live.take_state(signals);
    live.tick(start);
    live.take_state(rest);
    live.tick(after(start, 15));
    live.take_alerts(vec![about_pod("KubePodNotReady", &pod, after(start, 20))]);
    let about_it = |o: &[Outcome]| {
        let changed: Vec<&LiveIncident> = o.iter().flat_map(|o| &o.changed).collect();
        changed.iter().filter(|i| i.members.iter().any(|m| m.origin == Origin::Alert)).count()
    };
    assert_eq!(about_it(&ticks(&mut live, after(start, 30), 50)), 0);
    // a quarter of an hour later it is no rule's memory any more
    assert_eq!(about_it(&ticks(&mut live, after(start, 930), 2)), 1);
}

#[test]
fn a_pod_that_went_is_remembered_over_a_restart() {
    let (signals, start) = recorded("healthy");
    let pod = pod_of(&signals, "gateway-");
    let rest = signals.iter().filter(|s| !matches!(s, Signal::Object(Object::Pod(p)) if p.name() == pod.1));
    let rest: Vec<Signal> = rest.cloned().collect();
    let mut killed = live();
    killed.take_state(signals.clone());
    killed.tick(start);
    killed.take_state(rest.clone());
    killed.tick(after(start, 15));

    let opened = |kept: &[u8], state: Vec<Signal>, at: i64| {
        let mut live = live();
        live.restore_gone(kept).expect("our own bytes");
        live.take_state(state);
        live.take_alerts(vec![about_pod("KubePodNotReady", &pod, after(start, 20))]);
        ticks(&mut live, after(start, at), 8).iter().map(|o| o.changed.len()).sum::<usize>()
    };
    let kept = killed.gone_snapshot();
    assert_eq!(opened(&kept, rest.clone(), 30), 0);
    assert!(opened(b"[]", rest.clone(), 30) > 0, "without it the alert opens an incident");
    assert!(opened(&kept, rest, 1000) > 0, "a quarter of an hour later it is no rule's memory any more");
    assert!(opened(&kept, signals, 30) > 0, "it is there again");
    assert!(live().restore_gone(b"{}").is_err());
}

#[test]
fn a_deployment_that_misses_replicas_belongs_to_the_quota_that_refuses_them() {
    let (signals, start) = recorded("quota");
    let mut live = live();
    live.take_state(signals);
    ticks(&mut live, start, 4);
    let incident = only(&live);
    let deployment = incident.affected.iter().find_map(|a| a.strip_prefix("deployment/ledger/"));
    let deployment = deployment.expect("the deployment is affected").to_owned();
    let misses = [
        ("alertname", "KubeDeploymentReplicasMismatch"),
        ("severity", "warning"),
        ("namespace", "ledger"),
        ("deployment", &deployment),
        ("job", "kube-state-metrics"),
    ];
    let onset = incident.onset;
    live.take_alerts(vec![alert(&misses, after(onset, 90))]);
    let outcomes = ticks(&mut live, after(start, 75), 4);
    assert_eq!(told(&outcomes), 0, "{outcomes:?}");
    assert_eq!(only(&live).members.len(), 2);
}

#[test]
fn scrapes_of_agents_that_fail_belong_to_the_node_that_is_away() {
    let (signals, start) = recorded("kubelet-down");
    let mut live = live();
    live.take_state(signals);
    ticks(&mut live, start, 4);
    let onset = only(&live).onset;
    // neither says which node: the rules count over all of them
    let target =
        [("alertname", "TargetDown"), ("severity", "warning"), ("job", "kubelet"), ("namespace", "kube-system")];
    let none = [("alertname", "KubeletDown"), ("severity", "critical")];
    live.take_alerts(vec![alert(&target, after(onset, 60)), alert(&none, after(onset, 75))]);
    ticks(&mut live, after(start, 75), 4);
    let incident = only(&live);
    assert_eq!(incident.members.len(), 3);
    assert_eq!(incident.core().map(|m| m.origin), Some(Origin::Fact));
}

#[test]
fn the_sum_of_requests_is_no_news_beside_the_pod_that_finds_no_room() {
    let (signals, start) = recorded("unschedulable-cpu");
    let mut live = live();
    live.take_state(signals);
    ticks(&mut live, start, 4);
    let onset = only(&live).onset;
    let overcommit = [("alertname", "KubeCPUOvercommit"), ("severity", "warning")];
    live.take_alerts(vec![alert(&overcommit, after(onset, 90))]);
    let outcomes = ticks(&mut live, after(start, 75), 4);
    assert_eq!(told(&outcomes), 0, "{outcomes:?}");
    assert_eq!(only(&live).members.len(), 2);
}

#[test]
fn a_cause_that_comes_after_the_first_message_is_told_at_once() {
    let (healthy, _) = recorded("healthy");
    let (signals, at) = recorded("kubelet-down");
    let mut alone = live();
    alone.take_state(signals.clone());
    ticks(&mut alone, at, 4);
    let onset = only(&alone).onset;

    let target = [("alertname", "TargetDown"), ("severity", "warning"), ("job", "kubelet")];
    let mut live = live();
    live.take_state(healthy);
    live.tick(onset);
    live.take_alerts(vec![alert(&target, after(onset, 60))]);
    let first = ticks(&mut live, after(onset, 60), 4);
    assert_eq!(told(&first), 1);
    live.take_state(signals);
    let then = ticks(&mut live, at.max(after(onset, 120)), 4);
    let about: Vec<u64> = then.iter().flat_map(|o| &o.notifications).map(|n| n.incident).collect();
    assert_eq!(about, [only(&live).id], "one message, about the same incident");
    assert_eq!(only(&live).causes.first().map(|c| c.code.as_str()), Some("node.kubelet_down"));
}

/// Samples of a disk that is 93 % full all the time.
fn full_disk(live: &mut Live, now: Timestamp) {
    let raw = |name: &str, value: f64| {
        let labels = [("__name__", name), ("instance", "worker-1"), ("mountpoint", "/"), ("fstype", "ext4")];
        SeriesBatch { labels: labels.into_iter().collect(), points: vec![(now.as_millisecond(), value)] }
    };
    live.take_samples(&[raw("node_filesystem_avail_bytes", 7e9), raw("node_filesystem_size_bytes", 1e11)], false);
}

#[test]
fn an_anomaly_joins_what_hurts_and_does_not_keep_it_open() {
    let (signals, start) = recorded("kubelet-down");
    let (healthy, _) = recorded("healthy");
    let mut live = live();
    live.take_state(signals);
    let minutes = |live: &mut Live, range: std::ops::Range<i64>| {
        for minute in range {
            full_disk(live, after(start, 60 * minute));
            live.tick(after(start, 60 * minute));
        }
    };
    minutes(&mut live, 0..12);
    let origins = |live: &Live| only(live).members.iter().map(|m| m.origin).collect::<Vec<_>>();
    assert_eq!(origins(&live), [Origin::Fact, Origin::Anomaly]);
    live.take_state(healthy);
    minutes(&mut live, 12..24);
    assert_eq!(only(&live).stage, Stage::Resolved, "the disk is as full as before, but the node is back");
}

#[test]
fn resolved_by_hand_stays_so_when_its_alert_comes_back_after_a_restart() {
    let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a moment");
    let of = |name: &str, ends: i64| Alert {
        ends_at: Some(after(start, ends)),
        ..alert(&[("alertname", name), ("severity", "critical"), ("namespace", "shop"), ("pod", "cart-1")], start)
    };
    let mut before = live();
    before.take_alerts(vec![of("Down", 240)]);
    before.tick(start);
    let id = only(&before).id;
    before.resolve(after(start, 15), id, "me");
    let kept = only(&before).clone();
    let by_hand = before.by_hand();

    // away for longer than the alert lasts; then Prometheus tells of it again
    let now = after(start, 7200);
    let mut live = live();
    live.restore_by_hand(&by_hand);
    live.restore(now, vec![kept], vec![of("Down", 240)], id + 1);
    live.take_alerts(vec![of("Down", 7500)]);
    let outcomes = ticks(&mut live, now, 4);
    assert_eq!((only(&live).id, only(&live).stage, told(&outcomes)), (id, Stage::Resolved, 0));

    let more = Alert { starts_at: after(now, 60), ..of("Worse", 7500) };
    live.take_alerts(vec![more]);
    live.tick(after(now, 60));
    // something new is not hidden by what was said about the old
    assert!(live.incidents().any(|i| i.stage == Stage::Open));
}

/// Nodes of one zone, all well, which alerts call by their addresses.
fn nodes_of_a_zone(count: usize) -> Vec<Signal> {
    let node = |n: usize| {
        let json = format!(
            r#"{{"metadata":{{"name":"n{n}","labels":{{"topology.kubernetes.io/zone":"a"}}}},"status":{{
                "conditions":[{{"type":"Ready","status":"True"}}],"addresses":[{{"type":"InternalIP","address":"10.0.0.{n}"}}]}}}}"#
        );
        Signal::Object(Object::from_json("Node", &json).expect("a kind that is read").expect("a node"))
    };
    (0..count).map(node).chain([Signal::Listed { kind: Kind::Node, namespace: None }]).collect()
}

#[test]
fn a_zone_that_goes_down_while_the_daemon_restarts_is_one_incident_as_without_a_restart() {
    let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a moment");
    let away = |n: i64, s: i64| {
        let instance = format!("10.0.0.{n}:9100");
        let labels =
            [("alertname", "HostDown"), ("severity", "critical"), ("instance", &*instance), ("job", "node-exporter")];
        alert(&labels, after(start, s))
    };
    // the fifth comes when no four of a minute are left: only that it was a zone before explains it
    let storm = [(0, 10), (1, 12), (2, 50), (3, 52), (4, 100)];
    let told = |stops: &[i64]| {
        let mut live = live();
        live.take_state(nodes_of_a_zone(6));
        let mut ids = 1;
        for tick in (0..150).step_by(15) {
            if stops.contains(&tick) {
                let incidents: Vec<LiveIncident> = live.incidents().cloned().collect();
                let alerts: Vec<Alert> = live.alerts().cloned().collect();
                ids = incidents.iter().map(|i| i.id + 1).max().unwrap_or(1).max(ids);
                let mut again = self::live();
                again.restore_wide(&live.wide_snapshot()).expect("our own bytes");
                again.restore_told(live.told());
                again.restore(after(start, tick), incidents, alerts, ids);
                // the first look comes before the cluster is read
                again.tick(after(start, tick));
                again.take_state(nodes_of_a_zone(6));
                live = again;
            }
            let fired = storm.iter().filter(|(_, s)| (tick - 15..tick).contains(s));
            live.take_alerts(fired.map(|(n, s)| away(*n, *s)).collect());
            live.tick(after(start, tick));
        }
        let open = live.incidents().filter(|i| i.stage == Stage::Open);
        let mut sizes: Vec<usize> = open.map(|i| i.members.len()).collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(told(&[]), [5]);
    for stops in [[30, 600], [60, 600], [75, 600], [30, 75], [90, 105]] {
        assert_eq!(told(&stops), [5], "stopped at {stops:?}");
    }
    assert!(live().restore_wide(b"{}").is_err());
}
