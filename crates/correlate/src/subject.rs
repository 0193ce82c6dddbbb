//! What an item is about, by the entity first and by the words of its name second.
//!
//! The words are those of Kubernetes' own conditions and reasons (`NotReady`, `OOMKilled`, `BackOff`, `Evicted`,
//! `DiskPressure`, …), which rules of all origins carry in their names. A name without any known word is judged by its
//! entity alone: nothing depends on a name being known.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rootline_model::{EntityRef, Kind};

/// Kinds of trouble that travel differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Requests to a service fail or are slow.
    Request,
    /// Fewer pods of a workload than wanted.
    Replicas,
    /// A rollout does not end.
    Rollout,
    /// A pod, nothing more is known.
    Pod,
    /// A pod is not ready: the effect of anything below it.
    NotReady,
    /// The container ends or does not start: the kubelet still reports, so its node is there.
    Crash,
    OutOfMemory,
    Evicted,
    Throttled,
    Volume,
    /// A node, nothing more is known.
    Node,
    /// The node is away: not ready, unreachable, its exporters are not scraped.
    NodeDown,
    /// Disk, inodes or memory of the node run out: the kubelet evicts pods, as long as it lasts.
    Pressure,
    /// CPU or run queue of the node.
    NodeCpu,
    /// The kubelet is slow.
    Kubelet,
    Dns,
    /// etcd, API server, scheduler, controllers.
    ControlPlane,
    /// About a setting, a quota, a certificate, the monitoring: no outage has it as its effect.
    Advice,
    /// Nothing can be told.
    Other,
}

/// Room on the nodes: who asks for some, and who counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// A pod finds none (`Unschedulable` of `PodScheduled`).
    Lacks,
    /// The sum of what is asked for is more than there is. A pod that waits for a node counts in that sum.
    Overbooked,
}

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub class: Class,
    pub room: Option<Room>,
    rank: u8,
    acts: bool,
}

/// Agents that run on every node, with the scrape jobs and beginnings of alert names that mean them.
pub(crate) const AGENTS: &[(&str, &[&str])] = &[
    ("kubelet", &["kubelet", "cadvisor"]),
    ("kube-proxy", &["kube-proxy", "kubeproxy"]),
    ("node-exporter", &["node-exporter", "nodeexporter"]),
];

/// A part that runs on every node: like a daemon set, some of it is missing where a node is away.
pub(crate) fn is_agent(entity: &EntityRef) -> bool {
    let part = entity.part.as_deref().unwrap_or_default();
    entity.kind == Kind::Component && entity.name.is_empty() && AGENTS.iter().any(|(agent, _)| *agent == part)
}

/// Words of names about settings, budgets and the monitoring itself.
const ADVICE: &[&str] = &[
    "overcommit",
    "quota",
    "clock",
    "certificate",
    "toomanypods",
    "systemd",
    "maxedout",
    "jobfailed",
    "jobnotcompleted",
    "versionmismatch",
    "prometheus",
    "alertmanager",
    "grafana",
    "watchdog",
    "inhibitor",
    "networkreceive",
    "networktransmit",
    "conntrack",
    "filedescriptor",
    "raid",
    "bonding",
    "textfile",
];

/// Word of a name, what it means for a thing of this sort, how likely that is the cause (0 to 100).
type Words = &'static [(&'static str, Class, u8)];

const POD: Words = &[
    ("oom", Class::OutOfMemory, 72),
    ("imagepull", Class::Crash, 70),
    ("errimage", Class::Crash, 70),
    ("configerror", Class::Crash, 70),
    ("crash", Class::Crash, 62),
    ("backoff", Class::Crash, 62),
    ("waiting", Class::Crash, 60),
    ("evict", Class::Evicted, 40),
    ("throttl", Class::Throttled, 58),
    ("notready", Class::NotReady, 45),
];

const NODE: Words = &[
    ("filesystem", Class::Pressure, 84),
    ("diskspace", Class::Pressure, 84),
    ("outofdisk", Class::Pressure, 84),
    ("inode", Class::Pressure, 84),
    ("notready", Class::NodeDown, 82),
    ("flapping", Class::NodeDown, 74),
    ("kubeletdown", Class::NodeDown, 78),
    ("unreachable", Class::NodeDown, 76),
    ("nodedown", Class::NodeDown, 80),
    ("hostdown", Class::NodeDown, 80),
    ("instancedown", Class::NodeDown, 68),
    ("targetdown", Class::NodeDown, 66),
    ("pressure", Class::Pressure, 76),
    ("evict", Class::Pressure, 74),
    ("memory", Class::Pressure, 75),
    ("diskio", Class::NodeCpu, 57),
    ("cpu", Class::NodeCpu, 56),
    ("saturation", Class::NodeCpu, 55),
    ("load", Class::NodeCpu, 55),
    ("pleg", Class::Kubelet, 50),
    ("podstartup", Class::Kubelet, 50),
];

const WORKLOAD: Words = &[
    ("rollout", Class::Rollout, 34),
    ("rolledout", Class::Rollout, 34),
    ("generation", Class::Rollout, 33),
    ("progressing", Class::Rollout, 34),
];

/// A service that runs out of something of its own is nearer to the cause than one that only fails or is slow.
const REQUEST: Words = &[
    ("exhaust", Class::Request, 64),
    ("connections", Class::Request, 62),
    ("saturat", Class::Request, 62),
    ("deadlock", Class::Request, 62),
    ("lag", Class::Request, 18),
];

/// What is lower in the chain etcd → API server → controllers.
const CONTROL_PLANE: Words = &[
    ("fsync", Class::ControlPlane, 96),
    ("etcd", Class::ControlPlane, 94),
    ("apiserver", Class::ControlPlane, 88),
    ("kubeapi", Class::ControlPlane, 88),
    ("errorbudget", Class::ControlPlane, 87),
];

/// Words that mean something by themselves.
const ALONE: &[&str] = &["evict", "pressure", "overcommit", "quota", "unschedul"];
const EVICT: u128 = 1;
const PRESSURE: u128 = 1 << 1;
const OVERCOMMIT: u128 = 1 << 2;
const QUOTA: u128 = 1 << 3;
const UNSCHEDULABLE: u128 = 1 << 4;

/// For which sort of thing a list of words is, in the order of their bits.
#[derive(Clone, Copy)]
enum Sort {
    Pod,
    Node,
    Workload,
    Request,
    ControlPlane,
}

/// By `Sort`.
const LISTS: [Words; 5] = [POD, NODE, WORKLOAD, REQUEST, CONTROL_PLANE];

/// The words of all lists that a name has, a bit each: those that stand alone, advice, the other lists.
#[derive(Clone, Copy)]
struct Found(u128);

impl Found {
    /// A name is asked for seventy words: all of them in one pass.
    fn of(name: &str) -> Found {
        static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
            let words = LISTS.into_iter().flatten().map(|(word, ..)| *word);
            AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::DFA))
                .build(ALONE.iter().chain(ADVICE).copied().chain(words))
                .expect("the words are few and short")
        });
        let mut name = name.to_ascii_lowercase();
        name.retain(|c| !matches!(c, '_' | '-' | ' '));
        Found(WORDS.find_overlapping_iter(&name).fold(0, |bits, hit| bits | 1 << hit.pattern().as_u32()))
    }

    fn has(self, alone: u128) -> bool {
        self.0 & alone != 0
    }

    fn is_advice(self) -> bool {
        (self.0 >> ALONE.len()).trailing_zeros() < ADVICE.len() as u32
    }

    /// What the first word of a list says, if the name has one.
    fn first(self, sort: Sort) -> Option<(Class, u8)> {
        let list = sort as usize;
        let before: usize = ALONE.len() + ADVICE.len() + LISTS[..list].iter().map(|l| l.len()).sum::<usize>();
        let place = (self.0 >> before).trailing_zeros() as usize;
        LISTS[list].get(place).map(|(_, class, rank)| (*class, *rank))
    }
}

/// The least rank of a service that runs out of something of its own.
const DRAINED: u8 = 60;

impl Subject {
    pub fn of(name: &str, entity: Option<&EntityRef>) -> Subject {
        let has = Found::of(name);
        let found = |sort: Sort, class: Class, rank: u8| has.first(sort).unwrap_or((class, rank));
        let kind = entity.map(|e| e.kind);
        let (mut class, rank) = match kind {
            Some(Kind::Pvc | Kind::Pv | Kind::VolumeAttachment) => (Class::Volume, 86),
            Some(Kind::Pod | Kind::Container) => found(Sort::Pod, Class::Pod, 50),
            Some(Kind::Node) => found(Sort::Node, Class::Node, 60),
            Some(Kind::Service | Kind::Ingress | Kind::Route | Kind::Gateway) => {
                found(Sort::Request, Class::Request, 25)
            }
            Some(Kind::Component) if entity.is_some_and(|e| !e.name.is_empty()) => {
                found(Sort::Node, Class::Kubelet, 60)
            }
            Some(Kind::Component) if entity.and_then(|e| e.part.as_deref()) == Some("dns") => (Class::Dns, 92),
            Some(Kind::Component) if entity.is_some_and(is_agent) => (Class::Replicas, 32),
            Some(Kind::Component) => found(Sort::ControlPlane, Class::ControlPlane, 80),
            Some(Kind::Hpa | Kind::Quota | Kind::LimitRange | Kind::Job | Kind::CronJob) => (Class::Advice, 20),
            Some(kind) if kind.is_workload() || kind == Kind::Pdb => found(Sort::Workload, Class::Replicas, 32),
            _ => (Class::Other, 20),
        };
        if has.is_advice() && !matches!(class, Class::Dns | Class::ControlPlane) {
            class = Class::Advice;
        }
        // pods are being killed or refused: harm, even where the rule calls it information
        let acts = class == Class::Pressure && has.has(EVICT | PRESSURE);
        let overbooked = has.has(OVERCOMMIT) && !has.has(QUOTA) && kind.is_none();
        let room = if overbooked { Some(Room::Overbooked) } else { has.has(UNSCHEDULABLE).then_some(Room::Lacks) };
        Subject { class, room, rank, acts }
    }

    pub fn rank(self) -> u8 {
        self.rank
    }

    /// False for a setting, a quota, the monitoring itself, and for what names nothing.
    pub fn harms(self) -> bool {
        !matches!(self.class, Class::Advice | Class::Other)
    }

    /// A service that runs out of something of its own.
    pub fn is_drained(self) -> bool {
        self.class == Class::Request && self.rank >= DRAINED
    }

    /// Where a trouble begins, and what does not come and go by its nature as containers do that end.
    pub fn starts(self) -> bool {
        self.is_drained() || matches!(self.class, Class::Dns | Class::ControlPlane)
    }

    pub fn acts(self) -> bool {
        self.acts
    }
}

impl Class {
    pub fn is_node(self) -> bool {
        matches!(self, Class::Node | Class::NodeDown | Class::Pressure | Class::NodeCpu | Class::Kubelet)
    }

    pub fn is_pod(self) -> bool {
        matches!(
            self,
            Class::Pod
                | Class::NotReady
                | Class::Crash
                | Class::OutOfMemory
                | Class::Evicted
                | Class::Throttled
                | Class::Volume
        )
    }

    pub fn is_workload(self) -> bool {
        matches!(self, Class::Replicas | Class::Rollout)
    }

    /// A cause by its nature: a group that has one needs no other.
    pub fn is_root(self) -> bool {
        matches!(
            self,
            Class::Crash
                | Class::OutOfMemory
                | Class::Throttled
                | Class::Volume
                | Class::Pressure
                | Class::NodeCpu
                | Class::Dns
                | Class::ControlPlane
        )
    }

    /// Can trouble of these two sorts on one node belong together: one the cause of the other, or both effects of one.
    /// A node that is away has pods that are not ready but none that crash or are killed, for nobody is there to say so.
    pub fn share_node(self, other: Class) -> bool {
        use Class::{
            Crash, Evicted, Kubelet, Node, NodeCpu, NodeDown, NotReady, OutOfMemory, Pod, Pressure, Replicas, Request,
            Throttled,
        };
        let (a, b) = if self <= other { (self, other) } else { (other, self) };
        matches!(
            (a, b),
            (Request, Request | Pod | Throttled | Node | NodeDown | NodeCpu)
                | (Replicas, Replicas | Pod | NotReady | Evicted | Node | NodeDown | Pressure)
                | (Pod, Pod | NotReady | Node | NodeDown | Pressure | NodeCpu)
                | (NotReady, NotReady | Node | NodeDown | Pressure)
                | (Crash, Node)
                | (OutOfMemory, Node | Pressure)
                | (Evicted, Evicted | Node | Pressure)
                | (Throttled, Node | NodeCpu)
                | (Node, Node | NodeDown | Pressure | NodeCpu | Kubelet)
                | (NodeDown, NodeDown)
                | (Pressure, Pressure)
                | (NodeCpu, NodeCpu)
                | (Kubelet, Kubelet)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a list says of a name, by looking for one word after the other.
    fn slowly(name: &str, words: Words) -> Option<(Class, u8)> {
        words.iter().find(|(word, ..)| name.contains(word)).map(|(_, class, rank)| (*class, *rank))
    }

    #[test]
    fn the_first_word_of_each_list_counts_wherever_it_stands_in_the_name() {
        let lists = [Sort::Pod, Sort::Node, Sort::Workload, Sort::Request, Sort::ControlPlane];
        let words: Vec<&str> =
            LISTS.into_iter().flatten().map(|w| w.0).chain(ADVICE.iter().chain(ALONE).copied()).collect();
        for name in words.iter().flat_map(|a| words.iter().map(move |b| format!("Kube{a}And{b}"))) {
            let plain = name.to_ascii_lowercase();
            let found = Found::of(&name);
            for (sort, list) in lists.into_iter().zip(LISTS) {
                assert_eq!(found.first(sort), slowly(&plain, list), "{name}");
            }
            assert_eq!(found.is_advice(), ADVICE.iter().any(|word| plain.contains(word)), "{name}");
            for (bit, word) in ALONE.iter().enumerate() {
                assert_eq!(found.has(1 << bit), plain.contains(word), "{name} {word}");
            }
        }
    }
}
