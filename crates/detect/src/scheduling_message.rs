//! Reading what the scheduler says: `0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. …`
//!
//! The texts are those of the filter plugins (`pkg/scheduler/framework/plugins/*`) from 1.18 to 1.36; older spellings are
//! kept because clusters and saved bundles are older than their tools.

/// Why a node does not take a pod, in the order in which the scheduler asks. A node is counted under the first one that
/// refuses it, so a node refused by a later filter has passed all earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    Cordon,
    /// Taints that Kubernetes itself sets on a node that is not ready, unreachable or under pressure.
    NodeDown,
    Taint,
    Selector,
    Affinity,
    HostPort,
    Cpu,
    Memory,
    Ephemeral,
    Extended,
    Slots,
    VolumeLimit,
    VolumeZone,
    Spread,
    AntiAffinity,
    PodAffinity,
    Other,
}

impl Family {
    /// Position of the filter that finds it.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Family::Cordon => 0,
            Family::NodeDown | Family::Taint => 1,
            Family::Selector | Family::Affinity => 2,
            Family::HostPort => 3,
            Family::Cpu | Family::Memory | Family::Ephemeral | Family::Extended | Family::Slots => 4,
            Family::VolumeLimit => 5,
            Family::VolumeZone => 6,
            Family::Spread => 7,
            Family::AntiAffinity | Family::PodAffinity => 8,
            Family::Other => 9,
        }
    }

    /// The pod's own word about where it wants to be.
    pub(crate) const fn is_pin(self) -> bool {
        matches!(self, Family::Selector | Family::Affinity | Family::VolumeZone)
    }

    pub(crate) const fn is_resource(self) -> bool {
        matches!(self, Family::Cpu | Family::Memory | Family::Ephemeral | Family::Extended | Family::Slots)
    }

    pub(crate) fn of_resource(resource: &str) -> Family {
        match resource {
            "cpu" => Family::Cpu,
            "memory" => Family::Memory,
            "ephemeral-storage" => Family::Ephemeral,
            "pods" => Family::Slots,
            _ => Family::Extended,
        }
    }

    /// Taints of the node lifecycle controller and of cloud start-up speak of the node, not of a pool.
    pub(crate) fn of_taint(key: &str) -> Family {
        match key {
            "node.kubernetes.io/unschedulable" => Family::Cordon,
            "node.kubernetes.io/not-ready"
            | "node.kubernetes.io/unreachable"
            | "node.kubernetes.io/disk-pressure"
            | "node.kubernetes.io/memory-pressure"
            | "node.kubernetes.io/pid-pressure"
            | "node.kubernetes.io/network-unavailable"
            | "node.cloudprovider.kubernetes.io/uninitialized"
            | "node.cloudprovider.kubernetes.io/shutdown" => Family::NodeDown,
            _ => Family::Taint,
        }
    }
}

/// `3 node(s) had untolerated taint {pool: gpu}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    pub count: usize,
    pub family: Family,
    /// The taint `key: value`, the resource, or the clause itself.
    pub detail: String,
}

/// The scheduler's verdict on a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SchedulerWord {
    /// Nodes it looked at; `None` where the message does not count nodes.
    pub nodes: Option<usize>,
    pub clauses: Vec<Clause>,
    /// The pod was refused before any node was looked at: a claim that is not bound or not there.
    pub claim: Option<ClaimTrouble>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimTrouble {
    Unbound,
    /// The claim that does not exist.
    Missing(String),
}

/// Reads a FailedScheduling message. What is not understood is left out, never an error.
pub(crate) fn read(message: &str) -> SchedulerWord {
    let mut word = SchedulerWord { claim: claim_trouble(message), ..SchedulerWord::default() };
    let Some((head, rest)) = message.split_once("nodes are available:") else { return word };
    word.nodes = head.trim().rsplit_once('/').and_then(|(_, n)| n.trim().parse().ok());
    // what the scheduler thinks of preemption repeats the counts and must not be read as a second verdict
    let body = rest.split(" preemption:").next().unwrap_or(rest);
    for piece in body.split(", ").flat_map(|p| p.split(". ")) {
        if let Some(clause) = read_clause(piece) {
            word.clauses.push(clause);
        }
    }
    word
}

fn claim_trouble(message: &str) -> Option<ClaimTrouble> {
    if let Some((_, rest)) = message.split_once("persistentvolumeclaim \"")
        && let Some((name, after)) = rest.split_once('"')
        && after.trim_start().starts_with("not found")
    {
        return Some(ClaimTrouble::Missing(name.to_owned()));
    }
    message.contains("unbound immediate PersistentVolumeClaims").then_some(ClaimTrouble::Unbound)
}

fn read_clause(piece: &str) -> Option<Clause> {
    let piece = piece.trim().trim_end_matches('.');
    let (count, text) = piece.split_once(' ')?;
    let count: usize = count.parse().ok()?;
    let text = text.trim().trim_start_matches("node(s) ");
    if let Some(resource) = text.strip_prefix("Insufficient ") {
        return Some(Clause { count, family: Family::of_resource(resource), detail: resource.to_owned() });
    }
    if let Some((_, taint)) = text.split_once("taint").filter(|_| text.starts_with("had ")) {
        let inner = taint.split_once('{').and_then(|(_, t)| t.split_once('}')).map_or("", |(t, _)| t);
        let key = inner.split([':', '=']).next().unwrap_or(inner).trim();
        return Some(Clause { count, family: Family::of_taint(key), detail: inner.trim().to_owned() });
    }
    Some(Clause { count, family: family_of(text), detail: text.to_owned() })
}

fn family_of(text: &str) -> Family {
    const PHRASES: [(&str, Family); 20] = [
        ("were unschedulable", Family::Cordon),
        ("were not ready", Family::NodeDown),
        ("were out of disk", Family::NodeDown),
        ("had disk pressure", Family::NodeDown),
        ("had memory pressure", Family::NodeDown),
        ("unavailable network", Family::NodeDown),
        ("node affinity/selector", Family::Selector),
        ("match node selector", Family::Selector),
        ("node affinity conflict", Family::VolumeZone),
        ("node affinity", Family::Affinity),
        ("Too many pods", Family::Slots),
        ("free ports", Family::HostPort),
        ("exceed max volume count", Family::VolumeLimit),
        ("available volume zone", Family::VolumeZone),
        ("persistent volumes to bind", Family::VolumeZone),
        ("topology spread", Family::Spread),
        ("anti-affinity", Family::AntiAffinity),
        ("pod affinity", Family::PodAffinity),
        ("requested node name", Family::Selector),
        ("requested hostname", Family::Selector),
    ];
    PHRASES.into_iter().find(|(phrase, _)| text.contains(phrase)).map_or(Family::Other, |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, nodes: Option<usize>, want: &[(usize, Family, &str)]) {
        let word = read(message);
        assert_eq!(word.nodes, nodes, "{message}");
        let got: Vec<_> = word.clauses.iter().map(|c| (c.count, c.family, c.detail.as_str())).collect();
        assert_eq!(got, want, "{message}");
    }

    #[test]
    fn verdicts_of_many_versions_are_read() {
        check(
            "0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. preemption: 0/4 nodes are available: \
             1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod.",
            Some(4),
            &[(1, Family::Cordon, "were unschedulable"), (3, Family::Cpu, "cpu")],
        );
        check(
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. no new claims to deallocate, preemption: \
             0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            Some(1),
            &[(1, Family::Cpu, "cpu"), (1, Family::Memory, "memory")],
        );
        check(
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) \
             had untolerated taint {pool=gpu: NoSchedule}.",
            Some(3),
            &[(1, Family::Taint, "node-role.kubernetes.io/control-plane:"), (2, Family::Taint, "pool=gpu: NoSchedule")],
        );
        check(
            "0/2 nodes are available: 1 node(s) had taint {pool: gpu}, that the pod didn't tolerate, 1 node(s) had taint \
             {node.kubernetes.io/unreachable: }, that the pod didn't tolerate.",
            Some(2),
            &[(1, Family::Taint, "pool: gpu"), (1, Family::NodeDown, "node.kubernetes.io/unreachable:")],
        );
        check("0/5 nodes are available: 5 Too many pods.", Some(5), &[(5, Family::Slots, "Too many pods")]);
        check(
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
            Some(1),
            &[(1, Family::Extended, "nvidia.com/gpu")],
        );
        check("skip schedule deleting pod: shop/cart-1", None, &[]);
    }

    #[test]
    fn every_filter_has_its_family() {
        for (text, family) in [
            ("node(s) didn't match Pod's node affinity/selector", Family::Selector),
            ("node(s) didn't match node selector", Family::Selector),
            ("node(s) didn't match pod anti-affinity rules", Family::AntiAffinity),
            ("node(s) didn't satisfy existing pods anti-affinity rules", Family::AntiAffinity),
            ("node(s) didn't match pod affinity rules", Family::PodAffinity),
            ("node(s) didn't match pod topology spread constraints (missing required label)", Family::Spread),
            ("node(s) didn't have free ports for the requested pod ports", Family::HostPort),
            ("node(s) had volume node affinity conflict", Family::VolumeZone),
            ("node(s) exceed max volume count", Family::VolumeLimit),
            ("node(s) didn't find available persistent volumes to bind", Family::VolumeZone),
            ("node(s) had something new", Family::Other),
        ] {
            let word = read(&format!("0/2 nodes are available: 2 {text}."));
            assert_eq!(word.clauses.first().map(|c| c.family), Some(family), "{text}");
        }
    }

    #[test]
    fn trouble_with_a_claim_is_told_apart_from_nodes() {
        for (message, want) in [
            (
                "0/1 nodes are available: persistentvolumeclaim \"data\" not found. not found",
                Some(ClaimTrouble::Missing("data".into())),
            ),
            ("persistentvolumeclaim \"data\" not found", Some(ClaimTrouble::Missing("data".into()))),
            (
                "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are \
                 available: 4 Preemption is not helpful for scheduling.",
                Some(ClaimTrouble::Unbound),
            ),
            ("0/1 nodes are available: 1 Insufficient cpu.", None),
        ] {
            let word = read(message);
            assert_eq!(word.claim, want, "{message}");
            assert!(word.claim.is_none() || word.clauses.is_empty(), "{message}");
        }
    }

    #[test]
    fn hostile_text_is_no_error() {
        for message in [
            "",
            "nodes are available:",
            "0/ nodes are available: 9",
            "x/99999999999999999999999 nodes are available: 1 had taint {",
            "全/全 nodes are available: 3 节点, 4 had taint {键: 值}",
        ] {
            let _ = read(message);
        }
    }
}
