//! What mode `full` puts together, and what it must keep apart.

mod cluster;

use cluster::*;
use rootline_correlate::{Mode, Options};

#[test]
fn a_node_that_is_away_takes_its_pods_and_their_services_with_it() {
    // n0 runs s0-0, s7-1, s12-0, …; s1 calls s0
    let items = [
        service_alert("HTTPErrorRateHigh", 1, 400, 300),
        node_alert("KubeNodeNotReady", 0, 910, 900),
        node_alert("KubeNodeUnreachable", 0, 925, 900),
        pod_alert("KubePodNotReady", 0, 0, 950, 900),
        pod_alert("KubePodNotReady", 7, 1, 960, 900),
        item("KubeDeploymentReplicasMismatch", &[("namespace", "shop"), ("deployment", "s0")], 955, 900),
    ];
    let c = full(&items);
    assert!(together(c.as_ref(), &items[1..]), "{:?}", partition(c.as_ref()));
    let group = c.group_of(items[1].id).and_then(|g| c.group(g)).expect("it has a group");
    assert_eq!(&*group.core().expect("a group has a core").item.name, "KubeNodeNotReady");
}

#[test]
fn the_same_with_names_that_nobody_knows() {
    let items = [
        node_alert("Alpha", 0, 910, 900),
        pod_alert("Beta", 0, 0, 950, 900),
        pod_alert("Beta", 7, 1, 960, 900),
        item("Gamma", &[("namespace", "shop"), ("deployment", "s0")], 955, 900),
    ];
    let c = full(&items);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
}

#[test]
fn callers_follow_their_callee_a_minute_later() {
    let items = [
        service_alert("DBConnectionsExhausted", 0, 120, 120),
        service_alert("HTTPLatencyHigh", 1, 360, 300),
        service_alert("HTTPLatencyHigh", 2, 375, 300),
    ];
    let c = full(&items);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
    let group = c.group_of(items[0].id).and_then(|g| c.group(g)).expect("it has a group");
    assert_eq!(group.core, items[0].id);
}

#[test]
fn evictions_long_after_a_disk_filled_up_belong_to_it() {
    let items = [
        node_alert("KubeNodeEviction", 0, 800, 0),
        node_alert("NodeFilesystemAlmostOutOfSpace", 0, 1800, 1800),
        pod_alert("KubePodEvicted", 0, 0, 1500, 0),
        pod_alert("KubePodEvicted", 7, 1, 1510, 0),
    ];
    let c = full(&items);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
    let group = c.group_of(items[0].id).and_then(|g| c.group(g)).expect("it has a group");
    assert_eq!(group.core, items[1].id, "the disk is the cause, though it was told last");
}

#[test]
fn a_full_volume_stops_its_pod_later() {
    let claim = [("namespace", "shop"), ("persistentvolumeclaim", "data-s0-0"), ("severity", "critical")];
    let items = [
        item("KubePersistentVolumeFillingUp", &claim, 60, 60),
        pod_alert("KubePodCrashLooping", 0, 0, 1500, 900),
        service_alert("HTTPErrorRateHigh", 0, 830, 300),
    ];
    let c = full(&items);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
}

#[test]
fn nodes_of_one_zone_are_one_trouble_and_nodes_of_others_are_not() {
    let zone: Vec<_> =
        [0, 3, 6, 9].into_iter().map(|n| node_alert("KubeNodeNotReady", n, 905 + n as i64, 900)).collect();
    let c = full(&zone);
    assert!(together(c.as_ref(), &zone), "{:?}", partition(c.as_ref()));
    let other = [node_alert("KubeNodeNotReady", 0, 905, 900), node_alert("KubeNodeNotReady", 1, 906, 900)];
    let c = full(&other);
    assert!(apart(c.as_ref(), &other[0], &other[1]), "two nodes of two zones prove nothing");
}

#[test]
fn services_without_a_relation_that_fail_at_once_have_something_in_common() {
    let dns = [("namespace", "kube-system"), ("job", "kube-dns"), ("severity", "critical")];
    let mut items: Vec<_> =
        (0..8).map(|k| service_alert("HTTPErrorRateHigh", 3 * k, 330 + 3 * k as i64, 300)).collect();
    items.push(item("CoreDNSErrorsHigh", &dns, 610, 600));
    let c = full(&items);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
    let group = c.group_of(items[0].id).and_then(|g| c.group(g)).expect("it has a group");
    assert_eq!(&*group.core().expect("a group has a core").item.name, "CoreDNSErrorsHigh");
}

#[test]
fn etcd_explains_controllers_kubelets_and_rollouts_but_no_requests() {
    let etcd = |i: &str| item("etcdHighFsyncDurations", &[("job", "etcd"), ("instance", i)], 600, 600);
    let items = [
        etcd("cp-0:2379"),
        etcd("cp-1:2379"),
        item("KubeAPIErrorBudgetBurn", &[("severity", "critical"), ("long", "1h")], 190, 120),
        node_alert("KubeletPlegDurationHigh", 4, 510, 300),
        item("KubeDeploymentRolloutStuck", &[("namespace", "shop"), ("deployment", "s4")], 1210, 900),
    ];
    let request = service_alert("HTTPErrorRateHigh", 8, 300, 300);
    let mut all = items.to_vec();
    all.push(request.clone());
    let c = full(&all);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
    assert!(apart(c.as_ref(), &items[0], &request), "the data plane goes on without the API server");
}

#[test]
fn agents_whose_scrapes_fail_join_the_one_node_that_is_away_and_make_no_two_nodes_one() {
    let away = [node_alert("KubeNodeNotReady", 0, 910, 900), node_alert("KubeNodeNotReady", 1, 912, 900)];
    let target =
        item("TargetDown", &[("job", "kubelet"), ("namespace", "kube-system"), ("service", "kubelet")], 640, 600);
    let c = full(&[away[0].clone(), away[1].clone(), target.clone()]);
    assert!(apart(c.as_ref(), &away[0], &away[1]), "{:?}", partition(c.as_ref()));
    assert_eq!(partition(c.as_ref()).len(), 2, "{:?}", partition(c.as_ref()));
    // a node that is away is tainted, and pods of a daemon set that do not tolerate that count as run where they should not
    let stray = [("namespace", "platform"), ("daemonset", "log-agent")];
    let stray = item("KubeDaemonSetMisScheduled", &stray, 935, 900);
    let c = full(&[away[0].clone(), stray.clone()]);
    assert!(!apart(c.as_ref(), &away[0], &stray));
    let hours = item("TargetDown", &[("job", "kubelet")], 9_000, 600);
    let c = full(&[away[0].clone(), hours.clone()]);
    assert!(apart(c.as_ref(), &away[0], &hours));
}

#[test]
fn an_overbooked_cluster_is_news_of_its_own_unless_a_pod_began_to_wait_then() {
    let waits = item("KubePodUnschedulable", &[("namespace", "shop"), ("pod", "s0-0")], 610, 600);
    let sum = item("KubeMemoryOvercommit", &[], 630, 600);
    let c = full(&[waits.clone(), sum.clone()]);
    assert!(!apart(c.as_ref(), &waits, &sum));
    let days = item("KubeMemoryOvercommit", &[], 5_000, 600);
    let c = full(&[waits.clone(), days.clone()]);
    assert!(apart(c.as_ref(), &waits, &days));
}

#[test]
fn two_unrelated_faults_on_one_node_at_once_stay_two() {
    // s0-0 and s12-0 both run on n0; each crash-loops for a reason of its own
    let one = [pod_alert("KubePodCrashLooping", 0, 0, 900, 900), pod_alert("KubePodCrashLooping", 0, 1, 905, 900)];
    let two = [pod_alert("KubePodCrashLooping", 12, 0, 902, 900), pod_alert("KubePodCrashLooping", 12, 1, 909, 900)];
    let c = full(&[one.clone(), two.clone()].concat());
    assert!(together(c.as_ref(), &one) && together(c.as_ref(), &two), "{:?}", partition(c.as_ref()));
    assert!(apart(c.as_ref(), &one[0], &two[0]), "that they share a node explains no crash");
}

#[test]
fn a_pod_that_crashes_is_no_effect_of_a_node_that_is_away() {
    let items = [node_alert("KubeNodeNotReady", 0, 910, 900), pod_alert("KubePodCrashLooping", 0, 0, 915, 900)];
    let c = full(&items);
    assert!(apart(c.as_ref(), &items[0], &items[1]), "nobody would report the crash");
}

#[test]
fn advice_joins_nothing() {
    let items = [
        node_alert("KubeNodeNotReady", 0, 910, 900),
        node_alert("NodeClockSkewDetected", 0, 912, 900),
        item("KubeQuotaAlmostFull", &[("namespace", "shop"), ("resource", "cpu")], 915, 900),
    ];
    let c = full(&items);
    assert_eq!(partition(c.as_ref()).len(), 3);
}

#[test]
fn the_same_place_hours_later_is_another_incident() {
    let items = [service_alert("HTTPErrorRateHigh", 0, 300, 300), service_alert("HTTPLatencyHigh", 0, 9000, 300)];
    let c = full(&items);
    assert!(apart(c.as_ref(), &items[0], &items[1]));
}

#[test]
fn clocks_half_a_minute_wrong_do_not_part_what_belongs_together() {
    let items = [
        node_alert("KubeNodeNotReady", 0, 880, 900),
        pod_alert("KubePodNotReady", 0, 0, 980, 900),
        pod_alert("KubePodNotReady", 12, 0, 930, 900),
    ];
    let c = full(&items);
    assert!(together(c.as_ref(), &items), "{:?}", partition(c.as_ref()));
}

#[test]
fn alerts_without_a_place_join_their_like_of_the_same_minute() {
    let mut items: Vec<_> =
        [0, 3, 6, 9].into_iter().map(|n| node_alert("KubeNodeNotReady", n, 905 + n as i64, 900)).collect();
    let bare = item("KubeNodeNotReady", &[], 930, 900);
    let unlike = item("SomethingElse", &[], 930, 900);
    items.push(bare.clone());
    items.push(unlike.clone());
    let c = full(&items);
    assert!(!apart(c.as_ref(), &items[0], &bare));
    assert!(apart(c.as_ref(), &items[0], &unlike));
}

/// Twelve times a day apart: the app's own alert 40 s after a database's, both with a place; then the database's again and
/// the app's once as it comes from a rule that sums everything up.
fn a_habit() -> (Vec<rootline_correlate::Item>, rootline_correlate::Item) {
    let mut items = Vec::new();
    for day in 0..12 {
        let at = 86_400 * day;
        items.push(ended(&service_alert("QueueFull", 0, at + 300, 300), at + 900));
        items.push(ended(&service_alert("OrdersLate", 1, at + 340, 300), at + 900));
    }
    items.push(service_alert("QueueFull", 3, 86_400 * 12 + 300, 300));
    let summed = item("OrdersLate", &[], 86_400 * 12 + 340, 300);
    (items, summed)
}

#[test]
fn an_alert_without_a_place_goes_where_its_name_usually_goes() {
    let (mut items, summed) = a_habit();
    let stranger = item("BackupMissed", &[], 86_400 * 12 + 341, 300);
    items.extend([summed.clone(), stranger.clone()]);
    let c = full(&items);
    let database = &items[24];
    assert!(together(c.as_ref(), &[database.clone(), summed.clone()]), "{:?}", partition(c.as_ref()));
    assert!(apart(c.as_ref(), database, &stranger), "never seen beside it");
    let group = c.group_of(summed.id).and_then(|g| c.group(g)).expect("it has a group");
    let words = group.members.iter().find(|m| m.item.id == summed.id).expect("a member").reason.words();
    assert!(words.en.contains("goes with QueueFull"), "{words:?}");
    assert!(words.zh.contains("QueueFull"), "{words:?}");
}

#[test]
fn what_was_learnt_outlives_a_restart_and_is_not_learnt_twice() {
    let (items, summed) = a_habit();
    let before = full(&items);
    let learnt = before.pairs().expect("this mode learns").clone();
    let mut after = rootline_correlate::correlator(Options::of(Mode::Full));
    after.restore_pairs(rootline_correlate::Pairs::from_rows(learnt.rows()));
    after.restore(at(86_400 * 12 + 320), remember(before.as_ref()), 0, &topology());
    assert_eq!(after.pairs(), Some(&learnt));
    after.observe(at(86_400 * 12 + 345), std::slice::from_ref(&summed), &topology());
    assert_eq!(after.group_of(summed.id), before.group_of(items[24].id));
}

#[test]
fn nothing_is_revised_when_that_is_asked_for() {
    let zone: Vec<_> =
        [0, 3, 6, 9].into_iter().map(|n| node_alert("KubeNodeNotReady", n, 905 + n as i64, 900)).collect();
    let options = Options { revise_s: 0, ..Options::of(Mode::Full) };
    let (_, changes) = play(options, &zone);
    // all fire within seconds, but not in the same one
    assert!(!changes.iter().any(|c| matches!(c, rootline_correlate::Change::Merged { .. })), "{changes:?}");
}
