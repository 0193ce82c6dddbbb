//! What a source hands on: the only thing stages learn about the outside.

use rootline_model::{Gap, Kind, Timestamp};

use crate::log::LogTail;
use crate::meta::Labels;
use crate::object::Object;

/// One thing a source read.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    Object(Object),
    /// An object as somebody declared it (an applied manifest), whether or not it exists in the cluster.
    Declared(Object),
    /// Every object of a kind was read (of one namespace, or of all where it is `None`): what is not there does not exist.
    Listed {
        kind: Kind,
        namespace: Option<String>,
    },
    Log(LogTail),
    Alert(Alert),
    Component(ComponentStatus),
    Reach(Reach),
    Call(CallHint),
    Series(Series),
    /// The moment the state is of.
    Clock(Timestamp),
    Version(String),
    Gap(Gap),
}

/// An alert of another system, as its labels tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alert {
    pub name: String,
    pub labels: Labels,
    pub text: String,
    pub since: Option<Timestamp>,
}

/// State of a service on a node or of a control plane component, as `systemctl status` or a health check tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentStatus {
    /// Empty for a component of the cluster.
    pub node: String,
    /// `kubelet`, `containerd`, `kube-proxy`, `kube-scheduler` …
    pub component: String,
    /// `None`: the text does not tell.
    pub running: Option<bool>,
    pub text: String,
}

/// The result of somebody's connection test to a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub namespace: String,
    /// Service name or host.
    pub host: String,
    pub port: i64,
    pub reached: Option<bool>,
    pub text: String,
}

/// Somebody's word that one app calls another: a trace map, a mesh, a drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallHint {
    pub namespace: String,
    pub caller: String,
    pub callee: String,
}

/// A metric of one entity over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Name as the source gives it.
    pub name: String,
    pub labels: Labels,
    pub points: Vec<(Timestamp, f64)>,
}
