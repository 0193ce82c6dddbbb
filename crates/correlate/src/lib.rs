//! Findings and alerts → incidents.
//!
//! **Invariant:** pure; the moment is an argument; the order of arrival inside one call changes nothing; an alert sent
//! again changes nothing. `docs/internals/correlation.md` tells how the modes work and what they were measured to do.

mod book;
mod change;
mod correlator;
mod group;
mod item;
mod modes;
mod notice;
mod options;
mod pairs;
mod subject;
mod topology;

pub use change::Change;
pub use correlator::{Correlator, Remembered, SetBack, WideRow, correlator};
pub use group::{Group, GroupId, Membership, Reason, Returned, Tie};
pub use item::{Item, NAMED};
pub use notice::{Notice, NoticeKind, NoticePolicy, Notices, ToldRow};
pub use options::{Mode, Options};
pub use pairs::{LearntPair, PairRows, Pairs};
pub use topology::{EntityId, Link, Topology};
