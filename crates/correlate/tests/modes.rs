//! The simple modes, each by its own rule.

mod cluster;

use cluster::*;
use rootline_correlate::{Item, Mode, Options};

#[test]
fn modes_are_called_by_name() {
    for mode in Mode::ALL {
        assert_eq!(mode.word().parse(), Ok(mode));
    }
    let error = "banana".parse::<Mode>().expect_err("no such mode");
    assert!(error.contains("alertmanager") && error.contains("full"), "{error}");
}

#[test]
fn alertmanager_groups_by_labels_until_the_group_is_resolved() {
    let a = service_alert("A", 0, 10, 0);
    let b = service_alert("B", 5, 4000, 0);
    let c = item("C", &[("namespace", "other")], 20, 0);
    let (m, _) = play(Options::of(Mode::Alertmanager), &[a.clone(), b.clone(), c.clone()]);
    assert!(together(m.as_ref(), &[a.clone(), b.clone()]) && apart(m.as_ref(), &a, &c));
    let (m, _) = play(Options::of(Mode::Alertmanager), &[ended(&a, 60), b.clone()]);
    assert!(apart(m.as_ref(), &a, &b));
    let all = Options { group_by: vec!["...".into()], ..Options::of(Mode::Alertmanager) };
    assert_eq!(partition(play(all, &[a, b, c]).0.as_ref()).len(), 3);
}

#[test]
fn node_window_takes_what_arrives_on_a_node_within_five_minutes() {
    let items = [
        node_alert("A", 0, 10, 0),
        pod_alert("B", 0, 0, 300, 0),
        pod_alert("C", 12, 0, 330, 0),
        service_alert("D", 0, 15, 0),
    ];
    let (m, _) = play(Options::of(Mode::NodeWindow), &items);
    assert!(together(m.as_ref(), &items[..2]) && apart(m.as_ref(), &items[0], &items[2]));
    assert!(apart(m.as_ref(), &items[0], &items[3]), "a service is on no node");
}

#[test]
fn time_gap_ends_a_group_after_a_silent_minute() {
    let items = [node_alert("A", 0, 10, 0), service_alert("B", 9, 65, 0), node_alert("C", 5, 130, 0)];
    let (m, _) = play(Options::of(Mode::TimeGap), &items);
    assert!(together(m.as_ref(), &items[..2]) && apart(m.as_ref(), &items[1], &items[2]));
}

#[test]
fn jaccard_takes_label_sets_that_are_half_equal() {
    let items = [
        pod_alert("A", 0, 0, 10, 0),
        pod_alert("A", 0, 1, 20, 0),
        pod_alert("B", 9, 2, 30, 0),
        pod_alert("A", 0, 2, 900, 0),
    ];
    let (m, _) = play(Options::of(Mode::Jaccard), &items);
    assert!(together(m.as_ref(), &items[..2]) && apart(m.as_ref(), &items[0], &items[2]));
    assert!(apart(m.as_ref(), &items[0], &items[3]), "outside the window");
}

#[test]
fn text_takes_alerts_in_the_same_words() {
    let say = |name: &str, s: usize, text: &str, t: i64| {
        let mut item = service_alert(name, s, t, 0);
        item.text = text.into();
        item
    };
    let items = [
        say("LatencyHigh", 0, "p99 latency of checkout payments is too high", 10),
        say("LatencyHigh", 1, "p99 latency of checkout payments is too high", 20),
        say("Unlike", 9, "certificate expires", 30),
    ];
    let (m, _) = play(Options::of(Mode::Text), &items);
    assert!(together(m.as_ref(), &items[..2]) && apart(m.as_ref(), &items[0], &items[2]));
}

#[test]
fn onset_topology_looks_at_the_onset_not_the_arrival() {
    // fired a quarter of an hour apart, began in the same minute
    let items = [pod_alert("A", 0, 0, 10, 0), node_alert("B", 0, 915, 900), node_alert("C", 1, 20, 0)];
    let (m, _) = play(Options::of(Mode::OnsetTopology), &items);
    assert!(together(m.as_ref(), &items[..2]) && apart(m.as_ref(), &items[0], &items[2]));
}

#[test]
fn alerts_of_two_clusters_that_come_in_turns_are_one_incident_of_each_in_every_mode() {
    let mut t = topology();
    t.set_cluster("east");
    let names = ["KubePodNotReady", "KubePodStartSlow", "KubePodPending"];
    for mode in Mode::ALL {
        let about =
            |i: usize, cluster: &str| in_cluster(&pod_alert(names[i / 2 % 3], 0, 0, 10 + i as i64, 0), cluster, &t);
        let items: Vec<Item> = (0..6).map(|i| about(i, ["east", "west"][i % 2])).collect();
        let nobody = pod_alert("KubePodUnknown", 0, 0, 20, 0);
        let (m, _) = play(Options::of(mode), &[items.clone(), vec![nobody]].concat());
        // no node of another cluster is known, so that mode has nothing to go by there
        let there = if mode == Mode::NodeWindow { 3 } else { 1 };
        assert_eq!(partition(m.as_ref()).len(), 1 + there, "{mode:?}");
        let ours: Vec<Item> = items.into_iter().step_by(2).collect();
        assert!(together(m.as_ref(), &ours), "{mode:?}");
    }
}
