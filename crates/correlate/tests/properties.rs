//! What holds for every input: order inside a tick, repetition, restoring, accounts that add up.

mod cluster;

use std::collections::BTreeSet;

use cluster::*;
use proptest::prelude::*;
use rootline_correlate::{Change, Item, Mode, Options, correlator};

/// Alerts of several kinds within half an hour.
fn items() -> impl Strategy<Value = Vec<Item>> {
    let one =
        (0..7usize, 0..24usize, 0..3usize, 0..1800i64, prop::sample::select(vec![0u32, 60, 300, 900]), 1..1200i64);
    prop::collection::vec(one, 1..60).prop_map(|list| {
        list.into_iter()
            .map(|(kind, s, p, fires, hold, lasts)| {
                let item = match kind {
                    0 => node_alert("KubeNodeNotReady", s % 12, fires, hold),
                    1 => pod_alert("KubePodNotReady", s, p, fires, hold),
                    2 => pod_alert("KubePodCrashLooping", s, p, fires, hold),
                    3 => service_alert("HTTPErrorRateHigh", s, fires, hold),
                    4 => item("CoreDNSErrorsHigh", &[("job", "kube-dns")], fires, hold),
                    5 => item("X", &[], fires, hold),
                    _ => item(
                        "KubeDeploymentReplicasMismatch",
                        &[("namespace", "shop"), ("deployment", &format!("s{s}"))],
                        fires,
                        hold,
                    ),
                };
                if p == 0 { ended(&item, fires + lasts) } else { item }
            })
            .collect()
    })
}

fn modes() -> impl Strategy<Value = Mode> {
    prop::sample::select(Mode::ALL.to_vec())
}

/// One tick of 60 s after the other, each alert once in it.
fn ticks(items: &[Item]) -> Vec<(i64, Vec<Item>)> {
    let of = |k: i64| {
        let mut batch: Vec<Item> =
            items.iter().filter(|i| i.fired > at(60 * (k - 1)) && i.fired <= at(60 * k)).cloned().collect();
        batch.sort_by_key(|i| i.id);
        batch.dedup_by_key(|i| i.id);
        batch
    };
    (1..=40).map(|k| (60 * k, of(k))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_inside_a_tick_changes_nothing(items in items(), mode in modes(), seed in 0..1000usize) {
        let t = topology();
        let (mut a, mut b) = (correlator(Options::of(mode)), correlator(Options::of(mode)));
        for (second, mut batch) in ticks(&items) {
            let changes = a.observe(at(second), &batch, &t);
            batch.reverse();
            let turn = seed % batch.len().max(1);
            batch.rotate_left(turn);
            prop_assert_eq!(changes, b.observe(at(second), &batch, &t));
        }
    }

    #[test]
    fn sending_again_changes_nothing(items in items(), mode in modes()) {
        let t = topology();
        let (mut a, mut b) = (correlator(Options::of(mode)), correlator(Options::of(mode)));
        for (second, batch) in ticks(&items) {
            let changes = a.observe(at(second), &batch, &t);
            prop_assert_eq!(&changes, &b.observe(at(second), &[batch.clone(), batch.clone()].concat(), &t));
            prop_assert_eq!(b.observe(at(second), &batch, &t), vec![]);
        }
    }

    #[test]
    fn what_is_known_of_the_first_half_does_not_depend_on_the_second(items in items(), mode in modes()) {
        let t = topology();
        let (mut a, mut b) = (correlator(Options::of(mode)), correlator(Options::of(mode)));
        for (second, batch) in ticks(&items).into_iter().take(20) {
            prop_assert_eq!(a.observe(at(second), &batch, &t), b.observe(at(second), &batch, &t));
        }
    }

    #[test]
    fn accounts_add_up(items in items(), mode in modes()) {
        let t = topology();
        let mut c = correlator(Options::of(mode));
        let mut open = BTreeSet::new();
        for (second, batch) in ticks(&items) {
            for change in c.observe(at(second), &batch, &t) {
                match change {
                    Change::Opened { group } => prop_assert!(open.insert(group), "{} opened twice", group),
                    Change::Merged { from, into, .. } => {
                        prop_assert!(open.remove(&from) && open.contains(&into));
                    }
                    Change::Forgotten { group } => prop_assert!(open.remove(&group)),
                    other => prop_assert!(open.contains(&other.group()), "{:?} of no group", other),
                }
            }
            prop_assert_eq!(&open, &c.groups().map(|g| g.id).collect());
            for group in c.groups() {
                prop_assert_eq!(group.firing as usize, group.members.iter().filter(|m| m.firing).count());
                prop_assert!(group.core().is_some_and(|m| m.item.id == group.core));
                prop_assert_eq!(group.severity, group.members.iter().map(|m| m.item.severity).max().flatten());
            }
            for i in &batch {
                let known = c.group_of(i.id).is_some();
                prop_assert!(known || !i.is_firing(at(second)), "{} fires and is nowhere", i.name);
            }
        }
    }

    #[test]
    fn two_clusters_never_share_an_incident(
        items in items(), mode in modes(), of in prop::collection::vec(0..3usize, 60), own in 0..2usize
    ) {
        let mut t = topology();
        t.set_cluster(["", "east"][own]);
        let items: Vec<Item> = items.iter().zip(of).map(|(i, of)| in_cluster(i, ["", "east", "west"][of], &t)).collect();
        let mut c = correlator(Options::of(mode));
        for (second, batch) in ticks(&items) {
            c.observe(at(second), &batch, &t);
            for group in c.groups() {
                let named: BTreeSet<&str> =
                    group.members.iter().map(|m| m.item.labels.value("cluster")).filter(|c| !c.is_empty()).collect();
                prop_assert!(named.len() <= 1, "{:?}", named);
                prop_assert_eq!(named.first().copied().unwrap_or_default(), &*group.cluster);
            }
        }
    }

    #[test]
    fn what_another_cluster_goes_through_changes_nothing_here(
        items in items(), of in prop::collection::vec(any::<bool>(), 60)
    ) {
        let mut t = topology();
        t.set_cluster("east");
        // what tells no place goes where its name usually goes, and names are learnt from all
        let placed = items.iter().filter(|i| !i.entities.is_empty());
        let items: Vec<Item> =
            placed.zip(of).map(|(i, here)| in_cluster(i, if here { "east" } else { "west" }, &t)).collect();
        let here: Vec<Item> = items.iter().filter(|i| &*i.cluster == "east").cloned().collect();
        let (mut all, mut alone) = (correlator(Options::of(Mode::Full)), correlator(Options::of(Mode::Full)));
        for ((second, both), (_, ours)) in ticks(&items).into_iter().zip(ticks(&here)) {
            all.observe(at(second), &both, &t);
            alone.observe(at(second), &ours, &t);
        }
        let mut ours = partition(all.as_ref());
        ours.retain(|group| here.iter().any(|i| group.contains(&i.id)));
        prop_assert_eq!(ours, partition(alone.as_ref()));
    }
}
