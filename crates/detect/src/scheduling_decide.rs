//! Which obstacle is to blame: the one without which some node would take the pod.

use crate::fit::{NodeFit, Obstacle};
use crate::scheduling_message::{Family, SchedulerWord};

/// An obstacle family held to be the cause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Blame {
    pub family: Family,
    pub nats: f64,
    /// Positions of the nodes that the family alone keeps from the pod; where no family alone does, all that have it.
    pub nodes: Vec<usize>,
}

/// Taints by which control plane nodes keep ordinary pods off.
const ROLES: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Adds to the computed obstacles what only the scheduler could see (affinity that a text source does not show, pods of
/// namespaces that were not read). A node can only be one that no earlier filter refused.
pub(crate) fn merge(word: &SchedulerWord, nodes: &mut Vec<NodeFit>) {
    let known = nodes.len();
    if known == 0 {
        let total = word.nodes.unwrap_or_else(|| word.clauses.iter().map(|c| c.count).sum()).min(10_000);
        nodes.resize_with(total, NodeFit::default);
    }
    let mut next = 0;
    for clause in &word.clauses {
        // of several taints each keeps its own nodes off
        let other_taint = |x: &Obstacle| {
            let key = |t: &str| t.split([':', '=']).next().unwrap_or_default().trim().to_owned();
            clause.family == Family::Taint
                && !clause.detail.is_empty()
                && !x.detail.is_empty()
                && key(&x.detail) != key(&clause.detail)
        };
        let role = ROLES.iter().any(|role| clause.detail.starts_with(role));
        let same = |x: &Obstacle| {
            (x.family == clause.family && !other_taint(x))
                || (clause.family == Family::Selector && x.family == Family::Affinity)
                // newer schedulers do not say which taint; one for a node's trouble is a taint too
                || (clause.family == Family::Taint && clause.detail.is_empty() && x.family == Family::NodeDown)
                || (clause.family == Family::Extended && x.family == Family::Extended && x.detail == clause.detail)
        };
        let have = nodes.iter().filter(|n| n.obstacles.iter().any(same)).count();
        let mut need = clause.count.saturating_sub(have);
        let rank = clause.family.rank();
        let passes = |n: &NodeFit| n.obstacles.iter().all(|x| x.family.rank() >= rank && !same(x));
        let mut order: Vec<usize> = (0..nodes.len()).filter(|&i| passes(&nodes[i])).collect();
        // nodes without any known obstacle first; nodes of which nothing is known one after another
        // and the taint of a role sits on nodes of that role
        order.sort_by_key(|&i| {
            (
                known > 0 && nodes[i].control_plane != role,
                nodes[i].obstacles.len(),
                (i + nodes.len().saturating_sub(next)) % nodes.len().max(1),
            )
        });
        for i in order {
            if need == 0 {
                break;
            }
            nodes[i].obstacles.push(Obstacle::new(clause.family, clause.detail.clone()));
            // where nothing but the message is known, the taint tells a control plane node
            nodes[i].background |= role && (known == 0 || nodes[i].control_plane);
            nodes[i].by_default |= nodes[i].background;
            need -= 1;
            next = i + 1;
        }
    }
}

/// The families to blame, best first; empty if some node has no obstacle at all.
pub(crate) fn decide(nodes: &[NodeFit]) -> Vec<Blame> {
    if nodes.is_empty() || nodes.iter().any(|n| n.obstacles.is_empty()) {
        return Vec::new();
    }
    let all: Vec<usize> = (0..nodes.len()).collect();
    let open: Vec<usize> = all.iter().copied().filter(|&i| !nodes[i].background).collect();
    let not_pinned_away = |set: &[usize]| {
        set.iter().copied().filter(|&i| !nodes[i].obstacles.iter().any(|x| x.family.is_pin())).collect()
    };
    let mut eligible: Vec<usize> = not_pinned_away(&open);
    if eligible.is_empty() {
        // pinned to control plane nodes: then their taint or cordon is no background. A node that merely is not
        // excluded (`NotIn`, or affinity that the source does not show) is not what the pod is pinned to.
        eligible = not_pinned_away(&all);
        eligible.retain(|&i| !nodes[i].by_default);
    }
    let pinned_away = eligible.is_empty();
    let set = if pinned_away { if open.is_empty() { &all } else { &open } } else { &eligible };
    let mut blames = alone(nodes, set);
    if pinned_away {
        // where no node satisfies the pod's own wishes, the wishes are wrong, whatever else stands in the way
        let wishes =
            if blames.iter().any(|b| b.family.is_pin()) { blames } else { together(nodes, set, Family::is_pin) };
        blames = wishes.into_iter().filter(|b| b.family.is_pin()).collect();
    } else if blames.is_empty() {
        blames = together(nodes, set, |_| true);
    }
    weigh(nodes, set, &mut blames);
    if nodes.iter().all(|n| n.name.is_empty()) {
        doubt(nodes, &mut blames);
    }
    blames.sort_by(|a, b| b.nats.total_cmp(&a.nats).then(a.family.cmp(&b.family)));
    let top = blames.first().map_or(0.0, |b| b.nats);
    blames.retain(|b| b.nats > top - 1.2);
    blames.truncate(3);
    // runners-up stay in sight and must not halve the certainty of the first: full strength begins at 2 nats
    for blame in blames.iter_mut().skip(1) {
        blame.nats = (blame.nats - 2.5).max(0.3);
    }
    blames
}

/// Families that keep at least one node from the pod all by themselves.
fn alone(nodes: &[NodeFit], set: &[usize]) -> Vec<Blame> {
    let mut blames: Vec<Blame> = Vec::new();
    for &i in set {
        let Some(first) = nodes[i].obstacles.first().map(|x| x.family) else { continue };
        let single = nodes[i].obstacles.iter().all(|x| x.family == first);
        if single {
            match blames.iter_mut().find(|b| b.family == first) {
                Some(blame) => blame.nodes.push(i),
                None => blames.push(Blame { family: first, nats: 0.0, nodes: vec![i] }),
            }
        }
    }
    blames
}

/// Families of the node that has the fewest obstacles: all of them together keep the pod away.
fn together(nodes: &[NodeFit], set: &[usize], wanted: impl Fn(Family) -> bool) -> Vec<Blame> {
    let distinct = |i: usize| {
        let mut families: Vec<Family> = nodes[i].obstacles.iter().map(|x| x.family).filter(|f| wanted(*f)).collect();
        families.sort();
        families.dedup();
        families
    };
    let nearest = set.iter().copied().map(distinct).filter(|f| !f.is_empty()).min_by_key(Vec::len);
    nearest
        .unwrap_or_default()
        .into_iter()
        .map(|family| Blame {
            family,
            nats: 0.0,
            nodes: set.iter().copied().filter(|&i| nodes[i].has(family)).collect(),
        })
        .collect()
}

/// Strength of each blame. Starting values: 4 where it is the only one, less where others would free a node too.
fn weigh(nodes: &[NodeFit], set: &[usize], blames: &mut [Blame]) {
    let most = blames.iter().map(|b| b.nodes.len()).max().unwrap_or(0);
    let only = blames.len() == 1;
    // a request larger than any whole node that is open to the pod is wrong by itself
    let too_big = set
        .iter()
        .filter(|&&i| !nodes[i].has(Family::Cordon) && !nodes[i].has(Family::Taint) && !nodes[i].has(Family::NodeDown))
        .all(|&i| nodes[i].obstacles.iter().any(|x| x.amounts.is_some_and(|a| a.requested > a.whole)));
    for blame in blames {
        blame.nats = match blame.family {
            _ if only => 4.0,
            f if f.is_resource() && too_big => 4.0,
            _ if too_big => 2.9,
            Family::Cordon | Family::NodeDown => 3.6,
            _ if blame.nodes.len() == most => 3.5,
            _ => 3.0,
        };
    }
}

/// Without node objects a cordon may be the control plane's and a selector may match nothing: say less.
fn doubt(nodes: &[NodeFit], blames: &mut Vec<Blame>) {
    let of = |f: Family| (0..nodes.len()).filter(|&i| nodes[i].has(f)).collect::<Vec<_>>();
    let (cordoned, elsewhere) = (of(Family::Cordon), of(Family::Selector));
    for blame in blames.iter_mut() {
        blame.nats = blame.nats.min(3.5);
        if blame.family == Family::Cordon && blames_others(nodes) {
            blame.nats = 2.5;
        }
    }
    let only_cordon = blames.iter().all(|b| b.family == Family::Cordon);
    if only_cordon && !elsewhere.is_empty() {
        let more_elsewhere = elsewhere.len() > cordoned.len();
        for blame in blames.iter_mut() {
            blame.nats = if more_elsewhere { 2.5 } else { 3.0 };
        }
        blames.push(Blame { family: Family::Selector, nats: if more_elsewhere { 3.0 } else { 2.5 }, nodes: elsewhere });
    }
}

/// True if some node is refused for neither cordon nor the pod's own wishes.
fn blames_others(nodes: &[NodeFit]) -> bool {
    nodes.iter().any(|n| n.obstacles.iter().any(|x| x.family != Family::Cordon && !x.family.is_pin()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(spec: &[(&str, &[Family], bool)]) -> Vec<NodeFit> {
        spec.iter()
            .map(|(name, families, background)| NodeFit {
                name: (*name).to_owned(),
                obstacles: families.iter().map(|f| Obstacle::new(*f, "x")).collect(),
                background: *background,
                by_default: false,
                control_plane: *background,
            })
            .collect()
    }

    fn check(spec: &[(&str, &[Family], bool)], want: &[Family]) {
        let got: Vec<Family> = decide(&nodes(spec)).into_iter().map(|b| b.family).collect();
        assert_eq!(got.first(), want.first(), "{spec:?} gave {got:?}");
        assert!(want.iter().all(|f| got.contains(f)), "{spec:?} gave {got:?}");
    }

    #[test]
    fn the_obstacle_whose_removal_helps_is_to_blame() {
        use Family::{Affinity, AntiAffinity, Cordon, Cpu, Memory, Selector, Taint};
        let m: &[Family] = &[Cordon];
        check(&[("m", m, true), ("a", &[Cpu], false), ("b", &[Cpu], false)], &[Cpu]);
        check(&[("m", &[Taint, Selector], true), ("a", &[Selector], false), ("b", &[Selector], false)], &[Selector]);
        // pinned to a, which is tainted: the other nodes' selector refusals are intent
        check(&[("m", m, true), ("a", &[Taint], false), ("b", &[Selector], false)], &[Taint]);
        check(&[("m", &[Cordon, Selector], true), ("a", &[Cordon], false), ("b", &[Selector], false)], &[Cordon]);
        check(&[("m", m, true), ("a", &[Cordon], false), ("b", &[Cordon], false)], &[Cordon]);
        check(&[("m", m, true), ("a", &[AntiAffinity], false), ("b", &[AntiAffinity, Cpu], false)], &[AntiAffinity]);
        // cordoned worker that would take the pod
        check(&[("a", &[Cordon], false), ("b", &[AntiAffinity], false)], &[Cordon, AntiAffinity]);
        check(&[("a", &[Cpu, Memory], false)], &[Cpu, Memory]);
        check(&[("a", &[Selector, Affinity], false), ("b", &[Affinity], false)], &[Affinity]);
        // pinned to the control plane, whose taint it does not tolerate
        check(&[("m", &[Taint], true), ("a", &[Selector], false)], &[Taint]);
        // no node has the label, and one is tainted as well: the label is the cause
        check(&[("a", &[Selector], false), ("b", &[Selector, Taint], false)], &[Selector]);
        check(&[("a", &[Selector, Taint], false)], &[Selector]);
    }

    #[test]
    fn a_pod_that_fits_blames_nothing() {
        assert!(decide(&nodes(&[("a", &[], false), ("b", &[Family::Cpu], false)])).is_empty());
        assert!(decide(&[]).is_empty());
    }

    #[test]
    fn the_message_alone_is_enough() {
        for (message, want) in [
            ("0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient memory.", Family::Memory),
            (
                "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector.",
                Family::Selector,
            ),
            (
                "0/4 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 2 node(s) were unschedulable.",
                Family::Cordon,
            ),
            ("0/4 nodes are available: 4 node(s) were unschedulable.", Family::Cordon),
            (
                "0/4 nodes are available: 1 node(s) had untolerated taint {pool: gpu}, 1 node(s) were unschedulable, 2 node(s) \
                 didn't match Pod's node affinity/selector.",
                Family::Taint,
            ),
            (
                "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match pod anti-affinity rules.",
                Family::AntiAffinity,
            ),
        ] {
            let mut nodes = Vec::new();
            merge(&crate::scheduling_message::read(message), &mut nodes);
            assert_eq!(decide(&nodes).first().map(|b| b.family), Some(want), "{message}");
        }
    }

    #[test]
    fn what_the_scheduler_saw_is_added_where_it_can_be() {
        let word = crate::scheduling_message::read(
            "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.",
        );
        let mut known = nodes(&[("a", &[Family::Cordon], true), ("b", &[], false), ("c", &[], false)]);
        merge(&word, &mut known);
        assert!(known[1].has(Family::Selector) && known[2].has(Family::Selector) && !known[0].has(Family::Selector));
    }
}
