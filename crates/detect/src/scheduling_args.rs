//! The values that make a scheduling finding readable: what is asked for, what is free, who took it, what the nodes have.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Evidence, Finding};
use rootline_world::World;

use crate::create_state::pod_ref;
use crate::fit::{Amounts, NodeFit, Placement};
use crate::scheduling::Group;
use crate::scheduling_decide::Blame;
use crate::scheduling_message::Family;

/// Names listed in one sentence.
const MAX_NAMED: usize = 4;

pub(crate) fn fill(
    world: &World,
    placement: &Placement<'_>,
    group: &Group<'_>,
    (nodes, blame): (&[NodeFit], &Blame),
    finding: Finding,
) -> Finding {
    let named: Vec<&str> = blame.nodes.iter().map(|&i| nodes[i].name.as_str()).filter(|n| !n.is_empty()).collect();
    let finding = finding.arg("node_names", short_list(named.iter().copied()));
    let detail = details(nodes, blame);
    match blame.family {
        Family::Cpu | Family::Memory | Family::Ephemeral | Family::Extended | Family::Slots => {
            resource(placement, group, (nodes, blame), finding)
        }
        Family::Taint => finding.arg("taint", detail).evidence(taints(nodes, blame)),
        Family::Selector | Family::Affinity => wish(world, group, blame.family, detail, finding),
        Family::Cordon | Family::NodeDown => on_nodes(nodes, blame, &named, finding.arg("taint", detail)),
        Family::HostPort => finding.arg("port", detail),
        Family::VolumeZone => finding.arg("volume", detail),
        Family::AntiAffinity => finding.arg("others", detail),
        Family::PodAffinity => finding.arg("selector", detail),
        Family::Spread => finding.arg("rule", detail),
        Family::VolumeLimit | Family::Other => finding.arg("reason", detail),
    }
}

/// The distinct details of the blamed obstacles.
fn details(nodes: &[NodeFit], blame: &Blame) -> String {
    let all: BTreeSet<&str> = blame
        .nodes
        .iter()
        .flat_map(|&i| &nodes[i].obstacles)
        .filter(|x| x.family == blame.family && !x.detail.is_empty())
        .map(|x| x.detail.as_str())
        .collect();
    short_list(all.into_iter())
}

fn short_list<'t>(names: impl Iterator<Item = &'t str>) -> String {
    let all: Vec<&str> = names.collect();
    match all.len().checked_sub(MAX_NAMED) {
        Some(more) if more > 0 => format!("{} +{more}", all[..MAX_NAMED].join(", ")),
        _ => all.join(", "),
    }
}

fn resource(
    placement: &Placement<'_>,
    group: &Group<'_>,
    (nodes, blame): (&[NodeFit], &Blame),
    finding: Finding,
) -> Finding {
    let short = blame.nodes.iter().flat_map(|&i| &nodes[i].obstacles).filter(|x| x.family == blame.family);
    let name = short.clone().map(|x| x.detail.clone()).next().unwrap_or_default();
    let name = match blame.family {
        Family::Slots => "pods".to_owned(),
        _ => name,
    };
    let amounts: Vec<Amounts> = short.filter_map(|x| x.amounts).collect();
    let requested = if blame.family == Family::Slots { 1.0 } else { group.pod.request(&name) };
    let say = |v: f64| amount(&name, v);
    // nothing that asks for nothing is refused: then the request was not read
    let known = requested > 0.0;
    let or_none = |text: String| if known { text } else { "-".to_owned() };
    let finding = finding.arg("resource", name.clone()).arg("requested", or_none(say(requested)));
    if amounts.is_empty() {
        // the scheduler counts pods that were not read here
        return finding
            .arg("free", or_none(format!("< {}", say(requested))))
            .arg("largest", "-")
            .arg("fit", "unknown")
            .arg("takers", "");
    }
    let free = amounts.iter().map(|a| a.free).fold(0.0, f64::max);
    let largest = amounts.iter().map(|a| a.whole).fold(0.0, f64::max);
    let fit = match (requested > largest, largest > 0.0) {
        (_, false) => "absent",
        (true, _) => "too_big",
        (false, _) => "full",
    };
    let takers = if fit == "full" { takers(placement, &name, nodes, blame) } else { String::new() };
    finding.arg("free", say(free)).arg("largest", say(largest)).arg("fit", fit).arg("takers", takers).evidence(
        Evidence::Arithmetic {
            object: pod_ref(group.pod),
            what: name.clone(),
            left: format!("requested {}", say(requested)),
            relation: ">".to_owned(),
            right: format!("free {} of {}", say(free), say(largest)),
        },
    )
}

/// Who asks for most of a resource on the blamed nodes.
fn takers(placement: &Placement<'_>, resource: &str, nodes: &[NodeFit], blame: &Blame) -> String {
    let mut by_owner: BTreeMap<String, f64> = BTreeMap::new();
    for &i in &blame.nodes {
        for pod in placement.pods_on(&nodes[i].name) {
            let owner = placement.owner(pod).to_string();
            *by_owner.entry(owner).or_default() += if resource == "pods" { 1.0 } else { pod.request(resource) };
        }
    }
    let mut top: Vec<(String, f64)> = by_owner.into_iter().filter(|(_, v)| *v > 0.0).collect();
    top.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    top.truncate(3);
    top.iter().map(|(owner, v)| format!("{owner} {}", amount(resource, *v))).collect::<Vec<_>>().join(", ")
}

fn taints(nodes: &[NodeFit], blame: &Blame) -> Evidence {
    let first = blame.nodes.first().map(|&i| nodes[i].name.clone()).unwrap_or_default();
    Evidence::Field { object: EntityRef::node(&first), path: "spec.taints".to_owned(), value: details(nodes, blame) }
}

/// A selector or affinity that no node satisfies, with what the nodes have instead.
fn wish(world: &World, group: &Group<'_>, family: Family, detail: String, finding: Finding) -> Finding {
    let keys: BTreeSet<&str> = match family {
        Family::Selector => group.pod.spec.node_selector.iter().map(|(k, _)| k).collect(),
        _ => crate::fit::required_affinity(&group.pod.spec)
            .into_iter()
            .flat_map(|r| &r.node_selector_terms)
            .flat_map(|t| &t.match_expressions)
            .map(|r| r.key.as_str())
            .collect(),
    };
    let have: BTreeSet<String> = world
        .nodes
        .iter()
        .flat_map(|n| keys.iter().filter_map(|k| n.metadata.labels.get(k).map(|v| format!("{k}={v}"))))
        .collect();
    let have = short_list(have.iter().map(String::as_str));
    let path = if family == Family::Selector { "spec.nodeSelector" } else { "spec.affinity.nodeAffinity" };
    finding
        .arg("selector", detail.clone())
        .arg("have", if have.is_empty() { "–".to_owned() } else { have })
        .evidence(Evidence::Field { object: pod_ref(group.pod), path: path.to_owned(), value: detail })
}

/// The nodes themselves are the matter.
fn on_nodes(nodes: &[NodeFit], blame: &Blame, named: &[&str], mut finding: Finding) -> Finding {
    finding = finding.arg("node", named.first().copied().unwrap_or_default());
    for &i in &blame.nodes {
        if nodes[i].name.is_empty() {
            continue;
        }
        let object = EntityRef::node(&nodes[i].name);
        if blame.family == Family::Cordon {
            finding = finding.evidence(Evidence::Field {
                object: object.clone(),
                path: "spec.unschedulable".to_owned(),
                value: "true".to_owned(),
            });
        }
        finding = finding.about(object);
    }
    finding
}

/// A quantity as a person writes it: `1500m`, `2`, `3.5Gi`, `110`.
pub(crate) fn amount(resource: &str, value: f64) -> String {
    let trim = |v: f64| {
        let text = format!("{v:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match resource {
        "cpu" if value < 10.0 && value.fract() != 0.0 => format!("{}m", (value * 1000.0).round()),
        "memory" | "ephemeral-storage" | "storage" => {
            let (unit, scale) = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)]
                .into_iter()
                .find(|(_, bits)| value >= 2f64.powi(*bits))
                .unwrap_or(("", 0));
            format!("{}{unit}", trim(value / 2f64.powi(scale)))
        }
        _ => trim(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_like_kubernetes() {
        for (resource, value, want) in [
            ("cpu", 0.25, "250m"),
            ("cpu", 2.0, "2"),
            ("cpu", 12.5, "12.5"),
            ("memory", 1_073_741_824.0, "1Gi"),
            ("memory", 25_171_640_320.0, "23.4Gi"),
            ("memory", 0.0, "0"),
            ("pods", 110.0, "110"),
        ] {
            assert_eq!(amount(resource, value), want);
        }
    }
}
