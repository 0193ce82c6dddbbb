//! The life of groups: ending, coming back, resolving, restoring, bounds; and when people are told.

mod cluster;

use cluster::*;
use rootline_correlate::{
    Change, Correlator, Item, Mode, Notice, NoticeKind, NoticePolicy, Notices, Options, Topology, correlator,
};
use rootline_model::{Origin, Severity, Stage};

fn kinds(changes: &[Change]) -> Vec<&'static str> {
    changes
        .iter()
        .map(|c| match c {
            Change::Opened { .. } => "opened",
            Change::Joined { .. } => "joined",
            Change::Returned { .. } => "returned",
            Change::Ended { .. } => "ended",
            Change::Merged { .. } => "merged",
            Change::CoreChanged { .. } => "core",
            Change::SeverityRaised { .. } => "raised",
            Change::Resolved { .. } => "resolved",
            Change::Reopened { .. } => "reopened",
            Change::Forgotten { .. } => "forgotten",
        })
        .collect()
}

fn options() -> Options {
    Options::default()
}

#[test]
fn an_alert_that_ends_resolves_its_group_only_after_a_pause() {
    let t = topology();
    let mut c = correlator(options());
    let a = service_alert("A", 0, 0, 0);
    assert_eq!(kinds(&c.observe(at(1), std::slice::from_ref(&a), &t)), ["opened", "joined"]);
    assert_eq!(kinds(&c.observe(at(100), &[ended(&a, 100)], &t)), ["ended"]);
    assert_eq!(kinds(&c.observe(at(390), &[], &t)), [""; 0]);
    assert_eq!(kinds(&c.observe(at(400), &[], &t)), ["resolved"]);
    assert_eq!(kinds(&c.observe(at(401 + 3600), &[], &t)), ["forgotten"]);
    assert_eq!(c.groups().count(), 0);
}

#[test]
fn an_end_that_passes_by_itself_is_an_end() {
    let t = topology();
    let mut c = correlator(options());
    let a = ended(&service_alert("A", 0, 0, 0), 240);
    c.observe(at(1), std::slice::from_ref(&a), &t);
    // repeated in time: the end moves on
    assert_eq!(kinds(&c.observe(at(200), &[ended(&a, 440)], &t)), [""; 0]);
    assert_eq!(kinds(&c.observe(at(300), &[], &t)), [""; 0]);
    assert_eq!(kinds(&c.observe(at(440), &[], &t)), ["ended"]);
}

#[test]
fn an_alert_sent_again_changes_nothing() {
    let t = topology();
    let mut c = correlator(options());
    let a = service_alert("A", 0, 0, 0);
    c.observe(at(1), &[a.clone(), a.clone()], &t);
    assert_eq!(c.groups().next().map(|g| g.members.len()), Some(1));
    assert_eq!(kinds(&c.observe(at(61), std::slice::from_ref(&a), &t)), [""; 0]);
    c.observe(at(62), &[ended(&a, 62)], &t);
    assert_eq!(kinds(&c.observe(at(120), &[ended(&a, 62)], &t)), [""; 0], "resolved ones are repeated for 15 min");
}

#[test]
fn a_flapping_alert_comes_back_to_its_incident() {
    let t = topology();
    let mut c = correlator(options());
    let a = service_alert("A", 0, 0, 0);
    c.observe(at(1), std::slice::from_ref(&a), &t);
    c.observe(at(60), &[ended(&a, 60)], &t);
    let again = Item { fired: at(400), ..a.clone() };
    assert_eq!(kinds(&c.observe(at(370), &[], &t)), ["resolved"]);
    assert_eq!(kinds(&c.observe(at(401), std::slice::from_ref(&again), &t)), ["returned", "reopened"]);
    assert_eq!(c.groups().map(|g| g.members[0].flaps).collect::<Vec<_>>(), [1]);
    // long after, it is something new
    c.observe(at(500), &[ended(&again, 500)], &t);
    c.observe(at(900), &[], &t);
    let later = Item { fired: at(2000), onset: at(2000), ..a };
    assert_eq!(kinds(&c.observe(at(2001), &[later], &t)), ["opened", "joined"]);
}

#[test]
fn a_start_long_after_the_known_one_is_a_new_episode_though_no_end_was_seen() {
    let t = topology();
    let mut c = correlator(options());
    let a = service_alert("A", 0, 0, 0);
    c.observe(at(1), std::slice::from_ref(&a), &t);
    let replica = Item { fired: at(20), ..a.clone() };
    assert_eq!(kinds(&c.observe(at(21), &[replica], &t)), [""; 0], "another replica of the rule engine");
    let anew = Item { fired: at(5000), onset: at(5000), ..a.clone() };
    assert_eq!(kinds(&c.observe(at(5001), &[anew], &t)), ["ended", "opened", "joined"]);
    assert_eq!(c.groups().count(), 2);
}

#[test]
fn a_resolve_of_something_unknown_is_no_incident() {
    let mut c = correlator(options());
    assert_eq!(c.observe(at(100), &[ended(&service_alert("A", 0, 0, 0), 50)], &topology()), []);
}

#[test]
fn severity_is_the_worst_inside_and_stays() {
    let t = topology();
    let mut c = correlator(options());
    let a = service_alert("A", 0, 0, 0);
    let b = item("B", &[("namespace", "shop"), ("service", "s0"), ("severity", "critical")], 5, 0);
    c.observe(at(1), &[a], &t);
    assert_eq!(kinds(&c.observe(at(6), std::slice::from_ref(&b), &t)), ["joined", "raised"]);
    c.observe(at(20), &[ended(&b, 20)], &t);
    assert_eq!(c.groups().next().and_then(|g| g.severity), Some(Severity::Critical));
}

#[test]
fn a_storm_of_resolves_resolves_everything_once() {
    let items: Vec<Item> = (0..24).flat_map(|s| (0..3).map(move |p| pod_alert("A", s, p, 10, 0))).collect();
    let (mut c, _) = play(options(), &items);
    let ends: Vec<Item> = items.iter().map(|i| ended(i, 100)).collect();
    let open = c.groups().count();
    let mut changes = c.observe(at(100), &ends, &topology());
    changes.extend(c.observe(at(101), &ends, &topology()));
    changes.extend(c.observe(at(1000), &[], &topology()));
    assert_eq!(changes.iter().filter(|c| matches!(c, Change::Ended { .. })).count(), items.len());
    assert_eq!(changes.iter().filter(|c| matches!(c, Change::Resolved { .. })).count(), open);
    assert!(c.groups().all(|g| g.stage == Stage::Resolved && g.firing == 0));
}

#[test]
fn time_that_goes_back_changes_nothing() {
    let t = topology();
    let mut c = correlator(options());
    let a = ended(&service_alert("A", 0, 0, 0), 100);
    c.observe(at(1), &[a], &t);
    c.observe(at(100), &[], &t);
    assert_eq!(c.observe(at(50), &[], &t), []);
    assert_eq!(kinds(&c.observe(at(400), &[], &t)), ["resolved"]);
}

#[test]
fn memory_is_bounded() {
    let small = Options { groups_max: 50, items_max: 100, ..options() };
    let items: Vec<Item> =
        (0..1000).map(|n| item("A", &[("node", &format!("x{n}")), ("rule", &n.to_string())], n * 60, 0)).collect();
    let (c, changes) = play(small, &items);
    assert!(c.groups().count() <= 50);
    assert!(changes.iter().any(|c| matches!(c, Change::Forgotten { .. })));
    assert!(c.group_of(items[999].id).is_some(), "the newest stays");
}

#[test]
fn a_group_that_is_full_counts_what_it_does_not_keep() {
    let small = Options { members_max: 100, ..Options::of(Mode::TimeGap) };
    let items: Vec<Item> = (0..1000).map(|n| item("A", &[("rule", &n.to_string())], n / 100, 0)).collect();
    let (c, _) = play(small, &items);
    assert_eq!(c.groups().map(|g| (g.members.len(), g.overflow)).collect::<Vec<_>>(), [(100, 900)]);
}

#[test]
fn a_killed_one_goes_on_with_the_same_groups() {
    let dns = [("namespace", "kube-system"), ("job", "kube-dns"), ("severity", "critical")];
    let first: Vec<Item> = (0..6)
        .map(|k| service_alert("HTTPErrorRateHigh", 3 * k, 330 + 3 * k as i64, 300))
        .chain([0, 3, 6, 9].map(|n| node_alert("KubeNodeNotReady", n, 905, 900)))
        .chain([item("CoreDNSErrorsHigh", &dns, 610, 600)])
        .collect();
    let rest = [
        service_alert("HTTPErrorRateHigh", 21, 1000, 700),
        pod_alert("KubePodNotReady", 0, 0, 950, 900),
        pod_alert("KubePodNotReady", 9, 1, 955, 900),
        node_alert("KubeNodeUnreachable", 9, 960, 900),
        service_alert("Late", 5, 1000, 0),
    ];
    for mode in [Mode::Full, Mode::Alertmanager, Mode::TimeGap, Mode::NodeWindow, Mode::OnsetTopology] {
        let (mut never_stopped, before) = play(Options::of(mode), &first);
        // merged groups are gone, but their ids are used up: the store knows the next one
        let used =
            before.iter().filter_map(|c| if let Change::Opened { group } = c { Some(group.0) } else { None }).max();
        let mut killed = correlator(Options::of(mode));
        killed.restore(at(940), remember(never_stopped.as_ref()), used.unwrap_or(0) + 1, &topology());
        let (a, b) = (go_on(never_stopped.as_mut(), &rest), go_on(killed.as_mut(), &rest));
        assert_eq!(a, b, "{}", mode.word());
        assert_eq!(partition(never_stopped.as_ref()), partition(killed.as_ref()), "{}", mode.word());
    }
}

/// A daemon that comes back when nothing of the cluster is read yet, and then reads it.
fn restarted(before: &dyn Correlator, now: i64, next: u64) -> Box<dyn Correlator> {
    let mut after = correlator(Options::of(Mode::Full));
    after.restore_wide(before.wide());
    after.restore(at(now), remember(before), next, &Topology::new());
    after.relocate(&topology());
    after
}

#[test]
fn a_storm_over_a_restart_folds_as_without_one() {
    let failing = |k: usize, second: i64| service_alert("HTTPErrorRateHigh", 3 * k, second, 300);
    let away = |n: usize, second: i64| node_alert("KubeNodeNotReady", n, second, 900);
    // services without a relation, and then one more and a program that ends, which a burst explains and nothing else
    let burst: Vec<Item> = (0..7).map(|k| failing(k, 330 + 4 * k as i64)).collect();
    let burst_goes_on = vec![failing(7, 410), pod_alert("KubePodCrashLooping", 4, 0, 460, 300)];
    // four nodes of a zone, and then the rest of it, over a minute after the first
    let zone: Vec<Item> = [0, 3, 6].map(|n| away(n, 905 + n as i64)).into();
    let zone_goes_on = vec![away(9, 945)];
    for (first, rest) in [(burst, burst_goes_on), (zone, zone_goes_on)] {
        let whole: Vec<Item> = first.iter().chain(&rest).cloned().collect();
        for cut in 1..whole.len() {
            let (before, after) = whole.split_at(cut);
            let (mut never_stopped, changes) = play(Options::of(Mode::Full), before);
            let opened = changes.iter().filter(|c| matches!(c, Change::Opened { .. })).count() as u64;
            let now = before.iter().map(|i| i.fired.as_second()).max().unwrap_or(0) - at(0).as_second();
            let mut again = restarted(never_stopped.as_ref(), now + 15, opened + 1);
            let (a, b) = (go_on(never_stopped.as_mut(), after), go_on(again.as_mut(), after));
            assert_eq!(a, b, "cut at {cut}");
            assert_eq!(partition(never_stopped.as_ref()), partition(again.as_ref()), "cut at {cut}");
            assert_eq!(partition(again.as_ref()).len(), 1, "cut at {cut}");
        }
    }
}

#[test]
fn ids_are_never_used_twice() {
    let mut c = correlator(options());
    c.restore(at(0), Vec::new(), 41, &topology());
    let changes = c.observe(at(1), &[service_alert("A", 0, 0, 0)], &topology());
    assert_eq!(changes[0].group().0, 41);
}

#[test]
fn anomalies_alone_are_no_incident_until_three_agree() {
    let t = topology();
    let anomaly = |s: usize| Item { origin: Origin::Anomaly, ..service_alert("series.level_shift", s, 10, 0) };
    let mut c = correlator(options());
    c.observe(at(15), &[anomaly(0), anomaly(1)], &t);
    assert!(c.groups().all(|g| !g.stands()));
    c.observe(at(30), &[anomaly(2)], &t);
    assert_eq!(c.groups().filter(|g| g.stands()).count(), 1, "callee and both callers");
    let mut c = correlator(options());
    c.observe(at(15), &[anomaly(0), service_alert("HTTPErrorRateHigh", 0, 10, 0)], &t);
    assert!(c.groups().all(|g| g.stands()));
}

fn due(n: &mut Notices, c: &dyn Correlator, second: i64) -> Vec<(NoticeKind, Option<Severity>)> {
    n.due(at(second), c.groups()).into_iter().map(|Notice { kind, severity, .. }| (kind, severity)).collect()
}

#[test]
fn people_are_told_once_and_again_only_when_it_gets_worse() {
    let t = topology();
    let mut c = correlator(options());
    let mut n = Notices::new(NoticePolicy::default());
    let a = service_alert("A", 0, 0, 0);
    c.observe(at(5), std::slice::from_ref(&a), &t);
    assert_eq!(due(&mut n, c.as_ref(), 5), []);
    assert_eq!(due(&mut n, c.as_ref(), 20), [(NoticeKind::First, Some(Severity::Warning))]);
    c.observe(at(60), &[service_alert("A", 1, 60, 0)], &t);
    assert_eq!(due(&mut n, c.as_ref(), 60), [], "one more symptom is no news");
    let b = item("B", &[("namespace", "shop"), ("service", "s0"), ("severity", "critical")], 70, 0);
    c.observe(at(75), std::slice::from_ref(&b), &t);
    assert_eq!(due(&mut n, c.as_ref(), 75), [(NoticeKind::Raised, Some(Severity::Critical))]);
    assert_eq!(due(&mut n, c.as_ref(), 4000), []);
    let all: Vec<Item> = [a, b, service_alert("A", 1, 60, 0)].iter().map(|i| ended(i, 4000)).collect();
    c.observe(at(4000), &all, &t);
    c.observe(at(4300), &[], &t);
    assert_eq!(due(&mut n, c.as_ref(), 4300).first().map(|d| d.0), Some(NoticeKind::Resolved));
    assert_eq!(due(&mut n, c.as_ref(), 4400), []);
}

#[test]
fn information_alone_tells_nobody() {
    let mut c = correlator(options());
    let mut n = Notices::new(NoticePolicy::default());
    c.observe(at(5), &[item("KubeletTooManyPods", &[("node", "n1"), ("severity", "info")], 0, 0)], &topology());
    assert_eq!(due(&mut n, c.as_ref(), 1000), []);
}

#[test]
fn a_better_core_is_told_once_the_group_has_settled() {
    let t = topology();
    let mut c = correlator(options());
    let mut n = Notices::new(NoticePolicy::default());
    c.observe(at(405), &[service_alert("HTTPErrorRateHigh", 1, 400, 0)], &t);
    assert_eq!(due(&mut n, c.as_ref(), 420).len(), 1);
    c.observe(at(450), &[pod_alert("KubePodNotReady", 0, 0, 450, 30)], &t);
    assert_eq!(c.groups().count(), 1);
    assert_eq!(due(&mut n, c.as_ref(), 450), []);
    assert_eq!(due(&mut n, c.as_ref(), 800), [(NoticeKind::Core, Some(Severity::Warning))]);
}

fn told_of(items: &[Item], more: &[Item], now: i64) -> Vec<NoticeKind> {
    let t = topology();
    let mut c = correlator(options());
    let mut n = Notices::new(NoticePolicy::default());
    c.observe(at(15), items, &t);
    assert_eq!(due(&mut n, c.as_ref(), 15).iter().map(|d| d.0).collect::<Vec<_>>(), [NoticeKind::First]);
    c.observe(at(now), more, &t);
    assert_eq!(c.groups().count(), 1, "it joined");
    due(&mut n, c.as_ref(), now).into_iter().map(|d| d.0).collect()
}

#[test]
fn what_hangs_by_little_may_be_a_second_trouble_and_is_told_at_once() {
    let nowhere = |n: &str, fires, hold| item("BackupFailed", &[("rule", n)], fires, hold);
    assert_eq!(
        told_of(&[nowhere("a", 0, 0)], &[nowhere("b", 45, 0)], 60),
        [NoticeKind::Spread],
        "by name and time alone"
    );
    let echo = nowhere("b", 945, 900);
    assert_eq!(told_of(&[nowhere("a", 0, 0)], &[echo], 960), [], "a slow rule is an echo");
    let same = service_alert("HTTPLatencyHigh", 0, 45, 0);
    assert_eq!(told_of(&[service_alert("HTTPErrorRateHigh", 0, 0, 0)], &[same], 60), [], "the same thing");
}

#[test]
fn another_kind_of_trouble_in_the_same_place_is_told_at_once_and_more_of_the_same_is_not() {
    let full = pod_alert("KubePodNotReady", 0, 0, 0, 0);
    let crash = pod_alert("KubePodCrashLooping", 0, 0, 45, 0);
    assert_eq!(told_of(std::slice::from_ref(&full), std::slice::from_ref(&crash), 60), [NoticeKind::Spread]);
    assert_eq!(told_of(&[full, crash], &[pod_alert("KubePodCrashLooping", 0, 1, 45, 0)], 60), []);
}

#[test]
fn an_alert_that_comes_back_soon_is_told_of_once() {
    let t = topology();
    let mut c = correlator(options());
    let mut n = Notices::new(NoticePolicy::default());
    let a = service_alert("A", 0, 0, 0);
    c.observe(at(15), std::slice::from_ref(&a), &t);
    assert_eq!(due(&mut n, c.as_ref(), 15).len(), 1);
    let mut told = Vec::new();
    for round in 0..3 {
        let (over, back) = (60 + 60 * round, 90 + 60 * round);
        c.observe(at(over), &[ended(&service_alert("A", 0, over - 60, 0), over)], &t);
        assert_eq!(due(&mut n, c.as_ref(), over), []);
        c.observe(at(back), &[service_alert("A", 0, back, 0)], &t);
        told.extend(due(&mut n, c.as_ref(), back).into_iter().map(|d| d.0));
    }
    assert_eq!(told, [NoticeKind::Spread], "flapping is no news");
}

#[test]
fn a_clock_that_was_a_day_ahead_leaves_nobody_deaf_for_a_day() {
    let day = 86_400;
    let ahead = [service_alert("HTTPErrorRateHigh", 0, day, 0), service_alert("HTTPErrorRateHigh", 6, day + 100, 0)];
    let mut c = play(Options::of(Mode::Full), &ahead).0;
    let mut notices = Notices::new(NoticePolicy::default());
    assert_eq!(notices.due(at(day + 130), c.groups()).len(), 2);
    // set back: it is 200 s after the beginning of the first
    let clock = rootline_correlate::SetBack { now: at(200), by: jiff::SignedDuration::from_secs(day) };
    c.set_back(clock, &topology());
    notices.set_back(clock);
    let onsets: Vec<_> = c.groups().map(|g| g.onset).collect();
    assert_eq!(onsets, [at(0), at(100)], "they keep their distance");
    assert_eq!(notices.due(at(205), c.groups()), [], "nothing is told twice");

    // with its end four minutes ahead, as Prometheus sends it
    let present = ended(&service_alert("HTTPErrorRateHigh", 12, 210, 0), 450);
    c.observe(at(212), std::slice::from_ref(&present), &topology());
    let due = notices.due(at(230), c.groups());
    assert_eq!(due.iter().map(|n| n.core).collect::<Vec<_>>(), [present.id]);
    assert!(due[0].group.0 > 2, "numbers go on");
}

/// What is told of an alert that fires at 0, ends and is back, both as given.
fn told_of_return(alert: impl Fn(i64) -> Item, over: Option<i64>, back: i64) -> Vec<NoticeKind> {
    let t = topology();
    let mut c = correlator(options());
    let mut n = Notices::new(NoticePolicy::default());
    c.observe(at(15), &[alert(0), service_alert("HTTPErrorRateHigh", 1, 0, 0)], &t);
    assert_eq!(c.groups().count(), 1, "one trouble");
    assert_eq!(due(&mut n, c.as_ref(), 15).len(), 1);
    if let Some(over) = over {
        c.observe(at(over), &[ended(&alert(0), over)], &t);
        assert_eq!(due(&mut n, c.as_ref(), over), []);
    }
    let mut told = Vec::new();
    for now in [back, back + 60, back + 120] {
        c.observe(at(now), &[alert(back)], &t);
        told.extend(due(&mut n, c.as_ref(), now).into_iter().map(|d| d.0));
    }
    assert_eq!(c.groups().count(), 1, "it is where it was");
    told
}

#[test]
fn an_alert_that_was_over_for_longer_than_its_rule_looks_back_is_told_when_it_is_back() {
    let failing = |fires| service_alert("HTTPErrorRateHigh", 0, fires, 0);
    assert_eq!(told_of_return(failing, Some(900), 1100), [], "it flaps");
    assert_eq!(told_of_return(failing, Some(900), 1260), [NoticeKind::Spread]);
}

#[test]
fn an_alert_that_starts_anew_without_an_end_is_told_once_and_a_replica_is_not() {
    let failing = |fires| service_alert("HTTPErrorRateHigh", 0, fires, 0);
    assert_eq!(told_of_return(failing, None, 45), [], "the other replica of the rule engine");
    assert_eq!(told_of_return(failing, None, 200), [NoticeKind::Spread]);
}

#[test]
fn a_critical_cause_that_is_back_is_told_and_its_effect_is_not() {
    let critical = |name: &'static str| {
        move |fires| item(name, &[("namespace", "shop"), ("service", "s0"), ("severity", "critical")], fires, 0)
    };
    assert_eq!(told_of_return(critical("DBConnectionsExhausted"), Some(900), 1000), [NoticeKind::Spread]);
    assert_eq!(told_of_return(critical("HTTPErrorRateHigh"), Some(900), 1000), []);
}

#[test]
fn of_a_kind_that_is_there_as_an_effect_more_is_no_news() {
    let grows = [pod_alert("KubePodNotReady", 0, 0, 45, 0), pod_alert("KubePodNotReady", 0, 1, 45, 0)];
    assert_eq!(told_of(&[service_alert("HTTPErrorRateHigh", 0, 0, 0)], &grows, 60), []);
}

#[test]
fn kubelets_that_wait_for_a_sick_control_plane_are_no_news() {
    let etcd =
        item("etcdHighFsyncDurations", &[("job", "etcd"), ("instance", "cp-0:2379"), ("severity", "critical")], 0, 0);
    let slow = item("KubeletPlegDurationHigh", &[("node", "n1"), ("severity", "warning")], 215, 0);
    assert_eq!(told_of(&[etcd], &[slow], 225), []);
}

#[test]
fn requests_that_fail_where_pods_were_in_trouble_before_are_told() {
    let pod = pod_alert("KubePodNotReady", 0, 0, 0, 0);
    let felt = service_alert("HTTPErrorRateHigh", 0, 45, 0);
    assert_eq!(told_of(&[pod], &[felt], 60), [NoticeKind::Spread], "now users feel it");
}

#[test]
fn two_services_that_run_out_of_something_are_two_troubles_for_people() {
    let drained = |s, fires| service_alert("DBConnectionsExhausted", s, fires, 0);
    assert_eq!(told_of(&[drained(0, 0)], &[drained(1, 45)], 60), [NoticeKind::Spread]);
}
