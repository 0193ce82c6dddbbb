//! A group of items that belong together: what the daemon keeps as an incident.

use std::fmt;
use std::sync::Arc;

use rootline_model::{Both, Fingerprint, Origin, Severity, Stage, Timestamp};

use crate::Item;

/// Number of a group; the number of its incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why an item is in its group.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// It opened the group.
    First,
    /// Same thing, same time as another member.
    SameEntity { entity: Arc<str> },
    /// The thing it is about hangs together with a thing that is already in the group.
    Related { entity: Arc<str>, other: Arc<str> },
    /// Its node is in trouble.
    OnNode { node: Arc<str> },
    /// Something it calls is in trouble.
    Calls { callee: Arc<str> },
    /// Everything depends on this: DNS, API server, etcd.
    Shared { hub: Arc<str> },
    /// Many nodes of one zone began together.
    Zone { zone: Arc<str> },
    /// Many things that have nothing to do with each other began together.
    Burst { count: u32 },
    /// A pod that finds no node counts among what the nodes are asked for.
    NoRoom,
    /// It tells no place, and alerts of its name are expected where one of this name is, as learnt.
    GoesWith { name: Arc<str>, percent: u8 },
    /// Equal values of the grouping labels.
    SameLabels,
    /// Began or arrived close together.
    SameTime,
    /// Alike in words or labels.
    Alike { percent: u8 },
    /// It was a member before and came back.
    Returned,
    /// Restored: the words it was told with.
    Told(Box<Both>),
}

impl Reason {
    /// In words.
    pub fn words(&self) -> Both {
        let (en, zh) = match self {
            Reason::First => ("the first of this incident".to_owned(), "本次事件的第一条".to_owned()),
            Reason::SameEntity { entity } => {
                (format!("about {entity} too, at the same time"), format!("同一时间,同样涉及 {entity}"))
            }
            Reason::Related { entity, other } => {
                (format!("{entity} hangs together with {other}"), format!("{entity} 与 {other} 有关联"))
            }
            Reason::OnNode { node } => {
                (format!("runs on {node}, which is in trouble"), format!("运行在出问题的 {node} 上"))
            }
            Reason::Calls { callee } => {
                (format!("depends on {callee}, which is in trouble"), format!("依赖出问题的 {callee}"))
            }
            Reason::Shared { hub } => (format!("everything depends on {hub}"), format!("整个集群都依赖 {hub}")),
            Reason::Zone { zone } => {
                (format!("many nodes of zone {zone} began together"), format!("可用区 {zone} 的多个节点同时出现问题"))
            }
            Reason::Burst { count } => (
                format!("{count} things without a direct relation began within a minute"),
                format!("{count} 个没有直接关系的对象在一分钟内同时出现问题"),
            ),
            Reason::NoRoom => (
                "a pod that waits for room counts in what the nodes are asked for".to_owned(),
                "等待调度的 Pod 也计入节点的资源请求总量".to_owned(),
            ),
            Reason::GoesWith { name, percent } => (
                format!("tells no place; as learnt so far it goes with {name} ({percent} %)"),
                format!("告警没有指明对象;按以往规律,它随 {name} 出现(可能性 {percent}%)"),
            ),
            Reason::SameLabels => ("equal grouping labels".to_owned(), "分组标签相同".to_owned()),
            Reason::SameTime => ("close in time".to_owned(), "时间接近".to_owned()),
            Reason::Alike { percent } => (format!("{percent} % alike"), format!("相似度 {percent} %")),
            Reason::Returned => ("came back".to_owned(), "再次出现".to_owned()),
            Reason::Told(words) => return (**words).clone(),
        };
        Both { en, zh }
    }
}

/// How much the relation of a member to its group proves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tie {
    /// The same thing, or an effect at the delay that Kubernetes puts on it.
    #[default]
    Close,
    /// The same place; another kind of trouble there may be a second one.
    Near,
    /// Through a third thing, or by time alone: it may be a second trouble.
    Loose,
}

/// The last time a member began again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// When that was seen.
    pub at: Timestamp,
    /// When it began.
    pub onset: Timestamp,
    pub fired: Timestamp,
    /// When it was over before; `None`: no end was told.
    pub ended: Option<Timestamp>,
}

/// One item of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    pub item: Item,
    pub joined: Timestamp,
    pub reason: Reason,
    pub tie: Tie,
    /// Boxed, because few members ever have one.
    pub returned: Option<Box<Returned>>,
    /// How often it came back after an end.
    pub flaps: u32,
    /// False once its end has passed.
    pub firing: bool,
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub id: GroupId,
    pub stage: Stage,
    /// The cluster of its members, empty if none names one. Members of two clusters are never in one group.
    pub cluster: Arc<str>,
    /// The worst inside; `None`: information only.
    pub severity: Option<Severity>,
    /// When the trouble began: the earliest onset inside.
    pub onset: Timestamp,
    pub opened: Timestamp,
    pub updated: Timestamp,
    pub resolved: Option<Timestamp>,
    /// The one to look at first.
    pub core: Fingerprint,
    /// Its place in `members`.
    pub(crate) core_at: usize,
    /// In the order of joining.
    pub members: Vec<Membership>,
    /// How many members fire.
    pub firing: u32,
    /// Since when none fires.
    pub quiet_since: Option<Timestamp>,
    /// Items that were counted but not kept, because the group was full; one sent again counts again.
    pub overflow: u64,
}

impl Group {
    /// The member that stands for all.
    pub fn core(&self) -> Option<&Membership> {
        self.members.get(self.core_at)
    }

    /// True if this is worth an incident: an alert or a fact of some severity, or three anomalies that do not repeat
    /// each other. Information alone is none.
    pub fn stands(&self) -> bool {
        if self.members.iter().any(|m| m.item.origin != Origin::Anomaly && m.item.severity.is_some()) {
            return true;
        }
        let mut things: Vec<_> =
            self.members.iter().filter(|m| m.item.origin == Origin::Anomaly).map(|m| m.item.entities.first()).collect();
        things.sort_unstable();
        things.dedup();
        things.len() >= 3
    }
}
