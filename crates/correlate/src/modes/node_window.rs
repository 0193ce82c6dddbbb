//! Mode `node-window`: what arrives on one node within five minutes of the group's first is one group.

use hashbrown::HashMap;
use rootline_model::{EntityRef, Kind, Relation, Timestamp};

use super::{Place, Placement};
use crate::book::Book;
use crate::{GroupId, Item, Options, Reason, Tie, Topology};

/// Nodes known; all are dropped above it.
const NODES_MAX: usize = 100_000;

#[derive(Debug)]
pub(crate) struct NodeWindow {
    window_ms: i64,
    /// First firing and group of each node's latest window.
    nodes: HashMap<EntityRef, (Timestamp, GroupId)>,
}

impl NodeWindow {
    pub fn new(options: &Options) -> NodeWindow {
        NodeWindow { window_ms: i64::from(options.window_s) * 1000, nodes: HashMap::default() }
    }
}

/// The node of an item: named, or that of its pod.
fn node(item: &Item, topology: &Topology) -> Option<EntityRef> {
    let whole = || item.entities.iter().map(EntityRef::whole);
    whole().find(|e| e.kind == Kind::Node).or_else(|| {
        let pod = topology.id(&whole().find(|e| e.kind == Kind::Pod)?)?;
        let link = topology.links(pod).iter().find(|l| l.relation == Relation::RunsOn && l.outward)?;
        Some(topology.entity(link.to).clone())
    })
}

impl Placement for NodeWindow {
    fn place(&mut self, item: &Item, book: &Book, topology: &Topology) -> Place {
        let Some(node) = node(item, topology) else { return Place::Open };
        let Some((first, group)) = self.nodes.get(&node) else { return Place::Open };
        let apart = item.fired.as_millisecond().saturating_sub(first.as_millisecond());
        match book.live(*group) {
            Some(group) if apart <= self.window_ms => {
                Place::Join(group, Reason::OnNode { node: node.to_string().into() }, Tie::Close)
            }
            _ => Place::Open,
        }
    }

    fn placed(&mut self, item: &Item, group: GroupId, _book: &Book, topology: &Topology) {
        let Some(node) = node(item, topology) else { return };
        if self.nodes.len() >= NODES_MAX {
            self.nodes.clear();
        }
        match self.nodes.get_mut(&node) {
            Some((_, known)) if *known == group => {}
            _ => {
                self.nodes.insert(node, (item.fired, group));
            }
        }
    }
}
